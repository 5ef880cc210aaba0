"""``chinwag chat``: one prompt and its answer, or with a conversation the next turn of it."""

from __future__ import annotations

import argparse
import asyncio
import base64
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tui.atomic import read_bounded
from tui.chat.events import AnswerEnded, AnswerGrew, SessionEvent
from tui.chat.session import Session
from tui.cli.asking import Asked, add_asking_arguments, asked_of, model_for, say_stats, see_that_it_may_leave
from tui.cli.door import Door, Exit
from tui.cli.retry_words import retry_words
from tui.conversations.values import Message, MessageState
from tui.engine import ChatMessage, ChatRequest, Chunk, EngineError, ErrorKind, FinalCounts
from tui.failures import Failure
from tui.metrics.wording import seconds_text
from tui.workspace import Workspace

LARGEST_FILE_BYTES = 16_000_000
LARGEST_IMAGE_BYTES = 64_000_000
NEW, LAST = "new", "last"
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompt", metavar="PROMPT", nargs="*", help="what is asked; input follows it")
    parser.add_argument("--no-stream", action="store_true", help="write the answer when it is whole")
    parser.add_argument(
        "--file", action="append", default=[], metavar="FILE", help="a text that goes before the prompt"
    )
    parser.add_argument("--image", action="append", default=[], metavar="FILE", help="a picture, for models that see")
    parser.add_argument(
        "--conversation", metavar="ID|new|last", help="the turn is kept there; without it nothing is kept"
    )
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="give up after so long")
    parser.add_argument("--retries", type=int, metavar="N", help="send it again so often when no server took it")
    parser.add_argument(
        "--metadata", action="append", default=[], metavar="NAME=VALUE", help="goes into the log of requests"
    )
    parser.add_argument("--pull", action="store_true", help="fetch a model that is not there, without asking")
    parser.add_argument("--stats", action="store_true", help="say afterwards how long it took")
    add_asking_arguments(parser)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError("more than 0 seconds")
    return seconds


@dataclass(slots=True)
class _Heard:
    """What came of an answer so far."""

    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    first_seconds: float | None = None
    counts: FinalCounts | None = None
    seconds: float = 0.0


async def run(arguments: argparse.Namespace, door: Door) -> int:
    prompt = "\n\n".join(part for part in (" ".join(arguments.prompt), (await door.read_input()).rstrip("\n")) if part)
    if not prompt and not arguments.file:
        if door.reads_terminal and door.writes_terminal:
            return await _talk(arguments, door)
        raise Failure("there is nothing to ask", "no prompt was given", "write it behind chat, or pipe it in")
    if arguments.retries is not None:
        settings = {**door.options.settings, "server.attempts": str(max(0, arguments.retries) + 1)}
        door.options = replace(door.options, settings=settings)
    asked = await asked_of(arguments)
    text = "\n\n".join([*[await _file(one) for one in arguments.file], *([prompt] if prompt else [])])
    images = tuple([await _image(one) for one in arguments.image])
    _see_what_can_be_kept(arguments, asked)
    async with door.workspace() as workspace:
        workspace.servers.on_retry = lambda host, retry: door.talk(retry_words(host, retry))
        try:
            async with asyncio.timeout(arguments.timeout):
                model = await _model(arguments, door, workspace)
                await see_that_it_may_leave(door, workspace, model, is_allowed=arguments.allow_cloud)
                if arguments.conversation is None:
                    return await _ask_once(arguments, door, workspace, _request(arguments, asked, model, text, images))
                return await _ask_in_conversation(arguments, door, workspace, model, text)
        except TimeoutError:
            door.warn(f"given up after {seconds_text(arguments.timeout)}; what came was written")
            return Exit.broken_off


async def _talk(arguments: argparse.Namespace, door: Door) -> int:
    """Without a prompt, at a terminal: line by line."""
    from tui.cli.plain import talk_plainly

    options = replace(door.options, model=arguments.model)
    workspace = await asyncio.to_thread(Workspace.prepare, options, environ=door.environ)
    return await talk_plainly(workspace)


def _see_what_can_be_kept(arguments: argparse.Namespace, asked: Asked) -> None:
    if arguments.conversation is None:
        return
    is_more = asked.system or asked.options or asked.format or asked.think is not None or arguments.image
    if is_more:
        raise Failure(
            "a conversation does not keep that",
            "--system, --option, --format, --think and --image hold for one answer",
            "leave them out, or leave out --conversation",
        )


async def _model(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> str:
    """A model that is not there is pulled when the person says so."""
    try:
        return await model_for(workspace, arguments.model)
    except EngineError as error:
        name = arguments.model
        if error.kind is not ErrorKind.model_missing or not name:
            raise
        if not arguments.pull and not await door.confirm(
            f"there is no model {name} on {workspace.host.name}. pull it?"
        ):
            raise
    from tui.cli.models import follow_pull

    await follow_pull(door, name, workspace)
    return await model_for(workspace, name)


# ---------------------------------------------------------------------- without a conversation


def _request(
    arguments: argparse.Namespace, asked: Asked, model: str, text: str, images: tuple[str, ...]
) -> ChatRequest:
    system = [ChatMessage(role="system", text=asked.system)] if asked.system else []
    return ChatRequest(
        model=model,
        messages=(*system, ChatMessage(role="user", text=text, images=images)),
        options=asked.options,
        think=asked.think,
        format=asked.format,
        keep_alive=asked.keep_alive,
        stream=not arguments.no_stream,
        metadata=_metadata(arguments.metadata),
    )


def _metadata(given: list[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, separator, value = one.partition("=")
        if not separator or not name:
            raise Failure(f"--metadata {one} says nothing", "", "write NAME=VALUE")
        found[name] = value
    return found


async def _ask_once(arguments: argparse.Namespace, door: Door, workspace: Workspace, request: ChatRequest) -> int:
    generation = workspace.generation(request.model)
    request = replace(
        request,
        options={**generation.options, **request.options},
        think=generation.think if request.think is None else request.think,
        keep_alive=generation.keep_alive if request.keep_alive is None else request.keep_alive,
    )
    heard = _Heard()
    began = workspace.clock()
    failure: EngineError | None = None
    try:
        async with aclosing(workspace.client.chat(request)) as parts:
            async for part in parts:
                if isinstance(part, FinalCounts):
                    heard.counts = part
                else:
                    await _hear(part, heard, workspace.clock() - began, arguments, door)
    except EngineError as error:
        failure = error
    finally:
        # Also what had come before Ctrl+C or the end of the time belongs to whoever asked.
        await door.end_line()
    heard.seconds = workspace.clock() - began
    return await _tell(arguments, door, request.model, heard, failure)


async def _hear(chunk: Chunk, heard: _Heard, seconds: float, arguments: argparse.Namespace, door: Door) -> None:
    if heard.first_seconds is None and (chunk.text or chunk.thinking or chunk.tool_calls):
        heard.first_seconds = seconds
    heard.text.append(chunk.text)
    heard.thinking.append(chunk.thinking)
    if chunk.thinking and not heard.text:
        door.status("thinking")
    if not door.as_json and not arguments.no_stream:
        await door.write(chunk.text)


# ---------------------------------------------------------------------- as a turn of a conversation


async def _ask_in_conversation(
    arguments: argparse.Namespace, door: Door, workspace: Workspace, model: str, text: str
) -> int:
    session = await _session(arguments.conversation, workspace)
    if session.is_read_only:
        raise Failure("nothing was sent", "this conversation is open in another chinwag", "close it there")
    if arguments.model or not session.conversation.model:
        session.use_model(model)
    elif session.conversation.model != model:
        await see_that_it_may_leave(door, workspace, session.conversation.model, is_allowed=arguments.allow_cloud)
    if workspace.is_cloud(session.conversation.model):
        # It was said, by the flag or at the terminal; the session asks for the same leave.
        await workspace.cloud_leave.give(workspace.host.url, is_kept=False)
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
        elif isinstance(event, AnswerEnded):
            last.append(event)
            pieces.put_nowait(None)

    unsubscribe = session.subscribe(told)
    try:
        await session.ask(text)
        while (piece := await pieces.get()) is not None:
            heard.text.append(piece)
            if not door.as_json and not arguments.no_stream:
                await door.write(piece)
    finally:
        unsubscribe()
        await door.end_line()
    message: Message = last[0].message
    heard.counts, heard.seconds = message.counts, message.seconds or workspace.clock() - began
    failure = last[0].failure
    if failure is None and message.state is not MessageState.complete:
        failure = Failure("the answer ended early", message.state.value.replace("_", " "))
    return await _tell(arguments, door, message.model, heard, failure, conversation_id=session.id)


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
    model: str,
    heard: _Heard,
    failure: Failure | None,
    *,
    conversation_id: str = "",
) -> int:
    text, thinking = "".join(heard.text), "".join(heard.thinking)
    if door.as_json:
        value: dict[str, Any] = {"model": model, "text": text, "seconds": heard.seconds}
        value |= {"thinking": thinking} if thinking else {}
        value |= {"conversation": conversation_id} if conversation_id else {}
        value |= {"failure": str(failure)} if failure is not None else {}
        if heard.first_seconds is not None:
            value["first_token_seconds"] = heard.first_seconds
        if heard.counts is not None:
            counts = {**asdict(heard.counts), "tokens_per_second": heard.counts.tokens_per_second}
            value |= {name: one for name, one in counts.items() if one not in (None, "")}
        await door.value(value)
    elif arguments.no_stream and text:
        await door.write(text)
        await door.end_line()
    if conversation_id and not door.as_json:
        door.talk(f"kept in {conversation_id}")
    if arguments.stats:
        say_stats(door, heard.counts, seconds=heard.seconds, first_seconds=heard.first_seconds)
    if failure is None:
        return Exit.well
    code = door.fail(failure)
    return Exit.broken_off if text and not isinstance(failure, EngineError) else code


async def _file(name: str) -> str:
    path = Path(name)
    data = await asyncio.to_thread(read_bounded, path, LARGEST_FILE_BYTES, follow_links=True)
    if b"\0" in data[:65536]:
        raise Failure(f"{path.name} is no text", "it holds zero bytes", "give a picture with --image")
    text = data.decode("utf-8", "replace").rstrip("\n")
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{path.name}:\n{fence}\n{text}\n{fence}"


async def _image(name: str) -> str:
    path = Path(name)
    data = await asyncio.to_thread(read_bounded, path, LARGEST_IMAGE_BYTES, follow_links=True)
    if not data.startswith(_IMAGE_STARTS):
        raise Failure(f"{path.name} is no picture that models know", "", "give a PNG, JPEG, GIF, BMP or WebP file")
    return base64.b64encode(data).decode("ascii")
