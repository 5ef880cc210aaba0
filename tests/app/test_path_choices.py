from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.app import path_choices
from tui.app.path_choices import (
    FolderNames,
    folder_of,
    path_completions,
    read_folder,
    written_as_word,
    written_plainly,
)


def names(path: str, there: FolderNames) -> list[str]:
    return [one.path for one in path_completions(path, there)]


def read(path: str, folder: Path) -> FolderNames:
    return read_folder(path, folder=folder, home=folder / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Beta.py", "alpha.py", "gamma/delta.py", ".hidden", "home/at-home.md", "mainframe", "domain"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def test_names_come_in_order_folders_with_a_slash_hidden_ones_only_behind_a_dot(folder: Path) -> None:
    there = read("", folder)
    assert names("", there) == ["alpha.py", "Beta.py", "domain", "gamma/", "home/", "mainframe"]
    assert names(".", there) == [".hidden"]
    assert names("be", there) == ["Beta.py"]
    assert names("main", there) == ["mainframe", "domain"], "what begins so comes first"
    assert names("~/at", read("~/at", folder)) == ["~/at-home.md"]
    absolute = f"{folder}/gam"
    assert names(absolute, read(absolute, folder)) == [f"{folder}/gamma/"]


def test_folder_itself_stands_behind_its_names(folder: Path) -> None:
    there = read("gamma/", folder)
    found = path_completions("gamma/", there)
    assert [(one.path, one.leads_on) for one in found] == [("gamma/delta.py", False), ("gamma/", False)]
    assert names("gamma/d", there) == ["gamma/delta.py"]


@pytest.mark.parametrize("path", ["nowhere/", "alpha.py/", "a\0b/", "*/x"])
def test_what_is_no_folder_offers_nothing(folder: Path, path: str) -> None:
    assert read(path, folder).names == ()


def test_name_that_would_be_shown_otherwise_is_not_offered(folder: Path) -> None:
    (folder / "gamma" / "evil\x1b[31m.py").write_text("x")
    (folder / "gamma" / "two\nlines").write_text("x")
    (folder / "gamma" / "turned\u202eyp.exe").write_text("x")
    assert names("gamma/", read("gamma/", folder)) == ["gamma/delta.py", "gamma/"]


def test_huge_folder_is_looked_into_as_far_as_that_is_quick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = folder / "huge"
    huge.mkdir()
    for number in range(50):
        (huge / f"file{number:02}").write_text("x")
    monkeypatch.setattr(path_choices, "MOST_LOOKED_AT", 10)
    assert not read("huge/", folder).is_whole
    there = read("huge/file49", folder)
    assert names("huge/file49", there) == ["huge/file49"], "what begins so is found all the same"
    assert len(there.names) <= 11


@given(st.text().filter(lambda text: "\0" not in text))
def test_name_is_a_word_and_comes_back_from_it(name: str) -> None:
    word = written_as_word(name)
    assert written_plainly(word) == name
    assert folder_of(name) == name[: len(folder_of(name))]
