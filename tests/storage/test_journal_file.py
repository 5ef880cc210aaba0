"""An open journal: a record is in the file whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from tests.faults.disk import FailingDisk, Fault
from tests.storage.samples import NOON
from tui.storage.journal import JournalFile, keep_aside, make_lasting_folder, move_aside

LINES = [b"one\n", b"two, which is longer\n", b"three\n"]


def _created(path: Path, lines: list[bytes] = LINES[:1]) -> JournalFile:
    return JournalFile.create(path, lines, sync=False)


@pytest.mark.parametrize("fault", ["ENOSPC", "short", "EIO"])
def test_line_that_the_disk_did_not_take_whole_is_not_in_the_file(tmp_path: Path, fault: Fault) -> None:
    path = tmp_path / "a.journal"
    disk = FailingDisk(tmp_path, fault)
    with disk.in_place():
        journal = _created(path)
        disk.at_call = disk.calls + 1
        count, error = journal.append(LINES[1:])
        assert count == 1
        assert error is not None
        assert path.read_bytes() == b"".join(LINES[:2])
        assert journal.is_as_it_was_left()
        assert journal.append(LINES[2:]) == (1, None)
        journal.sync()
        journal.close()
    assert path.read_bytes() == b"".join(LINES)


def test_rest_that_could_not_be_cut_off_is_cut_off_before_the_next_line(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    disk = FailingDisk(tmp_path, "short")
    with disk.in_place():
        journal = _created(path)
        disk.at_call, disk.lasting = disk.calls, True
        for _ in range(3):
            count, error = journal.append(LINES[1:])
            assert (count, error and error.errno) in ((0, errno.ENOSPC), (0, errno.EIO))
            assert path.read_bytes() == LINES[0] + LINES[1][: len(LINES[1]) // 2]
            assert journal.is_as_it_was_left()
        disk.heal()
        assert journal.append(LINES[1:]) == (2, None)
        journal.close()
    assert path.read_bytes() == b"".join(LINES)


def test_journal_that_cannot_be_made_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    path.write_bytes(b"older")
    for at_call in range(20):
        disk = FailingDisk(tmp_path, "ENOSPC", at_call)
        with disk.in_place():
            try:
                JournalFile.create(path, LINES, sync=True).close()
            except OSError:
                assert path.read_bytes() == b"older"
                assert os.listdir(tmp_path) == ["a.journal"]
                continue
        assert not disk.was_met
        assert path.read_bytes() == b"".join(LINES)
        return
    pytest.fail("it was never made")


def test_bytes_of_a_new_journal_are_on_the_disk_before_its_name_is(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    disk = FailingDisk(tmp_path)
    with disk.in_place():
        journal = JournalFile.create(path, LINES, sync=True)
        said = [line.split()[1] for line in disk.said]
        assert said.index("fdatasync" if "fdatasync" in said else "fsync") < said.index("replace")
        before = disk.calls
        journal.sync()
        journal.sync()
        names_synced = [line for line in disk.said[before:] if line.endswith(f"sync {tmp_path.name}")]
        assert len(names_synced) == 1
        journal.close()


def test_journal_of_another_kind_is_not_opened(tmp_path: Path) -> None:
    fifo, folder, link = tmp_path / "fifo", tmp_path / "folder", tmp_path / "link"
    os.mkfifo(fifo)
    folder.mkdir()
    link.symlink_to(tmp_path / "nowhere")
    for path in (fifo, folder, link):
        with pytest.raises(OSError, match=r"regular|directory|symbolic"):
            JournalFile.open(path)


def test_opened_journal_is_private_and_goes_on_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    path.write_bytes(LINES[0])
    path.chmod(0o666)
    journal = JournalFile.open(path)
    assert journal.append(LINES[1:]) == (2, None)
    journal.close()
    journal.close()
    assert path.read_bytes() == b"".join(LINES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_kept_aside_never_takes_the_place_of_something(tmp_path: Path) -> None:
    first = keep_aside(tmp_path, "id", b"one", now=NOON)
    second = keep_aside(tmp_path, "id", b"two", now=NOON)
    (tmp_path / "journal").write_bytes(b"three")
    third = move_aside(tmp_path / "journal", "id", now=NOON)
    assert third is not None
    assert [path.read_bytes() for path in (first, second, third)] == [b"one", b"two", b"three"]
    assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name, third.name}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (first, second))
    assert move_aside(tmp_path / "journal", "id", now=NOON) is None
    assert len(list(tmp_path.iterdir())) == 3


def test_folder_that_was_made_is_named_on_the_disk(tmp_path: Path) -> None:
    disk = FailingDisk(tmp_path)
    with disk.in_place():
        make_lasting_folder(tmp_path / "a" / "b")
        assert [line.split()[2] for line in disk.said if "fsync" in line] == ["a", tmp_path.name]
        disk.said.clear()
        make_lasting_folder(tmp_path / "a" / "b")
    assert not any("fsync" in line for line in disk.said)
