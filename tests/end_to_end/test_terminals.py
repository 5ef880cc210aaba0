"""Terminals of every kind and size."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.end_to_end.program import (
    ANSWERING,
    DONE,
    LONG_SECONDS,
    ask,
    ask_and_wait,
    chinwag,
    leave,
    wait_for_answer,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.end_to_end.wire import colours_of, read_wire
from tests.terminal import Key, Terminal, ctrl

MIXED = "script-mixed-400-0"
STREAMING = "script-mixed-100000-80"
SIZES = [(80, 24), (120, 40), (200, 50), (40, 10)]
ASKED_WITH = "48;2;1;2;3"
"""Written only to be read back, by which a terminal tells whether it has all colours; nothing is drawn with it."""


def walk_through(terminal: Terminal) -> None:
    """A conversation and every list, so that everything that has colours and glyphs was drawn."""
    wait_until_usable(terminal)
    ask(terminal, "show me everything")
    wait_for_answer(terminal, "ENDMARK")
    for key, shown in ((ctrl("t"), "Models"), (ctrl("o"), "Conversations"), (ctrl("p"), "ommands")):
        terminal.send(key)
        terminal.wait_for(shown, LONG_SECONDS)
        terminal.wait_for("esc back", LONG_SECONDS)
        terminal.send(Key.escape)
        terminal.wait_until_gone("esc back", LONG_SECONDS)


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_every_size_shows_the_answer_the_prompt_and_the_status(
    columns: int, rows: int, server: Served, home: Path
) -> None:
    with chinwag("--host", server.url, "--model", MIXED, home=home, columns=columns, rows=rows) as terminal:
        terminal.wait_for("loaded" if columns > 40 else "script-mixed", LONG_SECONDS)
        ask(terminal, "show me")
        wait_for_answer(terminal, "ENDMARK")
        write(terminal, "next")
        lines = terminal.lines()
        assert "script-mixed" in lines[0]
        assert DONE.search(lines[-1])
        assert "› next" in lines[-3]
        assert lines[-2].strip("╰─╯") == ""
        leave(terminal)


def test_resizing_while_an_answer_streams(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, "--model", STREAMING, home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "talk on")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        for columns, rows in [*SIZES, (1, 1), (20, 5), (100, 30)]:
            terminal.resize(columns, rows)
            steady.wait_for_tokens(10)
            if columns >= 40:
                terminal.wait_until(lambda _: bool(ANSWERING.search(terminal.lines()[-1])), LONG_SECONDS)
                terminal.wait_until(lambda _: terminal.lines()[-3].startswith("│ › "), LONG_SECONDS)
        terminal.send(Key.escape)
        terminal.wait_for("stopped", LONG_SECONDS)
        leave(terminal)


def test_the_end_gives_the_terminal_back_as_it_was(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as terminal:
        wait_until_usable(terminal)
        assert {1049, 2004} <= terminal.private_modes
        leave(terminal)
        assert terminal.private_modes == {7, 25}
        assert terminal.screen().strip() == ""
        sequences = read_wire(terminal.raw).sequences
        assert sum(one.startswith("\x1b[>") and one.endswith("u") for one in sequences) == sequences.count("\x1b[<u")


def test_no_color_means_no_colour(server: Served, home: Path) -> None:
    environment = {"NO_COLOR": "1"}
    with chinwag("--host", server.url, "--model", MIXED, home=home, environment=environment) as terminal:
        walk_through(terminal)
        leave(terminal)
        styles = read_wire(terminal.raw).styles
    assert styles
    assert {colour for style in styles for colour in colours_of(style)} == set()


def test_a_terminal_of_256_colours_gets_no_others(server: Served, home: Path) -> None:
    environment = {"COLORTERM": ""}
    with chinwag("--host", server.url, "--model", MIXED, home=home, environment=environment) as terminal:
        walk_through(terminal)
        leave(terminal)
        colours = {colour for style in read_wire(terminal.raw).styles for colour in colours_of(style)}
    colours -= {ASKED_WITH}
    assert any(colour.startswith("38;5;") for colour in colours)
    assert [colour for colour in sorted(colours) if colour.startswith(("38;2", "48;2", "58;2"))] == []


def test_a_terminal_of_16_colours_gets_no_others(server: Served, home: Path) -> None:
    environment = {"COLORTERM": "", "TERM": "xterm"}
    with chinwag("--host", server.url, "--model", MIXED, home=home, environment=environment) as terminal:
        walk_through(terminal)
        leave(terminal)
        colours = {colour for style in read_wire(terminal.raw).styles for colour in colours_of(style)}
    colours -= {ASKED_WITH}
    assert colours
    assert [colour for colour in sorted(colours) if ";" in colour] == []


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_a_locale_without_utf8_gets_ascii_only(locale: str, server: Served, home: Path) -> None:
    environment = {"LC_ALL": locale}
    with chinwag("--host", server.url, "--model", MIXED, home=home, environment=environment) as terminal:
        walk_through(terminal)
        leave(terminal)
        foreign = sorted({character for character in read_wire(terminal.raw).text if not character.isascii()})
    assert foreign == []


def test_ctrl_z_gives_the_shell_back_and_fg_returns(steady: Served, home: Path) -> None:
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash here, and job control needs a shell that has it")
    program = f'"{sys.executable}" -m tui --host {steady.url} --model {STREAMING}'
    with Terminal([shell, "--norc", "--noprofile", "-i"], home=home, environment={"PS1": "shell> "}) as terminal:
        terminal.wait_for("shell>", LONG_SECONDS)
        terminal.send(f"{program}\r")
        wait_until_usable(terminal)
        ask(terminal, "talk on")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        terminal.send(ctrl("z"))
        terminal.wait_for("Stopped", LONG_SECONDS)
        assert terminal.private_modes - {2004} == {7, 25}  # bash itself has bracketed paste
        terminal.send("echo back in the shell\r")
        terminal.wait_for("\nback in the shell", LONG_SECONDS)
        terminal.send("fg\r")
        terminal.wait_for(ANSWERING, LONG_SECONDS)
        assert 1049 in terminal.private_modes
        write(terminal, "still here")
        terminal.send(Key.escape)
        terminal.wait_for("stopped", LONG_SECONDS)
        terminal.send(ctrl("q"))
        terminal.wait_for("shell>", LONG_SECONDS)


def test_a_terminal_that_answers_no_question_starts_all_the_same(server: Served, home: Path) -> None:
    argv = [sys.executable, "-m", "tui", "--host", server.url]
    with Terminal(argv, home=home, answers=False) as terminal:
        wait_until_usable(terminal)
        ask_and_wait(terminal, "hello you")
        leave(terminal)
