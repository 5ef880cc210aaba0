"""What is pasted into the prompt, and how what only stands there differs from what was typed."""

from __future__ import annotations

from unicodedata import category

from tests.app.prompt_rig import LONG_PASTE, at_the_prompt
from tests.hostile import HOSTILE_STRINGS
from tui.app.terminal.key_messages import TypedText
from tui.app.widgets.paste import DEFAULT_TIMING, BurstTiming
from tui.app.widgets.prompt import Prompt

# --- pastes


async def test_paste_with_line_ends_is_text_and_one_step_of_undo() -> None:
    async with at_the_prompt(timing=DEFAULT_TIMING) as hand:
        await hand.paste("one\r\ntwo\rthree\nfour\r")
        assert hand.prompt.text == "one\ntwo\nthree\nfour\n"
        await hand.press("ctrl+underscore")
        assert hand.prompt.text == ""
        assert not any(isinstance(message, Prompt.Sent) for message in hand.all_posted())


async def test_long_paste_is_a_chip_and_sent_as_text_at_its_place() -> None:
    async with at_the_prompt() as hand:
        await hand.write("read ")
        await hand.paste(LONG_PASTE.replace("\n", "\r"))
        await hand.write(" twice")
        await hand.until(lambda: hand.rows == ["› read [pasted 1,204 lines · 11 kB] twice"])
        assert hand.prompt.text == f"read {LONG_PASTE} twice"
        assert hand.prompt.has_paste
        await hand.press("enter")
        assert (await hand.posted(Prompt.Sent)).text == f"read {LONG_PASTE} twice"


async def test_chip_is_one_character_to_the_keys() -> None:
    async with at_the_prompt() as hand:
        await hand.write("a")
        await hand.paste(LONG_PASTE)
        await hand.write("b")
        await hand.press("left", "left", "X")
        assert hand.prompt.text == f"aX{LONG_PASTE}b"
        await hand.press("right", "Y")
        assert hand.prompt.text == f"aX{LONG_PASTE}Yb"
        await hand.press("backspace", "backspace")
        assert hand.prompt.text == "aXb"
        await hand.press("ctrl+underscore")
        assert hand.prompt.text == f"aX{LONG_PASTE}b"
        await hand.press("left", "delete")
        assert hand.prompt.text == "aXb"


async def test_killed_chip_comes_back_whole_also_in_the_next_prompt() -> None:
    async with at_the_prompt() as hand:
        await hand.write("see ")
        await hand.paste(LONG_PASTE)
        await hand.press("ctrl+w")
        assert hand.prompt.text == "see "
        await hand.press("enter")
        await hand.posted(Prompt.Sent)
        await hand.write("now ")
        await hand.press("ctrl+y")
        assert hand.prompt.text == f"now {LONG_PASTE}"


async def test_paste_opens_into_text_and_undo_folds_it() -> None:
    async with at_the_prompt() as hand:
        await hand.paste("one\x07\n" * 50)
        assert hand.prompt.text == "one\x07\n" * 50
        await hand.press("alt+x")
        assert hand.prompt.text == "one␇\n" * 50
        assert not hand.prompt.has_paste
        await hand.press("ctrl+underscore")
        assert hand.prompt.text == "one\x07\n" * 50
        assert hand.prompt.open_paste()
        assert not hand.prompt.open_paste()


async def test_paste_under_the_cursor_opens_and_the_others_stay_folded() -> None:
    async with at_the_prompt() as hand:
        for word in ("first", "second", "third"):
            await hand.paste(f"{word}\n" * 41)
        await hand.press("left", "left", "alt+x")
        await hand.until(lambda: hand.rows[-2:] == ["  second", "  [pasted 41 lines · 246 B]"])
        await hand.press("enter")
        assert (await hand.posted(Prompt.Sent)).text == "first\n" * 41 + "second\n" * 41 + "third\n" * 41


async def test_selection_across_chips_takes_them_whole() -> None:
    async with at_the_prompt() as hand:
        await hand.write("a")
        await hand.paste(LONG_PASTE)
        await hand.press("shift+left")
        assert hand.prompt.selected_text == LONG_PASTE
        await hand.press("ctrl+x")
        assert (hand.prompt.text, hand.app.clipboard) == ("a", LONG_PASTE)
        await hand.press("ctrl+v")
        assert hand.prompt.text == f"a{LONG_PASTE}"
        assert hand.prompt.has_paste


async def test_long_unbracketed_paste_is_one_chip_and_not_sent() -> None:
    # The pauses are wider here: on a machine that is busy with other tests one read may be taken apart.
    timing = BurstTiming(quiet_seconds=5.0, paste_quiet_seconds=5.0)
    async with at_the_prompt(timing=timing) as hand:
        pasted = "a line that was copied from somewhere else\r" * 465
        await hand.send_bytes(pasted)
        await hand.until(lambda: hand.prompt.has_paste)
        await hand.pilot.pause()
        assert hand.prompt.text == pasted.replace("\r", "\n")
        await hand.until(lambda: hand.rows == ["› [pasted 465 lines · 20 kB]"])
        assert not any(isinstance(message, Prompt.Sent) for message in hand.all_posted())


async def test_text_that_came_at_once_is_one_edit_and_never_sends() -> None:
    timing = BurstTiming(quiet_seconds=5.0, paste_quiet_seconds=5.0)
    async with at_the_prompt(timing=timing) as hand:
        pasted = "a line that was copied from somewhere else\r" * 2_400
        before = hand.prompt._area._edits
        for at in range(0, len(pasted), 4_095):
            hand.app.post_message(TypedText(pasted[at : at + 4_095]))
        await hand.until(lambda: not hand.prompt._area._burst.waiting and not hand.prompt.is_empty)
        assert hand.prompt.text == pasted.replace("\r", "\n")
        assert hand.prompt.has_paste
        assert hand.prompt._area._edits - before <= 4, "the first keys, and then all the rest"
        assert not any(isinstance(message, Prompt.Sent) for message in hand.all_posted())


async def test_unbracketed_line_with_enter_is_sent() -> None:
    async with at_the_prompt(timing=DEFAULT_TIMING) as hand:
        await hand.send_bytes("hello\r")
        assert (await hand.posted(Prompt.Sent)).text == "hello"


async def test_text_asked_for_in_the_middle_of_a_burst_is_all_there() -> None:
    async with at_the_prompt(timing=BurstTiming(quiet_seconds=60)) as hand:
        hand.prompt.load("[]")
        await hand.press("left")
        await hand.send_bytes("collected")
        assert hand.prompt.text == "[collected]"
        assert not hand.prompt.is_empty
        hand.prompt.clear_into_history()
        assert hand.prompt.history == ("[collected]",)


async def test_hostile_text_is_shown_and_never_obeyed() -> None:
    async with at_the_prompt() as hand:
        for hostile in HOSTILE_STRINGS:
            hand.prompt.set_placeholder(hostile)
            hand.prompt.load("")
            await hand.pilot.pause()
            shown = hand.rows
            hand.prompt.load(hostile)
            await hand.pilot.pause()
            shown += hand.rows
            assert not any(category(character) in ("Cc", "Cs") for character in "".join(shown)), hostile


async def test_markup_in_placeholder_and_text_is_text() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.set_placeholder("[b]bold[/b] [/nope] [@click=app.quit]x")
        await hand.pilot.pause()
        await hand.until(lambda: hand.rows == ["› [b]bold[/b] [/nope] [@click=app.quit]x"])
        hand.prompt.load("[b]bold[/b] [/nope]")
        await hand.pilot.pause()
        await hand.until(lambda: hand.rows == ["› [b]bold[/b] [/nope]"])


# --- what is typed, and what only stands there


async def test_what_was_typed_says_so() -> None:
    async with at_the_prompt() as hand:
        await hand.write("/quit")
        assert hand.prompt.is_typed
        await hand.press("enter")
        assert (await hand.posted(Prompt.Sent)).is_typed


async def test_a_beginning_that_was_pasted_is_not_typed() -> None:
    async with at_the_prompt() as hand:
        await hand.paste("/quit")
        await hand.press("enter")
        assert not (await hand.posted(Prompt.Sent)).is_typed
        await hand.press("up", "enter")
        assert not (await hand.posted(Prompt.Sent)).is_typed


async def test_a_paste_behind_a_typed_command_is_its_argument() -> None:
    async with at_the_prompt() as hand:
        await hand.write("/rename ")
        await hand.paste("a title")
        assert hand.prompt.is_typed


async def test_taking_away_what_was_typed_before_a_paste_leaves_a_paste() -> None:
    async with at_the_prompt() as hand:
        await hand.write("x")
        await hand.paste("/quit")
        await hand.press("home", "delete")
        assert (hand.prompt.text, hand.prompt.is_typed) == ("/quit", False)
        await hand.press("ctrl+u", "ctrl+k")
        await hand.write("/quit")
        assert (hand.prompt.text, hand.prompt.is_typed) == ("/quit", True)


async def test_what_is_restored_is_not_typed_and_what_is_completed_is() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.load("/quit", is_restored=True)
        assert (hand.prompt.text, hand.prompt.is_typed) == ("/quit", False)
        hand.prompt.load("/quit")
        assert (hand.prompt.text, hand.prompt.is_typed) == ("/quit", True)
        await hand.press("ctrl+a", "ctrl+k", "ctrl+y")
        assert (hand.prompt.text, hand.prompt.is_typed) == ("/quit", False)


async def test_text_from_elsewhere_is_written_at_the_cursor() -> None:
    async with at_the_prompt() as hand:
        await hand.write("ab")
        await hand.press("left")
        hand.prompt.type("x")
        await hand.pilot.pause()
        assert hand.prompt.text == "axb"
        assert (await hand.posted(Prompt.Changed)).text
