"""``chinwag embed``: texts as vectors."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import aclosing
from pathlib import Path

from tui.atomic import read_bounded
from tui.cli.asking import keep_alive_of, option_of, see_that_it_may_leave, warn_of_unknown_options
from tui.cli.door import Door, Exit
from tui.cli.parsing import count
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure
from tui.metrics.wording import plural, seconds_text
from tui.ollama.requests import EmbedRequest
from tui.settings.options import ALSO_CALLED
from tui.workspace import Workspace

LARGEST_FILE_BYTES = 64_000_000
EMBEDDING = "embedding"
_OLLAMAS_NAME = {ours: theirs for theirs, ours in ALSO_CALLED.items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="each becomes a vector")
    parser.add_argument("--lines", action="store_true", help="each line of the input is a text; else all of it is one")
    parser.add_argument("--file", action="append", default=[], metavar="FILE", help="a whole file is one text")
    parser.add_argument("--model", metavar="NAME", help="else the newest one of the server that makes embeddings")
    parser.add_argument("--dimensions", type=count, metavar="N", help="how long the vectors are, where the model can")
    parser.add_argument("--batch", type=count, default=32, metavar="N", help="so many texts in one request (32)")
    parser.add_argument("--truncate", action="store_true", help="cut what does not fit instead of refusing it")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="such as num_ctx=8192")
    parser.add_argument("--keep-alive", metavar="TIME", help="how long the model stays in memory")
    parser.add_argument("--allow-cloud", action="store_true", help="let it leave for a model in the cloud, unasked")


async def run(arguments: argparse.Namespace, door: Door) -> int:
    texts = await _texts(arguments, door)
    if not texts:
        raise Failure("there is nothing to embed", "no text was given", "write it behind embed, or pipe it in")
    options = {_OLLAMAS_NAME.get(name, name): value for name, value in map(option_of, arguments.option)}
    warn_of_unknown_options(door, options)
    async with door.workspace() as workspace:
        model = await _embedding_model(workspace, arguments.model)
        await see_that_it_may_leave(door, workspace, model, is_allowed=arguments.allow_cloud)
        request = EmbedRequest(
            model=model,
            texts=tuple(text for _, text in texts),
            dimensions=arguments.dimensions,
            truncate=bool(arguments.truncate),
            options=options,
            keep_alive=keep_alive_of(arguments.keep_alive),
        )
        began = workspace.clock()
        async with aclosing(workspace.client.embed_in_batches(request, batch_texts=arguments.batch)) as batches:
            async for batch in batches:
                for offset, vector in enumerate(batch.embeddings.vectors):
                    name, text = texts[batch.start + offset]
                    value = {"index": batch.start + offset, **({"file": name} if name else {"text": text})}
                    await door.value({**value, "model": model, "embedding": list(vector)})
                door.status(f"{batch.done_texts} of {plural(batch.total_texts, 'text')}")
        door.talk(f"{plural(len(texts), 'vector')} in {seconds_text(workspace.clock() - began)}")
    return Exit.well


async def _texts(arguments: argparse.Namespace, door: Door) -> list[tuple[str, str]]:
    """Each with the name of its file, or without one."""
    found = [("", text) for text in arguments.texts]
    for name in arguments.file:
        data = await asyncio.to_thread(read_bounded, Path(name), LARGEST_FILE_BYTES, follow_links=True)
        found.append((name, data.decode("utf-8", "replace")))
    given = await door.read_input() if arguments.lines or not found else ""
    if arguments.lines:
        found += [("", line) for line in given.replace("\r\n", "\n").split("\n") if line.strip()]
    elif given.strip():
        found.append(("", given))
    return found


async def _embedding_model(workspace: Workspace, named: str | None) -> str:
    if named:
        return named
    catalog = workspace.catalog
    for model in sorted(await catalog.refresh(), key=_age):
        if not model.is_cloud and EMBEDDING in (await catalog.capabilities_of(model) or ()):
            return model.name
    raise EngineError(
        f"no model of {workspace.host.name} makes embeddings",
        "",
        "chinwag models pull nomic-embed-text fetches one that does",
        kind=ErrorKind.model_missing,
    )


def _age(model: object) -> float:
    modified = getattr(model, "modified_at", None)
    return 0.0 if modified is None else -modified.timestamp()
