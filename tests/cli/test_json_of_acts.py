"""``--json`` behind commands that only do something: what was done is one value, and no words are beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.commanding import Shell, home_below
from tests.end_to_end.served import Served

GPU_BOX = "http://gpu-box:11434"


def one_value(shell: Shell, *words: str) -> Any:
    ran = shell(*words, "--json")
    assert ran.code == 0, ran.talk
    assert ran.talk == ""
    [value] = ran.values
    return value


def test_settings(shell: Shell) -> None:
    name = "generation.temperature"
    file = one_value(shell, "config", "path")["path"]
    assert one_value(shell, "config", "set", name, "0") == {"name": name, "value": 0.0}
    assert one_value(shell, "config", "export") == {"path": file, "text": Path(file).read_text()}
    assert one_value(shell, "config", "reset", name) == {"name": name, "value": None}
    (shell.home / "other.toml").write_text("[appearance]\ntheme = 'nord'\n")
    kept_as = one_value(shell, "config", "import", "other.toml")["kept_as"]
    assert Path(kept_as).exists()
    assert one_value(shell, "config", "reset", "--all", "--yes")["path"] == file


def test_hosts(shell: Shell) -> None:
    assert one_value(shell, "hosts", "add", "gpu-box", GPU_BOX) == {"name": "gpu-box", "address": GPU_BOX}
    used = one_value(shell, "hosts", "use", "gpu-box")
    assert used == {"name": "gpu-box", "address": GPU_BOX, "is_asked": True}
    assert shell("hosts", "rm", "gpu-box", "--json", "--quiet").values == [
        {"name": "gpu-box", "is_removed": True, "was_the_one_asked": True}
    ]


def test_models(tmp_path: Path) -> None:
    with Served(speed=10) as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        assert one_value(shell, "models", "cp", "fast:1b", "mine") == {"model": "fast:1b", "copy": "mine"}
        assert one_value(shell, "models", "load", "mine")["model"] == "mine"
        assert one_value(shell, "models", "unload", "mine")["model"] == "mine"
        assert "FROM" in one_value(shell, "models", "show", "mine", "--part", "modelfile")["modelfile"]
        assert "fast:1b" in [one["name"] for one in shell("models", "list", "--names", "--json").values]
        assert one_value(shell, "models", "rm", "mine", "--yes") == {"model": "mine", "is_removed": True}


def test_presets(shell: Shell) -> None:
    saved = one_value(shell, "presets", "save", "terse", "--option", "seed=1")
    assert (saved["name"], saved["options"]) == ("terse", {"seed": 1})
    assert "seed = 1" in one_value(shell, "presets", "export", "terse")["text"]
    file = one_value(shell, "presets", "export", "terse", "--output", "t.toml")["path"]
    assert one_value(shell, "presets", "import", file, "--name", "again")["name"] == "again"
    assert "terse" in [one["name"] for one in shell("presets", "list", "--names", "--json").values]
    assert one_value(shell, "presets", "rm", "again", "--yes") == {"name": "again", "is_removed": True}


def test_conversations_and_outputs(shell: Shell) -> None:
    assert shell("chat", "x", "--model", "fast:1b", "--conversation", "new").code == 0
    told = one_value(shell, "conversations", "rename", "last", "A", "title")
    assert told["title"] == "A title"
    assert one_value(shell, "conversations", "pin", "last")["is_pinned"] is True
    assert "# A title" in one_value(shell, "conversations", "export", "last")["text"]
    assert one_value(shell, "conversations", "export", "last", "--format", "json")["title"] == "A title"
    written = one_value(shell, "conversations", "export", "last", "--output", "one.md")
    assert written == {"path": "one.md", "conversations": 1}
    removed = one_value(shell, "conversations", "rm", "last", "--yes")
    assert removed == {"id": told["id"], "title": "A title", "is_removed": True}
    assert shell("chat", "x", "--model", "fast:1b", "--save").code == 0
    run = one_value(shell, "outputs", "show", "last", "--path")["run"]
    shown = one_value(shell, "outputs", "show", "last", "--file", "output.md")
    assert (shown["run"], shown["file"]) == (run, "output.md")


def test_documents(shell: Shell) -> None:
    (shell.home / "a.md").write_text("# Tides\n")
    path = str(shell.home / "a.md")
    assert one_value(shell, "documents", "add", "a.md", "--no-read") == {"path": path, "is_added": True}
    assert one_value(shell, "documents", "rm", "a.md") == {"path": path, "is_removed": True, "documents": 0}


@pytest.mark.parametrize(("words", "name"), [(("help", "models", "pull"), "help"), (("completions", "bash"), "script")])
def test_texts_are_values_too(shell: Shell, words: tuple[str, ...], name: str) -> None:
    assert one_value(shell, *words)[name] == shell(*words).out


def test_without_a_command_json_is_a_wrong_line(shell: Shell) -> None:
    assert shell("--json").code == 2
