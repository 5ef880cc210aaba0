"""The text of a message in the prompt: a prompt is asked anew in its place, any other message gets another text."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on

from tui.app.attached_text import plain_text, taken_apart
from tui.app.commands.declared import read_slash
from tui.app.screens.chat import Keys
from tui.app.screens.chat_tools import ChatTools
from tui.app.widgets.prompt import Prompt
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.values import Message, Role
from tui.failures import Failure

ABOUT = "editing"
DONE_SECONDS = 20.0
WHOSE = {Role.user: "your prompt", Role.assistant: "answer", Role.tool: "tool", Role.system: "system"}


@dataclass(frozen=True, slots=True)
class Edited:
    """A message whose text stands in the prompt."""

    session: Session
    message: Message
    asks: bool
    """It is asked anew when it is sent; else its text alone is exchanged."""


class ChatEditing(ChatTools):
    """While a message is edited, the prompt is not for anything else; leaving it loses no word."""

    _edited: Edited | None = None
    _resent: Edited | None = None
    """Of which the other text is on its way."""

    def _useful_keys(self) -> Keys:
        keys, edited = super()._useful_keys(), self._edited
        if edited is None:
            return keys
        word = "ask anew" if edited.asks else "keep"
        return tuple((key, word if does == "send" else does) for key, does in keys)

    def _marked(self) -> Message | None:
        wanted = self.transcript.current_message_id
        return next((one for one in self._session.conversation.messages if one.id == wanted), None)

    def action_edit_message(self, wanted: str = "") -> None:
        """The marked message or the last prompt; ``only``: a prompt, too, is not asked anew."""
        session, message = self._session, self._marked()
        if message is None:
            prompts = (one for one in reversed(session.conversation.messages) if one.role is Role.user)
            message = next(prompts, None)
        if message is None:
            self.reply("nothing was said yet")
        elif wanted not in ("", "only"):
            self.reply(f"/edit {clean_line(wanted, 20)}", role="warning", more="/edit, or /edit only")
        elif session.is_read_only:
            self._say_read_only()
        elif session.is_answering:
            self.reply("an answer is under way", role="warning", more=self._keymap.sentence("answer.stop", "stops it"))
        elif not self.prompt.is_empty:
            self.reply("empty the prompt first", more="the message is edited there")
        else:
            self._begin_editing(Edited(session, message, asks=message.role is Role.user and not wanted))

    def _begin_editing(self, edited: Edited, text: str = "") -> None:
        message = edited.message
        self._edited = edited
        whole = self.written_again(message) if message.role is Role.user else message.text
        self.prompt.load(text or whole, is_restored=True)
        while self.prompt.open_paste():
            pass
        self.transcript.mark_message(message.id)
        self.prompt.focus()
        does = "enter asks it anew" if edited.asks else "enter keeps it"
        what = "an earlier prompt" if message.role is Role.user else f"the {WHOSE[message.role]}"
        leaves = (f"{key} {words}" for key, words in self._keymap.hint("answer.stop", "leaves it"))
        more = f" {self._glyphs.separator} ".join((does, *leaves))
        self.say(f"editing {what}", more=more, role="accent", seconds=None, at_once=True, about=ABOUT)
        self.show_status()

    def _end_editing(self) -> Edited | None:
        edited, self._edited = self._edited, None
        if edited is not None:
            self._sayings.over(ABOUT)
        return edited

    def stop_answer(self) -> bool:
        """What is edited is left first."""
        if self._end_editing() is None:
            return super().stop_answer()
        self.prompt.clear_into_history()
        self.reply("left as it was", more="up brings back what you wrote")
        return True

    @on(Prompt.Sent)
    def _edit_sent(self, event: Prompt.Sent) -> None:
        edited = self._edited
        if (
            edited is None
            or event.owner != edited.session.id
            or (event.is_typed and read_slash(plain_text(event.text)))
        ):
            return
        event.stop()
        event.prevent_default()
        self._end_editing()
        if edited.asks:
            self._unsent.setdefault(edited.session.id, []).append(event.text)
            self.in_background(self._resend(edited, event.text))
        else:
            self._keep_edited(edited, event.text)

    def _keep_edited(self, edited: Edited, text: str) -> None:
        session = edited.session
        try:
            if edited.message.role is Role.user:
                session.edit_text(edited.message.id, *taken_apart(text))
            else:
                session.edit_text(edited.message.id, plain_text(text))
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            self._give_back(session, text)
            return
        self._revised(session)
        self._keep_draft(session)
        self._say_done("changed")

    async def _resend(self, edited: Edited, text: str) -> None:
        session = edited.session
        try:
            session.leave_prompt(edited.message.id, taken_apart(text)[0])
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            self._give_back(session, text)
            return
        self._revised(session)
        self._resent = edited
        try:
            await self._send(session, text)
        finally:
            self._resent = None

    def _give_back(self, session: Session, text: str) -> None:
        """A prompt that was not asked after all is no other version: the one before it is back."""
        resent, self._resent = self._resent, None
        if resent is None or resent.session is not session:
            super()._give_back(session, text)
            return
        session.undo()
        self._no_longer_unsent(session, text)
        if session is self._session and self.prompt.is_empty:
            self._begin_editing(resent, text)
            self._keep_draft(session)
        else:
            super()._give_back(session, text)

    async def go_to(self, session: Session) -> None:
        self._end_editing()
        await super().go_to(session)

    # What was done

    def _revised(self, session: Session) -> None:
        """What was just done to its messages can be undone, also from another conversation."""
        at = session.undoable_at

        async def undo() -> str:
            if session is not self._session:
                await self.go_to(session)
            return session.undo() or "it cannot be undone any more"

        self.can_undo(
            undo, holds=lambda: session.undoable_at == at and self._workspace.sessions.get(session.id) is session
        )

    def _say_done(self, words: str) -> None:
        undoes = self._keymap.sentence("undo", "undoes it")
        self.reply(words, more=undoes, seconds=DONE_SECONDS)

    def _say_read_only(self) -> None:
        self.reply("this conversation is open in another chinwag", role="warning", more="/takeover asks for it")
