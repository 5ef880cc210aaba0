"""Everything about one model, and what can be done with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from tui.app.glyphs import Glyphs
from tui.app.screens.entry import Blank, EntryScreen
from tui.app.screens.list_screen import HELP, key_parts, passed_on_bindings
from tui.app.screens.models_work import FIT_ROLES, ModelWork, and_words, gigabytes
from tui.app.screens.question import Question
from tui.app.terminal.fast_screen import FastScreen
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.app.widgets.text_rows import TextRows
from tui.chat.memory import NOTHING_KNOWN, FreeMemory, room_for
from tui.cleaning import clean, clean_line
from tui.engine import Model, ModelDetails, RunningModel
from tui.failures import Failure
from tui.metrics.wording import ago_text, context_text, left_text, size_text
from tui.ollama.fits import Fit, cache_shape, contexts_to_show, memory_need
from tui.theming.values import Theme

NAME_CELLS = 60
LABEL_CELLS = 14
NEED_CELLS = 15
LONGEST_TEXT = 200_000
"""Of a licence or a template; what is longer is no text to read."""

FORMULA = (
    "estimated: size + layers x context x kv heads x (key + value length) x 2 bytes",
    "compared with what is free, and half a GB of working space besides",
)


class ModelScreen(ModalScreen[str | None], FastScreen[str | None]):
    """Gives back the model's name when it is to be used, else None."""

    DEFAULT_CSS = """
    ModelScreen { align: center middle; background: transparent; }
    ModelScreen > Vertical {
        width: 104; max-width: 96%; height: 88%; background: $role-overlay; border: solid $role-border; padding: 1 2;
        border-title-color: $role-foreground; border-title-style: bold; border-title-background: $role-overlay;
        border-subtitle-color: $role-muted; border-subtitle-background: $role-overlay;
    }
    ModelScreen.-low > Vertical, ModelScreen.-narrow > Vertical {
        width: 100%; max-width: 100%; height: 1fr; margin: 1 0; padding: 0 1;
    }
    ModelScreen #note { margin-top: 1; }
    """

    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (32, "-high")]  # noqa: RUF012  as the class above declares it
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,tab,shift+tab", "back", show=False, priority=True),
        Binding("enter", "use", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,ctrl+home", "move(-1000000)", show=False),
        Binding("end,ctrl+end", "move(1000000)", show=False),
        Binding("l", "load", show=False),
        Binding("u", "unload", show=False),
        Binding("k", "keep", show=False),
        Binding("c", "copy", show=False),
        Binding("d", "delete", show=False),
        Binding("p", "pull", show=False),
        Binding("ctrl+q", "app.quit_chinwag", show=False, priority=True, id="quit"),
        *passed_on_bindings((HELP,)),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        host_name: str,
        model: Model,
        running: tuple[RunningModel, ...],
        same_model: Callable[[str, str], bool],
        work: ModelWork,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        section: str = "",
    ) -> None:
        """``section``: the heading of what is read first, ``license``; empty: from the beginning."""
        super().__init__()
        self._section = section
        self.theme = theme
        self.glyphs = glyphs
        self._host_name = clean_line(host_name, 40)
        self._model = model
        self._in_memory = running
        self._same_model = same_model
        self._work = work
        self._now = now
        self._clock = clock
        self._details: ModelDetails | None = None
        self._free: FreeMemory = NOTHING_KNOWN
        self._said: tuple[str, str] = ("reading what the server tells …", "muted")
        self._is_busy = False

    @property
    def _shown_name(self) -> str:
        return clean_line(self._model.name, NAME_CELLS)

    @property
    def _own(self) -> RunningModel | None:
        return next((one for one in self._in_memory if self._same_model(one.name, self._model.name)), None)

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content(self._shown_name)
            frame.border_subtitle = Content(self._host_name)
            yield TextRows(theme=self.theme, glyphs=self.glyphs)
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="note")
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")

    def on_mount(self) -> None:
        self._show()
        self.run_worker(self._read(), exclusive=True, group="reading")

    async def _read(self) -> None:
        try:
            self._details = await self._work.details(self._model.name)
            self._in_memory = await self._work.running()
        except Failure as failure:
            self._say_failure(failure)
        else:
            self._said = ("", "muted")
        self._free = await self._work.free_memory()
        self._show()
        if self._section and self.is_attached and not self.query_one(TextRows).go_to(self._section):
            self._said = (f"it has no {self._section}", "muted")
            self._show()

    def _say_failure(self, failure: Failure) -> None:
        words = f" {self.glyphs.separator} ".join(
            one for one in (failure.title, failure.message, failure.advice) if one
        )
        self._said = (clean_line(words, 200), "error")

    def _show(self) -> None:
        if not self.is_attached:
            return
        self.query_one(TextRows).show(self._lines())
        self.query_one("#note", Line).show((self._said,))
        self.query_one("#keys", Line).show(key_parts(self.keys_line()))

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that make sense at this moment, each with its word."""
        loaded: tuple[tuple[str, str], ...] = ()
        if self._own is not None:
            loaded = (("u", "unload"), ("k", "keep"))
        elif not self._model.is_cloud:
            loaded = (("l", "load"), ("k", "keep"))
        return (("enter", "use"), *loaded, ("c", "copy"), ("p", "pull"), ("d", "delete"), ("esc", "back"))

    # What is read

    def _lines(self) -> Iterator[Parts]:
        yield from self._facts()
        details = self._details
        if details is None:
            return
        yield from self._memory(details)
        if details.parameters:
            yield from _heading("parameters")
            for name, value in details.parameters:
                yield _labelled(clean_line(name, 30), clean_line(value, 200), label_cells=24)
        for title, text in (
            ("system", details.system),
            ("template", details.template),
            ("license", details.license),
            ("modelfile", details.modelfile),
        ):
            if text.strip():
                yield from _heading(title)
                yield from _text_lines(text)
        if details.metadata:
            yield from _heading("what its file says")
            for key, figure in details.metadata:
                yield _labelled(clean_line(key, 48), clean_line(str(figure), 200), label_cells=50)

    def _facts(self) -> Iterator[Parts]:
        model, details, dot = self._model, self._details, self.glyphs.separator
        own = self._own
        if own is not None:
            yield _labelled("in memory", _memory_words(own, self._now(), dot), role="success")
        elif model.is_cloud:
            yield _labelled("in the cloud", "what you write leaves this machine", role="warning")
        parameters = clean_line(model.parameter_size or (details.parameter_size if details else ""), 20)
        quantization = clean_line(model.quantization or (details.quantization if details else ""), 20)
        family = clean_line(model.family or (details.family if details else ""), 30)
        size = "" if model.size_bytes is None or model.is_cloud else size_text(model.size_bytes)
        sizes = f" {dot} ".join(one for one in (parameters, quantization, size) if one)
        capabilities = (details.capabilities if details else None) or model.capabilities
        context = (details.trained_context_tokens if details else None) or model.trained_context_tokens
        facts = (
            ("size", sizes),
            ("family", family),
            ("can", clean_line(", ".join(sorted(capabilities)), 200) if capabilities else ""),
            ("context", f"{context:,} tokens at most, as it was trained" if context else ""),
            ("vectors", f"{details.embedding_length:,} numbers wide" if details and details.embedding_length else ""),
            ("layers", str(details.layers) if details and details.layers else ""),
            ("changed", "" if model.modified_at is None else _ago(model.modified_at, self._now())),
            ("digest", clean_line(model.digest, 24)),
        )
        yield from (_labelled(label, words) for label, words in facts if words)

    def _memory(self, details: ModelDetails) -> Iterator[Parts]:
        shape, weights_bytes = cache_shape(details), self._model.size_bytes
        if shape is None or not weights_bytes or self._model.is_cloud:
            return
        yield from _heading("does it fit?")
        wanted = self._work.context_tokens(self._model.name)
        for tokens in contexts_to_show(details.trained_context_tokens):
            need = memory_need(shape, weights_bytes=weights_bytes, context_tokens=tokens)
            if need is None:
                return
            room = room_for(
                need, self._free, model=self._model.name, running=self._in_memory, same_model=self._same_model
            )
            mark = "at most ~" if need.is_upper_bound else "~"
            words = "" if room.fit is Fit.unknown else str(room.fit)
            is_wanted = wanted == tokens or (self._own is not None and self._own.context_tokens == tokens)
            yield (
                (f"  {context_text(tokens):>6}  ", "accent" if is_wanted else "foreground"),
                (f"{mark + gigabytes(need.total_bytes):>{NEED_CELLS}} GB   ", "foreground"),
                (words, FIT_ROLES[room.fit]),
                ("   this one" if is_wanted else "", "accent"),
            )
        free = [
            f"{size / 1e9:.1f} GB free {where}"
            for size, where in ((self._free.gpu_bytes, "on the gpu"), (self._free.ram_bytes, "in memory"))
            if size
        ]
        yield ((f"  {', '.join(free)}" if free else "  how much memory is free there is not known", "muted"),)
        yield from (((f"  {line}", "muted"),) for line in FORMULA)

    # What is done

    def action_use(self) -> None:
        self.dismiss(self._model.name)

    def action_back(self) -> None:
        self.dismiss(None)

    def action_move(self, rows: int) -> None:
        self.query_one(TextRows).move(rows)

    def action_page(self, direction: int) -> None:
        self.query_one(TextRows).page(direction)

    def _do(self, words: str, work: Awaitable[tuple[str, ...] | None], done: str, *, leave: bool = False) -> None:
        """One thing at a time; the keys of the others wait for it. ``work`` gives the models that it happened to, too."""
        self._is_busy = True

        async def run() -> None:
            self._said = (f"{words} …", "foreground")
            self._show()
            try:
                with_it = await work
            except Failure as failure:
                self._say_failure(failure)
            else:
                self._said = (f"{done}, and with it {and_words(with_it)}" if with_it else done, "success")
                if leave:
                    self._is_busy = False
                    self.dismiss(None)
                    return
                try:
                    self._in_memory = await self._work.running()
                except Failure as failure:
                    self._say_failure(failure)
            self._is_busy = False
            self._show()

        self.run_worker(run(), group="doing")

    def action_load(self) -> None:
        if not self._is_busy and not self._model.is_cloud:
            self._do(f"loading {self._shown_name}, leaving stops it", self._work.load(self._model.name), "loaded")

    def action_keep(self) -> None:
        if not self._is_busy and not self._model.is_cloud:
            self._do(
                f"loading {self._shown_name}, leaving stops it",
                self._work.keep(self._model.name),
                "loaded, and kept until it is unloaded",
            )

    def action_unload(self) -> None:
        if not self._is_busy and self._own is not None:
            self._do(f"unloading {self._shown_name}", self._work.unload(self._model.name), "unloaded")

    def action_pull(self) -> None:
        self._work.pull(self._model.name)
        self._said = ("pulled in the background: what changed comes, nothing else", "muted")
        self._show()

    def action_copy(self) -> None:
        if self._is_busy:
            return

        def named(values: tuple[str, ...] | None) -> None:
            if values is not None:
                name = clean_line(values[0], NAME_CELLS)
                self._do(f"copying to {name}", self._work.copy(self._model.name, values[0]), f"copied to {name}")

        def check(values: tuple[str, ...]) -> None:
            if not values[0]:
                raise Failure("a copy needs a name", "such as my-model:8b")
            if self._same_model(values[0], self._model.name):
                raise Failure("that is the model itself", "choose another name")

        self.app.push_screen(
            EntryScreen(
                title=f"Copy {self._shown_name}",
                blanks=(Blank(words="name", placeholder="my-model:8b"),),
                about="a second name for the same weights; a model of that name is replaced",
                done_word="copy",
                check=check,
                theme=self.theme,
                glyphs=self.glyphs,
            ),
            named,
        )

    def action_delete(self) -> None:
        if not self._is_busy:
            self.run_worker(self._find_namesakes_and_ask(), exclusive=True, group="asking")

    async def _find_namesakes_and_ask(self) -> None:
        namesakes: tuple[str, ...] = ()
        with suppress(Failure):
            namesakes = await self._work.namesakes(self._model.name)
        if self.is_active and not self._is_busy:
            self._ask_to_delete(namesakes)

    def _ask_to_delete(self, namesakes: tuple[str, ...]) -> None:
        def answered(answer: str | None) -> None:
            if answer == "delete":
                self._do(
                    f"deleting {self._shown_name}",
                    self._work.delete(self._model.name),
                    f"{self._shown_name} is gone",
                    leave=True,
                )

        size = "" if self._model.size_bytes is None else f"It has {size_text(self._model.size_bytes)}. "
        stays = "stays" if len(namesakes) == 1 else "stay"
        shared = (f"{and_words(namesakes)} {stays}, made of the same weights.",) if namesakes else ()
        self.app.push_screen(
            Question(
                title=f"delete {self._shown_name} from {self._host_name}?",
                lines=(
                    "It is taken off the server's disk, for everybody who uses it.",
                    *shared,
                    f"{size}This has no undo.",
                ),
                answers=(("stay", "keep it"), ("delete", "delete it")),
                theme=self.theme,
                glyphs=self.glyphs,
                clock=self._clock,
            ),
            answered,
        )


def _heading(words: str) -> Iterator[Parts]:
    yield ()
    yield ((words, "foreground!"),)


def _labelled(label: str, words: str, *, role: str = "foreground", label_cells: int = LABEL_CELLS) -> Parts:
    return ((f"  {label:<{label_cells}}", "muted"), (f" {words}", role))


def _text_lines(text: str) -> Iterator[Parts]:
    for line in clean(text[:LONGEST_TEXT]).expandtabs(4).strip("\n").split("\n"):
        yield ((f"  {line}", "foreground"),)
    if len(text) > LONGEST_TEXT:
        yield ((f"  and {len(text) - LONGEST_TEXT:,} characters more", "muted"),)


def _memory_words(running: RunningModel, now: datetime, dot: str) -> str:
    words = []
    if running.size_bytes is not None:
        words.append(size_text(running.size_bytes))
    words += [one for one in (gpu_share(running),) if one]
    if running.context_tokens is not None:
        words.append(f"context {context_text(running.context_tokens)}")
    if running.expires_at is not None:
        words.append(left_text(running.expires_at, now))
    if running.has_died:
        words.append("broke down, it will load again")
    return f" {dot} ".join(words)


def gpu_share(running: RunningModel) -> str:
    """``on the gpu``, ``48 % on the gpu``, ``on the cpu``; empty when the server does not say."""
    size, vram = running.size_bytes, running.size_vram_bytes
    if not size or vram is None:
        return ""
    if vram >= size:
        return "on the gpu"
    return f"{int(100 * vram / size)} % on the gpu" if vram > 0 else "on the cpu"


def _ago(at: datetime, now: datetime) -> str:
    try:
        words = ago_text(at, now)
    except (TypeError, OverflowError):
        return ""
    return "just now" if words == "now" else f"{words} ago"
