"""``chinwag documents``: the shelf of documents, and what is found in it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.chat.documents import Documents, Reading, ReadingState, shown_model
from tui.chat.passages import Passages, passages_of
from tui.cli.door import Door, Exit
from tui.conversations.values import Source
from tui.documents.finding import FindLimits
from tui.engine import ChatRequest
from tui.failures import Failure
from tui.metrics.wording import plural, seconds_text
from tui.workspace import Workspace

if TYPE_CHECKING:
    from tui.documents.shelf import ShelfLook
    from tui.documents.values import ShelvedDocument

LOOK_SECONDS = 0.25

Act = Callable[[argparse.Namespace, Door, Workspace], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="act", metavar="COMMAND", required=True)
    listing = words.add_parser("list", help="what was added, and what is still to be read of it")
    listing.add_argument("--files", action="store_true", help="every document instead of what was added")
    add = words.add_parser("add", help="put files and folders on the shelf, and read them")
    add.add_argument("paths", metavar="PATH", nargs="+")
    add.add_argument("--no-read", action="store_true", help="only write them down; chinwag documents update reads them")
    remove = words.add_parser("rm", help="take what was added off the shelf; the files stay")
    remove.add_argument("paths", metavar="PATH", nargs="+")
    words.add_parser("update", help="read what is new or changed")
    search = words.add_parser("search", help="the passages that are nearest to a question")
    search.add_argument("question", metavar="QUESTION", nargs="*", help="or from the input")
    search.add_argument("--top-k", type=int, metavar="N", help="so many at most")
    search.add_argument("--threshold", type=float, metavar="COSINE", help="how near they have to be, from -1 to 1")
    search.add_argument("--budget-tokens", type=int, metavar="N", help="how long they are together at most")
    search.add_argument("--context", action="store_true", help="as they go into a prompt, to be put before one")


async def run(arguments: argparse.Namespace, door: Door) -> int:
    acts: dict[str, Act] = {"list": _list, "add": _add, "rm": _remove, "update": _update, "search": _search}
    async with door.workspace() as workspace:

        def say_problems(problems: tuple[Failure, ...]) -> None:
            for one in problems:
                door.fail(one)

        workspace.documents.on_problems = say_problems
        return await acts[arguments.act](arguments, door, workspace)


# ---------------------------------------------------------------------- what there is


async def _list(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    shelf = await workspace.documents.shelf()
    look = await workspace.documents.look()
    if not shelf.added:
        door.talk("no documents yet; chinwag documents add PATH adds some")
    elif arguments.files:
        await _list_files(door, shelf.documents, look)
    else:
        await _list_added(door, shelf.added, shelf.documents, look)
    return Exit.failed if look.unreachable else Exit.well


async def _list_files(door: Door, documents: Sequence[ShelvedDocument], look: ShelfLook) -> None:
    known = {one.path for one in documents}
    states = dict.fromkeys(look.to_read, "changed") | dict.fromkeys(look.gone, "gone")
    new = [path for path in look.to_read if path not in known]
    if door.as_json:
        for one in documents:
            value = {**asdict(one), "path": str(one.path), "root": str(one.root), "state": states.get(one.path, "read")}
            await door.value(value)
        for path in new:
            await door.value({"path": str(path), "root": str(look.roots[path]), "state": "new"})
        return
    rows = [
        (str(one.path), str(one.passages), shown_model(one.model), states.get(one.path, "read")) for one in documents
    ]
    await door.table(
        ("document", "passages", "vectors of", "state"), [*rows, *((str(path), "", "", "new") for path in new)]
    )


async def _list_added(door: Door, added: Sequence[Path], documents: Sequence[ShelvedDocument], look: ShelfLook) -> None:
    rows = []
    for root in added:
        below = [one for one in documents if one.root == root]
        to_read = sum(look.roots.get(path) == root for path in look.to_read)
        state = "not there" if root in look.unreachable else f"{to_read} to read" if to_read else "up to date"
        passages = sum(one.passages for one in below)
        if door.as_json:
            models = sorted({shown_model(one.model) for one in below})
            value: dict[str, Any] = {"path": str(root), "documents": len(below), "passages": passages}
            value |= {
                "to_read": to_read,
                "models": models,
                "dimension": max((one.dimension for one in below), default=0),
            }
            value |= {"failure": str(look.unreachable[root])} if root in look.unreachable else {}
            await door.value(value)
        rows.append((str(root), str(len(below)), str(passages), state))
    if not door.as_json:
        await door.table(("added", "documents", "passages", "state"), rows)


# ---------------------------------------------------------------------- what changes it


async def _add(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    for name in arguments.paths:
        real = await workspace.documents.add(Path(name))
        await door.done(f"{real} is added", {"path": str(real), "is_added": True})
    return Exit.well if arguments.no_read else await _update(arguments, door, workspace)


async def _remove(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    for name in arguments.paths:
        removed = await workspace.documents.remove(Path(name))
        words = f"{removed.path} is off the shelf, with {plural(len(removed.documents), 'document')}"
        value = {"path": str(removed.path), "is_removed": True, "documents": len(removed.documents)}
        await door.done(words, value)
    return Exit.well


async def _update(_arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    """Ctrl+C keeps what was read; the next time goes on from there."""
    documents = workspace.documents
    if words := await documents.loading_words():
        door.talk(words)
    watching = asyncio.ensure_future(_show_progress(door, documents))
    try:
        reading = await documents.read_to_the_end()
    except asyncio.CancelledError:
        door.talk("stopped; what was read is kept, and chinwag documents update goes on from there")
        raise
    finally:
        watching.cancel()
        door.status("")
    took = seconds_text(workspace.clock() - reading.began_at)
    if door.as_json:
        await door.value(_as_value(reading))
    for path, problem in reading.problems.items():
        door.warn(f"{path}: {problem}")
    if reading.failure is not None:
        raise reading.failure
    gone = f", {reading.gone} gone" if reading.gone else ""
    words = f"{plural(reading.read, 'document')} read{gone} of {reading.total}, {plural(reading.passages, 'vector')}"
    door.talk(f"{words} by {reading.model} in {took}")
    return Exit.failed if reading.problems or reading.state is ReadingState.stopped else Exit.well


async def _show_progress(door: Door, documents: Documents) -> None:
    while True:
        reading = documents.reading
        if reading is not None and reading.is_running and reading.total:
            made = plural(documents.passages_made, "vector")
            door.status(f"reading: {reading.done} of {plural(reading.total, 'document')}, {made}")
        await asyncio.sleep(LOOK_SECONDS)


def _as_value(reading: Reading) -> dict[str, Any]:
    value: dict[str, Any] = {"state": reading.state.value, "model": reading.model, "documents": reading.total}
    value |= {"read": reading.read, "gone": reading.gone, "vectors": reading.passages}
    return value | {"problems": {str(path): str(one) for path, one in reading.problems.items()}}


# ---------------------------------------------------------------------- what is found


async def _search(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    question = " ".join(arguments.question) or (await door.read_input()).strip()
    if not question:
        raise Failure("there is nothing to look for", "no question was given", "write it behind search, or pipe it in")
    found = await workspace.documents.find(question, limits=_limits(arguments, workspace.documents.limits))
    if arguments.context and not door.as_json:
        await door.write(f"{found.extra_context}\n" if found.extra_context else "")
    for number, one in enumerate(found.passages, 1):
        if door.as_json:
            source = _source_value(passages_of(found).sources[number - 1])
            await door.value({**source, "heading": one.passage.heading, "text": one.passage.text})
        elif not arguments.context:
            heading = f"  {one.passage.heading}" if one.passage.heading else ""
            await door.line(f"[{number}] {one.source}, {one.range_words}  {one.score:.2f}{heading}")
            await door.line("\n".join(f"    {line}" for line in one.passage.text.rstrip("\n").split("\n")))
            await door.line("")
    more = f", {found.left_out_by_budget} more had no room" if found.left_out_by_budget else ""
    door.talk(f"{plural(len(found.passages), 'passage')} of {found.compared:,}{more}")
    if found.stale_documents:
        door.warn(
            f"{plural(found.stale_documents, 'document')} not searched: chinwag documents update reads them again"
        )
    return Exit.well if found.passages else Exit.failed


def _limits(arguments: argparse.Namespace, usual: FindLimits) -> FindLimits:
    """The settings', with what the flags say. Raises ``Failure`` for what cannot be."""
    if arguments.top_k is not None and arguments.top_k < 1:
        raise Failure(f"--top-k {arguments.top_k} finds nothing", "", "give 1 or more")
    if arguments.budget_tokens is not None and arguments.budget_tokens < 1:
        raise Failure(f"--budget-tokens {arguments.budget_tokens} has room for nothing", "", "give 1 or more")
    return FindLimits(
        top_k=usual.top_k if arguments.top_k is None else arguments.top_k,
        threshold=usual.threshold if arguments.threshold is None else arguments.threshold,
        budget_tokens=usual.budget_tokens if arguments.budget_tokens is None else arguments.budget_tokens,
    )


async def with_passages(
    door: Door, workspace: Workspace, request: ChatRequest, question: str
) -> tuple[ChatRequest, tuple[Source, ...]]:
    """The request with the passages that are nearest to ``question`` before its last message. Raises ``Failure``."""
    door.status("searching the documents")
    if words := await workspace.documents.loading_words():
        door.talk(words)
    passages = passages_of(await workspace.documents.find(question))
    door.status("")
    say_found(door, passages)
    if not passages.context:
        return request, ()
    last = request.messages[-1]
    messages = (*request.messages[:-1], replace(last, text=f"{passages.context}\n\n{last.text}"))
    return replace(request, messages=messages), passages.sources


def say_sources(door: Door, sources: Sequence[Source]) -> None:
    """One line for each, where people are talked to."""
    for number, one in enumerate(sources, 1):
        door.talk(f"[{number}] {one.path}, {one.range_words}")


def say_found(door: Door, passages: Passages) -> None:
    """What the list of sources does not say."""
    if passages.has_no_room:
        door.warn("the conversation fills the window: nothing was looked for in the documents")
    elif not passages.sources:
        door.talk("nothing in the documents is near this prompt")
    if passages.stale_documents:
        words = f"{plural(passages.stale_documents, 'document')} not searched"
        door.warn(f"{words}: chinwag documents update reads them again")


def source_values(sources: Sequence[Source]) -> list[dict[str, Any]]:
    return [_source_value(one) for one in sources]


def _source_value(one: Source) -> dict[str, Any]:
    return {
        "path": one.path,
        "title": one.title,
        "unit": one.unit,
        "first": one.first,
        "last": one.last,
        "score": one.score,
    }
