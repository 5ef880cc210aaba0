"""What the transcript's tests share: a palette, messages, a look, and an app with nothing else in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime

from textual.app import App, ComposeResult
from textual.strip import Strip

from tui.app.glyphs import UNICODE
from tui.app.transcript.entry import Entry
from tui.app.transcript.look import Look
from tui.app.transcript.rows import Page, Row
from tui.app.transcript.styles import Styles
from tui.app.transcript.view import Transcript
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.theming.values import Palette, Theme

PALETTE = Palette(
    background="#14161a",
    surface="#1a1d23",
    overlay="#21252c",
    border="#3a414c",
    foreground="#d9dde3",
    muted="#98a1b0",
    accent="#f2a65a",
    selection="#33291c",
    user="#f2a65b",
    thinking="#a79be0",
    success="#8fc47f",
    warning="#e6c15c",
    error="#f0807c",
    code_background="#1b1f26",
    keyword="#c79bf0",
    string="#a3cc8a",
    number="#e5b567",
    comment="#949dac",
    function="#7fb8f2",
    type="#6ecbc0",
    operator="#b9c0cc",
    constant="#f2937f",
)
THEME = Theme(name="dark", is_dark=True, palette=PALETTE)
TERMINAL = Theme(
    name="terminal",
    is_dark=True,
    palette=replace(Palette(**{field.name: "default" for field in fields(Palette)}), accent="ansi_3", error="ansi_9"),
)
COLUMNS = 119
LOOK = Look(Page.of(COLUMNS, 96), Styles(PALETTE), UNICODE)
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def prompt(text: str, number: int = 1) -> Message:
    return Message(id=f"prompt-{number}", role=Role.user, text=text, at=STARTED)


def answer(text: str, number: int = 1, *, state: MessageState = MessageState.complete, thinking: str = "") -> Message:
    return Message(
        id=f"answer-{number}", role=Role.assistant, text=text, at=STARTED, state=state, thinking=thinking, model="m"
    )


def conversation(*messages: Message) -> Conversation:
    return Conversation(id="0" * 26, created_at=STARTED, updated_at=STARTED, messages=messages)


def rows_of(entry: Entry) -> list[Row]:
    return [row for part in range(entry.count) for row in entry.rows(part)]


def rendered(text: str, *, look: Look = LOOK) -> list[Row]:
    """The rows of an answer that was read from disk, without the empty one above it."""
    entry = Entry(answer(text))
    entry.open(look)
    return rows_of(entry)[1:]


def streamed(text: str, cuts: list[int], *, look: Look = LOOK) -> list[Row]:
    """The rows of an answer that came in fragments, cut at these offsets."""
    growing = answer("", state=MessageState.answering)
    entry = Entry(growing)
    entry.open(look)
    start = 0
    for end in [*sorted(cuts), len(text)]:
        entry.grow(text[start:end], "")
        rows_of(entry)
        start = end
    entry.settle(replace(growing, text=text, state=MessageState.complete))
    return rows_of(entry)[1:]


def lines(rows: list[Row]) -> list[str]:
    return [row.strip.text.rstrip() for row in rows]


def colours(row: Row) -> dict[str, str]:
    """The colour of each piece of text in a row."""
    return {
        segment.text: segment.style.color.name
        for segment in row.strip
        if segment.text.strip() and segment.style is not None and segment.style.color is not None
    }


def grounds(row: Row) -> Counter[str]:
    """How many cells of a row have which background."""
    cells: Counter[str] = Counter()
    for segment in row.strip:
        if segment.style is not None and segment.style.bgcolor is not None:
            cells[segment.style.bgcolor.name] += segment.cell_length
    return cells


def same_rows(left: list[Row], right: list[Row]) -> bool:
    """The same cells in the same styles, copied and clicked alike."""
    return [_seen(row) for row in left] == [_seen(row) for row in right]


def _seen(row: Row) -> tuple[object, ...]:
    cells = Strip(list(row.strip)).simplify()
    return list(cells), row.start, row.end, row.lead, row.join, row.source, row.is_copied, row.targets


class Host(App[None]):
    """The transcript and nothing else; it keeps the messages that the transcript posts."""

    def __init__(self, theme: Theme = THEME) -> None:
        super().__init__()
        self.transcript = Transcript(theme=theme, glyphs=UNICODE)
        self.posted: list[tuple[object, ...]] = []

    def compose(self) -> ComposeResult:
        yield self.transcript

    def on_transcript_follow_changed(self, message: Transcript.FollowChanged) -> None:
        self.posted.append(("follow", message.following, message.new_rows))

    def on_transcript_link_chosen(self, message: Transcript.LinkChosen) -> None:
        self.posted.append(("link", message.url))

    def on_transcript_code_chosen(self, message: Transcript.CodeChosen) -> None:
        self.posted.append(("code", message.number, message.source))

    def on_transcript_current_changed(self, message: Transcript.CurrentChanged) -> None:
        self.posted.append(("current", message.message_id))

    def screen_lines(self) -> list[str]:
        """What the transcript paints, row for row."""
        region = self.transcript.scrollable_content_region
        return [strip.text.rstrip() for strip in self.transcript.render_lines(region.at_offset((0, 0)))]
