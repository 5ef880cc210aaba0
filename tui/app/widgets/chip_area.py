"""An editor in which a long paste is one character to the cursor and to every edit."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.actions import SkipAction
from textual.geometry import Offset, Size
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Location, Selection

from tui.app.attached_text import plain_text
from tui.app.widgets.paste import Chips
from tui.cleaning import clean

_FRAME_ROWS = 2


class ChipArea(TextArea):
    """Its document holds *folded* text (see ``Chips``), cleaned, with newlines only."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"prompt--chip"}

    def __init__(self, *, separator: str) -> None:
        # TextArea moves its cursor while it is made, and a cursor asks where the chips are.
        self._chips = Chips(separator)
        self._edits = 0
        super().__init__(soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False, tab_behavior="focus")

    @property
    def is_empty(self) -> bool:
        return self.document.line_count == 1 and not self.document[0]

    @property
    def has_paste(self) -> bool:
        return any(self._chips.has_paste(self.document[row]) for row in range(self.document.line_count))

    @property
    def selected_text(self) -> str:
        return plain_text(self._chips.unfold(super().selected_text))

    def edit(self, edit: Edit) -> EditResult:
        edit.from_location, edit.to_location = self._around_chips(edit.from_location, edit.to_location)
        self._edits += 1
        if not self._chips.spans(self.document.get_text_range(edit.from_location, edit.to_location)):
            return super().edit(edit)
        # A step of undo of its own: the letters deleted before and after it come back by themselves.
        self.history.checkpoint()
        result = super().edit(edit)
        self.history.checkpoint()
        return result

    def action_open_paste(self) -> None:
        """Put the paste under or nearest before the cursor, else the first, into the text; undo folds it again."""
        cursor = self.cursor_location
        places = [
            (row, span)
            for row in range(self.document.line_count)
            for span in self._chips.spans(self.document[row])
            if span.chip.is_paste
        ]
        if not places:
            raise SkipAction
        at_or_before = [place for place in places if (place[0], place[1].start) <= cursor]
        row, span = at_or_before[-1] if at_or_before else places[0]
        content = clean(span.chip.content)
        self.replace(content, (row, span.start), (row, span.end), maintain_selection_offset=False)

    def validate_selection(self, selection: Selection) -> Selection:
        """A cursor is never inside a chip: it jumps to the far end."""
        return Selection(
            self._beside_chip(selection.start, self.selection.start),
            self._beside_chip(selection.end, self.selection.end),
        )

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:
        """None: the search would read the whole text at every move, and nothing shows what it finds."""
        return None

    def _around_chips(self, start: Location, end: Location) -> tuple[Location, Location]:
        if start > end:
            start, end = end, start
        first, last = self._chip_edges(start), self._chip_edges(end)
        if start == end:
            return (last[1], last[1]) if last else (start, end)
        return (first[0] if first else start), (last[1] if last else end)

    def _beside_chip(self, location: Location, before: Location) -> Location:
        edges = self._chip_edges(location)
        if edges is None:
            return location
        left, right = edges
        if before >= right:
            return left
        if before <= left:
            return right
        return left if location[1] - left[1] < right[1] - location[1] else right

    def _chip_edges(self, location: Location) -> tuple[Location, Location] | None:
        """Both ends of the chip that the location is strictly inside."""
        row, column = location
        if not 0 <= row < self.document.line_count:
            return None
        for span in self._chips.spans(self.document[row]):
            if span.start < column < span.end:
                return (row, span.start), (row, span.end)
        return None

    # --- how it looks

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        # Undo shortens the text before it moves the cursor, and asks for the cursor's place in between.
        if self.clamp_visitable(self.cursor_location) != self.cursor_location:
            return Offset()
        return super().scroll_cursor_visible(center, animate)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as the text, at most a third of the window with the frame."""
        rows = super().get_content_height(container, viewport, width)
        return max(1, min(rows, viewport.height // 3 - _FRAME_ROWS))

    def get_line(self, line_index: int) -> Text:
        line = self.document.get_line(line_index)
        text = Text(self._chips.shown(line), end="", no_wrap=True)
        spans = self._chips.spans(line)
        if spans:
            style = self.get_component_rich_style("prompt--chip")
            for span in spans:
                text.stylize(style, span.start, span.end)
        return text
