"""The screen of statistics, and the line that says that an answer was slower than usual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.app.running import TERMINAL as COLOURS
from tests.app.running import Folders, Running
from tui.app.screens.statistics import PERIODS, Statistics
from tui.demo import DemoServer
from tui.metrics.usage import UsageRecord, encode_usage

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MODEL = "tour:8b"
FULL_SIZE = (160, 50)


def record(
    ago: int = 0, model: str = MODEL, *, host: str = "http://h", speed: float = 50.0, **more: Any
) -> UsageRecord:
    told: dict[str, Any] = {"prompt_tokens": 1200, "answer_tokens": 400, "answer_seconds": 400 / speed}
    at = (NOON - timedelta(days=ago)).isoformat()
    return UsageRecord(at=at, host=host, model=model, **({"outcome": "complete"} | told | more))


def keep(folders: Folders, *records: UsageRecord) -> None:
    _ = folders.write("state/usage.jsonl", b"".join(map(encode_usage, records)).decode())


MANY = (
    record(first_token_seconds=0.31),
    record(1, speed=80),
    record(2, outcome="failed", answer_tokens=None, answer_seconds=None),
    record(9, "another-model-with-a-long-name:70b-q4_K_M", speed=7),
    record(60, "old:1b", speed=200),
)


async def opened(chinwag: Running) -> Statistics:
    await chinwag.shows("Ask tour:8b")
    await chinwag.send("/stats")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, Statistics), told="the statistics")
    screen = chinwag.app.screen
    assert isinstance(screen, Statistics)
    await chinwag.until(lambda: not screen.is_reading and "reading" not in chinwag.text, told="what was read")
    return screen


async def test_models_and_days_are_listed_with_their_sums(folders: Folders) -> None:
    keep(folders, *MANY)
    async with folders.start(size=FULL_SIZE, now=lambda: NOON) as chinwag:
        _ = await opened(chinwag)
        await chinwag.shows(
            "4 answers", "the last 30 days", "by model", "by day", "today", "yesterday", "19 Nov", "12 Nov"
        )
        row = next(one for one in chinwag.rows if "tour:8b" in one and "3.6k" in one)
        assert row.split("tour:8b")[1].split()[:7] == ["3", "1", "3.6k", "800", "13", "s", "65.0"]
        assert "old:1b" not in chinwag.text
        assert any("tokens" in one and "▇" in one and "1.2k tokens" in one for one in chinwag.rows)


async def test_tab_goes_to_other_days_and_back(folders: Folders) -> None:
    keep(folders, *MANY)
    async with folders.start(size=FULL_SIZE, now=lambda: NOON) as chinwag:
        _ = await opened(chinwag)
        await chinwag.shows("4 answers")
        await chinwag.press("tab")
        await chinwag.shows("3 answers", "the last 7 days")
        await chinwag.press("tab")
        await chinwag.shows("5 answers", "all days", "old:1b", "22 Sep")
        await chinwag.press("tab")
        await chinwag.shows("4 answers")
    assert PERIODS[0] == 30


async def test_typing_filters_and_the_marked_row_says_all_of_it(folders: Folders) -> None:
    keep(folders, *MANY)
    async with folders.start(size=(60, 15), now=lambda: NOON) as chinwag:
        _ = await opened(chinwag)
        await chinwag.type("tour")
        await chinwag.shows("3 answers · 1 failed · 3.6k tokens in")
        await chinwag.hides("another-model", "tokens  ")
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")


async def test_enter_copies_the_numbers_of_the_marked_row(folders: Folders) -> None:
    keep(folders, *MANY)
    async with folders.start(size=FULL_SIZE, now=lambda: NOON) as chinwag:
        _ = await opened(chinwag)
        await chinwag.type("another")
        await chinwag.shows("1 answer ·")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        await chinwag.shows("these numbers")


async def test_who_asked_nothing_yet_is_told_what_will_be_here(folders: Folders) -> None:
    async with folders.start(size=(80, 24), now=lambda: NOON) as chinwag:
        _ = await opened(chinwag)
        await chinwag.shows("nothing was asked yet", "0 answers")
        await chinwag.press("enter", "tab", "escape")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")


async def test_an_answer_of_this_start_counts_at_once(folders: Folders) -> None:
    async with folders.start(size=(120, 40)) as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        _ = await opened(chinwag)
        await chinwag.shows("1 answer ", "today")


async def test_a_name_full_of_controls_is_only_a_name(folders: Folders) -> None:
    keep(folders, record(model="evil\x1b[31m[red]\u202e\nname"))
    async with folders.start(size=FULL_SIZE, now=lambda: NOON) as chinwag:
        _ = await opened(chinwag)
        await chinwag.shows("[red]", "1 answer ")
        assert "\x1b" not in chinwag.text
        assert "\u202e" not in chinwag.text


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (100, 30), (120, 40), (200, 50)])
@pytest.mark.parametrize(
    "terminal", [COLOURS, {"TERM": "xterm", "LANG": "C", "NO_COLOR": "1"}], ids=["colour", "plain"]
)
async def test_it_fits_every_window_and_every_terminal(
    folders: Folders, size: tuple[int, int], terminal: dict[str, str]
) -> None:
    keep(folders, *MANY)
    async with folders.start(size=size, terminal=terminal, now=lambda: NOON) as chinwag:
        _ = await opened(chinwag)
        await chinwag.shows("by model", "tok/s", "esc back", "tour:8b")
        heads = next(one for one in chinwag.rows if "by model" in one)
        row = next(one for one in chinwag.rows if "tour:8b" in one and "65.0" in one)
        assert heads.index("tok/s") + len("tok/s") == row.index("65.0") + len("65.0")
        if terminal is not COLOURS:
            assert chinwag.text.isascii()
        await chinwag.pilot.resize_terminal(60, 15)
        await chinwag.shows("esc back")


# Slower than usual


async def test_an_answer_that_is_much_slower_than_usual_says_so(folders: Folders) -> None:
    keep(folders, *(record(host=folders.url, speed=1_000_000) for _ in range(6)))
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.shows("slower than usual")


@pytest.mark.parametrize("count", [4, 6])
async def test_nothing_is_said_of_an_answer_as_fast_as_the_others(folders: Folders, count: int) -> None:
    """Four are too few to compare with, however fast they were."""
    speed = 1_000_000 if count < 5 else 0.01
    keep(folders, *(record(host=folders.url, speed=speed) for _ in range(count)))
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.until(lambda: chinwag.chat._ended is None, told="a judgement")
        await chinwag.shows("✓ done")
        assert not [one for one in chinwag.app.sayings.log if "slower" in one.words]


async def test_the_likely_reason_is_another_model_in_memory(folders: Folders, server: DemoServer) -> None:
    keep(folders, *(record(host=folders.url, speed=1_000_000) for _ in range(6)))
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/model fast:1b")
        await chinwag.send("one")
        await chinwag.answered()
        await chinwag.send(f"/model {MODEL}")
        await chinwag.send("two")
        await chinwag.answered()
        await chinwag.shows("slower than usual", "likely because fast:1b is loaded beside it")
