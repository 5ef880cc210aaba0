"""Blocks of code: a tinted ground, a label and a number, and lines that lose nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment

from tui.app.transcript.highlight import LineHighlighter, Run, highlighted, lexer_for
from tui.app.transcript.rows import Margin, Page, Row, Target, painted
from tui.app.transcript.styles import Pen, Styles
from tui.app.transcript.units import Fence
from tui.app.transcript.wrap import cell_offset, cut, width_of

TAB_COLUMNS = 4
LONGEST_HIGHLIGHTED_LINE = 1_000
"""In characters; some lexers take time that grows faster than a line."""
HIGHLIGHTED_AT_ONCE_CHARACTERS = 6_000
"""Code up to this size is highlighted as a whole once it is closed, longer code line by line."""
HIGHLIGHTED_CHARACTERS = 48_000
"""What comes after these has one colour."""
_PADDING_COLUMNS = 1


class CodeColours:
    """The coloured runs of one block of code, found out as far as they are asked for."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._lexer = lexer_for(fence.label)
        self._lines: list[list[Run]] = []
        self._is_whole = False
        self._characters = 0
        self._highlighter = LineHighlighter(self._lexer) if self._lexer is not None else None

    def lines(self, start: int, end: int) -> list[list[Run]]:
        """Runs of the complete lines from ``start`` to ``end``."""
        if self._fence.is_closed and not self._is_whole and self._fits_at_once():
            self._is_whole = True
            self._lines = self._at_once() or self._lines
        while len(self._lines) < end:
            text = self._fence.lines[len(self._lines)]
            self._characters += len(text) + 1
            self._lines.append(self._line(text, is_complete=True))
        return self._lines[start:end]

    def unfinished(self, text: str) -> list[Run]:
        """Runs of the line under way, which follows all others."""
        self.lines(0, len(self._fence.lines))
        return self._line(text, is_complete=False)

    def _fits_at_once(self) -> bool:
        fence = self._fence
        return (
            self._lexer is not None
            and fence.characters <= HIGHLIGHTED_AT_ONCE_CHARACTERS
            and all(len(line) <= LONGEST_HIGHLIGHTED_LINE for line in fence.lines)
        )

    def _at_once(self) -> list[list[Run]] | None:
        code = "\n".join(self._fence.lines)
        try:
            lines = highlighted(self._lexer, code)
        except Exception:  # noqa: BLE001 - lexers are many and foreign; code that breaks one is shown in one colour
            return None
        shown = ["".join(text for _, text in runs) for runs in lines]
        return lines if shown == self._fence.lines else None

    def _line(self, text: str, *, is_complete: bool) -> list[Run]:
        plain = [("foreground", text)] if text else []
        if (
            self._highlighter is None
            or len(text) > LONGEST_HIGHLIGHTED_LINE
            or self._characters > HIGHLIGHTED_CHARACTERS
        ):
            return plain
        try:
            runs = self._highlighter.line(text, is_complete=is_complete)
        except Exception:  # noqa: BLE001 - as above
            return plain
        return runs if "".join(part for _, part in runs) == text else plain


def ground_end(widest: int, margin: Margin, page: Page) -> int:
    """The column where the ground of code ends: as wide as prose, or as wide as the window when a line needs it."""
    needed = margin.columns + 2 * _PADDING_COLUMNS + widest
    return page.prose_end if needed <= page.prose_end else page.wide_end


def displayed(line: str) -> str:
    return line.expandtabs(TAB_COLUMNS) if "\t" in line else line


def head_row(
    label: str, note: str, number: int, margin: Margin, end: int, page: Page, styles: Styles, ellipsis: str
) -> Row:
    """The first row of a block: what language it is, and ``note``, which copies it when clicked."""
    pen = Pen("muted", "code_background")
    room = end - margin.columns - 2 * _PADDING_COLUMNS
    note = note if width_of(note) + 2 <= room else ""
    label = cut(" ".join(label.split()), max(0, room - width_of(note) - 1), ellipsis)
    blanks = room - width_of(label) - width_of(note)
    text = f"{' ' * _PADDING_COLUMNS}{label}{' ' * blanks}{note}{' ' * _PADDING_COLUMNS}"
    segments = [*margin.first, Segment(text, styles[pen])]
    note_end = end - _PADDING_COLUMNS
    targets = (Target(note_end - width_of(note), note_end, "code", str(number)),) if note else ()
    return Row(painted(segments, end, page, styles), is_copied=False, targets=targets)


def ground_row(margin: Margin, end: int, page: Page, styles: Styles) -> Row:
    ground = Segment(" " * (end - margin.columns), styles[Pen(ground="code_background")])
    return Row(painted([*margin.rest, ground], end, page, styles), is_copied=False)


def code_rows(
    lines: Sequence[Sequence[Run]],
    sources: Sequence[str],
    margin: Margin,
    end: int,
    page: Page,
    styles: Styles,
    *,
    continues: Sequence[bool] = (),
) -> list[Row]:
    """Rows of code on its ground; a line wider than that goes on in the next row, and copied it is one line again."""
    rows: list[Row] = []
    first_column = margin.columns + _PADDING_COLUMNS
    room = max(1, end - first_column - _PADDING_COLUMNS)
    for index, (runs, source) in enumerate(zip(lines, sources, strict=True)):
        runs_as_shown = _without_tabs(runs) if "\t" in source else runs
        join = "" if index < len(continues) and continues[index] else "\n"
        for number, part in enumerate(_folded(runs_as_shown, room)):
            segments = [*margin.rest, Segment(" " * _PADDING_COLUMNS, styles[Pen(ground="code_background")])]
            used = first_column
            for role, text in part:
                segments.append(Segment(text, styles[Pen(role, "code_background", italic=role == "comment")]))
                used += width_of(text)
            text_end = used
            if used < end:
                segments.append(Segment(" " * (end - used), styles[Pen(ground="code_background")]))
                used = end
            rows.append(
                Row(
                    painted(segments, used, page, styles),
                    first_column,
                    text_end,
                    join=join if number == 0 else "",
                    source=(source if number == 0 else "") if "\t" in source else None,
                )
            )
    return rows


def _without_tabs(runs: Sequence[Run]) -> list[Run]:
    """The runs with blanks for tabs, each up to the next stop of the line."""
    shown = []
    column = 0
    for role, text in runs:
        parts = []
        for number, part in enumerate(text.split("\t")):
            if number:
                blanks = TAB_COLUMNS - column % TAB_COLUMNS
                parts.append(" " * blanks)
                column += blanks
            parts.append(part)
            column += width_of(part)
        shown.append((role, "".join(parts)))
    return shown


def _folded(runs: Sequence[Run], room: int) -> list[list[Run]]:
    """The runs of one line, cut into rows of at most ``room`` cells; at least one row."""
    rows: list[list[Run]] = [[]]
    used = 0
    for role, whole in runs:
        text = whole
        width = width_of(text)
        while used + width > room:
            fitting = cell_offset(text, room - used)
            if fitting == 0 and used == 0:
                fitting = 1
            if fitting:
                rows[-1].append((role, text[:fitting]))
            rows.append([])
            used = 0
            text = text[fitting:]
            width = width_of(text)
        if text:
            rows[-1].append((role, text))
            used += width
    return rows
