"""How the prompt looks, and when it tells of the draft in it."""

from __future__ import annotations

from itertools import pairwise

from textual.widgets import Input

from tests.app.prompt_rig import LONG_PASTE, ROLES, at_the_prompt
from tui.app.glyphs import ASCII
from tui.app.widgets.prompt import Prompt
from tui.app.widgets.prompt_area import CHANGED_SECONDS

# --- drafts


async def test_draft_is_told_at_once_and_then_once_for_what_follows() -> None:
    async with at_the_prompt() as hand:
        await hand.write("a")
        assert (await hand.posted(Prompt.Changed)).text == "a"
        await hand.write("bcdef")
        changes = [await hand.posted(Prompt.Changed)]
        while changes[-1].text != "abcdef":
            changes.append(await hand.posted(Prompt.Changed))
        assert all(later.time - earlier.time > 0.9 * CHANGED_SECONDS for earlier, later in pairwise(changes))


async def test_draft_is_told_when_the_prompt_loses_the_focus() -> None:
    async with at_the_prompt() as hand:
        await hand.write("ab")
        hand.app.query_one(Input).focus()
        await hand.pilot.pause()
        changes = [message for message in hand.all_posted() if isinstance(message, Prompt.Changed)]
        assert changes[-1].text == "ab"


async def test_draft_with_a_long_paste_is_a_chip_again() -> None:
    async with at_the_prompt() as hand:
        await hand.write("read ")
        await hand.paste(LONG_PASTE)
        draft = hand.prompt.draft
    async with at_the_prompt() as hand:
        hand.prompt.load(draft, owner="conversation 2")
        await hand.pilot.pause()
        await hand.until(lambda: hand.rows == ["› [pasted 1,204 lines · 11 kB]"])
        assert hand.prompt.text == f"read {LONG_PASTE}"
        assert hand.all_posted() == []
        await hand.write("!")
        changed = await hand.posted(Prompt.Changed)
        assert (changed.text, changed.owner) == (f"read {LONG_PASTE}!", "conversation 2")


async def test_recalled_prompt_keeps_its_pastes_folded_at_their_place() -> None:
    async with at_the_prompt() as hand:
        await hand.write("read ")
        await hand.paste(LONG_PASTE)
        await hand.press("enter", "up")
        await hand.posted(Prompt.Sent)
        await hand.until(lambda: hand.rows == ["› read [pasted 1,204 lines · 11 kB]"])


# --- looks


async def test_one_row_that_grows_to_a_third_of_the_window_and_then_scrolls() -> None:
    for height in (24, 40, 50):
        async with at_the_prompt(size=(80, height)) as hand:
            assert hand.prompt.region.height == 3
            await hand.press("ctrl+j")
            assert hand.prompt.region.height == 4
            hand.prompt.load("\n".join(f"row {number}" for number in range(30)))
            await hand.pilot.pause()
            assert hand.prompt.region.height == height // 3
            await hand.until(lambda: hand.rows[-1].strip() == "row 29")
            hand.prompt.load("")
            await hand.pilot.pause()
            assert hand.prompt.region.height == 3


async def test_long_line_wraps_and_grows_the_prompt() -> None:
    async with at_the_prompt(size=(40, 24)) as hand:
        await hand.paste("seven words that do not fit in one row of forty cells")
        await hand.until(lambda: len(hand.rows) == 2)


async def test_border_is_the_accent_only_while_the_prompt_has_the_focus() -> None:
    async with at_the_prompt() as hand:
        assert hand.prompt.styles.border_top[0] == "round"
        assert hand.prompt.styles.border_top[1].hex.lower() == ROLES["accent"]
        hand.app.query_one(Input).focus()
        await hand.pilot.pause()
        assert hand.prompt.styles.border_top[1].hex.lower() == ROLES["border"]
        assert not hand.prompt.is_active


async def test_placeholder_gives_way_to_the_first_character() -> None:
    async with at_the_prompt() as hand:
        await hand.until(lambda: hand.rows == ["› Ask qwen3:8b · / for commands"])
        await hand.write("x")
        await hand.until(lambda: hand.rows == ["› x"])


async def test_click_on_the_frame_gives_the_focus_to_the_prompt() -> None:
    async with at_the_prompt() as hand:
        hand.app.query_one(Input).focus()
        await hand.pilot.click(Prompt, offset=(1, 1))
        assert hand.prompt.is_active


async def test_ascii_glyphs_draw_everything_in_ascii() -> None:
    async with at_the_prompt(glyphs=ASCII) as hand:
        hand.prompt.load(LONG_PASTE)
        await hand.pilot.pause()
        strips = hand.app.screen._compositor.render_strips()[hand.prompt.region.y :]
        assert all(segment.text.isascii() for strip in strips for segment in strip)
        await hand.until(lambda: hand.rows == ["> [pasted 1,204 lines - 11 kB]"])
