"""Tools for one answer from the command line: which the model may call, who allows it, and how it is told."""

from __future__ import annotations

import argparse
import re
import termios
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui.chat.tool_shelf import with_tools
from tui.cleaning import clean_line
from tui.cli.door import Door
from tui.conversations.control import Control
from tui.conversations.values import Message
from tui.engine import ChatRequest, Chunk, FinalCounts, ToolCall
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.tools.declared import Effect, Tool
from tui.tools.permissions import Permissions, Question
from tui.tools.rounds import chat_with_tools
from tui.tools.running import CallOutcome, ToolResult, by_name, offered, run_tool_calls
from tui.tools.shown import SPELLED_OUT, shown_call, visible
from tui.workspace import Workspace

PIECE_CHARACTERS = 200
"""Of a call that is asked about, on one line: nothing of it is cut."""
_FOLDED_SPACE = re.compile(r"^\s|(?<=\s)\s|\s$")
_EFFECTS = {
    Effect.harmless: "only reads or computes",
    Effect.reaches_out: "reaches out to another machine",
    Effect.acts: "can change things",
}


def add_tool_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("tools")
    group.add_argument(
        "--tool",
        action="append",
        default=[],
        metavar="NAME|FILE.py",
        help="let the model call it: clock, calculator, read_file, search_documents, fetch_page, run_command, or your own",
    )
    group.add_argument(
        "--allow-tool",
        action="append",
        default=[],
        metavar="NAME",
        help="run it where nobody can be asked, without a terminal; else it is refused there",
    )


def with_spaces_seen(line: str) -> str:
    """Where one space is made of many, two calls that differ would look alike."""
    return _FOLDED_SPACE.sub("␣", line)


async def tools_called(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> tuple[Tool, ...]:
    """Those of the flags. Raises ``Failure`` for one that is not there or may not be run."""
    if arguments.allow_tool and not arguments.tool:
        raise Failure("--allow-tool says nothing alone", "no tool is offered", "name it with --tool, too")
    if not arguments.tool:
        return ()
    found: list[Tool] = []
    names = tuple(dict.fromkeys(arguments.tool))
    shelf = await workspace.tools.having(name for name in names if not name.endswith(".py"))
    for problem in shelf.problems:
        door.talk(str(problem))
    for name in names:
        if name.endswith(".py"):
            found += await _tools_in(Path(name), arguments.allow_tool, door, workspace)
            continue
        if (failure := shelf.why_not(name)) is not None:
            raise failure
        found += [tool for tool in shelf.tools if tool.name == name]
    offered_names = {*by_name(found), *names, *(Path(name).name for name in names)}
    if unknown := next((name for name in arguments.allow_tool if name not in offered_names), ""):
        there = ", ".join(sorted(by_name(found)))
        raise Failure(f"--allow-tool {clean_line(unknown, 80)} names no tool of this call", f"there are: {there}")
    return tuple(by_name(found).values())


async def _tools_in(path: Path, allowed: Iterable[str], door: Door, workspace: Workspace) -> tuple[Tool, ...]:
    """Of a file of one's own, whose content is confirmed once: at the terminal, or by its name among the allowed."""
    file = await workspace.tools.read_file(path)
    if not file.is_confirmed:
        name = clean_line(str(path), 100)
        if not _is_attended(door):
            if str(path) in allowed or path.name in allowed:
                return await workspace.tools.tools_in(replace(file, is_confirmed=True))
            raise Failure(f"{name} was not run", "its content is not confirmed", f"--allow-tool {path.name} allows it")
        door.warn(f"{name} was never run for its tools with this content:")
        # Tabs and the line ends of Windows are the layout of a file, not something hidden in it.
        text = visible(file.text.replace("\r\n", "\n").expandtabs(4))
        if not await _is_yes(door, text, f"run {name} for its tools, with all that you may do?"):
            raise Failure(f"{name} was not run", "its content is not confirmed", "look through it")
        await workspace.tools.confirm(file)
        file = replace(file, is_confirmed=True)
    return await workspace.tools.tools_in(file)


async def ask_at_terminal(door: Door, question: Question) -> bool:
    """The whole call on standard error, then a question whose answer is no unless it is y."""
    name = clean_line(question.tool, 80)
    door.warn(f"the model wants to call {name} ({clean_line(question.source, 100)}, {_EFFECTS[question.effect]}):")
    return await _is_yes(door, question.text, f"call {name}?")


async def _is_yes(door: Door, text: str, question: str) -> bool:
    """All of ``text``, in which nothing is hidden, and then the question."""
    for line in text.split("\n"):
        for start in range(0, max(1, len(line)), PIECE_CHARACTERS):
            # One line of talk has no spaces at its ends, nor two in a row.
            door.warn(with_spaces_seen(line[start : start + PIECE_CHARACTERS]))
    if hidden := text.count(SPELLED_OUT):
        door.warn(f"careful: {plural(hidden, 'hidden character')} in it, spelled out above")
    # What was typed before it was asked is no answer to it.
    with suppress(termios.error, OSError):
        termios.tcflush(door.stdin, termios.TCIFLUSH)
    return await door.confirm(question)


def _is_attended(door: Door) -> bool:
    return door.reads_terminal and door.talks_terminal


def permissions_of(arguments: argparse.Namespace, door: Door) -> Permissions:
    """Who allows a call: the person at the terminal, else the flags."""

    async def ask(question: Question) -> bool:
        return await ask_at_terminal(door, question)

    return Permissions(ask=ask if _is_attended(door) else None, allowed_without_asking=frozenset(arguments.allow_tool))


def use_tools(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> None:
    """For turns of conversations: who is asked."""
    questions, permissions = workspace.tool_questions, permissions_of(arguments, door)

    async def ask(_conversation_id: str, question: Question) -> bool:
        return await ask_at_terminal(door, question)

    questions.ask_person = None if permissions.ask is None else ask
    questions.allowed = permissions.allowed_without_asking


def control_with_tools(control: Control, tools: Iterable[Tool], arguments: argparse.Namespace) -> Control:
    """Kept as the conversation's own. Raises ``Failure`` for a file, which a conversation cannot name."""
    if file := next((name for name in arguments.tool if name.endswith(".py")), ""):
        raise Failure(f"a conversation cannot keep {file}", "it knows tools by name", "put it into the folder of tools")
    return with_tools(control, [*control.tools, *(tool.name for tool in tools)])


async def chat_once(
    arguments: argparse.Namespace, door: Door, workspace: Workspace, request: ChatRequest, tools: tuple[Tool, ...]
) -> AsyncGenerator[Chunk | FinalCounts | ToolResult, None]:
    """One answer, with what tools gave on the way."""
    if not tools:
        async with aclosing(workspace.client.chat(request)) as plain_parts:
            async for plain in plain_parts:
                yield plain
        return
    limits, permissions = workspace.tools.limits, permissions_of(arguments, door)

    async def run_calls(calls: tuple[ToolCall, ...], round_number: int) -> tuple[ToolResult, ...]:
        told = calls[: limits.calls_in_a_round + 1]
        return await run_tool_calls(told, tools, permissions, round_number=round_number, limits=limits)

    asked = replace(request, tools=offered(tools))
    async with aclosing(chat_with_tools(workspace.client.chat, asked, run_calls, limits=limits)) as parts:
        async for part in parts:
            yield part


def say_result(door: Door, result: ToolResult) -> None:
    say_call(door, result.call, result.outcome, result.seconds)


def say_call(door: Door, call: ToolCall, outcome: str, seconds: float) -> None:
    took = f" in {seconds:.1f} s" if seconds >= 0.05 else ""
    try:
        whole = shown_call(call.name, call.arguments)[:1000]
    except (RecursionError, ValueError):
        whole = f"{call.name}(…)"
    shown = clean_line(visible(whole, keeps_lines=False), PIECE_CHARACTERS)
    door.talk(f"tool {shown}: {clean_line(outcome, 40)}{took}")
    if outcome == CallOutcome.refused and not _is_attended(door):
        door.talk(f"--allow-tool {clean_line(call.name, 80)} allows it where nobody can be asked")


def result_value(result: ToolResult) -> dict[str, Any]:
    return call_value(result.call, result.outcome, result.text, result.seconds)


def call_value(call: ToolCall, outcome: str, text: str, seconds: float) -> dict[str, Any]:
    """A call and what came of it, as JSON has it."""
    arguments = dict(call.arguments)
    return {"name": call.name, "arguments": arguments, "outcome": str(outcome), "result": text, "seconds": seconds}


def call_of(messages: Iterable[Message], result: Message) -> ToolCall:
    """The call whose result that is; by its name alone where it is not to be found."""
    position, calls = 0, tuple[ToolCall, ...]()
    for message in messages:
        if message.tool_calls:
            position, calls = 0, message.tool_calls
        elif message is result and position < len(calls):
            return calls[position]
        else:
            position += 1
    return ToolCall(name=result.tool_name, id=result.tool_call_id)
