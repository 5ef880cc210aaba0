"""One Ollama server, as ``tui.engine.Engine`` describes it and with all else that it can do.

Importing this loads no HTTP library.
"""

from __future__ import annotations

import asyncio
import os
import random as randomness
import time
from array import array
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from tui.engine import (
    ChatRequest,
    Chunk,
    Embeddings,
    ErrorKind,
    FinalCounts,
    Health,
    Host,
    Model,
    ModelDetails,
    RunningModel,
)
from tui.ollama import embeddings, request_body, wire
from tui.ollama.calls import LARGE_BYTES, LARGEST_ANSWER_BYTES, Calls
from tui.ollama.chat_stream import LONGEST_TEXT_BYTES, ChatStream
from tui.ollama.credentials import Credentials, headers_to_send
from tui.ollama.embeddings import EmbeddedBatch
from tui.ollama.errors import OllamaError, OllamaResponseError, one_line
from tui.ollama.inline_thinking import InlineThinking
from tui.ollama.keep_alive import KeepAlive
from tui.ollama.model_store import ModelStore
from tui.ollama.names import normalised_name, same_model
from tui.ollama.replies import Account, CloudStatus, RecommendedModel
from tui.ollama.request_log import Asking, RequestLog
from tui.ollama.requests import EmbedRequest, GenerateRequest
from tui.ollama.retries import OnRetry, Retrying, RetryPolicy
from tui.ollama.runners import may_share_weights
from tui.ollama.transport import Clock, Sleep, Transport
from tui.ollama.written import WrittenRequest, written_request

if TYPE_CHECKING:
    import httpx

_LARGEST_SHOW_BYTES = 64 * 1024 * 1024
_LARGEST_EMBEDDINGS_BYTES = 64 * 1024 * 1024
_MANY_ENTRIES = 500
_NO_RETRIES = RetryPolicy(attempts=1)

Entry = TypeVar("Entry")


class OllamaClient(ModelStore):
    """An ``Engine`` over Ollama's HTTP API, with one pool of connections.

    Every method raises ``OllamaError`` (an ``EngineError``) and nothing else, ``CancelledError`` apart. What is asked
    in passing (``version``, ``list_running``, ``account``) is never asked again by itself.
    """

    def __init__(
        self,
        host: Host,
        *,
        environ: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        ca_file: str | PathLike[str] | None = None,
        retries: RetryPolicy | Callable[[], RetryPolicy] = _NO_RETRIES,
        on_retry: OnRetry | None = None,
        log: RequestLog | None = None,
        new_id: Callable[[], str] = lambda: os.urandom(8).hex(),
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = randomness.random,
        connect_timeout_seconds: float = 5.0,
        version_timeout_seconds: float = 3.0,
        running_timeout_seconds: float = 3.0,
        list_timeout_seconds: float = 10.0,
        show_timeout_seconds: float = 15.0,
        read_interval_seconds: float = 0.033,
        silence_probe_seconds: float = 30.0,
    ) -> None:
        """``environ`` names proxies, certificates and ``OLLAMA_API_KEY``, the process's own when None.

        ``ca_file`` (PEM) is trusted beside the machine's own certificates. ``retries``: how often a request is sent
        that did not reach the server or found it busy, and a pull that broke off; a callable is asked each time.
        ``on_retry`` hears of each before its wait. ``log`` is told of every request that is sent, each by an id of ``new_id``, and is closed by whoever
        made it. ``transport`` replaces the network.

        ``read_interval_seconds``: how long the socket is left alone after each read of an answer; 0 reads on at once.
        ``silence_probe_seconds``: an answer that is silent for that long makes the client ask on a second connection
        whether the server lives; when it fails to say so twice in a row, the answer ends as broken off.
        """
        self._host = host
        self._credentials = credentials
        self._environ = os.environ if environ is None else environ
        self._clock = clock
        self._running_timeout_seconds = running_timeout_seconds
        self._list_timeout_seconds = list_timeout_seconds
        self._show_timeout_seconds = show_timeout_seconds
        self._retrying = Retrying(policy=retries, sleep=sleep, random=random, on_retry=on_retry)
        self._transport = Transport(
            host,
            environ=os.environ if environ is None else environ,
            connect_timeout_seconds=connect_timeout_seconds,
            read_interval_seconds=read_interval_seconds,
            clock=clock,
            sleep=sleep,
            transport=transport,
            credentials=credentials,
            ca_file=ca_file,
        )
        self._calls = Calls(
            host,
            self._transport,
            clock=clock,
            sleep=sleep,
            version_timeout_seconds=version_timeout_seconds,
            silence_probe_seconds=silence_probe_seconds,
            new_id=new_id,
            log=log,
        )
        self._weights: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def host(self) -> Host:
        return self._host

    @property
    def misfit_fields(self) -> int:
        """How many fields came in a wrong type or out of range so far, and were read as missing or clamped."""
        return self._calls.misfits.count

    def read_every(self, seconds: float) -> None:
        """How long the socket is left alone from here on after each read of an answer, also of those under way."""
        self._transport.read_every(seconds)

    async def aclose(self) -> None:
        """Ends what is under way and closes the connections. Doing it twice is fine."""
        await self._transport.aclose()

    # ------------------------------------------------------------------ the server

    async def health_check(self) -> Health:
        """Asks for the version and takes the time."""
        asked_at = self._clock()
        version = await self.version()
        return Health(version=version, answered_in_seconds=max(0.0, self._clock() - asked_at))

    async def version(self) -> str:
        """Such as ``0.33.0``; ``0.0.0`` for a development build."""
        within_seconds = self._calls.version_timeout_seconds
        asking = self._calls.asking()
        answer = await self._calls.fetch(
            "GET",
            "/api/version",
            within_seconds=within_seconds,
            largest_bytes=LARGEST_ANSWER_BYTES,
            asking=asking,
        )
        if answer.head.status == HTTPStatus.NOT_FOUND:
            raise self._calls.not_ollama("nothing there tells its version", asking.id)
        value = await self._calls.object_of(answer)
        version = wire.Fields(value, self._calls.misfits).text("version")
        if not version:
            raise self._calls.not_ollama("its answer names no version", asking.id)
        return one_line(version, 80)

    async def is_ollama(self) -> bool:
        """Whether its front page is Ollama's. Another server, or a proxy with a page of its own, gives False."""
        answer = await self._calls.fetch(
            "GET", "/", within_seconds=self._calls.version_timeout_seconds, largest_bytes=LARGEST_ANSWER_BYTES
        )
        return answer.head.status == HTTPStatus.OK and answer.body.strip() == b"Ollama is running"

    async def cloud_status(self) -> CloudStatus | None:
        """Whether it may hand questions on to ollama.com; None from a server before 0.16.2, which does not say."""
        asking = self._calls.asking()

        async def ask() -> CloudStatus | None:
            answer = await self._calls.fetch(
                "GET",
                "/api/status",
                within_seconds=self._list_timeout_seconds,
                largest_bytes=LARGEST_ANSWER_BYTES,
                asking=asking,
            )
            if answer.head.status == HTTPStatus.NOT_FOUND:
                return None
            value = await self._calls.object_of(answer)
            if "cloud" not in value:
                raise self._calls.not_ollama("its answer names no cloud")
            return wire.cloud_status(value, self._calls.misfits)

        return await self._retrying.call(ask, request="ask for the status", asking=asking, is_harmless=True)

    async def account(self) -> Account:
        """Who it is signed in as. Not signed in is an error of kind ``unauthorized``, with ``signin_url``.

        To sign in, a person opens that address, and this is asked until it answers.
        """
        answer = await self._calls.fetch(
            "POST", "/api/me", within_seconds=self._show_timeout_seconds, largest_bytes=LARGEST_ANSWER_BYTES
        )
        if answer.head.status == HTTPStatus.SERVICE_UNAVAILABLE:
            error = OllamaResponseError(
                f"{self._host.name} cannot say who it is signed in as",
                "it does not reach ollama.com, or its cloud is turned off",
                "check its network and its settings",
                kind=ErrorKind.refused,
                status=answer.head.status,
            )
            error.request_id = answer.request_id
            raise error
        return wire.account(await self._calls.object_of(answer), self._calls.misfits)

    async def sign_out(self) -> None:
        """Makes it forget who it is signed in as at ollama.com."""
        answer = await self._calls.fetch(
            "POST",
            "/api/signout",
            within_seconds=self._show_timeout_seconds,
            largest_bytes=LARGEST_ANSWER_BYTES,
        )
        if not 200 <= answer.head.status < 300:
            await self._calls.object_of(answer)

    # ------------------------------------------------------------------ its models

    async def list_models(self) -> tuple[Model, ...]:
        """What is installed, newest first. ``capabilities`` are None: only ``show_model`` knows them."""
        asking = self._calls.asking()
        return await self._retrying.call(
            lambda: self._entries("/api/tags", "models", wire.model, asking, within_seconds=self._list_timeout_seconds),
            request="list the models",
            asking=asking,
            is_harmless=True,
        )

    async def list_running(self) -> tuple[RunningModel, ...]:
        """What is in memory, longest-lived first. A hint: what loads is not listed, nor a second name of one model.

        A runner that died while it answered this client stays in the server's list; it has ``has_died``.
        """
        running = await self._entries(
            "/api/ps",
            "models",
            wire.running_model,
            self._calls.asking(),
            within_seconds=self._running_timeout_seconds,
        )
        return self._calls.dead_runners.marked(running, self._weights, self._clock())

    async def recommended_models(self) -> tuple[RecommendedModel, ...]:
        """What the makers of Ollama recommend, some of it in the cloud. Since 0.22.1."""
        asking = self._calls.asking()
        return await self._retrying.call(
            lambda: self._entries(
                "/api/experimental/model-recommendations",
                "recommendations",
                wire.recommended_model,
                asking,
                within_seconds=self._show_timeout_seconds,
            ),
            request="list the recommended models",
            asking=asking,
            is_harmless=True,
        )

    async def show_model(self, name: str) -> ModelDetails:
        """What the server knows of one model; the only place where its capabilities can be believed."""
        asking = self._calls.asking(name)

        async def ask() -> ModelDetails:
            value = await self._calls.fetch_object(
                "POST",
                "/api/show",
                await self._calls.encoded(lambda: {"model": name}),
                within_seconds=self._show_timeout_seconds,
                largest_bytes=_LARGEST_SHOW_BYTES,
                asking=asking,
            )
            return wire.model_details(name, value, self._calls.misfits)

        details = await self._retrying.call(ask, request=f"show {name}", asking=asking, is_harmless=True)
        self._weights[normalised_name(name)] = details.weights_digest
        return details

    async def namesakes(self, name: str) -> tuple[str, ...]:
        """The other names on this server whose models are made of the same weights.

        All of them share one runner: the list of what is in memory has only the name that loaded it, and unloading
        one unloads them all. Asks for the list, and for the details of those that look alike in it.
        """
        models = await self.list_models()
        own = next((model for model in models if same_model(model.name, name)), None)
        if own is None:
            return ()
        alike = [model for model in models if model is not own and may_share_weights(own, model)]
        weights = ""
        if any(model.digest != own.digest for model in alike):
            weights = (await self.show_model(own.name)).weights_digest
        return tuple([model.name for model in alike if await self._is_made_of(model, weights, own.digest)])

    async def _is_made_of(self, model: Model, weights: str, digest: str) -> bool:
        if digest and model.digest == digest:
            return True
        try:
            return weights != "" and (await self.show_model(model.name)).weights_digest == weights
        except OllamaError as error:
            if error.kind in {ErrorKind.unreachable, ErrorKind.silent}:
                raise
            return False  # it was deleted meanwhile, or its file is broken

    # ------------------------------------------------------------------ asking a model

    def chat(
        self, request: ChatRequest, *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Chunk | FinalCounts, None]:
        """Chunks as they come, then exactly one ``FinalCounts``. Close it (``aclosing``) to hang up at once.

        There is no limit on how long a model may load or think. Without messages the model is only loaded, or with
        ``keep_alive=0`` unloaded: then the counts come alone. Thinking that the server left in the text, as
        ``<think>`` at its very beginning, comes as thinking.
        """
        asking = self._calls.asking(request.model, request.metadata)
        return self._retrying.stream(
            lambda: self._calls.stream(
                "/api/chat",
                lambda: request_body.chat_body(request),
                self._reader(request.model, wire.said_in_chat, InlineThinking()),
                is_streamed=request.stream,
                asking=asking,
                characters=lambda: sum(len(m.text) + sum(map(len, m.images)) for m in request.messages),
                largest_bytes=LONGEST_TEXT_BYTES,
            ),
            request=f"chat with {request.model}",
            asking=asking,
            on_retry=on_retry,
        )

    def written_chat(self, request: ChatRequest) -> WrittenRequest:
        """What ``chat`` sends, to be read or copied; nothing is sent. Raises ``ValueError`` for what cannot be."""
        try:
            headers = tuple(headers_to_send(self._credentials, self._host, self._environ))
        except OllamaError:
            headers = ()
        url = f"{self._host.url}/api/chat"
        try:
            return written_request(url, request_body.chat_body(request), secret_headers=headers)
        except TypeError as error:
            raise ValueError(str(error)) from error

    def generate(
        self, request: GenerateRequest, *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Chunk | FinalCounts, None]:
        """Goes on with a text, or fills the gap before ``suffix``; the parts come as with ``chat``.

        Without a prompt the model is only loaded, or with ``keep_alive=0`` unloaded. A raw prompt, and a gap, are
        answered word for word, ``<think>`` and all, unless ``thinking_is_open``.
        """
        asking = self._calls.asking(request.model, request.metadata)
        is_verbatim = (request.raw or bool(request.suffix)) and not request.thinking_is_open

        def inline() -> InlineThinking | None:
            return None if is_verbatim else InlineThinking(is_open=request.thinking_is_open)

        return self._retrying.stream(
            lambda: self._calls.stream(
                "/api/generate",
                lambda: request_body.generate_body(request),
                self._reader(request.model, wire.said_in_generate, inline()),
                is_streamed=request.stream,
                asking=asking,
                characters=lambda: len(request.prompt) + sum(map(len, request.images)),
                largest_bytes=LONGEST_TEXT_BYTES,
            ),
            request=f"generate with {request.model}",
            asking=asking,
            on_retry=on_retry,
        )

    async def load_model(
        self, model: str, *, options: Mapping[str, Any] | None = None, keep_alive: KeepAlive | None = None
    ) -> FinalCounts:
        """Brings a model into memory, or gives one that is there a new ``keep_alive``.

        Options other than those that the next question sends make the server load it once more.
        """
        return await self.prewarm(
            ChatRequest(model=model, messages=(), options=options or {}, keep_alive=_without_span(keep_alive))
        )

    async def prewarm(self, request: ChatRequest) -> FinalCounts:
        """Loads the model of a chat with the options that the chat will send, so that it is not loaded twice."""
        loading = replace(request, messages=(), tools=(), format=None, think=None)
        try:
            return await self._counts(loading)
        except OllamaError as error:
            if error.kind is not ErrorKind.lacks_capability or request.messages:
                raise
        # A model that only makes vectors is not loaded by a chat.
        embedded = await self.embed(
            EmbedRequest(
                model=request.model,
                texts=(),
                options=request.options,
                keep_alive=request.keep_alive,
                metadata=request.metadata,
            )
        )
        return FinalCounts(done_reason="load", total_seconds=embedded.total_seconds, load_seconds=embedded.load_seconds)

    async def unload_model(self, model: str) -> FinalCounts:
        """Takes a model out of memory as soon as it has answered what it was asked; this does not wait for that.

        Its ``namesakes`` share the memory: they go with it.
        """
        return await self._counts(ChatRequest(model=model, messages=(), keep_alive=0))

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """A vector for each text. Without texts the model is only loaded."""
        body = await self._calls.encoded(
            lambda: request_body.embed_body(request), characters=lambda: sum(map(len, request.texts))
        )

        asking = self._calls.asking(request.model, request.metadata)

        async def ask() -> Embeddings:
            data = await self._calls.ask(
                "POST", "/api/embed", body, asking=asking, largest_bytes=_LARGEST_EMBEDDINGS_BYTES
            )
            value = await self._calls.decoded_object(data)

            def read() -> Embeddings:
                return embeddings.embeddings_of(value, texts=len(request.texts), misfits=self._calls.misfits)

            try:
                return await asyncio.to_thread(read) if len(data) > LARGE_BYTES else read()
            except embeddings.NotVectorsError as error:
                raise self._calls.not_ollama(str(error)) from None

        return await self._retrying.call(ask, request=f"embed with {request.model}", asking=asking, is_harmless=True)

    async def embed_in_batches(
        self, request: EmbedRequest, *, batch_texts: int = 32
    ) -> AsyncGenerator[EmbeddedBatch, None]:
        """The vectors of many texts, some at a time, in the order of the texts."""
        async with aclosing(embeddings.in_batches(self.embed, request, batch_texts)) as batches:
            async for batch in batches:
                yield batch

    async def embed_as_before(self, model: str, text: str) -> array[float]:
        """One vector from ``/api/embeddings``, for servers before 0.2.6. Its length is not always 1."""
        body = await self._calls.encoded(lambda: {"model": model, "prompt": text})

        asking = self._calls.asking(model)

        async def ask() -> array[float]:
            value = await self._calls.decoded_object(
                await self._calls.ask("POST", "/api/embeddings", body, asking=asking)
            )
            try:
                return embeddings.vector_of(value.get("embedding"))
            except embeddings.NotVectorsError as error:
                raise self._calls.not_ollama(str(error)) from None

        return await self._retrying.call(ask, request=f"embed with {model}", asking=asking, is_harmless=True)

    # ------------------------------------------------------------------ how

    def _reader(
        self,
        model: str,
        said: Callable[[wire.Fields, wire.Misfits], wire.Said],
        inline: InlineThinking | None,
    ) -> ChatStream:
        return ChatStream(host=self._host, model=model, misfits=self._calls.misfits, said=said, inline=inline)

    async def _counts(self, request: ChatRequest) -> FinalCounts:
        counts = FinalCounts()
        async with aclosing(self.chat(request)) as parts:
            async for part in parts:
                if isinstance(part, FinalCounts):
                    counts = part
        return counts

    async def _entries(
        self,
        path: str,
        key: str,
        read: Callable[[Any, wire.Misfits], Entry | None],
        asking: Asking,
        *,
        within_seconds: float,
    ) -> tuple[Entry, ...]:
        value = await self._calls.fetch_object("GET", path, within_seconds=within_seconds, asking=asking)
        fields = wire.Fields(value, self._calls.misfits)
        if not fields.has(key):
            raise self._calls.not_ollama(f"its answer names no {key}", asking.id)
        sent = fields.items(key)

        def read_all() -> tuple[Entry, ...]:
            found = (read(entry, self._calls.misfits) for entry in sent)
            return tuple(entry for entry in found if entry is not None)

        return await asyncio.to_thread(read_all) if len(sent) > _MANY_ENTRIES else read_all()


def _without_span(keep_alive: KeepAlive | None) -> float | str | None:
    return keep_alive.total_seconds() if isinstance(keep_alive, timedelta) else keep_alive
