"""How long a model stays in memory after its last answer, in every form that is sent."""

from __future__ import annotations

import math
import re
from datetime import timedelta

KeepAlive = float | str | timedelta
"""Seconds as a number (below 0: for ever, 0: unload at once), a time span, or a duration with units: ``1h30m``."""

_DURATION = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+|[+-]?0")
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{0,9})?")
_MOST_SECONDS = 9_000_000_000
"""Somewhat less than Go can count in nanoseconds: 285 years."""


def checked_keep_alive(value: KeepAlive | None) -> float | str | None:
    """The value as the server reads it; None leaves it to the server.

    Text that is only a number becomes that number of seconds, since the server refuses ``"-1"`` and ``"300"``.
    Raises ``ValueError`` with a sentence for anything else that it would refuse.
    """
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text):
            value = float(text) if "." in text else int(text)
        elif _DURATION.fullmatch(text):
            return text
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"keep_alive is {str(value)[:40]!r}, and not seconds or a duration like 5m or 1h30m")
    if value > _MOST_SECONDS:
        raise ValueError(f"keep_alive is {value:g} seconds, longer than can be counted; -1 means for ever")
    return value
