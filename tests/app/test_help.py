"""F1 tells the keys that work here and now, those that never arrive, and where files lie; the palette says why not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.running import Folders, Running
from tui.app.commands.command import Where
from tui.app.commands.declared import COMMANDS
from tui.app.eaten_keys import EatenKey, Surroundings, eaten_keys, read_surroundings
from tui.app.screens.keys_help import KeysHelp
from tui.app.screens.palette import Palette
from tui.app.screens.question import Question
from tui.demo import DemoServer


async def open_help(chinwag: Running) -> KeysHelp:
    await chinwag.press("f1")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, KeysHelp), told="the keys")
    screen = chinwag.app.screen
    assert isinstance(screen, KeysHelp)
    return screen


def told(screen: KeysHelp) -> str:
    return "\n".join("".join(text for text, _ in (*row.left, *row.right)) for row in screen.list.rows)


def by_key(found: tuple[EatenKey, ...]) -> dict[str, EatenKey]:
    return {one.key: one for one in found}


# Here and now


async def test_in_the_conversation_every_key_of_it_and_of_the_prompt_is_told(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        text = told(await open_help(chinwag))
        for command in COMMANDS:
            if command.where in (Where.chat, Where.prompt):
                assert all(key in text for key in command.keys), command.name
        assert "in lists" not in text
        await chinwag.press("f1")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")


async def test_on_a_list_the_keys_of_that_list_are_told_and_it_stays(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.press("ctrl+t")
        await chinwag.shows("Models", "tour:8b")
        below = chinwag.app.screen
        own: Any = below
        text = told(await open_help(chinwag))
        assert "in this list" in text
        assert all(word in text for _, word in own.keys_line())
        assert "earlier prompts" not in text
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is below, told="the list, as it was")


async def test_in_the_settings_their_own_keys_are_told_and_they_stay(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.press("f2")
        await chinwag.shows("next group")
        below = chinwag.app.screen
        text = told(await open_help(chinwag))
        assert "next group" in text
        assert "these close it first" not in text
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is below, told="the settings, as they were")


async def test_while_a_value_is_written_the_keys_of_that_are_told(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.press("f2")
        await chinwag.shows("next group")
        await chinwag.type("prose width")
        await chinwag.press("enter")
        await chinwag.press("enter")
        await chinwag.shows("enter keep")
        assert "keep" in told(await open_help(chinwag))


async def test_on_a_question_its_keys_are_told_and_it_stays(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        answers: list[str | None] = []
        question = Question(
            title="really",
            lines=("it cannot be undone",),
            answers=(("no", "leave it"), ("yes", "do it")),
            theme=chinwag.app._theme_now,
            glyphs=chinwag.app.glyphs,
            clock=chinwag.clock,
        )
        chinwag.app.push_screen(question, answers.append)
        await chinwag.shows("it cannot be undone")
        text = told(await open_help(chinwag))
        assert "choose" in text
        assert "earlier prompts" not in text
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.screen is question, told="the question, as it was")
        assert answers == []


async def test_in_the_find_bar_its_keys_are_told_and_it_stays(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.press("ctrl+f")
        await chinwag.until(lambda: chinwag.chat.find_bar.has_focus_within, told="the find bar")
        text = told(await open_help(chinwag))
        assert "in the find bar" in text
        assert all(word in text for _, word in chinwag.chat.find_bar.keys_line())
        assert "ctrl+j" not in text
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.chat.find_bar.has_focus_within, told="the find bar, as it was")


async def test_in_the_copy_line_its_keys_are_told_and_it_stays(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.press("ctrl+y")
        await chinwag.until(lambda: chinwag.chat.copy_line.has_focus, told="the copy line")
        text = told(await open_help(chinwag))
        assert "for what to copy" in text
        assert "answer" in text
        await chinwag.press("escape")
        await chinwag.until(
            lambda: chinwag.app.screen is chinwag.chat and chinwag.chat.copy_line.has_focus, told="the copy line again"
        )
        await chinwag.press("a")
        await chinwag.until(lambda: not chinwag.chat.copy_line.is_open, told="it was answered")


async def test_a_changed_key_of_a_list_is_told_as_it_is(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\n'list.rename' = 'f9'\n")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.press("ctrl+o")
        await chinwag.shows("f9 rename")
        text = told(await open_help(chinwag))
        assert "f9" in text
        assert "alt+n" not in text


async def test_in_the_smallest_window_a_key_is_told(folders: Folders) -> None:
    async with folders.start(size=(30, 8)) as chinwag:
        await chinwag.until(lambda: chinwag.chat.session.conversation.model, told="a model")
        screen = await open_help(chinwag)
        await chinwag.until(lambda: any("› enter" in row for row in chinwag.rows), told="the first key")
        await chinwag.press("down")
        marked = screen.list.marked
        assert marked
        await chinwag.until(lambda: any("› ctrl+j" in row for row in chinwag.rows), told="the next key")


async def test_what_would_do_nothing_says_why(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        assert "no answer is under way" in told(await open_help(chinwag))


async def test_it_says_where_files_lie_and_filters(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        screen = await open_help(chinwag)
        places = chinwag.workspace.places
        assert all(str(one) in told(screen) for one in (places.data, places.settings_file, places.state, places.cache))
        await chinwag.type("settings.toml")
        await chinwag.until(lambda: "earlier prompts" not in told(screen), told="the filtered help")
        assert str(places.settings_file) in told(screen)


async def test_in_zellij_it_says_what_to_use_instead(folders: Folders) -> None:
    async with folders.start(environ={"ZELLIJ": "0"}) as chinwag:
        await chinwag.shows("Ask tour:8b")
        text = told(await open_help(chinwag))
        assert "keys that do not arrive" in text
        assert "zellij takes it: /commands" in text


# The keys that never arrive


def test_every_key_that_is_taken_has_another_way() -> None:
    everywhere = Surroundings(
        is_tmux=True,
        is_screen=True,
        is_zellij=True,
        is_mosh=True,
        is_vscode=True,
        is_windows_terminal=True,
        is_apple_terminal=True,
        is_container=True,
        has_flow_control=True,
    )
    found = eaten_keys(everywhere, COMMANDS)
    assert {one.by for one in found} >= {"tmux", "screen", "zellij", "mosh", "VS Code", "Windows Terminal", "docker"}
    assert all(one.instead and "settings" not in one.instead for one in found), found


def test_what_is_told_instead_arrives() -> None:
    found = by_key(eaten_keys(Surroundings(is_zellij=True), COMMANDS))
    assert found["ctrl+p"].instead == "/commands"
    assert found["ctrl+q"].instead.startswith("/bye or ctrl+d on an empty prompt")
    assert "ctrl+j" in by_key(eaten_keys(Surroundings(is_windows_terminal=True), COMMANDS))["alt+enter"].instead


def test_nothing_is_taken_where_nobody_is() -> None:
    assert eaten_keys(Surroundings(), COMMANDS) == ()


@pytest.mark.parametrize(
    ("environ", "field"),
    [
        ({"TMUX": "/tmp/tmux-0/default,1,0"}, "is_tmux"),
        ({"STY": "1.pts"}, "is_screen"),
        ({"ZELLIJ": "0"}, "is_zellij"),
        ({"TERM_PROGRAM": "vscode"}, "is_vscode"),
        ({"WT_SESSION": "x"}, "is_windows_terminal"),
        ({"TERM_PROGRAM": "Apple_Terminal"}, "is_apple_terminal"),
    ],
)
def test_who_stands_between_is_read_from_the_environment(environ: dict[str, str], field: str) -> None:
    assert getattr(read_surroundings(environ, input_descriptor=-1), field)
    assert not getattr(read_surroundings({}, input_descriptor=-1), field)


# The palette


async def palette(chinwag: Running) -> Palette:
    await chinwag.press("ctrl+p")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, Palette), told="the palette")
    screen = chinwag.app.screen
    assert isinstance(screen, Palette)
    return screen


async def test_what_cannot_be_done_says_why_and_is_not_done(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        screen = await palette(chinwag)
        await chinwag.type("try again")
        await chinwag.shows("not now: nothing failed")
        await chinwag.press("enter")
        await chinwag.pilot.pause()
        assert chinwag.app.screen is screen
        assert not any(one.path == "/api/chat" for one in server.received)


async def test_what_was_used_last_stands_first(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        first = (await palette(chinwag)).list.rows[0].key
        await chinwag.type("mouse")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        rows = (await palette(chinwag)).list.rows
        keys = [row.key for row in rows if row.key]
        assert keys[:2] == ["terminal.mouse", first]
        assert len(keys) == len(set(keys))


async def test_keys_stand_beside_commands(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        rows = {row.key: row for row in (await palette(chinwag)).list.rows}
        for command in COMMANDS:
            if command.name in rows and command.keys:
                shown = "".join(text for text, _ in rows[command.name].right)
                assert command.keys[0].partition(" ")[0] in shown


async def test_a_models_details_and_what_is_filled_in_there_tell_their_keys_too(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.press("ctrl+t")
        await chinwag.shows("Models", "tour:8b")
        await chinwag.press("tab")
        await chinwag.shows("family", "keep")
        await tells_its_keys_and_stays(chinwag, "keep")
        await chinwag.press("c")
        await chinwag.shows("Copy tour:8b")
        await tells_its_keys_and_stays(chinwag, "copy")


async def tells_its_keys_and_stays(chinwag: Running, word: str) -> None:
    below = chinwag.app.screen
    text = told(await open_help(chinwag))
    assert "on this screen" in text
    assert word in text
    await chinwag.press("f1")
    await chinwag.until(lambda: chinwag.app.screen is below, told="what was there")
