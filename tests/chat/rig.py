"""A session with everything around it in the test's hands: engine, disk, clock, sleep, ids."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tests.chat.scripted_engine import ScriptedEngine
from tui.chat.events import SessionEvent
from tui.chat.session import Session, SessionTools
from tui.conversations.edits import new_conversation, with_message
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure

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


@dataclass(slots=True)
class Disk:
    """Records what it is given; it can be made to refuse, and to be slow."""

    saved: list[tuple[Conversation, bool]] = field(default_factory=list)
    refusal: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    began: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def save(self, conversation: Conversation, durable: bool) -> None:
        self.began += 1
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        self.saved.append((conversation, durable))

    @property
    def last(self) -> Conversation:
        return self.saved[-1][0]


DISK_FULL = Failure("cannot save", "the disk is full", "make room")
BROKE_OFF = EngineError("the answer broke off", "127.0.0.1 hung up", "ask again", kind=ErrorKind.broken_off)


class Rig:
    def __init__(self, conversation: Conversation | None = None, *, is_read_only: bool = False) -> None:
        self.engine = ScriptedEngine()
        self.disk = Disk()
        self.clock = Clock()
        self.events: list[SessionEvent] = []
        self.cloud_models: set[str] = set()
        self._ids = 0
        self.session = Session(
            conversation or new_conversation("0" * 26, now=START, model=MODEL),
            SessionTools(
                engine=lambda: self.engine,
                save=self.disk.save,
                same_model=str.__eq__,
                is_cloud=lambda name: name in self.cloud_models,
                now=self.clock.now,
                clock=self.clock,
                new_message_id=self._new_id,
                sleep=self.clock.sleep,
                save_interval_seconds=1.0,
                end_patience_seconds=0.05,
                close_patience_seconds=0.05,
            ),
            is_read_only=is_read_only,
        )
        self.session.subscribe(self.events.append)

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
