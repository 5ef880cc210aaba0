"""Presets as files, from the conversation: kept, given away, taken over, removed, and back again."""

from __future__ import annotations

from pathlib import Path

from tests.app.running import Folders, Running
from tui.app.screens.presets import PresetPicker

TERSE = 'about = "few words"\nsystem = "One word."\n[options]\ntemperature = 0.2\n'


async def ready(chinwag: Running) -> None:
    await chinwag.shows("Ask tour:8b")


async def picker(chinwag: Running) -> None:
    await chinwag.send("/preset")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, PresetPicker), told="the presets")


def kept(folders: Folders, name: str) -> Path:
    return folders.root / "config" / "presets" / f"{name}.toml"


async def test_how_a_conversation_answers_is_kept_from_the_list(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await ready(chinwag)
        await chinwag.send("/option temperature 0.3")
        await picker(chinwag)
        await chinwag.press("alt+a")
        await chinwag.shows("Keep as a preset")
        await chinwag.type("Not A Name")
        await chinwag.press("enter")
        await chinwag.shows("it needs another name")
        await chinwag.press("ctrl+u")
        await chinwag.type("mine")
        await chinwag.press("enter")
        await chinwag.shows("kept as preset mine")
        assert "temperature = 0.3" in kept(folders, "mine").read_text()


async def test_a_preset_goes_out_to_a_file_and_comes_back_from_it(folders: Folders, tmp_path: Path) -> None:
    _ = folders.write("config/presets/terse.toml", TERSE)
    async with folders.start() as chinwag:
        await ready(chinwag)
        await picker(chinwag)
        await chinwag.type("terse")
        await chinwag.shows("alt+e export", "alt+d remove")
        await chinwag.press("alt+e")
        await chinwag.shows("Export terse")
        await chinwag.press("ctrl+u")
        await chinwag.type(f"{tmp_path}/given.toml")
        await chinwag.press("enter")
        await chinwag.shows("preset terse is in")
        assert "One word." in (tmp_path / "given.toml").read_text()
        await chinwag.send(f"/preset import {tmp_path}/given.toml")
        await chinwag.shows("preset given is taken over")
        await chinwag.send(f"/preset import {tmp_path}/given.toml")
        await chinwag.shows("there is a preset given already")
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("preset given is gone again")
        assert not kept(folders, "given").exists()


async def test_a_file_that_is_no_preset_is_named_with_key_and_line(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[options]\nseed = 1\ntemperature = 99\n")
    async with folders.start() as chinwag:
        await ready(chinwag)
        await picker(chinwag)
        await chinwag.press("alt+p")
        await chinwag.shows("Import a preset")
        await chinwag.type(f"{tmp_path}/bad.toml")
        await chinwag.press("enter")
        await chinwag.shows("bad.toml is not taken over", "line 3: temperature")


async def test_a_removed_preset_comes_back_with_undo(folders: Folders) -> None:
    file = folders.write("config/presets/terse.toml", TERSE)
    async with folders.start() as chinwag:
        await ready(chinwag)
        await chinwag.send("/preset terse")
        await chinwag.until(lambda: "terse" in chinwag.header, told="the preset")
        await picker(chinwag)
        await chinwag.type("precise")
        await chinwag.hides("alt+d remove")
        await chinwag.press("alt+d")
        await chinwag.press("ctrl+u")
        await chinwag.type("few words")
        await chinwag.shows("alt+d remove")
        await chinwag.press("alt+d")
        await chinwag.shows("removed preset terse")
        await chinwag.until(lambda: "terse" not in chinwag.header, told="no preset")
        assert not file.exists()
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("preset terse is back")
        await chinwag.until(lambda: "terse" in chinwag.header, told="the preset")
        assert file.read_text() == TERSE


async def test_what_a_conversation_has_set_is_given_up_and_comes_back(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await ready(chinwag)
        await chinwag.send("/options reset")
        await chinwag.shows("nothing is set for this conversation alone")
        await chinwag.send("/option seed 4")
        await chinwag.send("/preset precise")
        await chinwag.until(lambda: chinwag.chat.session.conversation.control.preset == "precise")
        before = chinwag.chat.session.conversation.control
        await chinwag.send("/options reset")
        await chinwag.shows("this conversation answers as the settings say")
        assert not chinwag.chat.session.conversation.control.is_set
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("set as before")
        assert chinwag.chat.session.conversation.control == before


async def test_where_nothing_is_kept_presets_live_until_the_end(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "terse.toml").write_text(TERSE)
    async with folders.start(is_private=True) as chinwag:
        await ready(chinwag)
        await chinwag.send(f"/preset import {tmp_path}/terse.toml")
        await chinwag.shows("preset terse is taken over")
        await chinwag.send("/preset terse")
        await chinwag.until(lambda: chinwag.chat.session.conversation.control.preset == "terse")
        assert not kept(folders, "terse").exists()


async def test_what_is_missing_behind_a_verb_is_named(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await ready(chinwag)
        await chinwag.send("/preset save")
        await chinwag.shows("a name is missing", "/preset save NAME")
        await chinwag.send("/preset import")
        await chinwag.shows("a file is missing", "/preset import FILE")
