"""Finds out that rows of a picture moved up or down, so that the terminal can move them itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from tui.app.terminal.cells import UNKNOWN, Cells

_FEWEST_CHANGED = 3
_FEWEST_GAINED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scroll:
    """Rows ``top`` to ``bottom`` (both within) move up by ``rows``, down when it is negative."""

    top: int
    bottom: int
    rows: int


def find_scroll(shown: Sequence[Cells], wanted: Mapping[int, Cells]) -> Scroll | None:
    """The one scroll that spares most rows, or None when it spares too few.

    ``shown`` is the whole screen, ``wanted`` the rows that were drawn anew.
    """
    changed = [row for row, cells in wanted.items() if cells != shown[row]]
    if len(changed) < _FEWEST_CHANGED:
        return None
    stood_at: dict[Cells, list[int]] = {}
    for row in wanted:
        if not is_blank(shown[row]):
            stood_at.setdefault(shown[row], []).append(row)
    votes: Counter[int] = Counter()
    for row in changed:
        if not is_blank(wanted[row]):
            votes.update({before - row for before in stood_at.get(wanted[row], ())})
    if not votes:
        return None
    # Of equal ones the shortest way: text that repeats itself fits at many distances.
    rows = min(votes, key=lambda distance: (-votes[distance], abs(distance)))
    return _largest_block(shown, wanted, rows)


def _largest_block(shown: Sequence[Cells], wanted: Mapping[int, Cells], rows: int) -> Scroll | None:
    """The run of rows with the best balance: what moved counts for it, what stands still within it against it.

    Rows that are neither do not end it: a scrollbar changes a few cells of a row that moved.
    """
    best = (0, 0, -1)
    start, balance = 0, 0
    for row in range(len(shown)):
        before, after = shown[row], wanted.get(row, shown[row])
        if after == before:
            balance -= not is_blank(after)
        elif 0 <= row + rows < len(shown) and after == shown[row + rows] and not is_blank(after):
            if balance <= 0:
                start, balance = row, 0
            balance += 1
            best = max(best, (balance, start, row), key=itemgetter(0))
    gained, first, last = best
    top, bottom = min(first, first + rows), max(last, last + rows)
    # Where the block comes from, what does not change is moved away and has to be drawn again.
    source = range(last + 1, bottom + 1) if rows > 0 else range(top, first)
    lost = sum(wanted.get(row, shown[row]) == shown[row] and not is_blank(shown[row]) for row in source)
    return Scroll(top=top, bottom=bottom, rows=rows) if gained - lost >= _FEWEST_GAINED else None


def is_blank(cells: Cells) -> bool:
    """Whether nothing would be gained by moving it: a row of spaces costs a few bytes."""
    return not cells[0].strip(" ") or UNKNOWN in cells[0]
