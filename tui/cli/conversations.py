"""``chinwag conversations``: the shelf from a shell, and the way in and out of it."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tui.atomic import read_bounded
from tui.chat.tool_shelf import with_tools
from tui.cli.door import Door, Exit, WrongLine
from tui.cli.output_files import write_output
from tui.cli.parsing import count
from tui.conversations.ids import is_id, new_id
from tui.conversations.imported import (
    Import,
    as_conversation,
    from_chatgpt,
    from_modelfile,
    from_open_webui,
)
from tui.conversations.markdown import as_markdown
from tui.conversations.pages import as_html, as_plain_text
from tui.conversations.values import Conversation, Summary
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.storage import documents
from tui.storage.oterm_database import read_oterm_database
from tui.workspace import Workspace

LARGEST_IMPORT_BYTES = 512_000_000
LAST = "last"
FORMATS = ("markdown", "json", "toml", "html", "text")
_ENDINGS = {"markdown": "md", "json": "json", "toml": "toml", "html": "html", "text": "txt"}
SOURCES = ("chinwag", "chatgpt", "open-webui", "oterm", "ollama")
_WHICH = "an id, its beginning, or last"

Act = Callable[[argparse.Namespace, Door, Workspace], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="act", metavar="COMMAND", required=True)
    listing = words.add_parser("list", help="every conversation, the newest first")
    listing.add_argument("--limit", type=count, metavar="N", help="at most so many")
    show = words.add_parser("show", help="what was said, as text")
    show.add_argument("conversation", metavar="WHICH", help=_WHICH)
    search = words.add_parser("search", help="conversations that have all the words in one message or in the title")
    search.add_argument("words", metavar="WORD", nargs="+")
    search.add_argument("--limit", type=count, default=50, metavar="N", help="at most so many (50)")
    export = words.add_parser("export", help="write conversations as files, or one to standard output")
    export.add_argument("conversations", metavar="WHICH", nargs="*", help=_WHICH)
    export.add_argument("--all", action="store_true", help="every conversation")
    export.add_argument("--format", choices=FORMATS, default="markdown", help="(markdown)")
    export.add_argument("--output", metavar="PATH", help="a file, or a folder for several")
    bring = words.add_parser("import", help="take over conversations of another program, or exported ones of ours")
    bring.add_argument(
        "source", metavar="FILE", help="a file, or - for the input; with --from ollama the name that /save was given"
    )
    bring.add_argument("--from", dest="origin", choices=SOURCES, help="whose it is; else it is looked at")
    remove = words.add_parser("rm", help="delete conversations; they stay in the trash for 30 days")
    remove.add_argument("conversations", metavar="WHICH", nargs="+", help=_WHICH)
    remove.add_argument("--yes", action="store_true", help="do not ask")
    rename = words.add_parser("rename", help="give a conversation another title")
    rename.add_argument("conversation", metavar="WHICH", help=_WHICH)
    rename.add_argument("title", metavar="TITLE", nargs="+")
    for word, does in (("pin", "let a conversation stand first in lists"), ("unpin", "put it back to its day")):
        pin = words.add_parser(word, help=does)
        pin.add_argument("conversation", metavar="WHICH", help=_WHICH)


async def run(arguments: argparse.Namespace, door: Door) -> int:
    acts: dict[str, Act] = {
        "list": _list,
        "show": _show,
        "search": _search,
        "export": _export,
        "import": _import,
        "rm": _remove,
        "rename": _rename,
        "pin": _pin,
        "unpin": _pin,
    }
    needs_server = arguments.act == "import" and arguments.origin == "ollama"
    async with door.workspace() if needs_server else door.library() as workspace:
        return await acts[arguments.act](arguments, door, workspace)


# ---------------------------------------------------------------------- looking


async def _list(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    listing = await workspace.shelf.summaries()
    for fault in listing.faults:
        door.warn(f"{fault.name}: {fault.failure.message or fault.failure.title}")
    shown = sorted(listing.summaries, key=lambda one: not one.is_pinned)[: arguments.limit]
    if door.as_json:
        for summary in shown:
            await door.value(_as_value(summary))
    elif shown:
        await door.table(
            ("id", "updated", "", "messages", "model", "title"),
            [
                (
                    one.id,
                    _minute(one),
                    "pinned" if one.is_pinned else "",
                    str(one.message_count),
                    one.model,
                    one.title or one.opening or "untitled",
                )
                for one in shown
            ],
        )
    else:
        door.talk("there are no conversations yet")
    return Exit.failed if listing.faults else Exit.well


async def _show(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    conversation = await workspace.shelf.load((await find_summary(arguments.conversation, workspace)).id)
    if door.as_json:
        await door.value(json.loads(_as_text(conversation, "json")))
        return Exit.well
    await door.write(_as_text(conversation, "text"))
    await door.end_line()
    return Exit.well


async def _search(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    shelf = workspace.shelf
    while True:
        state = await shelf.update_index()
        if state.is_complete:
            break
        door.status(f"reading {state.indexed} of {state.total}")
    hits = await shelf.search(" ".join(arguments.words), limit=arguments.limit)
    for hit in hits:
        if door.as_json:
            found = {"message_id": hit.message_id, "before": hit.before, "match": hit.match, "after": hit.after}
            await door.value({**_as_value(hit.summary), **found})
        else:
            title = hit.summary.title or hit.summary.opening or "untitled"
            passage = " ".join(f"{hit.before}{hit.match}{hit.after}".split())
            await door.line(_one_line(f"{hit.summary.id}  {_minute(hit.summary)}  {title}"))
            if passage:
                await door.line(_one_line(f"    {passage}"))
    if not hits:
        door.talk("nothing was found")
        return Exit.failed
    return Exit.well


def _one_line(text: str) -> str:
    return text.replace("\n", " ")


# ---------------------------------------------------------------------- out and in


async def _export(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    summaries = (await workspace.shelf.summaries()).summaries
    wanted = [one.id for one in summaries] if arguments.all else list(arguments.conversations)

    async def load(which: str) -> Conversation:
        return await workspace.shelf.load(_meant(which, summaries).id)

    if not wanted:
        raise WrongLine("nothing was exported", "no conversation was named", "give an id, last, or --all")
    if arguments.output is None:
        if len(wanted) > 1 and arguments.format != "json":
            raise WrongLine("several conversations need a folder", "", "give --output FOLDER, or --format json")
        for which in wanted:
            await _write_out(door, await load(which), arguments.format)
        return Exit.well
    output = Path(arguments.output)
    if len(wanted) == 1 and not await asyncio.to_thread(output.is_dir):
        await _write(output, await load(wanted[0]), arguments.format)
        await door.done(f"wrote {output}", {"path": str(output), "conversations": 1})
        return Exit.well
    worst: int = Exit.well
    written = 0
    for number, which in enumerate(wanted, 1):
        door.status(f"{number} of {len(wanted)}")
        try:
            conversation = await load(which)
            await _write(output / f"{conversation.id}.{_ENDINGS[arguments.format]}", conversation, arguments.format)
            written += 1
        except Failure as failure:
            # The others can be written all the same.
            worst = max(worst, door.fail(failure))
    words = f"wrote {plural(written, 'conversation')} to {output}"
    await door.done(words, {"path": str(output), "conversations": written})
    return worst


async def _write_out(door: Door, conversation: Conversation, format_name: str) -> None:
    text = _as_text(conversation, format_name)
    if not door.as_json:
        await door.write(text)
        await door.end_line()
    elif format_name == "json":
        await door.value(json.loads(text))
    else:
        await door.value({"id": conversation.id, "format": format_name, "text": text})


async def _write(path: Path, conversation: Conversation, format_name: str) -> None:
    data = _as_text(conversation, format_name).encode("utf-8", "surrogatepass")

    def write() -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"cannot make {path.parent}", error.strerror or str(error)) from None
        write_output(path, data, mode=0o600)

    await asyncio.to_thread(write)


def _as_text(conversation: Conversation, format_name: str) -> str:
    match format_name:
        case "json":
            return documents.encode(conversation, format="json").decode("utf-8", "surrogatepass")
        case "toml":
            return documents.encode(conversation, format="toml").decode("utf-8", "surrogatepass")
        case "html":
            return as_html(conversation)
        case "text":
            return as_plain_text(conversation)
        case _:
            return as_markdown(conversation)


async def _import(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    given = await door.read_bytes(LARGEST_IMPORT_BYTES) if arguments.source == "-" else None
    conversations, left_out = await _imported(arguments, workspace, given)
    taken = {one.id for one in (await workspace.shelf.summaries()).summaries}
    for number, conversation in enumerate(conversations, 1):
        door.status(f"{number} of {len(conversations)}")
        if conversation.id in taken:
            # Ours came back: what is on the shelf under its id may have gone on since.
            conversation = replace(conversation, id=new_id(workspace.now(), workspace.random_bytes))  # noqa: PLW2901
        await workspace.shelf.save(conversation)
        if door.as_json:
            await door.value({"id": conversation.id, "title": conversation.title})
        else:
            await door.line(conversation.id)
    more = f"; {left_out} had nothing that can be read" if left_out else ""
    door.talk(f"{len(conversations)} {'conversation' if len(conversations) == 1 else 'conversations'} taken over{more}")
    return Exit.well


async def _imported(
    arguments: argparse.Namespace, workspace: Workspace, given: bytes | None
) -> tuple[list[Conversation], int]:
    """``given`` is what came in the place of a file."""
    name = arguments.source
    if arguments.origin == "ollama":
        details = await workspace.engine.show_model(name)
        saved = from_modelfile(details.modelfile, name=name)
        return _ours(Import(conversations=(saved,)), workspace), 0
    path = Path(name)

    def read() -> tuple[list[Conversation], int]:
        origin = arguments.origin or _origin_of(path)
        if origin == "oterm":
            found = read_oterm_database(path)
            return _ours(found, workspace), found.left_out
        data = read_bounded(path, LARGEST_IMPORT_BYTES, follow_links=True) if given is None else given
        origin = origin or _origin_in(data)
        if origin == "chinwag":
            stem = path.name.partition(".")[0]
            found_here = documents.decode(data, name=path.name, conversation_id=stem if is_id(stem) else None)
            # Which tools its model may call is for whoever takes it over to say.
            return [replace(found_here, control=with_tools(found_here.control, ()))], 0
        found = (from_open_webui if origin == "open-webui" else from_chatgpt)(data, name=path.name)
        return _ours(found, workspace), found.left_out

    return await asyncio.to_thread(read)


def _origin_of(path: Path) -> str:
    if path.suffix in (".db", ".sqlite", ".sqlite3"):
        return "oterm"
    return "chinwag" if path.suffix == ".toml" else ""


def _origin_in(data: bytes) -> str:
    """By words that only one of them writes near the beginning."""
    start = data[:65536]
    if b'"mapping"' in start:
        return "chatgpt"
    if b'"chat"' in start or b'"history"' in start:
        return "open-webui"
    return "chinwag"


def _ours(found: Import, workspace: Workspace) -> list[Conversation]:
    return [
        as_conversation(
            one,
            conversation_id=lambda created: new_id(created, workspace.random_bytes),
            message_id=lambda: workspace.random_bytes(6).hex(),
            now=workspace.now(),
        )
        for one in found.conversations
    ]


# ---------------------------------------------------------------------- changing


async def _remove(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    summaries = (await workspace.shelf.summaries()).summaries
    wanted = [_meant(which, summaries) for which in arguments.conversations]
    names = ", ".join(one.title or one.id for one in wanted)
    if not arguments.yes and not await door.confirm(f"delete {names}?"):
        door.warn("nothing was deleted" if door.reads_terminal else "nothing was deleted: give --yes")
        return Exit.failed
    worst: int = Exit.well
    for summary in wanted:
        try:
            await workspace.shelf.delete(summary.id)
        except Failure as failure:
            worst = max(worst, door.fail(failure))
        else:
            words = f"deleted {summary.title or summary.id}; it is in the trash for 30 days"
            await door.done(words, {"id": summary.id, "title": summary.title, "is_removed": True})
    return worst


async def _rename(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    summary = await find_summary(arguments.conversation, workspace)
    title = " ".join(arguments.title)
    await workspace.shelf.rename(summary.id, title)
    await door.done(f"{summary.id} is {title}", {"id": summary.id, "title": title})
    return Exit.well


async def _pin(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    is_pinned = arguments.act == "pin"
    summary = await find_summary(arguments.conversation, workspace)
    await workspace.shelf.pin(summary.id, is_pinned=is_pinned)
    words = f"{summary.title or summary.id} is {'pinned' if is_pinned else 'not pinned any more'}"
    await door.done(words, {"id": summary.id, "title": summary.title, "is_pinned": is_pinned})
    return Exit.well


async def find_summary(which: str, workspace: Workspace) -> Summary:
    """Raises ``Failure`` when there is none, or more than one, that ``which`` may mean."""
    return _meant(which, (await workspace.shelf.summaries()).summaries)


def _meant(which: str, summaries: Sequence[Summary]) -> Summary:
    begun = which.upper()
    found = list(summaries[:1]) if which == LAST else [one for one in summaries if one.id.startswith(begun)]
    if not found:
        raise Failure(f"there is no conversation {which}", "", "chinwag conversations list has their ids")
    if len(found) > 1:
        raise Failure(f"{which} may be {len(found)} conversations", "", "write more of the id")
    return found[0]


def _as_value(summary: Summary) -> dict[str, Any]:
    value = asdict(summary)
    return {name: one.isoformat() if hasattr(one, "isoformat") else one for name, one in value.items()}


def _minute(summary: Summary) -> str:
    return summary.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
