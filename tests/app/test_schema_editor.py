"""The schema of the answers, written in the app."""

from __future__ import annotations

import json

import pytest
from textual import events

from tests.app.running import TERMINAL, Folders, Running
from tui.app.screens.schema_editor import BEGINNING, SchemaEditor

MINE = '{\n  "title": "a person",\n  "type": "object"\n}'


async def opened(chinwag: Running) -> SchemaEditor:
    await chinwag.shows("Ask tour:8b")
    await chinwag.send("/format edit")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, SchemaEditor), told="the editor")
    screen = chinwag.app.screen
    assert isinstance(screen, SchemaEditor)
    return screen


async def write(chinwag: Running, editor: SchemaEditor, text: str) -> None:
    editor.area.text = text
    await chinwag.until(lambda: editor.text == text, told="the text")


async def test_what_is_written_is_the_form_of_the_answers(folders: Folders) -> None:
    async with folders.start() as chinwag:
        editor = await opened(chinwag)
        assert editor.text == BEGINNING
        await write(chinwag, editor, MINE)
        await chinwag.press("alt+s")
        await chinwag.shows("answers are JSON by a person", "from this conversation")
        control = chinwag.chat.session.conversation.control
        assert json.loads(control.format or "") == json.loads(MINE)
        again = await opened(chinwag)
        assert json.loads(again.text) == json.loads(MINE)
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")


async def test_what_is_no_schema_stays_open_on_the_line_that_is_wrong(folders: Folders) -> None:
    async with folders.start() as chinwag:
        editor = await opened(chinwag)
        await write(chinwag, editor, '{\n  "type": "object",\n  "required": 3\n}')
        await chinwag.press("alt+s")
        await chinwag.shows("line 3: required: it needs to be a list of names")
        assert editor.area.cursor_location[0] == 2
        await chinwag.type("x")
        await chinwag.hides("line 3: required")
        await chinwag.press("ctrl+s")
        await chinwag.shows("line 3: ")
        assert chinwag.chat.session.conversation.control.format is None


async def test_what_was_written_and_left_is_there_again(folders: Folders) -> None:
    async with folders.start() as chinwag:
        editor = await opened(chinwag)
        await chinwag.type("half")
        await chinwag.until(lambda: "half" in editor.text, told="what was typed")
        await chinwag.press("ctrl+underscore")
        await chinwag.until(lambda: editor.text == BEGINNING, told="what was there before")
        await chinwag.type("whole")
        await chinwag.until(lambda: "whole" in editor.text, told="what was typed")
        written = editor.text
        await chinwag.press("escape")
        await chinwag.shows("the schema is not used")
        editor = await opened(chinwag)
        assert editor.text == written


async def test_what_is_pasted_has_no_control_characters(folders: Folders) -> None:
    async with folders.start() as chinwag:
        editor = await opened(chinwag)
        await write(chinwag, editor, "")
        chinwag.app.post_message(events.Paste('{"title":\r\n "a\x07\x1b[31mb"}'))
        await chinwag.until(lambda: editor.text.endswith('b"}'), told="what was pasted")
        assert "\x1b" not in editor.text
        assert "\x07" not in editor.text
        assert editor.text.count("\n") == 1


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (200, 50)])
@pytest.mark.parametrize(
    "terminal", [TERMINAL, {"TERM": "xterm", "LANG": "C", "NO_COLOR": "1"}], ids=["colour", "plain"]
)
async def test_it_fits_every_window(folders: Folders, size: tuple[int, int], terminal: dict[str, str]) -> None:
    async with folders.start(size=size, terminal=terminal) as chinwag:
        _ = await opened(chinwag)
        await chinwag.shows('"type": "object"', "alt+s use it", "esc back")
        if terminal is not TERMINAL:
            assert chinwag.text.isascii()
