"""What can go along with a prompt: a file as text or as a picture, and the files that a folder or a pattern names.

Everything here blocks.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from tui.atomic import read_bounded
from tui.cleaning import clean_line
from tui.documents.pdf import PdfReader
from tui.documents.pictures import Picture, picture_of
from tui.documents.reading import LARGEST_PDF_BYTES, PASSED_OVER, document_of, kind_of
from tui.documents.values import DocumentKind
from tui.failures import Failure

LARGEST_TEXT_BYTES = 4 << 20
"""More than any model's window holds."""
LARGEST_PICTURE_BYTES = 20 << 20
MOST_FILES = 200
"""That one folder or pattern brings along."""
MOST_BYTES = 4 << 20
"""Of all the texts of one folder or pattern."""
MOST_LOOKED_AT = 20_000
LOOKS_BINARY_BYTES = 8192

_ONE = {"pictures": "picture", "folders of tools": "folder of tools"}
"""How one of them is called."""
_WILD = frozenset("*?[")
_PICTURE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_MADE_BY_MACHINES = (".min.js", ".min.css", ".map", ".lock", "-lock.json", ".pyc", ".svg")
"""Endings of what nobody wrote by hand; in a folder or by a pattern they are passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadForPrompt:
    """What one file says to a model: ``text``, or a picture with its bytes."""

    name: str
    """As the person named it."""
    path: Path
    text: str = ""
    picture: Picture | None = None
    data: bytes = b""
    """Of the picture."""

    @property
    def content(self) -> bytes:
        """What is kept of it, and sent."""
        return self.data if self.picture is not None else self.text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The files that somebody named, before any of them is read."""

    files: tuple[tuple[str, Path], ...]
    """Each with its name, as the person would name it."""
    is_many: bool = False
    """A folder or a pattern: what in it cannot be read is passed over."""
    takes_pictures: bool = True
    passed_over: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Why, and how many: ``hidden``, ``made by machines``."""


def is_pattern(written: str) -> bool:
    return any(letter in _WILD for letter in written)


def full_path(written: str, *, folder: Path, home: Path) -> Path:
    """Where a name leads that is written as in a shell: ``~/notes.md``, ``../src``, ``/etc/hosts``."""
    if written == "~" or written.startswith("~/"):
        return home / written[2:]
    return folder / written


def files_named(written: str, *, folder: Path, home: Path) -> Named:
    """A file, everything in a folder, or what a pattern fits; relative names begin in ``folder``.

    A name that is there wins over the pattern that it would be. Raises ``Failure`` when there is nothing of that name,
    or more than a prompt can take.
    """
    path = full_path(written, folder=folder, home=home)
    shown = clean_line(written, 100)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if is_pattern(written):
            return _matching(written, folder=folder, home=home)
        raise Failure(
            f"there is no {shown}", f"nothing is at {clean_line(str(path), 160)}", "check the name"
        ) from error
    except (OSError, ValueError) as error:
        cause = (getattr(error, "strerror", None) or str(error)).lower()
        raise Failure(f"{shown} is not attached", clean_line(cause, 160), "check the name") from error
    if not stat.S_ISDIR(found.st_mode):
        return Named(files=((written, path),))
    passed_over: Counter[str] = Counter()
    files = _bounded(shown, _below(path, Path(written), shown, passed_over))
    if not files:
        raise Failure(f"there is nothing to attach in {shown}", _words(passed_over), "name a file in it")
    return Named(files=files, is_many=True, takes_pictures=False, passed_over=MappingProxyType(passed_over))


def read_for_prompt(name: str, path: Path, *, pdf_reader: PdfReader | None = None) -> ReadForPrompt:
    """Text as it stands in the file, also of HTML; of a PDF its text. What a file is, its bytes say.

    Raises ``Failure`` for what is no regular file, is too large, or is neither text nor a picture that models know.
    """
    largest = LARGEST_PDF_BYTES if kind_of(path) is DocumentKind.pdf else LARGEST_PICTURE_BYTES
    data = read_bounded(path, largest, follow_links=True)
    shown = clean_line(name, 100)
    if data.startswith(_PICTURE_STARTS):
        picture = picture_of(data)
        if picture is None:
            raise Failure(f"{shown} is not attached", "it is no whole PNG, JPEG, GIF or WebP", "look at the file")
        return ReadForPrompt(name=name, path=path, picture=picture, data=data)
    kind = DocumentKind.pdf if data.startswith(b"%PDF-") else DocumentKind.text
    if kind is DocumentKind.text:
        if len(data) > LARGEST_TEXT_BYTES:
            limit = f"it has more than {LARGEST_TEXT_BYTES >> 20} MB"
            raise Failure(f"{shown} is too large", limit, "attach the part of it that matters")
        if b"\x00" in data[:LOOKS_BINARY_BYTES] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            advice = "text, PDF, PNG, JPEG, GIF and WebP can be attached"
            raise Failure(f"{shown} is not attached", "it is neither text nor a picture", advice)
    text = "\n".join(document_of(data, path.name, kind, pdf_reader=pdf_reader).lines)
    return ReadForPrompt(name=name, path=path, text=text)


def read_all(
    named: Named, *, pdf_reader: PdfReader | None = None
) -> tuple[tuple[ReadForPrompt, ...], Mapping[str, int]]:
    """Everything of it that can be read, and why the rest was passed over. Raises ``Failure`` as the two others do."""
    read: list[ReadForPrompt] = []
    passed_over = Counter(named.passed_over)
    size_bytes = 0
    for name, path in named.files:
        try:
            one = read_for_prompt(name, path, pdf_reader=pdf_reader)
        except Failure:
            if not named.is_many:
                raise
            passed_over["not readable as text"] += 1
            continue
        if one.picture is not None and not named.takes_pictures:
            passed_over["pictures"] += 1
            continue
        size_bytes += len(one.text)
        if size_bytes > MOST_BYTES and named.is_many:
            raise Failure("that is too much for a prompt", f"it is over {MOST_BYTES >> 20} MB of text", "attach a part")
        read.append(one)
    if not read:
        raise Failure("there is nothing to attach in it", _words(passed_over), "name a file in it")
    return tuple(read), MappingProxyType(dict(passed_over))


def passed_over_words(passed_over: Mapping[str, int]) -> str:
    """``passed over: 3 hidden, 1 picture``; empty when nothing was."""
    return f"passed over: {_words(passed_over)}" if any(passed_over.values()) else ""


def _words(passed_over: Mapping[str, int]) -> str:
    return ", ".join(
        f"{count:,} {_ONE.get(why, why) if count == 1 else why}" for why, count in passed_over.items() if count
    )


def _bounded(shown: str, files: Iterator[tuple[str, Path]]) -> tuple[tuple[str, Path], ...]:
    found: list[tuple[str, Path]] = []
    for one in files:
        found.append(one)
        if len(found) > MOST_FILES:
            raise Failure(
                f"{shown} is too much for a prompt", f"it has more than {MOST_FILES} files", "attach a part of it"
            )
    return tuple(found)


def _below(folder: Path, name: Path, shown: str, passed_over: Counter[str]) -> Iterator[tuple[str, Path]]:
    """The files in a folder and in those below it, in order; no link to a folder is followed. Raises ``Failure``."""
    looked_at = 0
    for here, folders, names in os.walk(folder):
        passed_over["folders of tools"] += sum(one in PASSED_OVER for one in folders)
        passed_over["hidden"] += sum(one.startswith(".") for one in (*folders, *names))
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in PASSED_OVER)
        for one in sorted(names):
            looked_at += 1
            if looked_at > MOST_LOOKED_AT:
                raise Failure(f"{shown} is too large", f"it has more than {MOST_LOOKED_AT:,} files", "attach a part")
            if one.startswith("."):
                continue
            if one.endswith(_MADE_BY_MACHINES):
                passed_over["made by machines"] += 1
                continue
            path = Path(here) / one
            yield str(name / path.relative_to(folder)), path


def _matching(written: str, *, folder: Path, home: Path) -> Named:
    shown = clean_line(written, 100)
    parts = Path(written).parts
    fixed = next(place for place, part in enumerate(parts) if is_pattern(part))
    base, wanted = Path(*parts[:fixed]), parts[fixed:]
    start = full_path(str(base), folder=folder, home=home)
    passed_over: Counter[str] = Counter()
    deepest = None if "**" in wanted else len(wanted)
    files = _bounded(
        shown,
        (
            (name, path)
            for name, path in _walk_to(start, base, shown, passed_over, deepest)
            if _fits(path.relative_to(start).parts, wanted)
        ),
    )
    if not files:
        raise Failure(f"nothing fits {shown}", _words(passed_over), "check the pattern; ** goes into folders")
    return Named(files=files, is_many=True)


def _walk_to(
    start: Path, name: Path, shown: str, passed_over: Counter[str], deepest: int | None
) -> Iterator[tuple[str, Path]]:
    if deepest is None:
        yield from _below(start, name, shown, passed_over)
        return
    level = [start]
    looked_at = 0
    for depth in range(deepest):
        below: list[Path] = []
        for here in level:
            try:
                entries = sorted(os.scandir(here), key=lambda one: one.name)
            except OSError:
                continue
            for entry in entries:
                looked_at += 1
                if looked_at > MOST_LOOKED_AT:
                    raise Failure(f"{shown} is too large", f"over {MOST_LOOKED_AT:,} names to look at", "attach a part")
                if entry.name.startswith("."):
                    continue
                path = here / entry.name
                if _is_folder(entry):
                    below.append(path)
                elif depth == deepest - 1:
                    yield str(name / path.relative_to(start)), path
        level = below


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _fits(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_fits(parts[skipped:], wanted[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _fits(parts[1:], wanted[1:])
