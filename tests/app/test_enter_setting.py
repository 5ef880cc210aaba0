"""Enter sends or makes a new line, as it is set; whatever it does, every table and hint says so."""

from __future__ import annotations

import pytest

from tests.app.running import Folders
from tests.app.test_help import open_help, told


@pytest.mark.parametrize("key", ["ctrl+enter", "alt+enter", "ctrl+d"])
async def test_enter_makes_a_line_and_another_key_sends(folders: Folders, key: str) -> None:
    folders.write("config/settings.toml", "[terminal]\nenter_sends = false\n")
    async with folders.start(model="script-count-5-0") as chinwag:
        await chinwag.shows("write something and press ctrl+d · enter makes a new line")
        await chinwag.type("one")
        await chinwag.press("enter")
        await chinwag.type("two")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "one\ntwo", told="two lines")
        await chinwag.shows("ctrl+d send", "enter new line")
        await chinwag.press(key)
        await chinwag.answered()
        assert chinwag.chat.session.conversation.messages[0].text == "one\ntwo"


async def test_it_is_changed_while_chinwag_runs(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        await chinwag.shows("write something and press enter · ctrl+j makes a new line")
        await chinwag.app._change_setting("terminal.enter_sends", False)
        await chinwag.shows("write something and press ctrl+d · enter makes a new line")
        assert "escape enter" in told(await open_help(chinwag))
        await chinwag.press("f1")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        await chinwag.type("a")
        await chinwag.press("enter", "b", "home", "up", "home", "ctrl+d")
        await chinwag.answered()
        assert chinwag.chat.session.conversation.messages[0].text == "a\nb"
        await chinwag.app._change_setting("terminal.enter_sends", None)
        await chinwag.type("xy")
        await chinwag.press("home", "ctrl+d")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "y", told="one letter less")
        await chinwag.press("enter")
        await chinwag.until(lambda: len(chinwag.chat.session.conversation.messages) == 4, told="it sent")
        await chinwag.answered()


async def test_ctrl_d_on_an_empty_prompt_still_quits(folders: Folders) -> None:
    folders.write("config/settings.toml", "[terminal]\nenter_sends = false\n")
    async with folders.start(model="script-count-5-0") as chinwag:
        await chinwag.shows("write something")
        await chinwag.press("ctrl+d")
        await chinwag.until(lambda: not chinwag.app.is_running, told="the end")
