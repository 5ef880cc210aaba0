"""Rounds of a benchmark, and the figures that follow from them."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.scripted_engine import refused
from tests.runs.engine import AnsweringEngine, Ticking, counts
from tui.engine import ErrorKind
from tui.runs.benchmark import Benchmark, BenchmarkPlan, Round, cases_of, figures_of, generated_prompt
from tui.runs.spread import spread_of


async def rounds_of(plan: BenchmarkPlan, engine: AnsweringEngine) -> list[Round]:
    async with aclosing(Benchmark(plan, engine=engine, clock=Ticking()).rounds()) as rounds:
        return [one async for one in rounds]


async def test_warm_ups_are_run_and_do_not_count() -> None:
    engine = AnsweringEngine()
    rounds = await rounds_of(BenchmarkPlan(models=("m",), repeats=3, warm_ups=2), engine)
    assert [one.is_warm_up for one in rounds] == [True, True, False, False, False]
    [figures] = figures_of(rounds)
    assert figures.rounds == 3
    assert figures.generation is not None
    assert figures.generation.median == 40.0
    assert figures.prompt is not None
    assert figures.prompt.median == 400.0


async def test_no_question_begins_as_the_one_before() -> None:
    engine = AnsweringEngine()
    await rounds_of(BenchmarkPlan(models=("m",), prompts=("hello",), repeats=3), engine)
    beginnings = [request.messages[-1].text.split(".")[0] for request in engine.requests]
    assert len(set(beginnings)) == len(beginnings)


async def test_a_cold_start_unloads_before_each_round() -> None:
    engine = AnsweringEngine()
    engine.counts = counts(load=3.0)
    rounds = await rounds_of(BenchmarkPlan(models=("a", "b"), repeats=2, is_cold=True), engine)
    assert engine.unloaded == ["a", "a", "b", "b"]
    assert not any(one.is_warm_up for one in rounds)
    assert [one.load_seconds.median for one in figures_of(rounds) if one.load_seconds] == [3.0, 3.0]


async def test_several_at_once_are_counted_together() -> None:
    engine = AnsweringEngine()
    rounds = await rounds_of(BenchmarkPlan(models=("m",), repeats=1, warm_ups=0, concurrencies=(1, 3)), engine)
    assert [len(one.answers) for one in rounds] == [1, 3]
    assert engine.most_at_once == 3
    assert rounds[1].tokens_per_second == pytest.approx(60 / rounds[1].seconds)


async def test_a_model_that_only_fails_is_left_and_the_next_one_is_measured() -> None:
    engine = AnsweringEngine(
        lambda request: refused(ErrorKind.model_missing, "not here") if request.model == "gone" else "yes"
    )
    rounds = await rounds_of(BenchmarkPlan(models=("gone", "here"), repeats=3), engine)
    gone, here = figures_of(rounds)
    assert len(gone.failures) == 1
    assert gone.generation is None
    assert here.rounds == 3


async def test_an_option_of_zero_is_sent_and_the_length_of_answers_is_set() -> None:
    engine = AnsweringEngine()
    await rounds_of(BenchmarkPlan(models=("m",), repeats=1, answer_tokens=7, options={"temperature": 0}), engine)
    assert engine.requests[0].options == {"num_predict": 7, "temperature": 0}


def test_every_combination_is_a_case_model_by_model() -> None:
    plan = BenchmarkPlan(models=("a", "b"), prompt_lengths_tokens=(16, 512), concurrencies=(1, 2))
    names = [(one.model, one.prompt_name, one.concurrency) for one in cases_of(plan)]
    assert names[:4] == [("a", "16 tokens", 1), ("a", "16 tokens", 2), ("a", "512 tokens", 1), ("a", "512 tokens", 2)]
    assert len(names) == 8


def test_generated_prompts_grow_with_what_is_asked_for() -> None:
    assert len(generated_prompt(4000)) > 4 * len(generated_prompt(400))
    assert generated_prompt(400) == generated_prompt(400)


@pytest.mark.parametrize(
    "plan",
    [
        BenchmarkPlan(models=()),
        BenchmarkPlan(models=("m",), repeats=0),
        BenchmarkPlan(models=("m",), concurrencies=(0,)),
        BenchmarkPlan(models=("m",), concurrencies=()),
    ],
    ids=["no model", "no round", "nobody at once", "no concurrency"],
)
def test_a_plan_of_nothing_is_refused(plan: BenchmarkPlan) -> None:
    with pytest.raises(ValueError, match="needs"):
        Benchmark(plan, engine=AnsweringEngine(), clock=Ticking())


def test_figures_that_nobody_measured_are_left_out() -> None:
    assert spread_of([]) is None
    assert spread_of([None, float("nan")]) is None
    found = spread_of([None, 4.0, 2.0])
    assert found is not None
    assert (found.count, found.median, found.p95, found.least, found.most) == (2, 3.0, 4.0, 2.0, 4.0)
    alone = spread_of([5.0])
    assert alone is not None
    assert (alone.deviation, alone.p95) == (0.0, 5.0)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=60))
def test_at_least_95_of_100_do_not_exceed_the_p95(figures: list[float]) -> None:
    found = spread_of(figures)
    assert found is not None
    assert sum(one <= found.p95 for one in figures) >= 0.95 * len(figures)
    assert found.least <= found.median <= found.p95 <= found.most
