"""Ids that name files: 26 characters that sort by time and say nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

ID_LENGTH = 26

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE_OF = {character: value for value, character in enumerate(_ALPHABET)}
_TIME_LENGTH = 10
_RANDOM_BYTES = 10
_PATTERN = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LATEST_MILLISECONDS = (1 << 48) - 1


def new_id(now: datetime, random_bytes: Callable[[int], bytes]) -> str:
    """An id of 26 characters of Crockford's base 32: 48 bits of milliseconds since 1970, then 80 random bits.

    Ids made in different milliseconds sort as their times do. ``now`` must carry a time zone; a clock before 1970
    counts as 1970. ``random_bytes(n)`` gives n bytes, as ``os.urandom`` does.
    """
    milliseconds = min(max((now - _EPOCH) // _MILLISECOND, 0), _LATEST_MILLISECONDS)
    randomness = int.from_bytes(random_bytes(_RANDOM_BYTES), "big")
    return _in_base_32(milliseconds, _TIME_LENGTH) + _in_base_32(randomness, ID_LENGTH - _TIME_LENGTH)


def is_id(text: str) -> bool:
    """Whether ``text`` has the form of an id, to the letter: it may then be a part of a file's name."""
    return _PATTERN.fullmatch(text) is not None


def time_of_id(text: str) -> datetime:
    """When the id was made, to the millisecond, in UTC. ``text`` must be an id.

    An id that no clock of this century made gives the latest time there is.
    """
    milliseconds = 0
    for character in text[:_TIME_LENGTH]:
        milliseconds = milliseconds * 32 + _VALUE_OF[character]
    try:
        return _EPOCH + milliseconds * _MILLISECOND
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _in_base_32(number: int, length: int) -> str:
    return "".join(_ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(length)))
