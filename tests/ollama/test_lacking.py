from __future__ import annotations

import base64
from typing import Any

import pytest

from tui.engine import ChatMessage, ChatRequest, ErrorKind, ModelDetails
from tui.ollama.errors import OllamaModelError
from tui.ollama.lacking import is_sound, refuse_what_is_lacking, version_numbers
from tui.ollama.requests import EmbedRequest, GenerateRequest

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 20).decode()
WAV = base64.b64encode(b"RIFF\x24\x08\x00\x00WAVEfmt " + b"\0" * 20).decode()
WEBP = base64.b64encode(b"RIFF\x24\x08\x00\x00WEBPVP8 " + b"\0" * 20).decode()
MP3 = base64.b64encode(b"ID3\x03" + b"\0" * 20).decode()


def details(*capabilities: str, name: str = "m") -> ModelDetails:
    return ModelDetails(name=name, capabilities=frozenset(capabilities))


def chat(*images: str, **more: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=(ChatMessage(role="user", text="a", images=images),), **more)


@pytest.mark.parametrize(
    ("ask", "capabilities", "words"),
    [
        (chat(tools=({},)), {"completion"}, "model m cannot call tools"),
        (chat(think=True), {"completion", "tools"}, "model m cannot think"),
        (chat(think="low"), {"completion"}, "model m cannot think"),
        (chat(PNG), {"completion"}, "model m cannot see images"),
        (chat(WEBP), {"completion", "audio"}, "model m cannot see images"),
        (chat(PNG, WAV), {"completion", "vision"}, "model m cannot hear"),
        (chat(MP3), {"completion"}, "model m cannot hear"),
        (chat(), {"embedding"}, "model m cannot chat"),
        (chat(), set(), "model m cannot chat"),
        (GenerateRequest(model="m", prompt="a", suffix="b"), {"completion"}, "model m cannot fill a gap"),
        (GenerateRequest(model="m", prompt="a", images=(PNG,)), {"completion"}, "model m cannot see images"),
        (GenerateRequest(model="m", prompt="a", think=True), {"completion"}, "model m cannot think"),
        (EmbedRequest(model="m", texts=("a",)), {"completion"}, "model m cannot make vectors"),
    ],
)
def test_what_a_model_lacks_is_refused_with_the_reason(ask: Any, capabilities: set[str], words: str) -> None:
    with pytest.raises(OllamaModelError) as error:
        refuse_what_is_lacking(ask, details(*capabilities), server_version="0.33.0")
    assert error.value.title == words
    assert error.value.kind is ErrorKind.lacks_capability
    assert error.value.advice
    assert "and not" in error.value.message


@pytest.mark.parametrize(
    "ask",
    [
        chat(PNG, tools=({},), think="high"),
        chat(think=False),
        ChatRequest(model="m", messages=()),
        GenerateRequest(model="m", prompt="", keep_alive=0),
        GenerateRequest(model="m", prompt="a", suffix="b"),
        EmbedRequest(model="m", texts=("a",)),
    ],
)
def test_what_a_model_can_do_is_let_through(ask: Any) -> None:
    able = details("completion", "tools", "insert", "vision", "embedding", "thinking", name="M:latest")
    refuse_what_is_lacking(ask, able, server_version="0.33.0")


def test_without_a_list_nothing_is_guessed() -> None:
    request = chat(PNG, tools=({},), think=True)
    refuse_what_is_lacking(request, ModelDetails(name="m"))
    refuse_what_is_lacking(request, details(name="another"))


def test_turning_thinking_off_needs_no_thinking() -> None:
    refuse_what_is_lacking(chat(think=False), details("completion"))


@pytest.mark.parametrize(
    ("version", "is_refused"), [("0.29.9", False), ("", False), ("0.30.0", True), ("0.33.0-rc2", True), ("0.0.0", True)]
)
def test_older_servers_made_vectors_with_models_that_chat(version: str, is_refused: bool) -> None:
    request = EmbedRequest(model="m", texts=("a",))
    if is_refused:
        with pytest.raises(OllamaModelError):
            refuse_what_is_lacking(request, details("completion"), server_version=version)
    else:
        refuse_what_is_lacking(request, details("completion"), server_version=version)


@pytest.mark.parametrize(
    ("media", "expected"),
    [(PNG, False), (WEBP, False), (WAV, True), (MP3, True), ("", False), ("é", False), ("a", False)],
)
def test_sound_is_told_from_pictures_by_how_it_begins(media: str, expected: bool) -> None:
    assert is_sound(media) is expected


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("0.33.0-rc2", (0, 33, 0)), ("v1.2", (1, 2, 0)), ("0.0.0", (10**6, 0, 0)), ("x", (0, 0, 0)), ("", (0, 0, 0))],
)
def test_versions_are_compared_by_their_numbers(version: str, numbers: tuple[int, int, int]) -> None:
    assert version_numbers(version) == numbers
