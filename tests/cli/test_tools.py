"""``chinwag chat --tool``: who is asked, what is refused without a terminal, and what stands where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commanding import Shell
from tests.end_to_end.served import Served
from tests.terminal import Terminal

MODEL = ("--model", "toolsmith:8b")
OWN_TOOL = '''
from tui.tools import tool

@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"
'''
LONG_SECONDS = 60.0


def test_without_a_terminal_a_tool_is_refused_unless_it_is_allowed_by_name(shell: Shell, demo: Served) -> None:
    ran = shell("chat", *MODEL, "--tool", "calculator", "what is 6 * 7")
    assert ran.code == 0, ran.talk
    assert 'tool calculator(expression="6 * 7"): refused' in ran.talk
    assert "--allow-tool calculator allows it" in ran.talk
    wrong = shell("chat", *MODEL, "--tool", "calculator", "--allow-tool", "calculater", "hello")
    assert wrong.code != 0
    assert "--allow-tool calculater names no tool of this call" in wrong.talk
    assert "there are: calculator" in wrong.talk
    assert "nobody is there to allow it" in ran.out
    ran = shell("chat", *MODEL, "--tool", "calculator", "--allow-tool", "calculator", "what is 6 * 7")
    assert ran.code == 0, ran.talk
    assert 'tool calculator(expression="6 * 7"): done' in ran.talk
    assert "`42`" in ran.out
    assert "calculator(" not in ran.out, "what is called is said beside the answer"
    names = [one["function"]["name"] for one in demo.chats()[-1]["tools"]]
    assert names == ["calculator"]


def test_calls_and_results_are_fields_of_the_json(shell: Shell) -> None:
    ran = shell("chat", *MODEL, "--json", "--tool", "calculator", "--allow-tool", "calculator", "what is 6 * 7")
    assert ran.code == 0, ran.talk
    (value,) = ran.values
    (called,) = value["tools"]
    assert called["seconds"] >= 0
    del called["seconds"]
    assert called == {
        "name": "calculator",
        "arguments": {"expression": "6 * 7"},
        "outcome": "done",
        "result": "42",
    }


def test_conversation_keeps_calls_and_results(shell: Shell) -> None:
    ran = shell(
        "chat", *MODEL, "--json", "--conversation", "new", "--tool", "clock", "--allow-tool", "clock", "the clock"
    )
    assert ran.code == 0, ran.talk
    (value,) = ran.values
    assert [one["outcome"] for one in value["tools"]] == ["done"]
    exported = shell("conversations", "show", value["conversation"])
    assert exported.code == 0, exported.talk
    assert "tool clock" in exported.out
    again = shell("chat", "--conversation", value["conversation"], "and the clock once more")
    assert again.code == 0, again.talk
    assert "tool clock(): refused" in again.talk, "what was allowed was allowed once"


def test_model_without_tools_and_names_that_are_none_are_said(shell: Shell) -> None:
    ran = shell("chat", "--model", "tour:8b", "--tool", "clock", "hello")
    assert ran.code != 0
    assert "cannot call tools" in ran.talk
    ran = shell("chat", *MODEL, "--tool", "clokc", "hello")
    assert ran.code != 0
    assert "there is no tool clokc" in ran.talk
    ran = shell("chat", *MODEL, "--tool", "read_file", "hello")
    assert ran.code != 0
    assert "tools.folder" in ran.talk
    ran = shell("chat", *MODEL, "--allow-tool", "clock", "hello")
    assert ran.code != 0


def test_file_of_ones_own_is_run_once_its_content_is_allowed(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "weather.py"
    file.write_text(OWN_TOOL)
    file.chmod(0o600)
    tmp_path.chmod(0o700)
    ran = shell("chat", *MODEL, "--tool", str(file), 'weather in "Oslo"')
    assert ran.code != 0
    assert "not confirmed" in ran.talk
    allowed = ("--allow-tool", "weather.py", "--allow-tool", "weather")
    ran = shell("chat", *MODEL, "--tool", str(file), *allowed, 'weather in "Oslo"')
    assert ran.code == 0, ran.talk
    assert "rain in Oslo" in ran.out
    file.chmod(0o666)
    ran = shell("chat", *MODEL, "--tool", str(file), *allowed, 'weather in "Oslo"')
    assert ran.code != 0
    assert "others may write to it" in ran.talk


def test_links_out_of_the_folder_lead_nowhere(shell: Shell, tmp_path: Path) -> None:
    folder, secret = tmp_path / "open", tmp_path / "secret.txt"
    folder.mkdir()
    secret.write_text("the secret")
    (folder / "link").symlink_to(secret)
    opened = Shell(home=shell.home, host=shell.host, more={"CHINWAG_TOOLS_FOLDER": str(folder)})
    for name in ("link", "../secret.txt", str(secret)):
        ran = opened("chat", *MODEL, "--tool", "read_file", "--allow-tool", "read_file", f'read_file "{name}"')
        assert ran.code == 0, ran.talk
        assert "the secret" not in ran.out + ran.talk


@pytest.mark.parametrize(("answer", "outcome"), [("y", "done"), ("", "refused")])
def test_at_a_terminal_it_is_asked_and_enter_is_no(shell: Shell, answer: str, outcome: str) -> None:
    argv = shell.argv("chat", *MODEL, "--tool", "calculator", "what is 6 * 7")
    with Terminal(argv, home=shell.home, environment={"OLLAMA_HOST": shell.host}) as terminal:
        screen = terminal.wait_for("call calculator? [y/N]", LONG_SECONDS)
        assert 'calculator(expression="6 * 7")' in screen
        terminal.send(f"{answer}\n")
        terminal.wait_for(f": {outcome}", LONG_SECONDS)
        assert terminal.exit_code(LONG_SECONDS) == 0


def test_at_a_terminal_a_file_is_read_before_it_is_run_whatever_the_flags_allow(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "weather.py"
    file.write_text(OWN_TOOL.replace("    return", "\treturn").replace("rain", "r\u200bain"))
    file.chmod(0o600)
    tmp_path.chmod(0o700)
    argv = shell.argv("chat", *MODEL, "--tool", str(file), "--allow-tool", "weather.py", 'weather in "Oslo"')
    with Terminal(argv, home=shell.home, environment={"OLLAMA_HOST": shell.host}) as terminal:
        screen = terminal.wait_for("y/N]", LONG_SECONDS)
        assert '␣␣␣␣return f"r⟦U+200B⟧ain in' in screen
        assert "1 hidden character in it" in screen
        terminal.send("\n")
        terminal.wait_for("look through it", LONG_SECONDS)
        assert terminal.exit_code(LONG_SECONDS) != 0


def test_line_by_line_it_is_asked_and_enter_is_no(shell: Shell) -> None:
    argv = shell.argv("chat", *MODEL, "--tool", "calculator")
    with Terminal(argv, home=shell.home, environment={"OLLAMA_HOST": shell.host}) as terminal:
        terminal.wait_for("/? lists the commands", LONG_SECONDS)
        terminal.send("what is 6 * 7\n")
        terminal.wait_for("call calculator? yes or no:", LONG_SECONDS)
        terminal.send("yes\n")
        terminal.wait_for("tool calculator: done", LONG_SECONDS)
        terminal.wait_for("I take its word for it", LONG_SECONDS)
        terminal.send("once more, what is 6 * 8\n")
        terminal.wait_for("6 * 8", LONG_SECONDS)
        terminal.wait_until(lambda screen: screen.count("yes or no:") == 2, LONG_SECONDS)
        terminal.send("\n")
        terminal.wait_for("tool calculator: refused", LONG_SECONDS)
        terminal.wait_until(lambda screen: screen.count("[done, ") >= 4, LONG_SECONDS)
        terminal.send("/bye\n")
        assert terminal.exit_code(LONG_SECONDS) == 0
