"""Tools: which the model is offered here, the question before one is called, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.timer import Timer

from tui.app.commands.command import Command
from tui.app.screens.chat_connection import TYPING_SECONDS
from tui.app.screens.chat_models import NAME_CELLS
from tui.app.screens.chat_settings import ChatSettings
from tui.app.widgets.parts import Parts
from tui.chat.connection import Link
from tui.chat.events import SessionEvent, ToolEnded, ToolsEnded, ToolsNotOffered
from tui.chat.session import Session
from tui.chat.tool_questions import Waiting
from tui.chat.tool_shelf import with_tools
from tui.cleaning import clean_line
from tui.conversations.control import Control
from tui.engine import EngineError
from tui.failures import Failure
from tui.metrics.wording import plural

if TYPE_CHECKING:
    from tui.app.screens.tool_question import ReadQuestion
    from tui.tools.own import OwnToolFile

LOOK_AGAIN_SECONDS = 0.25
"""How often it is looked whether a question that waits may be opened."""
ABOUT = "tool question"
TITLE_CELLS = 60


class ChatTools(ChatSettings):
    """No tool is on from the beginning, and nothing that can change something runs without a yes of its own."""

    _asked: Waiting | None = None
    """The question that is on the screen."""
    _tool_question: ReadQuestion | None = None
    _asking_again: Timer | None = None
    """Runs while a question of this conversation waits to be opened."""

    async def begin(self) -> None:
        questions = self._workspace.tool_questions
        questions.ask_person = questions.ask
        questions.on_change = self._question_changed
        self._asking_again = self.set_interval(LOOK_AGAIN_SECONDS, self._show_question, pause=True)
        await super().begin()

    # The question

    def _question_changed(self, conversation_id: str) -> None:
        if not self._has_widgets:
            return
        if conversation_id == self._session.id:
            self._show_question()
        else:
            self._say_elsewhere(conversation_id)

    def _say_elsewhere(self, conversation_id: str) -> None:
        session = self._workspace.sessions.get(conversation_id)
        waiting = self._workspace.tool_questions.of(conversation_id)
        if waiting is None:
            self._sayings.over(f"{ABOUT} {conversation_id}")
        elif session is not None:
            title = clean_line(session.conversation.title, TITLE_CELLS) or "another conversation"
            opens = self._keymap.sentence("conversation.open", "opens it")
            words, about = f"{title}: may it call {waiting.question.tool}?", f"{ABOUT} {conversation_id}"
            self.say(words, role="warning", more=opens, seconds=None, about=about)

    def show_session(self, session: Session) -> None:
        super().show_session(session)
        if self._asking_again is None:
            return
        self._sayings.over(f"{ABOUT} {session.id}")
        self._show_question()
        for conversation_id in self._workspace.tool_questions.conversations:
            if conversation_id != session.id:
                self._say_elsewhere(conversation_id)

    def _show_question(self) -> None:
        """Opens what waits in this conversation, unless that would take a key meant for something else."""
        waiting = self._workspace.tool_questions.of(self._session.id)
        if self._asked is not None and self._asked is not waiting:
            # Somebody else has answered, or stopped it.
            if self._tool_question is not None:
                self._tool_question.withdraw()
            self._asked = self._tool_question = None
        if waiting is None or self._asked is waiting:
            self._look_again(is_due=False)
            if waiting is None:
                self._sayings.over(ABOUT)
            return
        is_writing = not self.prompt.is_empty or self._workspace.clock() - self._key_at < TYPING_SECONDS
        if is_writing or not self.is_current:
            self._look_again(is_due=True)
            opens = self._keymap.sentence("tools.question", "shows the call") or "/question shows the call"
            words = f"may the model call {waiting.question.tool}?"
            self.say(words, role="warning", more=opens, seconds=None, about=ABOUT)
            return
        self._open_question(waiting)

    def _look_again(self, *, is_due: bool) -> None:
        if self._asking_again is not None:
            if is_due:
                self._asking_again.resume()
            else:
                self._asking_again.pause()

    def _open_question(self, waiting: Waiting) -> None:
        from tui.app.screens.tool_question import question_of_call

        session = self._session
        self._look_again(is_due=False)
        self._asked = waiting
        self._sayings.over(ABOUT)
        self._tool_question = question_of_call(
            waiting.question,
            model=clean_line(session.conversation.model, NAME_CELLS),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        self.app.push_screen(self._tool_question, lambda answer: self._answered(session, waiting, answer))

    def _answered(self, session: Session, waiting: Waiting, answer: str | None) -> None:
        from tui.app.screens.tool_question import ALWAYS, NO, YES

        if self._asked is waiting:
            self._asked = self._tool_question = None
        questions, name = self._workspace.tool_questions, waiting.question.tool
        if questions.of(session.id) is not waiting:
            return
        if answer == ALWAYS:
            control = session.conversation.control
            session.use_control(replace(control, allowed_tools=(*control.allowed_tools, name)))
            self.say(f"{name} runs without asking in this conversation", more="/tools takes that back")
        if answer in (YES, ALWAYS, NO):
            questions.answer(waiting, is_yes=answer != NO)
        else:
            session.stop()

    def action_show_tool_question(self) -> None:
        waiting = self._workspace.tool_questions.of(self._session.id)
        if waiting is None:
            self.reply("no call of a tool waits for an answer")
        elif self._asked is not waiting:
            self._open_question(waiting)

    # Which are on

    def _header_notes(self) -> Parts:
        control = self._session.conversation.control
        count = 1 if control.tool_choice in control.tools else len(control.tools)
        is_offered = count and control.tool_choice != "none"
        note = ((f" {self._glyphs.separator} {plural(count, 'tool')}", "muted"),) if is_offered else ()
        return (*super()._header_notes(), *note)

    async def action_open_tools(self, wanted: str = "") -> None:
        """``NAME`` turns one on or off, ``off`` all; ``auto``, ``none`` or ``only NAME`` say what is offered of them."""
        if not self._may_steer():
            return
        wanted = wanted.strip()
        verb, _, name = wanted.partition(" ")
        control = self._session.conversation.control
        if not wanted:
            await self._pick_tools()
        elif wanted == "off":
            self._use_tools(with_tools(control, ()))
        elif wanted in ("auto", "none"):
            self._use_tools(replace(control, tool_choice="none" if wanted == "none" else ""))
        elif verb == "only":
            await self._turn_on(name.strip(), is_only=True)
        elif wanted in control.tools:
            self._use_tools(with_tools(control, (one for one in control.tools if one != wanted)))
        else:
            await self._turn_on(wanted, is_only=False)

    async def _turn_on(self, name: str, *, is_only: bool) -> None:
        found = await self._workspace.tools.having((name,))
        if (failure := found.why_not(name)) is not None:
            self.say_failure(failure, is_reply=True)
            return
        control = self._session.conversation.control
        on = with_tools(control, (*control.tools, name))
        self._use_tools(replace(on, tool_choice=name) if is_only else on)

    def _use_tools(self, control: Control) -> None:
        self._session.use_control(control)
        self._show_header()
        names = ", ".join(clean_line(one, 40) for one in control.tools)
        if not control.tools:
            self.reply("no tools", more="the model is offered none")
        elif control.tool_choice == "none":
            self.reply("none of the tools is offered", more=f"on: {names}")
        else:
            only = f"only {clean_line(control.tool_choice, 40)}" if control.tool_choice else names
            self.reply(f"tools: {only}", more=self._model_warning() or "from the next prompt on")

    def _model_warning(self) -> str:
        """That this model cannot call tools, as far as it is known, and what can be done."""
        model = self._workspace.find_model(self._session.conversation.model)
        if model is None or model.capabilities is None or "tools" in model.capabilities:
            return ""
        other = self._keymap.sentence("model.choose", "another model")
        choices = f" {self._glyphs.separator} ".join(filter(None, (other, "/tools off")))
        return f"{clean_line(model.name, NAME_CELLS)} cannot call tools: {choices}"

    async def _know_capabilities(self, session: Session) -> None:
        model = self._workspace.find_model(session.conversation.model)
        if model is None or model.capabilities is not None or self._workspace.connection.state.link is not Link.up:
            return
        try:
            await self._workspace.catalog.capabilities_of(model)
        except EngineError:
            return

    async def _pick_tools(self) -> None:
        from tui.app.screens.tools import FILE, ToolsScreen

        session = self._session
        await self._know_capabilities(session)

        def use(control: Control) -> None:
            session.use_control(control)
            self._show_header()

        def chosen(key: str | None) -> None:
            if key and key.startswith(FILE):
                self.in_background(self._look_through(key.removeprefix(FILE)))

        screen = ToolsScreen(
            read=self._workspace.tools.read,
            control=lambda: session.conversation.control,
            use=use,
            folder=str(self._workspace.tools.folder),
            warning=self._model_warning(),
            theme=self._theme,
            glyphs=self._glyphs,
        )
        self.app.push_screen(screen, chosen)

    async def _look_through(self, sha256: str) -> None:
        """What is confirmed is what is shown: a file that changed meanwhile is another one."""
        found = await self._workspace.tools.read()
        file = next((one for one in found.unconfirmed if one.sha256 == sha256), None)
        if file is None:
            self.reply("the file has changed meanwhile", role="warning", more="/tools shows it as it is")
        elif await self._confirms(file):
            try:
                await self._workspace.tools.confirm(file)
            except Failure as failure:
                self.say_failure(failure, is_reply=True)
        await self._pick_tools()

    async def _confirms(self, file: OwnToolFile) -> bool:
        from tui.app.screens.tool_question import YES, question_of_file

        question = question_of_file(file, theme=self._theme, glyphs=self._glyphs, clock=self._workspace.clock)
        return await self.answer_to(question) == YES

    # Before a prompt goes, and what comes

    async def _may_send(self, session: Session, model: str = "") -> bool:
        if not await super()._may_send(session, model):
            return False
        control = session.conversation.control
        if control.tools and control.tool_choice != "none" and session is self._session:
            await self._know_capabilities(session)
            if warning := self._model_warning():
                self.reply("not sent", role="warning", more=warning, seconds=None)
                return False
        return True

    def _heard(self, event: SessionEvent) -> None:
        match event:
            case ToolEnded(message):
                self.transcript.add(message)
            case ToolsEnded(failure) if failure is not None:
                self.say_failure(failure)
            case ToolsNotOffered(failures):
                for failure in failures:
                    self._sayings.say_failure(failure, about=f"tool {failure.title}")
            case _:
                pass
        super()._heard(event)

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        if command.name != "tools":
            return super().choices_for(command)
        on = self._session.conversation.control.tools
        return (
            ("off", "offer the model none"),
            ("auto", "offer all that are on"),
            ("none", "keep what is on, and offer none for now"),
            *((one, "turn it off") for one in on),
        )
