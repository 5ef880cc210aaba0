"""The log of requests: what a line says, what it never says, and that nothing breaks when it cannot be written."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
import threading
from collections.abc import Callable, Sequence
from contextlib import aclosing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.ollama.meeting import CALLS, DONE, LONG_CALLS, REQUEST, SHORT_CALLS, answers, every, meeting, piece, texts
from tests.replay import Visit
from tui.engine import ChatMessage, ChatRequest, Retry
from tui.failures import Failure
from tui.ollama.client import OllamaClient
from tui.ollama.credentials import Credentials
from tui.ollama.errors import OllamaError
from tui.ollama.request_log import LONGEST_TEXT_BYTES, Record, RequestLog
from tui.ollama.requests import EmbedRequest, GenerateRequest
from tui.ollama.retries import RetryPolicy

SECRET_TEXT = "the cat's name is Mitzi"
ASKED = ChatRequest(
    model="qwen3:8b",
    messages=(ChatMessage(role="user", text=SECRET_TEXT),),
    metadata={"conversation": "c-1", "turn": 3},
)
ANSWER = piece("Mitzi it is") + DONE


def lines(folder: Path, name: str = "requests.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text("ascii").splitlines()]


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


def record(**fields: Any) -> Record:
    return Record(fields=fields, metadata={}, secrets=())


async def test_a_line_says_who_asked_what_and_what_came_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "log"
    log = RequestLog(folder, now=lambda: 1_800_000_000.5)
    async with log, meeting(answers(ANSWER), log=log, new_id=ids()) as (client, server):
        assert await texts(client, ASKED) == ["Mitzi it is"]
        sent_bytes = len(server.visits[0].body)
        assert b"metadata" not in server.visits[0].body
    (line,) = lines(folder)
    seconds, first_byte_seconds = line.pop("seconds"), line.pop("first_byte_seconds")
    assert 0 <= first_byte_seconds <= seconds
    assert line == {
        "at": "2027-01-15T08:00:00.500Z",
        "id": "id-1",
        "retries": 0,
        "host": client.host.name,
        "method": "POST",
        "endpoint": "/api/chat",
        "model": "qwen3:8b",
        "status": 200,
        "outcome": "answered",
        "sent_bytes": sent_bytes,
        "received_bytes": len(ANSWER),
        "counts": {"done_reason": "stop", "answer_tokens": 2},
        "metadata": {"conversation": "c-1", "turn": 3},
    }
    assert stat.S_IMODE((folder / "requests.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_without_a_log_nothing_is_written(tmp_path: Path) -> None:
    async with RequestLog(tmp_path / "log") as log, meeting(answers(ANSWER)) as (client, _):
        await texts(client, ASKED)
    assert not log.file.parent.exists()


@pytest.mark.parametrize("call", CALLS)
async def test_every_request_leaves_a_line_with_an_id_and_without_a_word(
    call: Callable[[OllamaClient], Any], tmp_path: Path
) -> None:
    body = b'{"error":"what was said: Mitzi"}'
    async with RequestLog(tmp_path) as log, meeting(answers(body, 500), log=log, new_id=ids()) as (client, server):
        with pytest.raises((OllamaError, AssertionError)) as error:
            assert await call(client) is None  # a few take any answer for an answer
        asked = [visit.path for visit in server.visits]
    written = lines(tmp_path)
    assert [line["endpoint"] for line in written] == asked
    assert all(line["id"] and line["status"] == 500 for line in written)
    assert "Mitzi" not in (tmp_path / "requests.jsonl").read_text()
    if isinstance(error.value, OllamaError):
        assert error.value.request_id == written[-1]["id"]


async def test_text_is_written_only_when_asked_for_and_cut(tmp_path: Path) -> None:
    long = piece("x" * 2 * LONGEST_TEXT_BYTES) + DONE
    async with RequestLog(tmp_path, with_text=True) as log, meeting(answers(long), log=log) as (client, _):
        await texts(client, ASKED)
    (line,) = lines(tmp_path)
    assert SECRET_TEXT in json.loads(line["request"])["messages"][0]["content"]
    assert line["answer"] == long[:LONGEST_TEXT_BYTES].decode()
    assert line["received_bytes"] == len(long)


@pytest.mark.parametrize("with_text", [False, True])
async def test_a_key_is_never_written_even_when_the_server_repeats_it(with_text: bool, tmp_path: Path) -> None:
    key, cookie = 'sk-"very\\secret"-1234', "session=0123456789"

    async def parrot(visit: Visit) -> None:
        await visit.answer(json.dumps({"error": f"you sent {json.dumps(visit.headers)}"}).encode(), 401)

    async with RequestLog(tmp_path, with_text=with_text) as log, meeting(parrot) as (probe, server):
        credentials = Credentials(url=probe.host.url, api_key=key, headers={"cookie": cookie})
        async with OllamaClient(probe.host, environ={}, credentials=credentials, log=log) as client:
            with pytest.raises(OllamaError):
                await client.version()
            with pytest.raises(OllamaError):
                await texts(client, ASKED)
        assert server.visits[0].headers["authorization"] == f"Bearer {key}"
    assert "secret" not in repr(credentials)
    written = (tmp_path / "requests.jsonl").read_text()
    assert len(lines(tmp_path)) == 2
    assert "very" not in written
    assert "0123456789" not in written
    assert ("you sent" in written) == with_text


async def test_retries_are_lines_of_one_id(tmp_path: Path) -> None:
    retries: list[Retry] = []

    async def sleep(seconds: float) -> None:
        if seconds >= 5:
            await asyncio.Event().wait()

    async with (
        RequestLog(tmp_path) as log,
        meeting(
            answers(b'{"error":"server busy"}', 503),
            log=log,
            new_id=ids(),
            sleep=sleep,
            retries=RetryPolicy(attempts=3),
            on_retry=retries.append,
        ) as (client, _),
    ):
        with pytest.raises(OllamaError) as error:
            await texts(client, ASKED)
    written = lines(tmp_path)
    assert [(line["id"], line["retries"], line["outcome"]) for line in written] == [
        ("id-1", 0, "busy"),
        ("id-1", 1, "busy"),
        ("id-1", 2, "busy"),
    ]
    assert error.value.request_id == "id-1"
    assert [retry.error.request_id for retry in retries] == ["id-1", "id-1"]


async def test_leaving_and_hanging_up_are_told(tmp_path: Path) -> None:
    async def answer(visit: Visit) -> None:
        await visit.begin(200, ("Content-Type", "application/x-ndjson"))
        await visit.raw(piece("a"))
        await visit.until_hung_up()

    async with RequestLog(tmp_path) as log, meeting(answer, log=log) as (client, _):
        async with aclosing(client.chat(REQUEST)) as parts:
            await anext(parts)
        asking = asyncio.create_task(texts(client))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert lines(tmp_path)[0]["outcome"] == "left"
    assert lines(tmp_path)[0]["received_bytes"] == len(piece("a"))


async def test_a_server_that_is_not_there_is_a_line_too(tmp_path: Path) -> None:
    async with meeting(answers(b"")) as (client, _):
        host = client.host
    async with RequestLog(tmp_path) as log, OllamaClient(host, environ={}, log=log) as client:
        with pytest.raises(OllamaError):
            await client.version()
    (line,) = lines(tmp_path)
    assert (line["status"], line["outcome"], line["first_byte_seconds"]) == (None, "unreachable", None)
    assert line["error"].startswith("no connection to ")


async def test_files_are_moved_on_and_only_so_many_stay(tmp_path: Path) -> None:
    log = RequestLog(tmp_path, largest_bytes=100, kept_files=2)
    for number in range(8):
        log.note(record(number=number, filling="x" * 100))
        await log.flush()
    await log.aclose()
    kept = {file.name: [line["number"] for line in lines(tmp_path, file.name)] for file in tmp_path.iterdir()}
    assert kept == {"requests.jsonl": [7], "requests.1.jsonl": [6], "requests.2.jsonl": [5]}
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in tmp_path.iterdir())


async def test_none_but_the_newest_file_may_be_kept(tmp_path: Path) -> None:
    async with RequestLog(tmp_path, largest_bytes=10, kept_files=0) as log:
        for number in range(3):
            log.note(record(number=number))
            await log.flush()
    assert [file.name for file in tmp_path.iterdir()] == ["requests.jsonl"]
    assert [line["number"] for line in lines(tmp_path)] == [2]


async def test_two_logs_in_one_folder_lose_no_line(tmp_path: Path) -> None:
    logs = [RequestLog(tmp_path, largest_bytes=300, kept_files=1000) for _ in range(2)]
    for number in range(40):
        logs[number % 2].note(record(number=number, filling="x" * 50))
        await asyncio.sleep(0)
    for log in logs:
        await log.aclose()
    found = [line["number"] for file in tmp_path.iterdir() for line in lines(tmp_path, file.name)]
    assert sorted(found) == list(range(40))
    assert [log.lost_lines for log in logs] == [0, 0]


async def test_a_line_that_was_cut_off_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").write_bytes(b'{"id":"half')
    (tmp_path / "requests.jsonl").chmod(0o644)
    async with RequestLog(tmp_path) as log:
        log.note(record(id="whole"))
    assert (tmp_path / "requests.jsonl").read_bytes() == b'{"id":"half\n{"id": "whole"}\n'
    assert stat.S_IMODE((tmp_path / "requests.jsonl").stat().st_mode) == 0o600


async def test_a_full_disk_breaks_no_request_and_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_full = True
    write = os.write

    def written(descriptor: int, data: Any) -> int:
        if is_full and threading.current_thread() is not threading.main_thread():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", written)
    told: list[Failure] = []
    log = RequestLog(tmp_path, on_failure=told.append)
    failures = []
    async with log, meeting(answers(ANSWER), log=log) as (client, _):
        for number in range(4):
            is_full = number < 3
            assert await texts(client, ASKED) == ["Mitzi it is"]
            await log.flush()
            failures.append(log.failure)
    assert [failure is not None for failure in failures] == [True, True, True, False]
    assert log.lost_lines == 3
    (failure,) = told
    assert "no space left" in failure.message.lower()
    assert failure.advice
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize("what", ["a file for a folder", "a folder", "a pipe", "a link"])
async def test_a_place_that_cannot_be_written_breaks_no_request(what: str, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    elsewhere = tmp_path / "elsewhere"
    if what == "a file for a folder":
        folder.write_text("")
    else:
        folder.mkdir()
        file = folder / "requests.jsonl"
        if what == "a folder":
            file.mkdir()
        elif what == "a pipe":
            os.mkfifo(file)
        else:
            file.symlink_to(elsewhere)
    async with RequestLog(folder) as log, meeting(answers(ANSWER), log=log) as (client, _):
        assert await texts(client, ASKED) == ["Mitzi it is"]
    assert log.failure is not None
    assert log.lost_lines == 1
    assert not elsewhere.exists()


async def test_a_slow_disk_holds_up_neither_the_loop_nor_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()
    log = RequestLog(tmp_path)
    write_now = log._write

    def write_later(records: Sequence[Record]) -> None:
        may_write.wait(30)
        write_now(records)

    monkeypatch.setattr(log, "_write", write_later)
    for number in range(3000):
        log.note(record(number=number))
        if number == 0:
            await asyncio.sleep(0)
    assert log.lost_lines > 1500
    may_write.set()
    await log.aclose()
    assert len(lines(tmp_path)) == 3000 - log.lost_lines
    log.note(record(number=-1))
    assert len(lines(tmp_path)) == 3000 - log.lost_lines + 1


async def test_metadata_that_json_cannot_say_does_not_cost_the_line(tmp_path: Path) -> None:
    endless: dict[str, Any] = {}
    endless["me"] = endless
    odd: list[dict[Any, Any]] = [{"path": Path("/x"), "set": {1}}, endless, {(1, 2): 3}, {"x": float("nan")}]
    async with RequestLog(tmp_path) as log:
        for metadata in odd:
            log.note(Record(fields={"id": "a"}, metadata=metadata, secrets=()))
    written = lines(tmp_path)
    assert [line["id"] for line in written] == ["a"] * 4
    assert written[0]["metadata"] == {"path": "/x", "set": "{1}"}
    assert all(isinstance(line["metadata"], str) for line in written[1:])


async def test_the_callers_metadata_is_in_the_lines_of_all_that_takes_some(tmp_path: Path) -> None:
    note = {"who": "me"}
    calls: list[Callable[[OllamaClient], Any]] = [
        lambda client: every(client.generate(GenerateRequest(model="m", prompt="a", metadata=note))),
        lambda client: client.embed(EmbedRequest(model="m", texts=("a",), metadata=note)),
        lambda client: every(client.pull_model("m", metadata=note)),
        lambda client: every(client.push_model("m", metadata=note)),
    ]
    async with RequestLog(tmp_path) as log, meeting(answers(b"{}", 400), log=log) as (client, server):
        for call in calls:
            with pytest.raises(OllamaError):
                await call(client)
        assert not any(b"who" in visit.body for visit in server.visits)
    assert [line["metadata"] for line in lines(tmp_path)] == [note] * 4
    assert len(SHORT_CALLS) + len(LONG_CALLS) == len(CALLS)
