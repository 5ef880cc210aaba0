"""The bytes of a settings file with one setting changed."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

from tui.failures import Failure
from tui.settings.schema import Setting, Value
from tui.toml import read_toml

_BYTE_ORDER_MARK = "\ufeff"
_HEADING = "# chinwag's settings. What chinwag changes here keeps the comments and the order.\n"


def edited(data: bytes, setting: Setting, value: Value | None) -> bytes:
    """``data``, a readable TOML document or nothing, with ``setting`` at ``value``; None takes the setting out.

    Comments, order, line ends and everything else stay. Raises ``Failure`` where that cannot be done.
    """
    if not data and value is None:
        return data
    text = data.decode()
    before = read_toml(data, name="it")
    if not isinstance(before.get(setting.group, {}), dict):
        raise _not_in_place(setting)
    path = _path(before, setting)
    wanted = _changed(before, path, value)
    if _same(before, wanted):
        return data
    if not data:
        result = _HEADING + _new_table("", setting, value)
    elif setting.group not in before:
        result = text + _new_table(text, setting, value)
    else:
        result = _edited_in_place(text, setting, path, value)
    if "\r\n" in text and text.count("\n") == text.count("\r\n"):
        result = result.replace("\r\n", "\n").replace("\n", "\r\n")
    encoded = result.encode()
    # Of tables that are written as dotted keys nothing is left with their last key.
    _refuse_unless(encoded, (wanted, _without_empty(wanted, path)), setting)
    return encoded


def _path(table: Mapping[str, Any], setting: Setting) -> tuple[str, ...]:
    """The tables down to the setting. The name of a command may be one quoted key or, dotted, tables within tables."""
    names = tuple(setting.key.split("."))
    inner: Any = table.get(setting.group, {})
    if len(names) == 1 or setting.key in inner:
        return setting.group, setting.key
    for name in names:
        if not isinstance(inner, dict) or name not in inner:
            return setting.group, setting.key
        inner = inner[name]
    return setting.group, *names


def _changed(table: Mapping[str, Any], path: tuple[str, ...], value: Value | None) -> dict[str, Any]:
    name, *rest = path
    if rest:
        inner = _changed(table.get(name, {}), tuple(rest), value)
        return {**table, name: inner} if name in table or inner else dict(table)
    kept = {key: item for key, item in table.items() if key != name}
    return kept if value is None else {**kept, name: _in_toml(value)}


def _in_toml(value: Value) -> str | bool | int | float | list[str]:
    return list(value) if isinstance(value, tuple) else value


def _new_table(text: str, setting: Setting, value: Value | None) -> str:
    import tomlkit

    gap = "" if text.endswith("\n") or not text else "\n"
    key = tomlkit.key(setting.key).as_string()
    written = "" if value is None else tomlkit.item(_in_toml(value)).as_string()
    return f"{gap}\n[{setting.group}]\n{key} = {written}\n"


def _edited_in_place(text: str, setting: Setting, path: tuple[str, ...], value: Value | None) -> str:
    # Not at the start: reading needs none of it.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    try:
        # tomlkit adds no line end to a last line that lacks one.
        end = "" if text.endswith("\n") else "\n"
        document = tomlkit.parse(text.removeprefix(mark) + end)
        *tables, key = path
        group: Any = document
        for name in tables:
            group = group[name]
        if value is None:
            del group[key]
        elif key in group:
            group[key] = _in_toml(value)
        else:
            _append(group, key, _in_toml(value))
        return mark + tomlkit.dumps(document)
    except (TOMLKitError, ValueError, RecursionError) as error:
        raise _not_in_place(setting) from error


def _append(group: Any, key: str, value: Any) -> None:
    """Adds the key before the blank line and the comments that lead over to the next table."""
    from tomlkit.items import Table

    body = group.value.body if isinstance(group, Table) and not group.is_super_table() else []
    last_key = max((index for index, (name, _) in enumerate(body) if name is not None), default=-1)
    gap = next((i for i in range(last_key + 1, len(body)) if not body[i][1].as_string().strip()), len(body))
    rest = body[gap:]
    del body[gap:]
    group[key] = value
    body.extend(rest)


def _without_empty(table: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """``table`` without the tables along ``path`` that have nothing in them."""
    name, *rest = path
    if not rest or name not in table:
        return dict(table)
    inner = _without_empty(table[name], tuple(rest))
    return {key: item for key, item in table.items() if key != name} | ({name: inner} if inner else {})


def _refuse_unless(result: bytes, wanted: tuple[dict[str, Any], ...], setting: Setting) -> None:
    """The editor's work is read back before anything is replaced by it."""
    try:
        is_right = any(_same(read_toml(result, name="it"), one) for one in wanted)
    except Failure as failure:
        raise _not_in_place(setting) from failure
    if not is_right:
        raise _not_in_place(setting)


def _not_in_place(setting: Setting) -> Failure:
    return Failure(
        f"{setting.name} cannot be changed in the settings file",
        "the file is written in a way that cannot be edited in place",
        f"write {setting.key} under [{setting.group}] by hand",
    )


def _same(one: Any, other: Any) -> bool:
    """Equality for which a value that is no number equals itself, and ``true`` is not ``1``."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(item, other[key]) for key, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float) and isnan(one) and isnan(other):
        return True
    return type(one) is type(other) and bool(one == other)
