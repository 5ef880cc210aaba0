"""What a person can tell the conversation to do: one action for each declared command.

The screens that lie on top are imported when they are first asked for, so that the start does not wait for them;
``warm_up_screens`` brings them in once there is time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.leaving import is_worth_finishing
from tui.app.screens.chat_schemas import ChatSchemas
from tui.app.screens.question import Question
from tui.app.transcript.rendering import warm_up as warm_up_rendering
from tui.app.widgets.completions import Completions
from tui.chat.events import SessionEvent
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.failures import Failure
from tui.kept_code import KEPT
from tui.theming.nearest import nearest

QUIT_AGAIN_SECONDS = 2.0
WARM_UP_AFTER_SECONDS = 0.4


def warm_up_screens() -> None:
    """Imports what a key may ask for. To be called in a thread, after the first picture."""
    import_module("tui.app.screens.palette")
    import_module("tui.app.screens.keys_help")
    import_module("tui.app.screens.said")
    import_module("tui.app.screens.models")
    import_module("tui.app.screens.themes")
    import_module("tui.app.screens.settings")
    import_module("tui.app.screens.tool_question")
    import_module("tui.app.screens.compare")
    warm_up_rendering()
    KEPT.keep()


class ChatScreen(ChatSchemas):
    """The conversation with its commands."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False),
        Binding("ctrl+d", "quit_on_empty", show=False),
    ]

    _quit_asked_at = float("-inf")
    _quit_question: Question | None = None
    """While it is asked whether to stop an answer and quit."""

    finish_in_background: Callable[[], None] | None = None
    """Gives the shell back while what runs comes to its end; None where that cannot be done."""
    logout_hint = ""
    """What keeps that from coming to its end on this machine; empty where nothing is known to."""

    async def begin(self) -> None:
        await super().begin()
        self.set_timer(WARM_UP_AFTER_SECONDS, lambda: self.run_worker(warm_up_screens, thread=True))

    # The answer

    def action_escape(self) -> None:
        completions = self.query_one(Completions)
        if completions.is_open:
            completions.show(())
        elif self.close_find():
            return
        elif self.get_selected_text():
            self.clear_selection()
        elif not self.stop_summing():
            self.stop_answer()

    def action_interrupt(self) -> None:
        """Copies a selection, else stops the answer, else clears the prompt, else quits when asked twice."""
        completions = self.query_one(Completions)
        if selected := self.get_selected_text() or self.prompt.selected_text:
            self.copy(selected, "the selection")
            self.clear_selection()
        elif completions.is_open:
            completions.show(())
        elif self.close_find() or self.stop_answer():
            return
        elif not self.prompt.is_empty:
            self.prompt.clear_into_history()
            self.reply("cleared", more="up brings it back")
        elif self._workspace.clock() - self._quit_asked_at < QUIT_AGAIN_SECONDS:
            self.action_quit_chinwag()
        else:
            self._quit_asked_at = self._workspace.clock()
            again = self._keymap.key("prompt.clear") or "the same"
            self.reply(f"{again} again quits", seconds=QUIT_AGAIN_SECONDS)

    def action_try_again(self) -> None:
        if self._session.can_try_again():
            # It may ask something first, and this screen goes on showing what comes.
            self.in_background(self.go_on())
        else:
            self.reply("there is nothing to try again")

    def action_toggle_thinking(self) -> None:
        self.transcript.toggle_fold()

    # The server and the look

    async def action_connect(self, address: str = "") -> None:
        if not address:
            self.open_connect(opened_by_itself=False)
            return
        try:
            await self._connect_to(address)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)

    async def action_use_demo(self) -> None:
        if self._workspace.is_demo:
            self.reply("this is the demo")
        elif await self.may_lose_private():
            self._start_demo()

    async def action_choose_theme(self, name: str = "") -> None:
        # A file that was changed on the disk meanwhile is read as it is now.
        await asyncio.to_thread(self._workspace.reload_themes)
        themes = self._workspace.themes
        if name:
            if name == "auto" or name in themes.themes:
                await self._keep_theme(name)
            else:
                near = nearest(name, themes.themes)
                self.reply(f"there is no theme {clean_line(name, 40)}{near}", role="warning", more="/theme shows them")
            return

        from tui.app.screens.themes import ThemePicker

        def chosen(name: str | None) -> None:
            if name:
                self.in_background(self._keep_theme(name))

        picker = ThemePicker(
            theme=self._theme,
            glyphs=self._glyphs,
            themes=themes.themes,
            faults=tuple(f"{one.file}: {one.message}" for one in themes.faults),
            current=self._workspace.loaded.settings.appearance.theme,
            preview=self._pick_theme,
        )
        self.app.push_screen(picker, chosen)

    async def _keep_theme(self, name: str) -> None:
        self._pick_theme(name)
        try:
            await self._workspace.change_setting("appearance.theme", name)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)

    async def action_open_settings(self, wanted: str = "") -> None:
        """The form; or ``export FILE``, ``import FILE``, ``reset`` and ``check`` without it."""
        if not wanted:
            self._open_settings()
            return
        try:
            await self.do_with_settings(wanted)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)

    # The program

    def action_complete(self) -> None:
        self.take_completion()

    def action_suspend_app(self) -> None:
        self.app.action_suspend_process()

    def action_quit_on_empty(self) -> None:
        if self.prompt.is_empty:
            self.action_quit_chinwag()

    def action_quit_chinwag(self) -> None:
        """Asks first while an answer is under way, and before a private conversation is lost."""
        if self._workspace.is_private(self._session):
            self.in_background(self._quit_private())
        else:
            self._quit_unless_answering(tuple(self._workspace.sessions.values()))

    async def _quit_private(self) -> None:
        """What is agreed to lose needs no second question; an answer of another conversation does."""
        private = self._session
        if await self.may_lose_private():
            self._quit_unless_answering(tuple(one for one in self._workspace.sessions.values() if one is not private))

    def _quit_unless_answering(self, sessions: tuple[Session, ...]) -> None:
        answering = [one for one in sessions if one.is_answering and not one.is_read_only]
        if not answering:
            self.quit_unless_unsaved()
            return

        def answered(answer: str | None) -> None:
            self._quit_question = None
            if answer == "quit":
                self.quit_unless_unsaved()
            elif answer == "finish" and finish is not None:
                finish()

        may_finish = is_worth_finishing(self._workspace) and not self.unsaved
        finish = self.finish_in_background if may_finish else None
        background = () if finish is None else (("finish", "finish in the background"),)
        title = clean_line(answering[0].conversation.title, 60) or "untitled"
        more = f" and {len(answering) - 1} more" if len(answering) > 1 else ""
        hint = (self.logout_hint,) if background and self.logout_hint else ()
        self._quit_question = Question(
            title="an answer is under way",
            lines=(f"{title}{more}", self._what_is_kept(answering), *hint),
            answers=(("stay", "stay"), *background, ("quit", "stop it and quit")),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        self.app.push_screen(self._quit_question, answered)

    def _what_is_kept(self, answering: list[Session]) -> str:
        if self._workspace.is_throwaway or all(one.is_private for one in answering):
            return "Nothing is kept here: what came so far is gone for good."
        if any(one.is_private for one in answering):
            return "What came so far is kept when it is stopped, but not in a private conversation."
        if any(one in self.unsaved for one in answering):
            return "The disk has not taken all of what came so far."
        return "What came so far is kept when it is stopped."

    def _told(self, session: Session, event: SessionEvent) -> None:
        super()._told(session, event)
        question = self._quit_question
        if question is None or self._workspace.is_answering:
            return
        self._quit_question = None
        question.withdraw()
        self.say("the answer has ended", more=self._keymap.sentence("quit", "quits"))

    def action_view_page_up(self) -> None:
        self.transcript.action_page_up()

    def action_view_page_down(self) -> None:
        self.transcript.action_page_down()

    def action_view_home(self) -> None:
        self.transcript.action_scroll_home()

    def action_view_end(self) -> None:
        self.transcript.scroll_to_end()

    def action_view_previous_message(self) -> None:
        self.transcript.action_previous_message()

    def action_view_next_message(self) -> None:
        self.transcript.action_next_message()
