"""The editor inside the prompt: keys, pastes, earlier prompts, and what the screen is told about them."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Location, Selection

from tui.app.terminal.bound_keys import run_bound
from tui.app.terminal.key_messages import TypedText
from tui.app.widgets.paste import DEFAULT_TIMING, Act, BurstTiming, Insert, KeyBurst, is_long
from tui.app.widgets.prompt_history import PromptHistory
from tui.app.widgets.prompt_messages import Changed, Emptied, EnterOnEmpty, Sent, TakeBack
from tui.app.widgets.shell_editing import ShellEditing
from tui.cleaning import clean

CHANGED_SECONDS = 0.25
# Textual divides by a timer's length.
_SOONEST_SECONDS = 0.001
_NO_TEXT_WITH = ("alt", "ctrl", "super", "hyper", "meta")
_AT_WORD = re.compile(r"(?:^|[\s([{\"'])@((?:\\.|[^\s\\@])*)$")
_NEWLINE_KEYS = "ctrl+j,shift+enter"
_UNDO_KEYS = "ctrl+underscore,ctrl+shift+minus,ctrl+shift+underscore,ctrl+slash"


def _key(keys: str, action: str, name: str, description: str) -> Binding:
    return Binding(keys, action, description, show=False, id=f"prompt.{name}")


class PromptArea(ShellEditing, inherit_bindings=False):
    """The editor inside the prompt. Its document holds *folded* text (see ``Chips``), cleaned, with newlines only."""

    DEFAULT_CSS = """
    PromptArea, PromptArea:focus, PromptArea:ansi {
        height: auto; min-height: 1; width: 1fr; border: none; padding: 0;
        background: $role-background; color: $role-foreground;
        overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 0;
        & .text-area--cursor { color: $role-foreground; background: $role-background; text-style: reverse; }
        & .text-area--selection { background: $role-selection; color: $role-foreground; text-style: none; }
        & .text-area--placeholder { color: $role-muted; background: $role-background; }
        & .prompt--chip { color: $role-accent; background: $role-background; }
    }
    PromptArea:ansi .text-area--selection { background: $role-background; text-style: reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("enter", "enter", "send", "send"),
        _key(_NEWLINE_KEYS, "newline", "newline", "new line"),
        _key("alt+enter,ctrl+enter", "other_enter", "other_enter", "new line"),
        _key("up", "previous", "previous", "up, at the top the earlier prompt"),
        _key("down", "next", "next", "down, at the end the later prompt"),
        _key("alt+x", "open_paste", "open_paste", "open the paste"),
        _key("left", "cursor_left", "left", "left"),
        _key("right", "cursor_right", "right", "right"),
        _key("ctrl+left,alt+b,alt+left", "cursor_word_left", "word_left", "back a word"),
        _key("ctrl+right,alt+f,alt+right", "cursor_word_right", "word_right", "forward a word"),
        _key("home,ctrl+a", "line_start", "line_start", "start of the line"),
        _key("end,ctrl+e", "line_end", "line_end", "end of the line"),
        _key("backspace,shift+backspace", "delete_left", "delete_left", "delete to the left"),
        _key("delete", "delete_right", "delete_right", "delete to the right"),
        _key("ctrl+d", "delete_or_send", "delete_or_send", "delete to the right"),
        _key("ctrl+w,alt+backspace,ctrl+backspace", "kill_word_left", "kill_word_left", "take the word before"),
        _key("alt+d,alt+delete,ctrl+delete", "kill_word_right", "kill_word_right", "take the word after"),
        _key("ctrl+u,super+backspace", "kill_to_start", "kill_to_start", "take the line up to here"),
        _key("ctrl+k", "kill_to_end", "kill_to_end", "take the rest of the line"),
        _key("ctrl+y", "yank", "yank", "put back what was taken"),
        _key(_UNDO_KEYS, "undo", "undo", "undo"),
        _key("ctrl+shift+z", "redo", "redo", "redo"),
        _key("shift+left", "cursor_left(True)", "select_left", "select to the left"),
        _key("shift+right", "cursor_right(True)", "select_right", "select to the right"),
        _key("shift+up", "cursor_up(True)", "select_up", "select up"),
        _key("shift+down", "cursor_down(True)", "select_down", "select down"),
        _key("ctrl+shift+left", "cursor_word_left(True)", "select_word_left", "select a word back"),
        _key("ctrl+shift+right", "cursor_word_right(True)", "select_word_right", "select a word forward"),
        _key("shift+home", "line_start(True)", "select_to_start", "select to the start of the line"),
        _key("shift+end", "line_end(True)", "select_to_end", "select to the end of the line"),
        _key("ctrl+shift+a", "select_all", "select_all", "select all"),
        _key("ctrl+x,super+x", "cut", "cut", "cut the selection"),
        _key("ctrl+v,super+v", "paste", "paste", "paste what was copied here"),
    ]

    takes_typed_text = True
    takes_back: bool
    """Whether Up at the top, while no earlier prompt is looked at, posts ``TakeBack``."""
    steps_elsewhere: Callable[[int], bool]
    """Asked first at Up (-1) and Down (1): whether they moved something else."""
    enters_elsewhere: Callable[[], bool]
    """Asked first at Enter: whether it took something else."""
    enter_sends: bool
    """Else it makes a new line in a text, and what else makes one sends: Ctrl+Enter, Escape Enter, and Ctrl+D."""
    owner: str
    """What the text belongs to, for messages."""
    prompts: PromptHistory

    def __init__(
        self, *, separator: str = "·", timing: BurstTiming = DEFAULT_TIMING, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(separator=separator)
        self.cursor_blink = False
        self.match_cursor_bracket = False
        self.takes_back = False
        self.enter_sends = True
        self.steps_elsewhere = lambda _steps: False
        self.enters_elsewhere = lambda: False
        self.owner = ""
        self.prompts = PromptHistory()
        self._clock = clock
        self._burst = KeyBurst(timing)
        self._burst_timer: Timer | None = None
        self._changed_timer: Timer | None = None
        self._changed_at_seconds = float("-inf")
        self._was_empty = True
        self._begins_by_hand = False
        """What stands first was typed there."""
        self._has_other_text = False
        """Something came into the text in another way than by typing."""
        self._is_typing = False
        """The last thing that happened to the text is that a hand wrote or deleted a letter."""
        self._cleared = ""
        """What was cleared last; nothing has come into the prompt since then."""
        self._cleared_was_typed = True

    # --- the text

    @property
    def full_text(self) -> str:
        """The text with every paste in full, also of keys that are still being collected."""
        waiting = self._burst.waiting
        if not waiting:
            return self._chips.unfold(self.document.text)
        start, end = sorted(self.selection)
        before = self.document.get_text_range((0, 0), start)
        after = self.document.get_text_range(end, self.document.end)
        return self._chips.unfold(before) + waiting + self._chips.unfold(after)

    @property
    def draft(self) -> str:
        """The text to keep: while an earlier prompt is looked at and not changed, the one not sent yet."""
        text = self.full_text
        browsing = self.prompts.position < len(self.prompts.entries)
        if browsing and text == self.prompts.entries[self.prompts.position]:
            return dict(self.prompts.changed).get(len(self.prompts.entries), "")
        return text

    @property
    def is_typed(self) -> bool:
        return self._begins_by_hand or not self._has_other_text

    @property
    def is_empty(self) -> bool:
        return super().is_empty and not self._burst.waiting

    def show_text(self, text: str, *, is_typed: bool) -> None:
        """Replace everything without a word to the screen; the cursor goes to the end, there is nothing to undo."""
        self._begins_by_hand = self._is_typing = False
        self._cleared = ""
        self._has_other_text = bool(text) and not is_typed
        self._burst.forget()
        self._chips.keep(self._killed)
        with self.prevent(TextArea.Changed, TextArea.SelectionChanged):
            self.load_text(self._chips.fold_written(text))
            self.move_cursor(self.document.end)
        self._edits += 1
        self._was_empty = not text
        self._drop_changed_timer()

    @property
    def at_word(self) -> str | None:
        """What a hand has written behind an ``@`` up to the cursor, blanks after a backslash; None where it has not."""
        row, column = self.cursor_location
        if not self._is_typing or not self.selection.is_empty:
            return None
        found = _AT_WORD.search(self.document[row][:column])
        return None if found is None else found[1]

    def replace_at_word(self, written: str) -> None:
        """Another word behind the ``@``, as if it was typed. Nothing where there is no such word."""
        word = self.at_word
        if word is not None:
            row, column = self.cursor_location
            self.replace(written, (row, column - len(word)), (row, column), maintain_selection_offset=False)
            self._is_typing = True

    def put_mark(self, written: str, *, instead_of: str = "") -> bool:
        """A mark at the cursor, or at the place of a text that stands there; False when that is gone.

        Behind it there is a blank, to go on writing.
        """
        place = self.selection if not instead_of else self._place_of(instead_of)
        if place is None:
            return False
        start, end = sorted(place)
        after = self.document[end[0]][end[1] : end[1] + 1]
        run = self._chips.fold_written(written) + ("" if after[:1].isspace() else " ")
        self.replace(run, start, end, maintain_selection_offset=bool(instead_of) and self.cursor_location > end)
        self._has_other_text = True
        return True

    def _place_of(self, text: str) -> Selection | None:
        for row in range(self.document.line_count):
            column = self.document[row].find(text)
            if column >= 0:
                return Selection((row, column), (row, column + len(text)))
        return None

    def edit(self, edit: Edit) -> EditResult:
        result = super().edit(edit)
        self._is_typing = self._is_typing and not edit.text
        self._cleared = ""
        if min(edit.from_location, edit.to_location) == (0, 0):
            self._begins_by_hand = False
        return result

    # --- keys

    async def on_key(self, event: events.Key) -> None:
        # TextArea would type the letter of an Alt+letter and make a newline of every Enter.
        event.prevent_default()
        if not self.screen.is_active:
            await self._pass_on(event)
            return
        # xterm's modifyOtherKeys arrives as "ctrl+\r".
        key = event.key.replace("\r", "enter")
        acts = self._text_acts(key, event)
        if acts is not None:
            event.stop()
            await self._perform(acts)
            self._watch_burst()
            return
        await self._perform(self._burst.other_key())
        # Run here and not when the key has bubbled up to the app: the next key may already be waiting in this queue.
        if await run_bound(self.app, key):
            event.stop()

    async def _pass_on(self, event: events.Key) -> None:
        """To the screen that the key before this one has brought up."""
        event.stop()
        copy = event.copy()
        copy.time = event.time
        await self.app.on_event(copy)

    async def on_typed_text(self, event: TypedText) -> None:
        event.stop()
        if not self.screen.is_active:
            for key in event.single_keys():
                await self.app.on_event(key)
            return
        await self._perform(self._burst.text(event.text, event.time))
        self._watch_burst()

    def _text_acts(self, key: str, event: events.Key) -> list[Act] | None:
        """What to do now about a key that may be text, None for any other."""
        if key == "enter":
            return self._burst.carriage_return(event.time)
        if key == "tab":
            return self._burst.tab(event.time)
        if key == "ctrl+j":
            return self._burst.line_feed(event.time)
        character = event.character
        if character is None or len(character) != 1 or unicodedata.category(character) == "Cc":
            return None
        if any(modifier in _NO_TEXT_WITH for modifier in key.split("+")[:-1]):
            return None
        return self._burst.character(character, event.time)

    async def _perform(self, acts: list[Act]) -> None:
        for act in acts:
            if isinstance(act, Insert):
                self._insert(act, by_hand=True)
            elif act.key == "tab":
                await self._run_elsewhere(act.key)
            elif not await self._run_bound(act.key):
                self.action_newline()

    async def _run_bound(self, key: str) -> bool:
        """Run what the key is bound to in this widget; False where it is not or the action passes it on."""
        active = self.screen.active_bindings.get(key)
        if active is None or active.node is not self or not active.enabled:
            return False
        return await self.app.run_action(active.binding.action, self)

    async def _run_elsewhere(self, key: str) -> None:
        """Run what the key is bound to elsewhere: it was held back here and does not bubble any more.

        That Textual would move the focus with it does not count: the prompt keeps that.
        """
        active = self.screen.active_bindings.get(key)
        if active is not None and active.enabled and not active.binding.action.startswith("app.focus"):
            await self.app.run_action(active.binding.action, active.node)

    def _watch_burst(self) -> None:
        deadline = self._burst.deadline_seconds
        if deadline is not None and self._burst_timer is None:
            self._burst_timer = self.set_timer(max(_SOONEST_SECONDS, deadline - self._clock()), self._burst_is_due)

    def _burst_is_due(self) -> None:
        self._burst_timer = None
        # Keys that have arrived may still be in the app's queue and then in this one: the question goes behind them.
        self.app.call_later(self.call_later, self._end_burst)

    async def _end_burst(self) -> None:
        await self._perform(self._burst.tick(self._clock()))
        self._watch_burst()

    # --- what is typed and pasted

    def type(self, text: str) -> None:
        """As if the keys were pressed here."""
        self._insert(Insert(text=text), by_hand=True)

    def _insert(self, act: Insert, *, by_hand: bool) -> None:
        start, end = sorted(self.selection)
        text = act.text
        if act.before and is_long(act.before + text):
            beginning = self._beginning_of(clean(act.before), start)
            if beginning is not None:
                start, text = beginning, act.before + text
        self.replace(self._chips.fold(text), start, end, maintain_selection_offset=False)
        self._is_typing = by_hand
        self._has_other_text |= not by_hand
        if start == (0, 0):
            self._begins_by_hand = by_hand

    def _beginning_of(self, text: str, end: Location) -> Location | None:
        """Where ``text`` begins if it stands right before ``end``."""
        row = end[0] - text.count("\n")
        if row < 0:
            return None
        line_end = end[1] if row == end[0] else len(self.document[row])
        column = line_end - len(text.split("\n", 1)[0])
        if column < 0 or self.document.get_text_range((row, column), end) != text:
            return None
        return row, column

    async def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        await self._perform(self._burst.other_key())
        self._insert(Insert(text=event.text), by_hand=False)

    def action_paste(self) -> None:
        self._insert(Insert(text=self.app.clipboard), by_hand=False)

    def action_cut(self) -> None:
        if self.selection.is_empty:
            raise SkipAction
        self.app.copy_to_clipboard(self.selected_text)
        self.replace("", *self.selection, maintain_selection_offset=False)

    # --- sending, and earlier prompts

    def action_enter(self) -> None:
        if self.enters_elsewhere():
            return
        if self.enter_sends or self.is_empty:
            self.action_send()
        else:
            self.action_newline()

    def action_other_enter(self) -> None:
        if self.enter_sends:
            self.action_newline()
        else:
            self.action_send()

    def action_delete_or_send(self) -> None:
        if self.enter_sends or self.is_empty:
            self.action_delete_right()
        else:
            self.action_send()

    def action_send(self) -> None:
        row, column = self.cursor_location
        line = self.document[row]
        if self.selection.is_empty and column == len(line) and line.endswith("\\"):
            self.replace("\n", (row, column - 1), (row, column), maintain_selection_offset=False)
            return
        text = self.full_text
        if not text.strip():
            self.post_message(EnterOnEmpty())
            return
        is_typed = self.is_typed
        self.prompts = self.prompts.sent(text)
        self.show_text("", is_typed=True)
        self.post_message(Sent(text, owner=self.owner, is_typed=is_typed))
        self._post_emptied()

    def clear_into_history(self) -> None:
        text = self.full_text
        if self.is_empty:
            return
        is_typed = self.is_typed
        self.prompts = self.prompts.cleared(text)
        self.show_text("", is_typed=True)
        self._cleared, self._cleared_was_typed = text, is_typed
        self._post_emptied()

    def action_newline(self) -> None:
        self.replace("\n", *self.selection, maintain_selection_offset=False)

    def action_previous(self) -> None:
        if self.steps_elsewhere(-1):
            return
        if not self.selection.is_empty or not self.navigator.is_first_wrapped_line(self.cursor_location):
            self.action_cursor_up()
        elif self.takes_back and self.prompts.position == len(self.prompts.entries):
            self.post_message(TakeBack())
        elif (history := self.prompts.earlier(self.full_text)) is not None:
            self._recall(history)
        else:
            self.action_cursor_up()

    def action_next(self) -> None:
        if self.steps_elsewhere(1):
            return
        if not self.selection.is_empty or not self.navigator.is_last_wrapped_line(self.cursor_location):
            self.action_cursor_down()
        elif (history := self.prompts.later(self.full_text)) is not None:
            self._recall(history)
        else:
            self.action_cursor_down()

    def _recall(self, history: PromptHistory) -> None:
        self.prompts = history
        was_empty = self.is_empty
        self.show_text(history.shown, is_typed=False)
        self._was_empty = was_empty
        self._note_change()

    def action_yank(self) -> None:
        super().action_yank()
        self._has_other_text = True

    def action_undo(self) -> None:
        """What was cleared comes back; with nothing here to undo the key belongs to the app."""
        if self.is_empty and self._cleared:
            self._bring_back_cleared()
            return
        if not self.history.undo_stack:
            raise SkipAction
        self._edits += 1
        self._begins_by_hand = False
        self.undo()

    def _bring_back_cleared(self) -> None:
        text, is_typed = self._cleared, self._cleared_was_typed
        self.prompts = self.prompts.left()
        self.show_text(text, is_typed=is_typed)
        self._begins_by_hand = is_typed
        self._was_empty = True
        self._note_change()

    def action_redo(self) -> None:
        self._edits += 1
        self._begins_by_hand = False
        self.redo()

    # --- what the screen is told

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._note_change()

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        event.stop()

    def on_blur(self) -> None:
        if self._changed_timer is not None:
            self._post_changed()
        if self.is_empty:
            # Whoever comes back to an empty prompt and undoes means what they did elsewhere.
            self.history.clear()
            self._cleared = ""

    def _note_change(self) -> None:
        if self.is_empty:
            if not self._was_empty:
                self._post_emptied()
            return
        self._was_empty = False
        if self._changed_timer is not None:
            return
        wait_seconds = self._changed_at_seconds + CHANGED_SECONDS - self._clock()
        if wait_seconds <= 0:
            self._post_changed()
        else:
            self._changed_timer = self.set_timer(max(_SOONEST_SECONDS, wait_seconds), self._post_changed)

    def _post_changed(self) -> None:
        self._drop_changed_timer()
        self._changed_at_seconds = self._clock()
        self.post_message(Changed(self.draft, owner=self.owner))

    def _post_emptied(self) -> None:
        self._was_empty = True
        self._post_changed()
        self.post_message(Emptied())

    def _drop_changed_timer(self) -> None:
        if self._changed_timer is not None:
            self._changed_timer.stop()
            self._changed_timer = None
