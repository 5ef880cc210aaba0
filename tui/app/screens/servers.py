"""The servers: which there are, how each of them is, and what it has in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.screens.entry import Blank, EntryScreen
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.screens.models_details import gpu_share
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row, RowList
from tui.app.widgets.text_rows import TextRows
from tui.chat.servers import ServerLook
from tui.cleaning import clean_line
from tui.engine import EngineError, Host, RunningModel
from tui.failures import Failure
from tui.metrics.wording import context_text, left_text, plural, seconds_text, size_text
from tui.ollama.gpu import Gpu, Machine
from tui.settings.hosts import HostBook, NamedHost, checked_host, put_host, remove_host
from tui.theming.values import Theme

LOOK_SECONDS = 2.0
"""How often the server that is talked with is asked again while this is open."""
NAME_CELLS = 40
URL_CELLS = 60
ABOUT_ROWS = 9
WIDE_CELLS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEntry:
    """One row. ``named`` is None for a server that is not written down."""

    host: Host
    named: NamedHost | None = None


def gpu_words(gpu: Gpu, dot: str) -> str:
    """``87 % busy · 61 °C · 312 W · 18.2 of 24.0 GB``; what a card does not say is left out."""
    words = []
    if gpu.busy_percent is not None:
        words.append(f"{gpu.busy_percent} % busy")
    if gpu.celsius is not None:
        words.append(f"{gpu.celsius} °C")
    if gpu.watts is not None:
        words.append(f"{gpu.watts:.0f} W")
    if gpu.total_bytes is not None and gpu.used_bytes is not None:
        words.append(f"{gpu.used_bytes / 1e9:.1f} of {size_text(gpu.total_bytes)} in use")
    return f" {dot} ".join(words)


class ServersScreen(ListScreen):
    """Gives back the address of the server to go to."""

    DEFAULT_CSS = f"""
    ServersScreen TextRows {{ height: {ABOUT_ROWS}; margin-top: 1; }}
    ServersScreen.-tiny TextRows {{ height: 3; margin-top: 0; }}
    ServersScreen.-low TextRows {{ height: 6; }}
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+r", "look_again", show=False, priority=True, id="list.refresh"),
        Binding("alt+a", "add", show=False, priority=True, id="servers.add"),
        Binding("alt+e", "edit", show=False, priority=True, id="servers.change"),
        Binding("alt+d", "strike_out", show=False, priority=True, id="list.delete"),
        Binding("ctrl+underscore,ctrl+shift+minus,ctrl+slash", "undo", show=False, priority=True, id="list.undo"),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        entries: Callable[[], tuple[ServerEntry, ...]],
        current: str,
        look: Callable[[Host], Awaitable[ServerLook]],
        machine: Callable[[], Awaitable[Machine]],
        change: Callable[[Callable[[Path], HostBook]], Awaitable[HostBook]],
        now: Callable[[], datetime],
        has_keys_elsewhere: str,
    ) -> None:
        """``entries`` are asked again after every change; ``current`` is the address that is talked with.

        ``machine`` is what this computer says; it is asked only for a server that runs here. ``has_keys_elsewhere``
        says in which file keys can stand.
        """
        super().__init__(title="Servers", theme=theme, glyphs=glyphs, is_tall=True)
        self._entries = entries
        self._current = current
        self._look = look
        self._read_machine = machine
        self._change = change
        self._now = now
        self._keys_file = has_keys_elsewhere
        self._looks: dict[str, ServerLook] = {}
        self._machine = Machine()
        self._struck_out: list[NamedHost] = []
        self._said: tuple[str, str] | None = None
        self._looking: set[str] = set()

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = Content("Servers")
            with Horizontal():
                yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="marker")
                yield FilterInput(placeholder="type to filter")
            yield RowList(theme=self.theme, glyphs=self.glyphs)
            yield TextRows(theme=self.theme, glyphs=self.glyphs)
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="note")
            yield Line(theme=self.theme, glyphs=self.glyphs, ground="overlay", name="keys")

    def on_mount(self) -> None:
        super().on_mount()
        self.refresh_rows(keep=self._current)
        self.action_look_again()
        self.set_interval(LOOK_SECONDS, self._look_at_current)

    # Looking

    def action_look_again(self) -> None:
        for entry in self._entries():
            self._begin_look(entry.host)

    def _look_at_current(self) -> None:
        entry = self._find(self._current)
        if entry is not None:
            self._begin_look(entry.host)

    def _begin_look(self, host: Host) -> None:
        """One look at a time at each server, and each without waiting for the others."""
        if host.url not in self._looking:
            self._looking.add(host.url)
            self.run_worker(self._look_at(host), group=f"look at {host.url}")

    async def _look_at(self, host: Host) -> None:
        try:
            self._looks[host.url] = await self._look(host)
            self.refresh_rows(keep=self.list.marked)
            if _is_here(host):
                self._machine = await self._read_machine()
                self.refresh_note()
        finally:
            self._looking.discard(host.url)

    # What is shown

    def _find(self, key: str) -> ServerEntry | None:
        return next((one for one in self._entries() if one.host.url == key), None)

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        entries = self._entries()
        up = sum(one.health is not None for one in self._looks.values())
        self.show_counts(f"{plural(len(entries), 'server')} · {up} up")
        words = typed.casefold().split()
        fitting = (
            one for one in entries if all(word in f"{one.host.name} {one.host.url}".casefold() for word in words)
        )
        return tuple(self._row(one, typed.strip()) for one in fitting)

    def _row(self, entry: ServerEntry, typed: str) -> Row:
        host, width = entry.host, self.app.size.width
        is_current = host.url == self._current
        dot = (f" {self.glyphs.busy} ", "accent") if is_current else ("   ", "muted")
        name = clean_line(host.name, NAME_CELLS)
        role = "foreground!" if is_current else "foreground"
        url = clean_line(host.url, URL_CELLS)
        address: Parts = ((f"  {url}", "muted"),) if width >= 90 and url != name else ()
        return Row(key=host.url, left=(dot, *highlight(name, typed, role), *address), right=self._state_parts(host))

    def _state_parts(self, host: Host) -> Parts:
        look = self._looks.get(host.url)
        if look is None:
            return (("asking … ", "muted"),)
        if look.health is None:
            return (("no answer " if isinstance(look.failure, EngineError) else "no key ", "error"),)
        loaded = f"{len(look.running)} loaded" if look.running else "nothing loaded"
        health = look.health
        version = f"{clean_line(health.version, 12)}  " if self.app.size.width >= 70 else ""
        return (
            (f"{loaded:>15}  ", "success" if look.running else "muted"),
            (version, "muted"),
            (f"{_latency_words(health.answered_in_seconds):>7} ", "foreground"),
        )

    def refresh_note(self) -> None:
        super().refresh_note()
        self.query_one(TextRows).show(self._about(self.list.marked))

    def _about(self, key: str) -> Iterator[Parts]:
        entry, look, dot = self._find(key), self._looks.get(key), self.glyphs.separator
        if entry is None:
            return
        if look is None:
            yield (("asking …", "muted"),)
            return
        if look.failure is not None:
            why = f" {dot} ".join(
                one for one in (look.failure.message or look.failure.title, look.failure.advice) if one
            )
            yield ((clean_line(why, 200), "error"),)
        for running in look.running:
            yield self._running_parts(running)
        if look.health is not None and not look.running:
            yield (("nothing is loaded", "muted"),)
        if _is_here(entry.host):
            yield from self._machine_lines()

    def _running_parts(self, running: RunningModel) -> Parts:
        dot = self.glyphs.separator
        words = [one for one in (gpu_share(running),) if one]
        if running.size_bytes is not None:
            words.insert(0, size_text(running.size_bytes))
        if running.context_tokens is not None:
            words.append(f"context {context_text(running.context_tokens)}")
        if running.expires_at is not None:
            words.append(left_text(running.expires_at, self._now()))
        return (
            (f"{self.glyphs.busy} ", "success"),
            (f"{clean_line(running.name, 32):<24}", "foreground"),
            (f"  {f' {dot} '.join(words)}", "muted"),
        )

    def _machine_lines(self) -> Iterator[Parts]:
        machine, dot = self._machine, self.glyphs.separator
        for gpu in machine.gpus:
            yield ((f"  {clean_line(gpu.name, 32):<24}", "foreground"), (f"  {gpu_words(gpu, dot)}", "muted"))
        if machine.ram_free_bytes is not None and machine.ram_total_bytes is not None:
            words = f"{size_text(machine.ram_free_bytes)} of {size_text(machine.ram_total_bytes)} free"
            yield ((f"  {'memory here':<24}", "foreground"), (f"  {words}", "muted"))

    def note_for(self, key: str) -> Parts:
        if self._said is not None:
            return (self._said,)
        entry = self._find(key)
        if entry is None:
            return (("no server fits", "muted"),)
        if entry.named is None:
            return ((f"not written down {self.glyphs.separator} alt+e gives it a name", "muted"),)
        named, dot = entry.named, self.glyphs.separator
        words = [f"key from {named.api_key_variable}"] if named.api_key_variable else []
        if named.ca_file:
            words.append(f"certificates of {clean_line(named.ca_file, 40)}")
        if named.memory_bytes:
            words.append(f"{size_text(named.memory_bytes)} on its gpus")
        return ((f" {dot} ".join(words), "muted"),)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        undo = (("ctrl+_", "undo"),) if self._struck_out else ()
        return (
            ("enter", "go there"),
            ("alt+a", "add"),
            ("alt+e", "change"),
            ("alt+d", "remove"),
            *undo,
            *((("alt+r", "ask again"),) if self.app.size.width >= WIDE_CELLS else ()),
            ("esc", "back"),
        )

    def action_move(self, steps: int) -> None:
        self._said = None
        super().action_move(steps)
        self.refresh_note()

    def action_page(self, direction: int) -> None:
        self._said = None
        super().action_page(direction)
        self.refresh_note()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._said = None
        super().on_input_changed(event)

    # Writing down

    def action_add(self) -> None:
        self._fill_in(NamedHost(name="", address=""), title="Add a server", instead_of="")

    def action_edit(self) -> None:
        entry = self._find(self.list.marked)
        if entry is None:
            return
        if entry.named is None:
            self._fill_in(NamedHost(name="", address=entry.host.url), title="Name this server", instead_of="")
        else:
            title = f"Change {clean_line(entry.named.name, NAME_CELLS)}"
            self._fill_in(entry.named, title=title, instead_of=entry.named.name)

    def _fill_in(self, host: NamedHost, *, title: str, instead_of: str) -> None:
        memory = "" if host.memory_bytes is None else f"{host.memory_bytes / 1e9:g}"

        def filled(values: tuple[str, ...] | None) -> None:
            if values is not None:
                new = _host_of(values, host)
                self._keep(lambda file: put_host(file, new, instead_of=instead_of), f"{new.name} is written down", new)

        self.app.push_screen(
            EntryScreen(
                title=title,
                blanks=(
                    Blank(words="name", value=host.name, placeholder="gpu-box"),
                    Blank(words="address", value=host.address, placeholder="gpu-box:11434 or https://example.com"),
                    Blank(words="variable with its key", value=host.api_key_variable, placeholder="none"),
                    Blank(words="file of certificates", value=host.ca_file, placeholder="the machine's own"),
                    Blank(words="GB on its gpus", value=memory, placeholder="not known"),
                ),
                about=f'no key here: name its variable, or write api_key = "…" under [name] in {self._keys_file}',
                done_word="keep",
                check=lambda values: self._check(values, host, instead_of),
                theme=self.theme,
                glyphs=self.glyphs,
            ),
            filled,
        )

    def _check(self, values: tuple[str, ...], host: NamedHost, instead_of: str) -> None:
        new = checked_host(_host_of(values, host))
        named = [one.named for one in self._entries() if one.named is not None]
        if any(one.name.casefold() == new.name.casefold() and one.name != instead_of for one in named):
            raise Failure(f"{new.name} is there already", "choose another name")

    def action_strike_out(self) -> None:
        entry = self._find(self.list.marked)
        if entry is None:
            return
        if entry.named is None:
            self._said = ("it is not written down, so there is nothing to remove", "muted")
            self.refresh_note()
            return
        name = entry.named.name
        self._struck_out.append(entry.named)
        self._keep(lambda file: remove_host(file, name), f"removed {clean_line(name, NAME_CELLS)}")

    def action_undo(self) -> None:
        if self._struck_out:
            host = self._struck_out.pop()
            self._keep(lambda file: put_host(file, host), f"{clean_line(host.name, NAME_CELLS)} is back", host)

    def _keep(self, change: Callable[[Path], HostBook], done: str, host: NamedHost | None = None) -> None:
        async def run() -> None:
            try:
                await self._change(change)
            except Failure as failure:
                self._said = (clean_line(f"{failure.title}: {failure.message}", 160), "error")
            else:
                self._said = (done, "success")
                if host is not None:
                    self._looks.pop(host.host.url, None)
                    self._begin_look(host.host)
            self.refresh_rows(keep=host.host.url if host is not None else "")

        self.run_worker(run(), group="keeping")


def _latency_words(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else seconds_text(seconds)


def _host_of(values: tuple[str, ...], host: NamedHost) -> NamedHost:
    """Raises ``Failure`` for what is no number."""
    name, address, variable, ca_file, memory = values
    memory_bytes = None
    if memory:
        try:
            memory_bytes = round(float(memory.replace(",", ".")) * 1e9)
        except (ValueError, OverflowError) as error:
            raise Failure(f"{clean_line(memory, 20)} is no number of GB", "such as 24 or 79.6") from error
    return replace(
        host, name=name, address=address, api_key_variable=variable, ca_file=ca_file, memory_bytes=memory_bytes
    )


def _is_here(host: Host) -> bool:
    return host.is_loopback and host.source != "demo"
