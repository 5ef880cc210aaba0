"""The line drops in the middle of an answer, in every way that lines do: the answer comes to its end and is kept."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end.program import (
    LONG_SECONDS,
    app_of,
    ask,
    chinwag,
    is_there,
    kept_conversations,
    moments,
    wait_until_usable,
)
from tests.end_to_end.served import Served
from tests.terminal import Terminal, python_program
from tui.conversations.values import MessageState

pytestmark = pytest.mark.skipif(
    not os.environ.get("CHINWAG_ALL_FAULTS"), reason="one of each is in tests/end_to_end/test_leaving.py"
)

RUNS = int(os.environ.get("CHINWAG_FAULT_RUNS", "100"))
TOKENS_PER_SECOND = 100
TOKENS = 300
MODEL = f"script-count-{TOKENS}-{TOKENS_PER_SECOND}"
LAST_WORD = "ENDMARK"

WITHOUT_CONTROLLING_TERMINAL = """
import os, sys
child = os.fork()
if child == 0:
    os.setsid()
    os.execv(sys.executable, [sys.executable, "-m", "tui", *sys.argv[1:]])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture
def server() -> Iterator[Served]:
    with Served() as server:
        yield server


def _usual(server: Served, home: Path) -> Terminal:
    return chinwag("--host", server.url, "--model", MODEL, home=home)


def _without_controlling_terminal(server: Served, home: Path) -> Terminal:
    argv = [*python_program(WITHOUT_CONTROLLING_TERMINAL), "--host", server.url, "--model", MODEL]
    return Terminal(argv, home=home, columns=100, rows=30)


def _under_nohup(server: Served, home: Path) -> Terminal:
    command = f'trap "" HUP; exec "{sys.executable}" -m tui --host {server.url} --model {MODEL}'
    return Terminal(["/bin/sh", "-c", command], home=home, columns=100, rows=30)


def _hang_up(terminal: Terminal, _server: Served) -> None:
    terminal.hang_up()


def _stand_still_then_hang_up(terminal: Terminal, server: Served) -> None:
    """What is written stays in the line, as behind a connection that died without a word."""
    os.close(terminal._wake_reader)
    terminal._wake_reader = -1
    assert terminal._thread is not None
    terminal._thread.join()
    terminal._thread = None
    server.wait_for_tokens(50)
    terminal.hang_up()


WAYS: dict[str, tuple[Callable[[Served, Path], Terminal], Callable[[Terminal, Served], None]]] = {
    "hang-up": (_usual, _hang_up),
    "no controlling terminal": (_without_controlling_terminal, _hang_up),
    "nohup": (_under_nohup, _hang_up),
    "stands still, then hang-up": (_usual, _stand_still_then_hang_up),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_under_way_is_finished_and_kept_whatever_becomes_of_the_line(
    way: str, server: Served, tmp_path: Path
) -> None:
    start, drop = WAYS[way]
    used_seconds = passed_seconds = 0.0
    gone: list[float] = []
    for number in range(RUNS):
        home = tmp_path / str(number)
        with start(server, home) as terminal:
            wait_until_usable(terminal)
            ask(terminal, "count for me")
            sent = server.tokens_sent
            terminal.wait_until(
                lambda screen: re.search(r"^ *[0-9]{2}$", screen, re.MULTILINE) is not None, LONG_SECONDS
            )
            app = app_of(terminal)
            drop(terminal, server)
            # Putting the screen away is over by then.
            server.wait_for_tokens(TOKENS_PER_SECOND // 2)
            began, used = time.monotonic(), _cpu_seconds(app)
            server.wait_until(lambda demo, sent=sent: demo.tokens_sent >= sent + TOKENS - 20)  # type: ignore[misc]
            used_seconds += _cpu_seconds(app) - used
            passed_seconds += time.monotonic() - began
            server.wait_until(lambda demo, sent=sent: demo.tokens_sent >= sent + TOKENS - 1)  # type: ignore[misc]
            ended = time.monotonic()
            _wait_until_gone(app)
            gone.append(time.monotonic() - ended)
        (conversation,) = kept_conversations(home)
        answer = conversation.messages[1]
        assert answer.state is MessageState.complete, f"run {number}: {answer.failure}"
        assert answer.text.endswith(LAST_WORD)
    gone.sort()
    sys.stdout.write(
        f"\n{way}: {RUNS} of {RUNS} finished and kept; {used_seconds / passed_seconds:.1%} CPU at {TOKENS_PER_SECOND} "
        f"tokens/s; gone {gone[RUNS // 2]:.2f} s after the last token, at the latest {gone[-1]:.2f} s\n"
    )


def _wait_until_gone(pid: int) -> None:
    for _ in moments():
        if not is_there(pid) or _is_zombie(pid):
            return
    raise AssertionError(f"process {pid} is still there")


def _is_zombie(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
