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
from typing import TYPE_CHECKING, Any, TypeVar

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
    Progress,
    RunningModel,
)
from tui.ollama import embeddings, request_body, wire
from tui.ollama.blobs import LocalFile, blob_path, upload
from tui.ollama.calls import LARGE_BYTES, LARGEST_ANSWER_BYTES, Calls
from tui.ollama.chat_stream import LONGEST_TEXT_BYTES, ChatStream
from tui.ollama.credentials import Credentials
from tui.ollama.embeddings import EmbeddedBatch
from tui.ollama.errors import OllamaError, OllamaResponseError, one_line
from tui.ollama.keep_alive import KeepAlive
from tui.ollama.replies import Account, CloudStatus, RecommendedModel
from tui.ollama.requests import CreateRequest, EmbedRequest, GenerateRequest
from tui.ollama.retries import OnRetry, Retrying, RetryPolicy
from tui.ollama.transfer_errors import Transfer
from tui.ollama.transfer_stream import Layers, TransferStream
from tui.ollama.transport import Clock, Sleep, Transport

if TYPE_CHECKING:
    import httpx

_LARGEST_SHOW_BYTES = 64 * 1024 * 1024
_LARGEST_EMBEDDINGS_BYTES = 64 * 1024 * 1024
_MANY_ENTRIES = 500
_NO_RETRIES = RetryPolicy(attempts=1)

Entry = TypeVar("Entry")


class OllamaClient:
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
        retries: RetryPolicy = _NO_RETRIES,
        on_retry: OnRetry | None = None,
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
        that did not reach the server or found it busy, and a pull that broke off; ``on_retry`` hears of each before
        its wait. ``transport`` replaces the network.

        ``read_interval_seconds``: how long the socket is left alone after each read of an answer; 0 reads on at once.
        ``silence_probe_seconds``: an answer that is silent for that long makes the client ask on a second connection
        whether the server lives; when it fails to say so twice in a row, the answer ends as broken off.
        """
        self._host = host
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
        )

    @property
    def host(self) -> Host:
        return self._host

    @property
    def misfit_fields(self) -> int:
        """How many fields came in a wrong type or out of range so far, and were read as missing or clamped."""
        return self._calls.misfits.count

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
        value = await self._calls.fetch_object("GET", "/api/version", within_seconds=within_seconds)
        version = wire.Fields(value, self._calls.misfits).text("version")
        if not version:
            raise self._calls.not_ollama("its answer names no version")
        return one_line(version, 80)

    async def is_ollama(self) -> bool:
        """Whether its front page is Ollama's. Another server, or a proxy with a page of its own, gives False."""
        answer = await self._calls.fetch(
            "GET", "/", within_seconds=self._calls.version_timeout_seconds, largest_bytes=LARGEST_ANSWER_BYTES
        )
        return answer.head.status == HTTPStatus.OK and answer.body.strip() == b"Ollama is running"

    async def cloud_status(self) -> CloudStatus | None:
        """Whether it may hand questions on to ollama.com; None from a server before 0.16.2, which does not say."""

        async def ask() -> CloudStatus | None:
            answer = await self._calls.fetch(
                "GET",
                "/api/status",
                within_seconds=self._list_timeout_seconds,
                largest_bytes=LARGEST_ANSWER_BYTES,
            )
            if answer.head.status == HTTPStatus.NOT_FOUND:
                return None
            value = await self._calls.object_of(answer)
            if "cloud" not in value:
                raise self._calls.not_ollama("its answer names no cloud")
            return wire.cloud_status(value, self._calls.misfits)

        return await self._retrying.call(ask, request="ask for the status", is_harmless=True)

    async def account(self) -> Account:
        """Who it is signed in as. Not signed in is an error of kind ``unauthorized``, with ``signin_url``.

        To sign in, a person opens that address, and this is asked until it answers.
        """
        answer = await self._calls.fetch(
            "POST", "/api/me", within_seconds=self._show_timeout_seconds, largest_bytes=LARGEST_ANSWER_BYTES
        )
        if answer.head.status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise OllamaResponseError(
                f"{self._host.name} cannot say who it is signed in as",
                "it does not reach ollama.com, or its cloud is turned off",
                "check its network and its settings",
                kind=ErrorKind.refused,
                status=answer.head.status,
            )
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
        return await self._retrying.call(
            lambda: self._entries("/api/tags", "models", wire.model, within_seconds=self._list_timeout_seconds),
            request="list the models",
            is_harmless=True,
        )

    async def list_running(self) -> tuple[RunningModel, ...]:
        """What is in memory, longest-lived first. A hint: what loads is not listed, nor a second name of one model."""
        return await self._entries(
            "/api/ps", "models", wire.running_model, within_seconds=self._running_timeout_seconds
        )

    async def recommended_models(self) -> tuple[RecommendedModel, ...]:
        """What the makers of Ollama recommend, some of it in the cloud. Since 0.22.1."""
        return await self._retrying.call(
            lambda: self._entries(
                "/api/experimental/model-recommendations",
                "recommendations",
                wire.recommended_model,
                within_seconds=self._show_timeout_seconds,
            ),
            request="list the recommended models",
            is_harmless=True,
        )

    async def show_model(self, name: str) -> ModelDetails:
        async def ask() -> ModelDetails:
            value = await self._calls.fetch_object(
                "POST",
                "/api/show",
                await self._calls.encoded(lambda: {"model": name}),
                within_seconds=self._show_timeout_seconds,
                largest_bytes=_LARGEST_SHOW_BYTES,
                model=name,
            )
            return wire.model_details(name, value, self._calls.misfits)

        return await self._retrying.call(ask, request=f"show {name}", is_harmless=True)

    async def copy_model(self, source: str, destination: str) -> None:
        """Gives a model a second name. Whatever had that name before is replaced without a word."""
        await self._change(
            "POST", "/api/copy", {"source": source, "destination": destination}, model=source, what="copy"
        )

    async def delete_model(self, name: str) -> None:
        """Takes a model off the server's disk. If it is in memory it stays there until it is unloaded."""
        await self._change("DELETE", "/api/delete", {"model": name}, model=name, what="delete")

    def pull_model(
        self, name: str, *, insecure: bool = False, stream: bool = True, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Progress, None]:
        """Fetches a model from its registry. The last ``Progress`` is done, or an error is raised.

        Closing it stops the pull, unless somebody else waits for the same model; what came stays for the next time.
        One that breaks off is asked for again as often as ``retries`` allow without progress in between.
        ``insecure``: the registry is asked over plain http.
        """
        layers = Layers()
        most_bytes = 0

        def is_forward(progress: Progress) -> bool:
            nonlocal most_bytes
            has_grown = progress.seen_completed_bytes > most_bytes
            most_bytes = max(most_bytes, progress.seen_completed_bytes)
            return has_grown

        return self._retrying.stream(
            lambda: self._transfer(
                Transfer.pull, name, lambda: _named(name, insecure, stream), is_streamed=stream, layers=layers
            ),
            request=f"pull {name}",
            resumes_with=is_forward,
            on_retry=on_retry,
        )

    def push_model(
        self, name: str, *, insecure: bool = False, stream: bool = True, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Progress, None]:
        """Sends a model to the registry that its name names. The last ``Progress`` is done, or an error is raised."""
        return self._retrying.stream(
            lambda: self._transfer(Transfer.push, name, lambda: _named(name, insecure, stream), is_streamed=stream),
            request=f"push {name}",
            on_retry=on_retry,
        )

    async def create_model(
        self, request: CreateRequest, *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Progress, None]:
        """Makes a model. Files of this machine are uploaded first, those that the server has already are not.

        The last ``Progress`` is done, or an error is raised.
        """
        digests: dict[str, str] = {}
        for name, file in (*request.files.items(), *request.adapters.items()):
            if isinstance(file, str) and file.startswith(("sha256:", "sha256-")):
                blob_path(file)
                continue
            async with aclosing(self.upload_file(file, on_retry=on_retry)) as parts:
                async for part in parts:
                    if part.is_done:
                        digests[name] = part.digest
                    else:
                        yield part

        def body() -> dict[str, Any]:
            files = {name: digests.get(name, str(file)) for name, file in request.files.items()}
            adapters = {name: digests.get(name, str(file)) for name, file in request.adapters.items()}
            return request_body.create_body(request, files, adapters)

        async with aclosing(
            self._retrying.stream(
                lambda: self._transfer(Transfer.create, request.model, body, is_streamed=request.stream),
                request=f"create {request.model}",
                on_retry=on_retry,
            )
        ) as steps:
            async for step in steps:
                yield step

    async def has_file(self, digest: str) -> bool:
        """Whether a file with this digest (``sha256:…``) was uploaded, or belongs to a model."""

        async def ask() -> bool:
            answer = await self._calls.fetch(
                "HEAD",
                blob_path(digest),
                within_seconds=self._list_timeout_seconds,
                largest_bytes=LARGEST_ANSWER_BYTES,
            )
            if answer.head.status == HTTPStatus.NOT_FOUND:
                return False
            if answer.head.status != HTTPStatus.OK:
                await self._calls.object_of(answer)
            return True

        return await self._retrying.call(ask, request="look for a file", is_harmless=True)

    async def upload_file(
        self, file: str | PathLike[str], *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Progress, None]:
        """Reads a file for its digest and sends it, unless the server has it. The last ``Progress`` has the digest."""
        local = LocalFile(file)
        async with aclosing(local.read()) as reading:
            async for part in reading:
                yield part
        if not await self.has_file(local.digest):
            async with aclosing(
                self._retrying.stream(
                    lambda: upload(self._calls, local),
                    request=f"upload {local.name}",
                    resumes_with=lambda _: False,
                    on_retry=on_retry,
                )
            ) as uploading:
                async for part in uploading:
                    yield part
        yield local.uploaded()

    # ------------------------------------------------------------------ asking a model

    def chat(
        self, request: ChatRequest, *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Chunk | FinalCounts, None]:
        """Chunks as they come, then exactly one ``FinalCounts``. Close it (``aclosing``) to hang up at once.

        There is no limit on how long a model may load or think. Without messages the model is only loaded, or with
        ``keep_alive=0`` unloaded: then the counts come alone.
        """
        return self._retrying.stream(
            lambda: self._calls.stream(
                "/api/chat",
                lambda: request_body.chat_body(request),
                self._reader(request.model, wire.said_in_chat),
                is_streamed=request.stream,
                characters=lambda: sum(len(m.text) + sum(map(len, m.images)) for m in request.messages),
                largest_bytes=LONGEST_TEXT_BYTES,
            ),
            request=f"chat with {request.model}",
            on_retry=on_retry,
        )

    def generate(
        self, request: GenerateRequest, *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Chunk | FinalCounts, None]:
        """Goes on with a text, or fills the gap before ``suffix``; the parts come as with ``chat``.

        Without a prompt the model is only loaded, or with ``keep_alive=0`` unloaded.
        """
        return self._retrying.stream(
            lambda: self._calls.stream(
                "/api/generate",
                lambda: request_body.generate_body(request),
                self._reader(request.model, wire.said_in_generate),
                is_streamed=request.stream,
                characters=lambda: len(request.prompt) + sum(map(len, request.images)),
                largest_bytes=LONGEST_TEXT_BYTES,
            ),
            request=f"generate with {request.model}",
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
            EmbedRequest(model=request.model, texts=(), options=request.options, keep_alive=request.keep_alive)
        )
        return FinalCounts(done_reason="load", total_seconds=embedded.total_seconds, load_seconds=embedded.load_seconds)

    async def unload_model(self, model: str) -> FinalCounts:
        """Takes a model out of memory as soon as it has answered what it was asked; this does not wait for that.

        Names that were made of the same weights share the memory: they go with it.
        """
        return await self._counts(ChatRequest(model=model, messages=(), keep_alive=0))

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """A vector for each text. Without texts the model is only loaded."""
        body = await self._calls.encoded(
            lambda: request_body.embed_body(request), characters=lambda: sum(map(len, request.texts))
        )

        async def ask() -> Embeddings:
            data = await self._calls.ask(
                "POST", "/api/embed", body, model=request.model, largest_bytes=_LARGEST_EMBEDDINGS_BYTES
            )
            value = await self._calls.decoded_object(data)

            def read() -> Embeddings:
                return embeddings.embeddings_of(value, texts=len(request.texts), misfits=self._calls.misfits)

            try:
                return await asyncio.to_thread(read) if len(data) > LARGE_BYTES else read()
            except embeddings.NotVectorsError as error:
                raise self._calls.not_ollama(str(error)) from None

        return await self._retrying.call(ask, request=f"embed with {request.model}", is_harmless=True)

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

        async def ask() -> array[float]:
            value = await self._calls.decoded_object(
                await self._calls.ask("POST", "/api/embeddings", body, model=model)
            )
            try:
                return embeddings.vector_of(value.get("embedding"))
            except embeddings.NotVectorsError as error:
                raise self._calls.not_ollama(str(error)) from None

        return await self._retrying.call(ask, request=f"embed with {model}", is_harmless=True)

    # ------------------------------------------------------------------ how

    def _reader(self, model: str, said: Callable[[wire.Fields, wire.Misfits], wire.Said]) -> ChatStream:
        return ChatStream(host=self._host, model=model, misfits=self._calls.misfits, said=said)

    def _transfer(
        self,
        transfer: Transfer,
        model: str,
        body: Callable[[], dict[str, Any]],
        *,
        is_streamed: bool,
        layers: Layers | None = None,
    ) -> AsyncGenerator[Progress, None]:
        misfits = self._calls.misfits
        reader = TransferStream(transfer=transfer, host=self._host, model=model, misfits=misfits, layers=layers)
        return self._calls.stream(f"/api/{transfer}", body, reader, is_streamed=is_streamed)

    async def _counts(self, request: ChatRequest) -> FinalCounts:
        counts = FinalCounts()
        async with aclosing(self.chat(request)) as parts:
            async for part in parts:
                if isinstance(part, FinalCounts):
                    counts = part
        return counts

    async def _change(self, method: str, path: str, body: dict[str, Any], *, model: str, what: str) -> None:
        data = await self._calls.encoded(lambda: body)
        await self._retrying.call(
            lambda: self._calls.ask(method, path, data, model=model), request=f"{what} {model}", is_harmless=False
        )

    async def _entries(
        self, path: str, key: str, read: Callable[[Any, wire.Misfits], Entry | None], *, within_seconds: float
    ) -> tuple[Entry, ...]:
        value = await self._calls.fetch_object("GET", path, within_seconds=within_seconds)
        fields = wire.Fields(value, self._calls.misfits)
        if not fields.has(key):
            raise self._calls.not_ollama(f"its answer names no {key}")
        sent = fields.items(key)

        def read_all() -> tuple[Entry, ...]:
            found = (read(entry, self._calls.misfits) for entry in sent)
            return tuple(entry for entry in found if entry is not None)

        return await asyncio.to_thread(read_all) if len(sent) > _MANY_ENTRIES else read_all()


def _named(name: str, insecure: bool, stream: bool) -> dict[str, Any]:
    return {"model": name, "stream": stream, **({"insecure": True} if insecure else {})}


def _without_span(keep_alive: KeepAlive | None) -> float | str | None:
    return keep_alive.total_seconds() if isinstance(keep_alive, timedelta) else keep_alive
