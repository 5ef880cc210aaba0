"""What servers of other versions do differently, as far as a person would notice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.ollama.meeting import DONE, REQUEST, answers, every, meeting, piece, texts
from tests.replay import Visit
from tui.engine import ChatMessage, Chunk, ErrorKind, FinalCounts, ModelDetails, Progress, ToolCall
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError, OllamaStreamError
from tui.ollama.lacking import refuse_what_is_lacking
from tui.ollama.requests import CreateRequest, EmbedRequest, GenerateRequest

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def objects(*said: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in said)


def message(content: str = "", **more: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": content, **more}, "done": False}


async def answer_to(request: Any, body: bytes, status: int = 200) -> tuple[list[Any], OllamaError | None]:
    parts: list[Any] = []
    async with meeting(answers(body, status)) as (client, _):
        try:
            async for part in client.chat(request):
                parts.append(part)  # noqa: PERF401  those before an error are wanted
        except OllamaError as error:
            return parts, error
    return parts, None


async def test_before_0_1_35_an_answer_gives_no_reason_for_its_end() -> None:
    parts, error = await answer_to(
        REQUEST, piece("a") + objects({"done": True, "eval_count": 3, "eval_duration": 10**9})
    )
    assert error is None
    assert parts[-1] == FinalCounts(answer_tokens=3, answer_seconds=1.0)


async def test_before_0_1_45_a_model_tells_no_context_length() -> None:
    body = json.dumps({"modelfile": "FROM x", "details": {"family": "llama", "families": None}}).encode()
    async with meeting(answers(body)) as (client, _):
        details = await client.show_model("llama2")
        assert (details.trained_context_tokens, details.capabilities, details.family) == (None, None, "llama")
        assert client.misfit_fields == 0


async def test_before_0_2_6_vectors_are_made_in_the_older_way() -> None:
    async def answer(visit: Visit) -> None:
        if visit.path == "/api/embeddings":
            await visit.answer(b'{"embedding":[3.0,4.0]}')
        else:
            await visit.answer(b"404 page not found", 404, ("Content-Type", "text/plain"))

    async with meeting(answer) as (client, _):
        with pytest.raises(OllamaError) as error:
            await client.embed(EmbedRequest(model="m", texts=("a",)))
        assert "update ollama" in error.value.advice
        assert list(await client.embed_as_before("m", "a")) == [3.0, 4.0]


async def test_up_to_0_3_6_the_last_step_of_a_pull_has_another_name() -> None:
    body = objects(
        {"status": "pulling manifest"},
        {"status": "pulling aaa", "digest": "sha256:aaa", "total": 10, "completed": 10},
        {"status": "writing manifest"},
        {"status": "removing any unused layers"},
        {"status": "success"},
    )
    async with meeting(answers(body)) as (client, _):
        steps: list[Progress] = await every(client.pull_model("m"))
    assert [step.phase for step in steps] == ["preparing", "transferring", "finishing", "finishing", "done"]


async def test_up_to_0_3_a_prompt_that_was_all_known_has_no_count() -> None:
    parts, _ = await answer_to(REQUEST, piece("a") + DONE)
    assert parts[-1].prompt_tokens is None


async def test_from_0_2_6_to_0_4_6_a_tool_call_in_a_stream_is_text_and_stays_text() -> None:
    said = '{"name": "f", "parameters": {"a": 1}}'
    parts, error = await answer_to(replace(REQUEST, tools=(TOOL,)), piece(said[:10]) + piece(said[10:]) + DONE)
    assert error is None
    chunks = [part for part in parts if isinstance(part, Chunk)]
    assert "".join(chunk.text for chunk in chunks) == said
    assert not any(chunk.tool_calls for chunk in chunks)


async def test_from_0_2_6_to_0_4_6_a_tool_call_that_is_not_streamed_is_a_call() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    body = objects({**message(tool_calls=[call]), "done": True, "done_reason": "stop"})
    parts, error = await answer_to(replace(REQUEST, tools=(TOOL,), stream=False), body)
    assert error is None
    assert parts[0].tool_calls == (ToolCall(name="f", arguments={"a": 1}),)


async def test_from_0_4_7_to_0_7_1_all_text_beside_tools_comes_at_the_end() -> None:
    call = {"function": {"index": 0, "name": "f", "arguments": {}}}
    body = objects(message("all of it at once"), message(tool_calls=[call]), {"done": True, "done_reason": "stop"})
    parts, error = await answer_to(replace(REQUEST, tools=(TOOL,)), body)
    assert error is None
    assert parts[0].text == "all of it at once"
    assert [call.name for part in parts if isinstance(part, Chunk) for call in part.tool_calls] == ["f"]


async def test_before_0_5_0_a_schema_is_refused_in_words() -> None:
    said = "json: cannot unmarshal object into Go struct field ChatRequest.format of type string"
    _, error = await answer_to(replace(REQUEST, format={"type": "object"}), objects({"error": said}), 400)
    assert error is not None
    assert (error.kind, error.status) == (ErrorKind.refused, 400)
    assert "ChatRequest.format" in error.message


async def test_json_is_asked_for_as_a_schema_since_the_word_alone_is_not_enforced() -> None:
    async with meeting(answers(piece("{}") + DONE)) as (client, server):
        await texts(client, replace(REQUEST, format="json"))
        await texts(client, replace(REQUEST, format={"type": "array"}))
        await every(client.generate(GenerateRequest(model="m", prompt="a", format="json")))
        assert [visit.json()["format"] for visit in server.visits] == [
            {"type": "object"},
            {"type": "array"},
            {"type": "object"},
        ]


def test_before_0_6_4_nothing_is_said_about_what_a_model_can_do_so_nothing_is_refused() -> None:
    details = ModelDetails(name="qwen3:8b", capabilities=None)
    refuse_what_is_lacking(replace(REQUEST, tools=(TOOL,), think=True), details)


async def test_before_0_9_0_thinking_stands_in_the_text() -> None:
    parts, _ = await answer_to(replace(REQUEST, think=True), piece("<think>\nhm") + piece("\n</think>\n\nfour") + DONE)
    assert "".join(part.thinking for part in parts[:-1]) == "hm\n"
    assert "".join(part.text for part in parts[:-1]) == "four"


async def test_before_0_9_6_calls_have_no_id_and_results_are_told_by_name_as_well() -> None:
    call = ToolCall(name="f", arguments={"a": 1})
    conversation = (
        ChatMessage(role="user", text="go"),
        ChatMessage(role="assistant", text="", tool_calls=(call, replace(call, id="call_1"))),
        ChatMessage(role="tool", text="1", tool_name="f"),
        ChatMessage(role="tool", text="2", tool_name="f", tool_call_id="call_1"),
    )
    async with meeting(answers(piece("a") + DONE)) as (client, server):
        await texts(client, replace(REQUEST, messages=conversation))
        _, said, first, second = server.visits[0].json()["messages"]
    assert [("id" in entry, entry["function"]["index"]) for entry in said["tool_calls"]] == [(False, 0), (True, 1)]
    assert first == {"role": "tool", "content": "1", "tool_name": "f"}
    assert second == {"role": "tool", "content": "2", "tool_name": "f", "tool_call_id": "call_1"}


async def test_before_0_10_0_what_is_loaded_tells_no_context() -> None:
    body = json.dumps({"models": [{"name": "m:1", "size": 10, "size_vram": 10}]}).encode()
    async with meeting(answers(body)) as (client, _):
        (loaded,) = await client.list_running()
    assert (loaded.context_tokens, loaded.size_vram_bytes) == (None, 10)


@pytest.mark.parametrize(
    "said",
    [
        'think value "high" is not supported for this model',
        'invalid think value: "max" (must be "high", "medium", "low", true, or false)',
    ],
)
async def test_before_0_17_7_and_0_22_0_a_level_of_thinking_is_refused_in_words(said: str) -> None:
    _, error = await answer_to(replace(REQUEST, think="max"), objects({"error": said}), 400)
    assert error is not None
    assert "level" in error.title or "options" in error.advice


@pytest.mark.parametrize(
    "call", [OllamaClient.account, OllamaClient.sign_out, OllamaClient.recommended_models, OllamaClient.list_running]
)
async def test_what_an_old_server_has_never_heard_of_is_told_as_that(call: Callable[[OllamaClient], Any]) -> None:
    async with meeting(answers(b"404 page not found", 404, ("Content-Type", "text/plain"))) as (client, _):
        with pytest.raises(OllamaError) as error:
            await call(client)
    assert "does not know how to do this" in error.value.title
    assert "update ollama" in error.value.advice


async def test_since_0_12_4_thinking_is_on_unless_it_is_turned_off_and_the_word_is_left_out_when_nobody_said() -> None:
    async with meeting(answers(piece("a") + DONE)) as (client, server):
        for think in (None, False, True, "low"):
            await texts(client, replace(REQUEST, think=think))
        sent = [visit.json() for visit in server.visits]
    assert ["think" in body for body in sent] == [False, True, True, True]
    assert [body.get("think") for body in sent[1:]] == [False, True, "low"]


async def test_in_0_12_4_even_no_thinking_is_refused_by_a_model_that_cannot() -> None:
    _, error = await answer_to(replace(REQUEST, think=False), objects({"error": '"m" does not support thinking'}), 400)
    assert error is not None
    assert error.kind is ErrorKind.lacks_capability


STREAMED: list[Callable[[OllamaClient], Any]] = [
    texts,
    lambda client: every(client.generate(GenerateRequest(model="m", prompt="a"))),
    lambda client: every(client.pull_model("m")),
    lambda client: every(client.push_model("m")),
    lambda client: every(client.create_model(CreateRequest(model="m", source_model="n"))),
]


@pytest.mark.parametrize("call", STREAMED)
async def test_before_0_12_6_even_the_first_error_comes_as_a_good_answer(call: Callable[[OllamaClient], Any]) -> None:
    said = "model 'm' not found, try pulling it first"
    async with meeting(answers(objects({"error": said}))) as (client, _):
        with pytest.raises(OllamaError) as error:
            await call(client)
    assert said in error.value.message
    assert not isinstance(error.value, OllamaStreamError)


async def test_a_port_where_nobody_knows_the_version_is_not_taken_for_an_old_ollama() -> None:
    async with meeting(answers(b"404 page not found", 404, ("Content-Type", "text/plain"))) as (client, _):
        with pytest.raises(OllamaError) as error:
            await client.version()
    assert "does not answer like ollama" in error.value.title
    assert error.value.request_id


async def test_before_0_12_6_a_prompt_that_is_too_long_is_told_in_the_first_line() -> None:
    _, error = await answer_to(REQUEST, objects({"error": "the input length exceeds the context length"}))
    assert error is not None
    assert error.kind is ErrorKind.context_exceeded


async def test_from_0_18_cloud_names_with_the_size_in_front_are_cloud_too() -> None:
    body = json.dumps(
        {"models": [{"name": "gpt-oss:120b-cloud"}, {"name": "kimi:cloud"}, {"name": "cloud:7b"}]}
    ).encode()
    async with meeting(answers(body)) as (client, _):
        assert [model.is_cloud for model in await client.list_models()] == [True, True, False]


async def test_since_0_33_3_more_is_counted_and_nothing_is_lost_by_it() -> None:
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 9, "prompt_eval_cached_count": 7, "new": {"a": []}}
    async with meeting(answers(piece("a") + objects({**end, "message": {"content": "", "new": 1}}))) as (client, _):
        *_, counts = await every(client.chat(REQUEST))
        assert counts.prompt_tokens == 9
        assert client.misfit_fields == 0


async def test_later_servers_end_endless_repetition_with_an_error() -> None:
    said = "prediction aborted, token repeat limit reached"
    parts, error = await answer_to(REQUEST, piece("la la ") + objects({"error": said}))
    assert isinstance(error, OllamaStreamError)
    assert parts[0].text == "la la "
    assert said in error.message


async def test_the_cloud_may_say_that_a_request_is_too_large() -> None:
    _, error = await answer_to(REQUEST, objects({"error": "request body too large (ref: 1)"}), 413)
    assert error is not None
    assert (error.kind, error.status) == (ErrorKind.refused, 413)
    assert "too large" in error.message


async def test_numbers_in_tool_calls_are_kept_as_a_server_can_keep_them() -> None:
    call = b'{"function":{"name":"f","arguments":{"a":12345678901234567000,"b":1,"c":0.1,"d":1e400,"e":-1e400}}}'
    body = b'{"message":{"content":"","tool_calls":[' + call + b']},"done":true,"done_reason":"stop"}\n'
    parts, error = await answer_to(REQUEST, body)
    assert error is None
    (heard,) = parts[0].tool_calls
    assert (heard.arguments["a"], heard.arguments["b"], heard.arguments["c"]) == (12345678901234567000, 1, 0.1)
    async with meeting(answers(piece("a") + DONE)) as (client, server):
        said = replace(REQUEST, messages=(ChatMessage(role="assistant", text="", tool_calls=(heard,)),))
        await texts(client, said)
        sent = server.visits[0].json()["messages"][0]["tool_calls"][0]["function"]["arguments"]
        assert sent == dict(heard.arguments)
        assert server.visits[0].body.count(b"12345678901234567000") == 1
        for number in (10**400, [{"x": -(10**400)}], float("inf"), float("nan")):
            wrong = replace(heard, arguments={"n": number})
            said = replace(REQUEST, messages=(ChatMessage(role="assistant", text="", tool_calls=(wrong,)),))
            await texts(client, said)
            assert server.visits[-1].json()["messages"][0]["tool_calls"][0]["function"]["arguments"] == {}
