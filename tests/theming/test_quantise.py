"""Our mapping to fewer colours is the one that Rich draws with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color, ColorSystem

from tui.theming.contrast import hex_of, rgb_of
from tui.theming.quantise import colour_of_256, nearest_of_16, nearest_of_256, palette_in_256, request_for_256
from tui.theming.values import Palette, Theme

CHANNEL = st.integers(0, 255)
ANY_COLOUR = st.tuples(CHANNEL, CHANNEL, CHANNEL).map(hex_of)
NEARLY_GREY = st.tuples(st.integers(0, 243), st.integers(0, 12)).map(lambda n: hex_of((n[0], n[0] + n[1], n[0])))
CUBE_GREYS_WITHOUT_A_WAY = {59: 240, 102: 244, 145: 248, 188: 252}


@given(ANY_COLOUR | NEARLY_GREY)
def test_256_colours_as_rich_picks_them(colour: str) -> None:
    assert nearest_of_256(colour) == Color.parse(colour).downgrade(ColorSystem.EIGHT_BIT).number


@given(ANY_COLOUR | NEARLY_GREY)
def test_16_colours_as_rich_picks_them(colour: str) -> None:
    assert nearest_of_16(colour) == Color.parse(colour).downgrade(ColorSystem.STANDARD).number


def test_each_colour_number_is_the_colour_that_rich_thinks_it_is() -> None:
    for number in range(16, 256):
        assert colour_of_256(number) == Color.from_ansi(number).get_truecolor().hex


def test_asking_for_a_number_gets_exactly_that_number() -> None:
    for number in set(range(16, 256)) - set(CUBE_GREYS_WITHOUT_A_WAY):
        assert Color.parse(request_for_256(number)).downgrade(ColorSystem.EIGHT_BIT).number == number


@pytest.mark.parametrize(("number", "twin"), CUBE_GREYS_WITHOUT_A_WAY.items())
def test_a_grey_that_cannot_be_asked_for_names_its_twin(number: int, twin: int) -> None:
    with pytest.raises(ValueError, match=f"use {twin}"):
        request_for_256(number)


@pytest.mark.parametrize("number", [-1, 0, 15, 256])
def test_numbers_whose_look_is_not_known_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="16 to 255"):
        colour_of_256(number)


@pytest.mark.parametrize("colour", ["", "red", "#fff", "#12345g", "#+12345", "#1234567", "ffffff", "#１２３４５６"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match=r"#rrggbb|invalid literal"):
        rgb_of(colour)


def test_a_themes_own_number_wins_in_256_colours() -> None:
    palette = Palette(**dict.fromkeys(Palette.__slots__, "#33291c"))
    theme = Theme(name="mine", is_dark=True, palette=palette, ansi256=(("selection", 237), ("accent", 255)))
    drawn = palette_in_256(theme)
    assert nearest_of_256(drawn.selection) == 237
    assert nearest_of_256(drawn.accent) == 255
    assert drawn.background == "#33291c"
