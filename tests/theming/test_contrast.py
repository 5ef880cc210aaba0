"""Every bundled theme reads well, in truecolour and in what a 256-colour terminal makes of it."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from tests.theming.nudge import nearest_readable_of_256, nudge
from tui.places import bundled_themes
from tui.theming.contrast import GROUND_ROLES, contrast, required_contrast
from tui.theming.load import load_themes
from tui.theming.quantise import colour_of_256, nearest_of_256, palette_in_256
from tui.theming.read import ROLES, kind_of
from tui.theming.values import Theme

SHELF = load_themes(bundled_themes(), None)
COLOURED = [theme for theme in SHELF.themes.values() if kind_of(theme) != "terminal"]


def least_contrast(theme: Theme, role: str) -> float | None:
    needed = required_contrast(role)
    return 7.0 if needed is not None and theme.name.startswith("contrast") else needed


def shortfalls(theme: Theme, colours: dict[str, str]) -> list[str]:
    grounds = [colours[role] for role in GROUND_ROLES]
    found = []
    for role in ROLES:
        needed = least_contrast(theme, role)
        worst = min(contrast(colours[role], ground) for ground in grounds)
        if needed is not None and worst < needed:
            better = nudge(colours[role], grounds, needed)
            number = nearest_readable_of_256(colours[role], grounds, needed)
            found.append(f"{role} {colours[role]} has {worst:.2f} of {needed}; {better} or colour {number} would do")
    return found


@pytest.mark.parametrize("theme", COLOURED, ids=lambda theme: theme.name)
def test_every_text_reads_on_every_ground_in_truecolour(theme: Theme) -> None:
    assert shortfalls(theme, asdict(theme.palette)) == []


@pytest.mark.parametrize("theme", COLOURED, ids=lambda theme: theme.name)
def test_every_text_reads_on_every_ground_in_256_colours(theme: Theme) -> None:
    drawn = asdict(palette_in_256(theme))
    assert shortfalls(theme, {role: colour_of_256(nearest_of_256(colour)) for role, colour in drawn.items()}) == []


@pytest.mark.parametrize("theme", COLOURED, ids=lambda theme: theme.name)
def test_the_selected_row_can_be_seen_on_what_it_lies_on(theme: Theme) -> None:
    for palette in (theme.palette, palette_in_256(theme)):
        assert palette.selection not in (palette.background, palette.surface, palette.overlay)


@pytest.mark.parametrize("theme", COLOURED, ids=lambda theme: theme.name)
def test_a_theme_is_as_dark_as_it_says(theme: Theme) -> None:
    assert (
        contrast(theme.palette.background, "#ffffff") > contrast(theme.palette.background, "#000000")
    ) is theme.is_dark


@pytest.mark.parametrize("theme", COLOURED, ids=lambda theme: theme.name)
def test_a_nudged_colour_is_its_palettes_own_moved_no_further_than_needed(theme: Theme) -> None:
    grounds = [getattr(theme.palette, role) for role in GROUND_ROLES]
    lines = (bundled_themes() / f"{theme.name}.toml").read_text().splitlines()
    told = [found.groups() for line in lines if (found := re.fullmatch(r'(\w+) = "(#\w{6})"  # was (#\w{6})', line))]
    assert bool(told) is ("nudged" in theme.about)
    for role, colour, original in told:
        assert nudge(original, grounds, least_contrast(theme, role) or 0) == colour


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)
    assert contrast("#f2a65a", "#f2a65a") == 1


def test_lines_and_grounds_are_no_text() -> None:
    assert required_contrast("border") is None
    assert all(required_contrast(role) is None for role in GROUND_ROLES)
    assert required_contrast("foreground") == 7
    assert required_contrast("comment") == 4.5


def test_a_nudged_colour_reads_and_one_that_reads_already_stays() -> None:
    assert contrast(nudge("#565f89", ["#1a1b26"], 4.5), "#1a1b26") >= 4.5
    assert contrast(nudge("#df8e1d", ["#eff1f5"], 4.5), "#eff1f5") >= 4.5
    assert nudge("#ffffff", ["#000000"], 7) == "#ffffff"
    with pytest.raises(ValueError, match="no lightness"):
        nudge("#000000", ["#000000", "#ffffff"], 7)
