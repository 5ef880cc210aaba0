"""Units to rows: one renderer for each way of setting text, and what it remembers between two calls."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from rich.segment import Segment

from tui.app.transcript.blocks import BlockRenderer
from tui.app.transcript.code import CodeColours, CodeShape, code_rows, code_shape, displayed, ground_row, head_row
from tui.app.transcript.highlight import lexer_for
from tui.app.transcript.inline import source_lines
from tui.app.transcript.inline_text import InlineText
from tui.app.transcript.look import Look
from tui.app.transcript.parser import parse, parse_inline
from tui.app.transcript.rows import Margin, Row, gap_row, prose_rows
from tui.app.transcript.segmenter import Segmenter, table_cells
from tui.app.transcript.styles import Pen
from tui.app.transcript.tables import Cell, Measure, TableLayout, column_widths
from tui.app.transcript.units import Fence, Kind, Table, Unit
from tui.app.transcript.wrap import joined_characters, width_of, wrap


def warm_up() -> None:
    """Import what the first Markdown and the first code would wait for; for a thread, after the first paint."""
    parse("ready")
    parse_inline("*ready*")
    lexer_for("python")
    wrap("é é", 1)
    joined_characters("e", "é")


def count_code(source: str) -> int:
    """How many blocks of fenced code are in some Markdown."""
    return sum(token.type == "fence" for token in parse(source) or ())


def codes_in(source: str) -> list[str]:
    """The fenced blocks of code in some Markdown, as they are written."""
    return [token.content for token in parse(source) or () if token.type == "fence"]


def codes_of(text: str, number: int) -> str | None:
    """The block of fenced code with this number in a whole answer, as it was written; None when there is none."""
    for unit in _segmented(text).units:
        if unit.fence is not None:
            if unit.fence.number == number:
                return unit.fence.source()
        elif unit.first_code_number <= number and ("```" in unit.source or "~~~" in unit.source):
            inside = codes_in(unit.source)
            if number - unit.first_code_number < len(inside):
                return inside[number - unit.first_code_number]
    return None


def code_count_of(text: str) -> int:
    """How many blocks of fenced code a whole answer has."""
    return _segmented(text).next_code_number - 1


def _segmented(text: str) -> Segmenter:
    segmenter = Segmenter(count_code)
    segmenter.feed(text.replace("\r\n", "\n"))
    segmenter.finish()
    return segmenter


class UnitRenderer:
    """Renders the units of one text, at one margin."""

    def __init__(
        self,
        look: Look,
        margin: Margin,
        pen: Pen,
        references: Mapping[str, str],
        toggled_codes: AbstractSet[int] = frozenset(),
    ) -> None:
        self.look = look
        self._margin = margin
        self._pen = pen
        """For plain text."""
        self._inline = InlineText(references)
        self._toggled_codes = toggled_codes
        """The numbers of the blocks of code whose lines wrap if the others do not."""
        self._codes: dict[Fence, _CodeSetting] = {}
        self._tables: dict[Table, _TableSetting] = {}

    def rows(self, unit: Unit, *, is_first: bool) -> list[Row]:
        """The rows of ``unit``, with an empty one in front where one belongs."""
        look = self.look
        rows = [] if is_first or unit.is_tight else [gap_row(self._margin, look.page, look.styles)]
        if unit.fence is not None:
            setting = self._codes.get(unit.fence)
            if setting is None:
                is_toggled = unit.fence.number in self._toggled_codes
                setting = _CodeSetting(unit.fence, self._margin, look, is_toggled=is_toggled)
                self._codes[unit.fence] = setting
            rows += setting.rows(unit)
        elif unit.table is not None:
            table = self._tables.get(unit.table)
            if table is None:
                table = self._tables[unit.table] = _TableSetting(unit.table, self._margin, look, self._inline)
            rows += table.rows(unit)
        else:
            rows += self._text_rows(unit)
        return rows

    def _text_rows(self, unit: Unit) -> list[Row]:
        look = self.look
        margin = self._indented(unit.indent_columns)
        if unit.kind in (Kind.plain, Kind.formula):
            pen = self._pen if unit.kind is Kind.plain else Pen()
            return prose_rows(source_lines(unit.source, pen), margin, look.page, look.styles, join=unit.join)
        if unit.kind is Kind.continued:
            return prose_rows(self._inline.lines(unit.source, Pen()), margin, look.page, look.styles, join=unit.join)
        blocks = BlockRenderer(look, self._inline, self._toggled_codes, unit.first_code_number, unit.ordinal)
        tokens = parse(unit.source)
        if tokens is None:
            blocks.source(unit.source, margin, Pen())
        else:
            blocks.render(tokens, margin)
        return blocks.rows

    def _indented(self, columns: int) -> Margin:
        if not columns:
            return self._margin
        blank = Segment(" " * columns, self.look.styles[Pen()])
        lead = " " * columns
        return self._margin.inside(blank, blank, lead_first=lead, lead_rest=lead, page=self.look.page)

    def shape(self, fence: Fence) -> CodeShape | None:
        """How this code is set, if any of it was rendered: a longer line may change it."""
        setting = self._codes.get(fence)
        return setting.shape() if setting is not None else None

    def estimate(self, unit: Unit, *, is_first: bool) -> int:
        """About how many rows ``unit`` takes, without rendering it."""
        rows = 0 if is_first or unit.is_tight else 1
        page = self.look.page
        if unit.fence is not None or unit.table is not None:
            lines = unit.end - unit.start + (unit.extra is not None)
            return max(
                1, rows + lines + (2 if unit.start == 0 and unit.table is not None else 0) + (unit.start == 0) + 1
            )
        width = page.prose_end - self._margin.columns
        return max(1, rows + sum(1 + len(line) // width for line in unit.source.split("\n")))


class _CodeSetting:
    """One block of code: its colours, and how wide its ground is."""

    def __init__(self, fence: Fence, margin: Margin, look: Look, *, is_toggled: bool) -> None:
        self._fence = fence
        self._margin = margin
        self._look = look
        self._is_toggled = is_toggled
        self._colours = CodeColours(fence)
        self._widest = 0
        self._measured = 0
        self._open_rows: list[Row] = []
        """Rows of the complete lines of the unit under way, for the next frame."""
        self._open_key: tuple[int, CodeShape] | None = None
        self._open_lines = 0

    def shape(self, extra: str | None = None) -> CodeShape:
        lines = self._fence.lines
        for index in range(self._measured, len(lines)):
            self._widest = max(self._widest, width_of(displayed(lines[index])))
        self._measured = len(lines)
        widest = self._widest if extra is None else max(self._widest, width_of(displayed(extra)))
        return code_shape(widest, self._fence.number, self._margin, self._look, is_toggled=self._is_toggled)

    def rows(self, unit: Unit) -> list[Row]:
        look, fence = self._look, self._fence
        shape = self.shape(unit.extra)
        rows = []
        if unit.start == 0:
            rows.append(head_row(fence.label, shape, self._margin, look))
        if fence.is_closed:
            rows += self._lines(unit.start, unit.end, shape)
        else:
            if self._open_key != (unit.start, shape):
                self._open_key = (unit.start, shape)
                self._open_rows = []
                self._open_lines = unit.start
            self._open_rows += self._lines(self._open_lines, unit.end, shape)
            self._open_lines = unit.end
            rows += self._open_rows
        if unit.extra is not None:
            runs = [self._colours.unfinished(unit.extra)]
            rows += code_rows(runs, [unit.extra], shape, self._margin, look)
        if unit.is_last:
            rows.append(ground_row(self._margin, shape, look))
        return rows

    def _lines(self, first: int, last: int, shape: CodeShape) -> list[Row]:
        fence = self._fence
        runs = self._colours.lines(first, last)
        continues = [index in fence.continues for index in range(first, last)]
        return code_rows(runs, fence.lines[first:last], shape, self._margin, self._look, continues=continues)


class _TableSetting:
    """One table: its cells, its columns, and the rows that were made for these columns."""

    def __init__(self, table: Table, margin: Margin, look: Look, inline: InlineText) -> None:
        self._table = table
        self._margin = margin
        self._look = look
        self._inline = inline
        self._alignments = tuple(map(_alignment, table_cells(table.delimiters)))
        self._head = self._cells(table.head, bold=True)
        self._measures = [Measure().including(cell) for cell in self._head]
        self._measured = 0
        self._layout: TableLayout | None = None
        self._open_rows: list[Row] = []
        """Rows of the unit that was asked for last, as far as they were made for the present layout."""
        self._open_start = 0
        self._made = 0

    def rows(self, unit: Unit) -> list[Row]:
        styles = self._look.styles
        table = self._table
        limit = unit.end if unit.start == 0 else (table.layout_rows or 0)
        extra = self._cells(unit.extra) if unit.extra is not None else None
        layout = self._fitting(limit, extra)
        if unit.start != self._open_start or unit.end < self._made:
            self._begin(layout, unit.start)
        for line in table.rows[self._made : unit.end]:
            self._open_rows += layout.body_rows(self._cells(line), styles, source=line)
        self._made = unit.end
        rows = list(self._open_rows)
        if extra is not None:
            rows += layout.body_rows(extra, styles, source=unit.extra)
        return rows

    def _fitting(self, limit: int, extra: list[Cell] | None) -> TableLayout:
        """The layout for the first ``limit`` rows and the one under way; what was made for another is dropped."""
        for line in self._table.rows[self._measured : limit]:
            self._measures = self._including(self._cells(line))
        self._measured = max(self._measured, limit)
        measures = self._measures if extra is None or self._table.layout_rows is not None else self._including(extra)
        widths = column_widths(measures, self._look.page.wide_end - self._margin.columns)
        if self._layout is None or self._layout.widths != widths:
            self._layout = TableLayout(widths, self._alignments, self._head, self._margin, self._look.page)
            self._begin(self._layout, self._open_start)
        return self._layout

    def _begin(self, layout: TableLayout, start: int) -> None:
        self._open_start = self._made = start
        self._open_rows = []
        if not start:
            sources = (self._table.head, self._table.delimiters)
            self._open_rows = layout.head_rows(self._look.styles, self._look.glyphs.horizontal, sources=sources)

    def _including(self, cells: list[Cell]) -> list[Measure]:
        return [
            measure.including(cells[column]) if column < len(cells) else measure
            for column, measure in enumerate(self._measures)
        ]

    def _cells(self, line: str, *, bold: bool = False) -> list[Cell]:
        cells: list[Cell] = [self._inline.lines(cell, Pen(bold=bold)) for cell in table_cells(line)]
        width = len(self._alignments)
        if len(cells) > width:
            # What is in no column of the head is not lost: it stands in the last one.
            extra = [line for cell in cells[width - 1 :] for line in cell]
            cells[width - 1 :] = [extra]
        return cells


def _alignment(delimiter: str) -> str:
    match delimiter.startswith(":"), delimiter.endswith(":"):
        case True, True:
            return "center"
        case False, True:
            return "right"
    return ""
