"""A title by the model, only when somebody asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.app.running import Folders, Running, served
from tui.demo import Answer, DemoModel, DemoServer, Prompt

TITLE = "How trees split"
ASKS = "Give the conversation below a title"


def namer(prompt: Prompt) -> Answer:
    if prompt.question.startswith(ASKS):
        return Answer(text=f'Title: "{TITLE}."')
    return Answer(text="They grow.")


def mute(prompt: Prompt) -> Answer:
    return Answer(text="" if prompt.question.startswith(ASKS) else "They grow.")


MODELS = (
    DemoModel(name="namer:8b", script=namer, capabilities=("completion", "thinking")),
    DemoModel(name="mute:8b", script=mute),
)


@dataclass(slots=True)
class Held:
    """The server says nothing between ``begin`` and ``end``."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    has_begun: bool = False

    async def sleep(self, _seconds: float) -> None:
        if self.has_begun:
            await self.over.wait()


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer(models=MODELS, speed=0) as demo:
        yield demo


async def asked(chinwag: Running, model: str = "namer:8b") -> None:
    await chinwag.shows(f"Ask {model}")
    await chinwag.send("what do trees do?")
    await chinwag.answered()


async def test_the_model_gives_the_title_and_undo_brings_the_one_before_back(folders: Folders) -> None:
    async with folders.start(model="namer:8b") as chinwag:
        await asked(chinwag)
        assert "what do trees do?" in chinwag.header
        await chinwag.send("/title")
        await chinwag.until(lambda: TITLE in chinwag.header, told="the title")
        await chinwag.shows(f"it is called: {TITLE}", "ctrl+_ brings the old title back")
        await chinwag.press("ctrl+underscore")
        await chinwag.until(lambda: "what do trees do?" in chinwag.header, told="the title before")
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("nothing to bring back")
        assert len(chinwag.chat.session.conversation.messages) == 2


async def test_nobody_is_asked_for_a_title_by_itself(tmp_path: Path) -> None:
    questions: list[str] = []

    def listener(prompt: Prompt) -> Answer:
        questions.append(prompt.question)
        return Answer(text="They grow.")

    models = (DemoModel(name="namer:8b", script=listener),)
    async with served(tmp_path, models=models) as (folders, _), folders.start(model="namer:8b") as chinwag:
        await asked(chinwag)
        await chinwag.send("and then?")
        await chinwag.answered()
        await chinwag.send("/new")
        await chinwag.hides("They grow.")
        assert questions == ["what do trees do?", "and then?"]


async def test_a_text_is_the_title_and_can_be_undone_too(folders: Folders) -> None:
    async with folders.start(model="namer:8b") as chinwag:
        await asked(chinwag)
        await chinwag.send("/title all about trees")
        await chinwag.until(lambda: "all about trees" in chinwag.header, told="the title")
        await chinwag.send("/rename of trees")
        await chinwag.until(lambda: "of trees" in chinwag.header, told="the title")
        await chinwag.press("ctrl+underscore")
        await chinwag.until(lambda: "all about trees" in chinwag.header, told="the title before")


async def test_before_anything_was_said_there_is_nothing_to_name(folders: Folders) -> None:
    async with folders.start(model="namer:8b") as chinwag:
        await chinwag.shows("Ask namer:8b")
        await chinwag.send("/title")
        await chinwag.shows("nothing was said yet")


async def test_a_model_that_finds_none_is_named_and_the_title_stays(folders: Folders) -> None:
    async with folders.start(model="mute:8b") as chinwag:
        await asked(chinwag, "mute:8b")
        await chinwag.send("/title")
        await chinwag.shows("mute:8b found no title")
        assert "what do trees do?" in chinwag.header


async def test_escape_stops_it_and_the_title_stays(tmp_path: Path) -> None:
    """The server gets the request and never says a word."""
    held = Held()
    async with (
        served(tmp_path, models=MODELS, speed=1.0, sleep=held.sleep) as (folders, _),
        folders.start(model="namer:8b") as chinwag,
    ):
        await asked(chinwag)
        held.has_begun = True
        await chinwag.send("/title")
        await chinwag.shows("namer:8b looks for a title", "stops it")
        await chinwag.send("/title")
        await chinwag.shows("a title is being asked for")
        await chinwag.press("escape")
        await chinwag.shows("the title stays as it is")
        assert "what do trees do?" in chinwag.header
        assert not chinwag.chat.session.is_answering
        held.over.set()


async def test_whoever_renames_it_meanwhile_wins(tmp_path: Path) -> None:
    held = Held()
    async with (
        served(tmp_path, models=MODELS, speed=1.0, sleep=held.sleep) as (folders, _),
        folders.start(model="namer:8b") as chinwag,
    ):
        await asked(chinwag)
        held.has_begun = True
        await chinwag.send("/title")
        await chinwag.shows("namer:8b looks for a title")
        await chinwag.send("/rename mine")
        await chinwag.until(lambda: "mine" in chinwag.header, told="the new title")
        held.over.set()
        await chinwag.shows(f"it was renamed meanwhile, so it is not called: {TITLE}")
        assert "mine" in chinwag.header
