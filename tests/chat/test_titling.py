"""A title by the model: what it is asked, and what is made of what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.scripted_engine import ScriptedEngine
from tui.chat.fitting import Plan
from tui.chat.generation import Generation
from tui.chat.titling import MESSAGE_CHARACTERS, MOST_TOKENS, ask_for_title, title_from_answer, title_request
from tui.cleaning import cell_width, clean_line
from tui.conversations.edits import new_conversation, with_message
from tui.conversations.values import Conversation, Message, Role
from tui.engine import EngineError

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def talk(*texts: str) -> Conversation:
    conversation = new_conversation("a" * 12, now=NOW, model="m:8b")
    for number, text in enumerate(texts):
        role = Role.assistant if number % 2 else Role.user
        conversation = with_message(conversation, Message(id=f"{number}", role=role, text=text, at=NOW), now=NOW)
    return conversation


def plan(options: Mapping[str, Any]) -> Plan:
    return Plan(generation=Generation(options=MappingProxyType(options), keep_alive="5m"))


def test_the_request_is_short_bounded_and_loads_nothing_anew() -> None:
    conversation = talk("what is a tree?", "x" * 90_000, "go on", "middle " * 900, "and a forest?")
    request = title_request(
        conversation, model="m:8b", plan=plan({"num_ctx": 8192, "top_p": 0.1, "num_predict": 9000}), thinks=True
    )
    assert request.options["num_ctx"] == 8192
    assert "top_p" not in request.options
    assert request.think is False
    assert request.keep_alive == "5m"
    [message] = request.messages
    assert "what is a tree?" in message.text
    assert "and a forest?" in message.text
    assert len(message.text) < 6 * MESSAGE_CHARACTERS
    assert title_request(conversation, model="m", plan=plan({}), thinks=False).options["num_predict"] == MOST_TOKENS


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("How trees grow", "How trees grow"),
        ('"How trees grow."', "How trees grow"),
        ("Title: How trees grow\n\nI chose it because …", "How trees grow"),
        ("**Title:** How trees grow", "How trees grow"),
        ("# How trees grow", "How trees grow"),
        ("Here is a title for it:\n\n“How trees grow”", "How trees grow"),
        ("<think>they want a title</think>\nHow trees grow", "How trees grow"),
        ("<think>and never comes back", ""),
        ("Wie Bäume wachsen", "Wie Bäume wachsen"),
        ("", ""),
        ("...\n---", ""),
        ("How \x1b[31mtrees\x07 grow", clean_line("How \x1b[31mtrees\x07 grow")),
    ],
)
def test_of_an_answer_the_title_is_taken(said: str, title: str) -> None:
    assert title_from_answer(said) == title


@given(st.text(max_size=300))
def test_whatever_is_said_a_title_is_one_clean_line_of_at_most_sixty_cells(said: str) -> None:
    title = title_from_answer(said)
    assert "\n" not in title
    assert title == clean_line(title)
    assert cell_width(title) <= 60


async def test_the_title_is_what_was_said_once_all_of_it_came() -> None:
    engine = ScriptedEngine()
    asked = asyncio.create_task(
        ask_for_title(engine, title_request(talk("hi"), model="m", plan=plan({}), thinks=False))
    )
    call = await engine.next_call()
    call.think("which title")
    call.say("A short ")
    call.say("greeting.")
    call.finish()
    assert await asked == "A short greeting"


async def test_a_model_that_says_nothing_is_named() -> None:
    engine = ScriptedEngine()
    asked = asyncio.create_task(
        ask_for_title(engine, title_request(talk("hi"), model="m", plan=plan({}), thinks=False))
    )
    call = await engine.next_call()
    call.finish()
    with pytest.raises(EngineError, match="no title"):
        await asked
