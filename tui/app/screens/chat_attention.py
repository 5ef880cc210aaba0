"""The conversation in the terminal's title, and a bell when a long answer ends unseen."""

from __future__ import annotations

from tui.app.attention import Attention
from tui.app.screens.chat_private import ChatPrivate
from tui.chat.events import AnswerBegan, AnswerEnded, Phase, PhaseChanged, SessionEvent, ToolsEnded
from tui.chat.session import Session
from tui.conversations.values import MessageState


class ChatAttention(ChatPrivate):
    """Follows every session, also those that nobody looks at."""

    attention: Attention
    """Given by the app before the screen is shown."""
    _began_at: dict[str, float]
    """By session, when its answer was asked for; monotonic seconds."""

    async def begin(self) -> None:
        self._began_at = {}
        await super().begin()

    def _told(self, session: Session, event: SessionEvent) -> None:
        super()._told(session, event)
        if isinstance(event, AnswerBegan):
            # What tools are asked for in between belongs to the same answer.
            self._began_at.setdefault(session.id, self._workspace.clock())
        elif isinstance(event, PhaseChanged) and event.phase is Phase.asking:
            took_seconds = self._workspace.clock() - self._began_at.get(session.id, self._workspace.clock())
            self.attention.answer_waits(session.conversation.model, took_seconds=took_seconds)
        elif isinstance(event, ToolsEnded):
            self._began_at.pop(session.id, None)
        elif isinstance(event, AnswerEnded) and not session.is_answering:
            began_at = self._began_at.pop(session.id, None)
            # Whoever stopped it was here.
            if began_at is not None and event.message.state is not MessageState.stopped:
                self.attention.answer_ended(
                    event.message.model,
                    took_seconds=self._workspace.clock() - began_at,
                    is_whole=event.message.state is MessageState.complete,
                )

    def show_status(self) -> None:
        super().show_status()
        if self._has_widgets:
            self.show_title()

    def show_title(self) -> None:
        """Writes nothing unless it differs from what stands there."""
        session = self._session
        progress = session.progress()
        self.attention.show(
            session.conversation.model,
            Phase.idle if progress is None else progress.phase,
            is_news=self._is_news,
            glyphs=self._glyphs,
        )
