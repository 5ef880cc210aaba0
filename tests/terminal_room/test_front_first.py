"""What is drawn more cheaply than Textual draws it looks the same."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual._compositor import Compositor
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widgets import Static

from tui.app.terminal.fast_screen import FastScreen
from tui.app.terminal.front_first import FrontFirstCompositor
from tui.app.terminal.lean_scrollbar import LeanScrollBar, lean_vertical_scrollbar


class Overlapping(FastScreen[None]):
    CSS = """
    Overlapping { layers: base over; }
    Horizontal { height: 5; } Vertical { width: 1fr; border: round red; } VerticalScroll { height: 6; }
    #over { layer: over; width: 12; height: 4; offset: 5 3; background: blue; }
    """

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Vertical(Static("left"))
            yield Vertical(Static("right"))
        with VerticalScroll():
            for number in range(12):
                yield Static(f"row {number}")
        yield Static("over all", id="over")


class Shows(App[None]):
    def __init__(self, screen: FastScreen[None]) -> None:
        self.first = screen
        super().__init__()

    def get_default_screen(self) -> FastScreen[None]:
        return self.first


def pieces(strip: Strip) -> list[Segment]:
    return list(strip.simplify())


@pytest.mark.parametrize("size", [(40, 16), (17, 9), (3, 2)], ids=str)
async def test_every_cell_is_as_textual_draws_it(size: tuple[int, int]) -> None:
    app = Shows(Overlapping())
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        compositor = app.screen._compositor
        assert isinstance(compositor, FrontFirstCompositor)
        for rows in (range(size[1]), range(1, size[1], 2), range(2, 5)):
            with app._context():
                ours = compositor._render_chops(app.screen.size.region, rows.__contains__)
                theirs = Compositor._render_chops(compositor, app.screen.size.region, rows.__contains__)
            for row in set(rows) & set(range(size[1])):
                assert pieces(Strip.join(ours[row].values())) == pieces(Strip.join(theirs[row].values())), row


async def test_nothing_is_drawn_of_which_nothing_is_seen() -> None:
    app = Shows(Overlapping())
    async with app.run_test(size=(40, 16)) as pilot:
        await pilot.pause()
        asked: list[str] = []
        for widget in app.screen._compositor.visible_widgets:
            drawn = widget.render_lines

            def render_lines(crop: Region, widget: object = widget, drawn: object = drawn) -> list[Strip]:
                asked.append(type(widget).__name__)
                return drawn(crop)  # type: ignore[operator, no-any-return]

            widget.render_lines = render_lines  # type: ignore[method-assign]
        with app._context():
            app.screen._compositor._render_chops(Region(0, 8, 40, 1), {8}.__contains__)
        assert "Horizontal" not in asked
        assert "Overlapping" not in asked
        assert asked.count("Static") == 1


def looks(strip: Strip) -> list[tuple[str, object, object, object]]:
    """What is seen of it: the colour of a letter that is a blank is not."""
    return [
        (
            text,
            style and style.bgcolor if not text.isspace() or not (style and style.reverse) else None,
            style and style.color if not text.isspace() or (style and style.reverse) else None,
            (style and style.reverse, style and style.meta),
        )
        for text, style, _ in strip
    ]


class Long(ScrollView):
    lean = True

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        return lean_vertical_scrollbar(self) if self.lean else super().vertical_scrollbar

    def render_line(self, y: int) -> Strip:
        return Strip([Segment("text", Style(bold=True))]).adjust_cell_length(self.size.width, Style(bold=True))


class Stock(Long):
    lean = False


class Scrolled(FastScreen[None]):
    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Long()
            yield Stock()


@pytest.mark.parametrize("no_color", [False, True])
async def test_the_scrollbar_looks_like_textuals(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    app = Shows(Scrolled())
    async with app.run_test(size=(30, 12)) as pilot:
        lean, stock = app.query_one("Long", Long), app.query_one(Stock)
        for rows, top in ((5, 0), (13, 1), (40, 0), (40, 17), (4_000, 3_988)):
            for view in (lean, stock):
                view.virtual_size = view.virtual_size.with_height(rows).with_width(view.size.width)
                view.scroll_to(y=top, animate=False, force=True)
            await pilot.pause()
            assert lean.show_vertical_scrollbar == stock.show_vertical_scrollbar
            if stock.show_vertical_scrollbar:
                assert isinstance(lean.vertical_scrollbar, LeanScrollBar)
                region = stock.vertical_scrollbar.size.region
                with app._context():
                    ours = [looks(one) for one in lean.vertical_scrollbar.render_lines(region)]
                    theirs = [looks(one) for one in stock.vertical_scrollbar.render_lines(region)]
                assert ours == theirs, (rows, top)
