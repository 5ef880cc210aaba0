"""Many answers added up: by model, by day or by server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from statistics import median
from typing import Any, Literal

from tui.metrics.usage import CONNECTED, UsageRecord

By = Literal["model", "day", "host"]
LEAST_TOKENS = 8
"""A speed over fewer tokens says nothing."""
LEAST_ANSWERS_TO_COMPARE = 5
CLEARLY_SLOWER = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTotals:
    """``name`` is the model, the day (ISO 8601, local time) or the server."""

    name: str
    answers: int
    failed: int
    """Of ``answers``: those that did not come to their end, and were not stopped by the person."""
    prompt_tokens: int
    answer_tokens: int
    answer_seconds: float
    median_tokens_per_second: float | None
    median_first_token_seconds: float | None

    def as_value(self) -> dict[str, Any]:
        """What JSON has of it; what nobody knows is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def totals_by(records: Iterable[UsageRecord], *, by: By, since: str = "") -> tuple[UsageTotals, ...]:
    """Days in their order, the newest first; models and servers by how much they answered.

    ``since`` is ISO 8601 in UTC as the records have it: older ones do not count.
    """
    groups: dict[str, list[UsageRecord]] = {}
    for record in records:
        if record.outcome == CONNECTED or record.at < since:
            continue
        groups.setdefault(_name(record, by), []).append(record)
    totals = [_total(name, found) for name, found in groups.items()]
    if by == "day":
        return tuple(sorted(totals, key=lambda one: one.name, reverse=True))
    return tuple(sorted(totals, key=lambda one: (-one.answers, one.name)))


def usual_tokens_per_second(records: Iterable[UsageRecord], *, model: str, host: str) -> float | None:
    """The median over this model's answers there; None before there are enough to compare with."""
    speeds = [
        speed
        for record in records
        if record.model == model and record.host == host and (speed := speed_of(record)) is not None
    ]
    return median(speeds) if len(speeds) >= LEAST_ANSWERS_TO_COMPARE else None


def is_slower_than_usual(tokens_per_second: float, usual: float | None) -> bool:
    return usual is not None and tokens_per_second < CLEARLY_SLOWER * usual


def _total(name: str, records: list[UsageRecord]) -> UsageTotals:
    speeds = [speed for record in records if (speed := speed_of(record)) is not None]
    firsts = [record.first_token_seconds for record in records if record.first_token_seconds is not None]
    return UsageTotals(
        name=name,
        answers=len(records),
        failed=sum(record.outcome not in ("complete", "stopped") for record in records),
        prompt_tokens=sum(record.prompt_tokens or 0 for record in records),
        answer_tokens=sum(record.answer_tokens or 0 for record in records),
        answer_seconds=sum(record.answer_seconds or 0.0 for record in records),
        median_tokens_per_second=median(speeds) if speeds else None,
        median_first_token_seconds=median(firsts) if firsts else None,
    )


def speed_of(record: UsageRecord) -> float | None:
    """Tokens a second; None where too few tokens came, or nobody counted them."""
    if not record.answer_seconds or (record.answer_tokens or 0) < LEAST_TOKENS:
        return None
    return (record.answer_tokens or 0) / record.answer_seconds


def _name(record: UsageRecord, by: By) -> str:
    if by == "model":
        return record.model
    if by == "host":
        return record.host
    day = day_of(record)
    return "unknown" if day is None else day.isoformat()


def day_of(record: UsageRecord) -> date | None:
    """The day of it where the person is."""
    try:
        return datetime.fromisoformat(record.at).astimezone().date()
    except (ValueError, OverflowError, OSError):
        return None
