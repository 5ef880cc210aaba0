"""``chinwag models fits``: whether models fit into what is free, before anything is loaded."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tui.chat.memory import FreeMemory, Room, room_for
from tui.cli.asking import model_for
from tui.cli.door import Door, Exit
from tui.engine import EngineError, Model
from tui.failures import Failure
from tui.metrics.wording import context_text, size_text
from tui.ollama.fits import BYTES_PER_VALUE, Fit, MemoryNeed, cache_shape, contexts_to_show, memory_need
from tui.workspace import Workspace

EXAMPLE_CONTEXT_TOKENS = 8192
"""Where nobody says how long the context is to be."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """One model with one length of context; without ``need`` its file does not say enough."""

    model: str
    context_tokens: int
    need: MemoryNeed | None = None
    room: Room | None = None

    @property
    def fit(self) -> Fit:
        return Fit.unknown if self.room is None else self.room.fit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="*", help="else every model of the server that is on its disk")
    parser.add_argument(
        "--num-ctx",
        type=_tokens,
        metavar="N",
        help="tokens of context; else several for a named model, and for all of them what a chat would ask for",
    )
    parser.add_argument(
        "--gpu-memory", type=_size, metavar="SIZE", help="as if so much were free on the GPUs, such as 24GB"
    )
    parser.add_argument(
        "--kv-type", choices=sorted(BYTES_PER_VALUE), default="f16", help="OLLAMA_KV_CACHE_TYPE of the server (f16)"
    )


def _tokens(text: str) -> int:
    try:
        number = int(text.removesuffix("k")) * (1024 if text.endswith("k") else 1)
    except ValueError:
        number = 0
    if not 0 < number < 1 << 31:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tokens: write 8192 or 32k")
    return number


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write 24GB or 16GiB")
    return round(float(found[1]) * _UNITS[found[2].lower().removesuffix("b")])


async def run(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    """Fails when a model that is named does not fit with the context that is named."""
    catalog = workspace.catalog
    models = [one for one in await catalog.refresh() if not one.is_cloud]
    if arguments.models:
        # In the order in which they were named, each once.
        names = list(dict.fromkeys([await model_for(workspace, name) for name in arguments.models]))
        models = [found for name in names if (found := workspace.find_model(name)) is not None]
        if gone := set(names) - {one.name for one in models}:
            raise Failure(f"nobody knows how large {', '.join(sorted(gone))} is", "the server does not list it", "")
    free = await workspace.free_memory()
    if arguments.gpu_memory is not None:
        free = FreeMemory(gpu_bytes=arguments.gpu_memory, ram_bytes=free.ram_bytes)
    fitted: list[Fitting] = []
    for model in models:
        door.status(model.name)
        fitted += await _fittings(model, arguments, free, workspace)
    if door.as_json:
        for one in fitted:
            await door.value(_as_value(one))
    elif fitted:
        await door.table(("model", "context", "weights", "cache", "needs", "fits"), [_row(one) for one in fitted])
    else:
        door.talk("the server has no models; chinwag models pull NAME fetches one")
    for one in fitted:
        if arguments.num_ctx and one.need is not None and one.need.context_tokens < arguments.num_ctx:
            door.talk(f"{one.model} is made for a context of {context_text(one.need.context_tokens)} at most")
    door.talk(_free_words(free, workspace))
    is_asked = bool(arguments.models and arguments.num_ctx)
    return Exit.failed if is_asked and any(one.fit is Fit.too_large for one in fitted) else Exit.well


async def _fittings(
    model: Model, arguments: argparse.Namespace, free: FreeMemory, workspace: Workspace
) -> list[Fitting]:
    try:
        details = await workspace.catalog.details(model.name)
    except EngineError:
        return [Fitting(model=model.name, context_tokens=0)]
    wanted = arguments.num_ctx or workspace.planner.wanted_context_tokens(model.name)
    contexts: Sequence[int] = (wanted or EXAMPLE_CONTEXT_TOKENS,)
    if arguments.models and not arguments.num_ctx:
        contexts = sorted({*contexts_to_show(details.trained_context_tokens), *((wanted,) if wanted else ())})
    shape = cache_shape(details)
    found = []
    for tokens in contexts:
        need = room = None
        if shape is not None:
            need = memory_need(
                shape,
                weights_bytes=model.size_bytes or 0,
                context_tokens=tokens,
                trained_context_tokens=details.trained_context_tokens,
                kv_type=arguments.kv_type,
            )
        if need is not None:
            room = room_for(
                need, free, model=model.name, running=workspace.catalog.running, same_model=workspace.same_model
            )
        found.append(Fitting(model=model.name, context_tokens=tokens, need=need, room=room))
    return found


def _row(one: Fitting) -> tuple[str, ...]:
    need = one.need
    if need is None:
        return (one.model, context_text(one.context_tokens) if one.context_tokens else "", "", "", "", "unknown")
    mark = "at most ~" if need.is_upper_bound else "~"
    return (
        one.model,
        context_text(need.context_tokens),
        size_text(need.weights_bytes),
        size_text(need.cache_bytes),
        f"{mark}{size_text(need.total_bytes)}",
        one.fit,
    )


def _as_value(one: Fitting) -> dict[str, Any]:
    value: dict[str, Any] = {"model": one.model, "context_tokens": one.context_tokens, "fits": one.fit}
    if one.need is not None:
        value |= {
            "context_tokens": one.need.context_tokens,
            "weights_bytes": one.need.weights_bytes,
            "cache_bytes": one.need.cache_bytes,
            "needed_bytes": one.need.total_bytes,
            "is_upper_bound": one.need.is_upper_bound,
        }
    if one.room is not None:
        value |= {"gpu_free_bytes": one.room.gpu_free_bytes, "ram_free_bytes": one.room.ram_free_bytes}
    return {name: found for name, found in value.items() if found is not None}


def _free_words(free: FreeMemory, workspace: Workspace) -> str:
    known = [
        f"{size_text(size)} {where}"
        for size, where in ((free.gpu_bytes, "on the gpu"), (free.ram_bytes, "in memory"))
        if size is not None
    ]
    if known:
        return f"free: {', '.join(known)}"
    advice = "" if workspace.host.is_loopback else "; chinwag hosts add NAME URL --memory-bytes N says it"
    return f"how much memory is free on {workspace.host.name} is not known{advice}"
