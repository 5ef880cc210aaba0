"""On which line of a TOML file a key stands, which the reader of the standard library does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

KeyPath = tuple[str, ...]
_LONG_STRINGS = ('"""', "'''")


def key_lines(data: bytes) -> dict[KeyPath, int]:
    """The line, from 1, of every table and key of a readable TOML file; of what is written twice, the first.

    Keys inside inline tables stand on the line of their table. Of what cannot be read nothing is said.
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, table_path, keys in _statements(data.decode("utf-8", "replace").removeprefix("\ufeff")):
        table = table if table_path is None else table_path
        for path in [table] if table_path is not None else [(*table, *key) for key in keys]:
            for above in accumulate(((name,) for name in path), lambda one, name: one + name):
                found.setdefault(above, line)
    return found


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of the key, else that of the nearest table around it; None where neither is known."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _statements(text: str) -> Iterator[tuple[int, KeyPath | None, tuple[KeyPath, ...]]]:
    """Line, the table that begins there or None, and the keys that are set there."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        begin = at
        statement = _statement(lines, at)
        if statement is None:
            at += 1
            continue
        at, read = statement
        if read:
            is_table = lines[begin].lstrip().startswith("[")
            paths = tuple(_paths(read))
            yield begin + 1, paths[0] if is_table else None, () if is_table else paths


def _statement(lines: list[str], begin: int) -> tuple[int, dict[str, Any]] | None:
    """What the statement that begins on that line says, and where the next one begins; None for none.

    A value over many lines is tried only where it may end, so that a long text costs one reading.
    """
    opened = next((mark for mark in _LONG_STRINGS if mark in lines[begin]), "")
    for end in range(begin, len(lines)):
        if end > begin and not (opened in lines[end] if opened else "]" in lines[end] or "}" in lines[end]):
            continue
        try:
            return end + 1, tomllib.loads("\n".join(lines[begin : end + 1]))
        except (ValueError, RecursionError):
            continue
    return None


def _paths(read: dict[str, Any]) -> Iterator[KeyPath]:
    for key, value in read.items():
        inner = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
        if isinstance(inner, dict) and inner:
            yield from ((key, *path) for path in _paths(inner))
        else:
            yield (key,)
