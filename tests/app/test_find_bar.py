"""The find bar over a real transcript: typed, stepped through, closed."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.containers import Container
from textual.pilot import Pilot
from textual.widgets import Input

from tests.transcript.host import THEME, answer, conversation, prompt
from tui.app.glyphs import ASCII, UNICODE
from tui.app.paint import textual_theme
from tui.app.transcript.view import Transcript
from tui.app.widgets.find_bar import FindBar
from tui.app.widgets.line import Line


class FindHost(App[None]):
    """As a screen puts the two together."""

    CSS = "#middle { height: 1fr; layers: base over; } Transcript { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(textual_theme(THEME))
        self.theme = THEME.name
        self.transcript = Transcript(theme=THEME, glyphs=UNICODE)
        self.bar = FindBar(theme=THEME, glyphs=UNICODE)

    def compose(self) -> ComposeResult:
        with Container(id="middle"):
            yield self.transcript
            yield self.bar
        yield Input(id="prompt")

    def on_find_bar_changed(self, event: FindBar.Changed) -> None:
        self.bar.show_state(self.transcript.find(event.text))

    def on_find_bar_next(self) -> None:
        self.bar.show_state(self.transcript.find_next())

    def on_find_bar_previous(self) -> None:
        self.bar.show_state(self.transcript.find_previous())

    def on_find_bar_closed(self) -> None:
        self.transcript.find("")
        self.query_one("#prompt").focus()

    def on_transcript_find_changed(self, event: Transcript.FindChanged) -> None:
        self.bar.show_state(event.state)

    def told(self) -> str:
        return self.query_one("#search-tail", Line).text


async def opened(host: FindHost, pilot: Pilot[None]) -> None:
    texts = [f"needle {number} in some words" for number in range(30)]
    host.transcript.show(conversation(*(answer(text, number) for number, text in enumerate(texts))))
    host.bar.open()
    await pilot.pause()


async def test_it_lies_over_the_transcript_and_moves_nothing() -> None:
    host = FindHost()
    async with host.run_test(size=(120, 30)) as pilot:
        size = host.transcript.size
        await opened(host, pilot)
        assert host.transcript.size == size
        assert host.bar.region.y == host.transcript.region.bottom - 1
        assert host.bar.region.width == 120
        assert "enter next · up previous · esc close" in host.told()


async def test_typing_finds_and_the_keys_go_from_hit_to_hit() -> None:
    host = FindHost()
    async with host.run_test(size=(120, 30)) as pilot:
        await opened(host, pilot)
        await pilot.press(*"needle")
        first = host.transcript.find_state
        assert first.count == 30
        assert f"{first.current} of 30" in host.told()
        await pilot.press("enter")
        assert host.transcript.find_state.current == first.current % 30 + 1
        await pilot.press("up", "up")
        assert host.transcript.find_state.current == first.current - 1
        await pilot.press("down")
        assert host.transcript.find_state == first


async def test_what_is_not_there_is_said() -> None:
    host = FindHost()
    async with host.run_test(size=(120, 30)) as pilot:
        await opened(host, pilot)
        await pilot.press(*"needlex")
        assert "nothing found" in host.told()
        assert "case matters" not in host.told()
        await pilot.press("backspace")
        assert "of 30" in host.told()
        await pilot.press("X")
        assert "nothing found" in host.told()
        assert "case matters" in host.told()


async def test_escape_ends_the_search_and_gives_the_prompt_back() -> None:
    host = FindHost()
    async with host.run_test(size=(120, 30)) as pilot:
        await opened(host, pilot)
        await pilot.press(*"needle", "escape")
        await pilot.pause()
        assert not host.bar.is_open
        assert host.transcript.find_state.count == 0
        assert host.focused is host.query_one("#prompt")
        host.bar.open()
        await pilot.pause()
        assert host.transcript.find_state.count == 30
        await pilot.press("7")
        assert host.bar.text == "7"


async def test_a_narrow_window_keeps_the_count() -> None:
    host = FindHost()
    async with host.run_test(size=(50, 12)) as pilot:
        await opened(host, pilot)
        await pilot.press(*"needle")
        assert "of 30" in host.told()
        assert "previous" not in host.told()
        host.bar.use_theme(THEME, ASCII)
        host.transcript.show(conversation(prompt("no more")))
        await pilot.pause()
        assert "nothing found" in host.told()
