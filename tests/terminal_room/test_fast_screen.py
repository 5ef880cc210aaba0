"""Painting when there is something to paint, and a collector that keeps still."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.app.terminal.fast_screen import FastScreen
from tui.app.terminal.garbage import calm_garbage_collection


class Shows(FastScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("first", id="text")


class Above(FastScreen[None], ModalScreen[None]):
    def compose(self) -> ComposeResult:
        yield Static("above")


class Painted(App[None]):
    def __init__(self) -> None:
        self.pictures: list[type[Any]] = []
        super().__init__()

    def get_default_screen(self) -> Shows:
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
        await pilot.pause(0.05)
        before = len(app.pictures)
        text.update("changed behind")
        await pilot.pause(0.05)
        assert len(app.pictures) > before
        assert app.pictures[-1] is Above


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
