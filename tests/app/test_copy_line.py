"""The line that asks what to copy: one key answers."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input

from tests.transcript.host import THEME
from tui.app.glyphs import ASCII, UNICODE
from tui.app.paint import textual_theme
from tui.app.widgets.copy_line import CopyLine


class CopyHost(App[None]):
    CSS = "Screen { layers: base over; }"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(textual_theme(THEME))
        self.theme = THEME.name
        self.line = CopyLine(theme=THEME, glyphs=UNICODE)
        self.posted: list[tuple[object, ...]] = []

    def compose(self) -> ComposeResult:
        yield Input()
        yield self.line

    def on_copy_line_chosen(self, event: CopyLine.Chosen) -> None:
        self.posted.append((event.what.value, event.number))

    def on_copy_line_closed(self, event: CopyLine.Closed) -> None:
        self.posted.append(("closed", event.character))


@pytest.mark.parametrize(
    ("key", "posted"),
    [
        ("enter", ("answer", 0)),
        ("a", ("all", 0)),
        ("1", ("code", 1)),
        ("3", ("code", 3)),
        ("escape", ("closed", "")),
        ("h", ("closed", "h")),
        ("é", ("closed", "é")),
    ],
)
async def test_one_key_answers_and_closes(key: str, posted: tuple[object, ...]) -> None:
    host = CopyHost()
    async with host.run_test() as pilot:
        host.line.open(codes=3)
        await pilot.press(key)
        await pilot.pause()
        assert host.posted == [posted]
        assert not host.line.is_open


async def test_a_number_that_no_code_has_waits_for_a_right_one() -> None:
    host = CopyHost()
    async with host.run_test() as pilot:
        host.line.open(codes=2)
        await pilot.press("7", "0")
        assert host.line.is_open
        await pilot.press("2")
        assert host.posted == [("code", 2)]


@pytest.mark.parametrize(
    ("codes", "has_answer", "expected"),
    [
        (12, True, "copy  enter answer · 1–9 code · a all"),
        (1, True, "copy  enter answer · 1 code · a all"),
        (0, True, "copy  enter answer · a all"),
        (0, False, "copy  a all"),
    ],
)
async def test_only_what_is_there_is_offered(codes: int, has_answer: bool, expected: str) -> None:
    host = CopyHost()
    async with host.run_test():
        host.line.open(codes=codes, has_answer=has_answer)
        assert host.line.text.strip().startswith(expected)
        host.line.use_theme(THEME, ASCII)
        assert host.line.text.isascii()


async def test_a_click_elsewhere_ends_the_question() -> None:
    host = CopyHost()
    async with host.run_test() as pilot:
        host.line.open(codes=1)
        await pilot.pause()
        await pilot.click(Input)
        await pilot.pause()
        assert host.posted == [("closed", "")]
        assert not host.line.is_open
