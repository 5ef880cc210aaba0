"""Cuts Markdown into units, line by line, however it arrives.

Where it cuts depends on the text alone and never on how it was split into fragments, and nothing that comes later
moves a cut: so an answer that streamed in and the same answer read from disk consist of the same units.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from enum import Enum

from tui.app.transcript.inline import can_be_followed, label_key
from tui.app.transcript.unfinished import closed_for_now, is_undecided
from tui.app.transcript.units import (
    CODE_LINES_OF_A_UNIT,
    CUT_FROM_CHARACTERS,
    LEAST_TABLE_ROWS_OF_A_UNIT,
    TABLE_CELLS_OF_A_UNIT,
    TABLE_ROWS_OF_A_UNIT,
    UNIT_CHARACTERS,
    Fence,
    Kind,
    Table,
    Unit,
)

_FENCE = re.compile(r"( {0,3})(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_INNER_FENCE = re.compile(r"\s*(?:(?:[-+*]|\d{1,9}[.)])\s+|>\s?)*(`{3,}(?=[^`]*$)|~{3,})(.*)$")
_ITEM = re.compile(r"( {0,3})([-+*]|(\d{1,9})([.)]))(?:([ \t]+)(\S.*)|[ \t]*)$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_QUOTE = re.compile(r" {0,3}>")
_QUOTED_TEXT = re.compile(r" {0,3}>[ \t]?[^\W\d_][^|]*$")
"""Text in a quote that is no list, code, table or heading."""
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_DELIMITERS = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_FORMULA = re.compile(r" {0,3}(\$\$|\\\[)(.*)$")
_DEFINITION = re.compile(r" {0,3}\[([^\[\]^][^\[\]]*)\]:\s*<?([^\s<>]+)>?(?:\s+[\"'(].*)?$")
_HTML = (
    (re.compile(r" {0,3}<(?:script|pre|style|textarea)(?:\s|>|$)", re.IGNORECASE), "</"),
    (re.compile(r" {0,3}<!--"), "-->"),
    (re.compile(r" {0,3}<\?"), "?>"),
    (re.compile(r" {0,3}<!\[CDATA\["), "]]>"),
)
_BAR = re.compile(r"(?<!\\)\|")
_CODE_COLUMNS = 4
_MOST_TABLE_COLUMNS = 100


class _State(Enum):
    between = "between blocks"
    chunk = "lines up to an empty one"
    item = "an item of a list"
    indented = "indented code"
    html = "HTML that goes on over empty lines"
    formula = "a formula on lines of its own"
    fence = "fenced code"
    table = "a table"


def table_cells(line: str) -> list[str]:
    r"""The cells of one line of a table; ``\|`` is a bar inside a cell."""
    text = line.strip().removeprefix("|")
    if text.endswith("|") and not text.endswith("\\|"):
        text = text[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(text)]


def _indent_of(line: str) -> int:
    blanks = line[: len(line) - len(line.lstrip(" \t"))]
    return len(blanks.expandtabs(4))


def _dedent(line: str, columns: int) -> str:
    """``line`` without up to ``columns`` blanks at its start."""
    blanks = _indent_of(line)
    if "\t" in line[:columns]:
        line = " " * blanks + line.lstrip(" \t")
    return line[min(columns, blanks) :]


def _has_pairs(line: str) -> bool:
    """Whether marks come in pairs, so that none waits for the next line."""
    return not any(line.count(mark) % 2 for mark in "*_`~$") and line.count("[") == line.count("]")


class Segmenter:
    """Feed it text: finished units are appended to ``units``, and what is still open can be had as units, too."""

    def __init__(self, count_code: Callable[[str], int]) -> None:
        self.units: list[Unit] = []
        self.references: dict[str, str] = {}
        """Addresses by the key of their label, from the definitions seen so far."""
        self._count_code = count_code
        """How many blocks of fenced code are in some Markdown."""
        self._partial = ""
        """The line under way."""
        self._continues_line = False
        """``_partial`` goes on with a line whose beginning was taken before."""
        self._offset = 0
        """Where ``_partial`` begins in the text."""
        self._unit_offset: int | None = None
        """Where what is not in a unit yet begins; None while there is nothing."""
        self._join = "\n"
        self._state = _State.between
        self._lines: list[str] = []
        self._characters = 0
        self._is_tight = False
        self.next_code_number = 1
        self._item_columns = 0
        self._marker_columns = 0
        """As the marker of the item is shown, with the space behind it."""
        self._nested_columns = 0
        """The indent of the first item inside the item; 0 until there is one."""
        self._family = ""
        """The marker that all items of one list share: ``-`` or ``.``."""
        self._ordinal: int | None = None
        self._is_rest = False
        self._inner_fence = ""
        self._inner_opener = ""
        self._is_plain_quote = False
        """The open paragraph is quoted text and nothing else."""
        self._has_blank = False
        """The last line of the item or of indented code was empty."""
        self._end_mark = ""
        """What ends HTML or a formula."""
        self._fence: Fence | None = None
        self._fence_mark = ""
        self._fence_columns = 0
        self._table: Table | None = None
        self._table_rows = TABLE_ROWS_OF_A_UNIT
        self._shown = 0
        """How many lines of the fence or rows of the table are in finished units."""

    def feed(self, text: str) -> None:
        first, *lines = text.split("\n")
        self._partial += first
        for line in lines:
            self._take_long_line()
            self._end_line()
            self._partial = line
        self._take_long_line()

    def finish(self) -> None:
        """The text is complete: what is open becomes units."""
        if self._partial or self._continues_line:
            self._end_line()
        self._close()

    def open_units(self) -> list[Unit]:
        """What is not finished, as units. Of the line under way as much as can be understood already."""
        line = self._partial
        if self._fence is not None:
            is_hidden = not line or (not self._continues_line and self._fence_mark.startswith(line.strip()[:3]))
            return [self._fence_unit(is_last=True, extra=None if is_hidden else line)]
        if self._table is not None:
            return [self._table_unit(is_last=True, extra=line or None)]
        return copy.copy(self).ended_with(line)

    def ended_with(self, line: str) -> list[Unit]:
        """The units that are open if the text ends with this line. What they are found with is of no use after it."""
        self.units = []
        self.references = {}
        self._lines = list(self._lines)
        if line and (self._continues_line or self._inner_fence or not is_undecided(line)):
            self._take(line if self._inner_fence else closed_for_now(line))
        if self._may_become_table():
            return []
        self._close()
        return self.units

    # Lines and pieces of lines

    def _take_long_line(self) -> None:
        """Cut a line that is longer than a unit may be into pieces that each begin a new row."""
        while len(self._partial) > UNIT_CHARACTERS:
            cut = UNIT_CHARACTERS
            join = ""
            if self._fence is None:
                space = self._partial.rfind(" ", UNIT_CHARACTERS // 2, UNIT_CHARACTERS)
                if space > 0:
                    cut, join = space, " "
            piece, self._partial = self._partial[:cut], self._partial[cut + len(join) :]
            self._take(piece)
            self._offset += cut + len(join)
            if self._table is not None:
                self._close()
                self._state = _State.chunk
                self._is_tight = True
            elif self._fence is None:
                self._flush()
            self._join = join
            self._continues_line = True

    def _end_line(self) -> None:
        line, self._partial = self._partial, ""
        self._take(line)
        self._offset += len(line) + 1
        self._continues_line = False

    def _take(self, line: str) -> None:
        if not self._continues_line:
            self._line(line)
        elif self._fence is not None:
            self._fence.continues.add(len(self._fence.lines))
            self._add_code(line)
        elif line:
            unit = Unit(
                kind=Kind.continued,
                source=line,
                offset=self._offset,
                is_tight=True,
                join=self._join,
                indent_columns=self._marker_columns if self._state is _State.item else 0,
            )
            self.units.append(unit)
            self._is_tight = True

    def _line(self, line: str) -> None:
        match self._state:
            case _State.between:
                self._begin(line)
            case _State.chunk:
                self._in_chunk(line)
            case _State.item:
                self._in_item(line)
            case _State.indented:
                self._in_indented(line)
            case _State.html | _State.formula:
                self._until_mark(line)
            case _State.fence:
                self._in_fence(line)
            case _State.table:
                self._in_table(line)

    # Blocks

    def _begin(self, line: str) -> None:
        """The first line of a block, with nothing open."""
        if not line.strip():
            return
        if self._begin_fence(line) or self._begin_item(line) or self._begin_html(line):
            return
        if _indent_of(line) >= _CODE_COLUMNS:
            self._state = _State.indented
            self._has_blank = False
        elif (formula := _FORMULA.match(line)) and self._formula_goes_on(formula):
            self._state = _State.formula
        else:
            self._state = _State.chunk
            self._note_definition(line)
            self._follow_quote(line, is_first=True)
        self._append(line)

    def _begin_fence(self, line: str) -> bool:
        found = _FENCE.match(line)
        if not found:
            return False
        self._state = _State.fence
        self._fence_columns = len(found[1])
        self._fence_mark = found[2]
        self._fence = Fence(found[3].strip(), self.next_code_number)
        self.next_code_number += 1
        self._shown = 0
        self._unit_offset = self._offset
        return True

    def _begin_item(self, line: str, *, tight_after: str = "") -> bool:
        """``tight_after`` is the family of the list whose item was open just before."""
        found = _ITEM.match(line)
        if not found or _RULE.match(line):
            return False
        indent, marker, number, delimiter, blanks, text = found.groups()
        family = delimiter or marker
        is_same_list = family == tight_after
        if number is None:
            self._ordinal = None
        elif is_same_list and self._ordinal is not None:
            self._ordinal += 1
        else:
            self._ordinal = int(number)
        space = len(blanks.expandtabs(4)) if blanks else 1
        self._item_columns = len(indent) + len(marker) + (space if space <= _CODE_COLUMNS else 1)
        self._marker_columns = 2 if self._ordinal is None else len(str(self._ordinal)) + 2
        self._nested_columns = 0
        self._family = family
        self._is_tight = is_same_list
        self._is_rest = False
        self._inner_fence = ""
        self._has_blank = False
        self._state = _State.item
        self._follow_inner_fence(text or "")
        self._append(line)
        return True

    def _begin_html(self, line: str) -> bool:
        for opener, end in _HTML:
            if opener.match(line):
                self._state = _State.html
                self._end_mark = end
                self._append(line)
                if end in line.lstrip()[4:]:
                    self._close()
                return True
        return False

    def _formula_goes_on(self, found: re.Match[str]) -> bool:
        r"""Whether ``$$`` or ``\[`` at the start of a line opens a formula that is not closed on it."""
        self._end_mark = "$$" if found[1] == "$$" else "\\]"
        return self._end_mark not in found[2]

    def _in_chunk(self, line: str) -> None:
        if not line.strip():
            self._close()
            return
        previous = self._lines[-1] if self._lines else ""
        if _DELIMITERS.match(line) and "|" in previous + line and self._begin_table(previous, line):
            return
        if _FENCE.match(line) or (self._item_may_begin(line, previous) and _ITEM.match(line)):
            self._close()
            self._begin(line)
            return
        self._note_definition(line)
        self._append(line)
        self._follow_quote(line)

    def _follow_quote(self, line: str, *, is_first: bool = False) -> None:
        """Whether the paragraph of a quote that is open is text and nothing else, so that it may be cut at its lines."""
        if line.strip() == ">":
            self._is_plain_quote = not self._inner_fence
            return
        self._follow_inner_fence(line)
        is_plain = _QUOTED_TEXT.match(line) is not None and not self._inner_fence
        self._is_plain_quote = is_plain and (is_first or self._is_plain_quote)

    @staticmethod
    def _item_may_begin(line: str, previous: str) -> bool:
        """Only a list that begins at 1 and has text interrupts a paragraph."""
        found = _ITEM.match(line)
        if not found or _RULE.match(line):
            return False
        if _HEADING.match(previous) or _RULE.match(previous):
            return True
        return bool(found[6]) and found[3] in (None, "1")

    def _begin_table(self, head: str, delimiters: str) -> bool:
        columns = len(table_cells(delimiters))
        if _QUOTE.match(head) or len(table_cells(head)) != columns or columns > _MOST_TABLE_COLUMNS:
            return False
        self._lines.pop()
        self._close()
        self._state = _State.table
        self._table = Table(head, delimiters)
        self._table_rows = max(LEAST_TABLE_ROWS_OF_A_UNIT, min(TABLE_ROWS_OF_A_UNIT, TABLE_CELLS_OF_A_UNIT // columns))
        self._shown = 0
        self._unit_offset = max(0, self._offset - len(head) - 1)
        return True

    def _in_item(self, line: str) -> None:
        if not line.strip():
            self._has_blank = True
            self._append("")
            return
        if _indent_of(line) >= self._item_columns:
            inside = _dedent(line, self._item_columns)
            is_paragraph = self._has_blank and not self._inner_fence and not _ITEM.match(inside)
            if not self._nested_columns and not self._inner_fence and _ITEM.match(inside):
                self._nested_columns = _indent_of(line)
            self._append(line)
            if len(self._lines) == 1 and is_paragraph:
                self._is_tight = False
            self._follow_inner_fence(inside)
            self._has_blank = False
            return
        family = self._family
        if _ITEM.match(line) and not _RULE.match(line):
            self._close()
            self._begin_item(line, tight_after=family)
            return
        starts_block = _FENCE.match(line) or _HEADING.match(line) or _QUOTE.match(line) or _RULE.match(line)
        if self._has_blank or self._inner_fence or starts_block:
            self._close()
            self._begin(line)
            return
        self._append(line)

    def _follow_inner_fence(self, text: str) -> None:
        """Fenced code inside an item hides what looks like the start of a block."""
        found = _INNER_FENCE.match(text)
        if not found:
            return
        if not self._inner_fence:
            self._inner_fence, self._inner_opener = found[1], text.strip()
        elif found[1].startswith(self._inner_fence) and not found[2].strip():
            self._inner_fence = ""

    def _in_indented(self, line: str) -> None:
        if line.strip() and _indent_of(line) < _CODE_COLUMNS:
            self._close()
            self._begin(line)
        else:
            self._append(line)

    def _until_mark(self, line: str) -> None:
        if self._state is _State.formula and not line.strip():
            # No formula has an empty line in it: what looked like one was text.
            self._close()
            return
        self._append(line)
        if self._end_mark in line:
            self._close()

    def _in_fence(self, line: str) -> None:
        mark = line.strip()
        is_end = mark.startswith(self._fence_mark) and not mark.strip(mark[0]) and _indent_of(line) < _CODE_COLUMNS
        if is_end:
            self._close()
        else:
            self._add_code(_dedent(line, self._fence_columns) if self._fence_columns else line)

    def _add_code(self, line: str) -> None:
        fence = self._fence
        assert fence is not None
        if len(fence.lines) - self._shown >= CODE_LINES_OF_A_UNIT or self._characters >= UNIT_CHARACTERS:
            self.units.append(self._fence_unit(is_last=False))
            self._unit_offset = self._offset
            self._shown = len(fence.lines)
            self._characters = 0
        fence.lines.append(line)
        fence.characters += len(line) + 1
        self._characters += len(line) + 1

    def _in_table(self, line: str) -> None:
        table = self._table
        assert table is not None
        if not line.strip():
            self._close()
        elif any(start.match(line) for start in (_FENCE, _HEADING, _QUOTE, _RULE, _ITEM)):
            self._close()
            self._begin(line)
        else:
            shown_rows = len(table.rows) - self._shown
            if shown_rows >= self._table_rows or self._characters >= 2 * UNIT_CHARACTERS:
                self.units.append(self._table_unit(is_last=False))
                self._unit_offset = self._offset
                self._shown = len(table.rows)
                self._characters = 0
                if table.layout_rows is None:
                    table.layout_rows = self._shown
            table.rows.append(line)
            self._characters += len(line) + 1

    # Units

    def _append(self, line: str) -> None:
        length = self._characters + len(line)
        if self._lines and (length > UNIT_CHARACTERS or (length > CUT_FROM_CHARACTERS and self._is_seam(line))):
            self._flush()
        if self._unit_offset is None:
            self._unit_offset = self._offset
        self._lines.append(line)
        self._characters += len(line) + 1

    def _is_seam(self, line: str) -> bool:
        """Whether the block looks the same when what begins with ``line`` is rendered by itself."""
        if self._state is _State.item:
            if self._inner_fence or not line:
                return False
            indent = _indent_of(line)
            if indent < self._item_columns + 2:
                return True
            return indent <= self._nested_columns and _ITEM.match(_dedent(line, self._item_columns)) is not None
        if self._state is not _State.chunk:
            return False
        if not _QUOTE.match(line) or line.strip() == ">":
            return not self._inner_fence
        return self._is_plain_quote and _QUOTED_TEXT.match(line) is not None and _has_pairs(self._lines[-1])

    def _flush(self) -> None:
        """Make a unit of the lines so far, while the block goes on."""
        kind = {_State.item: Kind.item, _State.formula: Kind.formula}.get(self._state, Kind.markdown)
        lines, self._lines = self._lines, []
        offset, self._unit_offset = self._unit_offset or 0, None
        self._characters = 0
        if not any(line.strip() for line in lines):
            return
        indent = 0
        if kind is Kind.item and self._is_rest:
            kind, indent = Kind.item_rest, self._marker_columns
            lines = [_dedent(line, self._item_columns) for line in lines]
        source = "\n".join(lines)
        self._emit(
            Unit(
                kind=kind,
                source=source,
                offset=offset,
                is_tight=self._is_tight,
                ordinal=self._ordinal if kind is Kind.item else None,
                indent_columns=indent,
            )
        )
        self._is_tight = True
        if self._state is _State.item:
            self._is_rest = True
            if self._inner_fence:
                self._lines = [" " * self._item_columns + self._inner_opener]

    def _emit(self, unit: Unit) -> None:
        unit.first_code_number = self.next_code_number
        if "```" in unit.source or "~~~" in unit.source:
            self.next_code_number += self._count_code(unit.source)
        self.units.append(unit)

    def _close(self) -> None:
        """The open block ends here."""
        if self._fence is not None:
            self._fence.is_closed = True
            self.units.append(self._fence_unit(is_last=True))
            self._fence = None
            self._unit_offset = None
        elif self._table is not None:
            self.units.append(self._table_unit(is_last=True))
            self._table = None
            self._unit_offset = None
        else:
            self._inner_fence = ""
            self._flush()
        self._state = _State.between
        self._characters = 0
        self._is_tight = False
        self._lines = []

    def _fence_unit(self, *, is_last: bool, extra: str | None = None) -> Unit:
        fence = self._fence
        assert fence is not None
        is_first = self._shown == 0
        return Unit(
            kind=Kind.fence,
            offset=self._unit_offset or 0,
            is_tight=not is_first,
            fence=fence,
            start=self._shown,
            end=len(fence.lines),
            extra=extra,
            is_last=is_last,
            first_code_number=fence.number,
        )

    def _table_unit(self, *, is_last: bool, extra: str | None = None) -> Unit:
        table = self._table
        assert table is not None
        return Unit(
            kind=Kind.table,
            offset=self._unit_offset or 0,
            is_tight=self._shown > 0,
            table=table,
            start=self._shown,
            end=len(table.rows),
            extra=extra,
            is_last=is_last,
        )

    def _note_definition(self, line: str) -> None:
        found = _DEFINITION.match(line)
        if found and can_be_followed(found[2]):
            self.references.setdefault(label_key(found[1]), found[2])

    def _may_become_table(self) -> bool:
        """One line that begins with a bar is most likely a table's head: it is shown when that is known."""
        return self._state is _State.chunk and len(self._lines) == 1 and self._lines[0].lstrip().startswith("|")
