"""The words of Ollama's own prompt: known ones do what they say, the others say what there is in their place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.running import Folders, Running
from tests.app.test_steering import answer, last_chat, options, ready
from tui.app.commands.declared import read_slash
from tui.app.commands.ollama_words import Instead, Meant, meant_by_set, meant_by_show
from tui.app.screens.choices import Choices
from tui.app.screens.models_details import ModelScreen
from tui.app.screens.question import Question
from tui.app.screens.settings import SettingsScreen
from tui.app.widgets.text_rows import TextRows
from tui.demo import DemoServer


@pytest.mark.parametrize(
    ("typed", "action", "argument"),
    [
        ("", "open_settings", ""),
        ("parameter num_ctx 4096", "open_options", "num_ctx 4096"),
        ("system be brief", "use_system", "be brief"),
        ('system """be\nbrief"""', "use_system", "be\nbrief"),
        ('system "be brief"', "use_system", "be brief"),
        ("think", "use_thinking", "on"),
        ("think low", "use_thinking", "low"),
        ("nothink", "use_thinking", "off"),
        ("format json", "use_format", "json"),
        ("noformat", "use_format", "off"),
    ],
)
def test_what_set_means(typed: str, action: str, argument: str) -> None:
    assert meant_by_set(typed) == Meant(action=action, argument=argument)


@pytest.mark.parametrize("typed", ["verbose", "quiet", "wordwrap", "nowordwrap", "history", "nohistory", "sail"])
def test_what_set_has_no_use_for_says_what_there_is(typed: str) -> None:
    meant = meant_by_set(typed)
    assert isinstance(meant, Instead)
    assert meant.words
    assert meant.more


@given(st.text(max_size=40))
def test_whatever_stands_behind_them_is_meant_or_answered(typed: str) -> None:
    for meant in (meant_by_set(typed), meant_by_show(typed)):
        assert isinstance(meant, Meant) or (meant.words and meant.more)


@pytest.mark.parametrize("text", ["/set sail for Troy", "/show me the way", '/set system """a\nb"""', "/save me"])
def test_they_are_commands_whatever_follows(text: str) -> None:
    assert read_slash(text) is not None


async def test_what_is_set_holds_in_this_conversation(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/set parameter num_ctx 4096")
        await running.shows("context tokens: 4096")
        await running.send("/set system be brief")
        await running.shows("system prompt: be brief")
        await running.send("/set nothink")
        await running.send("/set parameter seed 7")
        await running.shows("seed: 7")
        await answer(running)
        assert options(server) == {"num_ctx": 4096, "seed": 7}
        assert last_chat(server)["messages"][0] == {"role": "system", "content": "be brief"}


async def test_what_does_not_exist_is_no_prompt(folders: Folders) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/set sail for Troy")
        await running.shows("there is no /set sail", "/set system, parameter, think or format")
        await running.send("/show me the way")
        await running.shows("there is no /show me the way", "info, license, modelfile")
        assert running.chat.session.is_empty
        await running.press("up")
        await running.until(lambda: running.chat.prompt.text == "/show me the way", told="it back")


async def test_set_alone_opens_the_settings(folders: Folders) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/set")
        await running.until(lambda: isinstance(running.app.screen, SettingsScreen), told="the settings")


async def test_what_the_model_is_is_shown_from_the_section_on(folders: Folders) -> None:
    async with folders.start(size=(100, 24)) as running:
        await ready(running)
        await running.send("/show license")
        await running.until(lambda: isinstance(running.app.screen, ModelScreen), told="the model")
        rows = running.app.screen.query_one(TextRows)
        await running.until(lambda: rows.scroll_offset.y > 0, told="the licence")
        await running.shows("license", "under its MIT license")
        await running.press("escape")
        await running.send("/show parameters")
        await running.until(lambda: isinstance(running.app.screen, Choices), told="the options")
        await running.press("escape")
        await running.send("/set system be brief")
        await running.send("/show system")
        await running.shows("system prompt: be brief", "/system changes it")


async def saves(running: Running, name: str) -> None:
    await running.send(f"/save {name}")
    await running.until(lambda: isinstance(running.app.screen, Question), told="a question")
    await running.shows(f"make a model {name}", "of this conversation")
    running.clock.ahead_seconds += 1
    await running.press("down", "enter")


async def test_a_conversation_is_made_into_a_model_and_loaded(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/set system be brief")
        await running.send("/set parameter temperature 0")
        await answer(running)
        await saves(running, "brief:1")
        await running.shows("brief:1 is on", "/load brief:1 goes on from here")
        body = json.loads(next(one.body for one in server.received if one.path == "/api/create"))
        assert body["model"] == "brief:1"
        assert body["from"] == "tour:8b"
        assert body["system"] == "be brief"
        assert body["parameters"] == {"temperature": 0}
        assert [one["role"] for one in body["messages"]] == ["user", "assistant"]
        await running.send("/load brief:1")
        await running.until(lambda: running.chat.session.conversation.model == "brief:1", told="the made model")


async def test_nothing_is_made_without_a_yes_and_a_refusal_is_said(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/save")
        await running.shows("a model needs a name")
        await running.send("/save mine")
        await running.until(lambda: isinstance(running.app.screen, Question), told="a question")
        running.clock.ahead_seconds += 1
        await running.press("escape")
        await running.until(lambda: running.app.screen is running.chat, told="the conversation")
        assert all(one.path != "/api/create" for one in server.received)
        await saves(running, "mine:a:b")  # no name that a server takes
        await running.until(lambda: any(one.path == "/api/create" for one in server.received), told="what was asked")
        await running.until(lambda: running.app.sayings.log[-1].role == "error", told="the refusal")
