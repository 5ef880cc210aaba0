"""The file of a batch's results: one run at a time, whole lines."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tui.failures import Failure
from tui.runs.results_file import open_results

WHOLE = b'{"key": "a", "text": "x"}\n'


def test_it_is_made_for_its_owner_alone_and_keeps_what_it_has(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    for _ in range(2):
        results = open_results(file, anew=False)
        results.append(WHOLE)
        results.close()
    assert results.done == {"a"}
    assert file.read_bytes() == WHOLE * 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    open_results(file, anew=True).close()
    assert file.read_bytes() == b""


@pytest.mark.parametrize("torn", [b'{"key": "b', b'{"key": "b", "text": "caf\xc3', b'{"key": '])
def test_a_line_that_was_cut_is_taken_off(tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(WHOLE + torn)
    results = open_results(file, anew=False)
    results.append(b'{"key": "b"}\n')
    results.close()
    assert [json.loads(line)["key"] for line in file.read_bytes().splitlines()] == ["a", "b"]


@pytest.mark.parametrize("last", [b"notes of my own", b'{"key": "whole"}'])
def test_what_is_whole_or_not_ours_stays_and_ends(tmp_path: Path, last: bytes) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(WHOLE + last)
    results = open_results(file, anew=False)
    results.append(WHOLE)
    results.close()
    assert file.read_bytes() == WHOLE + last + b"\n" + WHOLE


def test_a_second_run_is_refused_until_the_first_has_closed(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    first = open_results(file, anew=False)
    first.append(WHOLE)
    for anew in (False, True):
        with pytest.raises(Failure, match="another run writes there"):
            open_results(file, anew=anew)
    assert file.read_bytes() == WHOLE
    first.close()
    open_results(file, anew=False).close()


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "", "none/r.jsonl"):
        with pytest.raises(Failure):
            open_results(tmp_path / name, anew=False)
