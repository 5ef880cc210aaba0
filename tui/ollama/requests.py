"""What is asked of an Ollama server beside a chat. What is None or empty is left to the server; 0 is a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from tui.engine import ChatMessage
from tui.ollama.keep_alive import KeepAlive


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """A text to be gone on with. Conversations go through ``chat``: here thinking may come mixed into the text."""

    model: str
    prompt: str
    suffix: str = ""
    """What comes behind the text that is asked for; the model must be able to insert."""
    system: str = ""
    template: str = ""
    raw: bool = False
    """The prompt is the whole of what the model reads: no template, no system text."""
    images: tuple[str, ...] = ()
    """Standard base64, without a ``data:`` prefix."""
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    format: str | Mapping[str, Any] | None = None
    """None for text, or a JSON schema."""
    keep_alive: KeepAlive | None = None
    truncate: bool | None = False
    """False: a prompt that does not fit is refused, never cut silently. None leaves it to the server."""
    stream: bool = True
    thinking_is_open: bool = False
    """The template, or a raw prompt, ends inside ``<think>``: what comes before ``</think>`` is thinking."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whose request it is, in the caller's own words, for a log of requests. The server never sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedRequest:
    """Texts to be made into vectors."""

    model: str
    texts: tuple[str, ...]
    dimensions: int | None = None
    """How long the vectors shall be; None for as long as the model makes them."""
    truncate: bool | None = False
    """False: a text that does not fit is refused, never cut silently. None leaves it to the server."""
    options: Mapping[str, Any] = field(default_factory=dict)
    keep_alive: KeepAlive | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whose request it is, in the caller's own words, for a log of requests. The server never sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """A model to be made, of another one or of files."""

    model: str
    """The name that it gets."""
    source_model: str = ""
    """The model that it is made of; pulled when it is not there."""
    files: Mapping[str, str | PathLike[str]] = field(default_factory=dict)
    """Name in the model → a file on this machine, which is uploaded, or the digest (``sha256:…``) of one uploaded."""
    adapters: Mapping[str, str | PathLike[str]] = field(default_factory=dict)
    """As ``files``."""
    quantize: str = ""
    """Such as ``Q4_K_M``."""
    template: str = ""
    system: str = ""
    license: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[ChatMessage, ...] = ()
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    """The least version of Ollama that can run it."""
    stream: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whose request it is, in the caller's own words, for a log of requests. The server never sees it."""
