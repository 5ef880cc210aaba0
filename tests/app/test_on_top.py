"""Screens that lie on top of the conversation: the keys that they pass on, and keys that come all at once."""

from __future__ import annotations

import pytest
from textual import events
from textual.containers import Vertical

from tests.app.running import SLOW, UNHURRIED, Folders, Running
from tui.app.screens.connect import ConnectScreen
from tui.app.screens.keys_help import KeysHelp
from tui.app.screens.list_screen import ListScreen
from tui.app.screens.models import ModelPicker
from tui.app.screens.palette import Palette
from tui.app.screens.question import Question
from tui.app.screens.settings import SettingsScreen
from tui.app.widgets.prompt_area import PromptArea
from tui.demo import DemoServer


def at_once(chinwag: Running, *keys: str) -> None:
    """Nobody waits between them."""
    for key in keys:
        chinwag.app.post_message(events.Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize(
    ("key", "kind"), [("f1", KeysHelp), ("f2", SettingsScreen), ("ctrl+p", Palette), ("ctrl+t", ModelPicker)]
)
async def test_keys_of_the_conversation_work_over_a_list_and_over_connect(
    folders: Folders, key: str, kind: type[object]
) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/theme")
        await chinwag.shows("catppuccin-mocha")
        await chinwag.press(key)
        await chinwag.until(lambda: isinstance(chinwag.app.screen, kind), told=key)
        if kind is KeysHelp:
            assert chinwag.app.screen_stack[-2] is not chinwag.chat, "it tells the keys of the list under it"
            await chinwag.press("escape", "escape")
        else:
            assert chinwag.app.screen_stack[-2] is chinwag.chat, "the list is gone"
            await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        chinwag.chat.open_connect(opened_by_itself=False)
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConnectScreen), told="Connect")
        await chinwag.press(key)
        await chinwag.until(lambda: isinstance(chinwag.app.screen, kind), told=f"{key} over Connect")


async def test_enter_waits_for_a_list_that_is_being_read(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.press("ctrl+n")
        await chinwag.until(lambda: not chinwag.chat.session.conversation.messages, told="a new one")
        at_once(chinwag, "ctrl+o", "enter")
        await chinwag.until(lambda: chinwag.chat.session.conversation.messages, told="the conversation that is there")
        assert chinwag.app.screen is chinwag.chat


async def test_a_filter_and_enter_in_one_breath_choose_what_fits(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        at_once(chinwag, "ctrl+t", *"think", "enter")
        await chinwag.shows("Ask thinker:8b")
        assert chinwag.chat.prompt.is_empty


async def test_enter_behind_a_key_that_opens_something_sends_nothing(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.type("not yet")
        at_once(chinwag, "ctrl+p", *"keys", "enter")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, KeysHelp), told="the keys")
        assert chinwag.chat.prompt.text == "not yet"
        assert not chinwag.chat.session.conversation.messages


@UNHURRIED
async def test_the_question_about_an_answer_goes_with_the_answer(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("go on")
        await chinwag.shows("● answering")
        await chinwag.press("ctrl+q")
        await chinwag.shows("an answer is under way")
        assert isinstance(chinwag.app.screen, Question)
        chinwag.chat.session.stop()
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="no question")
        await chinwag.shows("the answer has ended · ctrl+q quits")
        assert chinwag.app.is_running


async def test_a_list_is_as_high_as_what_fits_the_filter(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.press("ctrl+p")
        await chinwag.shows("choose the model")
        screen = chinwag.app.screen
        assert isinstance(screen, ListScreen)
        frame = screen.query_one(Vertical)
        full = frame.region
        await chinwag.type("theme")
        await chinwag.until(lambda: frame.region.height < full.height, told="a lower frame")
        assert frame.region.y == full.y
        assert screen.list.size.height == len(screen.list.rows)
        await chinwag.press(*["backspace"] * 5)
        await chinwag.until(lambda: frame.region == full, told="all of it again")


@pytest.mark.parametrize(
    "terminal",
    [
        {"TERM": "xterm"},
        {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"},
        {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    ],
    ids=["sixteen", "none", "the terminal's own"],
)
async def test_the_cursor_is_seen_without_colours(
    folders: Folders, terminal: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "NO_COLOR" in terminal:
        monkeypatch.setenv("NO_COLOR", "1")
    folders.write("config/settings.toml", '[appearance]\ntheme = "terminal"\n')
    async with folders.start(terminal={**terminal, "LANG": "C.UTF-8"}) as chinwag:
        await chinwag.shows("Ask tour:8b")
        for text in ("", "some text"):
            chinwag.chat.prompt.load(text)
            await chinwag.pilot.pause()
            area = chinwag.chat.query_one(PromptArea)
            row = chinwag.strips[area.region.y]
            cursor = area.cursor_screen_offset.x
            cell = row.crop(cursor, cursor + 1)
            assert [bool(segment.style and segment.style.reverse) for segment in cell] == [True], repr(text)


async def test_a_scrollbar_on_a_list_has_the_ground_of_the_list(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.press("ctrl+p")
        await chinwag.shows("choose the model")
        screen = chinwag.app.screen
        assert isinstance(screen, ListScreen)
        palette = chinwag.app._theme_now.palette
        assert screen.list.styles.scrollbar_background.hex.lower() == palette.overlay.lower()
