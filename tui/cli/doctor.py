"""``chinwag doctor``: what is wrong around chinwag, and how it is mended."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tui.cli.door import Door, Exit
from tui.engine import EngineError, ErrorKind
from tui.environment import Colour, Environment, Multiplexer, read_environment
from tui.failures import Failure
from tui.metrics.wording import plural, seconds_text, size_text
from tui.storage.checkup import HARMLESS, Checkup, check, repair
from tui.workspace import Workspace

LEAST_FREE_BYTES = 200_000_000
EARLIEST_YEAR = 2024
SLOW_ANSWER_SECONDS = 1.0


class Verdict(StrEnum):
    good = "good"
    note = "note"
    """Nothing is broken, and something could be better."""
    bad = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    what: str
    """What was looked at: ``server``."""
    verdict: Verdict
    words: str
    mend: str = ""
    """What to do about it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="mend what can be mended; what is taken out is kept")


async def run(arguments: argparse.Namespace, door: Door) -> int:
    worst = Exit.well
    async with door.workspace() as workspace:
        async for result in _results(arguments, door, workspace):
            await _show(result, door)
            if result.verdict is Verdict.bad:
                worst = Exit.failed
    return worst


async def _show(result: Result, door: Door) -> None:
    if door.as_json:
        await door.value(
            {"what": result.what, "verdict": result.verdict.value, "words": result.words, "mend": result.mend}
        )
        return
    mark = {Verdict.good: "ok  ", Verdict.note: "note", Verdict.bad: "BAD "}[result.verdict]
    await door.line(f"{mark} {result.what:<14}{result.words}")
    if result.mend:
        await door.line(f"{'':<19}{result.mend}")


async def _results(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> AsyncIterator[Result]:
    for result in _settings(workspace):
        yield result
    async for result in _server(workspace):
        yield result
    environment = read_environment(door.environ, platform=sys.platform)
    for result in (*_terminal(door, environment), *_clipboard(door, environment), _clock(workspace)):
        yield result
    for result in await asyncio.to_thread(_disk, workspace):
        yield result
    async for result in _conversations(arguments, workspace):
        yield result


def _settings(workspace: Workspace) -> Iterator[Result]:
    faults = workspace.loaded.faults
    for fault in faults:
        yield Result(what="settings", verdict=Verdict.bad, words=str(fault), mend="edit the file")
    if not faults:
        there = "read" if workspace.places.settings_file.exists() else "none yet, the defaults hold"
        yield Result(what="settings", verdict=Verdict.good, words=f"{workspace.places.settings_file} {there}")
    for broken in workspace.themes.faults:
        yield Result(what="themes", verdict=Verdict.bad, words=f"{broken.file}: {broken.message}", mend="edit the file")


async def _server(workspace: Workspace) -> AsyncIterator[Result]:
    host = workspace.host
    try:
        health = await workspace.engine.health_check()
    except EngineError as error:
        yield Result(what="server", verdict=Verdict.bad, words=f"{error.title}: {error.message}", mend=error.advice)
        return
    took = f"answers in {seconds_text(health.answered_in_seconds)}"
    is_slow = health.answered_in_seconds > SLOW_ANSWER_SECONDS
    yield Result(
        what="server",
        verdict=Verdict.note if is_slow else Verdict.good,
        words=f"{host.url} (by {host.source}), Ollama {health.version}, {took}",
        mend="a far or a busy server: answers begin late" if is_slow else "",
    )
    try:
        models = await workspace.engine.list_models()
        running = await workspace.engine.list_running()
    except EngineError as error:
        is_old = error.kind is ErrorKind.refused
        yield Result(
            what="models", verdict=Verdict.bad, words=error.title, mend="update ollama" if is_old else error.advice
        )
        return
    local = [one for one in models if not one.is_cloud]
    size = size_text(sum(one.size_bytes or 0 for one in local))
    yield Result(
        what="models",
        verdict=Verdict.good if local else Verdict.bad,
        words=f"{plural(len(local), 'model')} of {size}, {len(models) - len(local)} in the cloud, {len(running)} in memory",
        mend="" if local else "chinwag models pull NAME fetches one",
    )
    for model in running:
        if model.size_bytes and model.size_vram_bytes is not None and model.size_vram_bytes < model.size_bytes:
            share = 100 * model.size_vram_bytes / model.size_bytes
            yield Result(
                what="gpu",
                verdict=Verdict.note,
                words=f"{share:.0f} % of {model.name} is on the gpu, the rest computes slowly",
                mend="a smaller context or a smaller quantization, or unload other models",
            )


def _terminal(door: Door, environment: Environment) -> Iterator[Result]:
    if not door.writes_terminal:
        yield Result(what="terminal", verdict=Verdict.note, words="standard output is no terminal", mend="")
        return
    columns, rows = os.get_terminal_size(1)
    name = f"{environment.term or 'without a name'}, {columns} × {rows}"
    if environment.is_dumb:
        yield Result(
            what="terminal",
            verdict=Verdict.note,
            words=f"{name}: it cannot place the cursor",
            mend="plain mode is used",
        )
    elif columns < 40 or rows < 10:
        yield Result(what="terminal", verdict=Verdict.note, words=f"{name}: very small", mend="80 × 24 is comfortable")
    else:
        yield Result(what="terminal", verdict=Verdict.good, words=name)
    colours = {
        Colour.truecolor: "all of them",
        Colour.colours_256: "256",
        Colour.colours_16: "16",
        Colour.none: "none, as it is wished or as the terminal is",
    }[environment.colour]
    yield Result(
        what="colours",
        verdict=Verdict.good if environment.colour in (Colour.truecolor, Colour.none) else Verdict.note,
        words=colours,
        mend=""
        if environment.colour in (Colour.truecolor, Colour.none)
        else "where the terminal has them all: export COLORTERM=truecolor (ssh: SendEnv COLORTERM)",
    )
    yield Result(
        what="letters",
        verdict=Verdict.good if environment.is_utf8 else Verdict.note,
        words="UTF-8" if environment.is_utf8 else "the locale is not UTF-8: drawn with ASCII",
        mend="" if environment.is_utf8 else "export LANG=C.UTF-8",
    )
    if environment.multiplexer is not Multiplexer.none:
        yield Result(
            what="multiplexer",
            verdict=Verdict.note,
            words=f"{environment.multiplexer.value} takes its own prefix key before chinwag sees it",
            mend="f1 in chinwag names the keys and what to use instead",
        )


def _clipboard(door: Door, environment: Environment) -> Iterator[Result]:
    if environment.multiplexer is Multiplexer.tmux:
        has_tmux = shutil.which("tmux", path=door.environ.get("PATH")) is not None
        yield Result(
            what="clipboard",
            verdict=Verdict.good if has_tmux else Verdict.note,
            words="through tmux" if has_tmux else "tmux is not in PATH here",
            mend="" if has_tmux else "in ~/.tmux.conf: set -g set-clipboard on",
        )
    elif environment.is_ssh:
        yield Result(
            what="clipboard",
            verdict=Verdict.note,
            words="by the terminal, over the line (OSC 52)",
            mend="not every terminal allows it; /said tells what was sent",
        )
    else:
        yield Result(what="clipboard", verdict=Verdict.good, words="by the terminal (OSC 52)")


def _clock(workspace: Workspace) -> Result:
    now = workspace.now()
    if now.year < EARLIEST_YEAR:
        return Result(
            what="clock",
            verdict=Verdict.bad,
            words=f"it says {now.date()}",
            mend="set it: new conversations sort by it",
        )
    return Result(what="clock", verdict=Verdict.good, words=now.astimezone().isoformat(timespec="seconds"))


def _disk(workspace: Workspace) -> list[Result]:
    places = workspace.places
    found = []
    for name, folder in (
        ("data", places.data),
        ("config", places.config),
        ("state", places.state),
        ("cache", places.cache),
    ):
        found.append(_folder(name, folder))
    return found


def _folder(name: str, folder: Path) -> Result:
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    try:
        free = shutil.disk_usage(nearest).free
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else None
    except OSError as error:
        return Result(
            what=name, verdict=Verdict.bad, words=f"{folder}: {error.strerror or error}", mend="check the disk"
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Result(
            what=name, verdict=Verdict.bad, words=f"{folder} cannot be written to", mend=f"check who owns {nearest}"
        )
    if free < LEAST_FREE_BYTES:
        return Result(what=name, verdict=Verdict.bad, words=f"{folder}: only {size_text(free)} free", mend="make room")
    if mode is not None and mode & 0o077:
        return Result(
            what=name, verdict=Verdict.note, words=f"{folder} is open to others ({mode:o})", mend=f"chmod 700 {folder}"
        )
    return Result(what=name, verdict=Verdict.good, words=f"{folder}, {size_text(free)} free")


async def _conversations(arguments: argparse.Namespace, workspace: Workspace) -> AsyncIterator[Result]:
    places, now, random_bytes = workspace.places, workspace.now, workspace.random_bytes
    try:
        checkup: Checkup = await asyncio.to_thread(check, places, now=now, random_bytes=random_bytes)
    except Failure as failure:
        yield Result(what="conversations", verdict=Verdict.bad, words=str(failure))
        return
    aside = f", {plural(checkup.kept_aside, 'damaged part')} kept aside" if checkup.kept_aside else ""
    attached = f", {plural(checkup.attachments, 'attachment')}" if checkup.attachments else ""
    yield Result(
        what="conversations",
        verdict=Verdict.good,
        words=f"{plural(checkup.conversations, 'conversation')} read{attached}{aside}",
    )
    for finding in checkup.findings:
        mend = "chinwag doctor --repair" if finding.is_repairable and not arguments.repair else ""
        words = f"{finding.path.name}: {finding.trouble.value}; {finding.words}"
        verdict = Verdict.note if finding.trouble in HARMLESS else Verdict.bad
        yield Result(what="conversations", verdict=verdict, words=words, mend=mend)
    if not arguments.repair:
        return
    wished = workspace.loaded.settings.storage.format
    done = await asyncio.to_thread(repair, places, checkup.findings, wished=wished, now=now, random_bytes=random_bytes)
    for one in done:
        name = one.finding.path.name
        if one.failure is None:
            yield Result(what="repaired", verdict=Verdict.good, words=f"{name}: {one.words}")
        else:
            yield Result(what="repaired", verdict=Verdict.bad, words=f"{name}: {one.words}", mend=str(one.failure))
