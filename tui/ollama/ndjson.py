"""JSON from the wire: lines cut at newline bytes only, and a decoder that raises one kind of error."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

LONGEST_LINE_BYTES = 8 * 1024 * 1024

_BYTE_ORDER_MARK = "\ufeff"
_ESCAPE = re.compile(
    r"""\\(?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}   # a pair: one character
            | (u[dD][89a-fA-F][0-9a-fA-F]{2})                             # half a pair: none
            | . )""",
    re.VERBOSE | re.DOTALL,
)


class NotJsonError(ValueError):
    """The text is not JSON that may be kept: broken, NaN, nested without end, a number of thousands of digits."""


class LineTooLongError(ValueError):
    """A line has more bytes than any server sends."""


class LineCutter:
    """Cuts a stream of bytes at newline bytes, however it was split, and at nothing else.

    A model may write U+0085 or U+2028 raw into a JSON string; whoever splits at those breaks the line in two.
    """

    def __init__(self, longest_bytes: int = LONGEST_LINE_BYTES) -> None:
        self._longest_bytes = longest_bytes
        self._begun: list[bytes] = []
        self._begun_bytes = 0

    @property
    def held_bytes(self) -> int:
        """How much came after the last newline."""
        return self._begun_bytes

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that are whole now, blank ones left out. Raises ``LineTooLongError``."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._grow(line)
            complete = self.tail()
            if complete:
                yield complete
        self._grow(rest)

    def tail(self) -> bytes:
        """What came after the last newline, and forgets it."""
        line = self._begun[0] if len(self._begun) == 1 else b"".join(self._begun)
        self._begun.clear()
        self._begun_bytes = 0
        return line.strip(b" \t\r")

    def _grow(self, part: bytes) -> None:
        if not part:
            return
        self._begun_bytes += len(part)
        if self._begun_bytes > self._longest_bytes:
            self._begun.clear()
            raise LineTooLongError
        self._begun.append(part)


def decoded(data: bytes) -> Any:
    """The one JSON value that ``data`` is. Raises ``NotJsonError``.

    Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD, so that every text can be stored again.
    """
    text = readable_text(data)
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from error


def decoded_prefix(text: str) -> tuple[Any, str]:
    """The JSON value that a text begins with, and what stands behind it. Raises ``NotJsonError``."""
    text = text.lstrip()
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from error
    return value, text[end:].strip()


def readable_text(data: bytes) -> str:
    """Bytes as text, with nothing in it that UTF-8 cannot carry; escapes in JSON included."""
    text = data.decode("utf-8", "replace").removeprefix(_BYTE_ORDER_MARK)
    if "\\ud" in text or "\\uD" in text:
        text = _ESCAPE.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], text)
    return text


def _refused(constant: str) -> NoReturn:
    raise NotJsonError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    """``1e999`` is a number in JSON and infinity in Python, which no JSON can say again."""
    number = float(digits)
    return number if math.isfinite(number) else math.copysign(sys.float_info.max, number)


_DECODER = json.JSONDecoder(parse_constant=_refused, parse_float=_finite, strict=False)
