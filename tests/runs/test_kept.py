"""Folders of runs: written whole, private, and read whatever became of them."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.failures import Failure
from tui.runs.kept import (
    FileKind,
    RunFolder,
    State,
    age_of,
    delete_run,
    find_run,
    is_under_way,
    list_runs,
    read_config,
    to_clean,
)

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


def begun(runs: Path, *, kind: str = "batch", days_ago: int = 0, model: str = "m", salt: int = 1) -> RunFolder:
    return RunFolder.begin(
        runs,
        kind=kind,
        config={"models": [model], "title": "a title"},
        now=lambda: NOW - timedelta(days=days_ago),
        random_bytes=lambda size: salt.to_bytes(size, "big"),
    )


def ended(runs: Path, *, kind: str = "batch", days_ago: int = 0, model: str = "m", salt: int = 1) -> str:
    run = begun(runs, kind=kind, days_ago=days_ago, model=model, salt=salt)
    run.add_result(b'{"text": "hello"}\n')
    run.write("report.json", "{}\n")
    run.end(State.well, at=NOW)
    return run.id


def test_a_run_is_private_and_named_by_its_time_and_kind(tmp_path: Path) -> None:
    runs = tmp_path / "data" / "runs"
    name = ended(runs)
    assert name == "20261121T180000Z-batch-000001"
    assert stat.S_IMODE(runs.stat().st_mode) == stat.S_IMODE((runs / name).stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (runs / name).iterdir()} == {0o600}
    [run] = list_runs(runs)
    assert (run.kind, run.at, run.state, run.models, run.title) == ("batch", NOW, State.well, ("m",), "a title")
    assert {file.name: file.kind for file in run.files} == {
        "config.json": FileKind.configs,
        "report.json": FileKind.reports,
        "results.jsonl": FileKind.results,
    }
    assert read_config(run)["ended_at"] == NOW.isoformat(timespec="seconds")


def test_one_that_is_under_way_is_not_deleted_and_one_left_behind_is(tmp_path: Path) -> None:
    run = begun(tmp_path)
    [found] = list_runs(tmp_path)
    assert found.state is State.under_way
    assert is_under_way(found.folder)
    assert to_clean([found], before=None) == ()
    with pytest.raises(Failure, match="under way"):
        delete_run(found)
    run.close()
    [found] = list_runs(tmp_path)
    assert found.state is State.unfinished
    delete_run(found)
    assert list_runs(tmp_path) == ()


def test_what_is_written_after_the_end_is_dropped(tmp_path: Path) -> None:
    run = begun(tmp_path)
    run.end(State.interrupted, at=NOW)
    run.add_result(b"late\n")
    assert not (run.folder / "results.jsonl").exists()
    assert list_runs(tmp_path)[0].state is State.interrupted


def test_a_damaged_folder_is_listed_as_such_and_stops_no_other(tmp_path: Path) -> None:
    good = ended(tmp_path)
    broken = tmp_path / ended(tmp_path, salt=2)
    (broken / "config.json").write_text("{")
    foreign = tmp_path / ended(tmp_path, salt=3)
    (foreign / "config.json").write_text('{"format": "something else"}')
    (tmp_path / "20261121T180000Z-batch-000004").mkdir()
    (tmp_path / "20261121T180000Z-batch-000005").write_text("a file")
    (tmp_path / "20261121T180000Z-batch-000006").symlink_to("/etc")
    (tmp_path / "holiday").mkdir()
    (tmp_path / "20269999T999999Z-batch-000007").mkdir()
    found = {run.id: run for run in list_runs(tmp_path)}
    assert len(found) == 8
    assert [run.id for run in found.values() if run.state is not State.damaged] == [good]
    assert all(run.damage for run in found.values() if run.id != good)
    assert not found["holiday"].is_ours
    assert "no folder" in found["20261121T180000Z-batch-000006"].damage


def test_others_folders_and_what_links_point_to_stay(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    runs = tmp_path / "runs"
    inside = runs / ended(runs)
    (inside / "link").symlink_to(outside)
    (runs / "20261121T180000Z-batch-00000f").symlink_to(outside)
    (runs / "holiday").mkdir()
    wanted = to_clean(list_runs(runs), before=None)
    assert len(wanted) == 2
    for run in wanted:
        delete_run(run)
    assert (outside / "mine.txt").read_text() == "mine"
    assert [run.id for run in list_runs(runs)] == ["holiday"]
    with pytest.raises(Failure, match="did not make it"):
        delete_run(list_runs(runs)[0])


def test_what_is_cleaned_is_what_was_asked_for(tmp_path: Path) -> None:
    for number, (kind, days, model) in enumerate([("batch", 40, "a"), ("bench", 40, "b"), ("batch", 1, "a")], 1):
        ended(tmp_path, kind=kind, days_ago=days, model=model, salt=number)
    runs = list_runs(tmp_path)
    assert [run.kind for run in to_clean(runs, before=NOW - timedelta(days=30))] == ["batch", "bench"]
    assert [run.kind for run in to_clean(runs, before=NOW - timedelta(days=30), kind="bench")] == ["bench"]
    assert len(to_clean(runs, before=None, model="a")) == 2
    assert to_clean(runs, before=NOW - timedelta(days=50)) == ()


def test_a_run_is_found_by_what_a_person_writes(tmp_path: Path) -> None:
    older = ended(tmp_path, days_ago=1, salt=0xABC)
    newer = ended(tmp_path, salt=2)
    runs = list_runs(tmp_path)
    assert find_run(runs, "last").id == newer
    assert find_run(runs, "000abc").id == older
    assert find_run(runs, older[:10]).id == older
    with pytest.raises(Failure, match="may be 2 runs"):
        find_run(runs, "2026")
    with pytest.raises(Failure, match="there is no run"):
        find_run(runs, "nothing")
    with pytest.raises(Failure, match="there is no run"):
        find_run((), "last")


def test_no_folder_is_no_run_and_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == ()
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot be read"):
        list_runs(tmp_path / "file")


def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(Failure, match="runs"):
        begun(tmp_path / "runs")


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    for number in range(1, 20):
        ended(tmp_path, salt=number)
    list_runs(tmp_path)
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize(
    ("text", "age"),
    [("30d", timedelta(days=30)), (" 12H ", timedelta(hours=12)), ("2w", timedelta(weeks=2)), ("0d", timedelta())],
)
def test_ages(text: str, age: timedelta) -> None:
    assert age_of(text) == age


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "30 d", "1y"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        age_of(text)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["format", "models", "title", "state"]), inner)
        ),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_stands_in_a_config_the_list_is_read(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "20261121T180000Z-bench-0000ff"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_bytes(data)
    [run] = list_runs(tmp_path)
    assert run.kind == "bench"
    assert run.state in State
