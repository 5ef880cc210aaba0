"""Opening, deleting and bringing back what was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.app.running import Folders, Running
from tui.app.screens.conversations import ConversationList
from tui.app.widgets.rows import RowList
from tui.conversations.values import Conversation, Message, Role
from tui.demo import DemoServer
from tui.places import places_below
from tui.storage.shelf import Shelf

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)


async def on_the_shelf(folders: Folders, *titles: tuple[str, timedelta]) -> list[str]:
    """Conversations as an earlier start left them; their ids."""
    numbers = iter(range(1, 1_000_000))
    shelf = Shelf(
        places_below(folders.root), now=lambda: NOW, random_bytes=lambda count: next(numbers).to_bytes(count, "big")
    )
    ids = []
    for title, age in titles:
        new = shelf.new(model="qwen3:8b")
        at = NOW - age
        messages = (
            Message(id="1", role=Role.user, text=f"{title}, please", at=at),
            Message(id="2", role=Role.assistant, text=f"about {title}", at=at),
        )
        await shelf.save(
            Conversation(id=new.id, created_at=at, updated_at=at, title=title, model="qwen3:8b", messages=messages)
        )
        ids.append(new.id)
    await shelf.aclose()
    return ids


async def open_list(chinwag: Running) -> None:
    await chinwag.shows("Ask ")
    await chinwag.press("ctrl+o")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, ConversationList), told="the list")


def marked(chinwag: Running) -> str:
    return chinwag.app.screen.query_one(RowList).marked


async def test_grouped_by_day_with_model_count_and_time(folders: Folders) -> None:
    await on_the_shelf(
        folders,
        ("this noon", timedelta(minutes=5)),
        ("the day before", timedelta(days=1)),
        ("some days ago", timedelta(days=4)),
        ("long ago", timedelta(days=40)),
    )
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("Today", "Yesterday", "This week", "October 2026", "4 conversations")
        row = next(one for one in chinwag.rows if "long ago" in one)
        assert row.strip(" │").split() == ["long", "ago", "qwen3:8b", "2", "09", "Oct"]
        await chinwag.shows("this noon, please")


async def test_typing_filters_by_title_first_words_and_model(folders: Folders) -> None:
    await on_the_shelf(folders, ("alpha", timedelta(hours=1)), ("beta", timedelta(hours=2)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("alpha", "beta")
        await chinwag.type("BETA please")
        await chinwag.shows("1 of 2 conversations")
        await chinwag.press("enter")
        await chinwag.shows("▌ beta, please", "about beta")


async def test_deleting_acts_at_once_and_comes_back(folders: Folders) -> None:
    alpha, beta = await on_the_shelf(folders, ("alpha", timedelta(hours=1)), ("beta", timedelta(hours=2)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.until(lambda: marked(chinwag) == alpha, told="alpha marked")
        await chinwag.press("alt+d")
        await chinwag.shows("deleted alpha", "ctrl+_ brings it back", "1 conversation")
        assert marked(chinwag) == beta
        assert not (folders.root / "data" / "conversations" / f"{alpha}.json").exists()
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("it is back", "2 conversations")
        assert marked(chinwag) == alpha
        assert (folders.root / "data" / "conversations" / f"{alpha}.json").exists()


async def test_deleting_what_is_shown_leaves_a_new_conversation(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.press("alt+d")
        await chinwag.shows("deleted hello", "0 conversations")
        await chinwag.press("escape")
        await chinwag.shows("write something and press enter")
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("▌ hello", "it is back")


async def test_deleting_and_bringing_back_what_is_shown_without_leaving_the_list(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.press("alt+d")
        await chinwag.shows("0 conversations")
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("it is back", "1 conversation")
        await chinwag.press("escape")
        await chinwag.shows("▌ hello")
        await chinwag.send("again")
        await chinwag.answered()
        await chinwag.shows("▌ again")
    async with folders.start() as chinwag:
        await open_list(chinwag)
        await chinwag.until(lambda: any("hello" in row and " 4 " in row for row in chinwag.rows), told="four messages")


async def test_deleting_by_command_and_undo_on_an_empty_prompt(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("/delete")
        await chinwag.shows("there is nothing to delete here")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.send("/delete")
        await chinwag.shows("deleted hello · ctrl+_ brings it back", "write something and press enter")
        await chinwag.type("draft")
        await chinwag.press("ctrl+underscore")
        await chinwag.until(lambda: chinwag.chat.prompt.text != "draft", told="undo within the prompt")
        assert chinwag.chat.session.is_empty
        await chinwag.press("ctrl+u")
        await chinwag.send("/undo")
        await chinwag.shows("▌ hello")


async def test_what_could_not_be_deleted_goes_on(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        trash = chinwag.workspace.places.trash
        if trash.exists():
            trash.rmdir()
        trash.write_text("in the way", encoding="utf-8")
        await chinwag.send("/delete")
        await chinwag.shows("cannot", "▌ hello")
        session = chinwag.chat.session
        assert chinwag.workspace.sessions[session.id] is session
        trash.unlink()
        await chinwag.send("still here")
        await chinwag.answered()
        await chinwag.shows("▌ hello", "▌ still here")


async def test_a_new_conversation_and_back_again(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.press("ctrl+n")
        await chinwag.shows("write something and press enter")
        first = chinwag.chat.session
        await chinwag.press("ctrl+n")
        await chinwag.pilot.pause()
        assert chinwag.chat.session is first
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.press("ctrl+n")
        await chinwag.shows("write something and press enter")


async def test_a_new_name(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.send("/rename [bold]a better[/] name")
        await chinwag.until(lambda: "[bold]a better[/] name" in chinwag.header, told="the new name")
        await open_list(chinwag)
        await chinwag.shows("[bold]a better[/] name")


async def test_a_document_that_cannot_be_read_is_named_once_and_left_alone(folders: Folders) -> None:
    [good] = await on_the_shelf(folders, ("good", timedelta(hours=1)))
    broken = folders.write(f"data/conversations/{good[:-1]}Z.json", '{"version": 1, "messages": [')
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("good", "left alone: ", broken.name, "1 conversation")
        await chinwag.press("escape")
        await open_list(chinwag)
        await chinwag.shows("good, please")
        assert "left alone" not in chinwag.text
    assert broken.read_text(encoding="utf-8") == '{"version": 1, "messages": ['


async def test_nothing_said_yet(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_list(chinwag)
        await chinwag.shows("no conversations yet", "what you write first begins one")


async def test_a_second_chinwag_reads_only_and_says_so(folders: Folders) -> None:
    async with folders.start() as first:
        await first.send("hello")
        await first.answered()
        async with folders.start() as second:
            await open_list(second)
            await second.shows("1 conversation")
            await second.press("enter")
            await second.shows("▌ hello", "open in another chinwag", "here it can only be read")
            await second.type("me too")
            await second.press("enter")
            await second.shows("this conversation is open in another chinwag")
            await second.until(lambda: second.chat.prompt.text == "me too", told="the prompt given back")
            await second.press("ctrl+u")
            await second.send("/delete")
            await second.shows("cannot delete the conversation", "close it there")
            await second.shows("▌ hello")
            await first.app.leave()
            await second.press("ctrl+n")
            await open_list(second)
            await second.shows("1 conversation")
            await second.press("enter")
            await second.shows("▌ hello")
            await second.send("now me")
            await second.shows("▌ now me")


async def test_private_leaves_nothing(folders: Folders, server: DemoServer, tmp_path: Path) -> None:
    settings = folders.write("config/settings.toml", '[chat]\nmodel = "thinker:8b"\n')
    before = sorted(tmp_path.rglob("*"))
    async with folders.start(is_private=True) as chinwag:
        await chinwag.shows("Ask thinker:8b", "private, nothing is kept")
        await chinwag.send("a secret")
        await chinwag.answered()
        await chinwag.send("/model tour:8b")
        await chinwag.shows("Ask tour:8b")
        await chinwag.type("half a secret")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "half a secret", told="the draft")
    assert sorted(tmp_path.rglob("*")) == before
    assert settings.read_text(encoding="utf-8") == '[chat]\nmodel = "thinker:8b"\n'


@pytest.mark.parametrize("count", [3_000])
async def test_thousands_of_conversations_filter_while_typing(folders: Folders, count: int) -> None:
    await on_the_shelf(folders, *((f"subject {number}", timedelta(minutes=number)) for number in range(count)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows(f"{count:,} conversations")
        await chinwag.type("subject 2999")
        await chinwag.shows(f"1 of {count:,} conversations")
        await chinwag.press("enter")
        await chinwag.shows("▌ subject 2999, please")
