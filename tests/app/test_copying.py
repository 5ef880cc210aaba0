"""Text taken away: what is sent to whom, what is said about it, and where it lies if it did not arrive."""

from __future__ import annotations

import asyncio
import base64
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.reading_server import CODE_ANSWER, FIRST_CODE, PLAIN, READER, SECOND_CODE
from tests.app.running import SLOW, TERMINAL, UNHURRIED, Folders, Running
from tests.end_to_end.program import ask, ask_and_wait, leave, wait_until_usable
from tests.end_to_end.program import chinwag as chinwag_program
from tests.end_to_end.served import Served
from tests.terminal import Key, Terminal, ctrl
from tui.app.terminal.clipboard import (
    MOST_SENT_BYTES,
    SURELY_TAKEN_BYTES,
    TerminalClipboard,
    Way,
    osc_52,
    past_tmux,
    through_screen,
)
from tui.app.transcript.view import Transcript
from tui.app.widgets.status_line import StatusLine
from tui.cleaning import shown_controls
from tui.demo import DemoServer
from tui.environment import read_environment

LONG_SECONDS = 60.0
IN_TMUX = {"TMUX": "/tmp/tmux,1,0"}
OSC_52_OF_TMUX = re.compile(rb"\x1b\]52;[a-z]*;([A-Za-z0-9+/=]+)(?:\x07|\x1b\\)")
OSC_52 = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")


def taken(data: bytes) -> list[str]:
    """What a terminal that takes OSC 52 has had in its clipboard."""
    return [base64.b64decode(found, validate=True).decode() for found in OSC_52.findall(data)]


# The clipboard by itself


@dataclass(slots=True)
class Bench:
    folder: Path
    written: list[str] = field(default_factory=list)

    def clipboard(
        self, environ: Mapping[str, str] | None = None, *, patience_seconds: float = LONG_SECONDS
    ) -> TerminalClipboard:
        variables = dict(TERMINAL) | {"PATH": str(self.folder / "bin")} | dict(environ or {})
        return TerminalClipboard(
            environment=read_environment(variables, platform="linux"),
            environ=variables,
            file=self.folder / "state" / "clipboard",
            write=self.written.append,
            tmux_patience_seconds=patience_seconds,
        )

    def tmux(self, script: str) -> None:
        """A program of that name; ``$OUT`` is where it may leave something."""
        program = self.folder / "bin" / "tmux"
        program.parent.mkdir(exist_ok=True)
        shell = shutil.which("sh")
        program.write_text(f"#!{shell}\nPATH=/usr/bin:/bin\nOUT={self.folder}/out\n{script}\n")
        program.chmod(0o700)

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_terminal_is_sent_the_text_and_a_file_keeps_it(bench: Bench) -> None:
    clipboard = bench.clipboard()
    delivery = await clipboard.send("grün\n\tand → more")
    assert taken("".join(bench.written).encode()) == ["grün\n\tand → more"]
    assert (delivery.way, delivery.doubt) == (Way.terminal, "")
    assert delivery.file is not None
    assert delivery.file.read_text() == clipboard.text == "grün\n\tand → more"
    assert stat.S_IMODE(delivery.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(delivery.file.parent.stat().st_mode) == 0o700
    await clipboard.send("the next")
    assert delivery.file.read_text() == "the next"


@given(text=st.text())
def test_whatever_the_text_nothing_in_it_can_be_obeyed(text: str) -> None:
    data = shown_controls(text).encode("utf-8", "replace")
    for sequence in (osc_52(data), past_tmux(data), through_screen(data)):
        assert sequence.isascii()
        assert "\x9b" not in sequence
        assert sequence.count("\a") == 1
    assert taken(osc_52(data).encode()) == [data.decode()]


async def test_controls_are_shown_in_what_is_pasted_elsewhere(bench: Bench) -> None:
    await bench.clipboard().send("ls\x1b[201~\rrm -rf ~\x9b31m")
    (text,) = taken("".join(bench.written).encode())
    assert text == "ls␛[201~␍rm -rf ~⟦9B⟧31m"


async def test_what_nobody_may_keep_is_in_no_file(bench: Bench) -> None:
    delivery = await bench.clipboard().send("secret", is_kept=False)
    assert delivery.file is None
    assert taken("".join(bench.written).encode()) == ["secret"]
    assert not (bench.folder / "state").exists()


async def test_a_folder_that_cannot_be_written_keeps_nothing_and_harms_nothing(bench: Bench) -> None:
    (bench.folder / "state").write_text("a file where the folder should be")
    delivery = await bench.clipboard().send("text")
    assert delivery.file is None
    assert delivery.is_sent


async def test_tmux_is_given_the_text_itself(bench: Bench) -> None:
    bench.tmux('echo "$@ $TMUX" > $OUT; cat >> $OUT')
    delivery = await bench.clipboard(IN_TMUX).send("through\ntmux")
    assert (delivery.way, delivery.doubt) == (Way.tmux, "")
    assert bench.out == "load-buffer -w - /tmp/tmux,1,0\nthrough\ntmux"
    assert bench.written == []


@pytest.mark.parametrize("script", ["echo unknown option -- w >&2; exit 1", None], ids=["an old one", "none"])
async def test_past_a_tmux_that_does_not_take_it(bench: Bench, script: str | None) -> None:
    if script is not None:
        bench.tmux(script)
    delivery = await bench.clipboard(IN_TMUX).send("text")
    assert delivery.way is Way.past_tmux
    assert "set -g set-clipboard on" in delivery.doubt
    outer, inner = bench.written
    assert outer.startswith("\x1bPtmux;\x1b\x1b]52;c;")
    assert outer.endswith("\a\x1b\\")
    assert taken(outer.replace("\x1b\x1b", "\x1b").encode()) == taken(inner.encode()) == ["text"]


async def test_a_tmux_that_hangs_is_not_waited_for(bench: Bench) -> None:
    bench.tmux("echo $$ > $OUT; exec sleep 600")
    clipboard = bench.clipboard(IN_TMUX, patience_seconds=0.5)
    delivery = await asyncio.wait_for(clipboard.send("text"), LONG_SECONDS)
    assert delivery.way is Way.past_tmux
    if (bench.folder / "out").exists():
        assert not Path(f"/proc/{bench.out.strip()}").exists()


async def test_gnu_screen_gets_it_in_pieces_that_it_can_hold(bench: Bench) -> None:
    text = "0123456789" * 100
    delivery = await bench.clipboard({"STY": "1.pts"}).send(text)
    assert delivery.way is Way.screen
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", "".join(bench.written), re.DOTALL)
    assert "".join(f"\x1bP{piece}\x1b\\" for piece in pieces) == "".join(bench.written)
    assert max(map(len, pieces)) + 4 <= 256
    assert taken("".join(pieces).encode()) == [text]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TERM": "tmux-256color"}, "set -g set-clipboard on"),
        ({"TERM": "screen-256color"}, "set -g set-clipboard on"),
        ({"LC_TERMINAL": "iTerm2"}, "iTerm2 needs"),
        ({"TERM_PROGRAM": "Apple_Terminal"}, "Terminal"),
        ({"XTERM_VERSION": "XTerm(390)"}, "disallowedWindowOps"),
        ({"VTE_VERSION": "7600"}, "GNOME"),
        ({"TERM": "rxvt-unicode-256color"}, "rxvt"),
        ({"TERM_PROGRAM": "WezTerm"}, ""),
    ],
)
async def test_what_may_stand_in_the_way_is_named(bench: Bench, variables: Mapping[str, str], words: str) -> None:
    delivery = await bench.clipboard(variables).send("text")
    assert delivery.is_sent
    assert words in delivery.doubt
    assert bool(words) == bool(delivery.doubt)


async def test_a_console_without_a_clipboard_is_sent_nothing(bench: Bench) -> None:
    delivery = await bench.clipboard({"TERM": "linux"}).send("text")
    assert (delivery.way, bench.written) == (Way.file, [])
    assert delivery.file is not None
    assert "no clipboard" in delivery.doubt


async def test_how_much_a_terminal_takes_is_said(bench: Bench) -> None:
    clipboard = bench.clipboard()
    assert not (await clipboard.send("x" * SURELY_TAKEN_BYTES)).doubt
    assert len(bench.written[-1]) <= 100_000 + len("\x1b]52;c;\a")
    delivery = await clipboard.send("x" * (SURELY_TAKEN_BYTES + 1))
    assert delivery.is_sent
    assert "75 kB is more than some terminals take" in delivery.doubt
    too_large = await clipboard.send("x" * (MOST_SENT_BYTES + 1))
    assert too_large.way is Way.file
    assert too_large.file is not None
    assert too_large.file.stat().st_size == MOST_SENT_BYTES + 1
    assert len(bench.written) == 2


async def test_of_two_texts_the_later_one_is_there_at_the_end(bench: Bench) -> None:
    bench.tmux("cat > $OUT.new; mv $OUT.new $OUT")
    clipboard = bench.clipboard(IN_TMUX)
    first, second = await asyncio.gather(clipboard.send("the first"), clipboard.send("the second"))
    assert (first.way, second.way) == (Way.tmux, Way.tmux)
    assert bench.out == "the second"
    assert (bench.folder / "state" / "clipboard").read_text() == "the second"


# In the conversation


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[DemoServer]:
    async with DemoServer(models=[READER], speed=getattr(request, "param", 0.0), accept_scripts=True) as demo:
        yield demo


def kept(folders: Folders) -> str:
    file = folders.root / "state" / "clipboard"
    return file.read_text() if file.exists() else ""


async def answered(chinwag: Running, prompt: str) -> None:
    await chinwag.shows("Ask reader:1b")
    await chinwag.send(prompt)
    await chinwag.answered()


async def opened(chinwag: Running) -> None:
    await chinwag.press("ctrl+y")
    await chinwag.until(lambda: chinwag.chat.copy_line.is_open and chinwag.chat.copy_line.has_focus, told="the line")


@pytest.mark.parametrize(
    ("key", "name", "text"),
    [
        ("enter", "the answer", CODE_ANSWER),
        ("1", "code 1", FIRST_CODE),
        ("2", "code 2", SECOND_CODE),
        ("a", "the conversation", f"code\n\n{CODE_ANSWER}"),
    ],
)
async def test_one_key_after_another_takes_a_text_away_as_it_came(
    folders: Folders, key: str, name: str, text: str
) -> None:
    async with folders.start(size=(80, 24)) as chinwag:
        await answered(chinwag, "code")
        await opened(chinwag)
        await chinwag.shows("copy  enter answer · 1–2 code · a all", "esc back")
        await chinwag.press(key)
        await chinwag.shows(f"{name} sent to the terminal's clipboard")
        assert chinwag.app.clipboard.strip("\n") == kept(folders).strip("\n") == text
        await chinwag.until(lambda: chinwag.chat.prompt.is_active, told="the prompt has the keys again")
        assert not chinwag.chat.copy_line.is_open
        await chinwag.press("ctrl+v")
        await chinwag.until(lambda: chinwag.chat.prompt.text.strip("\n") == text, told="it can be pasted here, too")


async def test_a_letter_instead_of_a_choice_goes_into_the_prompt(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await answered(chinwag, "code")
        await opened(chinwag)
        await chinwag.type("how is that")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "how is that", told="every letter")
        assert chinwag.app.clipboard == ""
        await chinwag.press("ctrl+u")
        await chinwag.until(lambda: chinwag.chat.prompt.is_empty, told="an empty prompt")


async def test_on_text_the_key_puts_back_what_was_taken(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await answered(chinwag, "code")
        await chinwag.type("one two")
        await chinwag.press("ctrl+y")
        assert not chinwag.chat.copy_line.is_open
        await chinwag.press("ctrl+w", "ctrl+y", "ctrl+y")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "one twotwo", told="yanked twice")
        assert not chinwag.chat.copy_line.is_open


async def test_escape_and_other_screens_close_the_question(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await answered(chinwag, "code")
        await opened(chinwag)
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.chat.prompt.is_active and not chinwag.chat.copy_line.is_open, told="back")
        await opened(chinwag)
        await chinwag.press("ctrl+p")
        await chinwag.shows("Commands")
        assert not chinwag.chat.copy_line.is_open
        await chinwag.press("escape")
        await chinwag.until(lambda: chinwag.chat.prompt.is_active, told="the prompt has the keys")


async def test_copying_from_the_palette_also_while_something_is_written(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await answered(chinwag, "code")
        await chinwag.type("half a thought")
        await chinwag.press("ctrl+p", *"block of", "enter")
        await chinwag.until(lambda: chinwag.chat.copy_line.has_focus, told="the question")
        await chinwag.press("1")
        await chinwag.shows("code 1 sent to the terminal's clipboard")
        assert chinwag.chat.prompt.text == "half a thought"


@pytest.mark.parametrize(
    ("command", "words", "text"),
    [
        ("/copy answer", "the answer sent", CODE_ANSWER),
        ("/copy code 2", "code 2 sent", SECOND_CODE),
        ("/copy ALL", "the conversation sent", f"code\n\n{CODE_ANSWER}"),
        ("/copy code 9", "there is no code 9 here", ""),
        ("/copy code", "cannot copy code", ""),
        ("/copy that", "cannot copy that · /copy answer, /copy code 1, /copy all", ""),
    ],
)
async def test_copying_by_command(folders: Folders, command: str, words: str, text: str) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("/copy answer")
        await chinwag.shows("there is nothing to copy yet")
        await answered(chinwag, "code")
        await chinwag.send(command)
        await chinwag.shows(words)
        assert kept(folders).strip("\n") == text


async def test_of_a_private_conversation_no_file_keeps_anything(folders: Folders) -> None:
    async with folders.start(terminal={**TERMINAL, "TERM": "tmux-256color"}) as chinwag:
        await chinwag.shows("Ask reader:1b")
        await chinwag.send("/private")
        await chinwag.shows("private, nothing is kept")
        await answered(chinwag, "hello")
        await chinwag.send("/copy answer")
        await chinwag.until(lambda: chinwag.app.clipboard == PLAIN, told="what was sent")
        await chinwag.shows("the answer sent to the terminal's clipboard")
        assert not (folders.root / "state" / "clipboard").exists()


@UNHURRIED
async def test_what_has_come_of_an_answer_can_be_taken_while_more_comes(folders: Folders) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("go on for long")
        await chinwag.until(lambda: len(chinwag.chat.transcript.answer_source() or "") > 20, told="some of it")
        await opened(chinwag)
        await chinwag.press("enter")
        await chinwag.shows("the answer so far sent")
        assert len(chinwag.app.clipboard) > 20
        assert chinwag.chat.session.is_answering
        await chinwag.press("escape")
        await chinwag.shows("■ stopped")


async def test_a_click_on_the_label_of_code_copies_it(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await answered(chinwag, "code")
        row = next(number for number, text in enumerate(chinwag.rows) if "copy 1" in text)
        await chinwag.pilot.click(offset=(chinwag.rows[row].index("copy 1") + 1, row))
        await chinwag.shows("code 1 sent to the terminal's clipboard")
        assert kept(folders) == chinwag.app.clipboard
        assert chinwag.app.clipboard.strip("\n") == FIRST_CODE


async def test_a_selection_goes_the_same_way(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await answered(chinwag, "hello")
        row = next(number for number, text in enumerate(chinwag.rows) if "Only words" in text)
        await chinwag.pilot.click(Transcript, offset=(6, row - 1), times=3)
        await chinwag.press("ctrl+c")
        await chinwag.shows("the selection sent to the terminal's clipboard")
        assert kept(folders) == "Only words, and no code."
        await chinwag.pilot.mouse_down(offset=(8, row))
        await chinwag.pilot.hover(offset=(9, row + 1))
        await chinwag.pilot.hover(StatusLine)
        await chinwag.pilot.mouse_up(StatusLine)
        await chinwag.press("ctrl+c")
        await chinwag.until(lambda: kept(folders) == "words, and no code.", told="nothing but what was said")
        await chinwag.type("mine")
        await chinwag.press("shift+home", "ctrl+x")
        await chinwag.until(lambda: kept(folders) == "mine", told="what was cut")
        await chinwag.until(lambda: chinwag.chat.prompt.is_empty, told="an empty prompt")


async def test_a_doubt_is_said_once_and_the_file_each_time(folders: Folders) -> None:
    async with folders.start(terminal={**TERMINAL, "TERM": "tmux-256color"}) as chinwag:
        await answered(chinwag, "hello")
        await chinwag.send("/copy answer")
        await chinwag.shows("the answer sent to the terminal's clipboard")
        chinwag.clock.ahead_seconds += 8
        await chinwag.shows("the tmux around this needs: set -g set-clipboard on")
        chinwag.clock.ahead_seconds += 12
        await chinwag.shows("what was sent last lies in /")
        chinwag.clock.ahead_seconds += 60
        await chinwag.send("/copy all")
        await chinwag.shows("the conversation sent to the terminal's clipboard · also in")
        said = [one.words for one in chinwag.chat._sayings.log]
        assert sum("set-clipboard" in words for words in said) == 1


async def test_what_is_too_large_lies_in_the_file(folders: Folders) -> None:
    async with folders.start(size=(200, 50)) as chinwag:
        await chinwag.shows("Ask reader:1b")
        chinwag.chat.copy("x" * (MOST_SENT_BYTES + 1), "the answer")
        await chinwag.shows("the answer lies in", "750 kB is more than terminals take")


# On a real terminal


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def reader() -> Iterator[Served]:
    with Served(models=[READER], speed=0) as server:
        yield server


def test_the_bytes_that_a_terminal_gets(reader: Served, home: Path) -> None:
    with chinwag_program("--host", reader.url, home=home) as terminal:
        wait_until_usable(terminal)
        ask_and_wait(terminal, "code")
        terminal.send(ctrl("f"))
        terminal.wait_for("enter next", LONG_SECONDS)
        terminal.send("needle")
        terminal.wait_for(re.compile("1 of 1"), LONG_SECONDS)
        terminal.send(Key.escape)
        terminal.wait_until_gone("enter next", LONG_SECONDS)
        assert taken(terminal.raw) == []
        terminal.send(ctrl("y"))
        terminal.wait_for("enter answer · 1–2 code", LONG_SECONDS)
        terminal.send("2")
        terminal.wait_for("code 2 sent to the terminal's clipboard", LONG_SECONDS)
        assert [text.strip("\n") for text in taken(terminal.raw)] == [SECOND_CODE]
        terminal.send(ctrl("y"))
        terminal.wait_for("enter answer", LONG_SECONDS)
        terminal.send(Key.enter)
        terminal.wait_for("the answer sent", LONG_SECONDS)
        assert taken(terminal.raw)[1:] == [CODE_ANSWER]
        file = home / ".local" / "state" / "chinwag" / "clipboard"
        assert file.read_text() == CODE_ANSWER
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        leave(terminal)


def test_the_mouse_is_the_terminals_when_it_was_given_back(reader: Served, home: Path) -> None:
    with chinwag_program("--host", reader.url, home=home) as terminal:
        wait_until_usable(terminal)
        assert {1000, 1003, 1006} <= terminal.private_modes
        ask(terminal, "/mouse")
        terminal.wait_for("the mouse is the terminal's", LONG_SECONDS)
        terminal.wait_until(lambda _: not {1000, 1003, 1006} & terminal.private_modes, LONG_SECONDS)
        leave(terminal)
    with chinwag_program("--host", reader.url, home=home) as terminal:
        wait_until_usable(terminal)
        assert not {1000, 1003, 1006} & terminal.private_modes
        assert b"\x1b[?1000h" not in terminal.raw
        ask(terminal, "/mouse")
        terminal.wait_until(lambda _: {1000, 1003, 1006} <= terminal.private_modes, LONG_SECONDS)
        leave(terminal)


def test_through_a_tmux_that_lets_no_program_at_the_clipboard(reader: Served, home: Path) -> None:
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")
    version = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < (3, 2):
        pytest.skip(f"{version.strip()} has no load-buffer -w")
    with tempfile.TemporaryDirectory(prefix="tmux-") as sockets:
        tmux = [program, "-S", f"{sockets}/socket", "-f", "/dev/null"]
        command = [sys.executable, "-m", "tui", "--host", reader.url]
        argv = [*tmux, "new-session", "-x", "100", "-y", "30", shlex.join(command)]
        with Terminal(argv, home=home, columns=100, rows=31, environment={"COLORTERM": "truecolor"}) as terminal:
            try:
                wait_until_usable(terminal)
                ask_and_wait(terminal, "code")
                terminal.send(ctrl("y"))
                terminal.wait_for("enter answer", LONG_SECONDS)
                terminal.send("1")
                terminal.wait_for("code 1 sent to the terminal's clipboard", LONG_SECONDS)
                terminal.wait_until(lambda _: bool(OSC_52_OF_TMUX.search(terminal.raw)), LONG_SECONDS)
                sent = OSC_52_OF_TMUX.findall(terminal.raw)
                assert [base64.b64decode(one).decode().strip("\n") for one in sent] == [FIRST_CODE]
                shown = subprocess.run([*tmux, "show-buffer"], capture_output=True, text=True, check=True).stdout
                assert shown.strip("\n") == FIRST_CODE
                terminal.send(ctrl("q"))
                terminal.exit_code(LONG_SECONDS)
            finally:
                subprocess.run([*tmux, "kill-server"], capture_output=True, check=False)


async def test_what_was_done_last_is_what_is_said(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        await chinwag.send("/copy code 9")
        await chinwag.shows("there is no code 9 here")
        await chinwag.send("/copy all")
        await chinwag.shows("the conversation sent to the terminal's clipboard")
        await chinwag.until(lambda: "no code 9" not in chinwag.text)
