"""What a form shows of a setting: words, choices, checks, and who wins over the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.settings.form import Field, fitting, form_fields
from tui.settings.load import LoadedSettings, SettingsFault, load_settings
from tui.settings.schema import SETTINGS, Setting, key_setting
from tui.settings.values import settings_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def field(name: str, loaded: LoadedSettings) -> Field:
    found = form_fields(SETTINGS, loaded, {"appearance.theme": ("auto", "nord", "gruvbox")})
    return next(one for one in found if one.setting.name == name)


def loaded(file: Path, text: str = "", **environ: str) -> LoadedSettings:
    file.write_text(text)
    return load_settings(file, environ, {})


def test_every_setting_has_words_a_default_and_an_origin(file: Path) -> None:
    for one in form_fields(SETTINGS, load_settings(file, {}, {}), {}):
        for text in (one.words, one.value_text, one.default_text, one.origin_text("settings.toml")):
            assert text
            assert clean_line(text) == text
        assert not one.is_changed
        assert one.kept_value == one.setting.default


def test_a_name_is_said_without_its_unit(file: Path) -> None:
    width = field("appearance.prose_width_columns", loaded(file))
    assert width.words == "prose width"
    assert width.default_text == "96 columns"
    assert width.range_text == "40 to 400 columns"


def test_what_the_file_says_is_changed_unless_it_says_the_default(file: Path) -> None:
    found = loaded(file, "[appearance]\nmotion = false\nglyphs = 'auto'\n")
    assert field("appearance.motion", found).is_changed
    assert field("appearance.motion", found).value_text == "off"
    assert not field("appearance.glyphs", found).is_changed
    assert field("appearance.glyphs", found).in_file == "auto"


def test_a_variable_wins_and_the_file_is_still_known(file: Path) -> None:
    found = loaded(file, "[appearance]\ntheme = 'nord'\n", CHINWAG_APPEARANCE_THEME="gruvbox")
    theme = field("appearance.theme", found)
    assert (theme.value, theme.in_file, theme.kept_value) == ("gruvbox", "nord", "nord")
    assert theme.is_overridden
    assert theme.is_changed
    said = theme.origin_text("settings.toml")
    assert "CHINWAG_APPEARANCE_THEME" in said
    assert "settings.toml says nord" in said
    assert "acts at the next start without it" in said


def test_a_flag_is_named_as_it_is_written(file: Path) -> None:
    model = field("chat.model", load_settings(file, {}, {"chat.model": "qwen3:8b"}))
    assert model.source == "--model"
    assert model.origin_text("settings.toml").startswith("from --model, which wins")


@pytest.mark.parametrize(
    ("name", "typed", "complains"),
    [
        ("appearance.prose_width_columns", "120", ""),
        ("appearance.prose_width_columns", "12", "40 to 400 columns, not 12"),
        ("appearance.prose_width_columns", "wide", 'not "wide"'),
        ("appearance.prose_width_columns", " ", "40 to 400 columns"),
        ("appearance.prose_width_columns", "9" * 5000, "40 to 400 columns"),
        ("server.host", "", ""),
        ("server.host", "x" * 501, "at most 500"),
    ],
)
def test_what_is_typed_is_checked(file: Path, name: str, typed: str, complains: str) -> None:
    said = field(name, loaded(file)).complaint(typed)
    assert bool(said) == bool(complains)
    assert complains in said


def test_what_may_be_left_unset_is_emptied_to_unset_it(file: Path) -> None:
    temperature = field("generation.temperature", loaded(file, "[generation]\ntemperature = 0\n"))
    assert (temperature.value_text, temperature.default_text, temperature.kept_text) == ("0", "not set", "0")
    assert temperature.is_changed
    assert temperature.read(" ") is None
    assert temperature.read("0.70") == 0.7
    unset = field("generation.temperature", loaded(file, ""))
    assert (unset.value_text, unset.kept_text, unset.is_changed) == ("not set", "", False)


def test_the_keys_of_a_command_are_a_setting(file: Path) -> None:
    keys = key_setting("model.choose", default=("ctrl+t",), words="choose the model")
    found = loaded(file, "[keys]\n'model.choose' = ''\n")
    (none,) = form_fields([keys], found, {})
    assert (none.words, none.value_text, none.default_text, none.is_changed) == (
        "model.choose",
        "no key",
        "ctrl+t",
        True,
    )
    (declared,) = form_fields([keys], loaded(file, ""), {})
    assert (declared.value_text, declared.origin, declared.is_changed) == ("ctrl+t", "default", False)
    assert fitting([none], "choose the model")


def test_choices_go_round_and_a_text_has_none(file: Path) -> None:
    glyphs = field("appearance.glyphs", loaded(file))
    assert [glyphs.stepped(steps) for steps in (1, 2, 3, -1)] == ["unicode", "ascii", "auto", "ascii"]
    assert field("appearance.motion", loaded(file)).stepped(1) is False
    assert field("chat.model", loaded(file)).stepped(1) is None


def test_a_value_that_is_not_offered_any_more_can_be_left(file: Path) -> None:
    found = loaded(file, "[appearance]\ntheme = 'gone'\n")
    theme = field("appearance.theme", found)
    assert theme.value_text == "gone"
    assert theme.stepped(1) == "auto"
    assert theme.stepped(-1) == "gruvbox"


def test_the_search_looks_at_names_help_variables_and_choices(file: Path) -> None:
    fields = form_fields(SETTINGS, loaded(file), {"appearance.theme": ("auto", "nord")})

    def found(typed: str) -> list[str]:
        return [one.setting.name for one in fitting(fields, typed)]

    assert found("prose width") == ["appearance.prose_width_columns"]
    assert found("OLLAMA_HOST") == ["server.host"]
    assert found("CHINWAG_CHAT_MODEL") == ["chat.model"]
    assert found("--model") == ["chat.model"]
    assert found("nord") == ["appearance.theme"]
    assert found("toml") == ["storage.format"]
    assert found("no such thing") == []
    assert found("  ") == [one.name for one in SETTINGS]


def test_a_setting_of_any_kind_can_be_shown() -> None:
    made_up = Setting(name="group.a_thing_tokens", kind="integer", default=1, maximum=9, unit="tokens", help="it")
    one = Field(setting=made_up, value=3, origin="file", in_file=3)
    assert (one.words, one.value_text, one.range_text) == ("a thing", "3", "0 to 9 tokens")


# What is known after a save


def test_a_saved_value_acts_and_a_reset_brings_back_the_default(file: Path) -> None:
    start = loaded(file)
    saved = start.with_saved("appearance.theme", "nord")
    assert saved.value("appearance.theme") == "nord"
    assert saved.origins["appearance.theme"] == "file"
    assert saved.with_saved("appearance.theme", None) == start


def test_a_saved_value_does_not_win_over_a_variable(file: Path) -> None:
    start = loaded(file, CHINWAG_APPEARANCE_MOTION="off")
    saved = start.with_saved("appearance.motion", value=True)
    assert saved.value("appearance.motion") is False
    assert saved.origins["appearance.motion"] == "environment"
    assert saved.in_file == {"appearance.motion": True}
    assert saved.with_saved("appearance.motion", None) == start


def test_a_value_that_cannot_be_is_refused(file: Path) -> None:
    with pytest.raises(Failure, match="prose_width_columns"):
        loaded(file).with_saved("appearance.prose_width_columns", 3)
    with pytest.raises(Failure, match="there is no setting"):
        loaded(file).with_saved("appearance.thme", "nord")


def test_a_wrong_value_that_was_replaced_is_no_fault_any_more(file: Path) -> None:
    start = loaded(file, "[appearance]\nmotion = 'on'\nprose_width_columns = 3\n")
    assert {fault.setting for fault in start.faults} == {"appearance.motion", "appearance.prose_width_columns"}
    saved = start.with_saved("appearance.motion", value=True)
    assert [fault.setting for fault in saved.faults] == ["appearance.prose_width_columns"]


def test_a_broken_file_is_a_fault_until_its_copy_is_named(file: Path) -> None:
    start = loaded(file, "[appearance", CHINWAG_APPEARANCE_MOTION="perhaps")
    assert [fault.source for fault in start.faults] == ["settings.toml", "CHINWAG_APPEARANCE_MOTION"]
    copy = file.with_name("settings.toml.bad-20261121T123000Z")
    saved = start.with_saved("appearance.theme", "nord", set_aside=copy)
    assert saved.faults == (
        start.faults[1],
        SettingsFault(source="settings.toml", message=f"it was broken and is now kept as {copy.name}"),
    )
    assert saved.settings == settings_of({"appearance.theme": "nord"})


def test_no_two_settings_of_a_group_are_called_the_same(file: Path) -> None:
    names = [(one.setting.group, one.words) for one in form_fields(SETTINGS, loaded(file), {})]
    assert len(set(names)) == len(names)
