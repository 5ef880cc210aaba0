from __future__ import annotations

import pytest

from tui.environment import Colour, Environment, Multiplexer, problem_at_start, read_environment

XTERM = {"TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}


def environment(platform: str = "linux", **environ: str) -> Environment:
    return read_environment(XTERM | environ, platform=platform)


def test_an_ordinary_terminal() -> None:
    assert environment() == Environment(
        term="xterm-256color",
        multiplexer=Multiplexer.none,
        colour=Colour.colours_256,
        has_motion=True,
        is_utf8=True,
        is_dumb=False,
        is_ssh=False,
        is_windows=False,
        is_wsl=False,
    )


@pytest.mark.parametrize(
    ("environ", "colour"),
    [
        ({"COLORTERM": "truecolor"}, Colour.truecolor),
        ({"COLORTERM": "24bit"}, Colour.truecolor),
        ({"COLORTERM": "yes"}, Colour.colours_256),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, Colour.none),
        ({"COLORTERM": "truecolor", "NO_COLOR": ""}, Colour.truecolor),
        ({"TERM": "xterm-kitty"}, Colour.truecolor),
        ({"TERM": "xterm-direct"}, Colour.truecolor),
        ({"TERM": "tmux-256color"}, Colour.colours_256),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/t,1,0", "COLORTERM": "truecolor"}, Colour.truecolor),
        ({"TERM": "screen.xterm-256color", "STY": "1.x", "COLORTERM": "truecolor"}, Colour.colours_256),
        ({"TERM": "xterm"}, Colour.colours_16),
        ({"TERM": "linux"}, Colour.colours_16),
        ({"TERM": "screen"}, Colour.colours_16),
        ({"TERM": "vt100"}, Colour.none),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, Colour.none),
    ],
)
def test_colours(environ: dict[str, str], colour: Colour) -> None:
    assert environment(**environ).colour is colour


@pytest.mark.parametrize(
    ("environ", "multiplexer"),
    [
        ({"TMUX": "/tmp/tmux-0/default,1,0"}, Multiplexer.tmux),
        ({"STY": "123.pts-0"}, Multiplexer.screen),
        ({"ZELLIJ": "0"}, Multiplexer.zellij),
        ({"TMUX": ""}, Multiplexer.none),
        ({"TERM": "tmux-256color", "SSH_TTY": "/dev/pts/1"}, Multiplexer.none),
    ],
)
def test_the_multiplexer_of_this_machine(environ: dict[str, str], multiplexer: Multiplexer) -> None:
    assert environment(**environ).multiplexer is multiplexer


@pytest.mark.parametrize(
    ("environ", "platform", "is_utf8"),
    [
        ({"LANG": "C.UTF-8"}, "linux", True),
        ({"LANG": "de_DE.utf8"}, "linux", True),
        ({"LANG": "de_DE.UTF-8@euro"}, "linux", True),
        ({"LANG": "de_DE.ISO-8859-1"}, "linux", False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "linux", False),
        ({"LANG": "C", "LC_CTYPE": "UTF-8"}, "darwin", True),
        ({"LANG": "de_DE.UTF-8", "LC_CTYPE": "POSIX", "LC_ALL": ""}, "linux", False),
        ({"LANG": ""}, "linux", False),
        ({"LANG": ""}, "darwin", True),
    ],
)
def test_the_locale_says_whether_glyphs_can_be_shown(environ: dict[str, str], platform: str, is_utf8: bool) -> None:
    assert environment(platform, **environ).is_utf8 is is_utf8


def test_motion_stops_on_request() -> None:
    assert not environment(TEXTUAL_ANIMATIONS="NONE").has_motion
    assert environment(TEXTUAL_ANIMATIONS="basic").has_motion


def test_ssh_and_wsl_are_noticed() -> None:
    assert environment(SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22").is_ssh
    assert environment(WSL_DISTRO_NAME="Debian").is_wsl
    assert not environment(WSL_DISTRO_NAME="Debian").is_windows
    assert not environment("win32", WSL_DISTRO_NAME="Debian").is_wsl


@pytest.mark.parametrize(
    ("found", "redirected", "words"),
    [
        (environment(), "", ""),
        (environment("darwin"), "", ""),
        (environment("win32"), "", "WSL"),
        (environment("win32"), "stdout", "WSL"),
        (environment(TERM="dumb"), "", "TERM is dumb"),
        (environment(TERM=""), "", "TERM is not set"),
        (environment(), "stdin", "redirected: input"),
        (environment(), "stdout", "redirected: output"),
        (environment(), "stderr", "redirected: error output"),
        (environment(), "stdin stdout", "redirected: input, output"),
    ],
)
def test_where_screens_cannot_be_shown_a_person_is_told_what_to_do(
    found: Environment, redirected: str, words: str
) -> None:
    problem = problem_at_start(
        found,
        stdin_is_terminal="stdin" not in redirected,
        stdout_is_terminal="stdout" not in redirected,
        stderr_is_terminal="stderr" not in redirected,
    )
    assert words in str(problem or "")
    assert (problem is None) == (words == "")
    if problem is not None:
        assert problem.advice
