"""The servers that a person has written down, how each of them is, and the one of this machine when it was started here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tui.engine import EngineError, Health, Host, Retry, RunningModel
from tui.failures import Failure
from tui.ollama.address import choose_host, parse_host
from tui.ollama.local_server import LocalServer, find_program, may_be_started, read_environment
from tui.ollama.retries import RetryPolicy
from tui.settings.hosts import HostBook, NamedHost, api_key_for, read_hosts
from tui.settings.values import ServerSettings

if TYPE_CHECKING:
    from tui.ollama.client import OllamaClient
    from tui.ollama.request_log import RequestLog

LOOK_SECONDS = 8.0
"""A server that says nothing for so long is not waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLook:
    """How a server is at one moment."""

    host: Host
    health: Health | None = None
    running: tuple[RunningModel, ...] = ()
    failure: Failure | None = None


class Looked(Protocol):
    """As much of an engine as a look needs."""

    @property
    def host(self) -> Host: ...

    async def health_check(self) -> Health: ...

    async def list_running(self) -> tuple[RunningModel, ...]: ...


async def look_at(engine: Looked) -> ServerLook:
    """Never raises but ``CancelledError``. What is in memory is a hint: not to know it is no failure."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            health = await engine.health_check()
    except EngineError as failure:
        return ServerLook(host=engine.host, failure=failure)
    except TimeoutError:
        return ServerLook(host=engine.host, failure=Failure(f"{engine.host.name} says nothing"))
    try:
        running = await engine.list_running()
    except EngineError:
        running = ()
    return ServerLook(host=engine.host, health=health, running=running)


def retry_policy(settings: ServerSettings) -> RetryPolicy:
    """A cap below the first wait counts as that: it is what a person means who shortens the waits."""
    base_seconds = min(settings.retry_base_seconds, settings.retry_cap_seconds)
    return RetryPolicy(attempts=settings.attempts, base_seconds=base_seconds, cap_seconds=settings.retry_cap_seconds)


class Servers:
    """Reads ``hosts.toml`` when it is made, which blocks; everything later is off the event loop."""

    def __init__(
        self,
        *,
        hosts_file: Path,
        secrets_file: Path,
        environ: Mapping[str, str],
        settings: Callable[[], ServerSettings],
        is_kept: bool,
        log: RequestLog | None = None,
    ) -> None:
        """``is_kept`` False: nothing of this start outlives it, so nothing is written down.

        Every client tells ``log`` of its requests; whoever made it closes it.
        """
        self._hosts_file = hosts_file
        self._secrets_file = secrets_file
        self._environ = environ
        self._settings = settings
        self._is_kept = is_kept
        self._log = log
        self._local: LocalServer | None = None
        self._starting = asyncio.Lock()
        self.book = read_hosts(hosts_file)
        self.untold: list[Failure] = []
        """Failures from before anybody listened."""
        self.on_retry: Callable[[Host, Retry], None] = lambda _host, _retry: None
        """Hears that a request is about to be sent again."""
        self.on_failure: Callable[[Failure], None] = self.untold.append
        """Hears why a key could not be had: the server is asked without one."""

    # Which there are

    def choose(self, flag: str | None, chosen: str) -> Host:
        """By the flag, the setting, ``OLLAMA_HOST``, else this machine. Raises ``Failure`` for what is no address."""
        for name, source in ((flag, "--host"), (chosen, "chosen")):
            if name and name.strip():
                return self.host_called(name, source=source)
        host = choose_host(None, None, self._environ)
        return self._named(host)

    def host_called(self, address: str, *, source: str = "chosen") -> Host:
        """A server by its name or its address. Raises ``Failure`` for what is neither."""
        named = self.book.find(address)
        if named is not None:
            return replace(named.host, source=source)
        return self._named(parse_host(address, source=source))

    def _named(self, host: Host) -> Host:
        named = self.book.at(host.url)
        return host if named is None else replace(host, name=named.name)

    def named(self, host: Host) -> NamedHost | None:
        """What is written down of it; nothing of the demo ever is."""
        return None if host.source == "demo" else self.book.at(host.url)

    async def change(self, change: Callable[[Path], HostBook]) -> HostBook:
        """``put_host`` or ``remove_host`` on the file. Raises ``Failure``; then nothing has changed."""
        if not self._is_kept:
            raise Failure("nothing is kept in this start", "so no server is written down", "start without --private")
        self.book = await asyncio.to_thread(change, self._hosts_file)
        return self.book

    # Talking with them

    async def key_for(self, host: Host) -> str:
        """What it wants to see; empty when it has no key, or when that cannot be had, which ``on_failure`` hears."""
        try:
            return await self._key(host)
        except Failure as failure:
            self.on_failure(failure)
            return ""

    async def _key(self, host: Host) -> str:
        named = self.named(host)
        if named is None:
            return ""
        return await asyncio.to_thread(api_key_for, named, self._environ, self._secrets_file)

    def client(self, host: Host, key: str = "") -> OllamaClient:
        """For any server; it connects when it is first used, and is to be closed by whoever asked for it."""
        from tui.ollama.client import OllamaClient
        from tui.ollama.credentials import Credentials

        named = self.named(host)
        credentials, ca_file = None, None
        if named is not None and key:
            credentials = Credentials(url=host.url, api_key=key, allow_plain_http=named.allow_plain_http)
        if named is not None and named.ca_file:
            ca_file = Path(named.ca_file).expanduser()
        return OllamaClient(
            host,
            environ=self._environ,
            credentials=credentials,
            ca_file=ca_file,
            retries=lambda: retry_policy(self._settings()),
            on_retry=lambda retry: self.on_retry(host, retry),
            log=self._log,
        )

    async def look_at(self, host: Host) -> ServerLook:
        """How it is; the connection is closed again."""
        try:
            client = self.client(host, await self._key(host))
        except Failure as failure:
            return ServerLook(host=host, failure=failure)
        try:
            return await look_at(client)
        finally:
            await client.aclose()

    # The one of this machine

    @property
    def local(self) -> LocalServer | None:
        """The one that was started here."""
        return self._local

    def can_start(self, host: Host) -> bool:
        """Whether there is an ``ollama`` to start for this address, and none was started. Looks at the disk, briefly."""
        is_running = self._local is not None and self._local.is_running
        program = self._settings().ollama_program
        return not is_running and may_be_started(host) and find_program(program, self._environ) is not None

    async def start_local(self, host: Host) -> LocalServer:
        """Runs ``ollama serve`` for this address, or gives the one that runs. Raises ``Failure`` when it cannot be."""
        async with self._starting:
            if self._local is not None and self._local.is_running:
                return self._local
            settings = self._settings()
            program = await asyncio.to_thread(find_program, settings.ollama_program, self._environ)
            if program is None:
                wanted = settings.ollama_program or "ollama"
                raise Failure(f"there is no program {wanted}", "it is not on the path", "set server.ollama_program")
            variables = read_environment(settings.ollama_environment)
            local = LocalServer(host, program=program, environ={**self._environ, **variables})
            await local.start()
            if self._local is not None:
                await self._local.stop()
            self._local = local
            return local

    async def close(self) -> None:
        """Stops the server of this machine if it was started here."""
        async with self._starting:
            if self._local is not None:
                await self._local.stop()
