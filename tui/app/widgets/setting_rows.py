"""The rows of a form: groups of settings, each with its name, its value and a mark that says where one is."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.app.glyphs import Glyphs
from tui.app.paint import Ink
from tui.app.widgets.rows import Parts
from tui.theming.values import Theme

MARGIN_CELLS = 1
MARK_CELLS = 3
"""With the margin before it."""
CHANGED_CELLS = 2
GAP_CELLS = 2
LONGEST_NAME_CELLS = 34
ROOMY_FROM_ROWS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One row; all text is clean."""

    name: str
    group: str
    words: Parts
    value: str
    value_role: str = "foreground"
    unit: str = ""
    is_changed: bool = False
    note: Parts = ()
    """At the right end, such as who wins over the file."""


class SettingRows(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows groups of rows and a mark. The screen says what keys do; letters are told on, for its search field."""

    DEFAULT_CSS = """
    SettingRows {
        height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; background: $role-background;
    }
    """

    class Marked(Message):
        """The mark stands on another row."""

    class Chosen(Message):
        """The marked row was clicked."""

    class Typed(Message):
        """A letter that no key of the form is bound to."""

        def __init__(self, character: str) -> None:
            super().__init__()
            self.character = character

    class Moved(Message):
        """Rows lie elsewhere than before: scrolled, or in a window of another size."""

    class Rethemed(Message):
        """All widgets were told of another theme; a screen is none of them."""

        def __init__(self, theme: Theme, glyphs: Glyphs) -> None:
            super().__init__()
            self.theme = theme
            self.glyphs = glyphs

    def __init__(self, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._theme = theme
        self._glyphs = glyphs
        self._rows: tuple[SettingRow, ...] = ()
        self._lines: list[SettingRow | str] = []
        """What lies on each line: a row, the name of a group, or nothing."""
        self._marked = ""
        self._name_cells = 0
        self._nothing: Parts = ()
        self._being_edited = ""

    @property
    def rows(self) -> tuple[SettingRow, ...]:
        return self._rows

    @property
    def marked(self) -> str:
        """The name of the row under the mark; empty when there is none."""
        return self._marked

    def show(
        self, rows: tuple[SettingRow, ...], *, name_cells: int, nothing: Parts = (), being_edited: str = ""
    ) -> None:
        """Replaces the rows, which come group by group. The mark stays where it is, else goes to the first row.

        ``name_cells`` is how wide the longest name is, also of those not shown. ``nothing`` is said when there are no
        rows. The value of ``being_edited`` is left blank, for the field that lies over it.
        """
        self._rows = rows
        self._name_cells = min(name_cells, LONGEST_NAME_CELLS)
        self._nothing = nothing
        self._being_edited = being_edited
        names = [row.name for row in rows]
        if self._marked not in names:
            self.mark(names[0] if names else "")
        self._lay_out()
        self.refresh()

    def mark(self, name: str) -> None:
        if name != self._marked:
            self._marked = name
            self._reveal()
            self.refresh()
            self.post_message(self.Marked())

    def move(self, steps: int) -> None:
        """Moves the mark and stops at the ends."""
        names = [row.name for row in self._rows]
        if names:
            at = names.index(self._marked) + steps
            self.mark(names[max(0, min(at, len(names) - 1))])

    def move_to_group(self, steps: int) -> None:
        """To the first row of a group further down or up; from the middle of a group, up is its own first row."""
        groups = list(dict.fromkeys(row.group for row in self._rows))
        current = next((row for row in self._rows if row.name == self._marked), None)
        if current is None:
            return
        if steps < 0 and self._first_of(current.group) != current.name:
            steps += 1
        at = groups.index(current.group) + steps
        if at >= len(groups):
            self.mark(self._rows[-1].name)
        else:
            self.mark(self._first_of(groups[max(0, at)]))

    def mark_group(self, group: str) -> None:
        if any(row.group == group for row in self._rows):
            self.mark(self._first_of(group))

    def value_region(self) -> Region | None:
        """Where the marked row's value lies in this widget; None while it is out of sight."""
        line = self._line_of_mark()
        y = line - self.scroll_offset.y
        if line < 0 or not 0 <= y < self.size.height:
            return None
        x = self._value_at
        return Region(x, y, max(1, self.size.width - x), 1)

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.refresh()
        self.post_message(self.Rethemed(theme, glyphs))

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()
        self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved())

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character and event.character != " ":
            event.stop()
            self.post_message(self.Typed(event.character))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        line = self._lines[index] if 0 <= index < len(self._lines) else ""
        if not isinstance(line, SettingRow):
            return
        if line.name == self._marked:
            self.post_message(self.Chosen())
        else:
            self.mark(line.name)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        plain = Ink(self._theme.palette, "background")
        index = y + self.scroll_offset.y
        if not self._rows and y == 0:
            drawn = Strip(
                [Segment(text, plain(role)) for text, role in ((" " * MARGIN_CELLS, "muted"), *self._nothing)]
            )
            return drawn.adjust_cell_length(width, plain("muted"))
        if index >= len(self._lines):
            return Strip.blank(width, plain("muted"))
        line = self._lines[index]
        if isinstance(line, SettingRow):
            return self._drawn(line, width)
        heading = Segment(f"{' ' * MARGIN_CELLS}{line}", plain("muted", bold=True))
        return Strip([heading]).adjust_cell_length(width, plain("muted"))

    @property
    def _value_at(self) -> int:
        return MARK_CELLS + self._name_cells + GAP_CELLS + CHANGED_CELLS

    def _drawn(self, row: SettingRow, width: int) -> Strip:
        is_marked = row.name == self._marked
        ink = Ink(self._theme.palette, "selection" if is_marked else "background")
        mark = f"{' ' * MARGIN_CELLS}{self._glyphs.prompt if is_marked else ' '}"
        named = Strip([Segment(text, ink(role.rstrip("!"), bold=role.endswith("!"))) for text, role in row.words])
        changed = self._glyphs.unread if row.is_changed else " "
        room = max(0, width - self._value_at)
        if row.name == self._being_edited:
            value: list[Segment] = []
        else:
            note_cells = sum(cell_len(text) for text, _ in row.note)
            unit = f" {row.unit}" if row.unit else ""
            value_room = max(8, room - note_cells - cell_len(unit) - 1)
            shown = _cut(row.value, value_room, self._glyphs.ellipsis)
            gap = max(1, room - cell_len(shown) - cell_len(unit) - note_cells)
            value = [
                Segment(shown, ink(row.value_role, bold=is_marked)),
                Segment(unit, ink("muted")),
                Segment(" " * gap, ink("muted")),
                *(Segment(text, ink(role)) for text, role in row.note),
            ]
        line = Strip.join(
            [
                Strip([Segment(f"{mark:<{MARK_CELLS}}", ink("accent"))]),
                named.adjust_cell_length(self._name_cells + GAP_CELLS, ink("foreground")),
                Strip([Segment(f"{changed:<{CHANGED_CELLS}}", ink("accent")), *value]),
            ]
        )
        return line.adjust_cell_length(width, ink("foreground"))

    def _lay_out(self) -> None:
        """With an empty line between groups, where all of it fits the window then, or much of it does."""
        groups = list(dict.fromkeys(row.group for row in self._rows))
        is_roomy = self.size.height >= min(ROOMY_FROM_ROWS, lines_of(len(self._rows), len(groups)))
        lines: list[SettingRow | str] = []
        for group in groups:
            if lines and is_roomy:
                lines.append("")
            lines.append(group)
            lines += [row for row in self._rows if row.group == group]
        self._lines = lines
        self.virtual_size = Size(self.size.width, len(lines))
        self._reveal()

    def _first_of(self, group: str) -> str:
        return next(row.name for row in self._rows if row.group == group)

    def _line_of_mark(self) -> int:
        for index, line in enumerate(self._lines):
            if isinstance(line, SettingRow) and line.name == self._marked:
                return index
        return -1

    def _reveal(self) -> None:
        line, height, top = self._line_of_mark(), self.size.height, self.scroll_offset.y
        if line < 0 or height <= 0:
            return
        # With a group's first row its name is shown too.
        first = line - 1 if isinstance(self._lines[line - 1], str) else line
        if first < top:
            self.scroll_to(y=max(0, first), animate=False)
        elif line >= top + height:
            self.scroll_to(y=line - height + 1, animate=False)


def lines_of(rows: int, groups: int) -> int:
    """How many lines that many rows take when there is room for all: names of groups and empty lines between them."""
    return max(1, rows + 2 * groups - 1)


def _cut(text: str, room: int, ellipsis: str) -> str:
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, max(0, room - cell_len(ellipsis))) + ellipsis
