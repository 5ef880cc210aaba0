"""The Nth call fails, for every N until a run meets no failure: nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import stat
import zlib
from pathlib import Path

import pytest

from tests.faults.disk import FailingDisk, Fault, Killed
from tests.faults.scenarios import (
    ALL,
    Run,
    Scenario,
    document_in_the_middle,
    found_afterwards,
    heard_in_turn,
    one_turn,
    turn_after_a_kill,
)
from tui.failures import Failure

EVERYTHING = bool(os.environ.get("CHINWAG_ALL_FAULTS"))
"""Every fault at every call; otherwise each scenario meets each fault at some of its calls."""

MOST_CALLS = 400
STEP = 1 if EVERYTHING else 17


def _each(scenario: Scenario) -> str:
    return scenario.__name__


@pytest.mark.parametrize("scenario", ALL, ids=_each)
@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "short"])
def test_one_refused_call_loses_nothing(tmp_path: Path, scenario: Scenario, fault: Fault) -> None:
    for number in _calls(scenario, fault):
        run, disk = Run(tmp_path / "chinwag"), FailingDisk(tmp_path / "chinwag", fault, number)
        began = asyncio.run(_refused(scenario, run, disk))
        if not disk.was_met:
            return
        _all_is_there(run, disk, began=began)
    pytest.fail("the scenario never ran to its end")


@pytest.mark.parametrize("scenario", ALL, ids=_each)
@pytest.mark.parametrize("fault", ["ENOSPC", "EROFS"])
def test_disk_that_stays_full_for_a_while_loses_nothing(tmp_path: Path, scenario: Scenario, fault: Fault) -> None:
    for number in _calls(scenario, fault):
        run = Run(tmp_path / "chinwag")
        disk = FailingDisk(tmp_path / "chinwag", fault, number, lasting=True)
        asyncio.run(_refused(scenario, run, disk))
        if not disk.was_met:
            return
        _acknowledged_is_there(run, disk)
    pytest.fail("the scenario never ran to its end")


@pytest.mark.parametrize("scenario", ALL, ids=_each)
@pytest.mark.parametrize("fault", ["killed", "killed halfway"])
def test_death_at_any_call_loses_nothing_that_was_acknowledged(
    tmp_path: Path, scenario: Scenario, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    # A task that dies with the process is news to asyncio.
    caplog.set_level(logging.CRITICAL, logger="asyncio")
    for number in _calls(scenario, fault):
        run, disk = Run(tmp_path / "chinwag"), FailingDisk(tmp_path / "chinwag", fault, number)
        asyncio.run(_until_death(scenario, run, disk))
        if not disk.was_met:
            return
        _acknowledged_is_there(run, disk)
    pytest.fail("the scenario never ran to its end")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a descriptor holds is read through /proc")
@pytest.mark.parametrize("scenario", ALL, ids=_each)
@pytest.mark.parametrize("names_survive", [False, True], ids=["unsynced names gone", "unsynced bytes zero"])
def test_loss_of_power_at_any_call_loses_no_prompt_and_no_finished_answer(
    tmp_path: Path, scenario: Scenario, names_survive: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="asyncio")
    for number in _calls(scenario, f"{names_survive}"):
        run, disk = Run(tmp_path / "chinwag"), FailingDisk(tmp_path / "chinwag", "killed", number)
        asyncio.run(_until_death(scenario, run, disk))
        if not disk.was_met:
            return
        if run.places.conversations.exists():
            disk.lose_power(run.places.conversations, names_survive=names_survive)
        run.written = run.durable
        _acknowledged_is_there(run, disk)
    pytest.fail("the scenario never ran to its end")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a descriptor holds is read through /proc")
@pytest.mark.parametrize("scenario", [one_turn, turn_after_a_kill, document_in_the_middle], ids=_each)
def test_what_a_failed_sync_dropped_is_written_somewhere_else(
    tmp_path: Path, scenario: Scenario, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="asyncio")
    met = 0
    for number in range(MOST_CALLS):
        run, disk = Run(tmp_path / "chinwag", stays_open=True), FailingDisk(tmp_path / "chinwag", "EIO", number)
        try:
            asyncio.run(_until_death(scenario, run, disk))
        except Failure:
            # The disk failed before there was a log; that was said, with words.
            continue
        if not disk.was_met:
            break
        if "sync" not in disk.said[number]:
            continue
        met += 1
        disk.lose_power(run.places.conversations, names_survive=False)
        run.written = run.durable
        assert run.written == len(run.given)
        _acknowledged_is_there(run, disk)
    assert met > 1


def _calls(scenario: Scenario, fault: str) -> range:
    """Without ``EVERYTHING``, others for each scenario and fault."""
    start = zlib.crc32(f"{scenario.__name__} {fault}".encode()) % STEP
    return range(start, MOST_CALLS, STEP)


async def _refused(scenario: Scenario, run: Run, disk: FailingDisk) -> bool:
    """Whether the scenario ran to its end; opening may be refused, with words."""
    _start_over(run)
    run.paused = disk.paused
    with disk.in_place():
        try:
            await scenario(run)
        except Failure:
            return False
    return True


async def _until_death(scenario: Scenario, run: Run, disk: FailingDisk) -> None:
    _start_over(run)
    run.paused = disk.paused
    loop = asyncio.get_running_loop()
    died = loop.create_future()
    disk.on_death = lambda: loop.call_soon_threadsafe(died.set_result, None)
    with disk.in_place():
        living = asyncio.ensure_future(scenario(run))
        await asyncio.wait({living, died}, return_when=asyncio.FIRST_COMPLETED)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            try:
                await task
            except (Killed, asyncio.CancelledError, Failure):
                continue
        await loop.shutdown_default_executor()
        disk.bury()
        if living.done() and not living.cancelled() and not disk.is_dead:
            living.result()


def _start_over(run: Run) -> None:
    if run.root.exists():
        shutil.rmtree(run.root)
    run.root.mkdir()


def _all_is_there(run: Run, disk: FailingDisk, *, began: bool) -> None:
    if began:
        assert not run.is_unsaved, disk.said
    _acknowledged_is_there(run, disk)


def _acknowledged_is_there(run: Run, disk: FailingDisk) -> None:
    states = run.states()
    found = asyncio.run(found_afterwards(run))
    if found is None:
        assert run.written == 0, (disk.said, run.written)
    else:
        assert found in states[run.written :], (disk.said, run.written)
    assert heard_in_turn(run), run.heard
    for path in run.root.rglob("*"):
        assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600), path
