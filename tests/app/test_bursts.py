"""Many keys in one read, as over a slow line, do what the same keys do one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from tests.app.running import Folders, Running
from tests.app.test_conversations import marked, on_the_shelf, open_list
from tui.app.screens.conversations import ConversationList, TitleField
from tui.app.screens.models import ModelPicker
from tui.app.screens.palette import Palette
from tui.app.screens.settings import SettingsScreen
from tui.app.terminal.terminal_app import TerminalApp

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
CLEAR_LINE = b"\x15"


async def in_settings(chinwag: Running) -> SettingsScreen:
    await chinwag.shows("Ask ")
    await chinwag.press("f2")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, SettingsScreen), told="the settings")
    return cast("SettingsScreen", chinwag.app.screen)


async def test_deleting_behind_a_filter_deletes_what_the_filter_shows(folders: Folders) -> None:
    mine, hello = await on_the_shelf(folders, ("my notes", timedelta(hours=1)), ("hello there", timedelta(hours=2)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.until(lambda: marked(chinwag) == mine, told="the first marked")
        chinwag.burst(b"hello th\x1bd")
        await chinwag.shows("deleted hello there")
        kept = folders.root / "data" / "conversations"
        assert (kept / f"{mine}.json").exists()
        assert not (kept / f"{hello}.json").exists()


async def test_every_action_of_the_list_stands_behind_the_filter(folders: Folders) -> None:
    await on_the_shelf(folders, ("my notes", timedelta(hours=1)), ("hello there", timedelta(hours=2)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("my notes")
        chinwag.burst(b"hello th\x1bn")
        await chinwag.until(lambda: chinwag.app.screen.query_one(TitleField).has_focus, told="the title as a field")
        assert chinwag.app.screen.query_one(TitleField).value == "hello there"


async def test_a_new_title_is_the_one_that_was_typed(folders: Folders) -> None:
    await on_the_shelf(folders, ("my notes", timedelta(hours=1)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("my notes")
        chinwag.burst(b"\x1bn" + CLEAR_LINE + b"abc\r")
        await chinwag.shows("it is called abc now")


async def test_unloading_behind_a_filter_is_about_what_the_filter_shows(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.press("ctrl+t")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the models")
        await chinwag.until(lambda: marked(chinwag) == "tour:8b", told="the loaded one marked")
        chinwag.burst(b"script\x1bu")
        await chinwag.until(lambda: marked(chinwag) != "tour:8b", told="another one marked")
        await chinwag.pilot.pause()
        await chinwag.until(lambda: "unload" not in chinwag.text)


async def test_a_search_that_begins_on_a_row_changes_no_setting(folders: Folders) -> None:
    async with folders.start() as chinwag:
        settings = await in_settings(chinwag)
        await chinwag.type("motion")
        await chinwag.press("enter")
        await chinwag.until(
            lambda: settings.rows.has_focus and settings.rows.marked == "appearance.motion", told="motion"
        )
        settings.search.value = ""
        await chinwag.pilot.pause()
        chinwag.burst(b"x wid")
        await chinwag.until(lambda: settings.search.value == "x wid", told="all of it in the search")
        assert settings.is_settled
        assert chinwag.workspace.loaded.settings.appearance.motion is True


async def test_a_search_with_a_space_opens_no_editor(folders: Folders) -> None:
    async with folders.start() as chinwag:
        settings = await in_settings(chinwag)
        chinwag.burst(b"keep alive")
        await chinwag.until(lambda: settings.search.value == "keep alive", told="all of it in the search")
        assert not settings.value_input.has_class("-open")
        assert chinwag.app.screen is settings


async def test_a_number_is_kept_as_it_was_typed(folders: Folders) -> None:
    async with folders.start() as chinwag:
        settings = await in_settings(chinwag)
        await chinwag.type("prose width")
        chinwag.burst(b"\r\r" + CLEAR_LINE + b"88\r")
        await chinwag.until(
            lambda: chinwag.workspace.loaded.settings.appearance.prose_width_columns == 88, told="88 kept"
        )
        assert not settings.value_input.has_class("-open")


async def test_a_line_longer_than_a_hand_types_goes_where_its_first_letter_goes(folders: Folders) -> None:
    words = "what no setting at all is ever about, and some more"
    async with folders.start() as chinwag:
        settings = await in_settings(chinwag)
        chinwag.burst(words.encode())
        await chinwag.until(lambda: settings.search.value == words, told="all of it in the search")
        assert chinwag.app.screen is settings


async def test_what_opens_closes_and_is_typed_in_one_read_goes_where_it_belongs(folders: Folders) -> None:
    await on_the_shelf(folders, ("my notes", timedelta(hours=1)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await chinwag.shows("Ask ")
        chinwag.burst(b"\x10theme")
        await chinwag.until(
            lambda: isinstance(chinwag.app.screen, Palette) and chinwag.app.screen.typed == "theme", told="a palette"
        )
        chinwag.burst(CLEAR_LINE + b"open a conv\r")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConversationList), told="the list")
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        chinwag.burst(b"still here")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "still here", told="the prompt typed")
    assert isinstance(chinwag.app, TerminalApp)


async def test_escape_and_the_next_key_in_one_read_are_not_alt(folders: Folders) -> None:
    await on_the_shelf(folders, ("my notes", timedelta(hours=1)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.press("ctrl+t")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the models")
        chinwag.burst(b"\x1b\x0f")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConversationList), told="the list")
        assert chinwag.app.screen_stack[-2] is chinwag.chat


@pytest.mark.parametrize("f2", [b"\x1bOQ", b"\x1b[12~"])
async def test_escape_and_a_function_key_in_one_read_are_not_alt(folders: Folders, f2: bytes) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.press("ctrl+t")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the models")
        chinwag.burst(b"\x1b" + f2)
        await chinwag.until(lambda: isinstance(chinwag.app.screen, SettingsScreen), told="the settings")
        assert chinwag.app.screen_stack[-2] is chinwag.chat


async def test_alt_with_a_control_key_that_does_nothing_is_no_escape(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.press("ctrl+t")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the models")
        chinwag.burst(b"\x1b\x1dtour\x1b\x1b[D\x1b\x1b[1;5D")
        picker = cast("ModelPicker", chinwag.app.screen)
        await chinwag.until(lambda: picker.typed == "tour", told="what came behind it in the filter")
        await chinwag.pilot.pause()
        assert chinwag.app.screen is picker


async def test_alt_with_a_control_key_does_what_it_was_given(folders: Folders) -> None:
    folders.write("config/settings.toml", '[keys]\n"conversation.open" = "ctrl+alt+l"\n')
    await on_the_shelf(folders, ("my notes", timedelta(hours=1)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await chinwag.shows("Ask ")
        chinwag.burst(b"\x1b\x0c")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConversationList), told="the list")


async def test_letters_that_come_before_the_prompt_has_the_focus_again_reach_it(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        chinwag.chat.set_focus(None)
        chinwag.burst(b"still here")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "still here", told="the prompt typed")
