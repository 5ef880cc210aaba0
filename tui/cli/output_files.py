"""Files that a person names for what a command writes: reports and exported conversations."""

from __future__ import annotations

import os
from pathlib import Path

from tui.atomic import write_atomically
from tui.failures import Failure


def see_that_it_can_be_written(path: Path) -> None:
    """Raises ``Failure`` for what would fail at the end of a long run as well. Blocks."""
    folder = _meant(path).parent
    if path.is_dir():
        raise _cannot_write(path, "it is a folder")
    if _is_special(path):
        return
    if not folder.is_dir():
        raise _cannot_write(path, "no such file or directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _cannot_write(path, "permission denied")


def write_output(path: Path, data: bytes, *, mode: int) -> None:
    """The whole file or nothing of it; a link stays one. Blocks. Raises ``Failure``.

    What is no regular file, such as /dev/null or a pipe, is written to and never replaced: to root that is possible.
    """
    try:
        if _is_special(path):
            with path.open("wb") as file:
                file.write(data)
        else:
            write_atomically(_meant(path), data, mode=mode)
    except OSError as error:
        raise _cannot_write(path, (error.strerror or str(error)).lower()) from None


def _meant(path: Path) -> Path:
    """Where links lead. ``Path.resolve`` raises for those that lead to themselves."""
    return Path(os.path.realpath(path))


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _cannot_write(path: Path, why: str) -> Failure:
    return Failure(f"cannot write {path}", why, "choose another file")
