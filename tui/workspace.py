"""Everything that is open while chinwag runs: opened once, closed in reverse."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tui.chat.attaching import Contents
from tui.chat.catalog import Catalog
from tui.chat.choice import choose_model
from tui.chat.closing import close_within
from tui.chat.cloud import CloudLeave, GuardedEngine
from tui.chat.connection import Connection, ConnectionState, Link
from tui.chat.documents import Documents
from tui.chat.events import AnswerBegan, AnswerEnded, SessionEvent
from tui.chat.faults import report_fault_of
from tui.chat.kept_requests import KeptRequests
from tui.chat.memory import FreeMemory, free_memory
from tui.chat.open_sessions import OpenSessions
from tui.chat.planner import Planner
from tui.chat.pulls import Pulls
from tui.chat.servers import Servers
from tui.chat.session import Session, SessionTools
from tui.chat.steering import Steering
from tui.chat.tool_questions import ToolQuestions
from tui.chat.tool_shelf import ToolShelf
from tui.chat.tool_turns import Toolbox
from tui.chat.unseen import READ_SECONDS
from tui.chat.usage_file import usage_of
from tui.chat.usage_log import UsageLog
from tui.conversations.values import Conversation, Message
from tui.engine import ChatRequest, Engine, Host, Model, ModelDetails, RunningModel
from tui.failures import Failure
from tui.metrics.usage import CONNECTED, UsageRecord
from tui.ollama.address import parse_host
from tui.ollama.gpu import MachineReader
from tui.ollama.lacking import refuse_what_is_lacking
from tui.ollama.names import is_cloud_name, same_model
from tui.places import Places, bundled_themes, throwaway_places, user_places
from tui.settings.load import LoadedSettings, load_settings
from tui.settings.save import reset_setting, save_setting
from tui.settings.schema import Value
from tui.storage.cloud_leave import keep_leave, read_leave, take_back_leave
from tui.storage.shelf import Shelf
from tui.theming.load import ThemeShelf, load_themes
from tui.tools.permissions import Permissions

if TYPE_CHECKING:
    from tui.demo.server import DemoServer
    from tui.ollama.client import OllamaClient

CONTEXT_SETTING = "generation.context_tokens"
HOST_SETTING = "server.host"

CLOSE_PATIENCE_SECONDS = 8.0
"""A disk that hangs does not keep the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOptions:
    """What the command line said."""

    host: str | None = None
    model: str | None = None
    is_demo: bool = False
    is_private: bool = False
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What other flags set, by the setting's name, as it was written."""


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
        self._keeps_host = False
        """The server that was gone to is written down as the setting once it has answered."""
        self._stack = stack
        self._open = AsyncExitStack()
        self._engine: OllamaClient | None = None
        self._engines_left: list[OllamaClient] = []
        self.pulls = Pulls(clock=clock)
        """Models on their way; they go on when another server is talked with."""
        self._catalog: Catalog | None = None
        self._connection: Connection | None = None
        self.request_log = KeptRequests(places.log, loaded.settings.log, on_failure=self._say_failure)
        self.servers = Servers(
            hosts_file=places.hosts_file,
            secrets_file=places.secrets_file,
            environ=environ,
            settings=lambda: self.loaded.settings.server,
            is_kept=not self.is_throwaway,
            log=self.request_log,
        )
        self.steering = Steering(
            presets=places.presets,
            models_file=places.models_file,
            loaded=lambda: self.loaded,
            same_model=same_model,
            is_kept=not self.is_throwaway,
        )
        self.planner = Planner(
            self.steering,
            host_url=lambda: self.host.url,
            find_model=self.find_model,
            running_model=self.running_model,
            is_cloud=self.is_cloud,
        )
        self.tools = ToolShelf(
            folder=places.tools,
            confirmed_file=places.confirmed_tools_file,
            environ=environ,
            now=now,
            settings=lambda: self.loaded.settings.tools,
            search=self._search_documents,
        )
        self.tool_questions = ToolQuestions()
        self.documents = Documents(
            folder=places.documents,
            settings=lambda: self.loaded.settings.documents,
            client=lambda: self.client,
            catalog=lambda: self.catalog,
            find_model=self.find_model,
            same_model=same_model,
            may_leave=lambda: self.cloud_leave.look(self.host.url),
            free_memory=self.free_memory,
            clock=clock,
        )
        self.machine = MachineReader()
        """This computer's GPUs and memory."""
        self.usage = UsageLog(places.usage_file, host_url=lambda: self.host.url, in_background=self._in_background)
        self._asked_hosts: dict[str, str] = {}
        """By message, the address that an answer under way comes from."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.cloud_leave = CloudLeave(
            read=partial(read_leave, places),
            keep=lambda host_url: keep_leave(places, host_url, at=now()),
            take_back=partial(take_back_leave, places),
        )
        self._demo: DemoServer | None = None
        self.shelf = Shelf(places, format=loaded.settings.storage.format, now=now, random_bytes=random_bytes)
        self.contents = Contents(None if options.is_private else places, report=self._say_failure)
        """Of what is attached to prompts."""
        self.open_sessions = OpenSessions(
            shelf=self.shelf, places=places, tools=self._session_tools, heard=self._heard, report=self._say_failure
        )
        self.sessions = self.open_sessions.by_id

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
            flags = {**options.settings, "chat.model": options.model, HOST_SETTING: options.host}
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
        await self.usage.read()
        await asyncio.to_thread(self.steering.read)
        if self.options.is_demo:
            await self._start_demo()
        else:
            host = self._chosen_host()
            self._use(host, await self.servers.key_for(host))
        self.open_sessions.start()
        self._in_background(self._empty_trash(), "emptying the trash")

    def _chosen_host(self) -> Host:
        try:
            return self.servers.choose(self.options.host, self.loaded.settings.server.host)
        except Failure as failure:
            if self.options.host:
                raise
            self.start_complaint = str(failure)
            return parse_host("", source="default")

    @property
    def is_answering(self) -> bool:
        """An answer that was asked for here is under way, or about to be."""
        return self.open_sessions.is_answering

    async def finish_answers(self) -> None:
        """Without anybody who looks: what is under way comes to its end and to the disk, what waits goes on waiting."""
        self.on_session_event = lambda _session, _event: None
        self.on_connection = lambda _state: None
        self.tool_questions.leave()
        for client in self._clients:
            client.read_every(READ_SECONDS)
        limits = self.loaded.settings.storage
        await self.open_sessions.finish(
            limit_seconds=limits.finish_seconds, limit_bytes=limits.finish_megabytes * 1024 * 1024
        )

    async def close(self, *, patience_seconds: float = CLOSE_PATIENCE_SECONDS) -> bool:
        """Ends every answer, waits for the disk, and lets go of everything. Whether all of that went well, and in time.

        What fails or hangs goes to the event loop's exception handler, and the next thing is closed.
        """
        until = time.monotonic() + patience_seconds
        # What waits for the disk leaves the rest some time.
        disk_until = until - patience_seconds / 4
        results = [
            await close_within(disk_until, self._close_connection(), "closing the connection"),
            await close_within(disk_until, self.pulls.close(), "stopping what is pulled"),
            await close_within(disk_until, self.open_sessions.close(), "closing the conversations"),
            await close_within(disk_until, self._finish_tasks(), "finishing what runs in the background"),
            await close_within(disk_until, self.documents.close(), "stopping the reading of documents"),
            await close_within(disk_until, self.shelf.aclose(), "closing the shelf"),
        ]
        results += [await close_within(until, one.aclose(), "closing an engine") for one in self._clients]
        results += [
            await close_within(until, self.request_log.aclose(), "closing the log of requests"),
            await close_within(until, self._open.aclose(), "closing the demo"),
            await close_within(until, self.servers.close(), "stopping ollama"),
            await close_within(until, self.machine.close(), "letting go of the gpu"),
            await close_within(until, asyncio.to_thread(self._stack.close), "removing what is not kept"),
        ]
        return all(results)

    @property
    def _clients(self) -> tuple[OllamaClient, ...]:
        """Of this server and of those that were left."""
        return (*self._engines_left, *(() if self._engine is None else (self._engine,)))

    async def _close_connection(self) -> None:
        if self._connection is not None:
            await self._connection.close()

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
        return self.client

    @property
    def guarded_engine(self) -> Engine:
        """The engine, which lets nothing out to a model in the cloud without leave."""
        return GuardedEngine(self.engine, is_cloud=self.is_cloud, leave=self.cloud_leave)

    @property
    def client(self) -> OllamaClient:
        """The engine with all that its server can do beside answering: pull, delete, copy, load, unload."""
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
        return self.connection.state.was_ever_up or self.usage.proves_connection

    async def connect_to(self, address: str) -> Host:
        """Goes to another server; answers under way come to their end. Later starts go there, too, once it has answered.

        No address: where a start without one goes. Raises ``Failure`` for an address that cannot be one.
        """
        host = self.servers.choose(None, address)
        key = await self.servers.key_for(host)
        await self._leave_engine()
        # What the setting says already stays as it was written there: a name may stand for an address.
        self._keeps_host = address not in (self.loaded.settings.server.host, self.loaded.in_file.get(HOST_SETTING, ""))
        self._use(host, key)
        return host

    def new_session(self, *, model: str = "", is_private: bool = False) -> Session:
        """A conversation that is on disk with its first prompt, not before; with ``is_private`` never.

        Its model is the one chosen last in this start, else the one of ``--model``, else it is still to be chosen.
        """
        model = model or self._chosen_model or self.options.model or ""
        return self.open_sessions.new(model=model, is_private=is_private)

    async def fork(self, session: Session, message_id: str) -> Session:
        """A conversation of its own that begins with the line up to that message. Raises ``Failure``."""
        return await self.open_sessions.fork(session, message_id)

    async def open_session(self, conversation_id: str) -> Session:
        """The running one, or the one on disk; read-only and followed while another chinwag has it open.

        Raises ``Failure`` when it cannot be read. What is damaged is told to ``on_failure``.
        """
        return await self.open_sessions.open(conversation_id)

    def session_beside(self, conversation: Conversation, *, is_private: bool) -> Session:
        """Goes on from a conversation by itself. Nothing of it is kept but, unless it is private, its numbers."""

        def ended(message: Message) -> None:
            if not is_private:
                self.usage.keep(usage_of(message, host=self.host.url))

        return self.open_sessions.beside(conversation, is_private=is_private, ended=ended)

    def is_private(self, session: Session) -> bool:
        """Nothing of it is kept: not the conversation, its drafts, its numbers, nor the choice of its model."""
        return session.is_private

    async def forget_session(self, conversation_id: str) -> None:
        """Before a conversation is deleted: nothing of it runs or saves any more."""
        await self.open_sessions.forget(conversation_id)

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

    def _heard(self, session: Session, event: SessionEvent) -> None:
        if session.is_read_only:
            self.on_session_event(session, event)
            return
        if isinstance(event, AnswerBegan):
            self._asked_hosts[event.message.id] = self.host.url
        self.on_session_event(session, event)
        if not isinstance(event, AnswerEnded):
            return
        if event.failure is not None and self._connection is not None:
            self._connection.try_now()
        # The person may have gone to another server meanwhile.
        host = self._asked_hosts.pop(event.message.id, self.host.url)
        if not session.is_private:
            self.usage.keep(usage_of(event.brought or event.message, host=host))

    async def _search_documents(self, question: str) -> str:
        return await self.documents.search(question)

    async def _refuse_what_is_lacking(self, request: ChatRequest) -> None:
        """By what the catalog knows; it asks only a server that answers, so that nothing waits for it twice."""
        model = self.find_model(request.model)
        if model is None:
            return
        state = self.connection.state
        is_up = state.link is Link.up
        capabilities = await self.catalog.capabilities_of(model) if is_up else model.capabilities
        details = ModelDetails(name=request.model, capabilities=capabilities)
        refuse_what_is_lacking(request, details, server_version=state.version)

    async def _namesakes(self, model: str) -> tuple[str, ...]:
        return await self.client.namesakes(model)

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

    def _use(self, host: Host, key: str = "") -> None:
        engine = self.servers.client(host, key)
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
        if state.link is Link.up and not self.usage.proves_connection:
            at = self.now().isoformat(timespec="seconds")
            self.usage.keep(UsageRecord(at=at, host=self.host.url, model="", outcome=CONNECTED))
        if state.link is Link.up and self._keeps_host:
            self._in_background(self._keep_host(self.host.url), "keeping the server's address")
        self.on_connection(state)

    async def _keep_host(self, url: str) -> None:
        try:
            await self.change_setting(HOST_SETTING, url)
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
        if name == "chat.model":
            # What was chosen before in this start, by a key or a flag, is older than this.
            self._chosen_model = str(value or "")
        if name == HOST_SETTING:
            self._keeps_host = False
        if name == CONTEXT_SETTING:
            self.planner.forget_memory_options()
        self.shelf.format = self.loaded.settings.storage.format
        self.request_log.use(self.loaded.settings.log)
        return self.loaded

    def settings_file_is_well(self) -> None:
        """The file was replaced by one without a fault: what was wrong with the one before holds no more."""
        source = self.places.settings_file.name
        faults = tuple(fault for fault in self.loaded.faults if fault.source != source)
        self.loaded = replace(self.loaded, faults=faults)

    async def free_memory(self) -> FreeMemory:
        """What the server has left, as far as anybody knows."""
        named = self.servers.named(self.host)
        memory_bytes = None if named is None else named.memory_bytes
        machine = await self.machine.read() if self.host.is_loopback and not self.is_demo else None
        return free_memory(self.host, machine, memory_bytes=memory_bytes, running=self.catalog.running)

    def reload_themes(self) -> None:
        """Reads the themes again, for one that was changed meanwhile. Blocks."""
        self.themes = load_themes(bundled_themes(), self.places.user_themes)

    def _session_tools(self) -> SessionTools:
        return SessionTools(
            engine=lambda: self.guarded_engine,
            is_cloud=self.is_cloud,
            now=self.now,
            clock=self.clock,
            new_message_id=lambda: self.random_bytes(6).hex(),
            plan=self.planner.plan,
            namesakes=self._namesakes,
            check=self._refuse_what_is_lacking,
            toolbox=self.toolbox,
            permissions=self._permissions,
            contents=self.contents,
            find_passages=self.documents.passages_for,
            set_aside=self._set_aside,
        )

    async def toolbox(self, conversation: Conversation) -> Toolbox:
        """What the model of that conversation may call, as things are at this moment."""
        return await self.tools.toolbox(conversation.control)

    def _permissions(self, conversation: Conversation) -> Permissions:
        """Nobody sees what a conversation beside the others asks for."""
        return self.tool_questions.permissions(conversation, is_seen=conversation.id in self.sessions)

    def _say_failure(self, failure: Failure) -> None:
        self.on_failure(failure)

    def _set_aside(self, files: tuple[Path, ...]) -> None:
        self.on_set_aside(files)


def _places(options: StartOptions, environ: Mapping[str, str], stack: ExitStack) -> Places:
    """A private start reads the person's settings and themes and writes none; the demo does not even read them."""
    if not (options.is_demo or options.is_private):
        return user_places(environ)
    throwaway = stack.enter_context(throwaway_places())
    return throwaway if options.is_demo else replace(throwaway, config=user_places(environ).config)
