"""Markdown's block tokens to rows."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.segment import Segment

from tui.app.transcript.code import CodeColours, code_rows, code_shape, displayed, ground_row, head_row
from tui.app.transcript.inline import source_lines
from tui.app.transcript.inline_text import InlineText
from tui.app.transcript.look import Look
from tui.app.transcript.rows import Margin, Row, Span, gap_row, painted, prose_rows
from tui.app.transcript.styles import Pen
from tui.app.transcript.tables import Cell, Measure, TableLayout, column_widths
from tui.app.transcript.units import Fence
from tui.app.transcript.wrap import width_of
from tui.cleaning import clean

if TYPE_CHECKING:
    from markdown_it.token import Token

_TASKS = {"[ ] ": "muted", "[x] ": "success", "[X] ": "success"}


@dataclass(slots=True)
class BlockRenderer:
    """Renders the tokens of one unit into ``rows``."""

    look: Look
    inline: InlineText
    toggled_codes: AbstractSet[int] = frozenset()
    next_code_number: int = 1
    ordinal: int | None = None
    """The number of the first item, where the list began in an earlier unit."""
    rows: list[Row] = field(default_factory=list)

    def render(self, tokens: Sequence[Token], margin: Margin, *, is_tight: bool = True) -> None:
        """The blocks in ``tokens``, an empty row between two of them unless ``is_tight`` and a list follows text."""
        index = 0
        previous = ""
        while index < len(tokens):
            end = _end_of_block(tokens, index)
            kind = tokens[index].type
            if previous and not (is_tight and kind.endswith("_list_open") and previous == "paragraph_open"):
                self.rows.append(gap_row(margin, self.look.page, self.look.styles))
            here = margin if not previous else margin.continued()
            self._block(tokens[index:end], here)
            previous = kind
            index = end

    def _block(self, tokens: Sequence[Token], margin: Margin) -> None:
        token = tokens[0]
        match token.type:
            case "paragraph_open":
                self._text(tokens[1], Pen(), margin)
            case "heading_open":
                role = "accent" if token.tag in ("h1", "h2") else "foreground"
                self._text(tokens[1], Pen(role, bold=True), margin)
            case "bullet_list_open" | "ordered_list_open":
                self._list(tokens, margin)
            case "blockquote_open":
                rail = Segment(f"{self.look.glyphs.rail} ", self.look.styles[Pen("border")])
                inner = margin.inside(rail, rail, lead_first="> ", lead_rest="> ", page=self.look.page)
                self.render(tokens[1:-1], inner)
            case "table_open":
                self._table(tokens, margin)
            case "fence":
                self._code(clean(token.info).strip(), token.content, margin, is_numbered=True)
            case "code_block":
                self._code("", token.content, margin, is_numbered=False)
            case "hr":
                width = self.look.page.prose_end - margin.columns
                rule = Segment(self.look.glyphs.horizontal * width, self.look.styles[Pen("border")])
                strip = painted([*margin.first, rule], margin.columns + width, self.look.page, self.look.styles)
                self.rows.append(Row(strip, is_copied=False))
            case _:
                # HTML, and whatever a parser may think of: as it is written.
                self.source(token.content, margin, Pen("muted"))

    def source(self, text: str, margin: Margin, pen: Pen) -> None:
        """Text as it is written, line for line."""
        lines = source_lines(text.rstrip("\n"), pen)
        self.rows += prose_rows(lines, margin, self.look.page, self.look.styles)

    def _text(self, inline: Token, pen: Pen, margin: Margin, *, task: str = "") -> None:
        lines = self.inline.lines(inline.content, pen)
        if task and lines[0]:
            first = lines[0][0]
            lines[0][0] = first._replace(text=first.text.removeprefix(task))
            lines[0].insert(0, Span(task, pen._replace(role=_TASKS[task])))
        self.rows += prose_rows(lines, margin, self.look.page, self.look.styles)

    def _list(self, tokens: Sequence[Token], margin: Margin) -> None:
        is_numbered = tokens[0].type == "ordered_list_open"
        ordinal = int(tokens[0].attrs.get("start", 1)) if is_numbered else 0
        if is_numbered and self.ordinal is not None:
            ordinal = self.ordinal
        self.ordinal = None
        index = 1
        while index < len(tokens) - 1:
            end = _end_of_block(tokens, index)
            item = tokens[index:end]
            marker = f"{ordinal}{item[0].markup} " if is_numbered else f"{self.look.glyphs.bullet} "
            written = marker if is_numbered else f"{item[0].markup} "
            columns = width_of(marker)
            here = margin if index == 1 else margin.continued()
            inner = here.inside(
                Segment(marker, self.look.styles[Pen("accent")]),
                Segment(" " * columns, self.look.styles[Pen()]),
                lead_first=written,
                lead_rest=" " * columns,
                page=self.look.page,
            )
            self._item(item[1:-1], inner)
            ordinal += 1
            index = end

    def _item(self, tokens: Sequence[Token], margin: Margin) -> None:
        if not tokens:
            self.rows += prose_rows([[]], margin, self.look.page, self.look.styles)
            return
        task = tokens[1].content[:4] if tokens[0].type == "paragraph_open" else ""
        if task in _TASKS:
            self._text(tokens[1], Pen(), margin, task=task)
            rest = tokens[3:]
            if rest:
                if not rest[0].type.endswith("_list_open"):
                    self.rows.append(gap_row(margin, self.look.page, self.look.styles))
                self.render(rest, margin.continued())
        elif tokens[0].type in ("paragraph_open", "heading_open"):
            self.render(tokens, margin)
        else:
            # A marker in front of code, a quote or a table: the marker has a row of its own only in front of code.
            if tokens[0].type in ("fence", "code_block", "table_open", "hr"):
                self.rows += prose_rows([[]], margin, self.look.page, self.look.styles)
                margin = margin.continued()
            self.render(tokens, margin)

    def _code(self, label: str, content: str, margin: Margin, *, is_numbered: bool) -> None:
        lines = content.removesuffix("\n").split("\n")
        number = self.next_code_number if is_numbered else None
        self.next_code_number += is_numbered
        widest = max(width_of(displayed(line)) for line in lines)
        shape = code_shape(widest, number, margin, self.look, is_toggled=number in self.toggled_codes)
        self.rows.append(head_row(label, shape, margin, self.look))
        below = margin.continued()
        fence = Fence(label, number or 0, lines, characters=len(content), is_closed=True)
        self.rows += code_rows(CodeColours(fence).lines(0, len(lines)), lines, shape, below, self.look)
        self.rows.append(ground_row(below, shape, self.look))

    def _table(self, tokens: Sequence[Token], margin: Margin) -> None:
        lines: list[list[Cell]] = []
        alignments: list[str] = []
        for index, token in enumerate(tokens):
            if token.type == "tr_open":
                lines.append([])
            elif token.type in ("th_open", "td_open"):
                is_head = token.type == "th_open"
                if is_head:
                    alignments.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
                lines[-1].append(self.inline.lines(tokens[index + 1].content, Pen(bold=is_head)))
        head, *body = lines
        measures = [Measure() for _ in head]
        for line in lines:
            measures = [measure.including(cell) for measure, cell in zip(measures, line, strict=False)]
        below = margin.continued()
        widths = column_widths(measures, self.look.page.wide_end - margin.columns)
        layout = TableLayout(widths, tuple(alignments), head, below, self.look.page)
        self.rows += layout.head_rows(self.look.styles, self.look.glyphs.horizontal)
        for line in body:
            self.rows += layout.body_rows(line, self.look.styles, source=None)


def _end_of_block(tokens: Sequence[Token], start: int) -> int:
    """One past the last token of the block that begins at ``start``."""
    level = tokens[start].level
    if tokens[start].nesting == 0:
        return start + 1
    end = start + 1
    while tokens[end].level != level or tokens[end].nesting != -1:
        end += 1
    return end + 1
