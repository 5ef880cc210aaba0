"""What Tab makes of the beginning of a command, and of what stands behind it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.app.running import Folders, Running
from tui.app.commands.command import Command
from tui.app.commands.completing import completions_of
from tui.app.commands.declared import COMMANDS, by_slash
from tui.app.widgets.completions import MAX_SHOWN, Completions
from tui.demo import DemoServer

MODELS = (("qwen3:8b", "5.2 GB"), ("llama3:8b", "4.7 GB"), ("qwen2.5-coder:32b", "loaded"), ("evil\x1b[31m", "x"))


def choices(command: Command) -> tuple[tuple[str, str], ...]:
    return MODELS if command.action == "choose_model" else ()


def texts(typed: str) -> list[str]:
    return [one.text for one in completions_of(typed, choices)]


def test_a_command_by_its_beginning() -> None:
    assert texts("/mod")[0] == "/model "
    assert completions_of("/mod", choices)[0].name.startswith("/model")


def test_what_stands_behind_it_first_by_beginning_then_by_what_it_holds() -> None:
    assert texts("/model q") == ["/model qwen3:8b", "/model qwen2.5-coder:32b"]
    assert texts("/load 8b") == ["/load qwen3:8b", "/load llama3:8b"]
    assert texts("/model CODER") == ["/model qwen2.5-coder:32b"]


def test_nothing_for_what_is_whole_unknown_or_no_command() -> None:
    assert texts("/model qwen3:8b") == []
    assert texts("/model nothing like it") == []
    assert texts("/new q") == []
    assert texts("/usr/bin/python is broken") == []
    assert texts("model q") == []
    assert texts("/model q\nand more") == []


def test_a_name_that_looks_otherwise_than_it_is_is_not_offered() -> None:
    assert texts("/model evil") == []


@given(st.text(max_size=20), st.lists(st.text(max_size=12), max_size=6))
def test_every_completion_is_one_line_and_begins_with_its_command(typed: str, values: list[str]) -> None:
    known = by_slash(COMMANDS)
    for one in completions_of(f"/{typed}", lambda _: [(value, value) for value in values]):
        assert "\n" not in one.text
        assert one.text[1:].split(" ", 1)[0] in known


async def test_tab_completes_a_model(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.type("/model thi")
        await chinwag.shows("thinker:8b", "tab takes it")
        await chinwag.press("tab")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "/model thinker:8b", told="the whole name")
        await chinwag.hides("tab takes it")
        await chinwag.press("enter")
        await chinwag.shows("Ask thinker:8b")


async def test_tab_completes_a_theme_and_a_server(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.type("/theme nor")
        await chinwag.shows("nord")
        await chinwag.press("tab")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "/theme nord", told="the whole name")
        await chinwag.press("ctrl+u")
        await chinwag.type("/connect ")
        await chinwag.shows(server.url, "this one")
        await chinwag.press("tab")
        await chinwag.until(lambda: chinwag.chat.prompt.text == f"/connect {server.url}", told="the address")


def marked(chinwag: Running) -> str:
    found = chinwag.chat.query_one(Completions).marked
    return "" if found is None else found.name


async def test_up_and_down_choose_and_enter_takes_what_was_chosen(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.type("/theme ")
        await chinwag.until(lambda: marked(chinwag) == "auto", told="the themes")
        offered = [one.name for one in chinwag.chat.completions_for("/theme ")]
        assert len(offered) > MAX_SHOWN
        await chinwag.press("down")
        await chinwag.until(lambda: marked(chinwag) == offered[1], told="the second")
        await chinwag.shows("enter takes it")
        await chinwag.press("up", "up")
        await chinwag.until(lambda: marked(chinwag) == offered[-1], told="the last")
        await chinwag.shows(offered[-1])
        await chinwag.hides("auto ")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.text == f"/theme {offered[-1]}", told="it in the prompt")
        assert chinwag.chat.prompt.is_typed
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.is_empty, told="it done")


async def test_enter_that_chose_nothing_sends_and_escape_closes(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.type("/the")
        await chinwag.until(lambda: marked(chinwag), told="completions")
        await chinwag.press("down", "escape")
        await chinwag.until(lambda: not marked(chinwag), told="none")
        assert chinwag.chat.prompt.text == "/the"
        await chinwag.press("ctrl+u")
        await chinwag.type("/keys")
        await chinwag.press("enter")
        await chinwag.shows("type to filter", "in the prompt")
