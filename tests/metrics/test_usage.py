from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.metrics.usage import CONNECTED, UsageRecord, decode_usage, encode_usage, typical_load_seconds

texts = st.text(max_size=20)
counts = st.none() | st.integers(0, 10**12)
seconds = st.none() | st.floats(0, 10**9)
records = st.builds(
    UsageRecord,
    at=st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    host=texts,
    model=texts,
    outcome=texts,
    prompt_tokens=counts,
    answer_tokens=counts,
    answer_seconds=seconds,
    load_seconds=seconds,
    first_token_seconds=seconds,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
NAMES = tuple(UsageRecord.__dataclass_fields__)


def loaded(load_seconds: float | None, *, model: str = "m", host: str = "h") -> UsageRecord:
    return UsageRecord(
        at="2026-03-01T12:00:00+00:00", host=host, model=model, outcome="complete", load_seconds=load_seconds
    )


def answer(outcome: str, *, prompt_tokens: int | None = None, first_token_seconds: float | None = None) -> UsageRecord:
    return UsageRecord(
        at="2026-03-01T12:00:00+00:00",
        host="h",
        model="m",
        outcome=outcome,
        prompt_tokens=prompt_tokens,
        first_token_seconds=first_token_seconds,
    )


@given(written=st.lists(records, max_size=5))
def test_what_is_written_is_read_again(written: list[UsageRecord]) -> None:
    lines = [encode_usage(record) for record in written]
    assert all(line.isascii() and line.count(b"\n") == 1 for line in lines)
    assert decode_usage(b"".join(lines)) == tuple(written)


@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    decode_usage(data)
    assert loaded(2.0) in decode_usage(data + b"\n" + encode_usage(loaded(2.0)))


@given(raws=st.lists(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)), max_size=5))
def test_any_json_is_read_without_an_error_and_counts_are_figures(raws: list[object]) -> None:
    data = b"\n".join(json.dumps(raw).encode() for raw in raws)
    found = decode_usage(data)
    typical_load_seconds(found, model="", host="")
    for record in found:
        for figure in (record.answer_seconds, record.load_seconds, record.first_token_seconds):
            assert figure is None or (math.isfinite(figure) and figure >= 0)


def test_torn_and_foreign_lines_are_skipped() -> None:
    whole = encode_usage(loaded(2.0))
    data = whole[20:] + whole + b'{"at": "now"}\n' + b"[" * 100_000 + b"\n\n\xff\xfe\n" + whole[:-10]
    assert decode_usage(data) == (loaded(2.0),)


def test_typical_load_is_the_median_of_the_last_five() -> None:
    history = [loaded(each) for each in (100, 100, 100, 5, 9, 7, 6, 8)]
    assert typical_load_seconds(history, model="m", host="h") == 7


def test_model_that_was_in_memory_tells_nothing_of_loading() -> None:
    history = [loaded(8.0), *[loaded(0.02)] * 20, loaded(None)]
    assert typical_load_seconds(history, model="m", host="h") == 8.0
    assert typical_load_seconds(history[1:], model="m", host="h") is None


def test_other_models_and_other_servers_do_not_count() -> None:
    history = [loaded(8.0), loaded(1.0, model="other"), loaded(2.0, host="other")]
    assert typical_load_seconds(history, model="m", host="h") == 8.0
    assert typical_load_seconds([], model="m", host="h") is None


@pytest.mark.parametrize("at", ["", "yesterday", "2026-13-01T12:00:00+00:00", "2026-03-01T12:00:00", "2026-03-01"])
def test_a_line_without_a_moment_is_skipped(at: str) -> None:
    assert decode_usage(encode_usage(replace(loaded(2.0), at=at)) + encode_usage(loaded(3.0))) == (loaded(3.0),)


@pytest.mark.parametrize(
    ("record", "has_answer", "proves_connection"),
    [
        (answer("complete"), True, True),
        (answer("stopped", first_token_seconds=0.4), True, True),
        (answer("broken_off", prompt_tokens=3), True, True),
        (answer("stopped"), False, False),
        (answer("failed"), False, False),
        (answer(CONNECTED), False, True),
    ],
)
def test_what_proves_an_answer_and_a_connection(
    record: UsageRecord, *, has_answer: bool, proves_connection: bool
) -> None:
    assert record.has_answer is has_answer
    assert record.proves_connection is proves_connection
