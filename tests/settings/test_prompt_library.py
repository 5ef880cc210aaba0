"""Prompts of one's own, with fields."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tui.settings.prompt_library import LibraryPrompt, load_prompts


def test_a_prompt_is_called_by_the_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "translate.md").write_text("# Into another language\n\nTranslate into {{language}}:\n\n{{ text }}\n")
    prompt = load_prompts(tmp_path).prompts["translate"]
    assert prompt.about == "Into another language"
    assert prompt.fields == ("language", "text")
    assert prompt.filled({"language": "Welsh", "text": "hello"}).endswith("Translate into Welsh:\n\nhello")


def test_what_is_filled_in_is_not_read_as_a_field() -> None:
    prompt = LibraryPrompt(name="p", text="{{a}} and {{b}}")
    assert prompt.filled({"a": "{{b}}", "b": "x"}) == "{{b}} and x"


def test_a_broken_prompt_is_told_and_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "My Prompt.md").write_text("x")
    (tmp_path / "many.md").write_text(" ".join(f"{{{{f{number}}}}}" for number in range(9)))
    (tmp_path / "good.md").write_text("hello")
    found = load_prompts(tmp_path)
    assert [*found.prompts] == ["good"]
    assert len(found.faults) == 4


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert not load_prompts(tmp_path / "none").prompts
    assert not load_prompts(tmp_path / "none").faults


def test_what_a_terminal_would_obey_is_cleaned(tmp_path: Path) -> None:
    (tmp_path / "evil.md").write_text("a\x1b[31mb")
    assert "\x1b" not in load_prompts(tmp_path).prompts["evil"].text


@given(st.text())
def test_a_prompt_without_values_stays_as_it_is(text: str) -> None:
    assert LibraryPrompt(name="p", text=text).filled({}) == text
