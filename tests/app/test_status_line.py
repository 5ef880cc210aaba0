"""The one line under the prompt, as a pure function of what is known."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tui.app.glyphs import ASCII, UNICODE, Glyphs
from tui.app.widgets.status_line import StatusView, status_strip
from tui.chat.connection import ConnectionState, Link
from tui.chat.events import Phase
from tui.chat.live import Progress
from tui.conversations.values import Message, MessageState, Role
from tui.engine import FinalCounts, RunningModel
from tui.places import bundled_themes
from tui.theming.load import load_themes

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
THEME = load_themes(bundled_themes(), None).themes["chinwag-dark"]
UP = ConnectionState(link=Link.up)
LOADED = RunningModel(name="qwen3:8b", context_tokens=8192, expires_at=NOW + timedelta(minutes=4, seconds=30))
COUNTS = FinalCounts(done_reason="stop", prompt_tokens=1000, answer_tokens=412, answer_seconds=6.6)
ANSWER = Message(
    id="a", role=Role.assistant, text="yes", at=NOW, seconds=7.1, first_token_seconds=0.31, pieces=87, counts=COUNTS
)
ANSWERING = Progress(
    phase=Phase.answering,
    model="qwen3:8b",
    seconds=4.1,
    phase_seconds=4.1,
    first_token_seconds=0.31,
    pieces=188,
    pieces_per_second=87.23,
    speeds=(20.0, 40.0, 60.0, 80.0, 87.0, 87.0, 87.0),
    silent_seconds=0.1,
    prompt_characters=12_800,
)
KEYS = tuple((f"f{number}", f"key {number}") for number in range(1, 10))
IDLE = StatusView(now=NOW, model="qwen3:8b", connection=UP, loaded=LOADED, keys=KEYS)
RUNNING = replace(IDLE, progress=ANSWERING, last=ANSWER)
DONE = replace(IDLE, last=ANSWER, is_news=True, last_speeds=ANSWERING.speeds)


def line(view: StatusView, width: int = 200, glyphs: Glyphs = UNICODE) -> str:
    strip = status_strip(view, width=width, theme=THEME, glyphs=glyphs)
    assert strip.cell_length == width
    return strip.text


def test_answering_is_told_as_drawn() -> None:
    told = line(RUNNING)
    assert (
        "● answering  4.1 s   ~87.2 tok/s  ▂▄▅▇▇▇▇   ~188 tokens  first 0.31 s  context ~3.4k of 8k ▰▰▰▰▱▱▱▱▱▱" in told
    )


def test_done_keeps_every_field_where_it_was() -> None:
    for width in range(60, 220):
        before, after = line(RUNNING, width), line(DONE, width)
        for words in ("tok/s", "▂", "tokens", "first", " of 8k", " in "):
            assert before.find(words) == after.find(words), (width, words)
    assert "✓ done" in after
    assert "  62.4 tok/s" in after
    assert "~" not in after


def test_numbers_change_and_nothing_moves() -> None:
    slower = replace(RUNNING, progress=replace(ANSWERING, seconds=99.7, pieces=9_940, pieces_per_second=7.0))
    for words in ("tok/s", "tokens", "first", "context", " of 8k"):
        assert line(RUNNING).index(words) == line(slower).index(words), words


def test_another_key_moves_no_field() -> None:
    for width in range(60, 200):
        short, long = (replace(DONE, keys=(("esc", word),)) for word in ("x", "stop it"))
        assert line(short, width).rstrip(" xesc") == line(long, width).partition("esc")[0].rstrip()


def test_six_keys_three_keys_one_key() -> None:
    def keys_at(width: int) -> int:
        return line(IDLE, width).count("key ")

    assert [keys_at(width) for width in (200, 160, 159, 120, 119, 80, 60)] == [6, 6, 3, 3, 1, 1, 1]


def test_what_goes_first_when_the_window_narrows() -> None:
    there = {"▂": "spark", "context": "word", "first": "first", "▰": "meter", "tokens": "tokens"}
    gone: list[str] = []
    for width in range(200, 59, -1):
        told = line(RUNNING, width)
        gone += [name for sign, name in there.items() if sign not in told and name not in gone]
        assert "answering" in told
        assert "~87.2 tok/s" in told
        assert "3.4k of 8k" in told
        assert "f1 key 1" in told
    assert gone == ["spark", "word", "first", "meter", "tokens"]


@pytest.mark.parametrize("limit", [8_192, 40_960, 131_072, 1_048_576])
def test_down_to_sixty_columns_phase_speed_context_and_a_key_stay(limit: int) -> None:
    keys = (("ctrl+t", "model"), ("ctrl+o", "open"))
    loaded = replace(LOADED, context_tokens=limit)
    for width in range(60, 220):
        for view, words in ((RUNNING, "answering"), (DONE, "done")):
            told = line(replace(view, loaded=loaded, keys=keys), width)
            assert words in told
            assert "tok/s" in told
            assert re.search(r"k( of |/)(8k|40k|128k|1M)", told), (width, told)
            assert "ctrl+t model" in told, (width, told)


def test_at_least_one_key_is_there_whatever_is_said() -> None:
    keys = (("ctrl+t", "model"), ("ctrl+o", "open"))
    named = replace(IDLE, model="a-model-with-a-long-name:70b-instruct", last=ANSWER)
    stopped = replace(ANSWER, state=MessageState.stopped, counts=None)
    for width in range(60, 220):
        for view in (
            replace(named, is_unsaved=True),
            replace(RUNNING, is_unsaved=True),
            replace(DONE, is_unsaved=True),
            replace(named, last=stopped, is_news=True, can_try_again=True),
        ):
            told = line(replace(view, keys=keys), width)
            assert "ctrl+t model" in told, (width, told)
            assert "not saved" in told or not view.is_unsaved, (width, told)


def test_a_key_with_a_long_name_is_there_too() -> None:
    for width in range(60, 220):
        told = line(replace(DONE, keys=(("ctrl+shift+f12", "model"),)), width)
        assert "ctrl+shift+f12 model" in told, (width, told)
        assert "62.4 tok/s" in told


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (IDLE, "qwen3:8b loaded · 4 min left"),
        (replace(IDLE, loaded=None), "qwen3:8b not loaded"),
        (replace(IDLE, loaded=None, is_cloud=True), "qwen3:8b cloud"),
        (replace(IDLE, model="", loaded=None), "no model chosen"),
        (replace(IDLE, last=ANSWER), "last 62.4 tok/s · 412 tokens · first 0.31 s"),
        (replace(RUNNING, progress=replace(ANSWERING, phase=Phase.waiting, phase_seconds=0.42)), "◌ waiting    0.4 s"),
        (
            replace(
                RUNNING, progress=replace(ANSWERING, phase=Phase.loading, phase_seconds=12.2), usual_load_seconds=14.0
            ),
            "◌ loading qwen3:8b 12 s of about 14 s",
        ),
        (
            replace(RUNNING, progress=replace(ANSWERING, phase=Phase.loading, phase_seconds=12.2)),
            "◌ loading qwen3:8b 12 s  ",
        ),
        (
            replace(RUNNING, progress=replace(ANSWERING, phase=Phase.reading, phase_seconds=1.2)),
            "◌ reading ~3.2k tokens or queued 1.2 s",
        ),
        (replace(RUNNING, progress=replace(ANSWERING, phase=Phase.thinking)), "● thinking   4.1 s   ~87.2 tok/s"),
        (replace(RUNNING, progress=replace(ANSWERING, silent_seconds=31.0)), "nothing for 31 s"),
        (replace(DONE, last=replace(ANSWER, state=MessageState.stopped, counts=None)), "■ stopped · ~87 tokens kept"),
        (
            replace(DONE, last=replace(ANSWER, state=MessageState.broken_off, counts=None), can_try_again=True),
            "■ broken off · ~87 tokens kept · enter try again",
        ),
        (
            replace(DONE, last=replace(ANSWER, text="", state=MessageState.failed, counts=None), can_try_again=True),
            "■ no answer · enter try again",
        ),
        (
            replace(DONE, last=replace(ANSWER, counts=replace(COUNTS, done_reason="length"))),
            "✓ cut off",
        ),
        (replace(RUNNING, queued=2), "2 queued"),
        (replace(IDLE, queued=1, is_queue_paused=True), "1 paused"),
        (replace(IDLE, is_unsaved=True), "not saved"),
        (
            replace(
                IDLE, connection=ConnectionState(link=Link.down), address="http://gpu-box:11434", waited_seconds=12.4
            ),
            "◌ waiting for http://gpu-box:11434  12 s",
        ),
    ],
)
def test_each_phase_says_what_is_known(view: StatusView, words: str) -> None:
    assert words in line(view)
    assert words.split(maxsplit=1)[0] in line(view, 60) or words.startswith(("last", "nothing"))


def test_a_window_that_nobody_knows_is_not_guessed() -> None:
    assert "context 1.4k " in line(replace(DONE, loaded=None))
    assert " of " not in line(replace(DONE, loaded=None))
    assert "context" not in line(replace(IDLE, loaded=None))


def test_ascii_says_the_same() -> None:
    assert line(RUNNING, glyphs=ASCII).isascii()
    assert "* answering  4.1 s   ~87.2 tok/s" in line(RUNNING, glyphs=ASCII)


@given(
    width=st.integers(0, 220),
    words=st.sampled_from(HOSTILE_STRINGS),
    view=st.sampled_from((IDLE, RUNNING, DONE)),
    link=st.sampled_from(Link),
    phase=st.sampled_from(Phase),
)
def test_any_width_any_words(width: int, words: str, view: StatusView, link: Link, phase: Phase) -> None:
    progress = None if view.progress is None else replace(view.progress, phase=phase, model=words)
    told = line(
        replace(view, model=words, address=words, progress=progress, connection=ConnectionState(link=link)), width
    )
    assert all(letter.isprintable() or letter == " " or not letter.isascii() for letter in told)


def test_an_answer_that_was_never_counted_does_not_empty_the_context() -> None:
    stopped = replace(DONE, last=replace(ANSWER, state=MessageState.stopped, counts=None), guessed_tokens=490)
    assert "~490 of 8k" in line(stopped)
    assert "0 of 8k" in line(replace(IDLE, last=None))
