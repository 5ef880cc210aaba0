"""Messages edited, asked again, gone on with, deleted and forked, in the program; and all of it undone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import SLOW, UNHURRIED, Folders, Running
from tui.app.widgets.message_line import MessageLine
from tui.conversations.values import MessageState, Role
from tui.demo import DemoServer
from tui.engine import ChatRequest


def chats(server: DemoServer) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in server.received if one.path == "/api/chat"]


def sent(server: DemoServer) -> list[str]:
    """What the last request said, of each message."""
    return [one["content"] for one in chats(server)[-1]["messages"]]


def said(running: Running) -> list[str]:
    return [one.text for one in running.chat.session.conversation.messages]


async def ask(running: Running, text: str) -> None:
    count = len(said(running))
    await running.send(text)
    await running.until(lambda: len(said(running)) >= count + 2, told="an answer")
    await running.answered()


async def two_exchanges(running: Running) -> None:
    await running.shows("write something")
    await ask(running, "first elephant")
    await ask(running, "second giraffe")


async def three_exchanges_in_a_small_window(running: Running) -> None:
    """The last prompt was asked in a larger one, and does not fit any more."""
    await running.shows("write something")
    for text in ("first elephant", "another hippo", "second giraffe"):
        await ask(running, text)
    await running.send("/window 256")
    await running.until(lambda: running.chat.window_now().limit == 256, told="the window")


async def mark(running: Running, message: int) -> None:
    """Goes up to a message as a person does."""
    wanted = running.chat.session.conversation.messages[message].id
    while running.chat.transcript.current_message_id != wanted:
        await running.press("alt+up")


async def act(running: Running, key: str) -> None:
    """The line of what can be done with the marked message, and one key."""
    await running.press("enter")
    await running.until(lambda: running.chat.query_one(MessageLine).has_focus, told="the line")
    await running.press(key)


async def edit_last(running: Running) -> None:
    await running.type("/edit")
    await running.until(lambda: running.chat.prompt.text == "/edit")
    await running.press("enter")
    await running.until(lambda: running.chat.prompt.text == "second giraffe", told="the last prompt")


async def undone(running: Running, words: str) -> None:
    await running.press("ctrl+underscore")
    await running.shows(words)


async def test_a_prompt_is_edited_and_asked_again_and_the_old_one_stays_beside_it(
    folders: Folders, server: DemoServer
) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        await mark(running, 2)
        await running.shows("enter act on it")
        await act(running, "e")
        await running.until(lambda: running.chat.prompt.text == "second giraffe", told="the prompt to edit")
        await running.shows("editing an earlier prompt", "enter ask anew")
        await running.type("s and zebras")
        await running.press("enter")
        await running.until(lambda: "giraffes and zebras" in said(running)[-2:][0], told="the edited prompt")
        await running.answered()
        assert sent(server) == ["first elephant", said(running)[1], "second giraffes and zebras"]
        await running.hides("editing an earlier prompt")
        await running.shows("2/2")
        # The other one is a key away, and back.
        await mark(running, 2)
        await act(running, "left")
        await running.until(lambda: said(running)[2] == "second giraffe", told="the first version")
        await running.shows("1/2", "left, right 1 of 2")
        await running.press("right")
        await running.until(lambda: said(running)[2].endswith("zebras"), told="the second version")
        await running.press("escape")
        await running.until(lambda: running.chat.prompt.is_active, told="the prompt")
        conversation = running.chat.session.conversation
    async with folders.start() as running:
        kept = await running.workspace.open_session(conversation.id)
        assert kept.conversation.messages == conversation.messages
        assert kept.conversation.branches == conversation.branches


async def test_an_edit_that_is_left_changes_nothing_and_loses_no_word(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        await edit_last(running)
        await running.type(" more")
        before = running.chat.session.conversation
        await running.press("escape")
        await running.until(lambda: running.chat.prompt.is_empty, told="an empty prompt")
        await running.shows("left as it was")
        assert running.chat.session.conversation is before
        await running.press("up")
        await running.until(lambda: running.chat.prompt.text == "second giraffe more", told="what was written")
        await running.press("enter")
        await running.until(lambda: len(said(running)) == 6, told="an answer")
        await running.answered()
        assert not running.chat.session.conversation.branches


async def test_an_edited_prompt_that_is_cleared_is_edited_no_more(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        await edit_last(running)
        # What is written over it from the beginning is the same edit.
        await running.press("ctrl+u")
        await running.until(lambda: running.chat.prompt.is_empty)
        await running.press("enter")
        await running.type("second hippo")
        await running.shows("editing an earlier prompt")
        await running.press("ctrl+c")
        await running.until(lambda: running.chat.prompt.is_empty)
        await ask(running, "something new")
        assert len(said(running)) == 6


async def test_an_answer_is_edited_in_its_place(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        await mark(running, 1)
        await act(running, "e")
        await running.shows("editing the answer", "enter keeps it")
        running.chat.prompt.load("a trunk", is_restored=True)
        await running.press("enter")
        await running.until(lambda: said(running)[1] == "a trunk", told="the edited answer")
        await running.shows("changed", "a trunk")
        assert len(chats(server)) == 2
        await ask(running, "and then")
        assert sent(server)[1] == "a trunk"
        await undone(running, "the earlier text is back")
        assert said(running)[1].startswith("You wrote")


async def test_an_answer_is_regenerated_and_undo_shows_the_earlier_one(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        first = running.chat.session.conversation.messages[-1]
        await running.send("/regenerate")
        await running.until(lambda: running.chat.session.conversation.messages[-1].id != first.id)
        await running.answered()
        await running.shows("2/2", "the earlier answer stays beside it")
        assert len(said(running)) == 4
        await undone(running, "the earlier answer is back")
        assert running.chat.session.conversation.messages[-1] == first
        await running.shows("1/2")


async def test_an_older_answer_is_regenerated_by_another_model(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        own = running.chat.session.conversation.model
        other = "toolsmith:8b"
        await mark(running, 1)
        await running.send(f"/regenerate {other}")
        await running.until(lambda: len(said(running)) == 2, told="the line up to there")
        await running.answered()
        assert running.chat.session.conversation.messages[-1].model == other
        assert running.chat.session.conversation.model == own
        await running.send("/regenerate nobody:1b")
        await running.shows("there is no model or preset nobody:1b")


@pytest.mark.parametrize("is_gone", [False, True], ids=["damaged", "gone"])
async def test_nothing_is_asked_again_when_what_was_attached_is_lost(
    folders: Folders, server: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_gone: bool
) -> None:
    (tmp_path / "notes.txt").write_text("all about elephants\n")
    monkeypatch.chdir(tmp_path)
    async with folders.start() as running:
        await running.shows("write something")
        await running.type("/attach notes.txt")
        await running.until(lambda: running.chat.prompt.text == "/attach notes.txt")
        await running.press("enter")
        await running.shows("[notes.txt")
        await running.type("read it")
        await running.press("enter")
        await running.until(lambda: len(said(running)) == 2, told="an answer")
        await running.answered()
        [kept] = (folders.root / "data" / "attachments").glob("??/*")
        if is_gone:
            kept.unlink()
        else:
            kept.write_bytes(b"all about antelopes\n")
        before, count = running.chat.session.conversation, len(chats(server))
        await running.send("/regenerate")
        how = "gone" if is_gone else "damaged"
        await running.shows("nothing was asked again", f"the content of notes.txt is {how}", "attach it again")
        assert running.chat.session.conversation == before
        assert len(chats(server)) == count


async def test_an_answer_that_would_not_fit_is_asked_about_before_it_is_asked_for_again(
    folders: Folders, server: DemoServer
) -> None:
    async with folders.start() as running:
        await three_exchanges_in_a_small_window(running)
        before = running.chat.session.conversation.messages
        await running.send("/regenerate")
        await running.shows("the prompt does not fit", "do not send")
        running.clock.ahead_seconds += 1
        await running.press("enter")
        await running.until(lambda: running.app.screen is running.chat, told="the conversation")
        assert (running.chat.session.conversation.messages, len(chats(server))) == (before, 3)
        await running.send("/regenerate")
        await running.shows("the prompt does not fit", "a window of")
        running.clock.ahead_seconds += 1
        while not any("›" in row and "a window of" in row for row in running.rows):
            await running.press("down")
        await running.press("enter")
        await running.until(lambda: len(chats(server)) == 4, told="another answer")
        await running.answered()
        assert chats(server)[-1]["options"]["num_ctx"] > 256
        await running.shows("2/2")


async def test_what_falls_out_is_summed_up_by_the_model_that_is_asked(folders: Folders, server: DemoServer) -> None:
    """It is told all of it anyway; the conversation's own one may be in the cloud."""
    async with folders.start() as running:
        await three_exchanges_in_a_small_window(running)
        await running.send("/model fast:1b")
        await running.until(lambda: running.chat.session.conversation.model == "fast:1b", told="its model")
        await running.send("/window 256")
        await running.until(lambda: running.chat.window_now().limit == 256, told="the window")
        await running.send("/window summarise")
        await running.send("/regenerate tour:8b")
        await running.until(lambda: len(chats(server)) == 4, told="a summary asked for")
        assert chats(server)[-1]["messages"][0]["content"].startswith("Sum up")
        assert chats(server)[-1]["model"] == "tour:8b"


async def test_an_edited_prompt_that_does_not_fit_is_asked_about_and_the_old_one_stays(
    folders: Folders, server: DemoServer
) -> None:
    async with folders.start() as running:
        await three_exchanges_in_a_small_window(running)
        before = running.chat.session.conversation.messages
        await edit_last(running)
        await running.type(" and more")
        await running.press("enter")
        await running.shows("the prompt does not fit", "do not send")
        running.clock.ahead_seconds += 1
        await running.press("enter")
        await running.until(lambda: running.app.screen is running.chat, told="the conversation")
        await running.until(lambda: running.chat.prompt.text == "second giraffe and more", told="the edit again")
        assert (running.chat.session.conversation.messages, len(chats(server))) == (before, 3)


async def test_a_cut_off_answer_offers_to_go_on_and_does(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\nanswer_tokens = 20\n")
    async with folders.start(model="script-prose-200-0") as running:
        await running.shows("write something")
        await ask(running, "go on and on")
        await running.shows("the answer was cut off", "alt+c continue")
        first = running.chat.session.conversation.messages[-1]
        await running.press("alt+c")
        await running.until(
            lambda: len(said(running)[-1]) > len(first.text) and not running.chat.session.is_answering, told="more"
        )
        last = running.chat.session.conversation.messages[-1]
        assert (last.id, last.text.startswith(first.text), len(said(running))) == (first.id, True, 2)
        assert sent(server)[-1] == first.text
        assert last.counts is not None
        assert last.counts.answer_tokens == 40
        # One row of the transcript stands for each part: nothing is doubled.
        assert running.chat.transcript.answer_source() == last.text
        await undone(running, "the answer is as it was")
        assert running.chat.session.conversation.messages[-1] == first


@UNHURRIED
async def test_a_stopped_answer_goes_on(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as running:
        await running.shows("write something")
        await running.send("a long one")
        await running.until(lambda: (running.chat.session.live_text() or ("", ""))[0].count(" ") > 3, told="some words")
        await running.send("/edit")
        await running.shows("an answer is under way")
        await running.press("escape")
        await running.answered()
        first = said(running)[-1]
        await running.send("/continue")
        await running.until(lambda: len((running.chat.session.live_text() or ("", ""))[0]) > len(first), told="more")
        await running.press("escape")
        await running.answered()
        last = running.chat.session.conversation.messages[-1]
        assert last.text.startswith(first)
        assert last.state is MessageState.stopped


async def test_an_answer_that_filled_the_window_asks_before_it_goes_on(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\ncontext_tokens = 512\n")
    async with folders.start(model="script-prose-900-0") as running:
        await running.shows("write something")
        await ask(running, "go on and on")
        await running.shows("the window of 512 is full", "alt+c goes on")
        await running.press("alt+c")
        await running.shows("there is no room to go on", "So far it is", "leave it as it is")
        running.clock.ahead_seconds += 1
        await running.press("enter")
        await running.until(lambda: running.app.screen is running.chat, told="the conversation")
        assert len(chats(server)) == 1
        await running.send("/window 4096")
        await running.press("alt+c")
        await running.until(lambda: len(chats(server)) == 2, told="the answer that goes on")
        await running.answered()
        assert chats(server)[-1]["options"]["num_ctx"] == 4096


async def test_a_model_that_begins_anew_is_told(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\nanswer_tokens = 30\n")
    async with folders.start(model="script-prose-200-0") as running:
        await running.shows("write something")
        await ask(running, "go on and on")
        session = running.chat.session
        first = session.conversation.messages[-1]
        # Its server does not see the part that is there.
        engine = session._tools.engine

        class Forgetful:
            def __getattr__(self, name: str) -> Any:
                return getattr(engine(), name)

            def chat(self, request: ChatRequest) -> Any:
                return engine().chat(replace(request, messages=request.messages[:-1]))

        session._tools = replace(session._tools, engine=Forgetful)
        await running.press("alt+c")
        await running.until(lambda: len(said(running)[-1]) > len(first.text) and not session.is_answering)
        await running.shows("began anew", "its template does not let it go on")


async def test_a_message_is_deleted_at_once_and_comes_back(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        before = said(running)
        await mark(running, 1)
        await act(running, "d")
        await running.until(lambda: len(said(running)) == 3, told="one message less")
        await running.shows("deleted", "ctrl+_ undoes it")
        await undone(running, "the message is back")
        assert said(running) == before
        await mark(running, 1)
        await act(running, "D")
        await running.until(lambda: len(said(running)) == 1, told="the first alone")
        await running.shows("3 messages deleted")
        await running.hides("giraffe")
        await undone(running, "the messages are back")
        assert said(running) == before
        await running.shows("giraffe")


async def test_undo_takes_back_what_was_done_last_wherever_it_was(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        first = running.chat.session
        await running.send("/remove")
        await running.until(lambda: len(said(running)) == 3)
        await running.press("ctrl+n")
        await running.until(lambda: running.chat.session is not first)
        await undone(running, "the message is back")
        assert running.chat.session is first
        assert len(said(running)) == 4
        await running.send("/remove all")
        await running.until(lambda: len(said(running)) == 3)
        await running.send("/delete")
        await running.until(lambda: running.chat.session.is_empty)
        await undone(running, "it is back")
        assert len(said(running)) == 3


async def test_a_fork_goes_on_by_itself(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        origin = running.chat.session
        await mark(running, 1)
        await act(running, "f")
        await running.until(lambda: running.chat.session is not origin, told="the fork")
        await running.shows("a conversation of its own", "(fork)")
        fork = running.chat.session
        assert [one.text for one in fork.conversation.messages] == [
            one.text for one in origin.conversation.messages[:2]
        ]
        assert len(origin.conversation.messages) == 4
        await undone(running, "the fork is gone")
        assert running.chat.session.id == origin.id
        assert fork.id not in running.workspace.sessions
        await running.send("/fork")
        await running.until(lambda: running.chat.session.id not in (origin.id, fork.id), told="another fork")
        await ask(running, "third zebra")
        kept = running.chat.session.conversation
    async with folders.start() as running:
        again = await running.workspace.open_session(kept.id)
        assert again.conversation.messages == kept.messages
        listing = await running.workspace.shelf.summaries()
        assert sorted(one.message_count for one in listing.summaries) == [4, 6]


async def test_versions_are_chosen_from_a_list(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        await running.send("/versions")
        await running.shows("nothing has other versions here")
        first = running.chat.session.conversation.messages[-1]
        await running.send("/regenerate")
        await running.until(lambda: running.chat.session.conversation.branches)
        await running.answered()
        await running.send("/versions")
        await running.shows("Versions", "1  You wrote", "2  You wrote")
        running.clock.ahead_seconds += 1
        await running.press("up", "enter")
        await running.until(lambda: running.chat.session.conversation.messages[-1] == first, told="the first answer")


async def test_what_is_found_in_another_version_is_shown(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        session = running.chat.session
        await session.resend(session.conversation.messages[2].id, "second hippo")
        await running.answered()
        await session.settled()
        await running.workspace.shelf.update_index()
        (hit,) = await running.workspace.shelf.search("giraffe")
        assert hit.message_id in [one.id for one in session.conversation.branches[0].messages]
        await running.chat._open(session.id, hit)
        await running.until(lambda: "second giraffe" in said(running), told="the version that has it")


async def test_letters_go_to_the_prompt_while_nothing_is_asked(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        await mark(running, 1)
        await running.type("edit")
        await running.until(lambda: running.chat.prompt.text == "edit", told="letters in the prompt")
        await running.press("ctrl+c")
        await running.press("alt+a")
        await running.shows("answer", "regenerate", "esc back")
        await running.press("up")
        await running.shows("your prompt")
        await running.press("z")
        await running.until(lambda: running.chat.prompt.text == "z", told="a letter that is none of them")
        assert not running.chat.query_one(MessageLine).is_open
        assert len(said(running)) == 4


async def test_the_keys_of_the_line_are_told(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        await running.press("alt+a", "f1")
        await running.shows("for the marked message", "regenerate", "fork")
        running.clock.ahead_seconds += 1
        await running.press("escape")
        await running.until(lambda: running.chat.query_one(MessageLine).has_focus, told="the line again")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_line_fits_the_window(folders: Folders, server: DemoServer, size: tuple[int, int]) -> None:
    async with folders.start(size=size) as running:
        await two_exchanges(running)
        await running.send("/regenerate")
        await running.until(lambda: running.chat.session.conversation.branches)
        await running.answered()
        await mark(running, 3)
        await running.press("enter")
        await running.shows("2 of 2", "fork", "esc back")
        assert "…" not in next(row for row in running.rows if "esc back" in row)


async def test_a_conversation_from_elsewhere_is_only_forked(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await two_exchanges(running)
        conversation_id = running.chat.session.id
        async with folders.start() as other:
            await other.shows("write something")
            await other.chat._open(conversation_id)
            await other.until(lambda: other.chat.session.is_read_only)
            await other.send("/remove")
            await other.shows("open in another chinwag")
            assert len(said(other)) == 4
            # What is done there is seen here.
            running.chat.session.regenerate()
            await other.until(lambda: other.chat.session.conversation.branches, told="the version there")
            await other.shows("2/2")
            await running.answered()
            await other.until(lambda: said(other) == said(running), told="the same line")
            before = said(running)[-1]
            running.chat.session.continue_answer()
            await running.until(lambda: not running.chat.session.is_answering and said(running)[-1] != before)
            await other.until(lambda: said(other) == said(running), told="the answer that went on")
            await other.send("/fork")
            await other.until(lambda: not other.chat.session.is_read_only, told="the fork")
            assert len(said(other)) == 4
            assert all(one.role is not Role.system for one in other.chat.session.conversation.messages)


async def test_what_is_attached_to_a_prompt_is_edited_with_it(
    folders: Folders, server: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("all about elephants\n")
    monkeypatch.chdir(tmp_path)
    async with folders.start() as running:
        await running.shows("write something")
        await running.type("/attach notes.txt")
        await running.until(lambda: running.chat.prompt.text == "/attach notes.txt")
        await running.press("enter")
        await running.shows("[notes.txt")
        await running.type("read it")
        await running.press("enter")
        await running.until(lambda: len(said(running)) == 2, told="an answer")
        await running.answered()
        await running.type("/edit")
        await running.until(lambda: running.chat.prompt.text == "/edit")
        await running.press("enter")
        await running.until(lambda: "read it" in running.chat.prompt.text, told="the prompt to edit")
        await running.type(" twice")
        await running.press("enter")
        await running.until(lambda: running.chat.session.conversation.branches, told="another version")
        await running.answered()
        first, second = running.chat.session.conversation.branches[0].messages[0], said(running)[0]
        assert second == f"{first.text} twice"
        assert running.chat.session.conversation.messages[0].attachments == first.attachments != ()
        assert "all about elephants" in sent(server)[0]
