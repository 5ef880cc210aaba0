"""When no server answers: what was tried, why it failed, and what can be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import key_parts, passed_on_bindings
from tui.app.screens.shield import Shield
from tui.app.terminal.fast_screen import FastScreen
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row, RowList
from tui.app.widgets.text_rows import TextRows
from tui.chat.connection import ConnectionState, Link
from tui.cleaning import clean_line
from tui.engine import Host
from tui.failures import Failure
from tui.theming.values import Theme

START, DEMO, ADDRESS, RETRY = "start", "demo", "address", "retry"
LETTERS = {START: "s", DEMO: "d", ADDRESS: "a", RETRY: "r"}
WORDS = {
    START: ("start ollama here", "it is stopped when chinwag ends"),
    DEMO: ("take a look with the demo", "scripted answers, nothing is kept"),
    ADDRESS: ("another address", "gpu-box, 10.0.0.2:11434, https://…"),
    RETRY: ("try again now", "it also tries by itself"),
}
ADDRESS_CELLS = 60
LOG_ROWS = 8
TELL_SECONDS = 0.5

SOURCE_WORDS = {"chosen": "chosen in chinwag", "--host": "by --host", "OLLAMA_HOST": "from OLLAMA_HOST"}


class ConnectScreen(ModalScreen[bool], FastScreen[bool]):
    """Gives back True for the demo, False for back. It stays while another address is tried."""

    DEFAULT_CSS = """
    ConnectScreen, ConnectScreen:ansi { align: center middle; background: $role-background; }
    ConnectScreen > Vertical { width: 84; max-width: 96%; height: auto; background: $role-background; }
    ConnectScreen Line { margin-left: 1; }
    ConnectScreen RowList { height: 3; margin: 1 0; background: $role-background; }
    ConnectScreen TextRows { height: 0; margin: 1 0 0 1; background: $role-background; }
    ConnectScreen #entry { height: auto; display: none; }
    ConnectScreen #entry.-open { display: block; }
    ConnectScreen FilterInput, ConnectScreen FilterInput:focus {
        margin: 0 2 1 2; padding: 0 1; background: $role-surface;
    }
    ConnectScreen #footer { dock: bottom; margin: 0; }
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "back", show=False, priority=True),
        Binding("enter", "use", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        *(Binding(letter, f"pick('{what}')", show=False) for what, letter in LETTERS.items()),
        Binding("ctrl+q", "app.quit_chinwag", show=False, priority=True, id="quit"),
        *passed_on_bindings(),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        server: Callable[[], Host],
        state: Callable[[], ConnectionState],
        was_ever_connected: bool,
        connect: Callable[[str], Awaitable[None]],
        try_now: Callable[[], None],
        clock: Callable[[], float],
        opened_by_itself: bool,
        write: Callable[[str], None] | None = None,
    ) -> None:
        """``connect`` goes to an address and raises ``Failure`` for what is none.

        ``write`` is given, when this screen has closed, what was typed here and meant for the prompt.
        """
        super().__init__()
        self.theme = theme
        self.glyphs = glyphs
        self._server = server
        self._state = state
        self._was_ever_connected = was_ever_connected
        self._connect = connect
        self._try_now = try_now
        self._clock = clock
        self._shield = Shield(clock, is_up=opened_by_itself)
        self._write = write
        self._typed = ""
        """Letters that were ignored because this screen had only just opened."""
        self._is_left = False
        """Somebody began to write: what else comes here before this screen is gone belongs to it."""
        self._refused: Failure | None = None
        self._start: Callable[[], Awaitable[None]] | None = None
        self._log: Callable[[], tuple[str, ...]] = tuple

    def offer_start(self, start: Callable[[], Awaitable[None]], log: Callable[[], tuple[str, ...]]) -> None:
        """There is an ollama on this machine. ``start`` runs it and raises ``Failure``; ``log`` is what it says."""
        is_new = self._start is None
        self._start, self._log = start, log
        if is_new and self.is_mounted:
            self._show_rows(keep=START if self.query_one(RowList).marked == DEMO else self.query_one(RowList).marked)

    def compose(self) -> ComposeResult:
        def line(name: str | None = None, ground: str = "background") -> Line:
            return Line(theme=self.theme, glyphs=self.glyphs, name=name, ground=ground)

        with Vertical():
            yield line("name")
            yield line()
            yield line("what")
            yield line("why")
            yield line("next")
            yield RowList(theme=self.theme, glyphs=self.glyphs, ground="background")
            with Vertical(id="entry"):
                yield FilterInput(placeholder="http://gpu-box:11434")
            yield line("keys")
            yield TextRows(theme=self.theme, glyphs=self.glyphs, ground="background")
        yield line("footer", "surface")

    def on_mount(self) -> None:
        self.query_one("#name", Line).show((("chinwag", "accent!"),))
        is_up = self._state().link is Link.up
        usual = RETRY if self._was_ever_connected else DEMO
        self._show_rows(keep=ADDRESS if is_up else START if self._start is not None else usual)
        self.set_interval(TELL_SECONDS, self.tell)
        self.tell()

    def connected(self) -> None:
        """The server answers: there is nothing to do here any more, unless somebody is writing an address."""
        if self._is_writing and self._entry.value:
            self.tell()
        elif self.is_current:
            self.dismiss(False)

    def tell(self) -> None:
        """Writes down the connection's state as it is."""
        state, server, dot = self._state(), self._server(), self.glyphs.separator
        address = clean_line(server.url, ADDRESS_CELLS)
        words = {
            Link.up: "connected to ",
            Link.starting: "Ollama is starting at ",
            Link.trying: "asking for Ollama at ",
            Link.down: "no answer from Ollama at ",
        }
        source = f" {dot} {SOURCE_WORDS.get(server.source, '')}" if server.source in SOURCE_WORDS else ""
        self.query_one("#what", Line).show(
            ((words[state.link], "foreground"), (address, "foreground!"), (source, "muted"))
        )
        self.query_one("#why", Line).show(self._why(state))
        self._show_log()
        failure = self._refused or state.failure
        advice = "" if failure is None else failure.advice
        self.query_one("#next", Line).show(((clean_line(advice, 160), "muted"),))
        keys = (("enter", "go there"), ("esc", "back")) if self._is_writing else (("enter", "do it"), ("esc", "back"))
        self.query_one("#keys", Line).show(key_parts(keys))
        self.query_one("#footer", Line).show(self._footer(state), (("ctrl+q", "accent"), (" quit ", "muted")))

    def _why(self, state: ConnectionState) -> Parts:
        dot = self.glyphs.separator
        if self._refused is not None:
            because = clean_line(self._refused.message, 160)
            return (
                (clean_line(self._refused.title, 60), "error"),
                (f" {dot} {because}" if because else "", "muted"),
            )
        failure = state.failure
        again = ""
        if state.next_try_at is not None:
            left = max(0.0, state.next_try_at - self._clock())
            again = f" {dot} next try in {left:.0f} s" if left >= 0.5 else f" {dot} trying"
        why = "" if failure is None else clean_line(failure.message or failure.title, 90)
        # The line above names it.
        why = why.replace(f" ({clean_line(self._server().url, ADDRESS_CELLS)})", "")
        return ((f"{why}{again}", "muted"),)

    def _footer(self, state: ConnectionState) -> Parts:
        if state.link is Link.up:
            return ((f" {self.glyphs.done} connected", "success"),)
        waited = 0.0 if state.down_since is None else self._clock() - state.down_since
        return ((f" {self.glyphs.waiting} waiting  ", "muted"), (f"{waited:.0f} s", "foreground"))

    def _show_rows(self, *, keep: str) -> None:
        rows = []
        for what, (words, more) in WORDS.items():
            if what == START and self._start is None:
                continue
            key = "enter" if what == keep else LETTERS[what]
            rows.append(Row(key=what, left=((f" {key:<7}", "accent"), (f"{words:<28}", "foreground"), (more, "muted"))))
        self.query_one(RowList).styles.height = len(rows)
        self.query_one(RowList).show(tuple(rows), keep=keep)

    def on_row_list_marked(self, event: RowList.Marked) -> None:
        self._show_rows(keep=event.key)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        self.action_pick(event.key)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._refused = None
        self.tell()

    @property
    def _entry(self) -> FilterInput:
        return self.query_one(FilterInput)

    @property
    def _is_writing(self) -> bool:
        return self.query_one("#entry").has_class("-open")

    def on_key(self, event: events.Key) -> None:
        """Letters that do nothing here were meant for the prompt, and those before them as well."""
        letter = event.character
        if self._is_writing or letter is None or not event.is_printable:
            return
        is_pick = letter in LETTERS.values() and (letter != LETTERS[START] or self._start is not None)
        if is_pick and not self._is_left:
            return
        event.stop()
        event.prevent_default()
        typed, self._typed = self._typed + letter, ""
        if self.is_current and not self._is_left:
            self.dismiss(False)
        self._is_left = True
        if self._write is not None:
            self._write(typed)

    async def action_use(self) -> None:
        if self._shield.takes_key():
            return
        if not self._is_writing:
            self.action_pick(self.query_one(RowList).marked)
        elif address := self._entry.value.strip():
            await self._go_to(address)

    async def _go_to(self, address: str) -> None:
        try:
            await self._connect(address)
        except Failure as failure:
            self._refused = failure
        else:
            self._refused = None
            self._close_entry()
            self._show_rows(keep=RETRY)
            if self._state().link is Link.up:
                self.connected()
        self.tell()

    def action_pick(self, what: str) -> None:
        if not what:
            return
        if self._shield.takes_key():
            self._typed += LETTERS[what]
            return
        self._show_rows(keep=what)
        if what == DEMO:
            self.dismiss(True)
        elif what == RETRY:
            self._try_now()
        elif what == START and self._start is not None:
            self.run_worker(self._start_server(self._start), exclusive=True, group="starting")
        else:
            self.query_one("#entry").add_class("-open")
            self._entry.focus()
            self.tell()

    async def _start_server(self, start: Callable[[], Awaitable[None]]) -> None:
        self._refused = None
        try:
            await start()
        except Failure as failure:
            self._refused = failure
        self.tell()

    def _show_log(self) -> None:
        lines = self._log()[-LOG_ROWS:]
        rows = self.query_one(TextRows)
        rows.styles.height = len(lines)
        rows.show(((line, "muted"), ("", "muted")) for line in lines)

    def action_move(self, steps: int) -> None:
        if not self._shield.takes_key() and not self._is_writing:
            self.query_one(RowList).move(steps)

    def action_back(self) -> None:
        if self._shield.takes_key():
            return
        if self._is_writing:
            self._refused = None
            self._close_entry()
            self.tell()
        else:
            self.dismiss(False)

    def leave(self) -> None:
        if not self._shield.takes_key():
            self.dismiss(False)

    def _close_entry(self) -> None:
        self.query_one("#entry").remove_class("-open")
        self.set_focus(None)
