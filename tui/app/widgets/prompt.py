"""The prompt: where a person writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self, TypeAlias

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui.app.glyphs import UNICODE, Glyphs
from tui.app.widgets import prompt_messages
from tui.app.widgets.paste import DEFAULT_TIMING, BurstTiming
from tui.app.widgets.prompt_area import PromptArea
from tui.cleaning import clean_line

_PLACEHOLDER_CELLS = 200


class Prompt(Widget):
    """A frame with the marker ``›`` and a text that grows to a third of the window.

    The widget empties itself when it has posted ``Sent``; whoever cannot take the text gives it back with ``load``.
    """

    DEFAULT_CSS = """
    Prompt {
        layout: horizontal; height: auto; width: 1fr; padding: 0 0 0 1;
        border: round $role-border; background: $role-background; color: $role-foreground;
        &.-ascii { border: ascii $role-border; }
        &:focus-within { border: round $role-accent; }
        &.-ascii:focus-within { border: ascii $role-accent; }
        & > .prompt--marker { width: 2; height: 1; color: $role-muted; background: $role-background; }
        &:focus-within > .prompt--marker { color: $role-accent; }
    }
    """

    Sent: TypeAlias = prompt_messages.Sent
    Changed: TypeAlias = prompt_messages.Changed
    Emptied: TypeAlias = prompt_messages.Emptied
    EnterOnEmpty: TypeAlias = prompt_messages.EnterOnEmpty
    TakeBack: TypeAlias = prompt_messages.TakeBack

    def __init__(
        self,
        *,
        placeholder: str = "",
        glyphs: Glyphs = UNICODE,
        timing: BurstTiming = DEFAULT_TIMING,
        clock: Callable[[], float] = time.monotonic,
        name: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """``clock`` is the one that Textual stamps its events with, in seconds."""
        super().__init__(name=name, id=id, classes=classes)
        self._area = PromptArea(separator=glyphs.separator, timing=timing, clock=clock)
        self._marker = Static(glyphs.prompt, markup=False, classes="prompt--marker")
        self.set_class(glyphs.prompt.isascii(), "-ascii")
        self.set_placeholder(placeholder)

    def compose(self) -> ComposeResult:
        yield self._marker
        yield self._area

    def focus(self, scroll_visible: bool = True) -> Self:
        self._area.focus(scroll_visible)
        return self

    def on_click(self) -> None:
        self.focus()

    @property
    def text(self) -> str:
        """Everything in the prompt, every paste in full."""
        return self._area.full_text

    @property
    def draft(self) -> str:
        """The text to keep when the screen is left: ``text``, unless an unchanged earlier prompt is looked at."""
        return self._area.draft

    @property
    def selected_text(self) -> str:
        """What is selected, every paste in full; empty when nothing is."""
        return self._area.selected_text

    @property
    def is_empty(self) -> bool:
        return self._area.is_empty

    @property
    def has_paste(self) -> bool:
        """Whether there is a folded paste to open."""
        return self._area.has_paste

    @property
    def is_typed(self) -> bool:
        """Whether the text begins with what a hand wrote: not with a paste, an earlier prompt, or what was stored."""
        return self._area.is_typed

    @property
    def is_active(self) -> bool:
        """Whether keys go here."""
        return self._area.has_focus

    @property
    def history(self) -> tuple[str, ...]:
        """Earlier prompts, oldest first, and those that were cleared here."""
        return self._area.prompts.entries

    @property
    def takes_back(self) -> bool:
        """Whether Up at the top posts ``TakeBack`` instead of recalling: there is a queued prompt."""
        return self._area.takes_back

    @takes_back.setter
    def takes_back(self, value: bool) -> None:
        self._area.takes_back = value

    @property
    def enter_sends(self) -> bool:
        """Whether Enter sends; else it makes a new line, and Ctrl+Enter, Escape Enter, or Ctrl+D on text send."""
        return self._area.enter_sends

    @enter_sends.setter
    def enter_sends(self, value: bool) -> None:
        self._area.enter_sends = value

    def share_keys(self, *, step: Callable[[int], bool], enter: Callable[[], bool]) -> None:
        """Up and Down (-1 and 1) and Enter go to these first, and no further where they give True."""
        self._area.steps_elsewhere, self._area.enters_elsewhere = step, enter

    def type(self, text: str) -> None:
        """Put ``text`` at the cursor, as if it was typed here."""
        self._area.type(text)

    @property
    def at_word(self) -> str | None:
        """What a hand has just written behind an ``@``; None when it has not."""
        return self._area.at_word

    def replace_at_word(self, written: str) -> None:
        """Another word in its place, as if it was typed."""
        self._area.replace_at_word(written)

    def put_mark(self, written: str, *, instead_of: str = "") -> bool:
        """What is attached, as it is written, at the cursor or in the place of a text; False when that is gone."""
        return self._area.put_mark(written, instead_of=instead_of)

    def load(self, text: str, *, owner: str | None = None, is_restored: bool = False) -> None:
        """Replace the text, cursor at its end; posts nothing.

        A long text becomes a chip. ``owner`` names what the text belongs to (a conversation's id) in later messages;
        None keeps the name given last. ``is_restored`` for what was written at another time: it is not ``is_typed``.
        """
        area = self._area
        area.prompts = area.prompts.left()
        area.owner = area.owner if owner is None else owner
        area.show_text(text, is_typed=not is_restored)

    def remember(self, text: str) -> None:
        """Up brings it, though it was never sent."""
        self._area.prompts = self._area.prompts.cleared(text)

    def clear_into_history(self) -> None:
        """Empty the prompt; Up brings the text back."""
        self._area.clear_into_history()

    def set_history(self, prompts: tuple[str, ...]) -> None:
        """Earlier prompts, oldest first. What was cleared here and never sent stays, as the newest."""
        self._area.prompts = self._area.prompts.with_entries(prompts)

    def set_placeholder(self, text: str) -> None:
        """What an empty prompt says, one line, never read as markup."""
        self._area.placeholder = Content(clean_line(text, _PLACEHOLDER_CELLS))

    def open_paste(self) -> bool:
        """Put the paste nearest the cursor into the text; False when there is none."""
        if not self.has_paste:
            return False
        self._area.action_open_paste()
        return True
