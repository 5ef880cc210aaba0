"""From the command to the first byte, the first screen, and a prompt that takes a key."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.plan import Plan
from tests.benchmarks.processes import cpu_seconds, resident_bytes
from tests.benchmarks.program import READY, chinwag, first_time, leave, wait_until_usable
from tests.benchmarks.serving import Served
from tests.benchmarks.tables import megabytes, milliseconds, print_table


def run(plan: Plan) -> None:
    with Served() as server:
        with chinwag("--host", server.url) as warm:  # the first start reads the disk and writes byte code
            wait_until_usable(warm)
            leave(warm)
        starts = [_start(server.url) for _ in range(plan.starts)]
    names = ("first byte", "first frame", "usable", "CPU until usable", "resident")
    rows = []
    for name, values in zip(names, zip(*starts, strict=True), strict=True):
        show = megabytes if name == "resident" else milliseconds
        rows.append([name, show(median(values)), show(max(values))])
    print_table("start, warm", ["", "median", "worst"], rows, note=f"{plan.starts} starts")


def _start(url: str) -> tuple[float, float, float, float, float]:
    with chinwag("--host", url) as terminal:
        terminal.wait_for(READY, 60)
        cpu = cpu_seconds(terminal.pid)
        terminal.send("x")
        terminal.wait_for("› x", 60)
        memory = resident_bytes(terminal.pid)
        reads, began = terminal.reads, terminal.started_seconds
        leave(terminal)
    first_byte = reads[0].at_seconds - began
    frame = first_time(reads, lambda screen: "chinwag" in screen) - began
    usable = first_time(reads, lambda screen: READY in screen) - began
    return first_byte, frame, usable, cpu, float(memory)
