"""The one declaration of every setting, and what follows from it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.cleaning import clean
from tui.failures import Failure
from tui.settings.schema import (
    GROUPS,
    SETTINGS,
    Setting,
    Value,
    check_value,
    find_setting,
    key_setting,
    parse_value,
    write_value,
)
from tui.settings.table import settings_rows
from tui.settings.values import Settings, settings_of

TYPE_OF_KIND: dict[str, Any] = {
    "text": str,
    "duration": str,
    "switch": bool,
    "integer": int,
    "number": float,
    "list": tuple[str, ...],
}
LINES = st.text(st.characters(categories=("L", "N", "P", "S")), max_size=20).filter(lambda text: clean(text) == text)


def a_value_for(setting: Setting) -> st.SearchStrategy[Value]:
    match setting.kind:
        case "switch":
            return st.booleans()
        case "integer":
            return st.integers(int(setting.minimum), int(setting.maximum))
        case "number":
            return st.floats(setting.minimum, setting.maximum)
        case "duration":
            return st.sampled_from(["", "0", "-1", "5m", "1h30m", "500ms", "1.5h"])
        case "list":
            texts = LINES | st.sampled_from(["###", "\n\n", " end", '"', "\\"])
            return st.lists(texts.filter(bool), max_size=3).map(tuple)
        case "keys":
            return st.lists(st.sampled_from(["f5", "ctrl+t", "alt+x"]), max_size=2, unique=True).map(tuple)
        case "choice":
            return st.sampled_from(setting.choices)
        case "text":
            return LINES


def test_every_default_is_a_value_that_its_setting_may_have() -> None:
    for setting in SETTINGS:
        assert setting.default is None or check_value(setting, setting.default) == setting.default


def test_names_variables_and_flags_are_unique() -> None:
    for words in ([s.name for s in SETTINGS], [s.env for s in SETTINGS], [s.flag for s in SETTINGS if s.flag]):
        assert len(words) == len(set(words))
    assert find_setting("appearance.theme").env == "CHINWAG_APPEARANCE_THEME"


def test_the_typed_settings_have_exactly_what_the_schema_declares() -> None:
    groups = get_type_hints(Settings)
    typed = {f"{group}.{field.name}": hint for group, kind in groups.items() for field, hint in typed_fields(kind)}
    assert list(typed) == [setting.name for setting in SETTINGS]
    assert tuple(groups) == GROUPS
    for setting in SETTINGS:
        if setting.kind == "choice":
            assert get_args(typed[setting.name]) == setting.choices
        else:
            kind = TYPE_OF_KIND[setting.kind]
            assert typed[setting.name] == (kind if setting.default is not None else kind | None)


def typed_fields(group: type) -> list[tuple[Any, Any]]:
    hints = get_type_hints(group)
    return [(field, hints[field.name]) for field in fields(group)]


def test_nothing_given_is_all_defaults() -> None:
    settings = settings_of({})
    assert {setting.name: settings.get(setting.name) for setting in SETTINGS} == {s.name: s.default for s in SETTINGS}


def test_one_change_leaves_the_rest() -> None:
    settings = settings_of({}).with_value("appearance.prose_width_columns", 120)
    assert settings.appearance.prose_width_columns == 120
    assert settings.with_value("appearance.prose_width_columns", 96) == settings_of({})


def test_an_unknown_name_gets_its_neighbour() -> None:
    with pytest.raises(Failure, match=r"did you mean appearance\.theme\?"):
        settings_of({}).get("appearance.thme")
    with pytest.raises(Failure, match="there is no setting"):
        settings_of({}).with_value("", "x")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("appearance.motion", 1),
        ("appearance.motion", "true"),
        ("appearance.prose_width_columns", 39),
        ("appearance.prose_width_columns", 401),
        ("appearance.prose_width_columns", True),
        ("appearance.prose_width_columns", 96.0),
        ("appearance.prose_width_columns", "96"),
        ("appearance.glyphs", "ASCII"),
        ("appearance.glyphs", ["ascii"]),
        ("appearance.theme", None),
        ("storage.format", {}),
        ("generation.temperature", 5.1),
        ("generation.temperature", -0.1),
        ("generation.temperature", True),
        ("generation.temperature", float("nan")),
        ("generation.seed", 1.5),
        ("generation.seed", None),
        ("generation.stop", [1]),
        ("generation.stop", [""]),
        ("generation.stop", ["x"] * 17),
        ("generation.stop", ["\x1b[2J"]),
        ("generation.keep_alive", "five minutes"),
        ("generation.keep_alive", "5"),
        ("keys.model.choose", 3),
        ("keys.model.choose", ["ctrl+t\n"]),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(name: str, value: object) -> None:
    with pytest.raises(Failure) as raised:
        check_value(find_setting(name), value)
    assert find_setting(name).allowed in raised.value.message
    assert name in raised.value.title


def test_a_number_too_large_to_write_out_is_refused_in_words() -> None:
    with pytest.raises(Failure, match="not a number that large"):
        check_value(find_setting("appearance.prose_width_columns"), 1 << 20000)


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "x" * 501, "\ud800", "\u202eevil"])
def test_a_text_is_one_line_without_hidden_characters(text: str) -> None:
    with pytest.raises(Failure, match="one line"):
        check_value(find_setting("chat.model"), text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("appearance.motion", "OFF", False),
        ("appearance.motion", " yes ", True),
        ("appearance.motion", "0", False),
        ("appearance.prose_width_columns", " 120", 120),
        ("appearance.glyphs", "ASCII", "ascii"),
        ("appearance.theme", " nord ", "nord"),
        ("server.host", "", ""),
        ("generation.temperature", "0", 0.0),
        ("generation.temperature", ".5", 0.5),
        ("generation.answer_tokens", "-1", -1),
        ("generation.stop", "###", ("###",)),
        ("generation.stop", '["a", "\\n\\n"]', ("a", "\n\n")),
        ("generation.stop", "", ()),
        ("generation.keep_alive", "1H 30m", "1h30m"),
        ("keys.model.choose", "Ctrl+T, f5", ("ctrl+t", "f5")),
        ("keys.model.choose", "", ()),
    ],
)
def test_words_become_values(name: str, text: str, value: Value) -> None:
    parsed = parse_value(find_setting(name), text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("appearance.motion", "maybe"),
        ("appearance.motion", ""),
        ("appearance.prose_width_columns", "wide"),
        ("appearance.prose_width_columns", "9" * 5000),
        ("appearance.prose_width_columns", "-96"),
        ("appearance.prose_width_columns", "²"),
        ("appearance.glyphs", "emoji"),
        ("generation.temperature", "hot"),
        ("generation.temperature", "1e999"),
        ("generation.temperature", "inf"),
        ("generation.stop", "[1]"),
        ("generation.keep_alive", "soon"),
    ],
)
def test_words_that_say_no_value_are_refused(name: str, text: str) -> None:
    with pytest.raises(Failure, match="needs to be"):
        parse_value(find_setting(name), text)


@given(st.sampled_from(SETTINGS), st.text() | st.integers() | st.none() | st.floats() | st.lists(st.booleans()))
def test_any_value_is_taken_as_it_is_or_refused_in_words(setting: Setting, value: object) -> None:
    try:
        taken = check_value(setting, value)
        assert taken in (value, (value,), ()) or taken == tuple(value)  # type: ignore[arg-type]
    except Failure as failure:
        assert clean(failure.message) == failure.message


@given(st.data())
def test_what_a_setting_shows_in_words_says_it_again(data: st.DataObject) -> None:
    setting = data.draw(st.sampled_from(SETTINGS))
    value = data.draw(a_value_for(setting))
    assert parse_value(setting, write_value(setting, value)) == value


def test_a_number_that_is_not_set_is_not_nought() -> None:
    assert settings_of({}).generation.temperature is None
    assert settings_of({}).with_value("generation.temperature", 0).generation.temperature == 0
    assert settings_of({"generation.temperature": 1.0}).with_value("generation.temperature", None) == settings_of({})


def test_any_command_may_have_keys_and_nothing_else_is_one() -> None:
    assert find_setting("keys.model.choose").kind == "keys"
    assert find_setting("keys.model.choose").env == ""
    assert key_setting("quit", default=("ctrl+q",)).default == ("ctrl+q",)
    for name in ("keys.", "keys.Model", "keys.a b", "keys." + "a" * 100):
        with pytest.raises(Failure, match="there is no setting"):
            find_setting(name)


def test_rows_show_each_setting_as_the_file_would_have_it() -> None:
    rows = {row.name: row for row in settings_rows()}
    assert list(rows) == [setting.name for setting in SETTINGS]
    assert rows["appearance.motion"].default == "true"
    assert rows["appearance.prose_width_columns"].allowed == "40 to 400 columns"
    assert rows["storage.format"].allowed == "json or toml"
    assert rows["server.host"].default == '""'
    assert rows["server.host"].flag == "--host"
    assert all(row.help for row in rows.values())
