"""A terminal that is asked what it is: the answer counts at once, and at the next start."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.end_to_end.program import LONG_SECONDS, leave, wait_until_usable, write
from tests.end_to_end.served import Served
from tests.terminal import Terminal

ASKED_BACKGROUND = "\x1b]11;?\x1b\\"
ASKED_CAPABILITY = "\x1bP+q524742\x1b\\"
ASKED_PEN = "\x1bP$qm\x1b\\"
LIGHT = "fbfaf6"


def chinwag_in(
    server: Served,
    home: Path,
    *,
    background: str | None = None,
    replies: Mapping[str, str] | None = None,
    answers: bool = True,
    **environment: str,
) -> Terminal:
    return Terminal(
        [sys.executable, "-m", "tui", "--host", server.url],
        home=home,
        columns=100,
        rows=30,
        background=background,
        replies=replies,
        answers=answers,
        environment=environment,
    )


def ground(terminal: Terminal) -> str:
    return str(terminal.cell(50, 20).bg)


def test_a_light_terminal_gets_a_light_theme_at_once_and_from_the_first_picture_on_at_the_next_start(
    server: Served, home: Path
) -> None:
    with chinwag_in(server, home, background="#ffffff") as terminal:
        wait_until_usable(terminal)
        terminal.wait_until(lambda _: ground(terminal) == LIGHT, LONG_SECONDS)
        write(terminal, "nothing of the answer was typed")
        assert "rgb" not in terminal.screen()
        leave(terminal)
    with chinwag_in(server, home, answers=False) as terminal:
        wait_until_usable(terminal)
        assert ground(terminal) == LIGHT
        leave(terminal)


def test_a_terminal_that_never_answers_is_not_waited_for(server: Served, home: Path) -> None:
    with chinwag_in(server, home, answers=False) as terminal:
        wait_until_usable(terminal)
        terminal.wait_for_bytes(ASKED_BACKGROUND.encode(), LONG_SECONDS)
        assert ground(terminal) == "14161a"
        leave(terminal)


def test_a_terminal_with_all_colours_that_nobody_named_has_them_from_the_next_start_on(
    server: Served, home: Path
) -> None:
    replies = {ASKED_PEN: "\x1bP1$r0;48:2::1:2:3m\x1b\\"}
    of_truecolour = re.compile(rb"[34]8[;:]2[;:]\d")
    with chinwag_in(server, home, replies=replies, COLORTERM="") as terminal:
        wait_until_usable(terminal)
        terminal.wait_for_bytes(ASKED_PEN.encode(), LONG_SECONDS)
        write(terminal, "hello")
        assert len(of_truecolour.findall(terminal.raw)) == 1, "only the question has such a colour"
        leave(terminal)
    with chinwag_in(server, home, replies=replies, COLORTERM="") as terminal:
        wait_until_usable(terminal)
        assert len(of_truecolour.findall(terminal.raw)) > 5
        assert ASKED_CAPABILITY.encode() not in terminal.raw
        leave(terminal)


def test_the_settings_ask_for_a_talk_line_by_line(server: Served, home: Path) -> None:
    folder = home / ".config" / "chinwag"
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text("[terminal]\nplain = true\n")
    with chinwag_in(server, home) as terminal:
        terminal.wait_for(re.compile("^> *$", re.MULTILINE), LONG_SECONDS)
        assert terminal.private_modes == {7, 25}
        terminal.send("/bye\n")
        assert terminal.exit_code(LONG_SECONDS) == 0


def test_a_variable_that_other_programs_know_asks_for_a_talk_line_by_line(server: Served, home: Path) -> None:
    with chinwag_in(server, home, ACCESSIBLE="1") as terminal:
        terminal.wait_for(re.compile("^> *$", re.MULTILINE), LONG_SECONDS)
        assert b"\x1b" not in terminal.raw
        terminal.send("/bye\n")
        assert terminal.exit_code(LONG_SECONDS) == 0
