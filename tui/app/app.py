"""The screen door: a workspace, a theme, and the conversation on top of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerFailed

from tui.app.ascii_only import AsciiOnly
from tui.app.attention import Attention, AttentionWishes, Focus
from tui.app.commands.enter_key import with_enter
from tui.app.commands.keymap import Keymap, remappable, shown_keys, with_keys
from tui.app.crash import EXIT_CODE, NO_MEMORY_CRASH, Crash, CrashReports, hear_faults_elsewhere
from tui.app.glyphs import ASCII, UNICODE, Glyphs
from tui.app.leaving import end_with_parent, is_worth_finishing, stop_clocks
from tui.app.paint import Themed, textual_theme
from tui.app.sayings import Sayings
from tui.app.screens.chat_commands import ChatScreen
from tui.app.screens.connect import ConnectScreen
from tui.app.screens.list_screen import ListScreen
from tui.app.screens.question import Question
from tui.app.terminal.browser import Browser
from tui.app.terminal.clipboard import TerminalClipboard
from tui.app.terminal.driver import ChinwagDriver
from tui.app.terminal.fast_screen import FastScreen
from tui.app.terminal.forking import WaitingParent
from tui.app.terminal.garbage import calm_garbage_collection
from tui.app.terminal.terminal_app import TerminalApp
from tui.app.terminal_traits import (
    FILE_NAME,
    TerminalTraits,
    questions,
    remember_traits,
    terminal_name,
    with_answer,
)
from tui.chat.closing import ThreadsLeftBehind
from tui.chat.faults import report_fault
from tui.environment import Colour, Environment
from tui.failures import Failure
from tui.settings.load import LoadedSettings
from tui.settings.schema import KEYS, SETTINGS, Setting, Value, key_setting
from tui.theming.load import choose_theme
from tui.theming.quantise import palette_in_256
from tui.theming.read import AUTO
from tui.theming.values import Theme
from tui.workspace import HOST_SETTING, StartOptions, Workspace

TERMINAL = "terminal"
"""The theme that is made of the terminal's own colours."""
PUT_AWAY_SECONDS = 4.0
END_OF_PROCESS_SECONDS = 2.0
"""After something did not close in time: a thread that waits for a disk would else keep the process."""
FAULT_SECONDS = 30.0
DEMO = "demo"
"""The group of the worker that goes to the demo."""
FEW_COLOURS = (Colour.colours_16, Colour.none)


def settings_with_keys() -> tuple[Setting, ...]:
    """Every setting, and for each command whose keys can be changed one that has them."""
    keys = (key_setting(one.name, default=shown_keys(one), words=one.words) for one in remappable())
    return (*SETTINGS, *keys)


class ChinwagApp(TerminalApp[int], inherit_bindings=False):
    """Takes a prepared workspace, starts it, and closes it at the end."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "chinwag"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit_chinwag", show=False, priority=True, id="quit"),
    ]
    """Textual's own ones would go on quitting whatever key a person has given that command."""
    CSS = """
    * {
        scrollbar-color: $role-border; scrollbar-color-hover: $role-muted; scrollbar-color-active: $role-accent;
        scrollbar-background: $role-background; scrollbar-background-hover: $role-background;
        scrollbar-background-active: $role-background; scrollbar-corner-color: $role-background;
    }
    ListScreen *, Question * {
        scrollbar-background: $role-overlay; scrollbar-background-hover: $role-overlay;
        scrollbar-background-active: $role-overlay; scrollbar-corner-color: $role-overlay;
    }
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        environment: Environment,
        prepare: Callable[[StartOptions], Workspace],
        traits: TerminalTraits | None = None,
        parent: WaitingParent | None = None,
    ) -> None:
        """``traits`` are what is known of the terminal so far; ``parent`` waits in the shell's place, if anybody does."""
        self._waiting_parent = parent or WaitingParent()
        self._workspace = workspace
        self._environment = environment
        self._prepare = prepare
        self._traits = traits or TerminalTraits()
        self._remembering = asyncio.Lock()
        self._command_keys = Keymap()
        self._sayings = Sayings(now=self._now, clock=self._seconds)
        self._focus = Focus(clock=self._seconds)
        self.attention = Attention(
            wishes=self._attention_wishes,
            focus=self._focus,
            multiplexer=environment.multiplexer,
            write=self._write_to_terminal,
            set_title=self._set_title,
        )
        self._chat: ChatScreen | None = None
        self._is_leaving = False
        self._is_unseen = False
        self.crash: Crash | None = None
        """The fault that ended the app, for whoever prints it when the terminal is back."""
        self._crash_reports = CrashReports(
            environ=workspace.environ, places=lambda: self._workspace.places, texts=self._texts, now=workspace.now
        )
        self.start_failure: Failure | None = None
        """Why there was no start, for whoever prints it when the terminal is back."""
        # With few colours or none, the terminal's own are drawn as they are and not as what they may look like.
        super().__init__(ansi_color=True if environment.colour in FEW_COLOURS else None)
        self._theme_now = self._theme_named(workspace.loaded.settings.appearance.theme)
        for theme in workspace.themes.themes.values():
            self.register_theme(textual_theme(self._as_drawn(theme)))
        self.theme = self._theme_now.name
        self.animation_level = (
            "full" if environment.has_motion and workspace.loaded.settings.appearance.motion else "none"
        )

    @property
    def chat(self) -> ChatScreen:
        """The conversation screen; there is one once the app has started."""
        if self._chat is None:
            raise RuntimeError("the app has not started")
        return self._chat

    @property
    def has_drawn(self) -> bool:
        """Whether the terminal was ever this app's."""
        return isinstance(self._driver, ChinwagDriver) and self._driver.paintings > 0

    @property
    def sayings(self) -> Sayings:
        """Everything that is said to the person."""
        return self._sayings

    @property
    def farewell(self) -> str:
        """A line for the shell once the app has ended; empty where there is nothing to say."""
        return "" if self._chat is None else self._chat.farewell

    @property
    def command_keys(self) -> Keymap:
        return self._command_keys

    @property
    def workspace(self) -> Workspace:
        return self._workspace

    def get_default_screen(self) -> Screen[None]:
        return FastScreen(id="_default")

    def _now(self) -> datetime:
        return self._workspace.now()

    def _seconds(self) -> float:
        return self._workspace.clock()

    # Attention

    def _attention_wishes(self) -> AttentionWishes:
        chosen = self._workspace.loaded.settings.attention
        return AttentionWishes(alert=chosen.alert, after_seconds=chosen.long_answer_seconds, has_title=chosen.title)

    def _set_title(self, title: str) -> None:
        if isinstance(self._driver, ChinwagDriver):
            self._driver.set_title(title)

    async def on_event(self, event: events.Event) -> None:
        match event:
            case events.AppFocus() | events.AppBlur():
                self._focus.reported(is_focused=isinstance(event, events.AppFocus))
            case events.Key() | events.Paste() | events.MouseDown() | events.MouseScrollDown() | events.MouseScrollUp():
                self._focus.touched()
        await super().on_event(event)

    async def on_mount(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._fault)
        if not self.is_headless:  # the process is then somebody else's
            asyncio.get_running_loop().set_default_executor(ThreadsLeftBehind())
            self._hear_faults_elsewhere()
            end_with_parent(self._waiting_parent)
        try:
            await self._workspace.start()
        except Failure as failure:
            self.start_failure = failure
            await self.leave()
            return
        await self._show_chat()

    async def _show_chat(self) -> None:
        self._use_keys()
        self._terminal_clipboard = TerminalClipboard(
            environment=self._environment,
            environ=self._workspace.environ,
            file=self._workspace.places.state / "clipboard",
            write=self._write_to_terminal,
        )
        self._use_mouse()
        chat = ChatScreen(
            self._workspace,
            theme=self._theme_now,
            glyphs=self.glyphs,
            sayings=self._sayings,
            clipboard=self._terminal_clipboard,
            browser=Browser(environment=self._environment, environ=self._workspace.environ),
            change_setting=self._change_setting,
            start_demo=self.start_demo,
            pick_theme=self.pick_theme,
            quit_app=self.leave_soon,
            open_settings=self.open_settings,
            complaints=self._complaints(),
            keymap=self._command_keys,
        )
        chat.attention = self.attention
        if self._waiting_parent.can_detach:
            chat.finish_in_background = self.finish_unseen
            chat.in_background(self._look_at_logout(chat))
        before, self._chat = self._chat, chat
        if before is None:
            await self.push_screen(chat)
            if not self.is_headless:  # the process is then somebody else's
                self.call_after_refresh(calm_garbage_collection)
                self.call_after_refresh(self._ask_terminal)
        else:
            await self.switch_screen(chat)

    async def _look_at_logout(self, chat: ChatScreen) -> None:
        def hint() -> str:
            from tui.app.terminal.logout import HINT, ends_at_logout

            return HINT if ends_at_logout() else ""

        chat.logout_hint = await asyncio.to_thread(hint)

    def _complaints(self) -> tuple[str, ...]:
        """What was wrong with settings and themes, in the order in which it matters."""
        loaded, themes = self._workspace.loaded, self._workspace.themes
        choice = choose_theme(themes, loaded.settings.appearance.theme)
        return (
            *((self._workspace.start_complaint,) if self._workspace.start_complaint else ()),
            *map(str, loaded.faults),
            *(f"settings.toml: {complaint}" for complaint in self._command_keys.complaints.values()),
            *((choice.complaint,) if choice.complaint else ()),
            *(f"{fault.file}: {fault.message}" for fault in themes.faults),
        )

    def _fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A fault of ours that nobody waits for: it is said, and the rest goes on."""
        error = context.get("exception")
        # Behind a bracket stand the arguments of what was called.
        message = str(context.get("message", "")).partition("(")[0]
        if self._is_leaving:
            return
        if error is None:
            self._sayings.say("a fault in chinwag", role="error", more=message, seconds=FAULT_SECONDS)
        elif self._crash_reports.is_new(error):
            self._tell_fault_soon(error, message)

    def _tell_fault_soon(self, error: BaseException, during: str) -> None:
        """At once where no event loop runs any more that could do it: only the report is of use then."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._crash_reports.tell(error, during=during)
        else:
            # Not the coroutine itself: one that is cancelled before it begins was never awaited.
            _: Worker[None] = self.run_worker(partial(self._tell_fault, error, during))

    async def _tell_fault(self, error: BaseException, during: str) -> None:
        told = await asyncio.to_thread(self._crash_reports.tell, error, during=during)
        details = told.report if told.file is None else f"{told.report}\nthis is in {told.file}"
        self._sayings.say("a fault in chinwag", role="error", more=told.what, details=details, seconds=FAULT_SECONDS)

    def _hear_faults_elsewhere(self) -> None:
        loop = asyncio.get_running_loop()

        def heard(during: str, error: BaseException) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._fault, loop, {"message": during, "exception": error})

        hear_faults_elsewhere(heard)

    def _handle_exception(self, error: Exception) -> None:
        """A fault where Textual knows no way to go on: the first one is told when the terminal is back."""
        self._return_code = EXIT_CODE
        if self.crash is None:
            try:
                self.crash = self._crash_reports.tell(error.error if isinstance(error, WorkerFailed) else error)
            except MemoryError:
                self.crash = NO_MEMORY_CRASH
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def _texts(self) -> Iterator[str]:
        """What people and models wrote, for what must not quote it."""
        if self._chat is not None:
            yield self._chat.prompt.text
        for session in tuple(self._workspace.sessions.values()):
            yield session.conversation.title
            for message in reversed(session.conversation.messages):
                yield message.text
                yield message.thinking

    async def run_async(self, *args: Any, **options: Any) -> int | None:
        try:
            return await super().run_async(*args, **options)
        finally:
            if self.crash is not None and not self._is_leaving:
                self._is_leaving = True
                await self._put_away()
                await self._workspace.close()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """What Textual itself has to say goes where everything is said."""
        role = {"warning": "warning", "error": "error"}.get(severity, "muted")
        self._sayings.say(title or message, role=role, more=message if title else "")

    def on_question_asked(self, event: Question.Asked) -> None:
        self._sayings.note(event.title, role="warning", more=" ".join(event.lines))

    def on_question_answered(self, event: Question.Answered) -> None:
        self._sayings.note(event.title, more=f"answered: {event.words}" if event.words else "put aside")

    @property
    def glyphs(self) -> Glyphs:
        wanted = self._workspace.loaded.settings.appearance.glyphs
        is_unicode = wanted == "unicode" or (wanted == "auto" and self._environment.is_utf8)
        return UNICODE if is_unicode else ASCII

    def pick_theme(self, name: str) -> None:
        """Shows everything in the theme ``name`` at once; ``auto`` is dark or light, as the terminal is."""
        self._theme_now = self._theme_named(name)
        drawn = textual_theme(self._theme_now)
        was_read_anew = self.theme == drawn.name and self.get_theme(drawn.name) != drawn
        self.register_theme(drawn)
        self.theme = drawn.name
        if was_read_anew:
            self.mutate_reactive(ChinwagApp.theme)
        if self._chat is not None:
            self._chat.use_theme(self._theme_now, self.glyphs)
        for screen in self.screen_stack:
            for widget in screen.walk_children(Widget):
                if isinstance(widget, Themed):
                    widget.use_theme(self._theme_now, self.glyphs)

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        return filters if self.glyphs is UNICODE else [*filters, AsciiOnly()]

    def open_settings(self) -> None:
        """The form of everything that can be set; what is changed there holds at once."""
        from tui.app.screens.settings import SettingsScreen

        workspace = self._workspace
        home = workspace.environ.get("HOME", "")
        file = str(workspace.places.settings_file)
        file = f"~{file[len(home) :]}" if home and file.startswith(f"{home}/") else file
        self.push_screen(
            SettingsScreen(
                theme=self._theme_now,
                glyphs=self.glyphs,
                loaded=workspace.loaded,
                change=self._change_setting,
                reset=partial(self._change_setting, value=None),
                schema=settings_with_keys(),
                offered={"appearance.theme": (AUTO, *workspace.themes.themes)},
                place="nothing is kept" if workspace.is_throwaway else file,
                open_file_menu=self.chat.open_settings_file_menu,
            )
        )

    async def _change_setting(self, name: str, value: Value | None) -> LoadedSettings:
        if name == HOST_SETTING and value is not None:
            # An address that cannot be one is refused before it is kept.
            self._workspace.servers.choose(None, str(value))
        loaded = await self._workspace.change_setting(name, value)
        appearance = loaded.settings.appearance
        if name in ("appearance.theme", "appearance.glyphs"):
            self.pick_theme(appearance.theme)
        elif name == "appearance.motion":
            self.animation_level = "full" if self._environment.has_motion and appearance.motion else "none"
        elif name.startswith(f"{KEYS}.") or name == "terminal.enter_sends":
            self._use_keys()
            self.chat.use_keymap(self._command_keys)
        elif name == "appearance.prose_width_columns":
            self.chat.transcript.prose_width_columns = appearance.prose_width_columns
        elif name == "appearance.wraps_code":
            self.chat.transcript.wraps_code = appearance.wraps_code
        elif name == "attention.title":
            self.chat.show_title()
        elif name == "terminal.mouse":
            self._use_mouse()
        elif name == HOST_SETTING:
            address = loaded.settings.server.host if value is None else str(value)
            self.chat.in_background(self.chat.follow_host_setting(address))
        return loaded

    def _use_mouse(self) -> None:
        """The mouse is the app's or the terminal's, as it was set."""
        is_ours = self._workspace.loaded.settings.terminal.mouse
        if isinstance(self._driver, ChinwagDriver) and self._driver.has_mouse != is_ours:
            self._driver.set_mouse(is_ours=is_ours)

    # What widgets and Textual itself copy and paste

    @property
    def clipboard(self) -> str:
        return self._terminal_clipboard.text if self._chat is not None else ""

    def copy_to_clipboard(self, text: str) -> None:
        if self._chat is not None:
            self._chat.copy(text, "the selection")

    def _write_to_terminal(self, text: str) -> None:
        if self._driver is not None:
            self._driver.write(text)

    def _use_keys(self) -> None:
        keymap, sends = with_keys(self._workspace.loaded.keys), self._workspace.loaded.settings.terminal.enter_sends
        self._command_keys = replace(keymap, commands=with_enter(keymap.commands, enter_sends=sends))
        self.set_keymap(dict(self._command_keys.changed))

    def _ask_terminal(self) -> None:
        if isinstance(self._driver, ChinwagDriver) and (asked := questions(self._environment, os.environ)):
            self._driver.write(asked)

    def terminal_answered(self, report: str) -> None:
        """What the terminal says of itself holds at once where it can, and for later starts."""
        before, self._traits = self._traits, with_answer(self._traits, report)
        if self._traits == before:
            return
        if not self._workspace.is_throwaway:
            self.run_worker(self._remember_traits(), group="terminal")
        if self._traits.is_dark != before.is_dark and self._workspace.loaded.settings.appearance.theme == AUTO:
            self.pick_theme(AUTO)

    async def _remember_traits(self) -> None:
        # Answers come in a row; the last one to be written has to be the one that knows most.
        async with self._remembering:
            file = self._workspace.places.state / FILE_NAME
            await asyncio.to_thread(remember_traits, file, terminal_name(os.environ), self._traits)

    def start_demo(self) -> None:
        """Closes what is open and goes on in a throw-away workspace with the demo server.

        In a worker: the screen that asks for it is taken away on the way, and must not wait for its own end.
        """
        self.run_worker(self._go_to_demo(), exclusive=True, group=DEMO)

    async def _go_to_demo(self) -> None:
        try:
            workspace = self._prepare(StartOptions(is_demo=True))
        except Failure as failure:
            self.chat.say_failure(failure)
            return
        try:
            await workspace.start()
        except Failure as failure:
            await workspace.close()
            self.chat.say_failure(failure)
            return
        while len(self.screen_stack) > 2:
            await self.pop_screen()
        await self.chat.put_away()
        before, self._workspace = self._workspace, workspace
        await self._show_chat()
        await before.close()

    def terminal_lost(self) -> None:
        """Nobody looks any more: an answer under way comes to its end, and nothing else is begun."""
        if self._chat is None or not is_worth_finishing(self._workspace):
            super().terminal_lost()
        else:
            self.finish_unseen()

    def finish_unseen(self) -> None:
        """Gives the shell back at once; the answers under way come to their end, then the process ends."""
        if not self._is_unseen and not self._is_leaving:
            self._is_unseen = True
            self.run_worker(self._finish_unseen())

    async def _finish_unseen(self) -> None:
        if isinstance(self._driver, ChinwagDriver):
            self._driver.let_go()
        self._waiting_parent.detach()
        await self._put_away()
        stop_clocks(self)
        await self._workspace.finish_answers()
        super().terminal_lost()

    def interrupted(self) -> None:
        """SIGINT from outside is what Escape is, and when nothing runs that could be stopped, the end."""
        if self._chat is None or not self._chat.stop_answer():
            super().interrupted()

    def leave_with(self, code: int) -> None:
        """What runs is stopped and kept first."""
        self.run_worker(self.leave(code))

    def leave_soon(self) -> None:
        self.run_worker(self.leave())

    async def leave(self, code: int = 0) -> None:
        """Waits until everything is on disk, as far as the disk allows, then ends with that exit code.

        Whoever asks again meanwhile changes nothing.
        """
        if self._is_leaving:
            return
        self._is_leaving = True
        is_closed = False
        try:
            for worker in tuple(self.workers):
                # This runs in a worker of the app itself.
                if worker.node is not self or worker.group == DEMO:
                    worker.cancel()
            await self._put_away()
            is_closed = await self._workspace.close()
        finally:
            if not is_closed and isinstance(self._driver, ChinwagDriver):
                self._driver.end_by_force_after(END_OF_PROCESS_SECONDS, return_code=code)
            self.exit(code, return_code=code)

    async def _put_away(self) -> None:
        if self._chat is None:
            return
        try:
            await asyncio.wait_for(self._chat.put_away(), PUT_AWAY_SECONDS)
        except Exception as error:  # noqa: BLE001  what is typed is one thing, what was said is still to be closed
            report_fault(error, during="putting away what is typed")

    def action_do_instead(self, action: str) -> None:
        """A command of the conversation, asked for on a screen that lies on top of it: that one closes first."""
        top = self.screen
        if action == "open_keys" and self._chat is not None:
            # They are those of the screen on top, which stays.
            self._chat.action_open_keys()
            return
        if isinstance(top, ListScreen | ConnectScreen):
            top.leave()
        if self._chat is not None and self.screen is self._chat:
            self._chat.in_background(self._chat.do_command(action))

    async def action_quit_chinwag(self) -> None:
        if self._chat is None:
            await self.leave()
        elif not any(isinstance(screen, Question) for screen in self.screen_stack):
            self._chat.action_quit_chinwag()

    async def action_quit(self) -> None:
        await self.action_quit_chinwag()

    def _theme_named(self, name: str) -> Theme:
        if name == AUTO and self._environment.colour in FEW_COLOURS and TERMINAL in self._workspace.themes.themes:
            # A palette made for more colours is unreadable in sixteen; the terminal's own are not.
            name = TERMINAL
        is_dark = self._traits.is_dark is not False
        return self._as_drawn(choose_theme(self._workspace.themes, name, terminal_is_dark=is_dark).theme)

    def _as_drawn(self, theme: Theme) -> Theme:
        """In a terminal of 256 colours the theme's own choice of them, which nothing else would know of."""
        if self._environment.colour is not Colour.colours_256:
            return theme
        return replace(theme, palette=palette_in_256(theme))
