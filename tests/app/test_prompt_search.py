"""Ctrl+R: an earlier prompt by what it had in it, and what was being written is never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.app.running import Folders, Running
from tests.app.test_help import open_help, told
from tui.app.widgets.found_prompts import FoundPrompts

PROMPTS = ("the third, of trees", "the second", "the first, of TREES")


def test_the_newest_comes_first_and_stays_while_it_fits() -> None:
    found = FoundPrompts(prompts=PROMPTS).looking_for("t")
    assert found.shown == "the third, of trees"
    found = found.looking_for("trees").earlier()
    assert found.shown == "the first, of TREES"
    assert found.looking_for("the first").shown == "the first, of TREES"
    assert found.earlier() == found
    assert found.later().shown == "the third, of trees"
    assert found.looking_for("oak").shown == ""
    assert found.looking_for(" ").found == ()


@given(st.lists(st.text(max_size=5), max_size=6), st.lists(st.text(max_size=5), max_size=6), st.text(max_size=3))
def test_older_prompts_move_nothing_that_is_shown(known: list[str], older: list[str], wanted: str) -> None:
    before = FoundPrompts().and_older(known).looking_for(wanted)
    after = before.and_older(older)
    assert after.found[: len(before.found)] == before.found
    if before.found:
        assert after.shown == before.shown


async def asked(chinwag: Running, *texts: str) -> None:
    await chinwag.shows("Ask script-count-5-0")
    for number, text in enumerate(texts, 1):
        await chinwag.send(text)
        await chinwag.until(
            lambda: len(chinwag.chat.session.conversation.messages) == 2 * number,  # noqa: B023
            told="an answer",
        )
        await chinwag.answered()


async def finds(chinwag: Running, prompt: str) -> None:
    await chinwag.until(lambda: chinwag.chat.prompt.text == prompt, told=f"{prompt!r} in the prompt")


async def test_enter_takes_what_was_found_and_up_brings_back_what_was_there(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        await asked(chinwag, "one about trees", "two about stars", "three about trees")
        await chinwag.type("half a thought")
        await finds(chinwag, "half a thought")
        await chinwag.press("ctrl+r")
        await chinwag.shows("earlier prompts", "esc back")
        await chinwag.type("TREES")
        await finds(chinwag, "three about trees")
        await chinwag.press("ctrl+r")
        await finds(chinwag, "one about trees")
        await chinwag.press("enter")
        await chinwag.hides("earlier prompts")
        assert chinwag.chat.prompt.is_active
        assert not chinwag.chat.prompt.is_typed
        await chinwag.press("up")
        await finds(chinwag, "half a thought")


async def test_escape_gives_back_what_was_there_and_the_draft_is_that(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        await asked(chinwag, "one about trees")
        await chinwag.type("/model ")
        await chinwag.press("ctrl+r")
        await chinwag.type("tree")
        await finds(chinwag, "one about trees")
        await chinwag.press("escape")
        await finds(chinwag, "/model ")
        assert chinwag.chat.prompt.is_typed
        await chinwag.press("ctrl+r")
        await chinwag.type("no such thing")
        await chinwag.shows("nothing found")
        await finds(chinwag, "/model ")
        await chinwag.press("ctrl+u")
        await chinwag.type("tree")
        await finds(chinwag, "one about trees")
    async with folders.start(model="script-count-5-0") as chinwag:
        opened = await chinwag.workspace.shelf.summaries()
        await chinwag.chat.go_to(await chinwag.workspace.open_session(opened.summaries[0].id))
        await finds(chinwag, "/model ")


async def test_the_prompts_of_earlier_conversations_are_found_too(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        await asked(chinwag, "how tall do redwoods grow")
    async with folders.start(model="script-count-5-0") as chinwag:
        await asked(chinwag, "something else")
        await chinwag.type("/history redwo")
        await chinwag.press("enter")
        await finds(chinwag, "how tall do redwoods grow")
        await chinwag.shows("1 of 1")


async def test_another_conversation_does_not_get_what_was_looked_at(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        await asked(chinwag, "one about trees")
        await chinwag.press("ctrl+r")
        await chinwag.type("tree")
        await finds(chinwag, "one about trees")
        await chinwag.press("ctrl+n")
        await chinwag.shows("write something and press enter")
        assert chinwag.chat.prompt.is_empty
        assert not chinwag.chat.history_bar.is_open


async def test_the_keys_of_the_search_are_told_and_what_was_there_comes_back(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        await asked(chinwag, "one about trees")
        await chinwag.type("half")
        await chinwag.press("ctrl+r")
        await chinwag.type("tree")
        await finds(chinwag, "one about trees")
        text = told(await open_help(chinwag))
        assert "while earlier prompts are searched" in text
        assert "take it" in text
        await chinwag.press("f1")
        await finds(chinwag, "half")


async def test_a_narrow_window_keeps_the_two_keys_that_matter(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0", size=(80, 24)) as chinwag:
        await asked(chinwag, "one about trees")
        await chinwag.press("ctrl+r")
        await chinwag.type("tree")
        await chinwag.shows("1 of 1", "enter take it · esc back")
