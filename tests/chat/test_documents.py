"""The shelf in the workspace: which model, what is read when, and what is searched."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.chat.rig import START
from tests.documents.rig import WordModel
from tui.chat.catalog import Catalog
from tui.chat.documents import Documents, Reading, ReadingState, shown_model, vectors_name
from tui.chat.fitting import Plan
from tui.chat.memory import NOTHING_KNOWN, FreeMemory
from tui.chat.passages import PassagesFailed
from tui.conversations.edits import new_conversation, with_message
from tui.conversations.values import Message, Role
from tui.engine import Embeddings, EngineError, ErrorKind, Host, Model, ModelDetails, RunningModel
from tui.failures import Failure
from tui.ollama.names import same_model
from tui.ollama.requests import EmbedRequest
from tui.settings.values import DocumentsSettings

NOMIC = Model(
    name="nomic-embed-text:latest",
    digest="0a109f422b47ffff",
    size_bytes=274_000_000,
    modified_at=datetime(2026, 1, 1, tzinfo=UTC),
)
SMALL = Model(
    name="small-embed:1b", digest="1" * 16, size_bytes=90_000_000, modified_at=datetime(2026, 2, 1, tzinfo=UTC)
)
CLOUD = Model(name="embed:cloud", digest="2" * 16, is_cloud=True, modified_at=datetime(2026, 3, 1, tzinfo=UTC))
TALKER = Model(name="qwen3:8b", digest="3" * 16, modified_at=datetime(2026, 4, 1, tzinfo=UTC))


@dataclass
class Server:
    """As much of one as documents need. From the request of that number on it answers when ``gate`` is open."""

    models: tuple[Model, ...] = (NOMIC, TALKER)
    running: tuple[RunningModel, ...] = ()
    refusal: EngineError | None = None
    holds_from: int | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """A request waits."""
    requests: list[EmbedRequest] = field(default_factory=list)
    words: WordModel = field(default_factory=WordModel)

    @property
    def host(self) -> Host:
        return Host(name="box", url="http://box:11434", source="test")

    async def list_models(self) -> tuple[Model, ...]:
        return self.models

    async def list_running(self) -> tuple[RunningModel, ...]:
        return self.running

    async def show_model(self, name: str) -> ModelDetails:
        can = "completion" if name == TALKER.name else "embedding"
        return ModelDetails(name=name, capabilities=frozenset({can}))

    async def embed(self, request: EmbedRequest) -> Embeddings:
        self.requests.append(request)
        if self.holds_from is not None and len(self.requests) >= self.holds_from:
            self.held.set()
            await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        return Embeddings(vectors=tuple(array("f", self.words.vector(text)) for text in request.texts))

    @property
    def texts(self) -> list[str]:
        return [text for request in self.requests for text in request.texts]


class Person:
    """Somebody with a shelf, at a server."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.server = server
        self.settings = DocumentsSettings(model="", top_k=6, threshold=0.2, budget_tokens=2000)
        self.free: FreeMemory = NOTHING_KNOWN
        self.may_leave = False
        self.told: list[ReadingState] = []
        self.catalog = Catalog(server, cache_file=folder / "cards.json")  # type: ignore[arg-type]
        self.documents = self.shelf_of(folder / "documents")

    def shelf_of(self, folder: Path) -> Documents:
        documents = Documents(
            folder=folder,
            settings=lambda: self.settings,
            client=lambda: self.server,
            catalog=lambda: self.catalog,
            find_model=self._find_model,
            same_model=same_model,
            may_leave=self._may_leave,
            free_memory=self._free_memory,
            clock=lambda: 0.0,
        )
        documents.on_change = lambda reading: self.told.append(reading.state)
        return documents

    def _find_model(self, name: str) -> Model | None:
        return next((one for one in self.catalog.models or () if same_model(one.name, name)), None)

    async def _may_leave(self) -> bool:
        return self.may_leave

    async def _free_memory(self) -> FreeMemory:
        return self.free


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path, Server())


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "bread.md").write_text("flour and water\n")
    (folder / "tides.md").write_text("the moon pulls the sea\n")
    return folder


async def test_passages_and_questions_have_their_models_own_prefix(person: Person, notes: Path) -> None:
    await person.documents.add(notes)
    reading = await person.documents.read_to_the_end()
    assert (reading.state, reading.read, reading.passages) == (ReadingState.done, 2, 2)
    assert all(text.startswith("search_document: ") for text in person.server.texts)
    assert not any(request.truncate for request in person.server.requests)
    found = await person.documents.search("what pulls the sea")
    assert "the moon pulls the sea" in found
    assert person.server.texts[-1] == "search_query: what pulls the sea"
    assert person.server.requests[-1].truncate


async def test_the_model_is_the_named_one_else_the_one_in_use_else_the_newest(person: Person, notes: Path) -> None:
    person.server.models = (NOMIC, SMALL, CLOUD, TALKER)
    assert (await person.documents.model()).name == SMALL.name
    person.settings = DocumentsSettings(model="nomic-embed-text", top_k=6, threshold=0.2, budget_tokens=2000)
    assert (await person.documents.model()).name == NOMIC.name
    await person.documents.add(notes)
    await person.documents.read_to_the_end()
    person.settings = DocumentsSettings(model="", top_k=6, threshold=0.2, budget_tokens=2000)
    assert (await person.documents.model()).name == NOMIC.name
    person.settings = DocumentsSettings(model="gone-embed", top_k=6, threshold=0.2, budget_tokens=2000)
    with pytest.raises(EngineError, match="gone-embed is not on box"):
        await person.documents.model()


async def test_a_server_without_such_a_model_says_what_to_pull(person: Person, notes: Path) -> None:
    person.server.models = (TALKER, CLOUD)
    await person.documents.add(notes)
    with pytest.raises(
        EngineError, match="no model of box makes vectors of texts · pull one, such as nomic-embed-text"
    ):
        await person.documents.begin_reading()
    look = await person.documents.look()
    assert len(look.to_read) == 2


async def test_documents_do_not_leave_for_the_cloud_unasked(person: Person, notes: Path) -> None:
    person.server.models = (CLOUD,)
    person.settings = DocumentsSettings(model=CLOUD.name, top_k=6, threshold=0.2, budget_tokens=2000)
    await person.documents.add(notes)
    with pytest.raises(Failure, match="runs in the cloud"):
        await person.documents.begin_reading()
    assert person.server.requests == []
    person.may_leave = True
    assert (await person.documents.read_to_the_end()).state is ReadingState.done


async def test_a_reading_is_stopped_and_goes_on_where_it_was(person: Person, notes: Path) -> None:
    for number in range(4):
        (notes / f"zebra{number}.md").write_text(f"stripes {number}\n")
    await person.documents.add(notes)
    server = person.server
    server.holds_from = 3
    await person.documents.begin_reading()
    await server.held.wait()
    assert person.documents.stop_reading()
    await person.documents.close()
    server.gate.set()
    reading = person.documents.reading
    assert reading is not None
    assert reading.state is ReadingState.stopped
    kept = len((await person.documents.shelf()).documents)
    assert kept == 2
    before = len(server.texts)
    again = await person.documents.read_to_the_end()
    assert (again.state, again.read) == (ReadingState.done, 6 - kept)
    assert len(server.texts) - before == 6 - kept
    assert person.told == [
        ReadingState.running,
        ReadingState.stopped,
        ReadingState.running,
        ReadingState.done,
    ]


async def test_what_is_added_while_documents_are_read_is_read_as_well(
    person: Person, notes: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.md"
    other.write_text("stars are far\n")
    await person.documents.add(notes)
    person.server.holds_from = 1
    await person.documents.begin_reading()
    await person.server.held.wait()
    await person.documents.add(other)
    person.server.gate.set()
    reading = await person.documents.read_to_the_end()
    assert reading.state is ReadingState.done
    assert {one.path.name for one in (await person.documents.shelf()).documents} == {"bread.md", "tides.md", "other.md"}


async def test_a_server_that_gives_up_ends_the_reading_with_its_reason(person: Person, notes: Path) -> None:
    await person.documents.add(notes)
    person.server.refusal = EngineError("the server hung up", "", "", kind=ErrorKind.broken_off)
    reading = await person.documents.read_to_the_end()
    assert reading.state is ReadingState.failed
    assert reading.failure is person.server.refusal
    person.server.refusal = None
    assert (await person.documents.read_to_the_end()).state is ReadingState.done


async def test_one_broken_file_is_named_and_the_others_are_read(person: Person, notes: Path) -> None:
    (notes / "broken.md").write_bytes(b"\x00")
    await person.documents.add(notes)
    reading = await person.documents.read_to_the_end()
    assert (reading.state, reading.read) == (ReadingState.done, 2)
    assert [path.name for path in reading.problems] == ["broken.md"]


async def test_what_another_chinwag_read_is_searched_here(person: Person, notes: Path, tmp_path: Path) -> None:
    here, there = person.documents, person.shelf_of(tmp_path / "documents")
    assert (await here.shelf()).added == ()
    await there.add(notes)
    await there.read_to_the_end()
    assert "the moon pulls the sea" in await here.search("what pulls the sea")
    await there.remove(notes)
    with pytest.raises(Failure, match="no documents were added"):
        await here.search("what pulls the sea")


async def test_what_was_removed_comes_back_with_its_vectors(person: Person, notes: Path) -> None:
    await person.documents.add(notes)
    await person.documents.read_to_the_end()
    asked = len(person.server.requests)
    removed = await person.documents.remove(notes)
    assert (await person.documents.shelf()).documents == ()
    await person.documents.put_back(removed)
    reading = await person.documents.read_to_the_end()
    assert (reading.read, len(person.server.requests)) == (0, asked)


def running(name: str) -> RunningModel:
    return RunningModel(name=name, expires_at=START + timedelta(minutes=5))


async def test_it_is_said_what_loading_the_model_may_push_out(person: Person) -> None:
    assert await person.documents.loading_words() == ""
    person.server.running = (running("qwen3:8b"),)
    words = await person.documents.loading_words()
    assert words == "loading nomic-embed-text:latest (0.3 GB) may push qwen3:8b out of memory"
    person.free = FreeMemory(gpu_bytes=2_000_000_000)
    assert await person.documents.loading_words() == ""
    person.free = FreeMemory(gpu_bytes=100_000_000)
    assert await person.documents.loading_words() == words
    person.server.running = (running("qwen3:8b"), running("nomic-embed-text:latest"))
    assert await person.documents.loading_words() == ""


async def test_passages_for_a_prompt_carry_where_they_stand(person: Person, notes: Path) -> None:
    await person.documents.add(notes)
    await person.documents.read_to_the_end()
    conversation = with_message(
        new_conversation("0" * 26, now=START),
        Message(id="p", role=Role.user, text="what pulls the sea", at=START),
        now=START,
    )
    metadata: Mapping[str, object] = MappingProxyType({"conversation": "0"})
    passages = await person.documents.passages_for(conversation, "qwen3:8b", Plan(), metadata)
    [source] = passages.sources
    assert (Path(source.path).name, source.first, source.last, source.unit) == ("tides.md", 1, 1, "line")
    assert "[1]" in passages.context
    assert person.server.requests[-1].metadata == metadata
    full = await person.documents.passages_for(conversation, "qwen3:8b", Plan(window_tokens=30), metadata)
    assert full.has_no_room
    person.server.refusal = EngineError("the server hung up", "", "", kind=ErrorKind.broken_off)
    with pytest.raises(PassagesFailed, match="the documents were not searched · the server hung up"):
        await person.documents.passages_for(conversation, "qwen3:8b", Plan(), metadata)


async def test_a_long_question_is_asked_by_its_beginning(person: Person, notes: Path) -> None:
    await person.documents.add(notes)
    await person.documents.read_to_the_end()
    await person.documents.search("sea " * 100_000)
    assert len(person.server.texts[-1]) < 10_000


def test_vectors_of_another_version_of_a_model_are_others() -> None:
    assert vectors_name(NOMIC) == "nomic-embed-text:latest@0a109f422b47"
    assert shown_model(vectors_name(NOMIC)) == "nomic-embed-text:latest"
    assert vectors_name(Model(name="m:1")) == "m:1" == shown_model("m:1")


def test_a_reading_is_a_value() -> None:
    assert Reading(model="m", began_at=0.0).is_running
