"""Files of one folder, read and nothing else; no name leads out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.tools.shown import RESULT_CHARACTERS

LARGEST_FILE_BYTES = 8 << 20
MOST_LINES = 400
MOST_NAMES = 500
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW


def resolved_inside(folder: Path, name: str) -> tuple[Path, Path]:
    """``folder`` and what ``name`` means in it, both without symbolic links. Blocks.

    Raises ``Failure`` for what is not there, lies outside, or is hidden: where a name begins with a dot, secrets live.
    """
    shown = clean_line(name, 100) or "this"
    try:
        top = folder.resolve(strict=True)
        found = (top / name).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        # What is outside is not told apart from what is not there.
        raise _no(shown, "there is no such file") from None
    if not found.is_relative_to(top):
        raise _no(shown, "there is no such file")
    if any(part.startswith(".") for part in found.relative_to(top).parts):
        raise _no(shown, "hidden files are not read")
    return top, found


def read_lines(top: Path, found: Path, first_line: int) -> str:
    """Some lines of the file ``found``, or the names in the folder ``found``, as ``resolved_inside`` gave them. Blocks.

    The way there is opened step by step without following links, so that none can be put in it meanwhile.
    """
    shown = clean_line(str(found.relative_to(top)), 100)
    try:
        with _opened(top, found.relative_to(top).parts) as descriptor:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                return _names(descriptor)
            if not stat.S_ISREG(mode):
                raise _no(shown, "it is no file")
            data = _read(descriptor)
    except OSError as error:
        raise _no(shown, (error.strerror or str(error)).lower()) from None
    if len(data) > LARGEST_FILE_BYTES:
        raise _no(shown, f"it has over {LARGEST_FILE_BYTES >> 20} MB")
    if b"\x00" in data:
        raise _no(shown, "it is no text")
    return _lines(data.decode("utf-8-sig", "replace"), first_line)


@contextmanager
def _opened(top: Path, parts: tuple[str, ...]) -> Iterator[int]:
    descriptor = os.open(top, _FLAGS | os.O_DIRECTORY)
    try:
        for index, part in enumerate(parts):
            folder_only = os.O_DIRECTORY if index < len(parts) - 1 else 0
            inner = os.open(part, _FLAGS | folder_only, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    parts, left = [], LARGEST_FILE_BYTES + 1
    while left > 0 and (part := os.read(descriptor, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _names(descriptor: int) -> str:
    with os.scandir(descriptor) as entries:
        found = sorted(
            f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in entries
            if not entry.name.startswith(".")
        )
    names = [clean_line(name, 200) for name in found[:MOST_NAMES]]
    more = [f"… and {len(found) - MOST_NAMES:,} more"] if len(found) > MOST_NAMES else []
    return "\n".join(["a folder with:", *names, *more]) if found else "an empty folder"


def _lines(text: str, first_line: int) -> str:
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    start = max(first_line, 1) - 1
    if start >= len(lines):
        return f"it has {len(lines):,} line{'' if len(lines) == 1 else 's'}" if lines else "an empty file"
    taken: list[str] = []
    left = RESULT_CHARACTERS - 200
    for line in lines[start : start + MOST_LINES]:
        if len(line) > left and taken:
            break
        taken.append(line)
        left -= len(line) + 1
    end = start + len(taken)
    whole = start == 0 and end == len(lines)
    more = f"; more with first_line={end + 1}" if end < len(lines) else ""
    return "\n".join(taken if whole else [f"lines {start + 1}-{end} of {len(lines):,}{more}:", *taken])


def _no(shown: str, cause: str) -> Failure:
    return Failure(f"{shown} is not read", cause, "name a file below the folder, or . for a list of them")
