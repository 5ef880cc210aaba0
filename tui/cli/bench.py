"""``chinwag bench``: how fast models are on this server."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

from tui.atomic import read_bounded
from tui.cli.asking import (
    Asked,
    add_asking_arguments,
    asked_of,
    manner_of,
    model_for,
    see_that_it_may_leave,
    warn_of_unknown_options,
)
from tui.cli.door import GAP, Door, Exit
from tui.cli.keeping import RunKeeper, add_keeping_argument, kept_run
from tui.cli.output_files import see_that_it_can_be_written, write_output
from tui.cli.parsing import count, count_or_none
from tui.failures import Failure
from tui.metrics.wording import plural, speed_words
from tui.runs.benchmark import Benchmark, BenchmarkPlan, CaseFigures, Round, encode_round, figures_of
from tui.runs.comparison import Contender
from tui.runs.kept import State, find_run, list_runs, runs_folder
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
from tui.workspace import Workspace

FORMATS = ("table", "markdown", "csv", "json", "html")
LARGEST_REPORT_BYTES = 64_000_000
TOGETHER = "together tok/s"
"""Says the same as the speed where one answer is asked for at a time."""
_USUAL = {"failed": "0", "start": "warm", "at once": "1"}
"""What columns hold as a rule."""
_ENDINGS = {".md": "markdown", ".csv": "csv", ".json": "json", ".html": "html", ".txt": "table"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help="what is measured, one after the other")
    parser.add_argument(
        "--prompt", action="append", default=[], metavar="TEXT", help="ask this, more than once for more"
    )
    parser.add_argument(
        "--prompt-tokens", type=_numbers, default=(64,), metavar="N,N", help="lengths of generated prompts (64)"
    )
    parser.add_argument("--answer-tokens", type=count, default=128, metavar="N", help="where answers end (128)")
    parser.add_argument("--repeats", type=count, default=5, metavar="N", help="rounds that count (5)")
    parser.add_argument("--warm-ups", type=count_or_none, default=1, metavar="N", help="rounds before them (1)")
    parser.add_argument("--concurrency", type=_numbers, default=(1,), metavar="N,N", help="so many at once (1)")
    parser.add_argument("--cold", action="store_true", help="unload the model before each round")
    parser.add_argument("--against", metavar="FILE|RUN", help="an earlier report in JSON, a kept run, or last")
    parser.add_argument("--output", metavar="FILE", help="write the report there; .md, .csv, .json or .html say how")
    parser.add_argument("--report", choices=FORMATS, help="how it is written (table)")
    add_keeping_argument(parser)
    add_asking_arguments(parser, has_model=False)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(count(one) for one in text.split(",")))


async def run(arguments: argparse.Namespace, door: Door) -> int:
    asked = await asked_of(arguments)
    warn_of_unknown_options(door, asked.raw_options)
    if arguments.output is not None:
        await asyncio.to_thread(see_that_it_can_be_written, Path(arguments.output))
    async with door.workspace() as workspace:
        earlier = None if arguments.against is None else await _earlier(arguments.against, workspace)
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
            warm_ups=arguments.warm_ups,
            concurrencies=arguments.concurrency,
            is_cold=arguments.cold,
            options=_own_end(asked),
            ways={model: _way(workspace, model, asked) for model in models},
        )
        about = About(
            at=workspace.now(), host=workspace.host.url, server_version=await workspace.engine.version(), title=""
        )
        config = {"models": list(plan.models), "title": _title(plan), "plan": asdict(plan)}
        async with kept_run(door, workspace, kind="bench", config=config, is_wanted=not arguments.no_save) as keeper:
            rounds = await _measure(Benchmark(plan, engine=workspace.client, clock=workspace.clock), door, keeper)
            figures = figures_of(rounds)
            table = benchmark_table(figures, earlier=earlier)
            keeper.state = State.failed if any(one.failures for one in figures) else State.well
            for ending in ("json", "md", "html", "csv"):
                await keeper.write(f"report.{ending}", _as_text(_ENDINGS[f".{ending}"], about, figures, table))
    await _report(arguments, door, about, figures, table)
    for one in figures:
        if one.failures:
            door.warn(f"{case_name(one)}: {plural(len(one.failures), 'answer')} failed: {one.failures[0]}")
    return Exit.failed if any(one.failures for one in figures) else Exit.well


def _own_end(asked: Asked) -> dict[str, object]:
    """Where answers end when a flag says so by itself; the settings' end would make them of any length."""
    return {"num_predict": asked.options["answer_tokens"]} if "answer_tokens" in asked.options else {}


def _way(workspace: Workspace, model: str, asked: Asked) -> Contender:
    """As a conversation would ask it; but it stays in memory as long as the server likes, unless a flag says it."""
    manner = manner_of(workspace, model, asked)
    return Contender(
        name=model,
        model=model,
        system=manner.system,
        options=manner.options,
        think=manner.think,
        format=manner.format,
        keep_alive=asked.keep_alive,
        preset=asked.preset,
    )


def _title(plan: BenchmarkPlan) -> str:
    asked = plural(len(plan.prompts), "prompt") if plan.prompts else "generated prompts"
    return f"{asked}, {plural(plan.repeats, 'round')}{', cold' if plan.is_cold else ''}"


async def _earlier(which: str, workspace: Workspace) -> dict[str, float]:
    """Of a file, or of a run that was kept."""
    path = Path(which)
    if not await asyncio.to_thread(path.exists):
        runs = await asyncio.to_thread(list_runs, runs_folder(workspace.places))
        try:
            path = find_run([one for one in runs if one.kind == "bench"], which).folder / "report.json"
        except Failure as failure:
            advice = "give a report in JSON, or what chinwag outputs list --kind bench has"
            raise Failure(
                f"cannot compare with {which}", f"there is no such file, and {failure.title}", advice
            ) from None
    data = await asyncio.to_thread(read_bounded, path, LARGEST_REPORT_BYTES, follow_links=True)
    return earlier_speeds(data, name=path.name)


async def _measure(benchmark: Benchmark, door: Door, keeper: RunKeeper) -> list[Round]:
    """What was measured before Ctrl+C gets no report: half a benchmark compares with nothing."""
    rounds: list[Round] = []
    door.status(f"0 of {plural(benchmark.total_rounds, 'round')}")
    async with aclosing(benchmark.rounds()) as measured:
        async for round_ in measured:
            rounds.append(round_)
            await keeper.add_result(encode_round(round_))
            speed = next((one.tokens_per_second for one in round_.answers if one.tokens_per_second is not None), None)
            words = f"{len(rounds)} of {plural(benchmark.total_rounds, 'round')} · {round_.case.model}"
            door.status(words if speed is None else f"{words} · {speed_words(speed)}")
    return rounds


async def _report(
    arguments: argparse.Namespace, door: Door, about: About, figures: tuple[CaseFigures, ...], table: Table
) -> None:
    output = None if arguments.output is None else Path(arguments.output)
    usual = "json" if door.as_json else "table"
    shown = usual if output is not None else arguments.report or usual
    if output is not None:
        form = arguments.report or _ENDINGS.get(output.suffix) or usual
        await write_report(door, output, _as_text(form, about, figures, table))
    if shown == "table":
        await write_table(door, table)
    else:
        await door.write(_as_text(shown, about, figures, table))


async def write_report(door: Door, path: Path, text: str) -> None:
    """Raises ``Failure`` when it cannot be written."""
    await asyncio.to_thread(write_output, path, text.encode("utf-8", "replace"), mode=0o644)
    door.talk(f"wrote {path}")


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
    """For a person: without columns that say nothing, and lying on its side where it would not fit otherwise."""
    rows = [[cell_text(cell) for cell in row] for row in table.rows]
    used = [index for index, name in enumerate(table.head) if not _says_nothing(name, [row[index] for row in rows])]
    columns = dict(zip(table.head, zip(*rows, strict=True), strict=True)) if rows else {}
    if columns.get("model") == columns.get("name"):
        used = [index for index in used if table.head[index] != "name"]
    if "at once" not in [table.head[index] for index in used]:
        used = [index for index in used if table.head[index] != TOGETHER]
    head = [table.head[index] for index in used]
    shown = [[row[index] for index in used] for row in rows]
    width = sum(max(len(line[index]) for line in (head, *shown)) + len(GAP) for index in range(len(head)))
    if door.writes_terminal and width > door.columns + len(GAP):
        turned = list(zip(head, *shown, strict=True))
        await door.table(turned[0], turned[1:], numbers=range(1, len(shown) + 1))
        return
    numbers = [place for place, index in enumerate(used) if not any(isinstance(row[index], str) for row in table.rows)]
    await door.table(head, shown, numbers=numbers)


def _says_nothing(name: str, cells: Sequence[str]) -> bool:
    """Nothing stands in it, or only what goes without saying."""
    return set(cells) <= {"", _USUAL.get(name, "")}
