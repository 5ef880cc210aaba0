"""Machines that end everything at log-out are known, so that nobody relies on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.app.terminal.logout import ends_at_logout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def asked(root: Path, user: str = "ada") -> bool:
    return ends_at_logout(root=root, user=user)


def test_a_machine_that_says_so_ends_it_unless_the_person_may_linger(root: Path) -> None:
    assert not asked(root)
    write(root, "etc/systemd/logind.conf", "# [Login]\n[Login]\n#KillUserProcesses=no\nKillUserProcesses=yes\n")
    assert asked(root)
    write(root, "var/lib/systemd/linger/ada", "")
    assert not asked(root)
    assert asked(root, "bob")
    assert not asked(root, "root"), "that is what it does by default"


def test_what_is_added_counts_more_and_the_last_one_most(root: Path) -> None:
    write(root, "usr/lib/systemd/logind.conf", "[Login]\nKillUserProcesses=no\n")
    write(root, "etc/systemd/logind.conf.d/50-more.conf", "[Login]\nKillUserProcesses = yes\n")
    assert asked(root)
    write(root, "usr/lib/systemd/logind.conf.d/60-less.conf", "[Login]\nKillUserProcesses=no\n")
    assert not asked(root)
    write(root, "etc/systemd/logind.conf.d/60-less.conf", "[Login]\n")
    assert asked(root), "a file of the same name takes its place"


@pytest.mark.parametrize(
    ("more", "ends"),
    [("KillOnlyUsers=bob", False), ("KillOnlyUsers=bob ada", True), ("KillExcludeUsers=ada", False), ("junk", True)],
)
def test_some_people_are_spared(root: Path, more: str, ends: bool) -> None:
    write(root, "etc/systemd/logind.conf", f"[Login]\nKillUserProcesses=yes\n{more}\n")
    assert asked(root) is ends


def test_without_systemd_or_with_files_that_are_none_nothing_is_claimed(tmp_path: Path) -> None:
    write(tmp_path, "etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\n")
    assert not asked(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/systemd/logind.conf").write_bytes(b"\xff\xfe[Login\nKillUserProcesses=yes")
    assert not asked(tmp_path)
