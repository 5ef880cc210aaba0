"""Inline Markdown in pieces, so that a paragraph that grows costs what its end costs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tui.app.transcript.inline import InlineLines, source_lines
from tui.app.transcript.parser import parse_inline
from tui.app.transcript.rows import Span
from tui.app.transcript.styles import Pen

PIECE_CHARACTERS = 400
_LONGEST_PIECE_CHARACTERS = 1_600
_KEPT_PIECES = 64

_MARKS = re.compile(r"[\\`*_\[<&~$]")
"""Text without any of these is not Markdown."""
_LABEL = re.compile(r"\[[^\[\]]*\]")
_OPEN_MARK = re.compile(r"[`\[\]~$]|<(?!\s)|(?<!\s)\*|\*(?!\s)|(?<!\w)_|_(?!\w)")
"""In text that was parsed: a mark that a later one may still pair with."""

Lines = list[list[Span]]


class InlineText:
    """Turns the inline Markdown of one document into lines of spans, and remembers the pieces it made."""

    def __init__(self, references: Mapping[str, str]) -> None:
        self._references = references
        self._made: dict[tuple[str, Pen], Lines | None] = {}

    def lines(self, source: str, pen: Pen) -> Lines:
        """A line break in the source is one in the result."""
        if len(source) <= PIECE_CHARACTERS:
            return self._parsed(source, pen)
        lines: Lines = [[]]
        start = 0
        while start < len(source):
            piece, end = self._piece(source, start, pen)
            lines[-1].extend(piece[0])
            lines.extend(list(spans) for spans in piece[1:])
            start = end
        return lines

    def _piece(self, source: str, start: int, pen: Pen) -> tuple[Lines, int]:
        """The longest piece from ``start`` on that means the same by itself, or all the rest; and where it ends."""
        size = PIECE_CHARACTERS
        while size <= _LONGEST_PIECE_CHARACTERS and start + size < len(source):
            end = _end_between_words(source, start + size // 2, start + size)
            if end:
                lines = self._kept(source[start:end], pen)
                if lines is not None:
                    return lines, end
            size *= 2
        return self._parsed(source[start:], pen), len(source)

    def _kept(self, piece: str, pen: Pen) -> Lines | None:
        key = (piece, pen)
        if key not in self._made:
            if len(self._made) >= _KEPT_PIECES:
                self._made.clear()
            self._made[key] = self._parsed(piece, pen) if _is_complete(piece) else None
        return self._made[key]

    def _parsed(self, source: str, pen: Pen) -> Lines:
        collected = InlineLines(pen, self._references)
        if _MARKS.search(source) is None:
            return collected.add_plain(source)
        tokens = parse_inline(source)
        return source_lines(source, pen) if tokens is None else collected.add(tokens)


def _end_between_words(source: str, first: int, last: int) -> int:
    """The last place from ``first`` to ``last`` where a single space stands between two words; 0 without one."""
    end = source.rfind(" ", first, last)
    while end > 0 and (source[end - 1].isspace() or source[end + 1].isspace()):
        end = source.rfind(" ", first, end)
    return max(0, end)


def _is_complete(piece: str) -> bool:
    """Whether no mark in ``piece`` may pair with one behind it."""
    if _MARKS.search(piece) is None:
        return True
    tokens = parse_inline(piece)
    if tokens is None:
        return False
    formulas = "".join(token.content for token in tokens if token.type == "formula")
    if any(piece.count(opener) != formulas.count(opener) for opener in ("\\(", "\\[")):
        # A formula that is opened here may end further on.
        return False
    # Between two tokens stands neither a space nor a letter: a mark at the edge of one may be open.
    text = "\0".join(token.content for token in tokens if token.type == "text")
    return _OPEN_MARK.search(_LABEL.sub("", text)) is None
