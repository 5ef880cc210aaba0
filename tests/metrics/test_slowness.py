"""When an answer is slower than usual, and why that may be."""

from __future__ import annotations

import pytest

from tui.metrics.slowness import Circumstances, Usual, share_on_cpu, slowness_of, usual_of
from tui.metrics.usage import UsageRecord

USUAL = Usual(tokens_per_second=60.0, prompt_tokens=500)
CALM = Circumstances()


def answer(
    speed: float = 20.0,
    *,
    tokens: int = 200,
    prompt_tokens: int | None = 100,
    outcome: str = "complete",
    model: str = "m",
) -> UsageRecord:
    return UsageRecord(
        at="2026-11-21T12:00:00+00:00",
        host="h",
        model=model,
        outcome=outcome,
        prompt_tokens=prompt_tokens,
        answer_tokens=tokens,
        answer_seconds=tokens / speed,
    )


def test_usual_is_the_median_of_this_model_on_this_server() -> None:
    records = [answer(speed, prompt_tokens=speed) for speed in (10, 50, 60, 70)]
    others = [answer(1, model="other")] * 9
    assert usual_of([*records, *others], model="m", host="h") is None
    assert usual_of([*records, answer(80, prompt_tokens=80)], model="m", host="h") == Usual(
        tokens_per_second=60, prompt_tokens=60
    )
    assert usual_of(records * 2, model="m", host="elsewhere") is None


@pytest.mark.parametrize(
    "one",
    [
        answer(40),
        answer(tokens=20),
        answer(outcome="stopped"),
        UsageRecord(at="", host="h", model="m", outcome="complete", answer_tokens=900),
    ],
)
def test_nothing_is_said_of_an_answer_that_is_not_clearly_slower(one: UsageRecord) -> None:
    assert slowness_of(one, USUAL, CALM) is None


def test_nothing_is_said_while_nobody_knows_what_is_usual() -> None:
    assert slowness_of(answer(1), None, CALM) is None


def test_a_slow_answer_says_how_slow_it_was() -> None:
    found = slowness_of(answer(), USUAL, CALM)
    assert found is not None
    assert found.words == "slower than usual: 20.0 instead of 60.0 tok/s"
    assert found.why == "nothing here says why"


@pytest.mark.parametrize(
    ("circumstances", "words"),
    [
        (Circumstances(share_on_cpu=0.38), "likely because 38 % of it is on the cpu"),
        (Circumstances(share_on_cpu=1.0), "likely because it runs on the cpu"),
        (Circumstances(share_on_cpu=0.0), "nothing here says why"),
        (Circumstances(other_answers=1), "likely because 1 other answer came at the same time"),
        (Circumstances(other_models=("x:8b",)), "likely because x:8b is loaded beside it"),
        (Circumstances(other_models=("x", "y", "z")), "likely because x and 2 more models are loaded beside it"),
    ],
)
def test_the_likely_reason_is_what_is_known_of_the_moment(circumstances: Circumstances, words: str) -> None:
    found = slowness_of(answer(), USUAL, circumstances)
    assert found is not None
    assert found.why == words


def test_a_long_prompt_is_a_reason_only_where_it_is_longer_than_usual() -> None:
    long = slowness_of(answer(prompt_tokens=9000), USUAL, CALM)
    assert long is not None
    assert long.why == "likely because the prompt is long, 9.0k tokens"
    usual = Usual(tokens_per_second=60, prompt_tokens=8000)
    found = slowness_of(answer(prompt_tokens=9000), usual, CALM)
    assert found is not None
    assert not found.reasons


def test_two_reasons_are_told_the_likelier_one_first() -> None:
    moment = Circumstances(share_on_cpu=0.5, other_models=("x",), other_answers=2)
    found = slowness_of(answer(prompt_tokens=9000), USUAL, moment)
    assert found is not None
    assert len(found.reasons) == 4
    assert found.why == ("likely because 50 % of it is on the cpu and because 2 other answers came at the same time")


def test_the_share_on_the_cpu_is_known_where_the_server_says_it() -> None:
    assert share_on_cpu(10, 4) == pytest.approx(0.6)
    assert share_on_cpu(10, 12) == 0
    assert share_on_cpu(10, 0) == 1
    assert share_on_cpu(None, 4) is None
    assert share_on_cpu(10, None) is None
