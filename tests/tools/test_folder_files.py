"""No name leads out of the folder, and what lies in it is read in parts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tests.tools.rig import Person, run_one
from tui.failures import Failure
from tui.tools.built_in import read_file_tool
from tui.tools.folder_files import read_lines, resolved_inside
from tui.tools.permissions import Permissions
from tui.tools.running import CallOutcome


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    (inside / "a.txt").write_text("one\ntwo\n")
    (inside / "sub" / "b.txt").write_text("b")
    (inside / ".env").write_text("KEY=secret")
    (tmp_path / "secret.txt").write_text("secret")
    (inside / "out").symlink_to(tmp_path)
    (inside / "out.txt").symlink_to(tmp_path / "secret.txt")
    (inside / "in.txt").symlink_to(inside / "a.txt")
    (inside / "hidden.txt").symlink_to(inside / ".env")
    return inside


def read(folder: Path, name: str, first_line: int = 1) -> str:
    return read_lines(*resolved_inside(folder, name), first_line)


def test_files_and_folders_in_it_are_read(folder: Path) -> None:
    assert read(folder, "a.txt") == "one\ntwo"
    assert read(folder, "sub/../sub/b.txt") == "b"
    assert read(folder, "in.txt") == "one\ntwo"
    assert read(folder, ".") == "a folder with:\na.txt\nhidden.txt\nin.txt\nout\nout.txt\nsub/"
    assert read(folder, str(folder / "a.txt")) == "one\ntwo"


@pytest.mark.parametrize(
    "name",
    ["../secret.txt", "out.txt", "out/secret.txt", "/etc/passwd", "sub/../../secret.txt", ".env", "hidden.txt", "a.txt/",
     "sub/../.env", "no.txt", "", "a.txt\x00", "..", "/", "~/x", "a.txt/../../secret.txt", "/proc/self/environ"],
)  # fmt: skip
def test_nothing_outside_or_hidden_is_read(folder: Path, name: str) -> None:
    try:
        text = read(folder, name)
    except Failure as failure:
        assert "secret" not in failure.message
    else:
        assert text in {read(folder, "."), "one\ntwo"}


PARTS = st.sampled_from(
    ["..", ".", "", "sub", "a.txt", "out", "out.txt", "secret.txt", ".env", "hidden.txt", "in.txt", "/"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PARTS, max_size=6))
def test_no_way_of_writing_a_path_leads_out(folder: Path, parts: list[str]) -> None:
    try:
        text = read(folder, "/".join(parts))
    except Failure:
        return
    assert "secret" not in text.replace("secret.txt", "")
    assert "KEY" not in text


def test_a_link_put_there_after_it_was_looked_at_is_not_followed(folder: Path) -> None:
    top, found = resolved_inside(folder, "sub/b.txt")
    (folder / "sub" / "b.txt").unlink()
    (folder / "sub" / "b.txt").symlink_to(folder.parent / "secret.txt")
    with pytest.raises(Failure, match="is not read"):
        read_lines(top, found, 1)
    (folder / "sub" / "b.txt").unlink()
    (folder / "sub").rmdir()
    (folder / "sub").symlink_to(folder.parent)
    (folder.parent / "b.txt").write_text("secret")
    with pytest.raises(Failure, match="is not read"):
        read_lines(top, found, 1)


def test_pipes_and_devices_and_binaries_are_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "program").write_bytes(b"\x7fELF\x00")
    for name in ("pipe", "program"):
        with pytest.raises(Failure, match="is not read"):
            read(folder, name)


def test_a_long_file_is_read_in_parts(folder: Path) -> None:
    (folder / "long.txt").write_text("".join(f"line {number}\n" for number in range(1, 1001)))
    first = read(folder, "long.txt")
    assert first.startswith("lines 1-400 of 1,000; more with first_line=401:\nline 1\n")
    assert read(folder, "long.txt", 990).startswith("lines 990-1000 of 1,000:\nline 990\n")
    assert read(folder, "long.txt", 5000) == "it has 1,000 lines"
    (folder / "empty.txt").touch()
    assert read(folder, "empty.txt") == "an empty file"


async def test_the_person_sees_where_the_file_really_is(folder: Path) -> None:
    person = Person()
    result = await run_one(read_file_tool(folder), "read_file", {"path": "in.txt"}, permissions=Permissions(ask=person))
    assert result.text == "one\ntwo"
    assert person.asked[0].text == f'read_file(path="{folder}/a.txt", first_line=1)'


@pytest.mark.parametrize("name", HOSTILE_STRINGS)
async def test_a_hostile_name_is_told_to_be_missing(folder: Path, name: str) -> None:
    result = await run_one(read_file_tool(folder), "read_file", {"path": name})
    assert result.outcome in {CallOutcome.failed, CallOutcome.done}
    assert "\x1b" not in result.text + result.shown
