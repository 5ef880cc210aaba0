"""Themes from files: what counts, what is named as broken, and that nothing in a folder stops a start."""

from __future__ import annotations

import os
import tomllib
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.failures import Failure
from tui.places import bundled_themes
from tui.theming.load import ThemeShelf, choose_theme, load_themes
from tui.theming.read import ROLES, kind_of, read_theme
from tui.theming.table import themes_rows
from tui.toml import write_toml

BUNDLED = load_themes(bundled_themes(), None)
WHOLE = (bundled_themes() / "chinwag-dark.toml").read_bytes()


def shelf_with(folder: Path, **files: str) -> ThemeShelf:
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.toml").write_text(text)
    return load_themes(bundled_themes(), folder)


def complaint(folder: Path, text: str) -> str:
    shelf = shelf_with(folder, mine=text)
    (fault,) = shelf.faults
    assert fault.file == "mine.toml"
    assert "mine" not in shelf.themes
    assert shelf.themes == BUNDLED.themes
    return fault.message


def test_all_bundled_themes_load_and_ours_come_first() -> None:
    assert BUNDLED.faults == ()
    names = list(BUNDLED.themes)
    assert names[:2] == ["chinwag-dark", "chinwag-light"]
    assert {"contrast", "terminal", "catppuccin-mocha", "catppuccin-latte", "gruvbox", "nord"} <= set(names)
    assert {"tokyo-night", "solarized"} <= set(names)
    assert len(names) == len(list(bundled_themes().glob("*.toml")))


def test_the_terminal_theme_uses_nothing_but_the_terminals_own_colours() -> None:
    palette = asdict(BUNDLED.themes["terminal"].palette)
    assert all(colour == "default" or colour.startswith("ansi_") for colour in palette.values())
    assert palette["background"] == palette["foreground"] == "default"


def test_our_own_two_are_the_drawn_ones() -> None:
    dark, light = BUNDLED.themes["chinwag-dark"], BUNDLED.themes["chinwag-light"]
    assert (dark.is_dark, dark.palette.background, dark.palette.accent) == (True, "#14161a", "#f2a65a")
    assert (light.is_dark, light.palette.background, light.palette.accent) == (False, "#fbfaf6", "#a64d07")


def test_a_few_colours_on_top_of_ours_make_a_theme(tmp_path: Path) -> None:
    shelf = shelf_with(tmp_path, mine='extends = "chinwag-dark"\nabout = "mine"\n[palette]\naccent = "#5FD7D7"\n')
    dark = BUNDLED.themes["chinwag-dark"]
    mine = shelf.themes["mine"]
    assert mine.palette == replace(dark.palette, accent="#5fd7d7")
    assert mine.is_dark
    assert mine.about == "mine"
    assert list(shelf.themes)[-1] == "mine"


def test_a_colour_of_ones_own_drops_the_inherited_colour_number(tmp_path: Path) -> None:
    text = 'extends = "chinwag-dark"\n[palette]\nselection = "#103060"\nmuted = "#a0a0a0"\n[ansi256]\nmuted = 250\n'
    numbers = dict(shelf_with(tmp_path, mine=text).themes["mine"].ansi256)
    inherited = dict(BUNDLED.themes["chinwag-dark"].ansi256)
    assert "selection" in inherited
    assert "selection" not in numbers
    assert numbers["muted"] == 250
    assert numbers["comment"] == inherited["comment"]


def test_a_theme_of_ones_own_wins_over_the_bundled_one_and_may_extend_it(tmp_path: Path) -> None:
    shelf = shelf_with(tmp_path, nord='extends = "nord"\n[palette]\naccent = "#ffffff"\n')
    assert shelf.faults == ()
    assert shelf.themes["nord"].palette == replace(BUNDLED.themes["nord"].palette, accent="#ffffff")
    assert len(shelf.themes) == len(BUNDLED.themes)


def test_a_broken_theme_of_a_bundled_name_leaves_the_bundled_one(tmp_path: Path) -> None:
    shelf = shelf_with(tmp_path, chinwag_dark="[palette")
    assert shelf.themes == BUNDLED.themes
    assert [fault.file for fault in shelf.faults] == ["chinwag-dark.toml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('extends = "chinwag-dark"\naccent = "#ff00ff"', "colours stand under [palette]"),
        ('extends = "chinwag-dark"\n[roles]\naccent = "#ff00ff"', "colours stand under [palette]"),
        ('extends = "chinwag-dark"\n[palette]\nforground = "#ffffff"', "did you mean foreground?"),
        ('extends = "chinwag-dark"\n[palette]\naccent = "red"', 'accent needs #rrggbb, not "red"'),
        ('extends = "chinwag-dark"\n[palette]\naccent = "#fff"', "accent needs #rrggbb"),
        ('extends = "chinwag-dark"\n[palette]\naccent = "ansi_3"', "accent needs #rrggbb"),
        ('extends = "chinwag-dark"\n[palette]\naccent = 0x' + "f" * 9000, "accent needs #rrggbb"),
        ('extends = "chinwag-dark"\n[palette]\naccent = "\\u001b]0;x\\u0007"', "accent needs #rrggbb"),
        ('extends = "terminal"\n[palette]\naccent = "#ffffff"', "accent needs default or ansi_0 to ansi_15"),
        ('extends = "terminal"\n[palette]\naccent = "ansi_16"', "accent needs default or ansi_0 to ansi_15"),
        ('extends = "terminal"\n[palette]\nbackground = "ansi_0"', "background needs to be default"),
        ('extends = "terminal"\n[ansi256]\naccent = 200', "has no use"),
        ('extends = "terminal"\nkind = "dark"', "cannot extend terminal"),
        ('extends = "chinwag-drak"', "did you mean chinwag-dark?"),
        ("extends = 0x" + "f" * 9000, "extends needs the name of a bundled theme"),
        ("extends = []", "extends needs the name of a bundled theme"),
        ('extends = "chinwag-dark"\npallette = {}', "did you mean palette?"),
        ('extends = "chinwag-dark"\npalette = 3', "palette needs to be a table"),
        ('extends = "chinwag-dark"\nansi256 = "x"', "ansi256 needs to be a table"),
        ('extends = "chinwag-dark"\n[ansi256]\naccent = 15', "from 16 to 255"),
        ('extends = "chinwag-dark"\n[ansi256]\naccent = true', "from 16 to 255"),
        ('extends = "chinwag-dark"\n[ansi256]\naccent = 59', "use 240"),
        ('extends = "chinwag-dark"\n[ansi256]\nacent = 60', "did you mean accent?"),
        ('extends = "chinwag-dark"\nkind = "dim"', "kind needs to be dark, light or terminal"),
        ('extends = "chinwag-dark"\nabout = 7', "about needs a line of text"),
        ('kind = "dark"\n[palette]\naccent = "#ffffff"', "no colour for background, surface"),
        ("", "kind needs to be"),
        ("[palette", "line 1"),
        ("a = " + "[" * 30000, "it is not"),
        ("x = 1\n" * 20000, "the limit is 64 KB"),
    ],
)
def test_a_broken_theme_is_named_with_its_fault_and_skipped(tmp_path: Path, text: str, said: str) -> None:
    message = complaint(tmp_path, text)
    assert said in message
    assert message.isprintable()


def test_of_many_faults_three_are_told(tmp_path: Path) -> None:
    text = 'extends = "chinwag-dark"\n[palette]\n' + "".join(f"wrong_{n} = 1\n" for n in range(4000))
    message = complaint(tmp_path, text)
    assert message.endswith("and more")
    assert message.count("wrong_") == 3


@pytest.mark.parametrize("name", ["My Theme", "auto", "UPPER", "a--b", "x" * 41, "t\x1b[31mred", "-x"])
def test_a_file_whose_name_cannot_be_typed_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.toml").write_bytes(WHOLE)
    shelf = load_themes(bundled_themes(), tmp_path)
    assert "needs another name" in shelf.faults[0].message
    assert shelf.faults[0].file.isprintable()
    assert shelf.themes == BUNDLED.themes


def test_what_is_no_regular_file_is_named_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    (tmp_path / "nowhere.toml").symlink_to(tmp_path / "missing")
    (tmp_path / ".hidden.toml").write_text("[")
    (tmp_path / "notes.txt").write_text("[")
    shelf = load_themes(bundled_themes(), tmp_path)
    assert sorted(fault.file for fault in shelf.faults) == ["folder.toml", "nowhere.toml", "pipe.toml", "zero.toml"]
    assert shelf.themes == BUNDLED.themes


def test_a_theme_that_is_a_link_to_a_file_elsewhere_counts(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").write_bytes(WHOLE)
    (tmp_path / "mine.toml").symlink_to(tmp_path / "dotfiles")
    assert "mine" in load_themes(bundled_themes(), tmp_path).themes


def test_a_folder_of_ones_own_that_is_missing_is_no_fault(tmp_path: Path) -> None:
    assert load_themes(bundled_themes(), tmp_path / "themes") == BUNDLED


def test_a_file_in_place_of_the_folder_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "themes").write_text("")
    assert [fault.file for fault in load_themes(bundled_themes(), tmp_path / "themes").faults] == ["themes"]


def test_more_themes_than_anybody_has_are_not_all_read(tmp_path: Path) -> None:
    for number in range(203):
        (tmp_path / f"t{number:03}.toml").write_text('extends = "nord"')
    shelf = load_themes(bundled_themes(), tmp_path)
    assert len(shelf.themes) == len(BUNDLED.themes) + 200
    assert "3 themes beyond" in shelf.faults[0].message


def test_auto_follows_the_terminal() -> None:
    assert choose_theme(BUNDLED, "auto").theme.name == "chinwag-dark"
    assert choose_theme(BUNDLED, "auto", terminal_is_dark=False).theme.name == "chinwag-light"
    assert choose_theme(BUNDLED, "nord", terminal_is_dark=False).theme.name == "nord"


def test_a_theme_that_is_not_there_is_named_with_its_neighbour_and_replaced() -> None:
    choice = choose_theme(BUNDLED, "catpuccin-mocha\x1b[2J")
    assert choice.theme.name == "chinwag-dark"
    assert "did you mean catppuccin-mocha?" in choice.complaint
    assert choice.complaint.isprintable()


def test_an_installation_without_themes_says_so(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="install chinwag again"):
        choose_theme(load_themes(tmp_path, None), "auto")


def test_rows_name_every_theme_once() -> None:
    rows = themes_rows(BUNDLED)
    assert [row.name for row in rows] == list(BUNDLED.themes)
    assert all(row.about and row.kind in ("dark", "light", "terminal") for row in rows)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_a_theme_or_a_failure_and_nothing_else(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WHOLE)))
    damage = data.draw(st.binary(max_size=12) | st.text(max_size=6).map(str.encode))
    damaged = WHOLE[:start] + damage + WHOLE[start + data.draw(st.integers(0, 40)) :]
    try:
        theme = read_theme("mine", damaged, parents=BUNDLED.themes)
    except Failure as failure:
        assert failure.message
    else:
        assert kind_of(theme) in ("dark", "light")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["#ffffff", "default"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(ROLES) | st.text(max_size=4), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["about", "kind", "extends", "palette", "ansi256", "x"]), VALUES))
def test_any_table_is_a_theme_or_a_failure_and_nothing_else(table: dict[str, object]) -> None:
    data = write_toml(table)
    tomllib.loads(data.decode())
    try:
        read_theme("mine", data, parents=BUNDLED.themes)
    except Failure as failure:
        assert failure.title == "theme mine"
