"""The form of the settings, used by keyboard, with a real file behind it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from textual.app import App
from textual.events import Paste
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget

from tui.app.glyphs import ASCII, UNICODE
from tui.app.paint import Themed, textual_theme
from tui.app.screens.setting_choice import ChoicePicker
from tui.app.screens.settings import SettingsScreen
from tui.failures import Failure
from tui.places import bundled_themes
from tui.settings.form import Loaded
from tui.settings.load import LoadedSettings, Origin, SettingsFault, load_settings
from tui.settings.save import reset_setting, save_setting
from tui.settings.schema import GROUPS, SETTINGS, Setting, Value, check_value
from tui.theming.load import load_themes

THEMES = load_themes(bundled_themes(), None).themes
DARK = THEMES["chinwag-dark"]
PATIENCE_SECONDS = 45.0
ROOMY = (120, 90)
"""All settings fit."""


class Kept:
    """Changes as chinwag keeps them: the file first, then what holds."""

    def __init__(self, file: Path, environ: Mapping[str, str]) -> None:
        self.file = file
        self.loaded: LoadedSettings = load_settings(file, environ, {})
        self.refusal: Failure | None = None
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.asked: list[tuple[str, Value | None]] = []

    async def change(self, name: str, value: Value) -> Loaded:
        return await self._keep(name, value)

    async def reset(self, name: str) -> Loaded:
        return await self._keep(name, None)

    async def _keep(self, name: str, value: Value | None) -> Loaded:
        self.asked.append((name, value))
        await self.may_go_on.wait()
        if self.refusal is not None:
            raise self.refusal
        copy = await asyncio.to_thread(self._write, name, value)
        self.loaded = self.loaded.with_saved(name, value, set_aside=copy)
        return self.loaded

    def _write(self, name: str, value: Value | None) -> Path | None:
        if value is None:
            return reset_setting(self.file, name, now=now)
        return save_setting(self.file, name, value, now=now)


def now() -> datetime:
    return datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


class Host(App[None]):
    def __init__(self, screen: Callable[[], SettingsScreen]) -> None:
        super().__init__()
        self._make_screen = screen
        self.is_back = False
        self.register_theme(textual_theme(DARK))
        self.theme = DARK.name

    def on_mount(self) -> None:
        def back(_: None) -> None:
            self.is_back = True

        self.push_screen(self._make_screen(), back)


@dataclass(slots=True)
class Form:
    app: Host
    pilot: Pilot[None]
    kept: Kept

    @property
    def screen(self) -> SettingsScreen:
        screen = next(one for one in self.app.screen_stack if isinstance(one, SettingsScreen))
        assert isinstance(screen, SettingsScreen)
        return screen

    @property
    def rows(self) -> list[str]:
        with self.app._context():
            screen = self.app.screen
            return [Strip(strip).text.rstrip() for strip in screen._compositor.render_strips(screen.size)]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    def row(self, words: str) -> str:
        """The form's row of that name."""
        named = re.compile(rf"(?:^|[›>] |  ){re.escape(words)}(?:  |$)")
        return next(row for row in self.rows[3:] if named.search(row))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.press(*("space" if letter == " " else letter for letter in text))

    async def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.text
            await self.pilot.pause(0.01)

    async def shows(self, *texts: str) -> None:
        await self.until(lambda: all(one in self.text for one in texts))

    async def settled(self) -> None:
        await self.until(lambda: self.screen.is_settled)
        await self.pilot.pause()

    async def go_to(self, name: str) -> None:
        names = [row.name for row in self.screen.rows.rows]
        steps = names.index(name) - names.index(self.screen.rows.marked)
        await self.press(*["down" if steps > 0 else "up"] * abs(steps))
        assert self.screen.rows.marked == name


@asynccontextmanager
async def form(
    file: Path,
    *,
    text: str | None = None,
    size: tuple[int, int] = ROOMY,
    environ: Mapping[str, str] = MappingProxyType({}),
    schema: Sequence[Setting] = SETTINGS,
    glyphs: object = UNICODE,
) -> AsyncIterator[Form]:
    if text is not None:
        file.write_text(text)
    kept = Kept(file, environ)

    def screen() -> SettingsScreen:
        return SettingsScreen(
            theme=DARK,
            glyphs=ASCII if glyphs is ASCII else UNICODE,
            loaded=kept.loaded,
            change=kept.change,
            reset=kept.reset,
            offered={"appearance.theme": ("auto", *THEMES)},
            schema=schema,
            place="~/.config/chinwag/settings.toml",
        )

    app = Host(screen)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Form(app, pilot, kept)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


# What is there


async def test_every_setting_is_there_with_its_group(file: Path) -> None:
    async with form(file) as shown:
        for setting in SETTINGS:
            await shown.go_to(setting.name)
            await shown.shows(setting.name, setting.help.split(";")[0])
            await shown.until(lambda: "the default" in shown.text)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50), (40, 12), (30, 8), (20, 5)])
async def test_it_fits_any_window(file: Path, size: tuple[int, int]) -> None:
    async with form(file, size=size, text="[appearance]\nprose_width_columns = 120\n") as shown:
        await shown.press("end", "pageup", "pageup")
        await shown.go_to("appearance.prose_width_columns")
        await shown.press("enter")
        await shown.pilot.pause()
        assert shown.screen.value_input.has_focus
        await shown.press("escape")
        await shown.pilot.pause()
        await shown.until(lambda: len(shown.rows) == size[1])
        if size[1] >= 8:
            await shown.until(lambda: any("prose width" in row for row in shown.rows))
            await shown.until(lambda: any("120" in row for row in shown.rows) or size[0] < 40)
        if size[0] >= 80:
            await shown.until(lambda: "• 120 columns" in shown.row("prose width"))
            await shown.until(lambda: "esc back" in shown.rows[-1])


async def test_with_room_the_groups_stand_at_the_left_and_follow_the_mark(file: Path) -> None:
    async with form(file) as shown:
        await shown.go_to("storage.format")
        await shown.until(lambda: "▌ storage" in shown.text)
    async with form(file, size=(80, 24)) as shown:
        await shown.until(lambda: "▌" not in shown.text)


async def test_ascii_draws_nothing_else(file: Path) -> None:
    async with form(file, glyphs=ASCII, text="[appearance]\nmotion = false\n") as shown:
        await shown.go_to("appearance.motion")
        assert shown.text.isascii()


async def test_pages_go_from_group_to_group(file: Path) -> None:
    async with form(file) as shown:
        marked = []
        for _ in range(len(GROUPS)):
            marked.append(shown.screen.rows.marked)
            await shown.press("pagedown")
        assert marked == [next(one.name for one in SETTINGS if one.group == group) for group in GROUPS]
        assert shown.screen.rows.marked == SETTINGS[-1].name
        await shown.go_to("appearance.glyphs")
        await shown.press("pageup")
        assert shown.screen.rows.marked == "appearance.theme"
        await shown.press("pageup")
        group = GROUPS[GROUPS.index("appearance") - 1]
        assert shown.screen.rows.marked == next(one.name for one in SETTINGS if one.group == group)


# Searching


async def test_typing_searches_names_help_and_variables(file: Path) -> None:
    async with form(file) as shown:
        await shown.type("locale")
        assert [row.name for row in shown.screen.rows.rows] == ["appearance.glyphs"]
        await shown.press("enter", "right")
        await shown.settled()
        assert shown.kept.loaded.value("appearance.glyphs") == "unicode"
        await shown.press("escape")
        assert len(shown.screen.rows.rows) == len(SETTINGS)
        assert shown.screen.rows.marked == "appearance.glyphs"
        assert not shown.app.is_back


async def test_a_search_that_finds_nothing_says_what_to_do(file: Path) -> None:
    async with form(file) as shown:
        await shown.type("xyz")
        await shown.until(lambda: "no setting fits xyz" in shown.text)
        await shown.until(lambda: "esc shows all again" in shown.text)
        await shown.press("enter", "down", "space", "left", "alt+r")
        assert shown.kept.asked == []
        await shown.press("escape")
        await shown.until(lambda: "no setting fits" not in shown.text)


async def test_backspace_goes_on_with_the_search(file: Path) -> None:
    async with form(file) as shown:
        await shown.type("motiox")
        await shown.press("tab", "backspace", "n")
        assert [row.name for row in shown.screen.rows.rows] == ["appearance.motion"]


# Changing


@pytest.mark.parametrize("key", ["space", "enter", "left", "right"])
async def test_a_switch_is_switched_at_once_and_says_it_in_words(file: Path, key: str) -> None:
    async with form(file) as shown:
        await shown.go_to("appearance.motion")
        await shown.until(lambda: shown.row("motion").rstrip().endswith("on"))
        await shown.press(key)
        await shown.settled()
        await shown.until(lambda: "• off" in shown.row("motion"))
        assert load_settings(file, {}, {}).settings.appearance.motion is False
        await shown.press(key)
        await shown.settled()
        assert load_settings(file, {}, {}).settings.appearance.motion is True


async def test_a_choice_goes_round_and_has_a_list(file: Path) -> None:
    async with form(file) as shown:
        await shown.go_to("storage.format")
        await shown.press("left")
        await shown.settled()
        await shown.until(lambda: "• toml" in shown.row("format"))
        await shown.press("enter")
        await shown.until(lambda: "type to filter" in shown.text)
        await shown.until(lambda: "default" in next(row for row in shown.rows if " json " in row))
        await shown.press("j", "s", "enter")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.storage.format == "json"


async def test_the_theme_is_chosen_from_the_names_that_are_offered(file: Path) -> None:
    async with form(file) as shown:
        await shown.go_to("appearance.theme")
        await shown.press("enter")
        await shown.until(lambda: "gruvbox" in shown.text)
        await shown.type("gruv")
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.appearance.theme == "gruvbox"


async def test_another_theme_and_other_glyphs_are_there_at_once(file: Path) -> None:
    async with form(file) as shown:
        await shown.until(lambda: "›" in shown.text)
        for widget in shown.screen.walk_children(Widget):
            if isinstance(widget, Themed):
                widget.use_theme(THEMES["gruvbox"], ASCII)
        await shown.until(lambda: "›" not in shown.text)
        await shown.go_to("appearance.theme")
        assert shown.text.isascii()
        await shown.press("enter")
        await shown.until(lambda: "type to filter" in shown.text)
        assert isinstance(shown.app.screen, ChoicePicker)
        assert shown.app.screen.theme.name == "gruvbox"


async def test_a_number_is_checked_as_it_is_typed(file: Path) -> None:
    async with form(file) as shown:
        await shown.go_to("appearance.prose_width_columns")
        await shown.press("enter", "5")
        await shown.until(lambda: "it needs to be 40 to 400 columns, not 965" in shown.text)
        await shown.press("enter")
        assert shown.screen.value_input.has_focus
        assert shown.kept.asked == []
        await shown.press("backspace", "backspace", "backspace", "1", "1", "0", "enter")
        await shown.settled()
        await shown.until(lambda: "• 110 columns" in shown.row("prose width"))
        assert load_settings(file, {}, {}).settings.appearance.prose_width_columns == 110


async def test_escape_gives_the_old_value_back(file: Path) -> None:
    async with form(file, text="[chat]\nmodel = 'qwen3:8b'\n") as shown:
        await shown.go_to("chat.model")
        await shown.press("enter", "x", "y", "escape")
        await shown.until(lambda: "qwen3:8b" in shown.row("model"))
        await shown.until(lambda: "qwen3:8bxy" not in shown.text)
        assert shown.kept.asked == []
        assert not shown.app.is_back


async def test_moving_on_keeps_what_was_typed_unless_it_cannot_be(file: Path) -> None:
    async with form(file) as shown:
        await shown.go_to("server.host")
        await shown.press("enter")
        await shown.type("gpu box")
        await shown.press("down")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.server.host == "gpu box"
        assert shown.screen.rows.marked == SETTINGS[[one.name for one in SETTINGS].index("server.host") + 1].name
        await shown.go_to("appearance.prose_width_columns")
        await shown.press("enter", "9", "9", "9", "down", "pagedown")
        assert shown.screen.rows.marked == "appearance.prose_width_columns"
        assert shown.screen.value_input.value == "96999"


async def test_a_pasted_value_is_one_clean_line(file: Path) -> None:
    async with form(file) as shown:
        await shown.press("enter")
        shown.screen.value_input.post_message(Paste("\x1b[2Jgpu\nbox\u202e"))
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.server.host == "␛[2Jgpu box⟦RLO⟧"


async def test_one_key_puts_a_value_back_and_another_undoes_that(file: Path) -> None:
    async with form(file, text="# mine\n[appearance]\ntheme = 'nord'  # my editor's\n") as shown:
        await shown.go_to("appearance.theme")
        await shown.until(lambda: "alt+r put back" in shown.rows[-1])
        await shown.press("alt+r")
        await shown.settled()
        assert "nord" not in file.read_text()
        assert file.read_text().startswith("# mine\n")
        await shown.until(lambda: "back to auto" in shown.text)
        await shown.until(lambda: "•" not in shown.row("theme"))
        await shown.press("ctrl+underscore")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.appearance.theme == "nord"
        await shown.until(lambda: "• nord" in shown.row("theme"))


async def test_putting_back_what_was_never_changed_asks_nobody(file: Path) -> None:
    async with form(file) as shown:
        await shown.press("alt+r")
        await shown.until(lambda: "as it was at the beginning" in shown.text)
        assert shown.kept.asked == []


async def test_undo_goes_through_all_changes(file: Path) -> None:
    async with form(file, text='[storage]\nformat = "toml"\n') as shown:
        start = file.read_text()
        for name in ("appearance.motion", "storage.format", "appearance.glyphs"):
            await shown.go_to(name)
            await shown.press("right")
            await shown.settled()
        for _ in range(3):
            await shown.press("ctrl+underscore")
            await shown.settled()
        assert load_settings(file, {}, {}).settings == shown.kept.loaded.settings
        assert shown.kept.loaded.in_file == {"storage.format": "toml"}
        assert start.strip() in file.read_text()
        await shown.press("ctrl+underscore")
        await shown.until(lambda: "nothing to undo" in shown.text)


async def test_the_last_of_quick_changes_is_the_one_that_stays(file: Path) -> None:
    async with form(file) as shown:
        shown.kept.may_go_on.clear()
        await shown.go_to("appearance.glyphs")
        await shown.press("right")
        await shown.until(lambda: shown.kept.asked)
        await shown.press("right", "right", "right", "right")
        await shown.until(lambda: "• ascii" in shown.row("glyphs"))
        shown.kept.may_go_on.set()
        await shown.settled()
        assert shown.kept.asked == [("appearance.glyphs", "unicode"), ("appearance.glyphs", "ascii")]
        assert load_settings(file, {}, {}).settings.appearance.glyphs == "ascii"


# Refusals


async def test_a_refusal_is_told_at_the_row_and_nothing_typed_is_lost(file: Path) -> None:
    async with form(file) as shown:
        shown.kept.refusal = Failure("chat.model cannot be kept", "no space left", "make room")
        await shown.go_to("chat.model")
        await shown.press("enter")
        await shown.type("qwen3")
        await shown.press("enter")
        await shown.settled()
        await shown.until(lambda: "not kept" in shown.row("model"))
        await shown.until(lambda: "not set" in shown.row("model"))
        await shown.until(lambda: "no space left · make room" in shown.text)
        shown.kept.refusal = None
        await shown.press("enter")
        assert shown.screen.value_input.value == "qwen3"
        await shown.press("enter")
        await shown.settled()
        assert load_settings(file, {}, {}).settings.chat.model == "qwen3"
        await shown.until(lambda: "not kept" not in shown.text)


async def test_leaving_waits_for_what_is_being_kept_and_stays_for_a_refusal(file: Path) -> None:
    async with form(file) as shown:
        shown.kept.may_go_on.clear()
        await shown.go_to("appearance.motion")
        await shown.press("space", "escape")
        assert not shown.app.is_back
        shown.kept.refusal = Failure("it cannot be kept", "no space left", "")
        shown.kept.may_go_on.set()
        await shown.settled()
        assert not shown.app.is_back
        await shown.until(lambda: "no space left" in shown.text)
        await shown.press("escape")
        await shown.until(lambda: shown.app.is_back)


async def test_escape_goes_back_when_nothing_is_open(file: Path) -> None:
    async with form(file) as shown:
        await shown.press("space", "escape")
        assert not shown.app.is_back
        await shown.press("escape")
        await shown.until(lambda: shown.app.is_back)


# Who wins over the file


async def test_a_variable_that_wins_says_so_and_the_file_is_changed_all_the_same(file: Path) -> None:
    async with form(file, environ={"CHINWAG_APPEARANCE_GLYPHS": "ascii"}) as shown:
        await shown.until(lambda: "CHINWAG_APPEARANCE_GLYPHS" in shown.row("glyphs"))
        await shown.go_to("appearance.glyphs")
        await shown.until(lambda: "acts at the next start without it" in " ".join(shown.text.split()))
        await shown.press("right")
        await shown.settled()
        await shown.until(lambda: "• ascii" in shown.row("glyphs"))
        await shown.until(lambda: "settings.toml says unicode" in " ".join(shown.text.split()))
        assert load_settings(file, {}, {}).settings.appearance.glyphs == "unicode"
        assert shown.kept.loaded.settings.appearance.glyphs == "ascii"
        await shown.press("alt+r")
        await shown.settled()
        await shown.press("alt+r")
        await shown.until(lambda: "CHINWAG_APPEARANCE_GLYPHS sets it" in shown.text)


# Files that are broken


async def test_a_broken_file_is_named_left_alone_and_copied_before_the_first_change(file: Path) -> None:
    broken = "[appearance\ntheme = 'nord'\n"
    async with form(file, text=broken) as shown:
        await shown.until(lambda: "settings.toml: not used, it stays as it is: it is not TOML" in shown.text)
        await shown.go_to("appearance.motion")
        assert file.read_text() == broken
        await shown.press("space")
        await shown.settled()
        (copy,) = file.parent.glob("settings.toml.bad-*")
        assert copy.read_text() == broken
        await shown.until(lambda: copy.name in shown.text)
        assert load_settings(file, {}, {}).settings.appearance.motion is False


async def test_a_wrong_value_in_the_file_is_told_at_its_row_and_can_be_replaced(file: Path) -> None:
    async with form(file, text="[appearance]\nmotion = 'perhaps'\n") as shown:
        await shown.until(lambda: "the file's is not used" in shown.row("motion"))
        await shown.go_to("appearance.motion")
        await shown.until(lambda: 'not "perhaps"' in shown.text)
        await shown.press("space")
        await shown.settled()
        await shown.until(lambda: "not used" not in shown.text)
        assert load_settings(file, {}, {}).faults == ()


# A schema that nobody here knows


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """What holds of settings that chinwag does not have."""

    origins: Mapping[str, Origin]
    values: Mapping[str, Value]
    in_file: Mapping[str, Value] = field(default_factory=dict)
    faults: tuple[SettingsFault, ...] = ()

    def value(self, name: str) -> Value:
        return self.values[name]


SCHEMA: Sequence[Setting] = (
    Setting(name="weather.rain", kind="switch", default=True, help="whether it rains"),
    Setting(name="weather.sky", kind="choice", default="grey", choices=("grey", "blue"), help="its colour"),
    Setting(name="boat.speed_knots", kind="integer", default=5, maximum=40, unit="knots", help="how fast it goes"),
    Setting(name="boat.name", kind="text", default="", help="what is painted on it", flag="--name"),
)


async def test_a_setting_of_any_kind_that_is_declared_is_in_the_form_and_works() -> None:
    defaults = {one.name: one.default for one in SCHEMA if one.default is not None}
    held = MadeUp(origins={one.name: "default" for one in SCHEMA}, values=defaults)
    schema = {one.name: one for one in SCHEMA}

    async def change(name: str, value: Value) -> Loaded:
        nonlocal held
        check_value(schema[name], value)
        held = replace(
            held,
            values={**held.values, name: value},
            in_file={**held.in_file, name: value},
            origins={**held.origins, name: "file"},
        )
        return held

    async def reset(name: str) -> Loaded:
        raise AssertionError(name)

    def screen() -> SettingsScreen:
        return SettingsScreen(theme=DARK, glyphs=UNICODE, loaded=held, change=change, reset=reset, schema=SCHEMA)

    async with Host(screen).run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        await pilot.press("space", "down", "right", "down", "enter", "backspace", "1", "2", "enter", "down", "enter")
        await pilot.press("E", "v", "a", "enter")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while held.values["boat.name"] != "Eva" and time.monotonic() < deadline:
            await pilot.pause(0.01)
    assert held.values == {"weather.rain": False, "weather.sky": "blue", "boat.speed_knots": 12, "boat.name": "Eva"}
