from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tui.atomic import TEMPORARY_SUFFIX, FileMissing, make_private_folder, read_bounded, write_atomically
from tui.failures import Failure

SOMEBODY_ELSE = 12_345


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def disk_full_after(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("sync", [True, False])
@pytest.mark.parametrize("data", [b"", b"words", bytes(range(256)) * 40_000])
def test_written_bytes_are_read_back(tmp_path: Path, data: bytes, sync: bool) -> None:
    path = tmp_path / "document.json"
    path.write_bytes(b"older")
    write_atomically(path, data, sync=sync)
    assert read_bounded(path, 16 << 20) == data
    assert names_in(tmp_path) == ["document.json"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_files_are_private_under_any_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "secrets.toml"
    path.touch(0o666)
    with umask(mask):
        write_atomically(path, b"key")
        write_atomically(tmp_path / "shared", b"", mode=0o644)
    assert permissions(path) == 0o600
    assert permissions(tmp_path / "shared") == 0o644


def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    write_atomically(path, b"old")
    with disk_full_after(1000), pytest.raises(OSError, match="large"):
        write_atomically(path, b"n" * 5000)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["document.json"]


def test_a_rename_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "folder", b"x")
    assert names_in(tmp_path) == ["folder"]


def test_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "file", b"x")


def test_a_link_is_replaced_and_what_it_names_is_untouched(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_bytes(b"precious")
    link.symlink_to(victim)
    write_atomically(link, b"new")
    assert victim.read_bytes() == b"precious"
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"


def test_a_name_of_full_length_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"


def test_readers_see_all_of_one_version(tmp_path: Path) -> None:
    path = tmp_path / "document"
    versions = {bytes([letter]) * 100_000 for letter in b"ab"}
    write_atomically(path, min(versions))

    def write_both() -> None:
        for _ in range(50):
            for version in versions:
                write_atomically(path, version, sync=False)

    writer = threading.Thread(target=write_both)
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(read_bounded(path, 1 << 20))
    writer.join()
    assert seen
    assert seen <= versions


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "document"
    program = (
        "import sys, pathlib; from tui.atomic import write_atomically\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "write_atomically(path, b'0' * 500_000)\n"
        "print(flush=True)\n"
        "while True:\n"
        "    for digit in b'123456789': write_atomically(path, bytes([digit]) * 500_000, sync=False)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    data = path.read_bytes()
    assert len(data) == 500_000
    assert len(set(data)) == 1
    assert all(name == "document" or name.endswith(TEMPORARY_SUFFIX) for name in names_in(tmp_path))


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_new_folders_and_their_parents_are_private_under_any_umask(tmp_path: Path, mask: int) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "share" / "chinwag" / "conversations"
    with umask(mask):
        make_private_folder(folder)
        make_private_folder(folder)
    assert [permissions(made) for made in (folder, folder.parent, folder.parent.parent)] == [0o700] * 3
    assert permissions(tmp_path) == 0o755


@pytest.mark.parametrize("open_mode", [0o777, 0o770, 0o755, 0o702])
def test_our_folder_that_others_may_use_is_tightened(tmp_path: Path, open_mode: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(open_mode)
    make_private_folder(folder)
    assert permissions(folder) == 0o700


def test_a_folder_of_somebody_else_is_refused_and_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    if os.geteuid() == 0:
        folder.mkdir()
        folder.chmod(0o777)
        os.chown(folder, SOMEBODY_ELSE, -1)
    else:
        folder = Path("/")
    before = permissions(folder)
    with pytest.raises(Failure, match="belongs to somebody else") as caught:
        make_private_folder(folder)
    assert str(folder) in caught.value.title
    assert caught.value.advice
    assert permissions(folder) == before


def test_a_link_to_a_folder_of_ours_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir(mode=0o755)
    (tmp_path / "data").symlink_to(tmp_path / "big disk")
    make_private_folder(tmp_path / "data" / "conversations")
    make_private_folder(tmp_path / "data")
    assert permissions(tmp_path / "big disk") == 0o700
    assert permissions(tmp_path / "big disk" / "conversations") == 0o700


def test_a_file_in_the_way_is_a_failure_with_a_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    for path in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "dangling"):
        with pytest.raises(Failure, match="cannot be used") as caught:
            make_private_folder(path)
        assert str(path) in caught.value.title
        assert "CHINWAG_DATA_DIR" in caught.value.advice
    assert not (tmp_path / "gone").exists()


def test_a_file_at_its_limit_is_read_and_beyond_it_refused(tmp_path: Path) -> None:
    path = tmp_path / "theme.toml"
    path.write_bytes(b"x" * 64)
    assert read_bounded(path, 64) == b"x" * 64
    with pytest.raises(Failure, match=r"theme\.toml is too large · the limit is 63 bytes"):
        read_bounded(path, 63)


def test_a_file_that_says_it_is_empty_is_bounded_too() -> None:
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("no /proc here")
    assert path.stat().st_size == 0
    assert b"Pid" in read_bounded(path, 1 << 20)
    with pytest.raises(Failure, match="too large"):
        read_bounded(path, 10)


def test_pipes_devices_folders_and_links_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loop").symlink_to("loop")
    for path in (
        tmp_path / "pipe",
        tmp_path / "zero",
        Path("/dev/zero"),
        tmp_path,
        tmp_path / "link",
        tmp_path / "loop",
    ):
        with pytest.raises(Failure) as caught:
            read_bounded(path, 1 << 20)
        assert str(path) in caught.value.title
        assert caught.value.message
        assert caught.value.advice


def test_links_are_followed_where_people_keep_them(tmp_path: Path) -> None:
    (tmp_path / "dotfiles.toml").write_bytes(b"x = 1")
    (tmp_path / "settings.toml").symlink_to("dotfiles.toml")
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert read_bounded(tmp_path / "settings.toml", 100, follow_links=True) == b"x = 1"
    with pytest.raises(Failure, match="not a regular file"):
        read_bounded(tmp_path / "zero", 100, follow_links=True)


def test_a_missing_file_can_be_told_from_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="missing"):
        read_bounded(tmp_path / "none", 10)
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="not a directory") as caught:
        read_bounded(tmp_path / "file" / "below", 10)
    assert not isinstance(caught.value, FileMissing)
