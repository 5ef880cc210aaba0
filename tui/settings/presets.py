"""Presets: named ways to answer. Those that come with chinwag, and the person's own files.

::

    about = "one line"                    # everything may be left out
    model = "qwen3:8b"                    # the conversation goes over to it
    system = "Answer in one sentence."
    format = "json"                       # or a JSON schema, as a table or as its text
    think = false                         # or "low", "medium", "high"
    keep_alive = "10m"
    [options]
    temperature = 0.2                     # chinwag's names or Ollama's
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tui.atomic import make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean, clean_line
from tui.failures import Failure
from tui.settings.options import OPTIONS, read_options
from tui.settings.schema import Value, write_value
from tui.toml import read_toml, write_toml

LIMIT_BYTES = 256 * 1024
FILES_LIMIT = 200
_KEYS = ("about", "model", "system", "format", "think", "keep_alive", "options")
_NAME = re.compile(r"(?=.{1,40}\Z)[a-z0-9]+([-_][a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What is None or absent is left to whatever else says it."""

    name: str
    about: str = ""
    model: str = ""
    system: str | None = None
    format: str | None = None
    """``json``, or a JSON schema as its text."""
    options: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    """By the options' names here, ``thinking`` and ``keep_alive`` among them."""
    is_own: bool = False
    """From a file of the person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetFault:
    """A preset that is left out, and why; both are clean lines."""

    file: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetShelf:
    presets: Mapping[str, Preset]
    """By name: those of chinwag first, then the person's own, which win over one of the same name."""
    faults: tuple[PresetFault, ...] = ()


def _ours(name: str, about: str, **options: Value) -> Preset:
    return Preset(name=name, about=about, options=MappingProxyType(options))


BUNDLED: tuple[Preset, ...] = (
    _ours("fast", "no thinking, and an answer of at most 400 tokens", thinking="off", answer_tokens=400),
    _ours("creative", "freer words, more surprise", temperature=1.1, top_p=0.98, min_p=0.02, presence_penalty=0.3),
    _ours("balanced", "between careful and free", temperature=0.7, top_p=0.9),
    _ours("precise", "the likeliest words, nearly the same answer each time", temperature=0.1, top_p=0.5, seed=1),
    _ours("long_form", "room for long answers: a window of 16k", temperature=0.8, context_tokens=16_384),
)


def load_presets(folder: Path) -> PresetShelf:
    """Every ``*.toml`` of ``folder`` beside chinwag's own. A file that cannot be used becomes a fault and nothing else.

    A folder that does not exist is no fault. Never raises for what is in it. Blocks.
    """
    faults: list[PresetFault] = []
    ours = {one.name: one for one in BUNDLED}
    own = {one.name: one for one in _own_presets(folder, faults)}
    return PresetShelf(presets=MappingProxyType(ours | own), faults=tuple(faults))


def read_preset(name: str, data: bytes) -> Preset:
    """The preset ``name`` as ``data`` says. Raises ``Failure`` whose message lists what is wrong, at most three things."""
    title = f"preset {clean_line(name, 60)}"
    check_preset_name(name)
    try:
        table = read_toml(data, name="it", limit_bytes=LIMIT_BYTES)
    except Failure as failure:
        raise Failure(title, f"{failure.title}, {failure.message}", failure.advice) from failure
    complaints: list[str] = [f"{clean_line(key, 40)} is no key of a preset" for key in table if key not in _KEYS]
    complaints += [
        f"{key}: it needs to be text" for key in ("about", "model", "system") if not isinstance(table.get(key, ""), str)
    ]
    options = table.get("options", {})
    if not isinstance(options, dict):
        complaints.append("options: it needs to be a table")
        options = {}
    also: dict[str, Any] = {key: table[key] for key in ("think", "keep_alive") if key in table}
    values = dict(read_options({**options, **also}, complaints))
    wanted = _format(table.get("format"), complaints)
    if complaints:
        more = "; and more" if len(complaints) > 3 else ""
        raise Failure(title, "; ".join(complaints[:3]) + more, f"correct {name}.toml")
    return Preset(
        name=name,
        about=clean_line(table.get("about", "")),
        model=clean_line(table.get("model", ""), 200),
        system=clean(table["system"]) if "system" in table else None,
        format=wanted,
        options=MappingProxyType(values),
        is_own=True,
    )


def write_preset(preset: Preset) -> bytes:
    """The file that ``read_preset`` reads."""
    table: dict[str, Any] = {}
    if preset.about:
        table["about"] = preset.about
    if preset.model:
        table["model"] = preset.model
    if preset.system is not None:
        table["system"] = preset.system
    if preset.format is not None:
        table["format"] = preset.format
    if preset.options:
        options = sorted(preset.options.items())
        table["options"] = {name: list(value) if isinstance(value, tuple) else value for name, value in options}
    return write_toml(table)


def save_preset(folder: Path, preset: Preset) -> Path:
    """Writes it into ``folder``, over one of the same name; returns its file. Raises ``Failure``. Blocks."""
    check_preset_name(preset.name)
    file = folder / f"{preset.name}.toml"
    data = write_preset(preset)
    if len(data) > LIMIT_BYTES:
        raise Failure(f"preset {preset.name} is not kept", "it is too large", "make its system prompt shorter")
    try:
        make_private_folder(folder)
        write_atomically(file, data)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"{file} cannot be written", cause, "make room or correct its permissions") from error
    return file


def check_preset_name(name: str) -> None:
    """Raises ``Failure`` for what cannot be a preset's name."""
    if not _NAME.fullmatch(name):
        raise Failure(
            f"preset {clean_line(name, 60)}", "it needs another name", "use lower case letters, digits, - and _"
        )


def _own_presets(folder: Path, faults: list[PresetFault]) -> Iterator[Preset]:
    try:
        found = [file for file in folder.iterdir() if file.suffix == ".toml" and not file.name.startswith(".")]
    except FileNotFoundError:
        return
    except OSError as error:
        faults.append(_fault(folder, (error.strerror or str(error)).lower()))
        return
    files = sorted(found, key=lambda file: file.stem)
    for file in files[:FILES_LIMIT]:
        try:
            # People keep such files elsewhere and link them into place.
            yield read_preset(file.stem, read_bounded(file, LIMIT_BYTES, follow_links=True))
        except Failure as failure:
            faults.append(_fault(file, failure.message))
    if len(files) > FILES_LIMIT:
        faults.append(_fault(folder, f"{len(files) - FILES_LIMIT} presets beyond the first {FILES_LIMIT} are not read"))


def _format(found: Any, complaints: list[str]) -> str | None:
    if found is None or found in ("", "json"):
        return None if found is None else str(found)
    try:
        return schema_text(found)
    except Failure as failure:
        complaints.append(f"format: {failure.message}")
        return None


def schema_text(found: Any) -> str:
    """A JSON schema as one text, from its text or its object. Raises ``Failure`` when it is neither."""
    if isinstance(found, str | bytes):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError) as error:
            raise Failure("that is no JSON schema", f"it is no JSON: {error}", "correct it") from error
    if not isinstance(found, dict):
        raise Failure("that is no JSON schema", "a schema is an object", 'begin with {"type": "object", …}')
    try:
        return json.dumps(found, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise Failure("that is no JSON schema", clean_line(str(error), 120), "correct it") from error


def _fault(path: Path, message: str) -> PresetFault:
    return PresetFault(file=clean_line(path.name, 80), message=clean_line(message, 300))


def preset_words(options: Iterable[tuple[str, Value]]) -> str:
    """``temperature 0.1, top_p 0.5``, for a list."""
    return ", ".join(
        f"{name.replace('_', ' ')} {write_value(OPTIONS[name], value)}" for name, value in options if name in OPTIONS
    )
