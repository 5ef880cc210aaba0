"""The form of the settings: what may be left unset, lists, and the keys of commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.test_settings_screen import form
from tui.app.screens.setting_choice import KeyPicker
from tui.settings.load import load_settings
from tui.settings.schema import key_setting


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


# Numbers that may be left unset


async def test_a_number_that_is_not_set_is_set_to_nought_and_unset_again(file: Path) -> None:
    async with form(file) as shown:
        await shown.go_to("generation.temperature")
        await shown.until(lambda: "not set" in shown.row("temperature"))
        await shown.press("enter")
        await shown.type("0")
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.generation.temperature == 0
        await shown.until(lambda: shown.row("temperature").split()[-2:] == ["•", "0"])
        await shown.press("enter", "backspace")
        await shown.until(lambda: "enter keeps it" in shown.text)
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.generation.temperature is None
        await shown.until(lambda: "not set" in shown.row("temperature"))


async def test_a_list_is_written_as_one_text_or_as_several(file: Path) -> None:
    async with form(file) as shown:
        await shown.go_to("generation.stop")
        await shown.press("enter")
        await shown.type("###")
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.generation.stop == ("###",)
        await shown.press("enter", *["backspace"] * 3)
        await shown.type('["a", "\\n"]')
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.generation.stop == ("a", "\n")


# Keys

COMMAND_KEYS = (
    key_setting("model.choose", default=("ctrl+t",), words="choose the model"),
    key_setting("conversation.open", default=("ctrl+o",), words="open a conversation"),
    key_setting("conversation.rename", default=(), words="rename this conversation"),
)


async def test_a_command_gets_the_key_that_is_pressed(file: Path) -> None:
    async with form(file, schema=COMMAND_KEYS, size=(80, 24)) as shown:
        await shown.until(lambda: "ctrl+t" in shown.row("model.choose"))
        await shown.until(lambda: "choose the model" in shown.text)
        await shown.press("enter")
        await shown.until(lambda: "press the new key" in shown.text)
        await shown.press("f7")
        await shown.until(lambda: "f7 is free" in shown.text)
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).keys == {"model.choose": ("f7",)}
        await shown.until(lambda: "• f7" in shown.row("model.choose"))
        await shown.press("ctrl+underscore")
        await shown.settled()
        assert load_settings(file, {}, {}).keys == {}


async def test_a_key_that_is_taken_or_cannot_be_is_said_before_anything_is_kept(file: Path) -> None:
    async with form(file, schema=COMMAND_KEYS, size=(80, 24)) as shown:
        await shown.press("enter", "ctrl+o")
        await shown.until(lambda: "ctrl+o is for conversation.open already" in shown.text)
        await shown.press("enter", "ctrl+i")
        await shown.until(lambda: "ctrl+i: a terminal sends tab for it" in shown.text)
        await shown.press("enter", "ctrl+e", "enter")
        await shown.until(lambda: "ctrl+e is for prompt.editing already" in shown.text)
        await shown.press("escape")
        await shown.until(lambda: shown.app.screen is shown.screen)
        assert not file.exists()


async def test_a_command_can_lose_its_key_and_get_the_declared_one_back(file: Path) -> None:
    async with form(file, schema=COMMAND_KEYS, size=(80, 24)) as shown:
        await shown.press("enter", "delete")
        await shown.until(lambda: "no key" in shown.text and "keep" in shown.text)
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).keys == {"model.choose": ()}
        await shown.until(lambda: "no key" in shown.row("model.choose"))
        await shown.press("enter", "backspace")
        await shown.until(lambda: "ctrl+t is free" in shown.text)
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).keys == {}


async def test_a_key_that_was_freed_can_be_given_away_and_then_is_not_free(file: Path) -> None:
    text = "[keys]\n'model.choose' = ''\n'conversation.rename' = 'ctrl+t'\n"
    async with form(file, schema=COMMAND_KEYS, text=text, size=(80, 24)) as shown:
        await shown.press("enter", "backspace")
        await shown.until(lambda: "ctrl+t is for conversation.rename" in shown.text)
        await shown.press("enter")
        assert isinstance(shown.app.screen, KeyPicker)


async def test_keys_in_the_file_that_cannot_be_are_named_at_their_row_or_above_all(file: Path) -> None:
    text = "[keys]\n'model.choose' = 'ctrl+o'\n'model.chose' = 'f5'\n"
    async with form(file, schema=COMMAND_KEYS, text=text) as shown:
        await shown.until(lambda: "there is no command model.chose, did you mean model.choose?" in shown.text)
        await shown.until(lambda: "• ctrl+t" in shown.row("model.choose"))
        await shown.until(lambda: "the file's is not used" in shown.row("model.choose"))
        await shown.until(lambda: "ctrl+o is for model.choose and for conversation.open" in shown.text)


async def test_the_key_picker_is_whole_in_a_tiny_window(file: Path) -> None:
    async with form(file, schema=COMMAND_KEYS, size=(30, 8)) as shown:
        await shown.press("enter", "f7")
        await shown.until(lambda: "f7 is free" in shown.text)
        await shown.until(lambda: "enter keep" in shown.text)
