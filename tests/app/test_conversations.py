"""Opening, deleting and bringing back what was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.app.running import SLOW, TERMINAL, UNHURRIED, Folders, Running
from tui.app.screens.conversation_rows import Drawing, Entry, Longest, columns_for
from tui.app.screens.conversations import ConversationList, TitleField
from tui.app.widgets.parts import Parts
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
        assert row.split("│")[1].split() == ["long", "ago", "qwen3:8b", "2", "09", "Oct"]
        await chinwag.shows("2 messages · qwen3:8b · began")


async def test_titles_are_whole_and_columns_straight_beside_a_preview(folders: Folders) -> None:
    titles = ("Why does httpx buffer this stream", "Regex for RFC 3339 timestamps", "Letter to the landlord")
    await on_the_shelf(folders, *((title, timedelta(days=30 * number)) for number, title in enumerate(titles)))
    async with folders.start(size=(112, 40), now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows(*titles, "3 conversations")
        rows = [next(row for row in chinwag.rows if title in row).split("│")[1] for title in titles]
        assert len({row.index("qwen3:8b") for row in rows}) == 1
        assert len({row.rindex(" 2 ") for row in rows}) == 1


@pytest.mark.parametrize("cells", range(12, 120))
def test_columns_never_take_more_than_there_is(cells: int) -> None:
    for longest in (Longest(33, 24, 2, 6), Longest(120, 8, 1, 6), Longest(5, 5, 1, 5), Longest(0, 0, 1, 6)):
        columns = columns_for(longest, cells)
        assert columns.cells <= max(0, cells - 7)
        if columns.model:
            assert cells - 7 - columns.cells >= min(longest.title, 36)


async def test_in_a_narrow_window_the_first_words_stand_below(folders: Folders) -> None:
    await on_the_shelf(folders, ("this noon", timedelta(minutes=5)))
    async with folders.start(size=(80, 24), now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("this noon, please", "enter open", "ctrl+n new", "alt+d delete", "alt+n rename", "esc back")


@pytest.mark.parametrize("size", [(120, 30), (112, 24), (200, 28)])
async def test_what_covers_the_prompt_covers_all_of_it(folders: Folders, size: tuple[int, int]) -> None:
    await on_the_shelf(folders, ("this noon", timedelta(minutes=5)))
    async with folders.start(size=size, now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("esc back", "about this noon")
        await chinwag.until(lambda: len(chinwag.rows) == size[1])
        await chinwag.until(lambda: all(row[0] in "┌│└" and row[size[0] - 1] in "┐│┘" for row in chinwag.rows))


async def test_in_the_smallest_window_there_is_a_list_a_note_and_a_way_back(folders: Folders) -> None:
    await on_the_shelf(folders, *((f"subject {number}", timedelta(minutes=number)) for number in range(30)))
    async with folders.start(size=(30, 8), now=lambda: NOW) as chinwag:
        await chinwag.until(lambda: chinwag.chat.session.conversation.model, told="a model")
        await chinwag.press("ctrl+o")
        await chinwag.shows("subject 0", "enter open", "esc back")
        for _ in range(12):
            await chinwag.press("down")
        await chinwag.shows("subject 12")
        await chinwag.press("enter")
        await chinwag.until(lambda: "subject 12" in chinwag.chat.session.conversation.title, told="it is open")


async def test_typing_filters_by_title_and_model(folders: Folders) -> None:
    await on_the_shelf(folders, ("alpha", timedelta(hours=1)), ("beta", timedelta(hours=2)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("alpha", "beta")
        await chinwag.type("BETA qwen3")
        await chinwag.shows("1 of 2 conversations")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.session.conversation.title == "beta", told="it is open")
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
        # How long the folder's name is, and so what is cut, is the machine's matter.
        await chinwag.shows(" folder /", "▌ hello")
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
        await chinwag.until(lambda: "left alone" not in chinwag.text)
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


@UNHURRIED
async def test_a_follower_is_told_that_escape_stops_the_answer_there(folders: Folders) -> None:
    async with folders.start(model=SLOW) as first, folders.start() as second:
        await first.send("go on")
        await first.shows("● answering")
        await open_list(second)
        await second.shows("1 conversation")
        await second.press("enter")
        await second.shows("open in another chinwag", "esc stops its answer", "/takeover", "esc stop it there")
        await second.press("ctrl+p")
        await second.until(lambda: second.app.screen is not second.chat, told="the palette")
        await second.press("escape")
        await second.until(lambda: second.app.screen is second.chat, told="the conversation")
        second.clock.ahead_seconds -= 1000  # no time passes, however slow the machine
        await second.press("escape")
        assert first.chat.session.is_answering
        assert not any("asked the other chinwag" in one.words for one in second.app.sayings.log)
        second.clock.ahead_seconds += 2000
        await second.press("escape")
        await second.shows("asked the other chinwag to stop its answer")
        await first.until(lambda: not first.chat.session.is_answering, told="the end of the answer")
        await second.hides("esc stop it there")


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


@UNHURRIED
async def test_what_answers_says_at_which_phase(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("write much")
        await chinwag.shows("● answering")
        await chinwag.press("ctrl+n")
        await open_list(chinwag)
        await chinwag.until(
            lambda: any("● write much" in row and " answering " in row for row in chinwag.rows), told="the phase"
        )


async def test_a_new_name_in_the_list(folders: Folders) -> None:
    alpha, beta = await on_the_shelf(folders, ("alpha", timedelta(hours=1)), ("beta", timedelta(days=2)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.until(lambda: marked(chinwag) == alpha, told="alpha marked")
        await chinwag.press("down", "alt+n")
        await chinwag.shows("the new title", "enter keep")
        await chinwag.until(lambda: chinwag.app.screen.query_one(TitleField).has_focus, told="the field")
        await chinwag.type("gamma [b]ray[/b]")
        await chinwag.press("enter")
        await chinwag.shows("it is called gamma [b]ray[/b] now")
        await chinwag.until(lambda: not any("beta" in row.split("│")[1] for row in chinwag.rows if "│" in row))
        assert marked(chinwag) == beta
        await chinwag.type("gamma")
        await chinwag.shows("1 of 2 conversations")
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("gamma [b]ray[/b]")


async def test_escape_leaves_a_name_as_it_was(folders: Folders) -> None:
    await on_the_shelf(folders, ("alpha", timedelta(hours=1)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.press("alt+n")
        await chinwag.shows("the new title")
        await chinwag.type("never mind")
        await chinwag.press("escape")
        await chinwag.hides("never mind", "the new title")
        await chinwag.shows("alpha", "1 conversation")
        await chinwag.type("alp")
        await chinwag.shows("1 of 1 conversation")


async def test_what_is_open_is_renamed_by_its_owner(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.press("alt+n")
        await chinwag.shows("the new title")
        await chinwag.type("greetings")
        await chinwag.press("enter")
        await chinwag.shows("it is called greetings now")
        await chinwag.press("escape")
        await chinwag.until(lambda: "greetings" in chinwag.header, told="the new name in the header")


async def test_copied_as_markdown(folders: Folders) -> None:
    await on_the_shelf(folders, ("alpha", timedelta(hours=1)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.press("alt+c")
        await chinwag.shows("alpha as Markdown sent to the terminal's clipboard")
        await chinwag.until(lambda: "# alpha\n" in chinwag.app.clipboard, told="the clipboard")
        assert "## you · " in chinwag.app.clipboard
        assert "about alpha" in chinwag.app.clipboard


async def test_a_copy_that_no_clipboard_takes_says_where_it_lies(folders: Folders) -> None:
    await on_the_shelf(folders, ("alpha", timedelta(hours=1)))
    async with folders.start(now=lambda: NOW, terminal={**TERMINAL, "TERM": "linux"}) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.press("alt+c")
        await chinwag.shows("alpha as Markdown lies in ")
        await chinwag.until(lambda: "sent to the terminal" not in chinwag.text)
        assert "alpha" in (folders.root / "state" / "clipboard").read_text("utf-8")


async def test_what_another_chinwag_has_open_is_neither_renamed_nor_deleted(folders: Folders) -> None:
    async with folders.start() as first:
        await first.send("hello")
        await first.answered()
        async with folders.start() as second:
            await open_list(second)
            await second.shows("1 conversation")
            await second.press("alt+d")
            await second.shows("cannot delete the conversation", "it is open in another chinwag")
            await second.press("alt+n")
            await second.shows("the new title")
            await second.type("mine")
            await second.press("enter")
            await second.shows("cannot rename the conversation", "it is open in another chinwag")
            await second.until(lambda: "hello" in second.text)
            await second.press("enter")
            await second.shows("open in another chinwag", "here it can only be read")
            await open_list(second)
            await second.shows("open in another chinwag  here it can only be read")


async def test_a_data_folder_that_cannot_be_used_is_told_at_start(folders: Folders) -> None:
    folders.write("data", "a file where the folder would be")
    async with folders.start() as chinwag:
        await chinwag.shows("conversations cannot be kept")
        failure = await chinwag.workspace.shelf.refusal()
        assert failure is not None
        assert failure.message == "not a directory"
        assert str(folders.root / "data") in failure.title


async def test_a_data_folder_is_not_made_to_see_whether_it_can_be_used(folders: Folders) -> None:
    shelf = Shelf(places_below(folders.root), now=lambda: NOW, random_bytes=bytes)
    assert await shelf.refusal() is None
    assert not folders.root.exists()


async def test_a_model_that_the_server_lacks_is_told_at_start(folders: Folders) -> None:
    async with folders.start(model="tuor:8b") as chinwag:
        await chinwag.shows("there is no model tuor:8b on", "did you mean tour:8b?")


async def test_a_model_that_the_server_has_is_not_talked_about(folders: Folders) -> None:
    async with folders.start(model="tour:8b") as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.until(lambda: chinwag.workspace.catalog.models is not None, told="the list of models")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.until(lambda: "there is no model" not in chinwag.text)


async def test_the_latest_choice_of_a_model_holds_for_new_conversations(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/model thinker:8b")
        await chinwag.shows("Ask thinker:8b")
        await chinwag.workspace.change_setting("chat.model", "coder:8b")
        assert chinwag.workspace.new_session().conversation.model == "coder:8b"
        await chinwag.workspace.make_default("tour:8b")
        assert chinwag.workspace.new_session().conversation.model == "tour:8b"


@pytest.mark.parametrize("count", [3_000])
async def test_a_key_in_thousands_of_conversations_draws_what_is_seen(
    folders: Folders, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await on_the_shelf(folders, *((f"subject {number}", timedelta(minutes=number)) for number in range(count)))
    drawn: list[str] = []
    draw = Drawing.left

    def counted(drawing: Drawing, entry: Entry) -> Parts:
        drawn.append(entry.id)
        return draw(drawing, entry)

    monkeypatch.setattr(Drawing, "left", counted)
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows(f"{count:,} conversations")
        for key, words in (("9", "of 3,000"), ("ctrl+end", "subject 2999"), ("pageup", "subject 29"), ("x", "0 of")):
            await chinwag.pilot.pause()
            drawn.clear()
            await chinwag.press(key)
            await chinwag.shows(words)
            assert len(set(drawn)) <= 2 * chinwag.app.size.height, key
        await chinwag.press("ctrl+u")
        await chinwag.type("subject 2999")
        await chinwag.shows(f"1 of {count:,} conversations")
        await chinwag.press("enter")
        await chinwag.until(lambda: "2999" in chinwag.chat.session.conversation.title, told="it is open")
        await chinwag.shows("▌ subject 2999, please")
