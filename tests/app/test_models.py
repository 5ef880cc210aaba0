"""Choosing a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from tests.app.running import SLOW, UNHURRIED, Folders, Running, served
from tui.app.screens.models import ModelPicker
from tui.app.widgets.rows import RowList
from tui.demo import Answer, DemoModel, DemoServer, Prompt
from tui.engine import Model, RunningModel
from tui.ollama.names import same_model


def hm(_prompt: Prompt) -> Answer:
    return Answer(text="hm")


def names(chinwag: Running) -> list[str]:
    return [row.key for row in chinwag.app.screen.query_one(RowList).rows]


async def open_picker(chinwag: Running) -> None:
    await chinwag.shows("Ask ")
    await chinwag.press("ctrl+t")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the picker")


async def show_picker(
    chinwag: Running, *, running: tuple[RunningModel, ...] = (), last_used: Mapping[str, str] | None = None
) -> None:
    """The picker with two models of a server that cannot be had otherwise; ``plain:7b`` is marked."""
    models = (Model(name="qwen3:8b"), Model(name="plain:7b"))

    async def refresh() -> tuple[tuple[Model, ...], tuple[RunningModel, ...]]:
        return models, running

    async def fill_in(_filled: Callable[[Model], None]) -> None:
        return

    picker = ModelPicker(
        theme=chinwag.app._theme_now,
        glyphs=chinwag.app.glyphs,
        host_name="box",
        current="plain:7b",
        models=models,
        running=running,
        same_model=same_model,
        last_used=last_used or {},
        now=chinwag.workspace.now,
        refresh=refresh,
        fill_in=fill_in,
    )
    await chinwag.app.push_screen(picker)


async def test_everything_about_a_model_in_one_row(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.shows("Models · 127.0.0.1", "10 models · 0 loaded", "thinking")
        row = next(one for one in chinwag.rows if "toolsmith:8b" in one)
        assert row.strip(" │").split() == ["toolsmith:8b", "7.6B", "Q4_K_M", "4.7", "GB", "8k", "tools"]


async def test_typing_filters_and_enter_uses(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.type("thin")
        await chinwag.until(lambda: names(chinwag)[0] == "thinker:8b", told="only what fits")
        await chinwag.press("enter")
        await chinwag.shows("Ask thinker:8b")
        await chinwag.until(lambda: chinwag.header.startswith(" thinker:8b"))
    async with folders.start() as chinwag:
        await chinwag.shows("Ask thinker:8b")


async def test_a_filter_that_nothing_fits_says_so_and_chooses_nothing(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.type("zzz")
        await chinwag.shows("no model fits")
        await chinwag.press("enter", "escape")
        await chinwag.shows("Ask tour:8b")


async def test_loaded_first_then_what_was_used_then_what_is_new(folders: Folders) -> None:
    async with folders.start(model="slow:70b") as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        chinwag.chat.session.use_model("breaks:3b")
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.press("ctrl+n")
        await open_picker(chinwag)
        await chinwag.shows("loaded")
        await chinwag.until(lambda: len(names(chinwag)) == 10, told="all models")
        assert set(names(chinwag)[:2]) == {"breaks:3b", "slow:70b"}
        assert names(chinwag)[2] == "tour:8b"
        await chinwag.until(lambda: any("●" in row and "breaks:3b" in row and "now" in row for row in chinwag.rows))


async def test_what_a_model_can_do_comes_from_show_and_is_remembered(folders: Folders, server: DemoServer) -> None:
    def shown() -> int:
        return sum(one.path == "/api/show" for one in server.received)

    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.shows("cloud thinking tools", "embedding")
        await chinwag.until(lambda: shown() == 10, told="a question for each model")
    server.received.clear()
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.shows("cloud thinking tools", "embedding")
        assert shown() == 0


async def test_a_model_that_cannot_chat_is_not_taken(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.type("embed")
        await chinwag.shows("cannot chat · it makes embeddings")
        await chinwag.press("enter")
        await chinwag.shows("choose another one")
        await chinwag.press("escape")
        await chinwag.shows("Ask tour:8b")


async def test_a_cloud_model_says_so_everywhere_and_asks_once(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.type("cloudy")
        await chinwag.shows("cloud · what you write leaves this machine")
        await chinwag.press("enter")
        await chinwag.shows("· cloud", "cloudy:120b-cloud cloud")
        await chinwag.type("a secret")
        await chinwag.press("enter")
        await chinwag.shows("a model in the cloud", "› do not send")
        chinwag.clock.ahead_seconds -= 5  # as if it had opened this very moment
        await chinwag.press("enter", "escape")  # too early: it opened under the fingers
        await chinwag.pilot.pause()
        await chinwag.until(lambda: "a model in the cloud" in chinwag.text)
        chinwag.clock.ahead_seconds += 6
        await chinwag.press("enter")
        await chinwag.hides("a model in the cloud")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "a secret", told="the prompt given back")
        assert not chinwag.chat.session.conversation.messages
        await chinwag.press("enter")
        await chinwag.shows("a model in the cloud")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("down", "enter")
        await chinwag.shows("▌ a secret")
        await chinwag.until(lambda: not chinwag.chat.session.is_answering, told="its end")
        await chinwag.send("another one")
        await chinwag.shows("▌ another one")


async def test_what_the_list_says_of_the_cloud_counts_not_the_name_alone(tmp_path: Path) -> None:
    models = [
        DemoModel(name="sneaky:7b", script=hm, remote_host="https://ollama.com", remote_model="sneaky"),
        DemoModel(name="plain:7b", script=hm, age=timedelta(days=2)),
    ]
    async with served(tmp_path, models=models) as (folders, _), folders.start() as chinwag:
        await chinwag.shows("Ask plain:7b")
        await chinwag.chat.use_model("sneaky:7b")
        await chinwag.shows("sneaky:7b cloud")
        await chinwag.type("hm")
        await chinwag.press("enter")
        await chinwag.shows("a model in the cloud")


@UNHURRIED
async def test_a_queue_never_leaves_for_the_cloud_unasked(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("one")
        await chinwag.shows("● answering")
        await chinwag.send("two")
        await chinwag.shows("queued · two")
        await chinwag.type("/model cloudy:120b-cloud")
        await chinwag.press("enter")
        await chinwag.shows("a model in the cloud")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("escape")
        await chinwag.hides("a model in the cloud")
        assert chinwag.chat.session.conversation.model == SLOW


async def test_a_server_without_models_says_what_to_do(tmp_path: Path) -> None:
    async with served(tmp_path, models=[]) as (folders, _), folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.shows("no models here yet", "alt+p pulls one", "0 models · 0 loaded")
        await chinwag.press("enter")
        assert isinstance(chinwag.app.screen, ModelPicker)


async def test_a_list_that_cannot_be_read_says_why_and_reads_again(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await server.close()
        await chinwag.press("ctrl+t")
        await chinwag.shows("nothing listens there", "alt+r tries again")
        await server.start()
        await chinwag.press("alt+r")
        await chinwag.hides("nothing listens there")
        await chinwag.shows("tour:8b", "10 models")


async def test_a_model_by_its_name(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/model thinker:8b")
        await chinwag.shows("Ask thinker:8b")
        await chinwag.send("/model thinkr:8b")
        await chinwag.shows("there is no model thinkr:8b on", "did you mean thinker:8b?", "pull thinkr:8b, then go on")
        assert chinwag.chat.session.conversation.model == "thinker:8b"
        # A question ignores keys in its first moment.
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("escape")
        await chinwag.hides("there is no model thinkr:8b")
        await chinwag.send("/model tuor:8b")
        await chinwag.shows("there is no model tuor:8b on", "use tour:8b")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("down", "enter")
        await chinwag.shows("Ask tour:8b")


async def test_a_bad_line_of_the_statistics_does_not_keep_the_list_away(folders: Folders) -> None:
    folders.write(
        "state/usage.jsonl",
        "".join(
            json.dumps({"at": at, "host": folders.url, "model": "tour:8b", "outcome": "complete"}) + "\n"
            for at in ("0001-01-01T00:00:00+14:00", "the other day", "2026-03-01T12:00:00")
        ),
    )
    async with folders.start() as chinwag:
        await open_picker(chinwag)
        await chinwag.until(lambda: len(names(chinwag)) == 10, told="all models")


async def test_a_time_that_is_none_leaves_its_place_empty(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await show_picker(chinwag, last_used={"qwen3:8b": "the other day", "plain:7b": "2026-03-01T12:00:00"})
        await chinwag.until(lambda: len(names(chinwag)) == 2, told="both models")


async def test_loaded_is_loaded_however_the_server_spells_it(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await show_picker(
            chinwag, running=(RunningModel(name="registry.ollama.ai/library/Plain:7b", context_tokens=8192),)
        )
        await chinwag.until(lambda: names(chinwag) == ["plain:7b", "qwen3:8b"], told="the loaded one first")
        await chinwag.shows("1 loaded", "loaded with a context of 8k")
        await chinwag.until(lambda: any("●" in row and "plain:7b" in row and "now" in row for row in chinwag.rows))
