"""What reaches the prompt all at once: keys that come too fast for fingers, and pastes too long to show.

``KeyBurst`` tells a paste that arrives as single keys from typing, by arrival times alone. ``Chips`` folds a long paste
into one short label within the text and gives the paste back when the text is read. Neither knows a terminal, a widget
or a clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from tui.app.attached_text import END, Mark, pieces, without_signs
from tui.cleaning import cell_width, clean

LONG_PASTE_BYTES = 4096
LONG_PASTE_LINES = 40


def with_newlines(text: str) -> str:
    """CR LF and CR as newlines: a terminal sends CR for each line end of a paste, whatever the source had."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def line_count(text: str) -> int:
    """Lines as a person counts them: a newline at the very end begins none."""
    return max(1, text.count("\n") + (not text.endswith("\n")))


def size_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def is_long(text: str) -> bool:
    """Over 4096 bytes of UTF-8 or 40 lines."""
    return len(text) > LONG_PASTE_BYTES or size_bytes(text) > LONG_PASTE_BYTES or line_count(text) > LONG_PASTE_LINES


# --- bursts of keys


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstTiming:
    """How close together keys come when no hand pressed them."""

    run_gap_seconds: float = 0.005
    """Three keys in a row this close are a burst: a held key repeats every 10 ms at the fastest."""
    quiet_seconds: float = 0.020
    """A burst ends, and an Enter counts as pressed, when nothing follows for this long."""
    paste_quiet_seconds: float = 0.100
    """The same for a burst with a line end in it: a paste over a slow line comes in pieces, with pauses."""
    shown_within_seconds: float = 0.100
    """A burst that goes on and is not long yet is shown this often, so that typing over a bad line stays visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """Put ``text`` at the cursor as one edit."""

    text: str
    """Newlines only, no CR; otherwise as it arrived, not cleaned."""
    before: str = ""
    """What the same burst has put there just before: together with ``text`` it may be a long paste."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Do what the key does when a person presses it."""

    key: str
    """``enter``, ``tab`` or ``ctrl+j``."""


Act = Insert | Press

_KEY_OF_HELD = {"\r": "enter", "\t": "tab"}
_TEXT_OF_HELD = {"\r": "\n", "\t": "\t"}
_KEYS_OF_A_RUN = 3
DEFAULT_TIMING = BurstTiming()


@dataclass(slots=True)
class KeyBurst:
    """Keys in, acts out. Every call is given the arrival time of its key, in seconds of one monotonic clock.

    Typed characters come back at once. From the third key of a run on they are collected. CR and Tab are held until it
    is known what follows: text within ``quiet_seconds`` makes them text. A CR that ends a burst is Enter unless the burst
    already has a line end or is a long paste, and then it is a newline.
    """

    timing: BurstTiming = DEFAULT_TIMING
    _last_seconds: float = float("-inf")
    _run: int = 0
    _collecting: bool = False
    _waiting: list[str] = field(default_factory=list)
    _waiting_since_seconds: float = 0.0
    _inserted: list[str] = field(default_factory=list)
    _held: str = ""
    _line_ends: int = 0
    _size_bytes: int = 0

    @property
    def deadline_seconds(self) -> float | None:
        """When ``tick`` has something to do if no key comes; None while nothing waits."""
        return self._last_seconds + self._quiet_seconds if self._waiting or self._held else None

    def character(self, character: str, at_seconds: float) -> list[Act]:
        """One character of text, not CR, LF or Tab."""
        acts = self._arrive(at_seconds)
        self._take_held()
        if self._collecting:
            self._collect(character)
            return acts + self._show_if_late()
        self._note(character)
        self._inserted.append(character)
        acts.append(Insert(text=character))
        return acts

    def carriage_return(self, at_seconds: float) -> list[Act]:
        acts = self._arrive(at_seconds)
        self._take_held()
        self._held = "\r"
        return acts

    def tab(self, at_seconds: float) -> list[Act]:
        acts = self._arrive(at_seconds)
        self._take_held()
        self._held = "\t"
        return acts

    def line_feed(self, at_seconds: float) -> list[Act]:
        """LF within a burst is a line end, CR LF is one; alone it is the key ``ctrl+j``."""
        acts = self._arrive(at_seconds)
        if self._held == "\r":
            self._held = ""
            self._collecting = True
        self._take_held()
        if self._collecting:
            self._collect("\n")
            return acts + self._show_if_late()
        self._note("\n")
        self._inserted.append("\n")
        acts.append(Insert(text="\n") if self._run > 1 else Press(key="ctrl+j"))
        return acts

    def text(self, text: str, at_seconds: float) -> list[Act]:
        """Many characters that came at the same time, CR, LF and Tab among them: the same as one after the other."""
        acts: list[Act] = []
        at = 0
        while at < len(text) and (at == 0 or not self._collecting or self._held):
            acts += self._one(text[at], at_seconds)
            at += 1
        rest = text[at:]
        if not rest:
            return acts
        last = rest[-1] if rest[-1] in _KEY_OF_HELD else ""
        if collected := with_newlines(rest.removesuffix(last)):
            self._collect(collected)
        self._held = last
        return acts

    def _one(self, character: str, at_seconds: float) -> list[Act]:
        match character:
            case "\r":
                return self.carriage_return(at_seconds)
            case "\t":
                return self.tab(at_seconds)
            case "\n":
                return self.line_feed(at_seconds)
        return self.character(character, at_seconds)

    def other_key(self) -> list[Act]:
        """A key that is no text comes after everything that waits."""
        return self._settle()

    def tick(self, now_seconds: float) -> list[Act]:
        deadline = self.deadline_seconds
        return self._settle() if deadline is not None and now_seconds >= deadline else []

    @property
    def waiting(self) -> str:
        """What was collected and not handed out yet: it belongs at the cursor."""
        return "".join(self._waiting)

    def forget(self) -> None:
        """Drop what waits and is held."""
        self._reset()

    @property
    def _quiet_seconds(self) -> float:
        is_paste = self._collecting and (self._line_ends > 0 or self._is_long)
        return self.timing.paste_quiet_seconds if is_paste else self.timing.quiet_seconds

    @property
    def _is_long(self) -> bool:
        return self._size_bytes > LONG_PASTE_BYTES or self._line_ends > LONG_PASTE_LINES

    def _arrive(self, at_seconds: float) -> list[Act]:
        gap_seconds = at_seconds - self._last_seconds
        acts: list[Act] = []
        if (self._waiting or self._held or self._collecting) and gap_seconds > self._quiet_seconds:
            acts = self._settle()
        if gap_seconds <= self.timing.run_gap_seconds:
            self._run += 1
        elif not self._collecting and not self._held:
            self._reset()
            self._run = 1
        self._last_seconds = at_seconds
        self._collecting = self._collecting or self._run >= _KEYS_OF_A_RUN
        return acts

    def _take_held(self) -> None:
        if self._held:
            self._collecting = True
            self._collect(_TEXT_OF_HELD[self._held])
            self._held = ""

    def _collect(self, text: str) -> None:
        if not self._waiting:
            self._waiting_since_seconds = self._last_seconds
        self._waiting.append(text)
        self._note(text)

    def _note(self, text: str) -> None:
        self._line_ends += text.count("\n")
        self._size_bytes += 1 if text.isascii() else size_bytes(text)

    def _show(self) -> list[Act]:
        if not self._waiting:
            return []
        act = Insert(text=self.waiting, before="".join(self._inserted))
        self._inserted.append(act.text)
        self._waiting.clear()
        return [act]

    def _show_if_late(self) -> list[Act]:
        waited_seconds = self._last_seconds - self._waiting_since_seconds
        return self._show() if waited_seconds >= self.timing.shown_within_seconds and not self._is_long else []

    def _settle(self) -> list[Act]:
        pressed: list[Act] = []
        if self._held:
            if self._line_ends or self._is_long:
                self._take_held()
            else:
                pressed = [Press(key=_KEY_OF_HELD[self._held])]
        acts = self._show() + pressed
        self._reset()
        return acts

    def _reset(self) -> None:
        self._run = 0
        self._collecting = False
        self._waiting = []
        self._inserted = []
        self._held = ""
        self._line_ends = 0
        self._size_bytes = 0


# --- long pastes as chips

# A chip stands in the editor's text as a run of one private-use character, as many as its label has cells. So wrapping,
# the cursor and undo need no special case, and no label that a person types is taken for a chip.
_FIRST_MARKER = 0x10F000
_LAST_MARKER = 0x10FFFB
_MARKER = re.compile(f"[{chr(_FIRST_MARKER)}-{END}]")
"""The signs around a mark among them: whoever pastes those must not attach anything."""
_RUN = re.compile(f"([{chr(_FIRST_MARKER)}-{chr(_LAST_MARKER)}])\\1*")
_CHIPS_REMEMBERED = 16


def paste_label(content: str, separator: str = "·") -> str:
    """``pasted 1,204 lines · 96 kB``. One kB is 1,000 bytes."""
    lines = line_count(content)
    return f"pasted {lines:,} line{'' if lines == 1 else 's'} {separator} {_size(size_bytes(content))}"


def _size(size: int) -> str:
    if size < 1_000:
        return f"{size} B"
    if size < 999_500:
        return f"{size / 1_000:.0f} kB"
    return f"{size / 1_000_000:.1f} MB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    content: str
    """The paste as it came, with newlines, not cleaned: for the model, not for a terminal; or a mark, as written."""
    label: str
    """What is shown, one character after the other: ``[pasted 1,204 lines · 96 kB]``."""
    is_paste: bool = True
    """Else it stands for what is attached, and has no text to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSpan:
    """Where a chip stands in a line of the editor: ``line[start:end]``."""

    start: int
    end: int
    chip: Chip


class Chips:
    """The long pastes of one prompt, and what is attached to it.

    *Folded* text is what an editor holds: cleaned, with a run of marker characters for each chip.
    """

    def __init__(self, separator: str = "·") -> None:
        self._separator = separator
        self._chips: dict[str, Chip] = {}

    def fold(self, text: str) -> str:
        """Text as it came, as folded text.

        Pastes seen before become chips again where they stand; if what remains is still long, all of it is one chip. So
        is text that contains marker characters, which could not be told from a chip: nothing in it is attached.
        """
        text = with_newlines(text)
        if not text.isascii() and _MARKER.search(text):
            return self._run_for(text)
        if not is_long(text):
            return clean(text)
        pieces = [text]
        runs: list[str] = []
        for marker, chip in reversed(self._chips.items()):
            if not is_long(chip.content):
                continue
            run = marker * len(chip.label)
            next_pieces: list[str] = []
            next_runs: list[str] = []
            for index, piece in enumerate(pieces):
                parts = piece.split(chip.content)
                next_pieces += parts
                next_runs += [run] * (len(parts) - 1) + runs[index : index + 1]
            pieces, runs = next_pieces, next_runs
        if is_long("".join(pieces)):
            return self._run_for(text)
        return "".join(clean(piece) + run for piece, run in zip(pieces, [*runs, ""], strict=True))

    def fold_written(self, text: str) -> str:
        """As ``fold``, for what was written here: what is attached in it is a chip again."""
        return "".join(self._run_of(part) if isinstance(part, Mark) else self.fold(part) for part in pieces(text))

    def unfold(self, folded: str) -> str:
        """Folded text with the content of each chip at its place, what is attached as it is written."""
        return folded if folded.isascii() else _RUN.sub(self._content_of_run, folded)

    def spans(self, line: str) -> list[ChipSpan]:
        if line.isascii():
            return []
        spans: list[ChipSpan] = []
        for found in _RUN.finditer(line):
            chip = self._chips.get(found[1])
            if chip is None:
                continue
            edges = [*range(found.start(), found.end(), len(chip.label)), found.end()]
            spans += [ChipSpan(start=start, end=end, chip=chip) for start, end in pairwise(edges)]
        return spans

    def has_paste(self, line: str) -> bool:
        return any(span.chip.is_paste for span in self.spans(line))

    def shown(self, line: str) -> str:
        """A line of folded text with labels, of the same length."""
        for span in self.spans(line):
            line = line[: span.start] + span.chip.label[: span.end - span.start] + line[span.end :]
        return line

    def keep(self, folded: str) -> None:
        """Forget all but the chips of this text and the newest few, which the history may bring back."""
        used = set(_MARKER.findall(folded))
        newest = set(list(self._chips)[-_CHIPS_REMEMBERED:])
        self._chips = {marker: chip for marker, chip in self._chips.items() if marker in used or marker in newest}

    def _run_for(self, content: str) -> str:
        content = without_signs(content)
        return self._run(Chip(content=content, label=f"[{paste_label(content, self._separator)}]"))

    def _run_of(self, mark: Mark) -> str:
        # A letter of two cells would push what follows out of its place.
        label = "".join(letter if cell_width(letter) == 1 else "?" for letter in mark.label(self._separator))
        return self._run(Chip(content=mark.written, label=f"[{label}]", is_paste=False))

    def _run(self, chip: Chip) -> str:
        marker = next((marker for marker, known in self._chips.items() if known.content == chip.content), None)
        if marker is None:
            marker = next(chr(code) for code in range(_FIRST_MARKER, _LAST_MARKER + 1) if chr(code) not in self._chips)
            self._chips[marker] = chip
        return marker * len(chip.label)

    def _content_of_run(self, found: re.Match[str]) -> str:
        chip = self._chips.get(found[1])
        if chip is None:
            return ""
        return chip.content * max(1, round(len(found[0]) / len(chip.label)))
