"""A disk that fails: it stands between Python and the system's calls, and at one of them, the Nth, does what it was told.

Only calls on files below one folder are counted; everything else passes. What was synced is written down, so that a loss
of power can be played: see ``lose_power``. Syncing itself is only written down, which keeps thousands of runs short.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

Fault = Literal["ENOSPC", "EIO", "EROFS", "EDQUOT", "short", "killed", "killed halfway", "kill -9"]
"""A number that the system gives; half a write that says so; death before the call; death in the middle of a write."""

BY_PATH = ("open", "replace", "rename", "link", "unlink", "mkdir", "chmod", "truncate")
BY_DESCRIPTOR = ("write", "fsync", "fdatasync", "ftruncate", "fchmod")


class Killed(BaseException):
    """The process is dead: nothing that it does from here on reaches the disk."""


@dataclass(slots=True)
class FailingDisk:
    root: Path
    fault: Fault = "EIO"
    at_call: int = -1
    """Which call fails, counted from 0; -1: none."""
    lasting: bool = False
    """All calls from then on fail, until ``heal``; they do so anyway once the process is dead."""
    reads_well: bool = False
    """Opening a file only to read it is not counted and never fails, as on a disk that is full or read-only."""
    on_death: Callable[[], object] = lambda: None
    calls: int = 0
    is_dead: bool = False
    is_ill: bool = False
    is_paused: bool = False
    said: list[str] = field(default_factory=list)
    """Every counted call, for the message of a test that fails."""
    _opened: dict[int, str] = field(default_factory=dict)
    _synced_bytes: dict[int, bytes] = field(default_factory=dict)
    _synced_names: dict[str, dict[str, int]] = field(default_factory=dict)
    _dropped: set[int] = field(default_factory=set)
    _files: dict[int, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def was_met(self) -> bool:
        return 0 <= self.at_call < self.calls

    def heal(self) -> None:
        self.is_ill = False
        self.at_call = -1

    def bury(self) -> None:
        """What the system does with the descriptors, and so with the locks, of a process that died."""
        for descriptor in tuple(self._opened):
            os.close(descriptor)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """For what another program does meanwhile, or did before."""
        self.is_paused = True
        yield
        self.is_paused = False

    @contextmanager
    def in_place(self) -> Iterator[FailingDisk]:
        with pytest.MonkeyPatch.context() as patch:
            for name in (*BY_PATH, *BY_DESCRIPTOR):
                patch.setattr(os, name, self._instead_of(name, getattr(os, name)))
            patch.setattr(os, "close", self._instead_of_close(os.close))
            yield self

    # ── the calls ────────────────────────────────────────────────────────────────────────────────────────────────

    def _instead_of_close(self, original: Callable[[int], None]) -> Callable[[int], None]:
        def close(descriptor: int) -> None:
            self._opened.pop(descriptor, None)
            original(descriptor)

        return close

    def _instead_of(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            path = self._path_of(name, arguments[0])
            if path is None:
                return original(*arguments, **options)
            is_spared = self.reads_well and name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not self.is_paused and not is_spared:
                self._count(name, path, arguments, original)
            if name in {"fsync", "fdatasync"}:
                return self._note_synced(arguments[0], path)
            result = original(*arguments, **options)
            if name == "open":
                self._opened[result] = path
                if arguments[1] & os.O_EXCL:
                    # A new file may have the inode of one that is gone.
                    self._files.pop(os.fstat(result).st_ino, None)
            return result

        return call

    def _path_of(self, name: str, first: Any) -> str | None:
        if name in BY_DESCRIPTOR:
            return self._opened.get(first)
        if isinstance(first, int):
            return None
        path = os.path.abspath(os.fsdecode(first))  # noqa: PTH100  without a look at the disk
        return path if f"{path}/".startswith(f"{self.root}/") else None

    def _count(self, name: str, path: str, arguments: tuple[Any, ...], original: Callable[..., Any]) -> None:
        if self.is_dead:
            raise Killed
        number, self.calls = self.calls, self.calls + 1
        self.said.append(f"{number} {name} {Path(path).name}")
        if number != self.at_call and not self.is_ill:
            return
        if self.lasting:
            self.is_ill = True
        if name == "write" and self.fault in {"short", "killed halfway"}:
            data = bytes(arguments[1])
            original(arguments[0], data[: len(data) // 2])
        match self.fault:
            case "kill -9":
                os.kill(os.getpid(), signal.SIGKILL)
            case "killed" | "killed halfway":
                self.is_dead = True
                self.on_death()
                raise Killed
            case "short":
                code = errno.ENOSPC
            case _:
                code = getattr(errno, self.fault)
        if name in {"fsync", "fdatasync"}:
            # The system drops what it could not write, and says nothing about it the next time.
            self._dropped.add(self._file_of(os.fstat(arguments[0]).st_ino))
        raise OSError(code, os.strerror(code))

    # ── a loss of power ──────────────────────────────────────────────────────────────────────────────────────────

    def _note_synced(self, descriptor: int, path: str) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            with os.scandir(path) as entries:
                self._synced_names[path] = {
                    entry.name: self._file_of(entry.inode()) for entry in entries if entry.is_file()
                }
        elif (file := self._file_of(found.st_ino)) not in self._dropped:
            self._synced_bytes[file] = Path(f"/proc/self/fd/{descriptor}").read_bytes()

    def _file_of(self, inode: int) -> int:
        """A number that no other file gets."""
        return self._files.setdefault(inode, next(self._numbers))

    def lose_power(self, folder: Path, *, names_survive: bool) -> None:
        """The folder as it may be found afterwards.

        Either nothing is there that was not synced, or every name is and bytes that were not synced are zeros.
        """
        now = {
            path.name: (self._file_of(path.stat().st_ino), path.read_bytes())
            for path in folder.iterdir()
            if path.is_file()
        }
        before = self._synced_names.get(str(folder), {})
        for name in now:
            (folder / name).unlink()
        names = {name: file for name, (file, _) in now.items()} if names_survive else before
        for name, file in names.items():
            data = self._synced_bytes.get(file, b"")
            if names_survive:
                data = data[: len(now[name][1])].ljust(len(now[name][1]), b"\0")
            (folder / name).write_bytes(data)
            (folder / name).chmod(0o600)
