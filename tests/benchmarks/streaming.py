"""What a token costs, by kind of text, by rate, and by how many tokens of the same answer are already there."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.benchmarks.plan import Plan
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.program import (
    END,
    LONGEST_SECONDS,
    QUIET_SECONDS,
    ask,
    bytes_written,
    chinwag,
    first_time,
    leave,
    wait_until_usable,
)
from tests.benchmarks.serving import Served
from tests.benchmarks.tables import print_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    cpu_seconds_per_token: float
    bytes_per_token: float
    lag_seconds: float
    """From the server's last token to its last word on the screen."""


def run(plan: Plan) -> None:
    rows = []
    for kind in plan.kinds:
        for rate in plan.rates_per_second:
            costs = [_cost(plan, kind, rate, there) for there in plan.already_there_tokens]
            ratios = [f"{cost.cpu_seconds_per_token / costs[0].cpu_seconds_per_token:.2f}" for cost in costs[1:]]
            rows.append(
                [
                    f"{kind} at {rate}/s",
                    *(f"{cost.cpu_seconds_per_token * 1000:.3f}" for cost in costs),
                    *ratios,
                    *(f"{cost.bytes_per_token:.0f}" for cost in costs),
                    *(f"{cost.lag_seconds:.2f}" for cost in costs),
                ]
            )
    there = [f"{tokens // 1000}k" if tokens >= 1000 else str(tokens) for tokens in plan.already_there_tokens]
    head = ["tokens already there", *(f"ms at {one}" for one in there), *(f"{one} : {there[0]}" for one in there[1:])]
    head += [*(f"B at {one}" for one in there), *(f"lag s {one}" for one in there)]
    print_table("CPU and bytes per token", head, rows, note=f"answers watched for {plan.window_seconds:g} s")


def _cost(plan: Plan, kind: str, rate: int, there: int) -> Cost:
    tokens = max(20, round(rate * plan.window_seconds))
    with (
        Served() as server,
        chinwag("--host", server.url, "--model", f"script-{kind}-{there + tokens}-{rate}") as terminal,
    ):
        wait_until_usable(terminal)
        server.head(there)
        ask(terminal, "go")
        server.wait_for_head()
        _wait_until_taken(terminal.pid)
        cpu, written = cpu_seconds(terminal.pid), bytes_written(terminal)
        server.go()
        sent_seconds = server.wait_for_end()
        terminal.wait_until_quiet(QUIET_SECONDS, LONGEST_SECONDS)
        seen_seconds = first_time(terminal.reads, lambda screen: END in screen, since_seconds=sent_seconds - 1)
        cost = Cost(
            cpu_seconds_per_token=(cpu_seconds(terminal.pid) - cpu) / tokens,
            bytes_per_token=(bytes_written(terminal) - written) / tokens,
            lag_seconds=max(0.0, seen_seconds - sent_seconds),
        )
        leave(terminal)
    return cost


def _wait_until_taken(pid: int) -> None:
    """Wait until the program has worked off what came at once: the clock in its status line alone costs little."""
    busy = 1.0
    while busy > 0.2:
        before = cpu_seconds(pid)
        time.sleep(0.5)
        busy = (cpu_seconds(pid) - before) / 0.5
