"""Calls of tools that wait for a person's yes, at most one in each conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tui.chat.tool_turns import AskPerson, NobodyThere
from tui.conversations.values import Conversation
from tui.tools.permissions import Permissions, Question


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """One question; it is answered at most once."""

    conversation_id: str
    question: Question
    answer: asyncio.Future[bool]


class ToolQuestions:
    """Whoever shows conversations shows these, too; a question waits for as long as that takes."""

    def __init__(self) -> None:
        self.on_change: Callable[[str], None] = lambda _conversation_id: None
        """Hears of each conversation in which a question came or went."""
        self.ask_person: AskPerson | None = None
        """Who asks the person: ``ask`` where conversations are shown; None where nobody can be asked."""
        self.allowed: frozenset[str] = frozenset()
        """What the command line allowed by name. It counts only where nobody can be asked."""
        self._waiting: dict[str, Waiting] = {}
        self._is_left = False

    def permissions(self, conversation: Conversation, *, is_seen: bool) -> Permissions:
        """Who allows the calls of that conversation; unless ``is_seen``, nobody can be asked."""
        ask = self.ask_person if is_seen else None
        return Permissions(
            ask=None if ask is None else partial(ask, conversation.id),
            allowed=frozenset(conversation.control.allowed_tools),
            allowed_without_asking=self.allowed,
        )

    async def ask(self, conversation_id: str, question: Question) -> bool:
        """The person's answer. Raises ``NobodyThere`` once they are gone."""
        if self._is_left:
            raise NobodyThere
        waiting = Waiting(conversation_id, question, asyncio.get_running_loop().create_future())
        self._waiting[conversation_id] = waiting
        try:
            self.on_change(conversation_id)
            return await waiting.answer
        finally:
            if self._waiting.get(conversation_id) is waiting:
                del self._waiting[conversation_id]
            self.on_change(conversation_id)

    def of(self, conversation_id: str) -> Waiting | None:
        """What waits in that conversation."""
        return self._waiting.get(conversation_id)

    @property
    def conversations(self) -> tuple[str, ...]:
        """In which something waits, the oldest first."""
        return tuple(self._waiting)

    def answer(self, waiting: Waiting, *, is_yes: bool) -> bool:
        """Whether it was still asked: whoever answers late answers nothing."""
        is_asked = self._waiting.get(waiting.conversation_id) is waiting and not waiting.answer.done()
        if is_asked:
            waiting.answer.set_result(is_yes)
        return is_asked

    def leave(self) -> None:
        """Nobody is there any more: what waits, and whatever is asked from here on, gets no yes."""
        self._is_left = True
        self.on_change = lambda _conversation_id: None
        for waiting in tuple(self._waiting.values()):
            if not waiting.answer.done():
                waiting.answer.set_exception(NobodyThere())
