"""A command: no shell, no keys, no end of its own choosing."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tests.tools.rig import Person, run_one
from tui.cleaning import clean
from tui.tools.command import command_tool
from tui.tools.permissions import Permissions
from tui.tools.processes import BoundedOutput, ProcessLimits, child_environment
from tui.tools.running import CallOutcome, ToolResult

ENVIRON = {
    "PATH": f"relative::.:{os.defpath}",
    "HOME": "/nowhere",
    "LC_ALL": "C.UTF-8",
    "CHINWAG_API_KEY": "canary",
    "OPENAI_API_KEY": "canary",
    "SSH_AUTH_SOCK": "canary",
    "LD_PRELOAD": "canary",
}


async def command(
    folder: Path, *argv: str, person: Person | None = None, limits: ProcessLimits | None = None
) -> ToolResult:
    tool = command_tool(folder, environ=ENVIRON, limits=limits)
    return await run_one(tool, "run_command", {"argv": list(argv)}, permissions=Permissions(ask=person or Person()))


def python(source: str) -> tuple[str, ...]:
    return sys.executable, "-I", "-c", source


async def test_a_command_runs_after_a_yes(tmp_path: Path) -> None:
    person = Person()
    result = await command(tmp_path, "echo", "two words", "$HOME; ls | *", person=person)
    assert result.text == "exit code 0\ntwo words $HOME; ls | *\n"
    program = Path(shutil.which("echo") or "").resolve()
    assert person.asked[0].text == f"{program} 'two words' '$HOME; ls | *'\nin {tmp_path}"


async def test_nothing_runs_after_a_no(tmp_path: Path) -> None:
    result = await command(tmp_path, "touch", "made", person=Person(answer=False))
    assert result.outcome is CallOutcome.refused
    assert not (tmp_path / "made").exists()


async def test_the_person_sees_the_program_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "ls").symlink_to(shutil.which("touch") or "")
    person = Person()
    await command(tmp_path, "./ls", "made", person=person)
    assert person.asked[0].text.startswith(str(Path(shutil.which("touch") or "").resolve()))
    await command(tmp_path, "ls", person=person)
    assert not person.asked[1].text.startswith(str(tmp_path))


async def test_the_person_sees_by_which_name_one_program_of_many_is_called(tmp_path: Path) -> None:
    (tmp_path / "many").write_text('#!/bin/sh\necho "as $0"\n')
    (tmp_path / "many").chmod(0o700)
    (tmp_path / "rm").symlink_to("many")
    person = Person()
    await command(tmp_path, "./rm", "-r", "all", person=person)
    assert person.asked[0].text == f"{tmp_path}/many -r all\ncalled as rm\nin {tmp_path}"


async def test_no_key_is_in_its_environment(tmp_path: Path) -> None:
    result = await command(tmp_path, *python("import os; print(sorted(os.environ.items()))"))
    assert "canary" not in result.text
    assert "'LC_ALL'" in result.text
    assert child_environment(ENVIRON)["PATH"] == os.defpath
    assert child_environment({"PATH": "."})["PATH"] == os.defpath


async def test_it_has_no_terminal_and_no_input(tmp_path: Path) -> None:
    source = "import os, sys\nprint(repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
    assert (await command(tmp_path, *python(source))).text == "exit code 0\n'' True\n"


async def test_errors_and_exit_codes_are_told(tmp_path: Path) -> None:
    result = await command(tmp_path, *python("import sys; sys.stderr.write('bad \\x1b[2J'); sys.exit(3)"))
    assert result.text == "exit code 3\nbad ␛[2J"
    result = await command(tmp_path, *python("import os; os.kill(os.getpid(), 9)"))
    assert result.text == "ended by signal 9\n(it said nothing)"


HOLDING = "import os, time\nheld = open('held', 'w')\nprint('began', flush=True)\n"
SLEEPING = "time.sleep(600)\n"
FORKING = "if os.fork() == 0:\n    time.sleep(600)\n"


class Held:
    """A pipe that a command and all that it starts hold open: its end comes when none of them lives."""

    def __init__(self, folder: Path) -> None:
        os.mkfifo(folder / "held")
        self.end = os.open(folder / "held", os.O_RDONLY | os.O_NONBLOCK)

    async def is_held(self) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    os.read(self.end, 1)
                except BlockingIOError:
                    return
                await asyncio.sleep(0)

    async def is_left(self) -> None:
        os.set_blocking(self.end, True)
        assert await asyncio.to_thread(os.read, self.end, 1) == b""
        os.close(self.end)


async def test_what_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    held = Held(tmp_path)
    result = await command(tmp_path, *python(HOLDING + FORKING + SLEEPING), limits=ProcessLimits(seconds=1))
    assert result.outcome is CallOutcome.failed
    assert "it took over 1 s and was ended" in result.text
    await held.is_left()


async def test_what_stays_behind_in_the_background_ends_with_it(tmp_path: Path) -> None:
    held = Held(tmp_path)
    result = await command(tmp_path, *python(HOLDING + FORKING))
    assert result.text == "exit code 0\nbegan\n"
    await held.is_left()


async def test_escape_ends_it(tmp_path: Path) -> None:
    held = Held(tmp_path)
    running = asyncio.create_task(command(tmp_path, *python(HOLDING + FORKING + SLEEPING)))
    await held.is_held()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await held.is_left()


async def test_what_says_too_much_is_cut_in_the_middle(tmp_path: Path) -> None:
    source = "import sys\nsys.stdout.write('begin ' + 'x' * 3_000_000 + ' end')"
    result = await command(tmp_path, *python(source), limits=ProcessLimits(output_bytes=1000))
    assert result.text.startswith("exit code 0\nbegin xxx")
    assert result.text.endswith("xxx end")
    assert "bytes left out" in result.text
    assert len(result.text) < 1100


@pytest.mark.parametrize(
    "argv",
    [[], [""], ["no-such-program-anywhere"], ["/etc/passwd"], ["."], ["./missing"], ["echo", "a\x00b"], ["x\x00"]],
)
async def test_what_cannot_run_is_told_and_not_asked_about(tmp_path: Path, argv: list[str]) -> None:
    person = Person()
    result = await command(tmp_path, *argv, person=person)
    assert (result.outcome, person.asked) == (CallOutcome.failed, [])


async def test_a_program_that_the_system_cannot_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\x7fno program")
    (tmp_path / "odd").chmod(0o700)
    result = await command(tmp_path, "./odd")
    assert (result.outcome, "cannot be started" in result.text) == (CallOutcome.failed, True)


@pytest.mark.parametrize("text", [text for text in HOSTILE_STRINGS if "\x00" not in text and "\ud800" not in text])
async def test_a_hostile_argument_is_spelled_out(tmp_path: Path, text: str) -> None:
    person = Person(answer=False)
    await command(tmp_path, "echo", text, person=person)
    shown = person.asked[0].text
    assert clean(shown) == shown
    assert shown.count("\n") == 1
    assert person.asked[0].hidden_characters == sum(
        clean(character) != character or character in "\n\t\ufe0f\u2800" or category(character) == "Cf"
        for character in text
    )


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5), st.integers(1, 40))
def test_output_is_kept_the_same_however_it_comes(data: bytes, cuts: list[int], limit: int) -> None:
    whole, parts = BoundedOutput(limit), BoundedOutput(limit)
    whole.add(data)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        parts.add(data[start:end])
    assert parts.text == whole.text
    if len(data) <= limit:
        assert whole.text == data.decode("utf-8", "replace")
