"""The encoder's screens against Textual's own, cell by cell, after every single update."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App, ComposeResult
from textual.geometry import Offset, Region, Size
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, RichLog, Static, TextArea

from tests.emulator import Emulator
from tui.app.terminal.encoder import Encoder, TerminalAbilities, read_abilities

CONSOLE = Console(color_system="truecolor", force_terminal=True)
SYNCHRONISED = "\x1b[?2026h"


class Pair:
    """Two terminals: one fed by Textual's encoder, the other by ours."""

    def __init__(self, columns: int, rows: int, *, abilities: TerminalAbilities | None = None) -> None:
        self.encoder = Encoder(abilities or TerminalAbilities())
        self.theirs, self.ours = Emulator(columns, rows), Emulator(columns, rows)
        for emulator in (self.theirs, self.ours):
            emulator.feed(b"\x1b[?7l")
        self.their_bytes = self.our_bytes = 0
        self.last = ""

    @property
    def size(self) -> Size:
        return Size(self.ours.columns, self.ours.rows)

    def resize(self, columns: int, rows: int) -> None:
        for emulator in (self.theirs, self.ours):
            emulator.resize(columns, rows)

    def show(self, update: CompositorUpdate, cursor: Offset = Offset(0, 0)) -> None:  # noqa: B008 - a value
        theirs = update.render_segments(CONSOLE) + f"\x1b[{cursor.y + 1};{cursor.x + 1}H"
        assert isinstance(update, LayoutUpdate | ChopsUpdate)
        self.last = self.encoder.encode(update, size=self.size, cursor=cursor)
        self.theirs.feed(theirs.encode())
        self.ours.feed(self.last.encode())
        self.their_bytes += len(theirs.encode())
        self.our_bytes += len(self.last.encode())
        if self.encoder.has_gaps:
            # Part of a picture for another size: Textual's is wrong until the whole one comes.
            assert isinstance(update, ChopsUpdate)
            assert self.last == ""
            return
        assert differences(self.theirs, self.ours) == []
        assert self.ours.cursor == (cursor.x, cursor.y)


def differences(a: Emulator, b: Emulator) -> list[str]:
    """The cells that look different; the colour of a blank is not seen."""
    return [
        f"{column},{row}: {one} {other}"
        for row in range(a.rows)
        for column in range(a.columns)
        if (one := look(a, column, row)) != (other := look(b, column, row))
    ]


def look(emulator: Emulator, column: int, row: int) -> tuple[object, ...]:
    cell = emulator.screen.buffer[row][column]
    lines = (cell.underscore, cell.strikethrough, cell.reverse)
    if not cell.data.strip():
        # The second half of a wide character has no text, and stays when the first one goes: only pyte does that.
        return (" ", cell.bg, *lines, cell.fg if any(lines) else None)
    return (cell.data, cell.bg, *lines, cell.fg, cell.bold, cell.italics, cell.blink)


# ---------------------------------------------------------------------- an app that does everything


class Asks(ModalScreen[None]):
    CSS = "Asks { align: center middle; } #box { width: 30; height: 5; border: round green; background: $surface; }"
    BINDINGS = [("escape", "dismiss")]  # noqa: RUF012 - as Textual has it

    def compose(self) -> ComposeResult:
        yield Static("really? 日本 🙂", id="box")
        yield Input(placeholder="type")


class Everything(App[None]):
    CSS = "RichLog { height: 1fr; scrollbar-size-vertical: 1; } TextArea { height: 5; } #status { height: 1; }"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.updates = 0
        super().__init__()

    def compose(self) -> ComposeResult:
        yield RichLog(id="log", wrap=True, markup=True)
        yield Static("ready", id="status")
        yield TextArea(id="text")

    def on_mount(self) -> None:
        self.query_one(TextArea).focus()

    def _display(self, screen: Any, renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate) and not self._batch_count and self._running:
            if self.size != self.pair.size:
                self.pair.resize(*self.size)
            self.updates += 1
            try:
                self.pair.show(renderable, self.screen.outer_size.clamp_offset(self.cursor_position))
            except BaseException as error:  # noqa: BLE001 - told by the test, past the app's own handling
                self.failed = self.failed or error
        super()._display(screen, renderable)

    failed: BaseException | None = None


async def typing(app: Everything, pilot: Pilot[None]) -> None:
    await pilot.press(*"hello there", "enter", *"wide ", "日", "本", "é", "🙂", "backspace", "left", "left", "x")
    await pilot.press("shift+home", "delete", "ctrl+z", "up", "end")


async def scrolling(app: Everything, pilot: Pilot[None]) -> None:
    log = app.query_one(RichLog)
    for number in range(60):
        log.write(f"[bold]{number}[/] some [red]text[/] of [on blue]line {number}[/] " + "word " * (number % 20))
        if number % 3 == 0:
            await pilot.pause()
    for _ in range(4):
        log.scroll_up(animate=False)
        await pilot.pause()
    log.scroll_home(animate=False)
    await pilot.pause()
    log.scroll_page_down(animate=False)
    await pilot.pause()


async def modals(app: Everything, pilot: Pilot[None]) -> None:
    app.query_one(RichLog).write("behind " * 60)
    await app.push_screen(Asks())
    await pilot.pause()
    await pilot.press(*"abc")
    app.query_one("#status", Static).update("changed behind")
    await pilot.pause()
    await pilot.press("escape", "z")


async def resizing(app: Everything, pilot: Pilot[None]) -> None:
    log = app.query_one(RichLog)
    log.write("一二三四五六七八九十" * 12)
    for size in ((40, 12), (97, 30), (20, 8), (60, 20)):
        await pilot.resize_terminal(*size)
        await pilot.pause()
        log.write("after")
        await pilot.pause()


async def streaming(app: Everything, pilot: Pilot[None]) -> None:
    status, text = app.query_one("#status", Static), app.query_one(TextArea)
    for number in range(40):
        status.update(f"● answering {number / 10:.1f} s  ~87.2 tok/s ▂▅▆▇ {number} tokens — “quoted”")
        text.insert(["word ", "日本 ", "🙂 ", "e\u0301\u0302 ", "\n", "ที่นี่ "][number % 6])
        await pilot.pause()


Run = Callable[[Everything, Pilot[None]], Awaitable[None]]
RUNS: list[Run] = [typing, scrolling, modals, resizing, streaming]
ABILITIES = {
    "everything": TerminalAbilities(),
    "screen": TerminalAbilities(erases_with_background=False),
    "vt100": TerminalAbilities(erases=False),
    "chinese": TerminalAbilities(is_ambiguous_wide=True),
}


@pytest.mark.parametrize(
    ("abilities", "run"),
    [
        *[("everything", run) for run in RUNS],
        *[(name, run) for name in ABILITIES if name != "everything" for run in (scrolling, modals)],
    ],
)
async def test_every_picture_of_a_run_is_textuals_own(abilities: str, run: Run) -> None:
    pair = Pair(60, 20, abilities=ABILITIES[abilities])
    app = Everything(pair)
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        await run(app, pilot)
        if app.failed is not None:
            raise app.failed
        assert app.updates > 8
        if abilities == "everything" and run is not resizing:
            assert pair.our_bytes < pair.their_bytes / 3


# ---------------------------------------------------------------------- pictures out of thin air

STYLES = [
    None,
    Style(),
    Style(color="red"),
    Style(bgcolor="blue"),
    Style(color="#102030", bgcolor="#405060", bold=True),
    Style(underline=True),
    Style(reverse=True, color="green"),
    Style(dim=True, italic=True),
    Style(strike=True, bgcolor="yellow"),
    Style(color="color(200)", bold=True),
]
WORDS = [
    "a",
    "word",
    " ",
    "      ",
    "            ",
    "日本",
    "é",
    "e\u0301",
    "─│▌",
    "x日",
    "ü…",
    "🙂",
]
SEGMENTS = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(STYLES)).map(lambda pair: Segment(*pair)), max_size=8
)


def row_of(segments: list[Segment], width: int) -> Strip:
    return Strip(segments).adjust_cell_length(width)


@st.composite
def pictures(draw: st.DrawFn) -> list[list[Strip]]:
    """Pictures of 6 rows, of which many keep or move rows of the one before."""
    width, height = 24, 6
    before = [row_of(draw(SEGMENTS), width) for _ in range(height)]
    result = [before]
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["up", "down", "some", "all", "same"]))
        rows = draw(st.integers(1, 3))
        if kind == "up":
            after = before[rows:] + [row_of(draw(SEGMENTS), width) for _ in range(rows)]
        elif kind == "down":
            after = [row_of(draw(SEGMENTS), width) for _ in range(rows)] + before[:-rows]
        elif kind == "some":
            after = list(before)
            after[draw(st.integers(0, height - 1))] = row_of(draw(SEGMENTS), width)
        elif kind == "all":
            after = [row_of(draw(SEGMENTS), width) for _ in range(height)]
        else:
            after = list(before)
        result.append(after)
        before = after
    return result


def whole(rows: list[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[row] for row in rows], Region(0, 0, rows[0].cell_length, len(rows)))


@settings(max_examples=150)
@given(pictures(), st.sampled_from(list(ABILITIES.values())))
def test_any_pictures_one_after_another(shown: list[list[Strip]], abilities: TerminalAbilities) -> None:
    pair = Pair(24, 6, abilities=abilities)
    for number, rows in enumerate(shown):
        pair.show(whole(rows), Offset(number, number % 6))


@settings(max_examples=100)
@given(pictures(), st.data())
def test_any_parts_of_pictures(shown: list[list[Strip]], data: st.DataObject) -> None:
    """As the compositor sends them: rows cut where widgets meet, of which some spans are drawn anew."""
    pair = Pair(24, 6)
    cuts = [0, *sorted(data.draw(st.sets(st.integers(1, 23), max_size=3))), 24]
    ends = cuts[1:]
    pair.show(LayoutUpdate([row.divide(ends) for row in shown[0]], Region(0, 0, 24, 6)))
    for rows in shown[1:]:
        chops = [dict(zip(cuts, row.divide(ends), strict=False)) for row in rows]
        spans: list[tuple[int, int, int]] = []
        for row in sorted(data.draw(st.sets(st.integers(0, 5), min_size=1))):
            start, end = sorted((data.draw(st.sampled_from(cuts)), data.draw(st.sampled_from(cuts))))
            spans.append((row, start, end))
        pair.show(ChopsUpdate(chops, spans, [ends] * 6))


def test_rows_that_are_not_drawn_anew_survive_a_scroll_across_them() -> None:
    pair = Pair(24, 6)
    rows = [row_of([Segment(letter * 20)], 24) for letter in "abcdef"]
    pair.show(whole(rows))
    moved = rows[2:] + rows[:2]
    pair.show(ChopsUpdate([{0: row} for row in moved], [(row, 0, 24) for row in range(4)], [[24]] * 6))
    assert "".join(row[0] for row in pair.ours.lines()) == "cdefef"


# ---------------------------------------------------------------------- what is sent


def plain(*lines: str, width: int = 40) -> LayoutUpdate:
    return whole([row_of([Segment(line)], width) for line in lines])


def shown(*lines: str, width: int = 40) -> Pair:
    pair = Pair(width, len(lines))
    pair.show(plain(*lines, width=width))
    return pair


def test_the_same_picture_again_is_not_one_byte() -> None:
    pair = shown("one", "two", "three")
    pair.show(plain("one", "two", "three"))
    assert pair.last == ""


def test_a_typed_letter_is_little_more_than_the_letter() -> None:
    pair = shown("> hell", "", "status")
    pair.show(plain("> hell", "", "status"), Offset(6, 0))
    pair.show(plain("> hello", "", "status"), Offset(7, 0))
    assert pair.last == "o"


def test_a_scrolled_page_sends_the_new_row_alone() -> None:
    lines = [f"line {number} of a longer text" for number in range(12)]
    pair = shown(*lines, "status")
    pair.show(plain(*lines[1:], "the new line", "status"))
    assert "line 5" not in pair.last
    assert len(pair.last) < 60
    pair.show(plain(*lines, "status"))
    assert "line 5" not in pair.last
    assert "line 0 of" in pair.last


def test_blanks_are_erased_not_written() -> None:
    pair = shown("x" * 40, "x" * 10 + "y" * 20 + "z" * 10)
    pair.show(plain("x", "x" * 10 + " " * 20 + "z" * 10))
    assert " " not in pair.last
    assert "\x1b[K" in pair.last
    assert "\x1b[20X" in pair.last


def test_a_row_of_uncertain_width_is_sent_whole_and_placed() -> None:
    pair = shown("a 🙂 b c d e f g", "second")
    pair.show(plain("a 🙂 b c d e f h", "second"))
    assert pair.last.startswith("a ")
    assert "🙂\x1b[5G" in pair.last
    assert "second" not in pair.last


@pytest.mark.parametrize("cluster", ["👩\u200d💻", "✈\ufe0f", "🇩🇪", "\ue0b0", "\U000f0001", "นี่", "क्षि", "\u0301"])
def test_what_stands_behind_a_character_of_uncertain_width_stands_right(cluster: str) -> None:
    """The emulator knows nothing of joined emoji: it is one of the terminals that disagree."""
    line = row_of([Segment(f"a {cluster} behind")], 40)
    column = Strip([Segment(f"a {cluster} ")]).cell_length
    pair = Pair(40, 1)
    for text in ("x" * 40, None, "y" * 40, None):
        row = line if text is None else row_of([Segment(text)], 40)
        sent = pair.encoder.encode(whole([row]), size=pair.size, cursor=Offset(0, 0))
        pair.ours.feed(sent.encode())
        cells = [pair.ours.screen.buffer[0][at].data for at in range(40)]
        if text is None:
            assert "".join(cells[column : column + 6]) == "behind"
            assert cells[0] == "a"
            assert not set(cells) & {"x", "y"}
        else:
            assert cells == list(text)


def test_only_what_changes_of_a_pen_is_sent() -> None:
    style = Style(color="#010203", bgcolor="#040506", bold=True)
    pair = Pair(20, 1)
    pair.show(whole([row_of([Segment("one", style), Segment("two", style + Style(color="#070809"))], 20)]))
    assert "\x1b[38;2;7;8;9m" in pair.last
    assert pair.last.count("48;2;4;5;6") == 1


def test_links_are_part_of_what_is_compared() -> None:
    pair = shown("see here", "")
    linked = [Segment("see "), Segment("here", Style(link="https://example.org/"))]
    pair.show(whole([row_of(linked, 40), row_of([], 40)]))
    assert ";https://example.org/\x1b\\here\x1b]8;;\x1b\\" in pair.last or "https://example.org/" in pair.last
    pair.show(plain("see here", "x"))
    assert "here\x1b" in pair.last or "here" in pair.last
    assert pair.last.index("\x1b]8;;\x1b\\") < pair.last.index("here")


def test_several_rows_are_one_picture_where_the_terminal_can() -> None:
    encoder = Encoder(TerminalAbilities())
    arguments = {"size": Size(40, 2), "cursor": Offset(0, 0), "is_synchronised": True}
    assert encoder.encode(plain("a", "b"), **arguments).startswith(SYNCHRONISED)  # type: ignore[arg-type]
    assert SYNCHRONISED not in encoder.encode(plain("ax", "b"), **arguments)  # type: ignore[arg-type]
    assert encoder.encode(plain("ax", "b"), **arguments) == ""  # type: ignore[arg-type]


def test_after_forgetting_everything_is_sent_again() -> None:
    pair = shown("one", "two")
    first = pair.our_bytes
    pair.encoder.forget()
    for emulator in (pair.theirs, pair.ours):
        emulator.feed(b"\x1b[41m\x1b[2J garbage \x1b[m\x1b[5;3H")
    pair.show(plain("one", "two"))
    assert not pair.encoder.has_gaps
    assert len(pair.last) >= first


@pytest.mark.parametrize(
    "control", ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\r", "\n", "\x00", "\x07", "\x7f", "\ud800"]
)
def test_no_control_character_of_a_text_gets_through(control: str) -> None:
    encoder = Encoder(TerminalAbilities())
    segments = [Segment(f"a{control}b", Style(bold=True)), Segment(f"日🙂{control}e\u0301")]
    text = encoder.encode(whole([Strip(segments)]), size=Size(Strip(segments).cell_length, 1), cursor=Offset(0, 0))
    emulator = Emulator(Strip(segments).cell_length, 1)
    emulator.feed(text.encode())
    assert emulator.title == ""
    assert not set(text) & (set(map(chr, range(0x20))) - {"\x1b", "\r"})
    assert control not in text.replace("\r", "") or control == "\r"


def test_a_link_with_a_control_character_is_no_link() -> None:
    encoder = Encoder(TerminalAbilities())
    evil = Style(link="https://x/\x1b\\\x1b[2J")
    assert "]8;" not in encoder.encode(whole([Strip([Segment("here", evil)])]), size=Size(4, 1), cursor=Offset(0, 0))


def test_more_kinds_of_cells_than_there_are_numbers_for() -> None:
    pair = Pair(40, 1)
    for start in range(0x4E00, 0x4E00 + 3000, 15):
        line = "".join(chr(code) + "\u0301" for code in range(start, start + 15))
        text = pair.encoder.encode(whole([row_of([Segment(line)], 40)]), size=pair.size, cursor=Offset(0, 0))
        assert chr(start) in text
    assert not pair.encoder.has_gaps


def test_what_a_terminal_can_is_read_from_its_name() -> None:
    def read(**environ: str) -> TerminalAbilities:
        return read_abilities(environ, color_system=ColorSystem.EIGHT_BIT)

    assert read(TERM="xterm-256color") == TerminalAbilities(color_system=ColorSystem.EIGHT_BIT)
    assert read(TERM="screen-256color", TMUX="/tmp/x").erases_with_background
    assert not read(TERM="screen-256color").erases_with_background
    assert not read(TERM="vt100").erases
    assert read(TERM="xterm", LANG="ja_JP.UTF-8").is_ambiguous_wide
    assert not read(TERM="xterm", LANG="ja_JP.UTF-8", LC_ALL="C.UTF-8").is_ambiguous_wide


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (3, 10), (2, 1), (500, 3)])
def test_any_size_of_terminal(columns: int, rows: int) -> None:
    pair = Pair(columns, rows)
    for text in ("x" * columns, "日本🙂e\u0301", "", "a b" * columns):
        pair.show(whole([row_of([Segment(text, Style(bgcolor="red"))], columns) for _ in range(rows)]))


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_becomes_as_many_cells_as_textual_measures(text: str) -> None:
    strip = Strip([Segment(text, Style(bold=True)), Segment("!")])
    width = strip.cell_length
    sent = Encoder(TerminalAbilities()).encode(whole([strip]), size=Size(width, 1), cursor=Offset(0, 0))
    assert not set(sent) & (set(map(chr, [*range(0x20), *range(0x7F, 0xA0)])) - {"\x1b", "\r"})
    sent.encode()
