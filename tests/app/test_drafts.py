"""Nothing that was typed is lost between the keys and the disk: a slow disk, one that refuses, two programs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.app.running import Folders
from tui.app.drafts import Drafts, joined
from tui.failures import Failure
from tui.places import Places, places_below
from tui.storage.drafts import NEW, load_draft, save_draft


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_below(tmp_path)


@dataclass
class Disk:
    """The real one, as slow and as unwilling as a test wants it."""

    reads: threading.Event = field(default_factory=threading.Event)
    writes: threading.Event = field(default_factory=threading.Event)
    is_full: bool = False
    refused: asyncio.Queue[Failure] = field(default_factory=asyncio.Queue)
    naps: asyncio.Queue[asyncio.Event] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.reads.set()
        self.writes.set()

    def load(self, places: Places, key: str) -> str:
        self.reads.wait(10)
        return load_draft(places, key)

    def save(self, places: Places, key: str, text: str) -> None:
        self.writes.wait(10)
        if self.is_full:
            raise Failure("cannot keep this draft", "the disk is full", "make room")
        save_draft(places, key, text)

    async def sleep(self, seconds: float) -> None:
        nap = asyncio.Event()
        self.naps.put_nowait(nap)
        await nap.wait()

    def drafts(self, places: Places) -> Drafts:
        return Drafts(places, failed=self.refused.put_nowait, load=self.load, save=self.save, sleep=self.sleep)


@pytest.fixture
async def disk() -> AsyncIterator[Disk]:
    disk = Disk()
    yield disk
    disk.reads.set()
    disk.writes.set()


async def test_keys_before_the_draft_is_read_stand_behind_it(places: Places, disk: Disk) -> None:
    save_draft(places, NEW, "kept")
    disk.reads.clear()
    drafts = disk.drafts(places)
    asked = asyncio.create_task(drafts.text_of(NEW))
    await asyncio.sleep(0)
    drafts.keep(NEW, "t")
    drafts.keep(NEW, "typed")
    disk.reads.set()
    assert await asked == "kept"
    await drafts.close()
    assert load_draft(places, NEW) == "kept\ntyped"


async def test_a_draft_that_nobody_was_given_is_not_removed(places: Places, disk: Disk) -> None:
    save_draft(places, NEW, "kept")
    drafts = disk.drafts(places)
    drafts.keep(NEW, "typed")
    drafts.keep(NEW, "")
    await drafts.close()
    assert load_draft(places, NEW) == "kept"


async def test_what_was_given_can_be_removed(places: Places, disk: Disk) -> None:
    save_draft(places, NEW, "kept")
    drafts = disk.drafts(places)
    assert await drafts.text_of(NEW) == "kept"
    drafts.keep(NEW, "")
    await drafts.close()
    assert load_draft(places, NEW) == ""


async def test_a_refused_draft_is_written_later(places: Places, disk: Disk) -> None:
    drafts = disk.drafts(places)
    disk.is_full = True
    drafts.keep(NEW, "typed")
    assert (await asyncio.wait_for(disk.refused.get(), 10)).message == "the disk is full"
    (await asyncio.wait_for(disk.naps.get(), 10)).set()
    nap = await asyncio.wait_for(disk.naps.get(), 10)
    assert disk.refused.empty()
    disk.is_full = False
    nap.set()
    await asyncio.sleep(0)
    await drafts.close()
    assert load_draft(places, NEW) == "typed"


async def test_a_refused_draft_is_tried_once_more_at_the_end(places: Places, disk: Disk) -> None:
    drafts = disk.drafts(places)
    disk.is_full = True
    drafts.keep(NEW, "typed")
    await asyncio.wait_for(disk.naps.get(), 10)
    disk.is_full = False
    await drafts.close()
    assert load_draft(places, NEW) == "typed"


async def test_newer_text_takes_the_place_of_what_was_refused(places: Places, disk: Disk) -> None:
    drafts = disk.drafts(places)
    disk.is_full = True
    drafts.keep(NEW, "older")
    await asyncio.wait_for(disk.naps.get(), 10)
    disk.is_full = False
    drafts.keep(NEW, "newer")
    await drafts.close()
    assert load_draft(places, NEW) == "newer"


async def test_a_disk_that_hangs_does_not_hold_up_the_end(places: Places, disk: Disk) -> None:
    drafts = disk.drafts(places)
    disk.writes.clear()
    drafts.keep(NEW, "typed")
    await asyncio.wait_for(drafts.close(limit_seconds=0.05), 5)


async def test_two_programs_do_not_remove_each_others_draft(places: Places, disk: Disk) -> None:
    ours, theirs = disk.drafts(places), disk.drafts(places)
    assert await theirs.text_of(NEW) == await ours.text_of(NEW) == ""
    theirs.keep(NEW, "theirs")
    await theirs.close()
    ours.keep(NEW, "ours")
    await asyncio.wait_for(disk.naps.get(), 10)
    assert load_draft(places, NEW) == "theirs"
    ours.keep(NEW, "")
    await ours.close()
    assert load_draft(places, NEW) == "theirs"


async def test_two_programs_drafts_are_both_there_at_the_end(places: Places, disk: Disk) -> None:
    ours, theirs = disk.drafts(places), disk.drafts(places)
    assert await theirs.text_of(NEW) == await ours.text_of(NEW) == ""
    theirs.keep(NEW, "theirs")
    await theirs.close()
    ours.keep(NEW, "ours")
    await ours.close()
    assert load_draft(places, NEW) == "theirs\nours"


def test_only_what_has_text_is_joined() -> None:
    assert joined("", "one", "", "two") == "one\ntwo"
    assert joined("", "") == ""


async def test_a_stored_draft_survives_keys_at_the_start(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.type("stored")
    async with folders.start() as chinwag:
        chat = chinwag.chat
        chat.prompt.load("")
        disk = Disk()
        disk.reads.clear()
        chat._drafts = disk.drafts(chinwag.workspace.places)
        restoring = chat.in_background(chat.restore_draft())
        await chinwag.type("typed")
        await chinwag.until(lambda: chat.prompt.text == "typed", told="the keys")
        disk.reads.set()
        await restoring
        assert chat.prompt.text == "stored\ntyped"
    async with folders.start() as chinwag:
        await chinwag.until(lambda: chinwag.chat.prompt.text == "stored\ntyped", told="both")
