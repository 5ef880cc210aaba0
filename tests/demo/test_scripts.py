"""What the scripted models say, and the text that is made for benchmarks."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.demo.rawhttp import ask, text_of, user
from tui.demo import DemoServer, Prompt, Turn
from tui.demo.catalogue import models_to_pull, standard_models
from tui.demo.generated import KINDS, MOST_TOKENS, generate, scripted_model
from tui.demo.minds import guide
from tui.demo.shapes import example_of
from tui.demo.texts import read_texts
from tui.demo.tokens import count_tokens, cut
from tui.demo.wire import parse_duration

TEXTS = read_texts()


def said_to(question: str, *earlier: str) -> str:
    turns = tuple(Turn(role="user", text=text) for text in (*earlier, question))
    answer = guide(TEXTS)(Prompt(turns=turns))
    assert isinstance(answer.text, str)
    return answer.text


@given(st.text(max_size=300))
def test_pieces_joined_are_the_text(text: str) -> None:
    pieces = list(cut(text))
    assert "".join(pieces) == text
    assert "" not in pieces
    assert count_tokens(text) == len(pieces)


def test_pieces_are_about_four_characters_with_the_space_in_front() -> None:
    text = TEXTS["long"]
    assert 3 < len(text) / count_tokens(text) < 5.5
    assert list(cut("the quick internationalization")) == [
        "the",
        " quick",
        " inte",
        "rnat",
        "iona",
        "liza",
        "tion",
    ]


@given(st.sampled_from(KINDS), st.integers(1, 2000), st.integers(0, 3))
def test_generated_text_has_exactly_the_asked_tokens_and_ends_marked(kind: str, tokens: int, seed: int) -> None:
    pieces = list(generate(kind, tokens, seed))
    assert len(pieces) == tokens
    assert pieces[-1] == " ENDMARK"
    assert pieces == list(generate(kind, tokens, seed))


@pytest.mark.parametrize("kind", ["prose", "code", "table", "list", "mixed", "para"])
def test_seed_changes_the_text(kind: str) -> None:
    assert list(generate(kind, 500, 1)) != list(generate(kind, 500, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_generated_code_is_closed_before_the_end(kind: str) -> None:
    assert "".join(generate(kind, 3000)).count("```") % 2 == 0


@pytest.mark.parametrize(
    "name", ["script-poem-10-10", "script-prose-0-10", f"script-prose-{MOST_TOKENS + 1}-0", "tour"]
)
def test_other_names_are_no_scripts(name: str) -> None:
    assert scripted_model(name) is None


async def test_script_models_are_there_only_when_asked_for(server: DemoServer) -> None:
    body = {"model": "script-count-50-0", "messages": user("x"), "options": {"seed": 3}}
    assert text_of((await ask(server, "POST", "/api/chat", body)).lines).endswith("ENDMARK")
    listed = (await ask(server, "GET", "/api/tags")).json["models"]
    assert not any(model["name"].startswith("script-") for model in listed)
    async with DemoServer(speed=0) as plain:
        assert (await ask(plain, "POST", "/api/chat", body)).status == 404


def test_hostile_text_holds_what_must_never_reach_a_terminal() -> None:
    text = "".join(generate("hostile", 3000))
    for danger in ("\x1b]52;", "\x9b", "\u202e", "\U000e0041", "[/]", "[@click=app.quit]", "\u0085", "\x00"):
        assert danger in text


@pytest.mark.parametrize("text", [TEXTS["hello"], said_to("zzz")], ids=["hello", "reflection"])
def test_every_word_that_is_offered_is_understood(text: str) -> None:
    offered = [
        word for line in text.splitlines() if line.startswith("- ") for word in re.findall(r"\*\*(\w+)\*\*", line)
    ]
    assert len(offered) > 5
    answers = {word: said_to(word) for word in offered}
    assert not any("That is as far as my understanding goes" in answer for answer in answers.values())
    assert len(set(answers.values())) == len(answers)


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("Hello there", "hello"),
        ("What is the table of contents?", "table"),
        ("Write a Python function that sorts", "code"),
        ("help", "keys"),
        ("Explain how a B-tree splits a full node.\nKeep it short.", "btree"),
        ("And when the parent is full too?", "btree-parent"),
        ("Tell me something long", "long"),
        ("How do I get a real model?", "ollama"),
        ("What can you do?", "tour"),
    ],
)
def test_subject_is_recognised(question: str, subject: str) -> None:
    assert said_to(question) == TEXTS[subject]


def test_other_questions_are_measured_and_the_answer_is_honest() -> None:
    text = said_to("Is the unfathomable near?", "first", "second")
    assert "4 words and 25 characters" in text
    assert "*unfathomable*" in text
    assert "2 other things" in text
    assert "scripted" in text
    assert "There was nothing in it" in said_to("…")


def test_long_pasted_text_is_not_mistaken_for_a_wish() -> None:
    assert "understanding goes" in said_to("code table long " * 50)


def test_every_text_is_said_by_somebody() -> None:
    wishes = ("hello", "tour", "help", "code", "table", "list", "maths", "long", "models", "ollama", "b-tree")
    said = {said_to(wish) for wish in (*wishes, "is the parent full")}
    for model in (*standard_models(TEXTS), *models_to_pull(TEXTS)):
        if model.script is not None:
            answer = model.script(Prompt(turns=(Turn(role="user", text="x"),), think=True))
            said |= {str(answer.text), answer.thinking}
    assert set(TEXTS.values()) <= said


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_texts_are_clean_and_quiet(name: str) -> None:
    text = TEXTS[name]
    assert text.count("```") % 2 == 0
    assert not re.search(r"[a-z]!(\s|$)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    assert all(character.isprintable() or character == "\n" for character in text)


def test_models_that_the_text_names_are_installed() -> None:
    named = set(re.findall(r"`(\w+:[\w-]+)`", TEXTS["models"]))
    assert named == {model.name for model in standard_models(TEXTS)}


@given(
    st.recursive(
        st.none() | st.text(max_size=6),
        lambda s: (
            st.lists(s, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "properties", "items", "enum", "anyOf", "x"]), s, max_size=4)
        ),
        max_leaves=10,
    )
)
def test_any_schema_has_an_example(schema: object) -> None:
    example_of(schema)


def test_example_fits_its_schema() -> None:
    schema: Mapping[str, object] = {
        "type": "object",
        "properties": {
            "unit": {"enum": ["celsius", "kelvin"]},
            "days": {"type": ["null", "integer"]},
            "near": {"type": "array", "items": {"type": "object", "properties": {"ok": {"type": "boolean"}}}},
        },
    }
    assert example_of(schema) == {"unit": "celsius", "days": 1, "near": [{"ok": True}]}


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300), ("1h30m", 5400), ("0", 0), ("250ms", 0.25), (".5s", 0.5)])
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["300", "-1", "", "5x", "m", "5m3", "5 m"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^time: "):
        parse_duration(text)
