"""The connections to one server. The only place that knows the HTTP library, which it imports when first used.

Nothing but ``OllamaError`` and ``CancelledError`` leaves it, whatever the library raises.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

from tui.engine import ErrorKind, Host
from tui.ollama import faults
from tui.ollama.credentials import Credentials, headers_to_send, secrets_of
from tui.ollama.errors import OllamaConnectionError, OllamaError, OllamaResponseError, one_line
from tui.ollama.paced_reads import FULL_READ_BYTES, paced
from tui.ollama.proxies import proxy_url

if TYPE_CHECKING:
    import httpx

_KEEPALIVE_SECONDS = 15
_KEEPALIVE_PROBES = 4
_IDLE_CONNECTIONS = 4
_IDLE_SECONDS = 30.0
_HELD_BYTES = 4 * 1024 * 1024
"""How much of an answer waits for a reader who does not come before the socket is left alone."""

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status and headers of an answer; names are lower case."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer."""

    head: Head
    body: bytes
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A body that is sent as it is, piece by piece. ``pieces`` gives all of it anew each time it is called."""

    pieces: Callable[[], AsyncIterable[bytes]]
    size_bytes: int


class Transport:
    """A pool of connections to one server, opened when first used and closed once."""

    def __init__(
        self,
        host: Host,
        *,
        environ: Mapping[str, str],
        connect_timeout_seconds: float,
        read_interval_seconds: float,
        clock: Clock,
        sleep: Sleep,
        transport: httpx.AsyncBaseTransport | None = None,
        credentials: Credentials | None = None,
        ca_file: str | PathLike[str] | None = None,
    ) -> None:
        """``credentials`` are checked, and ``ca_file`` (PEM) is read, when the first connection is opened."""
        self._host = host
        self._environ = environ
        self._credentials = credentials
        self._ca_file = ca_file
        self._connect_timeout_seconds = connect_timeout_seconds
        self._read_interval_seconds = read_interval_seconds
        self._clock = clock
        self._sleep = sleep
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._is_closed = False
        self._exchanges: set[Exchange] = set()
        self.secrets: tuple[str, ...] = ()
        """What is sent in headers that nobody else may read; known once the first connection was opened."""

    async def fetch(
        self, method: str, path: str, body: bytes | None = None, *, within_seconds: float, largest_bytes: int
    ) -> Answer:
        """One request and its whole answer. ``within_seconds`` begin when the connection stands.

        Raises ``OllamaError``: no connection, silence, an answer over ``largest_bytes``, compressed or a redirect.
        """
        whole = self._connect_timeout_seconds + within_seconds
        try:
            async with asyncio.timeout(whole), self._response(method, path, body, within_seconds) as response:
                head = _head(response)
                check_head(head, self._host)
                received = bytearray()
                async for part in _parts(response):
                    received += part
                    if len(received) > largest_bytes:
                        raise too_large(self._host, largest_bytes)
                return Answer(head=head, body=bytes(received))
        except OllamaError:
            raise
        except TimeoutError:
            raise faults.silence(self._host) from None
        except Exception as error:  # the border of the library: each of its errors becomes one of ours
            raise faults.error_of_fault(error, host=self._host) from error

    def read_every(self, seconds: float) -> None:
        """How long a socket is left alone from here on after each read, also one of an answer under way."""
        self._read_interval_seconds = seconds
        for exchange in self._exchanges:
            exchange.read_interval_seconds = seconds

    def begin(self, method: str, path: str, body: bytes | Upload | None) -> Exchange:
        """A request whose answer is read as it comes, with no time limit once connected. Enter it to send."""
        return Exchange(
            self._host,
            lambda: self._response(method, path, body, None),
            read_interval_seconds=self._read_interval_seconds,
            clock=self._clock,
            sleep=self._sleep,
            exchanges=self._exchanges,
        )

    async def aclose(self) -> None:
        """Ends what is under way and closes every connection. Doing it twice is fine."""
        self._is_closed = True
        for exchange in tuple(self._exchanges):
            await exchange.end(faults.closed(self._host))
        async with self._opening:
            client, self._client = self._client, None
        if client is not None:
            try:
                await client.aclose()
            except Exception as error:  # the border of the library, as above
                raise faults.error_of_fault(error, host=self._host) from error

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, body: bytes | Upload | None, read_seconds: float | None
    ) -> AsyncGenerator[httpx.Response, None]:
        client = await self._opened()
        timeout = {
            "connect": self._connect_timeout_seconds,
            "read": read_seconds,
            "write": read_seconds,
            "pool": read_seconds,
        }
        request = client.build_request(
            method,
            f"{self._host.url}{path}",
            content=body.pieces() if isinstance(body, Upload) else body,
            headers=_headers_of_body(body),
            extensions={"timeout": timeout},
        )
        response = await client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _opened(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._is_closed:
                raise faults.closed(self._host)
            if self._client is None:
                headers = headers_to_send(self._credentials, self._host, self._environ)
                self.secrets = secrets_of(headers)
                transport = self._transport
                if transport is None:
                    proxy = proxy_url(self._host.url, self._environ)
                    transport = await asyncio.to_thread(_new_transport, self._host, proxy, self._environ, self._ca_file)
                self._client = _new_client(self._host, transport, headers)
            return self._client


class Exchange:
    """One request under way, in a task of its own, and what has come of its answer.

    The task reads the socket on a clock: what one read brings is kept until it is fetched, then the socket is left
    alone for ``read_interval_seconds``, so that many small pieces cost one wake-up. Leaving the block hangs up.
    """

    def __init__(
        self,
        host: Host,
        response: Callable[[], AbstractAsyncContextManager[httpx.Response]],
        *,
        read_interval_seconds: float,
        clock: Clock,
        sleep: Sleep,
        exchanges: set[Exchange],
    ) -> None:
        self._host = host
        self._response = response
        self.read_interval_seconds = read_interval_seconds
        self._clock = clock
        self._sleep = sleep
        self._exchanges = exchanges
        self._head: Head | None = None
        self._received: list[bytes] = []
        self._received_bytes = 0
        self._has_news = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._error: OllamaError | None = None
        self._has_ended = False
        self._task: asyncio.Task[None] | None = None
        self.heard_at = clock()
        """When the server was last heard, on the clock that was passed in."""

    async def __aenter__(self) -> Self:
        self._exchanges.add(self)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exchanges.discard(self)
        await self._hang_up()

    @property
    def has_ended(self) -> bool:
        return self._has_ended

    def note_sent(self) -> None:
        """A piece of the request's body was taken: the server lives, though it says nothing."""
        self.heard_at = self._clock()

    @property
    def is_waiting_for_server(self) -> bool:
        """Not so when it has ended, or when nobody fetches what has come."""
        return not self._has_ended and self._has_room.is_set()

    async def head(self) -> Head:
        """Status and headers; they come with the first piece of the answer. Raises ``OllamaError``."""
        while self._head is None:
            self._raise_error()
            await self._news()
        return self._head

    async def read(self) -> bytes:
        """What has come since the last call, at least one byte; nothing at the end. Raises ``OllamaError``."""
        while not self._received:
            self._raise_error()
            if self._has_ended:
                return b""
            await self._news()
        data = self._received[0] if len(self._received) == 1 else b"".join(self._received)
        self._received.clear()
        self._received_bytes = 0
        self._has_room.set()
        return data

    async def ended(self, within_seconds: float) -> bool:
        """Waits for the last byte, so that the connection can be used again; False when it does not come in time."""
        try:
            async with asyncio.timeout(within_seconds):
                while not self._has_ended:
                    await self._news()
        except TimeoutError:
            return False
        return True

    async def end(self, error: OllamaError) -> None:
        """Hang up from outside; the reader gets what has come, then ``error``."""
        self._finish(error)
        await self._hang_up()

    async def _hang_up(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _news(self) -> None:
        self._has_news.clear()
        await self._has_news.wait()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _finish(self, error: OllamaError | None) -> None:
        if not self._has_ended:
            self._error, self._has_ended = error, True
        self._has_news.set()

    async def _run(self) -> None:
        error: OllamaError | None = None
        try:
            async with self._response() as response:
                self._head = _head(response)
                self._hear()
                await self._read_all(response)
        except asyncio.CancelledError:
            error = faults.closed(self._host)
            raise
        except Exception as fault:  # noqa: BLE001  the border of the library: each of its errors becomes one of ours
            error = faults.error_of_fault(fault, host=self._host, begun=self._head is not None)
        finally:
            self._finish(error)

    async def _read_all(self, response: httpx.Response) -> None:
        if self.read_interval_seconds <= 0:
            await self._take_all(response)
            return
        with paced(response, self._pause) as is_paced:
            if is_paced:
                await self._take_all(response)
            else:
                await self._take_all_on_a_clock(response)

    async def _take_all(self, response: httpx.Response) -> None:
        async with aclosing(_parts(response)) as parts:
            async for part in parts:
                await self._take(part)

    async def _take(self, part: bytes) -> None:
        self._received.append(part)
        self._received_bytes += len(part)
        self._hear()
        if self._received_bytes >= _HELD_BYTES:
            self._has_room.clear()
            await self._has_room.wait()
            self._hear()

    async def _take_all_on_a_clock(self, response: httpx.Response) -> None:
        turned = _LoopTurn()
        read_bytes = 0
        async with aclosing(_parts(response)) as parts:
            async for part in parts:
                await self._take(part)
                if turned.since_asked():
                    # Waiting for this part let the loop turn, so it opened a new read of the socket. What else that
                    # read brought lies in memory and is taken after the pause, together with the next read.
                    if max(read_bytes, len(part)) < FULL_READ_BYTES:
                        await self._pause()
                    read_bytes = 0
                    turned.ask()
                read_bytes += len(part)

    async def _pause(self) -> None:
        await self._sleep(self.read_interval_seconds)

    def _hear(self) -> None:
        self.heard_at = self._clock()
        self._has_news.set()


class _LoopTurn:
    """Tells whether the event loop has turned since it was asked: who did not wait did not let it."""

    __slots__ = ("_has_turned", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._has_turned = False
        self.ask()

    def ask(self) -> None:
        self._has_turned = False
        self._loop.call_soon(self._turn)

    def since_asked(self) -> bool:
        return self._has_turned

    def _turn(self) -> None:
        self._has_turned = True


def check_head(head: Head, host: Host) -> None:
    """Raises ``OllamaResponseError`` for an answer that is not read at all: a redirect, or compressed."""
    if 300 <= head.status < 400:
        target = one_line(_without_user(head.headers.get("location", "")), 200) or "another address"
        raise OllamaResponseError(
            f"{host.name} sends us elsewhere",
            f"it redirects to {target}; chinwag does not follow, so that no prompt goes where nobody sent it",
            "if that address is right, choose it as the server",
            kind=ErrorKind.unreadable,
            status=head.status,
        )
    encoding = head.headers.get("content-encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        raise OllamaResponseError(
            f"{host.name} sends its answer compressed",
            f"it is encoded as {one_line(encoding, 40)}, which was not asked for",
            "check the proxy in between",
            kind=ErrorKind.unreadable,
            status=head.status,
        )


def too_large(host: Host, largest_bytes: int) -> OllamaResponseError:
    return OllamaResponseError(
        f"{host.name} sends too much",
        f"its answer is larger than {largest_bytes // (1024 * 1024)} MB",
        "check the address; ollama does not send that much",
        kind=ErrorKind.unreadable,
    )


def keepalive_options() -> list[tuple[int, int, int]]:
    """Socket options that find a dead line after a minute of silence, by whatever names the platform has."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for names, value in (
        (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), _KEEPALIVE_SECONDS),  # Linux, macOS
        (("TCP_KEEPINTVL",), _KEEPALIVE_SECONDS),
        (("TCP_KEEPCNT",), _KEEPALIVE_PROBES),
    ):
        known = [getattr(socket, name) for name in names if hasattr(socket, name)]
        options += [(socket.IPPROTO_TCP, option, value) for option in known[:1]]
    return options


def _new_transport(
    host: Host, proxy: str | None, environ: Mapping[str, str], ca_file: str | PathLike[str] | None
) -> httpx.AsyncBaseTransport:
    """Runs in a thread: importing takes tens of milliseconds, and loading certificates as many again."""
    import httpx

    for name in ("anyio._backends._asyncio", "httpcore._backends.anyio"):
        with suppress(ImportError):  # only to have them loaded before the event loop needs them
            importlib.import_module(name)
    return httpx.AsyncHTTPTransport(
        verify=_ssl_context(host.url, environ, ca_file),
        trust_env=False,
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=_IDLE_CONNECTIONS, keepalive_expiry=_IDLE_SECONDS
        ),
        proxy=_proxy(proxy, environ) if proxy else None,
        socket_options=keepalive_options(),
    )


def _new_client(host: Host, transport: httpx.AsyncBaseTransport, headers: Mapping[str, str]) -> httpx.AsyncClient:
    import httpx

    sent = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "chinwag", **headers}
    if "%" in host.url:  # the zone of a link-local address means nothing to the server
        sent["host"] = re.sub(r"%[^\]]*", "", urlsplit(host.url).netloc)
    return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False, headers=sent)


def _headers_of_body(body: bytes | Upload | None) -> dict[str, str]:
    if isinstance(body, Upload):
        return {"content-type": "application/octet-stream", "content-length": str(body.size_bytes)}
    return {} if body is None else {"content-type": "application/json"}


def _proxy(url: str, environ: Mapping[str, str]) -> httpx.Proxy:
    import httpx

    return httpx.Proxy(url, ssl_context=_ssl_context(url, environ, None) if url.startswith("https://") else None)


def _ssl_context(url: str, environ: Mapping[str, str], ca_file: str | PathLike[str] | None) -> ssl.SSLContext:
    """Trusted certificates are loaded only where https is spoken; elsewhere none are, so none would be accepted."""
    if not url.startswith("https://"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import httpx

    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if file or folder:
        try:
            context.load_verify_locations(cafile=file or None, capath=folder or None)
        except OSError as error:
            raise _unreadable_certificates("SSL_CERT_FILE or SSL_CERT_DIR", error, "unset it") from error
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ValueError) as error:
            shown = one_line(str(ca_file), 120)
            raise _unreadable_certificates(shown, error, "name another file for this server") from error
    return context


def _unreadable_certificates(where: str, error: Exception, or_else: str) -> OllamaConnectionError:
    why = str(error)
    # TLS has words of its own; those of the system come with a number that says nothing.
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        why = (error.strerror or why).lower()
    return OllamaConnectionError(
        "the certificates to trust cannot be read",
        f"{where}: {one_line(why, 160)}",
        f"correct it, or {or_else}",
        kind=ErrorKind.unreachable,
    )


def _head(response: httpx.Response) -> Head:
    return Head(status=response.status_code, headers={name.lower(): value for name, value in response.headers.items()})


def _parts(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    if response.is_stream_consumed:  # by a transport that has the whole answer in memory
        return _whole(response)
    return cast("AsyncGenerator[bytes, None]", response.aiter_raw())


async def _whole(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    yield response.content


def _without_user(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", address)
