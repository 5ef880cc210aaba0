"""Where a line of text is broken so that it fits a width in terminal cells."""

from __future__ import annotations

import re
from functools import cache

from rich.cells import cell_len, split_graphemes

# Scripts that are written without spaces may break after any letter, but not in front of a closing mark.
_UNSPACED = (
    "\u1100-\u115f\u2e80-\u2fff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    "\u30fc-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9f\U00020000-\U0003fffd"
)
_CLOSING = "、。，．・：；？！）〕］｝〉》」』】ー々"
# Marks, vowels and finals that stand on, in or behind the letter before them, and variation selectors.
_ATTACHED = "\u0300-\u036f\u1160-\u11ff\u200d\u20d0-\u20f0\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f"
ZERO_WIDTH_JOINER = "\u200d"
_SKIN_TONES = "\U0001f3fb-\U0001f3ff"


# Compiling these takes milliseconds, for which the first screen does not wait.
@cache
def _pieces() -> re.Pattern[str]:
    return re.compile(f" +|[{_UNSPACED}][{_ATTACHED}{_CLOSING}]*|[^ {_UNSPACED}]+[{_CLOSING}]*")


@cache
def _joined() -> re.Pattern[str]:
    return re.compile(f"(?:{ZERO_WIDTH_JOINER}.?|[{_ATTACHED}{_SKIN_TONES}])+")


def joined_characters(before: str, text: str) -> int:
    """How many characters at the start of ``text`` are one with the last letter of ``before``."""
    behind = 1 if before.endswith(ZERO_WIDTH_JOINER) and text else 0
    found = _joined().match(text, behind)
    return found.end() if found else behind


def width_of(text: str) -> int:
    """Terminal cells that ``text`` takes."""
    return len(text) if text.isascii() else cell_len(text)


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """The rows of one line as ``(start, end)`` offsets into it, at least one.

    Broken at spaces, which are then part of no row, or inside what alone is wider than ``width`` cells.
    """
    return _wrap_ascii(text, width) if text.isascii() else _wrap_wide(text, width)


def _wrap_ascii(text: str, width: int) -> list[tuple[int, int]]:
    rows = []
    start, length = 0, len(text)
    while length - start > width:
        end = following = start + width
        cut = text.rfind(" ", start, end + 1)
        if cut > start and not text[start:cut].isspace():
            following = cut
            end = cut
            while text[end - 1] == " ":
                end -= 1
            while following < length and text[following] == " ":
                following += 1
        rows.append((start, end))
        start = following
    if start < length or not rows:
        rows.append((start, length))
    return rows


def _wrap_wide(text: str, width: int) -> list[tuple[int, int]]:
    if len(text) <= width and cell_len(text) <= width:
        return [(0, len(text))]
    rows: list[tuple[int, int]] = []
    start = end = 0
    used = 0
    for piece in _pieces().finditer(text):
        word = piece[0]
        cells = width_of(word)
        if word[0] == " ":
            used += cells
            continue
        if used + cells > width and end > start:
            rows.append((start, end))
            start = end = piece.start()
            used = 0
        if used + cells > width:
            start, used = _fold(text, start, piece.end(), width, rows)
            end = piece.end()
            continue
        used += cells
        end = piece.end()
    if end > start or not rows:
        # Spaces at the end stay when they fit: code and plain text may mean them.
        rows.append((start, len(text) if used <= width else end))
    return rows


def _fold(text: str, start: int, end: int, width: int, rows: list[tuple[int, int]]) -> tuple[int, int]:
    """Break ``text[start:end]`` between graphemes; its last row stays open: where it starts, and its cells."""
    spans, _ = split_graphemes(text[start:end])
    used = 0
    row_start = start
    for offset, _, cells in spans:
        if used + cells > width and start + offset > row_start:
            rows.append((row_start, start + offset))
            row_start = start + offset
            used = 0
        used += cells
    return row_start, used


def cut(text: str, width: int, ellipsis: str) -> str:
    """``text`` in at most ``width`` cells; what is cut off ends in ``ellipsis``."""
    if width_of(text) <= width:
        return text
    room = max(0, width - width_of(ellipsis))
    return text[: cell_offset(text, room)] + ellipsis


def cell_offset(text: str, cells: int) -> int:
    """How many characters at the start of ``text`` fit into ``cells``; a wide one that fits only half does not."""
    if text.isascii():
        return min(cells, len(text))
    spans, _ = split_graphemes(text)
    used = 0
    for offset, _, width in spans:
        if used + width > cells:
            return offset
        used += width
    return len(text)
