"""Bytes from a terminal as whole keys, pastes and reports, however they were cut into reads.

Terminals disagree about keys, answer questions late, and a slow line cuts a sequence anywhere. ``KeyDecoder`` collects
until a sequence is whole and hands on one spelling of each key: plain characters as they are, everything else as xterm
or kitty would send it. What a terminal answers is a ``Report`` and never becomes a key. It knows no terminal and no
clock: every call is given the time.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from enum import Enum

from tui.app.terminal.key_spelling import (
    ESCAPE,
    Report,
    Sequence,
    Token,
    Typed,
    alt_key,
    console_key,
    control_sequence,
    single_shift_key,
)

PASTE_END = "\x1b[201~"
PASTE_START = "\x1b[200~"
LONGEST_REPORT_CHARACTERS = 1 << 16

_CONTROL = re.compile(
    r"""\x1b\[ (?: \[ (?P<console>[A-E])
                 | M [^\x00-\x1f]{3}
                 | < (?P<mouse>-?\d{1,6};-?\d{1,6};-?\d{1,6}) (?P<state>[mM])
                 | (?P<shifted>\d{1,2}) \$
                 | (?![M[]) (?P<private>[<-?]?) (?P<parameters>[\d:;]{0,4096}) (?P<between>[ -/]{0,4}) (?P<final>[@-~]))
    """,
    re.VERBOSE,
)
_CONTROL_BEGUN = re.compile(
    r"\x1b\[(?:\[|M[^\x00-\x1f]{0,2}|<[-\d;]{0,24}|[<-?]?[\d:;]{0,4096}[ -/]{0,4})?\Z",
)
_CONTROL_BROKEN = re.compile(r"\x1b\[(?:M|<[-\d;]*|[<-?]?[\d:;]*[ -/]*)")
_SINGLE_SHIFT = re.compile(r"\x1bO(?P<modifiers>\d{0,2})(?P<final>[A-FHIMP-SXa-dj-y])")
_SINGLE_SHIFT_BEGUN = re.compile(r"\x1bO\d{0,2}\Z")
# Only what a terminal answers: Alt+] and Alt+Shift+P begin alike, and letters may be typed behind them.
_STRING = re.compile(r"\x1b(?:\]\d{1,5};|P[\d;]{0,16}[!$+>=]|_G[A-Za-z]=)")
_STRING_BEGUN = re.compile(r"\x1b(?:\]\d{0,5}|P[\d;]{0,16}|_(?:G[A-Za-z]?)?)\Z")
# Nobody types this by hand within the time that a begun key is waited for.
_SURELY_REPORT = re.compile(r"\x1b(?:\[(?:[<=>?]|\d[\d:;])|\]\d\d|P\d[\d;])")
_STRING_STOP = re.compile(r"[\x00-\x1f]")
_ALT_FUNCTION_KEY = re.compile(r"\x1b\[(?:1;3[PQS]|(?:1[1-57-9]|2[0134]);3~)")
_ESCAPES = re.compile(r"\x1b+")
_NO_KEYS = re.compile(r"[\x80-\x9f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """What stood between the brackets of a paste, without NUL; line ends as the terminal sent them."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long the rest of something is waited for, in seconds."""

    escape_seconds: float = 0.1
    """Behind a lone escape: then it was the key."""
    key_seconds: float = 0.3
    """Behind ``ESC [`` and the like: then it was Alt and that key, or a key that got lost on the way."""
    report_seconds: float = 2.0
    """Behind the beginning of what no hand types."""
    paste_seconds: float = 5.0
    """Without a byte: then the end of a paste got lost, and keys are keys again."""
    after_paste_seconds: float = 0.03
    """Behind the end of a paste: a second end within that time shows that the first was part of the text."""


DEFAULT_WAITS = Waits()


class _Inside(Enum):
    keys = "keys"
    paste = "paste"
    end_of_paste = "end of paste"
    string = "string"


class KeyDecoder:
    """One terminal's input. ``awaits_cursor_position`` hands cursor reports on instead of taking them for late ones."""

    def __init__(self, *, waits: Waits = DEFAULT_WAITS, awaits_cursor_position: bool = False) -> None:
        self._waits = waits
        self._awaits_cursor_position = awaits_cursor_position
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._inside = _Inside.keys
        self._rest = ""
        self._parts: list[str] = []
        self._parts_characters = 0
        self._heard_seconds = 0.0
        self._paste_ended_seconds = 0.0

    @property
    def deadline_seconds(self) -> float | None:
        """When ``tick`` has something to do if nothing comes; None while nothing has begun."""
        match self._inside:
            case _Inside.keys:
                return self._heard_seconds + self._key_wait_seconds() if self._rest else None
            case _Inside.paste:
                return self._heard_seconds + self._waits.paste_seconds
            case _Inside.end_of_paste:
                return self._paste_ended_seconds + self._waits.after_paste_seconds
            case _Inside.string:
                return self._heard_seconds + self._waits.report_seconds

    def feed(self, data: bytes, at_seconds: float) -> list[Token | Pasted]:
        """What one read brought, at ``at_seconds`` of a clock that never goes back."""
        tokens = self.tick(at_seconds)
        self._heard_seconds = at_seconds
        self._rest += self._utf8.decode(data)
        tokens += self._read()
        return tokens

    def tick(self, now_seconds: float) -> list[Token | Pasted]:
        """What is certain when nothing came for so long."""
        tokens: list[Token | Pasted] = []
        while (deadline_seconds := self.deadline_seconds) is not None and now_seconds >= deadline_seconds:
            tokens += self._give_up_waiting()
            tokens += self._read()
        return tokens

    # ------------------------------------------------------------------ waiting

    def _key_wait_seconds(self) -> float:
        escapes = _ESCAPES.match(self._rest)
        if escapes is None or escapes.end() == len(self._rest):
            return self._waits.escape_seconds
        if _SURELY_REPORT.match(self._rest, escapes.end() - 1):
            return self._waits.report_seconds
        return self._waits.key_seconds

    def _give_up_waiting(self) -> list[Token | Pasted]:
        rest, inside = self._rest, self._inside
        self._inside = _Inside.keys
        match inside:
            case _Inside.paste:
                self._rest = ""
                self._keep(rest)
                return self._pasted()
            case _Inside.end_of_paste:
                return self._pasted()
            case _Inside.string:
                self._parts.clear()
                self._rest = ""
                return []
            case _Inside.keys:
                self._rest = ""
                return begun_keys(rest)

    # ------------------------------------------------------------------ reading

    def _read(self) -> list[Token | Pasted]:
        tokens: list[Token | Pasted] = []
        readers = {
            _Inside.keys: self._read_keys,
            _Inside.paste: self._read_paste,
            _Inside.end_of_paste: self._read_end_of_paste,
            _Inside.string: self._read_string,
        }
        while self._rest:
            stood_at = (self._inside, len(self._rest))
            tokens += readers[self._inside]()
            if (self._inside, len(self._rest)) == stood_at:
                break
        return tokens

    def _read_keys(self) -> list[Token | Pasted]:
        text, at = self._rest, 0
        tokens: list[Token | Pasted] = []
        while at < len(text) and self._inside is _Inside.keys:
            if text[at] != ESCAPE:
                end = text.find(ESCAPE, at)
                end = len(text) if end < 0 else end
                if typed := _NO_KEYS.sub("", text[at:end]):
                    tokens.append(Typed(text=typed))
                at = end
                continue
            found = self._read_sequence(text, at)
            if found is None:
                break
            end, new_tokens = found
            tokens += new_tokens
            at = end
        self._rest = text[at:]
        return tokens

    def _read_sequence(self, text: str, at: int) -> tuple[int, list[Token]] | None:
        """Where the sequence at ``at`` ends and what it says; None when more is needed."""
        escapes = _ESCAPES.match(text, at)
        assert escapes is not None
        last = escapes.end() - 1
        if escapes.end() == len(text):
            # One may be the Alt of what the next one begins; those before them are keys.
            spare = last - 1 - at
            return (last - 1, [Typed(text=ESCAPE * spare)]) if spare > 0 else None
        before: list[Token] = [Typed(text=ESCAPE)] * (last - at)
        introducer = text[last + 1]
        if introducer == "[":
            found = self._read_control(text, last, is_alt=bool(before))
        elif introducer == "O":
            found = read_single_shift(text, last, is_alt=bool(before))
        elif introducer in "]P_":
            found = self._read_string_start(text, last)
        else:
            found = last + 2, [alt_key(introducer)], False
        if found is None:
            return None
        end, tokens, is_with_alt = found
        if not is_with_alt:
            return end, before + tokens
        return end, before[1:] + [perhaps_two(token) for token in tokens]

    def _read_control(self, text: str, at: int, *, is_alt: bool) -> tuple[int, list[Token], bool] | None:
        found = _CONTROL.match(text, at)
        if found is None:
            if _CONTROL_BEGUN.match(text, at):
                return None
            broken = _CONTROL_BROKEN.match(text, at)
            assert broken is not None
            if broken.end() - at == 2:
                return at + 2, [alt_key("[")], False
            return broken.end(), [], False
        end = found.end()
        if found["mouse"]:
            return end, [Sequence(text=found[0])], False
        if found["console"]:
            return end, console_key(found["console"], is_alt=is_alt), is_alt
        if found["shifted"]:
            return end, control_sequence("", f"{found['shifted']};2", "", "~", is_alt=is_alt), is_alt
        if found["final"] is None:
            return end, [], False
        whole = found[0]
        if whole == PASTE_START:
            self._inside = _Inside.paste
            return end, [], False
        if whole == PASTE_END:
            return end, [], False
        tokens = control_sequence(
            found["private"],
            found["parameters"],
            found["between"],
            found["final"],
            is_alt=is_alt,
            awaits_cursor_position=self._awaits_cursor_position,
        )
        is_with_alt = is_alt and any(is_key(token) for token in tokens)
        return end, tokens, is_with_alt

    def _read_string_start(self, text: str, at: int) -> tuple[int, list[Token], bool] | None:
        if found := _STRING.match(text, at):
            self._inside = _Inside.string
            self._keep(found[0])
            return found.end(), [], False
        if _STRING_BEGUN.match(text, at):
            return None
        return at + 2, [alt_key(text[at + 1])], False

    def _read_string(self) -> list[Token | Pasted]:
        stop = _STRING_STOP.search(self._rest)
        end = len(self._rest) if stop is None else stop.start()
        self._keep(self._rest[:end])
        self._rest = self._rest[end:]
        if stop is None or self._rest == ESCAPE:
            return []
        ending = "\x1b\\" if self._rest.startswith("\x1b\\") else "\x07" if stop[0] == "\x07" else ""
        self._inside = _Inside.keys
        self._rest = self._rest[len(ending) :] if ending else self._rest.removeprefix("\x18").removeprefix("\x1a")
        report = self._taken()
        # A string that something else interrupts is no answer, and what interrupts it is a key.
        return [Report(text=report + ending)] if ending else []

    def _read_paste(self) -> list[Token | Pasted]:
        end = self._rest.find(PASTE_END)
        if end < 0:
            kept = len(self._rest) - len(PASTE_END) + 1
            if kept > 0:
                self._keep(self._rest[:kept])
                self._rest = self._rest[kept:]
            return []
        self._keep(self._rest[:end])
        self._rest = self._rest[end + len(PASTE_END) :]
        self._inside = _Inside.end_of_paste
        self._paste_ended_seconds = self._heard_seconds
        return []

    def _read_end_of_paste(self) -> list[Token | Pasted]:
        end, start = self._rest.find(PASTE_END), self._rest.find(PASTE_START)
        if start >= 0 and (end < 0 or start < end):
            self._inside = _Inside.keys
            return self._pasted()
        if end >= 0:
            self._keep(self._rest[:end])
            self._rest = self._rest[end + len(PASTE_END) :]
        return []

    # ------------------------------------------------------------------ what is collected

    def _keep(self, text: str) -> None:
        if self._inside is _Inside.string and self._parts_characters > LONGEST_REPORT_CHARACTERS:
            return
        self._parts.append(text)
        self._parts_characters += len(text)

    def _taken(self) -> str:
        text = "".join(self._parts)
        self._parts.clear()
        self._parts_characters = 0
        return text

    def _pasted(self) -> list[Token | Pasted]:
        text = self._taken().replace("\0", "")
        return [Pasted(text=text)] if text else []


def is_key(token: Token) -> bool:
    """Whether it is a key rather than something that the terminal says by itself."""
    return isinstance(token, Typed) or (isinstance(token, Sequence) and token.text[-1] not in "mMIOtRy")


def perhaps_two(token: Token) -> Token:
    """Of a function key with Alt; Alt with an arrow moves in what is typed, and must not be an Escape."""
    is_function_key = isinstance(token, Sequence) and _ALT_FUNCTION_KEY.fullmatch(token.text)
    return Sequence(text=token.text, is_perhaps_two=True) if is_function_key else token


def read_single_shift(text: str, at: int, *, is_alt: bool) -> tuple[int, list[Token], bool] | None:
    """``ESC O`` and a letter: function, arrow and keypad keys of the application modes."""
    if found := _SINGLE_SHIFT.match(text, at):
        return found.end(), single_shift_key(found["modifiers"], found["final"], is_alt=is_alt), is_alt
    if _SINGLE_SHIFT_BEGUN.match(text, at):
        return None
    return at + 2, [alt_key("O")], False


def begun_keys(text: str) -> list[Token | Pasted]:
    """The keys in a sequence whose rest never came: Escape, or Alt with the one that begins it, or none."""
    escapes = _ESCAPES.match(text)
    if escapes is None:
        return []
    before: list[Token | Pasted] = [Typed(text=ESCAPE)] * (escapes.end() - 1)
    behind = text[escapes.end() :]
    if not behind:
        return [*before, Typed(text=ESCAPE)]
    if behind == "[" or (behind[0] in "O]P_" and len(behind) <= 2):
        typed: list[Token | Pasted] = [Typed(text=behind[1:])] if behind[1:] else []
        return [*before, alt_key(behind[0]), *typed]
    return []
