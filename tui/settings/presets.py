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

from tui.atomic import FileMissing, make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean, clean_line
from tui.failures import Failure
from tui.settings.options import OPTIONS, read_options
from tui.settings.schema import Value, write_value
from tui.settings.toml_lines import KeyPath, key_lines, line_of
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
class PresetComplaint:
    """One thing that is wrong in a preset's file; clean lines."""

    message: str
    """It begins with the key where there is one."""
    key: str = ""
    """Such as ``options.temperature``; empty where it is the file as a whole."""
    line: int | None = None

    def __str__(self) -> str:
        """``line 4: temperature: it needs to be 0 to 5``."""
        return self.message if self.line is None else f"line {self.line}: {self.message}"


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
    preset, complaints = _read(name, table, data)
    if complaints:
        more = "; and more" if len(complaints) > 3 else ""
        raise Failure(title, "; ".join(map(str, complaints[:3])) + more, f"correct {name}.toml")
    return preset


def _read(name: str, table: Mapping[str, Any], data: bytes) -> tuple[Preset, tuple[PresetComplaint, ...]]:
    """The preset without what is wrong, and what that is."""
    said: list[tuple[KeyPath, str]] = [
        ((key,), f"{clean_line(key, 40)} is no key of a preset") for key in table if key not in _KEYS
    ]
    texts = {key: table.get(key, "") for key in ("about", "model", "system")}
    for key, text in texts.items():
        if not isinstance(text, str):
            said.append(((key,), f"{key}: it needs to be text"))
            texts[key] = ""
    options = table.get("options", {})
    if not isinstance(options, dict):
        said.append((("options",), "options: it needs to be a table"))
        options = {}
    also: dict[str, Any] = {key: table[key] for key in ("think", "keep_alive") if key in table}
    values: dict[str, Value] = {}
    for path, one in (*((("options", key), {key: options[key]}) for key in options), *(((key,), also) for key in also)):
        wrong: list[str] = []
        values.update(read_options({path[-1]: one[path[-1]]}, wrong))
        said += [(path, message) for message in wrong]
    wrong = []
    wanted = _format(table.get("format"), wrong)
    said += [(("format",), message) for message in wrong]
    preset = Preset(
        name=name,
        about=clean_line(texts["about"]),
        model=clean_line(texts["model"], 200),
        system=clean(texts["system"]) if "system" in table else None,
        format=wanted,
        options=MappingProxyType(values),
        is_own=True,
    )
    lines = key_lines(data) if said else {}
    complaints = (
        PresetComplaint(message=message, key=clean_line(".".join(path), 80), line=line_of(lines, path))
        for path, message in said
    )
    return preset, tuple(sorted(complaints, key=lambda one: one.line or 0))


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
    _write(file, data, is_private=True)
    return file


def validate_preset_file(file: Path) -> tuple[PresetComplaint, ...]:
    """Everything that is wrong in the file of a preset, in the order of its lines; nothing when it is well. Blocks."""
    try:
        check_preset_name(file.stem)
        data = read_bounded(file, LIMIT_BYTES, follow_links=True)
        table = read_toml(data, name="it", limit_bytes=LIMIT_BYTES)
    except Failure as failure:
        return (PresetComplaint(message=clean_line(_said(failure), 300)),)
    return _read(file.stem, table, data)[1]


def import_preset(folder: Path, file: Path, *, name: str = "", replaces: bool = False) -> Preset:
    """Takes the preset of ``file`` over into ``folder``, byte for byte, under ``name`` or else the file's own.

    Raises ``Failure``: for a file that is not wholly well, with its line and key; for a name that a preset of the
    person's has already, unless ``replaces``; for a disk that refuses. Blocks.
    """
    name = name or file.stem
    title = f"{clean_line(file.name, 80)} is not taken over"
    try:
        data = read_bounded(file, LIMIT_BYTES, follow_links=True)
        preset = read_preset(name, data)
    except FileMissing:
        raise
    except Failure as failure:
        raise Failure(title, failure.message or failure.title, failure.advice) from failure
    target = folder / f"{name}.toml"
    if not replaces and target.exists():
        raise Failure(title, f"there is a preset {name} already", "give it another name, or say that it is replaced")
    _write(target, data, is_private=True)
    return preset


def export_preset(preset: Preset, target: Path, *, replaces: bool = False) -> Path:
    """Writes the preset to a file that ``import_preset`` reads: ``target``, or its name inside a folder.

    Returns the file. Raises ``Failure``: for one that is there already, unless ``replaces``; for a disk that refuses.
    Blocks.
    """
    file = target / f"{preset.name}.toml" if target.is_dir() else target
    if not replaces and file.exists():
        raise Failure(f"{file} is not written", "it is there already", "name another file, or say that it is replaced")
    _write(file, write_preset(preset), is_private=False)
    return file


def remove_preset(folder: Path, name: str) -> bytes:
    """Takes a preset of the person's own away; returns what its file said, for whoever wants it back.

    Where it had the name of one of chinwag's, that one holds again. Raises ``Failure``. Blocks.
    """
    check_preset_name(name)
    file = folder / f"{name}.toml"
    try:
        data = read_bounded(file, LIMIT_BYTES, follow_links=True)
        file.unlink()
    except FileMissing as error:
        is_ours = any(one.name == name for one in BUNDLED)
        cause = "it comes with chinwag" if is_ours else "there is no preset of that name"
        raise Failure(f"preset {name} is not removed", cause, "only your own presets can be removed") from error
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"preset {name} is not removed", cause, "check the file and its permissions") from error
    return data


def put_preset_back(folder: Path, name: str, data: bytes) -> None:
    """The file of a preset as it was before ``remove_preset``. Raises ``Failure``. Blocks."""
    check_preset_name(name)
    _write(folder / f"{name}.toml", data, is_private=True)


def _write(file: Path, data: bytes, *, is_private: bool) -> None:
    try:
        if is_private:
            make_private_folder(file.parent)
        write_atomically(file, data)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"{file} cannot be written", cause, "make room or correct its permissions") from error


def _said(failure: Failure) -> str:
    return ", ".join(filter(None, (failure.title, failure.message)))


def check_preset_name(name: str) -> None:
    """Raises ``Failure`` for what cannot be a preset's name."""
    if not _NAME.fullmatch(name):
        raise Failure(
            f"preset {clean_line(name, 60)}", "it needs another name", "use lower case letters, digits, - and _"
        )


def preset_files(folder: Path) -> tuple[Path, ...]:
    """The files of the person's presets, by their names; none where the folder cannot be read. Blocks."""
    try:
        return tuple(sorted(_toml_files(folder), key=lambda file: file.stem))
    except OSError:
        return ()


def _toml_files(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.suffix == ".toml" and not file.name.startswith(".")]


def _own_presets(folder: Path, faults: list[PresetFault]) -> Iterator[Preset]:
    try:
        found = _toml_files(folder)
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
