"""Tools on the screen: turning them on, the question before a call, what came of it, and ways to get around it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual import events

from tests.app.running import Folders, Running, served
from tui.app.screens.tool_question import ReadQuestion
from tui.app.screens.tools import ToolsScreen
from tui.conversations.values import Message, Role
from tui.demo import DemoServer
from tui.demo.answers import Answer, CalledTool, Prompt
from tui.demo.models import DemoModel

MODEL = "caller:8b"
CLOCK = CalledTool(name="clock")
SUM = CalledTool(name="calculator", arguments={"expression": "6 * 7"})
OWN_TOOL = '''
from tui.tools import tool

@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"
'''


class Mind:
    """Calls what a test wants, one round after the other, then tells what it was told."""

    def __init__(self) -> None:
        self.rounds: list[tuple[CalledTool, ...]] = [(SUM,)]
        self.text = "let me see"

    def __call__(self, prompt: Prompt) -> Answer:
        since: list[str] = []
        rounds = 0
        was_tool = False
        for turn in reversed(prompt.turns):
            if turn.role == "user":
                break
            if turn.role == "tool":
                since.insert(0, turn.text)
            elif was_tool:
                rounds += 1
            was_tool = turn.role == "tool"
        if rounds < len(self.rounds):
            return Answer(text=self.text, tools=self.rounds[rounds])
        return Answer(text=f"I was told: {' | '.join(since)}")


@asynccontextmanager
async def program(
    root: Path,
    mind: Mind,
    *,
    rendered: bool = False,
    capabilities: tuple[str, ...] = ("completion", "tools"),
    **more: Any,
) -> AsyncIterator[tuple[Running, Folders, DemoServer]]:
    model = DemoModel(name=MODEL, script=mind, capabilities=capabilities, rendered=rendered)
    async with served(root, models=(model,)) as (folders, server), folders.start(model=MODEL, **more) as running:
        await running.shows("write something")
        await running.until(lambda: running.chat.session.conversation.model == MODEL, told="the model")
        yield running, folders, server


async def turn_on(running: Running, *names: str) -> None:
    for name in names:
        await running.send(f"/tools {name}")
        await running.until(partial(_is_on, running, name), told=name)


def _is_on(running: Running, name: str) -> bool:
    return name in running.chat.session.conversation.control.tools


async def question(running: Running) -> ReadQuestion:
    """The question that is on the screen, once it takes keys."""
    await running.until(lambda: isinstance(running.app.screen, ReadQuestion), told="a question")
    screen = running.app.screen
    assert isinstance(screen, ReadQuestion)
    await running.until(lambda: screen.takes_keys, told="keys count")
    return screen


async def yes(running: Running) -> None:
    screen = await question(running)
    await running.press("down", "down", "enter")
    await running.until(lambda: running.app.screen is not screen, told="the question gone")


def results(running: Running) -> list[Message]:
    return [one for one in running.chat.session.conversation.messages if one.role is Role.tool]


def outcomes(running: Running) -> list[str]:
    return [one.tool_outcome for one in results(running)]


def chats(server: DemoServer) -> list[dict[str, Any]]:
    bodies = [json.loads(one.body) for one in server.received if one.path == "/api/chat"]
    return [body for body in bodies if body.get("messages")]


@pytest.mark.parametrize("rendered", [False, True])
async def test_model_calls_a_tool_and_answers_with_what_it_gave(tmp_path: Path, rendered: bool) -> None:
    async with program(tmp_path, Mind(), rendered=rendered) as (running, _, server):
        await running.send("what is it")
        await running.answered()
        assert chats(server)[-1].get("tools", []) == [], "none is on from the beginning"
        await turn_on(running, "calculator")
        assert "1 tool" in running.header
        await running.send("what is it now")
        screen = await question(running)
        assert 'calculator(expression="6 * 7")' in running.text
        assert "built in" in running.text
        assert screen.query_one("RowList").marked == "no"  # type: ignore[attr-defined]
        await yes(running)
        await running.shows("I was told: 42")
        await running.answered()
        await running.shows('▸ calculator(expression="6 * 7") · done')
        last = chats(server)[-1]["messages"]
        assert [one["role"] for one in last][-3:] == ["user", "assistant", "tool"]
        assert (last[-1]["content"], last[-1]["tool_name"]) == ("42", "calculator")
        assert [one["function"]["name"] for one in chats(server)[-1]["tools"]] == ["calculator"]


async def test_fold_key_opens_what_a_tool_gave(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "calculator")
        await running.send("go")
        await yes(running)
        await running.answered()
        await running.shows("▸ calculator")
        await running.press("alt+t")
        await running.shows("▾ calculator", "expression: 6 * 7")
        await running.press("alt+t")
        await running.hides("expression: 6 * 7")


async def test_enter_at_once_means_no_and_the_model_hears_it(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "calculator")
        await running.send("go")
        await question(running)
        await running.press("enter")
        await running.shows("the person said no")
        await running.answered()
        assert outcomes(running) == ["refused"]
        await running.shows("· refused")


async def test_escape_means_no_and_ends_the_turn(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, _, server):
        await turn_on(running, "calculator")
        await running.send("go")
        await question(running)
        await running.press("escape")
        await running.until(lambda: not running.chat.session.is_answering, told="the end")
        assert outcomes(running) == ["not run"]
        assert len(chats(server)) == 1
        await running.shows("· not run", "enter asks it again")


async def test_keys_pressed_before_it_was_shown_do_not_answer_it(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "calculator")
        await running.send("go")
        await running.until(lambda: isinstance(running.app.screen, ReadQuestion), told="a question")
        screen = running.app.screen
        assert isinstance(screen, ReadQuestion)
        # Typed ahead, and handed on late: it carries the time at which it was read.
        stale = [events.Key("down", None), events.Key("down", None), events.Key("enter", "\r")]
        await running.until(lambda: screen.takes_keys, told="keys count")
        for key in stale:
            screen._forward_event(key)
        await running.pilot.pause()
        assert running.app.screen is screen
        assert screen.query_one("RowList").marked == "no"  # type: ignore[attr-defined]
        assert results(running) == []
        await running.press("escape")
        await running.until(lambda: not running.chat.session.is_answering, told="the end")


async def test_keys_while_it_opens_put_it_off(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "calculator")
        await running.send("go")
        await running.until(lambda: isinstance(running.app.screen, ReadQuestion), told="a question")
        screen = running.app.screen
        assert isinstance(screen, ReadQuestion)
        if not screen.takes_keys:
            screen._forward_event(events.Key("enter", "\r"))
            assert running.app.screen is screen
        assert results(running) == []
        await question(running)
        await running.press("escape")
        await running.until(lambda: not running.chat.session.is_answering, told="the end")


async def test_question_waits_while_somebody_writes(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "calculator")
        await running.send("go")
        await running.type("x")
        await running.shows("may the model call calculator?", "alt+q")
        assert not isinstance(running.app.screen, ReadQuestion)
        await running.press("alt+q")
        await yes(running)
        await running.answered()
        assert running.chat.prompt.text == "x"
        assert outcomes(running) == ["done"]


async def test_question_of_another_conversation_waits_and_is_said(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "calculator")
        first = running.chat.session
        await running.send("go on then")
        await running.press("ctrl+n")
        await running.until(lambda: running.chat.session is not first, told="another conversation")
        await running.until(lambda: running.workspace.tool_questions.of(first.id), told="it asks")
        await running.shows("go on then: may it call calculator?")
        assert not isinstance(running.app.screen, ReadQuestion)
        assert first.is_answering
        await running.chat.go_to(first)
        await yes(running)
        await running.answered()
        assert outcomes(running) == ["done"]


async def test_rule_for_a_harmless_tool_holds_until_it_is_taken_back(tmp_path: Path) -> None:
    mind = Mind()
    async with program(tmp_path, mind) as (running, *_):
        await turn_on(running, "calculator")
        await running.send("go")
        await question(running)
        await running.press("down", "down", "down", "enter")
        await running.answered()
        assert running.chat.session.conversation.control.allowed_tools == ("calculator",)
        await running.send("again")
        await running.until(lambda: len(results(running)) == 2, told="it ran unasked")
        await running.answered()
        await running.send("/tools")
        await running.shows("without asking")
        await running.type("calculator")
        await running.press("alt+w")
        await running.until(lambda: running.chat.session.conversation.control.allowed_tools == (), told="taken back")
        await running.press("escape")
        await running.send("once more")
        await question(running)
        await running.press("escape")
        await running.until(lambda: not running.chat.session.is_answering, told="the end")


async def test_tools_are_turned_on_in_their_list_and_kept(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, folders, _):
        await running.send("/tools")
        await running.shows("clock", "calculator", "read_file", "cannot be used yet", "fetch_page", "reaches out")
        assert isinstance(running.app.screen, ToolsScreen)
        await running.type("clock")
        await running.press("enter")
        await running.until(lambda: running.chat.session.conversation.control.tools == ("clock",), told="on")
        await running.press("alt+o")
        await running.until(lambda: running.chat.session.conversation.control.tool_choice == "clock", told="only")
        await running.press("escape")
        await running.send("/tools none")
        await running.shows("none of the tools is offered")
        conversation_id = running.chat.session.id
        await running.send("hello")
        await running.answered()
    async with folders.start() as running:
        session = await running.workspace.open_session(conversation_id)
        assert session.conversation.control.tools == ("clock",)
        assert session.conversation.control.tool_choice == "none"


async def test_header_counts_what_is_offered(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "clock", "calculator")
        await running.shows("2 tools")
        await running.send("/tools only clock")
        await running.shows("tools: only clock", "1 tool")
        await running.send("/tools auto")
        await running.shows("2 tools")


async def test_model_that_cannot_call_tools_is_said_before_anything_goes(tmp_path: Path) -> None:
    async with program(tmp_path, Mind(), capabilities=("completion",)) as (running, _, server):
        await turn_on(running, "clock")
        # It comes back into the prompt at once, so its going is not waited for.
        await running.type("go")
        await running.press("enter")
        await running.shows("cannot call tools", "/tools off")
        await running.until(lambda: running.chat.prompt.text == "go", told="the prompt back")
        assert chats(server) == []
        await running.press("ctrl+c")
        await running.until(lambda: running.chat.prompt.is_empty, told="an empty prompt")
        await running.send("/tools off")
        await running.shows("no tools")
        await running.send("go")
        await running.until(lambda: chats(server), told="sent")
        await running.answered()


async def test_file_of_ones_own_is_looked_through_first(tmp_path: Path) -> None:
    mind = Mind()
    mind.rounds = [(CalledTool(name="weather", arguments={"city": "Oslo"}),)]
    async with program(tmp_path, mind) as (running, folders, _):
        tools = folders.root / "config" / "tools"
        tools.mkdir(parents=True, mode=0o700)
        file = tools / "weather.py"
        file.write_text(OWN_TOOL)
        file.chmod(0o600)
        await running.send("/tools")
        await running.shows("weather.py", "not looked through yet")
        await running.type("weather")
        await running.press("enter")
        screen = await question(running)
        await running.shows("from tui.tools import tool")
        await running.press("down", "enter")
        for _ in range(20):
            if running.app.screen is not screen:
                break
            # A yes counts once all of it was in view.
            await running.press("enter")
        await running.until(lambda: isinstance(running.app.screen, ToolsScreen), told="the list")
        await running.shows("The weather in a city.")
        await running.type("weather")
        await running.press("enter")
        await running.until(lambda: running.chat.session.conversation.control.tools == ("weather",), told="on")
        await running.press("escape")
        await running.send("how is it there")
        await question(running)
        await running.shows('weather(city="Oslo")', "weather.py", "change anything")
        await yes(running)
        await running.shows("I was told: rain in Oslo")
        await running.answered()
        file.write_text(OWN_TOOL.replace("rain", "sun"))
        file.chmod(0o600)
        await running.send("and now")
        await running.shows("there is no tool weather")
        await running.answered()
        assert len(results(running)) == 1, "what changed is not run"


async def test_layout_of_a_file_is_nothing_hidden(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, folders, _):
        tools = folders.root / "config" / "tools"
        tools.mkdir(parents=True, mode=0o700)
        file = tools / "weather.py"
        file.write_bytes(OWN_TOOL.replace("    return", "\treturn").replace("\n", "\r\n").encode())
        file.chmod(0o600)
        await running.send("/tools")
        await running.shows("weather.py", "not looked through yet")
        await running.type("weather")
        await running.press("enter")
        await question(running)
        await running.shows('    return f"rain in {city}"')
        assert not any("hidden" in row for row in running.rows)


async def test_request_shows_the_tools(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "clock")
        await running.send("/request next")
        await running.shows('"tools": [')
        await running.press("escape")


async def test_hostile_call_is_shown_with_everything_spelled_out(tmp_path: Path) -> None:
    mind = Mind()
    evil = "1\u202e + \x1b]52;c;aGFja2Vk\x07 [/x] [@click=app.quit]2\u200b"
    mind.rounds = [(CalledTool(name="calculator", arguments={"expression": evil}),)]
    async with program(tmp_path, mind) as (running, *_):
        await turn_on(running, "calculator")
        await running.send("go")
        await question(running)
        await running.shows("hidden character", "⟦U+202E⟧", "⟦U+200B⟧")
        assert "\x1b" not in running.text
        await running.press("escape")
        await running.until(lambda: not running.chat.session.is_answering, told="the end")


async def test_yes_counts_only_when_all_of_a_long_call_was_in_view(tmp_path: Path) -> None:
    mind = Mind()
    mind.rounds = [(CalledTool(name="calculator", arguments={"expression": "1 + " * 3000 + "1"}),)]
    async with program(tmp_path, mind, size=(80, 24)) as (running, *_):
        await turn_on(running, "calculator")
        await running.send("go")
        screen = await question(running)
        await running.shows("read on, before a yes")
        await running.press("down", "down", "enter")
        await running.pilot.pause()
        assert running.app.screen is screen
        assert results(running) == []
        await running.press("ctrl+end")
        await running.until(lambda: screen.is_read, told="read to its end")
        await running.press("enter")
        await running.answered()
        assert outcomes(running) == ["failed"]


async def test_unknown_tool_and_a_flood_of_calls(tmp_path: Path) -> None:
    mind = Mind()
    mind.rounds = [(CalledTool(name="rm_rf"),), tuple(CLOCK for _ in range(1000))]
    async with program(tmp_path, mind) as (running, _, server):
        await turn_on(running, "clock")
        # Room for all of its calls in the window.
        control = running.chat.session.conversation.control.with_option("answer_tokens", 32_000)
        running.chat.session.use_control(replace(control, allowed_tools=("clock",)))
        await running.send("go")
        await running.shows("I was told")
        await running.answered()
        assert outcomes(running) == ["invalid", *["done"] * 16, "over the limit"]
        assert "there is no tool rm_rf" in results(running)[0].text
        assert len(chats(server)) == 3


async def test_links_out_of_the_folder_lead_nowhere(tmp_path: Path) -> None:
    folder, secret = tmp_path / "open", tmp_path / "secret.txt"
    folder.mkdir()
    secret.write_text("the secret")
    (folder / "link.txt").symlink_to(secret)
    mind = Mind()
    mind.rounds = [
        tuple(CalledTool(name="read_file", arguments={"path": path}) for path in ("link.txt", "../secret.txt"))
    ]
    async with program(tmp_path, mind, environ={"CHINWAG_TOOLS_FOLDER": str(folder)}) as (running, *_):
        await turn_on(running, "read_file")
        await running.send("go")
        await running.shows("I was told")
        await running.answered()
        assert outcomes(running) == ["failed", "failed"]
        assert "the secret" not in running.text


async def test_stopping_while_a_command_runs_ends_it(tmp_path: Path) -> None:
    mind = Mind()
    mind.rounds = [(CalledTool(name="run_command", arguments={"argv": ["sh", "-c", "touch began; sleep 300"]}),)]
    async with program(tmp_path, mind, environ={"CHINWAG_TOOLS_FOLDER": str(tmp_path)}) as (running, *_):
        await turn_on(running, "run_command")
        await running.send("go")
        await question(running)
        await running.shows("sleep 300", "  in", "change anything")
        await yes(running)
        await running.until((tmp_path / "began").exists, told="the command")
        await running.shows("calling run_command")
        await running.press("escape")
        await running.until(lambda: not running.chat.session.is_answering, told="the end")
        assert outcomes(running) == ["stopped"]


async def test_finishing_without_a_person_runs_nothing_that_asks(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, _, server):
        await turn_on(running, "calculator")
        await running.send("go")
        await question(running)
        session = running.chat.session
        await running.workspace.finish_answers()
        assert [one.tool_outcome for one in session.conversation.messages if one.role is Role.tool] == ["not run"]
        assert len(chats(server)) == 1


async def test_hostile_calls_of_every_kind_end_in_a_result(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(700):
        deep = [deep]
    mind = Mind()
    mind.rounds = [
        (
            CalledTool(name="calculator", arguments={"expression": deep}),
            CalledTool(name="calculator", arguments={"expression": "9" * 60_000}),
            CalledTool(name="calc\u202eulator\x1b[2J", arguments={"[/x]\x9b31m": "\x00\x07"}),
            CalledTool(name="calculator", arguments={"expression": "2 ** 999999999"}),
            CalledTool(name="__import__", arguments={}),
        )
    ]
    async with program(tmp_path, mind) as (running, *_):
        await turn_on(running, "calculator")
        session = running.chat.session
        control = session.conversation.control.with_option("answer_tokens", 60_000)
        session.use_control(replace(control, allowed_tools=("calculator",)))
        await running.send("go")
        await running.until(lambda: len(results(running)) == 5, told="five results")
        await running.until(lambda: not session.is_answering, told="the end")
        assert outcomes(running) == ["invalid", "failed", "invalid", "failed", "invalid"]
        await running.press("alt+t")
        await running.pilot.pause()
        assert "\x1b" not in running.text
        assert "\x9b" not in running.text


async def test_loop_that_stood_still_takes_no_key_that_waited(tmp_path: Path) -> None:
    async with program(tmp_path, Mind()) as (running, *_):
        await turn_on(running, "calculator")
        for _ in range(5):
            await running.send("go")
            await running.until(lambda: isinstance(running.app.screen, ReadQuestion), told="a question")
            screen = running.app.screen
            assert isinstance(screen, ReadQuestion)
            was_open = screen.takes_keys
            if not was_open:
                # The machine stalls with the question on the screen, and the keys of that time come all at once.
                time.sleep(0.7)  # noqa: ASYNC251  that is the stall
                running.burst(b"\x1b[B\x1b[B\r")
            await question(running)
            assert running.app.screen is screen
            assert outcomes(running)[-1:] != ["done"]
            await running.press("escape")
            await running.until(lambda: not running.chat.session.is_answering, told="the end")
            if not was_open:
                return


async def test_escape_in_another_chinwag_stops_a_tool_that_asks_here(tmp_path: Path) -> None:
    mind = Mind()
    mind.rounds = [(CalledTool(name="run_command", arguments={"argv": ["true"]}),)]
    async with program(tmp_path, mind, environ={"CHINWAG_TOOLS_FOLDER": str(tmp_path)}) as (running, folders, _):
        await turn_on(running, "run_command")
        await running.send("go")
        await question(running)
        async with folders.start(model=MODEL) as second:
            await second.shows("Ask ")
            await second.press("ctrl+o")
            await second.shows("1 conversation")
            await second.press("enter")
            await second.shows("open in another chinwag")
            second.clock.ahead_seconds += 1
            await second.press("escape")
            await second.shows("asked the other chinwag to stop its answer")
            await running.until(lambda: results(running), told="the call given up")
        assert [one.tool_outcome for one in results(running)] != ["done"]
