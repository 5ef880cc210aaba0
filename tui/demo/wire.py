"""JSON, times and durations written and read as Go's standard library does it, since that is what clients meet."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

FOR_EVER = timedelta(days=292 * 365.2425)
"""What a negative keep_alive comes to: the longest duration of an int64 of nanoseconds."""

_GO_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_GO_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_DURATION_PART = re.compile(r"([0-9]*\.?[0-9]+|[0-9]+\.)(ns|us|µs|μs|ms|s|m|h)")
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def go_json(value: Any) -> bytes:
    """``value`` as ``encoding/json`` writes it: no spaces, ``<>&`` escaped, what is not Unicode replaced."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _GO_ESCAPED.sub(lambda match: _GO_ESCAPES.get(match.group(), "\ufffd"), text).encode()


def go_quote(text: str) -> str:
    """``text`` as Go's ``%q`` prints it."""
    return json.dumps(text, ensure_ascii=False)


def utc_time(moment: datetime) -> str:
    """RFC 3339 in UTC with ``Z`` and without zeros at the end: ``2026-11-21T10:31:43.56937Z``."""
    return _trimmed(moment.astimezone(UTC)) + "Z"


def local_time(moment: datetime) -> str:
    """RFC 3339 in the server's own offset, as ``modified_at`` and ``expires_at`` come."""
    local = moment.astimezone()
    offset = local.strftime("%z")
    return _trimmed(local) + ("Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}")


def _trimmed(moment: datetime) -> str:
    whole = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{moment.microsecond:06d}".rstrip("0") if moment.microsecond else whole


def nanoseconds(seconds: float) -> int:
    return max(0, round(seconds * 1_000_000_000))


def parse_duration(text: str) -> timedelta:
    """A Go duration such as ``5m`` or ``1h30m``; below zero is ``FOR_EVER``. ``ValueError`` carries Go's own text."""
    sign, rest = (text[0], text[1:]) if text[:1] in ("-", "+") else ("", text)
    if rest == "0":
        return timedelta(0)
    seconds, position = 0.0, 0
    for match in _DURATION_PART.finditer(rest):
        if match.start() != position:
            break
        seconds += float(match.group(1)) * _UNIT_SECONDS[match.group(2)]
        position = match.end()
    if not rest or position != len(rest):
        if re.fullmatch(r"[0-9]*\.?[0-9]+", rest[position:]):
            raise ValueError(f"time: missing unit in duration {go_quote(text)}")
        raise ValueError(f"time: invalid duration {go_quote(text)}")
    return keep_alive_span(-seconds if sign == "-" else seconds)


def keep_alive_span(seconds: float) -> timedelta:
    """Seconds to keep a model; below zero, or longer than Go can say, is ``FOR_EVER``."""
    if seconds < 0 or seconds > FOR_EVER.total_seconds():
        return FOR_EVER
    return timedelta(seconds=seconds)
