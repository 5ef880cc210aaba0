"""Markdown's block tokens to rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.segment import Segment

from tui.app.glyphs import Glyphs
from tui.app.transcript.code import CodeColours, code_rows, displayed, ground_end, ground_row, head_row
from tui.app.transcript.inline import inline_lines, source_lines
from tui.app.transcript.rows import Margin, Page, Row, Span, gap_row, painted, prose_rows
from tui.app.transcript.styles import Pen, Styles
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

    page: Page
    styles: Styles
    glyphs: Glyphs
    references: Mapping[str, str]
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
                self.rows.append(gap_row(margin, self.page, self.styles))
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
                rail = Segment(f"{self.glyphs.rail} ", self.styles[Pen("border")])
                inner = margin.inside(rail, rail, lead_first="> ", lead_rest="> ", page=self.page)
                self.render(tokens[1:-1], inner)
            case "table_open":
                self._table(tokens, margin)
            case "fence":
                self._code(clean(token.info).strip(), token.content, margin, is_numbered=True)
            case "code_block":
                self._code("", token.content, margin, is_numbered=False)
            case "hr":
                width = self.page.prose_end - margin.columns
                rule = Segment(self.glyphs.horizontal * width, self.styles[Pen("border")])
                strip = painted([*margin.first, rule], margin.columns + width, self.page, self.styles)
                self.rows.append(Row(strip, is_copied=False))
            case _:
                # HTML, and whatever a parser may think of: as it is written.
                self.source(token.content, margin, Pen("muted"))

    def source(self, text: str, margin: Margin, pen: Pen) -> None:
        """Text as it is written, line for line."""
        lines = source_lines(text.rstrip("\n"), pen)
        self.rows += prose_rows(lines, margin, self.page, self.styles)

    def _text(self, inline: Token, pen: Pen, margin: Margin, *, task: str = "") -> None:
        lines = inline_lines(inline.children or (), pen, self.references)
        if task and lines[0]:
            first = lines[0][0]
            lines[0][0] = first._replace(text=first.text.removeprefix(task))
            lines[0].insert(0, Span(task, pen._replace(role=_TASKS[task])))
        self.rows += prose_rows(lines, margin, self.page, self.styles)

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
            marker = f"{ordinal}{item[0].markup} " if is_numbered else f"{self.glyphs.bullet} "
            written = marker if is_numbered else f"{item[0].markup} "
            columns = width_of(marker)
            here = margin if index == 1 else margin.continued()
            inner = here.inside(
                Segment(marker, self.styles[Pen("accent")]),
                Segment(" " * columns, self.styles[Pen()]),
                lead_first=written,
                lead_rest=" " * columns,
                page=self.page,
            )
            self._item(item[1:-1], inner)
            ordinal += 1
            index = end

    def _item(self, tokens: Sequence[Token], margin: Margin) -> None:
        if not tokens:
            self.rows += prose_rows([[]], margin, self.page, self.styles)
            return
        task = tokens[1].content[:4] if tokens[0].type == "paragraph_open" else ""
        if task in _TASKS:
            self._text(tokens[1], Pen(), margin, task=task)
            rest = tokens[3:]
            if rest:
                if not rest[0].type.endswith("_list_open"):
                    self.rows.append(gap_row(margin, self.page, self.styles))
                self.render(rest, margin.continued())
        elif tokens[0].type in ("paragraph_open", "heading_open"):
            self.render(tokens, margin)
        else:
            # A marker in front of code, a quote or a table: the marker has a row of its own only in front of code.
            if tokens[0].type in ("fence", "code_block", "table_open", "hr"):
                self.rows += prose_rows([[]], margin, self.page, self.styles)
                margin = margin.continued()
            self.render(tokens, margin)

    def _code(self, label: str, content: str, margin: Margin, *, is_numbered: bool) -> None:
        lines = content.removesuffix("\n").split("\n")
        fence = Fence(label, self.next_code_number, lines, characters=len(content), is_closed=True)
        end = ground_end(max(width_of(displayed(line)) for line in lines), margin, self.page)
        note = ""
        if is_numbered:
            note = f"copy {fence.number}"
            self.next_code_number += 1
        self.rows.append(head_row(label, note, fence.number, margin, end, self.page, self.styles, self.glyphs.ellipsis))
        below = margin.continued()
        runs = CodeColours(fence).lines(0, len(lines))
        self.rows += code_rows(runs, lines, below, end, self.page, self.styles)
        self.rows.append(ground_row(below, end, self.page, self.styles))

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
                children = tokens[index + 1].children or ()
                lines[-1].append(inline_lines(children, Pen(bold=is_head), self.references))
        head, *body = lines
        measures = [Measure() for _ in head]
        for line in lines:
            measures = [measure.including(cell) for measure, cell in zip(measures, line, strict=False)]
        below = margin.continued()
        widths = column_widths(measures, self.page.wide_end - margin.columns)
        layout = TableLayout(widths, tuple(alignments), head, below, self.page)
        self.rows += layout.head_rows(self.styles, self.glyphs.horizontal)
        for line in body:
            self.rows += layout.body_rows(line, self.styles, source=None)


def _end_of_block(tokens: Sequence[Token], start: int) -> int:
    """One past the last token of the block that begins at ``start``."""
    level = tokens[start].level
    if tokens[start].nesting == 0:
        return start + 1
    end = start + 1
    while tokens[end].level != level or tokens[end].nesting != -1:
        end += 1
    return end + 1
