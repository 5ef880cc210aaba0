"""Pinned conversations stand first, whatever their day, and neither a pin nor a new title moves one to today."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.app.running import TERMINAL, Folders, Running
from tests.app.test_conversations import NOW, marked, on_the_shelf, open_list
from tui.app.screens.conversations import ConversationList


def place(chinwag: Running, text: str) -> int:
    """The first row below the header that has it."""
    return next(number for number, row in enumerate(chinwag.rows) if number and text in row)


async def test_a_pinned_one_stands_first_and_goes_back_to_its_day(folders: Folders) -> None:
    await on_the_shelf(folders, ("this noon", timedelta(minutes=5)), ("long ago", timedelta(days=40)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("Today", "October 2026", "alt+p pin")
        await chinwag.press("down", "alt+p")
        await chinwag.shows("Pinned", "alt+p unpin", "pinned")
        assert place(chinwag, "Pinned") < place(chinwag, "▌ long ago") < place(chinwag, "Today")
        assert "October 2026" not in chinwag.text
        await chinwag.press("alt+p")
        await chinwag.shows("October 2026", "not pinned any more")
        await chinwag.hides("Pinned")


@pytest.mark.parametrize(
    "terminal", [TERMINAL, {"TERM": "xterm", "LANG": "C", "NO_COLOR": "1"}], ids=["colour", "plain"]
)
async def test_a_pin_survives_a_start(folders: Folders, terminal: dict[str, str]) -> None:
    _, old = await on_the_shelf(folders, ("this noon", timedelta(minutes=5)), ("long ago", timedelta(days=40)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("October 2026")
        await chinwag.type("long")
        await chinwag.hides("this noon")
        await chinwag.press("alt+p")
        await chinwag.shows("Pinned")
        await chinwag.press("escape")
    async with folders.start(now=lambda: NOW, terminal=terminal) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("Pinned", "Today")
        assert place(chinwag, "long ago") < place(chinwag, "this noon")
        assert terminal is TERMINAL or chinwag.text.isascii()
        summaries = (await chinwag.workspace.shelf.summaries()).summaries
        assert [one.id for one in summaries if one.is_pinned] == [old]
        # What is meant by the last conversation is still the one that was talked in last.
        assert summaries[0].title == "this noon"


async def test_the_open_one_is_pinned_by_its_command(folders: Folders) -> None:
    await on_the_shelf(folders, ("this noon", timedelta(minutes=5)), ("long ago", timedelta(days=40)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("October 2026")
        await chinwag.press("down", "enter")
        await chinwag.until(lambda: "long ago" in chinwag.header, told="the conversation")
        await chinwag.send("/pin")
        await chinwag.shows("pinned: it stands first in the list")
        await open_list(chinwag)
        await chinwag.shows("Pinned")
        assert place(chinwag, "Pinned") < place(chinwag, "long ago") < place(chinwag, "this noon")
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        await chinwag.send("/pin")
        await chinwag.shows("not pinned any more")


async def test_a_pin_by_command_is_undone_and_what_was_done_before_it_comes_next(folders: Folders) -> None:
    _, old = await on_the_shelf(folders, ("this noon", timedelta(minutes=5)), ("long ago", timedelta(days=40)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("October 2026")
        await chinwag.press("down", "enter")
        await chinwag.until(lambda: "long ago" in chinwag.header, told="the conversation")
        await chinwag.send("/rename of old")
        await chinwag.until(lambda: "of old" in chinwag.header, told="the title")
        await chinwag.send("/pin")
        await chinwag.shows("pinned: it stands first in the list")
        await chinwag.send("/pin")
        await chinwag.shows("not pinned any more")
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("it is pinned again")
        assert chinwag.chat.session.conversation.control.is_pinned
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("it is not pinned any more")
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("it is called again: long ago")
    async with folders.start(now=lambda: NOW) as chinwag:
        summaries = (await chinwag.workspace.shelf.summaries()).summaries
        assert [one.is_pinned for one in summaries if one.id == old] == [False]


@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "open"])
async def test_another_title_moves_no_conversation_to_today(folders: Folders, is_open: bool) -> None:
    await on_the_shelf(folders, ("this noon", timedelta(minutes=5)), ("long ago", timedelta(days=40)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("October 2026")
        await chinwag.press("down")
        if is_open:
            await chinwag.press("enter")
            await chinwag.until(lambda: "long ago" in chinwag.header, told="the conversation")
            await chinwag.send("/rename of old")
            await chinwag.until(lambda: "of old" in chinwag.header, told="the title")
        else:
            await chinwag.press("alt+n")
            await chinwag.shows("the new title")
            await chinwag.press("ctrl+u")
            await chinwag.type("of old")
            await chinwag.press("enter")
            await chinwag.shows("it is called of old now")
            await chinwag.press("escape")
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("Today", "October 2026", "of old")
        assert isinstance(chinwag.app.screen, ConversationList)
        assert place(chinwag, "October 2026") < place(chinwag, "of old")
        assert marked(chinwag)
