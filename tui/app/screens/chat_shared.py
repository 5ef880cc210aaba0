"""A conversation that another chinwag writes: watched here, asked for, and taken over when it is free."""

from __future__ import annotations

from tui.app.commands.command import Command
from tui.app.screens.chat import Keys
from tui.app.screens.chat_help import ChatHelp
from tui.app.screens.shield import Shield
from tui.chat.events import FollowingFailed, HandedOver, SessionEvent, WriterLeft
from tui.chat.following import FollowedSession
from tui.chat.session import Session


class ChatShared(ChatHelp):
    """What is looked at is taken over by itself; what is not is opened for writing when somebody opens it."""

    _since_overlay: Shield | None = None
    """Up for the first moment after something that lay on top was closed."""

    async def go_to(self, session: Session) -> None:
        """What another chinwag writes is followed for as long as somebody looks at it; ours rest after a while."""
        left = self._session
        await super().go_to(session)
        if left.is_read_only and left.id != self._session.id and left is self._workspace.sessions.get(left.id):
            await self._workspace.forget_session(left.id)
            self._unsent.pop(left.id, None)
        self.in_background(self._workspace.open_sessions.rest(shown=self._session))

    def action_take_over(self) -> None:
        session = self._session
        if isinstance(session, FollowedSession):
            session.ask_for_hand_over()
            self.reply("asked the other chinwag for this conversation", more="it lets go when no answer is under way")
        else:
            self.reply("this conversation is open here", more="there is nothing to take over")

    def on_screen_resume(self) -> None:
        self._since_overlay = Shield(self._workspace.clock, is_up=True)

    def stop_answer(self) -> bool:
        """Whether there was one. Of somebody else's the end is asked for, unless the key was meant for an overlay."""
        if not isinstance(self._session, FollowedSession):
            return super().stop_answer()
        if self._since_overlay is not None and self._since_overlay.takes_key():
            return False
        is_asked = self._session.stop()
        if is_asked:
            self.reply("asked the other chinwag to stop its answer", more="what came so far is kept there")
        return is_asked

    def _useful_keys(self) -> Keys:
        keys = super()._useful_keys()
        is_followed = isinstance(self._session, FollowedSession) and self._session.is_answering
        return (*self._keymap.hint("answer.stop", "stop it there"), *keys) if is_followed else keys

    def why_not(self, command: Command) -> str:
        if command.name == "conversation.take_over":
            return "" if isinstance(self._session, FollowedSession) else "it is open here"
        return super().why_not(command)

    def _heard(self, event: SessionEvent) -> None:
        match event:
            case FollowingFailed(failure):
                self.say_failure(failure)
            case WriterLeft():
                self.in_background(self._take_over())
            case HandedOver():
                self.in_background(self._follow())
            case _:
                super()._heard(event)
                return
        self.show_status()

    async def _take_over(self) -> None:
        conversation_id = self._session.id
        await self._open(conversation_id)
        if self._session.id == conversation_id and not self._session.is_read_only:
            self.say("the other chinwag left this conversation", more="it can be written here")

    async def _follow(self) -> None:
        session = self._workspace.sessions.get(self._session.id)
        if session is not None and session is not self._session:
            await self.go_to(session)
            self.say("another chinwag took this conversation over", more="here it can only be read", seconds=None)
