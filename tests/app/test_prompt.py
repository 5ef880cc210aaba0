"""The prompt in an app of its own: every key, pastes, drafts, looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import ClassVar, TypeVar
from unicodedata import category

from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input

from tests.hostile import HOSTILE_STRINGS
from tui.app.glyphs import ASCII, UNICODE, Glyphs
from tui.app.widgets.paste import DEFAULT_TIMING, BurstTiming
from tui.app.widgets.prompt import Prompt
from tui.app.widgets.prompt_area import CHANGED_SECONDS

M = TypeVar("M", bound=Message)

ROLES = {
    "accent": "#f2a65a",
    "border": "#3a414c",
    "muted": "#98a1b0",
    "foreground": "#d9dde3",
    "background": "#14161a",
    "selection": "#33291c",
}
# A pilot presses faster than hands do: for it no run of keys is a paste, and Enter waits for nothing.
BY_HAND = BurstTiming(run_gap_seconds=-1.0, quiet_seconds=0.0, paste_quiet_seconds=0.0)
KEYS_OF_THE_APP = [
    "ctrl+p",
    "ctrl+t",
    "ctrl+o",
    "ctrl+n",
    "f1",
    "f2",
    "escape",
    "ctrl+c",
    "ctrl+q",
    "pageup",
    "pagedown",
    "ctrl+home",
    "ctrl+end",
    "alt+up",
    "alt+down",
    "ctrl+f",
    "ctrl+g",
    "ctrl+r",
    "ctrl+z",
]
KEYS_OF_THE_APP_WITHOUT_TEXT = ["ctrl+d", "ctrl+y", "ctrl+underscore"]
LONG = "".join(f"line {number}\n" for number in range(1_204))


class Host(App[None]):
    ENABLE_COMMAND_PALETTE = False
    CSS = "#transcript { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, f"record('{key}')", show=False) for key in KEYS_OF_THE_APP + KEYS_OF_THE_APP_WITHOUT_TEXT
    ]

    def __init__(self, timing: BurstTiming, glyphs: Glyphs) -> None:
        super().__init__()
        self.prompt = Prompt(placeholder="Ask qwen3:8b · / for commands", timing=timing, glyphs=glyphs)
        self.posted: asyncio.Queue[Message] = asyncio.Queue()
        self.recorded: list[str] = []

    def get_css_variables(self) -> dict[str, str]:
        return {**super().get_css_variables(), **{f"role-{role}": colour for role, colour in ROLES.items()}}

    def compose(self) -> ComposeResult:
        yield Vertical(Input(id="elsewhere"), id="transcript")
        yield self.prompt

    def on_mount(self) -> None:
        self.prompt.focus()

    def action_record(self, key: str) -> None:
        self.recorded.append(key)

    def on_prompt_sent(self, message: Prompt.Sent) -> None:
        self.posted.put_nowait(message)

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        self.posted.put_nowait(message)

    def on_prompt_emptied(self, message: Prompt.Emptied) -> None:
        self.posted.put_nowait(message)

    def on_prompt_enter_on_empty(self, message: Prompt.EnterOnEmpty) -> None:
        self.posted.put_nowait(message)

    def on_prompt_take_back(self, message: Prompt.TakeBack) -> None:
        self.posted.put_nowait(message)


class Hand:
    """Someone at the keyboard of the host."""

    def __init__(self, app: Host, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        self.prompt = app.prompt
        self.parser = XTermParser()

    async def press(self, *keys: str) -> None:
        """Every key at once; a pilot waits after each."""
        for key in keys:
            self.app.post_message(events.Key(key, None))
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        await self.press(*text)

    async def send_bytes(self, data: str) -> None:
        """What a terminal sends, in one read."""
        for event in self.parser.feed(data):
            self.app.post_message(event)
        # The parser waits for the rest of what may be a sequence, as it does for its driver.
        while self.parser._timeout_time is not None:
            await self.pilot.pause()
            for event in self.parser.tick():
                self.app.post_message(event)
        await self.pilot.pause()

    async def paste(self, text: str) -> None:
        await self.send_bytes(f"\x1b[200~{text}\x1b[201~")

    async def posted(self, kind: type[M]) -> M:
        """The next message of that kind; others before it are passed over."""
        while True:
            message = await asyncio.wait_for(self.app.posted.get(), 10)
            if isinstance(message, kind):
                return message

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                await self.pilot.pause()

    def all_posted(self) -> list[Message]:
        return [self.app.posted.get_nowait() for _ in range(self.app.posted.qsize())]

    @property
    def rows(self) -> list[str]:
        """What the prompt shows between its frame."""
        strips = self.app.screen._compositor.render_strips()
        region = self.prompt.region
        return ["".join(segment.text for segment in strip)[2:-1].rstrip() for strip in strips][
            region.y + 1 : region.bottom - 1
        ]


@asynccontextmanager
async def at_the_prompt(
    size: tuple[int, int] = (80, 24), timing: BurstTiming = BY_HAND, glyphs: Glyphs = UNICODE
) -> AsyncIterator[Hand]:
    app = Host(timing, glyphs)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Hand(app, pilot)


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
        await hand.paste(LONG.replace("\n", "\r"))
        await hand.write(" twice")
        assert hand.rows == ["› read [pasted 1,204 lines · 11 kB] twice"]
        assert hand.prompt.text == f"read {LONG} twice"
        assert hand.prompt.has_paste
        await hand.press("enter")
        assert (await hand.posted(Prompt.Sent)).text == f"read {LONG} twice"


async def test_chip_is_one_character_to_the_keys() -> None:
    async with at_the_prompt() as hand:
        await hand.write("a")
        await hand.paste(LONG)
        await hand.write("b")
        await hand.press("left", "left", "X")
        assert hand.prompt.text == f"aX{LONG}b"
        await hand.press("right", "Y")
        assert hand.prompt.text == f"aX{LONG}Yb"
        await hand.press("backspace", "backspace")
        assert hand.prompt.text == "aXb"
        await hand.press("ctrl+underscore")
        assert hand.prompt.text == f"aX{LONG}b"
        await hand.press("left", "delete")
        assert hand.prompt.text == "aXb"


async def test_killed_chip_comes_back_whole_also_in_the_next_prompt() -> None:
    async with at_the_prompt() as hand:
        await hand.write("see ")
        await hand.paste(LONG)
        await hand.press("ctrl+w")
        assert hand.prompt.text == "see "
        await hand.press("enter")
        await hand.posted(Prompt.Sent)
        await hand.write("now ")
        await hand.press("ctrl+y")
        assert hand.prompt.text == f"now {LONG}"


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
        assert hand.rows[-2:] == ["  second", "  [pasted 41 lines · 246 B]"]
        await hand.press("enter")
        assert (await hand.posted(Prompt.Sent)).text == "first\n" * 41 + "second\n" * 41 + "third\n" * 41


async def test_selection_across_chips_takes_them_whole() -> None:
    async with at_the_prompt() as hand:
        await hand.write("a")
        await hand.paste(LONG)
        await hand.press("shift+left")
        assert hand.prompt.selected_text == LONG
        await hand.press("ctrl+x")
        assert (hand.prompt.text, hand.app.clipboard) == ("a", LONG)
        await hand.press("ctrl+v")
        assert hand.prompt.text == f"a{LONG}"
        assert hand.prompt.has_paste


async def test_long_unbracketed_paste_is_one_chip_and_not_sent() -> None:
    # The pauses are wider here: on a machine that is busy with other tests one read may be taken apart.
    timing = BurstTiming(quiet_seconds=0.5, paste_quiet_seconds=0.5)
    async with at_the_prompt(timing=timing) as hand:
        pasted = "a line that was copied from somewhere else\r" * 465
        await hand.send_bytes(pasted)
        await hand.until(lambda: hand.prompt.has_paste)
        await hand.pilot.pause()
        assert hand.prompt.text == pasted.replace("\r", "\n")
        assert hand.rows == ["› [pasted 465 lines · 20 kB]"]
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
        assert hand.rows == ["› [b]bold[/b] [/nope] [@click=app.quit]x"]
        hand.prompt.load("[b]bold[/b] [/nope]")
        await hand.pilot.pause()
        assert hand.rows == ["› [b]bold[/b] [/nope]"]


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
        await hand.paste(LONG)
        draft = hand.prompt.draft
    async with at_the_prompt() as hand:
        hand.prompt.load(draft, owner="conversation 2")
        await hand.pilot.pause()
        assert hand.rows == ["› [pasted 1,204 lines · 11 kB]"]
        assert hand.prompt.text == f"read {LONG}"
        assert hand.all_posted() == []
        await hand.write("!")
        changed = await hand.posted(Prompt.Changed)
        assert (changed.text, changed.owner) == (f"read {LONG}!", "conversation 2")


async def test_recalled_prompt_keeps_its_pastes_folded_at_their_place() -> None:
    async with at_the_prompt() as hand:
        await hand.write("read ")
        await hand.paste(LONG)
        await hand.press("enter", "up")
        await hand.posted(Prompt.Sent)
        assert hand.rows == ["› read [pasted 1,204 lines · 11 kB]"]


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
            assert hand.rows[-1].strip() == "row 29", "the cursor's row is in sight"
            hand.prompt.load("")
            await hand.pilot.pause()
            assert hand.prompt.region.height == 3


async def test_long_line_wraps_and_grows_the_prompt() -> None:
    async with at_the_prompt(size=(40, 24)) as hand:
        await hand.paste("seven words that do not fit in one row of forty cells")
        assert len(hand.rows) == 2


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
        assert hand.rows == ["› Ask qwen3:8b · / for commands"]
        await hand.write("x")
        assert hand.rows == ["› x"]


async def test_click_on_the_frame_gives_the_focus_to_the_prompt() -> None:
    async with at_the_prompt() as hand:
        hand.app.query_one(Input).focus()
        await hand.pilot.click(Prompt, offset=(1, 1))
        assert hand.prompt.is_active


async def test_ascii_glyphs_draw_everything_in_ascii() -> None:
    async with at_the_prompt(glyphs=ASCII) as hand:
        hand.prompt.load(LONG)
        await hand.pilot.pause()
        strips = hand.app.screen._compositor.render_strips()[hand.prompt.region.y :]
        assert all(segment.text.isascii() for strip in strips for segment in strip)
        assert hand.rows == ["> [pasted 1,204 lines - 11 kB]"]


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
