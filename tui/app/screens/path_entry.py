"""A path to fill in; Tab completes it as a shell does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tui.app.screens.entry import EntryScreen
from tui.app.widgets.filter_input import FilterInput
from tui.cleaning import clean_line

MOST_SHOWN = 12
MOST_LOOKED_AT = 5000
NAME_CELLS = 40


def complete_path(typed: str) -> tuple[str, tuple[str, ...]]:
    """As much more of the path as is certain, and the names that it may become, folders with a slash. Blocks.

    A name that a line could not show as it is is left out: it could not be told from another one.
    """
    before, slash, beginning = typed.rpartition("/")
    folder = f"{before}{slash}" or "."
    names: list[str] = []
    try:
        with os.scandir(Path(folder).expanduser()) as entries:
            for entry in islice(entries, MOST_LOOKED_AT):
                name = entry.name
                is_wanted = name.startswith(beginning) and (beginning or not name.startswith("."))
                if is_wanted and clean_line(name, 1000) == name:
                    names.append(f"{name}/" if entry.is_dir() else name)
    except (OSError, ValueError, RuntimeError):
        return typed, ()
    names.sort()
    common = _shared_beginning(names) if names else beginning
    return f"{before}{slash}{common}", tuple(names)


class PathEntry(EntryScreen):
    """Of one line. What is given back may be no path that there is."""

    _is_completing = False

    def action_step(self, steps: int) -> None:
        if steps > 0 and not self._is_completing:
            self._is_completing = True
            self.run_worker(self._complete())

    async def _complete(self) -> None:
        entry = self.query_one(FilterInput)
        typed = entry.value
        try:
            completed, names = await asyncio.to_thread(complete_path, typed)
        finally:
            self._is_completing = False
        if not self.is_attached or entry.value != typed:
            return
        if completed != typed:
            with self.prevent(FilterInput.Changed):
                entry.value = completed
            entry.cursor_position = len(completed)
        if len(names) != 1 or completed == typed:
            self._say(_names_words(names), "muted")

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        return (("enter", self._done_word), ("tab", "complete"), ("esc", "back"))


def _names_words(names: Sequence[str]) -> str:
    if not names:
        return "nothing there begins so"
    shown = "  ".join(clean_line(name, NAME_CELLS) for name in names[:MOST_SHOWN])
    return f"{shown}  and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else shown


def _shared_beginning(names: Sequence[str]) -> str:
    """Of all of them; they are in order."""
    first, last = names[0], names[-1]
    same = (index for index, letter in enumerate(first) if index >= len(last) or last[index] != letter)
    return first[: next(same, len(first))]


def is_there(typed: str) -> bool:
    """Whether something stands at the path. Blocks, shortly."""
    try:
        return Path(typed).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False
