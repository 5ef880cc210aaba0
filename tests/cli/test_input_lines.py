"""Standard input as a terminal that throws away what was typed."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import termios
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tui.cli.input_lines import InputLines

RESCUE_SECONDS = 10.0


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """What a person types into, and what the program reads."""
    keyboard, screen = pty.openpty()
    yield keyboard, screen
    for descriptor in (keyboard, screen):
        with suppress(OSError):
            os.close(descriptor)


async def test_what_ctrl_c_throws_away_under_our_hands_does_not_stop_the_loop(terminal: tuple[int, int]) -> None:
    keyboard, screen = terminal
    rescued = threading.Event()

    def rescue() -> None:
        rescued.set()
        os.write(keyboard, b"rescued\n")

    loop = asyncio.get_running_loop()
    # A read that waits would wait for ever, and this test with it.
    timer = threading.Timer(RESCUE_SECONDS, rescue)
    timer.start()
    try:
        with closing(InputLines(screen, encoding="utf-8", is_terminal=True)) as lines:
            waiting = asyncio.ensure_future(lines.next())
            await asyncio.sleep(0)
            os.write(keyboard, b"thrown away\n")
            assert select.select([screen], [], [], RESCUE_SECONDS)[0]
            # Runs after the loop has seen that there is something to read, and before it is read.
            loop.call_soon(termios.tcflush, screen, termios.TCIFLUSH)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not rescued.is_set()
            os.write(keyboard, b"kept\n")
            burst = await waiting
            assert burst is not None
            assert burst.lines == ("kept",)
    finally:
        timer.cancel()


async def test_the_shell_still_waits_for_its_terminal(terminal: tuple[int, int]) -> None:
    _, screen = terminal
    with closing(InputLines(screen, encoding="utf-8", is_terminal=True)):
        assert os.get_blocking(screen)
