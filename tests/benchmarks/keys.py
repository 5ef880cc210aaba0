"""From a key to its letter on the terminal, while nothing happens and while an answer streams."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.opening import open_only_conversation, write_conversation
from tests.benchmarks.plan import Plan
from tests.benchmarks.program import ask, chinwag, echo_seconds, leave, wait_until_usable
from tests.benchmarks.serving import Served
from tests.benchmarks.tables import milliseconds, percentile, print_table
from tests.terminal import Key

BETWEEN_SECONDS = 0.07


def run(plan: Plan) -> None:
    long = plan.messages[-1]
    cases = {
        "idle": _idle(plan),
        "200 tokens/s stream": _streaming(plan, 0),
        f"idle, {long:,} messages open": _idle(plan, messages=long),
        f"200 tokens/s stream, {long:,} messages open": _streaming(plan, long),
        **{
            f"200 tokens/s stream, over {line // 1000:,} kB/s": _streaming(plan, 0, line_bytes_per_second=line)
            for line in plan.lines_bytes_per_second
        },
    }
    rows = [
        [name, milliseconds(percentile(times, 0.5)), milliseconds(percentile(times, 0.99)), milliseconds(max(times))]
        for name, times in cases.items()
    ]
    print_table(
        "key to echo",
        ["", "p50", "p99", "worst"],
        rows,
        note=f"{plan.keys} keys each; a slow line carries that much of the program's output and delays no key",
    )


def _idle(plan: Plan, *, messages: int = 0) -> list[float]:
    with Served() as server, TemporaryDirectory() as folder:
        home = Path(folder)
        if messages:
            write_conversation(home, messages)
        with chinwag("--host", server.url, home=home) as terminal:
            wait_until_usable(terminal)
            if messages:
                open_only_conversation(terminal)
            times = echo_seconds(terminal, plan.keys, between_seconds=BETWEEN_SECONDS)
            leave(terminal)
    return times


def _streaming(plan: Plan, messages: int, *, line_bytes_per_second: int | None = None) -> list[float]:
    tokens = round(200 * (plan.keys * (BETWEEN_SECONDS + 0.1) + 30))
    with Served() as server, TemporaryDirectory() as folder:
        home = Path(folder)
        model = f"script-mixed-{tokens}-200"
        if messages:
            write_conversation(home, messages, model=model, is_brief=True)
        with chinwag(
            "--host", server.url, "--model", model, home=home, line_bytes_per_second=line_bytes_per_second
        ) as terminal:
            wait_until_usable(terminal)
            if messages:
                open_only_conversation(terminal)
            server.head(100)
            ask(terminal, "go")
            server.wait_for_head()
            server.go()
            times = echo_seconds(terminal, plan.keys, between_seconds=BETWEEN_SECONDS)
            terminal.send(Key.escape)
            terminal.wait_for("stopped", 60)
            leave(terminal)
    return times
