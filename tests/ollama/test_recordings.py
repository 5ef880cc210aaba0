"""Every recording of a real server that chats, or tells of itself, played to the client over a real socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.replay import Recording, Server, playing, recordings
from tui.engine import (
    ChatMessage,
    ChatRequest,
    Chunk,
    ErrorKind,
    FinalCounts,
    Model,
    ModelDetails,
    RunningModel,
    ToolCall,
)
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.errors import OllamaError, OllamaModelError, OllamaResponseError, OllamaStreamError

RECORDINGS = recordings()


@dataclass(frozen=True)
class Told:
    """An answer that ended as it should."""

    text_characters: int
    thinking_characters: int
    done_reason: str
    prompt_tokens: int | None
    answer_tokens: int | None
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Broken:
    """An answer of which a part came."""

    text_characters: int
    thinking_characters: int
    kind: ErrorKind
    words: str


@dataclass(frozen=True)
class Refused:
    """A no instead of an answer."""

    kind: ErrorKind
    words: str
    prompt_tokens: int | None = None
    context_tokens: int | None = None


TOLD = {
    "chat-context-dropped": Told(23, 0, "length", 248, 8),
    "chat-context-rendered-cut": Told(32, 0, "length", 131, 8),
    "chat-context-shift": Told(256, 0, "length", 48, 120),
    "chat-format-json-native": Told(46, 0, "length", 52, 24),
    "chat-format-json-rendered": Told(91, 0, "length", 18, 40),
    "chat-format-object-native": Told(37, 0, "stop", 52, 24),
    "chat-image": Told(140, 0, "stop", 62, 34),
    "chat-length": Told(10, 0, "length", 51, 8),
    "chat-load-slow": Told(140, 0, "stop", 8, 34),
    "chat-load": Told(0, 0, "load", None, None),
    "chat-logprobs": Told(10, 0, "length", 46, 5),
    "chat-nostream": Told(38, 0, "length", 46, 16),
    "chat-reload": Told(9, 0, "length", 45, 4),
    "chat-rendered": Told(104, 0, "length", 16, 24),
    "chat-seed": Told(59, 0, "length", 48, 20),
    "chat-stop-sequence": Told(29, 0, "stop", 57, 7),
    "chat-stream-cold": Told(92, 0, "length", 50, 24),
    "chat-stream": Told(50, 0, "length", 52, 24),
    "chat-think-false": Told(9, 0, "length", 45, 6),
    "chat-think-inline-after-rendered": Told(16, 44, "stop", 287, 31),
    "chat-thinking-cut": Told(0, 30, "length", 291, 8),
    "chat-thinking-native-nostream": Told(16, 44, "stop", 291, 27),
    "chat-thinking-native-off": Told(16, 0, "stop", 295, 10),
    "chat-thinking-native": Told(16, 44, "stop", 291, 27),
    "chat-tool-result": Told(17, 0, "length", 222, 16),
    "chat-tools-native-nostream": Told(0, 57, "length", 401, 80, calls=("get_weather", "get_weather")),
    "chat-tools-native": Told(0, 57, "length", 401, 80, calls=("get_weather", "get_weather")),
    "chat-unknown-option": Told(3, 0, "length", 45, 3),
    "chat-unload-while-busy": Told(0, 0, "unload", None, None),
    "chat-unload": Told(0, 0, "unload", None, None),
    "chat-waits-for-slot": Told(17, 0, "length", 49, 6),
    "cloud-chat": Told(21, 15, "stop", 70, 12),
    "cloud-stub-chat": Told(21, 15, "stop", 70, 12),
    "proxy-big-chunks": Told(18, 38, "stop", 21, 31),
    "proxy-small-chunks": Told(132, 0, "stop", 11, 63),
    "text-bursts": Told(340, 0, "stop", 11, 84),
    "text-emoji": Told(132, 0, "stop", 11, 63),
    "text-empty": Told(0, 0, "stop", 13, None),
    "text-escape-codes": Told(109, 0, "stop", 12, 53),
    "text-line-separators": Told(34, 0, "stop", 13, 8),
    "text-markdown": Told(529, 0, "stop", 12, 266),
    "text-one-big-chunk": Told(8040, 0, "stop", 13, 2010),
    "text-pause": Told(44, 0, "stop", 11, 12),
    "thinking-and-content-in-one-object": Told(13, 11, "stop", 20, 6),
    "thinking-format-rendered": Told(18, 38, "stop", 34, 10),
    "thinking-harmony-high": Told(18, 38, "stop", 34, 37),
    "thinking-harmony-off": Told(18, 38, "stop", 34, 37),
    "thinking-interleaved": Told(25, 39, "stop", 13, 22),
    "thinking-native": Told(18, 38, "stop", 13, 28),
    "thinking-only": Told(0, 35, "length", 12, 9),
    "thinking-rendered-off": Told(18, 0, "stop", 24, 10),
    "thinking-rendered": Told(18, 38, "stop", 21, 31),
    "thinking-tags-in-text": Told(16, 42, "stop", 14, 24),
    "token-repeat-native": Told(200, 0, "stop", 13, 65),
    "tools-gotemplate-two-calls": Told(20, 0, "stop", 178, 80, calls=("get_weather", "get_weather")),
    "tools-harmony": Told(0, 24, "stop", 205, 39, calls=("get_weather",)),
    "tools-native-two-calls-nostream": Told(20, 52, "stop", 17, 66, calls=("get_weather", "get_weather")),
    "tools-native-two-calls": Told(20, 52, "stop", 17, 66, calls=("get_weather", "get_weather")),
    "tools-nested-arguments": Told(0, 0, "stop", 13, 84, calls=("book_trip",)),
    "tools-no-arguments": Told(0, 0, "stop", 14, 5, calls=("get_time",)),
    "tools-rendered-two-calls-nostream": Told(20, 52, "stop", 425, 111, calls=("get_weather", "get_weather")),
    "tools-rendered-two-calls": Told(20, 52, "stop", 425, 111, calls=("get_weather", "get_weather")),
    "tools-unknown-name": Told(0, 0, "stop", 13, 12, calls=("delete_everything",)),
}

BROKEN = {
    "chat-debug-render": Broken(0, 0, ErrorKind.broken_off, "without saying that it was done"),
    "cloud-broken-stream": Broken(10, 15, ErrorKind.broken_off, "without saying that it was done"),
    "cloud-stub-broken-stream": Broken(10, 15, ErrorKind.broken_off, "unexpected EOF"),
    "end-token-repeat-rendered": Broken(100, 0, ErrorKind.broken_off, "without saying that it was done"),
    "end-without-anything-nostream": Broken(0, 0, ErrorKind.broken_off, "without saying that it was done"),
    "end-without-anything": Broken(0, 0, ErrorKind.broken_off, "without saying that it was done"),
    "end-without-done-native": Broken(36, 0, ErrorKind.broken_off, "without saying that it was done"),
    "end-without-done-nostream": Broken(36, 0, ErrorKind.broken_off, "without saying that it was done"),
    "end-without-done-rendered-error": Broken(21, 0, ErrorKind.broken_off, "without saying that it was done"),
    "error-midstream-native": Broken(22, 0, ErrorKind.broken_off, "does not match the expected peg-native format"),
    "error-runner-crash-cuda": Broken(26, 0, ErrorKind.broken_off, "an illegal memory access"),
    "error-runner-crash-oom": Broken(26, 0, ErrorKind.out_of_memory, "cudaMalloc failed"),
    "error-runner-crash-silent": Broken(26, 0, ErrorKind.broken_off, "unexpected EOF"),
    "error-runner-killed-midstream": Broken(115, 0, ErrorKind.broken_off, "unexpected EOF"),
    "error-runner-killed-rendered": Broken(64, 0, ErrorKind.broken_off, "unexpected EOF"),
    "error-tools-cut": Broken(0, 57, ErrorKind.broken_off, "invalid tool call arguments"),
    "error-tools-invalid-arguments-harmony": Broken(22, 0, ErrorKind.broken_off, "error parsing tool call"),
    "error-tools-invalid-arguments": Broken(22, 0, ErrorKind.broken_off, "invalid tool call arguments"),
}

REFUSED = {
    "cloud-error-401-no-key": Refused(ErrorKind.unauthorized, "run ollama signin"),
    "cloud-error-401": Refused(ErrorKind.unauthorized, "run ollama signin"),
    "cloud-error-402": Refused(ErrorKind.refused, "needs a subscription"),
    "cloud-error-429": Refused(ErrorKind.refused, "try again in 3600 s"),
    "cloud-error-502-html": Refused(ErrorKind.refused, "502 Bad Gateway"),
    "cloud-stub-error-401": Refused(ErrorKind.unauthorized, "sign in at https://ollama.com/connect"),
    "cloud-stub-error-429": Refused(ErrorKind.refused, "session usage limit"),
    "error-400-bad-json": Refused(ErrorKind.refused, "invalid character '}'"),
    "error-400-chat-embedding-model": Refused(ErrorKind.lacks_capability, "cannot chat"),
    "error-400-chat-no-model": Refused(ErrorKind.refused, "model is required"),
    "error-400-context-native-last": Refused(ErrorKind.context_exceeded, "444 tokens and 256 fit", 444, 256),
    "error-400-context-native": Refused(ErrorKind.context_exceeded, "444 tokens and 256 fit", 444, 256),
    "error-400-context-rendered-shift": Refused(ErrorKind.context_exceeded, "longer than the context length"),
    "error-400-context-rendered": Refused(ErrorKind.context_exceeded, "410 tokens and 256 fit", 410, 256),
    "error-400-empty-body": Refused(ErrorKind.refused, "missing request body"),
    "error-400-format-schema": Refused(ErrorKind.refused, "Unrecognized schema"),
    "error-400-image-base64": Refused(ErrorKind.refused, "illegal base64 data"),
    "error-400-image-rendered": Refused(ErrorKind.lacks_capability, "cannot see images"),
    "error-400-keep-alive": Refused(ErrorKind.refused, "missing unit in duration"),
    "error-400-logprobs-tools": Refused(ErrorKind.refused, "logprobs is not supported with tools + stream"),
    "error-400-think-level": Refused(ErrorKind.refused, "invalid think value"),
    "error-400-thinking": Refused(ErrorKind.lacks_capability, "cannot think"),
    "error-400-tool-arguments-string": Refused(ErrorKind.refused, "can't find closing '}' symbol"),
    "error-400-tools": Refused(ErrorKind.lacks_capability, "cannot call tools"),
    "error-400-wrong-type": Refused(ErrorKind.refused, "cannot unmarshal string"),
    "error-403-cloud-disabled": Refused(ErrorKind.refused, "ollama cloud is disabled"),
    "error-404-chat": Refused(ErrorKind.model_missing, "model llama3.2 is not on"),
    "error-405-method": Refused(ErrorKind.refused, "405 method not allowed"),
    "error-500-first-native": Refused(ErrorKind.refused, "Compute error."),
    "error-500-format": Refused(ErrorKind.refused, "correct the options"),
    "error-500-image-native": Refused(ErrorKind.lacks_capability, "cannot see images"),
    "error-500-load-incompatible": Refused(ErrorKind.refused, "update ollama"),
    "error-500-load-killed": Refused(ErrorKind.out_of_memory, "signal: killed"),
    "error-500-load-oom": Refused(ErrorKind.out_of_memory, "cudaMalloc failed: out of memory"),
    "error-500-load-timeout": Refused(ErrorKind.refused, "did not load in time"),
    "error-500-midstream-nostream": Refused(ErrorKind.refused, "expected peg-native format"),
    "error-500-native-after-rendered": Refused(ErrorKind.refused, "unload it, then ask again"),
    "error-500-option-type": Refused(ErrorKind.refused, "correct the options"),
    "error-500-runner-crash-first": Refused(ErrorKind.refused, "GGML_ASSERT(n_tokens <= n_batch) failed"),
    "error-500-runner-killed": Refused(ErrorKind.refused, "unexpected EOF"),
    "error-500-runtime-oom": Refused(ErrorKind.out_of_memory, "CUDA error: out of memory"),
    "error-500-tools-cut": Refused(ErrorKind.refused, "invalid tool call arguments"),
    "error-502-cloud-offline": Refused(ErrorKind.refused, "no such host"),
    "error-503-queue-full": Refused(ErrorKind.busy, "maximum pending requests exceeded"),
    "error-503-runner": Refused(ErrorKind.busy, "Loading model"),
}

RUNNING: dict[str, dict[str, tuple[int, int]]] = {
    # name: bytes in memory, context; the bytes on the GPU are tested below
    "ps-after-cancel": {"gemma3:270m": (287246908, 4096), "gemma3-tmpl:270m": (261147851, 256)},
    "ps-empty": {},
    "ps-forever": {"gemma3:270m": (287246908, 4096)},
    "ps-gpu": {"llama3.2:3b": (5425321738, 32768)},
    "ps-loaded": {"gemma3:270m": (287246908, 4096)},
    "ps-partial": {"mistral:7b": (5320474624, 32768), "llama3.2:3b": (5425321738, 32768)},
    "ps-several": {
        "gemma3-tmpl:270m": (287246908, 4096),
        "gemma3:270m": (287246908, 4096),
        "gemma3-think:270m": (287246908, 4096),
    },
    "ps-shared-blob": {
        "think-variant:latest": (287246908, 4096),
        "gemma3:270m": (287246908, 4096),
        "gemma3-tmpl:270m": (261147851, 256),
    },
    "ps-unload-pending": {"llama3.2:3b": (5425321738, 4096)},
    "ps-while-loading": {},
}

SHOWN: dict[str, tuple[set[str] | None, int | None, str]] = {
    # capabilities, trained context, architecture
    "cloud-show": ({"completion", "tools", "thinking"}, 131072, "gptoss"),
    "show": ({"completion"}, 32768, "gemma3"),
    "show-cloud-stub": (None, None, ""),
    "show-embedding": ({"embedding"}, 32768, "gemma-embedding"),
    "show-harmony": ({"completion", "tools", "thinking"}, 131072, "gptoss"),
    "show-messages": ({"completion"}, 32768, "gemma3"),
    "show-native-thinking-tools": ({"completion", "tools", "thinking"}, 32768, "gemma3"),
    "show-rendered": ({"completion", "tools", "thinking"}, 262144, "qwen35"),
    "show-verbose-trimmed": ({"completion"}, 32768, "gemma3"),
    "show-vision": ({"completion", "vision"}, 131072, "gemma3"),
}

LISTED = {"tags", "tags-empty", "tags-cloud-stub"}
OTHERS = {
    "chat-cancelled",
    "chat-server-stopped",
    "version-get",
    "error-403-host",
    "error-403-origin",
    "error-404-show",
}
TABLES: list[set[str]] = [set(TOLD), set(BROKEN), set(REFUSED), set(RUNNING), set(SHOWN), LISTED, OTHERS]
ROWS = set().union(*TABLES)


def test_no_row_stands_twice() -> None:
    assert sum(map(len, TABLES)) == len(ROWS)


@asynccontextmanager
async def meeting(name: str) -> AsyncGenerator[tuple[OllamaClient, Server], None]:
    """A client whose server plays one recording to whatever it asks."""
    async with playing(RECORDINGS) as server:
        client = OllamaClient(
            parse_host(f"{server.url}/{name}", source="test"),
            environ={},
            read_interval_seconds=0.001,
        )
        try:
            yield client, server
        finally:
            await client.aclose()


def asked(recording: Recording) -> ChatRequest:
    """The recorded request in the engine's words, as far as it has any."""
    body = recording.body if isinstance(recording.body, dict) else {}
    messages = body.get("messages") if isinstance(body.get("messages"), list) else []
    keep_alive = body.get("keep_alive")
    return ChatRequest(
        model=body.get("model", "m"),
        messages=tuple(
            ChatMessage(
                role=message["role"],
                text=message.get("content", ""),
                images=tuple(message.get("images", ())),
                tool_name=message.get("tool_name", ""),
                tool_call_id=message.get("tool_call_id", ""),
                tool_calls=tuple(
                    ToolCall(
                        name=call["function"]["name"],
                        arguments=call["function"]["arguments"],
                        id=call.get("id", ""),
                    )
                    for call in message.get("tool_calls", ())
                    if isinstance(call["function"]["arguments"], dict)
                ),
            )
            for message in messages or []
        ),
        options=body.get("options", {}),
        think=body.get("think"),
        format=body.get("format"),
        keep_alive=keep_alive,
        tools=tuple(body.get("tools", ())),
        truncate=body.get("truncate"),
        stream=body.get("stream", True),
    )


class Answer:
    def __init__(self) -> None:
        self.parts: list[Chunk | FinalCounts] = []
        self.error: OllamaError | None = None
        self.sent: Any = None

    @property
    def chunks(self) -> list[Chunk]:
        return [part for part in self.parts if isinstance(part, Chunk)]

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def thinking(self) -> str:
        return "".join(chunk.thinking for chunk in self.chunks)


async def answered(name: str) -> Answer:
    answer = Answer()
    async with meeting(name) as (client, server):
        try:
            async for part in client.chat(asked(RECORDINGS[name])):
                answer.parts.append(part)
        except OllamaError as error:
            answer.error = error
        answer.sent = server.visits[0].json()
        assert server.visits[0].headers["accept-encoding"] == "identity"
    return answer


def objects(name: str) -> list[dict[str, Any]]:
    """What the recording says, read in another way than the client does."""
    return [json.loads(line) for line in RECORDINGS[name].data.split(b"\n") if line.strip()]


def spoken(said: list[dict[str, Any]]) -> tuple[str, str]:
    """Thinking and text of the objects of a chat; thinking that was left at the beginning of the text is thinking."""
    messages = [entry["message"] for entry in said if isinstance(entry.get("message"), dict)]
    text = "".join(message.get("content", "") for message in messages)
    thinking = "".join(message.get("thinking", "") for message in messages)
    inline = None if thinking else re.fullmatch(r"\s*<think>\s*(.*?)(?:</think>\s*(.*))?", text, re.DOTALL)
    return (inline[1], inline[2] or "") if inline else (thinking, text)


@pytest.mark.parametrize("name", TOLD)
async def test_an_answer_is_heard_to_its_end(name: str) -> None:
    row, answer, said = TOLD[name], await answered(name), objects(name)
    assert answer.error is None
    assert (len(answer.text), len(answer.thinking)) == (row.text_characters, row.thinking_characters)
    assert (answer.thinking, answer.text) == spoken(said)
    calls = [call for chunk in answer.chunks for call in chunk.tool_calls]
    assert tuple(call.name for call in calls) == row.calls
    expected_calls = [call for entry in said for call in entry["message"].get("tool_calls", [])]
    assert [(call.id, call.arguments) for call in calls] == [
        (call["id"], call["function"]["arguments"]) for call in expected_calls
    ]
    counts = answer.parts[-1]
    assert isinstance(counts, FinalCounts)
    assert sum(isinstance(part, FinalCounts) for part in answer.parts) == 1
    assert (counts.done_reason, counts.prompt_tokens, counts.answer_tokens) == (
        row.done_reason,
        row.prompt_tokens,
        row.answer_tokens,
    )
    nanoseconds = said[-1].get("eval_duration")
    assert counts.answer_seconds == (None if nanoseconds is None else pytest.approx(nanoseconds / 1e9))
    speaking = [e for e in said if any(e["message"].get(key) for key in ("content", "thinking", "tool_calls"))]
    assert sum(chunk.pieces for chunk in answer.chunks) == len(speaking)


@pytest.mark.parametrize("name", BROKEN)
async def test_an_answer_that_breaks_off_keeps_what_came(name: str) -> None:
    row, answer = BROKEN[name], await answered(name)
    assert isinstance(answer.error, OllamaStreamError)
    assert answer.error.kind is row.kind
    assert row.words in str(answer.error)
    assert (len(answer.text), len(answer.thinking)) == (row.text_characters, row.thinking_characters)
    assert not any(isinstance(part, FinalCounts) for part in answer.parts)


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_says_what_and_why(name: str) -> None:
    row, answer = REFUSED[name], await answered(name)
    assert answer.parts == []
    assert isinstance(answer.error, (OllamaModelError, OllamaResponseError))
    assert answer.error.kind is row.kind
    assert row.words in str(answer.error)
    assert answer.error.status == RECORDINGS[name].status
    assert (answer.error.prompt_tokens, answer.error.context_tokens) == (row.prompt_tokens, row.context_tokens)
    assert answer.error.title
    assert answer.error.advice


NOT_SPOKEN = {"logprobs", "top_logprobs", "shift", "unknown_key"}


@pytest.mark.parametrize("name", sorted(TOLD))
async def test_what_is_sent_is_what_the_recorded_client_sent(name: str) -> None:
    recorded = {key: value for key, value in RECORDINGS[name].body.items() if key not in NOT_SPOKEN}
    recorded.setdefault("stream", True)
    if recorded.get("format") == "json":
        recorded["format"] = {"type": "object"}
    assert (await answered(name)).sent == recorded


async def test_leaving_in_the_middle_hangs_up_on_the_server() -> None:
    heard = ""
    async with meeting("chat-cancelled") as (client, server):
        async with aclosing(client.chat(asked(RECORDINGS["chat-cancelled"]))) as answer:
            async for part in answer:
                assert isinstance(part, Chunk)
                heard += part.text
                if len(heard) == 29:
                    break
        await asyncio.wait_for(server.visits[0].hung_up.wait(), 5)
    assert heard == "".join(entry["message"]["content"] for entry in objects("chat-cancelled"))


async def test_a_server_that_is_killed_leaves_what_it_said() -> None:
    said = "".join(entry["message"]["content"] for entry in objects("chat-server-stopped"))
    heard: list[str] = []

    async def listen(client: OllamaClient, server: Server) -> None:
        async for part in client.chat(asked(RECORDINGS["chat-server-stopped"])):
            assert isinstance(part, Chunk)
            heard.append(part.text)
            if "".join(heard) == said:
                server.visits[0].may_reset.set()

    async with meeting("chat-server-stopped") as (client, server):
        with pytest.raises(OllamaStreamError) as error:
            await listen(client, server)
    assert len("".join(heard)) == 142
    assert error.value.kind is ErrorKind.broken_off
    assert "the connection to " in error.value.message


@pytest.mark.parametrize("name", RUNNING)
async def test_what_is_in_memory_is_listed(name: str) -> None:
    async with meeting(name) as (client, _):
        running = await client.list_running()
    assert {model.name: (model.size_bytes, model.context_tokens) for model in running} == RUNNING[name]
    assert all(isinstance(model, RunningModel) and len(model.digest) == 64 for model in running)
    assert client.misfit_fields == 0


async def test_memory_on_the_gpu_and_the_time_of_leaving_are_told() -> None:
    async with meeting("ps-partial") as (client, _):
        partly, wholly = await client.list_running()
    assert (partly.size_vram_bytes, partly.size_bytes) == (3325034496, 5320474624)
    assert wholly.size_vram_bytes == wholly.size_bytes
    async with meeting("ps-loaded") as (client, _):
        (on_the_cpu,) = await client.list_running()
    assert on_the_cpu.size_vram_bytes == 0
    assert on_the_cpu.expires_at == datetime(2026, 11, 21, 10, 37, 40, 988689, tzinfo=UTC)
    async with meeting("ps-forever") as (client, _):
        (kept,) = await client.list_running()
    assert kept.expires_at is not None
    assert kept.expires_at.year == 2319


@pytest.mark.parametrize("name", SHOWN)
async def test_a_model_is_shown(name: str) -> None:
    model = RECORDINGS[name].body["model"]
    async with meeting(name) as (client, server):
        details = await client.show_model(model)
    assert server.visits[0].json() == {"model": model}
    capabilities, context, architecture = SHOWN[name]
    assert details.capabilities == capabilities
    assert (details.trained_context_tokens, details.architecture) == (context, architecture)
    assert details.name == model
    assert details.is_cloud == ("cloud" in name)
    assert client.misfit_fields == 0


async def test_a_model_is_shown_with_all_its_words() -> None:
    async with meeting("show") as (client, _):
        details = await client.show_model("gemma3:270m")
    assert isinstance(details, ModelDetails)
    assert details.parameters == (("stop", "<end_of_turn>"), ("stop", "\n\n\n"), ("temperature", "0.7"))
    assert (details.system, details.license) == ("You are a helpful assistant.", "An example license text.")
    assert (details.family, details.parameter_size, details.quantization) == ("gemma3", "268.10M", "Q4_K_M")
    assert details.embedding_length == 640
    assert details.modelfile.startswith("# Modelfile")
    assert details.template == "{{ .Prompt }}"


async def test_the_models_are_listed_without_believing_their_capabilities() -> None:
    async with meeting("tags") as (client, _):
        models = await client.list_models()
    assert [model.name for model in models] == [
        "gemma3-think:270m",
        "embeddinggemma:tiny",
        "pirate:latest",
        "gemma3-tmpl:270m",
        "gemma3:270m",
    ]
    assert models[0] == Model(
        name="gemma3-think:270m",
        digest="bdf6d4b0840dd04c9c14affe4b66c61ae008dd785ac641379a3ccaab523e0ac5",
        size_bytes=253114908,
        family="gemma3",
        parameter_size="268.10M",
        quantization="Q4_K_M",
        trained_context_tokens=32768,
        modified_at=datetime(2026, 11, 21, 10, 35, 50, 550439, tzinfo=UTC),
    )
    assert all(model.capabilities is None and not model.is_cloud for model in models)
    async with meeting("tags-empty") as (client, _):
        assert await client.list_models() == ()


async def test_a_stub_of_a_cloud_model_is_known() -> None:
    async with meeting("tags-cloud-stub") as (client, _):
        (model,) = await client.list_models()
    assert (model.name, model.is_cloud) == ("mycloud:latest", True)


async def test_the_version_is_told() -> None:
    async with meeting("version-get") as (client, server):
        assert await client.version() == "0.33.0"
        health = await client.health_check()
    assert health.version == "0.33.0"
    assert 0 <= health.answered_in_seconds < 5
    assert [visit.path for visit in server.visits] == ["/version-get/api/version"] * 2


@pytest.mark.parametrize("name", ["error-403-host", "error-403-origin"])
async def test_an_address_that_the_server_does_not_accept_is_explained(name: str) -> None:
    async with meeting(name) as (client, _):
        with pytest.raises(OllamaResponseError) as error:
            await client.list_models()
    assert error.value.status == 403
    assert "OLLAMA_HOST" in error.value.advice


async def test_showing_a_model_that_is_not_there_names_it_as_asked() -> None:
    async with meeting("error-404-show") as (client, _):
        with pytest.raises(OllamaModelError) as error:
            await client.show_model("llama3.2")
    assert error.value.kind is ErrorKind.model_missing
    assert error.value.title.startswith("model llama3.2 is not on ")
