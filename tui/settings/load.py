"""Settings from where they may come: flag, environment, file, default, in this order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from tui.atomic import FileMissing, read_bounded
from tui.cleaning import clean_line
from tui.failures import Failure
from tui.settings.schema import (
    BY_NAME,
    GROUPS,
    KEYS,
    SETTINGS,
    Setting,
    Value,
    check_value,
    find_setting,
    is_key_name,
    parse_value,
)
from tui.settings.toml_lines import KeyPath, key_lines, line_of
from tui.settings.values import Settings, settings_of
from tui.theming.nearest import nearest
from tui.toml import read_toml

LIMIT_BYTES = 256 * 1024

KEYS_LIMIT = 200
"""How many commands are given keys, at most."""

_TOLD = 10
"""How many unknown names of a kind are told one by one."""

Origin = Literal["default", "file", "environment", "flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFault:
    """Something that was left out, and why; both are clean lines."""

    source: str
    """``settings.toml``, a variable's name or a flag."""
    message: str
    setting: str = ""
    """The setting whose value in the file was left out; empty for any other fault."""
    line: int | None = None
    """Of the file, where that is known."""

    def __str__(self) -> str:
        """``settings.toml, line 4: generation.seed: it needs to be a whole number``."""
        return f"{self.source}{'' if self.line is None else f', line {self.line}'}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSettings:
    settings: Settings
    origins: Mapping[str, Origin]
    """Where each setting's value comes from, by the setting's name."""
    in_file: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    """What the file says, by the setting's name, whether or not something else wins over it."""
    faults: tuple[SettingsFault, ...] = ()

    def value(self, name: str) -> Value | None:
        """The value that holds; None while it is not set. Raises ``Failure`` for an unknown name."""
        return self.in_file.get(name) if is_key_name(name) else self.settings.get(name)

    @property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """The keys that the file gives to commands, by the command's name; none is an empty tuple."""
        return {
            name.partition(".")[2]: value
            for name, value in self.in_file.items()
            if is_key_name(name) and isinstance(value, tuple)
        }

    def with_value(self, name: str, value: Value | None, *, origin: Origin = "file") -> LoadedSettings:
        """The same with one setting changed. Raises ``Failure`` for an unknown name or a value it cannot have."""
        settings = self.settings if is_key_name(name) else self.settings.with_value(name, value)
        in_file = self.in_file
        if origin == "file" and value is not None:
            in_file = MappingProxyType({**in_file, name: value})
        return replace(
            self, settings=settings, origins=MappingProxyType({**self.origins, name: origin}), in_file=in_file
        )

    def with_default(self, name: str) -> LoadedSettings:
        """The same with one setting put back, in the file too. Raises ``Failure`` for an unknown name."""
        default = find_setting(name).default
        return self._with_file_value(name, None).with_value(name, default, origin="default")

    def with_saved(self, name: str, value: Value | None, *, set_aside: Path | None = None) -> LoadedSettings:
        """The same after the file was given ``value``, or lost the setting (None).

        A variable or a flag goes on to win over it. ``set_aside`` is the copy that was made of a broken file. Raises
        ``Failure`` for an unknown name or a value it cannot have.
        """
        if value is not None:
            check_value(find_setting(name), value)
        saved = self._with_file_value(name, value)
        saved = replace(saved, faults=_faults_after_saving(self.faults, name, set_aside))
        if self.origins.get(name) in ("environment", "flag"):
            return saved
        return saved.with_default(name) if value is None else saved.with_value(name, value)

    def _with_file_value(self, name: str, value: Value | None) -> LoadedSettings:
        kept = {key: item for key, item in self.in_file.items() if key != name}
        if value is not None:
            kept[name] = value
        return replace(self, in_file=MappingProxyType(kept))


def _faults_after_saving(
    faults: tuple[SettingsFault, ...], name: str, set_aside: Path | None
) -> tuple[SettingsFault, ...]:
    """A wrong value that was replaced is no fault any more; nor is a broken file, once its copy is named."""
    if set_aside is None:
        return tuple(fault for fault in faults if fault.setting != name)
    source = clean_line(set_aside.name.partition(".bad-")[0], 80)
    rest = tuple(fault for fault in faults if fault.source != source)
    return (*rest, _fault(source, f"it was broken and is now kept as {set_aside.name}"))


def validate_settings_file(file: Path) -> tuple[SettingsFault, ...]:
    """Everything that is wrong in a settings file, in the order of its lines; one that is missing is well. Blocks."""
    return tuple(sorted(load_settings(file, {}, {}).faults, key=lambda fault: fault.line or 0))


def load_settings(file: Path, environ: Mapping[str, str], flags: Mapping[str, Any]) -> LoadedSettings:
    """Reads ``file`` and lays ``environ`` and ``flags`` over it.

    ``environ`` is asked for each setting's variable; an empty one counts as not set. ``flags`` has the settings' names
    as keys; None counts as not given. A file that is missing is no fault. One that cannot be used, because it is
    broken, larger than 256 KB or no regular file, is left as it is; a value that a setting cannot have is left out:
    each becomes a fault, and the next origin's value is used. Raises only for a flag that is no setting. Blocks.
    """
    values: dict[str, Value] = {}
    in_file: dict[str, Value] = {}
    origins: dict[str, Origin] = {setting.name: "default" for setting in SETTINGS}
    faults: list[SettingsFault] = []
    later_wins: tuple[tuple[Origin, Iterator[tuple[Setting, Value]]], ...] = (
        ("file", _from_file(file, faults)),
        ("environment", _from_environment(environ, faults)),
        ("flag", _from_flags(flags, faults)),
    )
    for origin, found in later_wins:
        for setting, value in found:
            values[setting.name] = value
            origins[setting.name] = origin
            if origin == "file":
                in_file[setting.name] = value
    return LoadedSettings(
        settings=settings_of(values),
        origins=MappingProxyType(origins),
        in_file=MappingProxyType(in_file),
        faults=tuple(faults),
    )


def _from_file(file: Path, faults: list[SettingsFault]) -> Iterator[tuple[Setting, Value]]:
    source = clean_line(file.name, 80)
    try:
        # People keep their settings elsewhere and link them into place.
        data = read_bounded(file, LIMIT_BYTES, follow_links=True)
        table = read_toml(data, name="it", limit_bytes=LIMIT_BYTES)
    except FileMissing:
        return
    except Failure as failure:
        cause = ", ".join(part for part in (failure.title, failure.message) if part)
        faults.append(_fault(source, f"not used, it stays as it is: {cause}"))
        return
    found: list[tuple[KeyPath, SettingsFault]] = []
    for name, value in _leaves(table, source, found):
        setting = BY_NAME[name]
        try:
            yield setting, check_value(setting, value)
        except Failure as failure:
            found.append((tuple(name.split(".")), _fault(source, f"{name}: {failure.message}", setting=name)))
    yield from _keys(table.get(KEYS, {}), source, found)
    lines = key_lines(data) if found else {}
    faults += [replace(fault, line=line_of(lines, path)) for path, fault in found]


def _keys(table: Any, source: str, faults: list[tuple[KeyPath, SettingsFault]]) -> Iterator[tuple[Setting, Value]]:
    """The keys of commands, whose names may be quoted or, dotted as they are, tables within tables."""
    if not isinstance(table, dict):
        faults.append(((KEYS,), _fault(source, f"{KEYS} needs to be a table, as in [{KEYS}]")))
        return
    for path, value in islice(_dotted(table, (KEYS,)), KEYS_LIMIT):
        name = ".".join(path)
        try:
            setting = find_setting(name)
            yield setting, check_value(setting, value)
        except Failure as failure:
            # Which commands there are is not known here; that it is none at all is.
            said = failure.message or "it is no command's name"
            fault = _fault(source, f"{clean_line(name, 60)}: {said}", setting=clean_line(name, 60))
            faults.append((path, fault))


def _dotted(table: Mapping[str, Any], above: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and len(above) < 5:
            yield from _dotted(value, (*above, key))
        else:
            yield (*above, key), value


def _leaves(
    table: Mapping[str, Any], source: str, faults: list[tuple[KeyPath, SettingsFault]]
) -> Iterator[tuple[str, Any]]:
    """Name and value of every known setting in ``table``; the rest becomes faults."""
    unknown_groups = [group for group in table if group not in (*GROUPS, KEYS)]
    unknown_names = []
    for group in GROUPS:
        keys = table.get(group, {})
        if not isinstance(keys, dict):
            faults.append(((group,), _fault(source, f"{group} needs to be a table, as in [{group}]")))
            continue
        for key, value in keys.items():
            if f"{group}.{key}" in BY_NAME:
                yield f"{group}.{key}", value
            else:
                unknown_names.append((group, key))
    for group in unknown_groups[:_TOLD]:
        words = f"{clean_line(group, 60)} is no group of settings{nearest(group, (*GROUPS, KEYS))}"
        faults.append(((group,), _fault(source, words)))
    for path in unknown_names[:_TOLD]:
        name = ".".join(path)
        faults.append((path, _fault(source, f"{clean_line(name, 60)} is no setting{nearest(name, BY_NAME)}")))
    untold = max(0, len(unknown_groups) - _TOLD) + max(0, len(unknown_names) - _TOLD)
    if untold:
        faults.append(((), _fault(source, f"{untold:,} more names are unknown")))


def _from_environment(environ: Mapping[str, str], faults: list[SettingsFault]) -> Iterator[tuple[Setting, Value]]:
    known = {setting.env: setting for setting in SETTINGS}
    groups = tuple(f"CHINWAG_{group.upper()}_" for group in GROUPS)
    for variable in environ:
        if variable.startswith(groups) and variable not in known:
            name = variable.removeprefix("CHINWAG_").lower().replace("_", ".", 1)
            faults.append(_fault(variable, f"it stands for no setting{nearest(name, BY_NAME)}"))
    for variable, setting in known.items():
        if text := environ.get(variable, ""):
            try:
                yield setting, parse_value(setting, text)
            except Failure as failure:
                faults.append(_fault(variable, failure.message))


def _from_flags(flags: Mapping[str, Any], faults: list[SettingsFault]) -> Iterator[tuple[Setting, Value]]:
    for name, value in flags.items():
        setting = find_setting(name)
        if value is None:
            continue
        try:
            yield setting, parse_value(setting, value) if isinstance(value, str) else check_value(setting, value)
        except Failure as failure:
            faults.append(_fault(setting.flag or name, failure.message))


def _fault(source: str, message: str, *, setting: str = "") -> SettingsFault:
    return SettingsFault(source=clean_line(source, 80), message=clean_line(message, 300), setting=setting)
