"""What a terminal without bracketed paste sends when somebody pastes: a few events, not one for each character."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tui.app.terminal.key_messages import RUN_CHARACTERS, MessageMaker, TypedText
from tui.app.terminal.key_spelling import Report
from tui.app.terminal.keys import KeyDecoder
from tui.app.terminal.terminal_app import TerminalApp

READ_BYTES = 4095
"""As much as a pseudo-terminal gives at once."""
PASTE = "".join(f"line {number} of what is pasted, 日本語 too\r" for number in range(2_500))


def heard(data: bytes, read_bytes: int = READ_BYTES) -> list[Message]:
    decoder, maker = KeyDecoder(), MessageMaker()
    found: list[Message] = []
    for at in range(0, len(data), read_bytes):
        for token in decoder.feed(data[at : at + read_bytes], 100.0):
            assert not isinstance(token, Report)
            found += maker.messages(token)
    return found


def texts(messages: list[Message]) -> Iterator[str]:
    for message in messages:
        if isinstance(message, TypedText):
            yield message.text
        else:
            assert isinstance(message, events.Key)
            yield "\r" if message.key == "enter" else message.character or ""


def test_a_hundred_kilobytes_are_one_event_for_each_read() -> None:
    data = PASTE.encode()
    found = heard(data)
    assert len(data) > 100_000
    assert len(found) <= len(data) // READ_BYTES + 1
    assert "".join(texts(found)) == PASTE


def test_what_a_hand_types_is_keys() -> None:
    found = heard(b"ab\rc\x01")
    assert [(one.key, one.character) for one in found if isinstance(one, events.Key)] == [
        ("a", "a"),
        ("b", "b"),
        ("enter", "\r"),
        ("c", "c"),
        ("ctrl+a", "\x01"),
    ]


def test_a_control_key_among_text_is_a_key() -> None:
    text = "x" * RUN_CHARACTERS
    found = heard(f"{text}\x03{text}".encode())
    assert [type(one).__name__ for one in found] == ["TypedText", "Key", "TypedText"]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=200), st.integers(1, 300))
def test_no_character_is_lost_or_out_of_place(text: str, read_bytes: int) -> None:
    assert "".join(texts(heard(text.encode(), read_bytes))) == text


class Takes(Widget, can_focus=True):
    takes_typed_text = True

    def __init__(self) -> None:
        self.got: list[str] = []
        super().__init__()

    def on_typed_text(self, event: TypedText) -> None:
        self.got.append(event.text)

    def on_key(self, event: events.Key) -> None:
        self.got.append(event.key)


class Typed(TerminalApp[None]):
    def compose(self) -> ComposeResult:
        yield Takes()
        yield Input()


async def test_who_takes_text_gets_it_at_once_and_any_other_gets_keys() -> None:
    app = Typed()
    async with app.run_test() as pilot:
        takes, field = app.query_one(Takes), app.query_one(Input)
        text = "so it goes, on and on and on and on"
        takes.focus()
        await pilot.pause()
        app.post_message(TypedText(text))
        await pilot.pause()
        assert takes.got == [text]
        field.focus()
        await pilot.pause()
        app.post_message(TypedText(text))
        await pilot.pause()
        assert field.value == text


def test_keys_of_a_text_have_its_time() -> None:
    event = TypedText("abc")
    before = event.time
    keys: list[Any] = list(event.single_keys())
    assert [key.time for key in keys] == [before] * 3
    assert before <= time.monotonic()
