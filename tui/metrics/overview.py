"""All answers of a time at once: their sums by model and by day, and how the last days went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median
from types import MappingProxyType

from tui.metrics.totals import UsageTotals, day_of, speed_of, totals_by
from tui.metrics.usage import CONNECTED, UsageRecord

CURVE_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    day: date
    answers: int = 0
    tokens: int = 0
    """Of the answers."""
    tokens_per_second: float | None = None
    """The median; None for a day without an answer that was long enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    by_model: tuple[UsageTotals, ...] = ()
    by_day: tuple[UsageTotals, ...] = ()
    curve: tuple[DayFigures, ...] = ()
    """The last ``CURVE_DAYS`` days, the oldest first, those without an answer among them."""
    model_speeds: Mapping[str, tuple[float | None, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By model, the median tokens a second of each day of the curve."""

    @property
    def answers(self) -> int:
        return sum(one.answers for one in self.by_model)


def overview_of(records: Iterable[UsageRecord], *, today: date, days: int | None = None) -> Overview:
    """``days``: only the last so many count for the sums, ``today`` among them. The curve has its own days."""
    answers = [one for one in records if one.outcome != CONNECTED]
    dated = [(one, day_of(one)) for one in answers]
    first = None if days is None else today - timedelta(days=days - 1)
    counted = [one for one, day in dated if first is None or (day is not None and day >= first)]
    by_day: dict[date, list[UsageRecord]] = {}
    for one, day in dated:
        if day is not None and today - timedelta(days=CURVE_DAYS - 1) <= day <= today:
            by_day.setdefault(day, []).append(one)
    curve_days = [today - timedelta(days=ago) for ago in reversed(range(CURVE_DAYS))]
    return Overview(
        by_model=totals_by(counted, by="model"),
        by_day=totals_by(counted, by="day"),
        curve=tuple(_figures(day, by_day.get(day, [])) for day in curve_days),
        model_speeds=MappingProxyType(
            {
                model: tuple(_speed([one for one in by_day.get(day, []) if one.model == model]) for day in curve_days)
                for model in {one.model for found in by_day.values() for one in found}
            }
        ),
    )


def levels(values: Sequence[float | None], steps: int) -> tuple[int | None, ...]:
    """Each value as a step from 0 to ``steps - 1`` of the largest one; None stays None."""
    top = max((one for one in values if one is not None), default=0.0)
    return tuple(None if one is None else round((steps - 1) * one / top) if top > 0 else 0 for one in values)


def _figures(day: date, records: list[UsageRecord]) -> DayFigures:
    return DayFigures(
        day=day,
        answers=len(records),
        tokens=sum(one.answer_tokens or 0 for one in records),
        tokens_per_second=_speed(records),
    )


def _speed(records: Iterable[UsageRecord]) -> float | None:
    speeds = [speed for one in records if (speed := speed_of(one)) is not None]
    return median(speeds) if speeds else None
