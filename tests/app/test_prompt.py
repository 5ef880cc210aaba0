"""The prompt: every key, and the earlier prompts."""

from __future__ import annotations

from tests.app.prompt_rig import KEYS_OF_THE_APP, KEYS_OF_THE_APP_WITHOUT_TEXT, at_the_prompt
from tui.app.widgets.prompt import Prompt

# --- sending


async def test_enter_sends_and_empties() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.load("", owner="conversation 1")
        await hand.write("why is the sky blue?")
        await hand.press("enter")
        sent = await hand.posted(Prompt.Sent)
        assert (sent.text, sent.owner) == ("why is the sky blue?", "conversation 1")
        assert hand.prompt.text == ""
        assert (await hand.posted(Prompt.Changed)).text == ""
        await hand.posted(Prompt.Emptied)
        assert hand.prompt.history == ("why is the sky blue?",)


async def test_enter_on_a_blank_prompt_sends_nothing() -> None:
    async with at_the_prompt() as hand:
        for blank in ("", "   ", " \n "):
            hand.prompt.load(blank)
            await hand.press("enter")
            await hand.posted(Prompt.EnterOnEmpty)
            assert hand.prompt.text == blank


async def test_new_line_keys() -> None:
    async with at_the_prompt() as hand:
        for key in ("ctrl+j", "alt+enter", "shift+enter", "ctrl+enter", "ctrl+\r", "shift+\r"):
            hand.prompt.load("")
            await hand.press("a", key, "b")
            assert hand.prompt.text == "a\nb", repr(key)
        assert not any(isinstance(message, Prompt.Sent) for message in hand.all_posted())


async def test_backslash_before_enter_makes_a_new_line() -> None:
    async with at_the_prompt() as hand:
        await hand.write("one\\")
        await hand.press("enter")
        await hand.until(lambda: hand.prompt.text == "one\n")
        await hand.write("two\\")
        await hand.press("left", "enter")
        assert (await hand.posted(Prompt.Sent)).text == "one\ntwo\\"


async def test_keys_change_by_the_name_of_their_command() -> None:
    async with at_the_prompt() as hand:
        hand.app.set_keymap({"prompt.newline": "enter,ctrl+j", "prompt.send": "ctrl+enter"})
        await hand.press("a", "enter", "b")
        assert hand.prompt.text == "a\nb"
        await hand.press("ctrl+enter")
        assert (await hand.posted(Prompt.Sent)).text == "a\nb"


async def test_every_key_has_a_name_of_its_own() -> None:
    async with at_the_prompt() as hand:
        bindings = [binding for _, binding in hand.app.focused._bindings] if hand.app.focused else []
        assert bindings
        assert all(binding.id and binding.id.startswith("prompt.") for binding in bindings)
        assert len({binding.id for binding in bindings}) == len({binding.action for binding in bindings})


async def test_tab_neither_types_nor_leaves() -> None:
    async with at_the_prompt() as hand:
        await hand.press("a", "tab", "b")
        assert hand.prompt.text == "ab"
        assert hand.prompt.is_active


async def test_keys_of_the_app_reach_it_from_an_empty_prompt() -> None:
    async with at_the_prompt() as hand:
        keys = KEYS_OF_THE_APP + KEYS_OF_THE_APP_WITHOUT_TEXT
        await hand.press(*keys)
        assert hand.app.recorded == keys
        assert hand.prompt.text == ""


async def test_keys_of_the_app_reach_it_from_a_prompt_with_text() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.load("some text")
        await hand.press(*KEYS_OF_THE_APP, *KEYS_OF_THE_APP_WITHOUT_TEXT)
        assert hand.app.recorded == [*KEYS_OF_THE_APP, *KEYS_OF_THE_APP_WITHOUT_TEXT[1:]], "yank and undo had nothing"
        assert hand.prompt.text == "some text"


# --- line editing


EDITING = [
    ("ctrl+a X", "Xone two three"),
    ("ctrl+a ctrl+e X", "one two threeX"),
    ("home X end Y", "Xone two threeY"),
    ("ctrl+u", ""),
    ("ctrl+a ctrl+k", ""),
    ("ctrl+w", "one two "),
    ("ctrl+w ctrl+w", "one "),
    ("ctrl+w ctrl+w ctrl+y", "one two three"),
    ("alt+b alt+b X", "one Xtwo three"),
    ("alt+b ctrl+k ctrl+a ctrl+y", "threeone two "),
    ("ctrl+a alt+f X", "oneX two three"),
    ("ctrl+a alt+d", " two three"),
    ("ctrl+a alt+d alt+d ctrl+e ctrl+y", " threeone two"),
    ("alt+b ctrl+u ctrl+e ctrl+y", "threeone two "),
    ("ctrl+a ctrl+d", "ne two three"),
    ("left left delete", "one two thre"),
    ("backspace ctrl+underscore", "one two three"),
    ("ctrl+u ctrl+shift+minus", "one two three"),
    ("ctrl+u ctrl+slash", "one two three"),
    ("ctrl+u ctrl+y", "one two three"),
    ("ctrl+u ctrl+slash ctrl+shift+z", ""),
    ("shift+home X", "X"),
    ("ctrl+shift+a X", "X"),
]


async def test_line_editing_as_in_a_shell() -> None:
    async with at_the_prompt() as hand:
        for keys, text in EDITING:
            hand.prompt.load("one two three")
            await hand.press(*keys.split())
            assert hand.prompt.text == text, keys


async def test_kill_at_the_end_joins_lines_and_yank_brings_the_line_end_back() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.load("one\ntwo")
        await hand.press("up", "ctrl+e", "ctrl+k", "ctrl+k")
        assert hand.prompt.text == "one"
        await hand.press("ctrl+y")
        assert hand.prompt.text == "one\ntwo"


async def test_key_after_an_editing_key_in_the_same_read_finds_it_done() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.load("world")
        await hand.send_bytes("\x01hello \x05!")
        await hand.until(lambda: hand.prompt.text == "hello world!")


# --- earlier prompts


async def test_up_and_down_at_the_edges_recall_and_keep_the_unsent_text() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.set_history(("first", "second\nwith a line"))
        await hand.write("unsent")
        await hand.press("up")
        assert hand.prompt.text == "second\nwith a line"
        assert hand.prompt.draft == "unsent"
        await hand.press("up")
        assert hand.prompt.text == "second\nwith a line", "up inside the text moves the cursor"
        await hand.press("up")
        assert hand.prompt.text == "first"
        await hand.press("down", "down")
        assert hand.prompt.text == "unsent"
        await hand.write("!")
        assert hand.prompt.text == "unsent!"


async def test_wrapped_rows_count_as_rows_for_up() -> None:
    async with at_the_prompt(size=(30, 24)) as hand:
        hand.prompt.set_history(("earlier",))
        text = "word " * 12
        hand.prompt.load(text)
        await hand.pilot.pause()
        await hand.press("up")
        assert hand.prompt.text == text
        await hand.press("up", "up", "up")
        assert hand.prompt.text == "earlier"


async def test_cleared_prompt_is_back_with_up() -> None:
    async with at_the_prompt() as hand:
        await hand.write("do not lose me")
        hand.prompt.clear_into_history()
        assert hand.prompt.text == ""
        await hand.posted(Prompt.Emptied)
        await hand.press("up")
        assert hand.prompt.text == "do not lose me"


async def test_cleared_prompt_is_back_with_undo() -> None:
    async with at_the_prompt() as hand:
        await hand.write("do not lose me")
        hand.prompt.clear_into_history()
        await hand.press("ctrl+underscore")
        assert hand.prompt.text == "do not lose me"
        assert hand.prompt.is_typed
        await hand.press("backspace", "ctrl+underscore")
        assert hand.prompt.text == "do not lose me"


async def test_undo_after_something_else_was_typed_is_the_apps() -> None:
    async with at_the_prompt() as hand:
        await hand.write("thrown away")
        hand.prompt.clear_into_history()
        await hand.write("next")
        await hand.press("enter", "ctrl+underscore")
        await hand.posted(Prompt.Sent)
        assert hand.prompt.text == ""
        assert hand.app.recorded == ["ctrl+underscore"]


async def test_up_over_a_text_takes_the_queued_prompt_back_and_not_a_copy() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.set_history(("earlier", "was queued"))
        hand.prompt.takes_back = True
        await hand.write("a thought")
        await hand.press("up")
        await hand.posted(Prompt.TakeBack)
        assert hand.prompt.text == "a thought"
        hand.prompt.takes_back = False
        await hand.press("up", "up")
        hand.prompt.takes_back = True
        await hand.press("up")
        assert hand.prompt.text == "earlier", "whoever goes through the earlier prompts goes on"
        assert not any(isinstance(message, Prompt.TakeBack) for message in hand.all_posted())


async def test_up_takes_a_queued_prompt_back_when_there_is_one() -> None:
    async with at_the_prompt() as hand:
        hand.prompt.set_history(("earlier",))
        hand.prompt.takes_back = True
        await hand.press("up")
        await hand.posted(Prompt.TakeBack)
        assert hand.prompt.text == ""
        hand.prompt.takes_back = False
        hand.prompt.load("was queued")
        await hand.write("!")
        assert hand.prompt.text == "was queued!"


# --- what terminals send


BYTES = [
    ("\x1b[13;2u", "one two\n"),  # shift+enter, kitty
    ("\x1b[13;5u", "one two\n"),  # ctrl+enter, kitty
    ("\x1b[13;3u", "one two\n"),  # alt+enter, kitty
    ("\x1b[27;2;13~", "one two\n"),  # shift+enter, modifyOtherKeys
    ("\x1b[27;5;13~", "one two\n"),  # ctrl+enter, modifyOtherKeys
    ("\n", "one two\n"),
    ("\x1b[106;5u", "one two\n"),  # ctrl+j, kitty
    ("\x01x", "xone two"),
    ("\x1bbx", "one xtwo"),  # alt+b as Escape b
    ("\x1b[98;3ux", "one xtwo"),  # alt+b, kitty
    ("\x01\x1bfx", "onex two"),
    ("\x01\x1bd", " two"),
    ("\x1b[1;3Dx", "one xtwo"),  # alt+left
    ("\x17\x19\x19", "one twotwo"),
    ("\x15\x1f", "one two"),  # ctrl+_ as 0x1f
    ("\x15\x1b[95;5u", "one two"),
    ("\x15\x1b[45;6u", "one two"),
    ("\x15\x1b[47;5u", "one two"),
    ("\x7f\x08", "one t"),
    ("\x1b\x7f", "one "),  # alt+backspace
    ("\x1bx", "one two"),  # alt+x without a paste types no x
    ("\x1bo", "one two"),
    ("é漢👍", "one twoé漢👍"),
    ("👩\u200d👧", "one two👩\u200d👧"),
    ("\xa0", "one two\xa0"),
    ("\x1b[32;2;32u", "one two "),  # shift+space, kitty
    ("\x1b[97;2;65u", "one twoA"),  # A, kitty
    ("\x1b[229;3;229u", "one twoå"),  # option+a on a Mac, kitty
    ("\x00\x02\x06\x07", "one two"),
]


async def test_bytes_of_a_terminal_do_what_the_key_does() -> None:
    async with at_the_prompt() as hand:
        for sent, text in BYTES:
            hand.prompt.load("one two")
            await hand.send_bytes(sent)
            await hand.pilot.pause()
            assert hand.prompt.text == text, repr(sent)
        assert not any(isinstance(message, Prompt.Sent) for message in hand.all_posted())


async def test_bytes_of_enter_send() -> None:
    async with at_the_prompt() as hand:
        for enter in ("\r", "\x1b[13u", "\x1b[57414u", "\x1bOM"):
            hand.prompt.load("hello")
            await hand.send_bytes(enter)
            assert (await hand.posted(Prompt.Sent)).text == "hello", repr(enter)
