"""A screen that is painted when there is something to paint, not at the next tick of a clock."""

from __future__ import annotations

import asyncio
import time

from textual import events
from textual.screen import Screen, ScreenResultType

from tui.app.terminal.driver import ChinwagDriver

LEAST_BETWEEN_SECONDS = 0.006
LEAST_WHILE_BEHIND_SECONDS = 0.25


class FastScreen(Screen[ScreenResultType]):
    """To derive from instead of ``Screen``; ``class Some(FastScreen[T], ModalScreen[T])`` for one on top.

    Textual paints on a grid of 1/60 s, and after a late tick one or two later. Here a picture follows as soon as the
    messages are worked off, if the last one is ``LEAST_BETWEEN_SECONDS`` old, and else as soon as it is; never more
    than half of the time goes into painting.
    """

    _painted_seconds = float("-inf")
    _paint_takes_seconds = 0.0
    _paint_is_due: asyncio.TimerHandle | None = None

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
