"""Code wider than the window: wrapped, or cut with a mark and nothing lost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.transcript.host import COLUMNS, LOOK, Host, answer, conversation, lines, rendered, same_rows, streamed
from tui.app.glyphs import ASCII
from tui.app.transcript.selecting import copied_text

CUT = replace(LOOK, wraps_code=False)
WIDE = "```py\nshort = 1\nlong = '" + "x" * 200 + "'\n```"


def test_a_line_that_is_cut_says_so_and_is_copied_whole() -> None:
    rows = rendered(WIDE, look=CUT)
    shown = lines(rows)
    assert len(rows) == 4
    assert shown[0].startswith("    py")
    assert shown[0].endswith("wrap · copy 1")
    assert shown[2].endswith("x…")
    assert len(shown[2]) == COLUMNS - 2
    assert copied_text((row, 0, None) for row in rows) == "short = 1\nlong = '" + "x" * 200 + "'"


def test_code_that_fits_offers_nothing_to_change() -> None:
    assert same_rows(rendered("```py\nshort = 1\n```", look=CUT), rendered("```py\nshort = 1\n```"))


def test_a_long_line_that_comes_late_moves_nothing() -> None:
    for look in (LOOK, CUT):
        short, long = rendered("```py\nshort = 1\n", look=look), rendered(WIDE, look=look)
        assert lines(short)[0].index("copy 1") == lines(long)[0].index("copy 1")
        assert lines(short)[0].rstrip().endswith("copy 1")
        assert len(lines(short)[0].rstrip()) > 96 + 3


def test_tabs_and_wide_letters_are_cut_at_a_whole_letter() -> None:
    rows = rendered("```\n\t" + "漢字" * 60 + "\n```", look=replace(CUT, glyphs=ASCII))
    assert {row.strip.cell_length for row in rows} == {COLUMNS}
    assert lines(rows)[1].endswith("...")
    assert copied_text((row, 0, None) for row in rows) == "\t" + "漢字" * 60


@given(st.lists(st.integers(0, 300), max_size=6), st.booleans())
def test_a_stream_of_wide_code_ends_as_the_same_code_from_disk(cuts: list[int], is_nested: bool) -> None:
    text = "- item\n\n  " + WIDE.replace("\n", "\n  ") if is_nested else WIDE
    assert same_rows(
        streamed(text, [min(cut, len(text)) for cut in cuts], look=CUT),
        rendered(text, look=CUT),
    )


async def test_a_click_on_the_mark_or_the_label_shows_the_whole_line() -> None:
    host = Host()
    async with host.run_test(size=(120, 40)) as pilot:
        host.transcript.show(conversation(answer(WIDE), answer("- item\n\n  " + WIDE.replace("\n", "\n  "), 2)))
        wrapped = host.screen_lines()
        host.transcript.wraps_code = False
        cut = host.screen_lines()
        assert sum("…" in line for line in cut) == 2
        assert len([line for line in cut if "xxx" in line]) == 2
        await pilot.click(host.transcript, offset=(cut[3].index("…"), 3))
        assert sum("…" in line for line in host.screen_lines()) == 1
        assert "cut · copy 1" in host.screen_lines()[1]
        await pilot.click(host.transcript, offset=(host.screen_lines()[1].index("cut"), 1))
        assert host.screen_lines() == cut
        host.transcript.toggle_code_wrap(1)
        host.transcript.toggle_code_wrap(1, "answer-1")
        assert not any("…" in line for line in host.screen_lines())
        host.transcript.wraps_code = True
        host.transcript.toggle_code_wrap(1)
        host.transcript.toggle_code_wrap(1, "answer-1")
        assert host.screen_lines() == wrapped


async def test_wrapping_code_above_moves_nothing_in_view() -> None:
    host = Host()
    async with host.run_test(size=(100, 20)):
        host.transcript.wraps_code = False
        host.transcript.show(conversation(answer(WIDE + "\n\n" + "words\n\n" * 60)))
        host.transcript.action_scroll_home()
        host.transcript.action_page_down()
        before = host.screen_lines()
        host.transcript.toggle_code_wrap(1)
        assert host.screen_lines() == before
