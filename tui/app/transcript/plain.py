"""Cuts text that is not Markdown into units, line by line, however it arrives."""

from __future__ import annotations

import copy

from tui.app.transcript.units import UNIT_CHARACTERS, Kind, Unit

_LINES_OF_A_UNIT = 40


class PlainSegmenter:
    """As ``Segmenter`` for prompts and thinking, where every character stands for itself."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.references: dict[str, str] = {}
        self._partial = ""
        self._lines: list[str] = []
        self._characters = 0
        self._offset = 0
        """Where ``_partial`` begins in the text."""
        self._unit_offset = 0
        self._join = "\n"

    def feed(self, text: str) -> None:
        first, *lines = text.split("\n")
        self._partial += first
        for line in lines:
            self._take_long_line()
            self._take(self._partial)
            self._offset += len(self._partial) + 1
            self._partial = line
        self._take_long_line()

    def finish(self) -> None:
        if self._partial:
            self._take(self._partial)
            self._partial = ""
        self._flush()

    def open_units(self) -> list[Unit]:
        return copy.copy(self).ended()

    def ended(self) -> list[Unit]:
        """The units that are open if the text ends here. What they are found with is of no use after it."""
        self.units = []
        self._lines = list(self._lines)
        self.finish()
        return self.units

    def _take_long_line(self) -> None:
        while len(self._partial) > UNIT_CHARACTERS:
            self._flush()
            cut = self._partial.rfind(" ", UNIT_CHARACTERS // 2, UNIT_CHARACTERS)
            join = " " if cut > 0 else ""
            cut = cut if cut > 0 else UNIT_CHARACTERS
            self._take(self._partial[:cut])
            self._flush()
            self._join = join
            self._partial = self._partial[cut + len(join) :]
            self._offset += cut + len(join)

    def _take(self, line: str) -> None:
        if len(self._lines) >= _LINES_OF_A_UNIT or self._characters + len(line) > UNIT_CHARACTERS:
            self._flush()
        if not self._lines:
            self._unit_offset = self._offset
        self._lines.append(line)
        self._characters += len(line) + 1

    def _flush(self) -> None:
        if self._lines:
            source = "\n".join(self._lines)
            unit = Unit(kind=Kind.plain, source=source, offset=self._unit_offset, is_tight=True, join=self._join)
            self.units.append(unit)
            self._lines = []
            self._characters = 0
            self._join = "\n"
