"""A journal that was damaged while nobody looked, in every way that disks know: what is left is true, the rest is kept."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.faults.disk import FailingDisk
from tests.storage.conftest import Clock
from tests.storage.events import EMPTY, ID, at, slowly, turn
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.places import Places, places_below
from tui.storage.conversation_files import ConversationFiles
from tui.storage.journal import JournalFile, scan
from tui.storage.kept import Kept
from tui.storage.records import Began, ChangedTitle, Event, Record, encode_line

EVERYTHING = bool(os.environ.get("CHINWAG_ALL_FAULTS"))
FLIPS = 10_000 if EVERYTHING else 300
CUT_STEP = 1 if EVERYTHING else 5

EVENTS: list[Event] = [*turn(1), *turn(2, "and then? \ud800 \x85")]
LINES = [encode_line(0, Began.of(EMPTY)), *(encode_line(n, event) for n, event in enumerate(EVENTS, start=1))]
WHOLE = b"".join(LINES)
STATES: list[Conversation] = [slowly(EMPTY, EVENTS[:count]) for count in range(len(EVENTS) + 1)]
NEXT = ChangedTitle(title="and on", at=at(100))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = places_below(tmp_path)
    places.conversations.mkdir(parents=True)
    return places


def _journal(places: Places) -> Path:
    return places.conversations / f"{ID}.journal"


def _opened(places: Places, data: bytes) -> Kept:
    """With the record that is written next in its journal."""
    for path in places.conversations.iterdir():
        path.unlink()
    _journal(places).write_bytes(data)
    files = ConversationFiles(places, now=Clock(), random_bytes=os.urandom)
    assert files.read_kept(ID).conversation == scan_of(data)
    with FailingDisk(places.data).in_place():
        kept, journal = files.open_journal(ID)
        assert isinstance(journal, JournalFile)
        assert journal.append([encode_line(kept.sequence + 1, NEXT)]) == (1, None)
        journal.close()
    after = scan(_journal(places).read_bytes())
    assert after.is_clean
    assert after.records[-1] == Record(sequence=kept.sequence + 1, value=NEXT)
    assert files.read(ID) == slowly(kept.conversation, [NEXT])
    return kept


def scan_of(data: bytes) -> Conversation:
    from tui.storage.replay import replay

    return replay(ID, None, 0, scan(data)).conversation


def test_journal_cut_at_every_byte_gives_what_was_whole(places: Places) -> None:
    ends = [len(b"".join(LINES[: count + 1])) for count in range(len(LINES))]
    for cut in range(ends[0], len(WHOLE), CUT_STEP):
        kept = _opened(places, WHOLE[:cut])
        whole = sum(1 for end in ends if end - 1 <= cut)
        assert kept.conversation == STATES[whole - 1]
        torn = WHOLE[ends[whole - 1] : cut]
        if torn:
            assert kept.damage.kept is not None
            assert kept.damage.kept.read_bytes() == torn
        else:
            assert not kept.damage


def test_flipped_bits_show_nothing_false_and_keep_the_bytes(places: Places) -> None:
    dice = random.Random(3)
    for _ in range(FLIPS):
        damaged = bytearray(WHOLE)
        damaged[dice.randrange(len(LINES[0]), len(WHOLE))] ^= 1 << dice.randrange(8)
        kept = _opened(places, bytes(damaged))
        assert kept.damage
        there = {message.id: message.text for message in kept.conversation.messages}
        for message in STATES[-1].messages:
            # Half an answer may be missing its middle, and is then named; never does it say something else.
            text = there.get(message.id, "")
            assert text == message.text or message.id in kept.damage.incomplete_messages or text == ""
        assert kept.damage.kept is not None
        bytes_kept = kept.damage.kept.read_bytes()
        assert bytes_kept == bytes(damaged) or bytes(damaged).endswith(bytes_kept)


@pytest.mark.parametrize("length", [1, 100, 4096])
def test_zeros_anywhere_are_kept_and_what_follows_is_read(places: Places, length: int) -> None:
    for place in range(len(LINES[0]), len(WHOLE), 37):
        kept = _opened(places, WHOLE[:place] + bytes(length) + WHOLE[place:])
        assert kept.damage.kept is not None
        assert bytes(length) in kept.damage.kept.read_bytes()
        assert kept.damage.missing_records <= 1


def test_damage_without_room_to_keep_it_changes_nothing(places: Places) -> None:
    damaged = WHOLE[: len(LINES[0])] + b"garbage\n" + WHOLE[len(LINES[0]) :]
    for at_call in range(80):
        assert [path.name for path in places.conversations.iterdir()] in ([], [_journal(places).name])
        _journal(places).write_bytes(damaged)
        files = ConversationFiles(places, now=Clock(), random_bytes=os.urandom)
        disk = FailingDisk(places.data, "ENOSPC", at_call)
        with disk.in_place():
            try:
                _, journal = files.open_journal(ID)
            except Failure:
                assert files.read(ID) == STATES[-1]
                continue
        assert journal is not None
        journal.close()
        assert not disk.was_met
        return
    pytest.fail("it was never opened")
