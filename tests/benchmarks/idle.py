"""What it costs to leave it open."""

from __future__ import annotations

import time

from tests.benchmarks.plan import Plan
from tests.benchmarks.processes import cpu_seconds, resident_bytes
from tests.benchmarks.program import LONGEST_SECONDS, ask, bytes_written, chinwag, leave, wait_until_usable
from tests.benchmarks.serving import Served
from tests.benchmarks.tables import megabytes, print_table
from tests.terminal import Terminal


def run(plan: Plan) -> None:
    with Served() as server, chinwag("--host", server.url, "--model", "script-mixed-300-0") as terminal:
        wait_until_usable(terminal)
        rows = [_rest("before the first prompt", terminal, plan.idle_seconds)]
        server.head(0)
        ask(terminal, "go")
        terminal.wait_for("ENDMARK", LONGEST_SECONDS)
        terminal.wait_until_quiet(2.0, LONGEST_SECONDS)
        rows.append(_rest("after an answer", terminal, plan.idle_seconds))
        leave(terminal)
    print_table("idle", ["", "bytes sent", "CPU", "resident"], rows, note=f"over {plan.idle_seconds:g} s")


def _rest(name: str, terminal: Terminal, seconds: float) -> list[str]:
    cpu, written = cpu_seconds(terminal.pid), bytes_written(terminal)
    time.sleep(seconds)
    share = (cpu_seconds(terminal.pid) - cpu) / seconds
    return [name, f"{bytes_written(terminal) - written:,}", f"{share:.2%}", megabytes(resident_bytes(terminal.pid))]
