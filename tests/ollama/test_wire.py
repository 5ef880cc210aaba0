from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine import FinalCounts, Model, ModelDetails, RunningModel
from tui.ollama import wire

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MODEL_KEYS = ["name", "model", "size", "digest", "details", "modified_at", "expires_at", "size_vram", "context_length"]
SHOW_KEYS = ["details", "model_info", "capabilities", "parameters", "license", "system", "template", "remote_host"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T10:35:50.550439939Z", datetime(2026, 11, 21, 10, 35, 50, 550439, tzinfo=UTC)),
        ("2026-11-21T10:35:50Z", datetime(2026, 11, 21, 10, 35, 50, tzinfo=UTC)),
        ("2026-11-21T10:35:50.5Z", datetime(2026, 11, 21, 10, 35, 50, 500000, tzinfo=UTC)),
        (
            "2026-11-21T10:35:50.123456789-05:30",
            datetime(2026, 11, 21, 10, 35, 50, 123456, tzinfo=timezone(-timedelta(hours=5, minutes=30))),
        ),
        ("2318-03-03T10:19:59.431774489+01:00", datetime(2318, 3, 3, 9, 19, 59, 431774, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("2026-13-21T10:35:50Z", None),
        ("2026-11-21T10:35:50+99:99", None),
        ("yesterday", None),
        ("", None),
        ("２０２６-11-21T10:35:50Z", None),
    ],
)
def test_a_timestamp_is_read_whatever_its_digits_and_offset(text: str, moment: datetime | None) -> None:
    assert wire.timestamp(text) == moment


def test_the_year_one_is_no_moment() -> None:
    fields = wire.Fields({"modified_at": "0001-01-01T00:00:00Z"}, wire.Misfits())
    assert fields.moment("modified_at") is None


def test_one_wrong_type_does_not_cost_the_model() -> None:
    misfits = wire.Misfits()
    model = wire.model(
        {"name": "qwen3:8b", "size": "huge", "details": {"family": 3, "parameter_size": "8.2B"}, "digest": None},
        misfits,
    )
    assert model == Model(name="qwen3:8b", parameter_size="8.2B")
    assert misfits.count == 2


def test_numbers_are_clamped() -> None:
    misfits = wire.Misfits()
    fields = wire.Fields({"a": -5, "b": 2**64, "c": 1e300, "d": 4096.0, "e": 2.5, "f": True, "g": None}, misfits)
    assert [fields.number(key) for key in "abcdefgh"] == [0, 2**63 - 1, 2**63 - 1, 4096, 2, None, None, None]
    assert misfits.count == 5


def test_counts_are_seconds_and_what_is_missing_is_unknown() -> None:
    counts = wire.final_counts(wire.Fields({"eval_count": 10, "eval_duration": 2_500_000_000}, wire.Misfits()))
    assert counts == FinalCounts(answer_tokens=10, answer_seconds=2.5)
    assert counts.tokens_per_second == 4.0


def test_parameters_are_read_from_their_columns() -> None:
    text = (
        'stop                           "<end_of_turn>"\n'
        "temperature                    0.7\n"
        'stop                           "\\n\\"\\x41\\u00e9\\U0001F600"\n'
        "num_ctx                        4096\n"
        'broken                         "half\n\n'
    )
    assert wire.parameters(text) == (
        ("broken", '"half'),
        ("num_ctx", "4096"),
        ("stop", "<end_of_turn>"),
        ("stop", '\n"Aé😀'),
        ("temperature", "0.7"),
    )


def test_the_context_is_found_without_an_architecture_too() -> None:
    details = wire.model_details("m", {"model_info": {"x.context_length": 8192}}, wire.Misfits())
    assert details.trained_context_tokens == 8192
    assert details.capabilities is None


def test_a_tool_call_without_a_name_is_none() -> None:
    misfits = wire.Misfits()
    message = wire.Fields(
        {"tool_calls": [{"function": {"name": "f", "arguments": "x"}}, {"function": {}}, 3, {"id": "a"}]}, misfits
    )
    (call,) = wire.tool_calls(message, misfits)
    assert (call.name, call.arguments, call.id) == ("f", {}, "")
    assert misfits.count >= 4


@given(st.dictionaries(st.sampled_from(MODEL_KEYS), ANYTHING) | ANYTHING)
def test_any_model_is_read_or_left_out(value: Any) -> None:
    misfits = wire.Misfits()
    model, running = wire.model(value, misfits), wire.running_model(value, misfits)
    assert model is None or (isinstance(model, Model) and model.name)
    assert running is None or (isinstance(running, RunningModel) and running.name)


@given(st.dictionaries(st.sampled_from(SHOW_KEYS), ANYTHING) | ANYTHING)
def test_any_details_are_read(value: Any) -> None:
    assert isinstance(wire.model_details("m", value, wire.Misfits()), ModelDetails)
