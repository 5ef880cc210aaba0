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


CALLS: list[Callable[[OllamaClient], Any]] = [
    OllamaClient.version,
    OllamaClient.list_models,
    OllamaClient.list_running,
    lambda client: client.show_model("m"),
    texts,
]
