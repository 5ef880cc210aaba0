from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.app.widgets.prompt_history import PromptHistory


def history(*entries: str) -> PromptHistory:
    return PromptHistory().with_entries(entries)


def earlier(history: PromptHistory, shown: str) -> PromptHistory:
    moved = history.earlier(shown)
    assert moved is not None
    return moved


def later(history: PromptHistory, shown: str) -> PromptHistory:
    moved = history.later(shown)
    assert moved is not None
    return moved


def test_up_and_down_walk_the_prompts_and_come_back_to_the_unsent_text() -> None:
    at = earlier(history("one", "two"), "half a th")
    assert at.shown == "two"
    at = earlier(at, "two")
    assert at.shown == "one"
    assert at.earlier("one") is None
    at = later(later(at, "one"), "two")
    assert at.shown == "half a th"
    assert at.later("half a th") is None


def test_changed_entry_keeps_its_change_while_others_are_looked_at() -> None:
    at = earlier(history("one", "two"), "")
    at = earlier(at, "two, changed")
    at = later(at, "one")
    assert at.shown == "two, changed"
    assert at.entries == ("one", "two")


def test_entry_changed_back_is_not_a_change() -> None:
    at = earlier(earlier(history("one", "two"), ""), "two!")
    at = earlier(later(at, "one"), "two")
    assert at.changed == ()


def test_sending_an_earlier_prompt_keeps_the_unsent_text() -> None:
    at = earlier(history("one"), "half a thought").sent("one")
    assert at.entries == ("one", "half a thought", "one")
    assert at.shown == ""


def test_changed_entry_that_was_left_becomes_an_entry_when_another_is_sent() -> None:
    at = earlier(earlier(history("one", "two"), ""), "two changed").sent("one")
    assert at.entries == ("one", "two", "two changed", "one")


def test_same_prompt_twice_in_a_row_is_one_entry() -> None:
    assert history("one").sent("one").entries == ("one",)


def test_cleared_prompt_survives_other_entries_and_a_sent_one_does_not() -> None:
    at = history("one").cleared("never sent").sent("two").with_entries(("a", "b"))
    assert at.entries == ("a", "b", "never sent")


def test_cleared_prompt_that_was_sent_later_is_listed_once() -> None:
    at = history().cleared("hello").with_entries(("hello", "more"))
    assert at.entries == ("hello", "more")
    assert at.with_entries(("x",)).entries == ("x",)


def test_blank_prompt_leaves_no_entry() -> None:
    assert history("one").cleared(" \n").entries == ("one",)


def test_no_entries_no_way_back() -> None:
    assert history().earlier("text") is None
    assert history().later("text") is None


steps = st.lists(
    st.tuples(st.sampled_from(["type", "earlier", "later", "sent", "cleared", "other"]), st.text("ab", min_size=1))
)


@given(steps)
def test_nothing_typed_and_left_is_ever_lost(steps: list[tuple[str, str]]) -> None:
    at = history("x")
    shown = ""
    left: set[str] = set()
    for what, text in steps:
        match what:
            case "type":
                # Typing on is no loss: the longer text stands where the shorter one stood.
                left.discard(shown)
                shown += text
            case "earlier" | "later":
                moved = at.earlier(shown) if what == "earlier" else at.later(shown)
                if moved is not None:
                    left |= {shown} - set(at.entries)
                    at, shown = moved, moved.shown
            case "sent":
                left.discard(shown)
                at, shown = at.sent(shown), ""
            case "cleared":
                left |= {shown} - set(at.entries)
                at, shown = at.cleared(shown), ""
            case "other":
                left -= {*at.entries} - {*at.kept}
                at = at.with_entries(("y",))
        reachable = {shown, *at.entries, *(text for _, text in at.changed)}
        assert left - {""} <= reachable
