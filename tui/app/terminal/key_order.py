"""Keys one after the other: the next is looked at when all that the last one set off is done."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump
from textual.screen import Screen

from tui.app.terminal.key_messages import AltOrEscape, TypedText

MOST_ROUNDS = 12
"""A screen on which something always happens is waited for so often and no longer."""
LOOK_SECONDS = 0.02
LONGEST_SECONDS = 2.0
"""For a widget that does not come to its messages."""
_PIECES = re.compile(r"[\r\n\t]|[^\r\n\t]+")

KeyEvent = events.Key | events.Paste | TypedText


class KeyOrder:
    """Holds keys back while what the one before them did is still on its way.

    Textual puts a key into the queue of the widget that has the focus, and goes on to the next: a key with an action
    would overtake letters that the filter has yet to take, and letters would go where the focus no longer is. What the
    bytes of one read say would mean something else than the same keys pressed slowly.

    The prompt takes its keys as they come: it tells a paste from typing by their times.
    """

    def __init__(self, app: App[Any], hand_on: Callable[[KeyEvent], Awaitable[None]]) -> None:
        """``hand_on`` gives an event to whatever has the focus."""
        self._app = app
        self._hand_on = hand_on
        self._held: deque[KeyEvent] = deque()
        self._is_handing_on = False
        self._screen: Screen[Any] | None = None
        """The one whose widgets are waited for."""
        self._awaited: set[MessagePump] = set()
        self._round = 0
        self._give_up_seconds = 0.0
        self._look_due: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        return self._screen is not None

    async def take(self, event: KeyEvent) -> None:
        self._held.append(event)
        await self._go_on()

    async def _go_on(self) -> None:
        # The prompt gives keys back from a task of its own, perhaps while another is being handed on.
        if self._is_handing_on:
            return
        self._is_handing_on = True
        try:
            while self._held and not self.is_waiting:
                await self._hand_on_next(self._held.popleft())
        finally:
            self._is_handing_on = False

    async def _hand_on_next(self, event: KeyEvent) -> None:
        if isinstance(event, AltOrEscape):
            self._held.extendleft(reversed(self._meant(event)))
            return
        was_one_by_one = self._is_one_by_one
        if was_one_by_one and isinstance(event, TypedText) and not event.is_piece:
            self._held.extendleft(reversed(list(_pieces_of(event))))
            return
        await self._hand_on(event)
        if was_one_by_one or self._is_one_by_one:
            self._wait()

    def _meant(self, event: AltOrEscape) -> tuple[events.Key, ...]:
        """The key with Alt where it does something, else the two keys where the second one does."""
        screens = self._app.screen_stack
        bound = screens[-1].active_bindings if screens else {}
        one, two = event.as_one(), event.as_two()
        return two if one.key not in bound and two[-1].key in bound else (one,)

    @property
    def _is_one_by_one(self) -> bool:
        screens = self._app.screen_stack
        return bool(screens) and not getattr(screens[-1].focused, "takes_typed_text", False)

    # Waiting

    def _wait(self) -> None:
        screens = self._app.screen_stack
        if not screens:
            return
        loop = asyncio.get_running_loop()
        self._screen = screens[-1]
        self._round = 0
        self._give_up_seconds = loop.time() + LONGEST_SECONDS
        self._look_due = loop.call_later(LOOK_SECONDS, self._look)
        self._ask_all()

    def _ask_all(self) -> None:
        """Each answers behind the messages that it has by then."""
        self._round += 1
        self._awaited = set(self._pumps())
        for pump in tuple(self._awaited):
            if not pump.call_later(self._answered, pump, self._round):
                self._awaited.discard(pump)
        if not self._awaited:
            self._end_round()

    def _pumps(self) -> Iterator[MessagePump]:
        if self._screen is not None and self._screen.is_attached:
            yield self._screen
            yield from self._screen.walk_children(with_self=False)
        yield self._app

    def _answered(self, pump: MessagePump, number: int) -> None:
        if self.is_waiting and number == self._round and pump in self._awaited:
            self._awaited.discard(pump)
            if not self._awaited:
                self._end_round()

    def _end_round(self) -> None:
        is_quiet = not any(map(_has_messages, self._pumps()))
        if is_quiet or self._round >= MOST_ROUNDS or not self._app.is_running:
            self._settle()
        else:
            self._ask_all()

    def _look(self) -> None:
        """Those that were taken away meanwhile answer no more."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._give_up_seconds:
            self._settle()
            return
        self._look_due = loop.call_later(LOOK_SECONDS, self._look)
        gone = {pump for pump in self._awaited if pump is not self._app and not pump.is_attached}
        self._awaited -= gone
        if gone and not self._awaited:
            self._end_round()

    def _settle(self) -> None:
        if self._look_due is not None:
            self._look_due.cancel()
            self._look_due = None
        self._screen = None
        self._awaited = set()
        if self._held:
            self._app.call_later(self._go_on)


def _has_messages(pump: MessagePump) -> bool:
    """In its queue, or taken from there already to see whether it replaces the one before it."""
    return pump.message_queue_size > 0 or getattr(pump, "_pending_message", None) is not None


def _pieces_of(event: TypedText) -> Iterator[KeyEvent]:
    """The first letter may open the field that the others go to, and line ends and tabs are keys of their own."""
    for piece in _PIECES.findall(event.text):
        for text in (piece[:1], piece[1:]):
            typed = TypedText(text)
            typed.time = event.time
            typed.is_piece = True
            if len(text) == 1:
                yield from typed.single_keys()
            elif text:
                yield typed
