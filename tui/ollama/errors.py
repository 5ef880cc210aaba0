"""What goes wrong with an Ollama server. ``EngineError.kind`` says what it means, the class where it happened."""

from __future__ import annotations

from tui.engine import EngineError


class OllamaError(EngineError):
    """The root of everything this room raises."""


class OllamaConnectionError(OllamaError):
    """There is no connection: refused, no route, unknown name, TLS, a proxy; or it was lost before any answer."""


class OllamaTimeoutError(OllamaError):
    """The server took the connection and said nothing in time."""


class OllamaModelError(OllamaError):
    """It is about the model: not there, out of memory, lacks a capability, or its context is too small."""


class OllamaResponseError(OllamaError):
    """The server said no, or something that is not Ollama's language. ``status`` is the HTTP status."""


class OllamaStreamError(OllamaError):
    """The answer broke off after it began; what came before was yielded."""


def one_line(text: str, limit: int = 300) -> str:
    """Foreign words for one line of a message: white space joined, cut to ``limit`` characters."""
    line = " ".join(text[: limit * 8].split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
