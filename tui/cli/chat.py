"""``chinwag chat``: one prompt and its answer, or with a conversation the next turn of it."""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tui.chat.events import AnswerEnded, AnswerGrew, PassagesFound, SessionEvent, ToolEnded, ToolsEnded
from tui.chat.session import Session
from tui.cli.asking import (
    Asked,
    Manner,
    add_asking_arguments,
    add_retries_argument,
    asked_of,
    control_with,
    manner_of,
    model_for,
    preset_called,
    say_stats,
    see_that_it_may_leave,
    warn_of_unknown_options,
    with_retries,
)
from tui.cli.attached import AttachedFiles, attached_files
from tui.cli.documents import say_found, say_sources, source_values, with_passages
from tui.cli.door import Door, Exit, WrongLine
from tui.cli.keeping import keep_answer
from tui.cli.parsing import seconds_from
from tui.cli.retry_words import retry_words
from tui.cli.tools import (
    add_tool_arguments,
    call_of,
    call_value,
    chat_once,
    control_with_tools,
    result_value,
    say_call,
    say_result,
    tools_called,
    use_tools,
)
from tui.conversations.values import Message, MessageState, Role, Source
from tui.engine import ChatMessage, ChatRequest, Chunk, EngineError, ErrorKind, FinalCounts
from tui.failures import Failure
from tui.metrics.wording import seconds_text
from tui.tools.running import ToolResult
from tui.workspace import Workspace

NEW, LAST = "new", "last"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", metavar="PROMPT", nargs="*", help="what is asked; input follows it")
    parser.add_argument("--no-stream", action="store_true", help="write the answer when it is whole")
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="PATH",
        help="a file, a folder or a pattern that goes along; a conversation keeps it",
    )
    parser.add_argument(
        "--documents",
        action="store_true",
        help="passages of your documents go along, their sources to standard error; a conversation keeps that",
    )
    parser.add_argument("--image", action="append", default=[], metavar="FILE", help="a picture, for models that see")
    parser.add_argument(
        "--conversation", metavar="ID|new|last", help="the turn is kept there; without it nothing is kept"
    )
    parser.add_argument("--timeout", type=seconds_from, metavar="SECONDS", help="give up after so long")
    add_retries_argument(parser)
    parser.add_argument(
        "--metadata",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="goes into the log of requests and into the JSON, with a trace id",
    )
    parser.add_argument("--pull", action="store_true", help="fetch a model that is not there, without asking")
    parser.add_argument("--stats", action="store_true", help="say afterwards how long it took")
    parser.add_argument("--save", action="store_true", help="keep prompt, answer and figures; chinwag outputs has them")
    add_tool_arguments(parser)
    add_asking_arguments(parser)


@dataclass(slots=True)
class _Heard:
    """What came of an answer so far."""

    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    first_seconds: float | None = None
    counts: FinalCounts | None = None
    seconds: float = 0.0
    sources: tuple[Source, ...] = ()
    """The passages of documents that went along."""
    tools: list[dict[str, Any]] = field(default_factory=list)
    """Calls and what came of them, as JSON has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked, and what goes along beside it."""

    text: str
    images: tuple[str, ...] = ()
    prompt: str
    """The words alone, without what is attached."""
    attached: AttachedFiles
    asked: Asked
    metadata: dict[str, str]
    trace_id: str = ""
    """What the log and the JSON know the request by; empty without metadata."""


async def run(arguments: argparse.Namespace, door: Door) -> int:
    prompt = "\n\n".join(part for part in (" ".join(arguments.prompt), (await door.read_input()).rstrip("\n")) if part)
    if not prompt and not arguments.file:
        if door.reads_terminal and door.writes_terminal:
            return await _talk(arguments, door)
        raise Failure("there is nothing to ask", "no prompt was given", "write it behind chat, or pipe it in")
    door.options = with_retries(door.options, arguments.retries)
    asked, metadata = await asked_of(arguments), _metadata(arguments.metadata)
    attached = await attached_files(arguments.file, arguments.image)
    text, images = attached.text_with(prompt), attached.images
    trace_id = os.urandom(6).hex() if metadata else ""
    question = _Question(
        text=text, images=images, prompt=prompt, attached=attached, asked=asked, metadata=metadata, trace_id=trace_id
    )
    _see_what_can_be_kept(arguments)
    if arguments.conversation is None:
        warn_of_unknown_options(door, asked.raw_options)
    async with door.workspace() as workspace:
        workspace.servers.on_retry = lambda host, retry: door.talk(retry_words(host, retry))
        try:
            async with asyncio.timeout(arguments.timeout):
                if arguments.conversation is None:
                    return await _ask_once(arguments, door, workspace, question)
                return await _ask_in_conversation(arguments, door, workspace, question)
        except TimeoutError:
            door.warn(f"given up after {seconds_text(arguments.timeout)}; what came was written")
            return Exit.broken_off


async def _talk(arguments: argparse.Namespace, door: Door) -> int:
    """Without a prompt, at a terminal: line by line."""
    from tui.cli.plain import talk_plainly

    asked = await asked_of(arguments)

    async def first_session(workspace: Workspace) -> Session:
        session = await _session(arguments.conversation or NEW, workspace)
        _steer(session, asked, workspace)
        if arguments.documents:
            session.use_control(replace(session.conversation.control, documents=True))
        if tools := await tools_called(arguments, door, workspace):
            session.use_control(control_with_tools(session.conversation.control, tools, arguments))
        return session

    options = replace(door.options, model=arguments.model)
    workspace = await asyncio.to_thread(Workspace.prepare, options, environ=door.environ)
    has_tools = bool(arguments.tool or arguments.allow_tool)
    is_more = arguments.conversation is not None or asked.is_anything or arguments.documents or has_tools
    return await talk_plainly(workspace, first_session=first_session if is_more else None)


def _see_what_can_be_kept(arguments: argparse.Namespace) -> None:
    if arguments.conversation is not None and arguments.metadata:
        raise WrongLine(
            "a conversation does not keep that",
            "--metadata holds for one answer",
            "leave it out, or leave out --conversation",
        )


def _steer(session: Session, asked: Asked, workspace: Workspace) -> None:
    """What the flags say is kept as the conversation's own. Raises ``Failure``."""
    if not asked.is_anything:
        return
    if asked.preset and (model := preset_called(workspace, asked.preset).model):
        session.use_model(model)
    control = control_with(session.conversation.control, asked)
    if control != session.conversation.control:
        session.use_control(control)


async def _model(named: str, arguments: argparse.Namespace, door: Door, workspace: Workspace) -> str:
    """The one that is named, else the usual one. One that is not there is pulled when the person says so."""
    try:
        model = await model_for(workspace, named or None)
    except EngineError as error:
        if error.kind is not ErrorKind.model_missing or not named:
            raise
        model = await _pulled(named, error, arguments, door, workspace)
    await see_that_it_may_leave(door, workspace, model, is_allowed=arguments.allow_cloud)
    return model


async def _pulled(
    name: str, error: EngineError, arguments: argparse.Namespace, door: Door, workspace: Workspace
) -> str:
    if not arguments.pull and not await door.confirm(f"there is no model {name} on {workspace.host.name}. pull it?"):
        raise error
    from tui.cli.models import follow_pull

    await follow_pull(door, name, workspace)
    return await model_for(workspace, name)


# ---------------------------------------------------------------------- without a conversation


def _request(arguments: argparse.Namespace, question: _Question, model: str, manner: Manner) -> ChatRequest:
    system = [ChatMessage(role="system", text=manner.system)] if manner.system else []
    trace = {"trace_id": question.trace_id} if question.trace_id else {}
    return ChatRequest(
        model=model,
        messages=(*system, ChatMessage(role="user", text=question.text, images=question.images)),
        options=manner.options,
        think=manner.think,
        format=manner.format,
        keep_alive=manner.keep_alive,
        stream=not arguments.no_stream,
        metadata={**trace, **question.metadata},
    )


def _metadata(given: list[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator or not name:
            raise WrongLine(f"--metadata {one} says nothing", "", "write NAME=VALUE")
        found[name] = value
    return found


async def _ask_once(arguments: argparse.Namespace, door: Door, workspace: Workspace, question: _Question) -> int:
    asked = question.asked
    preset = preset_called(workspace, asked.preset) if asked.preset else None
    model = await _model(arguments.model or ("" if preset is None else preset.model), arguments, door, workspace)
    request = _request(arguments, question, model, manner_of(workspace, model, asked))
    heard = _Heard()
    if arguments.documents:
        request, heard.sources = await with_passages(door, workspace, request, question.text)
    tools = await tools_called(arguments, door, workspace)
    began = workspace.clock()
    failure: EngineError | None = None
    try:
        async with aclosing(chat_once(arguments, door, workspace, request, tools)) as parts:
            async for part in parts:
                if isinstance(part, FinalCounts):
                    heard.counts = part
                elif isinstance(part, ToolResult):
                    await _part(heard, arguments, door)
                    say_result(door, part)
                    heard.tools.append(result_value(part))
                else:
                    await _hear(part, heard, workspace.clock() - began, arguments, door)
    except EngineError as error:
        failure = error
    finally:
        # Also what had come before Ctrl+C or the end of the time belongs to whoever asked.
        await door.end_line()
    heard.seconds = workspace.clock() - began
    return await _tell(arguments, door, workspace, question, request.model, heard, failure)


async def _hear(chunk: Chunk, heard: _Heard, seconds: float, arguments: argparse.Namespace, door: Door) -> None:
    if heard.first_seconds is None and (chunk.text or chunk.thinking or chunk.tool_calls):
        heard.first_seconds = seconds
    heard.text.append(chunk.text)
    heard.thinking.append(chunk.thinking)
    if chunk.thinking and not heard.text:
        door.status("thinking")
    if not door.as_json and not arguments.no_stream:
        await door.write(chunk.text)


async def _part(heard: _Heard, arguments: argparse.Namespace, door: Door) -> None:
    """What is said after a tool was called begins a line."""
    if heard.text and not "".join(heard.text[-2:]).endswith("\n") and any(heard.text):
        heard.text.append("\n")
        if not door.as_json and not arguments.no_stream:
            await door.write("\n")


# ---------------------------------------------------------------------- as a turn of a conversation


async def _session_for(arguments: argparse.Namespace, door: Door, workspace: Workspace, question: _Question) -> Session:
    """The conversation, with all that the flags say of it. Raises ``Failure``."""
    session = await _session(arguments.conversation, workspace)
    if session.is_read_only:
        raise Failure("nothing was sent", "this conversation is open in another chinwag", "close it there")
    preset = preset_called(workspace, question.asked.preset) if question.asked.preset else None
    named = arguments.model or (preset.model if preset else "") or session.conversation.model
    model = await _model(named, arguments, door, workspace)
    _steer(session, question.asked, workspace)
    session.use_model(model)
    use_tools(arguments, door, workspace)
    if tools := await tools_called(arguments, door, workspace):
        session.use_control(control_with_tools(session.conversation.control, tools, arguments))
    if arguments.documents:
        session.use_control(replace(session.conversation.control, documents=True))
    if workspace.is_cloud(session.conversation.model):
        # It was said, by the flag or at the terminal; the session asks for the same leave.
        await workspace.cloud_leave.give(workspace.host.url, is_kept=False)
    return session


async def _ask_in_conversation(
    arguments: argparse.Namespace, door: Door, workspace: Workspace, question: _Question
) -> int:
    session = await _session_for(arguments, door, workspace, question)
    heard = _Heard()
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    last: list[AnswerEnded] = []
    began = workspace.clock()

    def told(event: SessionEvent) -> None:
        if isinstance(event, AnswerGrew):
            if heard.first_seconds is None:
                heard.first_seconds = workspace.clock() - began
            heard.thinking.append(event.thinking)
            pieces.put_nowait(event.text)
        elif isinstance(event, PassagesFound):
            say_found(door, event.passages)
        elif isinstance(event, ToolEnded):
            call, one = call_of(session.conversation.messages, event.message), event.message
            say_call(door, call, one.tool_outcome, one.seconds or 0.0)
            heard.tools.append(call_value(call, one.tool_outcome, one.text, one.seconds or 0.0))
        elif isinstance(event, AnswerEnded):
            last.append(event)
            pieces.put_nowait("\n" if session.is_answering and event.message.text else "")
        if isinstance(event, AnswerEnded | ToolsEnded) and not session.is_answering:
            pieces.put_nowait(None)

    unsubscribe = session.subscribe(told)
    try:
        await session.ask(question.prompt, await question.attached.kept_for(session, workspace))
        while (piece := await pieces.get()) is not None:
            heard.text.append(piece)
            if not door.as_json and not arguments.no_stream:
                await door.write(piece)
    finally:
        unsubscribe()
        await door.end_line()
    message: Message = last[-1].message
    heard.counts, heard.seconds = message.counts, message.seconds or workspace.clock() - began
    heard.sources = message.sources
    failure = last[-1].failure
    if failure is None and any(one.role is Role.tool for one in session.conversation.messages[-1:]):
        failure = Failure("the answer ended early", "tools were called and the model was not asked again")
    if failure is None and message.state is not MessageState.complete:
        failure = Failure("the answer ended early", message.state.value.replace("_", " "))
    return await _tell(arguments, door, workspace, question, message.model, heard, failure, conversation_id=session.id)


async def _session(which: str, workspace: Workspace) -> Session:
    if which == NEW:
        return workspace.new_session()
    from tui.cli.conversations import find_summary

    if which == LAST and not (await workspace.shelf.summaries()).summaries:
        return workspace.new_session()
    return await workspace.open_session((await find_summary(which, workspace)).id)


# ---------------------------------------------------------------------- what both say


async def _tell(
    arguments: argparse.Namespace,
    door: Door,
    workspace: Workspace,
    question: _Question,
    model: str,
    heard: _Heard,
    failure: Failure | None,
    *,
    conversation_id: str = "",
) -> int:
    text = "".join(heard.text)
    value = _as_value(model, heard, failure)
    value |= {"conversation": conversation_id} if conversation_id else {}
    value |= {"metadata": question.metadata, "trace_id": question.trace_id} if question.metadata else {}
    if door.as_json:
        await door.value(value)
    elif arguments.no_stream and text:
        await door.write(text)
        await door.end_line()
    if conversation_id and not door.as_json:
        door.talk("the demo keeps nothing" if workspace.is_throwaway else f"kept in {conversation_id}")
    say_sources(door, heard.sources)
    if arguments.stats:
        say_stats(door, heard.counts, seconds=heard.seconds, first_seconds=heard.first_seconds)
    if arguments.save:
        await keep_answer(door, workspace, kind="chat", prompt=question.text, value=value, preset=question.asked.preset)
    if failure is None:
        return Exit.well
    code = door.fail(failure)
    return Exit.broken_off if text and not isinstance(failure, EngineError) else code


def _as_value(model: str, heard: _Heard, failure: Failure | None) -> dict[str, Any]:
    """The whole result, as JSON has it; what nobody knows is left out."""
    value: dict[str, Any] = {"model": model, "text": "".join(heard.text), "seconds": heard.seconds}
    if thinking := "".join(heard.thinking):
        value["thinking"] = thinking
    if heard.tools:
        value["tools"] = heard.tools
    if heard.sources:
        value["sources"] = source_values(heard.sources)
    if failure is not None:
        value["failure"] = str(failure)
    if heard.first_seconds is not None:
        value["first_token_seconds"] = heard.first_seconds
    if heard.counts is not None:
        counts = {**asdict(heard.counts), "tokens_per_second": heard.counts.tokens_per_second}
        value |= {name: one for name, one in counts.items() if one not in (None, "")}
    return value
