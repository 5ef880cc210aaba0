"""What Textual wants on the screen, as the fewest bytes that bring the terminal there from what it shows.

The encoder knows every cell that the terminal shows because all of them went through it. Only cells that differ are
sent, pens only where they change, rows that moved are scrolled, runs of blanks are erased. Rows with characters that
terminals give different widths are sent whole, each such character at its absolute column, so that no cell behind it
stands wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.color import ColorSystem
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Offset, Size
from textual.strip import Strip

from tui.app.terminal.cells import (
    DEFAULT_PEN,
    FILLER,
    UNCERTAIN,
    UNKNOWN,
    CellMaker,
    Cells,
    Pen,
    TooManyKindsError,
    fitted,
)
from tui.app.terminal.scrolling import Scroll, find_scroll

SYNCHRONISED_START, SYNCHRONISED_END = "\x1b[?2026h", "\x1b[?2026l"
_ERASED_IN_BETWEEN = 9
_ERASED_AT_END = 4
_SPARED_BETWEEN_CHANGES = 4
_MOST_SCROLLS = 2
"""Above and below of what stands still in the middle."""
_OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29", "53": "55"}
_BLANKS = re.compile(f" {{{_ERASED_AT_END},}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalAbilities:
    """What a terminal does right."""

    color_system: ColorSystem = ColorSystem.TRUECOLOR
    erases: bool = True
    """It knows how to erase part of a row (ECH, EL)."""
    erases_with_background: bool = True
    """What it erases gets the background of the pen (BCE)."""
    is_ambiguous_wide: bool = False
    """It may draw ambiguous characters as two cells."""


def read_abilities(environ: Mapping[str, str], *, color_system: ColorSystem) -> TerminalAbilities:
    """From ``TERM``, ``TMUX`` and the locale, without asking the terminal."""
    term = environ.get("TERM", "")
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    # screen leaves erased cells in the default colours; so may what calls itself screen at the far end of a line.
    may_be_screen = term.startswith("screen") and not environ.get("TMUX")
    return TerminalAbilities(
        color_system=color_system,
        erases=not term.startswith(("vt1", "vt5", "dumb", "ansi", "cons")),
        erases_with_background=not may_be_screen,
        is_ambiguous_wide=locale[:2] in ("zh", "ja", "ko"),
    )


class Encoder:
    """Keeps what one terminal shows. Everything it returns must reach the terminal, in order, or it must ``forget``."""

    def __init__(self, abilities: TerminalAbilities) -> None:
        self._abilities = abilities
        self._maker = CellMaker(color_system=abilities.color_system, is_ambiguous_wide=abilities.is_ambiguous_wide)
        self._size = Size(0, 0)
        self._shown: list[Cells] = []
        self._cursor: tuple[int | None, int | None] = (None, None)
        self._pen: int | None = None
        self._has_gaps = True
        self._steps: dict[tuple[int | None, int, bool], tuple[str, int]] = {}
        self._has_drawn_links = False
        self._output: list[str] = []

    def forget(self) -> None:
        """Nothing is known of what the terminal shows: the next pictures are sent whole."""
        self._shown = []
        self._cursor = (None, None)
        self._pen = None
        self._steps = {key: step for key, step in self._steps.items() if key[0] is not None}
        self._has_gaps = True

    def _forget_at(self, size: Size) -> None:
        self.forget()
        self._size = size
        self._shown = [(UNKNOWN * size.width, chr(DEFAULT_PEN) * size.width)] * size.height

    @property
    def has_gaps(self) -> bool:
        """Whether nothing is known of what the terminal shows, so that a whole picture is needed."""
        return self._has_gaps

    def encode(
        self, update: LayoutUpdate | ChopsUpdate, *, size: Size, cursor: Offset, is_synchronised: bool = False
    ) -> str:
        """The bytes for one update; empty when the terminal shows it already, and for a part while ``has_gaps``.

        ``cursor`` is where the hidden cursor is left: input methods open their window there.
        """
        is_whole = isinstance(update, LayoutUpdate) and update.region == size.region
        if size != self._size or not self._shown:
            self._forget_at(size)
        if self._has_gaps and not is_whole:
            return ""
        try:
            wanted = self._wanted(update)
        except TooManyKindsError:
            # The numbers start anew, and with them everything that is shown.
            self._maker.forget()
            self._steps.clear()
            self._forget_at(size)
            if not is_whole:
                return ""
            wanted = self._wanted(update)
        self._has_gaps = False
        self._output = []
        changed_rows = 0
        for _ in range(_MOST_SCROLLS):
            if (scroll := find_scroll(self._shown, wanted)) is None:
                break
            # A row between the margins that is not to change moves with the others, and has to come back.
            for row in range(scroll.top, scroll.bottom + 1):
                wanted.setdefault(row, self._shown[row])
            self._scroll(scroll)
            changed_rows += 2
        for row, cells in sorted(wanted.items()):
            if cells != self._shown[row]:
                changed_rows += 1
                self._draw_row(row, cells)
        self._move(cursor.y, cursor.x)
        text = "".join(self._output)
        if is_synchronised and changed_rows > 1:
            return f"{SYNCHRONISED_START}{text}{SYNCHRONISED_END}"
        return text

    # ------------------------------------------------------------------ what is wanted

    def _wanted(self, update: LayoutUpdate | ChopsUpdate) -> dict[int, Cells]:
        """Whole rows, made of what was drawn anew and what is shown beside it."""
        pieces = layout_pieces(update) if isinstance(update, LayoutUpdate) else chops_pieces(update)
        width, height = self._size
        wanted: dict[int, Cells] = {}
        for row, column, strip in pieces:
            if row >= height or column >= width:
                continue
            text, pens = self._maker.cells(strip)
            if column + len(text) > width:
                text, pens = fitted(text, pens, width - column)
            if len(text) < width:
                text, pens = joined(wanted.get(row) or self._shown[row], column, text, pens)
            wanted[row] = (text, pens)
        return wanted

    # ------------------------------------------------------------------ drawing

    def _scroll(self, scroll: Scroll) -> None:
        """By deleting or inserting rows within margins, which every terminal since the VT102 does."""
        top, bottom, rows = scroll.top, scroll.bottom, abs(scroll.rows)
        verb = "M" if scroll.rows > 0 else "L"
        self._output.append(f"\x1b[{top + 1};{bottom + 1}r\x1b[{top + 1}H\x1b[{rows if rows > 1 else ''}{verb}\x1b[r")
        self._cursor = (None, None)  # at home, says the standard
        unknown: list[Cells] = [(UNKNOWN * self._size.width, chr(DEFAULT_PEN) * self._size.width)] * rows
        block = self._shown[top : bottom + 1]
        self._shown[top : bottom + 1] = block[rows:] + unknown if scroll.rows > 0 else unknown + block[:-rows]

    def _draw_row(self, row: int, cells: Cells) -> None:
        before, self._shown[row] = self._shown[row], cells
        text, pens = cells
        if UNCERTAIN.search(text) or UNCERTAIN.search(before[0]):
            self._draw(row, 0, len(text), text, pens)
            return
        for start, end in changes(before, cells):
            self._draw(row, start, end, text, pens)

    def _draw(self, row: int, start: int, end: int, text: str, pens: str) -> None:
        at = start
        while at < end:
            pen = pens[at]
            until = at + 1
            while until < end and pens[until] == pen:
                until += 1
            self._draw_run(row, at, until, text, ord(pen), end=end)
            at = until

    def _draw_run(self, row: int, start: int, until: int, text: str, pen: int, *, end: int) -> None:
        """Cells of one pen; ``end`` is where the change ends."""
        piece = text[start:until]
        if not UNCERTAIN.search(piece):
            self._draw_certain(row, start, piece, pen, end=end)
            return
        at = start
        for part in uncertain_parts(piece):
            if UNCERTAIN.match(part):
                self._draw_cluster(row, at, part[0], pen)
            else:
                self._draw_certain(row, at, part, pen, end=end)
            at += len(part)

    def _draw_certain(self, row: int, start: int, piece: str, pen: int, *, end: int) -> None:
        at = start
        for blanks in _BLANKS.finditer(piece) if self._can_erase(pen) else ():
            first, last = start + blanks.start(), start + blanks.end()
            reaches_edge = last == self._size.width
            if not reaches_edge and last - first < (_ERASED_AT_END if last == end else _ERASED_IN_BETWEEN):
                continue
            self._write(row, at, piece[at - start : blanks.start()], pen)
            self._move(row, first)
            self._use(pen, is_blank=True)
            self._output.append("\x1b[K" if reaches_edge else f"\x1b[{last - first}X")
            at = last
        self._write(row, at, piece[at - start :], pen)

    def _can_erase(self, number: int) -> bool:
        pen = self._maker.pens[self._maker.pens[number].blank]
        return (
            self._abilities.erases and pen.can_erase and (self._abilities.erases_with_background or not pen.background)
        )

    def _write(self, row: int, column: int, text: str, pen: int) -> None:
        if not text:
            return
        self._move(row, column)
        self._use(pen, is_blank=not text.strip(" "))
        self._output.append(text.replace(FILLER, "").replace(UNKNOWN, " "))
        end = column + len(text)
        # At the last column a terminal waits before it moves on, or does not move on: where it stands is not certain.
        self._cursor = (row, end if end < self._size.width else None)

    def _draw_cluster(self, row: int, column: int, stand_in: str, pen: int) -> None:
        cluster = self._maker.cluster(stand_in)
        if not cluster.is_mild:
            # Where it is drawn narrower than it was measured, what stood there would stay.
            self._write(row, column, " " * cluster.width, pen)
        self._move(row, column)
        self._use(pen, is_blank=False)
        self._output.append(cluster.text)
        self._cursor = (row, None)

    # ------------------------------------------------------------------ cursor and pen

    def _move(self, row: int, column: int) -> None:
        row_now, column_now = self._cursor
        if (row_now, column_now) == (row, column):
            return
        if row_now == row:
            if column == 0:
                self._output.append("\r")
            elif column_now is not None and 0 < column - column_now <= column:
                distance = column - column_now
                self._output.append(f"\x1b[{distance if distance > 1 else ''}C")
            else:
                self._output.append(f"\x1b[{column + 1}G")
        elif column == 0:
            self._output.append(f"\x1b[{row + 1}H" if row else "\x1b[H")
        else:
            self._output.append(f"\x1b[{row + 1};{column + 1}H")
        self._cursor = (row, column)

    def _use(self, number: int, *, is_blank: bool) -> None:
        """``is_blank``: for spaces, which look alike with many pens."""
        now = self._pen
        if now == number:
            return
        key = (now, number, is_blank)
        step = self._steps.get(key)
        if step is None:
            step = self._steps[key] = self._step(now, number, is_blank=is_blank)
        codes, self._pen = step
        if codes:
            self._output.append(codes)

    def _step(self, now: int | None, number: int, *, is_blank: bool) -> tuple[str, int]:
        """What takes the terminal from one pen to another, or to one that serves as well."""
        pens = self._maker.pens
        if now is None:
            # Where no link was ever drawn the terminal may not know what one is.
            link = pens[number].link or (";" if self._has_drawn_links else "")
            self._has_drawn_links = bool(link)
            return full_sgr(pens[number]) + (f"\x1b]8;{link}\x1b\\" if link else ""), number
        target = self._maker.pen_for_blank(now, number) if is_blank else number
        codes = shortest_sgr(pens[now], pens[target])
        if pens[now].link != pens[target].link:
            self._has_drawn_links = True
            codes += f"\x1b]8;{pens[target].link or ';'}\x1b\\"
        return codes, target


def joined(before: Cells, column: int, text: str, pens: str) -> Cells:
    """A row with new cells from ``column`` on. A wide character that is cut in half there becomes blank."""
    text_before, pens_before = before
    end = column + len(text)
    left, right = text_before[:column], text_before[end:]
    if text_before[column : column + 1] == FILLER:
        kept = left.rstrip(FILLER)[:-1]
        left = kept + " " * (column - len(kept))
    if right[:1] == FILLER:
        kept = right.lstrip(FILLER)
        right = " " * (len(right) - len(kept)) + kept
    return left + text + right, pens_before[:column] + pens + pens_before[end:]


def changes(before: Cells, after: Cells) -> Iterator[tuple[int, int]]:
    """Where rows differ, as half-open ranges that split no wide character; what is too short to skip is included."""
    (text_before, pens_before), (text, pens) = before, after
    start = end = -1
    for column in range(len(text)):
        if text[column] == text_before[column] and pens[column] == pens_before[column]:
            continue
        if start < 0:
            start = column
        elif column - end > _SPARED_BETWEEN_CHANGES:
            yield whole_characters(text, start, end)
            start = column
        end = column + 1
    if start >= 0:
        yield whole_characters(text, start, end)


def whole_characters(text: str, start: int, end: int) -> tuple[int, int]:
    while start and text[start] == FILLER:
        start -= 1
    while end < len(text) and text[end] == FILLER:
        end += 1
    return start, end


def uncertain_parts(piece: str) -> Iterator[str]:
    """Clusters one by one with their fillers, and what stands between them."""
    at = 0
    for found in UNCERTAIN.finditer(piece):
        if found.start() > at:
            yield piece[at : found.start()]
        at = found.end()
        while at < len(piece) and piece[at] == FILLER:
            at += 1
        yield piece[found.start() : at]
    if at < len(piece):
        yield piece[at:]


def full_sgr(pen: Pen) -> str:
    return f"\x1b[{';'.join(filter(None, ('0', *pen.attributes, pen.foreground, pen.background)))}m"


def shortest_sgr(now: Pen, pen: Pen) -> str:
    """The shortest way from one pen to another."""
    gone = {_OFF.get(code, "0") for code in now.attributes if code not in pen.attributes}
    codes = sorted(gone)
    # What ends one attribute may end another one with it.
    codes += [code for code in pen.attributes if code not in now.attributes or _OFF.get(code, "0") in gone]
    if pen.foreground != now.foreground:
        codes.append(pen.foreground or "39")
    if pen.background != now.background:
        codes.append(pen.background or "49")
    if not codes:
        return ""
    step = f"\x1b[{';'.join(codes)}m"
    if not (pen.attributes or pen.foreground or pen.background):
        return "\x1b[m"
    whole = full_sgr(pen)
    return step if "0" not in gone and len(step) <= len(whole) else whole


def layout_pieces(update: LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Row, column and strip of everything in a whole picture."""
    for row, strips in enumerate(update.strips, update.region.y):
        column = update.region.x
        for strip in strips:
            yield row, column, strip
            column += strip.cell_length


def chops_pieces(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Row, column and strip of what is drawn anew in part of a picture."""
    for row, start, end in update.spans:
        for chop_end, (column, strip) in zip(update.chop_ends[row], update.chops[row].items(), strict=False):
            if strip is None or column > end or chop_end <= start:
                continue
            is_whole = start <= column < end and chop_end <= end
            yield row, column, strip if is_whole else strip.crop(0, min(chop_end, end) - column)
