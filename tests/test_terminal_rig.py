"""The rig that other tests trust: the emulator shows what a terminal would, and the pseudo-terminal is a real one."""

from __future__ import annotations

import os
import re
import signal
import stat
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emulator import Emulator, plain_style
from tests.terminal import Key, Terminal, clean_environment, ctrl, pasted, python_program

RAW_MODE = "import os, sys, tty; tty.setraw(0);"


def shown(*parts: bytes, columns: int = 20, rows: int = 4) -> Emulator:
    emulator = Emulator(columns, rows)
    for part in parts:
        emulator.feed(part)
    return emulator


# ---------------------------------------------------------------------- the emulator


def test_text_and_cursor_movement() -> None:
    emulator = shown(b"one\r\ntwo\x1b[1;10Hten\x1b[3;1H\x1b[31mred")
    assert emulator.lines() == ["one      ten", "two", "red", ""]
    assert emulator.cursor == (3, 2)
    assert emulator.screen.buffer[2][0].fg == "red"


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[>4;1m",  # pyte alone takes it for underline
        b"\x1b[?4m",
        b"\x1b[<u",
        b"\x1b[>1u",
        b"\x1b[=1;1u",
        b"\x1b[4 q",
        b"\x1b[!p",
        b"\x1b[22;0;0t",
        b"\x1b[?2026h",
        b"\x1b[?1006;1003h",
        b"\x1b]8;;http://127.0.0.1/\x1b\\",
        b"\x1b]52;c;aGVsbG8=\x07",
        b"\x1bP+q544e\x1b\\",
        b"\x1b_Gi=1\x1b\\",
        b"\x1b^private\x1b\\",
        b"\x1b=",
        b"\x1b(B",
        b"\x07",
        b"\xc2\x9b",
        b"\x1b[" + b"9" * 5000 + b"m",
    ],
)
def test_a_sequence_that_shows_nothing_leaves_no_trace(sequence: bytes) -> None:
    emulator = shown(b"a", sequence, b"b")
    assert emulator.lines()[0] == "ab"
    plain = shown(b"ab")
    assert [emulator.screen.buffer[0][column] for column in range(3)] == [
        plain.screen.buffer[0][column] for column in range(3)
    ]


def test_a_lone_escape_is_seen() -> None:
    assert shown(b"a\x1b[\nb").lines()[0] == "a["


def test_wide_and_joined_characters() -> None:
    emulator = shown("日本 e\u0301 👩\u200d👩 end".encode())
    assert emulator.lines()[0] == "日本 é 👩👩 end"


def test_the_second_screen_gives_the_first_back() -> None:
    emulator = shown(b"$ chinwag", b"\x1b[?1049h\x1b[?25l\x1b[HAPP")
    assert emulator.shows_second_screen
    assert emulator.lines()[0] == "APP"
    assert 25 not in emulator.private_modes
    emulator.feed(b"\x1b[?25h\x1b[?1049l")
    assert emulator.lines()[0] == "$ chinwag"
    assert 25 in emulator.private_modes


def test_scrolling_and_repeating() -> None:
    assert shown(b"1\r\n2\r\n3\x1b[1S").lines() == ["2", "3", "", ""]
    assert shown(b"1\r\n2\r\n3\x1b[1T").lines() == ["", "1", "2", "3"]
    assert shown(b"ab\x1b[3b").lines()[0] == "abbbb"


def test_the_last_column_wraps_only_with_the_next_character() -> None:
    emulator = shown(b"x" * 20)
    assert emulator.cursor == (19, 0)
    emulator.feed(b"y")
    assert emulator.lines()[:2] == ["x" * 20, "y"]


@pytest.mark.parametrize(
    ("given_parameters", "plain"),
    [
        ("", ""),
        ("1;4", "1;4"),
        ("38;2;1;2;3;48;5;7", "38;2;1;2;3;48;5;7"),
        ("38:2::1:2:3;1", "38;2;1;2;3;1"),
        ("38:2:1:2:3", "38;2;1;2;3"),
        ("38:5:9", "38;5;9"),
        ("58;2;1;2;3;7", "7"),
        ("58:5:3;4:3", "4"),
        ("4:0", "24"),
        ("38", "38"),
    ],
)
def test_styles_in_words_that_pyte_knows(given_parameters: str, plain: str) -> None:
    assert plain_style(given_parameters) == plain


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (b"ab\x1b[6n", b"\x1b[1;3R"),
        (b"\x1b[5n", b"\x1b[0n"),
        (b"\x1b[c", b"\x1b[?62;22c"),
        (b"\x1b[>c", b"\x1b[>41;380;0c"),
        (b"\x1b[18t", b"\x1b[8;4;20t"),
        (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
        (b"\x1b[?2026h\x1b[?2026$p", b"\x1b[?2026;1$y"),
        (b"\x1b[?2048$p", b"\x1b[?2048;0$y"),
        (b"\x1b]11;?\x1b\\", b"\x1b]11;rgb:1010/2020/3030\x1b\\"),
        (b"\x1b]10;?\x07", b""),
        (b"\x1b[?u", b"\x1b[?1u"),
        (b"\x1b[c\x1b[5n", b"\x1b[?62;22c\x1b[0n"),
    ],
)
def test_questions_are_answered(query: bytes, answer: bytes) -> None:
    emulator = Emulator(20, 4, background="#102030", replies={"\x1b[?u": "\x1b[?1u"})
    assert b"".join(emulator.feed(bytes([byte])) for byte in query) == answer


PIECES = st.sampled_from(
    [
        b"text ",
        "äß日👩\u200d💻e\u0301".encode(),
        b"\r\n",
        b"\t",
        b"\x1b[2;3H",
        b"\x1b[1;38:2::1:2:3m",
        b"\x1b[0m",
        b"\x1b[K",
        b"\x1b[2J",
        b"\x1b[?1049h",
        b"\x1b[?1049l",
        b"\x1b]2;a title\x07",
        b"\x1bP$qm\x1b\\",
        b"\x1b[6n",
        b"\x1b[5b",
        b"\x1b",
        b"\xff",
    ]
)


@given(pieces=st.lists(PIECES, max_size=12), data=st.data())
def test_the_screen_does_not_depend_on_where_reads_end(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    whole, cut = Emulator(12, 4), Emulator(12, 4)
    answers = whole.feed(stream)
    edges = [0, *cuts, len(stream)]
    answers_cut = b"".join(cut.feed(stream[a:b]) for a, b in pairwise(edges))
    assert (cut.lines(), cut.cursor, cut.title, answers_cut) == (whole.lines(), whole.cursor, whole.title, answers)


# ---------------------------------------------------------------------- the pseudo-terminal


def test_a_program_has_a_terminal_of_its_own() -> None:
    source = "import os; os.open('/dev/tty', os.O_RDWR); print(os.isatty(0), os.isatty(2), os.get_terminal_size())"
    with Terminal(python_program(source), columns=70, rows=12) as terminal:
        terminal.wait_for("True True os.terminal_size(columns=70, lines=12)")
        assert terminal.exit_code() == 0


def test_keys_reach_the_program_and_every_byte_is_kept_with_its_time() -> None:
    source = RAW_MODE + "print('ready', flush=True); print(os.read(0, 9)); sys.stdout.flush(); os.read(0, 1)"
    with Terminal(python_program(source)) as terminal:
        ready_seconds = terminal.wait_for_bytes(b"ready")
        sent_seconds = terminal.send(Key.up)
        came_seconds = terminal.wait_for_bytes(b"[A", start=len(terminal.raw))
        assert terminal.started_seconds < ready_seconds < sent_seconds < came_seconds
        assert terminal.wait_for(re.compile(r"b'.x1b\[A'")).startswith("ready")
        terminal.send(ctrl("q"))
        assert terminal.exit_code() == 0
        assert b"".join(read.data for read in terminal.reads) == terminal.raw


def test_the_program_hears_the_answers() -> None:
    source = (
        RAW_MODE
        + "os.write(1, b'ab\\x1b['); os.write(1, b'6n'); print(os.read(0, 20)); sys.stdout.flush(); os.read(0, 1)"
    )
    with Terminal(python_program(source)) as terminal:
        terminal.wait_for(r"b'\x1b[1;3R'")


def test_a_silent_terminal_answers_nothing() -> None:
    source = RAW_MODE + "os.write(1, b'\\x1b[6n'); os.write(1, b'asked'); print(os.read(0, 20)); sys.stdout.flush()"
    with Terminal(python_program(source), answers=False) as terminal:
        terminal.wait_for("asked")
        terminal.send("key")
        terminal.wait_for("b'key'")


def test_a_picture_that_is_being_drawn_is_not_looked_at() -> None:
    source = RAW_MODE + (
        "print('before', flush=True); os.read(0, 1); os.write(1, b'\\x1b[?2026h\\x1b[2Jhalf'); os.read(0, 1);"
        "os.write(1, b' and whole\\x1b[?2026l'); os.read(0, 1)"
    )
    with Terminal(python_program(source)) as terminal:
        terminal.wait_for("before")
        terminal.send("a")
        terminal.wait_for_bytes(b"half")
        with pytest.raises(AssertionError, match="stays on the screen"):
            terminal.wait_until_gone("before", timeout_seconds=0.05)
        terminal.send("b")
        assert "half and whole" in terminal.wait_until_gone("before")


def test_a_long_paste_arrives_whole() -> None:
    source = RAW_MODE + (
        "print('ready', flush=True)\nleft = 100012\nwhile left: left -= len(os.read(0, 4096))\nprint('all of it', flush=True)"
    )
    with Terminal(python_program(source)) as terminal:
        terminal.wait_for("ready")
        terminal.send(pasted("x" * 100_000))
        terminal.wait_for("all of it")


def test_a_new_size_is_told() -> None:
    source = (
        "import os, signal\n"
        "def told(*_): os.write(1, b'now %d' % os.get_terminal_size().columns)\n"
        "signal.signal(signal.SIGWINCH, told)\n"
        "os.write(1, b'ready ')\n"
        "while True: signal.pause()"
    )
    with Terminal(python_program(source), columns=60) as terminal:
        terminal.wait_for("ready")
        terminal.resize(44, 10)
        terminal.wait_for("now 44")
        assert len(terminal.lines()) == 10


def test_what_never_comes_is_said_with_the_screen() -> None:
    source = "import signal\nprint('only this', flush=True)\nsignal.pause()"
    with Terminal(python_program(source)) as terminal:
        terminal.wait_for("only this")
        with pytest.raises(AssertionError, match=r"no 'that' on the screen[\s\S]*running[\s\S]*only this"):
            terminal.wait_for("that", timeout_seconds=0.05)
        with pytest.raises(AssertionError, match=r"'only' stays on the screen"):
            terminal.wait_until_gone("only", timeout_seconds=0.05)
        with pytest.raises(AssertionError, match=r"still running"):
            terminal.exit_code(timeout_seconds=0.05)
        with pytest.raises(AssertionError, match=r"no b'that' in the output"):
            terminal.wait_for_bytes(b"that", timeout_seconds=0.05)


def test_a_wait_ends_with_the_program() -> None:
    with (
        Terminal(python_program("import sys; print('bye'); sys.exit(3)")) as terminal,
        pytest.raises(AssertionError, match=r"ended with 3[\s\S]*bye"),
    ):
        # Far longer than any test may take: it fails because the program is gone.
        terminal.wait_for("more", timeout_seconds=3600)


def test_text_that_goes_is_awaited_and_quiet_is_noticed() -> None:
    source = (
        RAW_MODE
        + "print('here', flush=True); os.read(0, 1); os.write(1, b'\\x1b[2J\\x1b[H\\x1b]2;a title\\x07'); os.read(0, 1)"
    )
    with Terminal(python_program(source)) as terminal:
        terminal.wait_for("here")
        assert terminal.row_of("here") == 0
        assert terminal.cell(1, 0).data == "e"
        terminal.send("x")
        assert terminal.wait_until_gone("here").strip() == ""
        terminal.wait_until_quiet(0.05)
        assert terminal.title == "a title"
        assert terminal.cursor == (0, 0)


def test_the_environment_is_clean_and_the_home_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux")
    monkeypatch.setenv("OLLAMA_HOST", "elsewhere")
    source = "import os; print(*sorted(k for k in os.environ if k in ('TMUX', 'OLLAMA_HOST', 'TERM', 'ADDED')), os.environ['HOME'])"
    with Terminal(python_program(source), environment={"ADDED": "1"}) as terminal:
        terminal.wait_for("ADDED TERM /")
        home = terminal.home
        assert str(home) in terminal.screen()
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert terminal.exit_code() == 0
    assert not home.exists()


def test_nothing_of_the_persons_environment_is_left(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path / "home", NO_COLOR="1")
    places = [value for name, value in environment.items() if name == "HOME" or name.startswith("XDG_")]
    assert len(places) == 6
    assert all(Path(place).is_relative_to(tmp_path) for place in places)
    assert set(environment) - {"PATH", "TMPDIR", "TERM", "COLORTERM", "LANG", "NO_COLOR", "HOME"} == {
        name for name in environment if name.startswith("XDG_")
    }


def test_a_program_that_ignores_everything_is_gone_afterwards() -> None:
    source = (
        "import signal\n"
        "for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(number, signal.SIG_IGN)\n"
        "print('stubborn', flush=True)\n"
        "while True: signal.pause()"
    )
    with Terminal(python_program(source)) as terminal:
        terminal.wait_for("stubborn")
        pid = terminal.pid
        terminal.kill(signal.SIGTERM)
        assert terminal.is_running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_dropped_line_ends_a_program_that_takes_no_care() -> None:
    with Terminal(python_program("import signal; print('up', flush=True); signal.pause()")) as terminal:
        terminal.wait_for("up")
        terminal.hang_up()
        assert terminal.exit_code() == -signal.SIGHUP


def test_a_program_that_is_not_there_says_so() -> None:
    with Terminal(["/nowhere/program"]) as terminal:
        terminal.wait_for("/nowhere/program")
        assert terminal.exit_code() == 127
