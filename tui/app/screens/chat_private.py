"""What is kept of a conversation: a private one leaves nothing behind, and what was agreed to can be taken back."""

from __future__ import annotations

from tui.app.screens.chat_servers import ChatServers
from tui.app.screens.question import Question
from tui.chat.session import Session
from tui.failures import Failure
from tui.metrics.wording import plural


class ChatPrivate(ChatServers):
    """Whoever leaves a private conversation that something was said in is asked first: nothing brings it back."""

    async def action_begin_private(self) -> None:
        """A private conversation, on the model of this one."""
        workspace, session = self._workspace, self._session
        if workspace.is_private(session) or workspace.is_throwaway:
            self.reply("this conversation is private already", more="nothing of it is kept")
            return
        await self.go_to(workspace.new_session(model=session.conversation.model, is_private=True))
        leaves = self._keymap.sentence("conversation.new", "leaves it")
        self.reply(f"private: nothing is kept, {leaves}", more="what the server keeps is up to the server")

    async def go_to(self, session: Session) -> None:
        """Does not wait for an answer: a key may have asked for it, and while that is handled nothing can be answered."""
        left = self._session
        if session is left or not self._workspace.is_private(left):
            await super().go_to(session)
        else:
            self.in_background(self._leave_private(left, session))

    async def _leave_private(self, left: Session, session: Session) -> None:
        if await self.may_lose_private() and self._session is left:
            await super().go_to(session)
            await self._workspace.forget_session(left.id)
            self._unsent.pop(left.id, None)

    async def may_lose_private(self) -> bool:
        """True at once where nothing would be lost."""
        session = self._session
        if not self._workspace.is_private(session) or (session.is_empty and self.prompt.is_empty):
            return True
        if isinstance(self.app.screen, Question):
            return False
        question = Question(
            title="a private conversation",
            lines=("Nothing of it was kept.", "Once it is left, it is gone for good."),
            answers=(("stay", "stay"), ("leave", "leave it, it is gone for good")),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        return await self.answer_to(question) == "leave"

    # Models in the cloud

    async def action_take_back_cloud(self) -> None:
        try:
            servers = await self._workspace.cloud_leave.take_back()
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        if servers:
            self.reply(
                f"taken back for {plural(servers, 'server')}", more="nothing goes to the cloud before you are asked"
            )
        else:
            self.reply("nothing was agreed to", more="nothing goes to the cloud before you are asked")
