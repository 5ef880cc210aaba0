"""What the disk did not take is not lost by leaving."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.app.running import SLOW, UNHURRIED, Folders, Running


def take_away(folder: Path) -> Path:
    """A file stands where the folder was: nothing can be written below it. Gives back where the folder is."""
    away = folder.with_name(f"{folder.name}-away")
    if folder.exists():
        folder.rename(away)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("no folder")
    return away


async def unsaved(chinwag: Running, folders: Folders) -> str:
    """A whole answer that is in memory only."""
    await chinwag.shows("Ask tour:8b")
    take_away(folders.root / "data")
    await chinwag.send("remember me")
    await chinwag.answered()
    await chinwag.until(lambda: chinwag.chat.session.is_unsaved, told="not saved")
    return chinwag.chat.session.conversation.messages[-1].text


async def ask_to_quit(chinwag: Running) -> None:
    await chinwag.press("ctrl+q")
    await chinwag.shows("in memory only", "› stay", "copy all of it and quit", "quit and lose it")
    chinwag.clock.ahead_seconds += 1


async def test_leaving_asks_while_something_is_in_memory_only(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await unsaved(chinwag, folders)
        await ask_to_quit(chinwag)
        await chinwag.press("enter")
        await chinwag.hides("in memory only")
        assert chinwag.app.is_running
        await ask_to_quit(chinwag)
        await chinwag.press("down", "down", "enter")
        await chinwag.until(lambda: not chinwag.app.is_running, told="the end")
        assert chinwag.app.farewell == ""


async def test_what_could_not_be_saved_is_taken_along(folders: Folders) -> None:
    async with folders.start() as chinwag:
        answer = await unsaved(chinwag, folders)
        await ask_to_quit(chinwag)
        await chinwag.press("down", "enter")
        await chinwag.until(lambda: not chinwag.app.is_running, told="the end")
        file = folders.root / "state" / "clipboard"
        assert str(file) in chinwag.app.farewell
    kept = file.read_text("utf-8")
    assert "remember me" in kept
    assert answer.strip().splitlines()[-1] in kept


async def test_a_home_that_takes_nothing_leaves_the_folder_for_temporary_files(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    async with folders.start() as chinwag:
        await unsaved(chinwag, folders)
        take_away(folders.root / "state")
        await ask_to_quit(chinwag)
        await chinwag.press("down", "enter")
        await chinwag.until(lambda: not chinwag.app.is_running, told="the end")
        (file,) = (tmp_path / "temporary").iterdir()
        assert str(file) in chinwag.app.farewell
    assert "remember me" in file.read_text("utf-8")
    assert file.stat().st_mode & 0o077 == 0


async def test_where_no_file_can_be_written_chinwag_stays(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    async with folders.start() as chinwag:
        await unsaved(chinwag, folders)
        take_away(folders.root / "state")
        await ask_to_quit(chinwag)
        await chinwag.press("down", "enter")
        await chinwag.shows("no file could be written, chinwag goes on")
        assert chinwag.app.is_running


@UNHURRIED
async def test_what_is_lost_of_a_private_answer_is_said(folders: Folders) -> None:
    async with folders.start(model=SLOW, is_private=True) as chinwag:
        await chinwag.send("between us")
        await chinwag.shows("● answering")
        await chinwag.press("ctrl+q")
        await chinwag.shows("an answer is under way", "gone for good")
        await chinwag.until(lambda: "is kept when it is stopped" not in chinwag.text)
