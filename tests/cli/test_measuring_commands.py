"""``chinwag bench`` and ``compare``: tables, files and what a spreadsheet or a browser makes of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.cli.commanding import Shell
from tests.end_to_end.served import Served
from tests.terminal import Terminal
from tui.cli.compare import side_by_side
from tui.runs.asking import Answer
from tui.runs.comparison import Compared, Contender

LONG_SECONDS = 60.0
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


def test_a_file_has_its_form_and_json_stays_on_standard_output(shell: Shell, tmp_path: Path) -> None:
    for words in (("bench", "fast:1b", *QUICK), ("compare", "fast:1b", "--prompt", "x")):
        file = tmp_path / f"{words[0]}.html"
        [value] = shell(*words, "--json", "--output", str(file)).values
        assert value["format"].startswith("chinwag ")
        assert file.read_text().startswith("<!doctype html>")
        nowhere = shell(*words, "--output", str(tmp_path / "none" / "x.html"))
        assert nowhere.code == 1
        assert "cannot write" in nowhere.talk
        assert "kept as" not in nowhere.talk


def test_a_narrow_terminal_gets_the_table_on_its_side(shell: Shell) -> None:
    words = shell.argv("bench", "fast:1b", "tour:8b", *QUICK)
    with Terminal(words, home=shell.home, environment={"OLLAMA_HOST": shell.host}, columns=60) as terminal:
        terminal.wait_for("kept as", LONG_SECONDS)
        assert terminal.exit_code(LONG_SECONDS) == 0
        rows = [line.split() for line in terminal.screen().splitlines()]
    assert ["model", "fast:1b", "tour:8b"] in rows
    assert any(row[:1] == ["tok/s"] and len(row) == 3 for row in rows)


def test_a_preset_and_flags_hold_for_a_benchmark_too(shell: Shell, demo: Served) -> None:
    flags = ("--preset", "precise", "--system", "be brief", "--option", "num_ctx=4096", "--think", "off")
    assert shell("bench", "fast:1b", *QUICK, *flags).code == 0
    body = demo.chats()[-1]
    assert body["options"] == {"temperature": 0.1, "top_p": 0.5, "seed": 1, "num_ctx": 4096, "num_predict": 10}
    assert body["messages"][0] == {"role": "system", "content": "be brief"}
    assert body["think"] is False
    assert shell("bench", "fast:1b", *QUICK, "--preset", "presice").code == 1


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
    assert any(
        line.split() == ["model", "answered", "tok/s", "first", "token", "s", "total", "s", "tokens"]
        for line in ran.lines
    )


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
    assert shell("generate", "--model", "fast:1b", "go on", "--save").code == 0
    [kept] = shell("outputs", "list", "--kind", "generate", "--json").values
    assert kept["about"] == "go on"


def test_vectors_of_texts_lines_and_files(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a file\nof two lines")
    values = shell("embed", "one", "two", "--file", str(tmp_path / "a.txt")).values
    assert [value.get("text") or value["file"] for value in values] == ["one", "two", str(tmp_path / "a.txt")]
    assert all(len(value["embedding"]) == len(values[0]["embedding"]) for value in values)
    lines = shell("embed", "--lines", "--batch", "2", stdin="a\n\nb\nc\n").values
    assert [value["text"] for value in lines] == ["a", "b", "c"]
    assert [value["index"] for value in lines] == [0, 1, 2]
    assert shell("embed", stdin="all of it\nis one").values[0]["text"] == "all of it\nis one"


def test_vectors_are_asked_with_options_by_either_name(shell: Shell) -> None:
    ran = shell("embed", "x", "--option", "context_tokens=512", "--option", "num_keep=1", "--quiet")
    assert (ran.code, ran.talk) == (0, "")
    wrong = shell("embed", "x", "--option", "num_ctxx=512", "--quiet")
    assert wrong.code == 0
    assert "did you mean num_ctx?" in wrong.talk


def test_a_model_that_makes_no_vectors_is_said(shell: Shell) -> None:
    ran = shell("embed", "x", "--model", "nobody")
    assert ran.code == 4
    assert ran.out == ""
