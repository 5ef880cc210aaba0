from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from tui.conversations.titles import OPENING_CHARACTERS, TITLE_CELLS, summary_of, title_from_prompt
from tui.conversations.values import Conversation, Message, Role

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("Why is the sky blue?", "Why is the sky blue?"),
        ("\n\n   \n# A heading #\ntext", "A heading"),
        ("> quoted *words* of **others**", "quoted words of others"),
        ("- [ ] buy ~~milk~~ bread", "buy milk bread"),
        ("1. first\n2. second", "first"),
        ("what does `git rebase -i` do?", "what does git rebase -i do?"),
        ("read [this page](https://example.org/a?b=c) for me", "read this page for me"),
        ("![a cat](cat.png) what is it?", "a cat what is it?"),
        ("```python\nprint(1)\n```\nexplain", "print(1)"),
        ("```\n**kwargs\n```", "**kwargs"),
        ("---\n***\n| --- | --- |\nreal words", "real words"),
        ("__init__ and snake_case_name", "__init__ and snake_case_name"),
        ("2 * 3 * 4 = ?", "2 * 3 * 4 = ?"),
        ("a*b*c", "a*b*c"),
        ("#hashtag life", "#hashtag life"),
        ("C# or F#?", "C# or F#?"),
        ("-5 degrees", "-5 degrees"),
        ("why\tso   many\u2003spaces", "why so many spaces"),
        ("🙂", "🙂"),
        ("?", "?"),
        ("###", "###"),
        ("你好世界", "你好世界"),
        ("line one\r\nline two", "line one"),
        (" \n\t ", "untitled"),
        ("\u200b", "untitled"),
        ("", ""),
    ],
)
def test_title_is_the_first_line_that_says_something(prompt: str, title: str) -> None:
    assert title_from_prompt(prompt) == title


def test_long_line_is_cut_at_a_word() -> None:
    title = title_from_prompt("please explain to me in simple words how a transformer model computes attention")
    assert title == "please explain to me in simple words how a transformer…"


def test_line_that_just_fits_is_not_cut() -> None:
    assert title_from_prompt("a" * TITLE_CELLS) == "a" * TITLE_CELLS
    assert title_from_prompt("a" * (TITLE_CELLS + 1)) == "a" * (TITLE_CELLS - 1) + "…"


def test_wide_characters_count_twice() -> None:
    assert title_from_prompt("好" * 40) == "好" * 29 + "…"


def test_cut_never_leaves_half_a_family() -> None:
    family = "👨\u200d👩\u200d👧"
    assert title_from_prompt("x" * 55 + family * 3).count("\u200d…") == 0


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_prompt_but_an_empty_one_has_a_title_on_one_line(prompt: str) -> None:
    title = title_from_prompt(prompt)
    assert bool(title) == bool(prompt)
    assert title == " ".join(title.split())
    assert wcswidth("".join(character for character in title if character.isprintable())) <= TITLE_CELLS


@given(st.text('*_`~[]()!#>-+|1. "ab\n', max_size=400))
def test_any_mess_of_marks_has_a_title(prompt: str) -> None:
    assert bool(title_from_prompt(prompt)) == bool(prompt)


@pytest.mark.parametrize("piece", ["*", "`", "[", "[a](", "~~a", " ", "#\n", "1. ", "\n", "a "])
def test_ten_megabytes_are_as_quick_as_a_line(piece: str) -> None:
    assert title_from_prompt(piece * (10_000_000 // len(piece)))


def test_summary_has_what_a_list_shows() -> None:
    talk = Conversation(
        id="0" * 26,
        created_at=NOON,
        updated_at=NOON,
        title="sky",
        model="qwen3:8b",
        messages=(
            Message(id="s", role=Role.system, text="be brief", at=NOON),
            Message(id="a", role=Role.user, text="why\n\n    is " + "the sky " * 100, at=NOON),
        ),
    )
    summary = summary_of(talk)
    assert (summary.id, summary.title, summary.model, summary.message_count) == ("0" * 26, "sky", "qwen3:8b", 2)
    assert summary.opening.startswith("why is the sky the sky")
    assert len(summary.opening) == OPENING_CHARACTERS


def test_summary_of_nothing_said_is_empty() -> None:
    summary = summary_of(Conversation(id="0" * 26, created_at=NOON, updated_at=NOON))
    assert (summary.title, summary.opening, summary.message_count) == ("", "", 0)
