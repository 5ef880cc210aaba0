"""The prompt in the person's own editor."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from tests.app.running import UNHURRIED, Folders, Running, served
from tests.terminal import Terminal, ctrl
from tui.app.attached_text import taken_apart

MODEL = "tour:8b"
PATIENCE_SECONDS = 60.0


class Editor:
    """A program that does what a test wants with the file that it is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.program = folder / "an editor"
        self.seen = folder / "seen"
        """What stood in the file, and where it was."""
        self.mode = folder / "mode"
        self.go_on = folder / "go-on"
        """Where it waits for this, the editor stays open until it is there."""

    def writes(self, python: str, *, waits: bool = False, code: int = 0) -> str:
        """The variable's value. ``python`` makes ``after`` of ``before``."""
        source = f"""
            import os, pathlib, sys, time
            assert sys.argv[1] == "--calm"
            path = pathlib.Path(sys.argv[2])
            before = path.read_text(encoding="utf-8")
            pathlib.Path({str(self.mode)!r}).write_text(f"{{path.stat().st_mode & 0o777:o}} {{path.parent.stat().st_mode & 0o777:o}}")
            if os.isatty(1):
                print("the editor is open", os.isatty(0), flush=True)
            seen = pathlib.Path({str(self.seen)!r})
            seen.with_suffix(".new").write_text(f"{{path}}\\n{{before}}")
            seen.with_suffix(".new").rename(seen)
            while {waits} and not pathlib.Path({str(self.go_on)!r}).exists():
                time.sleep(0.01)
            after = {python}
            path.write_text(after, encoding="utf-8")
            sys.exit({code})
        """
        lines = [line.removeprefix(" " * 12) for line in source.strip("\n").split("\n")]
        self.program.write_text(f"#!{sys.executable} -I\n" + "\n".join(lines))
        self.program.chmod(0o700)
        return f"'{self.program}' --calm"

    @property
    def file(self) -> Path:
        return Path(self.seen.read_text().partition("\n")[0])

    @property
    def text(self) -> str:
        return self.seen.read_text().partition("\n")[2]


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    return Editor(tmp_path)


async def edited(chinwag: Running, editor: Editor) -> None:
    await chinwag.press("ctrl+g")
    await chinwag.until(editor.seen.exists, told="the editor")
    await chinwag.until(lambda: chinwag.chat._editing is None, told="the editor's end")


async def test_text_goes_to_the_editor_and_comes_back_unsent(folders: Folders, editor: Editor) -> None:
    variable = editor.writes('before + " and more\\nlines\\n"')
    async with folders.start(model=MODEL, environ={"EDITOR": variable}) as chinwag:
        await chinwag.type("one line")
        await edited(chinwag, editor)
        assert editor.text == "one line"
        assert editor.mode.read_text() == "600 700"
        assert editor.file.name == "prompt.md"
        assert chinwag.chat.prompt.text == "one line and more\nlines"
        assert not chinwag.chat.session.conversation.messages
        assert not editor.file.parent.exists(), "nothing of it stays behind"
        await chinwag.press("ctrl+home")
        chinwag.chat.prompt.load("")
        await chinwag.press("up")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "one line", told="what stood there before")


async def test_visual_wins_and_an_empty_prompt_can_begin_there(folders: Folders, editor: Editor) -> None:
    environ = {"VISUAL": editor.writes('"written there\\n"'), "EDITOR": "/nowhere/ed"}
    async with folders.start(model=MODEL, environ=environ) as chinwag:
        await edited(chinwag, editor)
        assert chinwag.chat.prompt.text == "written there"
        await chinwag.press("enter")
        await chinwag.answered()


async def test_what_comes_out_of_it_is_words_and_no_command(folders: Folders, editor: Editor) -> None:
    async with folders.start(model=MODEL, environ={"EDITOR": editor.writes('"/new"')}) as chinwag:
        await edited(chinwag, editor)
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.session.conversation.messages)
        assert chinwag.chat.session.conversation.messages[0].text == "/new"
        await chinwag.answered()


async def test_command_that_was_typed_stays_one(folders: Folders, editor: Editor) -> None:
    async with folders.start(model=MODEL, environ={"EDITOR": editor.writes('before + "brief\\nand kind"')}) as chinwag:
        await chinwag.type("/system be ")
        await edited(chinwag, editor)
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.session.conversation.control.system == "be brief\nand kind")


async def test_chips_come_back_where_their_names_stand(folders: Folders, editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    variable = editor.writes('"before it: " + before.strip() + ", and behind"')
    async with folders.start(model=MODEL, environ={"EDITOR": variable}) as chinwag:
        await chinwag.type(f"/attach {tmp_path / 'main.py'}")
        await chinwag.press("enter")
        await chinwag.until(lambda: taken_apart(chinwag.chat.prompt.text)[1], told="the chip")
        await edited(chinwag, editor)
        text, attachments = taken_apart(chinwag.chat.prompt.text)
        assert text == f"before it: {tmp_path / 'main.py'}, and behind"
        assert len(attachments) == 1


async def test_failing_editor_leaves_the_prompt_and_loses_nothing(folders: Folders, editor: Editor) -> None:
    async with folders.start(model=MODEL, environ={"EDITOR": editor.writes('"half a thought"', code=3)}) as chinwag:
        await chinwag.type("as it was")
        await edited(chinwag, editor)
        await chinwag.shows("ended with 3", "the prompt is as it was")
        assert chinwag.chat.prompt.text == "as it was"
        await chinwag.press("up")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "half a thought")


async def test_editor_that_takes_its_file_away_is_not_called_unopened(folders: Folders, editor: Editor) -> None:
    taken_away = editor.writes("sys.exit(path.unlink())")
    async with folders.start(model=MODEL, environ={"EDITOR": taken_away}) as chinwag:
        await chinwag.type("as it was")
        await edited(chinwag, editor)
        await chinwag.shows("left no text that can be read", "the prompt is as it was")
        assert chinwag.chat.prompt.text == "as it was"
        editor.writes('"better"')
        await edited(chinwag, editor)
        await chinwag.until(lambda: chinwag.chat.prompt.text == "better")
        await chinwag.hides("left no text")


async def test_emptied_file_empties_the_prompt_and_up_brings_it_back(folders: Folders, editor: Editor) -> None:
    async with folders.start(model=MODEL, environ={"EDITOR": editor.writes('"\\n"')}) as chinwag:
        await chinwag.type("never mind")
        await edited(chinwag, editor)
        await chinwag.shows("cleared")
        assert chinwag.chat.prompt.is_empty
        await chinwag.press("up")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "never mind")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"EDITOR": "/nowhere/ed"}, "EDITOR is /nowhere/ed, and there is no such program"),
        ({"EDITOR": "'unfinished"}, "EDITOR is 'unfinished"),
        ({"PATH": "/nowhere"}, "there is no editor"),
    ],
)
async def test_missing_editor_is_said_with_the_next_step(folders: Folders, environ: dict[str, str], words: str) -> None:
    async with folders.start(model=MODEL, environ=environ) as chinwag:
        await chinwag.type("as it was")
        await chinwag.press("ctrl+g")
        await chinwag.shows(words, "set EDITOR")
        assert chinwag.chat.prompt.text == "as it was"


@UNHURRIED
async def test_answer_goes_on_meanwhile(folders: Folders, editor: Editor) -> None:
    variable = editor.writes('"written meanwhile"', waits=True)
    async with folders.start(model="script-prose-60-200", environ={"EDITOR": variable}) as chinwag:
        await chinwag.send("go on")
        await chinwag.press("ctrl+g")
        await chinwag.until(editor.seen.exists, told="the editor")
        await chinwag.answered()
        assert chinwag.chat._editing is not None
        editor.go_on.touch()
        await chinwag.until(lambda: chinwag.chat.prompt.text == "written meanwhile")


async def test_quitting_ends_the_editor_and_keeps_what_was_there_as_a_draft(folders: Folders, editor: Editor) -> None:
    variable = editor.writes("before", waits=True)
    async with folders.start(model=MODEL, environ={"EDITOR": variable}) as chinwag:
        await chinwag.type("a draft")
        await chinwag.press("ctrl+g")
        await chinwag.until(editor.seen.exists, told="the editor")
        file = editor.file
    assert not file.parent.exists()
    async with folders.start(model=MODEL) as chinwag:
        await chinwag.until(lambda: chinwag.chat.prompt.text == "a draft")


# In a terminal


async def test_editor_has_the_terminal_and_gives_it_back(tmp_path: Path, editor: Editor) -> None:
    """The answer goes on and nothing of it is written while the editor has the screen; then all of it is there."""
    async with served(tmp_path / "person", speed=1.0) as (folders, demo):
        argv = [sys.executable, "-m", "tui", "--host", folders.url, "--model", "script-prose-60-100"]
        environment = folders.environ(EDITOR=editor.writes('before + " (edited)"', waits=True))
        with Terminal(argv, environment=environment) as terminal:

            def play() -> None:
                terminal.wait_for("@ to attach", PATIENCE_SECONDS)
                terminal.send("go on\r")
                terminal.wait_for("esc stop", PATIENCE_SECONDS)
                terminal.send("and then?")
                terminal.wait_for("and then?", PATIENCE_SECONDS)
                terminal.send(ctrl("g"))
                terminal.wait_for("the editor is open True", PATIENCE_SECONDS)
                modes, start = terminal.private_modes, len(terminal.raw)
                assert not modes & {"1049", "2004", "1004", "1000"}, modes
                until = time.monotonic() + PATIENCE_SECONDS
                while demo.open_requests and time.monotonic() < until:
                    time.sleep(0.05)
                assert not demo.open_requests, "the answer goes on"
                assert not terminal.raw[start:], "nothing is written while the editor has the terminal"
                editor.go_on.touch()
                terminal.wait_for("and then? (edited)", PATIENCE_SECONDS)
                terminal.wait_for("ENDMARK", PATIENCE_SECONDS)
                terminal.send(ctrl("c"))
                terminal.wait_for("cleared", PATIENCE_SECONDS)
                terminal.send(ctrl("q"))
                assert terminal.exit_code(PATIENCE_SECONDS) == 0

            await asyncio.to_thread(play)
