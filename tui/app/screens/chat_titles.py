"""A title by the model, when the person asks for one; and the title and the pin before, which undo brings back."""

from __future__ import annotations

import asyncio

from tui.app.commands.command import Command
from tui.app.screens.chat_models import NAME_CELLS
from tui.app.screens.chat_undo import ChatUndo
from tui.chat.session import Session
from tui.chat.titling import ask_for_title, title_request
from tui.cleaning import clean_line
from tui.engine import EngineError

TITLE_CELLS = 60
ABOUT = "title"
RENAMED_SECONDS = 20.0


class ChatTitles(ChatUndo):
    """One title is asked for at a time."""

    _titling: asyncio.Task[str] | None = None

    async def action_title_conversation(self, title: str = "") -> None:
        """Without a title the model of the conversation is asked for one."""
        session = self._session
        if title:
            await self.do_command("rename_conversation", title)
        elif session.is_read_only:
            self.reply("this conversation is open in another chinwag", role="warning", more="here it can only be read")
        elif not session.conversation.messages:
            self.reply("nothing was said yet", more="there is nothing to find a title for")
        elif not session.conversation.model:
            self.reply("no model is chosen", role="warning", more=self._keymap.sentence("model.choose", "chooses one"))
        elif self._titling is not None:
            self.reply("a title is being asked for", more=self._keymap.sentence("answer.stop", "stops it"))
        else:
            self.in_background(self._ask_for_title(session))

    async def _ask_for_title(self, session: Session) -> None:
        workspace, conversation = self._workspace, session.conversation
        name, before = clean_line(conversation.model, NAME_CELLS), conversation.title
        if not await self.may_leave_machine(conversation.model, is_kept=not workspace.is_private(session)):
            return
        if self._titling is not None:
            return
        model = workspace.find_model(conversation.model)
        thinks = model is not None and "thinking" in (model.capabilities or ())
        plan = workspace.planner.plan(conversation, conversation.model)
        request = title_request(conversation, model=conversation.model, plan=plan, thinks=thinks)
        engine = workspace.guarded_engine
        stops = self._keymap.sentence("answer.stop", "stops it")
        self.say(f"{name} looks for a title", more=stops, seconds=None, at_once=True, about=ABOUT)
        self._titling = asyncio.ensure_future(ask_for_title(engine, request))
        try:
            title = await self._titling
        except EngineError as failure:
            self._sayings.say_failure(failure, about=ABOUT)
            return
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            self.say("the title stays as it is", about=ABOUT)
            return
        finally:
            self._titling = None
        self._take_title(session, title, before)

    def _take_title(self, session: Session, title: str, before: str) -> None:
        """What the person did meanwhile wins."""
        is_open = self._is_open(session)
        if not is_open or session.conversation.title != before:
            words = "it was renamed meanwhile" if is_open else "the conversation is not open any more"
            self.say(f"{words}, so it is not called: {title}", about=ABOUT)
            return
        session.rename(title)
        self._keep_renamed(session, before)
        undone = self._keymap.sentence("undo", "brings the old title back")
        self.say(f"it is called: {title}", role="success", more=undone, seconds=RENAMED_SECONDS, about=ABOUT)

    def why_not(self, command: Command) -> str:
        if command.name == "conversation.title":
            return "nothing was said yet" if self._session.is_empty else ""
        return super().why_not(command)

    def stop_summing(self) -> bool:
        """Whatever is asked of the model beside its answers."""
        return super().stop_summing() or (self._titling is not None and self._titling.cancel())

    # The title before

    async def action_rename_conversation(self, title: str = "") -> None:
        session, before = self._session, self._session.conversation.title
        await super().action_rename_conversation(title)
        if session.conversation.title != before:
            self._keep_renamed(session, before)

    def _keep_renamed(self, session: Session, before: str) -> None:
        after = session.conversation.title

        async def name_as_before() -> str:
            session.rename(before)
            return f"it is called again: {clean_line(session.conversation.title, TITLE_CELLS) or 'untitled'}"

        def holds() -> bool:
            return self._is_open(session) and session.conversation.title == after

        self.can_undo(name_as_before, holds=holds)

    # The pin before

    async def action_pin_conversation(self) -> None:
        session, before = self._session, self._session.conversation.control.is_pinned
        await super().action_pin_conversation()
        if session.conversation.control.is_pinned == before:
            return

        async def pin_as_before() -> str:
            await self._pin(session.id, before)
            return "it is pinned again" if before else "it is not pinned any more"

        def holds() -> bool:
            return self._is_open(session) and session.conversation.control.is_pinned != before

        self.can_undo(pin_as_before, holds=holds)

    def _is_open(self, session: Session) -> bool:
        return self._workspace.sessions.get(session.id) is session and not session.is_read_only
