"""Before the first screen: what is drawn while Python imports, and what is said when there can be no screen."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.program import LONG_SECONDS, chinwag, documents, leave, wait_until_usable
from tests.end_to_end.served import Served
from tests.terminal import REPOSITORY, Terminal, clean_environment
from tui import __version__

IMPORT_MARK = b"<first heavy import>"
HEAVY = ("textual", "rich", "httpx", "asyncio", "msgspec", "tomlkit", "markdown_it", "pygments", "h11")

# A module of this name on the path is imported by every Python before anything else.
SAY_WHEN_HEAVY = f"""
import os, sys
class Teller:
    def find_spec(self, name, path=None, target=None):
        if name in {HEAVY!r}:
            sys.meta_path.remove(self)
            os.write(2, {IMPORT_MARK!r})
sys.meta_path.insert(0, Teller())
"""
BROKEN = 'raise ImportError("this textual is broken on purpose")\n'


def run(*arguments: str, home: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """``python -m tui`` without any terminal."""
    return subprocess.run(
        [sys.executable, "-m", "tui", *arguments],
        cwd=REPOSITORY,
        env=clean_environment(home, **(environment or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_SECONDS,
    )


def shell_with(redirection: str, home: Path) -> Terminal:
    return Terminal(["/bin/sh", "-c", f'"{sys.executable}" -m tui {redirection}'], home=home)


def test_the_first_frame_is_drawn_before_anything_heavy_is_imported(home: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SAY_WHEN_HEAVY)
    with chinwag("--demo", home=home, environment={"PYTHONPATH": str(tmp_path)}) as terminal:
        terminal.wait_for_bytes(IMPORT_MARK, LONG_SECONDS)
        before = terminal.raw.partition(IMPORT_MARK)[0]
        assert before.startswith(b"\x1b[?1049h")
        assert b"chinwag" in before
        assert b"starting" in before


def test_the_first_frame_is_undone_when_an_import_fails(home: Path, tmp_path: Path) -> None:
    (tmp_path / "textual").mkdir()
    (tmp_path / "textual" / "__init__.py").write_text(BROKEN)
    with chinwag("--demo", home=home, environment={"PYTHONPATH": str(tmp_path)}) as terminal:
        assert terminal.exit_code(LONG_SECONDS) != 0
        assert b"starting" in terminal.raw
        assert terminal.private_modes == {7, 25}
        assert "this textual is broken on purpose" in terminal.screen()
        assert "starting" not in terminal.screen()


def test_what_is_typed_too_early_is_one_line_in_the_prompt(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home) as terminal:
        terminal.send("typed early\r")
        wait_until_usable(terminal)
        terminal.wait_for("typed early", LONG_SECONDS)
        terminal.send(" and on")
        terminal.wait_for("typed early and on", LONG_SECONDS)
        assert server.chats() == []


def test_version_and_help_need_no_terminal(home: Path) -> None:
    said = run("--version", home=home)
    assert (said.returncode, said.stdout, said.stderr) == (0, f"chinwag {__version__}\n", "")
    helped = run("--help", home=home)
    assert (helped.returncode, helped.stderr) == (0, "")
    for flag in ("--host URL", "--model NAME", "--demo", "--private", "--version"):
        assert flag in helped.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--nonsense"], "--nonsense"),
        (["--host"], "--host"),
        (["--demo", "--host", "gpu-box"], "--host"),
        (["--hos", "gpu-box"], "--hos"),
        (["a prompt"], "a prompt"),
    ],
)
def test_a_wrong_command_line_is_named_and_ends_with_2(arguments: list[str], named: str, home: Path) -> None:
    done = run(*arguments, home=home)
    assert done.returncode == 2
    assert done.stdout == ""
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_terminal_it_says_so_and_leaves_the_pipe_clean(home: Path) -> None:
    done = run("--demo", home=home)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "needs a terminal" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("redirection", "named"), [("</dev/null", "input"), (">/dev/null", "output"), ("2>/dev/null", "")]
)
def test_a_redirected_end_is_named_and_nothing_is_drawn(redirection: str, named: str, home: Path) -> None:
    with shell_with(f"--demo {redirection}", home) as terminal:
        assert terminal.exit_code(LONG_SECONDS) == 2
        assert b"\x1b" not in terminal.raw
        assert named in terminal.screen()


def test_a_terminal_that_does_not_say_what_it_is_is_refused_in_plain_text(home: Path) -> None:
    with chinwag("--demo", home=home, environment={"TERM": ""}) as terminal:
        assert terminal.exit_code(LONG_SECONDS) == 2
        assert b"\x1b" not in terminal.raw
        assert "TERM" in terminal.screen()


def test_a_terminal_that_only_prints_gets_a_talk_line_by_line(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, home=home, environment={"TERM": "dumb"}) as terminal:
        terminal.wait_for("tour:8b", LONG_SECONDS)
        terminal.wait_for(re.compile("^> *$", re.MULTILINE), LONG_SECONDS)
        terminal.send("hello you\n")
        terminal.wait_for("[done", LONG_SECONDS)
        terminal.send("/bye\n")
        assert terminal.exit_code(LONG_SECONDS) == 0
        assert b"\x1b" not in terminal.raw
    assert documents(home)[0]["messages"][0]["text"] == "hello you"


def test_an_address_that_cannot_be_one_is_refused_with_the_terminal_restored(home: Path) -> None:
    with chinwag("--host", "ftp://gpu-box", home=home) as terminal:
        assert terminal.exit_code(LONG_SECONDS) == 2
        assert terminal.private_modes == {7, 25}
        assert "ftp://gpu-box" in terminal.screen()


def test_python_optimised_still_starts(server: Served, home: Path) -> None:
    argv = [sys.executable, "-OO", "-m", "tui", "--host", server.url]
    with Terminal(argv, home=home) as terminal:
        wait_until_usable(terminal)
        leave(terminal)
