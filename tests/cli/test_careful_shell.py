"""What a careful person tries at a shell: Ctrl+C at any moment, full disks, closed streams, no terminal."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.commanding import Shell, is_bash_here
from tests.terminal import Terminal

LONG_SECONDS = 60.0
MODEL = ("--model", "script-prose-5-0")
FULL = Path("/dev/full")
has_full_disk = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
has_bash = pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")


@pytest.mark.parametrize(
    "words", [("chat", *MODEL), ("batch", "-", *MODEL), ("embed", "--lines"), ("generate", *MODEL)]
)
def test_ctrl_c_ends_it_while_it_waits_for_input_that_never_comes(shell: Shell, words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [*shell.argv(*words)],
            stdin=reading,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=shell.environment,
            cwd=shell.home,
        )
        os.write(writing, b"begun\n")
        # It reads as soon as it can: the pipe is empty then.
        wait_for_empty(reading)
        process.send_signal(signal.SIGINT)
        out, talk = process.communicate(timeout=LONG_SECONDS)
    finally:
        os.close(reading)
        os.close(writing)
    assert process.returncode == 130
    assert out + talk == b""


def wait_for_empty(pipe: int) -> None:
    """Until somebody else has taken everything out of ``pipe``."""
    import fcntl
    import struct
    import termios
    import time

    until = time.monotonic() + LONG_SECONDS
    while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))[0]:
        assert time.monotonic() < until, "nobody reads it"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("words", "question"),
    [(("models", "rm", "fast:1b"), "delete fast:1b from"), (("presets", "rm", "own"), "remove 1 preset: own?")],
)
def test_ctrl_c_at_a_question_is_no_answer(shell: Shell, words: tuple[str, ...], question: str) -> None:
    assert shell("presets", "save", "own").code == 0
    with Terminal(shell.argv(*words), home=shell.home, environment={"OLLAMA_HOST": shell.host}) as terminal:
        terminal.wait_for(question, LONG_SECONDS)
        terminal.send("\x03")
        assert terminal.exit_code(LONG_SECONDS) == 130
    assert "fast:1b" in shell("models", "list", "--names").lines
    assert shell("presets", "show", "own").code == 0


def test_a_run_that_was_given_up_at_once_leaves_nothing(shell: Shell) -> None:
    words = shell.argv("compare", "slow:70b", "--prompt", "x")
    with Terminal(words, home=shell.home, environment={"OLLAMA_HOST": shell.host}) as terminal:
        terminal.wait_for("0 of 1", LONG_SECONDS)
        terminal.send("\x03")
        assert terminal.exit_code(LONG_SECONDS) == 130
    assert shell("outputs", "list", "--json").values == []


@has_full_disk
@has_bash
@pytest.mark.parametrize(
    "line",
    [
        "chinwag models list",
        "chinwag chat x --model script-prose-5-0",
        "chinwag help",
        "chinwag --help",
        "chinwag chat --help",
        "chinwag completions bash",
        "chinwag presets export precise",
    ],
)
def test_a_full_disk_is_said_and_is_no_success(shell: Shell, line: str) -> None:
    ran = shell.piped(f"{line} > {FULL}")
    assert ran.code == 1
    assert "cannot be written; no space left on device" in ran.talk


@has_bash
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_never_hurt_a_file(shell: Shell, closed: str) -> None:
    before = {file: file.read_bytes() for file in shell.home.rglob("*") if file.is_file()}
    ran = shell.piped(f"chinwag presets list {closed}")
    assert ran.code == (1 if ">&- " in f"{closed} " and not closed.startswith("2") else 0)
    assert {file: file.read_bytes() for file in before} == before


@has_bash
def test_without_any_terminal_nothing_asks(shell: Shell) -> None:
    ran = shell.piped("chinwag outputs clean --all; chinwag models rm fast:1b; chinwag config reset --all")
    assert ran.code == 1
    assert "[y/N]" not in ran.talk
    assert ran.talk.count("give --yes") == 2


@has_bash
@pytest.mark.parametrize(
    "line",
    [
        "chinwag models list --json",
        "chinwag models ps --json",
        "chinwag models fits --json",
        "chinwag presets list --json",
        "chinwag outputs stats --json",
        "chinwag hosts list --json",
        "chinwag help --json",
        "chinwag config path --json",
        "chinwag models unload fast:1b --json",
        "chinwag chat x --model fast:1b --conversation new >/dev/null; chinwag conversations show last --json",
        "chinwag config get --json",
        "chinwag chat x --model script-prose-5-0 --json",
        "chinwag generate x --model fast:1b --json",
        "chinwag bench fast:1b --repeats 1 --answer-tokens 5 --json --no-save",
        "chinwag compare fast:1b --prompt x --json --no-save",
    ],
)
def test_json_is_json_and_nothing_else(shell: Shell, line: str) -> None:
    ran = shell.piped(f"{line} | python3 -m json.tool --json-lines --compact")
    assert ran.code == 0, ran.talk
    assert "\x1b" not in ran.out + ran.talk


@pytest.mark.parametrize(
    "words",
    [
        ("chat", "x", "--retries", "-1"),
        ("chat", "x", "--timeout", "soon"),
        ("chat", "x", "--timeout", "nan"),
        ("chat", "x", "--metadata", "novalue"),
        ("chat", "x", "--option", "num_ctx=abc"),
        ("chat", "x", "--think", "hard"),
        ("embed", "x", "--dimensions", "0"),
        ("embed", "x", "--batch", "0"),
        ("bench", "fast:1b", "--warm-ups", "-1"),
        ("compare", "fast:1b", "--prompt", "x", "--width", "0"),
        ("stats", "--days", "-1"),
        ("models", "fits", "fast:1b", "--num-ctx", "4k,32k"),
        ("outputs", "clean"),
        ("config", "reset"),
        ("conversations", "export"),
        ("models", "create", "x"),
        ("hosts", "add", "x", "http://127.0.0.1", "--memory-bytes", "-1"),
    ],
)
def test_a_flag_that_cannot_be_is_a_wrong_line(shell: Shell, words: tuple[str, ...]) -> None:
    ran = shell(*words)
    assert ran.code == 2, ran.talk
    assert ran.out == ""
    assert "invalid _" not in ran.talk


def test_days_before_all_times_are_all_days(shell: Shell) -> None:
    shell("chat", "x", "--model", "fast:1b")
    assert shell("stats", "--days", "99999999999", "--json").values == shell("stats", "--json").values


def test_a_terminal_without_colours_gets_none(shell: Shell) -> None:
    environment = {"OLLAMA_HOST": shell.host, "NO_COLOR": "1"}
    with Terminal(shell.argv("models", "list"), home=shell.home, environment=environment) as terminal:
        assert terminal.exit_code(LONG_SECONDS) == 0
        assert b"\x1b[3" not in terminal.raw
