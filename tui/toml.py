r"""TOML in and out, without loss.

Strings may hold anything that Python's may. Characters that a terminal or an editor would obey or hide (C1 controls,
bidi overrides, separators, tags, a byte-order mark) are written as ``\uXXXX``. TOML has no surrogates: one is written
as U+FDD0, a code point that no text uses, and four hexadecimal digits; ``read_toml`` turns it back.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tui.failures import Failure

DEFAULT_LIMIT_BYTES = 8 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MARK = "\ufdd0"
_MARK_ESCAPED = r"\uFDD0"
_MARKED = re.compile(f"{_MARK}({_MARK}|d[89a-f][0-9a-f]{{2}})")
_NEEDS_MARK = re.compile(f"{_MARK}|[\ud800-\udfff]|\r(?=\n)")
_OBEYED_OR_HIDDEN = re.compile(
    f"{_MARK}{_MARK}|{_MARK}cr|[{_MARK}\x80-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def read_toml(data: bytes, *, name: str, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> dict[str, Any]:
    """The table that ``data`` says; a byte-order mark at its begin is no error.

    ``name`` is what a person calls the source, such as the file's path. Raises ``Failure`` with the line.
    """
    if len(data) > limit_bytes:
        raise Failure(f"{name} is too large", f"the limit is {limit_bytes / 1024:,.0f} KB", "make it smaller")
    try:
        text = data.removeprefix(_BYTE_ORDER_MARK).decode()
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Failure(f"{name} is not text in UTF-8", f"line {line}", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise _failure_for(error, name, text) from error
    except RecursionError as error:
        raise Failure(f"{name} is not read", "its values are nested too deeply", "flatten it") from error
    except ValueError as error:
        # Beside syntax errors tomllib lets Python's own refusals through, such as that of a number of 5,000 digits.
        raise Failure(f"{name} is not read", f"it holds a value that is no value: {error}", "correct it") from error
    has_marks = _MARK in text or _MARK_ESCAPED in text
    return {_unmarked(key): _with_marks_resolved(value) for key, value in table.items()} if has_marks else table


def _failure_for(error: tomllib.TOMLDecodeError, name: str, text: str) -> Failure:
    words = str(error)
    position = _POSITION.search(words)
    if position is None:
        return Failure(f"{name} is not TOML", words, "correct it")
    line = int(position[1]) if position[1] else text.count("\n") + 1
    cause = words[: position.start()]
    return Failure(f"{name} is not TOML", f"line {line}: {cause[:1].lower()}{cause[1:]}", f"correct line {line}")


def _with_marks_resolved(value: Any) -> Any:
    if isinstance(value, str):
        return _unmarked(value)
    if isinstance(value, dict):
        return {_unmarked(key): _with_marks_resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_marks_resolved(item) for item in value]
    return value


def _unmarked(text: str) -> str:
    return _MARKED.sub(lambda found: _MARK if found[1] == _MARK else chr(int(found[1], 16)), text)


def write_toml(value: Mapping[str, Any]) -> bytes:
    """TOML in UTF-8 that ``read_toml`` reads as ``value``, with tuples as lists and without what is None.

    None is left out at every depth, also from lists. Text with newlines is written over several lines.
    Values are str, bool, int, float, date, time, datetime, sequences and mappings with string keys; anything else is
    a ``TypeError``. A datetime whose offset is no whole number of minutes is written in UTC: the same instant.
    Raises ``Failure`` for values nested too deeply.
    """
    import tomli_w

    try:
        text = tomli_w.dumps(_writable_table(value), multiline_strings=True, indent=2)
    except RecursionError as error:
        raise Failure("the value cannot be written as TOML", "it is nested too deeply", "use JSON for it") from error
    return _OBEYED_OR_HIDDEN.sub(_escape, text).encode()


def _writable_table(table: Mapping[str, Any]) -> dict[str, Any]:
    return {_marked(key): _writable(item) for key, item in table.items() if item is not None}


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return _marked(value)
    if isinstance(value, Mapping):
        return _writable_table(value)
    if isinstance(value, (list, tuple)):
        return [_writable(item) for item in value if item is not None]
    if isinstance(value, datetime) and (offset := value.utcoffset()) is not None and offset.total_seconds() % 60:
        return value.astimezone(UTC)
    return value


def _marked(text: str) -> str:
    """``text`` in code points that TOML has, and so that tomli_w keeps CR LF, which it would make LF."""
    return _NEEDS_MARK.sub(_mark_for, text)


def _mark_for(found: re.Match[str]) -> str:
    character = found[0]
    if character == _MARK:
        return _MARK + _MARK
    return _MARK + ("cr" if character == "\r" else f"{ord(character):04x}")


def _escape(found: re.Match[str]) -> str:
    if found[0] == f"{_MARK}cr":
        return r"\r"
    return "".join(f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}" for code in map(ord, found[0]))
