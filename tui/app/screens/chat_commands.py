"""What a person can tell the conversation to do: one action for each declared command.

The screens that lie on top are imported when they are first asked for, so that the start does not wait for them;
``warm_up_screens`` brings them in once there is time.
"""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.commands.declared import COMMANDS
from tui.app.screens.chat_prompt import ChatPrompt
from tui.app.screens.conversations import NEW, ConversationList, Marks, ShelfView
from tui.app.transcript.rendering import warm_up as warm_up_rendering
from tui.app.widgets.completions import Completions
from tui.cleaning import clean_line
from tui.engine import EngineError, Model, RunningModel
from tui.failures import Failure
from tui.storage.conversation_files import Deleted
from tui.theming.nearest import nearest

QUIT_AGAIN_SECONDS = 2.0
WARM_UP_AFTER_SECONDS = 0.4


def warm_up_screens() -> None:
    """Imports what a key may ask for. To be called in a thread, after the first picture."""
    import_module("tui.app.screens.palette")
    import_module("tui.app.screens.models")
    import_module("tui.app.screens.themes")
    import_module("tui.app.screens.settings")
    warm_up_rendering()


class ChatScreen(ChatPrompt):
    """The conversation with its commands."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False),
        Binding("ctrl+d", "quit_on_empty", show=False),
    ]

    _quit_asked_at = float("-inf")
    _deleted: tuple[Deleted, ...] = ()
    """What can be brought back, the last one last."""
    _told_faults: frozenset[str] = frozenset()
    """Documents that could not be read and were named."""

    async def begin(self) -> None:
        await super().begin()
        self.set_timer(WARM_UP_AFTER_SECONDS, lambda: self.run_worker(warm_up_screens, thread=True))

    def action_open_palette(self) -> None:
        from tui.app.screens.palette import Palette

        def chosen(name: str | None) -> None:
            command = next((one for one in COMMANDS if one.name == name), None)
            if command is None:
                return
            if command.argument and not command.argument.startswith("["):
                self._begin_command(f"/{command.slash[0]} ")
            else:
                self.in_background(self.do_command(command.action))

        self.app.push_screen(Palette(theme=self._theme, glyphs=self._glyphs), chosen)

    def _begin_command(self, text: str) -> None:
        """In the prompt, if that is free; what stands there is a person's."""
        if self.prompt.is_empty:
            self.prompt.load(text)
        else:
            self.say(f"empty the prompt, then write {text.strip()} and what it needs")

    def action_open_keys(self) -> None:
        from tui.app.screens.palette import KeysHelp

        self.app.push_screen(KeysHelp(theme=self._theme, glyphs=self._glyphs))

    # Models

    async def action_choose_model(self, name: str = "") -> None:
        if name:
            await self._use_named_model(name)
            return
        from tui.app.screens.models import ModelPicker

        workspace, catalog = self._workspace, self._workspace.catalog

        async def refresh() -> tuple[tuple[Model, ...], tuple[RunningModel, ...]]:
            models = await catalog.refresh()
            return models, catalog.running

        def chosen(name: str | None) -> None:
            if name:
                self.in_background(self.use_model(name))

        picker = ModelPicker(
            theme=self._theme,
            glyphs=self._glyphs,
            host_name=workspace.host.name,
            current=self._session.conversation.model,
            models=catalog.models,
            running=catalog.running,
            same_model=workspace.same_model,
            last_used=workspace.last_used(),
            now=workspace.now,
            refresh=refresh,
            fill_in=catalog.fill_in,
        )
        self.app.push_screen(picker, chosen)

    async def _use_named_model(self, name: str) -> None:
        """A server that cannot be asked is no reason to doubt the name."""
        workspace = self._workspace
        try:
            models = await workspace.catalog.refresh()
        except EngineError:
            await self.use_model(name)
            return
        model = workspace.find_model(name)
        if model is None:
            near = nearest(name, [one.name for one in models])
            self.say(f"there is no model {clean_line(name, 60)} on {workspace.host.name}{near}", role="warning")
            return
        await self.use_model(model.name)

    async def use_model(self, name: str) -> None:
        """For this conversation and for new ones."""
        session = self._session
        if session.is_read_only:
            self.say("this conversation is open in another chinwag", role="warning", more="here it can only be read")
            return
        # What waits behind an answer leaves without another Enter.
        if session.queue and not await self.may_leave_machine(name):
            return
        session.use_model(name)
        self._is_news = False
        self.show_model()
        try:
            await self._workspace.make_default(name)
        except Failure as failure:
            self.say_failure(failure)

    # Conversations

    async def action_open_conversation(self) -> None:
        workspace = self._workspace

        async def read() -> ShelfView:
            listing = await workspace.shelf.summaries()
            faults = [f"{one.name}: {one.failure.message or one.failure.title}" for one in listing.faults]
            news = tuple(one for one in faults if one not in self._told_faults)
            self._told_faults |= frozenset(faults)
            return ShelfView(summaries=listing.summaries, faults=news)

        def marks() -> Marks:
            answering = [key for key, session in workspace.sessions.items() if session.is_answering]
            return Marks(answering=frozenset(answering), unread=frozenset(self._unread))

        screen = ConversationList(
            theme=self._theme,
            glyphs=self._glyphs,
            current=self._session.id,
            marks=marks,
            now=workspace.now,
            read=read,
            delete=self._delete,
            undo=self._bring_back,
        )
        self.app.push_screen(screen, self._conversation_chosen)

    def _conversation_chosen(self, key: str | None) -> None:
        if key == NEW:
            self.in_background(self.action_new_conversation())
        elif key and key != self._session.id:
            self.in_background(self._open(key))
        elif self._session.id not in self._workspace.sessions:
            self.in_background(self._leave_deleted())

    async def _leave_deleted(self) -> None:
        """The conversation that is shown was deleted; when it was brought back, too, it is opened again."""
        if any(one.id == self._session.id for one in self._deleted):
            await self.action_new_conversation()
        else:
            await self._open(self._session.id)

    async def _open(self, conversation_id: str) -> None:
        try:
            session = await self._workspace.open_session(conversation_id)
        except Failure as failure:
            self.say_failure(failure)
            if self._session.id not in self._workspace.sessions:
                await self.action_new_conversation()
            return
        await self.go_to(session)
        if session.is_read_only:
            self.say("open in another chinwag", role="warning", more="here it can only be read", seconds=None)

    async def action_new_conversation(self) -> None:
        """One that nothing was said in yet is as good as new."""
        sessions = self._workspace.sessions
        if self._session.is_empty and self._session.id in sessions:
            return
        unused = next((one for one in sessions.values() if one.is_empty), None)
        await self.go_to(unused or self._workspace.new_session())

    async def action_rename_conversation(self, title: str = "") -> None:
        if not title:
            self._begin_command("/rename ")
        elif self._session.is_read_only:
            self.say("this conversation is open in another chinwag", role="warning", more="here it can only be read")
        else:
            self._session.rename(title)

    async def action_delete_conversation(self) -> None:
        session = self._session
        if session.is_empty:
            self.say("there is nothing to delete here")
            return
        try:
            await self._delete(session.id)
        except Failure as failure:
            self.say_failure(failure)
            return
        await self.action_new_conversation()
        title = clean_line(session.conversation.title, 60) or "untitled"
        self.say(f"deleted {title}", more="ctrl+_ brings it back", seconds=20.0)

    async def _delete(self, conversation_id: str) -> None:
        session = self._workspace.sessions.get(conversation_id)
        if session is not None and session.is_read_only:
            raise Failure("cannot delete the conversation", "it is open in another chinwag", "close it there")
        if session is not None and session is self._session:
            self._keep_draft(session)
        try:
            await self._workspace.forget_session(conversation_id)
            deleted = await self._workspace.shelf.delete(conversation_id)
        except Failure:
            # What is on the screen was closed for it, and is to go on.
            if conversation_id == self._session.id:
                await self._open(conversation_id)
            raise
        self._deleted = (*self._deleted, deleted)
        self._unread.discard(conversation_id)

    async def _bring_back(self) -> str | None:
        """The id of what was deleted last, back in its place."""
        if not self._deleted:
            return None
        deleted = self._deleted[-1]
        await self._workspace.shelf.undo_delete(deleted)
        self._deleted = self._deleted[:-1]
        return deleted.id

    async def action_undo(self) -> None:
        try:
            back = await self._bring_back()
        except Failure as failure:
            self.say_failure(failure)
            return
        if back is None:
            self.say("nothing to bring back")
            return
        await self._open(back)
        self.say("it is back")

    # The answer

    def action_escape(self) -> None:
        completions = self.query_one(Completions)
        if completions.is_open:
            completions.show(())
        elif self.get_selected_text():
            self.clear_selection()
        else:
            self._session.stop()

    def action_interrupt(self) -> None:
        """Copies a selection, else stops the answer, else clears the prompt, else quits when asked twice."""
        completions = self.query_one(Completions)
        if selected := self.get_selected_text() or self.prompt.selected_text:
            self.copy(selected, "the selection")
            self.clear_selection()
        elif completions.is_open:
            completions.show(())
        elif self._session.stop():
            return
        elif not self.prompt.is_empty:
            self.prompt.clear_into_history()
            self.say("cleared", more="up brings it back")
        elif self._workspace.clock() - self._quit_asked_at < QUIT_AGAIN_SECONDS:
            self.action_quit_chinwag()
        else:
            self._quit_asked_at = self._workspace.clock()
            self.say("ctrl+c again quits", seconds=QUIT_AGAIN_SECONDS)

    async def action_try_again(self) -> None:
        if self._session.can_try_again():
            await self.go_on()
        else:
            self.say("there is nothing to try again")

    def action_toggle_thinking(self) -> None:
        self.transcript.toggle_thinking(None)

    # The server and the look

    async def action_connect(self, address: str = "") -> None:
        if not address:
            self.open_connect(opened_by_itself=False)
            return
        try:
            await self._connect_to(address)
        except Failure as failure:
            self.say_failure(failure)

    def action_use_demo(self) -> None:
        if self._workspace.is_demo:
            self.say("this is the demo")
        else:
            self._start_demo()

    async def action_choose_theme(self, name: str = "") -> None:
        themes = self._workspace.themes
        if name:
            if name == "auto" or name in themes.themes:
                await self._keep_theme(name)
            else:
                near = nearest(name, themes.themes)
                self.say(f"there is no theme {clean_line(name, 40)}{near}", role="warning", more="/theme shows them")
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
            self.say_failure(failure)

    def action_open_settings(self) -> None:
        self._open_settings()

    # The program

    def action_complete(self) -> None:
        self.show_completions()
        command = self.query_one(Completions).first
        if command is not None:
            self.prompt.load(f"/{command.slash[0]}{' ' if command.argument else ''}")
            self.show_completions()

    def action_suspend_app(self) -> None:
        self.app.action_suspend_process()

    def action_quit_on_empty(self) -> None:
        if self.prompt.is_empty:
            self.action_quit_chinwag()

    def action_quit_chinwag(self) -> None:
        """Asks first while an answer is under way; nobody is asked twice."""
        answering = [one for one in self._workspace.sessions.values() if one.is_answering]
        if not answering:
            self._quit_app()
            return
        from tui.app.screens.question import Question

        def answered(answer: str | None) -> None:
            if answer == "quit":
                self._quit_app()

        title = clean_line(answering[0].conversation.title, 60) or "untitled"
        more = f" and {len(answering) - 1} more" if len(answering) > 1 else ""
        self.app.push_screen(
            Question(
                title="an answer is under way",
                lines=(f"{title}{more}", "What came so far is kept when it is stopped."),
                answers=(("stay", "stay"), ("quit", "stop it and quit")),
                theme=self._theme,
                glyphs=self._glyphs,
                clock=self._workspace.clock,
            ),
            answered,
        )

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
