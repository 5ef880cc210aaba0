"""A screen that is painted when there is something to paint, not at the next tick of a clock."""

from __future__ import annotations

import asyncio
import time

from textual import events
from textual.geometry import Region
from textual.screen import Screen, ScreenResultType
from textual.strip import Strip

from tui.app.terminal.behind import RowsBehind
from tui.app.terminal.driver import ChinwagDriver
from tui.app.terminal.front_first import FrontFirstCompositor

LEAST_BETWEEN_SECONDS = 0.006
LEAST_WHILE_BEHIND_SECONDS = 0.25
LEAST_BENEATH_SECONDS = 0.2
"""For a screen that others lie on: nobody reads it, and what is on top is to answer."""


class FastScreen(Screen[ScreenResultType]):
    """To derive from instead of ``Screen``; ``class Some(ModalScreen[T], FastScreen[T])`` for one on top.

    In this order, for Textual takes the style sheets of the first one only. Textual paints on a grid of 1/60 s, and
    after a late tick one or two later. Here a picture follows as soon as the messages are worked off, if the last one
    is ``LEAST_BETWEEN_SECONDS`` old, and else as soon as it is; never more than half of the time goes into painting.
    """

    _painted_seconds = float("-inf")
    _paint_takes_seconds = 0.0
    _paint_is_due: asyncio.TimerHandle | None = None
    _behind: RowsBehind | None = None
    """Made when something shows through this screen."""

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(name, id, classes)
        self._compositor = FrontFirstCompositor()

    async def _on_idle(self, event: events.Idle) -> None:
        event.prevent_default()
        if self.app._batch_count or not self.is_current or not self._wants_paint():
            await self._invoke_and_clear_callbacks()
            return
        wait_seconds = self._wait_seconds()
        if wait_seconds <= 0:
            self._paint()
            return
        loop = asyncio.get_running_loop()
        if self._paint_is_due is not None and self._paint_is_due.when() > loop.time() + wait_seconds:
            self._paint_is_due.cancel()
            self._paint_is_due = None
        if self._paint_is_due is None:
            self._paint_is_due = loop.call_later(wait_seconds, self._paint_due)

    def _wait_seconds(self) -> float:
        least_seconds = max(LEAST_BETWEEN_SECONDS, self._paint_takes_seconds)
        if self.app.screen is not self:
            least_seconds = max(least_seconds, LEAST_BENEATH_SECONDS)
        if self._is_terminal_behind():
            least_seconds = LEAST_WHILE_BEHIND_SECONDS
        return self._painted_seconds + least_seconds - time.perf_counter()

    def _is_terminal_behind(self) -> bool:
        """Then a picture is made in vain, but for the layout that others wait for."""
        driver = self.app._driver
        return isinstance(driver, ChinwagDriver) and driver.is_behind

    def _wants_paint(self) -> bool:
        return bool(
            self._layout_required
            or self._scroll_required
            or self._repaint_required
            or self._recompose_required
            or self._dirty_widgets
        )

    def _paint_due(self) -> None:
        self._paint_is_due = None
        if self._running and self._wants_paint():
            self._paint()

    def _paint(self) -> None:
        if self._paint_is_due is not None:
            self._paint_is_due.cancel()
            self._paint_is_due = None
        began_seconds = time.perf_counter()
        try:
            self._on_timer_update()
        except Exception as error:  # noqa: BLE001 - as Textual's own timer does
            self.app._handle_exception(error)
        self._painted_seconds = time.perf_counter()
        self._paint_takes_seconds = self._painted_seconds - began_seconds

    # ------------------------------------------------------------------ on top of another screen

    def render_lines(self, crop: Region) -> list[Strip]:
        below = self._shown_through()
        if below is None or crop != self.size.region:
            return super().render_lines(crop)
        if self._behind is None:
            self._behind = RowsBehind()
        return self._behind.rows(below, self.size)

    def _shown_through(self) -> Screen[object] | None:
        """The screen beneath, where this one has no ground at all."""
        stack = self.app._screen_stack
        if self.styles.background.a != 0 or self not in stack or self.app.is_inline:
            return None
        place = stack.index(self)
        below = stack[place - 1] if place else None
        return below if isinstance(below, FastScreen) else None

    def _set_dirty(self, *regions: Region) -> None:
        if self._behind is not None:
            self._behind.forget(regions)
        super()._set_dirty(*regions)

    def _compositor_refresh(self) -> None:
        """What changes beneath other screens is drawn once, by the one on top.

        Textual marks it here as well, and so paints it again at every following tick.
        """
        app = self.app
        if self is app.screen or app.is_inline:
            super()._compositor_refresh()
            return
        regions = tuple(self._compositor._dirty_regions)
        if regions and self in app._background_screens:
            stack = app._screen_stack
            for screen in stack[stack.index(self) + 1 : -1]:
                if isinstance(screen, FastScreen) and screen._behind is not None:
                    screen._behind.forget(regions)
            app.screen.refresh(*regions)
            self._compositor._dirty_regions.clear()
            self._dirty_widgets.clear()
        app._update_mouse_over(self)
