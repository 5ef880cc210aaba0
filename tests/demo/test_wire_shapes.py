"""What the demo server writes has the fields of what a real server wrote, in the same order and of the same types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.demo.rawhttp import Exchange, ask, user
from tui.demo import DemoServer

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "recorded" / "demo" / "objects.json").read_text(encoding="utf-8")
)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
LONG = "The quick brown fox jumps over the lazy dog. " * 40
LEFT_OPEN = {"arguments", "model_info"}


def shape(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return "open" if key in LEFT_OPEN else {name: shape(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def kinds(objects: list[dict[str, Any]]) -> list[str]:
    """The different shapes in order of first appearance; as text, so that the order of the fields counts."""
    found: list[str] = []
    for value in objects:
        text = json.dumps(shape(value))
        if text not in found:
            found.append(text)
    return found


def told_apart(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the date, whose value differs, and our own Server header."""
    kept = [(name, value) for name, value in headers if name not in ("Date", "Server")]
    return [(name, "…" if name == "Content-Length" else value) for name, value in kept]


def assert_like(exchange: Exchange, name: str, *, same_text: bool = False) -> None:
    recorded = RECORDED[name]
    assert exchange.status == recorded["status"]
    if same_text:
        assert exchange.lines == recorded["objects"]
    else:
        assert kinds(exchange.lines) == kinds(recorded["objects"])
    assert told_apart(exchange.headers) == [tuple(header) for header in recorded["headers"]]


STREAMS: list[tuple[str, str, dict[str, Any]]] = [
    ("chat-stream", "/api/chat", {"model": "tour:8b", "messages": user("hello"), "options": {"num_predict": 24}}),
    ("thinking-native", "/api/chat", {"model": "thinker:8b", "messages": user("well?")}),
    ("generate-stream", "/api/generate", {"model": "tour:8b", "prompt": "hello"}),
    ("pull-error-not-found", "/api/pull", {"model": "nosuchmodel"}),
    ("error-runner-crash-oom", "/api/chat", {"model": "breaks:3b", "messages": user("please crash")}),
]


@pytest.mark.parametrize(("name", "path", "body"), STREAMS, ids=[stream[0] for stream in STREAMS])
async def test_stream_has_the_objects_of_the_recorded_one(
    server: DemoServer, name: str, path: str, body: dict[str, Any]
) -> None:
    assert_like(await ask(server, "POST", path, body), name)


async def test_native_tool_calls_come_in_the_last_object(server: DemoServer) -> None:
    body = {"model": "toolsmith:8b", "messages": user("two please"), "tools": [WEATHER]}
    exchange = await ask(server, "POST", "/api/chat", body)
    last = exchange.lines[-1]
    assert [call["function"]["index"] for call in last["message"]["tool_calls"]] == [0, 1]
    assert all(len(call["id"]) == 32 for call in last["message"]["tool_calls"])
    recorded = RECORDED["tools-native-two-calls"]["objects"]
    assert kinds([last]) == kinds([recorded[-1]])


async def test_rendered_tool_calls_come_one_by_one_before_the_last_object(server: DemoServer) -> None:
    await ask(server, "POST", "/api/pull", {"model": "guest:4b"})
    body = {"model": "guest:4b", "messages": user("both please"), "tools": [WEATHER]}
    lines = (await ask(server, "POST", "/api/chat", body)).lines
    calls = [line for line in lines if "tool_calls" in line["message"]]
    assert [call["message"]["tool_calls"][0]["function"]["index"] for call in calls] == [0, 1]
    assert not any(call["done"] for call in calls)
    assert kinds([calls[0], lines[-1]]) == kinds(RECORDED["tools-rendered-two-calls"]["objects"])[-2:]


async def test_pull_reports_each_layer_like_the_recorded_one(server: DemoServer) -> None:
    exchange = await ask(server, "POST", "/api/pull", {"model": "guest:4b"})
    assert set(kinds(exchange.lines)) <= set(kinds(RECORDED["pull-success"]["objects"]))
    statuses = list(dict.fromkeys(line["status"] for line in exchange.lines))
    assert statuses[0] == "pulling manifest"
    assert statuses[-3:] == ["verifying sha256 digest", "writing manifest", "success"]


async def test_tags_say_less_than_show(server: DemoServer) -> None:
    tags = await ask(server, "GET", "/api/tags")
    local = [model for model in tags.json["models"] if "remote_host" not in model]
    remote = [model for model in tags.json["models"] if "remote_host" in model]
    assert kinds([{"models": local}]) == kinds(RECORDED["tags"]["objects"])
    recorded_stub = json.loads(json.dumps(RECORDED["tags-cloud-stub"]["objects"][0]))
    recorded_stub["models"][0]["details"]["families"] = ["demo"]
    assert kinds([{"models": remote}]) == kinds([recorded_stub])
    listed = {model["name"]: model.get("capabilities") for model in tags.json["models"]}
    assert listed["thinker:8b"] == ["completion"]
    shown = await ask(server, "POST", "/api/show", {"model": "thinker:8b"})
    assert shown.json["capabilities"] == ["completion", "thinking"]


async def test_show_has_the_fields_of_a_real_one(server: DemoServer) -> None:
    exchange = await ask(server, "POST", "/api/show", {"model": "toolsmith:8b"})
    ours, theirs = exchange.json, RECORDED["show-native-thinking-tools"]["objects"][0]
    assert [key for key in ours if key not in ("license", "parameters")] == list(theirs)
    assert all(shape(ours[key], key) == shape(theirs[key], key) for key in theirs)
    assert ours["model_info"][f"{ours['model_info']['general.architecture']}.context_length"] == 8192
    assert exchange.header("Transfer-Encoding") == "chunked"


async def test_show_of_a_cloud_stub_names_its_remote(server: DemoServer) -> None:
    ours = (await ask(server, "POST", "/api/show", {"model": "cloudy:120b-cloud"})).json
    theirs = RECORDED["show-cloud-stub"]["objects"][0]
    assert [key for key in ours if key != "capabilities"] == [key for key in theirs if key != "system"]


async def test_loaded_model_is_listed_like_a_real_one(server: DemoServer) -> None:
    await ask(server, "POST", "/api/chat", {"model": "tour:8b", "messages": []})
    assert_like(await ask(server, "GET", "/api/ps"), "ps-gpu")


REFUSALS: list[tuple[str, str, dict[str, Any]]] = [
    ("error-404-chat", "/api/chat", {"model": "llama3.2", "messages": user("Hi")}),
    ("error-404-show", "/api/show", {"model": "llama3.2"}),
    ("error-404-copy", "/api/copy", {"source": "llama3.2", "destination": "mine"}),
    ("error-404-embed", "/api/embed", {"model": "nomic-embed-text", "input": "Hi"}),
    ("error-404-generate-no-model", "/api/generate", {"prompt": "Hi"}),
    ("error-400-chat-no-model", "/api/chat", {"messages": user("Hi")}),
    ("error-400-wrong-type", "/api/chat", {"model": "tour:8b", "messages": "hi"}),
    ("error-400-think-level", "/api/chat", {"model": "tour:8b", "messages": user("Hi"), "think": "extreme"}),
    ("error-400-keep-alive", "/api/chat", {"model": "tour:8b", "messages": [], "keep_alive": "-1"}),
    ("error-400-embed-type", "/api/embed", {"model": "embed:small", "input": ["a", 1]}),
    ("error-400-embed-too-long", "/api/embed", {"model": "embed:small", "input": "word " * 3000, "truncate": False}),
    (
        "error-400-image-base64",
        "/api/chat",
        {
            "model": "tour:8b",
            "messages": [{"role": "user", "content": "Hi", "images": ["data:image/png;base64,iVBOR"]}],
        },
    ),
    (
        "error-500-image-native",
        "/api/chat",
        {"model": "tour:8b", "messages": [{"role": "user", "content": "Hi", "images": ["iVBORw0KGgo="]}]},
    ),
    (
        "error-400-tool-arguments-string",
        "/api/chat",
        {
            "model": "tour:8b",
            "messages": [
                {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a":1}'}}]},
            ],
        },
    ),
    ("error-500-format", "/api/chat", {"model": "tour:8b", "messages": user("Hi"), "format": "yaml"}),
    (
        "error-500-option-type",
        "/api/chat",
        {"model": "tour:8b", "messages": user("Hi"), "options": {"temperature": "hot"}},
    ),
    ("error-501-embed-chat-model", "/api/embed", {"model": "tour:8b", "input": "Hi"}),
    ("pull-error-not-found-nostream", "/api/pull", {"model": "nosuchmodel", "stream": False}),
    ("pull-nostream", "/api/pull", {"model": "guest:4b", "stream": False}),
]


@pytest.mark.parametrize(("name", "path", "body"), REFUSALS, ids=[refusal[0] for refusal in REFUSALS])
async def test_answer_is_word_for_word_the_recorded_one(
    server: DemoServer, name: str, path: str, body: dict[str, Any]
) -> None:
    assert_like(await ask(server, "POST", path, body), name, same_text=True)


@pytest.mark.parametrize(("name", "path"), [("version-get", "/api/version"), ("status-cloud-enabled", "/api/status")])
async def test_server_says_word_for_word_who_it_is(server: DemoServer, name: str, path: str) -> None:
    assert_like(await ask(server, "GET", path), name, same_text=True)


SHAPED: list[tuple[str, str, dict[str, Any]]] = [
    ("chat-load", "/api/chat", {"model": "tour:8b", "messages": []}),
    ("chat-unload", "/api/chat", {"model": "tour:8b", "messages": [], "keep_alive": 0}),
    ("generate-load-cold", "/api/generate", {"model": "tour:8b"}),
    (
        "chat-nostream",
        "/api/chat",
        {"model": "tour:8b", "messages": user("hello"), "stream": False, "options": {"num_predict": 9}},
    ),
    (
        "generate-nostream",
        "/api/generate",
        {"model": "tour:8b", "prompt": "hello", "stream": False, "options": {"num_predict": 9}},
    ),
    ("embed-many", "/api/embed", {"model": "embed:small", "input": ["The sea is blue.", "Grass", ""], "dimensions": 4}),
    ("embed-empty", "/api/embed", {"model": "embed:small", "input": []}),
    ("end-without-done-nostream", "/api/chat", {"model": "breaks:3b", "messages": user("unfinished"), "stream": False}),
    ("cloud-stub-error-401", "/api/chat", {"model": "cloudy:120b-cloud", "messages": user("Hi")}),
    (
        "error-400-context-native",
        "/api/chat",
        {"model": "tour:8b", "messages": user(LONG), "truncate": False, "options": {"num_ctx": 256}},
    ),
    (
        "error-400-context-native-last",
        "/api/chat",
        {"model": "tour:8b", "messages": user(LONG), "options": {"num_ctx": 256}},
    ),
    ("error-500-load-oom", "/api/chat", {"model": "hungry:405b", "messages": user("Hi")}),
]


@pytest.mark.parametrize(("name", "path", "body"), SHAPED, ids=[shaped[0] for shaped in SHAPED])
async def test_answer_has_the_shape_of_the_recorded_one(
    server: DemoServer, name: str, path: str, body: dict[str, Any]
) -> None:
    assert_like(await ask(server, "POST", path, body), name)


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        (
            "/api/chat",
            {"model": "tour:8b", "messages": user("Hi"), "tools": [WEATHER]},
            "registry.ollama.ai/library/tour:8b does not support tools",
        ),
        (
            "/api/chat",
            {"model": "tour:8b", "messages": user("Hi"), "think": True},
            '"tour:8b" does not support thinking',
        ),
        ("/api/chat", {"model": "embed:small", "messages": user("Hi")}, '"embed:small" does not support chat'),
        ("/api/generate", {"model": "embed:small", "prompt": "Hi"}, '"embed:small" does not support generate'),
        (
            "/api/generate",
            {"model": "tour:8b", "prompt": "def f(", "suffix": "return x"},
            "registry.ollama.ai/library/tour:8b does not support insert",
        ),
        ("/api/chat", {"model": "bad name!", "messages": user("Hi")}, "invalid model name"),
        ("/api/copy", {"source": "tour:8b", "destination": "a b"}, 'destination "a b" is invalid'),
    ],
)
async def test_what_a_model_cannot_do_is_refused_in_the_servers_words(
    server: DemoServer, path: str, body: dict[str, Any], text: str
) -> None:
    exchange = await ask(server, "POST", path, body)
    assert (exchange.status, exchange.json) == (400, {"error": text})


async def test_context_error_carries_the_numbers_inside_the_text(server: DemoServer) -> None:
    body = {"model": "tour:8b", "messages": user(LONG), "truncate": False, "options": {"num_ctx": 256}}
    inner = json.loads((await ask(server, "POST", "/api/chat", body)).json["error"])["error"]
    assert inner["type"] == "exceed_context_size_error"
    assert inner["n_ctx"] == 256
    assert f"request ({inner['n_prompt_tokens']} tokens) exceeds" in inner["message"]
