"""``chinwag config``: the settings from a shell, each with where its value comes from."""

from __future__ import annotations

import argparse
import asyncio
import shlex
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from tui.atomic import FileMissing, read_bounded
from tui.cli.door import Door, Exit, WrongLine
from tui.failures import Failure
from tui.settings.form import form_fields
from tui.settings.load import validate_settings_file
from tui.settings.save import import_settings, reset_setting, reset_settings, save_setting
from tui.settings.schema import SETTINGS, find_setting, parse_value, write_value
from tui.theming.nearest import nearest
from tui.workspace import Workspace

LARGEST_SETTINGS_BYTES = 1_000_000
THEME = "appearance.theme"
BY_THE_TERMINAL = "auto"
"""The theme that is no name of one."""

Act = Callable[[argparse.Namespace, Door, Workspace], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="act", metavar="COMMAND", required=True)
    get = words.add_parser("get", help="all settings, or the value of one")
    get.add_argument("name", metavar="NAME", nargs="?")
    change = words.add_parser("set", help="change a setting in the file; comments and order stay")
    change.add_argument("name", metavar="NAME")
    change.add_argument("value", metavar="VALUE")
    reset = words.add_parser("reset", help="put the default of a setting back, or with --all of every one")
    reset.add_argument("name", metavar="NAME", nargs="?")
    reset.add_argument("--all", action="store_true", help="every setting; the file is set aside")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    words.add_parser("path", help="where the file is")
    words.add_parser("edit", help="open the file in $VISUAL or $EDITOR, and check it afterwards")
    words.add_parser("validate", help="say what is wrong with the file")
    words.add_parser("export", help="write the file to standard output")
    bring = words.add_parser("import", help="take over a settings file; the one that is there is set aside")
    bring.add_argument("file", metavar="FILE")


async def run(arguments: argparse.Namespace, door: Door) -> int:
    acts: dict[str, Act] = {
        "get": _get,
        "set": _set,
        "reset": _reset,
        "path": _path,
        "edit": _edit,
        "validate": _validate,
        "export": _export,
        "import": _import,
    }
    async with door.library() as workspace:
        return await acts[arguments.act](arguments, door, workspace)


async def _get(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    fields = form_fields(SETTINGS, workspace.loaded, {})
    if arguments.name is not None:
        wanted = find_setting(arguments.name)
        fields = tuple(field for field in fields if field.setting.name == wanted.name)
        if not door.as_json:
            await door.line(_written(fields[0].value))
            return Exit.well
    if door.as_json:
        for field in fields:
            source = field.origin_text(workspace.places.settings_file.name)
            await door.value({"name": field.setting.name, "value": field.value, "from": source})
        return Exit.well
    file = workspace.places.settings_file.name
    rows = [(field.setting.name, _written(field.value), field.origin_text(file)) for field in fields]
    await door.table(("setting", "value", "from"), rows)
    return Exit.well


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ", ".join(str(one) for one in value)
    return str(value)


async def _set(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    setting = find_setting(arguments.name)
    value = parse_value(setting, arguments.value)
    file = workspace.places.settings_file
    copy = await asyncio.to_thread(save_setting, file, setting.name, value, now=workspace.now)
    if copy is not None:
        door.warn(f"the file as it was is kept as {copy}")
    await door.done(f"{setting.name} is {write_value(setting, value)}", {"name": setting.name, "value": value})
    if setting.name == THEME and value not in (known := (BY_THE_TERMINAL, *workspace.themes.themes)):
        door.warn(f"there is no theme {value}{nearest(str(value), known)}; until there is, the usual one is shown")
    _warn_if_overridden(setting.name, door, workspace)
    return Exit.well


def _warn_if_overridden(name: str, door: Door, workspace: Workspace) -> None:
    origin = workspace.loaded.origins.get(name)
    if origin in ("env", "environment", "flag"):
        door.warn(f"{name} is also set by {find_setting(name).env}, which wins")


async def _reset(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    file = workspace.places.settings_file
    if arguments.name is not None:
        setting = find_setting(arguments.name)
        await asyncio.to_thread(reset_setting, file, setting.name, now=workspace.now)
        await door.done(f"{setting.name} has its default", {"name": setting.name, "value": setting.default})
        return Exit.well
    if not arguments.all:
        raise WrongLine("nothing was reset", "no setting was named", "give a NAME, or --all")
    if not arguments.yes and not await door.confirm("put the default of every setting back?"):
        door.warn("nothing was reset" if door.reads_terminal else "nothing was reset: give --yes")
        return Exit.failed
    aside = await asyncio.to_thread(reset_settings, file, now=workspace.now)
    words = "every setting has its default" + (f"; the file is kept as {aside.name}" if aside else "")
    await door.done(words, _kept_aside(file, aside))
    return Exit.well


def _kept_aside(file: Path, aside: Path | None) -> dict[str, str]:
    return {"path": str(file)} | ({"kept_as": str(aside)} if aside else {})


async def _path(_: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    path = str(workspace.places.settings_file)
    await (door.value({"path": path}) if door.as_json else door.line(path))
    return Exit.well


async def _edit(_: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    named = door.environ.get("VISUAL") or door.environ.get("EDITOR")
    if not named and not (door.reads_terminal and door.writes_terminal):
        raise Failure("nothing was opened", "vi needs a terminal", "set EDITOR to a program that needs none")
    editor = named or "vi"
    file = workspace.places.settings_file
    await asyncio.to_thread(file.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
    try:
        process = await asyncio.create_subprocess_exec(*shlex.split(editor), str(file), env=dict(door.environ))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Failure(f"cannot run {editor}", why.lower(), "set EDITOR to a program that is there") from None
    if await process.wait() != 0:
        raise Failure(f"{editor} ended with {process.returncode}", "", "")
    return await _validate_file(file, door)


async def _validate(_: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    return await _validate_file(workspace.places.settings_file, door)


async def _validate_file(file: Path, door: Door) -> int:
    faults = await asyncio.to_thread(validate_settings_file, file)
    for fault in faults:
        if door.as_json:
            await door.value({"file": str(file), "message": str(fault)})
        else:
            door.warn(str(fault))
    if not faults:
        door.talk(f"{file} is well")
    return Exit.failed if faults else Exit.well


async def _export(_: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    try:
        data = await asyncio.to_thread(read_bounded, workspace.places.settings_file, LARGEST_SETTINGS_BYTES)
    except FileMissing:
        door.talk("there is no file yet: every setting has its default")
        return Exit.well
    text = data.decode("utf-8", "replace")
    file = str(workspace.places.settings_file)
    await (door.value({"path": file, "text": text}) if door.as_json else door.write(text))
    return Exit.well


async def _import(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    file = workspace.places.settings_file
    aside = await asyncio.to_thread(partial(import_settings, file, Path(arguments.file), now=workspace.now))
    words = f"taken over{f'; the file before is kept as {aside.name}' if aside else ''}"
    await door.done(words, _kept_aside(file, aside))
    return Exit.well
