"""How numbers and times are said, the same on every screen and in every line."""

from __future__ import annotations

from datetime import datetime, timedelta

_MINUTE = 60
_HOUR = 3600
_DAY = 86400


def seconds_text(seconds: float) -> str:
    """``0.31 s`` below ten, ``12 s`` below two minutes, then ``4 min``, ``3 h``."""
    if seconds < 0:
        seconds = 0.0
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h"


def running_seconds_text(seconds: float) -> str:
    """For a count that runs: one decimal below a hundred, so that its width stays."""
    if seconds < 99.95:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 600:
        return f"{seconds:.0f} s"
    return seconds_text(seconds)


def tokens_text(tokens: int) -> str:
    """``412``, ``1.4k``, ``40k``, ``1.2M``."""
    if tokens < 1000:
        return str(tokens)
    if tokens < 9950:
        return f"{tokens / 1000:.1f}k"
    if tokens < 999_500:
        return f"{tokens / 1000:.0f}k"
    return f"{tokens / 1_000_000:.1f}M"


def context_text(tokens: int) -> str:
    """A window's size as people say it: 8192 is ``8k``, 131072 is ``128k``, 40960 is ``40k``."""
    if tokens >= 1024 and tokens % 1024 == 0:
        thousands = tokens // 1024
        return f"{thousands // 1024}M" if thousands >= 1024 and thousands % 1024 == 0 else f"{thousands}k"
    return tokens_text(tokens)


def size_text(size_bytes: int) -> str:
    """Sizes of models, in GB with one decimal."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 50_000_000 else f"{size_bytes / 1e6:.1f} MB"


def speed_text(tokens_per_second: float) -> str:
    """The number alone: ``62.4``, ``1250``."""
    return f"{tokens_per_second:.1f}" if tokens_per_second < 1000 else f"{tokens_per_second:.0f}"


def speed_words(tokens_per_second: float, *, is_estimate: bool = False) -> str:
    """``62.4 tok/s``, or ``~62.4 tok/s`` for what was not counted by the server."""
    return f"{estimate_mark(is_estimate)}{speed_text(tokens_per_second)} tok/s"


def token_count_words(tokens: int, *, is_estimate: bool = False) -> str:
    """``412 tokens``, ``1 token``, or ``~87 tokens`` for what was not counted by the server."""
    return f"{estimate_mark(is_estimate)}{plural(tokens, 'token')}"


def first_token_words(seconds: float) -> str:
    return f"first {seconds_text(seconds)}"


def estimate_mark(is_estimate: bool) -> str:
    """What stands before every number that is estimated."""
    return "~" if is_estimate else ""


def ago_text(at: datetime, now: datetime) -> str:
    """``now``, ``12 min``, ``3 h``, ``2 d``, ``3 w``, ``5 mo``, ``2 y``."""
    seconds = max(0.0, (now - at).total_seconds())
    if seconds < 90:
        return "now"
    if seconds < 90 * _MINUTE:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 36 * _HOUR:
        return f"{seconds / _HOUR:.0f} h"
    days = seconds / _DAY
    if days < 14:
        return f"{days:.0f} d"
    if days < 60:
        return f"{days / 7:.0f} w"
    return f"{days / 30.4:.0f} mo" if days < 700 else f"{days / 365.25:.0f} y"


def left_text(until: datetime, now: datetime) -> str:
    """How long a model stays in memory: ``4 min left``, ``for good`` when it has no end in sight."""
    seconds = (until - now).total_seconds()
    if seconds > 365 * _DAY:
        return "for good"
    if seconds <= 0:
        return "leaving"
    if seconds < _MINUTE:
        return "under 1 min left"
    if seconds < 2 * _HOUR:
        return f"{int(seconds // _MINUTE)} min left"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)} h left"
    return f"{int(seconds // _DAY)} d left"


def day_text(at: datetime, now: datetime) -> str:
    """The heading under which a conversation stands; both times in the person's own zone."""
    day, today = at.date(), now.date()
    if day >= today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    if day > today - timedelta(days=7):
        return "This week"
    return f"{at:%B} {at.year}"


def tokens_words(count: int) -> str:
    """``1 token``, ``1.2k tokens``."""
    return f"{tokens_text(count)} token{'' if count == 1 else 's'}"


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
