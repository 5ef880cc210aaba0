"""The model picker."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.screens.models_work import ModelWork, and_words, need_parts
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row, RowList
from tui.chat.memory import NOTHING_KNOWN, room_for
from tui.cleaning import clean_line
from tui.engine import EngineError, Model, RunningModel
from tui.failures import Failure
from tui.metrics.wording import ago_text, context_text, left_text, plural, size_text
from tui.ollama.fits import memory_need
from tui.theming.values import Theme

SORTS = ("loaded and used", "name", "size", "newest")
"""In which orders the list can stand; ``alt+s`` goes from one to the next."""
EXAMPLE_CONTEXT_TOKENS = 8192
"""What a model is measured at while nobody knows the window that it will get."""
SHOWN_CAPABILITIES = ("thinking", "tools", "vision", "insert", "embedding", "audio")
NAME_CELLS = 60
WIDE_CELLS = 100


def ordered_models(models: Sequence[Model], running: Sequence[str], last_used: Mapping[str, str]) -> tuple[Model, ...]:
    """What is loaded first, then what was used most lately, then what was changed most lately."""

    def rank(model: Model) -> tuple[bool, str, float]:
        return model.name in running, last_used.get(model.name, ""), _changed_at_seconds(model)

    return tuple(sorted(models, key=rank, reverse=True))


def sorted_models(models: Sequence[Model], sort: str) -> tuple[Model, ...]:
    """By name, the largest first, or the newest first."""
    match sort:
        case "name":
            return tuple(sorted(models, key=lambda model: model.name.casefold()))
        case "size":
            return tuple(sorted(models, key=lambda model: model.size_bytes or 0, reverse=True))
        case _:
            return tuple(sorted(models, key=_changed_at_seconds, reverse=True))


def _changed_at_seconds(model: Model) -> float:
    """Since 1970; 0 when it is not known, which some servers say with the first year."""
    try:
        return 0.0 if model.modified_at is None or model.modified_at.year <= 1 else model.modified_at.timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _used_text(used: str | None, now: datetime) -> str:
    """How long ago that was; empty for what is no moment."""
    if used is None:
        return ""
    try:
        return ago_text(datetime.fromisoformat(used), now)
    except (ValueError, TypeError, OverflowError):
        return ""


def capability_text(model: Model) -> str:
    """What it can do beside talking; a cloud model says so first."""
    words = ["cloud"] if model.is_cloud else []
    if model.capabilities is not None:
        words += [word for word in SHOWN_CAPABILITIES if word in model.capabilities]
    return " ".join(words)


class ModelPicker(ListScreen):
    """Gives back the model's name as the server spells it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+r", "refresh_models", show=False, priority=True, id="list.refresh"),
        Binding("alt+s", "sort", show=False, priority=True, id="models.sort"),
        Binding("alt+p", "pull", show=False, priority=True, id="models.pull"),
        Binding("alt+u", "unload", show=False, priority=True, id="models.unload"),
        Binding("tab", "details", show=False, priority=True),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        host_name: str,
        current: str,
        models: tuple[Model, ...] | None,
        running: tuple[RunningModel, ...],
        same_model: Callable[[str, str], bool],
        last_used: Mapping[str, str],
        now: Callable[[], datetime],
        refresh: Callable[[], Awaitable[tuple[tuple[Model, ...], tuple[RunningModel, ...]]]],
        fill_in: Callable[[Callable[[Model], None]], Awaitable[None]],
        work: ModelWork | None = None,
        open_pulls: Callable[[str], None] = lambda _typed: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without ``work`` the models can be looked at and chosen, and nothing can be done with them."""
        super().__init__(title=f"Models · {clean_line(host_name, 40)}", theme=theme, glyphs=glyphs)
        self._host_name = host_name
        self._current = current
        self._models = models
        self._in_memory = running
        self._same_model = same_model
        self._last_used = last_used
        self._now = now
        self._read_again = refresh
        self._ask_capabilities = fill_in
        self._failure: EngineError | None = None
        self._is_reading = False
        self._refused = ""
        self._said: tuple[str, str] | None = None
        self._work = work
        self._open_pulls = open_pulls
        self._clock = clock
        self._sort = SORTS[0]
        self._free = NOTHING_KNOWN

    def on_mount(self) -> None:
        super().on_mount()
        self.list.show(self.rows_for(""), keep=self._current)
        self.action_refresh_models()

    def action_refresh_models(self) -> None:
        if not self._is_reading:
            self.run_worker(self._read(), exclusive=True)

    async def _read(self) -> None:
        self._is_reading = True
        self._failure = None
        self.refresh_note()
        try:
            self._models, self._in_memory = await self._read_again()
            if self._work is not None:
                self._free = await self._work.free_memory()
        except EngineError as failure:
            self._failure = failure
        finally:
            self._is_reading = False
        if not self.has_list:
            return
        self.refresh_rows(keep=self.list.marked or self._current)
        if self._failure is None:
            await self._ask_capabilities(self._filled)

    @property
    def is_reading(self) -> bool:
        return self._models is None and self._failure is None

    def _filled(self, model: Model) -> None:
        self._models = tuple(model if one.name == model.name else one for one in self._models or ())
        self.refresh_rows()

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        models = self._models or ()
        loaded = tuple(one.name for one in models if self._in_memory_as(one.name) is not None)
        counts = f"{plural(len(models), 'model')} · {len(self._in_memory)} loaded"
        if self._sort != SORTS[0]:
            counts = f"{counts} · by {self._sort}"
        self.show_counts(counts if self._models is not None else "")
        wanted = typed.casefold().split()
        rows = []
        by_use = self._sort == SORTS[0]
        for model in ordered_models(models, loaded, self._last_used) if by_use else sorted_models(models, self._sort):
            about = f"{model.name} {model.family} {capability_text(model)} {model.parameter_size}".casefold()
            if all(word in about for word in wanted):
                rows.append(self._row(model, typed.strip(), is_loaded=model.name in loaded))
        return tuple(rows)

    def _in_memory_as(self, name: str) -> RunningModel | None:
        return next((one for one in self._in_memory if self._same_model(one.name, name)), None)

    def _row(self, model: Model, typed: str, *, is_loaded: bool) -> Row:
        when = "now" if is_loaded else _used_text(self._last_used.get(model.name), self._now())
        size = "" if model.size_bytes is None or model.is_cloud else size_text(model.size_bytes)
        window = "" if model.trained_context_tokens is None else context_text(model.trained_context_tokens)
        capability_cells = self._capability_cells
        capabilities = (
            f"  {capability_text(model):<{capability_cells}}"[: capability_cells + 2] if capability_cells else ""
        )
        width = self.app.size.width
        # The name and that a model runs elsewhere stay in any window; the other columns go one after the other.
        columns: tuple[tuple[int, tuple[str, str]], ...] = (
            (0, ("  cloud" if model.is_cloud and not capability_cells else "", "warning")),
            (62, (f"{clean_line(model.parameter_size, 7):>7}", "muted")),
            (80, (f"  {clean_line(model.quantization, 7):<7}", "muted")),
            (50, (f"{size:>9}", "muted")),
            (70, (f"{window:>6}", "muted")),
            (0, (capabilities, "thinking")),
            (62, (f"{when:>7}", "muted")),
        )
        right: Parts = (*(part for least, part in columns if width >= least and part[0]), (" ", "muted"))
        dot = (f" {self.glyphs.busy} ", "success") if is_loaded else ("   ", "muted")
        role = "foreground!" if model.name == self._current else "foreground"
        return Row(key=model.name, left=(dot, *highlight(clean_line(model.name, NAME_CELLS), typed, role)), right=right)

    @property
    def _capability_cells(self) -> int:
        """As much as the names leave; below 90 columns the line under the list says it."""
        return 26 if self.app.size.width >= 110 else 14 if self.app.size.width >= 90 else 0

    def _find(self, key: str) -> Model | None:
        return next((one for one in self._models or () if one.name == key), None)

    def action_sort(self) -> None:
        self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
        self.refresh_rows(keep=self.list.marked)

    def action_pull(self) -> None:
        """What is typed is the name to begin with, when it is that of no model that is there."""
        is_known = bool(self.list.rows)
        typed = "" if is_known else self.typed.strip()
        self.dismiss(None)
        self._open_pulls(typed)

    def action_unload(self) -> None:
        if self._work is not None and self._in_memory_as(self.list.marked) is not None:
            self.run_worker(self._unload(self._work, self.list.marked), group="unloading")

    async def _unload(self, work: ModelWork, name: str) -> None:
        self._say(f"unloading {clean_line(name, NAME_CELLS)} …", "foreground")
        try:
            left_too = await work.unload(name)
            self._in_memory = await work.running()
            self._free = await work.free_memory()
        except Failure as failure:
            self._say(clean_line(failure.message or failure.title, 120), "error")
        else:
            self._say(f"unloaded, and with it {and_words(left_too)}" if left_too else "unloaded", "success")
        self.refresh_rows()

    def _say(self, words: str, role: str) -> None:
        """Under the list, until the mark moves."""
        self._said = (words, role)
        self.refresh_note()

    def action_details(self) -> None:
        model = self._find(self.list.marked)
        if model is None or self._work is None:
            return
        from tui.app.screens.models_details import ModelScreen

        def closed(name: str | None) -> None:
            if name is None:
                self.action_refresh_models()
            else:
                self.choose(name)

        self.app.push_screen(
            ModelScreen(
                theme=self.theme,
                glyphs=self.glyphs,
                host_name=self._host_name,
                model=model,
                running=self._in_memory,
                same_model=self._same_model,
                work=self._work,
                now=self._now,
                clock=self._clock,
            ),
            closed,
        )

    def on_row_list_marked(self, event: RowList.Marked) -> None:
        self._said = None
        self.refresh_note()

    def choose(self, key: str) -> None:
        model = self._find(key)
        if model is not None and not _can_chat(model):
            self._refused = key
            self.refresh_note()
        else:
            super().choose(key)

    def note_for(self, key: str) -> Parts:
        dot = self.glyphs.separator
        if self._said is not None:
            return (self._said,)
        if self._failure is not None:
            why = clean_line(self._failure.message or self._failure.title, 70)
            return ((why, "error"), (f" {dot} alt+r tries again", "muted"))
        if self._models is None:
            return (("reading the list of models …", "muted"),)
        if not self._models:
            return (
                ("no models here yet", "foreground"),
                (f"  alt+p pulls one, such as qwen3:8b {dot} alt+r looks again", "muted"),
            )
        model = next((one for one in self._models if one.name == key), None)
        if model is None:
            typed = clean_line(self.typed, 40)
            return (("no model fits", "muted"), (f" {dot} alt+p pulls {typed}" if typed else "", "muted"))
        if self._refused == key:
            return (("cannot chat", "error"), (f" {dot} it makes embeddings; choose another one", "muted"))
        running = self._in_memory_as(key)
        about = _about(model, running, self._now(), dot)
        if running is not None or not _can_chat(model) or model.is_cloud:
            return about
        fits = self._fit_parts(model)
        is_wide = self._capability_cells or not about
        return fits if fits and is_wide else (*about, ("   ", "muted"), *fits) if fits else about

    def _fit_parts(self, model: Model) -> Parts:
        """Whether it fits, in the window that it will get; empty while too little is known."""
        work = self._work
        shape = None if work is None else work.cache_shape(model)
        if work is None or shape is None or model.size_bytes is None:
            return ()
        tokens = work.context_tokens(model.name) or EXAMPLE_CONTEXT_TOKENS
        need = memory_need(
            shape,
            weights_bytes=model.size_bytes,
            context_tokens=tokens,
            trained_context_tokens=model.trained_context_tokens,
        )
        if need is None:
            return ()
        room = room_for(need, self._free, model=model.name, running=self._in_memory, same_model=self._same_model)
        return need_parts(need, room)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        use = (("enter", "use"),)
        if self._work is None:
            return (*use, ("alt+r", "refresh"), ("esc", "back"))
        unload = (("alt+u", "unload"),) if self._in_memory_as(self.list.marked) is not None else ()
        return (
            *use,
            ("tab", "details"),
            ("alt+p", "pull"),
            *unload,
            *((("alt+s", "sort"),) if not unload or self.app.size.width >= WIDE_CELLS else ()),
            *((("alt+r", "refresh"),) if self.app.size.width >= WIDE_CELLS else ()),
            ("esc", "back"),
        )


def _can_chat(model: Model) -> bool:
    return model.capabilities is None or "completion" in model.capabilities


def _about(model: Model, running: RunningModel | None, now: datetime, dot: str) -> Parts:
    if model.is_cloud:
        return (("cloud", "warning!"), (f" {dot} what you write leaves this machine", "muted"))
    if not _can_chat(model):
        return (("cannot chat", "warning"), (f" {dot} it makes embeddings", "muted"))
    words = []
    if running is not None:
        left = "" if running.expires_at is None else f" {dot} {left_text(running.expires_at, now)}"
        window = "" if running.context_tokens is None else f" with a context of {context_text(running.context_tokens)}"
        words.append((f"loaded{window}{left}", "success"))
    capabilities = capability_text(model)
    if capabilities:
        words.append((f"{'   ' if words else ''}{capabilities}", "thinking"))
    return tuple(words)
