"""The themes, each shown as it is while the mark stands on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row, RowList
from tui.cleaning import clean_line
from tui.theming.read import AUTO, kind_of
from tui.theming.values import Theme


class ThemePicker(ListScreen):
    """Gives back a theme's name, or ``auto``."""

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        themes: Mapping[str, Theme],
        faults: Sequence[str],
        current: str,
        preview: Callable[[str], None],
    ) -> None:
        super().__init__(title="Themes", theme=theme, glyphs=glyphs)
        self._themes = themes
        self._faults = tuple(faults)
        self._current = current
        self._preview = preview

    def on_mount(self) -> None:
        super().on_mount()
        self.list.show(self.rows_for(""), keep=self._current)

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        rows = []
        typed = typed.strip()
        for name in (AUTO, *self._themes):
            if typed.casefold() not in name.casefold():
                continue
            theme = self._themes.get(name)
            kind = "dark or light, as the terminal is" if theme is None else kind_of(theme)
            rows.append(
                Row(
                    key=name,
                    left=((" ", "muted"), *highlight(clean_line(name, 40), typed, "foreground")),
                    right=((f"{kind} ", "muted"),),
                )
            )
        return tuple(rows)

    def note_for(self, key: str) -> Parts:
        if not key:
            return (("no theme fits", "muted"),)
        if self._faults:
            more = f" and {len(self._faults) - 1} more" if len(self._faults) > 1 else ""
            return ((f"{clean_line(self._faults[0], 100)}{more}", "warning"),)
        theme = self._themes.get(key)
        return ((clean_line(theme.about, 100) if theme is not None else "", "muted"),)

    def on_row_list_marked(self, event: RowList.Marked) -> None:
        super().on_row_list_marked(event)
        if event.key:
            self._preview(event.key)

    def action_back(self) -> None:
        self._preview(self._current)
        super().action_back()
