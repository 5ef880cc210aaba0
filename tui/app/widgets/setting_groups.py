"""The groups of a form at its left: which there are, and where one is."""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.app.glyphs import Glyphs
from tui.app.paint import Ink
from tui.theming.values import Theme


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingGroup:
    name: str
    """Clean."""
    is_current: bool = False
    is_changed: bool = False
    has_rows: bool = True
    """Something of it fits the search."""


class SettingGroups(Widget):
    """An index, not a list to walk through: it follows the mark of the form, and a click goes to a group."""

    DEFAULT_CSS = "SettingGroups { width: 20; background: $role-background; }"

    class Chosen(Message):
        def __init__(self, group: str) -> None:
            super().__init__()
            self.group = group

    def __init__(self, *, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__()
        self._theme = theme
        self._glyphs = glyphs
        self._groups: tuple[SettingGroup, ...] = ()

    def show(self, groups: tuple[SettingGroup, ...]) -> None:
        if groups != self._groups:
            self._groups = groups
            self.refresh()

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        self._theme, self._glyphs = theme, glyphs
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if 0 <= event.y < len(self._groups):
            self.post_message(self.Chosen(self._groups[event.y].name))

    def render_line(self, y: int) -> Strip:
        ink = Ink(self._theme.palette, "background")
        width = self.size.width
        if y >= len(self._groups):
            return Strip.blank(width, ink("muted"))
        group = self._groups[y]
        rail = self._glyphs.rail if group.is_current else " "
        role = "foreground" if group.is_current else "muted"
        words = group.name if group.has_rows else f"({group.name})"
        changed = f" {self._glyphs.unread}" if group.is_changed else ""
        line = Strip(
            [
                Segment(f" {rail} ", ink("accent")),
                Segment(words, ink(role, bold=group.is_current)),
                Segment(changed, ink("accent")),
            ]
        )
        return line.adjust_cell_length(width, ink("muted"))
