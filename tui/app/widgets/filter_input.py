"""One line of text, for filters and addresses."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from tui.cleaning import clean_line


class FilterInput(Input):
    """An input without a frame. What is pasted is one clean line."""

    DEFAULT_CSS = """
    FilterInput, FilterInput:focus {
        height: 1; border: none; padding: 0; width: 1fr;
        background: $role-overlay; background-tint: $role-overlay 0%; color: $role-foreground;
        & > .input--cursor { background: $role-overlay; color: $role-foreground; text-style: reverse; }
        & > .input--placeholder { color: $role-muted; }
        & > .input--selection { background: $role-selection; }
    }
    """

    def __init__(self, *, placeholder: str = "", value: str = "") -> None:
        super().__init__(value=value, placeholder=placeholder, select_on_focus=False, compact=True)
        self.cursor_blink = False

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(clean_line(event.text, 1000))
