"""One message in the transcript: what stands above, in and below its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rich.segment import Segment

from tui.app.transcript.document import Cutter, Document, FixedRows, Part, Section
from tui.app.transcript.plain import PlainSegmenter
from tui.app.transcript.rendering import Look, UnitRenderer, count_code
from tui.app.transcript.rows import (
    TEXT_COLUMN,
    Margin,
    Row,
    Span,
    Target,
    blank_margin,
    gap_row,
    painted,
    prose_rows,
    rail_margin,
)
from tui.app.transcript.segmenter import Segmenter
from tui.app.transcript.styles import Pen
from tui.app.transcript.wrap import cut, width_of
from tui.cleaning import clean, clean_line
from tui.conversations.values import Message, MessageState, Role
from tui.engine import ToolCall

_THINKING_INDENT_COLUMNS = 2


class LineEnds:
    """Turns CR LF into LF in a stream, wherever it is cut, and makes the text safe for a terminal."""

    def __init__(self) -> None:
        self._held = ""

    def clean(self, fragment: str, *, is_last: bool = False) -> str:
        text = self._held + fragment
        self._held = ""
        if text.endswith("\r") and not is_last:
            text, self._held = text[:-1], "\r"
        return clean(text.replace("\r\n", "\n") if "\r" in text else text)


class Entry:
    """A message, opened only when it comes near the view: until then it is an estimate of rows."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.is_unfolded = False
        """Its thinking is shown."""
        self.height = 0
        self._sections: list[Section] = []
        self._body: Document | None = None
        self._thinking: Document | None = None
        self._body_ends = LineEnds()
        self._thinking_ends = LineEnds()
        self._text: list[str] = [message.text]
        """The text so far, as it came; joined when somebody asks for it."""
        self._thought: list[str] = [message.thinking]
        self._has_thinking = bool(message.thinking)
        self._look: Look | None = None

    @property
    def is_open(self) -> bool:
        return self._look is not None

    @property
    def is_answering(self) -> bool:
        return self.message.state is MessageState.answering

    @property
    def text(self) -> str:
        if len(self._text) > 1:
            self._text = ["".join(self._text)]
        return self._text[0]

    @property
    def thinking(self) -> str:
        if len(self._thought) > 1:
            self._thought = ["".join(self._thought)]
        return self._thought[0]

    def estimate(self, width: int) -> int:
        """About how many rows it takes at this width, without looking at more than its size."""
        text = self.message.text
        return 2 + text.count("\n") + len(text) // width + 2 * bool(self.message.thinking)

    # Opening and closing

    def open(self, look: Look) -> None:
        """Cut the text into units, so that rows can be asked for."""
        self._look = look
        is_growing = self.is_answering
        self._body_ends = LineEnds()
        text = self.text if self.message.role is Role.assistant else self.text.rstrip()
        self._body = self._document(text, self._make_body(), self._body_ends, is_growing=is_growing)
        self._thinking = None
        if self.is_unfolded:
            self._open_thinking()
        self._compose()

    def close(self) -> None:
        """Forget everything but the message and its height."""
        self._look = None
        self._sections = []
        self._body = self._thinking = None

    def use(self, look: Look) -> None:
        """Render in another width or theme. A text that still grows keeps its units."""
        self._look = look
        if self._body is not None:
            self._body.use(self._body_renderer)
        if self._thinking is not None:
            self._thinking.use(self._thinking_renderer)
        self._compose()

    def _document(self, text: str, cutter: Cutter, ends: LineEnds, *, is_growing: bool) -> Document:
        is_body = ends is self._body_ends
        document = Document(cutter, self._body_renderer if is_body else self._thinking_renderer)
        document.append(ends.clean(text, is_last=not is_growing))
        if not is_growing:
            document.finish()
        return document

    def _make_body(self) -> Cutter:
        return Segmenter(count_code) if self.message.role is Role.assistant else PlainSegmenter()

    def _open_thinking(self) -> None:
        self._thinking_ends = LineEnds()
        is_growing = self.is_answering
        text = self.thinking if is_growing else self.thinking.rstrip()
        self._thinking = self._document(text, PlainSegmenter(), self._thinking_ends, is_growing=is_growing)

    def _body_renderer(self, references: Mapping[str, str]) -> UnitRenderer:
        look = self._look
        assert look is not None
        role = self.message.role
        if role is Role.user:
            return UnitRenderer(look, rail_margin(look.styles, look.glyphs.rail, "user"), Pen(), references)
        pen = Pen() if role is Role.assistant else Pen("muted")
        return UnitRenderer(look, blank_margin(look.styles), pen, references)

    def _thinking_renderer(self, references: Mapping[str, str]) -> UnitRenderer:
        look = self._look
        assert look is not None
        margin = blank_margin(look.styles, TEXT_COLUMN + _THINKING_INDENT_COLUMNS)
        return UnitRenderer(look, margin, Pen("muted"), references)

    # Growing

    def grow(self, text: str, thinking: str) -> int:
        """More of the answer. From the row that is given back on, rows may look different."""
        self._text.append(text)
        self._thought.append(thinking)
        had_thinking = self._has_thinking
        self._has_thinking = had_thinking or bool(thinking)
        if self._look is None or self._body is None:
            return 0
        had_body = self._body.height > 0
        first_changed = self.height
        if thinking and self._thinking is not None:
            changed = self._thinking.append(self._thinking_ends.clean(thinking))
            first_changed = self._start_of(self._thinking) + changed
        if text:
            changed = self._body.append(self._body_ends.clean(text))
            first_changed = min(first_changed, self._start_of(self._body) + changed)
        if (self._body.height > 0) != had_body or self._has_thinking != had_thinking:
            self._compose()
            return 0
        self.height = sum(section.height for section in self._sections)
        return first_changed

    def settle(self, message: Message) -> None:
        """The final value. The rows that are there stay as they are, if the text is the one that came."""
        is_same = message.text == self.text
        is_same_thinking = message.thinking == self.thinking
        self.message = message
        self._text, self._thought = [message.text], [message.thinking]
        self._has_thinking = bool(message.thinking)
        if self._look is None or self._body is None:
            return
        if not is_same:
            self.open(self._look)
            return
        if not self._body.is_finished:
            self._body.append(self._body_ends.clean("", is_last=True))
            self._body.finish()
        if self._thinking is not None and not self._thinking.is_finished:
            if is_same_thinking and not message.thinking[-1:].isspace():
                self._thinking.append(self._thinking_ends.clean("", is_last=True))
                self._thinking.finish()
            else:
                self._open_thinking()
        self._compose()

    def note_thinking(self, seconds: float | None, pieces: int | None) -> None:
        """How long the thinking took, known before the answer ends."""
        self.message = replace(self.message, thinking_seconds=seconds, thinking_pieces=pieces)
        if self._look is not None:
            self._compose()

    def toggle_thinking(self) -> bool:
        """Fold or unfold; False when there is nothing to fold."""
        if not self._has_thinking:
            return False
        self.is_unfolded = not self.is_unfolded
        self._thinking = None
        if self._look is not None:
            if self.is_unfolded:
                self._open_thinking()
            self._compose()
        return True

    # Parts

    @property
    def count(self) -> int:
        return sum(section.count for section in self._sections)

    def part(self, index: int) -> Part:
        section, index = self._section(index)
        return section.part(index)

    def rows(self, index: int) -> list[Row]:
        """The rows of a part; its height and that of the message are exact in it from then on."""
        section, inner = self._section(index)
        before = section.height
        rows = section.rows(inner)
        self.height += section.height - before
        return rows

    def before(self, index: int) -> int:
        rows = 0
        for section in self._sections:
            if index < section.count:
                return rows + section.before(index)
            index -= section.count
            rows += section.height
        return rows

    def find(self, row: int) -> tuple[int, int]:
        """The part that row ``row`` of the message belongs to, and which of the part's rows it is."""
        index = 0
        for section in self._sections:
            if row < section.height:
                inner, offset = section.find(row)
                return index + inner, offset
            row -= section.height
            index += section.count
        last = max(0, index - 1)
        return last, max(0, self.part(last).height - 1)

    def _section(self, index: int) -> tuple[Section, int]:
        for section in self._sections:
            if index < section.count:
                return section, index
            index -= section.count
        raise IndexError(index)

    def _start_of(self, wanted: Section) -> int:
        rows = 0
        for section in self._sections:
            if section is wanted:
                break
            rows += section.height
        return rows

    # What stands around the text

    def _compose(self) -> None:
        look = self._look
        assert look is not None
        assert self._body is not None
        margin = blank_margin(look.styles)
        gap = gap_row(margin, look.page, look.styles)
        sections: list[Section] = [FixedRows([gap])]
        if self._has_thinking:
            sections.append(FixedRows([self._thinking_row(look)]))
            if self._thinking is not None:
                sections.append(self._thinking)
            if self._body.height:
                sections.append(FixedRows([gap]))
        sections.append(self._body)
        below = self._rows_below(look, margin)
        if below:
            is_alone = not self._body.height and not self._has_thinking
            sections.append(FixedRows(below if is_alone else [gap, *below]))
        self._sections = sections
        self.height = sum(section.height for section in sections)

    def _thinking_row(self, look: Look) -> Row:
        message, glyphs = self.message, look.glyphs
        sign = glyphs.unfolded if self.is_unfolded else glyphs.folded
        if self.is_answering and not self.text:
            words = f"thinking{glyphs.ellipsis}"
        else:
            words = "thought"
            if message.thinking_seconds is not None:
                words += f" for {message.thinking_seconds:.1f} s"
            if message.thinking_pieces:
                words += f" {glyphs.separator} {message.thinking_pieces:,} tokens"
        return self._one_line(f"{sign} {words}", Pen("thinking", italic=True), look, is_thinking=True)

    def _one_line(self, text: str, pen: Pen, look: Look, *, is_thinking: bool = False) -> Row:
        shown = cut(text, look.page.prose_end - TEXT_COLUMN, look.glyphs.ellipsis)
        end = TEXT_COLUMN + width_of(shown)
        segments = [*blank_margin(look.styles).first, Segment(shown, look.styles[pen])]
        targets = (Target(TEXT_COLUMN, end, "thinking", self.message.id),) if is_thinking else ()
        return Row(painted(segments, end, look.page, look.styles), is_copied=False, targets=targets)

    def _rows_below(self, look: Look, margin: Margin) -> list[Row]:
        """One muted line for each tool call, and how the answer ended if it did not end well."""
        message, glyphs = self.message, look.glyphs
        rows = [
            self._one_line(f"{glyphs.folded} tool {described(call)}", Pen("muted"), look) for call in message.tool_calls
        ]
        kept = message.counts.answer_tokens if message.counts is not None else None
        tokens = kept if kept is not None else message.pieces
        behind = f" {glyphs.separator} {tokens:,} tokens kept" if tokens else ""
        match message.state:
            case MessageState.stopped:
                rows.append(self._one_line(f"{glyphs.stopped} stopped{behind}", Pen("muted"), look))
            case MessageState.broken_off:
                rows.append(self._one_line(f"{glyphs.stopped} connection lost{behind}", Pen("muted"), look))
            case MessageState.not_sent:
                rows.append(self._one_line("not sent", Pen("muted"), look))
            case _:
                pass
        if message.failure:
            first, *rest = clean(message.failure.replace("\r\n", "\n")).strip().expandtabs(4).split("\n")
            lines = [[Span(first, Pen("error"))], *([Span(line, Pen("muted"))] for line in rest)]
            rows += prose_rows(lines, margin, look.page, look.styles)
        return rows


def described(call: ToolCall) -> str:
    """A tool call on one line: ``name(argument: value)``."""
    arguments = ", ".join(
        f"{clean_line(str(name))}: {clean_line(str(value))}" for name, value in call.arguments.items()
    )
    return f"{clean_line(call.name)}({arguments})"
