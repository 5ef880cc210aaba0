"""An app with our driver, encoder and screen, for tests in a terminal of its own. Function keys make things happen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import RichLog, Static, TextArea

from tui.app.terminal.encoder import Encoder
from tui.app.terminal.fast_screen import FastScreen
from tui.app.terminal.garbage import calm_garbage_collection
from tui.app.terminal.terminal_app import TerminalApp

WORDS = [
    "The",
    "left",
    "half",
    "stays,",
    "the",
    "right",
    "half",
    "moves",
    "to",
    "a",
    "new",
    "node;",
    "日本語",
    "and",
    "“quotes”",
    "—",
    "and",
    "so",
    "on.",
]


class Main(FastScreen[None]):
    CSS = "RichLog { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; } TextArea { height: 4; } #said { height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "app.quit", priority=True)]

    def compose(self) -> ComposeResult:
        yield RichLog(id="log", wrap=True)
        yield Static("ready", id="said", markup=False)
        yield TextArea(id="text")

    def on_mount(self) -> None:
        self.query_one(TextArea).cursor_blink = False
        self.query_one(TextArea).focus()


class Above(ModalScreen[None], FastScreen[None]):
    CSS = "Above { align: center middle; } Static { width: 20; height: 3; background: blue; }"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss")]

    def compose(self) -> ComposeResult:
        yield Static("on top")


class Through(ModalScreen[None], FastScreen[None]):
    CSS = (
        "Through { align: center middle; background: transparent; } Static { width: 20; height: 3; background: green; }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss")]

    def compose(self) -> ComposeResult:
        yield Static("see through")


class Own(TerminalApp[int]):
    ENABLE_COMMAND_PALETTE = False

    def get_default_screen(self) -> Main:
        return Main(id="_default")

    def on_mount(self) -> None:
        calm_garbage_collection()
        self.lines = 0

    def say(self, text: str) -> None:
        self.screen_stack[0].query_one("#said", Static).update(text)

    def on_key(self, event: Key) -> None:
        log = self.screen_stack[0].query_one(RichLog) if event.key != "escape" else None
        match event.key:
            case "f6" if log:
                for _ in range(7):
                    self.lines += 1
                    log.write(f"{self.lines} " + " ".join(WORDS[self.lines % 5 :]))
                self.say(f"wrote {self.lines}")
            case "f7":
                self.call_later(self.push_screen, Above())
            case "f3":
                self.call_later(self.push_screen, Through())
            case "f8":
                self.call_later(self.break_encoder)
            case "f9" if log:
                log.write("evil \x1b]0;stolen\x07 \x9b31m end")
                self.say("evil written")
            case "f10":
                self.ticks = 0
                self.set_interval(0.01, self.tick)
            case "f4":
                log.scroll_home(animate=False) if log else None
                self.say("home")

    def break_encoder(self) -> None:
        def fail(*_: Any, **__: Any) -> str:
            raise RuntimeError("on purpose")

        Encoder.encode = fail  # type: ignore[method-assign]
        self.say("broken")

    def tick(self) -> None:
        """Changes more than a slow terminal takes."""
        self.ticks += 1
        self.say(f"tick {self.ticks}")
        self.query_one(RichLog).write(f"{self.ticks} " + "text " * 12)
        Path(sys.argv[1]).write_text(str(self.ticks))


if __name__ == "__main__":
    app = Own()
    app.run()
    sys.exit(app.return_code)
