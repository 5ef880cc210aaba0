"""A document at the lines that an answer was given of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.transcript.wrap import wrap
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.cleaning import clean, clean_line
from tui.conversations.values import Source
from tui.documents.pdf import PdfReader
from tui.documents.reading import read_document
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.theming.values import Theme

PATH_CELLS = 80
MOST_LINES = 2000
"""Of one document; those around the passage."""
LONGEST_LINE_CHARACTERS = 2000
FRAME_CELLS = 12


@dataclass(frozen=True, slots=True)
class PlacedLine:
    place: int
    """Its line or page in the file."""
    text: str
    """Clean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSource:
    """What is shown of a document."""

    lines: tuple[PlacedLine, ...]
    is_cut: bool = False
    """The document has more than is shown."""
    complaint: Failure | None = None
    """The file cannot be read as it is; what is shown is what the shelf kept."""


def source_words(source: Source) -> str:
    """``notes.md, lines 10-25``, clean; a name alone is a whole document."""
    name = clean_line(Path(source.path).name, PATH_CELLS)
    return name if is_whole(source) else f"{name}, {source.range_words}"


def whole_document(path: Path) -> Source:
    return Source(title=path.name, path=str(path), first=1, last=0)


def is_whole(source: Source) -> bool:
    return source.last < source.first


def read_source(source: Source, kept: tuple[tuple[int, str], ...], reader: PdfReader) -> ReadSource:
    """The file as it is; else ``kept``, which the shelf has of it. Blocks."""
    try:
        document = read_document(Path(source.path), pdf_reader=reader).document
    except Failure as failure:
        lines = [PlacedLine(first + number, line) for first, text in kept for number, line in enumerate(_cleaned(text))]
        return ReadSource(lines=tuple(lines[:MOST_LINES]), complaint=failure)
    placed = [PlacedLine(place, text) for place, text in zip(document.places, document.lines, strict=True)]
    if placed and not placed[-1].text:
        placed.pop()  # behind the last line feed
    at = next((index for index, one in enumerate(placed) if one.place >= source.first), 0)
    start = max(0, min(at - MOST_LINES // 2, len(placed) - MOST_LINES))
    shown = placed[start : start + MOST_LINES]
    return ReadSource(
        lines=tuple(PlacedLine(one.place, line) for one in shown for line in _cleaned(one.text)[:1]),
        is_cut=len(shown) < len(placed),
    )


def _cleaned(text: str) -> list[str]:
    return [
        clean(line[:LONGEST_LINE_CHARACTERS]).expandtabs(4).replace("\n", " ")
        for line in text.replace("\r", "").split("\n")
    ]


class SourceReader(ListScreen):
    """Gives nothing back. Typing finds lines; Enter copies where the document is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+c", "copy_passage", show=False, priority=True, id="list.copy"),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        source: Source,
        kept: tuple[tuple[int, str], ...],
        copy: Callable[[str, str], None],
        close_below: Callable[[], None],
    ) -> None:
        """``kept`` is what the shelf has of these lines. ``copy`` takes a text and what it is called.

        ``close_below`` closes the list that this was opened from, if any: Escape goes back there, all else past it.
        """
        super().__init__(
            title=source_words(source), theme=theme, glyphs=glyphs, placeholder="type to find lines", is_tall=True
        )
        self._source = source
        self._kept = kept
        self._copy = copy
        self._close_below = close_below
        self._read: ReadSource | None = None
        self._reader = PdfReader()

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._read_file())

    def on_unmount(self) -> None:
        self._reader.stop()

    async def _read_file(self) -> None:
        self._read = await asyncio.to_thread(read_source, self._source, self._kept, self._reader)
        if self.has_list:
            self.refresh_rows(keep=self._first_key)
            more = " of it" if self._read.is_cut else ""
            self.show_counts(f"{plural(len(self._read.lines), 'line')}{more}")

    @property
    def is_reading(self) -> bool:
        return self._read is None

    @property
    def _first_key(self) -> str:
        lines = () if self._read is None else self._read.lines
        number = next((number for number, line in enumerate(lines) if self._is_in_passage(line)), 0)
        return f"{number}.0"

    def _is_in_passage(self, line: PlacedLine) -> bool:
        return self._source.first <= line.place <= self._source.last

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        if self._read is None:
            return ()
        words, cells = typed.casefold().split(), max(20, self.app.size.width - FRAME_CELLS)
        cells = min(cells, 100)
        rows: list[Row] = []
        digits = len(f"{self._read.lines[-1].place}") if self._read.lines else 1
        for number, line in enumerate(self._read.lines):
            if all(word in line.text.casefold() for word in words):
                rows += self._rows_of(number, line, digits, cells - digits - 3, typed.strip())
        return tuple(rows)

    def _rows_of(self, number: int, line: PlacedLine, digits: int, cells: int, typed: str) -> list[Row]:
        """The line with its number, and where it is too long, what is left of it below."""
        is_meant = self._is_in_passage(line)
        role = "foreground" if is_meant or is_whole(self._source) else "muted"
        rail = (f"{self.glyphs.rail} ", "accent") if is_meant else ("  ", "muted")
        spans = wrap(line.text, max(8, cells)) or [(0, 0)]
        return [
            Row(
                key=f"{number}.{part}",
                left=(
                    (f"{line.place if not part else '':>{digits}} ", "muted"),
                    rail,
                    *highlight(line.text[start:end], typed, role),
                ),
            )
            for part, (start, end) in enumerate(spans)
        ]

    def note_for(self, key: str) -> Parts:
        read = self._read
        if read is None:
            return (("reading the document …", "muted"),)
        if read.complaint is not None:
            what = "this is what was kept of it" if read.lines else "nothing was kept of it"
            return ((f"{what} {self.glyphs.separator} {clean_line(str(read.complaint), 160)}", "warning"),)
        path = clean_line(self._source.path, PATH_CELLS)
        score = self._source.score
        near = "" if score is None else f" {self.glyphs.separator} nearness {score:.2f}"
        return ((path, "foreground"), (near, "muted"))

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        passage = () if self._read is None or is_whole(self._source) else (("alt+c", "copy the passage"),)
        return (("enter", "copy its path"), *passage, ("esc", "back"))

    def leave(self) -> None:
        """To the conversation."""
        self.dismiss(None)
        self._close_below()

    def choose(self, key: str) -> None:
        self.leave()
        self._copy(self._source.path, "the path")

    def action_copy_passage(self) -> None:
        lines = () if self._read is None else self._read.lines
        text = "\n".join(line.text for line in lines if self._is_in_passage(line))
        if text:
            self.leave()
            self._copy(text, "the passage")
