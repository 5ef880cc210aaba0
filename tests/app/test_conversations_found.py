"""Searching all texts from the list of conversations, and looking at one beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.app.running import UNHURRIED, Folders, Running
from tests.app.test_conversations import marked, on_the_shelf, open_list
from tui.app.screens.conversation_preview import ANSWER_CHARACTERS, Preview, preview_of
from tui.app.screens.conversation_rows import Found, Marks, ShelfView
from tui.app.screens.conversations import SEARCH_AFTER_SECONDS, ConversationList
from tui.app.transcript.view import Transcript
from tui.conversations.values import Conversation, Message, Role, Summary
from tui.demo import DemoServer
from tui.failures import Failure
from tui.places import places_below
from tui.storage.hits import IndexState, SearchHit
from tui.storage.shelf import Shelf

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)


async def said(folders: Folders, title: str, *texts: str, age: timedelta = timedelta(hours=1)) -> str:
    """A conversation of these texts, prompt and answer in turn; its id."""
    at = NOW - age
    shelf = Shelf(
        places_below(folders.root), now=lambda: at, random_bytes=lambda count: title.encode()[:count].ljust(count)
    )
    new = shelf.new(model="qwen3:8b")
    messages = tuple(
        Message(id=f"m{number}", role=Role.assistant if number % 2 else Role.user, text=text, at=at)
        for number, text in enumerate(texts)
    )
    await shelf.save(
        Conversation(id=new.id, created_at=at, updated_at=at, title=title, model="qwen3:8b", messages=messages)
    )
    await shelf.aclose()
    return new.id


def preview(chinwag: Running) -> str:
    """What stands right of the list."""
    left = chinwag.app.screen.query_one(Preview).region.x
    return "\n".join(row[left:] for row in chinwag.rows)


# Searching


async def test_found_in_a_text_shown_and_opened_there(folders: Folders) -> None:
    long = tuple(text for number in range(60) for text in (f"question {number}", f"answer {number}\n\nand more"))
    texts = (*long[:41], "The **median** key moves up into the [b]parent[/b].", *long[42:])
    wanted = await said(folders, "about trees", *texts)
    await on_the_shelf(folders, ("other things", timedelta(hours=2)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("2 conversations")
        await chinwag.type("median key")
        await chinwag.shows("0 of 2 conversations", "in the texts", "key moves up into the [b]parent[/b]")
        await chinwag.until(lambda: marked(chinwag).startswith(wanted), told="the hit marked")
        await chinwag.until(lambda: "moves up into the" in preview(chinwag), told="the preview of the place")
        assert "question 20" in preview(chinwag)
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        await chinwag.shows("The median key moves up", "answer 21", "1 of 1")
        await chinwag.until(lambda: "answer 59" not in chinwag.text)
        await chinwag.press("escape")
        await chinwag.hides("1 of 1")
        await chinwag.shows("The median key moves up")


async def test_found_in_the_open_conversation(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        answer = chinwag.chat.session.conversation.messages[-1].text
        word = next(one for one in answer.split() if one.isalpha() and len(one) > 5)
        session = chinwag.chat.session
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.type(word)
        await chinwag.until(lambda: marked(chinwag).startswith(f"{session.id}/"), told="the hit marked")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.transcript.find_state.count, told="the place")
        assert chinwag.chat.session is session


async def test_a_title_that_fits_is_not_listed_twice(folders: Folders) -> None:
    await on_the_shelf(folders, ("alpha", timedelta(hours=1)), ("beta", timedelta(hours=2)))
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("2 conversations")
        await chinwag.type("alpha")
        await chinwag.shows("1 of 2 conversations")
        await chinwag.until(lambda: screen_of(chinwag)._search.is_done, told="the search")
        await chinwag.hides("in the texts")


async def test_what_was_deleted_is_not_found(folders: Folders) -> None:
    await said(folders, "about trees", "where does it go", "the median moves up")
    async with folders.start(now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.type("median")
        await chinwag.shows("the median moves up", "in the texts")
        await chinwag.press("alt+d")
        await chinwag.shows("deleted about trees")
        await chinwag.hides("the median moves up", "in the texts")


def screen_of(chinwag: Running) -> ConversationList:
    screen = chinwag.app.screen
    assert isinstance(screen, ConversationList)
    return screen


class Library:
    """The list on top of a running program, with a search and a disk that the test holds in its hands."""

    def __init__(self, *titles: str) -> None:
        self.seconds = 0.0
        self.summaries = tuple(
            Summary(id=title, title=title, model="m", created_at=NOW, updated_at=NOW, message_count=2, opening=title)
            for title in titles
        )
        self.searched: list[str] = []
        self.found: dict[str, asyncio.Future[Found]] = {}
        self.loaded: list[str] = []
        self.documents: dict[str, asyncio.Future[Conversation]] = {}
        self.read: Callable[[], Awaitable[ShelfView]] = self._read

    async def _read(self) -> ShelfView:
        return ShelfView(summaries=self.summaries)

    async def search(self, text: str) -> Found:
        self.searched.append(text)
        return await self.found.setdefault(text, asyncio.get_running_loop().create_future())

    async def load(self, conversation_id: str) -> Conversation:
        self.loaded.append(conversation_id)
        return await self.documents.setdefault(conversation_id, asyncio.get_running_loop().create_future())

    def hit(self, title: str, match: str) -> SearchHit:
        summary = next(one for one in self.summaries if one.id == title)
        return SearchHit(summary=summary, message_id="1", before="before ", match=match, after=" after")

    async def open(self, chinwag: Running) -> ConversationList:
        async def refused(*_: Any) -> Any:
            raise Failure("not here")

        chat = chinwag.chat
        screen = ConversationList(
            theme=chat._theme,
            glyphs=chat._glyphs,
            current="",
            marks=Marks,
            now=lambda: NOW,
            clock=lambda: self.seconds,
            prose_width_columns=96,
            read=self.read,
            load=self.load,
            search=self.search,
            rename=refused,
            pin=refused,
            delete=refused,
            undo=refused,
            copy=refused,
        )
        await chinwag.app.push_screen(screen)
        return screen


async def test_a_search_waits_for_a_pause_and_the_latest_wins(folders: Folders) -> None:
    library = Library("alpha", "beta")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        screen = await library.open(chinwag)
        await chinwag.shows("2 conversations")
        await chinwag.type("tre")
        await chinwag.shows("in the texts · looking …")
        for _ in range(3):
            screen._look()
        assert library.searched == []
        library.seconds += SEARCH_AFTER_SECONDS
        await chinwag.until(lambda: library.searched == ["tre"], told="one search")
        await chinwag.type("es")
        library.seconds += SEARCH_AFTER_SECONDS
        await chinwag.until(lambda: library.searched == ["tre", "trees"], told="the next search")
        library.found["trees"].set_result(
            Found(hits=(library.hit("beta", "trees"),), state=IndexState(indexed=2, total=2))
        )
        await chinwag.shows("before trees after")
        library.found["tre"].set_result(Found(hits=(library.hit("alpha", "tre"),)))
        await chinwag.pilot.pause()
        await chinwag.until(lambda: "before trees after" in chinwag.text)
        await chinwag.until(lambda: "looking" not in chinwag.text)
        await chinwag.press("ctrl+u")
        await chinwag.hides("in the texts", "before trees after")


async def test_an_index_that_is_being_made_says_how_far_it_is(folders: Folders) -> None:
    library = Library("alpha")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await library.open(chinwag)
        await chinwag.shows("1 conversation")
        await chinwag.type("tree")
        library.seconds += SEARCH_AFTER_SECONDS
        await chinwag.until(lambda: library.searched, told="a search")
        half_way = library.found.pop("tree")
        half_way.set_result(Found(state=IndexState(indexed=1_200, total=10_000)))
        await chinwag.shows("in the texts · reading 1,200 of 10,000")
        await chinwag.until(lambda: "tree" in library.found, told="another look")
        library.found["tree"].set_result(
            Found(hits=(library.hit("alpha", "tree"),), state=IndexState(indexed=10_000, total=10_000))
        )
        await chinwag.shows("before tree after")
        await chinwag.until(lambda: "reading" not in chinwag.text)


async def test_texts_that_cannot_be_searched_still_have_titles(folders: Folders) -> None:
    library = Library("alpha", "beta")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await library.open(chinwag)
        await chinwag.shows("2 conversations")
        await chinwag.type("alpha")
        library.seconds += SEARCH_AFTER_SECONDS
        await chinwag.until(lambda: library.searched, told="a search")
        library.found["alpha"].set_exception(Failure("cannot search", "the index breaks"))
        await chinwag.shows("1 of 2 conversations", "cannot be searched: the index breaks")


# The preview


async def test_beside_the_list_stands_what_was_said(folders: Folders) -> None:
    await said(folders, "about trees", "where does it go", "the *median* moves up", age=timedelta(hours=2))
    await said(folders, "about\x1b[31m bushes", "hello", "**bushes** \x1b[31m are small")
    async with folders.start(size=(140, 30), now=lambda: NOW) as chinwag:
        await open_list(chinwag)
        await chinwag.until(lambda: "bushes ␛[31m are small" in preview(chinwag), told="the first one")
        assert "▌ hello" in preview(chinwag)
        await chinwag.press("down")
        await chinwag.until(lambda: "the median moves up" in preview(chinwag), told="the second one")
        assert "bushes" not in preview(chinwag)


async def test_below_a_hundred_columns_nothing_is_loaded_for_it(folders: Folders) -> None:
    library = Library("alpha", "beta")
    async with folders.start(size=(99, 30)) as chinwag:
        await chinwag.shows("Ask ")
        screen = await library.open(chinwag)
        await chinwag.shows("2 conversations")
        library.seconds += 10
        await chinwag.press("down")
        screen._look()
        await chinwag.pilot.pause()
        assert library.loaded == []
        await chinwag.pilot.resize_terminal(120, 30)
        await chinwag.until(lambda: screen._preview.is_waiting, told="a wish")
        library.seconds += 10
        await chinwag.until(lambda: library.loaded == ["beta"], told="the one under the mark")


async def test_a_mark_that_moves_on_leaves_the_preview_behind(folders: Folders) -> None:
    library = Library("alpha", "beta", "gamma")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await library.open(chinwag)
        await chinwag.shows("3 conversations")
        library.seconds += 10
        await chinwag.until(lambda: library.loaded == ["alpha"], told="the first one")
        await chinwag.press("down", "down")
        await chinwag.until(lambda: marked(chinwag) == "gamma", told="the last one marked")
        library.seconds += 10
        await chinwag.until(lambda: library.loaded == ["alpha", "gamma"], told="only where the mark stands")
        await chinwag.until(lambda: "reading …" in preview(chinwag), told="that it takes long")
        library.documents["gamma"].set_result(_of("gamma", "words of gamma"))
        await chinwag.until(lambda: "words of gamma" in preview(chinwag), told="the last one")
        library.documents["alpha"].set_result(_of("alpha", "words of alpha"))
        await chinwag.pilot.pause()
        assert "words of gamma" in preview(chinwag)


async def test_what_cannot_be_read_says_why_in_its_place(folders: Folders) -> None:
    library = Library("alpha")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await library.open(chinwag)
        await chinwag.shows("1 conversation")
        library.seconds += 10
        await chinwag.until(lambda: library.loaded, told="a look")
        library.documents["alpha"].set_exception(Failure("it is damaged", "line 1 ends early", "look at the file"))
        await chinwag.until(lambda: "line 1 ends early" in preview(chinwag), told="the reason")


@UNHURRIED
async def test_the_preview_of_an_answer_grows_with_it(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model="script-count-3000-40") as chinwag:
        await chinwag.send("count")
        await chinwag.shows("● answering")
        await chinwag.press("ctrl+n")
        await open_list(chinwag)
        await chinwag.until(lambda: "▌ count" in preview(chinwag), told="the prompt")
        before = preview(chinwag)
        await chinwag.until(lambda: preview(chinwag) != before, told="more of it")


async def test_a_slow_disk_says_that_it_is_read(folders: Folders) -> None:
    library = Library("alpha")
    gate = asyncio.Event()

    async def read() -> ShelfView:
        await gate.wait()
        return ShelfView(summaries=library.summaries)

    library.read = read
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await library.open(chinwag)
        await chinwag.shows("reading what is on the disk …")
        await chinwag.type("alp")
        gate.set()
        await chinwag.shows("1 of 1 conversation")


def _of(title: str, *texts: str) -> Conversation:
    messages = tuple(
        Message(id=str(number), role=Role.assistant, text=text, at=NOW) for number, text in enumerate(texts)
    )
    return Conversation(id=title, created_at=NOW, updated_at=NOW, title=title, messages=messages)


def test_a_preview_has_the_end_of_a_conversation_and_of_a_long_answer() -> None:
    code = "\n".join(f"line {number}" for number in range(4_000))
    shown = preview_of(_of("t", *map(str, range(100)), f"see:\n\n```python\n{code}"))
    assert [one.text for one in shown.messages[:-1]] == ["95", "96", "97", "98", "99"]
    text = shown.messages[-1].text
    assert text.startswith("```python\nline ")
    assert text.endswith("line 3999")
    assert len(text) <= ANSWER_CHARACTERS + len("```python\n")


def test_a_preview_of_what_was_found_stands_around_it() -> None:
    words = " ".join(map(str, range(10_000)))
    shown = preview_of(_of("t", *map(str, range(50)), words, "next"), message_id="50", match="5000")
    assert [one.id for one in shown.messages] == ["49", "50", "51"]
    assert " 5000 " in shown.messages[1].text
    assert len(shown.messages[1].text) <= ANSWER_CHARACTERS
    gone = preview_of(_of("t", "a", "b"), message_id="nobody")
    assert [one.text for one in gone.messages] == ["a", "b"]


def test_no_key_reaches_the_preview() -> None:
    assert not Preview.can_focus
    assert Transcript.can_focus
