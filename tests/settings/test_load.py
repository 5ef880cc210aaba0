"""Where a value comes from, and that no file stops a start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.cleaning import clean
from tui.failures import Failure
from tui.settings.load import LoadedSettings, load_settings, validate_settings_file
from tui.settings.schema import SETTINGS
from tui.settings.values import settings_of
from tui.toml import write_toml

WHOLE = b"""\
# mine
[appearance]
theme = "nord"  # like my editor
motion = false
prose_width_columns = 120

[chat]
model = "qwen3:8b"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def loaded(file: Path, data: bytes) -> LoadedSettings:
    file.write_bytes(data)
    found = load_settings(file, {}, {})
    assert file.read_bytes() == data
    return found


def test_no_file_is_all_defaults_and_no_fault(file: Path) -> None:
    found = load_settings(file, {}, {})
    assert found.settings == settings_of({})
    assert set(found.origins.values()) == {"default"}
    assert found.faults == ()
    assert not file.exists()


def test_a_file_says_some_and_the_rest_is_default(file: Path) -> None:
    found = loaded(file, WHOLE)
    assert found.settings.appearance.theme == "nord"
    assert found.settings.appearance.motion is False
    assert found.settings.storage.format == "json"
    assert found.origins["appearance.theme"] == "file"
    assert found.origins["storage.format"] == "default"
    assert found.faults == ()


def test_flag_wins_over_environment_over_file_over_default(file: Path) -> None:
    file.write_bytes(b'[appearance]\ntheme = "nord"\n')
    name, environ = "appearance.theme", {"CHINWAG_APPEARANCE_THEME": "gruvbox", "PATH": "/bin"}
    won = [
        load_settings(file, environ, {name: "terminal"}),
        load_settings(file, environ, {name: None}),
        load_settings(file, {"CHINWAG_APPEARANCE_THEME": ""}, {}),
        load_settings(file.with_name("missing"), {}, {}),
    ]
    assert [found.settings.get(name) for found in won] == ["terminal", "gruvbox", "nord", "auto"]
    assert [found.origins[name] for found in won] == ["flag", "environment", "file", "default"]


def test_every_setting_can_come_from_its_variable(file: Path) -> None:
    words = {"switch": "off", "text": "word", "duration": "5m", "list": "###"}
    environ = {s.env: words.get(s.kind) or (s.choices[-1] if s.choices else str(s.maximum)) for s in SETTINGS}
    found = load_settings(file, environ, {})
    assert set(found.origins.values()) == {"environment"}
    assert found.settings.appearance.motion is False
    assert found.settings.appearance.prose_width_columns == 400
    assert found.settings.generation.temperature == 5
    assert found.settings.generation.stop == ("###",)
    assert found.settings.storage.format == "toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[apearance]\nmotion = true", "apearance is no group of settings, did you mean appearance?"),
        ("[appearance]\nthme = 'nord'", "appearance.thme is no setting, did you mean appearance.theme?"),
        ("theme = 'nord'", "theme is no group of settings"),
        ("appearance = 3", "appearance needs to be a table"),
        ("[[appearance]]\nmotion = true", "appearance needs to be a table"),
        ("[appearance]\nmotion = 'on'", 'appearance.motion: it needs to be true or false, not "on"'),
        ("[appearance]\nprose_width_columns = 12", "it needs to be 40 to 400 columns, not 12"),
        ("[appearance]\nprose_width_columns = 96.5", "not 96.5"),
        ("[appearance]\nprose_width_columns = 0x" + "f" * 9000, "not a number that large"),
        ("[appearance]\nprose_width_columns = " + "9" * 5000, "it"),
        ("[appearance]\nglyphs = 1979-05-27T07:32:00Z", "it needs to be auto, unicode or ascii"),
        ("[appearance]\ntheme = '''a\nb'''", "one line"),
        ("[appearance]\ntheme = [1]", "it needs to be text, not such a list"),
        ("keys = 3", "keys needs to be a table, as in [keys]"),
        ("[keys]\n'model.choose' = 3", "keys.model.choose: it needs to be a key"),
        ("[keys]\n'Model Choose' = 'f5'", "keys.Model Choose"),
        ("[kyes]\n'model.choose' = 'f5'", "kyes is no group of settings, did you mean keys?"),
        ("[generation]\ntemperature = 'warm'", 'generation.temperature: it needs to be 0 to 5, not "warm"'),
        ("[generation]\ntemprature = 1", "did you mean generation.temperature?"),
        ("[appearance.theme]\nx = 1", "it needs to be text, not a table"),
        ('[storage]\nformat = "\\u001b[2J"', "it needs to be json or toml"),
        ('"\\u001b]0;x\\u0007" = 1', "is no group of settings"),
        ("[appearance", "it is not TOML, line 1"),
        ("a = " + "[" * 30000, "it stays as it is"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_default_holds(file: Path, text: str, said: str) -> None:
    found = loaded(file, text.encode())
    (fault,) = found.faults
    assert fault.source == "settings.toml"
    assert said in fault.message
    assert clean(fault.message) == fault.message
    assert found.settings == settings_of({})


def test_one_wrong_value_does_not_cost_the_others(file: Path) -> None:
    found = loaded(file, WHOLE.replace(b"120", b"1200"))
    assert found.settings == loaded(file, WHOLE).settings.with_value("appearance.prose_width_columns", 96)
    assert found.origins["appearance.prose_width_columns"] == "default"
    assert len(found.faults) == 1


def test_thousands_of_unknown_names_are_counted_not_recited(file: Path) -> None:
    found = loaded(file, b"[chat]\n" + b"".join(b"wrong_%d = 1\n" % n for n in range(12000)))
    assert len(found.faults) == 11
    assert found.faults[-1].message == "11,990 more names are unknown"


@pytest.mark.parametrize("data", [b"x" * 300_000, b"\xff\xfe\x00", b"\x00" * 100], ids=["large", "binary", "zeros"])
def test_a_file_of_no_use_is_a_fault_and_stays(file: Path, data: bytes) -> None:
    found = loaded(file, data)
    assert found.settings == settings_of({})
    assert "it stays as it is" in found.faults[0].message


def test_an_empty_file_is_no_fault(file: Path) -> None:
    assert loaded(file, b"").faults == ()


def test_a_byte_order_mark_is_no_fault(file: Path) -> None:
    assert loaded(file, b"\xef\xbb\xbf" + WHOLE) == loaded(file, WHOLE)


def test_pipes_folders_and_devices_are_faults_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "device"):
        found = load_settings(tmp_path / name, {}, {})
        assert found.settings == settings_of({})
        assert "not a regular file" in found.faults[0].message


def test_a_link_to_a_file_elsewhere_is_followed(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").write_bytes(WHOLE)
    (tmp_path / "settings.toml").symlink_to("dotfiles")
    assert load_settings(tmp_path / "settings.toml", {}, {}).settings.appearance.theme == "nord"


def test_a_wrong_variable_is_named_and_the_file_holds(file: Path) -> None:
    file.write_bytes(WHOLE)
    found = load_settings(file, {"CHINWAG_APPEARANCE_PROSE_WIDTH_COLUMNS": "wide"}, {})
    assert found.settings.appearance.prose_width_columns == 120
    assert found.origins["appearance.prose_width_columns"] == "file"
    assert found.faults[0].source == "CHINWAG_APPEARANCE_PROSE_WIDTH_COLUMNS"
    assert 'not "wide"' in found.faults[0].message


def test_a_mistyped_variable_is_named_and_other_variables_are_none_of_our_business(file: Path) -> None:
    found = load_settings(file, {"CHINWAG_APPEARANCE_THEM": "x", "CHINWAG_DATA_DIR": "/tmp", "THEME": "x"}, {})
    (fault,) = found.faults
    assert fault.source == "CHINWAG_APPEARANCE_THEM"
    assert "did you mean appearance.theme?" in fault.message


def test_a_wrong_flag_is_named_by_the_flag(file: Path) -> None:
    found = load_settings(file, {}, {"chat.model": "a\nb", "appearance.motion": "off"})
    assert [fault.source for fault in found.faults] == ["--model"]
    assert found.settings.appearance.motion is False


def test_a_flag_that_is_no_setting_is_a_mistake_of_the_caller(file: Path) -> None:
    with pytest.raises(Failure, match="there is no setting"):
        load_settings(file, {}, {"chat.modle": "x"})


def test_keys_are_read_however_their_names_are_written(file: Path) -> None:
    found = loaded(file, b"[keys]\n'model.choose' = 'f5'\nquit = []\nview.top = ['f6', 'alt+t']\n'help.keys' = ''\n")
    assert dict(found.keys) == {"model.choose": ("f5",), "quit": (), "view.top": ("f6", "alt+t"), "help.keys": ()}
    assert found.faults == ()
    assert found.value("keys.model.choose") == ("f5",)
    assert found.value("keys.model.other") is None
    changed = found.with_saved("keys.model.choose", ("f7",)).with_saved("keys.quit", None)
    assert dict(changed.keys) == {"model.choose": ("f7",), "view.top": ("f6", "alt+t"), "help.keys": ()}


def test_a_change_is_seen_with_its_origin_and_can_be_put_back(file: Path) -> None:
    found = load_settings(file, {}, {})
    changed = found.with_value("appearance.theme", "nord")
    assert changed.settings.appearance.theme == "nord"
    assert changed.origins["appearance.theme"] == "file"
    assert changed.with_default("appearance.theme") == found
    with pytest.raises(Failure):
        found.with_value("appearance.motion", 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damaged_file_gives_settings(file: Path, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WHOLE)))
    damage = data.draw(st.binary(max_size=12) | st.text(max_size=6).map(lambda text: text.encode(errors="replace")))
    damaged = WHOLE[:start] + damage + WHOLE[start + data.draw(st.integers(0, 40)) :]
    found = loaded(file, damaged)
    assert all(clean(fault.message) == fault.message for fault in found.faults)


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.datetimes() | st.sampled_from(["ascii", 96]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([s.key for s in SETTINGS]), inner),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["server", "chat", "generation", "appearance", "keys", "storage", "x"]), VALUES))
def test_any_table_gives_settings(file: Path, table: dict[str, object]) -> None:
    found = loaded(file, write_toml(table))
    assert all(clean(fault.message) == fault.message for fault in found.faults)


def test_what_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        '[appearance]\ntheme = 3\n\n[generation] # how\nseed = "x"\ntemprature = 1\n[keys]\n'
        "'answer.details' = 7\ncopy.more = { x = 2 }\n[nothing]\n"
    )
    found = validate_settings_file(file)
    assert [(one.line, one.message.partition(" ")[0]) for one in found] == [
        (2, "appearance.theme:"),
        (5, "generation.seed:"),
        (6, "generation.temprature"),
        (8, "keys.answer.details:"),
        (9, "keys.copy.more.x:"),
        (10, "nothing"),
    ]
    assert str(found[0]).startswith("settings.toml, line 2: appearance.theme: ")
    assert validate_settings_file(tmp_path / "none.toml") == ()
