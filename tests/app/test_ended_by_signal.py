"""Whoever ends the program by a signal is told what became of the conversation, and nothing that is not so."""

from __future__ import annotations

import signal

import pytest

from tests.app.running import Folders
from tests.faults.disk import FailingDisk
from tui.app.leaving import say_end_by_signal


async def test_what_was_said_is_kept_or_it_is_said_that_it_is_not(
    folders: Folders, capfd: pytest.CaptureFixture[str]
) -> None:
    disk = FailingDisk(folders.root / "data", "ENOSPC", lasting=True, reads_well=True)
    async with folders.start(model="tour:8b") as chinwag:
        say_end_by_signal(128 + signal.SIGTERM, chinwag.workspace)
        assert capfd.readouterr().err == "chinwag: ended by SIGTERM; what was said until then is kept\n"
        say_end_by_signal(0, chinwag.workspace)
        assert capfd.readouterr().err == ""
        with disk.in_place():
            disk.is_ill = True
            await chinwag.send("hello")
            await chinwag.shows("not saved")
            capfd.readouterr()
            say_end_by_signal(128 + signal.SIGQUIT, chinwag.workspace)
            words = "chinwag: ended by SIGQUIT; the disk has not taken all of what was said\n"
            assert capfd.readouterr().err == words
            disk.heal()
            chinwag.workspace.shelf._logs[chinwag.chat.session.id]._write_soon()
            await chinwag.until(lambda: not chinwag.chat.unsaved, told="saved again")


async def test_of_a_demo_nothing_is_kept(folders: Folders, capfd: pytest.CaptureFixture[str]) -> None:
    async with folders.start(is_demo=True) as chinwag:
        capfd.readouterr()
        say_end_by_signal(128 + signal.SIGTERM, chinwag.workspace)
        assert capfd.readouterr().err == "chinwag: ended by SIGTERM\n"
