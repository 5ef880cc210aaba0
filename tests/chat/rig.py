"""A session with everything around it in the test's hands: engine, disk, clock, sleep, ids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.chat.scripted_engine import ScriptedEngine
from tui.chat.attaching import Contents
from tui.chat.events import SessionEvent
from tui.chat.fitting import AS_IT_IS, Plan
from tui.chat.passages import FindPassages, Passages, find_nothing
from tui.chat.session import Session, SessionTools
from tui.chat.tool_turns import NO_TOOLS, Toolbox
from tui.conversations.edits import new_conversation, with_message
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure
from tui.storage.conversation_log import LogEvent, SavingRefused, SavingResumed
from tui.storage.records import Event
from tui.storage.replay import ConversationBuilder
from tui.tools.permissions import Permissions

E = TypeVar("E")

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = "qwen3:8b"


class Clock:
    """Seconds that pass when a test says so. Whoever sleeps on it wakes then."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.seconds + seconds, waking))
        await waking

    async def pass_seconds(self, seconds: float) -> None:
        """In the order in which they fall due, and each sleeper gets to run before the next one wakes."""
        until = self.seconds + seconds
        await turns()
        while due := sorted((at, index) for index, (at, _) in enumerate(self._sleepers) if at <= until):
            at, index = due[0]
            _, waking = self._sleepers.pop(index)
            self.seconds = max(self.seconds, at)
            if not waking.done():
                waking.set_result(None)
            await turns()
        self.seconds = until


async def turns(count: int = 30) -> None:
    """Lets everything run that needs nothing from outside."""
    for _ in range(count):
        await asyncio.sleep(0)


class Disk:
    """A log that keeps in memory what it is given; it can be made to refuse, and to be slow.

    It writes as the real one does: one write at a time, each of all that waits, and again 5 s after a refusal.
    """

    def __init__(self, conversation: Conversation, clock: Clock) -> None:
        self.saved: list[tuple[Conversation, bool]] = []
        """After every write: what is on the disk, and whether it was to outlive the machine."""
        self.refusal: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = 0
        self.events: list[Event] = []
        """Everything that was given."""
        self.tell: Callable[[LogEvent], None] = lambda _event: None
        self.is_unsaved = False
        self._clock = clock
        self._given = ConversationBuilder(conversation)
        self._written = ConversationBuilder(conversation)
        self._waiting: list[tuple[Event, bool, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._retrying: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def title(self) -> str:
        return self._given.title

    @property
    def model(self) -> str:
        return self._given.model

    @property
    def last(self) -> Conversation:
        return self.saved[-1][0]

    def append(self, event: Event, *, durable: bool = False) -> asyncio.Future[None]:
        assert not self._is_closed
        if refusal := self._given.refusal(event):
            raise ValueError(refusal)
        self._given.apply(event)
        self.events.append(event)
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, durable, over))
        if self.is_unsaved and not durable:
            over.set_result(None)
        else:
            self._write_soon()
        return over

    async def settled(self) -> None:
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def aclose(self) -> None:
        self._is_closed = True
        await self.settled()
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.wait({self._retrying})
        if self.is_unsaved:
            self._write_soon()
            await self.settled()

    def _write_soon(self) -> None:
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch = tuple(self._waiting)
                self.began += 1
                await self.gate.wait()
                if self.refusal is not None:
                    self._refuse(self.refusal)
                    return
                del self._waiting[: len(batch)]
                for event, _, _ in batch:
                    self._written.apply(event)
                self.saved.append((self._written.build(), any(durable for _, durable, _ in batch)))
                _end(batch)
            if self.is_unsaved:
                self.is_unsaved = False
                self.tell(SavingResumed())
        finally:
            self._writer = None

    def _refuse(self, refusal: Exception) -> None:
        assert isinstance(refusal, Failure)
        _end(self._waiting)
        if not self.is_unsaved:
            self.is_unsaved = True
            self.tell(SavingRefused(refusal))
        if self._retrying is None and not self._is_closed:
            self._retrying = asyncio.create_task(self._try_again())

    async def _try_again(self) -> None:
        try:
            while self.is_unsaved:
                await self._clock.sleep(5)
                self._write_soon()
                await self.settled()
        finally:
            self._retrying = None


def _end(waiting: Iterable[tuple[Event, bool, asyncio.Future[None]]]) -> None:
    for _, _, over in waiting:
        if not over.done():
            over.set_result(None)


DISK_FULL = Failure("cannot save", "the disk is full", "make room")
BROKE_OFF = EngineError("the answer broke off", "127.0.0.1 hung up", "ask again", kind=ErrorKind.broken_off)


class Rig:
    def __init__(
        self, conversation: Conversation | None = None, *, is_read_only: bool = False, behind_seconds: float = 1e6
    ) -> None:
        self.engine = ScriptedEngine()
        self.clock = Clock()
        conversation = conversation or new_conversation("0" * 26, now=START, model=MODEL)
        self.disk = Disk(conversation, self.clock)
        self.events: list[SessionEvent] = []
        self.cloud_models: set[str] = set()
        self.plan = AS_IT_IS
        self.contents = Contents()
        self.toolbox = NO_TOOLS
        self.permissions = Permissions()
        self.find_passages: FindPassages = find_nothing
        self._ids = 0
        self.session = Session(
            conversation,
            SessionTools(
                engine=lambda: self.engine,
                is_cloud=lambda name: name in self.cloud_models,
                now=self.clock.now,
                clock=self.clock,
                new_message_id=self._new_id,
                plan=lambda _conversation, _model: self.plan,
                contents=self.contents,
                toolbox=self._give_toolbox,
                permissions=lambda _conversation: self.permissions,
                find_passages=self._find_passages,
                sleep=self.clock.sleep,
                show_patience_seconds=0.05,
                behind_seconds=behind_seconds,
                end_patience_seconds=0.05,
                close_patience_seconds=0.05,
            ),
            log=self.disk,
            is_read_only=is_read_only,
        )
        self.session.subscribe(self.events.append)

    async def _find_passages(
        self, conversation: Conversation, model: str, plan: Plan, metadata: Mapping[str, Any]
    ) -> Passages:
        return await self.find_passages(conversation, model, plan, metadata)

    async def _give_toolbox(self, _conversation: Conversation) -> Toolbox:
        return self.toolbox

    def _new_id(self) -> str:
        self._ids += 1
        return f"m{self._ids}"

    def heard(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def only(self, kind: type[E]) -> E:
        found = self.heard(kind)
        assert len(found) == 1, found
        return found[0]


def conversation_of(*messages: Message) -> Conversation:
    conversation = new_conversation("0" * 26, now=START, model=MODEL)
    for message in messages:
        conversation = with_message(conversation, message, now=START)
    return conversation


def said(message_id: str, role: Role, text: str, state: MessageState = MessageState.complete) -> Message:
    return Message(id=message_id, role=role, text=text, at=START, state=state)
