"""What a terminal says of itself: its background, its colours, and what is remembered of both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.app.running import Folders
from tui.app.terminal_traits import (
    ASK_BACKGROUND,
    FILE_NAME,
    KEPT,
    TerminalTraits,
    guessed_traits,
    questions,
    remember_traits,
    remembered_traits,
    terminal_name,
    with_answer,
    with_known_colours,
)
from tui.environment import Colour, Environment, read_environment

WHITE = "\x1b]11;rgb:ffff/ffff/ffff\x1b\\"
BLACK = "\x1b]11;rgb:0000/0000/0000\x1b\\"
NOTHING = TerminalTraits()


def environment(**environ: str) -> Environment:
    return read_environment({"TERM": "xterm-256color", "LANG": "C.UTF-8"} | environ, platform="linux")


@pytest.mark.parametrize(
    ("report", "is_dark"),
    [
        (WHITE, False),
        (BLACK, True),
        ("\x1b]11;rgb:1c1c/1c1c/1c1c\x07", True),
        ("\x1b]11;rgb:fd/f6/e3\x07", False),
        ("\x1b]11;rgba:0000/2b2b/3636/ffff\x1b\\", True),
        ("\x1b]11;#fdf6e3\x1b\\", False),
        ("\x1b]11;rgb:f/f/f", False),
        ("\x1b]11;rgb:ffff/ffff\x1b\\", None),
        ("\x1b]11;rgb:fffff/0/0\x1b\\", None),
        ("\x1b]11;?\x1b\\", None),
        ("\x1b]10;rgb:ffff/ffff/ffff\x1b\\", None),
        ("\x1b[?62;22c", None),
    ],
)
def test_the_background_says_whether_it_is_dark(report: str, is_dark: bool | None) -> None:
    assert with_answer(NOTHING, report).is_dark is is_dark


@pytest.mark.parametrize(
    ("report", "has_truecolor"),
    [
        ("\x1bP1+r524742=382F382F38\x1b\\", True),
        ("\x1bP1+r524742\x1b\\", True),
        ("\x1bP0+r524742\x1b\\", None),
        ("\x1bP1$r0;48:2:1:2:3m\x1b\\", True),
        ("\x1bP1$r0;48:2::1:2:3m\x1b\\", True),
        ("\x1bP1$r48;2;1;2;3m\x1b\\", True),
        ("\x1bP1$r0;48;5;16m\x1b\\", False),
        ("\x1bP1$r0m\x1b\\", False),
        ("\x1bP0$r\x1b\\", None),
    ],
)
def test_a_terminal_that_keeps_any_colour_says_so(report: str, has_truecolor: bool | None) -> None:
    assert with_answer(NOTHING, report).has_truecolor is has_truecolor


def test_one_answer_that_says_yes_is_enough() -> None:
    both = with_answer(with_answer(NOTHING, "\x1bP1+r524742\x1b\\"), "\x1bP1$r0m\x1b\\")
    assert both.has_truecolor is True


@given(st.text(max_size=40), st.sampled_from(["", "\x1b]11;rgb:", "\x1bP1$r", "\x1bP1+r524742"]))
def test_any_report_is_survived(text: str, begin: str) -> None:
    assert isinstance(with_answer(NOTHING, begin + text), TerminalTraits)


@pytest.mark.parametrize(
    ("environ", "is_dark"),
    [({"COLORFGBG": "15;0"}, True), ({"COLORFGBG": "0;default;15"}, False), ({"COLORFGBG": "x"}, None), ({}, None)],
)
def test_a_variable_that_names_the_background_is_a_first_guess(environ: dict[str, str], is_dark: bool | None) -> None:
    assert guessed_traits(environ).is_dark is is_dark


def test_colours_are_asked_for_only_where_that_is_not_known_and_not_written_out() -> None:
    assert questions(environment(COLORTERM="truecolor"), {}) == ASK_BACKGROUND
    assert questions(environment(NO_COLOR="1"), {}) == ASK_BACKGROUND
    assert "\x1bP" in questions(environment(), {})
    assert "\x1bP" in questions(environment(TMUX="/tmp/x,1,0", TERM="tmux-256color"), {})
    assert questions(environment(TERM="screen-256color"), {}) == ASK_BACKGROUND
    assert questions(environment(STY="1.pts"), {}) == ASK_BACKGROUND
    assert questions(environment(), {"TERM_PROGRAM": "Apple_Terminal"}) == ASK_BACKGROUND
    for term in ("linux", "dumb", "vt100", ""):
        assert questions(environment(TERM=term), {}) == ""


def test_known_colours_are_used_unless_somebody_wants_fewer() -> None:
    known = TerminalTraits(has_truecolor=True)
    assert with_known_colours(environment(), known).colour is Colour.truecolor
    assert with_known_colours(environment(TERM="xterm"), known).colour is Colour.truecolor
    assert with_known_colours(environment(), NOTHING).colour is Colour.colours_256
    assert with_known_colours(environment(NO_COLOR="1"), known).colour is Colour.none


def test_each_terminal_is_remembered_for_itself(tmp_path: Path) -> None:
    file = tmp_path / "state" / FILE_NAME
    remember_traits(file, "xterm", TerminalTraits(is_dark=False))
    remember_traits(file, "kitty", TerminalTraits(is_dark=True, has_truecolor=True))
    assert remembered_traits(file, "xterm") == TerminalTraits(is_dark=False)
    assert remembered_traits(file, "kitty") == TerminalTraits(is_dark=True, has_truecolor=True)
    assert remembered_traits(file, "other") == NOTHING
    for number in range(KEPT):
        remember_traits(file, f"t{number}", TerminalTraits(is_dark=True))
    assert remembered_traits(file, "xterm") == NOTHING
    assert terminal_name({"TERM": "xterm"}) != terminal_name({"TERM": "xterm", "TMUX": "x"})


def test_an_answer_that_is_known_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    remember_traits(file, "xterm", TerminalTraits(is_dark=False))
    os.utime(file, (1, 1))
    remember_traits(file, "xterm", TerminalTraits(is_dark=False))
    assert file.stat().st_mtime == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(data=st.binary(max_size=60) | st.sampled_from([b"[]", b'{"x": 1}', b'{"x": {"is_dark": 3, "more": true}}']))
def test_a_damaged_memory_remembers_nothing(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(data)
    assert remembered_traits(file, "x") == NOTHING


# In the program


async def test_a_light_background_is_followed_at_once_and_remembered(folders: Folders) -> None:
    async with folders.start() as running:
        assert running.app.theme == "chinwag-dark"
        running.app.terminal_answered(WHITE)
        await running.until(lambda: running.app.theme == "chinwag-light")
        file = running.workspace.places.state / FILE_NAME
        await running.until(lambda: remembered_traits(file, terminal_name(os.environ)).is_dark is False)


async def test_a_theme_that_was_chosen_stays_whatever_the_background_is(folders: Folders) -> None:
    folders.write("config/settings.toml", "[appearance]\ntheme = 'nord'\n")
    async with folders.start() as running:
        running.app.terminal_answered(WHITE)
        await running.press("f2")
        assert running.app.theme == "nord"


async def test_nothing_of_a_private_start_is_remembered(folders: Folders) -> None:
    async with folders.start(is_private=True) as running:
        running.app.terminal_answered(WHITE)
        await running.until(lambda: running.app.theme == "chinwag-light")
        assert not (running.workspace.places.state / FILE_NAME).exists()
