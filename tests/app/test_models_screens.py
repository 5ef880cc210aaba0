"""Models from inside the program: looking closely, pulling, copying, deleting, loading, and one that is not there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.running import Folders, Running, served
from tui.app.screens.models import ModelPicker
from tui.app.screens.models_details import ModelScreen
from tui.app.screens.models_pulls import PullsScreen
from tui.app.widgets.rows import RowList
from tui.app.widgets.text_rows import TextRows
from tui.chat.pulls import PullState
from tui.demo import DemoModel, DemoServer
from tui.demo.minds import recital


class Gate:
    """The server's time: it runs until ``after`` waits, then stands still until it is opened."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.after: int | None = None
        self.waits = 0

    async def sleep(self, _seconds: float) -> None:
        self.waits += 1
        if self.after is not None and self.waits > self.after:
            await self.is_open.wait()
        else:
            await asyncio.sleep(0)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def slow(gate: Gate, tmp_path: Path) -> AsyncIterator[tuple[Folders, DemoServer]]:
    async with DemoServer(sleep=gate.sleep) as server:
        yield Folders(tmp_path / "person", server.url), server
        gate.is_open.set()


async def open_picker(chinwag: Running, *marked: str) -> None:
    await chinwag.shows("Ask ")
    await chinwag.press("ctrl+t")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the picker")
    for name in marked:
        await chinwag.type(name)
        await chinwag.until(lambda: chinwag.app.screen.query_one(RowList).marked.startswith(name), told=name)  # noqa: B023


async def open_details(chinwag: Running, name: str) -> None:
    await open_picker(chinwag, name)
    await chinwag.press("tab")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelScreen), told="the details")
    await chinwag.shows("digest", "does it fit?")


def names(chinwag: Running) -> list[str]:
    return [one.name for one in chinwag.workspace.catalog.models or ()]


async def answer(chinwag: Running, *keys: str) -> None:
    """A question ignores keys for its first moment."""
    chinwag.clock.ahead_seconds += 1
    await chinwag.press(*keys)


async def test_everything_about_a_model_can_be_read(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_details(chinwag, "thinker")
        await chinwag.shows("8.2B · Q4_K_M · 5.2 GB", "completion, thinking", "8,192 tokens at most", "2 d ago")
        text = chinwag.app.screen.query_one(TextRows).text
        assert "temperature" in text
        assert "enable_thinking is defined" in text
        assert "under its MIT license" in text
        assert "demo.attention.head_count_kv" in text
        await chinwag.press("end")
        await chinwag.shows("tokenizer.ggml.model")
        await chinwag.press("home")
        await chinwag.shows("8.2B · Q4_K_M · 5.2 GB")
        await chinwag.press("enter")
        await chinwag.shows("Ask thinker:8b")


async def test_foreign_text_moves_nothing_and_says_nothing(tmp_path: Path) -> None:
    wicked = "one\x1b[31mtwo\x9b2Jthree[bold]four[/]\u202e"
    model = DemoModel(name="wicked:8b", script=recital("hm"), license=wicked * 3, parameters=(("stop", wicked),))
    async with served(tmp_path, models=[model]) as (folders, _), folders.start() as chinwag:
        await open_details(chinwag, "wicked")
        text = chinwag.app.screen.query_one(TextRows).text
        assert "␛[31mtwo" in text
        assert "[bold]four[/]" in text
        assert not any(letter in text for letter in "\x1b\x9b\u202e")


async def test_a_model_is_loaded_kept_and_unloaded(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await open_details(chinwag, "thinker")
        await chinwag.press("l")
        await chinwag.shows("in memory", "on the gpu", "4 min left")
        await chinwag.press("k")
        await chinwag.shows("kept until it is unloaded", "for good")
        await chinwag.press("u")
        await chinwag.shows("unloaded")
        await chinwag.hides("· on the gpu")
    kept = [json.loads(one.body).get("keep_alive") for one in server.received if one.path == "/api/chat"]
    assert kept == [None, -1, 0]


async def test_a_copy_needs_a_name_of_its_own(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_details(chinwag, "thinker")
        await chinwag.press("c")
        await chinwag.shows("Copy thinker:8b")
        await chinwag.press("enter")
        await chinwag.shows("a copy needs a name")
        await chinwag.type("thinker:8b")
        await chinwag.press("enter")
        await chinwag.shows("that is the model itself")
        await chinwag.press("ctrl+u")
        await chinwag.type("mine:8b")
        await chinwag.press("enter")
        await chinwag.shows("copied to mine:8b")
        await chinwag.press("escape")
        await chinwag.until(lambda: "mine:8b" in names(chinwag), told="the copy in the list")


async def test_deleting_asks_first_and_the_safe_answer_is_marked(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_details(chinwag, "thinker")
        await chinwag.press("d")
        await chinwag.shows("delete thinker:8b from", "› keep it", "This has no undo")
        await answer(chinwag, "enter")
        await chinwag.hides("This has no undo")
        assert "thinker:8b" in names(chinwag)
        await chinwag.press("d")
        await chinwag.shows("This has no undo")
        await answer(chinwag, "down", "enter")
        await chinwag.until(lambda: "thinker:8b" not in names(chinwag), told="it gone")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the list again")


async def test_a_model_that_somebody_else_deleted_meanwhile(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await open_details(chinwag, "thinker")
        await chinwag.workspace.client.delete_model("thinker:8b")
        await chinwag.press("l")
        await chinwag.shows("thinker:8b is not on")
        await chinwag.press("escape")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the list again")


async def test_sorting_goes_round(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.until(lambda: len(chinwag.app.screen.query_one(RowList).rows) == 10, told="all models")

        def keys() -> list[str]:
            return [row.key for row in chinwag.app.screen.query_one(RowList).rows]

        usual = keys()
        await chinwag.press("alt+s")
        await chinwag.shows("by name")
        assert keys() == sorted(usual)
        await chinwag.press("alt+s")
        await chinwag.shows("by size")
        assert keys()[0] == "hungry:405b"
        await chinwag.press("alt+s")
        await chinwag.shows("by newest")
        assert keys()[-1] == "cloudy:120b-cloud"
        await chinwag.press("alt+s")
        await chinwag.hides("by newest")
        assert keys() == usual


async def test_whether_it_fits_is_said_under_the_list(folders: Folders) -> None:
    folders.write("config/hosts.toml", f'[box]\naddress = "{folders.url}"\nmemory_bytes = 24_000_000_000\n')
    async with folders.start() as chinwag:
        await open_picker(chinwag, "thinker")
        await chinwag.shows("fits on the gpu at 8k: needs ~6.4 GB, 24.0 free")
        await chinwag.press("ctrl+u")
        await chinwag.type("slow")
        await chinwag.shows("partly on the cpu at 8k: needs ~45.2 GB, 24.0 free")


async def test_unloading_from_the_list(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await open_picker(chinwag)
        await chinwag.shows("loaded with a context of 8k", "alt+u unload")
        await chinwag.press("alt+u")
        await chinwag.shows("0 loaded")
        await chinwag.hides("alt+u unload")


async def test_two_pulls_go_on_behind_a_conversation(slow: tuple[Folders, DemoServer], gate: Gate) -> None:
    folders, _ = slow
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        gate.after = gate.waits + 40
        await chinwag.send("/pull guest:4b")
        await chinwag.shows("pulling guest:4b to", "/pull shows how far it is", "↓ guest:4b")
        await chinwag.send("/pull nobody:7b")
        await chinwag.shows("there is no model nobody:7b to pull")
        await chinwag.send("/pull")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, PullsScreen), told="the pulls")
        await chinwag.shows("1 under way", "of 2.6 GB", "failed", "▰")
        await chinwag.press("escape")
        gate.is_open.set()
        await chinwag.shows("guest:4b is on")
        await chinwag.hides("↓ guest:4b")
        await chinwag.until(lambda: "guest:4b" in names(chinwag), told="it in the list")


async def test_a_pull_is_stopped_and_gone_on_with(slow: tuple[Folders, DemoServer], gate: Gate) -> None:
    folders, server = slow
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.type("guest:4b")
        await chinwag.shows("alt+p pulls guest:4b")
        gate.after = gate.waits + 40
        await chinwag.press("alt+p")
        await chinwag.shows("Pull a model to", "enter pull it")
        await chinwag.press("enter")
        await chinwag.shows("pulling", "1 under way", "alt+x stop")
        await chinwag.press("alt+x")
        await chinwag.shows("stopped · on", "enter go on")
        gate.is_open.set()
        await chinwag.press("enter")
        await chinwag.shows("it is there", "100 %")
        await chinwag.press("alt+x")
        await chinwag.until(lambda: not chinwag.app.screen.query_one(RowList).rows, told="an empty list")
        assert sum(one.path == "/api/pull" for one in server.received) == 2


async def test_what_was_asked_for_last_is_what_is_told_of(slow: tuple[Folders, DemoServer], gate: Gate) -> None:
    folders, _ = slow
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        gate.after = gate.waits + 40
        await chinwag.send("/pull guest:4b")
        await chinwag.shows("↓ guest:4b")
        await chinwag.send("/pull")
        await chinwag.shows("goes on in the background")
        await chinwag.type("nobody:7b")
        await chinwag.press("enter")
        await chinwag.shows("check its name and its tag", "enter go on")
        assert chinwag.app.screen.query_one(RowList).marked.endswith("\nnobody:7b")
        gate.is_open.set()


async def test_the_end_of_the_program_stops_a_pull(slow: tuple[Folders, DemoServer], gate: Gate) -> None:
    folders, _ = slow
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        gate.after = gate.waits + 40
        await chinwag.send("/pull guest:4b")
        await chinwag.until(lambda: chinwag.workspace.pulls.running, told="the pull")
        pulls = chinwag.workspace.pulls
        await chinwag.app.leave()
    assert [one.state for one in pulls.all] == [PullState.stopped]


async def test_a_model_that_is_not_there_is_pulled_and_then_used(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/model guest:4b")
        await chinwag.shows("there is no model guest:4b on", "› leave it")
        await answer(chinwag, "down", "enter")
        await chinwag.shows("Ask guest:4b")
        assert chinwag.workspace.default_model == "guest:4b"


async def test_a_prompt_for_a_model_that_is_not_there_waits_for_it(folders: Folders) -> None:
    async with folders.start(model="guest:4b") as chinwag:
        await chinwag.shows("Ask guest:4b")
        await chinwag.send("hello there")
        await chinwag.shows("there is no model guest:4b on", "pull guest:4b, then go on")
        await answer(chinwag, "down", "enter")
        await chinwag.until(
            lambda: chinwag.chat.session.conversation.messages[-1].text and not chinwag.chat.session.is_answering,
            told="its answer",
        )
        asked = [one.text for one in chinwag.chat.session.conversation.messages if one.role == "user"]
        assert asked == ["hello there"]


async def test_leaving_it_leaves_everything_as_it_was(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/model guest:4b")
        await chinwag.shows("there is no model guest:4b on")
        await answer(chinwag, "enter")
        await chinwag.hides("there is no model guest:4b")
        assert chinwag.chat.session.conversation.model == "tour:8b"
        assert not chinwag.workspace.pulls.all


async def test_unloading_by_a_command(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/unload")
        await chinwag.shows("tour:8b is not loaded")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.send("/unload")
        await chinwag.shows("unloaded tour:8b")
        assert not chinwag.workspace.catalog.running


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (200, 50)])
async def test_every_screen_of_models_fits_every_window(folders: Folders, size: tuple[int, int]) -> None:
    async with folders.start(size=size) as chinwag:
        await open_details(chinwag, "thinker")
        await chinwag.shows("enter use")
        await chinwag.press("escape")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the list")
        await chinwag.press("alt+p")
        await chinwag.shows("Pull a model to")
        await chinwag.type("guest:4b")
        await chinwag.press("enter")
        await chinwag.shows("100 %", "done")
