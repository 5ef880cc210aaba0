"""``chinwag bench``: how fast models are on this server."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import aclosing
from pathlib import Path

from tui.atomic import read_bounded, write_atomically
from tui.cli.asking import add_asking_arguments, asked_of, model_for, see_that_it_may_leave
from tui.cli.door import Door, Exit
from tui.failures import Failure
from tui.metrics.wording import plural, speed_words
from tui.runs.benchmark import Benchmark, BenchmarkPlan, CaseFigures, Round, figures_of
from tui.runs.reports import (
    About,
    benchmark_html,
    benchmark_json,
    benchmark_markdown,
    benchmark_table,
    case_name,
    earlier_speeds,
)
from tui.runs.tables import Table, as_csv, cell_text

FORMATS = ("table", "markdown", "csv", "json", "html")
LARGEST_REPORT_BYTES = 64_000_000
_ENDINGS = {".md": "markdown", ".csv": "csv", ".json": "json", ".html": "html", ".txt": "table"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help="what is measured, one after the other")
    parser.add_argument(
        "--prompt", action="append", default=[], metavar="TEXT", help="ask this, more than once for more"
    )
    parser.add_argument(
        "--prompt-tokens", type=_numbers, default=(64,), metavar="N,N", help="lengths of generated prompts (64)"
    )
    parser.add_argument("--answer-tokens", type=_number, default=128, metavar="N", help="where answers end (128)")
    parser.add_argument("--repeats", type=_number, default=5, metavar="N", help="rounds that count (5)")
    parser.add_argument("--warm-ups", type=int, default=1, metavar="N", help="rounds before them (1)")
    parser.add_argument("--concurrency", type=_numbers, default=(1,), metavar="N,N", help="so many at once (1)")
    parser.add_argument("--cold", action="store_true", help="unload the model before each round")
    parser.add_argument("--against", metavar="FILE", help="an earlier report in JSON")
    parser.add_argument("--output", metavar="FILE", help="write the report there; .md, .csv, .json or .html say how")
    parser.add_argument("--report", choices=FORMATS, help="how it is written (table)")
    add_asking_arguments(parser, has_model=False)


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(_number(one) for one in text.split(",")))


async def run(arguments: argparse.Namespace, door: Door) -> int:
    asked = await asked_of(arguments)
    earlier = None if arguments.against is None else await _earlier(Path(arguments.against))
    async with door.workspace() as workspace:
        models = []
        for named in arguments.models:
            model = await model_for(workspace, named)
            await see_that_it_may_leave(door, workspace, model, is_allowed=arguments.allow_cloud)
            models.append(model)
        plan = BenchmarkPlan(
            models=tuple(dict.fromkeys(models)),
            prompts=tuple(arguments.prompt),
            prompt_lengths_tokens=arguments.prompt_tokens,
            answer_tokens=arguments.answer_tokens,
            repeats=arguments.repeats,
            warm_ups=max(0, arguments.warm_ups),
            concurrencies=arguments.concurrency,
            is_cold=arguments.cold,
            options=dict(asked.options),
        )
        about = About(
            at=workspace.now(), host=workspace.host.url, server_version=await workspace.engine.version(), title=""
        )
        rounds = await _measure(Benchmark(plan, engine=workspace.client, clock=workspace.clock), door)
    figures = figures_of(rounds)
    await _report(arguments, door, about, figures, benchmark_table(figures, earlier=earlier))
    for one in figures:
        if one.failures:
            door.warn(f"{case_name(one)}: {plural(len(one.failures), 'answer')} failed: {one.failures[0]}")
    return Exit.failed if any(one.failures for one in figures) else Exit.well


async def _earlier(path: Path) -> dict[str, float]:
    data = await asyncio.to_thread(read_bounded, path, LARGEST_REPORT_BYTES, follow_links=True)
    return earlier_speeds(data, name=path.name)


async def _measure(benchmark: Benchmark, door: Door) -> list[Round]:
    """What was measured before Ctrl+C is thrown away: half a benchmark compares with nothing."""
    rounds: list[Round] = []
    door.status(f"0 of {plural(benchmark.total_rounds, 'round')}")
    async with aclosing(benchmark.rounds()) as measured:
        async for round_ in measured:
            rounds.append(round_)
            speed = next((one.tokens_per_second for one in round_.answers if one.tokens_per_second is not None), None)
            words = f"{len(rounds)} of {plural(benchmark.total_rounds, 'round')} · {round_.case.model}"
            door.status(words if speed is None else f"{words} · {speed_words(speed)}")
    return rounds


async def _report(
    arguments: argparse.Namespace, door: Door, about: About, figures: tuple[CaseFigures, ...], table: Table
) -> None:
    output = None if arguments.output is None else Path(arguments.output)
    wanted = arguments.report or ("json" if door.as_json else None)
    form = wanted or (_ENDINGS.get(output.suffix) if output is not None else None) or "table"
    if output is None and form == "table":
        await write_table(door, table)
        return
    text = _as_text(form, about, figures, table)
    if output is None:
        await door.write(text)
        return
    await asyncio.to_thread(write_atomically, output, text.encode("utf-8", "replace"), mode=0o644)
    await write_table(door, table)
    door.talk(f"wrote {output}")


def _as_text(form: str, about: About, figures: tuple[CaseFigures, ...], table: Table) -> str:
    match form:
        case "markdown":
            return benchmark_markdown(about, table)
        case "csv":
            return as_csv(table)
        case "json":
            return json.dumps(benchmark_json(about, figures), ensure_ascii=False) + "\n"
        case "html":
            return benchmark_html(about, table, figures)
        case "table":
            rows = [table.head, *([cell_text(cell) for cell in row] for row in table.rows)]
            return "".join("\t".join(row) + "\n" for row in rows)
        case _:
            raise Failure(f"--report {form} is not known", "", f"write one of {', '.join(FORMATS)}")


async def write_table(door: Door, table: Table) -> None:
    """For a person: columns in which nothing stands are left out."""
    rows = [[cell_text(cell) for cell in row] for row in table.rows]
    used = [index for index in range(len(table.head)) if any(row[index] for row in rows)]
    await door.table([table.head[index] for index in used], [[row[index] for index in used] for row in rows])
