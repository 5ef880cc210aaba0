"""A shelf follows its files, survives what happens to its folder, and finds what was asked for."""

from __future__ import annotations

import asyncio
import json
import operator
import os
import stat
import threading
from array import array
from pathlib import Path
from typing import Any

import pytest

from tests.documents.rig import WordModel, shelf_of, steps, updated
from tests.hostile import HOSTILE_STRINGS
from tui.documents import shelf_files
from tui.documents.finding import FindLimits
from tui.documents.shelf import Shelf, ShelfLimits
from tui.documents.values import Outcome
from tui.engine import Embeddings, EngineError, ErrorKind
from tui.failures import Failure

MOON = "# Tides\n\nThe moon pulls the sea.\n"
BREAD = "# Bread\n\nFlour water salt and yeast.\n"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "tides.md").write_text(MOON)
    (folder / "bread.md").write_text(BREAD)
    return folder


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


def touch(path: Path, text: str) -> None:
    """A change that is seen however coarse the clock of the disk is."""
    path.write_text(text)
    later = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(later, later))


async def test_a_question_finds_the_passage_that_answers_it(notes: Path, kept: Path) -> None:
    model = WordModel()
    shelf = await shelf_of(kept, notes, embed=model)
    found = await shelf.find("moon sea", model, model="words")
    [best, *_] = found.passages
    assert best.source == notes / "tides.md"
    assert best.range_words == "lines 1-3"
    assert found.sources[0] == "[1] tides.md, lines 1-3"
    assert "[1] " in found.extra_context
    assert "The moon pulls the sea." in found.extra_context
    assert "Sources:\n[1] " in found.extra_context


async def test_what_is_kept_is_there_at_the_next_start(notes: Path, kept: Path) -> None:
    model = WordModel()
    await shelf_of(kept, notes, embed=model)
    asked = len(model.asked)
    again = await shelf_of(kept, embed=model)
    assert [one.path.name for one in again.documents] == ["bread.md", "tides.md"]
    assert again.added == (notes,)
    assert len(model.asked) == asked
    assert (await again.find("flour yeast", model, model="words")).passages[0].source.name == "bread.md"


async def test_only_what_changed_is_embedded_again(notes: Path, kept: Path) -> None:
    model = WordModel()
    sections = [f"# Part {number}\n\n" + f"words of part {number} " * 30 for number in range(4)]
    (notes / "long.md").write_text("\n\n".join(sections))
    shelf = await shelf_of(kept, notes, embed=model)
    model.asked.clear()
    touch(notes / "long.md", "\n\n".join([*sections[:3], "# Part 3\n\nall new"]))
    assert await shelf.outdated(model="words") == (notes / "long.md",)
    assert (await updated(shelf, model))["long.md"] is Outcome.changed
    assert len(model.texts) == 1
    assert "all new" in model.texts[0]


async def test_a_file_that_was_only_touched_costs_nothing(notes: Path, kept: Path) -> None:
    model = WordModel()
    shelf = await shelf_of(kept, notes, embed=model)
    model.asked.clear()
    touch(notes / "tides.md", MOON)
    assert set((await updated(shelf, model)).values()) == {Outcome.unchanged}
    assert model.asked == []
    assert await shelf.outdated(model="words") == ()


async def test_a_file_that_is_gone_leaves_the_shelf(notes: Path, kept: Path) -> None:
    model = WordModel()
    shelf = await shelf_of(kept, notes, embed=model)
    (notes / "bread.md").unlink()
    assert (await updated(shelf, model))["bread.md"] is Outcome.gone
    assert [one.path.name for one in shelf.documents] == ["tides.md"]
    assert len(list(kept.glob("*.passages"))) == 1


async def test_a_disk_that_is_away_takes_nothing_with_it(notes: Path, kept: Path) -> None:
    model = WordModel()
    shelf = await shelf_of(kept, notes, embed=model)
    away = notes.rename(notes.with_name("unmounted"))
    [step] = await steps(shelf, model)
    assert (step.path, step.outcome) == (notes, Outcome.failed)
    assert step.problem is not None
    assert "bring it back" in str(step.problem)
    assert len(shelf.documents) == 2
    away.rename(notes)
    assert set((await updated(shelf, model)).values()) == {Outcome.unchanged}


async def test_what_is_removed_is_forgotten_and_the_file_stays(notes: Path, kept: Path) -> None:
    model = WordModel()
    shelf = await shelf_of(kept, notes, embed=model)
    await shelf.remove(notes)
    assert shelf.documents == ()
    assert not list(kept.glob("*.passages"))
    assert (notes / "tides.md").read_text() == MOON
    with pytest.raises(Failure, match="is not on the shelf"):
        await shelf.remove(notes)
    with pytest.raises(Failure, match="is empty"):
        await shelf.find("moon", model, model="words")


async def test_a_file_added_by_itself_stays_when_its_folder_goes(notes: Path, kept: Path) -> None:
    model = WordModel()
    shelf = await shelf_of(kept, notes / "tides.md", notes, embed=model)
    await shelf.remove(notes)
    assert [one.path.name for one in shelf.documents] == ["tides.md"]


async def test_links_are_resolved_before_anything_is_kept(notes: Path, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(notes)
    shelf = await shelf_of(kept, tmp_path / "link", embed=WordModel())
    assert shelf.added == (notes,)
    assert await shelf.add(tmp_path / "link" / "tides.md") == notes / "tides.md"


@pytest.mark.parametrize("name", ["nowhere", "pipe", "\x00", "loop"])
async def test_what_cannot_be_added_is_said(tmp_path: Path, kept: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    shelf = Shelf(kept)
    await shelf.open()
    with pytest.raises(Failure, match="is not added"):
        await shelf.add(tmp_path / name)
    assert shelf.added == ()


async def test_another_model_makes_other_vectors(notes: Path, kept: Path) -> None:
    model = WordModel()
    shelf = await shelf_of(kept, notes, embed=model)
    with pytest.raises(Failure, match="no document has vectors of other"):
        await shelf.find("moon", model, model="other")
    assert len(await shelf.outdated(model="other")) == 2
    assert set((await updated(shelf, model, model="other")).values()) == {Outcome.changed}
    assert {one.model for one in shelf.documents} == {"other"}


async def test_a_model_whose_vectors_changed_in_length_is_noticed(notes: Path, kept: Path) -> None:
    shelf = await shelf_of(kept, notes, embed=WordModel(64))
    longer = WordModel(96)
    with pytest.raises(Failure, match="no document has vectors"):
        await shelf.find("moon", longer, model="words")
    assert len(await shelf.outdated(model="words")) == 2
    assert set((await updated(shelf, longer)).values()) == {Outcome.changed}
    assert {one.dimension for one in shelf.documents} == {96}
    assert (await shelf.find("moon", longer, model="words")).stale_documents == 0


async def test_a_server_that_fails_ends_the_update_and_keeps_what_was_done(notes: Path, kept: Path) -> None:
    model = WordModel()

    async def second_fails(texts: tuple[str, ...]) -> Embeddings:
        if model.asked:
            raise EngineError("gone", kind=ErrorKind.unreachable)
        return await model(texts)

    shelf = Shelf(kept)
    await shelf.open()
    await shelf.add(notes)
    with pytest.raises(EngineError):
        await steps(shelf, second_fails)
    assert len(shelf.documents) == 1
    assert sorted((await updated(shelf, model)).values()) == [Outcome.added, Outcome.unchanged]


@pytest.mark.parametrize(
    "vectors", [(), (array("f", [1.0]),) * 9, (array("f"),), (array("f", [float("nan")]),)], ids=str
)
async def test_what_are_no_vectors_is_said(notes: Path, kept: Path, vectors: tuple[array[float], ...]) -> None:
    async def embed(_texts: tuple[str, ...]) -> Embeddings:
        return Embeddings(vectors=vectors)

    shelf = Shelf(kept)
    await shelf.open()
    await shelf.add(notes)
    with pytest.raises(Failure, match="made no usable vectors"):
        await steps(shelf, embed)


async def test_one_bad_file_stops_no_other(notes: Path, kept: Path) -> None:
    (notes / "broken.txt").write_bytes(b"\x00\x01")
    (notes / "empty.txt").touch()
    did = await updated_all(kept, notes)
    assert did == {
        "broken.txt": Outcome.failed,
        "bread.md": Outcome.added,
        "empty.txt": Outcome.added,
        "tides.md": Outcome.added,
    }


async def updated_all(kept: Path, notes: Path) -> dict[str, Outcome]:
    shelf = Shelf(kept)
    await shelf.open()
    await shelf.add(notes)
    return await updated(shelf, WordModel())


async def test_a_full_shelf_says_so(notes: Path, kept: Path) -> None:
    shelf = Shelf(kept, limits=ShelfLimits(documents=1))
    await shelf.open()
    await shelf.add(notes)
    [first, second] = await steps(shelf, WordModel())
    assert first.outcome is Outcome.added
    assert "the shelf is full" in str(second.problem)


async def test_texts_go_in_batches(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("\n\n".join(f"paragraph {number} " * 60 for number in range(20)))
    model = WordModel()
    shelf = Shelf(kept, limits=ShelfLimits(texts_at_once=4))
    await shelf.open()
    await shelf.add(tmp_path / "long.txt")
    await steps(shelf, model)
    assert {len(call) for call in model.asked[:-1]} == {4}


async def test_everything_kept_is_for_its_owner_alone(notes: Path, kept: Path) -> None:
    await shelf_of(kept, notes, embed=WordModel())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o600}


async def test_a_damaged_file_is_put_aside_and_its_document_read_again(notes: Path, kept: Path) -> None:
    model = WordModel()
    await shelf_of(kept, notes, embed=model)
    victim = min(kept.glob("*.passages"))
    data = victim.read_bytes()
    victim.write_bytes(data[:-7] + b"\xff" + data[-6:])
    shelf = Shelf(kept)
    [problem] = await shelf.open()
    assert "is put aside" in str(problem)
    assert len(shelf.documents) == 1
    assert victim.with_name(f"{victim.name}.damaged").exists()
    assert sorted((await updated(shelf, model)).values()) == [Outcome.added, Outcome.unchanged]


async def test_every_cut_of_a_kept_document_is_noticed(notes: Path, kept: Path) -> None:
    await shelf_of(kept, notes, embed=WordModel(4))
    whole = min(kept.glob("*.passages")).read_bytes()
    assert shelf_files.encoded(shelf_files.decoded(whole)) == whole
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="damaged"):
            shelf_files.decoded(whole[:length])


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"added": "x"}', '{"added": [1]}', "[" * 100_000, "\x00", '{"added": [' + "9" * 5000 + "]}"],
)
async def test_a_damaged_list_is_told_from_the_documents(notes: Path, kept: Path, content: str) -> None:
    await shelf_of(kept, notes, embed=WordModel())
    (kept / "added.json").write_text(content)
    shelf = Shelf(kept)
    [problem] = await shelf.open()
    assert "added.json" in str(problem)
    assert shelf.added == (notes,)
    assert (kept / "added.json.damaged").read_text() == content


async def test_a_shelf_file_under_another_name_is_not_believed(notes: Path, kept: Path) -> None:
    await shelf_of(kept, notes, embed=WordModel())
    one = min(kept.glob("*.passages"))
    one.rename(one.with_name("0" * 32 + ".passages"))
    shelf = Shelf(kept)
    [problem] = await shelf.open()
    assert "belongs to another name" in str(problem)


async def test_asking_while_it_changes_gives_a_whole_answer(notes: Path, kept: Path) -> None:
    model = WordModel()
    shelf = await shelf_of(kept, notes, embed=model)
    touch(notes / "bread.md", BREAD + "Rye.\n")
    found, _ = await asyncio.gather(shelf.find("moon sea", model, model="words"), updated(shelf, model))
    assert found.passages[0].source.name == "tides.md"
    after = await shelf.find("rye", model, model="words", limits=FindLimits(threshold=0.1))
    assert "Rye." in after.passages[0].passage.text


@pytest.mark.parametrize("words", HOSTILE_STRINGS)
async def test_hostile_words_are_kept_raw_and_shown_clean(tmp_path: Path, kept: Path, words: str) -> None:
    source = tmp_path / "hostile.md"
    text = f"# moon {words}\n\nmoon {words}\n".replace("\x00", "")  # a file with that is no text
    source.write_text(text, encoding="utf-8", errors="replace")
    model = WordModel()
    shelf = await shelf_of(kept, source, embed=model)
    found = await shelf.find("moon", model, model="words", limits=FindLimits(threshold=-1))
    assert all("\x1b" not in row and "\n" not in row for row in found.sources)
    assert "\U000e0069" not in found.extra_context


async def test_names_of_files_that_are_no_text_are_kept(tmp_path: Path, kept: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9 \x1b[31m.txt"))
    odd.write_text("moon")
    model = WordModel()
    await shelf_of(kept, folder, embed=model)
    again = Shelf(kept)
    assert await again.open() == ()
    assert [one.path for one in again.documents] == [odd]
    found = await again.find("moon", model, model="words")
    assert "\x1b" not in found.extra_context
    json.dumps(found.extra_context).encode()


class Package:
    """Does what is needed of numpy, and keeps in which threads."""

    float32 = "f"

    def __init__(self) -> None:
        self.threads: list[int] = []

    def frombuffer(self, data: bytes | array[float], dtype: str) -> Rows:
        self.threads.append(threading.get_ident())
        return Rows([array("f", bytes(data) if isinstance(data, bytes) else data.tobytes())])


class Rows(list[Any]):
    def reshape(self, count: int, _length: int) -> Rows:
        [flat] = self
        step = len(flat) // count
        return Rows([flat[start : start + step] for start in range(0, len(flat), step)])

    def __matmul__(self, asked: Rows) -> Scores:
        return Scores(sum(map(operator.mul, row, asked[0])) for row in self)


class Scores(list[Any]):
    def tolist(self) -> list[float]:
        return self


async def test_comparing_is_done_off_the_event_loop(notes: Path, kept: Path) -> None:
    model, package = WordModel(), Package()
    await shelf_of(kept, notes, embed=model)
    shelf = Shelf(kept, load_numpy=lambda: package)
    await shelf.open()
    found = await shelf.find("moon sea", model, model="words")
    assert found.passages[0].source.name == "tides.md"
    assert package.threads
    assert threading.get_ident() not in package.threads


async def test_what_a_killed_program_left_is_removed_when_it_is_old(notes: Path, kept: Path) -> None:
    await shelf_of(kept, notes, embed=WordModel())
    left = kept / ".0123.chinwag-tmp"
    left.touch()
    written = left.stat().st_mtime
    await Shelf(kept, wall_clock=lambda: written + 60).open()
    assert left.exists()
    await Shelf(kept, wall_clock=lambda: written + 7200).open()
    assert not left.exists()


async def test_two_shelves_on_one_folder_keep_what_each_added(notes: Path, kept: Path) -> None:
    model = WordModel()
    one, other = Shelf(kept), Shelf(kept)
    await one.open()
    await other.open()
    await one.add(notes / "tides.md")
    await other.add(notes / "bread.md")
    assert other.added == (notes / "tides.md", notes / "bread.md")
    assert sorted((await updated(other, model)).values()) == [Outcome.added, Outcome.added]
    await one.remove(notes / "tides.md")
    assert one.added == (notes / "bread.md",)


async def test_a_model_that_reads_little_gets_smaller_passages(tmp_path: Path, kept: Path) -> None:
    (tmp_path / "long.txt").write_text("\n\n".join(f"paragraph {number} " * 20 for number in range(20)))
    model = WordModel()

    async def short_sighted(texts: tuple[str, ...]) -> Embeddings:
        if any(len(text) > 600 for text in texts):
            raise EngineError("too long", kind=ErrorKind.context_exceeded)
        return await model(texts)

    shelf = Shelf(kept)
    await shelf.open()
    await shelf.add(tmp_path / "long.txt")
    assert await updated(shelf, short_sighted) == {"long.txt": Outcome.added}
    assert max(map(len, model.texts)) <= 600

    async def blind(_texts: tuple[str, ...]) -> Embeddings:
        raise EngineError("too long", kind=ErrorKind.context_exceeded)

    with pytest.raises(EngineError):
        await steps(shelf, blind, model="blind")
    assert len(shelf.documents) == 1


async def test_a_shelf_that_cannot_be_written_says_so_for_each_document(notes: Path, kept: Path) -> None:
    shelf = Shelf(kept)
    await shelf.open()
    await shelf.add(notes)
    (kept / "added.json").unlink()
    kept.rmdir()
    kept.touch()
    did = await steps(shelf, WordModel())
    assert [step.outcome for step in did] == [Outcome.failed, Outcome.failed]
    assert str(kept) in str(did[0].problem)
    assert shelf.documents == ()
