"""A conversation that another chinwag writes: shown as it grows, and nothing is asked or changed here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta

from tui.chat.context_window import characters_of
from tui.chat.events import (
    AnswerBegan,
    AnswerEnded,
    ConversationChanged,
    ConversationReplaced,
    FollowingFailed,
    MessageRemoved,
    Phase,
    PhaseChanged,
    PromptAdded,
    QueueChanged,
    ToolEnded,
    WriterLeft,
)
from tui.chat.faults import report_fault_of
from tui.chat.keeping import NothingKept
from tui.chat.live import LiveAnswer
from tui.chat.session import Session, SessionTools
from tui.conversations.edits import replace_message, with_message, without_message
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import Chunk
from tui.failures import Failure
from tui.storage.control import Request
from tui.storage.follow import Followed, Snapshot
from tui.storage.records import (
    BegunAnswer,
    ChangedModel,
    ChangedTitle,
    EndedAnswer,
    Event,
    GrownAnswer,
    KeptPrompt,
    RemovedMessage,
    SentPrompt,
)
from tui.storage.replay import ConversationBuilder

LOOK_FOR_WRITER_SECONDS = 2.0
LOOKS_FOR_EXPECTED_WRITER = 8
"""Who asked for a conversation and has not taken it by then does not want it any more."""
CHARACTERS_PER_PIECE = 4
"""Where nobody counted them, as in a file of an older chinwag, the number of pieces is a guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What a followed session needs beside the tools of every session."""

    news: Callable[[], AsyncGenerator[Followed, None]]
    """The conversation, and then what happens to it."""
    has_writer: Callable[[], Awaitable[bool]]
    request: Callable[[Request], Awaitable[None]]
    """Asks the writer. Raises ``Failure``."""
    is_writer_expected: bool = False
    """Somebody else is about to become the writer: that there is none yet means nothing."""


class FollowedSession(Session):
    """See the module. Listeners hear what happens elsewhere as if it happened here, within a tenth of a second.

    They hear ``WriterLeft`` once the other chinwag let go: the conversation can then be opened for writing.
    """

    def __init__(self, conversation: Conversation, tools: SessionTools, following: Following) -> None:
        super().__init__(conversation, tools, log=NothingKept(), is_read_only=True)
        self._following = following
        self._builder = ConversationBuilder(conversation)
        self._has_news = False
        self._take_state(conversation)
        self._watching = {
            self._watch(self._follow(), "following a conversation"),
            self._watch(self._look_for_writer(), "looking for whoever writes a conversation"),
        }

    def stop(self) -> bool:
        """Asks the other chinwag to end the answer under way; whether there is one."""
        if self._is_closing or (self._live is None and not self._may_be_calling):
            return False
        self._ask(Request.stop)
        return True

    @property
    def _may_be_calling(self) -> bool:
        """The last that came is a call of a tool or its result: the other chinwag may be at it."""
        last = self._conversation.messages[-1:]
        return bool(last) and (last[0].role is Role.tool or bool(last[0].tool_calls))

    def ask_for_hand_over(self) -> None:
        """Asks the other chinwag to let go of the conversation. ``WriterLeft`` is told when it has."""
        if not self._is_closing:
            self._ask(Request.hand_over)

    async def close(self) -> None:
        self._is_closing = True
        for task in self._watching:
            task.cancel()
        await asyncio.wait(self._watching, timeout=self._tools.close_patience_seconds)

    # What comes

    async def _follow(self) -> None:
        try:
            async with aclosing(self._following.news()) as news:
                async for one in news:
                    if isinstance(one, Snapshot):
                        self._show_all(one.conversation)
                    else:
                        self._happened(one.event)
        except Failure as failure:
            self._tell(FollowingFailed(failure))

    async def _look_for_writer(self) -> None:
        looks_left = LOOKS_FOR_EXPECTED_WRITER if self._following.is_writer_expected else 0
        while True:
            await self._tools.sleep(LOOK_FOR_WRITER_SECONDS)
            try:
                has_writer = await self._following.has_writer()
            except Failure:
                continue
            # Whoever was expected may have come, written and gone between two looks.
            looks_left = 0 if has_writer or self._has_news else looks_left - 1
            if not has_writer and looks_left <= 0:
                self._tell(WriterLeft())
                return

    def _show_all(self, conversation: Conversation) -> None:
        if conversation != self._builder.build():
            self._builder = ConversationBuilder(conversation)
            self._take_state(conversation)
            self._tell(ConversationReplaced(self._conversation))

    def _take_state(self, conversation: Conversation) -> None:
        """The parts of it in which a session keeps them: what was said, what is under way, what waits."""
        self._queue = [one for one in conversation.messages if one.state is MessageState.not_sent]
        under_way = [one for one in conversation.messages if one.state is MessageState.answering]
        self._live = self._live_of(under_way[-1], conversation) if under_way else None
        self._conversation = replace(
            conversation,
            messages=tuple(
                one if self._live is None or one.id != self._live.message.id else self._live.message
                for one in conversation.messages
                if one.state is not MessageState.not_sent
            ),
        )

    def _live_of(self, message: Message, conversation: Conversation) -> LiveAnswer:
        """``message`` as far as it has come; what was sent for it is not known, but what was said before it is."""
        before = (
            one for one in conversation.messages if one.id != message.id and one.state is not MessageState.not_sent
        )
        at = self._tools.clock()
        age = max(timedelta(), self._tools.now() - message.at).total_seconds()
        live = LiveAnswer(
            message=replace(message, text="", thinking="", tool_calls=(), pieces=None),
            asked_at=at - age,
            phase_at=at - age,
            prompt_characters=sum(characters_of(one) for one in before),
        )
        if message.text or message.thinking or message.tool_calls:
            live.enter(live.arrived(_chunk(message.text, message.thinking, message.pieces), at), at)
            live.tool_calls += message.tool_calls
        return live

    def _happened(self, event: Event) -> None:
        self._has_news = True
        self._builder.apply(event)
        match event:
            case GrownAnswer(message_id=message_id) if self._is_under_way(message_id):
                self._grow(event)
            case KeptPrompt(message=message, before=before) if message.state is MessageState.not_sent:
                place = next((at for at, one in enumerate(self._queue) if one.id == before), len(self._queue))
                self._queue.insert(place, message)
                self._tell(QueueChanged(self.queue, is_paused=False))
            case KeptPrompt(message=message) if message.role is Role.tool:
                self._conversation = with_message(self._conversation, message, now=message.at)
                self._tell(ToolEnded(message))
            case SentPrompt(message_id=message_id) if any(one.id == message_id for one in self._queue):
                self._send(event)
            case BegunAnswer(message=message) if self._live is None:
                self._live = self._live_of(message, self._conversation)
                self._conversation = with_message(self._conversation, self._live.message, now=message.at)
                self._tell(AnswerBegan(self._live.message))
                self._tell(PhaseChanged(self._live.phase))
            case EndedAnswer(message=message, at=at) if self._is_under_way(message.id):
                self._live = None
                self._conversation = replace_message(self._conversation, message, now=at)
                self._tell(PhaseChanged(Phase.idle))
                self._tell(AnswerEnded(message))
            case RemovedMessage(message_id=message_id) if not self._is_under_way(message_id):
                self._remove_here(event)
            case ChangedTitle() | ChangedModel():
                # A title says nothing new: the conversation stays where it is in lists.
                at = event.at if isinstance(event, ChangedModel) else self._conversation.updated_at
                self._conversation = replace(
                    self._conversation, title=self._builder.title, model=self._builder.model, updated_at=at
                )
                self._tell(ConversationChanged(self._conversation))
            case _:
                self._take_state(self._builder.build())
                self._tell(ConversationReplaced(self._conversation))

    def _is_under_way(self, message_id: str) -> bool:
        return self._live is not None and self._live.message.id == message_id

    def _grow(self, event: GrownAnswer) -> None:
        if self._live is not None:
            chunk = replace(_chunk(event.text, event.thinking, event.pieces), tool_calls=event.tool_calls)
            self._live.unshown = (chunk, self._tools.clock())
            self._show(self._live)

    def _send(self, event: SentPrompt) -> None:
        prompt = next(one for one in self._queue if one.id == event.message_id)
        self._queue.remove(prompt)
        sent = replace(prompt, state=MessageState.complete, at=event.at)
        title = self._conversation.title
        self._conversation = replace(
            with_message(self._conversation, sent, now=event.at), title=self._builder.title or title
        )
        self._tell(QueueChanged(self.queue, is_paused=False))
        self._tell(PromptAdded(sent))
        if self._conversation.title != title:
            self._tell(ConversationChanged(self._conversation))

    def _remove_here(self, event: RemovedMessage) -> None:
        waiting = [one for one in self._queue if one.id != event.message_id]
        if len(waiting) < len(self._queue):
            self._queue = waiting
            self._tell(QueueChanged(self.queue, is_paused=False))
        else:
            self._conversation = without_message(self._conversation, event.message_id, now=event.at)
            self._tell(MessageRemoved(event.message_id))

    # Inside

    def _ask(self, request: Request) -> None:
        _ = self._start(self._send_request(request), f"asking the other chinwag to {request}")

    async def _send_request(self, request: Request) -> None:
        try:
            await self._following.request(request)
        except Failure as failure:
            self._tell(FollowingFailed(failure))

    def _watch(self, work: Awaitable[None], name: str) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        task.set_name(name)
        task.add_done_callback(report_fault_of)
        return task


def _chunk(text: str, thinking: str, pieces: int | None) -> Chunk:
    guessed = max(1, round((len(text) + len(thinking)) / CHARACTERS_PER_PIECE))
    return Chunk(text=text, thinking=thinking, pieces=guessed if pieces is None else pieces)
