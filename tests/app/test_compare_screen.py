"""Several answers to one prompt, side by side: asked, read, stopped, mended, and one of them kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.app.running import SLOW, TERMINAL, UNHURRIED, Folders, Running
from tests.hostile import HOSTILE_STRINGS
from tui.app.attached_text import taken_apart
from tui.app.screens.compare import CompareScreen, columns_abreast
from tui.app.screens.compare_picker import ComparePicker
from tui.app.screens.question import Question
from tui.app.widgets.answer_column import AnswerColumn
from tui.conversations.values import MessageState, Role
from tui.demo import DemoServer

FAST, TOUR, THINKER, GUEST = "fast:1b", "tour:8b", "thinker:8b", "guest:4b"


def chats(server: DemoServer) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in server.received if one.path == "/api/chat"]


def asked_models(server: DemoServer) -> list[str]:
    return [one["model"] for one in chats(server)]


async def ready(running: Running, model: str = TOUR) -> None:
    await running.shows("write something")
    await running.until(lambda: running.chat.session.conversation.model == model, told="a model")


async def written(running: Running, text: str) -> None:
    await running.type(text)
    await running.until(lambda: running.chat.prompt.text == text, told=f"{text!r} in the prompt")


async def compare(running: Running, names: str) -> CompareScreen:
    """By the palette's way: with what stands in the prompt."""
    await running.chat.action_compare(names)
    await running.until(lambda: isinstance(running.app.screen, CompareScreen), told="the comparison")
    screen = running.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


async def over(running: Running, screen: CompareScreen) -> None:
    comparison = screen.comparison
    await running.until(lambda: comparison.columns[0].session is not None, told="the beginning")
    await running.until(lambda: not comparison.is_running, told="the end of all answers")


def column(screen: CompareScreen, number: int) -> AnswerColumn:
    return list(screen.query(AnswerColumn))[number]


async def answer_question(running: Running, *keys: str) -> None:
    await running.until(lambda: isinstance(running.app.screen, Question), told="a question")
    running.clock.ahead_seconds += 1
    await running.press(*keys)
    await running.until(lambda: not isinstance(running.app.screen, Question), told="the question's end")


async def test_a_prompt_is_compared_from_the_palette_and_one_answer_kept(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, "how fast are you?")
        await running.press("ctrl+p")
        await running.shows("type to filter")
        await running.type("side by side")
        await running.shows("/compare")
        await running.press("enter")
        await running.until(lambda: isinstance(running.app.screen, ComparePicker), told="the picker")
        await running.type("fast:1b")
        await running.shows("tour:8b, and up to 3 more", "enter compare 2 answers")
        await running.press("enter")
        await running.until(lambda: isinstance(running.app.screen, CompareScreen), told="the comparison")
        screen = running.app.screen
        assert isinstance(screen, CompareScreen)
        await over(running, screen)
        await running.shows("how fast are you?", "1 tour:8b", "2 fast:1b", "2 of 2 answers", "enter keep 1")
        assert asked_models(server) == [TOUR, FAST]
        assert all(one["messages"][-1]["content"] == "how fast are you?" for one in chats(server))
        for number in (0, 1):
            assert "done" in column(screen, number).text
            assert "tok/s" in column(screen, number).text
            assert "first" in column(screen, number).text
        await running.press("tab")
        await running.shows("enter keep 2")
        kept = screen.comparison.columns[1].answer
        await running.press("enter")
        await running.until(lambda: running.chat.is_current, told="the conversation")
        await running.shows("kept; it goes on with fast:1b")
        conversation = running.chat.session.conversation
        assert [(one.role, one.model) for one in conversation.messages] == [(Role.user, ""), (Role.assistant, FAST)]
        assert conversation.messages[1] == kept
        assert kept is not None
        assert kept.counts is not None
        assert conversation.model == FAST
        assert running.chat.prompt.is_empty
        assert conversation.title == "how fast are you?"
        await running.send("and now?")
        await running.until(lambda: len(running.chat.session.conversation.messages) == 4, told="an answer")
        await running.answered()
        last = chats(server)[-1]
        assert last["model"] == FAST
        assert [one["role"] for one in last["messages"]] == ["user", "assistant", "user"]
    async with folders.start() as running:
        opened = await running.workspace.open_session(conversation.id)
        assert [one.model for one in opened.conversation.messages] == ["", FAST, "", FAST]
        assert opened.conversation.messages[1] == kept


async def test_without_a_prompt_the_last_one_is_asked_once_more(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("hello")
        await running.answered()
        await running.send(f"/compare {FAST}")
        await running.until(lambda: isinstance(running.app.screen, CompareScreen), told="the comparison")
        screen = running.app.screen
        assert isinstance(screen, CompareScreen)
        await over(running, screen)
        assert asked_models(server) == [TOUR, TOUR, FAST]
        assert [one["content"] for one in chats(server)[-1]["messages"]] == ["hello"]
        await running.press("2", "enter")
        await running.until(lambda: running.chat.is_current, told="the conversation")
        messages = running.chat.session.conversation.messages
        assert [(one.role, one.model) for one in messages if one.role is Role.user or one.model == FAST] == [
            (Role.user, ""),
            (Role.assistant, FAST),
        ]
        await running.send("and then?")
        await running.until(lambda: len(chats(server)) == 4, told="a request")
        # The answer that was kept is the one that goes on.
        kept = screen.comparison.columns[1].answer
        assert kept is not None
        assert [one["content"] for one in chats(server)[-1]["messages"]] == ["hello", kept.text, "and then?"]
        await running.answered()


async def test_a_prompt_below_the_command_is_asked_and_not_lost(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, f"/compare {FAST}")
        await running.press("enter")
        await running.shows("write it below and press enter")
        await running.type("what is new?")
        await running.until(lambda: "new?" in running.chat.prompt.text, told="the prompt below")
        await running.press("enter")
        await running.until(lambda: isinstance(running.app.screen, CompareScreen), told="the comparison")
        screen = running.app.screen
        assert isinstance(screen, CompareScreen)
        await over(running, screen)
        await running.press("escape")
        await answer_question(running, "down", "enter")
        await running.until(lambda: running.chat.is_current, told="the conversation")
        assert running.chat.prompt.text == "what is new?"
        assert running.chat.session.is_empty


async def test_what_memory_does_not_hold_together_is_asked_one_after_the_other(
    folders: Folders, server: DemoServer
) -> None:
    folders.write("config/hosts.toml", f'[box]\naddress = "{folders.url}"\nmemory_bytes = 8_000_000_000\n')
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, f"{THINKER} {FAST}")
        await running.shows("one after the other: ~", "8.0 free")
        assert not screen.comparison.is_at_once
        await over(running, screen)
        assert asked_models(server) == [TOUR, THINKER, FAST]
        assert all(one.can_keep for one in screen.comparison.columns)


async def test_what_memory_holds_is_asked_at_once(folders: Folders, server: DemoServer) -> None:
    folders.write("config/hosts.toml", f'[box]\naddress = "{folders.url}"\nmemory_bytes = 24_000_000_000\n')
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, FAST)
        await running.shows("all at once: ~", "24.0 free")
        await over(running, screen)


@UNHURRIED
async def test_an_answer_that_has_ended_is_not_called_under_way(folders: Folders) -> None:
    async with folders.start(model=SLOW) as running:
        await ready(running, SLOW)
        await written(running, "tell me")
        screen = await compare(running, FAST)
        await running.until(lambda: screen.comparison.columns[0].is_asked, told="the first one's turn")
        await running.press("enter")
        await running.shows("this answer is still under way")
        screen.comparison.stop()
        await over(running, screen)
        await running.until(lambda: "still under way" not in running.text, told="the end, said")
        assert running.app.screen is screen


@UNHURRIED
async def test_escape_stops_then_asks_before_anything_is_lost(folders: Folders, server: DemoServer) -> None:
    folders.write("config/hosts.toml", f'[box]\naddress = "{folders.url}"\nmemory_bytes = 1_000_000_000\n')
    async with folders.start(model=SLOW) as running:
        await ready(running, SLOW)
        await written(running, "tell me")
        screen = await compare(running, THINKER)
        await running.shows("waits for its turn", "esc stop")
        await running.until(lambda: (screen.comparison.columns[0].progress or 0) and "~" in running.text, told="words")
        await running.press("enter")
        await running.shows("this answer is still under way")
        await running.press("escape")
        await over(running, screen)
        await running.shows("stopped", "not asked", "esc close")
        assert asked_models(server) == [SLOW]
        await running.press("escape")
        await answer_question(running, "enter")
        assert running.app.screen is screen
        await running.press("escape")
        await answer_question(running, "down", "enter")
        await running.until(lambda: running.chat.is_current, told="the conversation")
        assert running.chat.session.is_empty
        assert running.chat.prompt.text == "tell me"


@UNHURRIED
async def test_a_stopped_answer_can_be_kept_and_an_unasked_one_asked(folders: Folders, server: DemoServer) -> None:
    folders.write("config/hosts.toml", f'[box]\naddress = "{folders.url}"\nmemory_bytes = 1_000_000_000\n')
    async with folders.start(model=SLOW) as running:
        await ready(running, SLOW)
        await written(running, "tell me")
        screen = await compare(running, FAST)
        slow = screen.comparison.columns[0]
        await running.until(lambda: slow.progress is not None and slow.progress.pieces, told="words")
        await running.press("escape")
        await over(running, screen)
        await running.press("tab")
        await running.shows("r ask it")
        await running.press("r")
        await running.until(lambda: screen.comparison.columns[1].can_keep, told="the second answer")
        await running.press("1", "enter")
        await running.until(lambda: running.chat.is_current, told="the conversation")
        (_, kept) = running.chat.session.conversation.messages
        assert kept.state is MessageState.stopped
        assert kept.model == SLOW
        assert kept.text


async def test_a_missing_model_stands_in_its_column_and_can_be_pulled(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, f"{GUEST} {FAST}")
        await over(running, screen)
        await running.shows("2 of 3 answers")
        await running.press("2")
        await running.shows("no answer", "p pull it", "r ask it again")
        assert GUEST in column(screen, 1).transcript.conversation_source() or "guest:4b" in running.text
        await running.press("enter")
        await running.shows("there is no answer to keep here")
        await running.press("p")
        await running.until(lambda: screen.comparison.columns[1].can_keep, told="the pulled model's answer")
        await running.shows("3 of 3 answers")


async def test_who_cannot_be_asked_is_said_before_anything_opens(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, f"/compare {FAST}")
        await running.press("enter")
        await running.shows("there is no prompt yet", "write it below and press enter")
        assert running.chat.prompt.text == f"/compare {FAST}\n"
        running.chat.prompt.load("hello")
        await running.chat.action_compare(f"{FAST} {THINKER} {TOUR} {FAST}")
        await running.shows("4 answers fit side by side")
        await running.chat.action_compare("@precis")
        await running.shows("there is no preset precis", "precise")
        assert not chats(server)


async def test_a_preset_answers_with_its_values_and_stays_when_kept(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, f"@precise {FAST}@creative")
        await over(running, screen)
        found = {one["model"]: one["options"] for one in chats(server) if "temperature" in one.get("options", {})}
        assert set(found) == {TOUR, FAST}
        assert found[TOUR]["temperature"] == 0.1
        await running.shows("tour:8b · precise", "fast:1b · creative")
        await running.press("2", "enter")
        await running.until(lambda: running.chat.is_current, told="the conversation")
        conversation = running.chat.session.conversation
        assert (conversation.model, conversation.control.preset) == (TOUR, "precise")


async def test_several_are_taken_along_in_the_picker(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        await running.chat.action_compare()
        await running.until(lambda: isinstance(running.app.screen, ComparePicker), told="the picker")
        # What makes embeddings cannot answer.
        await running.hides("embed:small")
        await running.type("fast:1b")
        await running.until(lambda: "@" not in running.rows[9], told="the filter")
        await running.press("tab")
        await running.shows("1 of 3 taken", "tab leave it out")
        await running.press("ctrl+u")
        await running.type("thinker")
        await running.shows("thinker:8b")
        await running.press("tab")
        await running.shows("2 of 3 taken", "tour:8b, fast:1b, thinker:8b", "enter compare 3 answers")
        await running.press("enter")
        await running.until(lambda: isinstance(running.app.screen, CompareScreen), told="the comparison")
        screen = running.app.screen
        assert isinstance(screen, CompareScreen)
        assert [one.answerer.model for one in screen.comparison.columns] == [TOUR, FAST, THINKER]
        await over(running, screen)


async def test_a_cloud_model_is_asked_about_first(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        task = running.chat.in_background(running.chat.action_compare("cloudy:120b-cloud"))
        await running.shows("a model in the cloud")
        await answer_question(running, "enter")
        await running.until(task.done, told="the end of it")
        assert running.chat.is_current
        assert not chats(server)
        task = running.chat.in_background(running.chat.action_compare("cloudy:120b-cloud"))
        await running.shows("a model in the cloud")
        await answer_question(running, "down", "enter")
        await running.until(lambda: isinstance(running.app.screen, CompareScreen), told="the comparison")
        screen = running.app.screen
        assert isinstance(screen, CompareScreen)
        await running.shows("2 cloudy:120b-cloud · cloud")
        await over(running, screen)


async def test_a_private_conversation_keeps_nothing_of_it(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/private")
        await running.shows("private, nothing is kept")
        await written(running, "a secret")
        screen = await compare(running, FAST)
        await over(running, screen)
        await running.press("enter")
        await running.until(lambda: running.chat.is_current, told="the conversation")
        assert running.chat.session.is_private
        assert len(running.chat.session.conversation.messages) == 2
        usage = running.workspace.places.usage_file
        assert not usage.exists() or TOUR not in usage.read_text()
    files = [one for one in folders.root.rglob("*") if one.is_file()]
    assert not [one for one in files if b"a secret" in one.read_bytes()]


async def test_quitting_asks_before_answers_are_lost(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, FAST)
        await over(running, screen)
        await running.press("ctrl+q")
        await answer_question(running, "enter")
        assert running.app.screen is screen
        await running.press("ctrl+q")
        await answer_question(running, "down", "enter")
        await running.until(lambda: not running.app.is_running, told="the end")


async def test_the_keys_of_the_screen_are_on_f1(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, FAST)
        await over(running, screen)
        await running.press("f1")
        await running.shows("on this screen", "keep 1", "close")


@pytest.mark.parametrize(
    ("count", "size", "abreast"),
    [
        (2, (60, 15), 0),
        (2, (80, 24), 2),
        (3, (80, 24), 0),
        (3, (120, 40), 3),
        (4, (120, 40), 2),
        (4, (120, 24), 0),
        (4, (200, 50), 4),
        (3, (100, 60), 2),
    ],
)
def test_columns_stand_beside_each_other_where_there_is_room(count: int, size: tuple[int, int], abreast: int) -> None:
    assert columns_abreast(count, width_cells=size[0], height_rows=size[1]) == abreast


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_window_shows_who_answers_and_how_to_go_on(
    folders: Folders, server: DemoServer, size: tuple[int, int]
) -> None:
    async with folders.start(size=size) as running:
        await ready(running)
        await written(running, "how fast are you?")
        screen = await compare(running, f"{FAST} {THINKER}")
        await over(running, screen)
        await running.shows("how fast are you?", "tour:8b", FAST, "thinker", "enter keep 1", "tab next", "esc close")
        await running.shows("all at once")
        for number in range(3):
            await running.press(str(number + 1))
            await running.shows(f"enter keep {number + 1}")
            shown = column(screen, number)
            assert shown.size.height > 4
            assert shown.size.width >= 34 or size[0] < 80
            assert "done" in shown.text
            assert "tok/s" in shown.text


async def test_a_window_that_changes_arranges_them_anew(folders: Folders, server: DemoServer) -> None:
    async with folders.start(size=(120, 40)) as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, f"{FAST} {THINKER}")
        await over(running, screen)
        shown = [column(screen, number) for number in range(3)]
        assert all(one.display for one in shown)
        await running.pilot.resize_terminal(60, 15)
        await running.until(lambda: [one.display for one in shown] == [True, False, False], told="one of them")
        await running.press("tab")
        await running.until(lambda: [one.display for one in shown] == [False, True, False], told="the next one")
        await running.pilot.resize_terminal(200, 50)
        await running.until(lambda: all(one.display and one.size.width > 60 for one in shown), told="all of them")


async def test_what_is_attached_goes_to_everybody_and_is_kept(folders: Folders, server: DemoServer) -> None:
    file = folders.write("notes.txt", "the cellar is flooded\n")
    async with folders.start() as running:
        await ready(running)
        await running.chat.action_attach_files(str(file))
        await running.until(lambda: taken_apart(running.chat.prompt.text)[1], told="what is attached")
        await running.type("what now?")
        await running.until(lambda: "what now?" in running.chat.prompt.text, told="the prompt")
        screen = await compare(running, FAST)
        await over(running, screen)
        assert len(chats(server)) == 2
        for sent in chats(server):
            assert "the cellar is flooded" in sent["messages"][-1]["content"]
        await running.press("2", "enter")
        await running.until(lambda: running.chat.is_current, told="the conversation")
        assert running.chat.prompt.is_empty
        (kept,) = running.chat.session.conversation.messages[0].attachments
        assert kept.name.endswith("notes.txt")


async def test_a_click_marks_a_column_and_the_keys_of_a_transcript_move_it(
    folders: Folders, server: DemoServer
) -> None:
    async with folders.start(size=(120, 24)) as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, FAST)
        await over(running, screen)
        await running.pilot.click(column(screen, 1), offset=(5, 8))
        await running.shows("enter keep 2")
        transcript = column(screen, 1).transcript
        assert transcript.following
        await running.press("home")
        await running.until(lambda: transcript.scroll_y == 0, told="its beginning")
        await running.press("pagedown", "up", "down")
        await running.until(lambda: transcript.scroll_y > 0, told="a page further")
        await running.press("end")
        await running.until(lambda: transcript.following, told="its end")
        assert column(screen, 0).transcript.following
        await running.press("ctrl+y")
        await running.shows("the answer of fast:1b")


async def test_the_beginning_of_a_name_is_enough(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, "thi fas@precise t")
        assert [one.answerer.model for one in screen.comparison.columns] == [TOUR, THINKER, FAST, "t"]
        await over(running, screen)


@pytest.mark.parametrize("terminal", [{**TERMINAL, "LANG": "C"}, {**TERMINAL, "NO_COLOR": "1"}], ids=["ascii", "grey"])
async def test_plain_terminals_have_it_too(folders: Folders, server: DemoServer, terminal: dict[str, str]) -> None:
    async with folders.start(terminal=terminal) as running:
        await ready(running)
        await written(running, "hello")
        screen = await compare(running, f"{FAST} {THINKER}")
        await over(running, screen)
        await running.shows("1 tour:8b", "2 fast:1b", "enter keep 1")
        if terminal["LANG"] == "C":
            assert all(row.isascii() for row in running.rows)
        await running.press("tab")
        mark = ">" if terminal["LANG"] == "C" else "›"
        # The marked one is told by a glyph and not by its colour alone.
        await running.shows(f"{mark} 2 fast:1b")
        await running.hides(f"{mark} 1 tour:8b")


async def test_foreign_names_and_answers_are_only_text(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        for word in HOSTILE_STRINGS[:6]:
            name = "".join(word.split()) or "x"
            running.chat.prompt.load(f"{word} ?")
            await running.chat.action_compare(name)
            await running.until(lambda: isinstance(running.app.screen, CompareScreen), told="the comparison")
            screen = running.app.screen
            assert isinstance(screen, CompareScreen)
            await over(running, screen)
            assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for row in running.rows for letter in row)
            await running.press("escape")
            await answer_question(running, "down", "enter")
            await running.until(lambda: running.chat.is_current, told="the conversation")
