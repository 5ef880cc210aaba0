"""What every engine yields, whatever server stands behind it.

Nothing above this floor knows a server's wire types, addresses or error texts: it sees these values and this protocol.
Durations are seconds, sizes are bytes, counts are tokens. ``None`` means that the server did not say.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from tui.failures import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where a server is, and why chinwag thinks so."""

    url: str
    """Scheme, host, port and path, without a slash at the end: ``http://127.0.0.1:11434``."""
    name: str
    """Short enough for the header: ``127.0.0.1``, ``gpu-box``, ``gpu-box:8080``."""
    source: str = "default"
    """Who chose it: ``--host``, ``chosen``, ``OLLAMA_HOST``, ``default`` or ``demo``."""
    is_loopback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    version: str
    answered_in_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model as the server lists it."""

    name: str
    """As the server names it, with its tag: ``qwen3:8b``."""
    digest: str = ""
    size_bytes: int | None = None
    family: str = ""
    parameter_size: str = ""
    """As the server words it: ``8.2B``."""
    quantization: str = ""
    trained_context_tokens: int | None = None
    modified_at: datetime | None = None
    is_cloud: bool = False
    """It runs on somebody else's computers."""
    capabilities: frozenset[str] | None = None
    """``completion tools insert vision embedding thinking image audio``; None until ``show_model`` has said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetails:
    """What a server tells about one model when asked for it by name."""

    name: str
    capabilities: frozenset[str] | None = None
    trained_context_tokens: int | None = None
    embedding_length: int | None = None
    architecture: str = ""
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    system: str = ""
    template: str = ""
    license: str = ""
    modelfile: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    is_cloud: bool = False
    layers: int | None = None
    """How many blocks of it can be put on a GPU one by one."""
    metadata: tuple[tuple[str, str | int | float | bool], ...] = ()
    """What its file says of itself, by the file's own names and sorted by them; lists are left out."""
    weights_digest: str = ""
    """``sha256:…`` of the file with its weights, where the server tells it. Models of the same weights share memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningModel:
    """A model that is in memory now. A model that is still loading is not listed by the server."""

    name: str
    digest: str = ""
    size_bytes: int | None = None
    size_vram_bytes: int | None = None
    context_tokens: int | None = None
    expires_at: datetime | None = None
    has_died: bool = False
    """It is still listed, but it broke down while it answered and nobody has asked it since: it will load again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message as it is sent. ``role`` is ``system``, ``user``, ``assistant`` or ``tool``."""

    role: str
    text: str
    images: tuple[str, ...] = ()
    """Standard base64, without a ``data:`` prefix."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What is asked. An option that is absent is left to the server; 0 is a value."""

    model: str
    messages: tuple[ChatMessage, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    think: bool | str | None = None
    format: str | Mapping[str, Any] | None = None
    """None for text, or a JSON schema."""
    keep_alive: float | str | None = None
    """Seconds as a number (below 0: for ever, 0: unload), or a duration with its unit: ``5m``."""
    tools: tuple[Mapping[str, Any], ...] = ()
    truncate: bool | None = False
    """False: a prompt that does not fit is refused, never cut silently. None leaves it to the server."""
    stream: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whose question it is, in the caller's own words, for a log of requests. The server never sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A part of an answer, as much as one read of the socket brought."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    pieces: int = 1
    """How many pieces the server had sent it in: about the number of tokens, for a live rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalCounts:
    """The server's own figures, at the end of an answer."""

    done_reason: str = ""
    """``stop``, ``length``, ``load``, ``unload``, or empty when the server gave none."""
    total_seconds: float | None = None
    load_seconds: float | None = None
    prompt_tokens: int | None = None
    prompt_seconds: float | None = None
    answer_tokens: int | None = None
    answer_seconds: float | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """``eval_count / eval_duration``; None when either is unknown or no time passed."""
        if self.answer_tokens is None or not self.answer_seconds:
            return None
        return self.answer_tokens / self.answer_seconds


class ProgressPhase(StrEnum):
    """What a server is at while it fetches, sends or makes a model."""

    preparing = "preparing"
    transferring = "transferring"
    """Bytes come or go; ``completed_bytes`` and ``total_bytes`` are those of one layer."""
    checking = "checking"
    """It reads what came once more, and says nothing for as long as that takes: tens of seconds for a large model."""
    finishing = "finishing"
    done = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerProgress:
    """One part of a model on its way."""

    digest: str
    completed_bytes: int = 0
    """May become less when a part of it has to come again."""
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the pull, push or making of a model is. The last one has ``is_done``; without it nothing is proven."""

    status: str
    """In the server's words."""
    phase: ProgressPhase
    digest: str = ""
    """The layer that this is about, if it is about one."""
    completed_bytes: int | None = None
    total_bytes: int | None = None
    layers: tuple[LayerProgress, ...] = ()
    """Every layer heard of so far. Those that are still to come are unknown, and small ones may never be named."""

    @property
    def is_done(self) -> bool:
        return self.phase is ProgressPhase.done

    @property
    def seen_completed_bytes(self) -> int:
        """Summed over the layers heard of so far; it can go down."""
        return sum(layer.completed_bytes for layer in self.layers)

    @property
    def seen_total_bytes(self) -> int:
        """Summed over the layers heard of so far; it grows with each new one."""
        return sum(layer.total_bytes or layer.completed_bytes for layer in self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """One vector for each text, in the order of the texts, each of length 1 and as long as the others."""

    vectors: tuple[array[float], ...]
    """32-bit floats, as ``array("f")``."""
    model: str = ""
    prompt_tokens: int | None = None
    total_seconds: float | None = None
    load_seconds: float | None = None


class ErrorKind(StrEnum):
    """What went wrong, as far as somebody above the client decides by it."""

    unreachable = "unreachable"
    """No connection: refused, no route, unknown name, TLS."""
    silent = "silent"
    """The connection stands and no answer comes in time; a server that is starting does that."""
    model_missing = "model_missing"
    out_of_memory = "out_of_memory"
    lacks_capability = "lacks_capability"
    context_exceeded = "context_exceeded"
    busy = "busy"
    unauthorized = "unauthorized"
    refused = "refused"
    """Any other answer that says no."""
    broken_off = "broken_off"
    """It ended after it began, without saying that it was done."""
    unreadable = "unreadable"
    """The answer is not what an engine says: not JSON, too large, compressed, a redirect."""


class EngineError(Failure):
    """The root of everything that an engine raises."""

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
    ) -> None:
        super().__init__(title, message, advice)
        self.kind = kind
        self.status = status
        """HTTP status, when an answer came."""
        self.prompt_tokens = prompt_tokens
        """With ``context_exceeded``: how long the prompt is."""
        self.context_tokens = context_tokens
        """With ``context_exceeded``: how much fits."""
        self.request_id = ""
        """Of the request that failed, as a log of requests has it; empty when it was never sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A request failed and is about to be sent again."""

    request: str
    """What is asked, for a person: ``chat with qwen3:8b``."""
    attempt: int
    """The one that comes next: 2 for the first repetition."""
    attempts: int
    """How many there are at most."""
    wait_seconds: float
    error: EngineError
    """Why the last one failed; its ``request_id`` is that of the repetitions too."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """That of the request: whose it is."""


class Engine(Protocol):
    """One server. Every method raises ``EngineError`` and nothing else, ``CancelledError`` apart."""

    @property
    def host(self) -> Host: ...

    async def health_check(self) -> Health: ...

    async def version(self) -> str: ...

    async def list_models(self) -> tuple[Model, ...]: ...

    async def show_model(self, name: str) -> ModelDetails: ...

    async def list_running(self) -> tuple[RunningModel, ...]: ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[Chunk | FinalCounts, None]:
        """Chunks as they come, then exactly one ``FinalCounts``; a stream that ends without it raises.

        Close the generator (``contextlib.aclosing``) to stop: the server sees the hang-up at once.
        """
        ...

    async def aclose(self) -> None: ...
