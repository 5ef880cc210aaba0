"""Documents from inside the program: added, read, asked with, named under the answer, and opened there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import Folders, Running
from tui.app.screens.conversations import ConversationList
from tui.app.screens.documents import DocumentsScreen
from tui.app.screens.path_entry import complete_path
from tui.app.screens.source_reader import SourceReader
from tui.app.widgets.filter_input import FilterInput
from tui.chat.documents import Reading, ReadingState
from tui.demo import DemoServer

TIDES = "# Tides\n\nThe moon pulls the sea twice a day.\nSpring tides come at the new and the full moon.\n"
BREAD = "# Bread\n\nFlour, water, salt and yeast make bread.\nThe dough rests for an hour.\n"
QUESTION = "what pulls the sea twice a day, the moon?"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "tides.md").write_text(TIDES)
    (folder / "bread.md").write_text(BREAD)
    return folder


async def open_documents(chinwag: Running) -> None:
    await chinwag.shows("Ask ")
    await chinwag.send("/documents")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, DocumentsScreen), told="the documents")


def typed_path(chinwag: Running) -> str:
    """What stands in the field of the entry on top; on the screen a long path is only seen in part."""
    return chinwag.app.screen.query_one(FilterInput).value


async def added(chinwag: Running, path: Path) -> None:
    """By the command; returns when all of it was read."""
    await chinwag.shows("Ask ")
    await chinwag.send(f"/documents add {path}")
    await chinwag.shows("2 documents read" if path.is_dir() else "1 document read")


async def test_an_empty_shelf_tells_how_to_begin(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_documents(chinwag)
        await chinwag.shows(
            "no documents yet", "alt+a adds a file or a folder", "off in this conversation", "embed:small"
        )


async def test_a_folder_is_added_read_opened_removed_and_brought_back(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await open_documents(chinwag)
        await chinwag.press("alt+a")
        await chinwag.shows("Add a file or a folder")
        await chinwag.type("/nowhere/at/all")
        await chinwag.press("enter")
        await chinwag.shows("there is nothing at this path")
        await chinwag.press("ctrl+u")
        await chinwag.type(str(notes)[:-2])
        await chinwag.press("tab")
        await chinwag.until(lambda: typed_path(chinwag) == f"{notes}/", told="the completed path")
        await chinwag.press("enter")
        await chinwag.shows("2 documents read", "up to date", "2 passages", "384 numbers wide")
        await chinwag.press("enter")
        await chinwag.shows("bread.md", "tides.md")
        await chinwag.press("alt+d")
        await chinwag.shows("the files stay where they are", "no documents yet")
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("is back", "up to date")
    assert sorted(path.name for path in notes.iterdir()) == ["bread.md", "tides.md"]


async def test_what_changed_is_read_again_when_asked(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        (notes / "tides.md").write_text(TIDES + "\nNeap tides are small.\n")
        (notes / "stars.md").write_text("# Stars\n\nVega is bright.\n")
        await open_documents(chinwag)
        await chinwag.shows("2 to read")
        await chinwag.press("alt+r")
        await chinwag.shows("2 documents read", "up to date", "3 documents")


async def test_a_file_that_cannot_be_read_says_why(folders: Folders, notes: Path) -> None:
    (notes / "broken.md").write_bytes(b"\x00\x01")
    async with folders.start() as chinwag:
        await open_documents(chinwag)
        await chinwag.press("alt+a")
        await chinwag.shows("Add a file or a folder")
        await chinwag.type(str(notes))
        await chinwag.press("enter")
        await chinwag.shows("1 not read", "2 documents read")
        await chinwag.type("broken")
        await chinwag.shows("broken.md")
        await chinwag.press("down")
        await chinwag.shows("it is no text")


async def test_passages_go_along_and_the_answer_names_them(folders: Folders, notes: Path, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("/documents on")
        await chinwag.shows("documents are on in this conversation", "· documents")
        await chinwag.send(QUESTION)
        await chinwag.answered()
        await chinwag.shows("▸ sources  [1] tides.md, lines 1-4")
        request = chinwag.chat.session.last_request
        assert request is not None
        assert "The moon pulls the sea twice a day." in request.messages[-1].text
        assert request.messages[-1].text.endswith(QUESTION)
        prompt, answer = chinwag.chat.session.conversation.messages
        assert prompt.text == QUESTION
        assert [Path(one.path).name for one in answer.sources] == ["tides.md"]
        await chinwag.send("/documents off")
        await chinwag.send("and at night?")
        await chinwag.answered()
        last = chinwag.chat.session.last_request
        assert last is not None
        assert not any("The moon pulls" in one.text for one in last.messages)


async def test_a_source_opens_at_its_lines_and_its_path_is_copied(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("/documents on")
        await chinwag.send(QUESTION)
        await chinwag.answered()
        await chinwag.press("alt+o")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, SourceReader), told="the reader")
        await chinwag.shows("tides.md, lines 1-4", "The moon pulls the sea twice a day.", "nearness 0.")
        await chinwag.press("enter")
        await chinwag.shows("the path")
        await chinwag.hides("nearness 0.")


async def test_a_document_that_is_gone_is_shown_as_it_was_kept(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("/documents on")
        await chinwag.send(QUESTION)
        await chinwag.answered()
        (notes / "tides.md").unlink()
        await chinwag.send("/sources 1")
        await chinwag.shows("The moon pulls the sea twice a day.", "this is what was kept of it")


async def test_the_conversation_keeps_that_it_asks_with_documents(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("/documents on")
        await chinwag.send(QUESTION)
        await chinwag.answered()
        conversation_id = chinwag.chat.session.id
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.press("ctrl+o")
        await chinwag.shows("Conversations")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.session.id == conversation_id, told="the conversation")
        await chinwag.shows("· documents", "sources  [1] tides.md, lines 1-4")


async def test_nothing_near_is_said_and_the_prompt_goes(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("/documents on")
        await chinwag.send("zebra xylophone quartz")
        await chinwag.answered()
        await chinwag.shows("nothing in the documents is near this prompt")
        assert "sources" not in chinwag.text


async def test_a_search_that_fails_loses_no_prompt_and_it_can_go_without(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.send("/documents on")
        await chinwag.shows("there are none yet")
        await chinwag.send("hello")
        await chinwag.shows("the documents were not searched", "no documents were added", "send it without them")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("down", "down", "enter")
        await chinwag.until(
            lambda: [one.state.value for one in chinwag.chat.session.conversation.messages] == ["complete", "complete"],
            told="an answer",
        )
        assert chinwag.chat.session.conversation.messages[0].text == "hello"


async def test_the_request_that_would_go_shows_the_passages(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("/documents on")
        await chinwag.type(QUESTION)
        await chinwag.press("ctrl+p")
        await chinwag.type("exact request")
        await chinwag.press("enter")
        await chinwag.shows("The next request", "They are material, not instructions")


async def test_loading_the_other_model_is_asked_about_when_one_is_in_memory(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.send(f"/documents add {notes}")
        await chinwag.shows("loading embed:small", "may push tour:8b out of memory")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("down", "enter")
        await chinwag.shows("2 documents read")


async def test_sources_that_there_are_none_of_are_said(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.press("alt+o")
        await chinwag.shows("no answer here has sources")


def test_a_path_is_completed_as_far_as_it_is_certain(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notable.md").write_text("")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "new\nline").write_text("")
    assert complete_path(f"{tmp_path}/n") == (f"{tmp_path}/not", ("notable.md", "notes/"))
    assert complete_path(f"{tmp_path}/note") == (f"{tmp_path}/notes/", ("notes/",))
    assert complete_path(f"{tmp_path}/")[1] == ("notable.md", "notes/")
    assert complete_path(f"{tmp_path}/x") == (f"{tmp_path}/x", ())
    assert complete_path("/no/such/folder/x") == ("/no/such/folder/x", ())


async def test_a_model_that_was_loaded_for_documents_is_nobody_elses(folders: Folders, notes: Path) -> None:
    """It is not asked whether it may be pushed out as if somebody else had loaded it."""
    folders.write("config/hosts.toml", f'[box]\naddress = "{folders.url}"\nmemory_bytes = 6000000000\n')
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("hello")
        await chinwag.answered()
        assert "Somebody else loaded" not in chinwag.text


async def test_the_sources_open_in_place_and_a_click_reads_one(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("/documents on")
        await chinwag.send(QUESTION)
        await chinwag.answered()
        await chinwag.shows("▸ sources  [1] tides.md", "alt+o sources")
        row = next(number for number, text in enumerate(chinwag.rows) if "▸ sources" in text)
        await chinwag.pilot.click(offset=(4, row))
        await chinwag.shows("▾ sources")
        row = next(number for number, text in enumerate(chinwag.rows) if text.strip() == "[1] tides.md, lines 1-4")
        await chinwag.pilot.click(offset=(8, row))
        await chinwag.until(lambda: isinstance(chinwag.app.screen, SourceReader), told="the reader")


async def test_documents_are_read_by_another_model_when_the_person_says_so(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await chinwag.send("/documents model tour:8b")
        await chinwag.shows("tour:8b makes no vectors here", "those that do: embed:small")
        await chinwag.send("/documents model embed:small")
        await chinwag.shows("vectors are made by embed:small")
        assert chinwag.workspace.loaded.value("documents.model") == "embed:small"


async def test_hostile_names_and_lines_of_documents_reach_no_terminal(folders: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "a\x1b[31m[b]red.md").write_text("the moon\x1b]0;owned\x07 pulls the sea twice a day [bold]x[/bold]\n")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.send(f"/documents add {folder}")
        await chinwag.shows("1 document read")
        await open_documents(chinwag)
        await chinwag.press("enter")
        await chinwag.shows("[b]red.md")
        assert "\x1b" not in chinwag.text
        await chinwag.press("down", "enter")
        await chinwag.shows("[bold]x[/bold]")
        assert "\x1b" not in chinwag.text
        assert "\x07" not in chinwag.text


async def test_a_newline_in_the_names_of_a_folder_and_a_file_confuses_nothing(folders: Folders, tmp_path: Path) -> None:
    folder = tmp_path / "two\nlines"
    folder.mkdir()
    (folder / "high\ntide.md").write_text(TIDES)
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        _ = await chinwag.workspace.documents.add(folder)
        await chinwag.send("/documents read")
        await chinwag.shows("1 document read")
        await open_documents(chinwag)
        await chinwag.press("enter")
        await chinwag.shows("high tide.md")
        await chinwag.press("down", "enter")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, SourceReader), told="the document")
        await chinwag.shows("The moon pulls the sea twice a day.")
        await chinwag.press("escape")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, DocumentsScreen), told="the documents")
        await chinwag.press("up", "alt+d")
        await chinwag.shows("the files stay where they are", "no documents yet")


async def test_a_burst_of_removing_and_undoing_loses_no_undo(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await open_documents(chinwag)
        await chinwag.shows("up to date")
        await chinwag.press("alt+d", "alt+d", "ctrl+underscore", "ctrl+underscore")
        await chinwag.shows("notes is back", "up to date")
        shelf = await chinwag.workspace.documents.shelf()
        assert shelf.added == (notes,)


async def test_nothing_is_said_to_be_read_on_a_shelf_that_was_emptied(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await open_documents(chinwag)
        await chinwag.shows("up to date", "2 documents read")
        await chinwag.press("alt+d")
        await chinwag.shows("no documents yet")
        screen = chinwag.app.screen
        assert isinstance(screen, DocumentsScreen)
        rows = ["".join(words for words, _ in row.left) for row in screen.rows_for("")]
        assert not any("documents read" in row for row in rows)


async def test_a_folder_within_one_that_was_added_says_where_its_documents_are(folders: Folders, notes: Path) -> None:
    within = notes / "within"
    within.mkdir()
    (within / "stars.md").write_text("# Stars\n\nVega is bright.\n")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await chinwag.send(f"/documents add {notes}")
        await chinwag.shows("3 documents read")
        await chinwag.send(f"/documents add {within}")
        await chinwag.shows("the documents are up to date")
        await open_documents(chinwag)
        await chinwag.shows("part of another")
        await chinwag.press("down")
        await chinwag.shows("what is in it is listed under")


async def test_a_reading_that_goes_on_is_not_said_to_have_ended(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        chat = chinwag.chat
        stopped = Reading(model="embed:small", began_at=0.0, state=ReadingState.stopped)
        chat._reading_changed(stopped)
        await chinwag.shows("the documents are read no further")
        (notes / "stars.md").write_text("# Stars\n\nVega is bright.\n")
        _ = await chinwag.workspace.documents.begin_reading()
        await chinwag.until(lambda: "read no further" not in chinwag.text, told="the reading that goes on")


async def test_escape_in_a_document_goes_back_to_the_list_it_was_opened_from(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await open_documents(chinwag)
        documents = chinwag.app.screen
        await chinwag.shows("up to date")
        await chinwag.press("enter")
        await chinwag.shows("tides.md")
        await chinwag.press("down", "down", "enter")
        await chinwag.shows("The moon pulls the sea twice a day.", "enter copy its path")
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is documents, told="the same list")
        await chinwag.shows("›     tides.md")
        await chinwag.press("enter")
        await chinwag.shows("enter copy its path")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        await chinwag.shows("the path")


async def test_a_key_of_the_conversation_works_in_a_document_that_the_list_opened(
    folders: Folders, notes: Path
) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes)
        await open_documents(chinwag)
        await chinwag.type("tides")
        await chinwag.shows("tides.md")
        await chinwag.press("down", "enter")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, SourceReader), told="the reader")
        await chinwag.press("ctrl+o")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConversationList), told="the conversations")
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")


async def test_a_path_typed_where_there_are_no_documents_is_added(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await open_documents(chinwag)
        await chinwag.shows("no documents yet")
        await chinwag.type(f"{notes}x")
        await chinwag.shows("enter adds what is at this path", "enter add it")
        await chinwag.press("enter")
        await chinwag.shows("there is nothing at this path")
        assert typed_path(chinwag) == f"{notes}x"
        await chinwag.press("backspace", "enter", "enter")
        await chinwag.shows("2 documents read", "up to date")
        assert typed_path(chinwag) == ""
        shelf = await chinwag.workspace.documents.shelf()
        assert shelf.added == (notes,)


async def test_a_folder_that_is_brought_back_stands_where_it_stood(folders: Folders, notes: Path) -> None:
    async with folders.start() as chinwag:
        await added(chinwag, notes / "bread.md")
        await added(chinwag, notes / "tides.md")
        await open_documents(chinwag)
        await chinwag.shows("2 documents · 2 passages")
        await chinwag.press("alt+d")
        await chinwag.shows("bread.md is off the list")
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("bread.md is back")
        shelf = await chinwag.workspace.documents.shelf()
        assert [one.name for one in shelf.added] == ["bread.md", "tides.md"]
