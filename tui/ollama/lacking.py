"""What a model cannot do is refused before anything is sent, with the reason."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from tui.engine import ChatRequest, ErrorKind, ModelDetails
from tui.ollama.errors import OllamaModelError, one_line
from tui.ollama.names import same_model
from tui.ollama.requests import EmbedRequest, GenerateRequest

_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")
_MP3_FRAMES = frozenset({b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"})
_FIRST_THAT_NEEDS_EMBEDDING = (0, 30, 0)
"""Before, most models that chat could make vectors too, whatever their capabilities said."""


def refuse_what_is_lacking(
    request: ChatRequest | GenerateRequest | EmbedRequest, details: ModelDetails, *, server_version: str = ""
) -> None:
    """Raises ``OllamaModelError`` (``lacks_capability``) when the model cannot do what is asked of it.

    ``details`` are those of the request's model; those of another one say nothing, nor do those of a server that
    lists no capabilities (before 0.6.4). ``server_version`` is needed to know about vectors.
    """
    if details.capabilities is None or not same_model(details.name, request.model):
        return
    for capability, cannot, advice in _needed(request, server_version):
        if capability not in details.capabilities:
            raise OllamaModelError(
                f"model {one_line(request.model, 80)} {cannot}",
                f"it has {', '.join(sorted(details.capabilities)) or 'no capabilities'}, and not {capability}",
                advice,
                kind=ErrorKind.lacks_capability,
            )


def _needed(
    request: ChatRequest | GenerateRequest | EmbedRequest, server_version: str
) -> Iterator[tuple[str, str, str]]:
    if isinstance(request, EmbedRequest):
        if version_numbers(server_version) >= _FIRST_THAT_NEEDS_EMBEDDING:
            yield "embedding", "cannot make vectors", "choose one for embedding"
        return
    if isinstance(request, ChatRequest):
        if request.messages:
            yield "completion", "cannot chat", "choose another model"
        if request.tools:
            yield "tools", "cannot call tools", "turn tools off, or choose another model"
        media = [image for message in request.messages for image in message.images]
    else:
        if request.prompt:
            yield "completion", "cannot write text", "choose another"
        if request.suffix:
            yield "insert", "cannot fill a gap", "leave out the suffix, or choose a model for code"
        media = list(request.images)
    if request.think:
        yield "thinking", "cannot think", "turn thinking off, or choose another model"
    if any(not is_sound(entry) for entry in media):
        yield "vision", "cannot see images", "leave the image out, or choose another model"
    if any(is_sound(entry) for entry in media):
        yield "audio", "cannot hear", "leave the sound out, or choose another model"


def is_sound(media: str) -> bool:
    """Whether base64 text is a WAV or an MP3: those travel where images do."""
    try:
        head = base64.b64decode(media[:16])
    except ValueError:
        return False
    if head[:4] == b"RIFF":
        return head[8:12] == b"WAVE"
    return head[:3] == b"ID3" or head[:2] in _MP3_FRAMES


def version_numbers(version: str) -> tuple[int, int, int]:
    """``0.33.0-rc2`` → (0, 33, 0); a development build (``0.0.0``) is newer than all, an unknown one older."""
    match = _VERSION.match(version)
    if match is None:
        return 0, 0, 0
    numbers = int(match[1]), int(match[2]), int(match[3] or 0)
    return (10**6, 0, 0) if numbers == (0, 0, 0) else numbers
