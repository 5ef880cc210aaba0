"""A filter with a list under it, on top of the conversation."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.app.commands.declared import COMMANDS
from tui.app.commands.keymap import keymap_of
from tui.app.glyphs import Glyphs
from tui.app.terminal.fast_screen import FastScreen
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts, cells_of
from tui.app.widgets.rows import Row, RowList
from tui.cleaning import shown_controls
from tui.theming.values import Theme

MAX_ROWS = 10_000
_GAP_CELLS = 3
"""Behind a key and its word."""
HELP = "help.keys"
PASSED_ON = ("commands", HELP, "model.choose", "conversation.open", "conversation.new", "settings", "suspend")
"""Commands whose keys work on a screen that lies on top as well: it closes, and the conversation does them."""


def passed_on_bindings(names: tuple[str, ...] = PASSED_ON) -> list[BindingType]:
    """Their keys, also when they were changed by the command's name."""
    return [
        Binding(",".join(command.bound), f"app.do_instead('{command.action}')", show=False, id=command.name)
        for command in COMMANDS
        if command.name in names and command.bound
    ]


class ListScreen(ModalScreen[str | None], FastScreen[str | None]):
    """Typing filters, Enter gives the marked key back, Escape gives None.

    A subclass says which rows fit the filter, what stands under the list, and what more keys do.
    """

    DEFAULT_CSS = """
    ListScreen { align: center middle; background: transparent; }
    ListScreen > Vertical {
        width: 104; max-width: 96%; height: 22; max-height: 88%;
        background: $role-overlay; border: solid $role-border; padding: 1 2;
        border-title-color: $role-foreground; border-title-style: bold; border-title-background: $role-overlay;
        border-subtitle-color: $role-muted; border-subtitle-background: $role-overlay;
    }
    ListScreen.-fits.-high.-wide { align: center top; }
    ListScreen.-fits.-high.-wide > Vertical { height: auto; max-height: 22; margin: 5 0 0 0; }
    ListScreen.-fits.-high.-wide > Vertical > RowList { height: auto; min-height: 1; max-height: 13; }
    ListScreen.-tall > Vertical { width: 112; height: 1fr; max-height: 100%; margin: 2 0 5 0; }
    ListScreen.-tiny > Vertical, ListScreen.-low > Vertical, ListScreen.-narrow > Vertical {
        width: 100%; max-width: 100%; height: 1fr; max-height: 100%; margin: 1 0;
    }
    ListScreen.-tiny > Vertical { padding: 0 1; }
    ListScreen.-tiny Horizontal { margin-bottom: 0; }
    ListScreen.-tiny #note { margin-top: 0; }
    ListScreen Horizontal { height: 1; margin-bottom: 1; }
    ListScreen #marker { width: 2; }
    ListScreen #note { margin-top: 1; }
    """

    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-tiny"), (20, "-low"), (32, "-high")]  # noqa: RUF012  as the class above declares it
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("enter", "use", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("ctrl+home", "move(-100000)", show=False),
        Binding("ctrl+end", "move(100000)", show=False),
        Binding("tab,shift+tab", "nothing", show=False, priority=True),
        Binding("ctrl+q", "app.quit_chinwag", show=False, priority=True, id="quit"),
        *passed_on_bindings(),
    ]

    _enter_waits = False
    """For the rows, which are still being read."""
    _shown_for: str | None = None
    """The filter that the rows fit."""

    def __init__(
        self, *, title: str, theme: Theme, glyphs: Glyphs, placeholder: str = "type to filter", is_tall: bool = False
    ) -> None:
        super().__init__()
        self._heading = title
        self.theme = theme
        self.glyphs = glyphs
        self._placeholder = placeholder
        self.set_class(is_tall, "-tall")
        self.set_class(not is_tall, "-fits")

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content(self._heading)
            with Horizontal():
                yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="marker")
                yield FilterInput(placeholder=self._placeholder)
            yield RowList(theme=self.theme, glyphs=self.glyphs)
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="note")
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")

    def on_mount(self) -> None:
        self.query_one("#marker", Line).show(((f"{self.glyphs.prompt} ", "accent"),))
        self.query_one(FilterInput).focus()
        self.refresh_rows()

    @property
    def typed(self) -> str:
        return self.query_one(FilterInput).value

    @property
    def list(self) -> RowList:
        return self.query_one(RowList)

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        """The rows that fit what was typed."""
        raise NotImplementedError

    def note_for(self, key: str) -> Parts:
        """One line about the marked row, or about why there is none."""
        return ()

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that make sense at this moment. In a narrow window those before the last one go first."""
        return (("enter", "use"), ("esc", "back")) if self.list.marked else (("esc", "back"),)

    @property
    def has_list(self) -> bool:
        """False before there is one, and after this screen has closed: what was being read then comes too late."""
        return self.is_attached and bool(self.query(RowList))

    @property
    def is_reading(self) -> bool:
        """Whether the first rows are still to come: Enter waits for them."""
        return False

    def refresh_rows(self, *, keep: str = "") -> None:
        if not self.has_list:
            return
        self._shown_for = self.typed
        self.list.show(self.rows_for(self.typed)[:MAX_ROWS], keep=keep)
        self.refresh_note()

    def refresh_note(self) -> None:
        if self._enter_waits and not self.is_reading:
            self._enter_waits = False
            self.call_later(self._use)
        self.query_one("#note", Line).show(self.note_for(self.list.marked))
        line = self.query_one("#keys", Line)
        keys = keymap_of(self.app).in_lists(self.keys_line())
        line.show(key_parts(fitting_keys(keys, line.size.width or self.app.size.width)))

    def show_counts(self, text: str) -> None:
        """Clean text into the frame's lower border."""
        self.query_one(Vertical).border_subtitle = Content(text)

    def on_resize(self, event: events.Resize) -> None:
        if self.has_list:
            self.call_after_refresh(self._fit_keys)

    def _fit_keys(self) -> None:
        if self.has_list:
            self.refresh_note()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._enter_waits = False
        self.refresh_rows()

    def on_key(self, event: events.Key) -> None:
        """What is typed before the filter has the focus belongs there."""
        if event.character is not None and event.is_printable:
            event.stop()
            self.query_one(FilterInput).insert_text_at_cursor(event.character)

    def on_row_list_marked(self, event: RowList.Marked) -> None:
        self.refresh_note()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.choose(event.key)

    def action_use(self) -> None:
        """Behind what was typed before it: this screen and the filter may not have read that yet."""
        self.call_later(self._use_behind_filter)

    def _use_behind_filter(self) -> None:
        self.query_one(FilterInput).call_later(self._use)

    def _use(self) -> None:
        if not self.is_current:
            return
        if self.typed != self._shown_for:
            self.refresh_rows()
        if key := self.list.marked:
            self.choose(key)
        else:
            self._enter_waits = self.is_reading

    def choose(self, key: str) -> None:
        """What Enter and a click do."""
        self.dismiss(key)

    def action_back(self) -> None:
        self.dismiss(None)

    def action_interrupt(self) -> None:
        """Copies what is selected in the filter, else closes."""
        if selected := self.query_one(FilterInput).selected_text:
            self.app.copy_to_clipboard(shown_controls(selected))
        else:
            self.action_back()

    def leave(self) -> None:
        """Closes as Escape does; it may stay when there is something to go back to first."""
        self.action_back()

    def action_move(self, steps: int) -> None:
        self._enter_waits = False
        self.list.move(steps)

    def action_page(self, direction: int) -> None:
        self.list.page(direction)

    def action_nothing(self) -> None:
        """The key is taken so that it does not move the focus away from the filter."""


def fitting_keys(keys: tuple[tuple[str, str], ...], room_cells: int) -> tuple[tuple[str, str], ...]:
    """Without those before the last one for which there is no room: that one leads out of here."""
    while len(keys) > 2 and cells_of(key_parts(keys)) > room_cells:
        keys = (*keys[:-2], keys[-1])
    return keys


def key_parts(keys: tuple[tuple[str, str], ...]) -> Parts:
    parts: list[tuple[str, str]] = []
    for key, word in keys:
        gap = " " * _GAP_CELLS if parts else ""
        parts += [(f"{gap}{key}", "accent"), (f" {word}", "muted")]
    return tuple(parts)


def highlight(text: str, typed: str, role: str) -> Parts:
    """``text`` with the first place that matches ``typed`` marked; both clean."""
    at = text.casefold().find(typed.casefold()) if typed else -1
    if at < 0 or len(text.casefold()) != len(text):
        return ((text, role),)
    end = at + len(typed)
    parts = ((text[:at], role), (text[at:end], "accent!"), (text[end:], role))
    return tuple(part for part in parts if part[0])
