"""Many answers added up."""

from __future__ import annotations

from tui.metrics.totals import is_slower_than_usual, totals_by, usual_tokens_per_second
from tui.metrics.usage import CONNECTED, UsageRecord


def record(
    model: str = "m", *, at: str = "2026-01-02T12:00:00+00:00", outcome: str = "complete", tokens: int = 100
) -> UsageRecord:
    return UsageRecord(
        at=at,
        host="http://h",
        model=model,
        outcome=outcome,
        prompt_tokens=10,
        answer_tokens=tokens,
        answer_seconds=tokens / 50,
        first_token_seconds=0.5,
    )


def test_by_model_the_busiest_comes_first_and_a_connection_is_no_answer() -> None:
    records = [record("a"), record("b"), record("b", outcome="failed", tokens=0), record("", outcome=CONNECTED)]
    first, second = totals_by(records, by="model")
    assert (first.name, first.answers, first.failed, first.answer_tokens) == ("b", 2, 1, 100)
    assert second.name == "a"
    assert first.median_tokens_per_second == 50


def test_a_speed_over_a_few_tokens_says_nothing() -> None:
    [total] = totals_by([record(tokens=3)], by="host")
    assert total.median_tokens_per_second is None
    assert total.as_value()["answer_tokens"] == 3
    assert "median_tokens_per_second" not in total.as_value()


def test_days_in_their_order_and_only_the_last_ones() -> None:
    records = [record(at="2026-01-02T12:00:00+00:00"), record(at="2026-01-05T12:00:00+00:00"), record(at="nonsense")]
    assert [one.name for one in totals_by(records, by="day")][-2:] == ["2026-01-05", "2026-01-02"]
    assert [one.answers for one in totals_by(records[:2], by="day", since="2026-01-03")] == [1]


def test_usual_is_known_after_some_answers_and_only_clearly_slower_is_said() -> None:
    records = [record() for _ in range(4)]
    assert usual_tokens_per_second(records, model="m", host="http://h") is None
    usual = usual_tokens_per_second([*records, record()], model="m", host="http://h")
    assert usual == 50
    assert is_slower_than_usual(20, usual)
    assert not is_slower_than_usual(45, usual)
    assert not is_slower_than_usual(1, None)
