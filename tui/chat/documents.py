"""The person's documents: the shelf, the model that makes vectors of them, reading them, and searching them.

It lives in the workspace and not in a screen, so documents are read on while somebody talks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from tui.chat.catalog import Catalog
from tui.chat.faults import report_fault, report_fault_of
from tui.chat.fitting import Plan
from tui.chat.memory import FreeMemory
from tui.chat.passages import NO_PASSAGES, Passages, PassagesFailed, last_prompt, limits_for, passages_of
from tui.cleaning import clean_line
from tui.conversations.values import Conversation
from tui.documents.finding import Findings, FindLimits, estimated_tokens
from tui.documents.prefixes import prefixes_of
from tui.documents.values import Embed, Outcome, ShelvedDocument
from tui.engine import Embeddings, EngineError, ErrorKind, Host, Model
from tui.failures import Failure
from tui.metrics.wording import size_text
from tui.ollama.requests import EmbedRequest
from tui.settings.values import DocumentsSettings

if TYPE_CHECKING:
    from tui.documents.shelf import Removed, Shelf, ShelfLook

EMBEDDING = "embedding"
SUGGESTED_MODEL = "nomic-embed-text"
"""Small, and made for this; what is offered where a server has no model that makes vectors."""
DIGEST_CHARACTERS = 12
LONGEST_QUESTION_CHARACTERS = 8000
"""More of a prompt says nothing more about what it is about, and takes long to be read."""
ROOM_FACTOR = 1.3
"""A model takes about so much more in memory than its file has."""


class Embedder(Protocol):
    """As much of an engine as documents need."""

    @property
    def host(self) -> Host: ...

    async def embed(self, request: EmbedRequest) -> Embeddings: ...


class ReadingState(StrEnum):
    running = "running"
    stopped = "stopped"
    """A person stopped it; what was read stays, and the next time goes on from there."""
    failed = "failed"
    done = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of what is new or changed, as far as it is."""

    model: str
    began_at: float
    """On the workspace's clock, in seconds."""
    state: ReadingState = ReadingState.running
    done: int = 0
    """Documents that were looked at."""
    total: int = 0
    """0 while that is being found out."""
    read: int = 0
    """Of them, those that were read."""
    gone: int = 0
    passages: int = 0
    """That vectors were made of."""
    problems: Mapping[Path, Failure] = field(default_factory=lambda: MappingProxyType({}))
    """Of single documents; the others were read."""
    failure: Failure | None = None
    """What ended it."""

    @property
    def is_running(self) -> bool:
        return self.state is ReadingState.running


def vectors_name(model: Model) -> str:
    """Whose vectors they are: another version of a model makes others."""
    return f"{model.name}@{model.digest[:DIGEST_CHARACTERS]}" if model.digest else model.name


def shown_model(name: str) -> str:
    """The model of ``vectors_name``, clean."""
    return clean_line(name.rpartition("@")[0] or name, 60)


class Documents:
    """One shelf and the server of this moment. Every method is called on the event loop; none of them blocks it."""

    def __init__(
        self,
        *,
        folder: Path,
        settings: Callable[[], DocumentsSettings],
        client: Callable[[], Embedder],
        catalog: Callable[[], Catalog],
        find_model: Callable[[str], Model | None],
        same_model: Callable[[str, str], bool],
        may_leave: Callable[[], Awaitable[bool]],
        free_memory: Callable[[], Awaitable[FreeMemory]],
        clock: Callable[[], float],
    ) -> None:
        """``may_leave`` says whether texts may go to a model in the cloud."""
        self._folder = folder
        self._settings = settings
        self._client = client
        self._catalog = catalog
        self._find_model = find_model
        self._same_model = same_model
        self._may_leave = may_leave
        self._free_memory = free_memory
        self._clock = clock
        self._shelf: Shelf | None = None
        """The start does not wait for it; it is made when somebody asks for documents."""
        self._seen: frozenset[tuple[str, int, int]] | None = None
        """The shelf's files as they were read; None before."""
        self._opening = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._passages_made = 0
        self.models_asked: set[tuple[str, str]] = set()
        """By the server's address and their name, the models that this chinwag had loaded for documents."""
        self.reading: Reading | None = None
        """The one under way, else the last one."""
        self.on_change: Callable[[Reading], None] = lambda _reading: None
        """Hears of a reading that begins or ends."""
        self.on_problems: Callable[[tuple[Failure, ...]], None] = lambda _problems: None
        """Hears what of the shelf could not be read from the disk."""

    # What there is

    async def shelf(self) -> Shelf:
        """As it is on disk, where another chinwag may have changed it. Raises ``Failure`` for the folder itself."""
        async with self._opening:
            shelf = self._shelf
            if shelf is None:
                shelf = self._shelf = await asyncio.to_thread(_new_shelf, self._folder)
            if self.reading is not None and self.reading.is_running:
                return shelf
            seen = await asyncio.to_thread(_files_of, self._folder)
            if seen != self._seen:
                problems = await shelf.open()
                self._seen = await asyncio.to_thread(_files_of, self._folder)
                if problems:
                    self.on_problems(problems)
        return shelf

    async def model(self) -> Model:
        """The one that the settings name, else the one that most documents have vectors of, else the newest.

        Raises ``EngineError``, and ``Failure`` when the server has none.
        """
        catalog, named = self._catalog(), self._settings().model
        if catalog.models is None or (named and self._find_model(named) is None):
            await catalog.refresh()
        host = clean_line(self._client().host.name, 40)
        if named:
            found = self._find_model(named)
            if found is None:
                raise EngineError(
                    f"the embedding model {clean_line(named, 60)} is not on {host}",
                    "",
                    "pull it, or choose another one: documents.model in the settings",
                    kind=ErrorKind.refused,
                )
            return found
        offered = await self.models()
        if not offered:
            # One may have come since the list was read.
            await catalog.refresh()
            offered = await self.models()
        if not offered:
            raise EngineError(
                f"no model of {host} makes vectors of texts",
                "",
                f"pull one, such as {SUGGESTED_MODEL}",
                kind=ErrorKind.refused,
            )
        used = [one.model for one in (await self.shelf()).documents if one.passages]
        return max(offered, key=lambda model: used.count(vectors_name(model)))

    async def models(self) -> tuple[Model, ...]:
        """The server's models that make vectors, the newest first; none that runs in the cloud. Raises ``EngineError``."""
        catalog = self._catalog()
        models = catalog.models if catalog.models is not None else await catalog.refresh()
        able = await asyncio.gather(*(catalog.capabilities_of(one) for one in models))
        found = [one for one, can in zip(models, able, strict=True) if EMBEDDING in (can or ()) and not one.is_cloud]
        return tuple(sorted(found, key=_age))

    async def look(self) -> ShelfLook:
        """How the files are compared with the shelf; by the files alone where no model that makes vectors is to be had."""
        shelf = await self.shelf()
        try:
            name: str | None = vectors_name(await self.model())
        except Failure:
            name = None
        return await shelf.look(model=name)

    async def loading_words(self) -> str:
        """What loading the embedding model may do to others, in one line; empty when it is loaded or will fit.

        Raises ``Failure`` when there is no such model, and ``EngineError``.
        """
        model = await self.model()
        running = await self._catalog().refresh_running()
        if not running or model.is_cloud or any(self._same_model(one.name, model.name) for one in running):
            return ""
        free = (await self._free_memory()).gpu_bytes
        if free is not None and model.size_bytes is not None and model.size_bytes * ROOM_FACTOR <= free:
            return ""
        size = "" if model.size_bytes is None else f" ({size_text(model.size_bytes)})"
        others = ", ".join(clean_line(one.name, 40) for one in running[:3])
        return f"loading {clean_line(model.name, 40)}{size} may push {others} out of memory"

    # What the person changes

    async def add(self, path: Path) -> Path:
        """It is read by ``begin_reading``. Raises ``Failure``."""
        async with self._changing_shelf() as shelf:
            return await shelf.add(path)

    async def remove(self, path: Path) -> Removed:
        """Raises ``Failure``."""
        async with self._changing_shelf() as shelf:
            return await shelf.remove(path)

    async def put_back(self, removed: Removed) -> None:
        """Raises ``Failure``."""
        async with self._changing_shelf() as shelf:
            await shelf.put_back(removed)

    @asynccontextmanager
    async def _changing_shelf(self) -> AsyncGenerator[Shelf, None]:
        """A reading that is under way is interrupted, and goes on afterwards."""
        was_reading = self.stop_reading()
        if was_reading and self._task is not None:
            await asyncio.wait({self._task})
        shelf = await self.shelf()
        try:
            yield shelf
            # What was just changed here needs no reading from the disk.
            self._seen = await asyncio.to_thread(_files_of, self._folder)
        finally:
            if was_reading:
                await self.begin_reading()

    # Reading

    async def begin_reading(self) -> Reading:
        """Reads what is new or changed, in the background; one at a time. Raises ``Failure`` when it cannot begin."""
        if self.reading is not None and self.reading.is_running:
            return self.reading
        shelf, model, client = await self.shelf(), await self.model(), self._client()
        await self._see_that_it_may_leave(model)
        if self.reading is not None and self.reading.is_running:
            return self.reading
        self._passages_made = 0
        self.reading = reading = Reading(model=model.name, began_at=self._clock())
        self._task = asyncio.create_task(self._read(shelf, model, client, reading), name="reading documents")
        self._task.add_done_callback(report_fault_of)
        self._tell(reading)
        return reading

    def stop_reading(self) -> bool:
        """Whether there was one. What was read stays."""
        if self._task is None or self.reading is None or not self.reading.is_running:
            return False
        return self._task.cancel()

    async def read_to_the_end(self) -> Reading:
        """As ``begin_reading``, and waits for the end of it."""
        reading = await self.begin_reading()
        if self._task is not None:
            await asyncio.wait({self._task})
        return self.reading or reading

    async def close(self) -> None:
        self.stop_reading()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _read(self, shelf: Shelf, model: Model, client: Embedder, reading: Reading) -> None:
        problems: dict[Path, Failure] = {}
        embed = self._embedding(client, model, prefixes_of(model.name).passage)
        try:
            async with aclosing(shelf.update(embed, model=vectors_name(model))) as steps:
                async for step in steps:
                    if step.problem is not None:
                        problems[step.path] = step.problem
                    is_read = step.outcome in (Outcome.added, Outcome.changed)
                    reading = self.reading = replace(
                        reading,
                        done=step.done,
                        total=step.total,
                        read=reading.read + is_read,
                        gone=reading.gone + (step.outcome is Outcome.gone),
                        passages=self._passages_made,
                        problems=MappingProxyType(dict(problems)),
                    )
            reading = replace(reading, state=ReadingState.done)
        except asyncio.CancelledError:
            reading = replace(reading, state=ReadingState.stopped)
            raise
        except Failure as failure:
            reading = replace(reading, state=ReadingState.failed, failure=failure)
        finally:
            self.reading = replace(reading, passages=self._passages_made)
            self._tell(self.reading)
            self._seen = await asyncio.to_thread(_files_of, self._folder)

    @property
    def documents(self) -> tuple[ShelvedDocument, ...]:
        """Of the shelf as it is at this moment, also in the middle of a reading; none before it was opened."""
        return () if self._shelf is None else self._shelf.documents

    @property
    def passages_made(self) -> int:
        """Of the reading under way; grows inside a single document, too."""
        return self._passages_made

    def _embedding(self, client: Embedder, model: Model, prefix: str) -> Embed:
        async def embed(texts: tuple[str, ...]) -> Embeddings:
            prefixed = tuple(f"{prefix}{text}" for text in texts)
            self.models_asked.add((client.host.url, model.name))
            made = await client.embed(EmbedRequest(model=model.name, texts=prefixed))
            self._passages_made += len(texts)
            return made

        return embed

    # Searching

    async def find(
        self,
        question: str,
        *,
        limits: FindLimits | None = None,
        count_tokens: Callable[[str], int] = estimated_tokens,
        metadata: Mapping[str, Any] | None = None,
    ) -> Findings:
        """The best passages, by the settings unless ``limits`` say otherwise. Raises ``Failure``."""
        shelf = await self.shelf()
        if not shelf.added:
            raise Failure("no documents were added", "", "/documents or chinwag documents add PATH adds some")
        model = await self.model()
        await self._see_that_it_may_leave(model)
        client, prefix = self._client(), prefixes_of(model.name).question

        async def embed(texts: tuple[str, ...]) -> Embeddings:
            prefixed = tuple(f"{prefix}{text}" for text in texts)
            self.models_asked.add((client.host.url, model.name))
            # The beginning of a question is enough; a passage would lose its end unseen.
            return await client.embed(
                EmbedRequest(model=model.name, texts=prefixed, truncate=True, metadata=metadata or {})
            )

        asked = question[:LONGEST_QUESTION_CHARACTERS]
        return await shelf.find(
            asked, embed, model=vectors_name(model), limits=limits or self.limits, count_tokens=count_tokens
        )

    @property
    def limits(self) -> FindLimits:
        settings = self._settings()
        return FindLimits(top_k=settings.top_k, threshold=settings.threshold, budget_tokens=settings.budget_tokens)

    async def search(self, question: str) -> str:
        """The best passages with their sources, as text for a model; empty when nothing fits. Raises ``Failure``."""
        return (await self.find(question)).extra_context

    async def passages_for(
        self, conversation: Conversation, model: str, plan: Plan, metadata: Mapping[str, Any]
    ) -> Passages:
        """For the last prompt of a conversation that asks with documents. Raises ``PassagesFailed``."""
        prompt = last_prompt(conversation)
        if prompt is None or not prompt.text.strip():
            return NO_PASSAGES
        room = await asyncio.to_thread(limits_for, conversation, model, plan, self.limits)
        if room is None:
            return Passages(has_no_room=True)
        limits, count_tokens = room
        try:
            findings = await self.find(prompt.text, limits=limits, count_tokens=count_tokens, metadata=metadata)
        except Failure as failure:
            raise PassagesFailed(failure) from failure
        return passages_of(findings)

    # The rest

    async def _see_that_it_may_leave(self, model: Model) -> None:
        if model.is_cloud and not await self._may_leave():
            raise Failure(
                f"{clean_line(model.name, 60)} runs in the cloud",
                "documents do not leave this machine unasked",
                "choose an embedding model that runs on the server",
            )

    def _tell(self, reading: Reading) -> None:
        try:
            self.on_change(reading)
        except Exception as error:  # noqa: BLE001  whoever shows it must not end the reading
            report_fault(error, during="telling of documents")


def _new_shelf(folder: Path) -> Shelf:
    from tui.documents.shelf import Shelf

    return Shelf(folder)


def _files_of(folder: Path) -> frozenset[tuple[str, int, int]]:
    """By which it is seen that somebody else changed the shelf. Blocks."""
    try:
        with os.scandir(folder) as entries:
            found = [(one.name, one.stat()) for one in entries if not one.name.startswith(".")]
    except OSError:
        return frozenset()
    return frozenset((name, told.st_mtime_ns, told.st_size) for name, told in found)


def _age(model: Model) -> float:
    try:
        return 0.0 if model.modified_at is None else -model.modified_at.timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
