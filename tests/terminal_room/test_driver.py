"""The driver on a real pseudo-terminal: slow, stuck, suspended and gone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal import REPOSITORY, Terminal, ctrl, pasted
from tests.terminal_room.host import CRASH
from tui.app.terminal.driver import SIGNALS_TOGETHER_SECONDS
from tui.app.terminal.line_pace import LinePace
from tui.app.terminal.writer import FRAMES_WAITING, TerminalOutput, TerminalWriter, open_output

F2, F3, F4, F5 = "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[15~"
AT_REST = frozenset({7, 25})
OURS = {1000, 1003, 1004, 1006, 1049, 2004}


def host(kind: str = "plain", *arguments: str | Path, **options: object) -> Terminal:
    argv = [sys.executable, "-m", "tests.terminal_room.host", kind, *map(str, arguments)]
    return Terminal(argv, columns=60, rows=8, **options)  # type: ignore[arg-type]


def threads(pid: int) -> int:
    if Path("/proc/self/task").exists():
        return len(os.listdir(f"/proc/{pid}/task"))
    return len(subprocess.run(["ps", "-M", str(pid)], capture_output=True, check=True).stdout.splitlines()) - 1


def until(holds: Callable[[], bool], timeout_seconds: float = 60) -> None:
    deadline_seconds = time.monotonic() + timeout_seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline_seconds
        pause.wait(0.01)


def test_keys_come_through_the_decoder() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        for sent, key in {"\x1b\r": "alt+enter", "\x1b\x1b[A": "alt+up", "\x1b[27;5;13~": "ctrl+enter"}.items():
            terminal.send(sent)
            terminal.wait_for(f"key {key}")
        terminal.send("\x1b]11;rgb:1414/1616/1a1a\x1b\\\x1bP1+r544e\x1b\\")
        terminal.send("text" + pasted("two\rlines"))
        assert re.search(r"texttwo *.*\n.*lines", terminal.wait_for("lines"))
        terminal.send(ctrl("q"))
        assert terminal.exit_code() == 0
        assert "rgb" not in terminal.raw.decode(errors="replace")


def test_every_way_out_leaves_the_terminal_as_it_was() -> None:
    def quit_by_key(terminal: Terminal) -> None:
        terminal.send(ctrl("q"))

    def crash(terminal: Terminal) -> None:
        terminal.send(F2)

    def end_by(number: signal.Signals) -> Callable[[Terminal], None]:
        return lambda terminal: terminal.kill(number)

    assert CRASH == "f2"
    ways = {
        quit_by_key: 0,
        crash: 1,
        end_by(signal.SIGTERM): 128 + signal.SIGTERM,
        end_by(signal.SIGINT): 128 + signal.SIGINT,
        end_by(signal.SIGQUIT): 128 + signal.SIGQUIT,
        end_by(signal.SIGHUP): 128 + signal.SIGHUP,
    }
    for way, code in ways.items():
        with host() as terminal:
            before = termios.tcgetattr(terminal._controller)
            terminal.wait_for("ready")
            assert terminal.private_modes >= OURS
            assert termios.tcgetattr(terminal._controller) != before
            way(terminal)
            assert terminal.exit_code() == code, way
            assert terminal.private_modes == AT_REST, way
            assert termios.tcgetattr(terminal._controller) == before, way
            assert b"\x1b[<u" in terminal.raw


def test_a_terminal_that_is_not_read_delays_no_end() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        with stuck(terminal):
            # Nobody sees how far it got; the process sleeps only when there is nothing left that it could write.
            until(lambda: not terminal.is_running or is_blocked(terminal))
            asked_seconds = time.monotonic()
            terminal.kill(signal.SIGTERM)
            assert terminal.exit_code() == 128 + signal.SIGTERM
            assert time.monotonic() - asked_seconds < 3


def is_blocked(terminal: Terminal) -> bool:
    """Whether the terminal takes no more: what the program wrote stands in it and nobody reads."""
    import fcntl
    import struct

    waiting = struct.unpack("i", fcntl.ioctl(terminal._controller, termios.FIONREAD, b"\0" * 4))[0]
    return int(waiting) >= 1000


class stuck:  # noqa: N801 - a word of the story
    """A terminal that floods while nobody reads."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._release = threading.Event()

    def __enter__(self) -> None:
        self._terminal._changed.acquire()
        os.write(self._terminal._controller, F3.encode())

    def __exit__(self, *_: object) -> None:
        self._terminal._changed.release()


def test_what_hangs_is_ended_by_force_with_the_terminal_left() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        terminal.send(F4)
        terminal.send("x")
        terminal.wait_until_quiet(0.1)
        asked_seconds = time.monotonic()
        terminal.kill(signal.SIGTERM)
        assert terminal.exit_code() == 128 + signal.SIGTERM
        assert time.monotonic() - asked_seconds < 2.6
        assert terminal.private_modes == AT_REST


def test_a_hang_up_ends_it_cleanly() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        terminal.hang_up()
        assert terminal.process.wait(5) == 128 + signal.SIGHUP


def test_a_listener_goes_on_without_a_terminal_and_without_work(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    with host("listening", heard) as terminal:
        terminal.wait_for("ready")
        used_before = os.times().children_user
        terminal.hang_up()
        assert terminal.process.wait(5) == 7
        assert heard.read_text().splitlines()[-1] == "went on"
        assert heard.read_text().count("lost") == 1
        assert os.times().children_user - used_before < 2


def test_a_listener_hears_requests_and_answers(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    with host("listening", heard) as terminal:
        terminal.wait_for("ready")
        terminal.send("\x1b]11;rgb:1/2/3\x07")
        terminal.wait_for(r"answered '\x1b]11;rgb:1/2/3\x07'")
        terminal.kill(signal.SIGTERM)
        assert terminal.exit_code() == 8
        assert heard.read_text().splitlines() == ["asked to end by SIGTERM"]


def test_forty_suspensions_leave_no_thread_behind() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        before = threads(terminal.pid)
        for _ in range(40):
            terminal.kill(signal.SIGTSTP)
            terminal.kill(signal.SIGCONT)
        terminal.send("up")
        terminal.wait_for("up")
        # Signals so close to the storm count as a part of it, which ends with going on.
        terminal.wait_until_quiet(2 * SIGNALS_TOGETHER_SECONDS)
        for _ in range(5):
            terminal.kill(signal.SIGTSTP)
            until(lambda: 1049 not in terminal.private_modes)
            terminal.kill(signal.SIGCONT)
            until(lambda: 1049 in terminal.private_modes)
            terminal.wait_until_quiet(2 * SIGNALS_TOGETHER_SECONDS)
        terminal.kill(signal.SIGCONT)
        terminal.send("still here")
        terminal.wait_for("still here")
        until(lambda: threads(terminal.pid) == before)
        attributes = termios.tcgetattr(terminal._controller)
        assert not attributes[3] & termios.ECHO
        terminal.send(ctrl("q"))
        assert terminal.exit_code() == 0
        assert terminal.private_modes == AT_REST
        assert termios.tcgetattr(terminal._controller)[3] & termios.ECHO


def test_a_program_in_between_has_the_terminal_for_itself() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        terminal.send(F5)
        terminal.wait_for("in between")
        assert terminal.private_modes == AT_REST
        terminal.send("a line\r")
        until(lambda: 1049 in terminal.private_modes)
        terminal.send("after")
        terminal.wait_for("after")


def test_a_new_size_is_heard() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        terminal.resize(40, 12)
        terminal.wait_until(lambda screen: any(len(line) == 40 for line in screen.splitlines()))


# ---------------------------------------------------------------------- the writer


@pytest.fixture
def pipe() -> Iterator[tuple[int, TerminalOutput]]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    yield reader, TerminalOutput(descriptor=writer, can_block=False)
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


def test_a_full_terminal_refuses_frames_and_asks_for_them_later(pipe: tuple[int, TerminalOutput]) -> None:
    reader, output = pipe
    drained = threading.Event()
    writer = TerminalWriter(output, drained=drained.set, lost=lambda: None)
    writer.start()
    taken = 0
    while writer.write_frame("x" * 300_000):
        taken += 1
        assert taken < 10
    assert taken <= FRAMES_WAITING
    writer.write("kept")
    assert not drained.is_set()
    seen = b""
    while not seen.endswith(b"kept"):
        seen += os.read(reader, 1 << 16)
    assert len(seen) == taken * 300_000 + 4
    assert drained.wait(5)
    assert writer.write_frame("next")
    assert os.read(reader, 10) == b"next"
    writer.stop(1)


def test_a_frame_that_waits_for_the_pace_of_the_line_is_asked_for_with_nothing_to_write(
    pipe: tuple[int, TerminalOutput],
) -> None:
    _, output = pipe
    pace, now_seconds = LinePace(), time.monotonic()
    pace.stood(now_seconds - 1)
    pace.took(20_000, now_seconds - 0.6)
    pace.stood(now_seconds)
    drained = threading.Event()
    writer = TerminalWriter(output, drained=drained.set, lost=lambda: None, pace=pace)
    writer.start()
    # From the beginning the thread has nothing to do, and sleeps.
    time.sleep(0.05)
    assert writer.is_behind()
    assert drained.wait(10)
    writer.stop(1)


def test_stopping_keeps_what_is_no_frame(pipe: tuple[int, TerminalOutput]) -> None:
    reader, output = pipe
    writer = TerminalWriter(output, drained=lambda: None, lost=lambda: None)
    assert writer.write_frame("frame")
    writer.write("modes")
    writer.stop(0)
    writer.start()
    writer.stop(1)
    assert os.read(reader, 100) == b"modes"


def test_stopping_waits_no_longer_than_it_may(pipe: tuple[int, TerminalOutput]) -> None:
    _, output = pipe
    writer = TerminalWriter(output, drained=lambda: None, lost=lambda: None)
    writer.start()
    writer.write("x" * 500_000)
    began_seconds = time.monotonic()
    writer.stop(0.1)
    assert time.monotonic() - began_seconds < 1
    assert not any(thread.name == "terminal-output" for thread in threading.enumerate())


def test_stopping_is_patient_while_the_terminal_takes_something(pipe: tuple[int, TerminalOutput]) -> None:
    reader, output = pipe
    writer = TerminalWriter(output, drained=lambda: None, lost=lambda: None)
    writer.start()
    writer.write("x" * 400_000 + "end")
    seen = bytearray()

    def read_slowly() -> None:
        pause = threading.Event()
        while not seen.endswith(b"end"):
            seen.extend(os.read(reader, 60_000))
            pause.wait(0.05)

    thread = threading.Thread(target=read_slowly)
    thread.start()
    writer.stop(0.2, at_most_seconds=20)
    thread.join(10)
    assert len(seen) == 400_003


def test_a_terminal_that_is_gone_is_told_once(pipe: tuple[int, TerminalOutput]) -> None:
    reader, output = pipe
    os.close(reader)
    lost = threading.Event()
    calls: list[int] = []

    def note() -> None:
        calls.append(1)
        lost.set()

    writer = TerminalWriter(output, drained=lambda: None, lost=note)
    writer.start()
    writer.write("text")
    assert lost.wait(5)
    assert writer.is_lost
    assert not writer.write_frame("more")
    writer.write("more")
    writer.stop(1)
    assert calls == [1]


def test_the_output_never_blocks_and_leaves_the_shell_alone() -> None:
    import pty

    controller, program = pty.openpty()
    output = open_output(program)
    assert not output.can_block
    assert not os.get_blocking(output.descriptor)
    assert os.get_blocking(program)
    for descriptor in (controller, program, output.descriptor):
        os.close(descriptor)


def test_the_repository_is_where_hosts_start() -> None:
    assert (REPOSITORY / "tests/terminal_room/host.py").exists()
