"""What the settings say about answers, as it is asked of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.settings.test_schema import a_value_for
from tui.chat.generation import AS_THE_MODEL_IS_MADE, Generation, generation_of
from tui.chat.request import build_request
from tui.conversations.values import Conversation
from tui.ollama.request_body import chat_body
from tui.settings.schema import SETTINGS, Value
from tui.settings.values import settings_of

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GENERATION = [setting for setting in SETTINGS if setting.group == "generation"]


def said(values: Mapping[str, Value] | None = None, *, can_think: bool | None = None, **more: Value) -> Generation:
    named = {f"generation.{key}": value for key, value in {**(values or {}), **more}.items()}
    return generation_of(settings_of(named).generation, can_think=can_think)


def test_what_is_not_set_is_left_to_the_model() -> None:
    assert said() == AS_THE_MODEL_IS_MADE
    assert (said().options, said().think, said().keep_alive) == ({}, None, None)


def test_nought_is_a_value() -> None:
    zeros = said(temperature=0.0, seed=0, top_k=0, top_p=0.0, min_p=0.0, repeat_penalty=0.0)
    assert zeros.options == {
        "temperature": 0,
        "seed": 0,
        "top_k": 0,
        "top_p": 0,
        "min_p": 0,
        "repeat_penalty": 0,
    }


def test_options_have_the_names_that_the_server_knows() -> None:
    asked = said(context_tokens=8192, answer_tokens=-1, stop=("###",), keep_alive="30m")
    assert asked.options == {"num_ctx": 8192, "num_predict": -1, "stop": ["###"]}
    assert asked.keep_alive == "30m"


@pytest.mark.parametrize(
    ("thinking", "think"), [("auto", None), ("on", True), ("off", False), ("low", "low"), ("high", "high")]
)
def test_thinking_is_asked_of_a_model_that_can_or_may(thinking: str, think: bool | str | None) -> None:
    assert said(thinking=thinking).think == think
    assert said(thinking=thinking, can_think=True).think == think
    assert said(thinking=thinking, can_think=False).think is None


@given(st.data())
def test_whatever_is_set_goes_into_the_body_and_nothing_else(data: st.DataObject) -> None:
    values = {one.key: data.draw(a_value_for(one)) for one in data.draw(st.sets(st.sampled_from(GENERATION)))}
    conversation = Conversation(id="0" * 26, created_at=START, updated_at=START)
    request = build_request(conversation, model="qwen3:8b", generation=said(values))
    body = chat_body(request)
    options = body.get("options", {})
    set_values = {key: value for key, value in values.items() if value not in ("", ())}
    assert len(options) == len(set_values.keys() - {"thinking", "keep_alive"})
    assert ("keep_alive" in body) == ("keep_alive" in set_values)
    assert ("think" in body) == (values.get("thinking", "auto") != "auto")
