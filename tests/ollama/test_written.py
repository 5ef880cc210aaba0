"""A request written out: to be read, and to be sent again from a shell."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tui.engine import ChatMessage, ChatRequest, ToolCall
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.credentials import Credentials
from tui.ollama.request_body import chat_body, encoded

REQUEST = ChatRequest(
    model="m:8b",
    messages=(ChatMessage(role="user", text='it\'s `$HOME` \\ and "more"\n\u202eüber\ud800 CHINWAG'),),
    options={"temperature": 0},
    keep_alive="5m",
)


async def test_it_is_the_body_that_is_sent() -> None:
    async with OllamaClient(parse_host("127.0.0.1:9", source="chosen"), environ={}) as client:
        written = client.written_chat(REQUEST)
    assert json.loads(written.body) == chat_body(REQUEST)
    assert written.url == "http://127.0.0.1:9/api/chat"
    assert "\u202e" not in written.body
    assert "über" in written.body


async def test_no_secret_stands_in_it() -> None:
    host = parse_host("https://gpu-box:8080", source="chosen")
    secrets = Credentials(url=host.url, api_key="sk-very-secret", headers={"X-Team": "also-secret"})
    async with OllamaClient(host, environ={}, credentials=secrets) as client:
        curl = client.written_chat(REQUEST).curl
    assert "secret" not in curl
    assert '-H "Authorization: Bearer $CHINWAG_API_KEY"' in curl
    assert "$CHINWAG_X_TEAM" in curl


async def test_a_shell_hands_the_same_bytes_on(tmp_path: Path) -> None:
    """With a ``curl`` that writes down what it is given."""
    fake = tmp_path / "curl"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >"$OUT/arguments"\ncat >"$OUT/body"\n')
    fake.chmod(0o700)
    async with OllamaClient(parse_host("127.0.0.1:9", source="chosen"), environ={}) as client:
        script = client.written_chat(REQUEST).curl
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "OUT": str(tmp_path)}
    subprocess.run(["/bin/sh"], input=script.encode(), env=environ, check=True)
    assert json.loads((tmp_path / "body").read_bytes()) == chat_body(REQUEST)
    assert "http://127.0.0.1:9/api/chat" in (tmp_path / "arguments").read_text()


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "arguments", [deep(5_000), {"a": [10**400]}, {"a": 10**4_500}, {"a": float("nan")}, {"a": float("inf")}]
)
def test_a_call_that_no_server_can_be_told_again_goes_without_its_arguments(arguments: dict[str, Any]) -> None:
    call = ToolCall(name="f", arguments=arguments, id="c1")
    asked = ChatRequest(model="m", messages=(ChatMessage(role="assistant", text="", tool_calls=(call,)),))
    body = json.loads(encoded(chat_body(asked)))
    assert body["messages"][0]["tool_calls"] == [{"id": "c1", "function": {"index": 0, "name": "f", "arguments": {}}}]
