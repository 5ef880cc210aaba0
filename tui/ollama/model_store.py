"""What changes the models on a server's disk: fetching, sending, making, copying and deleting them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus
from os import PathLike
from typing import Any

from tui.engine import Host, Progress
from tui.ollama import request_body
from tui.ollama.blobs import LocalFile, blob_path, upload
from tui.ollama.calls import LARGEST_ANSWER_BYTES, Calls
from tui.ollama.request_log import Asking
from tui.ollama.requests import CreateRequest
from tui.ollama.retries import OnRetry, Retrying
from tui.ollama.transfer_errors import Transfer
from tui.ollama.transfer_stream import Layers, TransferStream


class ModelStore:
    """The part of a client that is about the models as files. The client sets what it needs."""

    _host: Host
    _calls: Calls
    _retrying: Retrying
    _list_timeout_seconds: float

    async def copy_model(self, source: str, destination: str) -> None:
        """Gives a model a second name. Whatever had that name before is replaced without a word."""
        await self._change(
            "POST", "/api/copy", {"source": source, "destination": destination}, model=source, what="copy"
        )

    async def delete_model(self, name: str) -> None:
        """Takes a model off the server's disk. If it is in memory it stays there until it is unloaded."""
        await self._change("DELETE", "/api/delete", {"model": name}, model=name, what="delete")

    def pull_model(
        self,
        name: str,
        *,
        insecure: bool = False,
        stream: bool = True,
        on_retry: OnRetry | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Progress, None]:
        """Fetches a model from its registry. The last ``Progress`` is done, or an error is raised.

        Closing it stops the pull, unless somebody else waits for the same model; what came stays for the next time.
        One that breaks off is asked for again as often as ``retries`` allow without progress in between.
        ``insecure``: the registry is asked over plain http.
        """
        layers = Layers()
        asking = self._calls.asking(name, metadata)
        most_bytes = 0

        def is_forward(progress: Progress) -> bool:
            nonlocal most_bytes
            has_grown = progress.seen_completed_bytes > most_bytes
            most_bytes = max(most_bytes, progress.seen_completed_bytes)
            return has_grown

        return self._retrying.stream(
            lambda: self._transfer(
                Transfer.pull, asking, lambda: _named(name, insecure, stream), is_streamed=stream, layers=layers
            ),
            request=f"pull {name}",
            asking=asking,
            resumes_with=is_forward,
            on_retry=on_retry,
        )

    def push_model(
        self,
        name: str,
        *,
        insecure: bool = False,
        stream: bool = True,
        on_retry: OnRetry | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Progress, None]:
        """Sends a model to the registry that its name names. The last ``Progress`` is done, or an error is raised."""
        asking = self._calls.asking(name, metadata)
        return self._retrying.stream(
            lambda: self._transfer(Transfer.push, asking, lambda: _named(name, insecure, stream), is_streamed=stream),
            request=f"push {name}",
            asking=asking,
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

        asking = self._calls.asking(request.model, request.metadata)
        async with aclosing(
            self._retrying.stream(
                lambda: self._transfer(Transfer.create, asking, body, is_streamed=request.stream),
                request=f"create {request.model}",
                asking=asking,
                on_retry=on_retry,
            )
        ) as steps:
            async for step in steps:
                yield step

    async def has_file(self, digest: str) -> bool:
        """Whether a file with this digest (``sha256:…``) was uploaded, or belongs to a model."""
        asking = self._calls.asking()

        async def ask() -> bool:
            answer = await self._calls.fetch(
                "HEAD",
                blob_path(digest),
                within_seconds=self._list_timeout_seconds,
                largest_bytes=LARGEST_ANSWER_BYTES,
                asking=asking,
            )
            if answer.head.status == HTTPStatus.NOT_FOUND:
                return False
            if answer.head.status != HTTPStatus.OK:
                await self._calls.object_of(answer)
            return True

        return await self._retrying.call(ask, request="look for a file", asking=asking, is_harmless=True)

    async def upload_file(
        self, file: str | PathLike[str], *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[Progress, None]:
        """Reads a file for its digest and sends it, unless the server has it. The last ``Progress`` has the digest."""
        local = LocalFile(file)
        async with aclosing(local.read()) as reading:
            async for part in reading:
                yield part
        if not await self.has_file(local.digest):
            asking = self._calls.asking()
            async with aclosing(
                self._retrying.stream(
                    lambda: upload(self._calls, local, asking),
                    request=f"upload {local.name}",
                    asking=asking,
                    resumes_with=lambda _: False,
                    on_retry=on_retry,
                )
            ) as uploading:
                async for part in uploading:
                    yield part
        yield local.uploaded()

    def _transfer(
        self,
        transfer: Transfer,
        asking: Asking,
        body: Callable[[], dict[str, Any]],
        *,
        is_streamed: bool,
        layers: Layers | None = None,
    ) -> AsyncGenerator[Progress, None]:
        misfits = self._calls.misfits
        reader = TransferStream(transfer=transfer, host=self._host, model=asking.model, misfits=misfits, layers=layers)
        return self._calls.stream(f"/api/{transfer}", body, reader, is_streamed=is_streamed, asking=asking)

    async def _change(self, method: str, path: str, body: dict[str, Any], *, model: str, what: str) -> None:
        data = await self._calls.encoded(lambda: body)
        asking = self._calls.asking(model)
        await self._retrying.call(
            lambda: self._calls.ask(method, path, data, asking=asking),
            request=f"{what} {model}",
            asking=asking,
            is_harmless=False,
        )


def _named(name: str, insecure: bool, stream: bool) -> dict[str, Any]:
    return {"model": name, "stream": stream, **({"insecure": True} if insecure else {})}
