"""What goes into a request: the best first, within the budget, and fenced."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tui.documents.finding import FindLimits, choose, estimated_tokens, extra_context
from tui.documents.values import FoundPassage, Passage, Unit


def found(text: str, *, score: float = 0.9, name: str = "a.md", first: int = 1) -> FoundPassage:
    passage = Passage(text=text, first=first, last=first + text.count("\n"), heading="")
    return FoundPassage(
        source=Path("/home/someone/notes") / name, title=name, passage=passage, unit=Unit.line, score=score
    )


def test_no_more_than_wanted_and_none_below_the_threshold() -> None:
    ranked = [found(f"text {number}", score=1 - number / 10, first=number + 1) for number in range(8)]
    taken, _, _ = choose(ranked, FindLimits(top_k=3, threshold=0))
    assert [one.passage.text for one in taken] == ["text 0", "text 1", "text 2"]
    taken, _, left_out = choose(ranked, FindLimits(top_k=8, threshold=0.75))
    assert (len(taken), left_out) == (3, 0)


def test_what_does_not_fit_is_counted_and_makes_room_for_what_does() -> None:
    ranked = [found("large " * 1000), found("small", score=0.8)]
    taken, tokens, left_out = choose(ranked, FindLimits(budget_tokens=200))
    assert [one.passage.text for one in taken] == ["small"]
    assert 0 < tokens <= 200
    assert left_out == 1


def test_what_says_nothing_more_is_passed_over() -> None:
    taken, _, left_out = choose([found("one\ntwo\nthree"), found("two", first=2)], FindLimits())
    assert (len(taken), left_out) == (1, 0)
    taken, _, _ = choose([found("same words"), found("same words", name="b.md")], FindLimits())
    assert len(taken) == 2


def test_nothing_found_adds_nothing() -> None:
    assert extra_context(()) == ""


@given(st.text(alphabet="`ab\n[]", max_size=80))
def test_no_passage_ends_its_own_fence(text: str) -> None:
    block = extra_context([found(text)]).split("\n\nSources:\n")[0]
    fence = block.rsplit("\n", 1)[1]
    assert set(fence) == {"`"}
    assert len(fence) >= 3
    assert fence not in text
    assert block.endswith(f"\n{fence}\n{text}\n{fence}")


def test_the_context_names_its_sources_but_not_the_whole_disk() -> None:
    said = extra_context([found("words", name="x\x1b[31m.md")])
    assert "[1] someone/notes/x␛[31m.md, line 1" in said
    assert "/home" not in said


@given(st.text(max_size=50))
def test_an_estimate_is_never_below_zero_and_grows(text: str) -> None:
    assert 0 <= estimated_tokens(text) <= estimated_tokens(text + "more")
