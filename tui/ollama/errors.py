"""What goes wrong with an Ollama server. ``EngineError.kind`` says what it means, the class where it happened."""

from __future__ import annotations

from enum import StrEnum

from tui.engine import EngineError, ErrorKind


class Repeating(StrEnum):
    """Whether the same request may be sent again by itself."""

    never = "never"
    if_harmless = "if_harmless"
    """The server may have begun with it: only what may happen twice."""
    always = "always"
    """The server has not begun with it."""


class OllamaError(EngineError):
    """The root of everything this room raises."""

    def __init__(
        self,
        title: str,
        message: str = "",
        advice: str = "",
        *,
        kind: ErrorKind,
        status: int | None = None,
        prompt_tokens: int | None = None,
        context_tokens: int | None = None,
        repeating: Repeating = Repeating.never,
        retry_after_seconds: float | None = None,
        signin_url: str = "",
        runner_died: bool = False,
    ) -> None:
        super().__init__(
            title,
            message,
            advice,
            kind=kind,
            status=status,
            prompt_tokens=prompt_tokens,
            context_tokens=context_tokens,
        )
        self.repeating = repeating
        self.retry_after_seconds = retry_after_seconds
        """How long the server asks to be left alone, when it says so."""
        self.signin_url = signin_url
        """With ``unauthorized``: where a person signs the server in, if it says where."""
        self.runner_died = runner_died
        """The process that ran the model is gone; the next question makes the server load it again."""


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
