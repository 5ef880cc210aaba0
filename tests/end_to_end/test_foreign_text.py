"""Whatever a model and a server say, no byte of it is an order to the terminal."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.program import (
    LONG_SECONDS,
    TRY_AGAIN,
    ask,
    chinwag,
    leave,
    open_newest,
    press_until,
    wait_for_answer,
    wait_until_usable,
    write,
)
from tests.end_to_end.served import Served
from tests.end_to_end.wire import Wire, colours_of, is_our_title, read_wire
from tests.hostile import HOSTILE_STRINGS
from tests.terminal import Key, Terminal, ctrl, pasted
from tui.demo import Answer, DemoModel, Prompt

ORDERS = (
    "\x1b[66;77H",
    "\x1b[38;2;6;6;6m",
    "\x1b[48;5;66m",
    "\x1b]52;c;" + base64.b64encode(b"evil").decode() + "\x07",
    "\x1b]2;owned title\x1b\\",
    "\x9b38;2;6;6;6m",
    "\x1b]8;;http://evil.example/\x1b\\",
)
"""Some of which this program might use itself, but never with these numbers."""
FOREIGN = [text for text in (*ORDERS, *HOSTILE_STRINGS) if len(text) < 2000]


def hostile_script(_: Prompt) -> Answer:
    """Every hostile string in a paragraph, a heading, a list, code, a table and a link, cut into single characters."""

    def pieces() -> Iterator[str]:
        for text in FOREIGN:
            yield from f"x {text} y\n\n# {text}\n\n- {text}\n\n```python\n{text}\n```\n\n"
            yield from f"| {text} | b |\n|---|---|\n| [{text}](http://{text}) | `{text}` |\n\n"
        yield "\n\nTHE END"

    return Answer(text=pieces(), thinking="\n".join(FOREIGN))


def sound(text: str) -> str:
    """``text`` as a name on the wire can be: JSON cannot carry half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


MODELS = [
    DemoModel(
        name="loud:1b",
        script=hostile_script,
        capabilities=("completion", "thinking"),
        tokens_per_second=0,
        load_seconds=0,
    ),
    *(
        DemoModel(
            name=f"n{number} {sound(text)}:1b",
            script=hostile_script,
            family=sound(text),
            quantization=sound(text),
            license=sound(text),
        )
        for number, text in enumerate(FOREIGN[:20])
    ),
]


def assert_nothing_foreign(wire: Wire) -> None:
    assert wire.strangers == []
    assert [title for title in wire.titles if not is_our_title(title)] == []
    for order in ORDERS:
        assert order not in wire.sequences
    assert not {"38;2;6;6;6", "48;5;66"} & {colour for style in wire.styles for colour in colours_of(style)}
    assert sum("1049h" in sequence for sequence in wire.sequences) <= 2


@pytest.mark.parametrize("order", [*ORDERS, "\x07", "\u202e", "\x1b", "\x1bc", "\x1b[?66h", "\x1bPq\x1b\\"])
def test_an_order_that_got_through_would_be_found(order: str) -> None:
    with pytest.raises(AssertionError):
        assert_nothing_foreign(read_wire(f"text {order} text".encode()))


def see_everything(terminal: Terminal) -> None:
    """Once through every screen that shows something foreign."""
    terminal.send(ctrl("t"))
    terminal.wait_for("Models", LONG_SECONDS)
    terminal.wait_for("n0", LONG_SECONDS)
    press_until(terminal, Key.page_down, "n19")
    terminal.send(Key.escape)
    terminal.wait_until_gone("Models ", LONG_SECONDS)


@pytest.fixture
def loud() -> Iterator[Served]:
    with Served(models=MODELS) as server:
        yield server


def test_nothing_that_a_model_or_server_says_is_an_order_to_the_terminal(loud: Served, home: Path) -> None:
    with chinwag("--host", loud.url, "--model", "loud:1b", home=home) as terminal:
        wait_until_usable(terminal)
        write(terminal, "a prompt of")
        terminal.send(pasted("".join(HOSTILE_STRINGS[:4]) + "and more"))
        terminal.wait_for("and more", LONG_SECONDS)
        terminal.send(Key.enter)
        wait_for_answer(terminal, "THE END")
        terminal.send("\x1bt")
        terminal.send("\x1b[1;5H")
        terminal.wait_for("a prompt of", LONG_SECONDS)
        for _ in range(15):
            terminal.send(Key.page_down)
        see_everything(terminal)
        assert terminal.title == "" or is_our_title(terminal.title)
        leave(terminal)
        wire = read_wire(terminal.raw)
    assert_nothing_foreign(wire)
    assert "␛" in wire.text, "the hostile text was never shown, so nothing was tried"
    with chinwag("--host", loud.url, "--model", "loud:1b", home=home) as terminal:
        wait_until_usable(terminal)
        terminal.send(ctrl("o"))
        terminal.wait_for(re.compile("› +a prompt of"), LONG_SECONDS)
        terminal.send(Key.enter)
        terminal.wait_for("THE END", LONG_SECONDS)
        leave(terminal)
        assert_nothing_foreign(read_wire(terminal.raw))


def test_the_demo_servers_own_hostile_model(server: Served, home: Path) -> None:
    with chinwag("--host", server.url, "--model", "script-hostile-1500-0", home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "do your worst")
        wait_for_answer(terminal, "ENDMARK")
        terminal.send(Key.page_up)
        terminal.wait_for("␛", LONG_SECONDS)
        leave(terminal)
        wire = read_wire(terminal.raw)
    assert_nothing_foreign(wire)


def test_a_server_that_refuses_with_foreign_words(loud: Served, home: Path) -> None:
    evil = "no\x1b[66;77Hsuch"
    with chinwag("--host", loud.url, "--model", evil, home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, "are you there")
        terminal.wait_for(TRY_AGAIN, LONG_SECONDS)
        assert "␛[66;77H" in terminal.screen()
        leave(terminal)
        assert_nothing_foreign(read_wire(terminal.raw))
    with chinwag("--host", loud.url, home=home) as terminal:
        wait_until_usable(terminal)
        open_newest(terminal, "are you there")
        terminal.wait_for("␛[66;77H", LONG_SECONDS)
        leave(terminal)
        assert_nothing_foreign(read_wire(terminal.raw))
