"""What a path that is being written may become: the names in its folder. Reading a folder blocks; choosing does not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tui.app.attached_text import bytes_text
from tui.app.commands.completing import Completion
from tui.cleaning import clean_line
from tui.documents.attachable import full_path, is_pattern

MOST_LOOKED_AT = 5_000
"""Names of one folder; one with more is read anew for each beginning."""
MOST_OFFERED = 200
LONGEST_NAME_CELLS = 200

_NEEDS_BACKSLASH = re.compile(r"([\s\\@])")
_BACKSLASH = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCompletion(Completion):
    """``text`` is empty: what is written stays, and one word in it changes."""

    path: str
    """As the person would write it, without backslashes."""
    leads_on: bool = False
    """It is a folder, in which the names are offered next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderName:
    name: str
    is_folder: bool
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderNames:
    """What is in one folder."""

    names: tuple[FolderName, ...]
    is_whole: bool = True
    """Else only those that begin as they were asked for, and not all of them perhaps."""


NOTHING_THERE = FolderNames(names=())


def written_plainly(word: str) -> str:
    """Without the backslashes before blanks."""
    return _BACKSLASH.sub(r"\1", word)


def written_as_word(path: str) -> str:
    """With backslashes before what would end a word."""
    return _NEEDS_BACKSLASH.sub(r"\\\1", path)


def folder_of(path: str) -> str:
    """The part of a path whose names are offered, with its slash: ``src/`` of ``src/ma``; empty for this folder."""
    return path[: path.rfind("/") + 1]


def read_folder(path: str, *, folder: Path, home: Path) -> FolderNames:
    """The names in the folder that ``path`` is a beginning of; none where there is no such folder. Blocks.

    A name that would be shown otherwise than it is is left out: it could not be told from another one.
    """
    where, beginning = full_path(folder_of(path) or ".", folder=folder, home=home), path[path.rfind("/") + 1 :]
    try:
        with os.scandir(where) as entries:
            looked_at = [_name_of(entry) for entry in islice(entries, MOST_LOOKED_AT)]
            is_whole = next(entries, None) is None
            if not is_whole:
                more = (one for one in entries if one.name.startswith(beginning))
                looked_at += [_name_of(entry) for entry in islice(more, MOST_OFFERED)]
    except (OSError, ValueError):
        return NOTHING_THERE
    shown = (one for one in looked_at if one.name == clean_line(one.name, LONGEST_NAME_CELLS))
    return FolderNames(names=tuple(sorted(shown, key=lambda one: one.name.casefold())), is_whole=is_whole)


def path_completions(path: str, there: FolderNames) -> tuple[PathCompletion, ...]:
    """What ``path`` may become, what begins so first; hidden names only where a dot was written.

    A folder whose name is whole, and a pattern, stand there themselves: they are attached as all that is in them.
    """
    if is_pattern(path):
        return (PathCompletion(name=clean_line(path, 60), words="what fits it", text="", path=path),)
    before, beginning = folder_of(path), path[path.rfind("/") + 1 :]
    wanted = beginning.casefold()
    names = [one for one in there.names if beginning.startswith(".") or not one.name.startswith(".")]
    first = [one for one in names if one.name.casefold().startswith(wanted)]
    # A dot alone is in nearly every name.
    others = [one for one in names if wanted.strip(".") and wanted in one.name.casefold() and one not in first]
    found = tuple(_offered(before, [*first, *others]))[:MOST_OFFERED]
    if before and not beginning and there.names:
        whole = PathCompletion(name=clean_line(before, 60), words="everything in it", text="", path=before)
        return (*found, whole)
    return found


def _offered(before: str, names: Iterable[FolderName]) -> Iterator[PathCompletion]:
    for one in names:
        path = f"{before}{one.name}{'/' if one.is_folder else ''}"
        words = "" if one.size_bytes is None else bytes_text(one.size_bytes)
        yield PathCompletion(
            name=clean_line(path, 60), words="folder" if one.is_folder else words, text="", path=path,
            leads_on=one.is_folder,
        )  # fmt: skip


def _name_of(entry: os.DirEntry[str]) -> FolderName:
    try:
        is_folder = entry.is_dir()
        return FolderName(name=entry.name, is_folder=is_folder, size_bytes=None if is_folder else entry.stat().st_size)
    except OSError:
        return FolderName(name=entry.name, is_folder=False)
