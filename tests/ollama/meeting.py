"""A client and a server that does what a test says, over a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.replay import Answering, Server, Visit, serving
from tui.engine import ChatMessage, ChatRequest, Chunk
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.requests import CreateRequest, EmbedRequest, GenerateRequest

REQUEST = ChatRequest(model="qwen3:8b", messages=(ChatMessage(role="user", text="hello"),))
DONE = b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":2}\n'


def piece(text: str) -> bytes:
    return json.dumps({"message": {"role": "assistant", "content": text}, "done": False}).encode() + b"\n"


@asynccontextmanager
async def meeting(answering: Answering, **settings: Any) -> AsyncGenerator[tuple[OllamaClient, Server], None]:
    async with serving(answering) as server:
        client = OllamaClient(parse_host(server.url, source="test"), **{"environ": {}, **settings})
        try:
            yield client, server
        finally:
            await client.aclose()


async def texts(client: OllamaClient, request: ChatRequest = REQUEST) -> list[str]:
    return [part.text async for part in client.chat(request) if isinstance(part, Chunk)]


def answers(body: bytes, status: int = 200, *headers: tuple[str, str]) -> Answering:
    async def answer(visit: Visit) -> None:
        await visit.answer(body, status, *headers)

    return answer


async def never(visit: Visit) -> None:
    await visit.until_hung_up()


async def every(parts: AsyncGenerator[Any, None]) -> list[Any]:
    return [part async for part in parts]


DIGEST = f"sha256:{'0' * 64}"

SHORT_CALLS: list[Callable[[OllamaClient], Any]] = [
    OllamaClient.version,
    OllamaClient.list_models,
    OllamaClient.list_running,
    lambda client: client.show_model("m"),
    OllamaClient.is_ollama,
    OllamaClient.cloud_status,
    OllamaClient.account,
    OllamaClient.sign_out,
    OllamaClient.recommended_models,
    lambda client: client.has_file(DIGEST),
]
"""What is given up when no answer comes in time."""

LONG_CALLS: list[Callable[[OllamaClient], Any]] = [
    texts,
    lambda client: every(client.generate(GenerateRequest(model="m", prompt="a"))),
    lambda client: every(client.generate(GenerateRequest(model="m", prompt="a", stream=False))),
    lambda client: every(client.pull_model("m")),
    lambda client: every(client.pull_model("m", stream=False)),
    lambda client: every(client.push_model("m")),
    lambda client: every(client.create_model(CreateRequest(model="m", files={"a.gguf": DIGEST}))),
    lambda client: client.embed(EmbedRequest(model="m", texts=("a",))),
    lambda client: every(client.embed_in_batches(EmbedRequest(model="m", texts=("a", "b")), batch_texts=1)),
    lambda client: client.embed_as_before("m", "a"),
    lambda client: client.copy_model("m", "n"),
    lambda client: client.delete_model("m"),
    lambda client: client.load_model("m", keep_alive="5m"),
    lambda client: client.unload_model("m"),
    lambda client: client.prewarm(REQUEST),
]
"""What may take as long as it takes."""

CALLS = [*SHORT_CALLS, *LONG_CALLS]
