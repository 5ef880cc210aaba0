"""Commands, drafts, and what a key means at this moment."""

from __future__ import annotations

import pytest
from textual.events import Paste

from tests.app.running import SLOW, TERMINAL, UNHURRIED, Folders
from tui.app.commands.declared import COMMANDS, read_slash
from tui.app.screens.palette import Palette
from tui.app.screens.question import Question
from tui.app.screens.themes import ThemePicker
from tui.demo import DemoServer

# Commands


@pytest.mark.parametrize(
    "text",
    [
        "/usr/bin/python is broken",
        "/new york is large",
        "/bye bye love",
        "/newer",
        "/",
        "// comment",
        " /new",
        "what does /new do",
        "/new\n/delete",
        "/NEW",
    ],
)
def test_what_only_looks_like_a_command_is_a_prompt(text: str) -> None:
    assert read_slash(text) is None


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/new", "conversation.new", ""),
        ("/clear ", "conversation.new", ""),
        ("/?", "help.keys", ""),
        ("/load qwen3:8b", "model.choose", "qwen3:8b"),
        ("/rename  a new name ", "conversation.rename", "a new name"),
        ("/bye", "quit", ""),
    ],
)
def test_what_is_a_command(text: str, name: str, argument: str) -> None:
    found = read_slash(text)
    assert found is not None
    assert (found[0].name, found[1]) == (name, argument)


def test_every_command_is_declared_once() -> None:
    for kind in ("name", "slash", "bound"):
        values = [
            value
            for command in COMMANDS
            if command.where == "chat"
            for value in ([command.name] if kind == "name" else getattr(command, kind))
        ]
        assert len(values) == len(set(values)), kind


async def test_a_path_is_sent_as_it_is(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        await chinwag.send("/usr/bin/python is broken")
        await chinwag.shows("▌ /usr/bin/python is broken", "✓ done")
        await chinwag.send("/new york")
        await chinwag.shows("▌ /new york")


async def test_only_a_command_that_was_typed_is_one(folders: Folders) -> None:
    async with folders.start(model="script-count-5-0") as chinwag:
        chinwag.chat.prompt._area.post_message(Paste("/new"))
        await chinwag.until(lambda: chinwag.chat.prompt.text == "/new", told="the paste")
        await chinwag.press("enter")
        await chinwag.shows("▌ /new", "✓ done")
        await chinwag.press("up", "enter")
        await chinwag.until(lambda: len(chinwag.chat.session.conversation.messages) == 4, told="the same again")
        await chinwag.answered()
        await chinwag.type("/delete")
    async with folders.start(model="script-count-5-0") as chinwag:
        await chinwag.press("ctrl+o")
        await chinwag.shows("1 conversation")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "/delete", told="the draft")
        await chinwag.press("enter")
        await chinwag.shows("▌ /delete")
        await chinwag.answered()


async def test_commands_complete_as_typed(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.type("/")
        await chinwag.shows("/commands", "every command", "tab takes it", "more")
        await chinwag.type("the")
        await chinwag.shows("/theme [NAME]", "choose the theme")
        await chinwag.until(lambda: "/commands" not in chinwag.text)
        await chinwag.press("tab")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "/theme ", told="the whole name")
        await chinwag.type("nor")
        await chinwag.press("enter")
        await chinwag.shows("there is no theme nor, did you mean nord?")
        await chinwag.send("/theme nord")
        await chinwag.until(lambda: chinwag.app.theme == "nord", told="nord")
        await chinwag.type("/n")
        await chinwag.shows("/new", "new conversation")
        await chinwag.press("escape")
        await chinwag.hides("new conversation")
        assert chinwag.chat.prompt.text == "/n"


async def test_palette_finds_and_does(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.press("ctrl+p")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, Palette), told="the palette")
        await chinwag.shows("choose the model", "ctrl+t", "/model [NAME]")
        await chinwag.type("theme")
        await chinwag.press("enter")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ThemePicker), told="the themes")
        await chinwag.press("ctrl+c")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        await chinwag.press("ctrl+p")
        await chinwag.type("rename")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "/rename ", told="a command begun")


# Themes


async def test_themes_are_shown_before_they_are_chosen(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        before = chinwag.app.theme
        await chinwag.send("/theme")
        await chinwag.shows("auto", "catppuccin-mocha")
        await chinwag.type("latte")
        await chinwag.until(lambda: chinwag.app.theme == "catppuccin-latte", told="a preview")
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.app.theme == before, told="the one before")
        await chinwag.send("/theme")
        await chinwag.type("latte")
        await chinwag.until(lambda: chinwag.app.theme == "catppuccin-latte", told="a preview")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
    async with folders.start() as chinwag:
        assert chinwag.app.theme == "catppuccin-latte"


async def test_every_theme_draws_every_part(folders: Folders) -> None:
    async with folders.start(size=(100, 30)) as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("tour")
        await chinwag.answered()
        await chinwag.press("ctrl+p")
        for name in chinwag.workspace.themes.themes:
            chinwag.app.pick_theme(name)
            await chinwag.pilot.pause()
            await chinwag.shows("choose the model", "✓ done")
            assert chinwag.app.theme == name


@pytest.mark.parametrize("colours", [{}, {"NO_COLOR": "1"}], ids=["sixteen", "none"])
async def test_few_colours_are_the_terminals_own(
    folders: Folders, colours: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in colours.items():
        monkeypatch.setenv(name, value)
    async with folders.start(terminal={"TERM": "xterm", "LANG": "C.UTF-8", **colours}) as chinwag:
        await chinwag.shows("Ask tour:8b")
        assert chinwag.app.theme == "terminal"
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.press("ctrl+t")
        await chinwag.shows("thinker:8b")
        styles = [segment.style for strip in chinwag.strips for segment in strip if segment.style is not None]
        drawn = {colour for style in styles for colour in (style.color, style.bgcolor) if colour is not None}
        assert all(colour.is_default or (colour.number is not None and colour.number < 16) for colour in drawn)
        assert any(style.reverse for style in styles)
        assert colours == {} or all(colour.is_default for colour in drawn)


async def test_what_is_wrong_with_settings_and_themes_is_said_once(folders: Folders) -> None:
    folders.write("config/settings.toml", '[appearance]\ntheme = "chinwag-drak"\nglyphs = "emoji"\n')
    folders.write("config/themes/mine.toml", 'extends = "nowhere"\n')
    async with folders.start() as chinwag:
        await chinwag.shows("settings.toml, line 3: ", "and 2 more")
        assert chinwag.app.theme == "chinwag-dark"
        said = [one.words for one in chinwag.app.sayings.log]
        assert sum("chinwag-drak" in one for one in said) == 1
        assert sum("mine.toml" in one for one in said) == 1
        chinwag.clock.ahead_seconds += 30
        while chinwag.app.sayings.shown() is not None:
            chinwag.clock.ahead_seconds += 30
        assert chinwag.app.sayings.waiting == 0


# Drafts


async def test_a_draft_waits_in_its_conversation_and_for_the_next_start(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.type("a thought here")
        await chinwag.press("ctrl+n")
        await chinwag.until(lambda: chinwag.chat.prompt.is_empty, told="an empty prompt")
        await chinwag.type("another there")
        await chinwag.press("ctrl+o")
        await chinwag.shows("1 conversation")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "a thought here", told="the first draft")
        await chinwag.press("ctrl+n")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "another there", told="the second draft")
    async with folders.start() as chinwag:
        await chinwag.until(lambda: chinwag.chat.prompt.text == "another there", told="the draft of a new one")
        await chinwag.press("ctrl+o")
        await chinwag.shows("1 conversation")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "a thought here", told="the draft of the other")
        await chinwag.press("enter")
        await chinwag.shows("▌ a thought here")
        await chinwag.answered()
    async with folders.start() as chinwag:
        await chinwag.press("ctrl+o")
        await chinwag.shows("1 conversation")
        await chinwag.press("enter")
        await chinwag.shows("▌ a thought here")
        assert chinwag.chat.prompt.is_empty


async def test_what_was_sent_is_no_draft_any_more(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
    assert not list((folders.root / "data" / "drafts").glob("*"))


# Keys


@UNHURRIED
async def test_quitting_with_an_answer_under_way_asks(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("go on")
        await chinwag.shows("● answering")
        await chinwag.press("ctrl+q")
        await chinwag.shows("an answer is under way", "› stay", "stop it and quit")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("ctrl+q", "enter")
        await chinwag.until(lambda: not isinstance(chinwag.app.screen, Question), told="no question")
        assert chinwag.app.is_running
        await chinwag.press("ctrl+q")
        await chinwag.shows("stop it and quit")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("down", "enter")
        await chinwag.until(lambda: not chinwag.app.is_running, told="the end")
    async with folders.start() as chinwag:
        await chinwag.press("ctrl+o")
        await chinwag.shows("1 conversation")
        await chinwag.press("enter")
        await chinwag.shows("▌ go on")
        assert chinwag.chat.session.conversation.messages[-1].text


async def test_ctrl_c_clears_then_quits_when_asked_twice(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.type("never mind")
        await chinwag.press("ctrl+c")
        await chinwag.shows("cleared · up brings it back")
        await chinwag.press("up")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "never mind", told="it is back")
        await chinwag.press("ctrl+c", "ctrl+c")
        await chinwag.shows("ctrl+c again quits")
        chinwag.clock.ahead_seconds += 3
        await chinwag.press("ctrl+c")
        await chinwag.pilot.pause()
        assert chinwag.app.is_running
        await chinwag.press("ctrl+c")
        await chinwag.until(lambda: not chinwag.app.is_running, told="the end")
        assert chinwag.app.return_value == 0


@pytest.mark.parametrize("how", ["ctrl+q", "ctrl+d", "/bye"])
async def test_ways_to_quit(folders: Folders, how: str) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        if how.startswith("/"):
            await chinwag.type(how)
            await chinwag.press("enter")
        else:
            await chinwag.press(how)
        await chinwag.until(lambda: not chinwag.app.is_running, told="the end")


async def test_ctrl_d_on_text_deletes_and_does_not_quit(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.type("ab")
        await chinwag.press("home", "ctrl+d")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "b", told="one letter less")
        assert chinwag.app.is_running


async def test_thinking_unfolds_by_key(folders: Folders) -> None:
    async with folders.start(model="thinker:8b") as chinwag:
        await chinwag.send("think")
        await chinwag.answered()
        await chinwag.shows("▸ thought for")
        await chinwag.press("alt+t")
        await chinwag.shows("▾ thought for")


async def test_ascii_where_the_locale_is_not_utf8(folders: Folders) -> None:
    async with folders.start(terminal={**TERMINAL, "LANG": "C"}) as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("lists")
        await chinwag.answered()
        await chinwag.shows("+ done")
        await chinwag.until(lambda: all(one.isascii() for one in (chinwag.header, chinwag.status)))


# Sizes

SIZES = [(60, 15), (80, 24), (120, 40), (200, 50), (30, 10), (10, 4)]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_screen_at_every_size(folders: Folders, size: tuple[int, int]) -> None:
    is_usable = size >= (60, 15)
    async with folders.start(size=size) as chinwag:
        await chinwag.until(lambda: chinwag.chat.session.conversation.model, told="a model")
        await chinwag.send("hello")
        await chinwag.answered()
        if is_usable:
            await chinwag.shows("tour:8b", "ctrl+p", "✓ done", "tok/s", "of 8k", "›")
        for key, words in (
            ("ctrl+t", ("thinker:8b", "enter use")),
            ("ctrl+o", ("hello", "enter open")),
            ("ctrl+p", ("choose the model", "enter do it")),
            ("f1", ("in the prompt", "esc back")),
        ):
            await chinwag.press(key)
            await chinwag.until(lambda: chinwag.app.screen is not chinwag.chat, told=key)
            if is_usable:
                await chinwag.shows(*words)
            await chinwag.press("escape")
            await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        chinwag.chat.open_connect(opened_by_itself=False)
        await chinwag.until(lambda: chinwag.app.screen is not chinwag.chat, told="Connect")
        if is_usable:
            await chinwag.shows("another address", "connected to")
