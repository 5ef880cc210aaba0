"""The README's examples of the command, run as they are written."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.cli.commanding import Shell, is_bash_here
from tests.readme_tables import README

AS_A_COMMAND = README.read_text("utf-8").partition("\n## As a command\n")[2].partition("\n## ")[0]
EXAMPLES = [
    line.partition("   #")[0].rstrip() for line in re.findall(r"```\n(.*?)```", AS_A_COMMAND, re.DOTALL)[0].splitlines()
]
GIT = "git() { echo '+one line'; }; "
"""What is changed where the tests run is no matter of theirs."""

NEEDED = {
    "--conversation last": ("chat", "--conversation", "new", "--model", "qwen3:8b", "Why is the sky blue?"),
    "--documents": ("documents", "add", "notes.md"),
    "--tool": ("config", "set", "chat.model", "toolsmith:8b"),
    "--image": ("config", "set", "chat.model", "seer:8b"),
}
"""What has to have happened before an example with this in it."""
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

has_bash = pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")


def exported_by_chatgpt() -> str:
    def said(role: str, text: str, parent: str | None, child: list[str]) -> dict[str, object]:
        message = {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}, "create_time": 1.0}
        return {"message": message, "parent": parent, "children": child}

    mapping = {"a": said("user", "hello", None, ["b"]), "b": said("assistant", "good day", "a", [])}
    return json.dumps([{"title": "Greetings", "create_time": 1.0, "current_node": "b", "mapping": mapping}])


@pytest.fixture
def prepared(shell: Shell) -> Shell:
    for name in ("qwen3:8b", "gemma3:4b"):
        shell("models", "cp", "fast:1b", name)
    (shell.home / "prompts.csv").write_text("text\ngood morning\ngood night\n")
    (shell.home / "conversations.json").write_text(exported_by_chatgpt())
    (shell.home / "notes.md").write_text("We agreed on tea.\n")
    (shell.home / "cat.png").write_bytes(PICTURE)
    return shell


@has_bash
@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_of_the_readme_runs_as_written(prepared: Shell, line: str) -> None:
    assert line.startswith("chinwag ") or "| chinwag " in line
    for flag, words in NEEDED.items():
        if flag in line:
            assert prepared(*words).code == 0
    ran = prepared.piped(GIT + line)
    assert ran.code == 0, ran.talk
    assert ran.out or ran.talk
    if named := re.search(r"--output (\S+)", line):
        assert (prepared.home / named[1]).stat().st_size > 0


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6
