"""Wide, combining and right-to-left text: rows fit, letters stay whole, what stands beside them stays in its column."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.transcript.host import LOOK, Host, answer, conversation, lines, prompt, rendered
from tui.app.transcript.rows import Page
from tui.app.transcript.selecting import copied_text
from tui.app.transcript.wrap import width_of, wrap

CODER = "👩\u200d💻"
FAMILY = "👨\u200d👩\u200d👧\u200d👦"
FLAG = "🇩🇪"
THUMB = "👍🏽"
HEART = "❤\ufe0f"
KEYCAP = "1\ufe0f\u20e3"
HEBREW = "שלום עולם"
ARABIC = "مرحبا\u200fبك"
DECOMPOSED = "e\u0301a\u0308か\u3099\u1112\u1161\u11ab"
LETTERS = st.sampled_from(
    (
        *(CODER, FAMILY, FLAG, THUMB, HEART, KEYCAP, HEBREW, ARABIC, DECOMPOSED, "漢字", "한국", "。"),
        *("\u200d", "\u0301", "\ufe0f", "\U0001f3fd", "🇩", " ", "a", "*", "**", "`", "|", "\n", "\n- ", "\n> "),
        *("\n```\n", "\n|a|b|\n|-|-|\n|", "\t", "नमस्ते", "ไทย", "\u200e", "ﷺ", "\u0e33"),
    )
)
TEXTS = st.lists(LETTERS, max_size=60).map("".join)
SOME = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SOME
@given(TEXTS, st.integers(14, 130), st.booleans())
def test_every_row_is_as_wide_as_the_page(text: str, columns: int, wraps_code: bool) -> None:
    look = replace(LOOK, page=Page.of(columns, 96), wraps_code=wraps_code)
    for row in rendered(text, look=look):
        assert row.strip.cell_length == columns
        assert sum(cell_len(segment.text) for segment in row.strip) == columns


@SOME
@given(TEXTS.map(lambda text: text.replace("\n", " ")), st.integers(4, 60))
def test_no_row_begins_with_what_belongs_to_the_letter_before(text: str, width: int) -> None:
    rows = [text[start:end] for start, end in wrap(text, width)]
    assert all(width_of(row) <= width for row in rows)
    for start, _ in wrap(text, width)[1:]:
        joins_a_letter = start > 0 and not text[start - 1].isspace()
        assert not (joins_a_letter and text[start] in "\u0301\u0308\u3099\ufe0f\u200d\u20e3\u1161\u11ab")


@pytest.mark.parametrize("letter", [CODER, FAMILY, FLAG, THUMB, HEART, KEYCAP, "漢字", DECOMPOSED, HEBREW])
def test_what_stands_behind_a_letter_in_a_table_stays_in_its_column(letter: str) -> None:
    rows = rendered(f"| a | b |\n|---|---|\n| {letter} | x |\n| plain | x |")
    columns = {cell_len(line[: line.index("x")]) for line in lines(rows)[2:]}
    assert len(columns) == 1


@pytest.mark.parametrize(
    "text",
    [
        "👩**\u200d💻** x",
        "**👩\u200d**💻 x",
        "👍*🏽* x",
        "❤*\ufe0f* x",
        "`👩`\u200d💻 x",
        "e**\u0301**x",
        "*か*\u3099 x",
    ],
)
def test_a_letter_of_several_code_points_is_never_cut_in_two_by_its_style(text: str) -> None:
    (row,) = rendered(text)
    together = "".join(segment.text for segment in row.strip)
    assert sum(cell_len(segment.text) for segment in row.strip) == cell_len(together)


def test_text_from_right_to_left_is_kept_in_order_and_copied_as_it_came() -> None:
    text = f"{HEBREW} " * 30 + ARABIC
    rows = rendered(text)
    assert len(rows) > 1
    assert copied_text((row, 0, None) for row in rows) == text


async def test_the_view_of_wide_text_is_as_wide_as_the_window() -> None:
    host = Host()
    async with host.run_test(size=(40, 20)) as pilot:
        text = f"{CODER} {FAMILY} {FLAG} {THUMB} {HEART} {KEYCAP} {HEBREW} {ARABIC} {DECOMPOSED} " * 6
        host.transcript.show(conversation(prompt(text), answer(f"{text}\n\n```\n{text}\n```", thinking=text)))
        host.transcript.toggle_thinking()
        host.transcript.find("e\u0301")
        for columns in (40, 23, 61):
            await pilot.resize_terminal(columns, 20)
            host.transcript.action_scroll_home()
            while not host.transcript.following:
                region = host.transcript.scrollable_content_region.at_offset((0, 0))
                shown = [strip.text for strip in host.transcript.render_lines(region)]
                assert {cell_len(line) for line in shown} == {region.width}
                host.transcript.action_page_down()
