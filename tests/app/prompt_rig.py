"""The prompt in an app of its own, and someone at its keyboard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar, TypeVar

from textual import events
from textual._xterm_parser import XTermParser
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input

from tui.app.glyphs import UNICODE, Glyphs
from tui.app.terminal.terminal_app import TerminalApp
from tui.app.widgets.paste import BurstTiming
from tui.app.widgets.prompt import Prompt

M = TypeVar("M", bound=Message)

ROLES = {
    "accent": "#f2a65a",
    "border": "#3a414c",
    "muted": "#98a1b0",
    "foreground": "#d9dde3",
    "background": "#14161a",
    "selection": "#33291c",
}
# A pilot presses faster than hands do: for it no run of keys is a paste, and Enter waits for nothing.
BY_HAND = BurstTiming(run_gap_seconds=-1.0, quiet_seconds=0.0, paste_quiet_seconds=0.0)
KEYS_OF_THE_APP = [
    "ctrl+p",
    "ctrl+t",
    "ctrl+o",
    "ctrl+n",
    "f1",
    "f2",
    "escape",
    "ctrl+c",
    "ctrl+q",
    "pageup",
    "pagedown",
    "ctrl+home",
    "ctrl+end",
    "alt+up",
    "alt+down",
    "ctrl+f",
    "ctrl+g",
    "ctrl+r",
    "ctrl+z",
]
KEYS_OF_THE_APP_WITHOUT_TEXT = ["ctrl+d", "ctrl+y", "ctrl+underscore"]
LONG_PASTE = "".join(f"line {number}\n" for number in range(1_204))


class Host(TerminalApp[None]):
    ENABLE_COMMAND_PALETTE = False
    CSS = "#transcript { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"record('{key}')", show=False) for key in KEYS_OF_THE_APP + KEYS_OF_THE_APP_WITHOUT_TEXT
    ]

    def __init__(self, timing: BurstTiming, glyphs: Glyphs) -> None:
        super().__init__()
        self.prompt = Prompt(placeholder="Ask qwen3:8b · / for commands", timing=timing, glyphs=glyphs)
        self.posted: asyncio.Queue[Message] = asyncio.Queue()
        self.recorded: list[str] = []

    def get_css_variables(self) -> dict[str, str]:
        return {**super().get_css_variables(), **{f"role-{role}": colour for role, colour in ROLES.items()}}

    def compose(self) -> ComposeResult:
        yield Vertical(Input(id="elsewhere"), id="transcript")
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.focus()

    def action_record(self, key: str) -> None:
        self.recorded.append(key)

    def on_prompt_sent(self, message: Prompt.Sent) -> None:
        self.posted.put_nowait(message)

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        self.posted.put_nowait(message)

    def on_prompt_emptied(self, message: Prompt.Emptied) -> None:
        self.posted.put_nowait(message)

    def on_prompt_enter_on_empty(self, message: Prompt.EnterOnEmpty) -> None:
        self.posted.put_nowait(message)

    def on_prompt_take_back(self, message: Prompt.TakeBack) -> None:
        self.posted.put_nowait(message)


class Hand:
    """Someone at the keyboard of the host."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.prompt = app.prompt
        self.parser = XTermParser()

    async def press(self, *keys: str) -> None:
        """Every key at once; a pilot waits after each."""
        for key in keys:
            self.app.post_message(events.Key(key, None))
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        await self.press(*text)

    async def send_bytes(self, data: str) -> None:
        """What a terminal sends, in one read."""
        for event in self.parser.feed(data):
            self.app.post_message(event)
        # The parser waits for the rest of what may be a sequence, as it does for its driver.
        while self.parser._timeout_time is not None:
            await self.pilot.pause()
            for event in self.parser.tick():
                self.app.post_message(event)
        await self.pilot.pause()

    async def paste(self, text: str) -> None:
        await self.send_bytes(f"\x1b[200~{text}\x1b[201~")

    async def posted(self, kind: type[M]) -> M:
        """The next message of that kind; others before it are passed over."""
        while True:
            message = await asyncio.wait_for(self.app.posted.get(), 10)
            if isinstance(message, kind):
                return message

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                await self.pilot.pause()

    def all_posted(self) -> list[Message]:
        return [self.app.posted.get_nowait() for _ in range(self.app.posted.qsize())]

    @property
    def rows(self) -> list[str]:
        """What the prompt shows between its frame."""
        strips = self.app.screen._compositor.render_strips()
        region = self.prompt.region
        return ["".join(segment.text for segment in strip)[2:-1].rstrip() for strip in strips][
            region.y + 1 : region.bottom - 1
        ]


@asynccontextmanager
async def at_the_prompt(
    size: tuple[int, int] = (80, 24), timing: BurstTiming = BY_HAND, glyphs: Glyphs = UNICODE
) -> AsyncIterator[Hand]:
    app = Host(timing, glyphs)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Hand(app, pilot)
