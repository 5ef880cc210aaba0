"""Themes in the program: chosen while one looks at them, read again, and planned for every kind of terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.app.running import TERMINAL, Folders
from tests.app.test_status_line import DONE, RUNNING, line
from tui.app.screens.themes import ThemePicker
from tui.settings.load import load_settings
from tui.theming.quantise import palette_in_256

MINE = 'extends = "chinwag-dark"\nabout = "{about}"\n[palette]\naccent = "{accent}"\n'


async def test_a_theme_is_seen_while_it_is_marked_and_kept_when_it_is_chosen(folders: Folders) -> None:
    async with folders.start() as running:
        await running.send("/theme")
        await running.until(lambda: isinstance(running.app.screen, ThemePicker))
        await running.type("gruv")
        await running.until(lambda: running.app.theme == "gruvbox")
        await running.press("escape")
        await running.until(lambda: running.app.theme == "chinwag-dark")
        await running.send("/theme")
        await running.until(lambda: isinstance(running.app.screen, ThemePicker))
        await running.type("nord")
        await running.until(lambda: running.app.theme == "nord")
        await running.press("enter")
        file = running.workspace.places.settings_file
        await running.until(lambda: load_settings(file, {}, {}).settings.appearance.theme == "nord")
        assert running.app.theme == "nord"


async def test_a_theme_file_that_was_changed_is_read_again_when_themes_are_opened(folders: Folders) -> None:
    file = folders.write("config/themes/mine.toml", MINE.format(about="first", accent="#ff0000"))
    async with folders.start() as running:
        await running.send("/theme mine")
        await running.until(lambda: running.app.theme == "mine")
        assert running.app.get_css_variables()["role-accent"] == "#ff0000"
        file.write_text(MINE.format(about="second", accent="#00ff00"))
        folders.write("config/themes/another.toml", MINE.format(about="new", accent="#0000ff"))
        await running.send("/theme")
        await running.until(lambda: isinstance(running.app.screen, ThemePicker))
        await running.shows("another")
        await running.type("mine")
        await running.shows("second")
        await running.press("enter")
        await running.until(lambda: running.app.get_css_variables()["role-accent"] == "#00ff00")
        assert running.app._theme_now.palette.accent == "#00ff00"


async def test_a_broken_theme_is_named_at_the_start_and_where_themes_are_chosen(folders: Folders) -> None:
    folders.write("config/themes/mine.toml", MINE.format(about="", accent="red"))
    async with folders.start() as running:
        await running.shows('mine.toml: accent needs #rrggbb, not "red"')
        await running.send("/theme")
        await running.until(lambda: isinstance(running.app.screen, ThemePicker))
        await running.shows("accent needs #rrggbb")
        await running.until(lambda: "mine " not in running.text.replace("mine.toml", ""))


async def test_a_theme_that_is_gone_is_named_and_ours_stands_in(folders: Folders) -> None:
    folders.write("config/settings.toml", "[appearance]\ntheme = 'norrd'\n")
    async with folders.start() as running:
        await running.shows("there is no theme norrd, did you mean nord?")
        assert running.app.theme == "chinwag-dark"


@pytest.mark.parametrize(
    "terminal",
    [
        {"TERM": "xterm", "LANG": "C.UTF-8"},
        {"TERM": "xterm-256color", "NO_COLOR": "1", "LANG": "C.UTF-8"},
        {"TERM": "vt220", "LANG": "C.UTF-8"},
    ],
    ids=["16 colours", "NO_COLOR", "none"],
)
async def test_few_colours_are_the_terminals_own(folders: Folders, terminal: dict[str, str]) -> None:
    async with folders.start(terminal=terminal) as running:
        assert running.app.theme == "terminal"
        colours = {
            colour
            for strip in running.strips
            for segment in strip
            if segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None
        }
        assert all(colour.is_system_defined for colour in colours)


async def test_256_colours_are_those_that_the_theme_chose(folders: Folders) -> None:
    async with folders.start(terminal={"TERM": "xterm-256color", "LANG": "C.UTF-8"}) as running:
        theme = running.workspace.themes.themes["chinwag-dark"]
        assert running.app._theme_now.palette == palette_in_256(theme) != theme.palette


async def test_without_utf_8_everything_is_ascii(folders: Folders) -> None:
    async with folders.start(terminal={**TERMINAL, "LANG": "C"}) as running:
        await running.press("f2")
        await running.shows("Settings")
        last_filter, ground = running.app.get_line_filters()[-1], running.app.screen.styles.background
        drawn = [one.text for strip in running.strips for one in last_filter.apply(list(strip), ground)]
        assert "".join(drawn).isascii()


def test_without_motion_nothing_is_drawn_that_only_moves() -> None:
    for view in (RUNNING, DONE):
        assert "▇" in line(view)
        still = line(replace(view, has_motion=False))
        assert "▇" not in still
        assert still.index("tok/s") == line(view).index("tok/s")
        assert still.index("context") == line(view).index("context")


async def test_motion_that_is_switched_off_is_off_at_once(folders: Folders) -> None:
    async with folders.start() as running:
        levels = [running.app.animation_level]
        await running.app._change_setting("appearance.motion", False)
        assert [*levels, running.app.animation_level] == ["full", "none"]
        assert not running.chat._status_view().has_motion
