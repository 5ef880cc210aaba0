"""``chinwag compare``: the same prompts to several models, side by side."""

from __future__ import annotations

import argparse
import asyncio
import json
import textwrap
from collections.abc import Callable, Sequence
from contextlib import aclosing
from itertools import zip_longest
from pathlib import Path

from tui.atomic import write_atomically
from tui.cleaning import cell_width, clean, clean_line
from tui.cli.asking import add_asking_arguments, asked_of, model_for, see_that_it_may_leave
from tui.cli.bench import write_table
from tui.cli.door import Door, Exit
from tui.engine import Chunk, Engine
from tui.failures import Failure
from tui.metrics.wording import seconds_text, speed_words
from tui.runs.asking import Answer
from tui.runs.comparison import Compared, Contender, compare
from tui.runs.prompts import PROMPT, read_prompts
from tui.runs.reports import (
    About,
    comparison_html,
    comparison_json,
    comparison_markdown,
    comparison_table,
)

FORMATS = ("side", "markdown", "html", "json")
_ENDINGS = {".md": "markdown", ".html": "html", ".json": "json"}
LEAST_COLUMN_CELLS = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help="who answers")
    parser.add_argument(
        "--prompt", action="append", default=[], metavar="TEXT", help="ask this, more than once for more"
    )
    parser.add_argument("--prompts", metavar="FILE", help="a .jsonl, .csv or .txt file of prompts")
    parser.add_argument("--output", metavar="FILE", help="write the report there; .md, .html or .json say how")
    parser.add_argument("--report", choices=FORMATS, help="how it is written (side by side)")
    parser.add_argument("--width", type=int, metavar="CELLS", help="how wide side by side is (the terminal, else 120)")
    add_asking_arguments(parser, has_model=False)


async def run(arguments: argparse.Namespace, door: Door) -> int:
    asked = await asked_of(arguments)
    prompts = list(arguments.prompt)
    if arguments.prompts is not None:
        rows = await asyncio.to_thread(read_prompts, Path(arguments.prompts))
        prompts += [row.columns[PROMPT] for row in rows if row.columns.get(PROMPT)]
    if not prompts and (given := await door.read_input()):
        prompts.append(given)
    if not prompts:
        raise Failure("there is nothing to compare on", "no prompt was given", "give --prompt TEXT")
    async with door.workspace() as workspace:
        contenders = []
        for named in arguments.models:
            model = await model_for(workspace, named)
            await see_that_it_may_leave(door, workspace, model, is_allowed=arguments.allow_cloud)
            contenders.append(
                Contender(
                    name=model,
                    model=model,
                    system=asked.system,
                    options=asked.options,
                    think=asked.think,
                    format=asked.format,
                )
            )
        about = About(at=workspace.now(), host=workspace.host.url, server_version=await workspace.engine.version())
        found = await _compare(door, prompts, contenders, workspace.engine, workspace.clock)
    await _report(arguments, door, about, prompts, contenders, found)
    failed = [one for one in found if not one.answer.is_whole]
    for one in failed:
        door.warn(f"{contenders[one.contender_index].name}: {one.answer.failure}")
    return Exit.failed if failed else Exit.well


async def _compare(
    door: Door,
    prompts: Sequence[str],
    contenders: Sequence[Contender],
    engine: Engine,
    clock: Callable[[], float],
) -> list[Compared]:
    found: list[Compared] = []
    total = len(prompts) * len(contenders)
    pieces = 0

    def seen(_prompt: int, contender: int, chunk: Chunk) -> None:
        nonlocal pieces
        pieces += chunk.pieces
        door.status(f"{len(found)} of {total} · {contenders[contender].name} · ~{pieces} tokens")

    async with aclosing(compare(prompts, contenders, engine=engine, clock=clock, on_chunk=seen)) as answers:
        async for answer in answers:
            found.append(answer)
            pieces = 0
    return found


async def _report(
    arguments: argparse.Namespace,
    door: Door,
    about: About,
    prompts: Sequence[str],
    contenders: Sequence[Contender],
    found: Sequence[Compared],
) -> None:
    output = None if arguments.output is None else Path(arguments.output)
    wanted = arguments.report or ("json" if door.as_json else None)
    form = wanted or (_ENDINGS.get(output.suffix) if output is not None else None) or "side"
    match form:
        case "markdown":
            text = comparison_markdown(about, prompts, contenders, found)
        case "html":
            text = comparison_html(about, prompts, contenders, found)
        case "json":
            text = json.dumps(comparison_json(about, prompts, contenders, found), ensure_ascii=False) + "\n"
        case _:
            text = side_by_side(prompts, contenders, found, cells=arguments.width or door.columns)
    if output is not None:
        await asyncio.to_thread(write_atomically, output, text.encode("utf-8", "replace"), mode=0o644)
        door.talk(f"wrote {output}")
        text = side_by_side(prompts, contenders, found, cells=arguments.width or door.columns)
    await door.write(text)
    if form == "side" or output is not None:
        await door.line("")
        await write_table(door, comparison_table(contenders, found))


def side_by_side(
    prompts: Sequence[str], contenders: Sequence[Contender], found: Sequence[Compared], *, cells: int
) -> str:
    """The answers to each prompt in columns, ``cells`` wide in all; as many columns as there is room for."""
    columns = max(1, min(len(contenders), (cells + 3) // (LEAST_COLUMN_CELLS + 3)))
    width = max(LEAST_COLUMN_CELLS, (cells + 3) // columns - 3)
    lines: list[str] = []
    for number, prompt in enumerate(prompts):
        lines += [f"> {clean_line(prompt, max(1, cells - 2))}", ""]
        answers = [
            (contender.name, next((one.answer for one in found if _is(one, number, which)), None))
            for which, contender in enumerate(contenders)
        ]
        for first in range(0, len(answers), columns):
            blocks = [_block(name, answer, width) for name, answer in answers[first : first + columns]]
            for row in zip_longest(*blocks, fillvalue=""):
                lines.append(" │ ".join(_padded(cell, width) for cell in row).rstrip())
            lines.append("")
    return "\n".join(lines)


def _is(compared: Compared, prompt: int, contender: int) -> bool:
    return compared.prompt_index == prompt and compared.contender_index == contender


def _block(name: str, answer: Answer | None, width: int) -> list[str]:
    lines = [clean_line(name, width)]
    if answer is None:
        return [*lines, "not asked"]
    figures = [seconds_text(answer.seconds)]
    if answer.tokens_per_second is not None:
        figures.insert(0, speed_words(answer.tokens_per_second))
    lines += [" · ".join(figures), "─" * width]
    said = answer.text if answer.is_whole else f"{answer.text}\n[{answer.failure}]"
    for line in clean(said).strip("\n").split("\n"):
        lines += _wrapped(line, width) or [""]
    return lines


def _wrapped(line: str, width: int) -> list[str]:
    """By words; a word that is wider than the column is cut. Widths are cells, not characters."""
    rows: list[str] = []
    for row in textwrap.wrap(line, width, drop_whitespace=True, replace_whitespace=False, expand_tabs=True, tabsize=4):
        piece, used = "", 0
        for sign in row:
            cells = cell_width(sign)
            if used + cells > width:
                rows.append(piece)
                piece, used = "", 0
            piece += sign
            used += cells
        rows.append(piece)
    return rows


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - cell_width(text))
