"""One message in the transcript: what stands above, in and below its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from rich.segment import Segment

from tui.app.transcript.details import (
    argument_lines,
    attached_words,
    call_words,
    details_of,
    outcome_words,
    result_words,
    source_words,
    thinking_words,
)
from tui.app.transcript.document import Cutter, Document, FixedRows, Part, Section
from tui.app.transcript.inline import source_lines
from tui.app.transcript.look import Look
from tui.app.transcript.plain import PlainSegmenter
from tui.app.transcript.rendering import UnitRenderer, count_code
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
from tui.cleaning import clean
from tui.conversations.values import Message, MessageState, Role
from tui.engine import ToolCall
from tui.metrics.wording import tokens_text

_FOLDED_INDENT_COLUMNS = 2
MOST_ATTACHED = 6
"""What goes along with one prompt is named up to here; the rest is counted."""
MOST_CALLS = 20
"""A model may ask for thousands at once."""


class Fold(StrEnum):
    """What of a message is one line until it is opened."""

    thinking = "thinking"
    calls = "calls"
    result = "result"
    """All of what a tool gave back."""
    sources = "sources"
    """The documents that an answer was given passages of."""


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

    def __init__(
        self, message: Message, *, call: ToolCall | None = None, position: int = 0, has_gap: bool = True
    ) -> None:
        """``call`` is the one whose result this is, where it is known, and ``position`` its place among the results.

        Without ``has_gap`` no empty row is above it.
        """
        self.message = message
        self.call = call
        self.position = position
        self.has_gap = has_gap
        self.answered_calls = 0
        """How many of its calls have a result below it, which shows them, too."""
        self.unfolded: set[Fold] = set()
        """What of it is open; from the beginning it is one line."""
        self.mark = ""
        """Stands at the right of the empty row above it: ``2/3``."""
        self.shows_details = False
        """Role, model, time and numbers stand above it."""
        self.toggled_codes: set[int] = set()
        """Blocks of code, by number, whose long lines are set the other way."""
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
    def source(self) -> str:
        """Its text as it is copied with the others: a result with its call and what came of it."""
        text = self.text.strip("\n")
        if self.message.role is not Role.tool or self.call is None:
            return text
        behind, _ = outcome_words(self.message, "·")
        return f"{call_words(self.call)}{behind}\n{text}"

    @property
    def thinking(self) -> str:
        if len(self._thought) > 1:
            self._thought = ["".join(self._thought)]
        return self._thought[0]

    @property
    def has_choices(self) -> bool:
        """The person opened or set something in it otherwise than it is from the beginning."""
        return bool(self.unfolded or self.toggled_codes or self.shows_details)

    def estimate(self, width: int) -> int:
        """About how many rows it takes at this width, without looking at more than its size."""
        if self.message.role is Role.tool and Fold.result not in self.unfolded:
            return 1 + self.has_gap
        text = self.message.text
        attached = min(len(self.message.attachments), MOST_ATTACHED + 1)
        return 2 + text.count("\n") + len(text) // width + 2 * bool(self.message.thinking) + attached

    # Opening and closing

    def open(self, look: Look) -> None:
        """Cut the text into units, so that rows can be asked for."""
        self._look = look
        is_growing = self.is_answering
        self._body_ends = LineEnds()
        text = self.text if self.message.role is Role.assistant else self.text.rstrip()
        self._body = self._document(text, self._make_body(), self._body_ends, is_growing=is_growing)
        self._thinking = None
        if Fold.thinking in self.unfolded:
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
        if role is Role.assistant:
            return UnitRenderer(look, blank_margin(look.styles), Pen(), references, self.toggled_codes)
        indent = _FOLDED_INDENT_COLUMNS if role is Role.tool else 0
        return UnitRenderer(look, blank_margin(look.styles, TEXT_COLUMN + indent), Pen("muted"), references)

    def _thinking_renderer(self, references: Mapping[str, str]) -> UnitRenderer:
        look = self._look
        assert look is not None
        margin = blank_margin(look.styles, TEXT_COLUMN + _FOLDED_INDENT_COLUMNS)
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

    @property
    def shows_nothing(self) -> bool:
        """It is an answer of which nothing is left to see: it called tools, and what they gave stands below it."""
        message = self.message
        is_silent = not (self.text or self._has_thinking or message.failure)
        is_whole = message.state is MessageState.complete and not self.shows_details
        has_called = 0 < len(message.tool_calls) <= self.answered_calls
        return message.role is Role.assistant and is_silent and is_whole and has_called

    def note_result(self) -> None:
        """One more of its calls has a result below it."""
        self.answered_calls += 1
        if self._look is not None:
            self._compose()

    def toggle(self, fold: Fold) -> bool:
        """Fold or unfold; False when there is nothing to fold."""
        if not self._has(fold):
            return False
        self.unfolded ^= {fold}
        if fold is Fold.thinking:
            self._thinking = None
            if self._look is not None and fold in self.unfolded:
                self._open_thinking()
        if self._look is not None:
            self._compose()
        return True

    def _has(self, fold: Fold) -> bool:
        match fold:
            case Fold.thinking:
                return self._has_thinking
            case Fold.calls:
                return len(self.message.tool_calls) > self.answered_calls
            case Fold.result:
                return self.message.role is Role.tool
            case Fold.sources:
                return has_sources(self.message)

    def toggle_details(self) -> bool:
        self.shows_details = not self.shows_details
        if self._look is not None:
            self._compose()
        return True

    def use_mark(self, mark: str) -> None:
        self.mark = mark
        if self._look is not None:
            self._compose()

    def take_choices(self, other: Entry) -> None:
        """As much of it is shown as of another one, which it takes the place of."""
        self.unfolded, self.shows_details = set(other.unfolded), other.shows_details

    def toggle_code(self, number: int) -> None:
        """Set the long lines of a block of code the other way: wrapped instead of cut, or cut instead of wrapped."""
        self.toggled_codes ^= {number}
        if self._body is not None:
            self._body.use(self._body_renderer)
            self._compose()

    # Source

    def searched(self) -> str:
        """What can be found in it, as it is shown: its text, and behind it its thinking if that is open."""
        if self.message.role is Role.tool and Fold.result not in self.unfolded:
            return ""
        text = _whole(self.text)
        return f"{text}\n{_whole(self.thinking)}" if Fold.thinking in self.unfolded else text

    def located(self, offset: int) -> tuple[int, int, int]:
        """The part that shows this offset of ``searched()``, and between which offsets its source lies."""
        assert self._body is not None
        document, start = self._body, 0
        end = len(_whole(self.text))
        if offset > end and self._thinking is not None:
            document, start, end = self._thinking, end + 1, end + 1 + len(_whole(self.thinking))
        index, first, last = document.unit_at(offset - start)
        return self._first_part_of(document) + index, start + first, end if last is None else start + last

    @property
    def text_parts(self) -> range:
        """Which of its parts show its text."""
        if self._body is None or self._body not in self._sections:
            return range(0)
        first = self._first_part_of(self._body)
        return range(first, first + self._body.count)

    def source_between(self, first: int, last: int) -> str:
        """The text from part ``first`` up to part ``last``, both of ``text_parts``."""
        return _whole(self.text)[self.offset_of(first) : self.offset_of(last)]

    def offset_of(self, part: int) -> int:
        """Where in its text a part begins, one of ``text_parts``."""
        assert self._body is not None
        return self._body.offset_of(part - self.text_parts.start)

    def _first_part_of(self, wanted: Section) -> int:
        index = 0
        for section in self._sections:
            if section is wanted:
                break
            index += section.count
        return index

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
        # The line above the text is in the same part as the empty row, so that showing it renames no other part.
        top = [self._marked(gap, look)] if self.has_gap else []
        if self.shows_details:
            room = look.page.prose_end - TEXT_COLUMN
            words = details_of(self.message, look.glyphs.separator, room_cells=room)
            top += [self._one_line(words, Pen("muted"), look), replace(gap, is_copied=False)]
        sections: list[Section] = [FixedRows(top)]
        if self.message.role is Role.tool:
            sections = [FixedRows([*top, *self._result_rows(look)])]
        if self._has_thinking:
            sections.append(FixedRows([self._thinking_row(look)]))
            if self._thinking is not None:
                sections.append(self._thinking)
            if self._body.height:
                sections.append(FixedRows([gap]))
        shows_body = self.message.role is not Role.tool or Fold.result in self.unfolded
        if shows_body:
            sections.append(self._body)
        if self.message.attachments:
            sections.append(FixedRows(self._attached_rows(look)))
        below = self._rows_below(look, margin)
        if below:
            is_alone = not (self._body.height and shows_body) and not self._has_thinking
            sections.append(FixedRows(below if is_alone else [gap, *below]))
        self._sections = sections
        self.height = sum(section.height for section in sections)

    def _marked(self, gap: Row, look: Look) -> Row:
        if not self.mark:
            return gap
        start = max(TEXT_COLUMN, look.page.prose_end - width_of(self.mark))
        segments = [*blank_margin(look.styles, start).first, Segment(self.mark, look.styles[Pen("muted")])]
        return Row(painted(segments, start + width_of(self.mark), look.page, look.styles), is_copied=False)

    def _result_rows(self, look: Look) -> list[Row]:
        """The call and what came of it on one line; when it is open, all that the call said stands below it."""
        message, room = self.message, look.page.prose_end - TEXT_COLUMN - _FOLDED_INDENT_COLUMNS
        call = self.call or (ToolCall(name=message.tool_name) if message.tool_name else None)
        behind, role = outcome_words(message, look.glyphs.separator)
        if call is None:
            words = result_words(message.text, look.glyphs.separator)
        else:
            words = cut(call_words(call), max(8, room - width_of(behind)), look.glyphs.ellipsis)
        rows = [self._fold_line(f"{words}{behind}", Fold.result, look, role=role)]
        if Fold.result in self.unfolded and self.call is not None:
            rows += self._argument_rows(self.call, look)
        return rows

    def _thinking_row(self, look: Look) -> Row:
        if self.is_answering and not self.text:
            words = f"thinking{look.glyphs.ellipsis}"
        else:
            words = thinking_words(self.message, look.glyphs.separator)
        return self._fold_line(words, Fold.thinking, look)

    def _fold_line(self, words: str, fold: Fold, look: Look, *, role: str = "muted") -> Row:
        """One line that a click opens and closes."""
        sign = look.glyphs.unfolded if fold in self.unfolded else look.glyphs.folded
        pen = Pen("thinking", italic=True) if fold is Fold.thinking else Pen(role)
        return self._one_line(f"{sign} {words}", pen, look, fold=fold)

    def _one_line(self, text: str, pen: Pen, look: Look, *, fold: Fold | None = None) -> Row:
        shown = cut(text, look.page.prose_end - TEXT_COLUMN, look.glyphs.ellipsis)
        end = TEXT_COLUMN + width_of(shown)
        segments = [*blank_margin(look.styles).first, Segment(shown, look.styles[pen])]
        targets = (Target(TEXT_COLUMN, end, fold.value, self.message.id),) if fold is not None else ()
        return Row(painted(segments, end, look.page, look.styles), is_copied=False, targets=targets)

    def _rows_below(self, look: Look, margin: Margin) -> list[Row]:
        """The tools that were called, the sources, and how the answer ended if it did not end well."""
        message, glyphs = self.message, look.glyphs
        rows = [*self._call_rows(look), *self._source_rows(look)]
        kept = message.counts.answer_tokens if message.counts is not None else None
        tokens = kept if kept is not None else message.pieces
        mark = "~" if kept is None else ""
        behind = (
            f" {glyphs.separator} {mark}{tokens_text(tokens)} token{'' if tokens == 1 else 's'} kept" if tokens else ""
        )
        match message.state:
            case MessageState.stopped:
                rows.append(self._one_line(f"{glyphs.stopped} stopped{behind}", Pen("muted"), look))
            case MessageState.broken_off:
                rows.append(self._one_line(f"{glyphs.stopped} broken off{behind}", Pen("muted"), look))
            case MessageState.not_sent:
                rows.append(self._one_line("not sent", Pen("muted"), look))
            case _:
                pass
        if message.failure:
            first, *rest = clean(message.failure.replace("\r\n", "\n")).strip().expandtabs(4).split("\n")
            lines = [[Span(first, Pen("error"))], *([Span(line, Pen("muted"))] for line in rest)]
            rows += prose_rows(lines, margin, look.page, look.styles)
        return rows

    def _call_rows(self, look: Look) -> list[Row]:
        """One line for each tool call without a result; when they are open, each argument on lines of its own."""
        rows: list[Row] = []
        calls = self.message.tool_calls[self.answered_calls :]
        for call in calls[:MOST_CALLS]:
            rows.append(self._fold_line(f"tool {call_words(call)}", Fold.calls, look))
            if Fold.calls in self.unfolded:
                rows += self._argument_rows(call, look)
        if len(calls) > MOST_CALLS:
            rows.append(self._one_line(f"and {len(calls) - MOST_CALLS:,} more calls", Pen("muted"), look))
        return rows

    def _argument_rows(self, call: ToolCall, look: Look) -> list[Row]:
        inner = blank_margin(look.styles, TEXT_COLUMN + _FOLDED_INDENT_COLUMNS)
        arguments = argument_lines(call)
        lines = source_lines(_whole("\n".join(arguments)), Pen("muted"))
        return prose_rows(lines, inner, look.page, look.styles) if arguments else []

    def _attached_rows(self, look: Look) -> list[Row]:
        """What went along, by name and size, under the words that it went along with."""
        margin = rail_margin(look.styles, look.glyphs.rail, "user")
        room = look.page.prose_end - TEXT_COLUMN
        words = [
            cut(one, room, look.glyphs.ellipsis)
            for one in attached_words(self.message.attachments, look.glyphs.separator, most=MOST_ATTACHED)
        ]
        rows = prose_rows([[Span(one, Pen("muted"))] for one in words], margin, look.page, look.styles)
        return [replace(row, is_copied=False) for row in rows]

    def _source_rows(self, look: Look) -> list[Row]:
        """All sources on one line; when they are open, one on each, which a click goes to."""
        if not has_sources(self.message):
            return []
        words = [source_words(number, one) for number, one in enumerate(self.message.sources, 1)]
        is_open = Fold.sources in self.unfolded
        rows = [self._fold_line("sources" if is_open else f"sources  {'  '.join(words)}", Fold.sources, look)]
        if is_open:
            inner = " " * _FOLDED_INDENT_COLUMNS
            for number, text in enumerate(words, 1):
                row = self._one_line(f"{inner}{text}", Pen("muted"), look)
                target = Target(TEXT_COLUMN, TEXT_COLUMN + width_of(text) + len(inner), "source", f"{number}")
                rows.append(replace(row, targets=(target,)))
        return rows


def has_sources(message: Message) -> bool:
    """An answer that calls tools is followed by one that has the same sources."""
    return bool(message.sources) and not message.tool_calls


def _whole(text: str) -> str:
    """A text as ``LineEnds`` gives it when it comes in one piece."""
    return clean(text.replace("\r\n", "\n") if "\r" in text else text)
