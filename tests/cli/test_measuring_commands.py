"""``chinwag bench`` and ``compare``: tables, files and what a spreadsheet or a browser makes of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.cli.commanding import Shell
from tui.cli.compare import side_by_side
from tui.runs.asking import Answer
from tui.runs.comparison import Compared, Contender

QUICK = ("--repeats", "2", "--answer-tokens", "10")


def test_a_benchmark_is_a_table_and_its_progress_is_talk(shell: Shell) -> None:
    ran = shell("bench", "fast:1b", *QUICK)
    assert ran.code == 0, ran.talk
    assert ran.lines[0].split()[:2] == ["model", "prompt"]
    assert "fast:1b" in ran.lines[1]
    assert "\x1b" not in ran.out + ran.talk


def test_reports_by_their_ending_and_against_an_earlier_one(shell: Shell, tmp_path: Path) -> None:
    for ending in ("json", "csv", "md", "html"):
        file = tmp_path / f"report.{ending}"
        ran = shell("bench", "fast:1b", *QUICK, "--concurrency", "1,2", "--output", str(file))
        assert ran.code == 0, ran.talk
        assert file.stat().st_size > 200
    cases = json.loads((tmp_path / "report.json").read_text())["cases"]
    assert [case["case"]["concurrency"] for case in cases] == [1, 2]
    rows = list(csv.DictReader((tmp_path / "report.csv").read_text().splitlines()))
    assert float(rows[0]["tok/s"]) > 0
    assert "<svg" in (tmp_path / "report.html").read_text()
    ran = shell("bench", "fast:1b", *QUICK, "--against", str(tmp_path / "report.json"))
    assert " times" in ran.lines[1]
    wrong = shell("bench", "fast:1b", "--against", str(tmp_path / "report.md"))
    assert wrong.code == 1
    assert "no report of chinwag bench" in wrong.talk


def test_a_cold_start_measures_loading(shell: Shell) -> None:
    [report] = shell("bench", "fast:1b", *QUICK, "--cold", "--json").values
    assert report["cases"][0]["case"]["is_cold"] is True
    assert report["cases"][0]["load_seconds"]["median"] > 0


def test_a_model_that_fails_is_said_and_the_others_are_measured(shell: Shell) -> None:
    ran = shell("bench", "hungry:405b", "fast:1b", *QUICK)
    assert ran.code == 1
    assert "hungry:405b" in ran.talk
    assert ran.out.count("fast:1b") == 1


def test_answers_stand_side_by_side(shell: Shell) -> None:
    ran = shell("compare", "fast:1b", "tour:8b", "--prompt", "say something", "--width", "80")
    assert ran.code == 0, ran.talk
    assert any(line.startswith("fast:1b") and "│ tour:8b" in line for line in ran.lines)
    assert any(line.startswith("name") for line in ran.lines)


def test_a_comparison_as_files(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"prompt": "one"}\n"two"\n')
    for ending in ("md", "html", "json"):
        file = tmp_path / f"c.{ending}"
        ran = shell("compare", "fast:1b", "tour:8b", "--prompts", str(tmp_path / "p.jsonl"), "--output", str(file))
        assert ran.code == 0, ran.talk
        assert "two" in file.read_text()
    assert len(json.loads((tmp_path / "c.json").read_text())["answers"]) == 4


def test_the_prompt_may_come_through_a_pipe_and_none_is_an_error(shell: Shell) -> None:
    assert "> from the pipe" in shell("compare", "fast:1b", stdin="from the pipe").out
    nothing = shell("compare", "fast:1b")
    assert nothing.code == 1
    assert "give --prompt TEXT" in nothing.talk


def test_columns_keep_their_width_with_wide_letters_and_few_cells() -> None:
    contenders = [Contender(name=name, model=name) for name in ("one", "two", "three")]
    answers = [Answer(text="漢字" * 30), Answer(text="\x1b[31mred\nlines"), Answer(text="half", failure="it broke off")]
    found = [Compared(prompt_index=0, contender_index=index, answer=one) for index, one in enumerate(answers)]
    wide = side_by_side(["q"], contenders, found, cells=100)
    assert "\x1b" not in wide
    assert all(" │ " in line for line in wide.splitlines() if line.startswith("漢"))
    narrow = side_by_side(["q"], contenders, found, cells=30)
    assert " │ " not in narrow
    assert "[it broke off]" in narrow


def test_a_text_is_gone_on_with(shell: Shell) -> None:
    ran = shell("generate", "--model", "fast:1b", "hello", "--stats")
    assert ran.code == 0, ran.talk
    assert "fast:1b" in ran.out
    assert "tok/s" in ran.talk
    [value] = shell("generate", "--model", "fast:1b", "--json", stdin="hello").values
    assert value["text"] == ran.out.rstrip("\n") or value["text"].strip() == ran.out.strip()
    assert value["done_reason"] == "stop"
    assert shell("generate").code == 1


def test_vectors_of_texts_lines_and_files(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a file\nof two lines")
    values = shell("embed", "one", "two", "--file", str(tmp_path / "a.txt")).values
    assert [value.get("text") or value["file"] for value in values] == ["one", "two", str(tmp_path / "a.txt")]
    assert all(len(value["embedding"]) == len(values[0]["embedding"]) for value in values)
    lines = shell("embed", "--lines", "--batch", "2", stdin="a\n\nb\nc\n").values
    assert [value["text"] for value in lines] == ["a", "b", "c"]
    assert [value["index"] for value in lines] == [0, 1, 2]
    assert shell("embed", stdin="all of it\nis one").values[0]["text"] == "all of it\nis one"


def test_a_model_that_makes_no_vectors_is_said(shell: Shell) -> None:
    ran = shell("embed", "x", "--model", "nobody")
    assert ran.code == 4
    assert ran.out == ""
