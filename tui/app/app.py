"""The screen door: a workspace, a theme, and the conversation on top of them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from textual.filter import LineFilter
from textual.screen import Screen
from textual.widget import Widget

from tui.app.ascii_only import AsciiOnly
from tui.app.glyphs import ASCII, UNICODE, Glyphs
from tui.app.paint import Themed, textual_theme
from tui.app.screens.chat_commands import ChatScreen
from tui.app.screens.question import Question
from tui.app.terminal.driver import ChinwagDriver
from tui.app.terminal.garbage import calm_garbage_collection
from tui.app.terminal.terminal_app import END_WITHOUT_TERMINAL_SECONDS, TerminalApp
from tui.chat.faults import report_fault
from tui.environment import Colour, Environment
from tui.failures import Failure
from tui.settings.load import LoadedSettings
from tui.settings.schema import Value
from tui.theming.load import choose_theme
from tui.theming.quantise import palette_in_256
from tui.theming.read import AUTO
from tui.theming.values import Theme
from tui.workspace import StartOptions, Workspace

TERMINAL = "terminal"
"""The theme that is made of the terminal's own colours."""
PUT_AWAY_SECONDS = 4.0
END_OF_PROCESS_SECONDS = 2.0
"""After something did not close in time: a thread that waits for a disk would else keep the process."""
DEMO = "demo"
"""The group of the worker that goes to the demo."""
FEW_COLOURS = (Colour.colours_16, Colour.none)


class ChinwagApp(TerminalApp[int]):
    """Takes a prepared workspace, starts it, and closes it at the end."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "chinwag"
    CSS = "* { scrollbar-color: $role-border; scrollbar-background: $role-background; scrollbar-corner-color: $role-background; }"

    def __init__(
        self, workspace: Workspace, *, environment: Environment, prepare: Callable[[StartOptions], Workspace]
    ) -> None:
        self._workspace = workspace
        self._environment = environment
        self._prepare = prepare
        self._chat: ChatScreen | None = None
        self._is_leaving = False
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
    def workspace(self) -> Workspace:
        return self._workspace

    def get_default_screen(self) -> Screen[None]:
        return Screen(id="_default")

    async def on_mount(self) -> None:
        asyncio.get_running_loop().set_exception_handler(self._fault)
        try:
            await self._workspace.start()
        except Failure as failure:
            self.start_failure = failure
            await self.leave()
            return
        await self._show_chat()

    async def _show_chat(self) -> None:
        chat = ChatScreen(
            self._workspace,
            theme=self._theme_now,
            glyphs=self.glyphs,
            start_demo=self.start_demo,
            pick_theme=self.pick_theme,
            quit_app=self.leave_soon,
            open_settings=self.open_settings,
            complaints=self._complaints(),
        )
        before, self._chat = self._chat, chat
        if before is None:
            await self.push_screen(chat)
            if not self.is_headless:  # the process is then somebody else's
                self.call_after_refresh(calm_garbage_collection)
        else:
            await self.switch_screen(chat)

    def _complaints(self) -> tuple[str, ...]:
        """What was wrong with settings and themes, in the order in which it matters."""
        loaded, themes = self._workspace.loaded, self._workspace.themes
        choice = choose_theme(themes, loaded.settings.appearance.theme)
        return (
            *((self._workspace.start_complaint,) if self._workspace.start_complaint else ()),
            *(f"{fault.source}: {fault.message}" for fault in loaded.faults),
            *((choice.complaint,) if choice.complaint else ()),
            *(f"{fault.file}: {fault.message}" for fault in themes.faults),
        )

    def _fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A fault of ours that nobody waits for: it is said, and the rest goes on."""
        error = context.get("exception")
        what = f"{type(error).__name__}: {error}" if error is not None else str(context.get("message", ""))
        if self._chat is not None and not self._is_leaving:
            self._chat.say("a fault in chinwag", role="error", more=what, seconds=30.0)

    @property
    def glyphs(self) -> Glyphs:
        wanted = self._workspace.loaded.settings.appearance.glyphs
        is_unicode = wanted == "unicode" or (wanted == "auto" and self._environment.is_utf8)
        return UNICODE if is_unicode else ASCII

    def pick_theme(self, name: str) -> None:
        """Shows everything in the theme ``name`` at once; ``auto`` is dark or light, as the terminal is."""
        self._theme_now = self._theme_named(name)
        self.theme = self._theme_now.name
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
        file = workspace.places.settings_file
        self.push_screen(
            SettingsScreen(
                theme=self._theme_now,
                glyphs=self.glyphs,
                loaded=workspace.loaded,
                change=self._change_setting,
                reset=partial(self._change_setting, value=None),
                offered={"appearance.theme": (AUTO, *workspace.themes.themes)},
                place="nothing is kept" if workspace.is_throwaway else str(file),
            )
        )

    async def _change_setting(self, name: str, value: Value | None) -> LoadedSettings:
        loaded = await self._workspace.change_setting(name, value)
        appearance = loaded.settings.appearance
        if name in ("appearance.theme", "appearance.glyphs"):
            self.pick_theme(appearance.theme)
        elif name == "appearance.motion":
            self.animation_level = "full" if self._environment.has_motion and appearance.motion else "none"
        elif name == "appearance.prose_width_columns":
            self.chat.transcript.prose_width_columns = appearance.prose_width_columns
        return loaded

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

    def end_requested(self, number: signal.Signals) -> None:
        """Somebody asks the program to end: what runs is stopped and kept."""
        self.run_worker(self.leave(128 + number))

    def terminal_lost(self) -> None:
        """Nobody looks any more: what runs is stopped and kept, within a time."""
        if isinstance(self._driver, ChinwagDriver):
            self._driver.end_by_force_after(END_WITHOUT_TERMINAL_SECONDS, return_code=128 + signal.SIGHUP)
        self.run_worker(self.leave(128 + signal.SIGHUP))

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

    async def action_quit_chinwag(self) -> None:
        if self._chat is None:
            await self.leave()
        elif not isinstance(self.screen, Question):
            self._chat.action_quit_chinwag()

    async def action_quit(self) -> None:
        await self.action_quit_chinwag()

    def _theme_named(self, name: str) -> Theme:
        if name == AUTO and self._environment.colour in FEW_COLOURS and TERMINAL in self._workspace.themes.themes:
            # A palette made for more colours is unreadable in sixteen; the terminal's own are not.
            name = TERMINAL
        return self._as_drawn(choose_theme(self._workspace.themes, name).theme)

    def _as_drawn(self, theme: Theme) -> Theme:
        """In a terminal of 256 colours the theme's own choice of them, which nothing else would know of."""
        if self._environment.colour is not Colour.colours_256:
            return theme
        return replace(theme, palette=palette_in_256(theme))
