"""The editor inside the prompt: keys, pastes, earlier prompts, and what the screen is told about them."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Location, Selection

from tui.app.widgets.paste import DEFAULT_TIMING, Act, BurstTiming, Chips, Insert, KeyBurst, is_long
from tui.app.widgets.prompt_history import PromptHistory
from tui.cleaning import clean

CHANGED_SECONDS = 0.25
# Textual divides by a timer's length.
_SOONEST_SECONDS = 0.001
_FRAME_ROWS = 2
_NO_TEXT_WITH = ("alt", "ctrl", "super", "hyper", "meta")
_SPACES_AT_END = re.compile(r"\s*\Z")
_WORD_AHEAD = re.compile(r"\W*\w+")
_NEWLINE_KEYS = "ctrl+j,alt+enter,shift+enter,ctrl+enter"
_UNDO_KEYS = "ctrl+underscore,ctrl+shift+minus,ctrl+shift+underscore,ctrl+slash"


def _key(keys: str, action: str, name: str, description: str) -> Binding:
    return Binding(keys, action, description, show=False, id=f"prompt.{name}")


class Sent(Message, namespace="prompt"):
    """A person sent the prompt."""

    def __init__(self, text: str, *, owner: str = "", is_typed: bool = True) -> None:
        """``text`` is as typed, every paste in full; ``owner`` is what ``load`` was given last.

        ``is_typed`` is False for a text whose beginning was pasted, recalled or restored: it is no command.
        """
        super().__init__()
        self.text = text
        self.owner = owner
        self.is_typed = is_typed


class Changed(Message, namespace="prompt"):
    """The draft changed: at once, then at most every 250 ms, the newest text last.

    Whoever takes the prompt away reads ``Prompt.draft`` first: what changed since the last message is not posted then.
    """

    def __init__(self, text: str, *, owner: str = "") -> None:
        """``text`` is ``Prompt.draft``; ``owner`` says whose, should another text be shown by the time this is read."""
        super().__init__()
        self.text = text
        self.owner = owner


class Emptied(Message, namespace="prompt"):
    """The last character went, or the prompt was sent or cleared."""


class EnterOnEmpty(Message, namespace="prompt"):
    """Enter in a prompt with nothing but blanks."""


class TakeBack(Message, namespace="prompt"):
    """Up in an empty prompt while ``takes_back``: what was queued is wanted here, by ``load``."""


class PromptArea(TextArea, inherit_bindings=False):
    """The editor inside the prompt. Its document holds *folded* text (see ``Chips``), cleaned, with newlines only."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"prompt--chip"}
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
        _key("enter", "send", "send", "send"),
        _key(_NEWLINE_KEYS, "newline", "newline", "new line"),
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
        _key("delete,ctrl+d", "delete_right", "delete_right", "delete to the right"),
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

    takes_back: bool
    """Whether Up in an empty prompt posts ``TakeBack``."""
    owner: str
    """What the text belongs to, for messages."""
    prompts: PromptHistory

    def __init__(
        self, *, separator: str = "·", timing: BurstTiming = DEFAULT_TIMING, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # TextArea moves its cursor while it is made, and a cursor asks where the chips are.
        self._chips = Chips(separator)
        super().__init__(soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False, tab_behavior="focus")
        self.cursor_blink = False
        self.match_cursor_bracket = False
        self.takes_back = False
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
        self._killed = ""
        self._edits = 0
        self._killed_at: tuple[int, Location] | None = None

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
        return self.document.line_count == 1 and not self.document[0] and not self._burst.waiting

    @property
    def has_paste(self) -> bool:
        return self._chips.unfold(self.document.text) != self.document.text

    @property
    def selected_text(self) -> str:
        return self._chips.unfold(super().selected_text)

    def show_text(self, text: str, *, is_typed: bool) -> None:
        """Replace everything without a word to the screen; the cursor goes to the end, there is nothing to undo."""
        self._begins_by_hand = False
        self._has_other_text = bool(text) and not is_typed
        self._burst.forget()
        self._chips.keep(self._killed)
        with self.prevent(TextArea.Changed, TextArea.SelectionChanged):
            self.load_text(self._chips.fold(text))
            self.move_cursor(self.document.end)
        self._edits += 1
        self._was_empty = not text
        self._drop_changed_timer()

    def edit(self, edit: Edit) -> EditResult:
        edit.from_location, edit.to_location = self._around_chips(edit.from_location, edit.to_location)
        self._edits += 1
        if min(edit.from_location, edit.to_location) == (0, 0):
            self._begins_by_hand = False
        if not self._chips.spans(self.document.get_text_range(edit.from_location, edit.to_location)):
            return super().edit(edit)
        # A step of undo of its own: the letters deleted before and after it come back by themselves.
        self.history.checkpoint()
        result = super().edit(edit)
        self.history.checkpoint()
        return result

    def validate_selection(self, selection: Selection) -> Selection:
        """A cursor is never inside a chip: it jumps to the far end."""
        return Selection(
            self._beside_chip(selection.start, self.selection.start),
            self._beside_chip(selection.end, self.selection.end),
        )

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:
        """None: the search would read the whole text at every move, and nothing shows what it finds."""
        return None

    def _around_chips(self, start: Location, end: Location) -> tuple[Location, Location]:
        if start > end:
            start, end = end, start
        first, last = self._chip_edges(start), self._chip_edges(end)
        if start == end:
            return (last[1], last[1]) if last else (start, end)
        return (first[0] if first else start), (last[1] if last else end)

    def _beside_chip(self, location: Location, before: Location) -> Location:
        edges = self._chip_edges(location)
        if edges is None:
            return location
        left, right = edges
        if before >= right:
            return left
        if before <= left:
            return right
        return left if location[1] - left[1] < right[1] - location[1] else right

    def _chip_edges(self, location: Location) -> tuple[Location, Location] | None:
        """Both ends of the chip that the location is strictly inside."""
        row, column = location
        if not 0 <= row < self.document.line_count:
            return None
        for span in self._chips.spans(self.document[row]):
            if span.start < column < span.end:
                return (row, span.start), (row, span.end)
        return None

    # --- how it looks

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        # Undo shortens the text before it moves the cursor, and asks for the cursor's place in between.
        if self.clamp_visitable(self.cursor_location) != self.cursor_location:
            return Offset()
        return super().scroll_cursor_visible(center, animate)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as the text, at most a third of the window with the frame."""
        rows = super().get_content_height(container, viewport, width)
        return max(1, min(rows, viewport.height // 3 - _FRAME_ROWS))

    def get_line(self, line_index: int) -> Text:
        line = self.document.get_line(line_index)
        text = Text(self._chips.shown(line), end="", no_wrap=True)
        spans = self._chips.spans(line)
        if spans:
            style = self.get_component_rich_style("prompt--chip")
            for span in spans:
                text.stylize(style, span.start, span.end)
        return text

    # --- keys

    async def on_key(self, event: events.Key) -> None:
        # TextArea would type the letter of an Alt+letter and make a newline of every Enter.
        event.prevent_default()
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
        if await self._run_bound(key):
            event.stop()

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

    def action_open_paste(self) -> None:
        """Put the paste under or nearest before the cursor, else the first, into the text; undo folds it again."""
        cursor = self.cursor_location
        places = [
            (row, span) for row in range(self.document.line_count) for span in self._chips.spans(self.document[row])
        ]
        if not places:
            raise SkipAction
        at_or_before = [place for place in places if (place[0], place[1].start) <= cursor]
        row, span = at_or_before[-1] if at_or_before else places[0]
        content = clean(span.chip.content)
        self.replace(content, (row, span.start), (row, span.end), maintain_selection_offset=False)

    # --- sending, and earlier prompts

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
        self.prompts = self.prompts.cleared(text)
        self.show_text("", is_typed=True)
        self._post_emptied()

    def action_newline(self) -> None:
        self.replace("\n", *self.selection, maintain_selection_offset=False)

    def action_previous(self) -> None:
        if not self.selection.is_empty or not self.navigator.is_first_wrapped_line(self.cursor_location):
            self.action_cursor_up()
        elif self.takes_back and self.is_empty:
            self.post_message(TakeBack())
        elif (history := self.prompts.earlier(self.full_text)) is not None:
            self._recall(history)
        else:
            self.action_cursor_up()

    def action_next(self) -> None:
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

    # --- line editing as in a shell

    def action_line_start(self, select: bool = False) -> None:
        self.move_cursor((self.cursor_location[0], 0), select=select)

    def action_line_end(self, select: bool = False) -> None:
        row = self.cursor_location[0]
        self.move_cursor((row, len(self.document[row])), select=select)

    def action_delete_right(self) -> None:
        if self.is_empty:
            raise SkipAction
        super().action_delete_right()

    def action_kill_word_left(self) -> None:
        """Back to the space before, as in a shell; a chip is a word."""
        row, column = self.cursor_location
        if column == 0:
            self._kill(self.get_cursor_left_location(), (row, column), before=True)
            return
        line = self.document[row]
        found = _SPACES_AT_END.search(line, 0, column)
        end = found.start() if found else column
        chip = next((span for span in self._chips.spans(line) if span.end == end), None)
        if chip is not None:
            start = chip.start
        else:
            edges = [span.end for span in self._chips.spans(line) if span.end < end]
            start = max([0, *edges, *(place.end() for place in re.finditer(r"\s", line[:end]))])
        self._kill((row, start), (row, column), before=True)

    def action_kill_word_right(self) -> None:
        row, column = self.cursor_location
        line = self.document[row]
        if column == len(line):
            self._kill((row, column), self.get_cursor_right_location(), before=False)
            return
        spans = (span for span in self._chips.spans(line) if span.end > column)
        limit = next((span.start if span.start > column else span.end for span in spans), len(line))
        found = _WORD_AHEAD.match(line, column, limit)
        self._kill((row, column), (row, found.end() if found else limit), before=False)

    def action_kill_to_start(self) -> None:
        row, column = self.cursor_location
        start = (row, 0) if column else self.get_cursor_left_location()
        self._kill(start, (row, column), before=True)

    def action_kill_to_end(self) -> None:
        row, column = self.cursor_location
        length = len(self.document[row])
        end = (row, length) if column < length else self.get_cursor_right_location()
        self._kill((row, column), end, before=False)

    def _kill(self, start: Location, end: Location, *, before: bool) -> None:
        """Take text out and remember it; what is taken in one go, by several keys, comes back in one go."""
        if not self.selection.is_empty:
            start, end = sorted(self.selection)
        if start == end:
            return
        goes_on = self._killed_at == (self._edits, self.cursor_location)
        taken = self.replace("", start, end, maintain_selection_offset=False).replaced_text
        if not goes_on:
            self._killed = taken
        else:
            self._killed = taken + self._killed if before else self._killed + taken
        self._killed_at = (self._edits, self.cursor_location)

    def action_yank(self) -> None:
        """On an empty prompt the key belongs to the app, except right after a kill."""
        just_killed = self._killed_at == (self._edits, self.cursor_location)
        if not self._killed or (self.is_empty and not just_killed):
            raise SkipAction
        self.replace(self._killed, *self.selection, maintain_selection_offset=False)
        self._has_other_text = True

    def action_undo(self) -> None:
        """With nothing here to undo the key belongs to the app."""
        if not self.history.undo_stack:
            raise SkipAction
        self._edits += 1
        self._begins_by_hand = False
        self.undo()

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
