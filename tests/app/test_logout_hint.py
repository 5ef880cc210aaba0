"""Whoever leaves an answer to itself hears that this machine would end it."""

from __future__ import annotations

from tests.app.running import SLOW, UNHURRIED, Folders
from tui.app.terminal.logout import HINT
from tui.demo import DemoServer


@UNHURRIED
async def test_the_question_says_what_would_end_it(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as chinwag:
        chinwag.chat.finish_in_background = lambda: None
        await chinwag.send("go")
        await chinwag.shows("answering")
        await chinwag.press("ctrl+q")
        await chinwag.shows("finish in the background")
        assert "log out" not in chinwag.text
        chinwag.clock.ahead_seconds += 5  # a key in the first moment was meant for what lay there before
        await chinwag.press("escape")
        await chinwag.hides("finish in the background")
        chinwag.chat.logout_hint = HINT
        await chinwag.press("ctrl+q")
        await chinwag.shows("finish in the background", "loginctl enable-linger")
        await chinwag.press("escape")
