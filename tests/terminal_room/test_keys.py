"""Raw bytes of many terminals as keys, wherever a read ends and however late the rest comes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from tui.app.terminal.key_messages import MessageMaker, TypedText
from tui.app.terminal.key_spelling import Report, Sequence, Token, Typed
from tui.app.terminal.keys import DEFAULT_WAITS, KeyDecoder, Pasted

LONG_AFTER_SECONDS = 60.0


def heard(*reads: bytes, gap_seconds: float = 0.001) -> list[Message]:
    """The messages of reads that come one after another, and then nothing more."""
    decoder, maker = KeyDecoder(), MessageMaker()
    tokens: list[Token | Pasted] = []
    at_seconds = 0.0
    for data in reads:
        tokens += decoder.feed(data, at_seconds)
        at_seconds += gap_seconds
    tokens += decoder.tick(at_seconds + LONG_AFTER_SECONDS)
    assert decoder.deadline_seconds is None
    return [message for token in tokens if not isinstance(token, Report) for message in maker.messages(token)]


def told(message: Message) -> str:
    match message:
        case events.Key(key=key):
            return key
        case events.Paste(text=text):
            return f"paste {text}"
        case events.MouseEvent():
            return f"{type(message).__name__} {message.x:.0f},{message.y:.0f} button {message.button}"
        case events.Resize(size=size):
            return f"resize {size.width}x{size.height}"
        case events.CursorPosition(x=x, y=y):
            return f"cursor {x},{y}"
    return type(message).__name__


def keys(*reads: bytes, gap_seconds: float = 0.001) -> list[str]:
    return [told(message) for message in heard(*reads, gap_seconds=gap_seconds)]


def typed(data: bytes) -> str:
    """What would be typed into a prompt."""
    return "".join(
        message.text if isinstance(message, TypedText) else message.character or ""
        for message in heard(data)
        if isinstance(message, events.Key | TypedText)
    )


XTERM = {
    b"a": "a",
    b"A": "A",
    "é".encode(): "é",
    "日".encode(): "日",
    b"\r": "enter",
    b"\n": "ctrl+j",
    b"\t": "tab",
    b"\x7f": "backspace",
    b"\x08": "backspace",
    b" ": "space",
    b"\x00": "ctrl+@",
    b"\x03": "ctrl+c",
    b"\x1f": "ctrl+underscore",
    b"\x1b": "escape",
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[1;2A": "shift+up",
    b"\x1b[1;3A": "alt+up",
    b"\x1b[1;5C": "ctrl+right",
    b"\x1b[1;6H": "ctrl+shift+home",
    b"\x1b[1;5F": "ctrl+end",
    b"\x1b[5~": "pageup",
    b"\x1b[6;5~": "ctrl+pagedown",
    b"\x1b[3~": "delete",
    b"\x1b[3;3~": "alt+delete",
    b"\x1b[Z": "shift+tab",
    b"\x1bOP": "f1",
    b"\x1bOR": "f3",
    b"\x1bOS": "f4",
    b"\x1b[R": "f3",
    b"\x1b\x1bOR": "alt+f3",
    b"\x1b[15~": "f5",
    b"\x1b[24~": "f12",
    b"\x1b[1;2P": "shift+f1",
    b"\x1b[1;2R": "shift+f3",
    b"\x1bO2P": "shift+f1",
    b"\x1bOM": "enter",
    b"\x1bOj": "asterisk",
    b"\x1bOy": "9",
    b"\x1b\r": "alt+enter",
    b"\x1b\n": "alt+enter",
    b"\x1bb": "alt+b",
    b"\x1bB": "alt+shift+b",
    b"\x1b1": "alt+1",
    b"\x1b.": "alt+full_stop",
    b"\x1b ": "alt+space",
    b"\x1b\x7f": "alt+backspace",
    b"\x1b\x01": "alt+ctrl+a",
    "\x1bé".encode(): "alt+é",
    b"\x1b\x1b[A": "alt+up",
    b"\x1b\x1bOA": "alt+up",
    b"\x1b\x1b[1;5A": "alt+ctrl+up",
    b"\x1b\x1b[5~": "alt+pageup",
    b"\x1b\x1b[Z": "alt+shift+tab",
    b"\x1b[25~": "f13",
}

MODIFY_OTHER_KEYS = {
    b"\x1b[27;2;13~": "shift+enter",
    b"\x1b[27;5;13~": "ctrl+enter",
    b"\x1b[27;3;13~": "alt+enter",
    b"\x1b[27;6;13~": "ctrl+shift+enter",
    b"\x1b[27;2;65~": "A",
    b"\x1b[27;2;33~": "!",
    b"\x1b[27;2;32~": "space",
    b"\x1b[27;5;105~": "ctrl+i",
    b"\x1b[27;5;109~": "ctrl+m",
    b"\x1b[27;5;9~": "ctrl+tab",
    b"\x1b[27;5;127~": "ctrl+backspace",
    b"\x1b[27;5;47~": "ctrl+slash",
    b"\x1b[27;6;65~": "ctrl+shift+a",
    b"\x1b[27;3;98~": "alt+b",
    b"\x1b[27;5;27~": "ctrl+escape",
}

KITTY = {
    b"\x1b[97;;97u": "a",
    b"\x1b[97;2;65u": "A",
    b"\x1b[32;2;32u": "space",
    b"\x1b[13u": "enter",
    b"\x1b[9u": "tab",
    b"\x1b[127u": "backspace",
    b"\x1b[27u": "escape",
    b"\x1b[27;1u": "escape",
    b"\x1b[27;129u": "escape",
    b"\x1b[13;2u": "shift+enter",
    b"\x1b[13;3u": "alt+enter",
    b"\x1b[13;5u": "ctrl+enter",
    b"\x1b[99;5u": "ctrl+c",
    b"\x1b[99;69u": "ctrl+c",
    b"\x1b[106;5u": "ctrl+j",
    b"\x1b[45;6u": "ctrl+shift+minus",
    b"\x1b[122;5u": "ctrl+z",
    b"\x1b[97:65;2:1;65u": "A",
    b"\x1b[99::99;5:1u": "ctrl+c",
    b"\x1b[98;3u": "alt+b",
    b"\x1b[98;4u": "alt+shift+b",
    b"\x1b[1;3A": "alt+up",
    b"\x1b[1;1:1A": "up",
    b"\x1b[13~": "f3",
    b"\x1b[57414u": "enter",
    b"\x1b[57400;;49u": "1",
    b"\x1b[57417u": "left",
    b"\x1b[97;3;229u": "å",
}

OTHERS = {
    b"\x1b[[A": "f1",  # the Linux console
    b"\x1b[[E": "f5",
    b"\x1b[1~": "home",
    b"\x1b[4~": "end",
    b"\x1b\t": "shift+tab",
    b"\x1b[7~": "home",  # rxvt
    b"\x1b[8~": "end",
    b"\x1b[a": "shift+up",
    b"\x1bOa": "ctrl+up",
    b"\x1bOb": "ctrl+down",
    b"\x1b[3$": "shift+delete",
    b"\x1b[7^": "ctrl+home",
    b"\x1b[5@": "ctrl+shift+pageup",
    b"\x1b\x1b[5^": "alt+ctrl+pageup",
    b"\x1b[11~": "f1",  # PuTTY
    b"\x1b[14~": "f4",
    b"\x1b\x1bOD": "alt+left",
    b"\x1b[5A": "ctrl+up",  # an older tmux
    b"\x1b[1;9C": "alt+right",  # iTerm2
    b"\x1b[1;5p": "ctrl+0",  # mintty
}

TABLES = {**XTERM, **MODIFY_OTHER_KEYS, **KITTY, **OTHERS}

NOT_KEYS = {
    b"\x1b[<0;5;3M": "MouseDown 4,2 button 1",
    b"\x1b[<0;5;3m": "MouseUp 4,2 button 1",
    b"\x1b[<35;120;40M": "MouseMove 119,39 button 0",
    b"\x1b[<64;1;1M": "MouseScrollUp 0,0 button 0",
    b"\x1b[32;5;3M": "MouseDown 4,2 button 1",
    b"\x1b[35;5;3M": "MouseUp 4,2 button 1",
    b"\x1b[I": "AppFocus",
    b"\x1b[O": "AppBlur",
    b"\x1b[?2026;2$y": "TerminalSupportsSynchronizedOutput",
    b"\x1b[?2048;2$y": "InBandWindowResize",
    b"\x1b[48;40;120;800;1200t": "resize 120x40",
    b"\x1b[48;40:1;120;800;1200t": "resize 120x40",
    b"\x1b[200~two\rlines\x1b[201~": "paste two\rlines",
    b"\x1b[200~\x1b[A \x1b\x00[201\x1b[201~": "paste \x1b[A \x1b[201",
}

SILENT = [
    b"\x1b]10;rgb:d9d9/dddd/e3e3\x1b\\",
    b"\x1b]11;rgb:1414/1616/1a1a\x07",
    b"\x1b]4;1;rgb:cdcd/0000/0000\x1b\\",
    b"\x1b]52;c;aGVsbG8gd29ybGQ=\x1b\\",
    b"\x1bP1+r544e=787465726d2d323536636f6c6f72\x1b\\",
    b"\x1bP0+r\x1b\\",
    b"\x1bP1$r0;48:2:1:2:3m\x1b\\",
    b"\x1bP>|XTerm(380)\x1b\\",
    b"\x1bP!|7E565445\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b[24;80R",
    b"\x1b[1;40R",
    b"\x1b[?1;40R",
    b"\x1b[?62;22;52c",
    b"\x1b[>41;380;0c",
    b"\x1b[0n",
    b"\x1b[?997;1n",
    b"\x1b[?2026;0$y",
    b"\x1b[?1006;1$y",
    b"\x1b[4;2$y",
    b"\x1b[?25u",
    b"\x1b[8;40;120t",
    b"\x1b[4;800;1200t",
    b"\x1b[M #!",
    b"\x1b[<35;-1;5M",
    b"\x1b[201~",
    b"\x1b[57441u",  # shift alone
    b"\x1b[97;1:3u",  # a key let go
    b"\x1b[1;1:3A",
    b"\x1b[99~",
    b"\x1b[u",
    b"\x1b[999999999999;5u",
    b"\x1b[55296;5u",
    b"\xc2\x9b",
]


@pytest.mark.parametrize(("data", "key"), TABLES.items())
def test_a_key_is_what_the_terminal_means(data: bytes, key: str) -> None:
    expected = {"A": "A", "!": "exclamation_mark"}.get(key, key)
    assert keys(data) == [expected]


@pytest.mark.parametrize(("data", "what"), NOT_KEYS.items())
def test_what_textual_needs_is_handed_on(data: bytes, what: str) -> None:
    assert keys(data) == [what]
    # An escape typed just before it is a key of its own, and makes no Alt of it.
    assert keys(b"\x1b" + data) == ["escape", what]


@pytest.mark.parametrize("data", SILENT)
def test_an_answer_is_never_typed_wherever_it_is_cut(data: bytes) -> None:
    assert keys(b"a" + data + b"b") == ["a", "b"]
    for at in range(2, len(data)):
        assert keys(b"a" + data[:at], data[at:] + b"b", gap_seconds=0.25) == ["a", "b"], at


@pytest.mark.parametrize("data", [data for data in SILENT if data[1:3] in (b"]1", b"P1", b"[?", b"[>")])
def test_an_answer_over_a_bad_line_may_pause_for_long(data: bytes) -> None:
    for at in range(5, len(data)):
        assert keys(b"a" + data[:at], data[at:] + b"b", gap_seconds=1.5) == ["a", "b"], at


def test_an_answer_that_breaks_off_costs_no_key_behind_it() -> None:
    assert keys(b"\x1b]11;rgb:14", b"\r") == ["enter"]
    assert keys(b"\x1bP1$r0;1", b"\x03") == ["ctrl+c"]
    assert keys(b"\x1bP1$r0;1", b"\x1b[A") == ["up"]
    assert keys(b"\x1b[?62;", b"\x1b[A") == ["up"]
    assert keys(b"\x1b[?62;", b"\r") == ["enter"]
    assert keys(b"\x1b]52;c;aGVs", b"x", gap_seconds=3) == ["x"]


def test_an_endless_answer_takes_little_memory() -> None:
    decoder = KeyDecoder()
    decoder.feed(b"\x1b]52;c;", 0)
    for _ in range(100):
        assert decoder.feed(b"A" * 65536, 0) == []
    (report,) = decoder.feed(b"\x1b\\", 0)
    assert isinstance(report, Report)
    assert len(report.text) < 200_000
    assert decoder.feed(b"x", 0) == [Typed(text="x")]


@given(
    pieces=st.lists(st.sampled_from([*TABLES, *NOT_KEYS, *SILENT, b"plain text", b"\x1b[200~"]), max_size=8),
    data=st.data(),
)
def test_the_keys_do_not_depend_on_where_reads_end(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    cut = [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]
    assert keys(*cut) == keys(stream)


@pytest.mark.parametrize("data", [*TABLES, *NOT_KEYS])
def test_the_keys_do_not_depend_on_a_cut_at_any_byte(data: bytes) -> None:
    whole = keys(data + b"z")
    for at in range(len(data) + 1):
        assert keys(data[:at], data[at:] + b"z") == whole
    assert keys(*(bytes([byte]) for byte in data + b"z")) == whole


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_break_it(data: bytes, at: int) -> None:
    keys(data[:at], data[at:], gap_seconds=0.4)


@given(st.text(st.characters(min_codepoint=0x1B, max_codepoint=0x7E), max_size=30).map(str.encode))
def test_what_was_typed_behind_anything_arrives_in_the_end(data: bytes) -> None:
    """Whatever came before: once it is over, keys are keys."""
    assert keys(data, b"q\r", gap_seconds=LONG_AFTER_SECONDS)[-2:] == ["q", "enter"]


# ---------------------------------------------------------------------- time


def test_a_lone_escape_is_the_key_after_a_tenth_of_a_second() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b", 5) == []
    assert decoder.deadline_seconds == pytest.approx(5 + DEFAULT_WAITS.escape_seconds)
    assert decoder.tick(5.09) == []
    assert decoder.tick(5.11) == [Typed(text="\x1b")]
    assert decoder.deadline_seconds is None


def test_an_escape_and_a_letter_typed_later_are_two_keys() -> None:
    assert keys(b"\x1b", b"b", gap_seconds=0.15) == ["escape", "b"]
    assert keys(b"\x1b", b"[", gap_seconds=0.15) == ["escape", "left_square_bracket"]
    assert keys(b"\x1b", b"\x1b", gap_seconds=0.15) == ["escape", "escape"]
    assert keys(b"\x1b\x1b\x1b") == ["escape"] * 3
    assert keys(b"\x1b\x1bb") == ["escape", "alt+b"]


def test_a_slow_arrow_is_not_torn_into_escape_and_letters() -> None:
    assert keys(b"\x1b[", b"A", gap_seconds=0.29) == ["up"]
    assert keys(b"\x1bO", b"A", gap_seconds=0.29) == ["up"]
    assert keys(b"\x1b\x1b[", b"A", gap_seconds=0.29) == ["alt+up"]


def test_alt_and_a_key_that_begins_sequences() -> None:
    assert keys(b"\x1b[") == ["alt+left_square_bracket"]
    assert keys(b"\x1bO") == ["alt+shift+o"]
    assert keys(b"\x1b]") == ["alt+right_square_bracket"]
    assert keys(b"\x1bP") == ["alt+shift+p"]
    assert keys(b"\x1b_") == ["alt+underscore"]
    assert keys(b"\x1b]", b"text", gap_seconds=0.1) == ["alt+right_square_bracket", *"text"]
    assert keys(b"\x1bP", b"ost", gap_seconds=0.1) == ["alt+shift+p", *"ost"]
    assert keys(b"\x1b[", b"word", gap_seconds=0.4) == ["alt+left_square_bracket", *"word"]


def test_alt_types_nothing() -> None:
    assert typed(b"\x1bb\x1b1\x1b[\x1bP") == ""
    assert typed(b"\x1b[97;3u") == ""


def test_composed_text_arrives_whole() -> None:
    assert typed(b"\x1b[0;;20320:22909u") == "你好"
    assert typed(b"\x1b[0;;" + b":".join([b"22909"] * 40) + b"u") == "好" * 40


def test_bytes_that_are_no_utf8_are_shown_as_such() -> None:
    assert typed(b"a\xffb\xc3") == "a\ufffdb"
    assert typed("é".encode()[:1] + b"\r") == "\ufffd\r"


# ---------------------------------------------------------------------- pastes


def pasted(*reads: bytes, gap_seconds: float = 0.001) -> list[str]:
    return [message.text for message in heard(*reads, gap_seconds=gap_seconds) if isinstance(message, events.Paste)]


def test_a_paste_is_one_piece_in_any_number_of_reads() -> None:
    text = "line\r" * 30_000
    data = f"\x1b[200~{text}\x1b[201~".encode()
    assert pasted(*(data[at : at + 4096] for at in range(0, len(data), 4096))) == [text]


def test_keys_around_a_paste_keep_their_order() -> None:
    assert keys(b"a\x1b[200~b\rc\x1b[201~\r") == ["a", "paste b\rc", "enter"]
    assert keys(b"\x1b[200~one\x1b[201~\x1b[200~two\x1b[201~") == ["paste one", "paste two"]


def test_a_paste_cannot_end_itself_and_press_enter() -> None:
    assert keys(b"\x1b[200~evil\x1b[201~\r\x1b[201~") == ["paste evil\r"]
    assert keys(b"\x1b[200~evil\x1b[201~\r", b"\x1b[201~", gap_seconds=0.01) == ["paste evil\r"]
    assert keys(b"\x1b[200~good\x1b[201~", b"\r", gap_seconds=0.05) == ["paste good", "enter"]


def test_a_paste_whose_end_is_lost_does_not_swallow_the_keyboard() -> None:
    assert keys(b"\x1b[200~half", b"\r", gap_seconds=6) == ["paste half", "enter"]


def test_a_paste_without_brackets_comes_as_keys_in_their_order() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"one\rtwo\r", 1) == [Typed(text="one\rtwo\r")]
    assert decoder.deadline_seconds is None


# ---------------------------------------------------------------------- who waits for what


def test_reports_are_kept_for_whoever_asked() -> None:
    assert KeyDecoder().feed(b"\x1b]11;rgb:0/0/0\x07", 0) == [Report(text="\x1b]11;rgb:0/0/0\x07")]
    assert KeyDecoder().feed(b"\x1b[?62;c", 0) == [Report(text="\x1b[?62;c")]


def test_the_position_of_the_cursor_for_who_awaits_it() -> None:
    decoder = KeyDecoder(awaits_cursor_position=True)
    assert decoder.feed(b"\x1b[1;5R", 0) == [Sequence(text="\x1b[1;5R")]
    assert [told(message) for message in MessageMaker().messages(Sequence(text="\x1b[1;5R"))] == ["cursor 4,0"]
