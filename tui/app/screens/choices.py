"""A list to choose one thing from: presets, options, prompts, the lines of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.cleaning import cell_width, clean, clean_line
from tui.theming.values import Theme

GAP_CELLS = 2
MORE_CELLS = 120
NOTE_CELLS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """All texts are cleaned where they are shown."""

    key: str
    name: str
    more: str = ""
    """What stands muted behind the name."""
    right: str = ""
    note: str = ""
    """Said while the mark stands on it."""
    role: str = "foreground"
    more_role: str = "muted"


class Choices(ListScreen):
    """Gives back the key of what was chosen, or None."""

    def __init__(
        self,
        *,
        title: str,
        choices: Sequence[Choice],
        theme: Theme,
        glyphs: Glyphs,
        current: str = "",
        faults: Sequence[str] = (),
        nothing: str = "nothing here",
        keys: Sequence[tuple[str, str]] = (("enter", "use"), ("esc", "back")),
        is_tall: bool = False,
    ) -> None:
        """``faults``, clean lines, are said in the place of the notes; ``nothing`` where there is no choice at all."""
        super().__init__(title=title, theme=theme, glyphs=glyphs, is_tall=is_tall)
        self._choices = {one.key: one for one in choices}
        self._name_cells = max((cell_width(_name(one)) for one in choices if one.more), default=0)
        self._current = current
        self._faults = tuple(faults)
        self._nothing = nothing
        self._keys = tuple(keys)

    def on_mount(self) -> None:
        super().on_mount()
        self.list.show(self.rows_for(""), keep=self._current)

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        words = typed.casefold().split()
        return tuple(
            self._row(one, typed.strip())
            for one in self._choices.values()
            if all(word in f"{one.name} {one.more} {one.right}".casefold() for word in words)
        )

    def _row(self, one: Choice, typed: str) -> Row:
        name, more = _name(one), clean_line(one.more, MORE_CELLS)
        gap = " " * (self._name_cells - cell_width(name) + GAP_CELLS) if more else ""
        return Row(
            key=one.key,
            left=((" ", "muted"), *highlight(name, typed, one.role), (f"{gap}{more}", one.more_role)),
            right=((f"{clean_line(one.right, 40)} ", "muted"),) if one.right else (),
        )

    def note_for(self, key: str) -> Parts:
        if self._faults:
            more = f" and {len(self._faults) - 1} more" if len(self._faults) > 1 else ""
            return ((f"{clean_line(self._faults[0], NOTE_CELLS)}{more}", "warning"),)
        if not key:
            return ((self._nothing if not self._choices else "nothing fits", "muted"),)
        return ((clean_line(self._choices[key].note, NOTE_CELLS), "muted"),)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return self._keys if self.list.marked else (("esc", "back"),)


def _name(one: Choice) -> str:
    """With the spaces that it has: it may be a line of a text."""
    return clean(one.name).replace("\n", " ").replace("\t", " ")
