"""Many prompts over one server or two, with failures, interruptions and questions that repeat."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import pytest

from tests.chat.scripted_engine import refused
from tests.runs.engine import AnsweringEngine, Ticking
from tui.engine import ChatRequest, EngineError, ErrorKind
from tui.runs.batch import (
    AnswerCache,
    Batch,
    BatchItem,
    BatchResult,
    answered_keys,
    encode_result,
    question_key,
    single_prompt,
)


def items(*prompts: str) -> list[BatchItem]:
    return [
        BatchItem(index=index, request=ChatRequest(model="m", messages=single_prompt(prompt)))
        for index, prompt in enumerate(prompts)
    ]


async def all_of(batch: Batch) -> list[BatchResult]:
    async with aclosing(batch.results()) as results:
        found = [result async for result in results]
    return sorted(found, key=lambda one: one.item.index)


async def test_every_prompt_gets_its_answer_and_no_more_than_asked_for_at_once() -> None:
    engine = AnsweringEngine()
    batch = Batch(items(*"abcdefg"), engines=[engine], clock=Ticking(), concurrency=2)
    results = await all_of(batch)
    assert [one.answer.text for one in results] == [f"re: {letter}" for letter in "abcdefg"]
    assert engine.most_at_once == 2
    assert (batch.progress.done, batch.progress.failed, batch.progress.left) == (7, 0, 0)
    assert batch.progress.answer_tokens == 140
    assert [request.messages[-1].text for request in engine.requests] == list("abcdefg")


async def test_one_failure_does_not_end_the_rest() -> None:
    def reply(request: ChatRequest) -> str | EngineError:
        text = request.messages[-1].text
        return refused(ErrorKind.refused, "no") if text == "b" else text

    batch = Batch(items(*"abc"), engines=[AnsweringEngine(reply)], clock=Ticking())
    results = await all_of(batch)
    assert [one.answer.is_whole for one in results] == [True, False, True]
    assert results[1].answer.failure_kind == "refused"
    assert (batch.progress.done, batch.progress.failed) == (2, 1)


async def test_what_was_answered_before_is_not_asked_again_and_what_failed_is() -> None:
    def reply(request: ChatRequest) -> str | EngineError:
        return refused(ErrorKind.refused, "no") if request.messages[-1].text == "b" else "fine"

    first = await all_of(Batch(items(*"abc"), engines=[AnsweringEngine(reply)], clock=Ticking()))
    file = b"".join(map(encode_result, first)) + b'{"key": "torn'
    engine = AnsweringEngine()
    batch = Batch(items(*"abcd"), engines=[engine], clock=Ticking(), done=answered_keys(file))
    assert [one.item.request.messages[-1].text for one in await all_of(batch)] == ["b", "d"]
    assert (batch.progress.total, batch.progress.done, batch.progress.skipped) == (4, 4, 2)


async def test_the_same_prompt_in_two_rows_is_two_rows() -> None:
    results = await all_of(Batch(items("a", "a"), engines=[AnsweringEngine()], clock=Ticking()))
    assert results[0].item.key != results[1].item.key
    assert question_key(results[0].item.request) == question_key(results[1].item.request)


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_identical_questions_are_asked_once_when_a_cache_is_wanted(concurrency: int) -> None:
    engine = AnsweringEngine()
    batch = Batch(
        items("a", "b", "a", "a"), engines=[engine], clock=Ticking(), concurrency=concurrency, cache=AnswerCache()
    )
    results = await all_of(batch)
    assert [one.answer.text for one in results] == ["re: a", "re: b", "re: a", "re: a"]
    assert len(engine.requests) == 2
    assert batch.progress.cached == 2
    assert sum(one.is_from_cache for one in results) == 2


async def test_without_a_cache_each_is_asked() -> None:
    engine = AnsweringEngine()
    await all_of(Batch(items("a", "a"), engines=[engine], clock=Ticking()))
    assert len(engine.requests) == 2


async def test_a_failed_question_is_not_remembered() -> None:
    refusals = iter([refused(ErrorKind.refused, "no")])
    engine = AnsweringEngine(lambda _: next(refusals, None) or "now it works")
    results = await all_of(
        Batch(items("a", "a"), engines=[engine], clock=Ticking(), concurrency=1, cache=AnswerCache())
    )
    assert [one.answer.text for one in results] == ["", "now it works"]


async def test_a_server_that_is_gone_hands_its_prompts_to_the_other() -> None:
    gone = AnsweringEngine(lambda _: refused(), name="gone")
    well = AnsweringEngine(name="well")
    batch = Batch(items(*"abcdefgh"), engines=[gone, well], clock=Ticking(), concurrency=1)
    results = await all_of(batch)
    assert all(one.answer.is_whole for one in results)
    assert {one.host for one in results} == {"http://well:11434"}
    assert len(gone.requests) <= 3


async def test_that_a_server_hands_its_prompts_on_is_told_once() -> None:
    gone = AnsweringEngine(lambda _: refused(), name="gone")
    told: list[tuple[str, str]] = []
    batch = Batch(
        items(*"abcdefgh"),
        engines=[gone, AnsweringEngine(name="well")],
        clock=Ticking(),
        concurrency=2,
        on_handed_on=lambda engine, answer: told.append((engine.host.name, answer.failure_kind)),
    )
    await all_of(batch)
    assert len(gone.requests) > 1
    assert told == [("gone", "unreachable")]


async def test_when_no_server_answers_the_rest_is_told_and_not_forgotten() -> None:
    gone = AnsweringEngine(lambda _: refused())
    batch = Batch(items(*"abcdef"), engines=[gone], clock=Ticking(), concurrency=1)
    results = await all_of(batch)
    assert len(results) == 6
    assert len(gone.requests) == 3
    assert "not asked" in results[5].answer.failure
    assert batch.progress.left == 0


async def test_an_interruption_keeps_what_was_told_and_ends_what_is_under_way() -> None:
    engine = AnsweringEngine()
    batch = Batch(items(*"abc"), engines=[engine], clock=Ticking(), concurrency=1)
    async with aclosing(batch.results()) as results:
        async for result in results:
            assert result.answer.text == "re: a"
            engine.gate.clear()
            break
    assert engine.at_once == 0
    assert batch.progress.done == 1


async def test_time_left_follows_from_the_pace_of_this_run() -> None:
    batch = Batch(items(*"abcd"), engines=[AnsweringEngine()], clock=Ticking(), concurrency=1)
    assert batch.progress.seconds_left is None
    async with aclosing(batch.results()) as results:
        await anext(results)
        progress = batch.progress
    assert progress.seconds_left == pytest.approx(progress.seconds * 3)


async def test_a_fault_of_ours_is_not_hidden() -> None:
    def reply(_: ChatRequest) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await all_of(Batch(items("a"), engines=[AnsweringEngine(reply)], clock=Ticking()))


async def test_a_line_of_the_file_tells_all_there_is() -> None:
    [result] = await all_of(Batch(items("what\u2028is"), engines=[AnsweringEngine()], clock=Ticking()))
    line = encode_result(result)
    assert line.count(b"\n") == 1
    value = json.loads(line)
    assert value["prompt"] == "what\u2028is"
    assert value["text"] == "re: what\u2028is"
    assert value["tokens_per_second"] == 40.0
    assert value["host"] == "http://one:11434"


async def test_concurrency_is_for_each_server() -> None:
    one, two = AnsweringEngine(name="one"), AnsweringEngine(name="two")
    one.gate.clear()
    two.gate.clear()
    batch = Batch(items(*"abcdefgh"), engines=[one, two], clock=Ticking(), concurrency=2)
    running = asyncio.ensure_future(all_of(batch))
    await asyncio.gather(one.holds(2), two.holds(2))
    one.gate.set()
    two.gate.set()
    assert len(await running) == 8
    assert (one.most_at_once, two.most_at_once) == (2, 2)
