"""Line editing as in a shell: words and lines are taken out, and put back elsewhere."""

from __future__ import annotations

import re

from textual.actions import SkipAction
from textual.widgets.text_area import Location

from tui.app.widgets.chip_area import ChipArea

_SPACES_AT_END = re.compile(r"\s*\Z")
_WORD_AHEAD = re.compile(r"\W*\w+")


class ShellEditing(ChipArea):
    """A chip is a word."""

    def __init__(self, *, separator: str) -> None:
        super().__init__(separator=separator)
        self._killed = ""
        self._killed_at: tuple[int, Location] | None = None

    def action_line_start(self, select: bool = False) -> None:
        self.move_cursor((self.cursor_location[0], 0), select=select)

    def action_line_end(self, select: bool = False) -> None:
        row = self.cursor_location[0]
        self.move_cursor((row, len(self.document[row])), select=select)

    def action_delete_right(self) -> None:
        if self.is_empty:
            raise SkipAction
        super().action_delete_right()

    def action_kill_word_left(self) -> None:
        """Back to the space before, as in a shell; a chip is a word."""
        row, column = self.cursor_location
        if column == 0:
            self._kill(self.get_cursor_left_location(), (row, column), before=True)
            return
        line = self.document[row]
        found = _SPACES_AT_END.search(line, 0, column)
        end = found.start() if found else column
        chip = next((span for span in self._chips.spans(line) if span.end == end), None)
        if chip is not None:
            start = chip.start
        else:
            edges = [span.end for span in self._chips.spans(line) if span.end < end]
            start = max([0, *edges, *(place.end() for place in re.finditer(r"\s", line[:end]))])
        self._kill((row, start), (row, column), before=True)

    def action_kill_word_right(self) -> None:
        row, column = self.cursor_location
        line = self.document[row]
        if column == len(line):
            self._kill((row, column), self.get_cursor_right_location(), before=False)
            return
        spans = (span for span in self._chips.spans(line) if span.end > column)
        limit = next((span.start if span.start > column else span.end for span in spans), len(line))
        found = _WORD_AHEAD.match(line, column, limit)
        self._kill((row, column), (row, found.end() if found else limit), before=False)

    def action_kill_to_start(self) -> None:
        row, column = self.cursor_location
        start = (row, 0) if column else self.get_cursor_left_location()
        self._kill(start, (row, column), before=True)

    def action_kill_to_end(self) -> None:
        row, column = self.cursor_location
        length = len(self.document[row])
        end = (row, length) if column < length else self.get_cursor_right_location()
        self._kill((row, column), end, before=False)

    def _kill(self, start: Location, end: Location, *, before: bool) -> None:
        """Take text out and remember it; what is taken in one go, by several keys, comes back in one go."""
        if not self.selection.is_empty:
            start, end = sorted(self.selection)
        if start == end:
            return
        goes_on = self._killed_at == (self._edits, self.cursor_location)
        taken = self.replace("", start, end, maintain_selection_offset=False).replaced_text
        if not goes_on:
            self._killed = taken
        else:
            self._killed = taken + self._killed if before else self._killed + taken
        self._killed_at = (self._edits, self.cursor_location)

    def action_yank(self) -> None:
        """On an empty prompt the key belongs to the app, except right after a kill."""
        just_killed = self._killed_at == (self._edits, self.cursor_location)
        if not self._killed or (self.is_empty and not just_killed):
            raise SkipAction
        self.replace(self._killed, *self.selection, maintain_selection_offset=False)
