"""Opening long conversations: until the last screen stands, and what it takes of memory."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.plan import Plan
from tests.benchmarks.processes import cpu_seconds, resident_bytes
from tests.benchmarks.program import LONGEST_SECONDS, QUIET_SECONDS, chinwag, first_time, leave, wait_until_usable
from tests.benchmarks.serving import Served
from tests.benchmarks.tables import megabytes, milliseconds, print_table
from tests.terminal import Key, Terminal, clean_environment, ctrl
from tui.conversations.ids import new_id
from tui.conversations.values import Conversation, Message, Role
from tui.demo.generated import generate
from tui.places import user_places
from tui.storage.shelf import Shelf

TITLE = "a long talk"
LAST_WORDS = "these are the last words"
LIST = "Conversations"
"""The heading of the list, whose preview has the last words as well."""
BEGAN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
TOKENS_PER_ANSWER = 120


def write_conversation(home: Path, messages: int, *, model: str = "tour:8b", is_brief: bool = False) -> None:
    """One conversation of so many messages on the shelf below ``home``: short questions, answers of every kind of block.

    A brief one has answers of a few words, so that 10,000 messages still fit into the context window.
    """
    asyncio.run(_write(home, messages, model, is_brief=is_brief))


async def _write(home: Path, messages: int, model: str, *, is_brief: bool) -> None:
    chance = random.Random(5)
    answers = (
        ["so it goes"]
        if is_brief
        else ["".join(generate("mixed", TOKENS_PER_ANSWER + seed, seed)) for seed in range(40)]
    )
    said = [
        Message(
            id=f"{number:012x}",
            role=Role.user if number % 2 == 0 else Role.assistant,
            text=f"and then {number // 2 + 1}" if number % 2 == 0 else chance.choice(answers),
            at=BEGAN + timedelta(seconds=number),
            model="" if number % 2 == 0 else model,
        )
        for number in range(messages - 1)
    ]
    end = BEGAN + timedelta(seconds=messages)
    said.append(Message(id="f" * 12, role=Role.assistant, text=LAST_WORDS, at=end, model=model))
    conversation = Conversation(
        id=new_id(BEGAN, chance.randbytes),
        created_at=BEGAN,
        updated_at=end,
        title=TITLE,
        model=model,
        messages=tuple(said),
    )
    shelf = Shelf(user_places(clean_environment(home)), now=lambda: end, random_bytes=chance.randbytes)
    await shelf.save(conversation, durable=False)
    await shelf.aclose()


def open_only_conversation(terminal: Terminal) -> float:
    """Opens it from the list and waits for its end; returns when Enter was pressed (``time.perf_counter``)."""
    terminal.send(ctrl("o"))
    terminal.wait_for(TITLE, LONGEST_SECONDS)
    terminal.wait_until_quiet(QUIET_SECONDS, LONGEST_SECONDS)
    pressed_seconds = time.perf_counter()
    terminal.send(Key.enter)
    terminal.wait_until(_is_open, LONGEST_SECONDS)
    return pressed_seconds


def _is_open(screen: str) -> bool:
    return LAST_WORDS in screen and LIST not in screen


def run(plan: Plan) -> None:
    rows = [_opened(messages) for messages in plan.messages]
    head = ["messages", "document", "last screen", "CPU until quiet", "resident", "more than before"]
    print_table("opening a conversation", head, rows)


def _opened(messages: int) -> list[str]:
    with Served() as server, TemporaryDirectory() as folder:
        home = Path(folder)
        write_conversation(home, messages)
        size = sum(path.stat().st_size for path in home.rglob("*.json"))
        with chinwag("--host", server.url, home=home) as terminal:
            wait_until_usable(terminal)
            memory, cpu = resident_bytes(terminal.pid), cpu_seconds(terminal.pid)
            pressed_seconds = open_only_conversation(terminal)
            terminal.wait_until_quiet(QUIET_SECONDS, LONGEST_SECONDS)
            shown_seconds = first_time(terminal.reads, _is_open, since_seconds=pressed_seconds)
            cpu = cpu_seconds(terminal.pid) - cpu
            after = resident_bytes(terminal.pid)
            leave(terminal)
    return [
        f"{messages:,}",
        megabytes(size),
        milliseconds(shown_seconds - pressed_seconds),
        milliseconds(cpu),
        megabytes(after),
        megabytes(after - memory),
    ]
