"""What a look at the conversations finds, and what a repair leaves."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.storage.conftest import Clock
from tests.storage.events import EMPTY, ID, slowly, turn
from tests.storage.samples import VERSION_1
from tui.conversations.values import Conversation
from tui.places import Places
from tui.storage.checkup import Checkup, Finding, Repaired, Trouble, check, repair
from tui.storage.conversation_files import ConversationFiles
from tui.storage.documents import encode
from tui.storage.locks import hold_lock
from tui.storage.records import Began, encode_line

LINES = [encode_line(0, Began.of(EMPTY)), *(encode_line(n, event) for n, event in enumerate(turn(1), start=1))]


@pytest.fixture
def folder(places: Places) -> Iterator[Path]:
    before = os.umask(0o077)
    places.conversations.mkdir(parents=True)
    yield places.conversations
    os.umask(before)


def _checked(places: Places) -> Checkup:
    return check(places, now=Clock(), random_bytes=os.urandom)


def _repaired(places: Places, findings: Iterable[Finding]) -> tuple[Repaired, ...]:
    return repair(places, findings, wished="json", now=Clock(), random_bytes=os.urandom)


def _read(places: Places) -> Conversation:
    return ConversationFiles(places, now=Clock(), random_bytes=os.urandom).read(ID)


def _troubles(places: Places) -> list[Trouble]:
    return [one.trouble for one in _checked(places).findings]


def test_sound_conversations_are_counted_and_nothing_is_found(places: Places, folder: Path) -> None:
    (folder / f"{ID}.journal").write_bytes(b"".join(LINES))
    assert _checked(places) == Checkup(conversations=1)


def test_nothing_at_all_is_nothing_wrong(places: Places) -> None:
    assert _checked(places) == Checkup()


def test_damaged_journal_is_found_and_after_the_repair_all_that_can_be_read_is_a_document(
    places: Places, folder: Path
) -> None:
    damaged = b"".join([*LINES[:3], b"\0" * 20 + b"\n", *LINES[3:]])
    (folder / f"{ID}.journal").write_bytes(damaged)
    found = _checked(places)
    assert [one.trouble for one in found.findings] == [Trouble.damaged_journal]
    assert (folder / f"{ID}.journal").read_bytes() == damaged
    (done,) = _repaired(places, found.findings)
    assert done.failure is None
    assert _read(places) == slowly(EMPTY, turn(1))
    (aside,) = folder.glob("*.torn-*")
    assert aside.read_bytes() == damaged
    assert aside.name in done.words
    assert _checked(places) == Checkup(conversations=1, kept_aside=1)


def test_unreadable_document_gives_way_to_its_journal_and_is_kept(places: Places, folder: Path) -> None:
    (folder / f"{ID}.journal").write_bytes(b"".join(LINES))
    (folder / f"{ID}.json").write_bytes(b'{"chinwag": 1, "mess')
    found = _checked(places)
    assert [one.trouble for one in found.findings] == [Trouble.unreadable_beside_journal]
    (done,) = _repaired(places, found.findings)
    assert done.failure is None
    assert [one.text for one in _read(places).messages] == ["why?", "because of\nit\u2028é🙂"]
    (aside,) = folder.glob("*.torn-*")
    assert aside.read_bytes() == b'{"chinwag": 1, "mess'


def test_unreadable_document_with_nothing_beside_it_is_left_alone(places: Places, folder: Path) -> None:
    (folder / f"{ID}.json").write_bytes(b"")
    (finding,) = _checked(places).findings
    assert (finding.trouble, finding.is_repairable) == (Trouble.unreadable_document, False)
    assert _repaired(places, [finding]) == ()
    assert (folder / f"{ID}.json").read_bytes() == b""


def test_document_of_a_newer_version_is_named_and_left_alone(places: Places, folder: Path) -> None:
    newer = (
        encode(VERSION_1, format="json")
        .replace(b'"chinwag": 1', b'"chinwag": 99')
        .replace(b'"chinwag":1', b'"chinwag":99')
    )
    (folder / f"{VERSION_1.id}.json").write_bytes(newer)
    (finding,) = _checked(places).findings
    assert (finding.trouble, finding.is_repairable) == (Trouble.from_newer_version, False)


def test_what_other_people_can_read_is_closed_to_them(places: Places, folder: Path) -> None:
    journal = folder / f"{ID}.journal"
    journal.write_bytes(b"".join(LINES))
    journal.chmod(0o644)
    folder.chmod(0o755)
    found = _checked(places)
    assert {one.path for one in found.findings} == {journal, folder}
    assert all(one.failure is None for one in _repaired(places, found.findings))
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert _troubles(places) == []


def test_link_in_the_place_of_a_conversation_is_not_followed(places: Places, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"".join(LINES))
    (folder / f"{ID}.journal").symlink_to(secret)
    (finding,) = _checked(places).findings
    assert (finding.trouble, finding.is_repairable) == (Trouble.not_a_file, False)


def test_conversation_that_another_chinwag_has_open_is_left_to_it(places: Places, folder: Path) -> None:
    damaged = b"".join([*LINES, b"torn"])
    (folder / f"{ID}.journal").write_bytes(damaged)
    held = hold_lock(folder / f"{ID}.lock")
    assert held is not None
    with held:
        (done,) = _repaired(places, _checked(places).findings)
    assert done.failure is not None
    assert "another chinwag" in str(done.failure)
    assert (folder / f"{ID}.journal").read_bytes() == damaged
