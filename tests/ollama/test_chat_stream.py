from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay import recordings
from tui.engine import Chunk, EngineError, ErrorKind, FinalCounts
from tui.ollama import wire
from tui.ollama.address import parse_host
from tui.ollama.chat_stream import ChatStream
from tui.ollama.errors import OllamaError, OllamaModelError, OllamaResponseError, OllamaStreamError

HOST = parse_host("gpu-box", source="test")
STREAMS = {
    name: recording.data
    for name, recording in recordings().items()
    if recording.path == "/api/chat" and recording.status == 200 and len(recording.data) < 12_000
}


class Heard:
    """Everything that one stream gave, however it ended."""

    def __init__(self, *parts: bytes, longest_text_bytes: int = 1 << 20) -> None:
        self.misfits = wire.Misfits()
        self.given: list[Chunk | FinalCounts] = []
        self.error: OllamaError | None = None
        stream = ChatStream(host=HOST, model="qwen3:8b", misfits=self.misfits, longest_text_bytes=longest_text_bytes)
        try:
            for part in parts:
                for found in stream.feed(part):
                    self.given.append(found)
            for found in stream.finish():
                self.given.append(found)
        except OllamaError as error:
            self.error = error

    @property
    def chunks(self) -> list[Chunk]:
        return [part for part in self.given if isinstance(part, Chunk)]

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def thinking(self) -> str:
        return "".join(chunk.thinking for chunk in self.chunks)

    @property
    def counts(self) -> list[FinalCounts]:
        return [part for part in self.given if isinstance(part, FinalCounts)]

    def story(self) -> tuple[object, ...]:
        """What must not depend on where the bytes were split."""
        calls = [call for chunk in self.chunks for call in chunk.tool_calls]
        pieces = sum(chunk.pieces for chunk in self.chunks)
        return self.text, self.thinking, calls, pieces, self.counts, str(self.error), type(self.error)


def line(content: str = "", **more: Any) -> bytes:
    message = {"role": "assistant", "content": content, **more.pop("message", {})}
    return json.dumps({"model": "m", "message": message, "done": False, **more}).encode() + b"\n"


DONE = line(done=True, done_reason="stop", eval_count=3, eval_duration=10**9)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_stream_says_the_same_wherever_it_is_split(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(STREAMS)))
    whole = STREAMS[name]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=30)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert Heard(*parts).story() == Heard(whole).story()


@pytest.mark.parametrize("name", ["text-emoji", "tools-native-two-calls", "error-midstream-native"])
def test_a_stream_says_the_same_byte_by_byte(name: str) -> None:
    whole = STREAMS[name]
    assert Heard(*(bytes([byte]) for byte in whole)).story() == Heard(whole).story()


WRECKS = [
    b"NaN",
    b"1e999",
    b"-5",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"9" * 5000,
    b"\xff",
    b"\x00",
    b'\\ud800"',
    b"[" * 9999,
    b"\n",
]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_stream_never_raises_anything_but_our_error(data: st.DataObject) -> None:
    damaged = bytearray(STREAMS[data.draw(st.sampled_from(sorted(STREAMS)))])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        length = data.draw(st.integers(0, 40))
        damaged[at : at + length] = data.draw(st.sampled_from(WRECKS) | st.binary(max_size=6))
    heard = Heard(bytes(damaged))
    assert len(heard.counts) <= 1
    assert (heard.error is None) == (len(heard.counts) == 1)
    assert heard.error is None or isinstance(heard.error, EngineError)
    heard.text.encode("utf-8")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["function", "name", "id"]), inner),
    max_leaves=5,
)
KEYS = ["message", "done", "done_reason", "error", "eval_count", "eval_duration", "content", "thinking", "tool_calls"]
OBJECTS = st.dictionaries(st.sampled_from(KEYS), VALUES | st.dictionaries(st.sampled_from(KEYS), VALUES))


@settings(max_examples=100, deadline=None)
@given(st.lists(OBJECTS | VALUES, max_size=4))
def test_objects_with_any_field_of_any_type_are_read_or_refused(objects: list[Any]) -> None:
    heard = Heard(*(json.dumps(value).encode() + b"\n" for value in objects))
    assert (heard.error is None) == (len(heard.counts) == 1)
    for counts in heard.counts:
        assert counts.answer_tokens is None or counts.answer_tokens >= 0


def test_what_one_read_brings_is_one_chunk() -> None:
    heard = Heard(line("a") + line("b") + line("c"), line("d") + DONE)
    assert [(chunk.text, chunk.pieces) for chunk in heard.chunks] == [("abc", 3), ("d", 1)]
    assert heard.counts[0].answer_tokens == 3


def test_thinking_that_resumes_starts_a_chunk_so_that_the_order_is_kept() -> None:
    thought = line(message={"thinking": "hm"})
    heard = Heard(thought + line("a") + thought + line("b") + DONE)
    assert [(chunk.thinking, chunk.text) for chunk in heard.chunks] == [("hm", "a"), ("hm", "b")]


def test_a_tool_call_is_taken_from_the_last_object_too() -> None:
    call = {"id": "x", "function": {"name": "f", "arguments": {"a": 1}}}
    last = line(message={"tool_calls": [call]}, done=True, done_reason="stop")
    heard = Heard(line(message={"tool_calls": [call]}), last)
    assert [chunk.tool_calls[0].arguments for chunk in heard.chunks] == [{"a": 1}, {"a": 1}]
    assert len(heard.counts) == 1


def test_what_comes_after_done_is_ignored() -> None:
    heard = Heard(line("a") + DONE + line("b") + DONE + b"garbage")
    assert (heard.text, len(heard.counts), heard.error) == ("a", 1, None)


def test_a_reason_without_done_is_done() -> None:
    heard = Heard(line("a"), line(done_reason="length"))
    assert heard.error is None
    assert heard.counts[0].done_reason == "length"


def test_the_last_line_may_lack_its_newline() -> None:
    heard = Heard(line("a") + DONE.rstrip())
    assert (heard.text, heard.error) == ("a", None)


@pytest.mark.parametrize(
    ("data", "begun"),
    [
        (b"", False),
        (line("half an answer"), True),
        (line("half") + line("b")[:20], True),
        (line("half") + b'{"mess', True),
        (b"{}\n", False),
        (line("a", done="true"), True),
    ],
)
def test_an_end_without_done_is_an_answer_that_broke_off(data: bytes, begun: bool) -> None:
    heard = Heard(data)
    assert isinstance(heard.error, OllamaStreamError)
    assert heard.error.kind is ErrorKind.broken_off
    assert bool(heard.text) is begun


@pytest.mark.parametrize(
    "data", [b"<html>\n", b"null\n", b"[]\n", b"data: {}\n", b"<html>", b'"text"', b"3\n", b"NaN\n", b"{'a': 1}\n"]
)
def test_what_is_not_ollamas_language_is_unreadable(data: bytes) -> None:
    heard = Heard(data)
    assert isinstance(heard.error, OllamaResponseError)
    assert heard.error.kind is ErrorKind.unreadable
    assert heard.error.title == "gpu-box does not answer like ollama"


def test_nonsense_in_the_middle_keeps_what_came_before() -> None:
    heard = Heard(line("a") + b'{"message":{"content":NaN}}\n' + line("b") + DONE)
    assert heard.text == "a"
    assert isinstance(heard.error, OllamaStreamError)
    assert heard.error.kind is ErrorKind.unreadable


def test_an_error_before_the_first_word_is_a_refusal_though_the_status_was_200() -> None:
    heard = Heard(b'{"error":"model \'qwen3:8b\' not found"}\n')
    assert isinstance(heard.error, OllamaModelError)
    assert heard.error.kind is ErrorKind.model_missing


def test_an_error_in_the_middle_keeps_what_came_before() -> None:
    heard = Heard(line("a") + line("b") + b'{"error":"cudaMalloc failed: out of memory"}')
    assert heard.text == "ab"
    assert isinstance(heard.error, OllamaStreamError)
    assert heard.error.kind is ErrorKind.out_of_memory


def test_a_line_without_end_is_refused_after_what_came_before() -> None:
    heard = Heard(line("a"), *[b"x" * (1 << 20)] * 9)
    assert heard.text == "a"
    assert heard.error is not None
    assert heard.error.kind is ErrorKind.unreadable
    assert "8 MB" in heard.error.message


def test_a_text_without_end_is_refused_after_what_came_before() -> None:
    heard = Heard(*[line("x" * 100)] * 50, longest_text_bytes=2000)
    assert heard.text == "x" * 2000
    assert heard.error is not None
    assert heard.error.title == "the answer is too large"


def test_tool_calls_without_end_are_refused_too() -> None:
    call = line(message={"tool_calls": [{"function": {"name": "f", "arguments": {"a": "x" * 500}}}]})
    heard = Heard(*[call] * 50, longest_text_bytes=3000)
    assert heard.error is not None
    assert heard.error.kind is ErrorKind.unreadable


def test_wrong_types_are_counted_and_do_not_stop_the_answer() -> None:
    heard = Heard(line("a", eval_count="many"), line("b", message={"thinking": 3}), DONE)
    assert (heard.text, heard.error) == ("ab", None)
    assert heard.misfits.count == 2
