"""A scrollbar that is drawn with every frame of an answer, at the cost of the few kinds of rows that it has."""

from __future__ import annotations

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip
from textual.widget import Widget

_BACK, _BAR = Color.parse("#555555"), Color.parse("bright_magenta")
"""What Textual draws where a style has no colour."""
_KINDS_KEPT = 64


class LeanScrollBar(ScrollBar):
    """Vertical. Looks and acts like Textual's, which makes a styled text of each row and lays it out anew."""

    _look: tuple[object, ...] = ()

    def __init__(self, vertical: bool = True, name: str | None = None, *, thickness: int = 1) -> None:
        super().__init__(vertical, name, thickness=thickness)
        self._kinds: dict[object, Strip] = {}

    def render_lines(self, crop: Region) -> list[Strip]:
        bar = self.render()
        if type(bar) is not ScrollBarRender or crop != self.size.region or not isinstance(bar.style, Style):
            return super().render_lines(crop)
        segments = bar.render_bar(
            size=self.size.height,
            virtual_size=bar.virtual_size,
            window_size=bar.window_size,
            position=bar.position,
            thickness=bar.thickness,
            vertical=True,
            back_color=bar.style.bgcolor or _BACK,
            bar_color=bar.style.color or _BAR,
        ).segments
        _, background = self.background_colors
        look = (background, *self.get_line_filters())
        if look != self._look or len(self._kinds) > _KINDS_KEPT:
            self._look = look
            self._kinds = {}
        kinds: dict[int, Strip] = {}
        rows: list[Strip] = []
        for segment in segments:
            strip = kinds.get(id(segment))
            if strip is None:
                strip = kinds[id(segment)] = self._strip(segment, bar.thickness, background)
            rows.append(strip)
        return rows

    def _strip(self, segment: Segment, cells: int, background: TextualColor) -> Strip:
        """The same for the same segment from frame to frame, so that whoever keeps something by its identity finds it."""
        key = (segment.text, segment.style, cells)
        strip = self._kinds.get(key)
        if strip is None:
            ground = Style(bgcolor=background.rich_color)
            style = ground if segment.style is None else ground + segment.style
            strip = Strip([Segment(segment.text, style)], cells)
            for one in self.get_line_filters():
                strip = strip.apply_filter(one, background)
            self._kinds[key] = strip
        return strip


def lean_vertical_scrollbar(widget: Widget) -> ScrollBar:
    """For ``vertical_scrollbar`` of a widget: made when it is asked for the first time, as Textual does."""
    scrollbar = widget._vertical_scrollbar
    if scrollbar is None:
        scrollbar = LeanScrollBar(vertical=True, name="vertical", thickness=widget.scrollbar_size_vertical)
        scrollbar.display = False
        widget._vertical_scrollbar = scrollbar
        widget.app._start_widget(widget, scrollbar)
    return scrollbar
