"""What other programs import, without a screen."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import tui
from tests.terminal import REPOSITORY, clean_environment
from tui.demo import DemoServer
from tui.engine import ChatMessage, Chunk, EngineError, FinalCounts
from tui.failures import Failure
from tui.library import Chinwag
from tui.runs.benchmark import BenchmarkPlan, Round
from tui.tools.declared import tool


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer(speed=0, accept_scripts=True) as demo:
        yield demo


@pytest.fixture
async def chinwag(server: DemoServer, tmp_path: Path) -> AsyncIterator[Chinwag]:
    async with Chinwag(host=server.url, environ=clean_environment(tmp_path)) as opened:
        yield opened


def public_names() -> list[str]:
    return sorted(tui._homes())


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(tui, name)
    assert found.__name__ == name
    assert found.__doc__


def test_type_checkers_see_the_same_names() -> None:
    stub = (REPOSITORY / "tui" / "__init__.pyi").read_text("utf-8")
    assert sorted(re.findall(r" as (\w+)$", stub, re.MULTILINE)) == public_names()


def test_a_name_that_is_not_there_is_said_as_python_says_it() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        tui.Nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_library_needs_no_screen() -> None:
    code = (
        "import sys, tui; tui.Chinwag, tui.ask_once; print([one for one in ('textual', 'rich') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_an_answer_has_its_text_and_the_server_s_own_figures(chinwag: Chinwag) -> None:
    seen: list[str] = []
    answer = await chinwag.ask("hello", model="fast:1b", on_chunk=lambda chunk: seen.append(chunk.text))
    assert answer.is_whole
    assert answer.text == "".join(seen) != ""
    assert answer.counts is not None
    assert answer.first_token_seconds is not None


async def test_what_is_asked_is_what_was_said(chinwag: Chinwag, server: DemoServer) -> None:
    request = await chinwag.request(
        "hello",
        model="fast:1b",
        system="be brief",
        options={"temperature": 0, "num_ctx": 2048, "mirostat": 1},
        format="json",
        extra_context="It is raining.",
        metadata={"trace": "7"},
    )
    assert request.options == {"temperature": 0.0, "num_ctx": 2048, "mirostat": 1}
    assert [one.role for one in request.messages] == ["system", "user"]
    assert request.messages[1].text == "It is raining.\n\nhello"
    assert request.format == {"type": "object"}
    assert request.metadata == {"trace": "7"}


async def test_messages_with_roles_go_as_they_are(chinwag: Chinwag) -> None:
    said = (
        ChatMessage(role="user", text="a"),
        ChatMessage(role="assistant", text="b"),
        ChatMessage(role="user", text="c"),
    )
    assert (await chinwag.request(said, model="fast:1b")).messages == said


async def test_an_option_out_of_its_range_is_refused_before_anything_is_sent(
    chinwag: Chinwag, server: DemoServer
) -> None:
    with pytest.raises(Failure):
        await chinwag.ask("hello", model="fast:1b", options={"temperature": "hot"})
    assert not any(one.path == "/api/chat" for one in server.received)


async def test_a_preset_says_how_it_is_answered_and_one_that_is_not_there_is_named(chinwag: Chinwag) -> None:
    precise = chinwag.presets["precise"]
    request = await chinwag.request("hello", model="fast:1b", preset="precise")
    assert request.options["temperature"] == precise.options["temperature"]
    with pytest.raises(Failure, match="there is no preset nothing"):
        await chinwag.ask("hello", preset="nothing")


async def test_without_a_model_the_newest_that_can_chat_answers(chinwag: Chinwag) -> None:
    assert (await chinwag.request("hello")).model == "tour:8b"


async def test_a_stream_ends_with_its_counts(chinwag: Chinwag) -> None:
    parts = [part async for part in chinwag.stream("hello", model="fast:1b")]
    assert isinstance(parts[-1], FinalCounts)
    assert all(isinstance(part, Chunk) for part in parts[:-1])


async def test_a_whole_request_has_a_time_limit(chinwag: Chinwag, server: DemoServer) -> None:
    with pytest.raises(TimeoutError):
        await chinwag.ask("hello", model="script-prose-4000-20", timeout_seconds=0.0)


async def test_a_missing_model_is_an_answer_that_says_so_or_is_pulled(chinwag: Chinwag) -> None:
    answer = await chinwag.ask("hello", model="guest:4b")
    assert not answer.is_whole
    assert answer.failure_kind == "model_missing"
    assert (await chinwag.ask("hello", model="guest:4b", pull_missing=True)).is_whole


async def test_a_model_in_the_cloud_is_not_asked_unless_allowed(chinwag: Chinwag, server: DemoServer) -> None:
    answer = await chinwag.ask("hello", model="cloudy:120b-cloud")
    assert not answer.is_whole
    assert not any(one.path == "/api/chat" for one in server.received)


async def test_a_batch_comes_in_the_order_of_its_prompts_whatever_fails(chinwag: Chinwag) -> None:
    results = await chinwag.batch(["one", "two", "three", "four"], model="fast:1b", concurrency=2)
    assert [one.item.request.messages[-1].text for one in results] == ["one", "two", "three", "four"]
    assert all(one.answer.is_whole for one in results)
    assert not any(one.answer.is_whole for one in await chinwag.batch(["one", "two"], model="nothing:1b"))


async def test_a_batch_asks_for_the_models_of_the_server_once(chinwag: Chinwag, server: DemoServer) -> None:
    before = sum(one.path == "/api/tags" for one in server.received)
    prompts = [f"number {number}" for number in range(20)]
    results = await chinwag.batch(prompts, model="fast:1b", system="be brief", extra_context="context")
    assert sum(one.path == "/api/tags" for one in server.received) == before + 1
    for prompt, one in zip(prompts, results, strict=True):
        said = [(message.role, message.text) for message in one.item.request.messages]
        assert said == [("system", "be brief"), ("user", f"context\n\n{prompt}")]
    assert await chinwag.batch([], model="fast:1b") == ()


async def test_what_was_read_of_documents_goes_along(chinwag: Chinwag, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("The keys are rotated every month by Ada.")
    await chinwag.documents.add(note)
    await chinwag.documents.read_to_the_end()
    found = await chinwag.documents.find("who rotates the keys?")
    request = await chinwag.request("who?", model="fast:1b", extra_context=found.extra_context)
    assert "every month by Ada" in request.messages[-1].text


@pytest.mark.parametrize("which", ["nobody", "", "../../etc/passwd", "0" * 26])
async def test_a_conversation_that_is_not_there_is_a_failure(chinwag: Chinwag, which: str) -> None:
    with pytest.raises(Failure):
        await chinwag.conversation(which)


async def test_a_tool_that_acts_is_refused_unless_it_is_named(chinwag: Chinwag) -> None:
    made: list[str] = []

    @tool
    def remember(text: str) -> str:
        """Remembers a text.

        text: what to remember
        """
        made.append(text)
        return "remembered"

    _, refused = await chinwag.ask_with_tools("remember milk", [remember], model="toolsmith:8b")
    assert [one.outcome for one in refused] == ["refused"]
    assert made == []
    text, done = await chinwag.ask_with_tools("remember milk", [remember], model="toolsmith:8b", allow=["remember"])
    assert [one.outcome for one in done] == ["done"]
    assert len(made) == 1
    assert "remembered" in text


async def test_models_and_presets_are_compared_on_one_prompt(chinwag: Chinwag) -> None:
    found = await chinwag.compare("hello", ["fast:1b", "precise"])
    assert [one.contender_index for one in found] == [0, 1]
    assert all(one.answer.is_whole for one in found)


async def test_a_benchmark_gives_the_figures_of_each_case(chinwag: Chinwag) -> None:
    rounds: list[Round] = []
    plan = BenchmarkPlan(models=("fast:1b",), repeats=2, warm_ups=1, answer_tokens=8)
    figures = await chinwag.benchmark(plan, on_round=rounds.append)
    assert [one.rounds for one in figures] == [2]
    assert len(rounds) == 3


async def test_a_conversation_is_kept_and_opened_again(server: DemoServer, tmp_path: Path) -> None:
    environ = clean_environment(tmp_path)
    async with Chinwag(host=server.url, environ=environ) as first:
        session = await first.conversation(model="fast:1b")
        await session.ask("about the weather")
        await session.settled()
        said = session.conversation.messages[-1].text
    assert said
    async with Chinwag(host=server.url, environ=environ) as second:
        assert [one.title for one in await second.conversations()] == ["about the weather"]
        again = await second.conversation(session.id)
        assert again.conversation.messages[-1].text == said


async def test_embeddings_of_a_model_that_has_none_are_refused(chinwag: Chinwag) -> None:
    vectors = (await chinwag.embed(["a", "b"], model="embed:small")).vectors
    assert [len(one) for one in vectors] == [384, 384]
    with pytest.raises(EngineError):
        await chinwag.embed("a", model="nothing:1b")


def test_a_program_that_is_not_async_asks_by_a_plain_call(tmp_path: Path) -> None:
    code = "from tui import ask_once; print(ask_once('hello', is_demo=True, model='fast:1b').is_whole)"
    environment = clean_environment(tmp_path, PYTHONPATH=str(REPOSITORY))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


async def test_nothing_can_be_asked_before_it_is_open() -> None:
    with pytest.raises(RuntimeError, match="async with Chinwag"):
        await Chinwag().ask("hello")


async def test_a_host_that_cannot_be_one_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(Failure):
        async with asyncio.timeout(60), Chinwag(host="http://[", environ=clean_environment(tmp_path)):
            pass
