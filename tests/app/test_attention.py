"""A bell after a long answer that nobody watched, and a title that says what happens: no byte more than that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.running import Folders
from tests.end_to_end.program import LONG_SECONDS, ask, chinwag, leave, wait_until_usable
from tests.end_to_end.served import Served
from tests.hostile import HOSTILE_STRINGS
from tests.terminal import ctrl
from tui.app.attention import AWAY_SECONDS, Alert, Attention, AttentionWishes, Focus, notification_text, title_text
from tui.app.glyphs import ASCII, UNICODE
from tui.chat.events import Phase
from tui.environment import Multiplexer

FOCUS_OUT, FOCUS_IN = "\x1b[O", "\x1b[I"
MODEL = "script-prose-600-200"
SENT_AS_ONE = re.compile(rb"\x1b\][^\a\x1b]*(?:\a|\x1b\\\\)")
TITLE = re.compile(rb"\x1b\]2;([^\a]*)\a")


class Desk:
    """Attention with what it wrote, on a clock that only the test moves."""

    def __init__(self, alert: Alert = "bell", *, multiplexer: Multiplexer = Multiplexer.none) -> None:
        self.seconds = 0.0
        self.written: list[str] = []
        self.titles: list[str] = []
        self.wishes = AttentionWishes(alert=alert)
        self.focus = Focus(clock=lambda: self.seconds)
        self.attention = Attention(
            wishes=lambda: self.wishes,
            focus=self.focus,
            multiplexer=multiplexer,
            write=self.written.append,
            set_title=self.titles.append,
        )

    def ends(self, took_seconds: float = 30.0) -> list[str]:
        self.attention.answer_ended("qwen3:8b", took_seconds=took_seconds, is_whole=True)
        return self.written


def test_a_long_answer_rings_only_when_nobody_looks() -> None:
    desk = Desk()
    desk.focus.reported(is_focused=True)
    assert not desk.ends()
    desk.focus.reported(is_focused=False)
    assert not desk.ends(took_seconds=9)
    assert desk.ends() == ["\a"]


def test_whoever_presses_a_key_is_here() -> None:
    desk = Desk()
    desk.focus.reported(is_focused=False)
    desk.focus.touched()
    assert not desk.ends()


def test_a_terminal_that_says_nothing_is_looked_at_until_no_key_came_for_long() -> None:
    desk = Desk()
    desk.seconds = AWAY_SECONDS - 1
    assert not desk.ends()
    desk.seconds = AWAY_SECONDS + 1
    assert desk.ends() == ["\a"]


def test_off_is_off() -> None:
    desk = Desk("off")
    desk.focus.reported(is_focused=False)
    assert not desk.ends()


@pytest.mark.parametrize(
    ("multiplexer", "text"),
    [
        (Multiplexer.none, "\x1b]9;chinwag: m has answered\a"),
        (Multiplexer.tmux, "\x1bPtmux;\x1b\x1b]9;chinwag: m has answered\a\x1b\\"),
        (Multiplexer.screen, "\x1bP\x1b]9;chinwag: m has answered\a\x1b\\"),
    ],
)
def test_a_notification_is_handed_through(multiplexer: Multiplexer, text: str) -> None:
    assert notification_text("m has answered", multiplexer) == text


@pytest.mark.parametrize("name", HOSTILE_STRINGS)
def test_a_foreign_name_ends_no_sequence(name: str) -> None:
    desk = Desk("notification")
    desk.focus.reported(is_focused=False)
    desk.attention.answer_ended(name, took_seconds=60, is_whole=False)
    (written,) = desk.written
    inside = written.removeprefix("\x1b]9;").removesuffix("\a")
    title = title_text(name, Phase.answering, is_news=False, glyphs=UNICODE)
    for text in (inside, title):
        assert not any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in text)


def test_the_title_says_phase_and_model() -> None:
    def title(phase: Phase, *, is_news: bool = False) -> str:
        return title_text("qwen3:8b", phase, is_news=is_news, glyphs=UNICODE)

    assert title(Phase.idle) == "qwen3:8b · chinwag"
    assert title(Phase.loading) == "◌ loading · qwen3:8b"
    assert title(Phase.answering) == "● answering · qwen3:8b"
    assert title(Phase.idle, is_news=True) == "✓ done · qwen3:8b"
    assert title_text("", Phase.idle, is_news=False, glyphs=UNICODE) == "chinwag"
    assert title_text("m", Phase.answering, is_news=False, glyphs=ASCII).isascii()


def test_the_title_is_written_when_it_changes_and_given_back_when_unwanted() -> None:
    desk = Desk()
    for _ in range(3):
        desk.attention.show("m", Phase.idle, is_news=False, glyphs=UNICODE)
    assert desk.titles == ["m · chinwag"]
    desk.wishes = AttentionWishes(has_title=False)
    for _ in range(3):
        desk.attention.show("m", Phase.answering, is_news=False, glyphs=UNICODE)
    assert desk.titles == ["m · chinwag", ""]


async def test_an_answer_that_took_long_rings_and_a_stopped_one_does_not(folders: Folders) -> None:
    async with folders.start() as person:
        await person.shows("Ask tour:8b")
        written: list[str] = []
        person.app.attention.write = written.append
        person.app.attention._focus.reported(is_focused=False)
        began = person.chat._began_at
        session = person.chat.session

        def longer() -> None:
            if session.id in began:
                began[session.id] -= 60

        session.subscribe(lambda _event: longer())
        await session.ask("hello")
        await person.until(lambda: written, told="the bell")
        assert written == ["\a"]


def test_a_real_terminal_hears_titles_and_the_bell_and_gets_its_own_title_back(steady: Served, home: Path) -> None:
    variables = {"CHINWAG_ATTENTION_LONG_ANSWER_SECONDS": "0"}
    with chinwag("--host", steady.url, "--model", MODEL, home=home, environment=variables) as terminal:
        wait_until_usable(terminal)
        terminal.wait_for_bytes(f"{MODEL} · chinwag\a".encode(), LONG_SECONDS)
        assert terminal.raw.count(b"\x1b[22;2t") == 1
        ask(terminal, "hello you")
        terminal.wait_for_bytes(f"● answering · {MODEL}\a".encode(), LONG_SECONDS)
        terminal.send(FOCUS_OUT)
        terminal.wait_for_bytes(f"✓ done · {MODEL}\a".encode(), LONG_SECONDS)
        titles = [one.decode() for one in TITLE.findall(terminal.raw)]
        assert len(titles) == len([one for one, before in zip(titles, ["", *titles], strict=False) if one != before])
        terminal.wait_until_quiet(1.0, LONG_SECONDS)
        before = len(terminal.raw)
        bells = SENT_AS_ONE.sub(b"", terminal.raw).count(b"\a")
        terminal.send(FOCUS_IN)
        terminal.send(ctrl("q"))
        assert terminal.exit_code(LONG_SECONDS) == 0
        assert bells == 1
        assert terminal.raw.count(b"\x1b[23;2t") == 1
        assert not TITLE.search(terminal.raw[before:])


def test_without_a_wish_for_titles_none_is_touched(steady: Served, home: Path) -> None:
    with chinwag("--host", steady.url, home=home, environment={"CHINWAG_ATTENTION_TITLE": "off"}) as terminal:
        wait_until_usable(terminal)
        leave(terminal)
        assert not TITLE.search(terminal.raw)
        assert b"\x1b[22;2t" not in terminal.raw
        assert b"\x1b[23;2t" not in terminal.raw


@pytest.fixture
def steady() -> Iterator[Served]:
    with Served() as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_question_that_waits_rings_as_an_answer_does() -> None:
    desk = Desk("notification")
    desk.focus.reported(is_focused=False)
    desk.attention.answer_waits("qwen3:8b", took_seconds=5)
    assert desk.written == []
    desk.attention.answer_waits("qwen3:8b", took_seconds=30)
    assert "qwen3:8b waits for you" in desk.written[0]
