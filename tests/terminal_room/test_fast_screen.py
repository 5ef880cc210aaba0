"""Painting when there is something to paint, and a collector that keeps still."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.app.terminal.fast_screen import LEAST_BENEATH_SECONDS, LEAST_BETWEEN_SECONDS, FastScreen
from tui.app.terminal.garbage import calm_garbage_collection


class Shows(FastScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("first", id="text")


class Above(ModalScreen[None], FastScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("above")


class Painted(App[None]):
    def __init__(self) -> None:
        self.pictures: list[type[Any]] = []
        super().__init__()

    def get_default_screen(self) -> FastScreen[None]:
        return Shows(id="_default")

    def _display(self, screen: Any, renderable: Any) -> None:
        if renderable is not None:
            self.pictures.append(type(screen))
        super()._display(screen, renderable)


async def test_a_change_is_painted_without_the_clock() -> None:
    app = Painted()
    async with app.run_test() as pilot:
        await pilot.pause()
        for text in ("second", "third"):
            before = len(app.pictures)
            app.query_one("#text", Static).update(text)
            await pilot.pause(0.05)
            assert len(app.pictures) > before
        assert not app.screen._update_timer._active.is_set()


async def test_callbacks_after_a_refresh_come_after_the_picture() -> None:
    app = Painted()
    async with app.run_test() as pilot:
        await pilot.pause()
        seen: list[int] = []
        before = len(app.pictures)
        app.query_one("#text", Static).update("changed")
        app.call_after_refresh(lambda: seen.append(len(app.pictures)))
        await pilot.pause(0.05)
        assert seen
        assert seen[0] > before


async def test_what_changes_behind_a_screen_is_painted_through_it() -> None:
    app = Painted()
    async with app.run_test() as pilot:
        text = app.query_one("#text", Static)
        await app.push_screen(Above())
        await until(pilot, lambda: app.pictures[-1] is Above)
        before = len(app.pictures)
        text.update("changed behind")
        await until(pilot, lambda: len(app.pictures) > before)
        assert app.pictures[-1] is Above


# On top, without a ground of its own


class Rows(FastScreen[None]):
    def compose(self) -> ComposeResult:
        for number in range(8):
            yield Static(f"row {number}", id=f"row{number}")


class Clear(ModalScreen[None], FastScreen[None]):
    CSS = "Clear { background: transparent; align: center bottom; } Clear Static { width: 9; }"

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__()

    def compose(self) -> ComposeResult:
        yield Static(self.words)


class Covered(Painted):
    def get_default_screen(self) -> FastScreen[None]:
        return Rows(id="_default")

    def rows(self) -> list[str]:
        with self._context():
            return [strip.text.rstrip() for strip in self.screen._compositor.render_strips(self.screen.size)]


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came")


async def test_only_the_row_that_changed_behind_is_drawn_again() -> None:
    app = Covered()
    async with app.run_test(size=(40, 12)) as pilot:
        row = app.query_one("#row3", Static)
        top = Clear("above")
        await app.push_screen(top)
        await until(pilot, lambda: app.pictures[-1] is Clear and "row 7" in app.rows())
        assert top._behind is not None
        below = app.screen_stack[0]
        before = top._behind.rows(below, app.size)
        row.update("changed", layout=False)
        await until(pilot, lambda: app.rows()[3] == "changed")
        after = top._behind.rows(below, app.size)
        assert [number for number in range(12) if after[number] is not before[number]] == [3]


async def test_a_change_shows_through_two_screens() -> None:
    app = Covered()
    async with app.run_test(size=(40, 12)) as pilot:
        row = app.query_one("#row2", Static)
        await app.push_screen(Clear("first"))
        await app.push_screen(Clear("second"))
        await until(pilot, lambda: "row 7" in app.rows() and "second" in app.rows()[-1])
        row.update("changed")
        await until(pilot, lambda: app.rows()[2] == "changed")
        await app.pop_screen()
        await until(pilot, lambda: "first" in app.rows()[-1])
        assert app.rows()[2] == "changed"
        row.update("once more")
        await until(pilot, lambda: app.rows()[2] == "once more")


async def test_a_screen_beneath_is_painted_less_often() -> None:
    app = Covered()
    async with app.run_test(size=(40, 12)) as pilot:
        below = app.screen
        assert isinstance(below, FastScreen)
        below._painted_seconds = time.perf_counter()
        assert below._wait_seconds() <= max(LEAST_BETWEEN_SECONDS, below._paint_takes_seconds)
        await app.push_screen(Clear("above"))
        below._painted_seconds = time.perf_counter() + 10
        assert below._wait_seconds() > 10 - 1 + LEAST_BENEATH_SECONDS
        await pilot.pause()


async def test_nothing_behind_a_screen_can_be_clicked() -> None:
    app = Covered()
    async with app.run_test(size=(40, 12)) as pilot:
        app.query_one("#row1", Static).update("[@click=app.bell]press[/]")
        await until(pilot, lambda: app.rows()[1] == "press")
        assert app.screen.get_style_at(2, 1).meta
        await app.push_screen(Clear("above"))
        await until(pilot, lambda: app.pictures[-1] is Clear)
        assert app.rows()[1] == "press"
        assert "@click" not in app.screen.get_style_at(2, 1).meta


@pytest.fixture
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_the_collector_is_calm(collector: None) -> None:
    before = gc.get_threshold()
    calm_garbage_collection()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] > before[0]
