"""What the form says about a setting: its row, where its value comes from, and the keys that make sense there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tui.app.commands.keymap import with_keys
from tui.app.screens.list_screen import highlight
from tui.app.screens.settings_changes import SettingChanges
from tui.app.widgets.parts import Parts
from tui.app.widgets.setting_groups import SettingGroup
from tui.app.widgets.setting_rows import SettingRow
from tui.cleaning import clean_line
from tui.settings.form import NO_KEY, NOT_SET, Field, Loaded
from tui.settings.schema import KEYS

OF_COMMANDS = f"{KEYS}."


def key_complaints(loaded: Loaded) -> Mapping[str, str]:
    """By the setting's name, why the keys that the file gives to a command are not used."""
    given = {
        name.removeprefix(OF_COMMANDS): value
        for name, value in loaded.in_file.items()
        if name.startswith(OF_COMMANDS) and isinstance(value, tuple)
    }
    return {f"{OF_COMMANDS}{name}": words for name, words in with_keys(given).complaints.items()}


def row_of(field: Field, typed: str, note: Parts) -> SettingRow:
    return SettingRow(
        name=field.setting.name,
        group=field.setting.group,
        words=highlight(field.words, typed, "foreground"),
        value=field.value_text,
        value_role="muted" if field.value_text in (NOT_SET, NO_KEY) else "foreground",
        unit=field.unit,
        is_changed=field.is_changed,
        note=note,
    )


def note_of(field: Field, changes: SettingChanges, complaints: Mapping[str, str], *, is_wide: bool) -> Parts:
    """What stands at the right end of its row: what is wrong, else of a command what it does."""
    name = field.setting.name
    if name in changes.refused:
        return (("not kept ", "error"),)
    if field.is_overridden:
        return ((f"{field.source} ", "warning"),)
    if name in complaints or any(fault.setting == name for fault in changes.loaded.faults):
        return (("the file's is not used ", "warning"),)
    if field.setting.kind == "keys" and is_wide:
        return ((f"{field.setting.help} ", "muted"),)
    return ()


def groups_of(fields: Iterable[Field], shown: Iterable[Field], *, current: str) -> tuple[SettingGroup, ...]:
    every, fitting = tuple(fields), {field.setting.group for field in shown}
    return tuple(
        SettingGroup(
            name=name,
            is_current=name == current,
            is_changed=any(field.is_changed for field in every if field.setting.group == name),
            has_rows=name in fitting,
        )
        for name in dict.fromkeys(field.setting.group for field in every)
    )


def faults_line(loaded: Loaded, complaints: Mapping[str, str], known: Iterable[str], file_name: str) -> str:
    """What is wrong and has no row of its own; empty when nothing is."""
    rows = frozenset(known)
    told = [str(fault) for fault in loaded.faults if fault.setting not in rows]
    told += [f"{file_name}: {words}" for name, words in complaints.items() if name not in rows]
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    return f"{told[0]}{more}" if told else ""


def about_source(
    field: Field, changes: SettingChanges, complaints: Mapping[str, str], *, said: str, file_name: str
) -> tuple[str, str]:
    """One or two lines about where its value comes from, the most urgent thing alone, and the role to draw them with."""
    name = field.setting.name
    if name in changes.refused:
        return clean_line(str(changes.refused[name].failure), 300), "error"
    if said:
        return said, ""
    if field.is_overridden:
        return field.origin_text(file_name), "warning"
    if name in complaints:
        return f"{file_name}: {complaints[name]}", "warning"
    for fault in changes.loaded.faults:
        if fault.setting == name:
            return f"{fault}; the default holds", "warning"
    return field.origin_text(file_name), ""


def keys_of(field: Field | None, *, has_undo: bool, is_wide: bool) -> tuple[tuple[str, str], ...]:
    """The keys that make sense on the row of ``field``."""
    keys: list[tuple[str, str]] = []
    if field is not None:
        if field.setting.kind == "switch":
            keys.append(("space", "turn off" if field.kept_value else "turn on"))
        elif field.setting.kind == "keys":
            keys.append(("enter", "another key"))
        elif field.choices:
            keys += [("enter", "list"), *([("left right", "another")] if is_wide else [])]
        else:
            keys.append(("enter", "edit"))
        if field.in_file is not None:
            keys.append(("alt+r", "put back"))
    if has_undo and is_wide:
        keys.append(("ctrl+_", "undo"))
    return (*keys, ("esc", "back"), ("tab", "search"), ("pgdn", "next group"))
