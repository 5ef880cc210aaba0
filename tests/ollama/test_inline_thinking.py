"""Thinking that stands in the text, taken out of it wherever the pieces were cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ollama.meeting import REQUEST, answers, meeting
from tests.ollama.test_chat_stream import DONE, HOST, line
from tests.replay import recordings
from tui.engine import Chunk, ErrorKind, FinalCounts
from tui.ollama import wire
from tui.ollama.chat_stream import ChatStream
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError, OllamaStreamError
from tui.ollama.inline_thinking import InlineThinking
from tui.ollama.requests import GenerateRequest


def split(*pieces: str, is_open: bool = False) -> tuple[str, str]:
    inline = InlineThinking(is_open=is_open)
    given_parts = [*(inline.split(piece) for piece in pieces), inline.end()]
    return "".join(thinking for thinking, _ in given_parts), "".join(text for _, text in given_parts)


@pytest.mark.parametrize(
    ("said", "thinking", "text"),
    [
        ("<think>\nhm\n</think>\n\nfour", "hm\n", "four"),
        (" \n<think>hm</think>four", "hm", "four"),
        ("<think></think>four", "", "four"),
        ("<think>\n\n</think>\n\nfour", "", "four"),
        ("<think>hm", "hm", ""),
        ("<think>hm</thin", "hm</thin", ""),
        ("<think>a </thin b</think>c", "a </thin b", "c"),
        ("<think>a</think>b<think>c</think>d", "a", "b<think>c</think>d"),
        ("<think>a</think>b</think>c", "a", "b</think>c"),
        ("four", "", "four"),
        ("  four", "", "  four"),
        ("so <think>hm</think>", "", "so <think>hm</think>"),
        ("</think>four", "", "</think>four"),
        ("<thinking>four", "", "<thinking>four"),
        ("<think", "", "<think"),
        ("<", "", "<"),
        (" \n", "", " \n"),
        ("", "", ""),
        ("`<think>` is a tag", "", "`<think>` is a tag"),
    ],
)
def test_thinking_is_taken_out_only_at_the_beginning(said: str, thinking: str, text: str) -> None:
    assert split(said) == (thinking, text)
    assert split(*said) == (thinking, text)


@pytest.mark.parametrize(
    ("said", "thinking", "text"),
    [("hm\n</think>\n\nfour", "hm\n", "four"), ("\n hm", "hm", ""), ("</think>four", "", "four"), ("", "", "")],
)
def test_a_template_may_have_opened_it(said: str, thinking: str, text: str) -> None:
    assert split(said, is_open=True) == (thinking, text)
    assert split(*said, is_open=True) == (thinking, text)


PIECES = st.lists(st.sampled_from(["<think>", "</think>", "<thi", "nk>", "</", "think", ">", " ", "\n", "a", "é👍"]))


@settings(max_examples=400, deadline=None)
@given(PIECES, st.data(), st.booleans())
@example(["<think>", "a", "</think>"], None, False)
def test_what_is_said_does_not_depend_on_the_cuts_and_no_letter_is_lost(
    pieces: list[str], data: Any, is_open: bool
) -> None:
    said = "".join(pieces)
    cuts = [] if data is None else sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=10)))
    parts = [said[start:end] for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    whole = split(said, is_open=is_open)
    assert split(*parts, is_open=is_open) == whole
    assert split(*said, is_open=is_open) == whole
    thinking, text = whole
    letters = "".join(f"{thinking}{text}".split())
    # What is missing is white space, and one tag that opens and one that closes at most.
    assert "".join(said.split()) in {
        letters,
        f"<think>{letters}",
        "".join(f"<think>{thinking}</think>{text}".split()),
        "".join(f"{thinking}</think>{text}".split()),
    }


class Heard:
    def __init__(self, *parts: bytes) -> None:
        stream = ChatStream(host=HOST, model="m", misfits=wire.Misfits(), inline=InlineThinking())
        self.given: list[Chunk | FinalCounts] = []
        self.error: OllamaError | None = None
        try:
            for part in parts:
                for found in stream.feed(part):
                    self.given.append(found)
            for found in stream.finish():
                self.given.append(found)
        except OllamaError as error:
            self.error = error

    def story(self) -> tuple[Any, ...]:
        chunks = [part for part in self.given if isinstance(part, Chunk)]
        counts = [part for part in self.given if isinstance(part, FinalCounts)]
        calls = [call for chunk in chunks for call in chunk.tool_calls]
        return (
            "".join(chunk.thinking for chunk in chunks),
            "".join(chunk.text for chunk in chunks),
            calls,
            sum(chunk.pieces for chunk in chunks),
            counts,
            str(self.error),
        )


STREAMS = {
    name: recording.data
    for name, recording in recordings().items()
    if recording.path == "/api/chat" and recording.status == 200 and len(recording.data) < 12_000
}


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_stream_with_tags_says_the_same_wherever_it_is_split(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(STREAMS)))
    whole = STREAMS[name]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=30)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert Heard(*parts).story() == Heard(whole).story()


def test_thinking_comes_while_it_is_thought() -> None:
    heard = Heard(line("<thi"), line("nk>\nhm"), line(" so</"), line("b></think>"), line("\n\nfour"), DONE)
    chunks = [part for part in heard.given if isinstance(part, Chunk)]
    assert [(chunk.thinking, chunk.text) for chunk in chunks] == [("hm", ""), (" so", ""), ("</b>", ""), ("", "four")]
    assert [chunk.pieces for chunk in chunks] == [2, 1, 1, 1]


def test_a_server_that_tells_thinking_apart_keeps_its_tags_in_the_text() -> None:
    heard = Heard(line("", message={"thinking": "hm"}), line("<think>is a tag</think>"), DONE)
    assert heard.story()[:2] == ("hm", "<think>is a tag</think>")
    heard = Heard(line(" \n"), line("", message={"thinking": "hm"}), line("<think>"), DONE)
    assert heard.story()[:2] == ("hm", " \n<think>")


@pytest.mark.parametrize("said", ["<thi", "  ", "<think>hm</thi"])
@pytest.mark.parametrize("end", [b"", b'{"error":"it broke"}\n', b"garbage\n", b'{"message":{"content":"x'])
def test_what_was_held_survives_an_answer_that_breaks_off(said: str, end: bytes) -> None:
    heard = Heard(line(said), end)
    thinking, text = split(said)
    assert heard.story()[:2] == (thinking, text)
    assert isinstance(heard.error, OllamaStreamError)
    assert heard.error.kind in {ErrorKind.broken_off, ErrorKind.unreadable}


def generated(*pieces: str) -> bytes:
    lines = [json.dumps({"response": piece, "done": False}) for piece in pieces]
    return "\n".join([*lines, '{"response":"","done":true,"done_reason":"stop"}', ""]).encode()


async def generation(client: OllamaClient, request: GenerateRequest) -> tuple[str, str]:
    parts = [part async for part in client.generate(request) if isinstance(part, Chunk)]
    return "".join(part.thinking for part in parts), "".join(part.text for part in parts)


async def test_a_raw_prompt_and_a_gap_are_answered_word_for_word() -> None:
    async with meeting(answers(generated("<think>", "a</think>", "b"))) as (client, server):
        assert await generation(client, GenerateRequest(model="m", prompt="p")) == ("a", "b")
        said = "", "<think>a</think>b"
        assert await generation(client, GenerateRequest(model="m", prompt="p", raw=True)) == said
        assert await generation(client, GenerateRequest(model="m", prompt="p", suffix="q")) == said
        assert "thinking_is_open" not in server.visits[0].json()


async def test_a_generation_inside_thinking_is_told_apart_when_the_caller_knows() -> None:
    data = recordings()["generate-thinking-native"].data
    async with meeting(answers(data)) as (client, _):
        thinking, text = await generation(client, GenerateRequest(model="m", prompt="p", thinking_is_open=True))
    assert (thinking, text) == ("The user asks for a color. The sky is blue.\n", "The sky is blue.")


async def test_an_answer_that_is_not_streamed_is_folded_too() -> None:
    body = {"message": {"role": "assistant", "content": "<think>hm</think>four"}, "done": True, "done_reason": "stop"}
    async with meeting(answers(json.dumps(body).encode())) as (client, _):
        (chunk, _) = [part async for part in client.chat(REQUEST)]
    assert isinstance(chunk, Chunk)
    assert (chunk.thinking, chunk.text, chunk.pieces) == ("hm", "four", 1)
