"""``chinwag models``: what a server has, and what is done with it."""

from __future__ import annotations

import argparse
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from tui.cli import fits
from tui.cli.asking import keep_alive_of
from tui.cli.door import Door, Exit, WrongLine
from tui.engine import EngineError, ErrorKind, Model, ModelDetails, Progress, RunningModel
from tui.failures import Failure
from tui.metrics.wording import context_text, seconds_text, size_text
from tui.ollama.requests import CreateRequest
from tui.theming.nearest import nearest
from tui.workspace import Workspace

STATUS_SECONDS = 0.1

Act = Callable[[argparse.Namespace, Door, Workspace], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="act", metavar="COMMAND", required=True)
    listing = words.add_parser("list", help="every model of the server")
    listing.add_argument("--names", action="store_true", help="only the names")
    listing.add_argument(
        "--sort", choices=("name", "size", "modified"), default="name", help="what they are sorted by (name)"
    )
    show = words.add_parser("show", help="everything that is known of a model")
    show.add_argument("model", metavar="MODEL")
    show.add_argument("--part", choices=("template", "system", "license", "modelfile"), help="only this text, as it is")
    pull = words.add_parser("pull", help="fetch models; goes on where it was interrupted")
    pull.add_argument("models", metavar="MODEL", nargs="+")
    words.add_parser("push", help="bring a model to its registry").add_argument("model", metavar="MODEL")
    remove = words.add_parser("rm", help="delete models from the server's disk")
    remove.add_argument("models", metavar="MODEL", nargs="+")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    copy = words.add_parser("cp", help="give a model a second name")
    copy.add_argument("model", metavar="MODEL")
    copy.add_argument("name", metavar="NAME")
    _add_create(words.add_parser("create", help="make a model of another one or of files"))
    words.add_parser("ps", help="what is in the server's memory")
    load = words.add_parser("load", help="bring a model into memory")
    load.add_argument("model", metavar="MODEL")
    load.add_argument("--keep-alive", metavar="TIME", help="how long it stays: 30m, 0, or -1 for ever")
    words.add_parser("unload", help="take a model out of memory").add_argument("model", metavar="MODEL")
    fits.add_arguments(words.add_parser("fits", help="whether models fit into memory, with how long a context"))


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="NAME", help="the name that it gets")
    parser.add_argument("--from", dest="source", metavar="MODEL", default="", help="the model that it is made of")
    parser.add_argument(
        "--file", action="append", default=[], metavar="[NAME=]FILE", help="a file of weights, which is uploaded"
    )
    parser.add_argument("--quantize", metavar="KIND", default="", help="such as Q4_K_M")
    parser.add_argument("--system", metavar="TEXT", default="", help="its system prompt")
    parser.add_argument("--template", metavar="TEXT", default="", help="how its prompts are laid out")
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="an option that it has from then on"
    )


async def run(arguments: argparse.Namespace, door: Door) -> int:
    acts: dict[str, Act] = {
        "list": _list,
        "show": _show,
        "pull": _pull,
        "push": _push,
        "rm": _remove,
        "cp": _copy,
        "create": _create,
        "ps": _running,
        "load": _load,
        "unload": _unload,
        "fits": fits.run,
    }
    async with door.workspace() as workspace:
        try:
            return await acts[arguments.act](arguments, door, workspace)
        except EngineError as error:
            return door.fail(await _with_nearest(error, getattr(arguments, "model", ""), workspace))


async def _with_nearest(error: EngineError, name: str, workspace: Workspace) -> Failure:
    """A model that is not there may be there under another name."""
    if error.kind.value != "model_missing" or not name:
        return error
    try:
        models = await workspace.engine.list_models()
    except EngineError:
        return error
    near = nearest(name, [one.name for one in models])
    if not near:
        return error
    return EngineError(f"{error.title}{near}", error.message, error.advice, kind=error.kind, status=error.status)


# ---------------------------------------------------------------------- what there is


async def _list(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    models = _sorted(await workspace.engine.list_models(), arguments.sort)
    if door.as_json:
        for model in models:
            await door.value(_plain(asdict(model)))
    elif arguments.names:
        for model in models:
            await door.line(model.name)
    elif not models:
        door.talk("the server has no models; chinwag models pull NAME fetches one")
    else:
        rows = [
            (
                model.name,
                model.parameter_size,
                model.quantization,
                "" if model.size_bytes is None else size_text(model.size_bytes),
                "" if model.modified_at is None else model.modified_at.date().isoformat(),
                "cloud" if model.is_cloud else "",
            )
            for model in models
        ]
        await door.table(("name", "parameters", "quantization", "size", "modified", ""), rows)
        total = sum(model.size_bytes or 0 for model in models)
        door.talk(f"{len(models)} {'model' if len(models) == 1 else 'models'}, {size_text(total)}")
    return Exit.well


def _sorted(models: tuple[Model, ...], by: str) -> list[Model]:
    if by == "size":
        return sorted(models, key=lambda one: one.size_bytes or 0, reverse=True)
    if by == "modified":
        return sorted(models, key=lambda one: one.modified_at.timestamp() if one.modified_at else 0.0, reverse=True)
    return sorted(models, key=lambda one: one.name)


async def _show(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    details = await workspace.engine.show_model(arguments.model)
    if arguments.part and door.as_json:
        await door.value({"name": details.name, arguments.part: getattr(details, arguments.part)})
    elif arguments.part:
        await door.write(getattr(details, arguments.part))
        await door.end_line()
    elif door.as_json:
        await door.value(_plain(asdict(details)))
    else:
        for name, value in _shown(details):
            await door.line(f"{name:<16}{value}")
    return Exit.well


def _shown(details: ModelDetails) -> list[tuple[str, str]]:
    context = details.trained_context_tokens
    rows = [
        ("name", details.name),
        ("architecture", details.architecture),
        ("parameters", details.parameter_size),
        ("quantization", details.quantization),
        ("context", "" if context is None else context_text(context)),
        ("embedding", "" if details.embedding_length is None else str(details.embedding_length)),
        ("capabilities", " ".join(sorted(details.capabilities or ()))),
        ("runs", "in the cloud" if details.is_cloud else "on the server"),
        *((f"option {name}", value) for name, value in details.parameters),
        ("system", _first_line(details.system)),
        ("license", _first_line(details.license)),
    ]
    return [(name, value) for name, value in rows if value]


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f"{lines[0]}{' …' if len(lines) > 1 else ''}" if lines else ""


async def _running(_: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    running = await workspace.engine.list_running()
    if door.as_json:
        for model in running:
            await door.value(_plain(asdict(model)))
        return Exit.well
    if not running:
        door.talk("nothing is in memory")
        return Exit.well
    rows = [
        (
            model.name,
            "" if model.size_bytes is None else size_text(model.size_bytes),
            _share_on_gpu(model),
            "" if model.context_tokens is None else context_text(model.context_tokens),
            _until(model, workspace),
        )
        for model in running
    ]
    await door.table(("name", "memory", "on the gpu", "context", "unloads in"), rows)
    return Exit.well


def _share_on_gpu(model: RunningModel) -> str:
    if not model.size_bytes or model.size_vram_bytes is None:
        return ""
    return f"{100 * model.size_vram_bytes / model.size_bytes:.0f} %"


def _until(model: RunningModel, workspace: Workspace) -> str:
    if model.expires_at is None:
        return ""
    seconds = (model.expires_at - workspace.now()).total_seconds()
    return "never" if seconds > 10 * 365 * 86400 else seconds_text(max(0.0, seconds))


# ---------------------------------------------------------------------- what is done


async def _pull(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    """One after the other; one that fails does not end the rest."""
    worst: int = Exit.well
    for name in arguments.models:
        try:
            await _follow(door, name, workspace.client.pull_model(name))
        except EngineError as error:
            worst = max(worst, door.fail(error))
    return worst


async def follow_pull(door: Door, name: str, workspace: Workspace) -> None:
    """Pulls one model and shows how far it is. Raises ``EngineError``."""
    await _follow(door, name, workspace.client.pull_model(name))


async def _push(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    await _follow(door, arguments.model, workspace.client.push_model(arguments.model))
    return Exit.well


async def _create(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    if not arguments.source and not arguments.file:
        raise WrongLine("there is nothing to make it of", "", "give --from MODEL or --file FILE")
    request = CreateRequest(
        model=arguments.model,
        source_model=arguments.source,
        files=dict(_named_file(one) for one in arguments.file),
        quantize=arguments.quantize,
        system=arguments.system,
        template=arguments.template,
        parameters=dict(_parameter(one) for one in arguments.parameter),
    )
    try:
        await _follow(door, arguments.model, workspace.client.create_model(request))
    except EngineError as error:
        if error.kind is not ErrorKind.model_missing or not arguments.source:
            raise
        # The one that is not there is not the one that was to be made.
        near = nearest(arguments.source, [one.name for one in await workspace.engine.list_models()])
        raise EngineError(
            f"{arguments.model} cannot be made, there is no model {arguments.source}{near}",
            error.message,
            "chinwag models list has those that are there",
            kind=error.kind,
        ) from None
    return Exit.well


def _named_file(text: str) -> tuple[str, str]:
    name, separator, path = text.partition("=")
    return (name, path) if separator else (text.rpartition("/")[2], text)


def _parameter(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise WrongLine(f"--parameter {text} says nothing", "", "write NAME=VALUE")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


async def _follow(door: Door, name: str, work: AsyncGenerator[Progress, None]) -> None:
    """On a terminal a line that moves, with ``--json`` a value for each step, else only how it ended."""
    began = shown = time.monotonic()
    async with aclosing(work) as steps:
        async for step in steps:
            if door.as_json:
                await door.value({"model": name, **_plain(asdict(step)), "is_done": step.is_done})
            elif step.is_done or (at := time.monotonic()) - shown >= STATUS_SECONDS:
                shown = time.monotonic() if step.is_done else at
                door.status(_progress_words(name, step, shown - began))
    door.talk(f"{name} is there, after {seconds_text(time.monotonic() - began)}")


def _progress_words(name: str, step: Progress, seconds: float) -> str:
    done, total = step.seen_completed_bytes, step.seen_total_bytes
    if not total:
        return f"{name}  {step.status}"
    words = f"{name}  {size_text(done)} of {size_text(total)}, {100 * done / total:.0f} %"
    if seconds > 1 and done:
        words += f", {size_text(round(done / seconds))}/s"
        if done < total:
            words += f", {seconds_text(seconds * (total - done) / done)} left"
    return words


async def _remove(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    names = arguments.models
    if not arguments.yes and not await door.confirm(f"delete {', '.join(names)} from {workspace.host.name}?"):
        door.warn("nothing was deleted" if door.reads_terminal else "nothing was deleted: give --yes")
        return Exit.failed
    worst: int = Exit.well
    for name in names:
        try:
            await workspace.client.delete_model(name)
        except EngineError as error:
            worst = max(worst, door.fail(await _with_nearest(error, name, workspace)))
        else:
            await door.done(f"deleted {name}", {"model": name, "is_removed": True})
    return worst


async def _copy(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    await workspace.client.copy_model(arguments.model, arguments.name)
    await door.done(f"{arguments.name} is {arguments.model}", {"model": arguments.model, "copy": arguments.name})
    return Exit.well


async def _load(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    counts = await workspace.client.load_model(arguments.model, keep_alive=keep_alive_of(arguments.keep_alive))
    took = "" if counts.load_seconds is None else f", after {seconds_text(counts.load_seconds)}"
    value = {"model": arguments.model, "load_seconds": counts.load_seconds}
    await door.done(f"{arguments.model} is in memory{took}", value)
    return Exit.well


async def _unload(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    others = await workspace.client.namesakes(arguments.model)
    await workspace.client.unload_model(arguments.model)
    more = f"; {', '.join(others)} has the same weights and went with it" if others else ""
    value = {"model": arguments.model, "also_unloaded": list(others)}
    await door.done(f"{arguments.model} is out of memory{more}", value)
    return Exit.well


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """What JSON has: sets as lists, times as ISO 8601; what nobody knows is left out."""

    def made(one: Any) -> Any:
        if isinstance(one, frozenset | set):
            return sorted(one)
        if hasattr(one, "isoformat"):
            return one.isoformat()
        return one

    return {name: made(one) for name, one in value.items() if one is not None}
