"""What each answer cost, one JSON line each, and what follows from many of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any

NOTICEABLE_LOAD_SECONDS = 0.5
"""A model that was already in memory reports a load of some milliseconds; that is no load."""

CONNECTED = "connected"
"""The outcome of a record that is no answer: the server was there. Its model is empty."""

LARGEST_FIGURE = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """One answer, or ``CONNECTED``. ``at`` is ISO 8601 with its zone; a figure that the server did not give is None."""

    at: str
    host: str
    model: str
    outcome: str
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    answer_seconds: float | None = None
    load_seconds: float | None = None
    first_token_seconds: float | None = None

    @property
    def has_answer(self) -> bool:
        """Something of the answer came: words, or the server's counts."""
        figures = (self.prompt_tokens, self.answer_tokens, self.first_token_seconds)
        return self.outcome == "complete" or any(figure is not None for figure in figures)

    @property
    def proves_connection(self) -> bool:
        return self.outcome == CONNECTED or self.has_answer


def encode_usage(record: UsageRecord) -> bytes:
    """One line, ASCII only."""
    return json.dumps({k: v for k, v in asdict(record).items() if v is not None}).encode("ascii") + b"\n"


def decode_usage(data: bytes) -> tuple[UsageRecord, ...]:
    """Every line that can be read; a torn or foreign line is skipped, for these are only statistics."""
    records = []
    for line in data.split(b"\n"):
        try:
            raw = json.loads(line)
        except (ValueError, RecursionError):
            continue
        record = _record(raw)
        if record is not None:
            records.append(record)
    return tuple(records)


def typical_load_seconds(records: Iterable[UsageRecord], *, model: str, host: str) -> float | None:
    """The median of the last five real loads of this model there; None without any."""
    loads = [
        record.load_seconds
        for record in records
        if record.model == model
        and record.host == host
        and record.load_seconds is not None
        and record.load_seconds >= NOTICEABLE_LOAD_SECONDS
    ]
    return median(loads[-5:]) if loads else None


def _record(raw: Any) -> UsageRecord | None:
    if not isinstance(raw, dict):
        return None
    texts: dict[str, Any] = {name: raw.get(name) for name in ("at", "host", "model", "outcome")}
    if not all(isinstance(text, str) for text in texts.values()) or not _is_moment(texts["at"]):
        return None
    return UsageRecord(
        **texts,
        prompt_tokens=_count(raw.get("prompt_tokens")),
        answer_tokens=_count(raw.get("answer_tokens")),
        answer_seconds=_seconds(raw.get("answer_seconds")),
        load_seconds=_seconds(raw.get("load_seconds")),
        first_token_seconds=_seconds(raw.get("first_token_seconds")),
    )


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < LARGEST_FIGURE else None


def _seconds(value: Any) -> float | None:
    """A figure that no answer can have is none: sums and medians of it would be nonsense, or fail."""
    if type(value) not in (int, float) or not 0 <= value < LARGEST_FIGURE:
        return None
    return float(value)
