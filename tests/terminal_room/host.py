"""A small app in a terminal of its own, for tests of the driver. It ends with the return code of the app."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.widgets import Static, TextArea

from tui.app.terminal.driver import ChinwagDriver

CRASH, FLOOD, HANG, SUSPEND = "f2", "f3", "f4", "f5"


class Host(App[int]):
    """Says what it hears in its first row."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", priority=True),
        Binding("ctrl+z", "suspend_process", priority=True),
    ]

    def compose(self) -> ComposeResult:
        yield Static("ready", id="said", markup=False)
        yield TextArea(id="text")

    def on_mount(self) -> None:
        self.query_one(TextArea).focus()

    def say(self, text: str) -> None:
        self.query_one("#said", Static).update(text)

    def on_key(self, event: Key) -> None:
        if event.key == CRASH:
            raise RuntimeError("crashed on purpose")
        if event.key == FLOOD:
            self.set_interval(0.005, self.flood)
        elif event.key == HANG:
            threading.Event().wait()
        elif event.key == SUSPEND:
            with self.suspend():
                sys.__stdout__.write("in between\n")  # type: ignore[union-attr]
                sys.__stdin__.readline()  # type: ignore[union-attr]
        else:
            self.say(f"key {event.key}")

    def flood(self) -> None:
        """Far more than a terminal takes that nobody reads."""
        self._driver.write("\x1b]2;" + "title " * 100 + "\x07")  # type: ignore[union-attr]
        self.refresh()


class Listening(Host):
    """Hears of its terminal, writes it to a file, and goes on."""

    heard = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()

    def note(self, text: str) -> None:
        with self.heard.open("a") as file:
            file.write(text + "\n")

    def terminal_lost(self) -> None:
        self.note("lost")
        self.set_timer(0.3, self.end)

    def end(self) -> None:
        self.note("went on")
        self.exit(return_code=7)

    def end_requested(self, number: Any) -> None:
        self.note(f"asked to end by {number.name}")
        self.exit(return_code=8)

    def interrupted(self) -> None:
        self.note("interrupted")

    def terminal_answered(self, report: str) -> None:
        self.say(f"answered {report!r}")

    def repaint_terminal(self) -> None:
        self.note("repaint")
        self.refresh()


if __name__ == "__main__":
    app = {"plain": Host, "listening": Listening}[sys.argv[1]](driver_class=ChinwagDriver)
    app.run()
    sys.exit(app.return_code)
