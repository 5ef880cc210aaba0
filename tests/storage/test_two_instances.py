"""Two programs on the same folders; the other one is a process of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.storage.conftest import OpenShelf
from tests.storage.events import EMPTY, ID, slowly, turn
from tests.storage.samples import VERSION_1, conversation_with
from tui.failures import Failure
from tui.places import Places
from tui.storage.locks import hold_lock
from tui.storage.shelf import Shelf

ROOT = Path(__file__).parents[2]

OTHER = """
import asyncio, os, sys
from datetime import datetime, UTC
from pathlib import Path
from tui.places import places_below
from tui.storage.shelf import Shelf

async def main():
    shelf = Shelf(places_below(Path(sys.argv[1])), now=lambda: datetime.now(UTC), random_bytes=os.urandom)
    held = await shelf.hold(sys.argv[2])
    print("refused" if held is None else "held", flush=True)
    sys.stdin.readline()
    if held is not None:
        held.release()
    print("released", flush=True)
    sys.stdin.readline()

asyncio.run(main())
"""

SAVING = """
import os, sys
from datetime import datetime, UTC
from pathlib import Path
from tests.storage.samples import conversation_with
from tui.places import places_below
from tui.storage.conversation_files import ConversationFiles

files = ConversationFiles(places_below(Path(sys.argv[1])), now=lambda: datetime.now(UTC), random_bytes=os.urandom)
number = 0
while True:
    talk = conversation_with(str(number), "x" * (number * 1000 % 50_000))
    files.write(talk, wished=("json", "toml")[number // 5 % 2], sync=False)
    print(number, flush=True)
    number += 1
"""


@asynccontextmanager
async def _program(script: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _says(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()


async def _tell(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    await process.stdin.drain()


def _root(places: Places) -> str:
    return str(places.data.parent)


async def test_second_instance_is_told_that_the_first_writes(shelf: Shelf, places: Places) -> None:
    await shelf.save(VERSION_1)
    async with _program(OTHER, _root(places), VERSION_1.id) as other:
        assert await _says(other) == "held"
        assert await shelf.hold(VERSION_1.id) is None
        assert await shelf.load(VERSION_1.id) == VERSION_1
        for work in (shelf.delete(VERSION_1.id), shelf.rename(VERSION_1.id, "mine")):
            with pytest.raises(Failure, match="it is open in another chinwag"):
                await work
        await _tell(other)
        assert await _says(other) == "released"
        held = await shelf.hold(VERSION_1.id)
        assert held is not None
        assert held.is_exclusive
    assert await shelf.load(VERSION_1.id) == VERSION_1


async def test_first_instance_keeps_the_second_away(shelf: Shelf, places: Places) -> None:
    held = await shelf.hold(VERSION_1.id)
    assert held is not None
    async with _program(OTHER, _root(places), VERSION_1.id) as other:
        assert await _says(other) == "refused"
    async with _program(OTHER, _root(places), "1" * 26) as other:
        assert await _says(other) == "held"


async def test_killed_instance_leaves_no_lock_behind(shelf: Shelf, places: Places) -> None:
    async with _program(OTHER, _root(places), VERSION_1.id) as other:
        assert await _says(other) == "held"
        other.kill()
        await other.wait()
        held = await shelf.hold(VERSION_1.id)
        assert held is not None
        assert held.is_exclusive


@pytest.mark.parametrize("acknowledged", [1, 9, 40])
async def test_killed_writer_loses_nothing_that_it_had_saved(
    open_shelf: OpenShelf, places: Places, acknowledged: int
) -> None:
    async with _program(SAVING, _root(places)) as writer:
        last = 0
        for _ in range(acknowledged):
            last = int(await _says(writer))
        writer.kill()
        await writer.wait()
        shelf = open_shelf()
        found = await shelf.load("0" * 26)
        number = int(found.messages[0].text)
        assert number >= last
        assert found == conversation_with(str(number), "x" * (number * 1000 % 50_000))
        listing = await shelf.summaries()
        assert len(listing.summaries) == 1
        assert listing.faults == ()


async def test_own_lock_does_not_hinder_its_owner(shelf: Shelf, places: Places) -> None:
    await shelf.save(VERSION_1)
    held = await shelf.hold(VERSION_1.id)
    assert held is not None
    assert await shelf.hold(VERSION_1.id) is None
    await shelf.rename(VERSION_1.id, "mine")
    await shelf.save(VERSION_1)
    await shelf.undo_delete(await shelf.delete(VERSION_1.id))
    assert held.is_held
    held.release()
    held.release()
    assert [path.suffix for path in places.conversations.iterdir()] == [".json"]


async def test_closed_shelf_holds_nothing(open_shelf: OpenShelf) -> None:
    shelf = open_shelf()
    held = await shelf.hold(VERSION_1.id)
    assert held is not None
    await shelf.aclose()
    assert not held.is_held
    assert await open_shelf().hold(VERSION_1.id) is not None


async def test_lock_whose_taker_was_cancelled_is_free(shelf: Shelf) -> None:
    taking = asyncio.create_task(shelf.hold(VERSION_1.id))
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    await shelf.aclose()
    assert await shelf.hold(VERSION_1.id) is not None


def test_removed_lock_file_fools_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    first = hold_lock(path)
    assert first is not None
    path.unlink()
    second = hold_lock(path)
    assert second is not None
    assert hold_lock(path) is None
    second.release()


def test_lock_released_between_opening_and_locking_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.lock"
    former = hold_lock(path)
    flock = fcntl.flock

    def released_just_before(descriptor: int, operation: int) -> None:
        if former is not None:
            former.release()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", released_just_before)
    held = hold_lock(path)
    assert held is not None
    assert path.exists()
    assert hold_lock(path) is None


@pytest.mark.parametrize("make", ["symlink", "fifo", "folder"])
def test_lock_that_is_no_file_is_refused(tmp_path: Path, make: str) -> None:
    path = tmp_path / "a.lock"
    match make:
        case "symlink":
            path.symlink_to(tmp_path / "victim")
        case "fifo":
            os.mkfifo(path)
        case _:
            path.mkdir()
    with pytest.raises(Failure, match=r"cannot lock a\.lock"):
        hold_lock(path)
    assert not (tmp_path / "victim").exists()


async def test_lock_whose_file_was_taken_away_is_taken_anew(
    shelf: Shelf, open_shelf: OpenShelf, places: Places
) -> None:
    """The folder goes while the conversation is written: what comes back with it has a writer."""
    log = shelf.new_log(EMPTY)
    for event in turn(1):
        await log.keep(event)
    shutil.rmtree(places.data)
    for event in turn(2):
        await log.keep(event)
    await log.settled()
    assert await open_shelf().open_log(ID) is None
    await shelf.aclose()
    assert await open_shelf().load(ID) == slowly(EMPTY, [*turn(1), *turn(2)])
    assert not list(places.conversations.glob("*.lock"))


def test_releasing_leaves_the_lock_of_somebody_else(tmp_path: Path) -> None:
    first = hold_lock(tmp_path / "a.lock")
    (tmp_path / "a.lock").unlink()
    second = hold_lock(tmp_path / "a.lock")
    assert first is not None
    assert second is not None
    first.release()
    assert second.is_in_place()
    assert hold_lock(tmp_path / "a.lock") is None
    second.release()
