"""The conversation's servers: the one of this machine, those that are written down, and what their GPUs are at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.app.screens.chat_manners import ChatManners
from tui.app.widgets.status_line import StatusView
from tui.chat.connection import ConnectionState, Link
from tui.chat.events import AnswerEnded, AnswerGrew, SessionEvent
from tui.chat.servers import ServerLook, look_at
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.engine import Host, Retry
from tui.failures import Failure
from tui.metrics.wording import seconds_text
from tui.ollama.address import parse_host
from tui.ollama.gpu import Machine

if TYPE_CHECKING:
    from tui.app.screens.servers import ServerEntry

GPU_LOOK_SECONDS = 1.0
RETRY_SECONDS = 2.0
"""So long the notice of a request that is sent again stays after it was sent."""
START_LOOK_SECONDS = 0.5
RETRIES = "retries"
"""What is over once something comes or nobody asks again."""


class ChatServers(ChatManners):
    """Going to another server, starting the one of this machine, and looking at its GPU."""

    _has_program = False
    """There is an ollama on this machine that could be started for the server that does not answer."""
    _asked_again: str | None = None
    """The conversation whose prompt is sent again; empty for another request; None for nothing."""
    _gpu_words: str | None = None
    _is_reading_gpu = False
    _looked_at_gpu_at = float("-inf")

    async def begin(self) -> None:
        self._workspace.servers.on_failure = self.say_failure
        self._workspace.servers.on_retry = self._asks_again
        await super().begin()
        servers = self._workspace.servers
        self._sayings.say_each((*servers.book.faults, *map(str, servers.untold)))

    def _asks_again(self, host: Host, retry: Retry) -> None:
        """Each takes the place of the one before, for what is announced is about to happen."""
        self._asked_again = str(retry.metadata.get("conversation", ""))
        why = retry.error.message or retry.error.title
        session = self._workspace.sessions.get(str(retry.metadata.get("conversation")))
        is_elsewhere = session is not None and session is not self._session
        where = "" if host.url == self._workspace.host.url else f" on {clean_line(host.name, 40)}"
        title = clean_line(session.conversation.title, 60) or "another conversation" if session is not None else ""
        self.say(
            f"{title}: {retry.request}: {why}" if is_elsewhere else f"{retry.request}: {why}",
            role="foreground",
            more=f"again in {seconds_text(retry.wait_seconds)}{where}, {retry.attempt} of {retry.attempts}",
            seconds=retry.wait_seconds + RETRY_SECONDS,
            at_once=True,
            about=RETRIES,
        )

    def _told(self, session: Session, event: SessionEvent) -> None:
        super()._told(session, event)
        if session.id == self._asked_again and isinstance(event, AnswerGrew | AnswerEnded):
            self._asks_no_more()

    def _asks_no_more(self) -> None:
        if self._asked_again is not None:
            self._asked_again = None
            self._sayings.over(RETRIES)

    # The GPU

    def _status_view(self) -> StatusView:
        return replace(super()._status_view(), gpu=self._gpu_words if self._session.is_answering else None)

    def _tick(self) -> None:
        at = self._workspace.clock()
        if at - self._looked_at_gpu_at >= GPU_LOOK_SECONDS:
            self._looked_at_gpu_at = at
            self._look_at_gpu()
        super()._tick()

    def _look_at_gpu(self) -> None:
        """Only while an answer comes, so that nothing is drawn while nothing happens."""
        workspace = self._workspace
        is_wanted = workspace.loaded.settings.appearance.shows_gpu and self._session.is_answering
        if not is_wanted or not workspace.host.is_loopback or workspace.is_demo:
            self._gpu_words = None
        elif not self._is_reading_gpu:
            self.in_background(self._read_gpu())

    async def _read_gpu(self) -> None:
        """A driver that hangs is not asked a second time meanwhile."""
        self._is_reading_gpu = True
        try:
            machine = await self._workspace.machine.read()
        finally:
            self._is_reading_gpu = False
        self._gpu_words = status_words(machine)

    # The server of this machine

    def _connection_changed(self, state: ConnectionState) -> None:
        super()._connection_changed(state)
        if state.link is Link.up:
            self._asks_no_more()
        if state.link is Link.down and self._workspace.servers.local is None:
            self.in_background(self._look_for_program(state))

    async def _look_for_program(self, state: ConnectionState) -> None:
        """Nothing answers on this machine: is there an ollama to start? By itself only where it was never up."""
        workspace = self._workspace
        host = workspace.host
        if not await asyncio.to_thread(workspace.servers.can_start, host) or workspace.host.url != host.url:
            self._has_program = False
            return
        self._has_program = True
        self._offer_start()
        is_wanted = workspace.loaded.settings.server.starts_ollama and not state.was_ever_up
        if is_wanted and workspace.connection.state.link is not Link.up and workspace.servers.local is None:
            try:
                await self._start_ollama()
            except Failure as failure:
                self.say_failure(failure)

    def open_connect(self, *, opened_by_itself: bool) -> None:
        super().open_connect(opened_by_itself=opened_by_itself)
        self._offer_start()

    def _offer_start(self) -> None:
        if self._connect is not None and (self._has_program or self._workspace.servers.local is not None):
            self._connect.offer_start(self._start_ollama, self._ollama_log)

    def _ollama_log(self) -> tuple[str, ...]:
        local = self._workspace.servers.local
        return () if local is None else local.log

    async def _start_ollama(self) -> None:
        """Runs it and asks for it until it answers or ends. Raises ``Failure`` when it does not come up."""
        workspace = self._workspace
        host = workspace.host
        local = await workspace.servers.start_local(host)
        self._offer_start()
        while workspace.host.url == host.url and workspace.connection.state.link is not Link.up:
            if not local.is_running:
                await local.ended()
                if local.failure is not None:
                    raise local.failure
                return
            workspace.connection.try_now()
            await asyncio.sleep(START_LOOK_SECONDS)

    # Servers

    async def action_open_servers(self, name: str = "") -> None:
        """All of them, or the one of that name at once."""
        if name:
            await self._go_to_server(name)
            return
        from tui.app.screens.servers import ServersScreen

        workspace, servers = self._workspace, self._workspace.servers

        async def look(host: Host) -> ServerLook:
            return await (look_at(workspace.client) if host.url == workspace.host.url else servers.look_at(host))

        def chosen(address: str | None) -> None:
            if address and address != workspace.host.url:
                self.in_background(self._go_to_server(address))

        self.app.push_screen(
            ServersScreen(
                theme=self._theme,
                glyphs=self._glyphs,
                entries=self._server_entries,
                current=workspace.host.url,
                look=look,
                machine=workspace.machine.read,
                change=servers.change,
                now=workspace.now,
                has_keys_elsewhere=clean_line(str(workspace.places.secrets_file), 60),
            ),
            chosen,
        )

    def _server_entries(self) -> tuple[ServerEntry, ...]:
        """The one that is talked with, those that are written down, and this machine."""
        from tui.app.screens.servers import ServerEntry

        workspace = self._workspace
        book = workspace.servers.book
        entries = [ServerEntry(host=one.host, named=one) for one in book.hosts]
        here = parse_host("", source="default")
        for host in (here, workspace.host):
            if all(one.host.url != host.url for one in entries):
                entries.insert(0, ServerEntry(host=host))
        return tuple(entries)

    async def follow_host_setting(self, address: str) -> None:
        """To the server that the setting names from here on; empty: where a start without one goes."""
        if self._workspace.servers.choose(None, address).url != self._workspace.host.url:
            await self._go_to_server(address)

    async def _go_to_server(self, address: str) -> None:
        try:
            await self._connect_to(address)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)


def status_words(machine: Machine) -> str | None:
    """``gpu 87 % 18.2 of 24 GB``, over all cards; None where there is none."""
    if not machine.gpus:
        return None
    busy = [one.busy_percent for one in machine.gpus if one.busy_percent is not None]
    used_bytes = sum(one.used_bytes or 0 for one in machine.gpus)
    total_bytes = sum(one.total_bytes or 0 for one in machine.gpus)
    share = f" {sum(busy) // len(busy):>3} %" if busy else ""
    memory = f" {used_bytes / 1e9:.1f} of {total_bytes / 1e9:.0f} GB" if total_bytes else ""
    return f"gpu{share}{memory}"
