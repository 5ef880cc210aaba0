"""``chinwag batch``: many prompts from a file, answers as JSON Lines."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tui.cli.asking import (
    Manner,
    add_asking_arguments,
    add_retries_argument,
    asked_of,
    model_and_manner,
    see_that_it_may_leave,
    warn_of_unknown_options,
    with_retries,
)
from tui.cli.door import Door, Exit, WrongLine
from tui.cli.keeping import RunKeeper, add_keeping_argument, kept_run
from tui.cli.parsing import count
from tui.cli.retry_words import retry_words
from tui.engine import ChatRequest, Engine, EngineError, ErrorKind
from tui.metrics.wording import plural, seconds_text, speed_words, tokens_text
from tui.runs.batch import (
    USUAL_CONCURRENCY,
    AnswerCache,
    Batch,
    BatchItem,
    BatchProgress,
    BatchResult,
    encode_result,
    single_prompt,
)
from tui.runs.kept import State
from tui.runs.prompts import LARGEST_FILE_BYTES, PROMPT, PromptRow, fill, read_prompts, rows_of
from tui.runs.reports import About, batch_json, batch_markdown
from tui.runs.results_file import ResultsFile, open_results

STATUS_SECONDS = 0.25
_OF_NO_USE = frozenset({ErrorKind.unreachable, ErrorKind.model_missing, ErrorKind.unauthorized})
"""How a server fails that can take no prompt at all; of any other failure each prompt tells."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompts", metavar="PROMPTS", help="a .jsonl, .csv or .txt file, or - for lines of input")
    parser.add_argument("--output", metavar="FILE", help="results as they come; an interrupted run goes on with it")
    parser.add_argument("--template", metavar="TEXT", help="the prompt, with {{column}} of each row")
    parser.add_argument(
        "--concurrency",
        type=count,
        default=USUAL_CONCURRENCY,
        metavar="N",
        help=f"so many at a time ({USUAL_CONCURRENCY})",
    )
    parser.add_argument(
        "--also-on", action="append", default=[], metavar="URL", help="another server that takes a share of the prompts"
    )
    add_retries_argument(parser)
    parser.add_argument("--cache", action="store_true", help="ask identical questions once")
    parser.add_argument("--again", action="store_true", help="ask everything again, whatever --output has")
    parser.add_argument("--in-order", action="store_true", help="write results in the order of the prompts, at the end")
    add_keeping_argument(parser)
    add_asking_arguments(parser)


async def run(arguments: argparse.Namespace, door: Door) -> int:
    asked = await asked_of(arguments)
    warn_of_unknown_options(door, asked.raw_options)
    rows = await _rows(arguments.prompts, door)
    output = None if arguments.output is None else Path(arguments.output)
    if output is not None and output.name == Path(arguments.prompts).name and await _is_same(output, arguments.prompts):
        raise WrongLine("--output is the file of the prompts", "it would be written over", "name another one")
    door.options = with_retries(door.options, arguments.retries)
    async with door.workspace() as workspace, AsyncExitStack() as others:
        workspace.servers.on_retry = lambda host, retry: door.talk(retry_words(host, retry))
        model, manner = await model_and_manner(workspace, arguments.model, asked)
        await see_that_it_may_leave(door, workspace, model, is_allowed=arguments.allow_cloud)
        items = _items(rows, arguments, manner, model)
        engines: list[Engine] = [workspace.engine]
        for address in arguments.also_on:
            host = workspace.servers.host_called(address, source="--also-on")
            client = workspace.servers.client(host, await workspace.servers.key_for(host))
            engines.append(await others.enter_async_context(client))
        engines = await _usable(engines, model, door)
        about = About(at=workspace.now(), host=workspace.host.url, server_version=await workspace.engine.version())
        results: ResultsFile | None = None
        if output is not None:
            results = await asyncio.to_thread(open_results, output, anew=arguments.again)
            others.push_async_callback(asyncio.to_thread, results.close)
        batch = Batch(
            items,
            engines=engines,
            clock=workspace.clock,
            concurrency=arguments.concurrency,
            done=frozenset() if results is None else results.done,
            cache=AnswerCache() if arguments.cache else None,
            on_handed_on=lambda engine, answer: door.warn(
                f"{engine.host.name} failed a prompt, another server gets it: {answer.failure}"
            ),
        )
        if batch.progress.skipped:
            door.talk(f"{plural(batch.progress.skipped, 'prompt')} of {len(items)} had an answer already")
        config = _config(arguments, model, manner, prompts=len(items), hosts=[one.host.url for one in engines])
        async with (
            kept_run(door, workspace, kind="batch", config=config, is_wanted=not arguments.no_save) as keeper,
            _Sink(door, results, keeper, in_order=arguments.in_order) as sink,
        ):
            failures = await _follow(batch, sink, door)
            keeper.state = State.failed if batch.progress.failed else State.well
            report = batch_json(about, model, batch.progress, failures)
            await keeper.write("report.json", json.dumps(report, ensure_ascii=False, indent=2) + "\n")
            await keeper.write("report.md", batch_markdown(about, model, batch.progress, failures))
    return _summary(batch.progress, door)


def _config(
    arguments: argparse.Namespace, model: str, manner: Manner, *, prompts: int, hosts: list[str]
) -> dict[str, object]:
    source = arguments.prompts
    return {
        "models": [model],
        "title": f"{plural(prompts, 'prompt')} of {'the input' if source == '-' else Path(source).name}",
        "hosts": hosts,
        "prompts": source,
        "template": arguments.template,
        "concurrency": arguments.concurrency,
        "output": arguments.output,
        "preset": arguments.preset,
        **manner.as_value(),
    }


async def _usable(engines: Sequence[Engine], model: str, door: Door) -> list[Engine]:
    """The first one, and those of the others that answer and have ``model``; of the rest it is said why not."""

    async def why_not(engine: Engine) -> EngineError | None:
        try:
            await engine.show_model(model)
        except EngineError as error:
            return error if error.kind in _OF_NO_USE else None
        return None

    usable = [engines[0]]
    for engine, failure in zip(engines[1:], await asyncio.gather(*map(why_not, engines[1:])), strict=True):
        if failure is None:
            usable.append(engine)
        else:
            why = "; ".join(part for part in (failure.title, failure.message) if part)
            door.warn(f"{engine.host.name} is left out, its share goes to the others: {why}")
    return usable


async def _rows(source: str, door: Door) -> tuple[PromptRow, ...]:
    if source == "-":
        return rows_of(await door.read_bytes(LARGEST_FILE_BYTES), name="the input")
    return await asyncio.to_thread(read_prompts, Path(source))


async def _is_same(one: Path, other: str) -> bool:
    def look() -> bool:
        try:
            return one.samefile(other)
        except OSError:
            return False

    return await asyncio.to_thread(look)


def _items(rows: tuple[PromptRow, ...], arguments: argparse.Namespace, manner: Manner, model: str) -> list[BatchItem]:
    """Raises ``Failure`` for the first row that the template, or the lack of one, does not fit."""
    name = Path(arguments.prompts).name
    template = arguments.template or f"{{{{{PROMPT}}}}}"
    return [
        BatchItem(
            index=index,
            request=ChatRequest(
                model=model,
                messages=single_prompt(fill(template, row, name=name), system=manner.system),
                options=manner.options,
                think=manner.think,
                format=manner.format,
                keep_alive=manner.keep_alive,
            ),
            columns=row.columns,
        )
        for index, row in enumerate(rows)
    ]


async def _follow(batch: Batch, sink: _Sink, door: Door) -> list[str]:
    """Gives a line for each prompt that failed."""
    failures: list[str] = []
    moving = asyncio.create_task(_show(batch, door))
    try:
        async with aclosing(batch.results()) as results:
            async for result in results:
                await sink.take(result)
                if not result.answer.is_whole:
                    failures.append(f"prompt {result.item.index + 1}: {result.answer.failure}")
                    door.warn(failures[-1])
    finally:
        moving.cancel()
        await asyncio.wait({moving})
    return failures


async def _show(batch: Batch, door: Door) -> None:
    while True:
        door.status(_words(batch.progress))
        await asyncio.sleep(STATUS_SECONDS)


def _words(progress: BatchProgress) -> str:
    words = [f"{progress.done + progress.failed} of {progress.total}"]
    if progress.failed:
        words.append(f"{progress.failed} failed")
    if (speed := progress.tokens_per_second) is not None:
        words.append(speed_words(speed))
    if (left := progress.seconds_left) is not None:
        words.append(f"{seconds_text(left)} left")
    return " · ".join(words)


def _summary(progress: BatchProgress, door: Door) -> int:
    words = [f"{progress.done} of {progress.total} answered in {seconds_text(progress.seconds)}"]
    if progress.answer_tokens:
        words.append(f"{tokens_text(progress.answer_tokens)} tokens")
    if (speed := progress.tokens_per_second) is not None:
        words.append(speed_words(speed))
    if progress.cached:
        words.append(f"{progress.cached} from the cache")
    if progress.failed:
        words.append(f"{progress.failed} failed; the same command asks them again")
    (door.warn if progress.failed else door.talk)(" · ".join(words))
    return Exit.failed if progress.failed else Exit.well


@dataclass(slots=True)
class _Sink:
    """Where results go: to a file that only grows, or to standard output; and to where the run is kept."""

    door: Door
    results: ResultsFile | None
    keeper: RunKeeper
    in_order: bool
    _held: list[BatchResult] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for result in sorted(self._held, key=lambda one: one.item.index):
            await self._write(encode_result(result))

    async def take(self, result: BatchResult) -> None:
        line = encode_result(result)
        await self.keeper.add_result(line)
        if self.in_order and self.results is None:
            self._held.append(result)
        else:
            await self._write(line)

    async def _write(self, line: bytes) -> None:
        if self.results is None:
            await self.door.write(line.decode("utf-8", "replace"))
        else:
            await asyncio.to_thread(self.results.append, line)
