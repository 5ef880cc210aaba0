"""Who else is to answer: one to three further models or presets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.cleaning import cell_width, clean_line
from tui.metrics.wording import plural
from tui.theming.values import Theme

NAME_CELLS = 60
MORE_CELLS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Texts are cleaned where they are shown."""

    word: str
    """As it stands behind ``/compare``."""
    name: str
    more: str = ""
    right: str = ""
    is_cloud: bool = False


class ComparePicker(ListScreen):
    """Gives back what stands behind ``/compare``: the words of those that were taken, a space between two.

    Tab takes the marked one along; Enter begins, with the marked one when none was taken.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "take", show=False, priority=True)]

    def __init__(
        self,
        *,
        first: str,
        candidates: Sequence[Candidate],
        most: int,
        find_unable: Callable[[Callable[[str], None]], Awaitable[None]],
        theme: Theme,
        glyphs: Glyphs,
    ) -> None:
        """``first`` is who answers in any case, ``most`` how many more there may be.

        ``find_unable`` tells the words of those that turn out not to talk: they leave the list.
        """
        super().__init__(title="Compare", theme=theme, glyphs=glyphs, placeholder="type to filter models and presets")
        self._first = clean_line(first, NAME_CELLS)
        self._candidates = tuple(candidates)
        self._most = most
        self._find_unable = find_unable
        self._taken: tuple[str, ...] = ()
        self._name_cells = max((cell_width(clean_line(one.name, NAME_CELLS)) for one in candidates), default=0)

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._look(), exclusive=True)

    async def _look(self) -> None:
        await self._find_unable(self._without)

    def _without(self, word: str) -> None:
        self._candidates = tuple(one for one in self._candidates if one.word != word)
        self._taken = tuple(one for one in self._taken if one != word)
        self.refresh_rows(keep=self.list.marked if self.has_list else "")

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        words = typed.casefold().split()
        self.show_counts(f"{len(self._taken)} of {self._most} taken" if self._taken else "")
        return tuple(
            self._row(one, typed.strip())
            for one in self._candidates
            if all(word in f"{one.name} {one.more} {one.right}".casefold() for word in words)
        )

    def _row(self, one: Candidate, typed: str) -> Row:
        name, more = clean_line(one.name, NAME_CELLS), clean_line(one.more, MORE_CELLS)
        is_taken = one.word in self._taken
        gap = " " * (self._name_cells - cell_width(name) + 2)
        cloud: Parts = (("cloud ", "warning"),) if one.is_cloud else ()
        return Row(
            key=one.word,
            left=(
                (f" {self.glyphs.done if is_taken else ' '} ", "success"),
                *highlight(name, typed, "foreground!" if is_taken else "foreground"),
                (gap, "muted"),
                *cloud,
                (more, "muted"),
            ),
            right=((f"{clean_line(one.right, 24)} ", "muted"),) if one.right else (),
        )

    def note_for(self, key: str) -> Parts:
        if not self._candidates:
            return (("there is nobody else to ask", "muted"), ("  /pull brings another model", "muted"))
        if not key and not self._taken:
            return (("nothing fits", "muted"),)
        named = {one.word: one.name for one in self._candidates}
        taken = [clean_line(named[one], NAME_CELLS) for one in self._taken]
        names = ", ".join((self._first, *taken))
        more = "" if taken else f", and up to {self._most} more: tab takes them along"
        return ((f"{names}{more}", "muted"),)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        marked = self.list.marked
        number = 1 + (len(self._taken) or 1)
        begin = (("enter", f"compare {plural(number, 'answer')}"),) if marked or self._taken else ()
        can_take = marked in self._taken or len(self._taken) < self._most
        word = "leave it out" if marked in self._taken else "take it along"
        take = (("tab", word),) if marked and can_take else ()
        return (*begin, *take, ("esc", "back"))

    def action_take(self) -> None:
        """Behind what was typed before it."""
        self.call_later(self._take)

    def _take(self) -> None:
        marked = self.list.marked
        if marked in self._taken:
            self._taken = tuple(one for one in self._taken if one != marked)
        elif marked and len(self._taken) < self._most:
            self._taken = (*self._taken, marked)
        self.refresh_rows(keep=marked)

    def _use(self) -> None:
        if self.is_current and self._taken:
            self.dismiss(" ".join(self._taken))
        else:
            super()._use()

    def choose(self, key: str) -> None:
        self.dismiss(" ".join(self._taken or (key,)))
