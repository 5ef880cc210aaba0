"""Finding what was said, whatever became of the index meanwhile."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.conftest import OpenShelf
from tests.storage.events import EMPTY, ID, turn
from tests.storage.samples import NOON, any_text, conversation_with
from tui.conversations.titles import summary_of
from tui.conversations.values import Branch, Conversation, Message, Role
from tui.places import Places
from tui.storage.conversation_files import FoundFile
from tui.storage.hits import SearchHit
from tui.storage.index import SearchIndex, query_of
from tui.storage.shelf import Shelf
from tui.storage.summaries import Stamp


def _talk(number: int, *texts: str, title: str = "") -> Conversation:
    return conversation_with(*texts, conversation_id=f"{number:026}", title=title, at=NOON + timedelta(minutes=number))


SKY = _talk(1, "why is the sky blue?", "Air scatters blue light more, says Rayleigh.")
TEA = _talk(2, "how long does green tea draw?", "Two minutes, at 70 °C; Über-brewed tea turns bitter.")
RED = _talk(3, "and why is the sky red at dusk?", "A longer way through the air; the blue is gone.", title="Dusk")


async def _saved(shelf: Shelf, *talks: Conversation) -> None:
    for talk in talks:
        await shelf.save(talk, durable=False)


def _ids(hits: tuple[SearchHit, ...]) -> list[int]:
    return [int(hit.summary.id) for hit in hits]


async def test_words_are_found_and_shown_where_they_stand(shelf: Shelf) -> None:
    await _saved(shelf, SKY, TEA, RED)
    (hit,) = await shelf.search("rayleigh")
    assert hit == SearchHit(
        summary=summary_of(SKY),
        message_id="m1",
        before="Air scatters blue light more, says ",
        match="Rayleigh",
        after=".",
    )
    assert shelf.index_state.is_complete
    assert shelf.index_state.total == 3


async def test_what_was_updated_last_comes_first_and_titles_before_that(shelf: Shelf) -> None:
    await _saved(shelf, SKY, TEA, RED)
    assert _ids(await shelf.search("blue")) == [3, 1]
    await _saved(shelf, replace(SKY, updated_at=NOON + timedelta(days=1)))
    assert _ids(await shelf.search("blue")) == [1, 3]
    await _saved(shelf, _talk(4, "x", title="Blue in green"))
    assert _ids(await shelf.search("blue")) == [4, 1, 3]
    assert _ids(await shelf.search("blue", limit=2)) == [4, 1]
    (found, *_) = await shelf.search("blue")
    assert (found.message_id, found.match) == ("", "Blue")


async def test_all_words_must_be_in_one_message(shelf: Shelf) -> None:
    await _saved(shelf, SKY, TEA, RED)
    assert _ids(await shelf.search("sky red")) == [3]
    assert _ids(await shelf.search("blue light")) == [1]
    assert await shelf.search("rayleigh dusk") == ()


async def test_last_word_may_be_half_typed_and_is_whole_before_a_space(shelf: Shelf) -> None:
    await _saved(shelf, SKY, TEA, RED)
    assert _ids(await shelf.search("ray")) == [1]
    assert await shelf.search("ray ") == ()
    assert await shelf.search("ray light") == ()


@pytest.mark.parametrize(
    ("words", "found"), [("uber", [2]), ("ÜBER", [2]), ("70 °c", [2]), ("über-brewed", [2]), ("tea; bitter", [2])]
)
async def test_accents_case_and_signs_do_not_matter(shelf: Shelf, words: str, found: list[int]) -> None:
    await _saved(shelf, SKY, TEA, RED)
    assert _ids(await shelf.search(words)) == found


@pytest.mark.parametrize(
    ("words", "match"),
    [("蓝色", "蓝色"), ("天空", "天空"), ("空为", "空为"), ("そら", "そら"), ("ฟ้า", "ฟ้า"), ("하늘", "하늘은")],
)
async def test_scripts_without_spaces_are_found_in_the_middle(shelf: Shelf, words: str, match: str) -> None:
    await _saved(shelf, _talk(5, "天空为什么是蓝色的？", "青いそらの話", "ทำไมฟ้าสีฟ้า", "하늘은 파랗다"))
    (hit,) = await shelf.search(words)
    assert hit.match == match
    assert "\x1f" not in hit.before + hit.match + hit.after


@pytest.mark.parametrize(
    "hostile",
    [
        *('"', '""', "*", "^sky", "sky*", "NOT", "OR", "AND", "NEAR(sky, blue)", "text:sky", "-sky", "sky AND", "("),
        *("{a b}: c", "'; drop table passage; --", "\x00", "\x1f\x02", "\ud800", "\\", "a" * 5000, "a " * 5000, "☃"),
    ],
)
async def test_no_query_is_read_as_a_command(shelf: Shelf, hostile: str) -> None:
    await _saved(shelf, SKY, _talk(6, f"this says {hostile} aloud", title="NOT"))
    hits = await shelf.search(hostile)
    assert all(hit.match for hit in hits)
    assert shelf.index_state.is_complete
    assert _ids(await shelf.search("rayleigh")) == [1]


@settings(max_examples=60)
@given(st.lists(any_text, min_size=1, max_size=3), any_text)
def test_any_text_is_indexed_and_any_query_answered(texts: list[str], query: str) -> None:
    talk = conversation_with(*texts)
    index = SearchIndex(Path("nowhere/index"), folder=Path("nowhere"), read=lambda _id: talk)
    index.is_in_memory = True
    files = [FoundFile(name=f"{talk.id}.json", id=talk.id, stamp=Stamp(1, 1, 1))]
    with closing(index):
        state, hits = index.search(query, files, limit=5, for_seconds=1)
        assert state.is_complete
        assert all(hit.match for hit in hits)
        words = [word for word in texts[0].split() if word.isascii() and word.isalnum()][:20]
        if words:
            assert index.search(" ".join(words), files, limit=5, for_seconds=1)[1]


def test_words_without_a_letter_are_left_out() -> None:
    assert query_of("a -> b") == '"a" "b"*'
    assert query_of(' "x" ') == '"""x"""'
    assert query_of("-- !!") == ""


async def test_index_follows_saves_renames_deletions_and_journals(shelf: Shelf, open_shelf: OpenShelf) -> None:
    await _saved(shelf, SKY, TEA)
    assert _ids(await shelf.search("sky")) == [1]
    other = open_shelf()
    await _saved(other, replace(SKY, messages=SKY.messages[1:]), RED)
    assert _ids(await shelf.search("sky")) == [3]
    await other.rename(TEA.id, "sky-high")
    assert _ids(await shelf.search("sky")) == [2, 3]
    deleted = await other.delete(RED.id)
    assert _ids(await shelf.search("sky")) == [2]
    await other.undo_delete(deleted)
    log = other.new_log(EMPTY, tell=lambda _event: None)
    for event in turn(1, "sky above", ["clouds ", "and sky"]):
        await log.keep(event)
        hits = await shelf.search("sky")
        assert ID in [hit.summary.id for hit in hits]
    assert [hit.summary.id for hit in await shelf.search("clouds")] == [ID]


async def test_long_message_is_found_at_its_end(shelf: Shelf) -> None:
    await _saved(shelf, _talk(7, "word " * 50_000 + "needle " + "word " * 3))
    (hit,) = await shelf.search("needle")
    assert hit.match == "needle"
    assert len(hit.before) < 200
    assert len(hit.after) < 200


async def test_word_that_is_there_thousands_of_times_is_found_as_fast(shelf: Shelf) -> None:
    await _saved(shelf, *(_talk(number, "a b " * 4000) for number in range(1, 31)))
    await shelf.update_index()
    before = time.process_time()
    assert len(await shelf.search("a b " * 20)) == 30
    assert time.process_time() - before < 2


async def test_word_without_an_end_does_not_fill_the_screen(shelf: Shelf) -> None:
    await _saved(shelf, _talk(7, f"{'x' * 100_000} needle {'y' * 100_000}"))
    (hit,) = await shelf.search("needle")
    assert len(hit.before) + len(hit.after) < 300


async def test_unreadable_file_is_no_hit_and_no_hindrance(shelf: Shelf, places: Places) -> None:
    await _saved(shelf, SKY)
    (places.conversations / f"{'2' * 26}.json").write_bytes(b"sky")
    os.mkfifo(places.conversations / f"{'3' * 26}.json")
    for _ in range(2):
        assert _ids(await shelf.search("sky")) == [1]
        assert shelf.index_state.is_complete


async def test_index_can_be_deleted_at_any_time(open_shelf: OpenShelf, places: Places) -> None:
    shelf = open_shelf()
    await _saved(shelf, SKY, TEA)
    assert _ids(await shelf.search("sky")) == [1]
    for path in places.cache.iterdir():
        path.unlink()
    assert _ids(await shelf.search("tea")) == [2]
    assert _ids(await open_shelf().search("sky")) == [1]
    await _saved(shelf, RED)
    assert _ids(await shelf.search("dusk")) == [3]


def _damages() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    yield "text", b"not a database" * 1000
    yield "zeros", bytes(8192)


@pytest.mark.parametrize("damage", [data for _, data in _damages()], ids=[name for name, _ in _damages()])
async def test_index_that_is_none_is_made_anew(open_shelf: OpenShelf, places: Places, damage: bytes) -> None:
    await _saved(open_shelf(), SKY, TEA)
    places.cache.mkdir(parents=True, exist_ok=True)
    places.index_file.write_bytes(damage)
    assert _ids(await open_shelf().search("sky")) == [1]
    assert stat.S_IMODE(places.index_file.stat().st_mode) == 0o600


async def test_index_with_flipped_bits_says_nothing_false(open_shelf: OpenShelf, places: Places) -> None:
    await _saved(open_shelf(), SKY, TEA, RED)
    first = open_shelf()
    expected = await first.search("sky")
    await first.aclose()
    whole = places.index_file.read_bytes()
    dice = random.Random(5)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(8):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        for path in places.cache.glob("index*"):
            path.unlink()
        places.index_file.write_bytes(damaged)
        shelf = open_shelf()
        hits = await shelf.search("sky")
        assert set(hits) <= set(expected)
        await shelf.aclose()


async def test_lying_index_is_noticed(open_shelf: OpenShelf, places: Places) -> None:
    first = open_shelf()
    await _saved(first, SKY, TEA)
    assert _ids(await first.search("sky")) == [1]
    await first.aclose()
    with closing(sqlite3.connect(places.index_file)) as connection, connection:
        connection.execute("update passage set text = 'the sky is green' where text like '%sky%'")
    shelf = open_shelf()
    (hit,) = await shelf.search("sky")
    assert hit.match + hit.after == "sky blue?"
    assert await shelf.search("green sky") == ()


async def test_index_of_another_folder_or_version_is_not_believed(open_shelf: OpenShelf, places: Places) -> None:
    for statement in ("update about set folder = 'elsewhere'", "pragma user_version = 99", "drop table conversation"):
        first = open_shelf()
        await _saved(first, SKY)
        assert _ids(await first.search("sky")) == [1]
        await first.aclose()
        with closing(sqlite3.connect(places.index_file)) as connection, connection:
            connection.execute(statement)
        assert _ids(await open_shelf().search("sky")) == [1]


@pytest.mark.parametrize("make", ["symlink", "fifo", "folder", "file for the folder"])
async def test_place_that_is_taken_costs_only_the_file(open_shelf: OpenShelf, places: Places, make: str) -> None:
    await _saved(open_shelf(), SKY)
    victim = places.data / "victim"
    places.cache.mkdir(parents=True, exist_ok=True)
    match make:
        case "symlink":
            places.index_file.symlink_to(victim)
        case "fifo":
            os.mkfifo(places.index_file)
        case "folder":
            places.index_file.mkdir()
        case _:
            places.cache.rmdir()
            places.cache.write_bytes(b"in the way")
    shelf = open_shelf()
    assert _ids(await shelf.search("sky")) == [1]
    assert _ids(await shelf.search("blue")) == [1]
    assert not victim.exists()


async def test_locked_index_is_passed_by(open_shelf: OpenShelf, places: Places) -> None:
    shelf = open_shelf()
    await _saved(shelf, SKY)
    assert _ids(await shelf.search("sky")) == [1]
    with closing(sqlite3.connect(places.index_file, isolation_level=None)) as other:
        other.execute("begin immediate")
        assert _ids(await shelf.search("sky")) == [1]
        await _saved(shelf, TEA)
        # What the other one would have to write is not found yet; what was found before still is.
        assert await shelf.search("tea") == ()
        assert not shelf.index_state.is_complete
        assert _ids(await shelf.search("sky")) == [1]
        other.execute("commit")
    assert (await shelf.update_index()).is_complete
    assert _ids(await shelf.search("tea")) == [2]


async def test_deleted_words_are_not_left_in_the_file(open_shelf: OpenShelf, places: Places) -> None:
    shelf = open_shelf()
    await _saved(shelf, *(_talk(number, f"secretword{number} " * 50) for number in range(1, 30)))
    await shelf.update_index()
    for number in range(1, 30):
        await shelf.delete(f"{number:026}")
    await shelf.search("anything")
    await shelf.aclose()
    assert b"secretword7 secretword7" not in places.index_file.read_bytes()


def test_index_may_be_used_from_many_threads(places: Places) -> None:
    talks = {talk.id: talk for talk in (_talk(number, f"word{number} sky") for number in range(1, 200))}
    files = [FoundFile(name=f"{one}.json", id=one, stamp=Stamp(1, 1, 1)) for one in talks]
    index = SearchIndex(places.index_file, folder=places.conversations, read=talks.__getitem__)

    def work(number: int) -> None:
        index.refresh(files, for_seconds=0.01, gives_way=True)
        index.search(f"word{number}", files, limit=3, for_seconds=0.01)

    with closing(index), ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(1, 100)))
        while not index.refresh(files, for_seconds=0.1).is_complete:
            pass
        assert len(index.search("sky", files, limit=500, for_seconds=0)[1]) == len(talks)


async def test_first_search_of_many_answers_at_once_and_finds_the_rest_later(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.storage.shelf._INDEX_PATIENCE_SECONDS", 0.0)
    await _saved(shelf, *(_talk(number, "the sky") for number in range(1, 40)))
    newest = await shelf.search("sky")
    assert _ids(newest) == [39]
    assert not shelf.index_state.is_complete
    assert shelf._indexing is not None
    async with asyncio.timeout(20):
        await asyncio.wait({shelf._indexing})
    assert len(await shelf.search("sky")) == 39


async def test_what_stands_in_another_version_is_found(shelf: Shelf) -> None:
    beside = Message(id="b1", role=Role.assistant, text="Or so says Tyndall.", at=NOON)
    await _saved(shelf, replace(SKY, branches=(Branch(after="m0", messages=(beside,)),)))
    (hit,) = await shelf.search("tyndall")
    assert (hit.message_id, hit.match) == ("b1", "Tyndall")
    await _saved(shelf, SKY)
    assert await shelf.search("tyndall") == ()
