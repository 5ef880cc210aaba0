"""What a shelf keeps on disk: one file a document, with its passages and their vectors, and the list of what was added.

A document's file is a line with a checksum of the rest, a line of JSON, and the vectors as 32-bit floats, low byte first.
Passages and vectors are in one file so that they cannot get out of step. All of it can be made again from the sources.
"""

from __future__ import annotations

import hashlib
import json
import sys
from array import array
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tui.atomic import TEMPORARY_SUFFIX, FileMissing, make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean_line
from tui.documents.values import DocumentKind, Passage, ShelvedDocument, Unit
from tui.documents.vectors import LONGEST_VECTOR
from tui.failures import Failure

SUFFIX = ".passages"
ADDED_FILE = "added.json"
DAMAGED_SUFFIX = ".damaged"
LARGEST_FILE_BYTES = 512 << 20
LARGEST_LIST_BYTES = 4 << 20
TEMPORARY_KEPT_SECONDS = 3600.0
_MAGIC = b"chinwag passages 1 "


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDocument:
    """A document with all that a search needs of it."""

    about: ShelvedDocument
    modified_ns: int
    """Of the file when it was read: one whose time and size are these was not changed."""
    passages: tuple[Passage, ...]
    vectors: tuple[array[float], ...]
    """One unit vector for each passage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedShelf:
    added: tuple[Path, ...]
    documents: tuple[KeptDocument, ...]
    problems: tuple[Failure, ...]


def file_of(folder: Path, source: Path) -> Path:
    """Named by a hash: a document's name never becomes the name of a file."""
    name = hashlib.sha256(str(source).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return folder / f"{name}{SUFFIX}"


def load_shelf(folder: Path, *, now: float) -> LoadedShelf:
    """All that can be read; what cannot is put aside under another name and told. Raises ``Failure`` for the folder only.

    ``now`` is seconds since 1970: what a killed chinwag left half written is removed when it is old.
    """
    make_private_folder(folder)
    _remove_old_temporaries(folder, now)
    documents: list[KeptDocument] = []
    problems: list[Failure] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            kept = decoded(read_bounded(path, LARGEST_FILE_BYTES))
            if file_of(folder, kept.about.path) != path:
                raise ValueError("it belongs to another name")
            documents.append(kept)
        except ValueError as error:
            problems.append(_put_aside(path, str(error), "its document is read again at the next update"))
        except Failure as failure:
            problems.append(failure)
    added, problem = _load_added(folder / ADDED_FILE)
    if problem is not None:
        problems.append(problem)
    if added is None:
        added = tuple(dict.fromkeys(kept.about.root for kept in documents))
    return LoadedShelf(added=added, documents=tuple(documents), problems=tuple(problems))


def save_document(folder: Path, kept: KeptDocument) -> None:
    """Raises ``Failure``; what was kept before is then untouched."""
    _write(file_of(folder, kept.about.path), encoded(kept))


def change_added(
    folder: Path,
    known: Sequence[Path],
    *,
    plus: Path | None = None,
    ahead_of: Sequence[Path] = (),
    minus: Path | None = None,
) -> tuple[Path, ...]:
    """What is on the list afterwards: as it is on disk, where another chinwag may have changed it, else ``known``.

    ``plus`` goes before the first of ``ahead_of`` that is on the list, else to its end. Raises ``Failure``.
    """
    path = folder / ADDED_FILE
    on_disk, _ = _load_added(path)
    before = known if on_disk is None else on_disk
    left = [one for one in before if one != minus]
    if plus is not None and plus not in left:
        place = next((left.index(one) for one in ahead_of if one in left), len(left))
        left.insert(place, plus)
    after = tuple(dict.fromkeys(left))
    if after != on_disk:
        _write(path, json.dumps({"added": [str(one) for one in after]}, indent=1).encode("ascii"))
    return after


def forget_document(folder: Path, source: Path) -> None:
    """Raises ``Failure``; no error when there is none."""
    path = file_of(folder, source)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _disk(path, error) from error


def encoded(kept: KeptDocument) -> bytes:
    about = kept.about
    head = {
        "path": str(about.path),
        "root": str(about.root),
        "title": about.title,
        "kind": about.kind.value,
        "unit": about.unit.value,
        "size_bytes": about.size_bytes,
        "sha256": about.sha256,
        "modified_ns": kept.modified_ns,
        "model": about.model,
        "dimension": about.dimension,
        "passages": [[one.text, one.first, one.last, one.heading] for one in kept.passages],
    }
    body = b"".join(
        [json.dumps(head, separators=(",", ":")).encode("ascii"), b"\n", *map(_little_endian, kept.vectors)]
    )
    return b"%s%s\n%s" % (_MAGIC, hashlib.sha256(body).hexdigest().encode("ascii"), body)


def decoded(data: bytes) -> KeptDocument:
    """Raises ``ValueError`` for what ``encoded`` did not write."""
    start = data.find(b"\n") + 1
    checksum = hashlib.sha256(memoryview(data)[start:]).hexdigest().encode("ascii")
    if not start or data[:start] != b"%s%s\n" % (_MAGIC, checksum):
        raise ValueError("it is damaged")
    end = data.find(b"\n", start)
    try:
        head = json.loads(data[start:end])
        return _document(head, memoryview(data)[end + 1 :])
    except (KeyError, TypeError, RecursionError, UnicodeError) as error:
        raise ValueError("it holds what no shelf writes") from error


def _document(head: Mapping[str, Any], floats: memoryview) -> KeptDocument:
    passages = tuple(
        Passage(text=_text(text), first=_count(first), last=_count(last), heading=_text(heading))
        for text, first, last, heading in head["passages"]
    )
    dimension = _count(head["dimension"])
    if dimension > LONGEST_VECTOR or len(floats) != 4 * dimension * len(passages):
        raise ValueError("its vectors are not as many as its passages")
    about = ShelvedDocument(
        path=Path(_text(head["path"])),
        root=Path(_text(head["root"])),
        title=_text(head["title"]),
        kind=DocumentKind(head["kind"]),
        unit=Unit(head["unit"]),
        size_bytes=_count(head["size_bytes"]),
        sha256=_text(head["sha256"]),
        model=_text(head["model"]),
        dimension=dimension,
        passages=len(passages),
    )
    step = 4 * dimension
    vectors = tuple(_floats(floats[index * step : (index + 1) * step]) for index in range(len(passages)))
    return KeptDocument(about=about, modified_ns=_count(head["modified_ns"]), passages=passages, vectors=vectors)


def moved_to(kept: KeptDocument, *, root: Path, modified_ns: int) -> KeptDocument:
    """The same text and vectors, of a file that was only touched or is now on the shelf for another reason."""
    return replace(kept, about=replace(kept.about, root=root), modified_ns=modified_ns)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("no number")
    return value


def _floats(data: memoryview) -> array[float]:
    numbers = array("f")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _little_endian(numbers: array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _load_added(path: Path) -> tuple[tuple[Path, ...] | None, Failure | None]:
    try:
        value = json.loads(read_bounded(path, LARGEST_LIST_BYTES))
        entries = value["added"] if isinstance(value, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, str) and entry for entry in entries):
            raise ValueError("it is no list of files and folders")
        return tuple(Path(entry) for entry in entries), None
    except FileMissing:
        return None, None
    except (ValueError, KeyError, RecursionError) as error:
        said = "it is damaged" if isinstance(error, KeyError | RecursionError) else str(error)
        return None, _put_aside(path, said, "what was added is told from the documents; look through it")
    except Failure as failure:
        return None, failure


def _remove_old_temporaries(folder: Path, now: float) -> None:
    for path in folder.glob(f".*{TEMPORARY_SUFFIX}"):
        with suppress(OSError):
            if now - path.lstat().st_mtime > TEMPORARY_KEPT_SECONDS:
                path.unlink()


def _put_aside(path: Path, why: str, advice: str) -> Failure:
    with suppress(OSError):
        path.replace(path.with_name(f"{path.name}{DAMAGED_SUFFIX}"))
    return Failure(f"file {path.name} of the documents is put aside", clean_line(why, 160), advice)


def _write(path: Path, data: bytes) -> None:
    try:
        make_private_folder(path.parent)
        write_atomically(path, data)
    except OSError as error:
        raise _disk(path, error) from error


def _disk(path: Path, error: OSError) -> Failure:
    cause = (error.strerror or str(error)).lower()
    return Failure(f"file {path} cannot be written", cause, "free some space, or look at the folder's permissions")
