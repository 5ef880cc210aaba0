"""The tools of a conversation: which are on, where they come from, what they can do, and which run without asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.chat.tool_shelf import ToolSet, with_tools
from tui.cleaning import clean, clean_line
from tui.conversations.control import Control
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.theming.values import Theme
from tui.tools.declared import Effect, Tool

CHOICE = "choice:"
FILE = "file:"
UNREADY = "unready:"
PROBLEM = "problem:"
ABOUT_CELLS = 160
NOTE_CELLS = 400
EFFECT_CELLS = 12
EFFECT_WORDS = {
    Effect.harmless: "only reads or computes",
    Effect.reaches_out: "reaches out to another machine",
    Effect.acts: "can change things",
}


class ToolsScreen(ListScreen):
    """Gives back ``file:`` and a hash for a file of one's own that is to be looked through; else None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+w", "rule", show=False, priority=True, id="tools.rule"),
        Binding("alt+o", "only", show=False, priority=True, id="tools.only"),
        Binding("alt+r", "look_again", show=False, priority=True, id="list.refresh"),
    ]

    def __init__(
        self,
        *,
        read: Callable[[], Awaitable[ToolSet]],
        control: Callable[[], Control],
        use: Callable[[Control], None],
        folder: str,
        warning: str = "",
        theme: Theme,
        glyphs: Glyphs,
    ) -> None:
        """``use`` takes what is changed here; ``folder`` is where one's own go; ``warning`` is about the model, clean."""
        super().__init__(title="Tools", theme=theme, glyphs=glyphs)
        self._read = read
        self._control = control
        self._use_control = use
        self._folder = folder
        self._warning = warning
        self._set: ToolSet | None = None

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._look(), group="tools", exclusive=True)

    @property
    def is_reading(self) -> bool:
        return self._set is None

    async def _look(self) -> None:
        self._set = await self._read()
        self.refresh_rows()
        self._show_counts()

    def _show_counts(self) -> None:
        on = len(self._control().tools)
        self.show_counts(f"{plural(on, 'tool')} on" if on else "none on")

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        found = self._set
        if found is None:
            return ()
        words = typed.casefold().split()
        rows = [(f"{tool.name} {tool.description} {tool.source}", self._row(tool, typed)) for tool in found.tools]
        rows += [(name, self._unready_row(name)) for name in found.unready]
        rows += [
            (file.path.name, self._plain_row(f"{FILE}{file.sha256}", file.path.name, "not looked through yet"))
            for file in found.unconfirmed
        ]
        gone = [name for name in self._control().tools if found.why_not(name) is not None and name not in found.unready]
        rows += [(name, self._plain_row(f"{UNREADY}{name}", name, "on, and not there")) for name in gone]
        rows += [
            (one.title, self._plain_row(f"{PROBLEM}{number}", one.title, one.message))
            for number, one in enumerate(found.problems)
        ]
        rows.append((f"tool choice {self._choice_words()}", self._choice_row()))
        return tuple(row for text, row in rows if all(word in text.casefold() for word in words))

    def _choice_words(self) -> str:
        choice = self._control().tool_choice
        if choice == "none":
            return "none: no tool is offered"
        return f"only {clean_line(choice, 40)}" if choice else "auto: all that are on are offered"

    def _choice_row(self) -> Row:
        return Row(
            key=CHOICE, left=((f"   {self._padded('tool choice')}", "foreground"), (self._choice_words(), "muted"))
        )

    def _padded(self, name: str) -> str:
        """With as many spaces behind it that what follows stands in one column."""
        names = () if self._set is None else (*(tool.name for tool in self._set.tools), *self._set.unready)
        return name + " " * (max((len(one) for one in names), default=0) - len(name) + 2)

    def _row(self, tool: Tool, typed: str) -> Row:
        control = self._control()
        is_on = tool.name in control.tools
        mark = (f" {self.glyphs.done} ", "success") if is_on else ("   ", "muted")
        about = clean(tool.description).split("\n")[0]
        is_allowed = tool.effect is Effect.harmless and tool.name in control.allowed_tools
        asks = "without asking" if is_allowed else "asks"
        return Row(
            key=tool.name,
            left=(
                mark,
                *highlight(tool.name, typed.strip(), "foreground"),
                (f"{self._padded(tool.name)[len(tool.name) :]}{clean_line(about, 80)}", "muted"),
            ),
            right=(
                (f" {tool.effect} {self.glyphs.separator} ", "muted"),
                (f"{asks} ", "accent" if is_allowed else "muted"),
            ),
        )

    def _unready_row(self, name: str) -> Row:
        is_on = name in self._control().tools
        mark = (f" {self.glyphs.done} ", "warning") if is_on else ("   ", "muted")
        return Row(key=f"{UNREADY}{name}", left=(mark, (f"{self._padded(name)}cannot be used yet", "muted")))

    def _plain_row(self, key: str, name: str, more: str) -> Row:
        parts = ((f"   {clean_line(name, 80)}", "warning"), (f"  {clean_line(more, ABOUT_CELLS)}", "muted"))
        return Row(key=key, left=parts)

    def note_for(self, key: str) -> Parts:
        if self._set is None:
            return (("reading", "muted"),)
        if not key:
            return (("nothing fits", "muted"),)
        if key == CHOICE:
            own = f"your own go into {clean_line(self._folder, 200)}"
            words = f"no server enforces it: a model may still call none {self.glyphs.separator} {own}"
            return ((self._warning, "warning"),) if self._warning else ((words, "muted"),)
        tool = self._set.find(key)
        if tool is not None:
            where = "built in" if tool.source == "built in" else f"from {clean_line(tool.source, 100)}"
            asks = "it may run without asking" if tool.effect is Effect.harmless else "it asks each time"
            words = f" {self.glyphs.separator} ".join((where, EFFECT_WORDS[tool.effect], asks))
            return ((words, "muted"),)
        kind, _, rest = key.partition(":")
        if kind == "file":
            return ((f"enter looks through it; it is in {clean_line(self._folder, 200)}", "muted"),)
        failure = self._failure(f"{kind}:", rest)
        return ((clean_line(" · ".join(filter(None, (failure.message, failure.advice))), NOTE_CELLS), "warning"),)

    def _failure(self, kind: str, rest: str) -> Failure:
        assert self._set is not None
        if kind == PROBLEM:
            return self._set.problems[int(rest)]
        return self._set.why_not(rest) or Failure(rest)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        key = self.list.marked
        tool = None if self._set is None else self._set.find(key)
        if tool is not None:
            control = self._control()
            is_on = tool.name in control.tools
            keys = [("enter", "off" if is_on else "on")]
            if is_on and tool.effect is Effect.harmless:
                keys.append(("alt+w", "ask again" if tool.name in control.allowed_tools else "without asking"))
            if is_on:
                keys.append(("alt+o", "all that are on" if control.tool_choice == tool.name else "only this one"))
            return (*keys, ("esc", "back"))
        if key == CHOICE:
            return (("enter", "all" if self._control().tool_choice else "none"), ("esc", "back"))
        if key.startswith(FILE):
            return (("enter", "look through it"), ("esc", "back"))
        is_gone = key.startswith(UNREADY) and key.removeprefix(UNREADY) in self._control().tools
        return (("enter", "off"), ("esc", "back")) if is_gone else (("esc", "back"),)

    def choose(self, key: str) -> None:
        control = self._control()
        if key.startswith(FILE):
            self.dismiss(key)
        elif key == CHOICE:
            self._change(replace(control, tool_choice="" if control.tool_choice else "none"))
        elif key.startswith(UNREADY):
            self._change(with_tools(control, (one for one in control.tools if one != key.removeprefix(UNREADY))))
        elif not key.startswith(PROBLEM):
            is_on = key in control.tools
            names = [one for one in control.tools if one != key] if is_on else [*control.tools, key]
            self._change(with_tools(control, names))

    def action_rule(self) -> None:
        """Only for one that is on and harmless: there is no rule for any other."""
        control = self._control()
        tool = None if self._set is None else self._set.find(self.list.marked)
        if tool is None or tool.effect is not Effect.harmless or tool.name not in control.tools:
            return
        others = tuple(one for one in control.allowed_tools if one != tool.name)
        is_allowed = tool.name in control.allowed_tools
        self._change(replace(control, allowed_tools=others if is_allowed else (*others, tool.name)))

    def action_only(self) -> None:
        control, key = self._control(), self.list.marked
        if key in control.tools:
            self._change(replace(control, tool_choice="" if control.tool_choice == key else key))

    def action_look_again(self) -> None:
        self.run_worker(self._look(), group="tools", exclusive=True)

    def _change(self, control: Control) -> None:
        self._use_control(control)
        self.refresh_rows(keep=self.list.marked)
        self._show_counts()
