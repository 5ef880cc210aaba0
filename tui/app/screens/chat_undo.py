"""Undo on an empty prompt, for everything that is done at once: what was done last is undone first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tui.app.screens.chat_compare import ChatCompare
from tui.failures import Failure

KEPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Something that can be undone."""

    undo: Callable[[], Awaitable[str]]
    """Undoes it and says so in a few words; raises ``Failure``."""
    holds: Callable[[], bool]
    """False when undoing it would undo what came later as well."""
    deleted: int
    """How many conversations could be brought back when it was done."""


class ChatUndo(ChatCompare):
    """Deleted conversations have a trash of their own; both come back in the order in which they went."""

    _done: tuple[Done, ...] = ()

    def can_undo(self, undo: Callable[[], Awaitable[str]], *, holds: Callable[[], bool] = lambda: True) -> None:
        """To be called when it was done."""
        done = Done(undo=undo, holds=holds, deleted=len(self._deleted))
        self._done = (*self._done, done)[-KEPT:]

    async def action_undo(self) -> None:
        while self._done and not self._done[-1].holds():
            self._done = self._done[:-1]
        if not self._done or len(self._deleted) > self._done[-1].deleted:
            await super().action_undo()
            return
        done, self._done = self._done[-1], self._done[:-1]
        try:
            words = await done.undo()
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
        else:
            self.reply(words)
