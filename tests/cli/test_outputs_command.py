"""``chinwag outputs``, and what ``batch``, ``bench`` and ``compare`` leave there."""

from __future__ import annotations

import json
import signal
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commanding import Shell, home_below, is_bash_here
from tests.end_to_end.served import Served
from tests.terminal import Terminal
from tui.runs.kept import RunFolder, State

LONG_SECONDS = 60.0
MODEL = ("--model", "script-prose-5-0")
QUICK = ("--repeats", "2", "--answer-tokens", "10")


def runs_of(shell: Shell) -> Path:
    return Path(shell("outputs", "stats", "--json").values[0]["folder"])


def listed(shell: Shell, *words: str) -> list[dict[str, Any]]:
    return shell("outputs", "list", "--json", *words).values


def old_run(shell: Shell, *, days: int, kind: str = "batch", salt: int = 1) -> str:
    run = RunFolder.begin(
        runs_of(shell),
        kind=kind,
        config={"models": ["old:1b"], "title": "long ago"},
        now=lambda: datetime.now(UTC) - timedelta(days=days),
        random_bytes=lambda size: salt.to_bytes(size, "big"),
    )
    run.add_result(b'{"text": "x"}\n')
    run.end(State.well, at=datetime.now(UTC))
    return run.id


def test_a_batch_is_kept_with_its_settings_results_and_report(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\ntwo\n")
    ran = shell("batch", str(tmp_path / "p.txt"), *MODEL, "--option", "temperature=0")
    assert ran.code == 0, ran.talk
    [run] = listed(shell)
    assert f"kept as {run['run']}" in ran.talk
    assert run["kind"] == "batch"
    assert run["state"] == "well"
    assert run["models"] == [MODEL[1]]
    assert set(run["files"]) == {"config.json", "results.jsonl", "report.json", "report.md"}
    kept = shell("outputs", "show", "last", "--file", "results.jsonl")
    assert sorted(one["prompt"] for one in kept.values) == ["one", "two"]
    assert sorted(kept.lines) == sorted(ran.lines)
    [shown] = shell("outputs", "show", run["run"][-6:], "--json").values
    assert shown["config"]["options"] == {"temperature": 0}
    assert shown["config"]["host"] == shell.host
    assert "| answered | 2 |" in shell("outputs", "show", "last").out
    folder = Path(shell("outputs", "show", "last", "--path").out.strip())
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_nothing_is_kept_when_it_is_not_wanted_nor_by_the_demo(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\n")
    assert shell("batch", str(tmp_path / "p.txt"), *MODEL, "--no-save").code == 0
    assert shell("bench", "fast:1b", *QUICK, "--no-save").code == 0
    assert shell("compare", "fast:1b", "--prompt", "x", "--no-save").code == 0
    assert shell("compare", "fast:1b", "--prompt", "x", "--demo").code == 0
    assert listed(shell) == []
    assert "no run is kept" in shell("outputs", "list").talk


def test_a_benchmark_is_kept_and_measured_against_later(shell: Shell) -> None:
    assert shell("bench", "fast:1b", *QUICK).code == 0
    [run] = listed(shell, "--kind", "bench")
    assert {"report.json", "report.md", "report.html", "report.csv", "results.jsonl"} < set(run["files"])
    rounds = shell("outputs", "show", "last", "--file", "results.jsonl").values
    assert [one["is_warm_up"] for one in rounds] == [True, False, False]
    assert all(one["answers"][0]["tokens_per_second"] > 0 for one in rounds)
    for which in ("last", run["run"]):
        assert " times" in shell("bench", "fast:1b", *QUICK, "--against", which, "--no-save").lines[1]
    wrong = shell("bench", "fast:1b", "--against", "nothing")
    assert wrong.code == 1
    assert "there is no run nothing" in wrong.talk


def test_a_comparison_is_kept_with_what_failed(shell: Shell) -> None:
    ran = shell("compare", "fast:1b", "hungry:405b", "--prompt", "<b>hi</b>")
    assert ran.code == 1
    [run] = listed(shell, "--model", "hungry:405b")
    assert run["state"] == "failed"
    answers = shell("outputs", "show", "last", "--file", "results.jsonl").values
    assert [bool(one.get("failure")) for one in answers] == [False, True]
    html = shell("outputs", "show", "last", "--file", "report.html").out
    assert "&lt;b&gt;hi" in html
    assert "<b>hi" not in html


def test_what_had_come_before_ctrl_c_is_kept(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("".join(f"prompt {number}\n" for number in range(6)))
    with Served() as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        words = ("batch", str(tmp_path / "p.txt"), "--model", "script-prose-20-40", "--concurrency", "1")
        process = shell.begin(*words)
        server.wait_for_chats(3)
        [under_way] = listed(shell)
        assert under_way["state"] == "under way"
        assert shell("outputs", "clean", "--all", "--yes").code == 0
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=LONG_SECONDS)
        assert process.returncode == 130
        assert b"Traceback" not in talk
        [run] = listed(shell)
        assert run["state"] == "interrupted"
        assert 1 <= len(shell("outputs", "show", "last", "--file", "results.jsonl").values) < 6


def test_a_run_whose_program_was_killed_is_unfinished(tmp_path: Path) -> None:
    with Served() as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        process = shell.begin("compare", "script-prose-2000-20", "--prompt", "x")
        server.wait_for_tokens(5)
        process.kill()
        process.communicate(timeout=LONG_SECONDS)
        assert [run["state"] for run in listed(shell)] == ["unfinished"]
        assert "unfinished" in shell("outputs", "list").out


def test_a_disk_that_takes_nothing_does_not_end_the_run(shell: Shell, tmp_path: Path) -> None:
    folder = runs_of(shell)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("in the way")
    (tmp_path / "p.txt").write_text("one\n")
    ran = shell("batch", str(tmp_path / "p.txt"), *MODEL)
    assert ran.code == 0
    assert len(ran.values) == 1
    assert "the run is not kept" in ran.talk


def test_a_damaged_run_is_listed_as_such(shell: Shell) -> None:
    good, bad = old_run(shell, days=2), old_run(shell, days=1, salt=2)
    (runs_of(shell) / bad / "config.json").write_text("{")
    (runs_of(shell) / "holiday").mkdir()
    ran = shell("outputs", "list")
    assert ran.code == 0
    assert sum("damaged" in line for line in ran.lines) == 2
    assert any(line.startswith(good) and "long ago" in line for line in ran.lines)
    assert shell("outputs", "stats", "--json").values[0]["damaged"] == 2
    broken = shell("outputs", "show", bad)
    assert broken.code == 1
    assert "config.json" in broken.talk
    assert shell("outputs", "show", bad, "--file", "results.jsonl").values == [{"text": "x"}]


def test_old_runs_are_cleaned_away_when_somebody_says_so(shell: Shell) -> None:
    old, young = old_run(shell, days=40), old_run(shell, days=3, salt=2)
    dry = shell("outputs", "clean", "--older-than", "30d", "--dry-run")
    assert dry.lines == [old]
    assert "would delete 1 run with 2 files" in dry.talk
    unasked = shell("outputs", "clean", "--older-than", "30d")
    assert unasked.code == 1
    assert "give --yes" in unasked.talk
    assert len(listed(shell)) == 2
    [gone] = shell("outputs", "clean", "--older-than", "30d", "--yes", "--json").values
    assert gone["run"] == old
    assert gone["is_deleted"] is True
    assert gone["files"] == 2
    assert gone["size_bytes"] > 20
    assert [run["run"] for run in listed(shell)] == [young]
    assert "there is nothing to delete" in shell("outputs", "clean", "--older-than", "30d").talk
    assert shell("outputs", "clean", young, "--yes").lines == [young]


def test_cleaning_asks_a_person_and_says_what_goes(shell: Shell) -> None:
    old = old_run(shell, days=40)
    words = shell.argv("outputs", "clean", "--older-than", "30d")
    with Terminal(words, home=shell.home, environment={"OLLAMA_HOST": shell.host}) as terminal:
        terminal.wait_for("delete 1 run with 2 files", LONG_SECONDS)
        assert old in terminal.screen()
        terminal.send("y\n")
        terminal.wait_for("deleted 1 run", LONG_SECONDS)
        assert terminal.exit_code(LONG_SECONDS) == 0
    assert listed(shell) == []


def test_files_by_kind_are_paths_for_other_programs(shell: Shell) -> None:
    old_run(shell, days=1)
    [path] = shell("outputs", "list", "--files", "results").lines
    assert json.loads(Path(path).read_text()) == {"text": "x"}
    [value] = shell("outputs", "list", "--files", "configs", "--json").values
    assert value["size_bytes"] == Path(value["path"]).stat().st_size
    assert shell("outputs", "list", "--files", "reports").out == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("clean",), 2, "give --older-than 30d, or --all"),
        (("clean", "--older-than", "soon"), 2, "write 30d"),
        (("clean", "last", "--all"), 2, "two things"),
        (("show", "last"), 1, "there is no run last"),
        (("list", "--kind", "bnech"), 2, "did you mean bench?"),
    ],
)
def test_what_is_wrong_is_said(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    ran = shell("outputs", *words)
    assert ran.code == code
    assert said in ran.talk
    assert ran.out == ""


@pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")
def test_in_pipes_it_behaves(shell: Shell) -> None:
    for number in range(1, 4):
        old_run(shell, days=number, salt=number)
    piped = shell.piped("chinwag outputs list --quiet | head -n 1")
    assert piped.lines[0].startswith("run ")
    assert piped.talk == ""
    assert shell.piped("chinwag outputs stats --json | python3 -m json.tool").code == 0
