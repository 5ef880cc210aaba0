"""What is told of a fault in chinwag itself: where it happened and what it is, without what anybody wrote.

No values of variables are told. A message of an exception can quote one, so keys, long quotations, and whatever stands in
a conversation are masked in it.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tui import __version__
from tui.atomic import make_private_folder
from tui.cleaning import clean, clean_line
from tui.failures import Failure
from tui.places import Places, user_places

EXIT_CODE = 1
STARTING = "starting"
"""Nothing was said by then."""
NO_MEMORY = "no memory was left for it"
MASK = "[…]"
LONGEST_MESSAGE = 300
"""Characters of an exception's message that are told."""
MOST_FRAMES = 50
MOST_CHAINED = 8
MOST_REPORTS = 20
"""The oldest one goes when there are more."""
_LEAST_QUOTED = 8
"""So many characters in a row that stand in a conversation are no accident."""
_LEAST_SECRET = 6
_MOST_TEXT = 4_000_000
"""Characters of conversations that a message is compared with."""
_MOST_SECRETS_BYTES = 64 * 1024
_SECRET_NAME = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
_LONG_QUOTATION = re.compile(r"""'[^']{41,}'|"[^"]{41,}\"""")
_QUOTED_IN_FILE = re.compile(r"""["']([^"'\n]+)["']""")
_KEY_SHAPES = re.compile(r"(?i)\b(?:bearer|basic)\s+\S+|\bsk-[\w-]{8,}|(?<=://)[^/\s@]+@")
_HERE = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """All texts are clean and masked. ``file`` is None where no report could or should be kept."""

    what: str
    """The kind of the exception and its message, one line."""
    where: str
    """``tui/app/app.py, line 12``; empty when it is not known."""
    report: str
    file: Path | None
    keeps_what_was_said: bool
    """There is a place where conversations outlive the process."""

    def words(self, home: str) -> str:
        """For a terminal that has been restored; lines that end."""
        ended = NO_MEMORY if self.what == MemoryError.__name__ else f"a fault of its own ended it: {self.what}"
        lines = [f"chinwag: {ended}"]
        if self.where:
            lines.append(f"  in {self.where}")
        file = "" if self.file is None else clean_line(_below(str(self.file), home), LONGEST_MESSAGE)
        told = [
            *(["what was said until then is kept"] if self.keeps_what_was_said else []),
            *([f"a report without texts and keys is in {file}"] if file else []),
        ]
        if told:
            lines.append(f"  {'; '.join(told)}")
        if not file:
            lines += ["", self.report.rstrip()]
        return "\n".join(lines) + "\n"


NO_MEMORY_CRASH = Crash(what=MemoryError.__name__, where="", report="", file=None, keeps_what_was_said=True)
"""For one of which nothing can be worked out any more."""


class CrashReports:
    """What becomes of faults: a text for the person, and a file for whoever mends them."""

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        places: Callable[[], Places | None],
        texts: Callable[[], Iterable[str]] = tuple,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``places`` are None while there are none; nothing is kept in those that are throw-away. ``texts`` is what
        people and models wrote.
        """
        self._environ = environ
        self._places = places
        self._texts = texts
        self._now = now
        self._claimed: set[tuple[str, str]] = set()
        self._written = 0

    def is_new(self, error: BaseException) -> bool:
        """Whether this is the first time that it is asked for a fault of this kind in this place."""
        key = type(error).__qualname__, _place(error)
        is_new = key not in self._claimed
        self._claimed.add(key)
        return is_new

    def tell(self, error: BaseException, *, during: str = "") -> Crash:
        """Writes the report, where one is kept. Blocks for a short time."""
        places = self._places()
        mask = self._mask(places)
        what = clean_line(f"{type(error).__name__}: {mask(_message(error))}".rstrip(": "), LONGEST_MESSAGE)
        lines = [*self._heading(during), *_lines(error, mask)]
        report = clean(_below("\n".join(lines), self._environ.get("HOME", ""))) + "\n"
        file = None
        if places is not None and not places.is_throwaway:
            with suppress(OSError, Failure):
                file = self._keep(places.log, report)
        return Crash(
            what=what,
            where=_place(error),
            report=report,
            file=file,
            keeps_what_was_said=during != STARTING and places is not None and not places.is_throwaway,
        )

    def _heading(self, during: str) -> Iterator[str]:
        yield f"chinwag {__version__}, {self._now().isoformat(timespec='seconds')}"
        yield f"python {platform.python_version()} on {platform.system()} {platform.release()}"
        terminal = (f"{name}={self._environ.get(name, '')}" for name in ("TERM", "COLORTERM", "LANG", "LC_ALL"))
        yield clean_line(" ".join(terminal), LONGEST_MESSAGE)
        if during:
            yield f"while {clean_line(during, LONGEST_MESSAGE)}"
        yield ""

    def _mask(self, places: Places | None) -> Callable[[str], str]:
        secrets = {
            value
            for name, value in self._environ.items()
            if _SECRET_NAME.search(name) and len(value.strip()) >= _LEAST_SECRET
        }
        if places is not None:
            secrets |= _quoted_in(places.secrets_file)
        texts = list(_first_characters(self._texts, _MOST_TEXT))
        longest_first = sorted(secrets, key=len, reverse=True)

        def mask(message: str) -> str:
            message = message[: 4 * LONGEST_MESSAGE]
            for secret in longest_first:
                message = message.replace(secret, MASK)
            message = _LONG_QUOTATION.sub(MASK, _KEY_SHAPES.sub(MASK, message))
            return _without_quotations(message[:LONGEST_MESSAGE], texts)

        return mask

    def _keep(self, folder: Path, report: str) -> Path:
        make_private_folder(folder)
        self._written += 1
        for old in sorted(folder.glob("crash-*.txt"))[: -MOST_REPORTS + 1]:
            old.unlink()
        file = folder / f"crash-{self._now():%Y%m%d-%H%M%S}-{os.getpid()}-{self._written}.txt"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as output:
            os.fchmod(descriptor, 0o600)
            output.write(report)
        return file


def _lines(error: BaseException, mask: Callable[[str], str]) -> Iterator[str]:
    """The traceback, the cause before what it caused, as Python prints it, with masked messages."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen and len(seen) < MOST_CHAINED:
        seen.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    for one in reversed(seen):
        if one is not seen[-1]:
            yield "which led to:"
        frames = traceback.extract_tb(one.__traceback__, limit=-MOST_FRAMES)
        for line in traceback.StackSummary.from_list(frames).format():
            yield _below(line.rstrip("\n"), str(_HERE))
        yield f"{type(one).__module__}.{type(one).__qualname__}: {mask(_message(one))}".rstrip(": ")
        if isinstance(one, BaseExceptionGroup):
            for member in one.exceptions[:MOST_CHAINED]:
                yield "of which one is:"
                yield from (f"  {line}" for line in _lines(member, mask))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  an exception that cannot say what it is still happened
        return ""


def _place(error: BaseException) -> str:
    """The innermost line of chinwag's own, else the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(str(_HERE / "tui"))] or frames
    if not own:
        return ""
    return clean_line(f"{_below(own[-1].filename, str(_HERE))}, line {own[-1].lineno}", LONGEST_MESSAGE)


def _below(text: str, folder: str) -> str:
    """Paths in ``folder`` from there on; those in the home folder with a tilde."""
    if len(folder) < 2:
        return text
    return text.replace(f"{folder}{os.sep}", "" if folder == str(_HERE) else f"~{os.sep}")


def _quoted_in(file: Path) -> set[str]:
    """Everything in quotation marks in there, whether or not the rest of it can be understood."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_MOST_SECRETS_BYTES).decode("utf-8", "replace")
    except OSError:
        return set()
    return {found for found in _QUOTED_IN_FILE.findall(text) if len(found) >= _LEAST_SECRET}


def _first_characters(texts: Callable[[], Iterable[str]], most: int) -> Iterator[str]:
    """Whatever state the conversations are in: what cannot be read is not compared with."""
    left = most
    with suppress(Exception):
        for text in texts():
            if left <= 0:
                return
            yield text[:left]
            left -= len(text)


def _without_quotations(message: str, texts: Iterable[str]) -> str:
    """``message`` without what stands in one of ``texts`` word for word."""
    texts = [text for text in texts if len(text) >= _LEAST_QUOTED]
    kept: list[str] = []
    at = 0
    while at < len(message):
        end = at + _LEAST_QUOTED
        holders = [text for text in texts if message[at:end] in text] if end <= len(message) else []
        if not holders:
            kept.append(message[at])
            at += 1
            continue
        while end < len(message) and (more := [text for text in holders if message[at : end + 1] in text]):
            holders = more
            end += 1
        kept.append(MASK)
        at = end
    return "".join(kept)


def hear_faults_elsewhere(heard: Callable[[str, BaseException], None]) -> None:
    """From here on ``heard`` gets what Python would print over the screen: faults in threads, and where nobody could
    be told. In whatever thread it happened.
    """

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            heard(f"running the thread {args.thread.name if args.thread else ''}", args.exc_value)

    def elsewhere(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            heard("putting things away", args.exc_value)

    threading.excepthook = in_thread
    sys.unraisablehook = elsewhere


def tell_crash_of_start(error: BaseException, environ: Mapping[str, str], *, keeps_report: bool) -> int:
    """For a fault before there was an app; gives the exit code. The terminal has been restored."""

    def places() -> Places | None:
        with suppress(Failure):
            return user_places(environ) if keeps_report else None
        return None

    say_crash(CrashReports(environ=environ, places=places).tell(error, during=STARTING), environ)
    return EXIT_CODE


def say_crash(crash: Crash, environ: Mapping[str, str]) -> None:
    """On the terminal, which has been restored by then."""
    with suppress(OSError, ValueError):
        sys.stderr.write(crash.words(environ.get("HOME", "")))
        sys.stderr.flush()
