"""chinwag in the terminal that it is measured in: 120 x 40, true colour, keyboard and screen of a local machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.emulator import Emulator
from tests.terminal import Key, Read, Terminal, ctrl

COLUMNS, ROWS = 120, 40
READY = "write something and press enter"
END = "ENDMARK"
LONGEST_SECONDS = 300.0
QUIET_SECONDS = 1.0
ECHO_SECONDS = 10.0
"""An echo that takes longer counts as lost, and the run ends."""
PROBES = "".join(map(chr, range(0x250, 0x2A0)))
"""Letters of one cell that nothing else on the screen has, so that an echo is recognised in the bytes."""


def chinwag(*arguments: str, home: Path | None = None, line_bytes_per_second: float | None = None) -> Terminal:
    return Terminal(
        [sys.executable, "-m", "tui", *arguments],
        columns=COLUMNS,
        rows=ROWS,
        home=home,
        line_bytes_per_second=line_bytes_per_second,
    )


def wait_until_usable(terminal: Terminal) -> None:
    terminal.wait_for(READY, LONGEST_SECONDS)
    terminal.wait_until_quiet(QUIET_SECONDS, LONGEST_SECONDS)


def ask(terminal: Terminal, text: str) -> None:
    terminal.send(text)
    terminal.wait_for(text, LONGEST_SECONDS)
    terminal.send(Key.enter)


def leave(terminal: Terminal) -> None:
    terminal.send(ctrl("q"))
    terminal.exit_code(LONGEST_SECONDS)


def bytes_written(terminal: Terminal) -> int:
    return sum(len(read.data) for read in terminal.reads)


def first_time(reads: tuple[Read, ...], holds: Callable[[str], bool], *, since_seconds: float = 0.0) -> float:
    """When the screen first was as ``holds`` wants it, from ``since_seconds`` on, worked out afterwards.

    All times as ``time.perf_counter`` gives them.
    """
    emulator = Emulator(COLUMNS, ROWS)
    for read in reads:
        emulator.feed(read.data)
        if read.at_seconds >= since_seconds and holds("\n".join(emulator.lines())):
            return read.at_seconds
    raise AssertionError("the screen never was as awaited")


def echo_seconds(terminal: Terminal, keys: int, *, between_seconds: float) -> list[float]:
    """From a key to its letter in the terminal's output, for ``keys`` keys; the prompt is emptied in between."""
    times: list[float] = []
    for number in range(keys):
        probe = PROBES[number % len(PROBES)]
        start = bytes_written(terminal)
        sent_seconds = time.perf_counter()
        terminal.send(probe)
        times.append(terminal.wait_for_bytes(probe.encode(), ECHO_SECONDS, start=start) - sent_seconds)
        # Uneven, so that keys do not fall into step with frames or tokens.
        time.sleep(between_seconds * (0.6 + 0.8 * (number * 0.618 % 1)))
        if number % len(PROBES) == len(PROBES) - 1:
            terminal.send(ctrl("u"))
            time.sleep(between_seconds)
    terminal.send(ctrl("u"))
    return times
