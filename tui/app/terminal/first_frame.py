"""Something to look at while the rest is imported. Imports nothing that takes time."""

from __future__ import annotations

import os
from typing import Self

ENTER = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J"
LEAVE = "\x1b[?1049l\x1b[?25h"


class FirstFrame:
    """Draws on the other screen when entered, where all three streams are a terminal that can be drawn on.

    Undoes that at the end, unless somebody took the screen over meanwhile.
    """

    def __init__(self, *, descriptor: int = 2, term: str = "") -> None:
        self._descriptor = descriptor
        self._term = term
        self._is_ours = False
        self._was_taken_over = False

    def __enter__(self) -> Self:
        if self._term not in ("", "dumb") and all(_is_terminal(descriptor) for descriptor in (0, 1, 2)):
            try:
                columns, rows = os.get_terminal_size(self._descriptor)
            except OSError:
                columns, rows = 80, 24
            self._write(f"{ENTER}\x1b[1;2Hchinwag\x1b[{max(1, rows)};2H{'starting'[: max(0, columns - 2)]}")
            self._is_ours = True
        return self

    def taken_over(self) -> None:
        """Whoever draws from here on also leaves the other screen."""
        self._was_taken_over, self._is_ours = self._is_ours, False

    def given_back(self) -> None:
        """Whoever was to draw ended before that."""
        self._is_ours, self._was_taken_over = self._was_taken_over, False

    def undo(self) -> None:
        """Back to the screen as it was; nothing when it is not ours."""
        if self._is_ours:
            self._is_ours = False
            self._write(LEAVE)

    def __exit__(self, *_: object) -> None:
        self.undo()

    def _write(self, text: str) -> None:
        data = text.encode("ascii")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            return


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False
