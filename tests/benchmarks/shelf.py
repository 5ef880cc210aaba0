"""The list of many conversations: until it stands, and from a key to its letter in the filter."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.plan import Plan
from tests.benchmarks.program import (
    LONGEST_SECONDS,
    QUIET_SECONDS,
    chinwag,
    echo_seconds,
    first_time,
    leave,
    wait_until_usable,
)
from tests.benchmarks.serving import Served
from tests.benchmarks.tables import milliseconds, percentile, print_table
from tests.terminal import Key, Terminal, clean_environment, ctrl
from tui.conversations.ids import new_id
from tui.conversations.values import Conversation, Message, Role
from tui.demo.generated import generate
from tui.places import user_places
from tui.storage.shelf import Shelf

BEGAN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
BETWEEN_SECONDS = 0.07
NEWEST = "the newest one"


def write_conversations(home: Path, count: int) -> None:
    """So many of two messages each, an hour apart, below ``home``."""
    asyncio.run(_write(home, count))


async def _write(home: Path, count: int) -> None:
    chance = random.Random(7)
    answers = ["".join(generate("prose", 60, seed)) for seed in range(40)]
    shelf = Shelf(user_places(clean_environment(home)), now=lambda: BEGAN, random_bytes=chance.randbytes)
    for number in range(count):
        at = BEGAN - timedelta(hours=number)
        title = f"subject {number}" if number else NEWEST
        messages = (
            Message(id="1", role=Role.user, text=f"{title}, please", at=at),
            Message(id="2", role=Role.assistant, text=chance.choice(answers), at=at, model="tour:8b"),
        )
        conversation = Conversation(
            id=new_id(at, chance.randbytes),
            created_at=at,
            updated_at=at,
            title=title,
            model="tour:8b",
            messages=messages,
        )
        await shelf.save(conversation, durable=False)
    await shelf.aclose()


def run(plan: Plan) -> None:
    head = ["conversations", "list, first time", "list again", "key p50", "p99", "worst"]
    print_table(
        "list of conversations", head, [_listed(plan, count) for count in plan.conversations], note=f"{plan.keys} keys"
    )


def _listed(plan: Plan, count: int) -> list[str]:
    with Served() as server, TemporaryDirectory() as folder:
        home = Path(folder)
        write_conversations(home, count)
        with chinwag("--host", server.url, home=home) as terminal:
            wait_until_usable(terminal)
            first = _shown_seconds(terminal)
            _close_list(terminal)
            again = _shown_seconds(terminal)
            times = echo_seconds(terminal, plan.keys, between_seconds=BETWEEN_SECONDS)
            _close_list(terminal)
            leave(terminal)
    return [
        f"{count:,}",
        milliseconds(first),
        milliseconds(again),
        milliseconds(percentile(times, 0.5)),
        milliseconds(percentile(times, 0.99)),
        milliseconds(max(times)),
    ]


def _close_list(terminal: Terminal) -> None:
    terminal.send(Key.escape)
    terminal.wait_until_gone("Conversations", LONGEST_SECONDS)
    terminal.wait_until_quiet(QUIET_SECONDS, LONGEST_SECONDS)


def _shown_seconds(terminal: Terminal) -> float:
    """From Ctrl+O to the newest title on the screen."""
    pressed_seconds = time.perf_counter()
    terminal.send(ctrl("o"))
    terminal.wait_for(NEWEST, LONGEST_SECONDS)
    terminal.wait_until_quiet(QUIET_SECONDS, LONGEST_SECONDS)
    return first_time(terminal.reads, lambda screen: NEWEST in screen, since_seconds=pressed_seconds) - pressed_seconds
