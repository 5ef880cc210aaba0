from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.conversations.ids import is_id, new_id, time_of_id

_milliseconds = st.integers(min_value=0, max_value=(1 << 47))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _after(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


@given(_milliseconds, st.binary(min_size=10, max_size=10))
def test_every_new_id_is_an_id_that_tells_its_time(milliseconds: int, randomness: bytes) -> None:
    made = new_id(_after(milliseconds), lambda count: randomness[:count])
    assert is_id(made)
    assert time_of_id(made) == _after(milliseconds)


@given(_milliseconds, _milliseconds)
def test_ids_sort_by_time_whatever_the_random_bits_are(first: int, second: int) -> None:
    earlier, later = sorted((first, second))
    if earlier == later:
        return
    lowest = new_id(_after(earlier), lambda count: b"\xff" * count)
    highest = new_id(_after(later), lambda count: b"\x00" * count)
    assert lowest < highest


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_no_random_bit_is_thrown_away(first: bytes, second: bytes) -> None:
    now = _after(1_700_000_000_000)
    assert (new_id(now, lambda _: first) == new_id(now, lambda _: second)) == (first == second)


def test_clock_before_1970_still_gives_an_id() -> None:
    assert new_id(datetime(1960, 1, 1, tzinfo=UTC), os.urandom).startswith("0000000000")


def test_largest_time_an_id_can_say_is_no_error() -> None:
    assert time_of_id("Z" * 26) == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "../../../../etc/passwd",
        "0" * 25,
        "0" * 27,
        "0" * 26 + "\n",
        "\n" + "0" * 26,
        "0" * 25 + "/",
        "0" * 25 + "\0",
        "0" * 25 + "I",
        "0" * 25 + "L",
        "0" * 25 + "O",
        "0" * 25 + "U",
        "0" * 25 + "a",
        "٠" * 26,
        "-rf" + "0" * 23,
        ".." + "0" * 24,
        "0" * 22 + ".txt",
        "CON",
    ],
)
def test_what_only_looks_like_an_id_names_no_file(hostile: str) -> None:
    assert not is_id(hostile)


@given(st.text())
def test_an_id_has_nothing_that_a_path_could_use(text: str) -> None:
    if is_id(text):
        assert text.isascii()
        assert text.isalnum()
