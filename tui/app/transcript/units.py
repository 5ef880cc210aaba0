"""What a text is cut into: units small enough to be rendered again and again, each on its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

UNIT_CHARACTERS = 4_000
"""Longer blocks are cut, so that what one frame costs does not depend on how long a block is."""
CUT_FROM_CHARACTERS = 600
"""From this length on a block of many lines is cut at the next line where that does not show.

What is open at the end of an answer is rendered with every frame, so shorter is faster."""
CODE_LINES_OF_A_UNIT = 64
TABLE_ROWS_OF_A_UNIT = 100
LEAST_TABLE_ROWS_OF_A_UNIT = 8
TABLE_CELLS_OF_A_UNIT = 1_000
"""A table of many columns is cut into units of fewer rows."""


class Kind(Enum):
    markdown = "markdown"
    """Whole blocks of Markdown: paragraphs, headings, quotes, rules, HTML, indented code."""
    item = "item"
    """One item of a list at the top level, with all that is in it."""
    item_rest = "item_rest"
    """What an item still holds after its first unit."""
    continued = "continued"
    """Inline text that goes on with the paragraph of the unit before."""
    fence = "fence"
    """Some lines of fenced code."""
    table = "table"
    """Some rows of a table."""
    formula = "formula"
    """A formula on lines of its own, as it is written."""
    plain = "plain"
    """Lines that are not Markdown."""


@dataclass(slots=True, eq=False)
class Fence:
    """A fenced block of code. Units show its lines; it grows until it is closed."""

    label: str
    """What stands behind the opening fence: a language, and sometimes more; empty for none."""
    number: int
    """The how-manieth block of code of its message it is, from 1."""
    lines: list[str] = field(default_factory=list)
    continues: set[int] = field(default_factory=set)
    """Indices of lines that go on with a line too long for one piece."""
    characters: int = 0
    is_closed: bool = False

    def source(self) -> str:
        """The code as it was written, every line ended by a line feed."""
        parts: list[str] = []
        for index, line in enumerate(self.lines):
            if index and index not in self.continues:
                parts.append("\n")
            parts.append(line)
        return "".join(parts) + "\n" if self.lines else ""


@dataclass(slots=True, eq=False)
class Table:
    """A table at the top level. Units show its rows; it grows at the end."""

    head: str
    delimiters: str
    rows: list[str] = field(default_factory=list)
    layout_rows: int | None = None
    """How many rows decide how wide the columns are; None while all of them do."""


@dataclass(slots=True, kw_only=True, eq=False)
class Unit:
    """A part of a text that is rendered by itself. Everything that is needed for it is in it."""

    kind: Kind
    source: str = ""
    offset: int = 0
    """Where it begins in the text that was fed."""
    is_tight: bool = False
    """No empty row stands in front of it."""
    join: str = "\n"
    """What stands between the unit before and this one in copied text."""
    ordinal: int | None = None
    """Of an item in a numbered list: its number."""
    indent_columns: int = 0
    """How far right of the margin it stands."""
    first_code_number: int = 1
    """The number of the first block of code in it."""
    fence: Fence | None = None
    table: Table | None = None
    start: int = 0
    """First line of the fence or row of the table."""
    end: int = 0
    """One past the last."""
    extra: str | None = None
    """A line of the fence or row of the table that is still under way."""
    is_last: bool = True
    """Whether the fence or table ends with it."""
