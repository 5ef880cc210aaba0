"""The whole terminal room at work: the same app through both encoders, through tmux, and on terminals that misbehave."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import Terminal, ctrl
from tests.terminal_room.test_driver import stuck, until
from tests.terminal_room.test_encoder import differences
from tui.app.terminal.line_pace import QUEUE_BYTES
from tui.app.terminal.terminal_app import EncoderChoice, TerminalApp, choose_encoder

F3, F4, F6, F7, F8, F9, F10 = "\x1bOR", "\x1bOS", "\x1b[17~", "\x1b[18~", "\x1b[19~", "\x1b[20~", "\x1b[21~"
ARGV = [sys.executable, "-m", "tests.terminal_room.own_host"]
STEPS = [
    (F6, "wrote 7"),
    ("hello", "hello"),
    (F6, "wrote 14"),
    (F6, "wrote 21"),
    (F7, "on top"),
    ("\x1b", None),
    (F3, "see through"),
    (F6, "wrote 28"),
    (F6, "wrote 35"),
    (F7, "on top"),
    ("\x1b", None),
    ("\x1b", None),
    ("again", "again"),
    (F4, "home"),
]


def host(argv: list[str] = ARGV, **options: object) -> Terminal:
    return Terminal(argv, columns=70, rows=20, **options)  # type: ignore[arg-type]


def tops(screen: str) -> int:
    """How many screens lie on top; one covers the words of another, which covers more."""
    return 2 if "on top" in screen else 1 if "see through" in screen else 0


def after_every_step(argv: list[str], encoder: str) -> Iterator[Terminal]:
    with host(argv, environment={"CHINWAG_ENCODER": encoder}) as terminal:
        terminal.wait_for("ready")
        terminal.wait_until_quiet(0.15)
        for keys, awaited in STEPS:
            lying = tops(terminal.screen())
            terminal.send(keys)
            if awaited:
                terminal.wait_for(awaited)
            else:
                terminal.wait_until(lambda screen, lying=lying: tops(screen) < lying)  # type: ignore[misc]
            terminal.wait_until_quiet(0.15)
            yield terminal
        terminal.resize(50, 14)
        terminal.wait_until(lambda screen: re.search("^▊.{48}▎$", screen, re.MULTILINE) is not None)
        terminal.wait_until_quiet(0.15)
        yield terminal


def sent_for_the_same(argvs: dict[str, list[str]]) -> tuple[int, int]:
    """The bytes that both encoders sent for pictures that were equal after every step."""
    ours, theirs = (after_every_step(argv, encoder) for encoder, argv in argvs.items())
    sent = (0, 0)
    for number, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        assert differences(their.emulator(), our.emulator()) == [], number
        sent = len(our.raw), len(their.raw)
    return sent


def test_both_encoders_show_the_same_and_ours_sends_less() -> None:
    ours, theirs = sent_for_the_same({"own": ARGV, "textual": ARGV})
    assert ours < theirs / 4


def test_both_encoders_show_the_same_through_tmux(tmp_path: Path) -> None:
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")
    commands = {
        encoder: [
            program,
            "-S",
            str(tmp_path / encoder),
            "-f",
            "/dev/null",
            "new-session",
            *ARGV,
            ";",
            "set",
            "status",
            "off",
        ]
        for encoder in ("own", "textual")
    }
    try:
        ours, theirs = sent_for_the_same(commands)
    finally:
        for encoder in commands:
            subprocess.run([program, "-S", str(tmp_path / encoder), "kill-server"], check=False, capture_output=True)
    assert ours < theirs


def test_an_encoder_that_fails_is_replaced_for_good() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        terminal.send(F8)
        terminal.wait_for("broken")
        terminal.send(F6)
        terminal.wait_for("wrote 7")
        terminal.send("still typing")
        terminal.wait_for("still typing")
        terminal.send(ctrl("q"))
        assert terminal.exit_code() == 0


@pytest.mark.parametrize("encoder", list(EncoderChoice))
def test_no_control_character_reaches_the_terminal(encoder: str) -> None:
    with host(environment={"CHINWAG_ENCODER": encoder}) as terminal:
        terminal.wait_for("ready")
        start = len(terminal.raw)
        terminal.send(F9)
        terminal.wait_for("evil written")
        terminal.wait_until_quiet(0.1)
        assert terminal.title == ""
        assert b"]0;" not in terminal.raw[start:].replace("␛]0;".encode(), b"")
        assert b"\xc2\x9b" not in terminal.raw[start:]
        assert re.search("evil ␛]0;stolen␇? \ufffd31m end", terminal.screen())


def test_a_stuck_terminal_stops_nothing_and_gets_the_right_picture_in_the_end(tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    ticks.write_text("0")
    with host([*ARGV, str(ticks)]) as terminal:
        terminal.wait_for("ready")
        with stuck(terminal):
            os.write(terminal._controller, F10.encode())
            until(lambda: int(ticks.read_text() or 0) >= 120)
        reached = int(ticks.read_text() or 0)
        found: list[str] = []

        def is_of_one_tick(screen: str) -> bool:
            found[:] = re.findall(r"^(?:tick )?(\d+)", screen, re.MULTILINE)
            return len(found) > 5 and int(found[-1]) >= reached and found[-2] == found[-1]

        terminal.wait_until(is_of_one_tick)
        numbers = [int(number) for number in found[:-1]]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_little_lies_before_an_echo_on_a_line_that_carries_less_than_there_is(tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    ticks.write_text("0")
    with host([*ARGV, str(ticks)], line_bytes_per_second=8_000) as terminal:
        terminal.wait_for("ready", 30)
        terminal.send(F10)
        until(lambda: len(terminal.raw) > 40_000, 60)
        waited_bytes = []
        for letter in "ßöü":
            start = len(terminal.raw)
            terminal.send(letter)
            terminal.wait_for_bytes(letter.encode(), 30, start=start)
            waited_bytes.append(terminal.raw.index(letter.encode(), start) - start)
        assert sorted(waited_bytes)[1] < QUEUE_BYTES / 2, waited_bytes


def test_the_picture_is_whole_after_a_stop() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        terminal.send(F6)
        before = terminal.wait_for("wrote 7")
        terminal.wait_until_quiet(0.1)
        before = terminal.screen()
        terminal.kill(signal.SIGTSTP)
        until(lambda: 1049 not in terminal.private_modes)
        terminal.kill(signal.SIGCONT)
        terminal.wait_until(lambda screen: screen == before)


def test_the_focus_brings_the_picture_back() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        terminal.wait_until_quiet(0.1)
        before = terminal.screen()
        terminal.emulator().feed(b"\x1b[2J garbage")
        terminal.send("\x1b[O\x1b[I")
        terminal.wait_until(lambda screen: screen == before)


def test_idle_is_silent() -> None:
    with host() as terminal:
        terminal.wait_for("ready")
        terminal.wait_until_quiet(0.3)
        start = len(terminal.raw)
        # What is sent next is on the screen only after whatever the report had brought about.
        terminal.send("\x1b[?62;22c")
        terminal.send("x")
        terminal.wait_for("x")
        terminal.wait_until_quiet(0.1)
        assert len(terminal.raw) - start < 100


def test_the_switch() -> None:
    assert choose_encoder({}) is EncoderChoice.own
    assert choose_encoder({"CHINWAG_ENCODER": "Textual "}) is EncoderChoice.textual
    assert choose_encoder({"CHINWAG_ENCODER": "nonsense"}) is EncoderChoice.own


async def test_an_app_without_a_terminal_works_as_ever() -> None:
    app: TerminalApp[int] = TerminalApp()
    async with app.run_test() as pilot:
        app.forget_screen()
        await pilot.pause()
        assert app.encoder_failure is None
