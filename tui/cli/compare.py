"""``chinwag compare``: the same prompts to several models, side by side."""

from __future__ import annotations

import argparse
import asyncio
import json
import textwrap
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from itertools import zip_longest
from pathlib import Path

from tui.cleaning import cell_width, clean, clean_line
from tui.cli.asking import (
    Asked,
    add_asking_arguments,
    asked_of,
    model_and_manner,
    see_that_it_may_leave,
    warn_of_unknown_options,
)
from tui.cli.bench import write_report, write_table
from tui.cli.door import Door, Exit
from tui.cli.keeping import RunKeeper, add_keeping_argument, kept_run
from tui.cli.output_files import see_that_it_can_be_written
from tui.cli.parsing import count
from tui.engine import Chunk, Engine, EngineError, ErrorKind
from tui.failures import Failure
from tui.metrics.wording import plural, seconds_text, speed_words
from tui.runs.asking import Answer
from tui.runs.comparison import Compared, Contender, compare, encode_compared
from tui.runs.kept import State
from tui.runs.prompts import PROMPT, fill, read_prompts
from tui.runs.reports import (
    About,
    comparison_html,
    comparison_json,
    comparison_markdown,
    comparison_table,
)
from tui.theming.nearest import most_similar
from tui.workspace import Workspace

FORMATS = ("side", "markdown", "html", "json")
_KEPT_FORMS = (("json", ".json"), ("markdown", ".md"), ("html", ".html"))
_ENDINGS = {".md": "markdown", ".html": "html", ".json": "json"}
LEAST_COLUMN_CELLS = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "contenders", metavar="MODEL|PRESET", nargs="+", help="who answers: a model, a preset, or MODEL@PRESET"
    )
    parser.add_argument(
        "--prompt", action="append", default=[], metavar="TEXT", help="ask this, more than once for more"
    )
    parser.add_argument("--prompts", metavar="FILE", help="a .jsonl, .csv or .txt file of prompts")
    parser.add_argument("--output", metavar="FILE", help="write the report there; .md, .html or .json say how")
    parser.add_argument("--report", choices=FORMATS, help="how it is written (side by side)")
    parser.add_argument(
        "--width", type=count, metavar="CELLS", help="how wide side by side is (the terminal, else 120)"
    )
    add_keeping_argument(parser)
    add_asking_arguments(parser)


async def run(arguments: argparse.Namespace, door: Door) -> int:
    asked = await asked_of(arguments)
    warn_of_unknown_options(door, asked.raw_options)
    prompts = list(arguments.prompt)
    if arguments.prompts is not None:
        rows = await asyncio.to_thread(read_prompts, Path(arguments.prompts))
        name = Path(arguments.prompts).name
        prompts += [fill(f"{{{{{PROMPT}}}}}", row, name=name) for row in rows]
    if not prompts and (given := await door.read_input()):
        prompts.append(given)
    if not prompts:
        raise Failure("there is nothing to compare on", "no prompt was given", "give --prompt TEXT")
    if arguments.output is not None:
        await asyncio.to_thread(see_that_it_can_be_written, Path(arguments.output))
    async with door.workspace() as workspace:
        # The names of models win over those of presets, so they have to be known.
        await workspace.catalog.refresh()
        contenders = [await _contender(word, arguments.model, asked, workspace) for word in arguments.contenders]
        for contender in contenders:
            await see_that_it_may_leave(door, workspace, contender.model, is_allowed=arguments.allow_cloud)
        about = About(at=workspace.now(), host=workspace.host.url, server_version=await workspace.engine.version())
        config = {
            "models": list(dict.fromkeys(one.model for one in contenders)),
            "title": f"{plural(len(prompts), 'prompt')} to {', '.join(one.name for one in contenders)}",
            "contenders": [asdict(one) for one in contenders],
            "prompts": prompts,
        }
        async with kept_run(door, workspace, kind="compare", config=config, is_wanted=not arguments.no_save) as keeper:
            found = await _compare(door, prompts, contenders, workspace.engine, workspace.clock, keeper)
            failed = [one for one in found if not one.answer.is_whole]
            keeper.state = State.failed if failed else State.well
            for form, ending in _KEPT_FORMS:
                await keeper.write(f"report{ending}", _as_text(form, about, prompts, contenders, found))
    await _report(arguments, door, about, prompts, contenders, found)
    for one in failed:
        door.warn(f"{contenders[one.contender_index].name}: {one.answer.failure}")
    return Exit.failed if failed else Exit.well


async def _contender(word: str, usual: str | None, asked: Asked, workspace: Workspace) -> Contender:
    """A model that the server has; else a preset; else ``MODEL@PRESET`` or ``@PRESET``. Raises ``Failure``."""
    presets = workspace.steering.presets
    named, at, preset = word.rpartition("@")
    if workspace.find_model(word) is not None:
        named, preset = word, ""
    elif word in presets:
        named, preset = "", word
    elif not (at and preset in presets):
        named, preset = word, ""
    try:
        model, manner = await model_and_manner(
            workspace, named or None, replace(asked, preset=preset or asked.preset), usual=usual
        )
    except EngineError as error:
        if error.kind is not ErrorKind.model_missing or not (near := most_similar(word, presets)):
            raise
        raise EngineError(
            f"there is no model and no preset {word}, did you mean {near}?",
            error.message,
            "chinwag presets list and chinwag models list have them all",
            kind=error.kind,
        ) from None
    return Contender(
        name=(f"{model}@{preset}" if named else preset) if preset else model,
        model=model,
        system=manner.system,
        options=manner.options,
        think=manner.think,
        format=manner.format,
        keep_alive=manner.keep_alive,
        preset=preset or asked.preset,
    )


async def _compare(
    door: Door,
    prompts: Sequence[str],
    contenders: Sequence[Contender],
    engine: Engine,
    clock: Callable[[], float],
    keeper: RunKeeper,
) -> list[Compared]:
    found: list[Compared] = []
    total = len(prompts) * len(contenders)
    pieces = 0

    def seen(_prompt: int, contender: int, chunk: Chunk) -> None:
        nonlocal pieces
        pieces += chunk.pieces
        door.status(f"{len(found)} of {total} · {contenders[contender].name} · ~{pieces} tokens")

    door.status(f"0 of {total} · {contenders[0].name}")
    async with aclosing(compare(prompts, contenders, engine=engine, clock=clock, on_chunk=seen)) as answers:
        async for answer in answers:
            found.append(answer)
            await keeper.add_result(encode_compared(answer, prompts, contenders))
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
    usual = "json" if door.as_json else "side"
    shown = usual if output is not None else arguments.report or usual

    def as_text(form: str) -> str:
        if form == "side":
            return side_by_side(prompts, contenders, found, cells=arguments.width or door.columns)
        return _as_text(form, about, prompts, contenders, found)

    if output is not None:
        await write_report(door, output, as_text(arguments.report or _ENDINGS.get(output.suffix) or usual))
    await door.write(as_text(shown))
    if shown == "side":
        await door.line("")
        await write_table(door, comparison_table(contenders, found))


def _as_text(
    form: str,
    about: About,
    prompts: Sequence[str],
    contenders: Sequence[Contender],
    found: Sequence[Compared],
) -> str:
    match form:
        case "markdown":
            return comparison_markdown(about, prompts, contenders, found)
        case "html":
            return comparison_html(about, prompts, contenders, found)
        case _:
            return json.dumps(comparison_json(about, prompts, contenders, found), ensure_ascii=False) + "\n"


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
