"""Blocks of code: a tinted ground, a label and a number, and lines that lose nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment

from tui.app.transcript.highlight import LineHighlighter, Run, highlighted, lexer_for
from tui.app.transcript.look import Look
from tui.app.transcript.rows import Margin, Row, Target, painted
from tui.app.transcript.styles import Pen
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


@dataclass(frozen=True, slots=True)
class CodeShape:
    """How the lines of one block of code are set."""

    end: int
    """One past the last column of its ground."""
    number: int | None
    """Its number in the message; None for code that has none: it cannot be named, so it always wraps."""
    wraps: bool = True
    """Lines wider than the ground go on in the next row; False: they are cut, and a mark says so."""
    can_toggle: bool = False
    """Some line is too wide, and the label offers to set it the other way."""


def code_shape(widest: int, number: int | None, margin: Margin, look: Look, *, is_toggled: bool = False) -> CodeShape:
    """For code whose widest line takes ``widest`` cells.

    The ground is as wide as the window whatever lies on it, so that a long line that comes late moves nothing.
    """
    end = look.page.wide_end
    needed = margin.columns + 2 * _PADDING_COLUMNS + widest
    if number is None or look.wraps_code or needed <= end:
        return CodeShape(end, number)
    return CodeShape(end, number, wraps=is_toggled, can_toggle=True)


def displayed(line: str) -> str:
    return line.expandtabs(TAB_COLUMNS) if "\t" in line else line


def head_row(label: str, shape: CodeShape, margin: Margin, look: Look) -> Row:
    """The first row of a block: what language it is, and at the right what a click does with it."""
    room = shape.end - margin.columns - 2 * _PADDING_COLUMNS
    notes: list[tuple[str, str]] = []
    if shape.number is not None:
        notes.append((f"copy {shape.number}", "code"))
    if shape.can_toggle:
        notes.insert(0, ("wrap" if not shape.wraps else "cut", "wrap"))
    gap = f" {look.glyphs.separator} "
    while notes and width_of(gap.join(note for note, _ in notes)) + 2 > room:
        notes.pop(0)
    behind = gap.join(note for note, _ in notes)
    label = cut(" ".join(label.split()), max(0, room - width_of(behind) - 1), look.glyphs.ellipsis)
    blanks = room - width_of(label) - width_of(behind)
    text = f"{' ' * _PADDING_COLUMNS}{label}{' ' * blanks}{behind}{' ' * _PADDING_COLUMNS}"
    segments = [*margin.first, Segment(text, look.styles[Pen("muted", "code_background")])]
    targets: list[Target] = []
    column = shape.end - _PADDING_COLUMNS - width_of(behind)
    for note, kind in notes:
        targets.append(Target(column, column + width_of(note), kind, str(shape.number)))
        column += width_of(note) + width_of(gap)
    start = margin.columns + _PADDING_COLUMNS
    strip = painted(segments, shape.end, look.page, look.styles)
    return Row(strip, start, start + width_of(label), is_copied=False, targets=tuple(targets))


def ground_row(margin: Margin, shape: CodeShape, look: Look) -> Row:
    ground = Segment(" " * (shape.end - margin.columns), look.styles[Pen(ground="code_background")])
    return Row(painted([*margin.rest, ground], shape.end, look.page, look.styles), is_copied=False)


def code_rows(
    lines: Sequence[Sequence[Run]],
    sources: Sequence[str],
    shape: CodeShape,
    margin: Margin,
    look: Look,
    *,
    continues: Sequence[bool] = (),
) -> list[Row]:
    """Rows of code on its ground. However a line is set, copied it is one line again, and whole."""
    rows: list[Row] = []
    first_column = margin.columns + _PADDING_COLUMNS
    room = max(1, shape.end - first_column - _PADDING_COLUMNS)
    ground = look.styles[Pen(ground="code_background")]
    padding = Segment(" " * _PADDING_COLUMNS, ground)
    for index, (runs, source) in enumerate(zip(lines, sources, strict=True)):
        runs_as_shown = _without_tabs(runs) if "\t" in source else runs
        join = "" if index < len(continues) and continues[index] else "\n"
        parts = _folded(runs_as_shown, room)
        mark = look.glyphs.ellipsis if len(parts) > 1 and not shape.wraps else ""
        if mark:
            parts = _folded(runs_as_shown, max(1, room - width_of(mark)))[:1]
        for number, part in enumerate(parts):
            segments = [*margin.rest, padding]
            used = first_column
            for role, text in part:
                segments.append(Segment(text, look.styles[Pen(role, "code_background", italic=role == "comment")]))
                used += width_of(text)
            text_end = used
            targets: tuple[Target, ...] = ()
            if mark:
                segments.append(Segment(mark, look.styles[Pen("accent", "code_background")]))
                used += width_of(mark)
                targets = (Target(text_end, used, "wrap", str(shape.number)),)
            if used < shape.end:
                segments.append(Segment(" " * (shape.end - used), ground))
                used = shape.end
            is_whole = number == 0 and ("\t" in source or bool(mark))
            rows.append(
                Row(
                    painted(segments, used, look.page, look.styles),
                    first_column,
                    text_end,
                    join=join if number == 0 else "",
                    source=source if is_whole else "" if "\t" in source else None,
                    targets=targets,
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
