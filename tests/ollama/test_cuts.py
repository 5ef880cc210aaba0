"""Every recording of a real server cut anywhere: what is heard is what had come by then, and never more."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from tests.ollama.meeting import every
from tests.ollama.test_damaged_answers import HOST, check, what_leaves
from tests.ollama.test_recordings import asked, spoken
from tests.ollama.test_recordings_of_work import embedding, generating, moving
from tests.replay import Recording, recordings
from tui.engine import Chunk, ErrorKind, FinalCounts, Progress
from tui.ollama import ndjson, wire
from tui.ollama.chat_stream import ChatStream
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError
from tui.ollama.inline_thinking import InlineThinking
from tui.ollama.refusals import error_of_refusal, refusal_of_body
from tui.ollama.transfer_errors import Transfer
from tui.ollama.transfer_stream import TransferStream

RECORDINGS = recordings()
SPOKEN = [n for n, r in RECORDINGS.items() if r.path in {"/api/chat", "/api/generate"} and r.status == 200]
MOVED = [n for n, r in RECORDINGS.items() if r.path in {"/api/pull", "/api/push", "/api/create"} and r.status == 200]
REFUSED = [n for n, r in RECORDINGS.items() if r.status >= 400]
AT_ONCE = [
    n for n, r in RECORDINGS.items() if r.status == 200 and r.data.startswith(b"{") and n not in {*SPOKEN, *MOVED}
]


def test_every_recording_is_cut() -> None:
    others = {n for n, r in RECORDINGS.items() if not r.data or r.path == "/"}
    assert {*SPOKEN, *MOVED, *REFUSED, *AT_ONCE} | others == set(RECORDINGS)


@dataclass(frozen=True)
class Cut:
    """A stream cut somewhere in a line."""

    before: bytes
    """The lines before, each with its newline."""
    tail: bytes
    """What came of the line."""
    whole: list[Any]
    """Every object that had come by then, in the test's own reading; the last one needs no newline."""

    @property
    def is_in_an_object(self) -> bool:
        return bool(self.tail) and not self.tail.endswith(b"}")


def lines_of(data: bytes) -> list[bytes]:
    *lines, last = data.split(b"\n")
    return [*(line + b"\n" for line in lines), *([last] if last else [])]


def cuts_of(line: bytes, before: bytes, whole: list[Any]) -> Iterator[Cut]:
    """At every byte of the first lines; further on, where one line is like the other, at every fifth."""
    end = line.rstrip(b"\n")
    for length in range(0, len(end), 1 if len(before) < 3000 else 5):
        yield Cut(before, line[:length], whole)
    yield Cut(before, end, [*whole, json.loads(end)])


def read_to_the_end(stream: Any, tail: bytes) -> tuple[list[Any], OllamaError | None]:
    """What a stream that had come so far gives more when this comes and then no more."""
    parts: list[Any] = []
    try:
        for part in stream.feed(tail):
            parts.append(part)  # noqa: PERF402  those before an error are wanted
        for part in stream.finish():
            parts.append(part)  # noqa: PERF402
    except OllamaError as error:
        return parts, error
    return parts, None


def told_of(parts: list[Any]) -> tuple[str, str, int]:
    chunks = [part for part in parts if isinstance(part, Chunk)]
    counts = sum(isinstance(part, FinalCounts) for part in parts)
    return "".join(chunk.thinking for chunk in chunks), "".join(chunk.text for chunk in chunks), counts


@pytest.mark.parametrize("name", SPOKEN)
def test_an_answer_cut_at_any_byte_keeps_what_had_come(name: str) -> None:
    recording = RECORDINGS[name]
    said = wire.said_in_chat if recording.path == "/api/chat" else wire.said_in_generate
    misfits = wire.Misfits()
    stream = ChatStream(host=HOST, model="m", misfits=misfits, said=said, inline=InlineThinking())
    kept = {id(HOST): HOST, id(misfits): misfits, id(said): said}
    heard: list[Any] = []
    whole: list[Any] = []
    before = b""
    for line in lines_of(recording.data):
        thinking, text, counts = told_of(heard)
        wanted: dict[int, tuple[str, str, int]] = {}
        for cut in cuts_of(line, before, whole):
            parts, error = read_to_the_end(deepcopy(stream, dict(kept)), cut.tail)
            count = len(cut.whole)
            if count not in wanted:
                wanted[count] = expected(recording, cut.whole)
            more_thinking, more_text, more_counts = told_of(parts)
            assert (thinking + more_thinking, text + more_text, counts + more_counts) == wanted[count]
            is_done = wanted[count][2] > 0
            assert (error is None) == is_done
            assert error is None or says_why(error, cut)
        try:
            for part in stream.feed(line):
                heard.append(part)  # noqa: PERF402
        except OllamaError:
            break
        before, whole = before + line, [*whole, json.loads(line)]


def expected(recording: Recording, whole: list[Any]) -> tuple[str, str, int]:
    if recording.path == "/api/generate":
        keys = {"response": "content", "thinking": "thinking"}
        whole = [
            {**entry, "message": {to: entry[key] for key, to in keys.items() if key in entry}}
            for entry in whole
            if "response" in entry
        ]
    thinking, text = spoken(whole)
    return thinking, text, sum(bool(entry.get("done")) for entry in whole)


def says_why(error: OllamaError, cut: Cut) -> bool:
    if any("error" in entry for entry in cut.whole):
        return bool(error.message)
    return error.kind in {ErrorKind.broken_off, ErrorKind.unreadable}


@pytest.mark.parametrize("name", MOVED)
def test_a_move_cut_at_any_byte_is_not_taken_for_done(name: str) -> None:
    recording = RECORDINGS[name]
    misfits = wire.Misfits()
    transfer = Transfer(recording.path.removeprefix("/api/"))
    stream = TransferStream(transfer=transfer, host=HOST, model="m", misfits=misfits)
    kept = {id(HOST): HOST, id(misfits): misfits}
    heard: list[Any] = []
    whole: list[Any] = []
    before = b""
    for line in lines_of(recording.data):
        for cut in cuts_of(line, before, whole):
            parts, error = read_to_the_end(deepcopy(stream, dict(kept)), cut.tail)
            steps = [part for part in (*heard, *parts) if isinstance(part, Progress)]
            statuses = [entry["status"] for entry in cut.whole if "status" in entry]
            assert [step.status for step in steps] == statuses
            is_done = statuses[-1:] == ["success"]
            assert (error is None) == is_done
            assert [step.is_done for step in steps].count(True) == int(is_done)
            assert error is None or says_why_not(error, cut)
        try:
            for part in stream.feed(line):
                heard.append(part)  # noqa: PERF402
        except OllamaError:
            break
        before, whole = before + line, [*whole, json.loads(line)]


def says_why_not(error: OllamaError, cut: Cut) -> bool:
    if any("error" in entry for entry in cut.whole):
        return bool(error.message)
    in_first_line = not cut.whole and cut.is_in_an_object
    return error.kind is (ErrorKind.unreadable if in_first_line else ErrorKind.broken_off)


@pytest.mark.parametrize("name", AT_ONCE)
def test_an_answer_in_one_piece_is_whole_or_no_answer(name: str) -> None:
    data = RECORDINGS[name].data.rstrip()
    # The middle of a large one is a list of words or numbers.
    for length in (*range(min(len(data), 1500)), *range(1500, len(data), 23), len(data) - 1):
        with pytest.raises(ndjson.NotJsonError):
            ndjson.decoded(data[:length])
    assert ndjson.decoded(data) == json.loads(data)


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_cut_at_any_byte_is_a_refusal_in_words(name: str) -> None:
    recording = RECORDINGS[name]
    for length in range(len(recording.data) + 1):
        refusal = refusal_of_body(recording.data[:length], status=recording.status, headers={})
        error = error_of_refusal(refusal, host=HOST, model="m")
        assert error.title
        assert error.advice
        assert error.status == recording.status
        assert "\n" not in f"{error.title}{error.message}"


def asking(name: str) -> Callable[[OllamaClient], Awaitable[Any]] | None:
    """The recorded request through the client."""
    recording = RECORDINGS[name]
    body = recording.body if isinstance(recording.body, dict) else {}
    match recording.path:
        case "/api/chat":
            return lambda client: every(client.chat(asked(recording)))
        case "/api/generate":
            return lambda client: every(client.generate(generating({"model": "m", **body})))
        case "/api/pull" | "/api/push":
            return lambda client: every(moving(name, client))
        case "/api/create" if body.get("model"):
            return lambda client: every(moving(name, client))
        case "/api/embed" if "input" in body:
            return lambda client: client.embed(embedding({**body, "input": body["input"] or []}))
        case "/api/embeddings":
            return lambda client: client.embed_as_before("m", "a")
        case "/api/show":
            return lambda client: client.show_model("m")
        case "/api/tags":
            return OllamaClient.list_models
        case "/api/ps":
            return OllamaClient.list_running
        case "/api/version":
            return OllamaClient.version
        case "/api/status":
            return OllamaClient.cloud_status
        case "/api/me":
            return OllamaClient.account
        case "/api/experimental/model-recommendations":
            return OllamaClient.recommended_models
        case _:
            return None  # it has no body that is read, or is no way of the client's to ask


ASKED = [name for name in RECORDINGS if asking(name) is not None]


@pytest.mark.parametrize("name", ASKED)
def test_a_recording_cut_in_the_client_is_an_answer_or_our_error(name: str) -> None:
    """The cuts that matter most, over the whole way: at both ends, and behind each of the first lines."""
    recording, call = RECORDINGS[name], asking(name)
    assert call is not None
    ends_at = len(recording.data.rstrip())
    line_ends = [index for index, byte in enumerate(recording.data[:3000]) if byte == 10][:3]
    whole = what_leaves(call, recording.status, [recording.data])
    check(whole)
    for cut in sorted({0, 1, ends_at // 2, ends_at - 1, *line_ends} & set(range(ends_at))):
        left = what_leaves(call, recording.status, [recording.data[:cut]])
        check(left)
        assert isinstance(left, OllamaError)
        assert left.request_id or "cannot be sent" in left.title
