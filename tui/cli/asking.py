"""What the commands that ask a model share: the flags, which model it is, and whether it may leave the machine."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tui.atomic import read_bounded
from tui.chat.choice import choose_model
from tui.cleaning import clean_line
from tui.cli.door import Door, WrongLine
from tui.cli.parsing import count_or_none
from tui.conversations.control import Control
from tui.engine import EngineError, ErrorKind, FinalCounts
from tui.failures import Failure
from tui.metrics.wording import first_token_words, seconds_text, speed_words, token_count_words
from tui.ollama.keep_alive import checked_keep_alive
from tui.settings.options import ALSO_CALLED, OPTIONS
from tui.settings.presets import Preset, schema_text
from tui.settings.schema import Value, parse_value
from tui.theming.nearest import nearest
from tui.workspace import StartOptions, Workspace

LARGEST_SCHEMA_BYTES = 1_000_000
SERVERS_OWN_OPTIONS = frozenset(
    {
        "draft_num_predict",
        "main_gpu",
        "num_batch",
        "num_gpu",
        "num_keep",
        "num_thread",
        "repeat_last_n",
        "typical_p",
        "use_mmap",
    }
)
"""What Ollama takes and chinwag has no setting for. A name that it does not know it passes over in silence."""
ANY_JSON: Mapping[str, Any] = {"type": "object"}
"""Servers enforce a schema; the word ``json`` alone some of them do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a model is to answer, as the flags say it; what is None or absent is left to whatever else says it."""

    preset: str = ""
    system: str | None = None
    """An empty one says that there is none, whatever the preset has."""
    options: Mapping[str, Value] = field(default_factory=dict)
    """By chinwag's names."""
    raw_options: Mapping[str, Any] = field(default_factory=dict)
    """Ollama's that chinwag has no setting for, by their names there."""
    think: bool | str | None = None
    format: Mapping[str, Any] | None = None
    keep_alive: float | str | None = None

    @property
    def is_anything(self) -> bool:
        return self != Asked()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a model answers when flags, preset, its own options and the settings have all had their say."""

    system: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    """By Ollama's names."""
    think: bool | str | None = None
    format: Mapping[str, Any] | None = None
    keep_alive: float | str | None = None

    def as_value(self) -> dict[str, Any]:
        """As JSON has it, without what is left to the model."""
        return {key: one for key, one in asdict(self).items() if one not in (None, "", {})}


def add_asking_arguments(parser: argparse.ArgumentParser, *, has_model: bool = True) -> None:
    group = parser.add_argument_group("how it answers")
    if has_model:
        group.add_argument(
            "--model", metavar="NAME", help="else the one of the settings, one that is loaded, the newest"
        )
    group.add_argument("--preset", metavar="NAME", default="", help="answer as it says; flags beside it win")
    add_manner_arguments(group)
    group.add_argument("--allow-cloud", action="store_true", help="let it leave for a model in the cloud, unasked")


def add_manner_arguments(group: argparse._ArgumentGroup | argparse.ArgumentParser) -> None:
    """What a preset can hold."""
    group.add_argument("--system", metavar="TEXT", help="the system prompt; empty: none")
    group.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="such as num_ctx=8192 or temperature=0"
    )
    group.add_argument("--format", metavar="json|FILE", help="JSON, or JSON by the schema in a file")
    group.add_argument(
        "--think", nargs="?", const="on", metavar="LEVEL", help="on (without a level), off, low, medium or high"
    )
    group.add_argument(
        "--keep-alive", metavar="TIME", help="how long the model stays in memory: 30m, 0, or -1 for ever"
    )


def add_retries_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--retries", type=count_or_none, metavar="N", help="send it again so often when no server took it"
    )


def with_retries(options: StartOptions, retries: int | None) -> StartOptions:
    """``options`` under which a request is sent again ``retries`` times; None leaves it to the settings."""
    if retries is None:
        return options
    return replace(options, settings={**options.settings, "server.attempts": str(retries + 1)})


async def asked_of(arguments: argparse.Namespace) -> Asked:
    """Raises ``Failure`` for a flag that says nothing."""
    options, raw_options = options_of(arguments.option)
    return Asked(
        preset=getattr(arguments, "preset", ""),
        system=arguments.system,
        options=options,
        raw_options=raw_options,
        think=think_of(arguments.think),
        format=await format_of(arguments.format),
        keep_alive=keep_alive_of(arguments.keep_alive),
    )


def options_of(given: Iterable[str]) -> tuple[dict[str, Value], dict[str, Any]]:
    """Those that chinwag has a setting for, checked and by its names, and the others as they are given.

    Raises ``Failure`` for one that says nothing, or a value that cannot be.
    """
    known: dict[str, Value] = {}
    raw: dict[str, Any] = {}
    for text in given:
        name, value = option_of(text)
        setting = OPTIONS.get(ALSO_CALLED.get(name, name))
        if setting is None:
            raw[name] = value
            continue
        try:
            known[setting.key] = parse_value(setting, text.partition("=")[2])
        except Failure as failure:
            raise WrongLine(f"--option {text}", failure.message or failure.title, failure.advice) from None
    return known, raw


def warn_of_unknown_options(door: Door, names: Iterable[str]) -> None:
    """Says of each name that neither chinwag nor Ollama, as far as chinwag knows, has an option that is called so."""
    known = {*SERVERS_OWN_OPTIONS, *OPTIONS, *ALSO_CALLED}
    for name in names:
        if name not in known:
            door.warn(f"--option {name} is sent, but ollama may not know it{nearest(name, known)}")


def control_with(control: Control, asked: Asked) -> Control:
    """``control`` with what the flags say in the place of what it says. Raises ``Failure`` for what none can keep."""
    if asked.raw_options:
        raise WrongLine(
            "a conversation does not keep that",
            f"--option {(name := next(iter(asked.raw_options)))} is none of chinwag's{nearest(name, OPTIONS)}",
            "leave it out, or leave out --conversation",
        )
    for name, value in asked.options.items():
        control = control.with_option(name, value)
    if asked.think is not None:
        control = control.with_option("thinking", _thinking(asked.think))
    if asked.keep_alive is not None:
        control = control.with_option("keep_alive", _keep_alive(asked.keep_alive))
    if asked.format is not None:
        wanted = "json" if asked.format == ANY_JSON else schema_text(asked.format)
        control = replace(control, format=wanted, format_name="")
    if asked.system is not None:
        control = replace(control, system=asked.system)
    return replace(control, preset=asked.preset or control.preset)


def _thinking(wanted: bool | str) -> str:
    return ("off", "on")[wanted] if isinstance(wanted, bool) else wanted


def _keep_alive(wanted: float | str) -> Value:
    text = f"{wanted:g}" if isinstance(wanted, float) else wanted
    # A bare number is seconds to Ollama, and no duration to anybody else.
    is_bare = text not in ("0", "-1") and text.replace(".", "", 1).isdecimal()
    return parse_value(OPTIONS["keep_alive"], f"{text}s" if is_bare else text)


def preset_called(workspace: Workspace, name: str) -> Preset:
    """Raises ``Failure`` naming the nearest when there is none."""
    presets = workspace.steering.presets
    if (found := presets.get(name)) is None:
        raise Failure(
            f"there is no preset {clean_line(name, 60)}{nearest(name, presets)}",
            "",
            "chinwag presets list has them all",
        )
    return found


def manner_of(workspace: Workspace, model: str, asked: Asked) -> Manner:
    """How ``model`` is asked. Raises ``Failure`` for a preset that is not there."""
    if asked.preset:
        preset_called(workspace, asked.preset)
    control = Control(preset=asked.preset, system=asked.system, options=asked.options)
    generation = workspace.planner.generation(model, control)
    wanted = ANY_JSON if generation.format == "json" else generation.format
    found = asked.format if asked.format is not None else wanted
    assert not isinstance(found, str)
    return Manner(
        system=workspace.steering.answering(control, model).system.value or "",
        options={**generation.options, **asked.raw_options},
        think=generation.think if asked.think is None else asked.think,
        format=found,
        keep_alive=generation.keep_alive if asked.keep_alive is None else asked.keep_alive,
    )


async def model_and_manner(
    workspace: Workspace, named: str | None, asked: Asked, *, usual: str | None = None
) -> tuple[str, Manner]:
    """The model that is named, else the preset's, else ``usual``, else the one that the screen would take."""
    preset = preset_called(workspace, asked.preset) if asked.preset else None
    model = await model_for(workspace, named or (preset.model if preset else "") or usual)
    return model, manner_of(workspace, model, asked)


def option_of(text: str) -> tuple[str, Any]:
    """``NAME=VALUE``: the value as JSON has it, else as text."""
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise WrongLine(f"--option {text} says nothing", "", "write NAME=VALUE")
    try:
        return name.strip(), json.loads(value)
    except (ValueError, RecursionError):
        return name.strip(), value


def think_of(text: str | None) -> bool | str | None:
    if text is None:
        return None
    if text not in ("on", "off", "low", "medium", "high"):
        raise WrongLine(f"--think {text} is not known", "", "write on, off, low, medium or high")
    return text == "on" if text in ("on", "off") else text


def keep_alive_of(text: str | None) -> float | str | None:
    """Seconds as a number, or a duration with its unit. Raises ``Failure`` for what is neither."""
    if not text:
        return text
    try:
        value = checked_keep_alive(text)
    except ValueError:
        raise WrongLine(f"--keep-alive {text} is no time", "", "write 30m, 0, or -1 for ever") from None
    return value if value is None or isinstance(value, str) else float(value)


def say_stats(door: Door, counts: FinalCounts | None, *, seconds: float, first_seconds: float | None) -> None:
    """How long an answer took and how fast it came, on one line; what is not known is left out."""
    words = [seconds_text(seconds)]
    if first_seconds is not None:
        words.append(first_token_words(first_seconds))
    if counts is not None and counts.answer_tokens is not None:
        words.append(token_count_words(counts.answer_tokens))
    if counts is not None and counts.tokens_per_second is not None:
        words.append(speed_words(counts.tokens_per_second))
    door.warn(" · ".join(words))


async def format_of(text: str | None) -> Mapping[str, Any] | None:
    if text is None:
        return None
    if text == "json":
        return ANY_JSON
    path = Path(text)
    data = await asyncio.to_thread(read_bounded, path, LARGEST_SCHEMA_BYTES, follow_links=True)
    try:
        schema = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Failure(f"{path.name} is no JSON schema", str(error), "write the schema as JSON") from None
    if not isinstance(schema, dict):
        raise Failure(f"{path.name} is no JSON schema", "it is no object", 'such as {"type": "object"}')
    return schema


async def model_for(workspace: Workspace, named: str | None) -> str:
    """The model that is named, or the one that the screen would take. Raises when there is none."""
    catalog = workspace.catalog
    models = await catalog.refresh()
    if named:
        if (found := workspace.find_model(named)) is not None:
            return found.name
        return await _unlisted(workspace, named, [one.name for one in models])
    chosen = await choose_model(
        models,
        catalog.running,
        preferred=(workspace.default_model,),
        capabilities_of=catalog.capabilities_of,
        same_model=workspace.same_model,
    )
    if chosen is None:
        raise EngineError(
            f"there is no model to ask on {workspace.host.name}",
            "none of them can chat",
            "chinwag models pull NAME fetches one",
            kind=ErrorKind.model_missing,
        )
    return chosen.name


async def _unlisted(workspace: Workspace, named: str, there: list[str]) -> str:
    """A server may have what it does not list."""
    try:
        await workspace.engine.show_model(named)
    except EngineError as error:
        if error.kind is not ErrorKind.model_missing:
            raise
        raise EngineError(
            f"there is no model {named} on {workspace.host.name}{nearest(named, there)}",
            "",
            f"chinwag models pull {named} fetches it, chinwag models list has those that are there",
            kind=ErrorKind.model_missing,
        ) from None
    return named


async def see_that_it_may_leave(door: Door, workspace: Workspace, model: str, *, is_allowed: bool) -> None:
    """Raises ``Failure`` when ``model`` runs in the cloud and nobody said that it may be asked."""
    if is_allowed or not workspace.is_cloud(model):
        return
    host = workspace.host
    if await workspace.cloud_leave.look(host.url):
        return
    if await door.confirm(f"{model} runs in the cloud: what you write leaves {host.name}. send it?"):
        return
    raise Failure("nothing was sent", f"{model} runs in the cloud", "give --allow-cloud to let it leave")
