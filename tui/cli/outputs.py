"""``chinwag outputs``: what runs have kept on disk, and the way to get rid of it."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from tui.atomic import read_bounded
from tui.cli.door import Door, Exit, WrongLine
from tui.cli.parsing import count
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.runs.kept import (
    KINDS,
    FileKind,
    KeptFile,
    KeptRun,
    State,
    age_of,
    delete_run,
    find_run,
    list_runs,
    read_config,
    runs_folder,
    to_clean,
)
from tui.workspace import Workspace

LARGEST_SHOWN_BYTES = 4_000_000_000
_WHICH = "a run's name, its beginning or its last part, or last"
_SHOWN_BY_ITSELF = ("report.md", "output.md", "results.jsonl")
"""The first of these that a run has is what a person is shown of it."""

Act = Callable[[argparse.Namespace, Door, Workspace], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="act", metavar="COMMAND", required=True)
    listing = words.add_parser("list", help="every run that was kept, the newest first")
    _add_choice(listing)
    listing.add_argument("--files", choices=[str(one) for one in FileKind], help="each file of this kind, by its path")
    listing.add_argument("--limit", type=count, metavar="N", help="at most so many runs")
    show = words.add_parser("show", help="a run's settings and its report, or one of its files as it is")
    show.add_argument("run", metavar="RUN", help=_WHICH)
    show.add_argument("--file", metavar="NAME", help="this file alone, such as report.html or results.jsonl")
    show.add_argument("--path", action="store_true", help="only where the folder is")
    words.add_parser("stats", help="how many there are, how large they are, and where")
    clean = words.add_parser("clean", help="delete runs; says what and how much, and asks first")
    clean.add_argument("runs", metavar="RUN", nargs="*", help=f"{_WHICH}; else all that the flags name")
    clean.add_argument("--older-than", type=_age, metavar="AGE", help="such as 30d, 12h or 2w")
    clean.add_argument("--all", action="store_true", help="of any age")
    _add_choice(clean)
    clean.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")
    clean.add_argument("--yes", action="store_true", help="do not ask")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=KINDS, default="", help="only those of this kind")
    parser.add_argument("--model", metavar="NAME", default="", help="only those that this model took part in")


def _age(text: str) -> timedelta:
    try:
        return age_of(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no age: write 30d, 12h, 2w or 90m") from None


async def run(arguments: argparse.Namespace, door: Door) -> int:
    acts: dict[str, Act] = {"list": _list, "show": _show, "stats": _stats, "clean": _clean}
    async with door.library() as workspace:
        return await acts[arguments.act](arguments, door, workspace)


async def _runs(workspace: Workspace) -> tuple[KeptRun, ...]:
    return await asyncio.to_thread(list_runs, runs_folder(workspace.places))


# ---------------------------------------------------------------------- looking


async def _list(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    kind, model = arguments.kind, arguments.model
    found = [
        one for one in await _runs(workspace) if (not kind or one.kind == kind) and (not model or model in one.models)
    ][: arguments.limit]
    if arguments.files:
        wanted = FileKind(arguments.files)
        for run in found:
            for file in run.files:
                if file.kind is wanted:
                    await _file_line(run, file, door)
        return Exit.well
    if door.as_json:
        for run in found:
            await door.value(_as_value(run))
    elif found:
        rows = [
            (
                one.id,
                _minute(one),
                one.state,
                ", ".join(one.models),
                size_words(one.size_bytes),
                one.damage or one.title,
            )
            for one in found
        ]
        await door.table(("run", "at", "state", "models", "size", "about"), rows)
        door.talk(f"{plural(len(found), 'run')}, {size_words(sum(one.size_bytes for one in found))}")
    else:
        door.talk("no run is kept; chinwag batch, bench and compare keep theirs")
    return Exit.well


async def _file_line(run: KeptRun, file: KeptFile, door: Door) -> None:
    path = str(run.folder / file.name)
    if door.as_json:
        await door.value({"run": run.id, "kind": file.kind, "path": path, "size_bytes": file.size_bytes})
    else:
        await door.line(path)


async def _show(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    run = find_run(await _runs(workspace), arguments.run)
    if arguments.path:
        folder = str(run.folder)
        await (door.value({"run": run.id, "folder": folder}) if door.as_json else door.line(folder))
        return Exit.well
    if arguments.file is not None:
        await _write_file(run, arguments.file, door)
        return Exit.well
    config = await asyncio.to_thread(read_config, run)
    if door.as_json:
        await door.value({**_as_value(run), "config": config})
        return Exit.well
    for name, value in _head(run, config):
        await door.line(f"{name:<10}{value}")
    shown = next((name for name in _SHOWN_BY_ITSELF if any(file.name == name for file in run.files)), None)
    if shown is not None:
        await door.line("")
        await _write_file(run, shown, door)
    return Exit.well


def _head(run: KeptRun, config: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("run", run.id),
        ("at", _minute(run)),
        ("state", str(run.state)),
        ("models", ", ".join(run.models)),
        ("host", str(config.get("host", ""))),
        ("about", run.title),
        ("folder", str(run.folder)),
        ("files", ", ".join(f"{one.name} {size_words(one.size_bytes)}" for one in run.files)),
    ]
    return [(name, " ".join(value.split())) for name, value in rows if value]


async def _write_file(run: KeptRun, name: str, door: Door) -> None:
    if all(file.name != name for file in run.files):
        there = ", ".join(file.name for file in run.files)
        raise Failure(f"{run.id} has no file {name}", f"it has {there}" if there else "it has none", "name one of them")
    data = await asyncio.to_thread(read_bounded, run.folder / name, LARGEST_SHOWN_BYTES)
    text = data.decode("utf-8", "replace")
    if door.as_json:
        await door.value({"run": run.id, "file": name, "text": text})
    else:
        await door.write(text)
        await door.end_line()


async def _stats(_: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    runs = await _runs(workspace)
    folder = runs_folder(workspace.places)
    files = [file for run in runs for file in run.files]
    kinds = Counter(run.kind or "other" for run in runs)
    sizes: Counter[str] = Counter()
    for run in runs:
        sizes[run.kind or "other"] += run.size_bytes
    by_file = Counter(str(file.kind) for file in files)
    if door.as_json:
        await door.value(
            {
                "folder": str(folder),
                "runs": len(runs),
                "files": len(files),
                "size_bytes": sum(sizes.values()),
                "damaged": sum(run.state is State.damaged for run in runs),
                "oldest": runs[-1].at.isoformat() if runs else None,
                "newest": runs[0].at.isoformat() if runs else None,
                "by_kind": {kind: {"runs": count, "size_bytes": sizes[kind]} for kind, count in kinds.items()},
                "by_file": dict(by_file),
            }
        )
        return Exit.well
    if runs:
        rows = [(kind, str(count), size_words(sizes[kind])) for kind, count in sorted(kinds.items())]
        await door.table(("kind", "runs", "size"), [*rows, ("all", str(len(runs)), size_words(sum(sizes.values())))])
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(by_file.items()))
        door.talk(f"{plural(len(files), 'file')}: {counted}")
    door.talk(f"in {folder}" if runs else f"no run is kept in {folder}")
    return Exit.well


# ---------------------------------------------------------------------- cleaning


async def _clean(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    runs = await _runs(workspace)
    wanted = _wanted(arguments, runs, workspace)
    if not wanted:
        door.talk("there is nothing to delete")
        return Exit.well
    files, size = sum(len(one.files) for one in wanted), size_words(sum(one.size_bytes for one in wanted))
    what = f"{plural(len(wanted), 'run')} with {plural(files, 'file')}, {size}"
    if arguments.dry_run:
        for one in wanted:
            await _deleted_line(one, door, is_deleted=False)
        door.talk(f"would delete {what}")
        return Exit.well
    if not arguments.yes:
        for one in wanted:
            door.warn(f"{one.id}  {size_words(one.size_bytes)}  {one.damage or one.title}")
        if not await door.confirm(f"delete {what}?"):
            door.warn("nothing was deleted" if door.reads_terminal else f"nothing was deleted of {what}: give --yes")
            return Exit.failed
    gone: list[KeptRun] = []
    worst: int = Exit.well
    for number, one in enumerate(wanted, 1):
        door.status(f"{number} of {len(wanted)}")
        try:
            await asyncio.to_thread(delete_run, one)
        except Failure as failure:
            worst = max(worst, door.fail(failure))
        else:
            gone.append(one)
            await _deleted_line(one, door, is_deleted=True)
    went = sum(len(one.files) for one in gone), size_words(sum(one.size_bytes for one in gone))
    door.talk(f"deleted {plural(len(gone), 'run')} with {plural(went[0], 'file')}, {went[1]}")
    return worst


def _wanted(arguments: argparse.Namespace, runs: Sequence[KeptRun], workspace: Workspace) -> tuple[KeptRun, ...]:
    if arguments.runs:
        if arguments.all or arguments.older_than is not None or arguments.kind or arguments.model:
            raise WrongLine("runs by name and by flags are two things", "both were given", "give the one or the other")
        return tuple(dict.fromkeys(find_run(runs, which) for which in arguments.runs))
    if not arguments.all and arguments.older_than is None:
        raise WrongLine("nothing was deleted", "nothing says which runs are meant", "give --older-than 30d, or --all")
    before = None if arguments.older_than is None else workspace.now() - arguments.older_than
    return to_clean(runs, before=before, kind=arguments.kind, model=arguments.model)


async def _deleted_line(run: KeptRun, door: Door, *, is_deleted: bool) -> None:
    if door.as_json:
        value = {"run": run.id, "files": len(run.files), "size_bytes": run.size_bytes, "is_deleted": is_deleted}
        await door.value(value)
    else:
        await door.line(run.id)


# ---------------------------------------------------------------------- words


def size_words(size_bytes: int) -> str:
    """``812 B``, ``14.2 kB``, ``3.1 MB``."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError(size_bytes)


def _minute(run: KeptRun) -> str:
    return run.at.astimezone().strftime("%Y-%m-%d %H:%M")


def _as_value(run: KeptRun) -> dict[str, Any]:
    value: dict[str, Any] = {
        "run": run.id,
        "kind": run.kind,
        "at": run.at.isoformat(),
        "state": run.state,
        "models": list(run.models),
        "about": run.title,
        "size_bytes": run.size_bytes,
        "folder": str(run.folder),
        "files": {file.name: file.size_bytes for file in run.files},
    }
    return value | ({"damage": run.damage} if run.damage else {})
