"""Several answers to one prompt, side by side; one of them is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer

from tui.app.commands.keymap import keymap_of
from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import HELP, fitting_keys, key_parts, passed_on_bindings
from tui.app.screens.question import Question
from tui.app.terminal.fast_screen import FastScreen
from tui.app.transcript.view import Transcript
from tui.app.transcript.wrap import wrap
from tui.app.widgets.answer_column import AnswerColumn, ColumnView, state_mark
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts, cells_of
from tui.chat.comparing import Column, Comparison
from tui.chat.events import AnswerBegan, AnswerEnded, AnswerGrew, Phase, PhaseChanged, SessionEvent
from tui.chat.running_order import RunningOrder
from tui.cleaning import cell_width, clean_line
from tui.conversations.values import Conversation, MessageState
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.theming.values import Theme

STATUS_SECONDS = 0.25
LEAST_COLUMN_CELLS = 34
LEAST_COLUMN_ROWS = 12
"""Where they stand in two rows."""
ROWS_AROUND = 5
NAME_CELLS = 40
AROUND_NAME_CELLS = 8
"""Mark, number, state and gap, where all names stand in one line."""
PROMPT_CELLS = 1000
MOST_PROMPT_ROWS = 3
"""In a window of ``HIGH_ROWS``; in a lower one it has a single one."""
HIGH_ROWS = 30

UNDER_WAY = "this answer is still under way"

Keys = tuple[tuple[str, str], ...]


def columns_abreast(count: int, *, width_cells: int, height_rows: int) -> int:
    """How many answers stand beside each other; 0: there is room for one, and the others are behind it."""
    most = width_cells // LEAST_COLUMN_CELLS
    if most >= count:
        return count
    if most >= 2 and count > 2 and (height_rows - ROWS_AROUND) // 2 >= LEAST_COLUMN_ROWS:
        return (count + 1) // 2
    return 0


class CompareScreen(FastScreen[int | None]):
    """Gives back the number of the column that was kept, or None. ``comparison`` begins when the screen is there."""

    DEFAULT_CSS = """
    CompareScreen { background: $role-background; }
    CompareScreen #columns { layout: grid; height: 1fr; grid-gutter: 0 1; }
    CompareScreen #columns.-behind { layout: vertical; }
    CompareScreen #names { display: none; }
    CompareScreen #names.-shown { display: block; }
    CompareScreen #prompt { height: auto; margin: 0 0 1 0; }
    CompareScreen.-low #prompt { margin: 0; }
    """

    AUTO_FOCUS = ""
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (20, "-high")]  # noqa: RUF012  as the class above declares it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("ctrl+c", "interrupt", show=False),
        Binding("enter", "keep", show=False),
        Binding("tab,right", "mark_next(1)", show=False, priority=True),
        Binding("shift+tab,left", "mark_next(-1)", show=False, priority=True),
        *(Binding(str(number), f"mark({number - 1})", show=False) for number in range(1, 5)),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,ctrl+home", "home", show=False),
        Binding("end,ctrl+end", "end", show=False),
        Binding("alt+t", "thinking", show=False, id="answer.thinking"),
        Binding("ctrl+y", "copy", show=False, id="copy"),
        Binding("r", "ask_again", show=False),
        Binding("p", "pull", show=False),
        Binding("ctrl+z", "app.suspend_process", show=False, id="suspend"),
        *passed_on_bindings((HELP,)),
    ]

    def __init__(
        self,
        comparison: Comparison,
        *,
        order: RunningOrder,
        theme: Theme,
        glyphs: Glyphs,
        host_name: str,
        prose_width_columns: int,
        wraps_code: bool,
        keep: Callable[[Column], None],
        copy: Callable[[str, str], Awaitable[str]],
        pull: Callable[[str], Awaitable[bool]],
        pulled_share: Callable[[str], float | None],
        clock: Callable[[], float],
    ) -> None:
        """``keep`` makes an answer a part of the conversation and raises ``Failure``.

        ``copy`` takes a text and what it is called, and says what became of it. ``pull`` brings a model, and says
        whether it came; ``pulled_share`` how much of it is there, from 0 to 1.
        """
        super().__init__()
        self.theme, self.glyphs = theme, glyphs
        self.comparison = comparison
        self._order = order
        self._host_name = clean_line(host_name, NAME_CELLS)
        self._prose_width_columns, self._wraps_code = prose_width_columns, wraps_code
        self._keep, self._copy, self._pull, self._pulled_share = keep, copy, pull, pulled_share
        self._clock = clock
        self._marked = 0
        self._abreast = -1
        self._columns: tuple[AnswerColumn, ...] = ()
        self._pulling: set[int] = set()
        self._said: tuple[str, str] | None = None
        self._ticking: Timer | None = None
        self._is_left = False

    def compose(self) -> ComposeResult:
        yield Line(theme=self.theme, glyphs=self.glyphs, name="header")
        with Vertical(id="prompt"):
            for _ in range(MOST_PROMPT_ROWS):
                yield Line(theme=self.theme, glyphs=self.glyphs)
        yield Line(theme=self.theme, glyphs=self.glyphs, ground="surface", name="names")
        with Container(id="columns"):
            for number in range(len(self.comparison.columns)):
                yield AnswerColumn(
                    theme=self.theme,
                    glyphs=self.glyphs,
                    view=self._view(number),
                    prose_width_columns=self._prose_width_columns,
                    wraps_code=self._wraps_code,
                )
        yield Line(theme=self.theme, glyphs=self.glyphs, ground="surface", name="footer")

    def on_mount(self) -> None:
        self._columns = tuple(self.query(AnswerColumn))
        self._arrange()
        for number in range(len(self._columns)):
            self._show_nothing(number)
        self.comparison.on_event = self._heard
        self.comparison.on_change = self._changed
        self._ticking = self.set_interval(STATUS_SECONDS, self._show, pause=True)
        self.comparison.begin()
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        if self._columns:
            self._arrange()
            self._show()

    def on_unmount(self) -> None:
        self._is_left = True
        self.comparison.stop()

    # Where they stand

    @property
    def _marked_column(self) -> Column:
        return self.comparison.columns[self._marked]

    def _arrange(self) -> None:
        columns = self._columns
        abreast = columns_abreast(len(columns), width_cells=self.size.width, height_rows=self.size.height)
        container = self.query_one("#columns", Container)
        if abreast != self._abreast:
            self._abreast = abreast
            container.set_class(not abreast, "-behind")
            if abreast:
                container.styles.grid_size_columns = abreast
                container.styles.grid_size_rows = -(-len(columns) // abreast)
            self.query_one("#names", Line).set_class(not abreast, "-shown")
        self._show_prompt()
        for number, column in enumerate(columns):
            column.display = bool(abreast) or number == self._marked
            column.set_class(not abreast and self._do_names_fit, "-nameless")

    # What is shown

    def _view(self, number: int) -> ColumnView:
        column = self.comparison.columns[number]
        return ColumnView(
            number=number + 1,
            name=self._called(column),
            is_cloud=column.answerer.is_cloud,
            is_marked=number == self._marked,
            is_waiting=column.is_waiting,
            progress=column.progress,
            answer=column.answer,
            note=self._pulling_words(column) if number in self._pulling else "",
        )

    def _called(self, column: Column) -> str:
        answerer, dot = column.answerer, self.glyphs.separator
        preset = f" {dot} {clean_line(answerer.preset, 24)}" if answerer.preset else ""
        return f"{clean_line(answerer.model, NAME_CELLS)}{preset}"

    def _pulling_words(self, column: Column) -> str:
        share = self._pulled_share(column.answerer.model)
        return "pulling" if share is None else f"pulling {int(100 * share)} %"

    def _show(self) -> None:
        if self._is_left or not self._columns:
            return
        views = [self._view(number) for number in range(len(self.comparison.columns))]
        for column, view in zip(self._columns, views, strict=True):
            column.show(view)
        self._show_header()
        self._show_names(views)
        self._show_footer()
        if self._ticking is not None:
            if self.comparison.is_running or self._pulling:
                self._ticking.resume()
            else:
                self._ticking.pause()

    def _show_header(self) -> None:
        words, dot = self._order.words, self.glyphs.separator
        left: Parts = ((" compare", "foreground!"), (f" {dot} {self._host_name}", "muted"))
        room = self.size.width - cells_of(((words, ""),)) - 4
        if cells_of(left) > room:
            left = left[:1]
        if cells_of(left) > room:
            words = self._order.short_words
        self.query_one("#header", Line).show(left, ((f"{words} ", "muted"),))

    def _show_prompt(self) -> None:
        text = clean_line(self.comparison.prompt.message.text, PROMPT_CELLS)
        most = MOST_PROMPT_ROWS if self.size.height >= HIGH_ROWS else 1
        spans = wrap(text, max(8, self.size.width - 4))
        rows = [text[start:end].rstrip() for start, end in spans[:most]]
        if len(spans) > most:
            # What is cut is marked where it is cut.
            rows[-1] = text[spans[most - 1][0] :]
        for number, line in enumerate(self.query("#prompt Line").results(Line)):
            line.display = number < len(rows)
            if line.display:
                line.show(((f" {self.glyphs.rail} ", "user"), (rows[number], "foreground")))

    def _show_names(self, views: list[ColumnView]) -> None:
        """All of them in one line, where only one has room below it."""
        parts: list[tuple[str, str]] = []
        for view in views:
            glyph, role = state_mark(view, self.glyphs)
            mark = self.glyphs.prompt if view.is_marked else " "
            name = clean_line(view.name, self._room_for_name)
            parts += [
                (f"{mark} ", "accent"),
                (f"{view.number} ", "accent" if view.is_marked else "muted"),
                (f"{glyph} ", role),
                (f"{name}  ", "foreground!" if view.is_marked else "muted"),
            ]
        self.query_one("#names", Line).show(tuple(parts))

    @property
    def _room_for_name(self) -> int:
        return max(8, self.size.width // len(self.comparison.columns) - AROUND_NAME_CELLS)

    @property
    def _do_names_fit(self) -> bool:
        names = (self._called(one) for one in self.comparison.columns)
        return all(cell_width(name) <= self._room_for_name for name in names)

    def _show_footer(self) -> None:
        columns = self.comparison.columns
        if self._said is not None and self._said[0] == UNDER_WAY and not self._is_under_way(self._marked_column):
            self._said = None
        whole = sum(1 for one in columns if one.answer is not None and one.answer.state is MessageState.complete)
        words, role = self._said or (f"{whole} of {plural(len(columns), 'answer')}", "muted")
        left: Parts = ((f" {words}", role),)
        keys = fitting_keys(self.keys_line(), self.size.width - cells_of(left) - 4)
        self.query_one("#footer", Line).show(left, key_parts(keys))

    def keys_line(self) -> Keys:
        """The keys that make sense at this moment; the last one leads out of here."""
        marked, count = self._marked_column, len(self.comparison.columns)
        keys: list[tuple[str, str]] = []
        if marked.can_keep:
            keys.append(("enter", f"keep {self._marked + 1}"))
        if marked.can_ask and self._marked not in self._pulling:
            keys += [("p", "pull it")] if self._is_missing(marked) else []
            keys.append(("r", "ask it again" if marked.session is not None else "ask it"))
        keys += [("tab", "next"), (f"1–{count}", "mark")]
        keymap = keymap_of(self.app)
        if marked.can_keep:
            keys += keymap.hint("copy", "copy")
        if (answer := marked.answer) is not None and answer.thinking:
            keys += keymap.hint("answer.thinking", "thinking")
        return (*keys, ("esc", "stop" if self.comparison.is_running else "close"))

    def _is_missing(self, column: Column) -> bool:
        failure = column.failure
        return isinstance(failure, EngineError) and failure.kind is ErrorKind.model_missing

    @staticmethod
    def _is_under_way(column: Column) -> bool:
        return column.is_asked or column.is_waiting

    def _say(self, words: str, role: str = "warning") -> None:
        """In the footer, until something else is done."""
        self._said = (words, role)
        self._show()

    # What the sessions tell

    def _number_of(self, column: Column) -> int:
        return self.comparison.columns.index(column)

    def _heard(self, column: Column, event: SessionEvent) -> None:
        if self._is_left:
            return
        number = self._number_of(column)
        transcript = self._columns[number].transcript
        match event:
            case AnswerGrew(text, thinking):
                transcript.grow(text, thinking)
                return
            case AnswerBegan(message):
                transcript.add(message)
            case AnswerEnded(message):
                transcript.settle(message)
            case PhaseChanged(phase=Phase.answering):
                answer = None if column.session is None else column.session.answer_so_far()
                if answer is not None and answer.thinking:
                    transcript.note_thinking(answer.thinking_seconds, answer.thinking_pieces)
            case _:
                pass
        self._show()

    def _changed(self, column: Column) -> None:
        self._show()

    def _show_nothing(self, number: int) -> None:
        """An empty transcript: what stood there is asked for once more."""
        column = self.comparison.columns[number]
        at = self.comparison.prompt.message.at
        self._columns[number].transcript.show(
            Conversation(id="compared", created_at=at, updated_at=at, model=column.answerer.model)
        )

    # What the person does

    @on(AnswerColumn.Clicked)
    def _clicked(self, event: AnswerColumn.Clicked) -> None:
        self.action_mark(self._columns.index(event.column))

    @on(Transcript.CodeChosen)
    def _code_chosen(self, event: Transcript.CodeChosen) -> None:
        self._copy_out(event.source, f"code {event.number}")

    @on(Transcript.LinkChosen)
    def _link_chosen(self, event: Transcript.LinkChosen) -> None:
        self._copy_out(event.url, "the link")

    def action_mark(self, number: int) -> None:
        if number < len(self.comparison.columns):
            self._marked = number
            self._said = None
            self._arrange()
            self._show()

    def action_mark_next(self, steps: int) -> None:
        self.action_mark((self._marked + steps) % len(self.comparison.columns))

    def action_scroll(self, rows: int) -> None:
        transcript = self._columns[self._marked].transcript
        if rows < 0:
            transcript.action_scroll_up()
        else:
            transcript.action_scroll_down()

    def action_page(self, direction: int) -> None:
        transcript = self._columns[self._marked].transcript
        if direction < 0:
            transcript.action_page_up()
        else:
            transcript.action_page_down()

    def action_home(self) -> None:
        self._columns[self._marked].transcript.action_scroll_home()

    def action_end(self) -> None:
        self._columns[self._marked].transcript.scroll_to_end()

    def action_thinking(self) -> None:
        self._columns[self._marked].transcript.toggle_thinking()

    def action_copy(self) -> None:
        text = self._columns[self._marked].transcript.answer_source()
        if text:
            self._copy_out(text, f"the answer of {self._called(self._marked_column)}")
        else:
            self._say("there is no answer to copy yet")

    def _copy_out(self, text: str, what: str) -> None:
        async def copied() -> None:
            self._say(await self._copy(text, what), "foreground")

        self.run_worker(copied(), group="copying")

    def action_keep(self) -> None:
        column = self._marked_column
        if self._is_under_way(column):
            self._say(UNDER_WAY)
            return
        if not column.can_keep:
            self._say("there is no answer to keep here")
            return
        try:
            self._keep(column)
        except Failure as failure:
            self._say(clean_line(f"{failure.title}: {failure.message}", 200), "error")
            return
        self.dismiss(self._marked)

    def action_ask_again(self) -> None:
        column = self._marked_column
        if column.can_ask and self._marked not in self._pulling:
            self._said = None
            self._show_nothing(self._marked)
            self.comparison.ask(column)

    def action_pull(self) -> None:
        if self._is_missing(self._marked_column) and self._marked not in self._pulling:
            self.run_worker(self._pull_and_ask(self._marked), group="pulling")

    async def _pull_and_ask(self, number: int) -> None:
        column = self.comparison.columns[number]
        self._pulling.add(number)
        self._said = None
        self._show()
        try:
            is_there = await self._pull(column.answerer.model)
        finally:
            self._pulling.discard(number)
        if is_there:
            self._show_nothing(number)
            self.comparison.ask(column)
        else:
            self._say(f"{self._called(column)} did not come; r asks it again", "error")

    def action_interrupt(self) -> None:
        """Copies a selection, else as Escape."""
        if selected := self.get_selected_text():
            self._copy_out(selected, "the selection")
            self.clear_selection()
        else:
            self.action_back()

    def action_back(self) -> None:
        self._said = None
        if self.get_selected_text():
            self.clear_selection()
        elif self.comparison.stop():
            self._show()
        else:
            self.leave_for(self._close)

    def _close(self) -> None:
        self.dismiss(None)

    def leave_for(self, go: Callable[[], None]) -> None:
        """Goes at once where nothing would be lost; else when that is agreed to."""
        if not self.comparison.has_answers:
            go()
            return

        def answered(answer: str | None) -> None:
            if answer == "leave":
                go()

        question = Question(
            title="leave without keeping an answer?",
            lines=("What was answered here is kept nowhere else.",),
            answers=(("stay", "stay"), ("leave", "leave, the answers are gone for good")),
            theme=self.theme,
            glyphs=self.glyphs,
            clock=self._clock,
        )
        self.app.push_screen(question, answered)
