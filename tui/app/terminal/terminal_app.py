"""An app on a terminal of its own: Textual's, with our driver and our encoder below it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from enum import StrEnum

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ReturnType
from textual.driver import Driver
from textual.screen import Screen
from textual.strip import Strip

from tui.app.terminal.cells import without_controls
from tui.app.terminal.driver import ChinwagDriver
from tui.app.terminal.encoder import Encoder, read_abilities
from tui.app.terminal.key_messages import TypedText
from tui.app.terminal.key_order import KeyEvent, KeyOrder

ENCODER_VARIABLE = "CHINWAG_ENCODER"
END_WITHOUT_TERMINAL_SECONDS = 10.0
"""How long an app may take to end that has nothing to do without a terminal."""


class EncoderChoice(StrEnum):
    own = "own"
    textual = "textual"


def choose_encoder(environ: Mapping[str, str]) -> EncoderChoice:
    """The one named by ``CHINWAG_ENCODER``; ours where it names none that there is."""
    try:
        return EncoderChoice(environ.get(ENCODER_VARIABLE, "").strip().lower())
    except ValueError:
        return EncoderChoice.own


class TerminalApp(App[ReturnType]):
    """To derive from instead of ``App``. Override the hooks of ``TerminalListener`` to do more than end."""

    encoder_failure: Exception | None = None
    """Why Textual's own encoder is in use after ours was chosen."""

    _encoder: Encoder | None = None
    _encoder_choice: EncoderChoice | None = None
    _key_order: KeyOrder | None = None
    _paintings_encoded = 0
    _was_left = False

    def get_driver_class(self) -> type[Driver]:
        return ChinwagDriver

    # ------------------------------------------------------------------ keys

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, KeyEvent) or event.is_forwarded:
            await super().on_event(event)
            return
        if self._key_order is None:
            self._key_order = KeyOrder(self, self._hand_on)
        await self._key_order.take(event)

    async def _hand_on(self, event: KeyEvent) -> None:
        if not isinstance(event, TypedText):
            await super().on_event(event)
        elif (focused := self.focused) is not None and getattr(focused, "takes_typed_text", False):
            focused._forward_event(event)
        else:
            for key in event.single_keys():
                await super().on_event(key)

    # ------------------------------------------------------------------ painting

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        driver = self._driver
        if (
            not isinstance(driver, ChinwagDriver)
            or renderable is None
            or self._batch_count
            or not self._running
            or self._closed
        ):
            super()._display(screen, renderable)
        elif driver.is_behind:
            # Nothing that would be thrown away is made; the driver asks for a repaint when the terminal is ready.
            self.post_display_hook()
        elif not self._display_by_cells(driver, renderable):
            with driver.as_frame():
                super()._display(screen, guarded(renderable))

    def _display_by_cells(self, driver: ChinwagDriver, renderable: RenderableType) -> bool:
        """False when it is Textual's turn."""
        encoder = self._encoder_for(driver)
        if encoder is None:
            return False
        if not isinstance(renderable, LayoutUpdate | ChopsUpdate):
            self._put_down_encoder(driver, encoder)
            return False
        try:
            text = encoder.encode(
                renderable,
                size=self.size,
                cursor=self.screen.outer_size.clamp_offset(self.cursor_position),
                is_synchronised=self._sync_available,
            )
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in here, the picture has to be right
            self._put_down_encoder(driver, encoder)
            self._give_up_encoder(error)
            return False
        if text and not driver.write_frame(text):
            encoder.forget()
        if encoder.has_gaps:
            self.call_later(self.repaint_terminal)
        self.post_display_hook()
        return True

    def _encoder_for(self, driver: ChinwagDriver) -> Encoder | None:
        if self._encoder_choice is None:
            self._encoder_choice = choose_encoder(os.environ)
            if self._encoder_choice is EncoderChoice.own:
                color_system = self.console._color_system or ColorSystem.TRUECOLOR
                self._encoder = Encoder(read_abilities(os.environ, color_system=color_system))
        encoder = self._encoder
        if encoder is not None and driver.paintings != self._paintings_encoded:
            self._paintings_encoded = driver.paintings
            encoder.forget()
        return encoder

    def _put_down_encoder(self, driver: ChinwagDriver, encoder: Encoder) -> None:
        """Textual takes it that everybody leaves the terminal with its default pen."""
        encoder.forget()
        driver.write("\x1b[m")

    def _give_up_encoder(self, error: Exception) -> None:
        self.encoder_failure = error
        self._encoder = None
        self.log("the terminal encoder failed, Textual's own goes on:", repr(error))
        self.call_later(self.repaint_terminal)

    def forget_screen(self) -> None:
        """Paint everything again, whatever the terminal seems to show."""
        if self._encoder is not None:
            self._encoder.forget()
        self.repaint_terminal()

    def on_app_blur(self, event: events.AppBlur) -> None:
        self._was_left = True

    def on_app_focus(self, event: events.AppFocus) -> None:
        if self._was_left:
            # Whoever had the terminal meanwhile, such as a multiplexer, may have left something behind.
            self._was_left = False
            self.forget_screen()

    # ------------------------------------------------------------------ what becomes of the terminal

    def repaint_terminal(self) -> None:
        if self._screen_stack:
            self.screen.refresh()

    def terminal_lost(self) -> None:
        if isinstance(self._driver, ChinwagDriver):
            self._driver.end_by_force_after(END_WITHOUT_TERMINAL_SECONDS, return_code=128 + signal.SIGHUP)
        self.leave_with(128 + signal.SIGHUP)

    def end_requested(self, number: signal.Signals) -> None:
        self.leave_with(128 + number)

    def interrupted(self) -> None:
        self.leave_with(128 + signal.SIGINT)

    def leave_with(self, code: int) -> None:
        """The terminal is gone, or somebody asks the program to end: to be overridden by what has to be put away."""
        self.exit(return_code=code)

    def terminal_answered(self, report: str) -> None:
        """A reply of the terminal that nobody here asked for."""


def guarded(renderable: RenderableType) -> RenderableType:
    """The same for Textual's encoder, which would hand on every control character of a text."""
    if isinstance(renderable, LayoutUpdate):
        return LayoutUpdate([[guarded_strip(strip) for strip in line] for line in renderable.strips], renderable.region)
    if isinstance(renderable, ChopsUpdate):
        chops = [
            {column: None if strip is None else guarded_strip(strip) for column, strip in line.items()}
            for line in renderable.chops
        ]
        return ChopsUpdate(chops, renderable.spans, renderable.chop_ends)
    return renderable


def guarded_strip(strip: Strip) -> Strip:
    segments = without_controls(strip._segments)
    return strip if segments is None else Strip(segments).crop(0, strip.cell_length)
