"""Leaving while the disk has not taken everything: asked about first, and what would be lost can be taken along."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tui.app.leaving import put_in_temporary_file
from tui.app.screens.chat_library import ChatLibrary
from tui.app.screens.question import Question
from tui.app.terminal.clipboard import shown_path
from tui.chat.events import SessionEvent
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.edits import replace_message
from tui.conversations.markdown import as_markdown
from tui.conversations.values import Conversation


class ChatUnsaved(ChatLibrary):
    """What only the memory has is gone when the program ends."""

    farewell = ""
    """A line for the shell, once the terminal is as it was."""
    _unsaved_question: Question | None = None

    @property
    def unsaved(self) -> tuple[Session, ...]:
        """The conversations of which something is in memory only, though it was to be kept."""
        return tuple(one for one in self._workspace.sessions.values() if one.is_unsaved and not one.is_read_only)

    def quit_unless_unsaved(self) -> None:
        """Ends the app, at once where nothing would be lost. Does not wait for the answer."""
        if not self.unsaved:
            self._quit_app()
        elif self._unsaved_question is None:
            self.in_background(self._ask_about_unsaved(self.unsaved))

    async def _ask_about_unsaved(self, unsaved: tuple[Session, ...]) -> None:
        title = clean_line(unsaved[0].conversation.title, 60) or "untitled"
        more = f" and {len(unsaved) - 1} more" if len(unsaved) > 1 else ""
        self._unsaved_question = Question(
            title="not saved",
            lines=(
                f"{title}{more}",
                "The disk has not taken all of it.",
                "What is in memory only is lost when chinwag ends.",
            ),
            answers=(
                ("stay", "stay, it is tried again by itself"),
                ("copy", "copy all of it and quit"),
                ("lose", "quit and lose it"),
            ),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        try:
            answer = await self.answer_to(self._unsaved_question)
        finally:
            self._unsaved_question = None
        if answer == "lose" or (answer == "copy" and await self._take_along(self.unsaved or unsaved)):
            self._quit_app()

    async def _take_along(self, sessions: tuple[Session, ...]) -> bool:
        """Whether the texts lie in a file. A terminal does not say whether it took them, so that alone is not enough."""
        conversations = [_with_answer_so_far(one) for one in sessions]
        text = "\n".join(await asyncio.to_thread(lambda: [as_markdown(one) for one in conversations]))
        delivery = await self._clipboard.send(text)
        file: Path | None = delivery.file or await asyncio.to_thread(put_in_temporary_file, text)
        if file is None:
            self.say(
                "no file could be written, chinwag goes on",
                role="error",
                more="it was sent to the terminal's clipboard, see whether it is there" if delivery.is_sent else "",
                seconds=None,
                at_once=True,
            )
            return False
        self.farewell = f"what could not be saved lies in {shown_path(file)}"
        return True

    def _told(self, session: Session, event: SessionEvent) -> None:
        super()._told(session, event)
        if self._unsaved_question is not None and not self.unsaved:
            self._unsaved_question.withdraw()
            self.say("everything is saved", more=self._keymap.sentence("quit", "quits"), at_once=True)


def _with_answer_so_far(session: Session) -> Conversation:
    answer = session.answer_so_far()
    conversation = session.conversation
    return conversation if answer is None else replace_message(conversation, answer, now=conversation.updated_at)
