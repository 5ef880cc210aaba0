"""Document and journal together are the conversation, wherever the one ends and the other begins."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.events import EMPTY, ID, answer, any_history, at, prompt, slowly, turn
from tui.conversations.values import Branch, MessageState
from tui.storage.documents import encode, read_document
from tui.storage.journal import scan
from tui.storage.records import (
    Began,
    BranchedOff,
    ChangedTitle,
    Event,
    GrownAnswer,
    InsertedMessage,
    KeptPrompt,
    Record,
    RemovedBranch,
    ReplacedMessage,
    RestoredBranches,
    SteppedTo,
    UnknownKind,
    encode_line,
)
from tui.storage.replay import ConversationBuilder, replay, units_of


def _journal(events: list[Event], *, after: int = 0) -> bytes:
    """As the log writes it, growth with the length before it."""
    builder = ConversationBuilder(EMPTY)
    lines = [encode_line(after, Began.of(slowly(EMPTY, events[:after])))]
    for number, event in enumerate(events, start=1):
        if isinstance(event, GrownAnswer):
            event = replace(event, after=builder.length_of(event.message_id))  # noqa: PLW2901
        builder.apply(event)
        if number > after:
            lines.append(encode_line(number, event))
    return b"".join(lines)


@settings(max_examples=40)
@given(any_history(), st.data())
def test_document_of_any_moment_and_the_journal_give_the_whole(history: list[Event], data: st.DataObject) -> None:
    moment = data.draw(st.integers(min_value=0, max_value=len(history)))
    start = data.draw(st.integers(min_value=0, max_value=moment))
    document = read_document(
        encode(slowly(EMPTY, history[:moment]), format="json", sequence=moment), name="x", conversation_id=ID
    )
    # The journal begins where an older document ended: what this one holds stands in it once more.
    found = replay(ID, document.conversation, document.sequence, scan(_journal(history, after=start)))
    assert found.conversation == slowly(EMPTY, history)
    assert found.sequence == len(history)
    assert found.replayed_records == len(history) - moment
    assert not found.damage


@settings(max_examples=40)
@given(any_history(max_events=12))
def test_building_can_be_looked_at_at_any_time(history: list[Event]) -> None:
    builder = ConversationBuilder(EMPTY)
    for number, event in enumerate(history, start=1):
        assert builder.refusal(event) == ""
        builder.apply(event)
        assert builder.build() == slowly(EMPTY, history[:number])


def test_conversation_without_a_document_begins_as_its_journal_says() -> None:
    found = replay(ID, None, 0, scan(_journal(turn(1))))
    assert found.conversation == slowly(EMPTY, turn(1))
    assert found.conversation.model == "qwen3:8b"


def test_conversation_without_its_first_record_still_has_all_that_was_said() -> None:
    lines = _journal(turn(1)).splitlines(keepends=True)
    found = replay(ID, None, 0, scan(b"".join(lines[1:])))
    assert found.conversation.messages == slowly(EMPTY, turn(1)).messages
    assert found.conversation.title == "why?"


def test_any_lost_record_is_counted_and_the_rest_is_there() -> None:
    events = [*turn(1), *turn(2)]
    lines = _journal(events).splitlines(keepends=True)
    whole = slowly(EMPTY, events)
    for lost in range(1, len(lines)):
        found = replay(ID, None, 0, scan(b"".join(lines[:lost] + lines[lost + 1 :])))
        is_last = lost == len(lines) - 1
        assert found.damage.missing_records == (0 if is_last else 1)
        there = {message.id: message.text for message in found.conversation.messages}
        for message in whole.messages:
            # Whole answers are written once more at their end; prompts are not.
            expected = None if {1: "p1", 8: "p2"}.get(lost) == message.id else message.text
            assert there.get(message.id) == expected


def test_answer_with_a_hole_is_named() -> None:
    events = turn(1)[:-1]
    lines = _journal(events).splitlines(keepends=True)
    found = replay(ID, None, 0, scan(b"".join(lines[:5] + lines[6:])))
    assert found.conversation.messages[-1].text == "be" + "of\nit\u2028é🙂"
    assert found.damage.incomplete_messages == ("a1",)
    assert "1 message lacks a part" in found.damage.as_failure().message


def test_answer_whose_beginning_is_lost_keeps_what_came() -> None:
    events = turn(1)[:-1]
    lines = _journal(events).splitlines(keepends=True)
    found = replay(ID, None, 0, scan(b"".join(lines[:3] + lines[4:])))
    last = found.conversation.messages[-1]
    assert (last.id, last.text, last.state) == ("a1", "because of\nit\u2028é🙂", MessageState.answering)
    assert found.damage.incomplete_messages == ("a1",)


def test_records_that_stand_twice_count_once() -> None:
    lines = _journal(turn(1)).splitlines(keepends=True)
    doubled = b"".join(line + line for line in lines)
    found = replay(ID, None, 0, scan(doubled))
    assert found.conversation == slowly(EMPTY, turn(1))
    assert not found.damage


def test_journal_of_two_writers_keeps_what_both_said() -> None:
    here = _journal([prompt(1, "here")])
    there = encode_line(1, prompt(1, "there")) + encode_line(2, prompt(2, "again"))
    found = replay(ID, None, 0, scan(here + there))
    assert [(one.id, one.text) for one in found.conversation.messages] == [
        ("p1", "here"),
        ("p1-2", "there"),
        ("p2", "again"),
    ]


def test_document_that_is_older_than_its_journal_is_told() -> None:
    events = turn(1)
    old = slowly(EMPTY, events[:2])
    found = replay(ID, old, 2, scan(_journal([*events, ChangedTitle(title="new", at=at(9))], after=len(events))))
    assert found.damage.missing_records == len(events) - 2
    assert found.conversation.title == "new"
    assert found.conversation.messages == old.messages


def test_unknown_kind_is_skipped_and_said() -> None:
    found = scan(_journal(turn(1)))
    later = Record(sequence=99, value=UnknownKind(kind="hologram"))
    replayed = replay(ID, None, 0, replace(found, records=(*found.records, later)))
    assert replayed.has_unknown_kinds
    assert replayed.conversation == slowly(EMPTY, turn(1))


@pytest.mark.parametrize("text", ["", "abc", "é", "🙂", "\ud83d\ude42", "\ud83d", "a\ud83d🙂\ude42"])
def test_length_stays_when_halves_of_a_character_meet(text: str) -> None:
    again = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert units_of(text) == units_of(again)


def test_growth_costs_the_same_at_any_length() -> None:
    builder = ConversationBuilder(slowly(EMPTY, turn(1)[:3]))
    for number in range(20_000):
        builder.apply(GrownAnswer(message_id="a1", text="word ", after=5 * number))
    assert builder.build().messages[-1].text == "word " * 20_000
    assert not builder.incomplete


@settings(max_examples=40)
@given(any_history(), st.data())
def test_journal_cut_off_anywhere_gives_what_there_was_until_then(history: list[Event], data: st.DataObject) -> None:
    journal = _journal(history)
    cut = data.draw(st.integers(min_value=0, max_value=len(journal)))
    found = replay(ID, None, 0, scan(journal[:cut]))
    if journal[:cut].count(b"\n"):
        assert found.conversation == slowly(EMPTY, history[: found.sequence])
    assert found.sequence in range(max(0, journal[:cut].count(b"\n") - 1), len(history) + 1)


def test_versions_come_back_from_the_journal_alone() -> None:
    events = [
        *turn(1),
        BranchedOff(message_id="a1", at=at(20)),
        *answer(2, ["other"]),
        SteppedTo(message_id="a1", at=at(30)),
    ]
    found = replay(ID, None, 0, scan(_journal(events)))
    assert [one.id for one in found.conversation.messages] == ["p1", "a1"]
    (branch,) = found.conversation.branches
    assert (branch.after, [one.text for one in branch.messages]) == ("p1", ["other"])
    assert not found.has_unknown_kinds


def test_journal_whose_document_is_lost_keeps_what_it_can_of_versions() -> None:
    before = [*turn(1), BranchedOff(message_id="a1", at=at(20)), *answer(2, ["other"])]
    events = [*before, SteppedTo(message_id="a1", at=at(30)), *turn(3)]
    found = replay(ID, None, 0, scan(_journal(events, after=len(before))))
    # What was stepped to went with the document; what was said after it did not.
    assert [one.id for one in found.conversation.messages] == ["p3", "a3"]
    assert found.damage.missing_records == len(before)


def test_answer_that_an_older_chinwag_writes_into_a_version_stays_there() -> None:
    left = [*turn(1), BranchedOff(message_id="a1", at=at(20))]
    builder = ConversationBuilder(slowly(EMPTY, left))
    edited = replace(slowly(EMPTY, turn(1)).messages[1], text="edited")
    assert "not in the conversation" in builder.refusal(ReplacedMessage(message=edited, at=at(30)))
    builder.apply(ReplacedMessage(message=edited, at=at(30)))
    assert [one.text for one in builder.build().branches[0].messages] == ["edited"]
    builder.apply(KeptPrompt(message=replace(edited, text="again")))
    assert [one.id for one in builder.build().messages] == ["p1", "a1-2"]


def test_what_cannot_be_rearranged_is_refused_and_changes_nothing() -> None:
    talk = slowly(EMPTY, turn(1))
    builder = ConversationBuilder(talk)
    again = InsertedMessage(message=talk.messages[0], after="", at=at(30))
    for event in (
        BranchedOff(message_id="zz", at=at(30)),
        SteppedTo(message_id="a1", at=at(30)),
        RemovedBranch(message_id="p1", at=at(30)),
        RestoredBranches(branches=(Branch(after="", messages=talk.messages),), at=at(30)),
        again,
        replace(again, message=replace(talk.messages[0], id="new"), after="zz"),
    ):
        assert builder.refusal(event)
    for event in (BranchedOff(message_id="zz", at=at(30)), SteppedTo(message_id="a1", at=at(30)), again):
        builder.apply(event)
        assert builder.build() == talk
