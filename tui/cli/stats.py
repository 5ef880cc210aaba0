"""``chinwag stats``: what was asked, how much came of it and how fast, by model and by day."""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime, timedelta

from tui.cli.door import Door, Exit
from tui.cli.parsing import count
from tui.metrics.totals import UsageTotals, totals_by
from tui.metrics.usage import decode_usage
from tui.metrics.wording import seconds_text, speed_words, tokens_text
from tui.workspace import Workspace

LARGEST_USAGE_BYTES = 512_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", choices=("model", "day", "host"), default="model", help="(model)")
    parser.add_argument("--days", type=count, metavar="N", help="only the last so many days")


def _days_ago(days: int, now: datetime) -> str:
    """ISO 8601; empty for a time before all times."""
    try:
        return (now - timedelta(days=days)).isoformat()
    except OverflowError:
        return ""


async def run(arguments: argparse.Namespace, door: Door) -> int:
    async with door.library() as workspace:
        data = await asyncio.to_thread(_read, workspace)
        records = await asyncio.to_thread(decode_usage, data)
        since = "" if arguments.days is None else _days_ago(arguments.days, workspace.now())
        totals = totals_by(records, by=arguments.by, since=since)
    if door.as_json:
        for one in totals:
            await door.value(one.as_value())
        return Exit.well
    if not totals:
        door.talk("nothing was asked yet")
        return Exit.well
    head = (arguments.by, "answers", "failed", "tokens in", "tokens out", "time", "tok/s", "first token")
    await door.table(head, [_row(one) for one in totals])
    return Exit.well


def _row(one: UsageTotals) -> tuple[str, ...]:
    return (
        one.name,
        str(one.answers),
        str(one.failed) if one.failed else "",
        tokens_text(one.prompt_tokens),
        tokens_text(one.answer_tokens),
        seconds_text(one.answer_seconds),
        "" if one.median_tokens_per_second is None else speed_words(one.median_tokens_per_second),
        "" if one.median_first_token_seconds is None else seconds_text(one.median_first_token_seconds),
    )


def _read(workspace: Workspace) -> bytes:
    try:
        with workspace.places.usage_file.open("rb") as file:
            return file.read(LARGEST_USAGE_BYTES)
    except OSError:
        return b""
