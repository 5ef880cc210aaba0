"""The settings as a file, from the conversation and from the form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import Folders, Running
from tui.app.screens.settings import SettingsScreen

MINE = '# mine\n[appearance]\ntheme = "nord"\n[generation]\nseed = 3\n'


async def ready(chinwag: Running) -> None:
    await chinwag.shows("Ask tour:8b")


def settings_file(folders: Folders) -> Path:
    return folders.root / "config" / "settings.toml"


async def test_a_file_is_taken_over_acts_at_once_and_goes_back(folders: Folders, tmp_path: Path) -> None:
    before = "[generation]\nseed = 7\ntemperature = 0.5\n"
    file = folders.write("config/settings.toml", before)
    (tmp_path / "mine.toml").write_text(MINE)
    async with folders.start() as chinwag:
        await ready(chinwag)
        await chinwag.send(f"/settings import {tmp_path}/mine.toml")
        await chinwag.shows("taken over, 3 settings changed")
        assert chinwag.app.theme == "nord"
        assert chinwag.workspace.loaded.settings.generation.seed == 3
        assert chinwag.workspace.loaded.settings.generation.temperature is None
        assert file.read_text() == MINE
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("the settings are as before")
        assert file.read_text() == before
        assert chinwag.workspace.loaded.settings.generation.seed == 7
        assert chinwag.app.theme != "nord"


async def test_a_file_with_a_fault_is_not_taken_over(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[generation]\nseed = 3\ntemperature = 99\n")
    async with folders.start() as chinwag:
        await ready(chinwag)
        await chinwag.send(f"/settings import {tmp_path}/bad.toml")
        await chinwag.shows("bad.toml is not taken over", "line 3: generation.temperature")
        assert chinwag.workspace.loaded.settings.generation.seed is None
        await chinwag.send("/settings nonsense")
        await chinwag.shows("that is nothing to be done with settings")


async def test_every_default_comes_back_and_undo_brings_the_others(folders: Folders) -> None:
    file = folders.write("config/settings.toml", MINE)
    async with folders.start() as chinwag:
        await ready(chinwag)
        await chinwag.send("/settings reset")
        await chinwag.shows("every setting has its default", "brings those before back")
        assert not file.exists()
        assert chinwag.app.theme != "nord"
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("the settings are as before")
        assert file.read_text() == MINE
        assert chinwag.app.theme == "nord"


async def test_what_is_wrong_is_listed_with_file_line_and_key(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await ready(chinwag)
        await chinwag.send("/settings check")
        await chinwag.shows("nothing is wrong in the files")
        _ = folders.write("config/settings.toml", "[generation]\ntemperature = 99\n")
        _ = folders.write("config/presets/bad.toml", "\nabout = 3\n")
        await chinwag.send("/settings check")
        await chinwag.shows("2 complaints", "settings.toml, line 2: generation.temperature")
        await chinwag.shows("presets/bad.toml, line 2: about: it needs to be text")
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")


@pytest.mark.parametrize("size", [(60, 15), (120, 40)])
async def test_the_form_has_the_file_behind_a_key(folders: Folders, tmp_path: Path, size: tuple[int, int]) -> None:
    _ = folders.write("config/settings.toml", MINE)
    async with folders.start(size=size) as chinwag:
        await ready(chinwag)
        await chinwag.press("f2")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, SettingsScreen), told="the form")
        await chinwag.press("alt+f")
        await chinwag.shows("The settings file", "reset")
        await chinwag.press("enter")
        await chinwag.shows("Export the settings")
        await chinwag.type(f"{tmp_path}/out.toml")
        await chinwag.press("enter")
        await chinwag.until((tmp_path / "out.toml").exists, told="the file")
        await chinwag.shows("the settings are in")
        assert (tmp_path / "out.toml").read_text() == MINE
        await chinwag.press("alt+f")
        await chinwag.shows("The settings file")
        await chinwag.type("reset")
        await chinwag.press("enter")
        await chinwag.until(lambda: not settings_file(folders).exists(), told="no file")
        await chinwag.shows("every setting has its default")
        await chinwag.hides(" changed")


async def test_where_nothing_is_kept_the_file_of_the_person_stays(folders: Folders, tmp_path: Path) -> None:
    file = folders.write("config/settings.toml", "[generation]\nseed = 7\n")
    (tmp_path / "mine.toml").write_text(MINE)
    async with folders.start(is_private=True) as chinwag:
        await ready(chinwag)
        await chinwag.send(f"/settings import {tmp_path}/mine.toml")
        await chinwag.shows("taken over")
        assert chinwag.app.theme == "nord"
        await chinwag.send("/settings reset")
        await chinwag.shows("every setting has its default")
        assert file.read_text() == "[generation]\nseed = 7\n"
