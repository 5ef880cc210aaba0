"""Every way out: the shell is given back as it was, the exit code tells what happened, and what was said is kept."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.end_to_end.program import (
    ANSWERING,
    LONG_SECONDS,
    STOPPED,
    app_of,
    ask,
    chinwag,
    is_there,
    kept_conversations,
    leave,
    moments,
    press_until,
    wait_for_end_of,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.terminal import Key, Terminal, ctrl, python_program
from tui.conversations.values import Conversation, MessageState

COUNTER = "script-count-100000-40"
"""One number a line; every number and every line break is a token."""
SHORT_COUNTER = "script-count-200-40"
LAST_WORD = "ENDMARK"
AT_REST = {7, 25}
QUESTION = "an answer is under way"
FINISH = "finish in the background"

WITHOUT_CONTROLLING_TERMINAL = """
import os, sys
child = os.fork()
if child == 0:
    os.setsid()
    os.execv(sys.executable, [sys.executable, "-m", "tui", *sys.argv[1:]])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def highest_number(text: str) -> int:
    return max((int(number) for number in re.findall(r"^ *([0-9]+)$", text, re.MULTILINE)), default=0)


def count_upto(terminal: Terminal, number: int) -> None:
    terminal.wait_until(lambda screen: highest_number(screen) >= number, LONG_SECONDS)


def counting(server: Served, home: Path, *, model: str = COUNTER, **environment: str) -> Terminal:
    return chinwag("--host", server.url, "--model", model, home=home, environment=environment)


def begin_to_count(terminal: Terminal) -> None:
    wait_until_usable(terminal)
    ask(terminal, "count for me")
    count_upto(terminal, 5)


def the_conversation(home: Path) -> Conversation:
    (conversation,) = kept_conversations(home)
    return conversation


@contextmanager
def in_a_shell(server: Served, home: Path, *, model: str = COUNTER) -> Iterator[Terminal]:
    """chinwag as the job of a shell."""
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash here, and job control needs a shell that has it")
    with Terminal([shell, "--norc", "--noprofile", "-i"], home=home, environment={"PS1": "shell> "}) as terminal:
        terminal.wait_for("shell>", LONG_SECONDS)
        terminal.send(f'"{sys.executable}" -m tui --host {server.url} --model {model}; echo "code=$?"\r')
        yield terminal


def say_in_shell(terminal: Terminal, word: str) -> None:
    terminal.send(f"echo it is {word}\r")
    terminal.wait_for(f"\nit is {word}", LONG_SECONDS)


# ---------------------------------------------------------------------- the process that waits


def test_the_app_is_a_process_of_its_own_and_ends_with_the_one_that_waits(server: Served, home: Path) -> None:
    with counting(server, home) as terminal:
        wait_until_usable(terminal)
        app = app_of(terminal)
        leave(terminal)
        assert not is_there(app)


def test_one_process_is_enough_when_it_is_asked_for(steady: Served, home: Path) -> None:
    with counting(steady, home, CHINWAG_FORK="0") as terminal:
        begin_to_count(terminal)
        terminal.send(ctrl("q"))
        assert FINISH not in terminal.wait_for(QUESTION, LONG_SECONDS)
        press_until(terminal, Key.escape, ANSWERING)
        terminal.kill(signal.SIGTERM)
        assert terminal.exit_code(LONG_SECONDS) == 128 + signal.SIGTERM
        assert terminal.private_modes == AT_REST


def test_an_app_that_is_killed_leaves_a_terminal_that_can_be_used(steady: Served, home: Path) -> None:
    with counting(steady, home) as terminal:
        before = termios.tcgetattr(terminal._controller)
        begin_to_count(terminal)
        seen = highest_number(terminal.screen())
        os.kill(app_of(terminal), signal.SIGKILL)
        assert terminal.exit_code(LONG_SECONDS) == 128 + signal.SIGKILL
        assert terminal.private_modes == AT_REST
        assert termios.tcgetattr(terminal._controller) == before
        assert "chinwag: ended by SIGKILL; what was said until then is kept" in terminal.screen()
    assert highest_number(the_conversation(home).messages[1].text) >= seen


def test_the_app_ends_when_the_process_that_waits_is_killed(steady: Served, home: Path) -> None:
    with counting(steady, home) as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        os.kill(terminal.pid, signal.SIGKILL)
        wait_for_end_of(app)
    answer = the_conversation(home).messages[1]
    assert answer.state is MessageState.stopped
    assert highest_number(answer.text) >= 5


def test_ctrl_c_while_it_starts_ends_it_without_a_word(home: Path, tmp_path: Path) -> None:
    (tmp_path / "textual").mkdir()
    (tmp_path / "textual" / "__init__.py").write_text("import time\ntime.sleep(600)\n")
    with chinwag("--demo", home=home, environment={"PYTHONPATH": str(tmp_path)}) as terminal:
        terminal.wait_for("starting", LONG_SECONDS)
        app_of(terminal)
        terminal.send(ctrl("c"))
        assert terminal.exit_code(LONG_SECONDS) == 128 + signal.SIGINT
        assert terminal.private_modes == AT_REST
        assert terminal.screen().strip() in ("", "^C")


# ---------------------------------------------------------------------- finishing in the background


def finish_in_background(terminal: Terminal) -> None:
    terminal.send(ctrl("q"))
    terminal.wait_for(FINISH, LONG_SECONDS)
    press_until(terminal, Key.down, re.compile(f"› +{FINISH}"))
    terminal.send(Key.enter)


def test_an_answer_is_finished_in_the_background(steady: Served, home: Path) -> None:
    with counting(steady, home, model=SHORT_COUNTER) as terminal:
        before = termios.tcgetattr(terminal._controller)
        begin_to_count(terminal)
        ask(terminal, "and then this")
        terminal.wait_for("1 queued", LONG_SECONDS)
        write(terminal, "half a thought")
        app = app_of(terminal)
        finish_in_background(terminal)
        assert terminal.exit_code(LONG_SECONDS) == 0
        assert terminal.private_modes == AT_REST
        assert termios.tcgetattr(terminal._controller) == before
        wait_for_end_of(app)
    _, answer, waiting = the_conversation(home).messages
    assert answer.text.endswith(LAST_WORD)
    assert answer.state is MessageState.complete
    assert (waiting.text, waiting.state) == ("and then this", MessageState.not_sent)
    assert len(steady.chats()) == 1


def test_the_shell_is_there_while_an_answer_is_finished(steady: Served, home: Path) -> None:
    with in_a_shell(steady, home) as terminal:
        begin_to_count(terminal)
        finish_in_background(terminal)
        terminal.wait_for("code=0", LONG_SECONDS)
        say_in_shell(terminal, "back")
        steady.wait_for_tokens(40)
        assert steady.hang_ups == 0
        say_in_shell(terminal, "quiet")
        assert highest_number(terminal.screen()) == 0
    # The shell is gone, too, and with it the terminal.
    steady.wait_for_tokens(40)
    assert steady.hang_ups == 0
    steady.close()


def test_a_bound_ends_what_nobody_looks_at(steady: Served, home: Path) -> None:
    with counting(steady, home, CHINWAG_STORAGE_FINISH_SECONDS="1") as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        finish_in_background(terminal)
        assert terminal.exit_code(LONG_SECONDS) == 0
        wait_for_end_of(app)
    answer = the_conversation(home).messages[1]
    assert answer.state is MessageState.stopped
    assert highest_number(answer.text) >= 5


# ---------------------------------------------------------------------- the line drops


def test_a_line_that_drops_without_a_controlling_terminal_loses_nothing(steady: Served, home: Path) -> None:
    argv = [*python_program(WITHOUT_CONTROLLING_TERMINAL), "--host", steady.url, "--model", SHORT_COUNTER]
    with Terminal(argv, home=home, columns=100, rows=30) as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        terminal.hang_up()
        wait_for_end_of(app)
    assert the_conversation(home).messages[1].text.endswith(LAST_WORD)


def test_a_line_that_drops_under_nohup_loses_nothing(steady: Served, home: Path) -> None:
    command = f'trap "" HUP; exec "{sys.executable}" -m tui --host {steady.url} --model {SHORT_COUNTER}'
    with Terminal(["/bin/sh", "-c", command], home=home, columns=100, rows=30) as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        terminal.hang_up()
        wait_for_end_of(app)
    assert the_conversation(home).messages[1].text.endswith(LAST_WORD)


def test_a_hang_up_of_a_terminal_that_stays_gives_it_back(steady: Served, home: Path) -> None:
    with counting(steady, home, model=SHORT_COUNTER) as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        terminal.kill(signal.SIGHUP)
        assert terminal.exit_code(LONG_SECONDS) == 0
        assert terminal.private_modes == AT_REST
        wait_for_end_of(app)
    assert the_conversation(home).messages[1].text.endswith(LAST_WORD)


def test_a_line_that_stood_still_before_it_dropped_loses_nothing(steady: Served, home: Path) -> None:
    with counting(steady, home, model=SHORT_COUNTER) as terminal:
        begin_to_count(terminal)
        app = app_of(terminal)
        stop_reading(terminal)
        steady.wait_for_tokens(100)
        terminal.hang_up()
        wait_for_end_of(app)
    assert the_conversation(home).messages[1].text.endswith(LAST_WORD)


def test_one_that_was_stopped_wakes_when_the_line_drops(steady: Served, home: Path) -> None:
    with in_a_shell(steady, home, model=SHORT_COUNTER) as terminal:
        begin_to_count(terminal)
        terminal.send(ctrl("z"))
        terminal.wait_for("Stopped", LONG_SECONDS)
    for _ in moments():
        answer = the_conversation(home).messages[1]
        if answer.state is not MessageState.answering:
            break
    assert answer.text.endswith(LAST_WORD)


# ---------------------------------------------------------------------- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_that_ends_keeps_the_answer_and_restores_the_terminal(
    number: signal.Signals, steady: Served, home: Path
) -> None:
    with counting(steady, home) as terminal:
        before = termios.tcgetattr(terminal._controller)
        begin_to_count(terminal)
        write(terminal, "half a thought")
        terminal.kill(number)
        assert terminal.exit_code(LONG_SECONDS) == 128 + number
        assert terminal.private_modes == AT_REST
        assert termios.tcgetattr(terminal._controller) == before
        assert terminal.screen().strip() == f"chinwag: ended by {number.name}; what was said until then is kept"
    answer = the_conversation(home).messages[1]
    assert answer.state is MessageState.stopped
    assert highest_number(answer.text) >= 5


def test_sigint_stops_the_answer_and_then_the_program(steady: Served, home: Path) -> None:
    with counting(steady, home) as terminal:
        begin_to_count(terminal)
        # As from a terminal: everybody in the foreground hears it.
        os.killpg(terminal.pid, signal.SIGINT)
        terminal.wait_for(STOPPED, LONG_SECONDS)
        write(terminal, "still here")
        while terminal.is_running:
            terminal.kill(signal.SIGINT)
            with suppress(AssertionError):
                terminal.exit_code(1)
        assert terminal.exit_code(LONG_SECONDS) == 128 + signal.SIGINT
        assert terminal.private_modes == AT_REST


def test_a_terminal_that_nobody_reads_does_not_keep_it(steady: Served, home: Path) -> None:
    with counting(steady, home) as terminal:
        begin_to_count(terminal)
        stop_reading(terminal)
        steady.wait_for_tokens(100)
        terminal.kill(signal.SIGTERM)
        assert terminal.process.wait(LONG_SECONDS) == 128 + signal.SIGTERM
    answer = the_conversation(home).messages[1]
    assert answer.state is MessageState.stopped
    assert highest_number(answer.text) >= 40


def stop_reading(terminal: Terminal) -> None:
    """What is written stays in the line, as behind a connection that died without a word."""
    os.close(terminal._wake_reader)
    terminal._wake_reader = -1
    assert terminal._thread is not None
    terminal._thread.join()
    terminal._thread = None


# ---------------------------------------------------------------------- stopping and going on


def test_a_job_in_the_background_waits_for_the_foreground(steady: Served, home: Path) -> None:
    with in_a_shell(steady, home) as terminal:
        begin_to_count(terminal)
        terminal.send(ctrl("z"))
        terminal.wait_for("Stopped", LONG_SECONDS)
        say_in_shell(terminal, "stopped")
        terminal.send("bg\r")
        press_until(terminal, "\r", re.compile("Stopped(.|\n)*Stopped"))
        say_in_shell(terminal, "in the background")
        terminal.send("fg\r")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        write(terminal, "still here")
        press_until(terminal, Key.escape, STOPPED)
        terminal.send(ctrl("q"))
        terminal.wait_for("shell>", LONG_SECONDS)


def test_ctrl_z_where_nobody_could_go_on_changes_nothing(steady: Served, home: Path) -> None:
    with counting(steady, home) as terminal:
        begin_to_count(terminal)
        written = len(terminal.raw)
        terminal.send(ctrl("z"))
        # The other screen is left and entered again.
        terminal.wait_for_bytes(b"\x1b[?1049l", LONG_SECONDS, start=written)
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        write(terminal, "still here")
        terminal.kill(signal.SIGTERM)
        assert terminal.exit_code(LONG_SECONDS) == 128 + signal.SIGTERM


def test_a_storm_of_stops_ends_running(steady: Served, home: Path) -> None:
    with in_a_shell(steady, home) as terminal:
        begin_to_count(terminal)
        waiting = app_of(terminal)
        for _ in range(40):
            os.kill(waiting, signal.SIGTSTP)
            os.kill(waiting, signal.SIGCONT)
        terminal.send(Key.enter)
        for _ in range(int(LONG_SECONDS)):
            with suppress(AssertionError):
                terminal.wait_for(ANSWERING, timeout_seconds=1)
                break
            terminal.send("\rfg\r")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        press_until(terminal, Key.escape, STOPPED)


# ---------------------------------------------------------------------- sizes and ends that are closed


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (3, 10), (500, 200)])
def test_it_starts_and_ends_in_any_size(columns: int, rows: int, server: Served, home: Path) -> None:
    with chinwag("--host", server.url, "--model", "fast:1b", home=home, columns=columns, rows=rows) as terminal:
        server.wait_until(lambda demo: any(one.path == "/api/tags" for one in demo.received))
        terminal.resize(100, 30)
        wait_until_usable(terminal)
        terminal.resize(columns, rows)
        terminal.kill(signal.SIGTERM)
        assert terminal.exit_code(LONG_SECONDS) == 128 + signal.SIGTERM
        assert terminal.private_modes == AT_REST


@pytest.mark.parametrize("term", ["vt100", "linux", "screen", "xterm-kitty", "no-such-terminal"])
def test_it_starts_and_ends_in_a_terminal_of_any_name(term: str, server: Served, home: Path) -> None:
    with chinwag("--host", server.url, "--model", "fast:1b", home=home, environment={"TERM": term}) as terminal:
        wait_until_usable(terminal)
        leave(terminal)
        assert terminal.private_modes == AT_REST


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&-"])
def test_an_end_that_is_closed_is_a_reason_not_to_start(redirection: str, home: Path) -> None:
    with Terminal(["/bin/sh", "-c", f'"{sys.executable}" -m tui --demo {redirection}'], home=home) as terminal:
        assert terminal.exit_code(LONG_SECONDS) == 2
        assert b"\x1b" not in terminal.raw
        assert "Traceback" not in terminal.screen()
