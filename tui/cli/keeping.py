"""How a command keeps its run: in a folder of its own, without ever standing in the run's way."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tui import __version__
from tui.cleaning import clean_line
from tui.cli.door import Door
from tui.failures import Failure
from tui.metrics.wording import seconds_text, speed_words, token_count_words
from tui.runs.kept import RunFolder, State, runs_folder
from tui.workspace import Workspace

TITLE_CHARACTERS = 80


def add_keeping_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-save", action="store_true", help="keep nothing of this run (chinwag outputs has the rest)"
    )


class RunKeeper:
    """Takes what a run brings. A disk that refuses is said once; the run goes on without being kept."""

    def __init__(self, run: RunFolder | None, door: Door) -> None:
        self._run = run
        self._door = door
        self._has_results = False
        self.state = State.well
        """How it ended, as far as the command knows."""
        self.figures: dict[str, Any] = {}
        """Goes into the folder's ``config.json`` at the end."""

    @property
    def id(self) -> str:
        """Empty when nothing is kept."""
        return "" if self._run is None else self._run.id

    async def add_result(self, line: bytes) -> None:
        if self._run is not None:
            self._has_results = True
            await self._tried(asyncio.to_thread(self._run.add_result, line))

    async def write(self, name: str, text: str) -> None:
        if self._run is not None:
            await self._tried(asyncio.to_thread(self._run.write, name, text))

    async def _tried(self, work: Any) -> None:
        try:
            await work
        except Failure as failure:
            self._door.warn(f"the run is not kept any more: {failure}")
            self.let_go()

    def let_go(self) -> None:
        if self._run is not None:
            self._run.close()
            self._run = None

    async def end(self, workspace: Workspace) -> None:
        run = self._run
        if run is not None and self.state is not State.well and not self._has_results:
            # Nothing came of it: an empty folder is of no use to anybody.
            await self._tried(asyncio.to_thread(run.discard))
            self.let_go()
        elif run is not None:
            await self._tried(asyncio.to_thread(run.end, self.state, at=workspace.now(), figures=self.figures))


@asynccontextmanager
async def kept_run(
    door: Door, workspace: Workspace, *, kind: str, config: Mapping[str, Any], is_wanted: bool
) -> AsyncGenerator[RunKeeper, None]:
    """The folder of one run, from before its first question to its end, however that comes."""
    run: RunFolder | None = None
    if is_wanted and not workspace.is_throwaway:
        whole = {"chinwag": __version__, "host": workspace.host.url, **config}
        try:
            run = await asyncio.to_thread(
                RunFolder.begin,
                runs_folder(workspace.places),
                kind=kind,
                config=whole,
                now=workspace.now,
                random_bytes=workspace.random_bytes,
            )
        except Failure as failure:
            door.warn(f"the run is not kept: {failure}")
    keeper = RunKeeper(run, door)
    try:
        yield keeper
    except asyncio.CancelledError:
        keeper.state = State.interrupted
        raise
    except BaseException:
        keeper.state = State.failed
        raise
    finally:
        await keeper.end(workspace)
        if keeper.id:
            door.talk(f"kept as {keeper.id}")
        keeper.let_go()


async def keep_answer(
    door: Door, workspace: Workspace, *, kind: str, prompt: str, value: Mapping[str, Any], preset: str = ""
) -> None:
    """One answer in a folder of its own: as text with its prompt and figures, and whole. ``value`` is its JSON."""
    config = {"models": [value["model"]], "title": clean_line(prompt, TITLE_CHARACTERS), "preset": preset}
    async with kept_run(door, workspace, kind=kind, config=config, is_wanted=True) as keeper:
        keeper.state = State.failed if "failure" in value else State.well
        line = json.dumps({"prompt": prompt, **value}, ensure_ascii=False) + "\n"
        await keeper.add_result(line.encode("utf-8", "replace"))
        await keeper.write("output.md", _as_markdown(prompt, value, at=workspace.now().isoformat(timespec="seconds")))


def _as_markdown(prompt: str, value: Mapping[str, Any], *, at: str) -> str:
    figures = [value["model"], at, seconds_text(value["seconds"])]
    if (tokens := value.get("answer_tokens")) is not None:
        figures.append(token_count_words(tokens))
    if (speed := value.get("tokens_per_second")) is not None:
        figures.append(speed_words(speed))
    fence = "```"
    while fence in prompt:
        fence += "`"
    failure = f"\n[{value['failure']}]\n" if "failure" in value else ""
    return f"{' · '.join(figures)}\n\n{fence}\n{prompt}\n{fence}\n\n{value['text']}\n{failure}"
