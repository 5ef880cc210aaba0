"""What was asked, how much came of it and how fast: by model, by day, and as a line of the last days."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.screens.statistics_columns import CURVE_CELLS, Columns, spark
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.cleaning import cell_width, clean_line
from tui.metrics.overview import CURVE_DAYS, DayFigures, Overview, overview_of
from tui.metrics.totals import UsageTotals
from tui.metrics.usage import CONNECTED, UsageRecord
from tui.metrics.wording import first_token_words, plural, seconds_text, speed_words, tokens_text
from tui.theming.values import Theme

PERIODS: tuple[int | None, ...] = (30, 7, None)
"""Over how many days sums are made; Tab goes from one to the next. None: over all of them."""
NAME_CELLS = 48
ROW_SPARK_DAYS = 14
TOKENS, SPEED, MODEL, DAY = "tokens", "speed", "model ", "day "
"""Keys of the rows; behind the last two stands a name."""


class Statistics(ListScreen):
    """Reads once, when it opens. Enter copies the numbers of the marked row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_period", show=False, priority=True),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        read: Callable[[], Awaitable[Sequence[UsageRecord]]],
        today: Callable[[], date],
        copy: Callable[[str, str], object],
        is_kept: bool = True,
    ) -> None:
        """``copy`` takes a text and what it is called. Not ``is_kept``: what is counted ends with the program."""
        super().__init__(title="Statistics", theme=theme, glyphs=glyphs, is_tall=True)
        self._read = read
        self._today = today
        self._copy = copy
        self._is_kept = is_kept
        self._records: tuple[UsageRecord, ...] | None = None
        self._period = 0
        self._overview = Overview()

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._read_once(), exclusive=True)

    @property
    def is_reading(self) -> bool:
        return self._records is None

    async def _read_once(self) -> None:
        self._records = tuple(one for one in await self._read() if one.outcome != CONNECTED)
        await self._sum_up()

    async def _sum_up(self) -> None:
        """Off the event loop: there may be a hundred thousand answers."""
        records, days, today = self._records or (), PERIODS[self._period], self._today()
        self._overview = await asyncio.to_thread(overview_of, records, today=today, days=days)
        if self.has_list:
            self.show_counts(f"{plural(self._overview.answers, 'answer')} {self.glyphs.separator} {_period(days)}")
            self.refresh_rows()

    def action_next_period(self) -> None:
        self._period = (self._period + 1) % len(PERIODS)
        if self._records is not None:
            self.run_worker(self._sum_up(), exclusive=True)

    def _fit_keys(self) -> None:
        self.refresh_rows()

    # The rows

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        if not any(one.answers for one in self._overview.curve) and not self._overview.answers:
            return ()
        words = typed.casefold().split()
        models = [(clean_line(one.name, NAME_CELLS), one) for one in self._overview.by_model]
        days = [(self._day_name(one.name), one) for one in self._overview.by_day]
        room = self.list.size.width or self.app.size.width - 6
        columns = Columns.for_totals(
            [*self._overview.by_model, *self._overview.by_day],
            name_cells=max((cell_width(name) for name, _ in (*models, *days)), default=0),
            room_cells=room - CURVE_CELLS,
        )
        rows = [*self._curves(words)]
        for heading, key, named in (("by model", MODEL, models), ("by day", DAY, days)):
            fitting = [(name, one) for name, one in named if _fits(words, name, one)]
            if not fitting:
                continue
            spark_head = f"speed, {ROW_SPARK_DAYS} days " if key == MODEL and columns.has_curve else ""
            right: Parts = ((spark_head, "muted"),) if spark_head else ()
            rows += [Row(key="", left=())] if rows else []
            rows.append(Row(key="", left=((columns.heads(heading), "muted"),), right=right))
            rows += [self._row(f"{key}{one.name}", name, one, columns, typed.strip()) for name, one in fitting]
        return tuple(rows)

    def _row(self, key: str, name: str, one: UsageTotals, columns: Columns, typed: str) -> Row:
        gap = " " * max(0, columns.name_cells - cell_width(name))
        right: Parts = ()
        if key.startswith(MODEL) and columns.has_curve:
            speeds = self._overview.model_speeds.get(one.name, ())[-ROW_SPARK_DAYS:]
            right = ((f"{spark(speeds, self.glyphs)} ", "accent"),)
        return Row(
            key=key,
            left=(
                (" ", "muted"),
                *highlight(name, typed, "foreground"),
                (gap, "muted"),
                *columns.cells_of(one),
            ),
            right=right,
        )

    def _curves(self, words: Sequence[str]) -> Iterator[Row]:
        curve = self._overview.curve
        if not all(any(word in one for one in (TOKENS, SPEED)) for word in words):
            return
        heading = Row(key="", left=((f" the last {CURVE_DAYS} days", "muted"),))
        tokens = [float(one.tokens) for one in curve]
        speeds = [one.tokens_per_second for one in curve]
        total, latest = (
            sum(one.tokens for one in curve),
            next((one for one in reversed(speeds) if one is not None), None),
        )
        said = f"{tokens_text(total)} tokens"
        yield heading
        yield self._curve(TOKENS, spark(tokens, self.glyphs), said)
        if latest is not None:
            yield self._curve(SPEED, spark(speeds, self.glyphs), speed_words(latest))

    def _curve(self, key: str, drawn: str, said: str) -> Row:
        return Row(key=key, left=((f" {key:<7} ", "foreground"), (drawn, "accent"), (f"  {said}", "muted")))

    # What is said about them

    def note_for(self, key: str) -> Parts:
        if self.is_reading:
            return (("reading the statistics", "muted"),)
        if not key:
            return ((self._why_nothing(), "muted"),)
        return ((self._words(key), "muted"),)

    def _why_nothing(self) -> str:
        if self.typed.strip() and (self._overview.answers or self._records):
            return "nothing fits"
        if self._records and PERIODS[self._period] is not None:
            return "no answer in this time; tab goes to all of them"
        ends = "" if self._is_kept else ", and goes with the program"
        return f"nothing was asked yet; what every answer costs is counted here{ends}"

    def _words(self, key: str) -> str:
        dot = f" {self.glyphs.separator} "
        if key == TOKENS:
            most = max(self._overview.curve, key=lambda one: one.tokens)
            return f"most on {self._day_name(most.day.isoformat())}: {tokens_text(most.tokens)} tokens"
        if key == SPEED:
            return dot.join(f"{word} {said}" for word, said in self._speed_ends())
        found = next((one for one, row in self._totals() if row == key), None)
        if found is None:
            return ""
        parts = [
            plural(found.answers, "answer"),
            f"{found.failed} failed" if found.failed else "",
            f"{tokens_text(found.prompt_tokens)} tokens in, {tokens_text(found.answer_tokens)} out",
            seconds_text(found.answer_seconds),
            "" if found.median_tokens_per_second is None else speed_words(found.median_tokens_per_second),
            "" if found.median_first_token_seconds is None else first_token_words(found.median_first_token_seconds),
        ]
        return dot.join(filter(None, parts))

    def _speed_ends(self) -> Iterator[tuple[str, str]]:
        """The day on which answers came fastest, and the one on which they came slowest."""

        def speed(one: DayFigures) -> float:
            return one.tokens_per_second or 0.0

        known = [one for one in self._overview.curve if one.tokens_per_second is not None]
        for word, one in (("fastest", max(known, key=speed)), ("slowest", min(known, key=speed))):
            yield word, f"{speed_words(speed(one))} on {self._day_name(one.day.isoformat())}"

    def _totals(self) -> Iterator[tuple[UsageTotals, str]]:
        yield from ((one, f"{MODEL}{one.name}") for one in self._overview.by_model)
        yield from ((one, f"{DAY}{one.name}") for one in self._overview.by_day)

    def _day_name(self, iso: str) -> str:
        """``today``, ``yesterday``, ``12 Nov``, and with its year when that is another one."""
        try:
            day = date.fromisoformat(iso)
        except ValueError:
            return clean_line(iso, NAME_CELLS)
        today = self._today()
        if day in (today, today - timedelta(days=1)):
            return "today" if day == today else "yesterday"
        return f"{day:%d %b}" if day.year == today.year else f"{day:%d %b %Y}"

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        following = PERIODS[(self._period + 1) % len(PERIODS)]
        keys = (("tab", _period(following)), ("esc", "back"))
        return (("enter", "copy"), *keys) if self.list.marked else keys

    def choose(self, key: str) -> None:
        name = "" if key in (TOKENS, SPEED) else f"{clean_line(key.partition(' ')[2], NAME_CELLS)}: "
        self.dismiss(None)
        self._copy(f"{name}{self._words(key)}", "these numbers")


def _period(days: int | None) -> str:
    return "all days" if days is None else f"the last {days} days"


def _fits(words: Sequence[str], name: str, one: UsageTotals) -> bool:
    return all(word in f"{name} {one.name}".casefold() for word in words)
