"""``chinwag presets``: named ways to answer, from a shell."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tui.cli.asking import add_manner_arguments, asked_of, control_with, preset_called
from tui.cli.door import Door, Exit, WrongLine
from tui.conversations.control import NOTHING_SET, Control
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.settings.options import OPTIONS
from tui.settings.presets import (
    LIMIT_BYTES,
    Preset,
    check_preset_name,
    export_preset,
    import_preset,
    preset_words,
    remove_preset,
    save_preset,
    validate_preset_file,
    write_preset,
)
from tui.theming.nearest import nearest
from tui.workspace import Workspace

Act = Callable[[argparse.Namespace, Door, Workspace], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="act", metavar="COMMAND", required=True)
    listing = words.add_parser("list", help="every preset, chinwag's first")
    listing.add_argument("--names", action="store_true", help="only the names")
    show = words.add_parser("show", help="all that a preset says")
    show.add_argument("name", metavar="NAME")
    save = words.add_parser("save", help="keep a way to answer under a name")
    save.add_argument("name", metavar="NAME", help="lower case letters, digits, - and _")
    save.add_argument("--about", metavar="TEXT", default="", help="one line for lists")
    save.add_argument("--model", metavar="NAME", default="", help="conversations with the preset go over to it")
    save.add_argument("--from", dest="source", metavar="PRESET", default="", help="begin with what this one says")
    save.add_argument("--conversation", metavar="ID|last", help="begin with how this conversation is answered")
    save.add_argument("--replace", action="store_true", help="also where there is one of that name")
    add_manner_arguments(save)
    remove = words.add_parser("rm", help="remove presets of your own")
    remove.add_argument("names", metavar="NAME", nargs="+")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    export = words.add_parser("export", help="write a preset as a file, or to standard output")
    export.add_argument("name", metavar="NAME")
    export.add_argument("--output", metavar="PATH", help="a file, or a folder in which it gets its own name")
    export.add_argument("--replace", action="store_true", help="also over a file that is there")
    bring = words.add_parser("import", help="take over a preset that was exported")
    bring.add_argument("file", metavar="FILE", help="or - for the input, with --name")
    bring.add_argument("--name", metavar="NAME", default="", help="what it is called here; else as its file is")
    bring.add_argument("--replace", action="store_true", help="also where there is one of that name")
    validate = words.add_parser("validate", help="say what is wrong in files of presets, line by line")
    validate.add_argument("names", metavar="NAME|FILE", nargs="*", help="else all of your own")


async def run(arguments: argparse.Namespace, door: Door) -> int:
    acts: dict[str, Act] = {
        "list": _list,
        "show": _show,
        "save": _save,
        "rm": _remove,
        "export": _export,
        "import": _import,
        "validate": _validate,
    }
    async with door.library() as workspace:
        await asyncio.to_thread(workspace.steering.read)
        return await acts[arguments.act](arguments, door, workspace)


# ---------------------------------------------------------------------- looking


async def _list(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    steering = workspace.steering
    for fault in steering.faults:
        door.warn(fault)
    if door.as_json:
        for preset in steering.presets.values():
            await door.value(_as_value(preset))
    elif arguments.names:
        for name in steering.presets:
            await door.line(name)
    else:
        rows = [
            (one.name, "yours" if one.is_own else "", one.model, one.about or preset_words(one.options.items()))
            for one in steering.presets.values()
        ]
        await door.table(("preset", "", "model", "about"), rows)
    return Exit.failed if steering.faults else Exit.well


async def _show(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    preset = preset_called(workspace, arguments.name)
    if door.as_json:
        await door.value(_as_value(preset))
    else:
        # Its file is how it is said most shortly, and can be written to a file as it is.
        await door.write(write_preset(preset).decode())
    return Exit.well


def _as_value(preset: Preset) -> dict[str, Any]:
    value: dict[str, Any] = {
        "name": preset.name,
        "about": preset.about,
        "model": preset.model,
        "system": preset.system,
        "format": preset.format,
        "options": {name: list(one) if isinstance(one, tuple) else one for name, one in preset.options.items()},
        "is_own": preset.is_own,
    }
    return {name: one for name, one in value.items() if one not in (None, "")}


# ---------------------------------------------------------------------- changing


async def _save(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    check_preset_name(arguments.name)
    known = workspace.steering.presets.get(arguments.name)
    if known is not None and known.is_own and not arguments.replace:
        raise Failure(f"there is a preset {arguments.name} already", "", "give --replace, or another name")
    source = preset_called(workspace, arguments.source) if arguments.source else None
    control, model = NOTHING_SET, ""
    if arguments.conversation is not None:
        control, model = await _control_of(arguments.conversation, workspace)
        if source is None and control.preset:
            source = workspace.steering.preset_of(control)
    asked = await asked_of(arguments)
    if asked.raw_options:
        name = next(iter(asked.raw_options))
        raise WrongLine(
            "a preset does not keep that", f"there is no option {name}{nearest(name, OPTIONS)}", "leave it out"
        )
    wanted = control_with(control, asked)
    preset = Preset(
        name=arguments.name,
        about=" ".join(arguments.about.split()) or ("" if source is None else source.about),
        model=arguments.model or model or ("" if source is None else source.model),
        system=wanted.system if wanted.system is not None or source is None else source.system,
        format=wanted.format if wanted.format is not None or source is None else source.format,
        options=MappingProxyType({**({} if source is None else source.options), **wanted.options}),
        is_own=True,
    )
    await asyncio.to_thread(save_preset, workspace.places.presets, preset)
    await door.done(f"kept as preset {preset.name}", _as_value(preset))
    return Exit.well


async def _control_of(which: str, workspace: Workspace) -> tuple[Control, str]:
    from tui.cli.conversations import find_summary

    conversation = await workspace.shelf.load((await find_summary(which, workspace)).id)
    return conversation.control, conversation.model


async def _remove(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    names = list(dict.fromkeys(arguments.names))
    for name in names:
        if not preset_called(workspace, name).is_own:
            raise Failure(f"preset {name} is not removed", "it comes with chinwag", "only your own can be removed")
    if not arguments.yes and not await door.confirm(f"remove {plural(len(names), 'preset')}: {', '.join(names)}?"):
        door.warn("nothing was removed" if door.reads_terminal else "nothing was removed: give --yes")
        return Exit.failed
    worst: int = Exit.well
    for name in names:
        try:
            await asyncio.to_thread(remove_preset, workspace.places.presets, name)
        except Failure as failure:
            worst = max(worst, door.fail(failure))
        else:
            await door.done(f"removed {name}", {"name": name, "is_removed": True})
    return worst


# ---------------------------------------------------------------------- out and in


async def _export(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    preset = preset_called(workspace, arguments.name)
    if arguments.output is None:
        text = write_preset(preset).decode()
        await (door.value({"name": preset.name, "text": text}) if door.as_json else door.write(text))
        return Exit.well
    write = partial(export_preset, preset, Path(arguments.output), replaces=arguments.replace)
    try:
        file = await asyncio.to_thread(write)
    except Failure as failure:
        raise _with_flag(failure) from failure
    await door.done(f"wrote {file}", {"name": preset.name, "path": str(file)})
    return Exit.well


async def _import(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    folder = workspace.places.presets
    if arguments.file == "-":
        if not arguments.name:
            raise Failure("the input has no name", "", "give --name NAME")
        check_preset_name(arguments.name)
        text = (await door.read_bytes(LIMIT_BYTES)).decode("utf-8", "replace")
        if not text.strip():
            raise Failure("nothing was taken over", "the input is empty", "pipe a preset in")
        take = partial(_import_text, folder, text, name=arguments.name, replaces=arguments.replace)
    else:
        take = partial(import_preset, folder, Path(arguments.file), name=arguments.name, replaces=arguments.replace)
    try:
        preset = await asyncio.to_thread(take)
    except Failure as failure:
        raise _with_flag(failure) from failure
    await door.done(f"{preset.name} is taken over", _as_value(preset))
    return Exit.well


def _import_text(folder: Path, text: str, *, name: str, replaces: bool) -> Preset:
    with tempfile.TemporaryDirectory() as aside:
        file = Path(aside, f"{name}.toml")
        file.write_text(text, encoding="utf-8")
        return import_preset(folder, file, name=name, replaces=replaces)


def _with_flag(failure: Failure) -> Failure:
    """What is said to be replaced is said by a flag here."""
    advice = failure.advice.replace("say that it is replaced", "give --replace")
    return Failure(failure.title, failure.message, advice)


async def _validate(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    folder = workspace.places.presets
    files = [_meant(name, folder) for name in arguments.names] or await asyncio.to_thread(_own_files, folder)
    wrong = 0
    for file in files:
        for complaint in await asyncio.to_thread(validate_preset_file, file):
            wrong += 1
            if door.as_json:
                value = {"file": str(file), "line": complaint.line, "key": complaint.key, "message": complaint.message}
                await door.value({name: one for name, one in value.items() if one not in (None, "")})
            else:
                at = "" if complaint.line is None else f":{complaint.line}"
                await door.line(" ".join(f"{file}{at}: {complaint.message}".split("\n")))
    if wrong:
        door.warn(f"{plural(wrong, 'complaint')} in {plural(len(files), 'file')}")
        return Exit.failed
    door.talk(f"{plural(len(files), 'file')}, nothing wrong")
    return Exit.well


def _meant(name: str, folder: Path) -> Path:
    """A file by its path, or one of the person's presets by its name."""
    return Path(name) if "/" in name or name.endswith(".toml") else folder / f"{name}.toml"


def _own_files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.suffix == ".toml" and not file.name.startswith("."))
    except OSError:
        return []
