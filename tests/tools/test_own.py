"""A person's own tools run apart, only from files that are theirs, only with content that they confirmed."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.tools.rig import Person, run_one
from tui.failures import Failure
from tui.tools import Effect, Tool
from tui.tools.confirmed import Confirmed, load_confirmed, save_confirmed
from tui.tools.own import OwnToolFile, look_for_tools, tools_of
from tui.tools.permissions import Permissions
from tui.tools.processes import ProcessLimits
from tui.tools.running import CallOutcome

ENVIRON = {"PATH": os.defpath, "CHINWAG_API_KEY": "canary"}
GREET = '''
from tui.tools import tool

print("said while it is read")

@tool(harmless=True)
def greet(name: str, times: int = 1) -> str:
    """Say hello.

    Args:
        name: to whom
    """
    print("said while it runs")
    return f"hello {name} " * times

def no_tool() -> None: ...
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "tools"
    own.mkdir(mode=0o700)
    return own


def write(folder: Path, source: str, name: str = "own.py") -> Path:
    path = folder / name
    path.write_text(source)
    path.chmod(0o600)
    return path


def looked_at(folder: Path) -> OwnToolFile:
    """The one file, confirmed."""
    [found] = look_for_tools(folder, Confirmed()).files
    [confirmed] = look_for_tools(folder, Confirmed().with_one(found.sha256, found.path.name)).files
    assert (found.is_confirmed, confirmed.is_confirmed) == (False, True)
    return confirmed


async def tools_in(
    folder: Path, *, taken: Collection[str] = (), limits: ProcessLimits | None = None
) -> tuple[Tool, ...]:
    return await tools_of(looked_at(folder), environ=ENVIRON, taken=taken, limits=limits)


async def test_a_function_in_a_file_becomes_a_tool_that_asks(folder: Path) -> None:
    path = write(folder, GREET)
    [greet] = await tools_in(folder)
    assert (greet.name, greet.description, greet.source) == ("greet", "Say hello.", str(path))
    assert greet.parameters["properties"]["name"] == {"type": "string", "description": "to whom"}
    # Its word that it is harmless counts for nothing.
    assert greet.effect is Effect.acts
    person = Person()
    result = await run_one(greet, "greet", {"name": "you", "times": "2"}, permissions=Permissions(ask=person))
    assert (result.outcome, result.text) == (CallOutcome.done, "hello you hello you ")
    assert person.asked[0].text == f'greet(name="you", times=2)\nfrom {path}'


async def test_nothing_of_a_file_runs_before_its_content_is_confirmed(folder: Path, tmp_path: Path) -> None:
    write(folder, f"open({str(tmp_path / 'ran')!r}, 'w')")
    [found] = look_for_tools(folder, Confirmed()).files
    with pytest.raises(Failure, match="its content is not confirmed"):
        await tools_of(found, environ=ENVIRON)
    assert not (tmp_path / "ran").exists()
    assert found.text.startswith("open(")


async def test_a_file_that_changes_is_to_be_confirmed_again(folder: Path) -> None:
    path = write(folder, GREET)
    before = looked_at(folder)
    confirmed = Confirmed().with_one(before.sha256, "own.py")
    write(folder, GREET.replace("hello", "goodbye"))
    [after] = look_for_tools(folder, confirmed).files
    assert not after.is_confirmed
    # What was confirmed is what runs, whatever stands in the file by now.
    [greet] = await tools_of(before, environ=ENVIRON)
    path.unlink()
    assert (await run_one(greet, "greet", {"name": "you"})).text == "hello you "


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_used(folder: Path, mode: int) -> None:
    write(folder, GREET).chmod(mode)
    found = look_for_tools(folder, Confirmed())
    assert found.files == ()
    assert "others may write to it" in str(found.problems[0])
    assert "chmod go-w" in str(found.problems[0])


def test_a_folder_that_others_may_write_is_not_used(folder: Path) -> None:
    write(folder, GREET)
    folder.chmod(0o777)
    found = look_for_tools(folder, Confirmed())
    assert (found.files, len(found.problems)) == ((), 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_not_used(folder: Path) -> None:
    os.chown(write(folder, GREET), 12345, -1)
    [problem] = look_for_tools(folder, Confirmed()).problems
    assert "it belongs to somebody else" in str(problem)


def test_a_link_is_judged_by_where_it_leads(folder: Path, tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    write(open_folder, GREET, "a.py")
    open_folder.chmod(0o777)
    (folder / "a.py").symlink_to(open_folder / "a.py")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (folder / "b.py").symlink_to(write(closed, GREET, "b.py"))
    (folder / "c.py").symlink_to(folder / "nowhere")
    found = look_for_tools(folder, Confirmed())
    assert [file.path for file in found.files] == [closed / "b.py"]
    assert len(found.problems) == 2


def test_pipes_large_files_and_what_is_no_python_are_passed_over(folder: Path) -> None:
    os.mkfifo(folder / "pipe.py")
    write(folder, "#" * 300_000, "large.py")
    write(folder, GREET, ".hidden.py")
    write(folder, GREET, "_private.py")
    write(folder, GREET, "notes.txt")
    found = look_for_tools(folder, Confirmed())
    assert found.files == ()
    assert sorted(str(problem).split(" is not used")[0][-8:] for problem in found.problems) == ["/pipe.py", "large.py"]


def test_no_folder_is_no_problem(tmp_path: Path) -> None:
    assert look_for_tools(tmp_path / "none", Confirmed()).problems == ()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "there is no tool in it"),
        ("def f(:", "SyntaxError"),
        ("raise ValueError('no \\x1b[2J')", "ValueError: no"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import os; os._exit(3)", "gave no answer"),
        ("from tui.tools import tool\n@tool\ndef f(x): ...", "has no type"),
        ("\x00", "failed"),
        ("while True: pass", "it took over"),
    ],
)
async def test_a_file_that_is_broken_says_so(folder: Path, source: str, said: str) -> None:
    write(folder, source)
    patience = 2.0 if source.startswith("while") else 60.0
    with pytest.raises(Failure) as raised:
        await tools_in(folder, limits=ProcessLimits(seconds=patience))
    assert said in str(raised.value)
    assert "\x1b" not in str(raised.value)


async def test_a_name_that_is_taken_is_not_taken_over(folder: Path) -> None:
    write(folder, GREET)
    with pytest.raises(Failure, match="the name greet is taken"):
        await tools_in(folder, taken={"greet"})


async def test_own_tools_see_no_keys_and_fail_apart(folder: Path) -> None:
    write(
        folder,
        "import os\nfrom tui.tools import tool\n"
        "@tool\ndef look() -> dict:\n    return dict(os.environ)\n"
        "@tool\nasync def die() -> None:\n    os.kill(os.getpid(), 9)\n"
        "@tool\ndef fail() -> None:\n    raise KeyError('x')\n"
        "@tool\ndef odd() -> object:\n    return {1, 1}\n"
        "@tool\ndef much() -> str:\n    return 'x' * 500_000\n",
    )
    tools = await tools_in(folder)
    assert "canary" not in (await run_one(tools, "look")).text
    died = await run_one(tools, "die")
    assert (died.outcome, "it ended with exit code -9" in died.text) == (CallOutcome.failed, True)
    assert "KeyError: 'x'" in (await run_one(tools, "fail")).text
    assert (await run_one(tools, "odd")).text == "{1}"
    assert (await run_one(tools, "much")).outcome is CallOutcome.failed


def test_what_was_confirmed_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "confirmed.json"
    assert load_confirmed(path) == (Confirmed(), None)
    sha256 = "a" * 64
    save_confirmed(path, Confirmed().with_one(sha256, "own \ud800.py"))
    confirmed, problem = load_confirmed(path)
    assert sha256 in confirmed
    assert problem is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sha256 not in confirmed.without(sha256)
    with pytest.raises(ValueError, match="no SHA-256"):
        confirmed.with_one("../x", "own.py")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "null", '{"confirmed": []}', '{"confirmed": {"x": 1', "[" * 100_000, "{}", '{"a": ' + "9" * 5000],
)
def test_a_damaged_list_confirms_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "confirmed.json"
    path.write_text(content)
    confirmed, problem = load_confirmed(path)
    assert confirmed == Confirmed()
    assert problem is not None
    assert (tmp_path / "confirmed.json.damaged").read_text() == content


def test_foreign_entries_in_the_list_confirm_nothing(tmp_path: Path) -> None:
    path = tmp_path / "confirmed.json"
    path.write_text('{"confirmed": {"*": "all", "' + "b" * 64 + '": "own.py"}}')
    confirmed, _ = load_confirmed(path)
    assert dict(confirmed.names) == {"b" * 64: "own.py"}
