"""Lines of a journal: what is written comes back, and what was not written is never taken for a record."""

from __future__ import annotations

import json
import random
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.events import EMPTY, any_history, prompt, turn
from tests.storage.samples import NOON, any_message
from tui.conversations.values import Message
from tui.storage.journal import Scan, scan
from tui.storage.records import Began, EndedAnswer, Event, GrownAnswer, Record, UnknownKind, decode_line, encode_line

STORY: list[Began | Event] = [Began.of(EMPTY), *turn(1), *turn(2, "and\x85then? \ud800")]


def _lines(values: list[Began | Event] = STORY) -> list[bytes]:
    return [encode_line(number, value) for number, value in enumerate(values)]


def _framed(body: bytes) -> bytes:
    return b'{"c":"%08x","r":%b}' % (crc32(body), body)


WRITTEN = [Record(sequence=number, value=value) for number, value in enumerate(STORY)]


@settings(max_examples=40)
@given(any_history(max_events=8), st.integers(min_value=0, max_value=2**60))
def test_whatever_happened_comes_back_the_same(history: list[Event], number: int) -> None:
    for event in history:
        line = encode_line(number, event)
        assert line.isascii()
        assert line.count(b"\n") == 1
        assert decode_line(line[:-1]) == Record(sequence=number, value=event)


@settings(max_examples=40)
@given(any_message)
def test_any_message_comes_back_the_same(message: Message) -> None:
    event = EndedAnswer(message=message, at=NOON)
    assert decode_line(encode_line(1, event)[:-1]) == Record(sequence=1, value=event)


def test_scan_gives_what_was_written() -> None:
    found = scan(b"".join(_lines()))
    assert list(found.records) == WRITTEN
    assert found.is_clean
    assert not found.lacks_line_end


def test_line_cut_at_every_byte_is_whole_or_torn() -> None:
    lines = _lines()
    data = b"".join(lines)
    ends = [sum(map(len, lines[: number + 1])) for number in range(len(lines))]
    for cut in range(len(data) + 1):
        found = scan(data[:cut])
        # Without its line's end a record is whole all the same.
        whole = sum(1 for end in ends if end - 1 <= cut)
        assert list(found.records) == WRITTEN[:whole]
        assert not found.unreadable
        rest = cut - (ends[whole - 1] if whole else 0)
        assert (found.torn is None) == (rest <= 0)


def test_flipped_bits_are_noticed_and_cost_two_records_at_most() -> None:
    data = b"".join(_lines())
    dice = random.Random(7)
    for _ in range(3000):
        place, bit = dice.randrange(len(data)), dice.randrange(8)
        damaged = bytearray(data)
        damaged[place] ^= 1 << bit
        _nothing_false(scan(bytes(damaged)), lost_at_most=2)


@pytest.mark.parametrize("length", [1, 7, 64, 4096])
def test_zeros_in_the_middle_and_at_the_end_cost_what_they_cover(length: int) -> None:
    lines = _lines()
    data = b"".join(lines)
    for place in range(0, len(data), 5):
        found = scan(data[:place] + bytes(length) + data[place:])
        _nothing_false(found, lost_at_most=1)
        assert not found.is_clean
        covered = data[:place] + bytes(length) + data[place + length :]
        _nothing_false(scan(covered), lost_at_most=len(lines))


def test_record_after_one_that_was_cut_off_is_found() -> None:
    first, second, third = _lines()[:3]
    found = scan(first + second[:30] + third)
    assert list(found.records) == [WRITTEN[0], WRITTEN[2]]
    assert found.unreadable == ((len(first), len(first) + 30),)


@given(st.binary(max_size=300), st.integers(min_value=0, max_value=2000))
def test_any_bytes_between_lines_make_no_record(noise: bytes, place: int) -> None:
    data = b"".join(_lines())
    _nothing_false(scan(data[:place] + noise + data[place:]), lost_at_most=2)


def _nothing_false(found: Scan, *, lost_at_most: int) -> None:
    rest = iter(WRITTEN)
    assert all(record in rest for record in found.records)
    assert len(found.records) >= len(WRITTEN) - lost_at_most


def test_raw_separators_in_a_foreign_line_are_text() -> None:
    body = '{"n":1,"k":"grown","id":"a1","x":"a\x85b\u2028c\x1cd"}'.replace("\x1c", r"\u001c").encode()
    (record,) = scan(_framed(body) + b"\n").records
    assert record.value == GrownAnswer(message_id="a1", text="a\x85b\u2028c\x1cd")


def test_kind_of_a_newer_version_is_kept_apart() -> None:
    found = scan(_framed(b'{"n":4,"k":"hologram","x":{"y":[1]}}') + b"\n")
    assert found.records == (Record(sequence=4, value=UnknownKind(kind="hologram")),)
    assert found.is_clean


def test_format_that_must_not_be_read_says_so() -> None:
    found = scan(_framed(b'{"n":0,"k":"head","format":9,"reader":8,"whatever":true}') + b"\n")
    assert found.reader == 8


WRONG_BODIES: list[object] = [
    *(1, [], "x", None, {}, {"n": 1}, {"k": "title"}, {"n": -1, "k": "title", "title": "x"}),
    {"n": True, "k": "title", "title": "x", "at": "2026-03-01T12:00:00+00:00"},
    {"n": 1, "k": "title", "title": 3, "at": "2026-03-01T12:00:00+00:00"},
    {"n": 1, "k": "title", "title": "x", "at": "yesterday"},
    {"n": 1, "k": "prompt", "m": {"id": "a", "role": "nobody", "at": "2026-03-01T12:00:00Z"}},
    {"n": 1, "k": "grown", "id": "a", "o": -1},
    {"n": 1, "k": "grown", "id": "a", "calls": [{"name": "f", "arguments": "no json"}]},
    {"n": 1, "k": "head", "format": 1, "reader": 1},
]


@pytest.mark.parametrize("body", WRONG_BODIES, ids=str)
def test_right_sum_does_not_make_a_wrong_record(body: object) -> None:
    line = _framed(json.dumps(body).encode())
    assert decode_line(line) is None
    assert scan(line + b"\n").unreadable == ((0, len(line)),)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"n":1' + b"0" * 5000 + b',"k":"x"}', b"\xff", b""])
def test_bombs_with_a_right_sum_are_no_records(body: bytes) -> None:
    assert decode_line(_framed(body)) is None


def test_line_made_to_be_searched_for_records_ends_the_search() -> None:
    trap = b'{"c":"00000000","r":' * 50_000
    assert scan(trap + b"\n").records == ()


def test_arguments_that_look_like_a_line_are_none() -> None:
    (number, event) = (3, prompt(1, '{"c":"00000000","r":{"n":1}}'))
    line = encode_line(number, event)
    assert scan(line + line[:50]).records == (Record(sequence=3, value=event),)
