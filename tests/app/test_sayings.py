"""Everything that is said to the person: one thing at a time, long enough to be read, and to be looked up later."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.running import Folders
from tests.hostile import HOSTILE_STRINGS
from tui.app.sayings import KEPT, SAID_SECONDS, Sayings
from tui.app.screens.said import Said
from tui.app.widgets.notice import fitting
from tui.cleaning import clean
from tui.failures import Failure

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
APP = Path(__file__).resolve().parents[2] / "tui" / "app"
REFUSED = Failure("cannot save the conversation", "the disk is full", "make room")


class Person:
    """Sayings on a clock that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.sayings = Sayings(now=lambda: NOW, clock=lambda: self.seconds)

    @property
    def words(self) -> str:
        shown = self.sayings.shown()
        return "" if shown is None else shown.words

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


def test_what_was_said_goes_when_its_time_is_over() -> None:
    person = Person()
    person.sayings.say("cleared")
    assert person.words == "cleared"
    assert person.sayings.changes_in_seconds() == pytest.approx(SAID_SECONDS)
    person.pass_by(SAID_SECONDS + 0.1)
    assert person.words == ""
    assert person.sayings.changes_in_seconds() is None


def test_a_trifle_takes_the_place_of_a_trifle() -> None:
    person = Person()
    person.sayings.say("cleared")
    person.sayings.say("it is back")
    assert person.words == "it is back"


def test_a_failure_is_not_overwritten_before_it_could_be_read() -> None:
    person = Person()
    person.sayings.say_failure(REFUSED)
    person.sayings.say("cleared")
    assert person.words == REFUSED.title
    person.pass_by(SAID_SECONDS - 1)
    assert person.words == "cleared"


def test_a_trifle_that_waited_too_long_is_only_in_the_log() -> None:
    person = Person()
    person.sayings.say("disk full " * 30, role="error", seconds=60)
    person.sayings.say("cleared", seconds=1)
    person.pass_by(20)
    assert person.words.startswith("disk full")
    assert [one.words for one in person.sayings.log][-1] == "cleared"


def test_failures_wait_for_each_other_and_say_how_many_are_left() -> None:
    person = Person()
    person.sayings.say_each(["one is wrong", "two is wrong", "three is wrong"])
    assert (person.words, person.sayings.waiting) == ("one is wrong", 2)
    seen = []
    for _ in range(3):
        seen.append(person.words)
        person.pass_by(SAID_SECONDS)
    assert seen == ["one is wrong", "two is wrong", "three is wrong"]
    person.pass_by(SAID_SECONDS * 2)
    assert person.words == ""


def test_what_cannot_wait_is_shown_at_once_and_gives_the_place_back() -> None:
    person = Person()
    person.sayings.say_failure(REFUSED)
    person.sayings.say("ctrl+c again quits", seconds=2, at_once=True)
    assert person.words == "ctrl+c again quits"
    person.pass_by(2.1)
    assert person.words == REFUSED.title


def test_what_has_no_end_stays_until_something_else_is_said() -> None:
    person = Person()
    person.sayings.say("no answer", role="warning", seconds=None)
    person.pass_by(10_000)
    assert person.words == "no answer"
    person.sayings.say("connected")
    assert person.words == "connected"


def test_what_is_no_longer_true_gives_way_at_once() -> None:
    person = Person()
    person.sayings.say("no answer", role="warning", seconds=None, about="connection")
    person.sayings.say("disk full", role="error")
    person.sayings.say("no answer", role="warning", seconds=None, about="connection")
    person.sayings.say("connected", about="connection")
    assert (person.words, person.sayings.waiting) == ("connected", 1)
    person.pass_by(SAID_SECONDS + 0.1)
    assert person.words == "disk full"


def test_the_reply_to_the_next_act_takes_the_place_of_the_one_before() -> None:
    person = Person()
    person.sayings.reply("there is no code 9 here", role="warning")
    person.sayings.reply("the conversation is copied")
    assert (person.words, person.sayings.waiting) == ("the conversation is copied", 0)
    person.pass_by(SAID_SECONDS + 0.1)
    assert person.words == ""


def test_a_reply_of_several_sentences_comes_whole_and_goes_whole() -> None:
    person = Person()
    person.sayings.say_failure(REFUSED)
    person.sayings.reply("copied", "xterm needs a setting", "it also lies in a file", role="warning")
    seen = [person.words]
    for _ in range(40):
        person.pass_by(0.5)
        seen.append(person.words)
    assert list(dict.fromkeys(seen)) == [
        "copied", "xterm needs a setting", "it also lies in a file", REFUSED.title, "",
    ]  # fmt: skip
    person.sayings.reply("copied", "xterm needs a setting", role="warning")
    person.sayings.reply("deleted")
    assert (person.words, person.sayings.waiting) == ("deleted", 0)


def test_a_reply_does_not_cost_the_news_that_it_hides() -> None:
    person = Person()
    person.sayings.say_failure(REFUSED)
    person.sayings.reply("copied")
    assert (person.words, person.sayings.waiting) == ("copied", 1)
    person.pass_by(SAID_SECONDS + 0.1)
    assert person.words == REFUSED.title


def test_news_that_is_over_is_not_told_any_more() -> None:
    person = Person()
    person.sayings.say("asking again in 0.7 s", seconds=60, about="retries")
    person.sayings.say("the disk is full", role="error")
    person.sayings.say("asking again in 2 s", role="warning", seconds=60, about="retries")
    person.sayings.over("retries")
    assert (person.words, person.sayings.waiting) == ("the disk is full", 0)
    person.pass_by(60)
    assert person.words == ""


def test_a_failure_can_be_copied_whole() -> None:
    person = Person()
    person.sayings.say_failure(REFUSED, details="line one\nline two")
    (kept,) = person.sayings.log
    assert kept.whole.split("\n")[1:] == [REFUSED.title, REFUSED.message, REFUSED.advice, "line one", "line two"]


def test_the_log_is_bounded_and_counts_what_repeats() -> None:
    person = Person()
    for _ in range(5):
        person.sayings.say("again", role="error")
    assert [(one.words, one.times) for one in person.sayings.log] == [("again", 5)]
    for number in range(3 * KEPT):
        person.sayings.say(f"number {number}", role="error")
    assert len(person.sayings.log) == KEPT
    assert person.sayings.log[-1].words == f"number {3 * KEPT - 1}"


@given(st.lists(st.tuples(st.sampled_from(["muted", "success", "warning", "error"]), st.integers(0, 8)), max_size=12))
def test_nothing_important_is_ever_skipped(said: list[tuple[str, int]]) -> None:
    person = Person()
    shown: list[str] = []
    for number, (role, seconds) in enumerate(said):
        person.sayings.say(f"{number}", role=role)
        shown.append(person.words)
        for _ in range(seconds):
            person.pass_by(1)
            shown.append(person.words)
    while person.words:
        person.pass_by(0.5)
        shown.append(person.words)
    important = [f"{number}" for number, (role, _) in enumerate(said) if role in ("warning", "error")]
    assert [one for one in dict.fromkeys(shown) if one in important] == important
    assert person.sayings.changes_in_seconds() is None


@pytest.mark.parametrize("words", HOSTILE_STRINGS)
def test_foreign_words_are_cleaned(words: str) -> None:
    person = Person()
    person.sayings.say_failure(Failure(words, words, words), details=words)
    (kept,) = person.sayings.log
    for text in (kept.words, kept.more, kept.details, kept.whole):
        assert clean(text) == text
    assert "\n" not in kept.words + kept.more


def calls(name: str) -> list[str]:
    """Where a method of this name is called in the screens' source, but not on what is another thing of that name."""
    found = []
    for path in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
                found += [f"{path.relative_to(APP)}: {ast.unparse(node.func.value)}"]
    return found


def test_nothing_is_said_past_the_one_place() -> None:
    conditions = {"terminal/writer.py: self._changed"}
    assert set(calls("notify")) <= conditions
    assert calls("notify"), "the search finds nothing at all"
    assert [one for one in calls("say") if not one.endswith((": self", "._sayings", "._chat", "self.chat"))] == []


async def test_what_was_said_is_looked_up_and_copied(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        chinwag.chat.say_failure(REFUSED)
        chinwag.chat.say("a trifle")
        await chinwag.shows(REFUSED.title)
        await chinwag.send("/said")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, Said), told="the log")
        await chinwag.shows("What was said", "a trifle", "the disk is full")
        rows = [row for row in chinwag.rows if "│" in row and ("a trifle" in row or "cannot save" in row)]
        assert "a trifle" in rows[0]
        await chinwag.type("disk")
        await chinwag.hides("a trifle")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.app.screen is chinwag.chat, told="the conversation")
        assert chinwag.app.clipboard.endswith("cannot save the conversation\nthe disk is full\nmake room")


async def test_what_has_no_room_says_where_it_is_read_on(folders: Folders) -> None:
    async with folders.start(size=(80, 24)) as chinwag:
        await chinwag.shows("Ask tour:8b")
        chinwag.chat.say("a file that is wrong: " + "and why " * 30 + "ends here", role="warning")
        await chinwag.shows("a file that is wrong", "/said")
        chinwag.chat.say("and another", role="warning")
        await chinwag.shows("and 1 more, /said")
        await chinwag.send("/said")
        await chinwag.shows("What was said")
        assert any("ends here" in one.words for one in chinwag.app.sayings.log)


async def test_textual_itself_says_it_in_the_same_place(folders: Folders) -> None:
    async with folders.start() as chinwag:
        chinwag.app.notify("cannot suspend here", severity="warning")
        await chinwag.shows("cannot suspend here")
        assert not chinwag.app._notifications


async def test_a_question_and_its_answer_are_in_the_log(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("/private")
        await chinwag.send("a secret")
        await chinwag.answered()
        await chinwag.press("ctrl+n")
        await chinwag.shows("gone for good")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("escape")
        await chinwag.until(lambda: "put aside" in str(chinwag.app.sayings.log), told="the answer in the log")
        assert any(
            one.words == "a private conversation" and "gone for good" in one.more for one in chinwag.app.sayings.log
        )


def test_a_cause_is_cut_before_it_goes_and_the_advice_stays() -> None:
    cause, advice = "line 3: temperature: it needs to be 0 to 5", "correct it"
    assert fitting([cause, advice], 80) == [cause, advice]
    assert fitting([cause, advice], 45) == ["line 3: temperature: it need…", advice]
    assert fitting([cause, advice], 20) == [advice]
    assert fitting([cause, "more", advice], 62) == [cause, advice]
    assert fitting([cause], 10) == [cause]
