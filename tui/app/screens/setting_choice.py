"""What opens on top of the form: the list of a setting's choices, and the key of a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.app.commands.key_names import why_not, written
from tui.app.commands.keymap import Keymap, clash_of
from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight, key_parts
from tui.app.terminal.fast_screen import FastScreen
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.cleaning import clean_line
from tui.settings.form import NO_KEY, Field
from tui.theming.values import Theme


class ChoicePicker(ListScreen):
    """Gives back one of the choices of a setting."""

    def __init__(self, *, title: str, choices: Sequence[str], field: Field, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__(title=title, theme=theme, glyphs=glyphs)
        self._choices = tuple(choices)
        self._field = field

    def on_mount(self) -> None:
        super().on_mount()
        self.refresh_rows(keep=str(self._field.kept_value))

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        typed = typed.strip()
        return tuple(self._row(choice, typed) for choice in self._choices if typed.casefold() in choice.casefold())

    def note_for(self, key: str) -> Parts:
        if key:
            return ((clean_line(self._field.setting.help, 98), "muted"),)
        return (("nothing fits", "foreground"), ("  the backspace key shows more", "muted"))

    def _row(self, choice: str, typed: str) -> Row:
        words = [
            word for word, holds in (("now", self._is_now(choice)), ("default", self._is_default(choice))) if holds
        ]
        role = "foreground!" if self._is_now(choice) else "foreground"
        left = ((" ", "muted"), *highlight(clean_line(choice, 60), typed, role))
        return Row(key=choice, left=left, right=((f"{', '.join(words)} ", "muted"),))

    def _is_now(self, choice: str) -> bool:
        return choice == self._field.kept_value

    def _is_default(self, choice: str) -> bool:
        return choice == self._field.setting.default


class KeyPicker(ModalScreen[tuple[str, ...] | None], FastScreen[tuple[str, ...] | None]):
    """Gives back the keys for a command, none for no key at all, or None for Escape.

    Whatever is pressed is shown with who has it; what cannot be given to a command is said with its reason. Enter,
    Escape, Delete and Backspace have their own meaning here, since no command can have them.
    """

    DEFAULT_CSS = """
    KeyPicker { align: center middle; background: transparent; }
    KeyPicker > Vertical {
        width: 76; max-width: 100%; height: auto; max-height: 100%;
        background: $role-overlay; border: solid $role-border; padding: 1 2;
        border-title-color: $role-foreground; border-title-style: bold; border-title-background: $role-overlay;
    }
    KeyPicker #pressed { margin: 1 0; }
    KeyPicker.-low > Vertical { padding: 0 1; }
    KeyPicker.-low #pressed { margin: 0; }
    """
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (16, "-high")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "keep", show=False),
        Binding("delete", "no_key", show=False),
        Binding("backspace", "default", show=False),
    ]

    def __init__(self, *, field: Field, keymap: Keymap, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._field = field
        self._keymap = keymap
        self._command = field.setting.key
        self._keys: tuple[str, ...] | None = None
        """What Enter would give back."""
        self._complaint = ""
        self.theme = theme
        self.glyphs = glyphs

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content(f"Key: {self._field.setting.help}")
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="now")
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="pressed")
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="more-keys")

    def on_mount(self) -> None:
        declared = f", declared {self._field.default_text}" if self._field.value != self._field.setting.default else ""
        self.query_one("#now", Line).show(
            ((f"{self._command} ", "foreground"), (f"is {self._field.value_text}{declared}", "muted"))
        )
        self._show()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("escape", "enter", "delete", "backspace"):
            return
        event.stop()
        event.prevent_default()
        key = written(event.key)
        if reason := why_not(key):
            self._keys, self._complaint = None, f"{key}: {reason}"
        elif other := clash_of(self._command, key, self._keymap):
            self._keys, self._complaint = None, f"{key} is for {other} already; give that another key first"
        else:
            self._keys, self._complaint = (key,), ""
        self._show()

    def action_keep(self) -> None:
        if self._keys is not None:
            self.dismiss(self._keys)

    def action_no_key(self) -> None:
        self._keys, self._complaint = (), ""
        self._show()

    def action_default(self) -> None:
        default = self._field.setting.default
        keys = default if isinstance(default, tuple) else ()
        clash = next(((key, other) for key in keys if (other := clash_of(self._command, key, self._keymap))), None)
        self._keys = None if clash else keys
        self._complaint = f"{clash[0]} is for {clash[1]} now; give that another key first" if clash else ""
        self._show()

    def action_leave(self) -> None:
        self.dismiss(None)

    def _show(self) -> None:
        line = self.query_one("#pressed", Line)
        if self._complaint:
            line.show(((clean_line(self._complaint, 200), "warning"),))
        elif self._keys is None:
            line.show((("press the new key", "foreground!"),))
        else:
            line.show(((", ".join(self._keys) or NO_KEY, "accent!"), (" is free" if self._keys else "", "muted")))
        keep = (("enter", "keep"),) if self._keys is not None else ()
        self.query_one("#keys", Line).show(key_parts((*keep, ("esc", "leave as it is"))))
        self.query_one("#more-keys", Line).show(key_parts((("delete", "no key"), ("backspace", "as declared"))))
