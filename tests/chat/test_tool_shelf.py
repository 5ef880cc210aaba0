"""Which tools there are: built in, from files of one's own, and why one is not to be had."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tui.chat.tool_questions import ToolQuestions
from tui.chat.tool_shelf import ToolShelf, with_tools
from tui.conversations.control import NOTHING_SET, Control
from tui.conversations.edits import new_conversation
from tui.settings.values import ToolsSettings
from tui.tools.declared import Effect

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWN_TOOL = '''
from tui.tools import tool

@tool(harmless=True)
def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"
'''


class Rig:
    def __init__(self, root: Path) -> None:
        self.settings = ToolsSettings(folder="", rounds=3, call_seconds=30)
        self.folder = root / "tools"
        self.folder.mkdir(mode=0o700)
        root.chmod(0o700)
        self.confirmed = root / "state" / "tools.json"
        self.shelf = self.start()

    def start(self) -> ToolShelf:
        """As the next start of the program has it."""
        return ToolShelf(
            folder=self.folder,
            confirmed_file=self.confirmed,
            environ={"PATH": os.environ.get("PATH", ""), "CHINWAG_API_KEY": "secret"},
            now=lambda: NOW,
            settings=lambda: self.settings,
        )

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
        return file


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def control(*names: str, tool_choice: str = "") -> Control:
    return replace(NOTHING_SET, tools=names, tool_choice=tool_choice)


async def test_nothing_is_offered_unless_it_is_wanted(rig: Rig) -> None:
    box = await rig.shelf.toolbox(NOTHING_SET)
    assert box.usable == ()
    assert box.missing == ()


async def test_what_needs_a_folder_says_so_until_there_is_one(rig: Rig, tmp_path: Path) -> None:
    box = await rig.shelf.toolbox(control("clock", "read_file", "run_command"))
    assert [tool.name for tool in box.usable] == ["clock"]
    assert all("tools.folder" in str(one) for one in box.missing)
    assert len(box.missing) == 2
    rig.settings = replace(rig.settings, folder=str(tmp_path))
    box = await rig.shelf.toolbox(control("clock", "read_file", "run_command"))
    assert [tool.name for tool in box.usable] == ["clock", "read_file", "run_command"]
    rig.settings = replace(rig.settings, folder="relative/folder")
    box = await rig.shelf.toolbox(control("read_file"))
    assert box.usable == ()
    assert "whole path" in str(box.missing[0])


async def test_limits_are_those_of_the_settings(rig: Rig) -> None:
    limits = (await rig.shelf.toolbox(control("clock"))).limits
    assert limits.rounds == 3
    assert limits.call_seconds > 30


async def test_choice_says_what_is_offered_of_it(rig: Rig) -> None:
    conversation = new_conversation("0" * 26, now=NOW, model="m")
    box = await rig.shelf.toolbox(control("clock", "calculator", tool_choice="clock"))
    assert [one["function"]["name"] for one in box.declarations(conversation)] == ["clock"]
    box = await rig.shelf.toolbox(control("clock", "calculator", tool_choice="none"))
    assert box.declarations(conversation) == ()
    assert box.usable == ()


async def test_file_is_not_run_before_its_content_is_confirmed(rig: Rig, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    rig.write("weather.py", f"open({str(mark)!r}, 'w').close()\n{OWN_TOOL}")
    found = await rig.shelf.read()
    assert [file.path.name for file in found.unconfirmed] == ["weather.py"]
    assert found.find("weather") is None
    box = await rig.shelf.toolbox(control("weather"))
    assert box.usable == ()
    assert "weather.py" in str(box.missing[0])
    assert not mark.exists()
    await rig.shelf.confirm(found.unconfirmed[0])
    tool = (await rig.shelf.toolbox(control("weather"))).usable[0]
    assert mark.exists()
    assert tool.effect is Effect.acts, "whatever it says of itself"
    prepared = await tool.prepare({"city": "Oslo"})
    assert await prepared.run() == "rain in Oslo"


async def test_confirmation_holds_for_later_starts_and_for_that_content_alone(rig: Rig) -> None:
    rig.write("weather.py", OWN_TOOL)
    await rig.shelf.confirm((await rig.shelf.read()).unconfirmed[0])
    later = rig.start()
    assert (await later.read()).find("weather") is not None
    rig.write("weather.py", OWN_TOOL.replace("rain", "sun"))
    changed = await later.read()
    assert changed.find("weather") is None
    assert [file.path.name for file in changed.unconfirmed] == ["weather.py"]


async def test_file_that_others_may_write_is_not_even_offered_for_a_look(rig: Rig) -> None:
    rig.write("weather.py", OWN_TOOL).chmod(0o666)
    found = await rig.shelf.read()
    assert found.unconfirmed == ()
    assert "others may write" in str(found.problems[0])


async def test_name_that_is_built_in_or_taken_is_no_name_for_another(rig: Rig) -> None:
    rig.write("a.py", OWN_TOOL)
    rig.write("b.py", OWN_TOOL)
    rig.write("c.py", OWN_TOOL.replace("weather", "calculator"))
    for _ in range(3):
        found = await rig.shelf.read()
        if found.unconfirmed:
            await rig.shelf.confirm(found.unconfirmed[0])
    found = await rig.shelf.read()
    if found.unconfirmed:
        await rig.shelf.confirm(found.unconfirmed[0])
        found = await rig.shelf.read()
    assert [tool.name for tool in found.tools].count("weather") == 1
    assert [tool.source for tool in found.tools if tool.name == "calculator"] == ["built in"]
    assert all("is taken" in str(problem) for problem in found.problems)
    assert found.problems


async def test_file_that_breaks_costs_the_others_nothing(rig: Rig) -> None:
    rig.write("broken.py", "raise SystemExit(3)")
    rig.write("weather.py", OWN_TOOL)
    for _ in range(2):
        found = await rig.shelf.read()
        if found.unconfirmed:
            await rig.shelf.confirm(found.unconfirmed[0])
    found = await rig.shelf.read()
    assert found.find("weather") is not None
    assert "broken.py" in str(found.problems[0])


async def test_file_that_breaks_is_not_run_again_before_each_answer(rig: Rig, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    rig.write("weather.py", OWN_TOOL)
    rig.write("broken.py", f"with open({str(runs)!r}, 'a') as file:\n    file.write('x')\n1 / 0\n")
    for file in (await rig.shelf.read()).unconfirmed:
        await rig.shelf.confirm(file)
    await rig.shelf.toolbox(control("clock"))
    assert (await rig.shelf.having(["calculator"])).find("calculator") is not None
    assert not runs.exists(), "what comes with chinwag waits for no file"
    for _ in range(3):
        box = await rig.shelf.toolbox(control("weather"))
        assert [tool.name for tool in box.usable] == ["weather"]
    assert runs.read_text() == "x"
    found = await rig.shelf.read()
    assert "ZeroDivisionError" in str(found.problems[0])
    assert runs.read_text() == "xx", "whoever looks at the list has it tried again"


async def test_list_of_confirmed_that_cannot_be_read_confirms_nothing(rig: Rig) -> None:
    rig.write("weather.py", OWN_TOOL)
    await rig.shelf.confirm((await rig.shelf.read()).unconfirmed[0])
    rig.confirmed.write_text("{broken")
    found = await rig.start().read()
    assert found.find("weather") is None
    assert found.problems


def test_turning_one_off_takes_its_rule_and_its_choice_with_it() -> None:
    on = replace(with_tools(NOTHING_SET, ("clock", "calculator")), tool_choice="clock", allowed_tools=("clock",))
    off = with_tools(on, ("calculator",))
    assert (off.tools, off.tool_choice, off.allowed_tools) == (("calculator",), "", ())
    assert with_tools(on, ()) == NOTHING_SET


def test_nobody_is_asked_for_what_nobody_sees() -> None:
    questions = ToolQuestions()
    questions.ask_person = questions.ask
    conversation = new_conversation("0" * 26, now=NOW, model="m")
    assert questions.permissions(conversation, is_seen=False).ask is None
    assert questions.permissions(conversation, is_seen=True).ask is not None
