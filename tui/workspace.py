"""Everything that is open while chinwag runs: opened once, closed in reverse."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.atomic import make_private_folder
from tui.chat.catalog import Catalog
from tui.chat.choice import choose_model
from tui.chat.connection import Connection, ConnectionState, Link
from tui.chat.events import AnswerBegan, AnswerEnded, SessionEvent
from tui.chat.faults import report_fault, report_fault_of
from tui.chat.session import Session, SessionTools
from tui.conversations.values import Conversation, Message
from tui.engine import Engine, Host, Model, RunningModel
from tui.failures import Failure
from tui.metrics.usage import CONNECTED, UsageRecord, decode_usage, encode_usage, typical_load_seconds
from tui.ollama.address import choose_host, parse_host
from tui.ollama.names import is_cloud_name, same_model
from tui.places import Places, bundled_themes, throwaway_places, user_places
from tui.settings.load import LoadedSettings, load_settings
from tui.settings.save import reset_setting, save_setting
from tui.settings.schema import Value
from tui.storage.locks import Held
from tui.storage.shelf import Shelf
from tui.theming.load import ThemeShelf, load_themes

if TYPE_CHECKING:
    from tui.demo.server import DemoServer

USAGE_TAIL_BYTES = 1_000_000
"""How much of the usage file is read back: far more than the history of loads needs."""

CLOSE_PATIENCE_SECONDS = 8.0
"""A disk that hangs does not keep the program."""

LAST_CHANCE_SECONDS = 0.1
"""What is closed after the patience is over has this long; most of it needs no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """What the command line said."""

    host: str | None = None
    model: str | None = None
    is_demo: bool = False
    is_private: bool = False


class Workspace:
    """``Workspace.prepare`` reads settings and themes, quickly and without a loop; ``start`` opens the rest.

    One engine at a time. Sessions outlive the screens that show them and end with ``close``.
    """

    def __init__(
        self,
        *,
        options: StartOptions,
        environ: Mapping[str, str],
        places: Places,
        loaded: LoadedSettings,
        themes: ThemeShelf,
        stack: ExitStack,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.options = options
        self.environ = environ
        self.places = places
        self.loaded = loaded
        self.themes = themes
        self.now = now
        self.clock = clock
        self.random_bytes = random_bytes
        self.sessions: dict[str, Session] = {}
        self.on_connection: Callable[[ConnectionState], None] = lambda _state: None
        self.on_session_event: Callable[[Session, SessionEvent], None] = lambda _session, _event: None
        """Hears what every session tells, also those that nobody looks at."""
        self.on_set_aside: Callable[[tuple[Path, ...]], None] = lambda _files: None
        """Hears where the files are that somebody else had put in a conversation's place."""
        self.start_complaint = ""
        """What was wrong with the address of the server; empty when nothing was."""
        self.on_failure: Callable[[Failure], None] = lambda _failure: None
        """Hears what went wrong with work that nobody waits for."""
        self._chosen_model = ""
        self._stack = stack
        self._open = AsyncExitStack()
        self._engine: Engine | None = None
        self._engines_left: list[Engine] = []
        self._catalog: Catalog | None = None
        self._connection: Connection | None = None
        self._usage: list[UsageRecord] = []
        self._asked_hosts: dict[str, str] = {}
        """By message, the address that an answer under way comes from."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, Held] = {}
        self._holding = asyncio.Lock()
        self._demo: DemoServer | None = None
        self.shelf = Shelf(places, format=loaded.settings.storage.format, now=now, random_bytes=random_bytes)

    @classmethod
    def prepare(
        cls,
        options: StartOptions,
        *,
        environ: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> Workspace:
        """Raises ``Failure`` when the folders cannot be used; a broken settings file or theme is only reported."""
        environ = os.environ if environ is None else environ
        stack = ExitStack()
        with ExitStack() as undo:
            undo.enter_context(stack)
            places = _places(options, environ, stack)
            flags = {"chat.model": options.model, "server.host": options.host}
            loaded = load_settings(places.settings_file, environ, flags)
            themes = load_themes(bundled_themes(), places.user_themes)
            workspace = cls(
                options=options,
                environ=environ,
                places=places,
                loaded=loaded,
                themes=themes,
                stack=stack,
                now=now,
                clock=clock,
                random_bytes=random_bytes,
            )
            undo.pop_all()
        return workspace

    async def start(self) -> None:
        """Opens the engine and begins to look for its server.

        An address that cannot be one is no reason not to start, unless it stands on the command line: then ``Failure``.
        Else this machine is asked, and ``start_complaint`` says why.
        """
        self._usage = list(await asyncio.to_thread(self._read_usage))
        if self.options.is_demo:
            await self._start_demo()
        else:
            self._use(self._chosen_host())
        self._in_background(self._empty_trash(), "emptying the trash")

    def _chosen_host(self) -> Host:
        try:
            return choose_host(self.options.host, self.loaded.settings.server.host or None, self.environ)
        except Failure as failure:
            if self.options.host:
                raise
            self.start_complaint = str(failure)
            return parse_host("", source="default")

    async def close(self, *, patience_seconds: float = CLOSE_PATIENCE_SECONDS) -> bool:
        """Ends every answer, waits for the disk, and lets go of everything. Whether all of that went well, and in time.

        What fails or hangs goes to the event loop's exception handler, and the next thing is closed.
        """
        until = time.monotonic() + patience_seconds
        # What waits for the disk leaves the rest some time.
        disk_until = until - patience_seconds / 4
        results = [
            await _close_within(disk_until, self._close_connection(), "closing the connection"),
            await _close_within(disk_until, self._close_sessions(), "closing the conversations"),
            await _close_within(disk_until, self._finish_tasks(), "finishing what runs in the background"),
            await _close_within(disk_until, self.shelf.aclose(), "closing the shelf"),
        ]
        engines = (*self._engines_left, *(() if self._engine is None else (self._engine,)))
        results += [await _close_within(until, engine.aclose(), "closing an engine") for engine in engines]
        results += [
            await _close_within(until, self._open.aclose(), "closing the demo"),
            await _close_within(until, asyncio.to_thread(self._stack.close), "removing what is not kept"),
        ]
        return all(results)

    async def _close_connection(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _close_sessions(self) -> None:
        sessions = tuple(self.sessions.values())
        results = await asyncio.gather(*(one.close() for one in sessions), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in errors[1:]:
            report_fault(error, during="closing the conversations")
        if errors:
            raise errors[0]

    async def _finish_tasks(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def is_demo(self) -> bool:
        return self._demo is not None

    @property
    def is_throwaway(self) -> bool:
        """Nothing of this outlives the program."""
        return self.options.is_demo or self.options.is_private

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the workspace was not started")
        return self._engine

    @property
    def host(self) -> Host:
        return self.engine.host

    @property
    def catalog(self) -> Catalog:
        if self._catalog is None:
            raise RuntimeError("the workspace was not started")
        return self._catalog

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("the workspace was not started")
        return self._connection

    @property
    def was_ever_connected(self) -> bool:
        """To this server, in this start or in an earlier one."""
        return self.connection.state.was_ever_up or self._has_proof_of_connection

    @property
    def _has_proof_of_connection(self) -> bool:
        return any(one.host == self.host.url and one.proves_connection for one in self._usage)

    async def connect_to(self, address: str) -> Host:
        """Goes to another server; answers under way come to their end. Later starts go there, too, once it has answered.

        Raises ``Failure`` for an address that cannot be one.
        """
        host = parse_host(address, source="chosen")
        await self._leave_engine()
        self._use(host)
        return host

    def new_session(self, *, model: str = "") -> Session:
        """A conversation that is on disk with its first prompt, not before.

        Its model is the one chosen last in this start, else the one of ``--model``, else it is still to be chosen.
        """
        model = model or self._chosen_model or self.options.model or ""
        return self._adopt(Session(self.shelf.new(model=model), self._session_tools()))

    async def open_session(self, conversation_id: str) -> Session:
        """The running one, or the one on disk; read-only while another chinwag has it open.

        Raises ``Failure`` when it cannot be read.
        """
        before = self.sessions.get(conversation_id)
        if before is not None and not before.is_read_only:
            return before
        # What is read-only was read a while ago: the other chinwag may have gone on since, or away.
        is_ours = await self._hold(conversation_id)
        conversation = await self.shelf.load(conversation_id)
        meanwhile = self.sessions.get(conversation_id)
        if meanwhile is not None and meanwhile is not before:
            return meanwhile
        return self._adopt(Session(conversation, self._session_tools(), is_read_only=not is_ours))

    async def forget_session(self, conversation_id: str) -> None:
        """Before a conversation is deleted: nothing of it runs or saves any more."""
        session = self.sessions.pop(conversation_id, None)
        if session is not None:
            await session.close()
        held = self._held.pop(conversation_id, None)
        if held is not None:
            held.release()

    def running_model(self, name: str) -> RunningModel | None:
        """The model as it is in the server's memory, as far as the last look said."""
        return next((one for one in self.catalog.running if same_model(one.name, name)), None)

    def find_model(self, name: str) -> Model | None:
        """The model that the server lists under this name, its tag given or not."""
        models = self.catalog.models or ()
        return next((one for one in models if one.name == name or same_model(one.name, name)), None)

    @staticmethod
    def same_model(one: str, other: str) -> bool:
        """Whether a server takes two names for the same model."""
        return same_model(one, other)

    def is_cloud(self, name: str) -> bool:
        """Whether it runs on somebody else's computers, by the server's list or by its name."""
        model = self.find_model(name)
        return is_cloud_name(name) or (model is not None and model.is_cloud)

    @property
    def default_model(self) -> str:
        """What a new conversation starts with; empty until it is chosen."""
        return self._chosen_model or self.loaded.settings.chat.model

    async def choose_model(self, session: Session) -> Model | None:
        """The model that this session's next prompt goes to, put into the session; None when there is none to be had."""
        catalog = self.catalog
        models = catalog.models if catalog.models is not None else await catalog.refresh()
        model = await choose_model(
            models,
            catalog.running,
            preferred=(session.conversation.model, self.default_model),
            capabilities_of=catalog.capabilities_of,
            same_model=same_model,
        )
        if model is not None:
            session.use_model(model.name)
        return model

    async def make_default(self, model: str) -> None:
        """The choice holds for new conversations, too, whatever a flag or a variable said before.

        Raises ``Failure`` when it cannot be kept for later starts.
        """
        self._chosen_model = model
        await self.change_setting("chat.model", model)

    def typical_load_seconds(self, model: str) -> float | None:
        return typical_load_seconds(self._usage, model=model, host=self.host.url)

    def last_used(self) -> Mapping[str, str]:
        """Model name to the time of its last answer, ISO 8601 in UTC."""
        host = self.host.url
        return {record.model: record.at for record in self._usage if record.host == host and record.has_answer}

    def _adopt(self, session: Session) -> Session:
        self.sessions[session.id] = session
        session.subscribe(partial(self._heard, session))
        return session

    def _heard(self, session: Session, event: SessionEvent) -> None:
        if isinstance(event, AnswerBegan):
            self._asked_hosts[event.message.id] = self.host.url
        self.on_session_event(session, event)
        if not isinstance(event, AnswerEnded):
            return
        if event.failure is not None and self._connection is not None:
            self._connection.try_now()
        # The person may have gone to another server meanwhile.
        host = self._asked_hosts.pop(event.message.id, self.host.url)
        self._keep_usage(_usage_record(event.message, host=host))

    def _keep_usage(self, record: UsageRecord) -> None:
        self._usage.append(record)
        self._in_background(asyncio.to_thread(self._append_usage, record), "keeping the statistics")

    def _in_background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """``close`` waits for it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(report_fault_of)

    async def _empty_trash(self) -> None:
        """What stays in the trash for longer than it must harms nobody."""
        with suppress(Failure, OSError):
            await self.shelf.empty_trash(self.now())

    async def _start_demo(self) -> None:
        from tui.demo.server import DemoServer

        self._demo = await self._open.enter_async_context(DemoServer())
        host = parse_host(self._demo.url, source="demo")
        self._use(replace(host, name="demo"))

    def _use(self, host: Host) -> None:
        from tui.ollama.client import OllamaClient

        engine = OllamaClient(host, environ=self.environ)
        self._engine = engine
        self._catalog = Catalog(engine, cache_file=self.places.cache / "models.json")
        self._connection = Connection(engine, clock=self.clock, on_change=self._connection_changed)
        self._connection.start()

    async def _leave_engine(self) -> None:
        """The engine itself is closed at the end: an answer may still come through it."""
        await self._close_connection()
        if self._engine is not None:
            self._engines_left.append(self._engine)

    def _connection_changed(self, state: ConnectionState) -> None:
        if state.link is Link.up and not self._has_proof_of_connection:
            at = self.now().isoformat(timespec="seconds")
            self._keep_usage(UsageRecord(at=at, host=self.host.url, model="", outcome=CONNECTED))
        if state.link is Link.up and self.host.source == "chosen" and self.loaded.settings.server.host != self.host.url:
            self._in_background(self._keep_host(self.host.url), "keeping the server's address")
        self.on_connection(state)

    async def _keep_host(self, url: str) -> None:
        try:
            await self.change_setting("server.host", url)
        except Failure as failure:
            self.on_failure(failure)

    async def change_setting(self, name: str, value: Value | None) -> LoadedSettings:
        """Changes one setting at once and for later starts; None puts its default back.

        Raises ``Failure`` when it cannot be kept; then nothing has changed.
        """
        copy = None
        if not self.is_throwaway:
            keep = reset_setting if value is None else partial(save_setting, value=value)
            copy = await asyncio.to_thread(keep, self.places.settings_file, name, now=self.now)
        self.loaded = self.loaded.with_saved(name, value, set_aside=copy)
        self.shelf.format = self.loaded.settings.storage.format
        return self.loaded

    def _session_tools(self) -> SessionTools:
        return SessionTools(
            engine=lambda: self.engine,
            save=self._save,
            same_model=same_model,
            is_cloud=self.is_cloud,
            now=self.now,
            clock=self.clock,
            new_message_id=lambda: self.random_bytes(6).hex(),
        )

    async def _save(self, conversation: Conversation, durable: bool) -> None:
        if not await self._hold(conversation.id):
            raise Failure("cannot save the conversation", "it is open in another chinwag", "close it there")
        saved = await self.shelf.save(conversation, durable=durable)
        if saved.set_aside:
            self.on_set_aside(saved.set_aside)

    async def _hold(self, conversation_id: str) -> bool:
        """Whether this chinwag is the one that writes the conversation."""
        # Who asks for a lock while another task of ours takes it would hear that it is taken.
        async with self._holding:
            if conversation_id not in self._held:
                held = await self.shelf.hold(conversation_id)
                if held is None:
                    return False
                self._held[conversation_id] = held
            return True

    def _read_usage(self) -> tuple[UsageRecord, ...]:
        try:
            with self.places.usage_file.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - USAGE_TAIL_BYTES))
                return decode_usage(file.read())
        except OSError:
            return ()

    def _append_usage(self, record: UsageRecord) -> None:
        """These are statistics: a disk that refuses them is named where conversations are saved, not here."""
        try:
            make_private_folder(self.places.usage_file.parent)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self.places.usage_file, flags, 0o600)
            try:
                os.write(descriptor, encode_usage(record))
            finally:
                os.close(descriptor)
        except (OSError, Failure):
            return


async def _close_within(until: float, work: Coroutine[Any, Any, object], name: str) -> bool:
    """Whether it ended well before ``until``, in monotonic seconds; else that is reported and it is left behind."""
    task = asyncio.create_task(work, name=name)
    await asyncio.wait({task}, timeout=max(LAST_CHANCE_SECONDS, until - time.monotonic()))
    if not task.done():
        task.cancel()
        report_fault(TimeoutError("it took too long"), during=name)
        return False
    if task.cancelled() or (error := task.exception()) is None:
        return not task.cancelled()
    report_fault(error, during=name)
    return False


def _places(options: StartOptions, environ: Mapping[str, str], stack: ExitStack) -> Places:
    """A private start reads the person's settings and themes and writes none; the demo does not even read them."""
    if not (options.is_demo or options.is_private):
        return user_places(environ)
    throwaway = stack.enter_context(throwaway_places())
    return throwaway if options.is_demo else replace(throwaway, config=user_places(environ).config)


def _usage_record(message: Message, *, host: str) -> UsageRecord:
    counts = message.counts
    return UsageRecord(
        at=message.at.isoformat(timespec="seconds"),
        host=host,
        model=message.model,
        outcome=message.state.value,
        prompt_tokens=counts.prompt_tokens if counts else None,
        answer_tokens=counts.answer_tokens if counts else None,
        answer_seconds=counts.answer_seconds if counts else None,
        load_seconds=counts.load_seconds if counts else None,
        first_token_seconds=message.first_token_seconds,
    )
