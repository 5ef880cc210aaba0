"""Many answers as the screen of statistics has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tui.metrics.overview import CURVE_DAYS, levels, overview_of
from tui.metrics.usage import CONNECTED, UsageRecord

TODAY = date(2026, 11, 21)


def record(
    ago: int = 0, model: str = "m", *, tokens: int = 100, seconds: float = 2.0, outcome: str = "complete"
) -> UsageRecord:
    at = datetime(2026, 11, 21, 12, tzinfo=UTC).astimezone() - timedelta(days=ago)
    return UsageRecord(
        at=at.isoformat(), host="h", model=model, outcome=outcome, answer_tokens=tokens, answer_seconds=seconds
    )


def test_the_curve_has_every_day_the_oldest_first() -> None:
    found = overview_of([record(), record(1), record(1, seconds=4.0), record(CURVE_DAYS)], today=TODAY)
    assert [one.day for one in found.curve] == [TODAY - timedelta(days=ago) for ago in reversed(range(CURVE_DAYS))]
    assert [one.tokens for one in found.curve[-3:]] == [0, 200, 100]
    assert [one.tokens_per_second for one in found.curve[-3:]] == [None, 37.5, 50]
    assert found.answers == 4


def test_only_the_last_days_are_summed_up_while_the_curve_stays() -> None:
    records = [record(), record(6), record(7), record(8, "other"), record(outcome=CONNECTED, model="")]
    found = overview_of(records, today=TODAY, days=7)
    assert [(one.name, one.answers) for one in found.by_model] == [("m", 2)]
    assert [one.name for one in found.by_day] == ["2026-11-21", "2026-11-15"]
    assert sum(one.answers for one in found.curve) == 4
    assert found.model_speeds["other"][-9] == 50
    assert found.model_speeds["other"][-1] is None


def test_without_an_answer_there_is_nothing() -> None:
    found = overview_of([record(outcome=CONNECTED)], today=TODAY)
    assert (found.answers, found.by_model, found.by_day) == (0, (), ())
    assert not any(one.answers for one in found.curve)


@given(st.lists(st.none() | st.floats(0, 1e12), max_size=40))
def test_levels_are_steps_and_the_largest_is_the_last(values: list[float | None]) -> None:
    found = levels(values, 7)
    assert len(found) == len(values)
    assert all((level is None) == (value is None) for level, value in zip(found, values, strict=True))
    known = [one for one in found if one is not None]
    assert all(0 <= one <= 6 for one in known)
    if any(values):
        assert max(known) == 6
