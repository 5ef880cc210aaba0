"""``chinwag config``, ``stats``, ``doctor`` and ``completions``."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.commanding import Shell, is_bash_here, nobody_there

LONG_SECONDS = 60.0


def settings_file(shell: Shell) -> Path:
    return Path(shell("config", "path").out.strip())


def test_a_setting_is_changed_and_the_files_comments_stay(shell: Shell) -> None:
    file = settings_file(shell)
    file.parent.mkdir(parents=True, mode=0o700)
    file.write_text('# mine\n[appearance]\ntheme = "nord"  # cool\n')
    assert shell("config", "get", "appearance.theme").out == "nord\n"
    assert shell("config", "set", "appearance.theme", "gruvbox").code == 0
    assert "# mine" in file.read_text()
    assert "# cool" in file.read_text()
    values = {one["name"]: one for one in shell("config", "get", "--json").values}
    assert values["appearance.theme"]["value"] == "gruvbox"
    assert shell("config", "reset", "appearance.theme").code == 0
    assert shell("config", "get", "appearance.theme").out == "auto\n"


def test_zero_is_a_value_and_unset_is_none(shell: Shell) -> None:
    assert shell("config", "get", "generation.temperature").out == "\n"
    assert shell("config", "set", "generation.temperature", "0").code == 0
    assert float(shell("config", "get", "generation.temperature").out) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "apearance.theme", "nord"), "appearance.theme"),
        (("set", "generation.temperature", "warm"), "generation.temperature"),
        (("get", "nothing.at.all"), "nothing.at.all"),
        (("reset",), "give a NAME, or --all"),
        (("import", "none.toml"), "none.toml"),
    ],
)
def test_what_is_wrong_is_named(shell: Shell, words: tuple[str, ...], said: str) -> None:
    ran = shell("config", *words)
    assert ran.code == (2 if words == ("reset",) else 1)
    assert said in ran.talk
    assert ran.out == ""


def test_settings_go_out_and_come_back_and_the_old_file_is_kept(shell: Shell, tmp_path: Path) -> None:
    shell("config", "set", "appearance.theme", "nord")
    kept = shell("config", "export").out
    assert "nord" in kept
    (tmp_path / "mine.toml").write_text(kept)
    assert shell("config", "reset", "--all").code == 1
    assert shell("config", "reset", "--all", "--yes").code == 0
    assert shell("config", "get", "appearance.theme").out == "auto\n"
    assert shell("config", "import", str(tmp_path / "mine.toml")).code == 0
    assert shell("config", "get", "appearance.theme").out == "nord\n"
    assert list(settings_file(shell).parent.glob("settings.toml.old-*"))


def test_a_file_with_faults_is_not_taken_over_and_named_by_validate(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[appearance]\nteme = "nord"\n')
    ran = shell("config", "import", str(tmp_path / "bad.toml"))
    assert ran.code == 1
    assert "appearance.theme" in ran.talk
    file = settings_file(shell)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("[appearance\n")
    assert shell("config", "validate").code == 1
    assert file.read_text() == "[appearance\n"


def test_a_theme_that_is_not_there_is_kept_and_said(shell: Shell) -> None:
    assert "there is no theme nrod, did you mean nord?" in shell("config", "set", "appearance.theme", "nrod").talk
    for name in ("nord", "auto"):
        assert "there is no theme" not in shell("config", "set", "appearance.theme", name).talk


def test_without_a_terminal_and_an_editor_nothing_is_opened(shell: Shell) -> None:
    ran = shell("config", "edit")
    assert ran.code == 1
    assert "vi needs a terminal; set EDITOR" in ran.talk
    ran = Shell(home=shell.home, host=shell.host, more={"EDITOR": "/no/such/editor"})("config", "edit")
    assert ran.code == 1
    assert "cannot run /no/such/editor; no such file or directory; set EDITOR" in ran.talk


def test_the_editor_opens_the_file_and_what_it_leaves_is_checked(shell: Shell, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho '[appearance]\ntheme = 7' > \"$1\"\n")
    editor.chmod(0o755)
    ran = Shell(home=shell.home, host=shell.host, more={"EDITOR": str(editor)})("config", "edit")
    assert ran.code == 1
    assert "appearance.theme" in ran.talk


def test_statistics_add_up_what_was_asked_in_conversations(shell: Shell) -> None:
    assert "nothing was asked yet" in shell("stats").talk
    model = "script-prose-20-0"
    for _ in range(2):
        assert shell("chat", "--model", model, "--conversation", "last", "x").code == 0
    [value] = shell("stats", "--json").values
    assert value["name"] == model
    assert value["answers"] == 2
    assert value["answer_tokens"] > 0
    assert model in shell("stats").out
    [day] = shell("stats", "--by", "day", "--json", "--days", "1").values
    assert day["answers"] == 2


def test_the_doctor_finds_nothing_wrong_where_nothing_is(shell: Shell) -> None:
    ran = shell("doctor")
    assert ran.code == 0, ran.out
    assert "Ollama" in ran.out
    found = {value["what"]: value for value in shell("doctor", "--json").values}
    assert found["server"]["verdict"] == "good"
    assert found["conversations"]["verdict"] == "good"


def test_the_doctor_names_what_is_wrong_and_mends_what_can_be(shell: Shell) -> None:
    shell("chat", "--model", "script-prose-5-0", "--conversation", "new", "x")
    folder = next(shell.home.rglob("conversations"))
    document = next(folder.glob("*.json"))
    document.chmod(0o644)
    lost = Shell(home=shell.home, host=nobody_there())
    ran = lost("doctor")
    assert ran.code == 1
    assert "BAD  server" in ran.out
    assert "open to others" in ran.out
    shell("doctor", "--repair")
    assert stat.S_IMODE(document.stat().st_mode) == 0o600
    assert shell("doctor").code == 0


def test_the_doctor_names_a_broken_settings_file(shell: Shell) -> None:
    file = settings_file(shell)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("[appearance\n")
    ran = shell("doctor")
    assert ran.code == 1
    assert "BAD  settings" in ran.out


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completions_know_every_command(shell: Shell, name: str) -> None:
    ran = shell("completions", name)
    assert ran.code == 0, ran.talk
    for word in ("models", "conversations", "batch", "--concurrency" if name != "fish" else "concurrency"):
        assert word in ran.out
    program = shutil.which(name)
    if program is not None:
        subprocess.run([program, "-n"], input=ran.out.encode(), check=True, timeout=LONG_SECONDS)


@pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")
def test_bash_completes_words_flags_and_models(shell: Shell) -> None:
    def completed(*words: str) -> list[str]:
        line = " ".join(f"'{word}'" for word in ("chinwag", *words))
        return shell.piped(
            f'eval "$(chinwag completions bash)"; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _chinwag; '
            'printf "%s\\n" "${COMPREPLY[@]}"'
        ).lines

    assert "models" in completed("mod")
    assert "pull" in completed("models", "pu")
    assert "--concurrency" in completed("batch", "--conc")
    assert "tour:8b" in completed("chat", "--model", "tou")
    assert completed("chat", "--preset", "prec") == ["precise"]
    assert "--in-order" not in completed("models", "--in")
    (shell.home / "prompts.csv").write_text("")
    assert "prompts.csv" not in completed("models", "")
    assert completed("batch", "prom") == ["prompts.csv"]
