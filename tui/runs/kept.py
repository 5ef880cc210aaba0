"""What runs leave on disk: a folder for each, private, with its settings, its results as they came, and its report.

::

    runs/20261121T184440Z-batch-3fa9c2/
        config.json      what was asked of whom, when, and how it ended
        results.jsonl    one line for each answer or round, written as it comes
        report.json      what came of all of it; beside it report.md and report.html for people

Who writes a run holds a lock on its folder: one that is under way is not cleaned away. Everything here blocks.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import stat
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from tui.atomic import make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean_line
from tui.failures import Failure
from tui.places import Places

FORMAT = "chinwag run 1"
KINDS = ("batch", "bench", "compare", "chat", "generate")
CONFIG, RESULTS = "config.json", "results.jsonl"
LARGEST_CONFIG_BYTES = 16_000_000
MOST_RUNS = 100_000
MOST_FILES = 1000
_NAME = re.compile(r"(\d{8}T\d{6}Z)-([a-z]{1,20})-([0-9a-f]{6})")


class State(StrEnum):
    well = "well"
    failed = "failed"
    """A part of what was asked for failed."""
    interrupted = "interrupted"
    under_way = "under way"
    unfinished = "unfinished"
    """Whoever wrote it went away without a word."""
    damaged = "damaged"


class FileKind(StrEnum):
    """What a file of a run is."""

    outputs = "outputs"
    """An answer as text, with its prompt and figures."""
    results = "results"
    configs = "configs"
    reports = "reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    name: str
    size_bytes: int

    @property
    def kind(self) -> FileKind:
        stem = self.name.partition(".")[0]
        kinds = {"config": FileKind.configs, "results": FileKind.results, "report": FileKind.reports}
        return kinds.get(stem, FileKind.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """One folder, as it is found. ``kind`` and ``at`` are those of its name; of a folder without one they are made up."""

    id: str
    """The folder's name."""
    folder: Path
    kind: str
    """Empty for a folder that chinwag did not make."""
    at: datetime
    state: State
    files: tuple[KeptFile, ...] = ()
    models: tuple[str, ...] = ()
    title: str = ""
    """What it was about, on one clean line."""
    damage: str = ""
    """Why it is damaged; empty when it is not."""

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.files)

    @property
    def is_ours(self) -> bool:
        """By its name: others' folders are never deleted."""
        return bool(self.kind)


def runs_folder(places: Places) -> Path:
    return places.data / "runs"


# ---------------------------------------------------------------------- writing


class RunFolder:
    """One run while it is under way; ``RunFolder.begin`` makes it, ``end`` or leaving ``with`` lets go of it."""

    def __init__(self, folder: Path, config: Mapping[str, Any], lock: int) -> None:
        self.folder = folder
        self.id = folder.name
        self._config = dict(config)
        self._lock = lock
        self._results = -1
        # A write whose waiting was given up may still be under way in its thread when the run ends.
        self._one_at_a_time = threading.Lock()

    @classmethod
    def begin(
        cls,
        runs: Path,
        *,
        kind: str,
        config: Mapping[str, Any],
        now: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> Self:
        """``config`` is what JSON can hold: ``models`` and ``title`` of it are shown in lists. Raises ``Failure``."""
        at = now().astimezone(UTC)
        name = f"{at:%Y%m%dT%H%M%SZ}-{kind}-{random_bytes(3).hex()}"
        folder = runs / name
        make_private_folder(runs)
        try:
            folder.mkdir(0o700)
            folder.chmod(0o700)
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _cannot_write(folder, error) from error
        # Some network file systems have no locks: then nobody can tell that the run is under way. Whoever looks at the
        # folder at this moment holds it for as long as a look takes.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        whole = {"format": FORMAT, "kind": kind, "at": at.isoformat(timespec="seconds"), **config}
        run = cls(folder, whole, lock)
        try:
            run.write(CONFIG, _as_json(whole))
        except BaseException:
            run.close()
            raise
        return run

    def add_result(self, line: bytes) -> None:
        """One line of JSON with its end. After the end there are none. Raises ``Failure``."""
        with self._one_at_a_time:
            if self._lock < 0:
                return
            try:
                if self._results < 0:
                    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                    self._results = os.open(self.folder / RESULTS, flags, 0o600)
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(self._results, rest) :]
            except OSError as error:
                raise _cannot_write(self.folder / RESULTS, error) from error

    def write(self, name: str, data: bytes | str) -> None:
        """A whole file of the run. Raises ``Failure``."""
        try:
            write_atomically(self.folder / name, data.encode("utf-8", "replace") if isinstance(data, str) else data)
        except OSError as error:
            raise _cannot_write(self.folder / name, error) from error

    def end(self, state: State, *, at: datetime, figures: Mapping[str, Any] | None = None) -> None:
        """Writes down how it ended. Raises ``Failure``; it is let go of in any case."""
        try:
            with self._one_at_a_time, suppress(OSError):
                if self._results >= 0:
                    os.fsync(self._results)
            ended = {"state": state.value, "ended_at": at.astimezone(UTC).isoformat(timespec="seconds")}
            self.write(CONFIG, _as_json({**self._config, **ended, **(figures or {})}))
        finally:
            self.close()

    def discard(self) -> None:
        """Leaves nothing of it. Raises ``Failure``."""
        self.close()
        try:
            shutil.rmtree(self.folder)
        except OSError as error:
            raise _cannot_write(self.folder, error) from error

    def close(self) -> None:
        with self._one_at_a_time:
            for descriptor in (self._results, self._lock):
                if descriptor >= 0:
                    os.close(descriptor)
            self._results = self._lock = -1


def _as_json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str).encode("utf-8", "replace") + b"\n"


def _cannot_write(path: Path, error: OSError) -> Failure:
    cause = (error.strerror or str(error)).lower()
    return Failure(f"{path} cannot be written", cause, "make room, or give --no-save")


# ---------------------------------------------------------------------- reading


def list_runs(runs: Path) -> tuple[KeptRun, ...]:
    """Every folder, the newest first. One that cannot be read is damaged and stops no other.

    Raises ``Failure`` when ``runs`` itself cannot be read; one that is not there has nothing in it.
    """
    try:
        names = [one.name for one in os.scandir(runs) if not one.name.startswith(".")]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise Failure(
            f"{runs} cannot be read", (error.strerror or str(error)).lower(), "check its permissions"
        ) from error
    found = [_read_run(runs / name) for name in sorted(names)[-MOST_RUNS:]]
    return tuple(sorted(found, key=lambda one: (one.at, one.id), reverse=True))


def find_run(runs: Sequence[KeptRun], which: str) -> KeptRun:
    """The one whose name has ``which`` at its beginning or is its last part; ``last`` is the newest of ours.

    Raises ``Failure`` when none, or more than one, is meant.
    """
    ours = [one for one in runs if one.is_ours]
    found = ours[:1] if which == "last" else [one for one in runs if one.id == which]
    if not found and which:
        found = [one for one in ours if one.id.startswith(which) or one.id.endswith(f"-{which}")]
    if not found:
        raise Failure(f"there is no run {clean_line(which, 60)}", "", "chinwag outputs list has them all")
    if len(found) > 1:
        raise Failure(f"{clean_line(which, 60)} may be {len(found)} runs", "", "write more of the name")
    return found[0]


def read_config(run: KeptRun) -> dict[str, Any]:
    """All that is written down of a run. Raises ``Failure``."""
    try:
        value = json.loads(read_bounded(run.folder / CONFIG, LARGEST_CONFIG_BYTES))
    except (ValueError, RecursionError) as error:
        raise Failure(
            f"{CONFIG} of {run.id} is damaged", clean_line(str(error), 120), "its other files may be well"
        ) from None
    if not isinstance(value, dict) or not str(value.get("format", "")).startswith("chinwag run "):
        raise Failure(
            f"{CONFIG} of {run.id} is damaged", "it is not what chinwag writes", "its other files may be well"
        )
    return value


def _read_run(folder: Path) -> KeptRun:
    named = _NAME.fullmatch(folder.name)
    at, kind = datetime.fromtimestamp(0, UTC), ""
    if named is not None and named[2] in KINDS:
        kind = named[2]
        with suppress(ValueError):
            at = datetime.strptime(named[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    run = KeptRun(id=folder.name, folder=folder, kind=kind, at=at, state=State.damaged)
    try:
        status = folder.lstat()
        if at.timestamp() == 0:
            at = datetime.fromtimestamp(status.st_mtime, UTC)
        if not stat.S_ISDIR(status.st_mode):
            return _damaged(run, at, "it is no folder")
        files = tuple(_files(folder))
    except (OSError, ValueError, OverflowError) as error:
        return _damaged(run, at, str(getattr(error, "strerror", None) or error).lower())
    if not kind:
        return _damaged(run, at, "chinwag did not make it", files)
    try:
        config = read_config(run)
    except Failure as failure:
        return _damaged(run, at, failure.message or failure.title, files)
    said = config.get("models")
    models = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
    return KeptRun(
        id=run.id,
        folder=folder,
        kind=kind,
        at=at,
        state=_state(config, folder),
        files=files,
        models=tuple(clean_line(one, 200) for one in models),
        title=clean_line(str(config.get("title", "")), 200),
    )


def _damaged(run: KeptRun, at: datetime, why: str, files: tuple[KeptFile, ...] = ()) -> KeptRun:
    return KeptRun(
        id=run.id,
        folder=run.folder,
        kind=run.kind,
        at=at,
        state=State.damaged,
        files=files,
        damage=clean_line(why, 200),
    )


def _state(config: Mapping[str, Any], folder: Path) -> State:
    with suppress(ValueError):
        return State(config.get("state", ""))
    return State.under_way if is_under_way(folder) else State.unfinished


def is_under_way(folder: Path) -> bool:
    """Whether somebody writes it at this moment."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False


def _files(folder: Path) -> Iterator[KeptFile]:
    """At any depth; links are counted and not followed."""
    left = MOST_FILES
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            yield KeptFile(name=str(path.relative_to(folder)), size_bytes=path.lstat().st_size)
            left -= 1
            if left == 0:
                return


# ---------------------------------------------------------------------- cleaning


_AGE = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def age_of(text: str) -> timedelta:
    """``30d``, ``12h``, ``2w``, ``90m``. Raises ``ValueError`` for anything else."""
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def to_clean(
    runs: Sequence[KeptRun], *, before: datetime | None, kind: str = "", model: str = ""
) -> tuple[KeptRun, ...]:
    """Those of ours that are older than ``before`` and not under way, the oldest first; None is any age."""
    found = [
        one
        for one in runs
        if one.is_ours
        and one.state is not State.under_way
        and (before is None or one.at < before)
        and (not kind or one.kind == kind)
        and (not model or model in one.models)
    ]
    return tuple(reversed(found))


def delete_run(run: KeptRun) -> None:
    """Removes its folder and all in it; a link is removed, not what it points to.

    Raises ``Failure`` for a folder that is not ours, one that is under way, or one that the system keeps.
    """
    if not run.is_ours:
        raise Failure(f"{run.id} is not deleted", "chinwag did not make it", "delete it yourself")
    if is_under_way(run.folder):
        raise Failure(f"{run.id} is not deleted", "it is under way", "wait for its end")
    try:
        if run.folder.is_symlink() or not run.folder.is_dir():
            run.folder.unlink(missing_ok=True)
        else:
            shutil.rmtree(run.folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Failure(
            f"{run.id} is not deleted", (error.strerror or str(error)).lower(), "check its permissions"
        ) from error
