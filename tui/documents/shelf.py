"""A shelf of documents: what was added, kept up to date with the files, and asked for its best passages."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui.cleaning import clean_line
from tui.documents import shelf_files
from tui.documents.finding import MOST_WANTED, Findings, FindLimits, choose, estimated_tokens
from tui.documents.passages import split_passages
from tui.documents.pdf import PdfReader
from tui.documents.reading import ReadFile, documents_in, read_document
from tui.documents.shelf_files import KeptDocument, moved_to
from tui.documents.values import Embed, FoundPassage, Outcome, Passage, ShelvedDocument
from tui.documents.vectors import VectorTable, import_numpy, unit_vector
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure

PASSAGE_CHARACTERS = (1000, 500, 250)
"""How large passages may be; the next size is taken for a document with one that its model refuses as too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfLimits:
    documents: int = 5000
    passages: int = 50_000
    """Of all documents together: each takes its text and four bytes for each number of its vector, in memory and on disk."""
    passages_of_one: int = 20_000
    texts_at_once: int = 32
    """In one call of ``embed``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStep:
    """What happened to one document."""

    path: Path
    outcome: Outcome
    done: int
    """Documents looked at so far, this one included."""
    total: int
    problem: Failure | None = None
    """With ``failed``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfLook:
    """How the files are compared with what the shelf has of them."""

    to_read: tuple[Path, ...]
    """New, changed, or with the vectors of another model."""
    gone: tuple[Path, ...]
    """Of the shelf, and no longer there."""
    unreachable: Mapping[Path, Failure]
    """What was added and cannot be listed."""
    roots: Mapping[Path, Path]
    """By file what the person added, for every file that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was taken off the shelf, whole."""

    path: Path
    documents: tuple[KeptDocument, ...]
    followed_by: tuple[Path, ...] = ()
    """What stood behind it on the list."""


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    root: Path
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class _Looked:
    sources: dict[Path, _Source]
    unreachable: dict[Path, Failure]
    """What was added and cannot be listed: a disk that is not there is no reason to forget what was on it."""


class Shelf:
    """One folder on disk and all of it in memory. Only one coroutine at a time changes it; many may ask it."""

    def __init__(
        self,
        folder: Path,
        *,
        limits: ShelfLimits | None = None,
        load_numpy: Callable[[], Any | None] = import_numpy,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """``folder`` is the shelf's own; it is made when it is not there. ``wall_clock`` gives seconds since 1970."""
        self._folder = folder
        self._limits = limits or ShelfLimits()
        self._load_numpy = load_numpy
        self._wall_clock = wall_clock
        self._added: tuple[Path, ...] = ()
        self._kept: dict[Path, KeptDocument] = {}
        self._tables: dict[tuple[str, int], _Table] = {}
        self._dimensions: dict[str, int] = {}
        """How long each model's vectors are now: the same name may come to mean another model."""
        self._changing = asyncio.Lock()

    async def open(self) -> tuple[Failure, ...]:
        """Reads what the folder holds, and tells what of it could not be read. Raises ``Failure`` for the folder itself."""
        async with self._changing:
            loaded = await asyncio.to_thread(shelf_files.load_shelf, self._folder, now=self._wall_clock())
            self._added = loaded.added
            self._kept = {kept.about.path: kept for kept in loaded.documents}
            self._tables = {}
        return loaded.problems

    @property
    def added(self) -> tuple[Path, ...]:
        """The files and folders that the person added, resolved."""
        return self._added

    @property
    def documents(self) -> tuple[ShelvedDocument, ...]:
        return tuple(kept.about for _, kept in sorted(self._kept.items()))

    async def add(self, path: Path) -> Path:
        """Puts a file or folder on the shelf, resolved; it is read at the next ``update``. Raises ``Failure``."""
        real = await asyncio.to_thread(_existing, path)
        async with self._changing:
            await self._change_added(plus=real)
        return real

    async def remove(self, path: Path) -> Removed:
        """Takes what was added off the shelf, with its passages; the files themselves stay. Raises ``Failure``."""
        async with self._changing:
            real = path if path in self._added else await asyncio.to_thread(_resolved, path)
            if real not in self._added:
                raise Failure(f"{clean_line(str(path), 100)} is not on the shelf", "", "name a file or folder that is")
            followed_by = self._added[self._added.index(real) + 1 :]
            await self._change_added(minus=real)
            left = [one for one in self._kept.values() if not any(map(one.about.path.is_relative_to, self._added))]
            for kept in left:
                await self._forget(kept.about.path)
        return Removed(path=real, documents=tuple(left), followed_by=followed_by)

    async def put_back(self, removed: Removed) -> None:
        """As it was and where it was, vectors included. Raises ``Failure``."""
        async with self._changing:
            await self._change_added(plus=removed.path, ahead_of=removed.followed_by)
            for kept in removed.documents:
                await self._keep(kept)

    async def look(self, *, model: str | None) -> ShelfLook:
        """What an ``update`` with the vectors of ``model`` would find; None: whosever vectors a document has."""
        looked = await asyncio.to_thread(_look, self._added)
        return ShelfLook(
            to_read=tuple(path for path, source in looked.sources.items() if not self._is_current(source, model)),
            gone=tuple(path for path, kept in self._kept.items() if _is_gone(kept, looked)),
            unreachable=looked.unreachable,
            roots={path: source.root for path, source in looked.sources.items()},
        )

    async def outdated(self, *, model: str) -> tuple[Path, ...]:
        """The documents that an ``update`` would read: new, changed, or with the vectors of another model."""
        return (await self.look(model=model)).to_read

    def kept_lines(self, path: Path, first: int, last: int) -> tuple[tuple[int, str], ...]:
        """What the shelf kept of these places of a document, each passage with where it begins; for a file that is gone."""
        kept = self._kept.get(path)
        passages = () if kept is None else kept.passages
        return tuple((one.first, one.text) for one in passages if one.first <= last and one.last >= first)

    async def update(self, embed: Embed, *, model: str) -> AsyncGenerator[UpdateStep, None]:
        """Brings the shelf up to date, one document after the other, and says of each what happened to it.

        ``model`` names whose vectors ``embed`` makes; a name that changes with the model (its digest in it) keeps vectors
        of two versions apart. Each document is kept as soon as it is done, so breaking off loses one at most. What did
        not change is not embedded again, passage by passage. Raises what ``embed`` raises, and ``Failure`` when it gives
        what are no vectors; a file that cannot be read is a step with ``failed`` instead.
        """
        async with self._changing:
            looked = await asyncio.to_thread(_look, self._added)
            gone = [path for path, kept in self._kept.items() if _is_gone(kept, looked)]
            total = len(looked.sources) + len(looked.unreachable) + len(gone)
            done = 0
            for path in gone:
                done += 1
                problem = await self._drop(path)
                yield _step(path, problem or Outcome.gone, done, total)
            for path, problem in looked.unreachable.items():
                done += 1
                yield _step(path, problem, done, total)
            for source in looked.sources.values():
                done += 1
                yield _step(source.path, await self._refresh(source, embed, model), done, total)

    async def find(
        self,
        question: str,
        embed: Embed,
        *,
        model: str,
        limits: FindLimits | None = None,
        count_tokens: Callable[[str], int] = estimated_tokens,
    ) -> Findings:
        """The best passages for ``question`` among the documents that have vectors of ``model``.

        Raises what ``embed`` raises, and ``Failure`` when nothing on the shelf can be compared.
        """
        wanted = limits or FindLimits()
        if not any(kept.about.model == model and kept.passages for kept in self._kept.values()):
            raise _nothing_to_compare(model, has_documents=bool(self._kept))
        # The package takes its time to load the first time; the embedding call is waited for anyway.
        [asked], numpy = await asyncio.gather(_vectors(embed, (question,), model), asyncio.to_thread(self._load_numpy))
        self._dimensions[model] = len(asked)
        table = await self._table(model, len(asked), numpy)
        ranked = await asyncio.to_thread(table.ranked, asked, wanted.top_k)
        passages, tokens, left_out = choose(ranked, wanted, count_tokens=count_tokens)
        stale = sum(kept.about.passages > 0 and not _matches(kept, model, len(asked)) for kept in self._kept.values())
        return Findings(
            passages=passages,
            estimated_tokens=tokens,
            left_out_by_budget=left_out,
            compared=len(table.entries),
            stale_documents=stale,
        )

    # ------------------------------------------------------------------ keeping it up to date

    async def _change_added(
        self, *, plus: Path | None = None, ahead_of: tuple[Path, ...] = (), minus: Path | None = None
    ) -> None:
        self._added = await asyncio.to_thread(
            shelf_files.change_added, self._folder, self._added, plus=plus, ahead_of=ahead_of, minus=minus
        )

    async def _forget(self, path: Path) -> None:
        await asyncio.to_thread(shelf_files.forget_document, self._folder, path)
        del self._kept[path]
        self._tables = {}

    def _is_current(self, source: _Source, model: str | None) -> bool:
        kept = self._kept.get(source.path)
        return (
            kept is not None
            and (kept.modified_ns, kept.about.size_bytes) == (source.modified_ns, source.size_bytes)
            and (model is None or self._is_usable(kept, model))
        )

    def _is_usable(self, kept: KeptDocument, model: str) -> bool:
        if not kept.passages:
            return True
        return kept.about.model == model and kept.about.dimension == self._dimensions.get(model, kept.about.dimension)

    async def _drop(self, path: Path) -> Failure | None:
        try:
            await self._forget(path)
        except Failure as failure:
            return failure
        return None

    async def _refresh(self, source: _Source, embed: Embed, model: str) -> Outcome | Failure:
        kept = self._kept.get(source.path)
        if kept is not None and self._is_current(source, model) and kept.about.root == source.root:
            return Outcome.unchanged
        try:
            read = await _read(source.path)
            if kept is not None and kept.about.sha256 == read.sha256 and self._is_usable(kept, model):
                await self._keep(moved_to(kept, root=source.root, modified_ns=source.modified_ns))
                return Outcome.unchanged
        except Failure as failure:
            return failure
        title = read.document.title
        for largest in PASSAGE_CHARACTERS:
            passages = await asyncio.to_thread(split_passages, read.document, largest_characters=largest)
            if full := self._no_room(source.path, len(passages)):
                return full
            try:
                vectors = await self._embedded(title, passages, kept, embed, model)
                break
            except EngineError as error:
                # The model reads less at once than others do: a document is cut smaller rather than read in part.
                if error.kind is not ErrorKind.context_exceeded or largest == PASSAGE_CHARACTERS[-1]:
                    raise
        about = ShelvedDocument(
            path=source.path,
            root=source.root,
            title=title,
            kind=read.document.kind,
            unit=read.document.unit,
            size_bytes=read.size_bytes,
            sha256=read.sha256,
            model=model,
            dimension=len(vectors[0]) if vectors else 0,
            passages=len(passages),
        )
        try:
            await self._keep(
                KeptDocument(about=about, modified_ns=source.modified_ns, passages=passages, vectors=vectors)
            )
        except Failure as failure:
            return failure
        return Outcome.added if kept is None else Outcome.changed

    async def _keep(self, kept: KeptDocument) -> None:
        await asyncio.to_thread(shelf_files.save_document, self._folder, kept)
        self._kept[kept.about.path] = kept
        self._tables = {}

    def _no_room(self, path: Path, passages: int) -> Failure | None:
        shown, limits = clean_line(path.name, 100), self._limits
        others = [kept.about for kept in self._kept.values() if kept.about.path != path]
        if passages > limits.passages_of_one:
            cause = f"it has {passages:,} passages, and one document may have {limits.passages_of_one:,}"
            return Failure(f"{shown} is too large for the shelf", cause, "add a part of it")
        if len(others) >= limits.documents or sum(one.passages for one in others) + passages > limits.passages:
            cause = f"it holds up to {limits.documents:,} documents and {limits.passages:,} passages"
            return Failure(f"the shelf is full before {shown}", cause, "take something off it, or add less")
        return None

    async def _embedded(
        self, title: str, passages: Sequence[Passage], kept: KeptDocument | None, embed: Embed, model: str
    ) -> tuple[array[float], ...]:
        """A vector for each passage; those whose text has one already keep it."""
        known: dict[str, array[float]] = {}
        if kept is not None and self._is_usable(kept, model):
            old = zip(kept.passages, kept.vectors, strict=True)
            known = {_embedded_text(kept.about.title, passage): vector for passage, vector in old}
        texts = [_embedded_text(title, passage) for passage in passages]
        new = [text for text in dict.fromkeys(texts) if text not in known]
        made: dict[str, array[float]] = {}
        for part in _batches(new, self._limits.texts_at_once):
            made.update(zip(part, await _vectors(embed, part, model), strict=True))
        lengths = {len(vector) for vector in made.values()}
        if len(lengths) > 1:
            raise _no_vectors(model, "they differ in length")
        for length in lengths:
            self._dimensions[model] = length
        if lengths and any(len(vector) not in lengths for vector in known.values()):
            # The model makes other vectors than it did: what it made before cannot be compared with them.
            return await self._embedded(title, passages, None, embed, model)
        return tuple(made[text] if text in made else known[text] for text in texts)

    async def _table(self, model: str, dimension: int, numpy: Any | None) -> _Table:
        table = self._tables.get((model, dimension))
        if table is None:
            matching = [kept for kept in self._kept.values() if _matches(kept, model, dimension)]
            if not matching:
                raise _nothing_to_compare(model, has_documents=True)
            # A shelf that changes meanwhile puts another mapping in place of this one.
            tables = self._tables
            table = await asyncio.to_thread(_Table, matching, numpy)
            tables[model, dimension] = table
        return table


class _Table:
    """The passages of some documents, as they were when it was made."""

    def __init__(self, documents: Sequence[KeptDocument], numpy: Any | None) -> None:
        self.entries = [(kept.about, passage) for kept in documents for passage in kept.passages]
        self._vectors = VectorTable([vector for kept in documents for vector in kept.vectors], numpy=numpy)

    def ranked(self, asked: array[float], top_k: int) -> list[FoundPassage]:
        # More than are wanted: some may not fit the budget, or lie within others.
        count = min(MOST_WANTED, 4 * max(1, top_k))
        return [
            FoundPassage(
                source=self.entries[index][0].path,
                title=self.entries[index][0].title,
                passage=self.entries[index][1],
                unit=self.entries[index][0].unit,
                score=score,
            )
            for score, index in self._vectors.nearest(asked, count)
        ]


async def _read(path: Path) -> ReadFile:
    reader = PdfReader()
    try:
        return await asyncio.to_thread(read_document, path, pdf_reader=reader)
    except asyncio.CancelledError:
        # The thread is waited for when the program ends.
        reader.stop()
        raise


def _step(path: Path, result: Outcome | Failure, done: int, total: int) -> UpdateStep:
    if isinstance(result, Failure):
        return UpdateStep(path=path, outcome=Outcome.failed, done=done, total=total, problem=result)
    return UpdateStep(path=path, outcome=result, done=done, total=total)


def _embedded_text(title: str, passage: Passage) -> str:
    """A passage with what it is about, which its own words often do not say."""
    return f"{title} › {passage.heading}\n{passage.text}" if passage.heading else f"{title}\n{passage.text}"


def _batches(texts: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(texts), size):
        yield tuple(texts[start : start + size])


async def _vectors(embed: Embed, texts: tuple[str, ...], model: str) -> list[array[float]]:
    made = await embed(texts)
    if len(made.vectors) != len(texts):
        raise _no_vectors(model, f"{len(made.vectors)} came for {len(texts)} texts")
    try:
        return await asyncio.to_thread(_unit_vectors, made.vectors)
    except ValueError as error:
        raise _no_vectors(model, str(error)) from None


def _unit_vectors(vectors: Sequence[array[float]]) -> list[array[float]]:
    return [unit_vector(vector) for vector in vectors]


def _no_vectors(model: str, cause: str) -> Failure:
    return Failure(f"{clean_line(model, 100)} made no usable vectors", cause, "choose another embedding model")


def _nothing_to_compare(model: str, *, has_documents: bool) -> Failure:
    if not has_documents:
        return Failure("the shelf of documents is empty", "nothing on it was read yet", "add files and update it")
    shown = clean_line(model, 100)
    return Failure(f"no document has vectors of {shown}", "they were made by another model", "update the shelf with it")


def _matches(kept: KeptDocument, model: str, dimension: int) -> bool:
    return kept.about.passages > 0 and (kept.about.model, kept.about.dimension) == (model, dimension)


def _resolved(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError):
        return path


def _existing(path: Path) -> Path:
    try:
        real = path.expanduser().resolve(strict=True)
        if not (real.is_file() or real.is_dir()):
            raise Failure(
                f"{clean_line(str(path), 100)} is not added", "it is no file and no folder", "add one of these"
            )
        return real
    except (OSError, RuntimeError, ValueError) as error:
        cause = (getattr(error, "strerror", None) or str(error)).lower()
        raise Failure(f"{clean_line(str(path), 100)} is not added", clean_line(cause, 160), "check the name") from None


def _look(added: Sequence[Path]) -> _Looked:
    """What stands where the person said. Blocks."""
    looked = _Looked({}, {})
    for root in added:
        try:
            for path in documents_in(root) if root.is_dir() else [root]:
                found = path.stat()
                if path not in looked.sources:
                    looked.sources[path] = _Source(path, root, found.st_size, found.st_mtime_ns)
        except Failure as failure:
            looked.unreachable[root] = failure
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            looked.unreachable[root] = Failure(
                f"{clean_line(str(root), 100)} cannot be looked at",
                cause,
                "bring it back, or take it off the shelf",
            )
    return looked


def _is_gone(kept: KeptDocument, looked: _Looked) -> bool:
    """Not there any more, and not because what holds it cannot be reached."""
    path = kept.about.path
    return path not in looked.sources and not any(path.is_relative_to(root) for root in looked.unreachable)
