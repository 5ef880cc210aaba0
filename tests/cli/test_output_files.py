"""Where reports and exports go: files, links, and what is no file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tui.cli.output_files import see_that_it_can_be_written, write_output
from tui.failures import Failure


def test_a_link_stays_a_link_and_its_file_is_written(tmp_path: Path) -> None:
    file, link = tmp_path / "real.html", tmp_path / "link.html"
    file.write_text("old")
    link.symlink_to(file)
    see_that_it_can_be_written(link)
    write_output(link, b"new", mode=0o644)
    assert link.is_symlink()
    assert file.read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        see_that_it_can_be_written(pipe)
        write_output(pipe, b"new", mode=0o644)
        assert os.read(reader, 100) == b"new"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_and_what_is_in_none_are_refused_beforehand(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "x.html"):
        with pytest.raises(Failure, match="cannot write"):
            see_that_it_can_be_written(path)
        with pytest.raises(Failure, match="cannot write"):
            write_output(path, b"x", mode=0o644)
