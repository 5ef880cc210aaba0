"""Every other recording of a real server, played to the client: models moved and made, texts gone on with, vectors."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.ollama import test_recordings
from tests.ollama.test_chat_stream import HOST
from tests.ollama.test_recordings import RECORDINGS, meeting, objects
from tui.engine import (
    ChatMessage,
    Chunk,
    ErrorKind,
    FinalCounts,
    LayerProgress,
    Progress,
    ProgressPhase,
)
from tui.ollama import wire
from tui.ollama.blobs import LocalFile, upload
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError, OllamaModelError, OllamaResponseError, OllamaStreamError
from tui.ollama.replies import CloudStatus, RecommendedModel
from tui.ollama.requests import CreateRequest, EmbedRequest, GenerateRequest
from tui.ollama.transfer_errors import Transfer
from tui.ollama.transfer_stream import TransferStream


@dataclass(frozen=True)
class Moved:
    """A pull, a push or a create that ended with success."""

    lines: int
    layers: int
    seen_bytes: int


@dataclass(frozen=True)
class Refused:
    kind: ErrorKind
    title: str
    words: str
    lines: int = 1
    """How many lines came before the no."""


MOVED = {
    "pull-cached": Moved(9, 5, 12000846),
    "pull-nostream": Moved(1, 0, 0),
    "pull-resumed": Moved(30, 4, 12000328),
    "pull-retry": Moved(88, 4, 8000584),
    "pull-shared": Moved(25, 5, 8001102),
    "pull-stalled": Moved(74, 5, 4001358),
    "pull-success": Moved(45, 2, 11999725),
    "pull-update": Moved(9, 4, 12000266),
    "push-success": Moved(110, 5, 12000846),
    "create-from-files": Moved(8, 0, 0),
    "create-from-model": Moved(7, 0, 0),
}

NOT_MOVED = {
    "pull-error-503": Refused(ErrorKind.refused, "does not reach the registry", "503: upstream connect error"),
    "pull-error-digest": Refused(ErrorKind.refused, "came damaged", "digest mismatch", lines=14),
    "pull-error-insecure-host": Refused(ErrorKind.refused, "does not reach the registry", "no such host"),
    "pull-error-max-retries": Refused(ErrorKind.refused, "does not reach the registry", "max retries", lines=27),
    "pull-error-missing-layer": Refused(ErrorKind.refused, "the registry lacks a part of", "does not exist", lines=2),
    "pull-error-mlx": Refused(ErrorKind.lacks_capability, "cannot run registry.example.com/library/mlx", "MLX"),
    "pull-error-network": Refused(ErrorKind.refused, "does not reach the registry", "no such host"),
    "pull-error-newer-version": Refused(ErrorKind.refused, "needs a newer ollama", "update ollama on"),
    "pull-error-not-found-nostream": Refused(ErrorKind.model_missing, "there is no model", "its tag", lines=0),
    "pull-error-not-found": Refused(ErrorKind.model_missing, "there is no model", "file does not exist"),
    "pull-error-not-json": Refused(ErrorKind.refused, "is not a registry of models", "a sign-in page"),
    "pull-error-unauthorized": Refused(ErrorKind.unauthorized, "does not let", "realm host"),
    "push-error-denied": Refused(ErrorKind.unauthorized, "push registry.example.com/locked/mine", "ollama signin"),
    "push-error-network": Refused(ErrorKind.refused, "does not reach the registry", "no such host"),
    "push-error-not-found": Refused(ErrorKind.model_missing, "model me/mymodel is not on", "create it first", lines=2),
    "create-error-from-missing": Refused(ErrorKind.refused, "does not reach the registry", "no such host"),
    "create-error-not-gguf": Refused(ErrorKind.refused, "mine cannot be made of this", "not in GGUF format"),
    "create-error-nothing": Refused(ErrorKind.refused, "created like this", "neither 'from' or 'files'", lines=0),
    "create-error-template": Refused(ErrorKind.refused, "the template of mine", "unclosed action", lines=0),
}

TOLD: dict[str, tuple[int, int, str, int | None]] = {
    # characters of text and of thinking, why it ended, tokens of the answer
    "generate-load-cold": (0, 0, "load", None),
    "generate-nostream": (59, 0, "length", 12),
    "generate-raw": (59, 0, "length", 12),
    "generate-stream": (59, 0, "length", 12),
    "generate-suffix": (140, 0, "stop", 34),
    "generate-thinking-native": (70, 0, "stop", 27),
    "generate-unload": (0, 0, "unload", None),
    "thinking-generate": (18, 38, "stop", 31),
}

EMBEDDED: dict[str, tuple[int, int, int | None]] = {
    # vectors, numbers in each, tokens of the texts
    "embed-empty": (0, 0, None),
    "embed-full": (1, 640, 7),
    "embed-many": (3, 4, 15),
    "embed-one": (1, 8, 7),
    "embed-truncated": (1, 4, 128),
}

Ask = Callable[[OllamaClient, dict[str, Any]], Awaitable[object]]


async def blob(client: OllamaClient, body: dict[str, Any]) -> None:
    digest = body["path"].rpartition("/")[2]
    await client._calls.ask("POST", f"/api/blobs/{digest}", b"x", asking=client._calls.asking())


REFUSED: dict[str, tuple[Ask, Refused]] = {
    "error-400-blob-digest-format": (blob, Refused(ErrorKind.refused, "refused the request", "invalid digest format")),
    "error-400-blob-digest-mismatch": (blob, Refused(ErrorKind.refused, "refused the request", "digest mismatch")),
    "error-400-embed-too-long": (
        lambda client, body: client.embed(embedding(body)),
        Refused(ErrorKind.context_exceeded, "too long for model embeddinggemma:tiny", "exceeds the context length"),
    ),
    "error-400-embed-type": (
        lambda client, body: client.embed(EmbedRequest(model="m", texts=("a", "1"))),
        Refused(ErrorKind.refused, "refused the request", "invalid input type"),
    ),
    "error-400-generate-suffix": (
        lambda client, body: heard(client, generating(body)),
        Refused(ErrorKind.lacks_capability, "model gemma3:270m cannot fill a gap", "does not support insert"),
    ),
    "error-404-copy": (
        lambda client, body: client.copy_model(body["source"], body["destination"]),
        Refused(ErrorKind.model_missing, "model llama3.2 is not on", "not found"),
    ),
    "error-404-delete": (
        lambda client, body: client.delete_model(body["model"]),
        Refused(ErrorKind.model_missing, "model llama3.2 is not on", "not found"),
    ),
    "error-404-embed": (
        lambda client, body: client.embed(embedding(body)),
        Refused(ErrorKind.model_missing, "model nomic-embed-text is not on", "try pulling it first"),
    ),
    "error-404-generate-no-model": (
        lambda client, body: heard(client, GenerateRequest(model="", prompt="Hi")),
        Refused(ErrorKind.model_missing, "the model is not on", "model '' not found"),
    ),
    "error-404-path": (
        lambda client, body: client.list_models(),
        Refused(ErrorKind.refused, "does not know how to do this", "404 page not found"),
    ),
    "error-501-embed-chat-model": (
        lambda client, body: client.embed(embedding(body)),
        Refused(ErrorKind.lacks_capability, "model gemma3:270m cannot make vectors", "does not support embeddings"),
    ),
    "me-offline": (
        lambda client, body: client.account(),
        Refused(ErrorKind.refused, "cannot say who it is signed in as", "ollama.com"),
    ),
}

OTHERS = {
    "blob-head-missing",
    "blob-head-there",
    "blob-post-created",
    "blob-post-exists",
    "copy",
    "delete",
    "embeddings-legacy",
    "experimental-model-recommendations",
    "pull-cancelled",
    "root-get",
    "root-head",
    "status-cloud-disabled",
    "status-cloud-enabled",
}


def test_no_recording_lacks_a_row() -> None:
    tables: list[set[str]] = [set(MOVED), set(NOT_MOVED), set(TOLD), set(EMBEDDED), set(REFUSED), OTHERS]
    rows = set().union(*tables)
    assert sum(map(len, tables)) == len(rows)
    assert not rows & test_recordings.ROWS
    assert rows | test_recordings.ROWS == set(RECORDINGS)
    assert len(RECORDINGS) == 223


def moving(name: str, client: OllamaClient) -> Any:
    """The recorded pull, push or create."""
    body = RECORDINGS[name].body
    if RECORDINGS[name].path == "/api/create":
        return client.create_model(
            CreateRequest(
                model=body["model"],
                source_model=body.get("from", ""),
                files=body.get("files", {}),
                template=body.get("template", ""),
                system=body.get("system", ""),
                license=(body["license"],) if isinstance(body.get("license"), str) else tuple(body.get("license", ())),
                parameters=body.get("parameters", {}),
                messages=tuple(ChatMessage(role=m["role"], text=m["content"]) for m in body.get("messages", ())),
            )
        )
    move = client.pull_model if RECORDINGS[name].path == "/api/pull" else client.push_model
    return move(body["model"], insecure=body.get("insecure", False), stream=body.get("stream", True))


def generating(body: dict[str, Any]) -> GenerateRequest:
    """The recorded request, as far as it has words for it."""
    return GenerateRequest(
        model=body["model"],
        prompt=body.get("prompt", ""),
        suffix=body.get("suffix", ""),
        system=body.get("system", ""),
        raw=body.get("raw", False),
        options=body.get("options", {}),
        keep_alive=body.get("keep_alive"),
        truncate=body.get("truncate"),
        stream=body.get("stream", True),
    )


def embedding(body: dict[str, Any]) -> EmbedRequest:
    texts = body["input"]
    return EmbedRequest(
        model=body["model"],
        texts=(texts,) if isinstance(texts, str) else tuple(texts),
        dimensions=body.get("dimensions"),
        truncate=body.get("truncate"),
        options=body.get("options", {}),
    )


async def heard(client: OllamaClient, request: GenerateRequest) -> list[Chunk | FinalCounts]:
    return [part async for part in client.generate(request)]


@pytest.mark.parametrize("name", MOVED)
async def test_a_move_is_followed_to_its_end(name: str) -> None:
    row = MOVED[name]
    async with meeting(name) as (client, server):
        parts: list[Progress] = [part async for part in moving(name, client)]
        sent = server.visits[-1].json()
    assert [part.is_done for part in parts] == [False] * (row.lines - 1) + [True]
    assert [part.status for part in parts] == [entry["status"] for entry in objects(name)]
    last = parts[-1]
    assert (last.status, len(last.layers)) == ("success", row.layers)
    assert last.seen_completed_bytes == last.seen_total_bytes == row.seen_bytes
    assert client.misfit_fields == 0
    recorded = dict(RECORDINGS[name].body)
    recorded.setdefault("stream", True)
    if isinstance(recorded.get("license"), str):
        recorded["license"] = [recorded["license"]]
    assert sent == recorded


@pytest.mark.parametrize("name", NOT_MOVED)
async def test_a_move_that_fails_says_what_and_why(name: str) -> None:
    row = NOT_MOVED[name]
    parts: list[Progress] = []

    async def follow(client: OllamaClient) -> None:
        async for part in moving(name, client):
            assert isinstance(part, Progress)
            parts.append(part)

    async with meeting(name) as (client, _):
        with pytest.raises((OllamaModelError, OllamaResponseError)) as error:
            await follow(client)
    assert error.value.kind is row.kind
    assert row.title in error.value.title
    assert row.words in str(error.value)
    assert error.value.advice
    assert len(parts) == row.lines
    assert not any(part.is_done for part in parts)


@pytest.mark.parametrize("name", TOLD)
async def test_a_text_is_gone_on_with(name: str) -> None:
    row, recording, said = TOLD[name], RECORDINGS[name], objects(name)
    async with meeting(name) as (client, server):
        *chunks, counts = await heard(client, generating(recording.body))
        sent = server.visits[0].json()
    assert isinstance(counts, FinalCounts)
    text = "".join(chunk.text for chunk in chunks if isinstance(chunk, Chunk))
    thinking = "".join(chunk.thinking for chunk in chunks if isinstance(chunk, Chunk))
    assert (len(text), len(thinking), counts.done_reason, counts.answer_tokens) == row
    assert text == "".join(entry["response"] for entry in said)
    assert thinking == "".join(entry.get("thinking", "") for entry in said)
    recorded = {"stream": True, "prompt": "", **recording.body}
    assert sent == recorded


@pytest.mark.parametrize("name", EMBEDDED)
async def test_texts_become_vectors(name: str) -> None:
    recording = RECORDINGS[name]
    vectors, numbers, tokens = EMBEDDED[name]
    async with meeting(name) as (client, server):
        embedded = await client.embed(embedding(recording.body))
        sent = server.visits[0].json()
    (said,) = objects(name)
    assert [len(vector) for vector in embedded.vectors] == [numbers] * vectors
    assert embedded.prompt_tokens == tokens
    assert embedded.model == "embeddinggemma:tiny"
    for vector, numbers_said in zip(embedded.vectors, said["embeddings"], strict=True):
        assert vector.itemsize == 4
        assert list(vector) == pytest.approx(numbers_said, rel=1e-6)
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-3)
    texts = recording.body["input"]
    assert sent == {**recording.body, "input": [texts] if isinstance(texts, str) else texts}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_of_such_work_says_what_and_why(name: str) -> None:
    ask, row = REFUSED[name]
    recording = RECORDINGS[name]
    async with meeting(name) as (client, _):
        with pytest.raises(OllamaError) as error:
            await ask(client, recording.body or {"path": recording.path})
    assert error.value.kind is row.kind
    assert row.title in error.value.title
    assert row.words in str(error.value)
    assert error.value.status == recording.status


async def test_leaving_a_pull_hangs_up_and_keeps_what_was_told() -> None:
    said = objects("pull-cancelled")
    parts: list[Progress] = []
    async with meeting("pull-cancelled") as (client, server):
        async with aclosing(client.pull_model("registry.example.com/library/tinyllama", insecure=True)) as pull:
            async for part in pull:
                parts.append(part)
                if len(parts) == len(said):
                    break
        await asyncio.wait_for(server.visits[0].hung_up.wait(), 5)
    assert parts[-1].completed_bytes == said[-1]["completed"]
    assert not parts[-1].is_done


async def test_progress_that_goes_down_is_told_as_it_is() -> None:
    async with meeting("pull-retry") as (client, _):
        parts = [part async for part in client.pull_model("flaky", insecure=True)]
    completed = [part.completed_bytes for part in parts if part.phase is ProgressPhase.transferring]
    assert completed == [entry.get("completed", 0) for entry in objects("pull-retry") if "digest" in entry]
    falls = [(one, other) for one, other in pairwise(completed) if (one or 0) > (other or 0)]
    assert falls


async def test_a_layer_whose_last_line_never_comes_is_whole_when_the_next_thing_begins() -> None:
    said = objects("pull-success")
    last_of_model = [entry for entry in said if entry.get("total") == 11999712][-1]
    assert last_of_model["completed"] < last_of_model["total"]
    async with meeting("pull-success") as (client, _):
        parts = [part async for part in client.pull_model("smollm:135m", insecure=True)]
    first_of_next = next(part for part in parts if part.digest and part.total_bytes != 11999712)
    assert first_of_next.layers[0] == LayerProgress(
        digest=last_of_model["digest"], completed_bytes=11999712, total_bytes=11999712
    )
    assert [part.phase for part in parts][-3:] == [
        ProgressPhase.checking,
        ProgressPhase.finishing,
        ProgressPhase.done,
    ]


@pytest.mark.parametrize(
    ("name", "ask", "path"),
    [
        ("copy", lambda client: client.copy_model("gemma3:270m", "me/backup:v1"), "POST /copy/api/copy"),
        ("delete", lambda client: client.delete_model("me/backup:v1"), "DELETE /delete/api/delete"),
    ],
)
async def test_an_empty_answer_is_a_yes(name: str, ask: Callable[[OllamaClient], Awaitable[None]], path: str) -> None:
    async with meeting(name) as (client, server):
        await ask(client)
        (visit,) = server.visits
    assert f"{visit.method} {visit.path}" == path
    assert visit.json() == RECORDINGS[name].body


@pytest.mark.parametrize(("name", "is_there"), [("blob-head-there", True), ("blob-head-missing", False)])
async def test_a_file_is_there_or_not(name: str, is_there: bool) -> None:
    digest = RECORDINGS[name].path.rpartition("/")[2]
    async with meeting(name) as (client, server):
        assert await client.has_file(digest) is is_there
        assert (server.visits[0].method, server.visits[0].path) == ("HEAD", f"/{name}/api/blobs/{digest}")


@pytest.mark.parametrize("name", ["blob-post-created", "blob-post-exists"])
async def test_a_file_is_taken_whether_it_was_there_or_not(name: str, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"hello world!\n")
    local = LocalFile(file)
    async with meeting(name) as (client, server):
        parts = [part async for part in local.read()]
        parts += [part async for part in upload(client._calls, local, client._calls.asking())]
        (visit,) = server.visits
    assert visit.body == b"hello world!\n"
    assert visit.headers["content-length"] == "13"
    assert "transfer-encoding" not in visit.headers
    assert visit.path.endswith(hashlib.sha256(visit.body).hexdigest())
    assert parts[0].status == "reading model.gguf"


async def test_the_older_way_to_a_vector_is_spoken_too() -> None:
    async with meeting("embeddings-legacy") as (client, server):
        vector = await client.embed_as_before("embeddinggemma:tiny", "Hi")
        assert server.visits[0].json() == RECORDINGS["embeddings-legacy"].body
    assert list(vector) == pytest.approx(json.loads(RECORDINGS["embeddings-legacy"].data)["embedding"], rel=1e-6)


async def test_what_is_recommended_is_listed_with_what_is_in_the_cloud() -> None:
    async with meeting("experimental-model-recommendations") as (client, _):
        models = await client.recommended_models()
    assert models[0] == RecommendedModel(
        name="kimi-k2.6:cloud",
        description="State-of-the-art coding, long-horizon execution, and multimodal agent swarm capability",
        context_tokens=262144,
        most_answer_tokens=262144,
        is_cloud=True,
    )
    assert [model.vram_bytes for model in models if not model.is_cloud][-1] == 14_000_000_000


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("status-cloud-disabled", CloudStatus(is_disabled=True, source="env")),
        ("status-cloud-enabled", CloudStatus(is_disabled=False, source="none")),
        ("error-404-path", None),
    ],
)
async def test_whether_it_speaks_to_the_cloud_is_told_unless_it_is_too_old(
    name: str, status: CloudStatus | None
) -> None:
    async with meeting(name) as (client, _):
        assert await client.cloud_status() == status


async def test_the_front_page_says_who_it_is() -> None:
    async with meeting("root-get") as (client, _):
        assert await client.is_ollama()
    async with meeting("error-404-path") as (client, _):
        assert not await client.is_ollama()
    async with meeting("root-head") as (client, _):
        answer = await client._calls.fetch("HEAD", "/", within_seconds=3, largest_bytes=10)
        assert (answer.head.status, answer.body) == (200, b"")


@pytest.mark.parametrize("name", ["pull-success", "pull-retry", "push-success", "create-from-files", "pull-update"])
async def test_a_move_cut_anywhere_is_not_taken_for_done(name: str) -> None:
    data = RECORDINGS[name].data
    end = data.rindex(b"}") + 1
    for cut in range(0, len(data), 1 if len(data) < 4000 else 7):
        stream = TransferStream(transfer=Transfer.pull, host=HOST, model="m", misfits=wire.Misfits())
        parts = list(stream.feed(data[:cut]))
        if cut >= end:
            parts += list(stream.finish())
            assert parts[-1].is_done
        else:
            with pytest.raises((OllamaStreamError, OllamaResponseError)) as error:
                parts += list(stream.finish())
            in_first_line = 0 < cut < data.index(b"\n")
            assert error.value.kind is (ErrorKind.unreadable if in_first_line else ErrorKind.broken_off)
            assert not any(part.is_done for part in parts)
