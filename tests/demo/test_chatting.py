"""Talking with the scripted models: time, counts, memory, slots, context, and hanging up."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.demo.clock import ManualTime
from tests.demo.rawhttp import Client, Exchange, ask, connected, soon, text_of, user
from tui.demo import Answer, CalledTool, DemoModel, DemoServer, Prompt
from tui.demo.pace import Pace
from tui.demo.tokens import count_tokens


async def chat(server: DemoServer, model: str, text: str, **more: Any) -> Exchange:
    return await ask(server, "POST", "/api/chat", {"model": model, "messages": user(text), **more})


async def listed(server: DemoServer) -> dict[str, dict[str, Any]]:
    models = (await ask(server, "GET", "/api/ps")).json["models"]
    return {model["name"]: model for model in models}


async def test_nothing_is_sent_before_the_first_token(timed: DemoServer, time: ManualTime) -> None:
    time.gate.clear()
    async with connected(timed) as client:
        await client.send("POST", "/api/chat", {"model": "tour:8b", "messages": user("hello")})
        await soon(timed, lambda server: server.open_requests == 1)
        assert await listed(timed) == {}, "a model that is still loading is not listed"
        head = asyncio.ensure_future(client.head())
        await asyncio.sleep(0)
        assert not head.done()
        time.gate.set()
        assert (await head).status == 200
        first = await anext(client.pieces())
    assert first["message"]["content"]
    assert "tour:8b" in await listed(timed)


async def test_each_chunk_is_one_object_with_one_token(server: DemoServer) -> None:
    exchange = await chat(server, "tour:8b", "hello")
    assert all(chunk.endswith(b"\n") and chunk.count(b"\n") == 1 for chunk in exchange.chunks)
    *pieces, last = exchange.lines
    assert not any(piece["done"] for piece in pieces)
    assert last["eval_count"] == len(pieces) == count_tokens(text_of(pieces))
    assert last["message"]["content"] == ""


async def test_durations_are_those_of_the_clock(timed: DemoServer) -> None:
    last = (await chat(timed, "fast:1b", "go")).lines[-1]
    seconds = {name: value / 1e9 for name, value in last.items() if name.endswith("_duration")}
    assert last["eval_count"] / seconds["eval_duration"] == pytest.approx(240, rel=0.01)
    assert seconds["load_duration"] == pytest.approx(0.3)
    assert seconds["total_duration"] == pytest.approx(
        seconds["load_duration"] + seconds["prompt_eval_duration"] + seconds["eval_duration"]
    )


async def test_only_new_turns_are_read_but_all_are_counted(timed: DemoServer) -> None:
    question = "word " * 2000
    first = (await chat(timed, "tour:8b", question)).lines
    said = text_of(first)
    turns = [*user(question), {"role": "assistant", "content": said}, *user("and then?")]
    second = (await ask(timed, "POST", "/api/chat", {"model": "tour:8b", "messages": turns})).lines[-1]
    assert second["prompt_eval_count"] > first[-1]["prompt_eval_count"]
    assert second["prompt_eval_duration"] < first[-1]["prompt_eval_duration"] / 20


async def test_thinking_comes_first_and_can_be_switched_off(server: DemoServer) -> None:
    by_default = (await chat(server, "thinker:8b", "why?")).lines
    order = ["thinking" if "thinking" in line["message"] else "content" for line in by_default]
    assert order == sorted(order, reverse=True)
    assert set(order) == {"thinking", "content"}
    assert text_of((await chat(server, "thinker:8b", "why?", think=False)).lines, "thinking") == ""
    little = text_of((await chat(server, "thinker:8b", "why?", think="low")).lines, "thinking")
    assert 0 < len(little) < len(text_of(by_default, "thinking"))


async def test_generate_leaves_thinking_in_the_text_like_a_native_model(server: DemoServer) -> None:
    body = {"model": "thinker:8b", "prompt": "why?", "stream": False}
    answer = (await ask(server, "POST", "/api/generate", body)).json
    thoughts, tag, text = answer["response"].partition("</think>")
    assert thoughts
    assert tag
    assert text.strip().startswith("**Short answer:**")
    assert len(answer["context"]) == answer["eval_count"] + count_tokens("why?")


async def test_tool_result_is_told(server: DemoServer) -> None:
    offered = [
        {"type": "function", "function": {"name": "other"}},
        {
            "type": "function",
            "function": {
                "name": "get_time",
                "parameters": {"type": "object", "properties": {"zone": {"type": "string"}, "day": {"enum": ["now"]}}},
            },
        },
    ]
    turns: list[dict[str, Any]] = list(user("what time is it?"))
    body = {"model": "toolsmith:8b", "messages": turns, "tools": offered, "stream": False}
    called = (await ask(server, "POST", "/api/chat", body)).json["message"]
    function = called["tool_calls"][0]["function"]
    assert function["name"] == "get_time"
    assert function["arguments"] == {"zone": "Europe/London", "day": "now"}
    turns += [called, {"role": "tool", "tool_name": "get_time", "content": "12:34"}]
    told = (await ask(server, "POST", "/api/chat", body)).json["message"]
    assert "12:34" in told["content"]
    assert "tool_calls" not in told


async def test_tool_call_that_the_limit_cuts_is_an_error_after_the_text(server: DemoServer) -> None:
    offered = [{"type": "function", "function": {"name": "get_time"}}]
    lines = (await chat(server, "toolsmith:8b", "time?", tools=offered, options={"num_predict": 9})).lines
    assert text_of(lines[:-1])
    assert "invalid tool call arguments" in lines[-1]["error"]


async def test_length_limit_and_stop_text_end_an_answer(server: DemoServer) -> None:
    short = (await chat(server, "tour:8b", "hello", options={"num_predict": 5})).lines
    assert (short[-1]["done_reason"], short[-1]["eval_count"], len(short)) == ("length", 5, 6)
    nothing = (await chat(server, "tour:8b", "hello", options={"num_predict": 0})).lines
    assert (len(nothing), nothing[-1]["done_reason"]) == (1, "length")
    stopped = (await chat(server, "tour:8b", "hello", options={"stop": ["demo model", "no such"]})).lines
    assert text_of(stopped).endswith("I am `tour:8b`, a **")
    assert stopped[-1]["done_reason"] == "stop"


async def test_answer_ends_with_the_context_when_nothing_may_be_shifted_out(server: DemoServer) -> None:
    options = {"num_ctx": 64}
    kept = (await chat(server, "tour:8b", "hello", options=options, shift=False)).lines[-1]
    assert kept["done_reason"] == "length"
    assert kept["prompt_eval_count"] + kept["eval_count"] == 64
    shifted = (await chat(server, "tour:8b", "hello", options=options)).lines[-1]
    assert shifted["eval_count"] > 64
    endless = (await chat(server, "script-count-5000-0", "x", options=options)).lines[-1]
    assert (endless["done_reason"], endless["eval_count"]) == ("length", 640)


async def test_options_may_be_null_or_have_a_fraction(server: DemoServer) -> None:
    options = {"num_ctx": 2048.9, "num_predict": 3.5, "temperature": None, "unheard_of": 1}
    assert (await chat(server, "tour:8b", "hello", options=options)).lines[-1]["eval_count"] == 3
    assert (await listed(server))["tour:8b"]["context_length"] == 2048


async def test_megabyte_of_prompt_is_counted_and_refused(server: DemoServer) -> None:
    exchange = await chat(server, "tour:8b", "word " * 250_000, truncate=False)
    assert exchange.status == 400
    assert json.loads(exchange.json["error"])["error"]["n_prompt_tokens"] > 250_000


async def test_angle_brackets_are_escaped_as_go_does_it() -> None:
    model = DemoModel(name="raw:1b", script=lambda _: Answer(text=iter(["<a> & \u2028 \u0085 é\ud800"])))
    async with DemoServer(models=(model,), speed=0) as server:
        raw = (await chat(server, "raw:1b", "x")).chunks[0].decode()
    assert '"content":"\\u003ca\\u003e \\u0026 \\u2028 \x85 é\ufffd"' in raw


async def test_reader_that_was_slow_gets_the_rate_again_and_no_burst(time: ManualTime) -> None:
    beat = Pace(clock=time.clock, sleep=time.sleep).beat(10)
    await beat.next()
    time.seconds += 60
    for _ in range(20):
        await beat.next()
    assert sum(wait == 0 for wait in time.waits) <= 3
    assert time.seconds == pytest.approx(60.1 + 20 * 0.1 - 0.25, abs=0.11)


async def test_format_is_kept(server: DemoServer) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "people": {"type": "integer"}}}
    content = (await chat(server, "tour:8b", "hello", format=schema, stream=False)).json["message"]["content"]
    assert content.replace("\n", "").replace(" ", "") == '{"city":"demo","people":1}'


async def test_second_request_waits_for_the_slot(timed: DemoServer, time: ManualTime) -> None:
    async with connected(timed) as first, connected(timed) as second:
        await first.send("POST", "/api/chat", {"model": "tour:8b", "messages": user("hello")})
        await first.head()
        pieces = first.pieces()
        await anext(pieces)
        time.gate.clear()
        await second.send("POST", "/api/chat", {"model": "tour:8b", "messages": user("table")})
        await soon(timed, lambda server: server.open_requests == 2)
        waiting = asyncio.ensure_future(second.head())
        time.gate.set()
        rest = [piece async for piece in pieces]
        assert rest[-1]["done"]
        assert (await waiting).status == 200
        last = [piece async for piece in second.pieces()][-1]
    queued = last["total_duration"] - last["prompt_eval_duration"] - last["eval_duration"]
    assert queued / 1e9 > 1, "the wait for the slot shows in the total only"


async def test_two_models_answer_side_by_side(timed: DemoServer, time: ManualTime) -> None:
    await chat(timed, "tour:8b", "hello")
    async with connected(timed) as slow:
        await slow.send("POST", "/api/chat", {"model": "slow:70b", "messages": user("hello")})
        await slow.head()
        assert (await chat(timed, "tour:8b", "hello")).lines[-1]["done"]
        assert set(await listed(timed)) == {"tour:8b", "slow:70b"}


async def test_hang_up_stops_the_answer_and_frees_the_slot(timed: DemoServer, time: ManualTime) -> None:
    async with connected(timed) as client:
        await client.send("POST", "/api/chat", {"model": "script-count-100000-100", "messages": user("x")})
        await client.head()
        await anext(client.pieces())
    await soon(timed, lambda server: server.hang_ups == 1)
    await soon(timed, lambda server: server.open_requests == 0)
    assert timed.tokens_sent < 10_000
    assert (await chat(timed, "script-count-100000-100", "x", options={"num_predict": 2})).lines[-1]["done"]


async def test_hang_up_while_loading_stops_the_load(timed: DemoServer, time: ManualTime) -> None:
    time.gate.clear()
    async with connected(timed) as client:
        await client.send("POST", "/api/chat", {"model": "slow:70b", "messages": user("hello")})
        await soon(timed, lambda server: server.open_requests == 1)
    await soon(timed, lambda server: server.hang_ups == 1)
    time.gate.set()
    assert await listed(timed) == {}
    assert (await chat(timed, "slow:70b", "hello")).lines[-1]["load_duration"] == 7_000_000_000


async def test_answer_that_is_not_streamed_stops_too(timed: DemoServer, time: ManualTime) -> None:
    time.gate.clear()
    async with connected(timed) as client:
        await client.send("POST", "/api/chat", {"model": "tour:8b", "messages": user("hello"), "stream": False})
        await soon(timed, lambda server: server.open_requests == 1)
    await soon(timed, lambda server: server.hang_ups == 1 and server.open_requests == 0)
    assert timed.tokens_sent == 0


async def test_model_stays_as_long_as_keep_alive_says(timed: DemoServer, time: ManualTime) -> None:
    await chat(timed, "tour:8b", "hello", keep_alive="10m")
    leaves = datetime.fromisoformat((await listed(timed))["tour:8b"]["expires_at"])
    assert leaves == time.now().replace(microsecond=leaves.microsecond) + timedelta(minutes=10)
    time.seconds += 599
    assert "tour:8b" in await listed(timed)
    time.seconds += 2
    assert await listed(timed) == {}


async def test_model_can_stay_for_ever_and_be_let_go(timed: DemoServer) -> None:
    await chat(timed, "tour:8b", "hello", keep_alive=-1)
    assert (await listed(timed))["tour:8b"]["expires_at"].startswith("2318")
    answer = await ask(timed, "POST", "/api/generate", {"model": "tour:8b", "keep_alive": 0})
    assert answer.json["done_reason"] == "unload"
    assert await listed(timed) == {}


async def test_unloading_waits_for_the_answer_under_way(timed: DemoServer, time: ManualTime) -> None:
    async with connected(timed) as client:
        await client.send("POST", "/api/chat", {"model": "tour:8b", "messages": user("hello")})
        await client.head()
        pieces = client.pieces()
        await anext(pieces)
        time.gate.clear()
        unload = await ask(timed, "POST", "/api/chat", {"model": "tour:8b", "messages": [], "keep_alive": 0})
        assert unload.json["done_reason"] == "unload"
        pending = (await listed(timed))["tour:8b"]
        assert datetime.fromisoformat(pending["expires_at"]) <= time.now()
        time.gate.set()
        assert [piece async for piece in pieces][-1]["done_reason"] == "stop"
    assert await listed(timed) == {}


async def test_other_context_length_loads_the_model_again(timed: DemoServer) -> None:
    assert "load_duration" in (await chat(timed, "tour:8b", "hello")).lines[-1]
    assert "load_duration" not in (await chat(timed, "tour:8b", "hello")).lines[-1]
    smaller = (await chat(timed, "tour:8b", "hello", options={"num_ctx": 2048})).lines[-1]
    assert smaller["load_duration"] == 800_000_000
    assert (await listed(timed))["tour:8b"]["context_length"] == 2048


async def test_loading_again_waits_for_the_answer_under_way(timed: DemoServer, time: ManualTime) -> None:
    async with connected(timed) as first, connected(timed) as second:
        body = {"model": "tour:8b", "messages": user("hello")}
        await first.send("POST", "/api/chat", body)
        await first.head()
        pieces = first.pieces()
        await anext(pieces)
        time.gate.clear()
        await second.send("POST", "/api/chat", {**body, "options": {"num_ctx": 2048}})
        await soon(timed, lambda server: server.open_requests == 2)
        assert (await listed(timed))["tour:8b"]["context_length"] == 8192
        time.gate.set()
        assert [piece async for piece in pieces][-1]["done"]
        await second.rest(await second.head())
    assert (await listed(timed))["tour:8b"]["context_length"] == 2048


async def test_fourth_model_takes_the_place_of_the_one_that_would_leave_first(timed: DemoServer) -> None:
    for model, keep_alive in (("tour:8b", "9m"), ("thinker:8b", "1m"), ("fast:1b", "5m")):
        await ask(timed, "POST", "/api/chat", {"model": model, "messages": [], "keep_alive": keep_alive})
    await ask(timed, "POST", "/api/chat", {"model": "breaks:3b", "messages": []})
    assert set(await listed(timed)) == {"tour:8b", "fast:1b", "breaks:3b"}


async def test_hungry_model_fits_on_the_cpu_or_with_a_short_context(timed: DemoServer) -> None:
    refused = await chat(timed, "hungry:405b", "hello")
    assert refused.status == 500
    assert "cudaMalloc failed: out of memory" in refused.json["error"]
    assert await listed(timed) == {}
    assert (await chat(timed, "hungry:405b", "hello", options={"num_gpu": 0})).lines[-1]["done"]
    assert (await listed(timed))["hungry:405b"]["size_vram"] == 0
    assert (await chat(timed, "hungry:405b", "hello", options={"num_ctx": 2048})).lines[-1]["done"]


async def test_oldest_turns_fall_out_when_the_prompt_is_too_long() -> None:
    turns = [
        {"role": "system", "content": "You are terse."},
        *(turn for number in range(8) for turn in user(f"{number} " + "word " * 100)),
        *user("unmistakable"),
    ]
    heard: list[Prompt] = []

    def listen(prompt: Prompt) -> Answer:
        heard.append(prompt)
        return Answer(text="yes")

    async with DemoServer(models=(DemoModel(name="ear:1b", script=listen),), speed=0) as server:
        body = {"model": "ear:1b", "messages": turns, "options": {"num_ctx": 400}}
        last = (await ask(server, "POST", "/api/chat", body)).lines[-1]
    texts = [turn.text for turn in heard[0].turns]
    assert (texts[0], texts[-1]) == ("You are terse.", "unmistakable")
    assert 2 < len(texts) < len(turns)
    assert texts[1].startswith(f"{10 - len(texts)} ")
    assert last["prompt_eval_count"] <= 400


async def test_answer_breaks_off_with_a_reset(timed: DemoServer) -> None:
    async with connected(timed) as client:
        await client.send("POST", "/api/chat", {"model": "breaks:3b", "messages": user("tell me")})
        await client.head()
        pieces: list[dict[str, Any]] = []
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            pieces.extend([piece async for piece in client.pieces()])
    await soon(timed, lambda server: server.open_requests == 0)
    assert timed.tokens_sent > 50
    assert timed.hang_ups == 0


async def test_answer_can_end_without_saying_that_it_is_done(server: DemoServer) -> None:
    exchange = await chat(server, "breaks:3b", "unfinished, please")
    assert exchange.status == 200
    assert text_of(exchange.lines).endswith("And the third is")
    assert not any(line["done"] for line in exchange.lines)


async def test_running_out_of_memory_in_an_answer_unloads_every_model(server: DemoServer) -> None:
    await chat(server, "tour:8b", "hello")
    assert (await chat(server, "breaks:3b", "crash")).lines[-1]["error"].endswith("out of memory")
    assert await listed(server) == {}


async def test_models_may_be_given() -> None:
    def script(prompt: Prompt) -> Answer:
        return Answer(text=iter(["one", " two"]), thinking="hm", tools=(CalledTool(name="f"),) if prompt.tools else ())

    model = DemoModel(name="mine:1b", script=script, capabilities=("completion", "thinking", "tools"))
    async with DemoServer(models=(model,), speed=0) as server:
        assert [entry["name"] for entry in (await ask(server, "GET", "/api/tags")).json["models"]] == ["mine:1b"]
        lines = (await chat(server, "mine:1b", "x")).lines
    assert [line["message"]["content"] for line in lines] == ["", "one", " two", ""]
    assert lines[0]["message"]["thinking"] == "hm"


async def test_half_answer_is_torn_off_when_the_server_closes(time: ManualTime) -> None:
    server = DemoServer(clock=time.clock, now=time.now, sleep=time.sleep)
    await server.start()
    async with connected(server) as client:
        await client.send("POST", "/api/chat", {"model": "tour:8b", "messages": user("long")})
        await client.head()
        await anext(client.pieces())
        time.gate.clear()
        await server.close()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await _drained(client)
    assert server.open_requests == 0


async def _drained(client: Client) -> None:
    async for _ in client.pieces():
        pass


async def test_server_comes_back_on_its_port_with_nothing_loaded(server: DemoServer) -> None:
    await chat(server, "tour:8b", "hello")
    await ask(server, "POST", "/api/pull", {"model": "guest:4b"})
    address = server.url
    await server.close()
    with pytest.raises(ConnectionRefusedError):
        await ask(server, "GET", "/")
    await server.start()
    assert server.url == address
    assert await listed(server) == {}
    names = [model["name"] for model in (await ask(server, "GET", "/api/tags")).json["models"]]
    assert names[0] == "guest:4b"
