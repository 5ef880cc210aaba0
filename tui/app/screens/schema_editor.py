"""A JSON schema to write, on top of the conversation. What is wrong with it is said with its line when it is used."""

from __future__ import annotations

import json
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import TextArea

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import HELP, key_parts, passed_on_bindings
from tui.app.terminal.fast_screen import FastScreen
from tui.app.widgets.line import Line
from tui.app.widgets.text_rows import TextRows
from tui.chat.schema_check import check_schema
from tui.cleaning import clean, shown_controls
from tui.theming.values import Theme

BEGINNING = """{
  "type": "object",
  "properties": {
    "name": {"type": "string"}
  },
  "required": ["name"],
  "additionalProperties": false
}"""


def laid_out(schema: str) -> str:
    """A schema's text as people write it; what is no JSON stays as it is."""
    try:
        return json.dumps(json.loads(schema), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return schema


class SchemaArea(TextArea):
    """What is pasted is cleaned; a tab is two spaces."""

    DEFAULT_CSS = """
    SchemaArea, SchemaArea:focus, SchemaArea:ansi {
        height: 1fr; width: 1fr; border: none; padding: 0; background: $role-overlay; color: $role-foreground;
        overflow-x: auto; overflow-y: auto; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
        & .text-area--cursor { color: $role-foreground; background: $role-overlay; text-style: reverse; }
        & .text-area--cursor-line { background: $role-overlay; }
        & .text-area--gutter { color: $role-muted; background: $role-overlay; }
        & .text-area--cursor-gutter { color: $role-accent; background: $role-overlay; text-style: none; }
        & .text-area--selection { background: $role-selection; color: $role-foreground; text-style: none; }
        & .text-area--matching-bracket { background: $role-overlay; text-style: bold underline; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+underscore,ctrl+shift+minus,ctrl+slash", "undo", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__(clean(text), soft_wrap=False, tab_behavior="indent", show_line_numbers=True)
        self.cursor_blink = False
        self.indent_width = 2

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        text = clean(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)


class SchemaEditor(ModalScreen[str | None], FastScreen[str | None]):
    """Gives back a schema as its text. None for Escape: ``text`` then has what was written."""

    DEFAULT_CSS = """
    SchemaEditor { align: center middle; background: transparent; }
    SchemaEditor > Vertical {
        width: 104; max-width: 100%; height: 30; max-height: 100%; background: $role-overlay; border: solid $role-border;
        padding: 1 2; border-title-color: $role-foreground; border-title-style: bold;
        border-title-background: $role-overlay;
    }
    SchemaEditor.-tiny > Vertical { padding: 0 1; }
    SchemaEditor TextRows { height: 2; margin-top: 1; }
    SchemaEditor.-tiny TextRows { margin-top: 0; }
    """
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-tiny"), (20, "-high")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("alt+s,ctrl+s,alt+enter,ctrl+enter", "use", show=False, priority=True),
        Binding("ctrl+q", "nothing", show=False, priority=True),
        *passed_on_bindings((HELP,)),
    ]

    def __init__(self, text: str, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._begins_with = text
        self.theme = theme
        self.glyphs = glyphs

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content("The JSON that answers are")
            yield SchemaArea(self._begins_with)
            yield TextRows(theme=self.theme, glyphs=self.glyphs)
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")

    def on_mount(self) -> None:
        self.area.focus()
        self._say("a JSON schema; every answer in this conversation is made and checked by it", "muted")
        self.query_one("#keys", Line).show(key_parts(self.keys_line()))

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys of this screen, each with its word."""
        return (("alt+s", "use it"), ("ctrl+_", "undo"), ("esc", "back"))

    @property
    def area(self) -> SchemaArea:
        return self.query_one(SchemaArea)

    @property
    def text(self) -> str:
        return self.area.text

    def _say(self, words: str, role: str) -> None:
        self.query_one(TextRows).show((((words, role),),))

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._say("", "muted")

    def action_use(self) -> None:
        """Where it is no schema it stays, with the cursor on the line that is wrong."""
        found = check_schema(self.text)
        if found.schema is not None:
            self.dismiss(json.dumps(found.schema, ensure_ascii=False))
            return
        self.area.move_cursor((found.problems[0].line - 1, 0))
        self._say("; ".join(map(str, found.problems)), "error")

    def action_interrupt(self) -> None:
        if selected := self.area.selected_text:
            self.app.copy_to_clipboard(shown_controls(selected))
        else:
            self.action_back()

    def action_back(self) -> None:
        self.dismiss(None)

    def action_nothing(self) -> None:
        """Quitting waits until this is used or left."""
