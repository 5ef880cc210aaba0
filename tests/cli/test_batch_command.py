"""``chinwag batch``: answers in a file that only grows, and a run that goes on where it was interrupted."""

from __future__ import annotations

import json
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commanding import Shell, home_below, is_bash_here, nobody_there
from tests.end_to_end.served import Served

LONG_SECONDS = 60.0
MODEL = ("--model", "script-prose-5-0")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_prompt_has_a_line_with_its_figures(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\n\ntwo\n")
    ran = shell("batch", str(tmp_path / "p.txt"), *MODEL)
    assert ran.code == 0, ran.talk
    assert sorted(value["prompt"] for value in ran.values) == ["one", "two"]
    assert all(value["answer_tokens"] > 0 and value["tokens_per_second"] > 0 for value in ran.values)
    assert "2 of 2 answered" in ran.talk


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    (tmp_path / "p.txt").write_text("".join(f"prompt {number}\n" for number in range(6)))
    with Served() as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        words = ("batch", str(tmp_path / "p.txt"), "--model", "script-prose-20-40", "--output", str(output))
        process = shell.begin(*words, "--concurrency", "1")
        server.wait_until(lambda demo: sum(one.path == "/api/chat" for one in demo.received) >= 3)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=LONG_SECONDS)
        assert process.returncode == 130
        assert b"Traceback" not in talk
        before = lines(output)
        assert 1 <= len(before) < 6
        asked = sum(path == "/api/chat" for path in server.paths())
        ran = shell(*words, "--concurrency", "3")
        assert ran.code == 0, ran.talk
        assert f"{len(before)} prompts of 6 had an answer already" in ran.talk.replace("1 prompt of", "1 prompts of")
        assert sum(path == "/api/chat" for path in server.paths()) == asked + 6 - len(before)
    after = lines(output)
    assert after[: len(before)] == before
    assert sorted(value["prompt"] for value in after) == [f"prompt {number}" for number in range(6)]
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_a_template_over_the_columns_of_a_table(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('who,what\nada,"tea, hot"\nbob,{{who}}\n')
    ran = shell("batch", str(tmp_path / "p.csv"), "--template", "{{who}} wants {{what}}", "--in-order", *MODEL)
    assert [value["prompt"] for value in ran.values] == ["ada wants tea, hot", "bob wants {{who}}"]
    assert ran.values[0]["columns"] == {"who": "ada", "what": "tea, hot"}
    wrong = shell("batch", str(tmp_path / "p.csv"), "--template", "{{whom}}", *MODEL)
    assert wrong.code == 1
    assert "line 2: there is no column whom" in wrong.talk


def test_identical_prompts_are_asked_once_with_a_cache(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("same\nsame\nsame\n")
    with Served() as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        ran = shell("batch", str(tmp_path / "p.txt"), "--cache", *MODEL)
        assert len(ran.values) == 3
        assert sum(path == "/api/chat" for path in server.paths()) == 1
    assert "2 from the cache" in ran.talk


def test_two_servers_share_the_work(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("".join(f"{number}\n" for number in range(8)))
    with Served() as one, Served() as other:
        shell = Shell(home=home_below(tmp_path), host=one.url)
        ran = shell(
            "batch",
            str(tmp_path / "p.txt"),
            "--also-on",
            other.url,
            "--concurrency",
            "1",
            "--model",
            "script-prose-10-50",
        )
        assert ran.code == 0, ran.talk
        assert {value["host"] for value in ran.values} == {one.url, other.url}


def test_another_server_that_is_dead_is_named_once_and_the_others_go_on(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\ntwo\nthree\nfour\n")
    dead = nobody_there()
    ran = shell("batch", str(tmp_path / "p.txt"), *MODEL, "--also-on", dead, "--retries", "0", "--quiet")
    assert ran.code == 0, ran.talk
    assert {value["host"] for value in ran.values} == {shell.host}
    [said] = ran.talk.splitlines()
    assert said.startswith(f"chinwag: {dead} is left out, its share goes to the others: ")


def test_another_server_without_the_model_is_left_out(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\ntwo\nthree\nfour\n")
    with Served(models=()) as other:
        words = ("--model", "tour:8b", "--also-on", other.url, "--quiet")
        ran = shell("batch", str(tmp_path / "p.txt"), *words)
        assert "/api/chat" not in other.paths()
    assert ran.code == 0, ran.talk
    assert "is left out" in ran.talk
    assert len(ran.talk.splitlines()) == 1


def test_when_every_server_is_dead_it_is_3_as_with_one(tmp_path: Path) -> None:
    shell = Shell(home=home_below(tmp_path), host=nobody_there())
    (shell.home / "p.txt").write_text("one\n")
    assert shell("batch", "p.txt", "--also-on", nobody_there(), "--retries", "0").code == 3


def test_failures_are_named_counted_and_asked_again(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\n")
    output = tmp_path / "r.jsonl"
    ran = shell("batch", str(tmp_path / "p.txt"), "--model", "hungry:405b", "--output", str(output))
    assert ran.code == 1
    assert "prompt 1: " in ran.talk
    assert lines(output)[0]["failure_kind"] == "out_of_memory"
    again = shell("batch", str(tmp_path / "p.txt"), *MODEL, "--output", str(output))
    assert again.code == 0
    assert len(lines(output)) == 2


def test_a_cloud_model_is_not_asked_unasked(shell: Shell, demo: Served, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a secret\n")
    before = len(demo.chats())
    ran = shell("batch", str(tmp_path / "p.txt"), "--model", "cloudy:120b-cloud")
    assert ran.code == 1
    assert "give --allow-cloud" in ran.talk
    assert len(demo.chats()) == before
    allowed = shell("batch", str(tmp_path / "p.txt"), "--model", "cloudy:120b-cloud", "--allow-cloud")
    assert len(demo.chats()) == before + 1
    assert allowed.values[0]["failure_kind"] == "unauthorized"  # as a server says to whom nobody is signed in


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("missing.txt",), 1, "missing.txt"),
        (("p.txt", "--concurrency", "0"), 2, "at least 1"),
        (("p.txt", "--retries", "-1"), 2, "at least 0"),
        (("p.txt", "--model", "nobody"), 4, "there is no model nobody"),
        (("p.txt", "--output", "p.txt"), 2, "is the file of the prompts"),
        (("p.txt", "--output", "no/such/folder/r.jsonl", *MODEL), 1, "cannot write"),
        (("p.txt", "--option", "temperature", *MODEL), 2, "write NAME=VALUE"),
        (("p.txt", "--format", "none.json", *MODEL), 1, "none.json"),
        (("p.txt", "--think", "hard", *MODEL), 2, "--think hard is not known"),
        (("p.txt", "--keep-alive", "soon", *MODEL), 2, "--keep-alive soon is no time; write 30m"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    shell: Shell, words: tuple[str, ...], code: int, said: str
) -> None:
    (shell.home / "p.txt").write_text("one\n")
    ran = shell("batch", *words)
    assert ran.code == code
    assert said in ran.talk
    assert ran.out == ""
    assert (shell.home / "p.txt").read_text() == "one\n"


def test_two_runs_never_write_one_file_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("".join(f"prompt {number}\n" for number in range(4)))
    output = tmp_path / "r.jsonl"
    with Served() as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        # One answer takes far longer than this test.
        words = ("batch", str(tmp_path / "p.txt"), "--model", "script-prose-100000-10", "--output", str(output))
        first = shell.begin(*words, "--concurrency", "1")
        server.wait_until(lambda demo: any(one.path == "/api/chat" for one in demo.received))
        for more in ((), ("--again",)):
            second = shell(*words, *more)
            assert second.code == 1
            assert "another run writes there" in second.talk
        assert sum(path == "/api/chat" for path in server.paths()) == 1
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=LONG_SECONDS)
        assert first.returncode == 130
    assert output.read_bytes() == b""


def test_a_server_that_is_not_there_is_asked_as_often_as_wished(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\n")
    shell = Shell(home=home_below(tmp_path), host=nobody_there())
    assert "again in" not in shell("batch", str(tmp_path / "p.txt"), "--retries", "0").talk
    assert shell("batch", str(tmp_path / "p.txt"), "--retries", "1").talk.count("again in") == 1


def test_without_a_server_it_is_3(tmp_path: Path) -> None:
    shell = Shell(home=home_below(tmp_path), host=nobody_there())
    (shell.home / "p.txt").write_text("one\n")
    assert shell("batch", "p.txt").code == 3


@pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")
def test_prompts_through_a_pipe(shell: Shell) -> None:
    ran = shell.piped(f"printf 'one\\ntwo\\n' | chinwag batch - {' '.join(MODEL)} --quiet | head -n 1")
    assert json.loads(ran.lines[0])["prompt"] in ("one", "two")
    assert ran.talk == ""
