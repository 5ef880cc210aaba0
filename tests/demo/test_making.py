"""Models that are made, sent and uploaded: what the demo server answers is what a real server answered."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.demo.rawhttp import Exchange, ask, user
from tui.demo import DemoServer

WIRE = Path(__file__).parents[1] / "recorded" / "wire"
GGUF = b"GGUF" + bytes(range(200)) * 50
NO_MODEL = b"not a model"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def recorded(name: str) -> Exchange:
    response: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8"))["response"]
    chunks = [text.encode() for _, text in response["chunks"]]
    return Exchange(status=response["status"], headers=[tuple(one) for one in response["headers"]], chunks=chunks)


def assert_same(found: Exchange, name: str) -> None:
    """Every byte of the body, and the headers that a client reads."""
    expected = recorded(name)
    assert found.status == expected.status
    assert found.body == expected.body
    for header in ("Content-Type", "Transfer-Encoding"):
        assert found.header(header) == expected.header(header)


def kinds(lines: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The first two words of each status, and the fields beside it, without what repeats."""
    found = [(" ".join(line.get("status", "error").split()[:2]), *line) for line in lines]
    found = [(words if "layer" not in words else words[:12], *rest) for words, *rest in found]
    return list(dict.fromkeys((words.split()[0], *rest) for words, *rest in found))


async def upload(server: DemoServer, data: bytes) -> str:
    digest = digest_of(data)
    assert (await ask(server, "POST", f"/api/blobs/{digest}", data)).status == 201
    return digest


async def test_a_file_is_taken_once(server: DemoServer) -> None:
    digest = digest_of(GGUF)
    missing = await ask(server, "HEAD", f"/api/blobs/{digest}")
    assert missing.status == recorded("blob-head-missing").status
    assert missing.header("Content-Length") == recorded("blob-head-missing").header("Content-Length")
    assert_same(await ask(server, "POST", f"/api/blobs/{digest}", GGUF), "blob-post-created")
    assert_same(await ask(server, "POST", f"/api/blobs/{digest}", GGUF), "blob-post-exists")
    assert (
        await ask(server, "HEAD", f"/api/blobs/{digest.replace(':', '-').upper().replace('SHA', 'sha')}")
    ).status == 200


async def test_a_file_under_a_wrong_digest_is_refused(server: DemoServer) -> None:
    assert_same(await ask(server, "POST", "/api/blobs/md5:123", b"x"), "error-400-blob-digest-format")
    wrong = await ask(server, "POST", f"/api/blobs/sha256:{'1' * 64}", b"x")
    assert wrong.status == 400
    expected = recorded("error-400-blob-digest-mismatch").json["error"].rpartition(", got ")[0]
    assert wrong.json["error"] == f'{expected}, got "{digest_of(b"x")}"'


async def test_the_weights_of_a_model_are_there_already(server: DemoServer) -> None:
    lines = (await ask(server, "POST", "/api/create", {"model": "twin", "from": "tour:8b"})).lines
    digest = next(line["status"].split()[-1] for line in lines if line["status"].startswith("using existing"))
    assert (await ask(server, "HEAD", f"/api/blobs/{digest}")).status == 200


async def test_a_model_is_made_of_another_one(server: DemoServer) -> None:
    body = {"model": "pirate", "from": "tour:8b", "system": "Talk like a pirate.", "parameters": {"num_ctx": 2048}}
    made = await ask(server, "POST", "/api/create", body)
    assert kinds(made.lines) == kinds(recorded("create-from-model").lines)
    shown = (await ask(server, "POST", "/api/show", {"model": "pirate"})).json
    assert shown["system"] == "Talk like a pirate."
    assert shown["details"]["parent_model"] == "tour:8b"
    assert "num_ctx                        2048" in shown["parameters"].splitlines()
    # What it was told goes before the conversation, and takes its place in the window.
    with_system = await ask(server, "POST", "/api/chat", {"model": "pirate", "messages": user("hello")})
    without = await ask(server, "POST", "/api/chat", {"model": "tour:8b", "messages": user("hello")})
    assert with_system.lines[-1]["prompt_eval_count"] > without.lines[-1]["prompt_eval_count"]


async def test_a_model_is_made_of_a_file(server: DemoServer) -> None:
    digest = await upload(server, GGUF)
    body = {"model": "mine", "files": {"mine.gguf": digest}, "parameters": {"stop": ["a", "b"]}, "system": "x"}
    made = await ask(server, "POST", "/api/create", body)
    assert kinds(made.lines) == kinds(recorded("create-from-files").lines)
    assert f"using existing layer {digest}" in [line["status"] for line in made.lines]
    shown = (await ask(server, "POST", "/api/show", {"model": "mine"})).json
    assert [line.split() for line in shown["parameters"].splitlines()] == [["stop", '"a"'], ["stop", '"b"']]
    answer = await ask(server, "POST", "/api/chat", {"model": "mine", "messages": user("who?"), "stream": False})
    assert "mine.gguf" in answer.json["message"]["content"]


async def test_a_whole_answer_instead_of_progress(server: DemoServer) -> None:
    made = await ask(server, "POST", "/api/create", {"model": "twin", "from": "tour:8b", "stream": False})
    assert made.json == {"status": "success"}
    assert made.header("Content-Type") == "application/json"


async def test_quantising_says_how_far_it_is_and_refuses_what_is_quantised(server: DemoServer) -> None:
    digest = await upload(server, GGUF)
    made = await ask(server, "POST", "/api/create", {"model": "q", "files": {"a.gguf": digest}, "quantize": "q4_K_M"})
    steps = [line for line in made.lines if "total" in line]
    assert steps[0]["status"] == "quantizing F16 model to Q4_K_M"
    assert steps[-1]["completed"] == steps[-1]["total"]
    shown = (await ask(server, "POST", "/api/show", {"model": "q"})).json
    assert shown["details"]["quantization_level"] == "Q4_K_M"
    again = await ask(server, "POST", "/api/create", {"model": "r", "from": "tour:8b", "quantize": "q4_K_M"})
    assert "only supported" in again.lines[-1]["error"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("create-error-nothing", {"model": "mine"}),
        ("create-error-template", {"model": "mine", "from": "tour:8b", "template": "{{ .Messages "}),
    ],
)
async def test_what_cannot_be_made_is_refused_as_by_a_real_server(
    server: DemoServer, name: str, body: dict[str, Any]
) -> None:
    assert_same(await ask(server, "POST", "/api/create", body), name)


async def test_a_file_that_is_no_model_is_found_out_while_it_is_made(server: DemoServer) -> None:
    digest = await upload(server, NO_MODEL)
    found = await ask(server, "POST", "/api/create", {"model": "mine", "files": {"model.gguf": digest}})
    assert_same(found, "create-error-not-gguf")
    missing = await ask(server, "POST", "/api/create", {"model": "m", "files": {"m.gguf": digest_of(b"never")}})
    assert missing.lines[-1]["error"].endswith("no such file or directory")


async def test_a_source_that_is_not_here_is_pulled_first(server: DemoServer) -> None:
    made = await ask(server, "POST", "/api/create", {"model": "mine", "from": "guest:4b"})
    statuses = [line["status"] for line in made.lines]
    assert statuses[0] == "pulling manifest"
    assert statuses.count("success") == 1
    nowhere = await ask(server, "POST", "/api/create", {"model": "mine", "from": "nosuchmodel"})
    assert kinds(nowhere.lines) == kinds(recorded("create-error-from-missing").lines)


async def test_a_model_is_sent(server: DemoServer) -> None:
    await ask(server, "POST", "/api/copy", {"source": "fast:1b", "destination": "me/mine"})
    sent = await ask(server, "POST", "/api/push", {"model": "me/mine"})
    assert kinds(sent.lines) == kinds(recorded("push-success").lines)
    steps = [line for line in sent.lines if "digest" in line]
    assert {line["completed"] for line in steps} >= {line["total"] for line in steps}


async def test_a_model_that_may_not_be_sent(server: DemoServer) -> None:
    await ask(server, "POST", "/api/copy", {"source": "fast:1b", "destination": "locked/mine"})
    assert_same(await ask(server, "POST", "/api/push", {"model": "locked/mine"}), "push-error-denied")
    missing = await ask(server, "POST", "/api/push", {"model": "me/mymodel"})
    assert [list(line) for line in missing.lines] == [list(line) for line in recorded("push-error-not-found").lines]
    assert (await ask(server, "POST", "/api/push", {})).json == {"error": "model is required"}
