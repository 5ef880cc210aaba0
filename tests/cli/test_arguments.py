"""The command line: what each flag sets, and how it says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.cli.arguments import FLAGS, Arguments, read_arguments, setting_flags, wants_plain
from tui.settings.plain import settings_say_plain
from tui.settings.schema import SETTINGS
from tui.workspace import StartOptions, Workspace


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as raised:
        read_arguments(argv)
    assert raised.value.code == 2
    return capsys.readouterr().err


def test_no_flag_is_no_flag() -> None:
    assert read_arguments([]) == Arguments()
    assert read_arguments(["--demo"]) == Arguments(demo=True)


def test_each_flag_sets_its_setting() -> None:
    read = read_arguments(
        ["--temperature", "0", "--theme=nord", "--motion", "off", "--answer-tokens=-1", "--model", "m"]
    )
    assert read.model == "m"
    assert read.settings == {
        "generation.temperature": "0",
        "appearance.theme": "nord",
        "appearance.motion": "off",
        "generation.answer_tokens": "-1",
    }


def test_every_setting_with_a_flag_has_it_once() -> None:
    names = [flag.name for flag in (*FLAGS, *setting_flags())]
    assert len(names) == len(set(names))
    assert {setting.flag for setting in SETTINGS if setting.flag} <= {f"--{name}" for name in names}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--temperature", "hot"), '--temperature: it needs to be 0 to 5, not "hot"'),
        (("--context-tokens", "1"), "--context-tokens: it needs to be 256 to"),
        (("--glyphs", "emoji"), "--glyphs: it needs to be auto, unicode or ascii"),
        (("--temp", "1"), "unrecognized arguments: --temp"),
        (("--host", "gpu-box", "models", "list"), "a command stands first, its flags behind it: chinwag models"),
        (("--demo", "--host", "gpu-box"), "--demo brings its own server"),
    ],
)
def test_a_flag_that_cannot_be_says_why(capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], said: str) -> None:
    assert said in refused(capsys, *argv)


def test_the_help_names_every_flag_and_plain_mode_and_fits_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as raised:
        read_arguments(["--help"])
    assert raised.value.code == 0
    words = capsys.readouterr().out
    assert all(f"--{flag.name}" in words for flag in (*FLAGS, *setting_flags()))
    assert "ACCESSIBLE=1" in words
    assert "CHINWAG_PLAIN=1" in words
    assert max(map(len, words.splitlines())) <= 81


@pytest.mark.parametrize(
    ("argv", "environ", "is_plain"),
    [
        ([], {"TERM": "xterm"}, False),
        (["--plain"], {"TERM": "xterm"}, True),
        ([], {"TERM": "dumb"}, True),
        ([], {"TERM": "xterm", "ACCESSIBLE": "1"}, True),
        ([], {"TERM": "xterm", "CHINWAG_PLAIN": "yes"}, True),
        ([], {"TERM": "xterm", "CHINWAG_TERMINAL_PLAIN": "on"}, True),
        ([], {"TERM": "xterm", "ACCESSIBLE": "0", "CHINWAG_PLAIN": ""}, False),
    ],
)
def test_plain_mode_is_asked_for_or_needed(argv: list[str], environ: dict[str, str], is_plain: bool) -> None:
    assert wants_plain(read_arguments(argv), environ) is is_plain


@pytest.mark.parametrize(
    ("text", "is_plain"),
    [
        ("[terminal]\nplain = true\n", True),
        ("[terminal]\nplain = false\n", False),
        ("# plain\n", False),
        ("[terminal]\nplain = 'yes'\n", False),
        ("[terminal\nplain = true\n", False),
        (None, False),
    ],
)
def test_the_settings_can_ask_for_plain_mode(tmp_path: Path, text: str | None, is_plain: bool) -> None:
    if text is not None:
        (tmp_path / "settings.toml").write_text(text)
    assert settings_say_plain({"CHINWAG_CONFIG_DIR": str(tmp_path), "HOME": str(tmp_path)}) is is_plain


def test_a_flag_wins_for_one_run_over_variable_and_file(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.toml").write_text("[generation]\nseed = 1\n")
    environ = {f"CHINWAG_{kind}_DIR": str(tmp_path / kind.lower()) for kind in ("CONFIG", "DATA", "CACHE", "STATE")}
    options = StartOptions(settings=read_arguments(["--seed", "3"]).settings)
    workspace = Workspace.prepare(options, environ={**environ, "CHINWAG_GENERATION_SEED": "2"})
    assert workspace.loaded.settings.generation.seed == 3
    assert workspace.loaded.origins["generation.seed"] == "flag"
    assert workspace.loaded.in_file["generation.seed"] == 1
