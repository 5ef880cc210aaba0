"""The settings as one form, made from their schema; every change acts at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input, Static

from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import ListScreen, highlight, key_parts
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.rows import Parts, Row
from tui.app.widgets.setting_groups import SettingGroup, SettingGroups
from tui.app.widgets.setting_rows import SettingRow, SettingRows, lines_of
from tui.cleaning import cell_width, clean_line
from tui.failures import Failure
from tui.settings.form import NOT_SET, Field, Loaded, fitting, form_fields
from tui.settings.schema import SETTINGS, Setting, Value
from tui.theming.values import Theme

Change = Callable[[str, Value], Awaitable[Loaded]]
"""Keeps the value and lets it act; gives the settings as they are then. Raises ``Failure``."""
Reset = Callable[[str], Awaitable[Loaded]]
"""Takes the setting out of the file, so that its default holds; otherwise as ``Change``."""

TWO_PANES_FROM_COLUMNS = 96
NUMBER_CELLS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    value: Value | None
    """None puts the default back."""
    typed: str = ""
    is_undo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    failure: Failure
    typed: str
    """What was written; the field begins with it when it is opened again."""


class SettingsScreen(Screen[None]):
    """Everything here follows from ``schema``. It keeps nothing itself: ``change`` and ``reset`` do.

    ``offered`` has what a text is chosen from, by the setting's name. ``place`` says where settings are kept, such as
    ``~/.config/chinwag/settings.toml``, or that they are not; ``file_name`` is what sentences call it.
    """

    AUTO_FOCUS = "SettingRows"

    DEFAULT_CSS = """
    SettingsScreen { background: $role-background; }
    SettingsScreen #search { height: 1; margin: 1 0; }
    SettingsScreen #search-mark { width: 3; }
    SettingsScreen #faults { height: auto; max-height: 2; padding: 0 1; margin-bottom: 1; color: $role-warning; display: none; }
    SettingsScreen #faults.-some { display: block; }
    SettingsScreen #middle { height: 1fr; }
    SettingsScreen #form { height: 1fr; max-width: 112; layers: base over; }
    SettingsScreen SettingGroups { display: none; }
    SettingsScreen.-wide SettingGroups { display: block; }
    SettingsScreen #detail { height: 7; padding: 1 0 0 0; }
    SettingsScreen #detail Static { padding: 0 1; max-width: 112; height: auto; max-height: 2; }
    SettingsScreen.-wide #detail { padding: 1 0 0 20; }
    SettingsScreen #keys { dock: bottom; }
    SettingsScreen #help { color: $role-foreground; }
    SettingsScreen #source { color: $role-muted; }
    SettingsScreen #source.-warning { color: $role-warning; }
    SettingsScreen #source.-error { color: $role-error; }
    SettingsScreen FilterInput, SettingsScreen FilterInput:focus { background: $role-background; }
    SettingsScreen #value, SettingsScreen #value:focus {
        layer: over; display: none; background: $role-overlay; width: 20;
    }
    SettingsScreen #value.-open { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+q", "app.quit_chinwag", show=False, priority=True),
        Binding("tab,shift+tab", "other_part", show=False, priority=True),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "group(-1)", show=False),
        Binding("pagedown", "group(1)", show=False),
        Binding("home,ctrl+home", "move(-100000)", show=False),
        Binding("end,ctrl+end", "move(100000)", show=False),
        Binding("enter,space", "use", show=False),
        Binding("left", "step(-1)", show=False),
        Binding("right", "step(1)", show=False),
        Binding("alt+r", "reset", show=False, priority=True),
        Binding("delete", "reset", show=False),
        Binding("backspace", "search_back", show=False),
        Binding("ctrl+underscore,ctrl+shift+minus,ctrl+slash", "undo", show=False, priority=True),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        loaded: Loaded,
        change: Change,
        reset: Reset,
        offered: Mapping[str, Sequence[str]] = MappingProxyType({}),
        schema: Sequence[Setting] = SETTINGS,
        place: str = "",
        file_name: str = "settings.toml",
    ) -> None:
        super().__init__()
        self.theme = theme
        self.glyphs = glyphs
        self._loaded = loaded
        self._change = change
        self._reset = reset
        self._offered = offered
        self._schema = tuple(schema)
        self._place = place
        self._file_name = file_name
        self._wanted: dict[str, _Wanted] = {}
        """What is still to be kept, by the setting's name; shown as if it were."""
        self._is_keeping = False
        self._is_leaving = False
        self._refused: dict[str, _Refused] = {}
        self._before: list[tuple[str, Value | None]] = []
        """What the file said before each change, for undo."""
        self._being_edited = ""
        self._said = ("", "")
        """A setting's name, and what was said about it."""

    def compose(self) -> ComposeResult:
        yield Line(theme=self.theme, name="title")
        with Horizontal(id="search"):
            yield Line(theme=self.theme, name="search-mark")
            yield FilterInput(placeholder="search: a name, a word of the help")
        yield Static(id="faults", markup=False)
        with Horizontal(id="middle"):
            yield SettingGroups(theme=self.theme, glyphs=self.glyphs)
            with Container(id="form"):
                yield SettingRows(theme=self.theme, glyphs=self.glyphs)
                yield ValueInput()
        with Vertical(id="detail"):
            yield Line(theme=self.theme, name="what")
            yield Static(id="help", markup=False)
            yield Line(theme=self.theme, name="range")
            yield Static(id="source", markup=False)
        yield Line(theme=self.theme, name="keys")

    def on_mount(self) -> None:
        self.query_one("#search-mark", Line).show(((f" {self.glyphs.prompt} ", "accent"),))
        self._show()

    def on_resize(self) -> None:
        self.set_class(self.size.width >= TWO_PANES_FROM_COLUMNS, "-wide")
        self._show()

    @on(SettingRows.Rethemed)
    def _rethemed(self, event: SettingRows.Rethemed) -> None:
        event.stop()
        self.theme, self.glyphs = event.theme, event.glyphs
        self.query_one("#search-mark", Line).show(((f" {self.glyphs.prompt} ", "accent"),))
        self._show()

    # What there is

    @property
    def rows(self) -> SettingRows:
        return self.query_one(SettingRows)

    @property
    def search(self) -> FilterInput:
        return self.query_one("#search FilterInput", FilterInput)

    @property
    def value_input(self) -> ValueInput:
        return self.query_one(ValueInput)

    @property
    def is_settled(self) -> bool:
        """Everything that was changed is kept or refused."""
        return not self._wanted and not self._is_keeping

    @property
    def _fields(self) -> tuple[Field, ...]:
        return tuple(map(self._as_wanted, form_fields(self._schema, self._loaded, self._offered)))

    @property
    def _marked(self) -> Field | None:
        return next((field for field in self._fields if field.setting.name == self.rows.marked), None)

    def _as_wanted(self, field: Field) -> Field:
        wanted = self._wanted.get(field.setting.name)
        if wanted is None:
            return field
        field = replace(field, in_file=wanted.value)
        if field.is_overridden:
            return field
        return replace(field, value=field.kept_value, origin="default" if wanted.value is None else "file")

    # What is shown

    def _show(self) -> None:
        if not (self.is_mounted and self.is_attached):
            return
        fields = self._fields
        typed = self.search.value.strip()
        shown = fitting(fields, typed)
        nothing: Parts = ()
        if not shown:
            nothing = ((f"no setting fits {clean_line(typed, 40)}", "foreground"), ("  esc shows all again", "muted"))
        self.rows.show(
            tuple(self._row(field, typed) for field in shown),
            name_cells=max((cell_width(field.words) for field in fields), default=0),
            nothing=nothing,
            being_edited=self._being_edited,
        )
        # As high as all settings, whatever the search leaves: so the help below stays where it is.
        self.query_one("#middle").styles.max_height = lines_of(len(fields), len({one.setting.group for one in fields}))
        self._show_groups(fields, shown)
        self._show_title(fields)
        self._show_faults()
        self._show_detail()

    def _row(self, field: Field, typed: str) -> SettingRow:
        unit = field.setting.unit
        return SettingRow(
            name=field.setting.name,
            group=field.setting.group,
            words=highlight(field.words, typed, "foreground"),
            value=field.value_text,
            value_role="muted" if field.value_text == NOT_SET else "foreground",
            unit=unit,
            is_changed=field.is_changed,
            note=self._note(field),
        )

    def _note(self, field: Field) -> Parts:
        if field.setting.name in self._refused:
            return (("not kept ", "error"),)
        if field.is_overridden:
            return ((f"{field.source} ", "warning"),)
        if any(fault.setting == field.setting.name for fault in self._loaded.faults):
            return (("the file's is not used ", "warning"),)
        return ()

    def _show_groups(self, fields: tuple[Field, ...], shown: tuple[Field, ...]) -> None:
        marked = self._marked
        current = marked.setting.group if marked is not None else ""
        names = dict.fromkeys(field.setting.group for field in fields)
        self.query_one(SettingGroups).show(
            tuple(
                SettingGroup(
                    name=name,
                    is_current=name == current,
                    is_changed=any(field.is_changed for field in fields if field.setting.group == name),
                    has_rows=any(field.setting.group == name for field in shown),
                )
                for name in names
            )
        )

    def _show_title(self, fields: tuple[Field, ...]) -> None:
        changed = sum(field.is_changed for field in fields)
        words = f"  {changed} changed" if changed else ""
        self.query_one("#title", Line).show(
            ((" Settings", "foreground!"), (words, "muted")),
            ((f"{clean_line(self._place, max(10, self.size.width - 34))} ", "muted"),) if self._place else (),
        )

    def _show_faults(self) -> None:
        told = [fault for fault in self._loaded.faults if not fault.setting]
        faults = self.query_one("#faults", Static)
        faults.set_class(bool(told), "-some")
        if told:
            more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
            faults.update(f"{told[0].source}: {told[0].message}{more}")

    def _show_detail(self) -> None:
        field = self._marked
        help_line, source = self.query_one("#help", Static), self.query_one("#source", Static)
        if field is None:
            self.query_one("#what", Line).show()
            self.query_one("#range", Line).show()
            help_line.update("")
            self._show_source(source, "", "")
        else:
            default = ("default ", "muted"), (field.default_text, "foreground")
            allowed = field.range_text
            dot = self.glyphs.separator
            self.query_one("#what", Line).show(((f" {field.setting.name}", "accent!"),))
            help_line.update(field.setting.help)
            self.query_one("#range", Line).show(
                ((" ", "muted"), *default, (f"  {dot}  {allowed}" if allowed else "", "muted"))
            )
            self._show_source(source, *self._about_source(field))
        self.query_one("#keys", Line).show(((" ", "muted"), *key_parts(self._keys(field))))

    def _show_source(self, source: Static, words: str, role: str) -> None:
        for known in ("warning", "error"):
            source.set_class(role == known, f"-{known}")
        source.update(words)

    def _about_source(self, field: Field) -> tuple[str, str]:
        """One or two lines about the marked setting, the most urgent thing alone, and the role to draw them with."""
        name = field.setting.name
        if name == self._being_edited:
            if complaint := field.complaint(self.value_input.value):
                return complaint, "warning"
            return "enter keeps it, esc leaves it as it was", ""
        if name in self._refused:
            return clean_line(str(self._refused[name].failure), 300), "error"
        if self._said[0] == name:
            return self._said[1], ""
        if field.is_overridden:
            return field.origin_text(self._file_name), "warning"
        for fault in self._loaded.faults:
            if fault.setting == name:
                return f"{fault.source}: {fault.message}; the default holds", "warning"
        return field.origin_text(self._file_name), ""

    def _keys(self, field: Field | None) -> tuple[tuple[str, str], ...]:
        if self._being_edited:
            return (("enter", "keep"), ("esc", "leave as it was"))
        if self.search.has_focus:
            clear = (("esc", "show all"),) if self.search.value else (("esc", "back"),)
            return (("enter", "to the settings"), *clear) if field is not None else clear
        is_wide = self.has_class("-wide")
        keys: list[tuple[str, str]] = []
        if field is not None:
            if field.setting.kind == "switch":
                keys.append(("space", "turn off" if field.kept_value else "turn on"))
            elif field.choices:
                keys += [("enter", "list"), *([("left right", "another")] if is_wide else [])]
            else:
                keys.append(("enter", "edit"))
            if field.in_file is not None:
                keys.append(("alt+r", "put back"))
        if self._before and is_wide:
            keys.append(("ctrl+_", "undo"))
        return (*keys, ("esc", "back"), ("tab", "search"), ("pgdn", "next group"))

    # Moving about

    @on(SettingRows.Marked)
    def _mark_moved(self, event: SettingRows.Marked) -> None:
        event.stop()
        if self._said[0] != self.rows.marked:
            self._said = ("", "")
        self._show_groups(self._fields, fitting(self._fields, self.search.value))
        self._show_detail()

    @on(SettingRows.Typed)
    def _letter_typed(self, event: SettingRows.Typed) -> None:
        event.stop()
        self.search.focus()
        if event.character != "/":
            self.search.insert_text_at_cursor(event.character)

    @on(SettingRows.Chosen)
    def _row_clicked(self, event: SettingRows.Chosen) -> None:
        event.stop()
        self.action_use()

    @on(SettingGroups.Chosen)
    def _group_clicked(self, event: SettingGroups.Chosen) -> None:
        event.stop()
        if self._finish_edit():
            self.rows.mark_group(event.group)

    @on(SettingRows.Moved)
    def _rows_moved(self, event: SettingRows.Moved) -> None:
        event.stop()
        self._place_value_input()

    def on_descendant_focus(self) -> None:
        if self._being_edited and not self.value_input.has_focus and not self._finish_edit():
            self.value_input.focus()
        self._show_detail()

    def action_move(self, steps: int) -> None:
        if self._finish_edit():
            if self.search.has_focus:
                self.rows.focus()
            else:
                self.rows.move(steps)

    def action_group(self, steps: int) -> None:
        if self._finish_edit():
            self.rows.focus()
            self.rows.move_to_group(steps)

    def action_other_part(self) -> None:
        if self._being_edited:
            self._finish_edit()
        elif self.search.has_focus:
            self.rows.focus()
        else:
            self.search.focus()

    def action_search_back(self) -> None:
        if self.search.value:
            self.search.focus()
            self.search.action_delete_left()

    def action_interrupt(self) -> None:
        """Copies a selection, else goes back as Escape does."""
        field = self.focused
        if isinstance(field, Input) and field.selected_text:
            field.action_copy()
        else:
            self.action_back()

    def action_back(self) -> None:
        if self._being_edited:
            self._end_edit()
        elif self.search.value:
            self.search.value = ""
            self.rows.focus()
        else:
            self._is_leaving = True
            self._leave_when_settled()

    def _leave_when_settled(self) -> None:
        """What is still being kept is waited for: a refusal must be seen."""
        if self._is_leaving and self.is_settled and self.is_current:
            self._is_leaving = False
            self.dismiss(None)

    # Changing

    def action_use(self) -> None:
        field = self._marked
        if field is None:
            return
        if field.setting.kind == "switch":
            self.action_step(1)
        elif field.choices:
            self._open_choices(field)
        else:
            self._begin_edit(field)

    def action_step(self, steps: int) -> None:
        field = self._marked
        if field is not None and (value := field.stepped(steps)) is not None:
            self._want(field, value)

    def action_reset(self) -> None:
        field = self._marked
        if field is None or self._being_edited:
            return
        if field.in_file is None:
            self._refused.pop(field.setting.name, None)
            self._say(f"{field.source} sets it" if field.is_overridden else "it is as it was at the beginning")
            return
        self._want(field, None)
        self._say(f"back to {field.default_text}; ctrl+_ undoes that")

    def action_undo(self) -> None:
        if self._being_edited or not self.is_settled:
            return
        if not self._before:
            self._say("nothing to undo")
            return
        name, value = self._before.pop()
        self.rows.mark(name)
        if self.rows.marked != name:
            self.search.value = ""
            self.rows.mark(name)
        self._wanted[name] = _Wanted(value=value, is_undo=True)
        self._say("as it was before")
        self._keep_soon()

    def _open_choices(self, field: Field) -> None:
        def chosen(value: str | None) -> None:
            if value is not None:
                self._want(field, field.read(value))

        self.app.push_screen(
            ChoicePicker(title=field.words, choices=field.choices, field=field, theme=self.theme, glyphs=self.glyphs),
            chosen,
        )

    def _want(self, field: Field, value: Value | None, *, typed: str = "") -> None:
        name = field.setting.name
        self._said = ("", "")
        self._refused.pop(name, None)
        if value == field.in_file and type(value) is type(field.in_file):
            self._show()
            return
        self._wanted.pop(name, None)
        self._wanted[name] = _Wanted(value=value, typed=typed)
        self._keep_soon()

    def _keep_soon(self) -> None:
        self._show()
        if not self._is_keeping:
            self._is_keeping = True
            # The app's, not the screen's: what is being written goes on when the screen is taken away.
            self.app.run_worker(self._keep(), group="settings")

    async def _keep(self) -> None:
        """One change after the other; the last one asked for a setting is the one that stays."""
        try:
            while self._wanted:
                name, wanted = next(iter(self._wanted.items()))
                before = self._loaded.in_file.get(name)
                try:
                    kept = self._reset(name) if wanted.value is None else self._change(name, wanted.value)
                    self._loaded = await kept
                except Failure as failure:
                    self._refused[name] = _Refused(failure=failure, typed=wanted.typed)
                    self._is_leaving = False
                else:
                    if not wanted.is_undo:
                        self._before.append((name, before))
                if self._wanted.get(name) is wanted:
                    del self._wanted[name]
                self._show()
        finally:
            self._is_keeping = False
        self._leave_when_settled()

    def _say(self, words: str) -> None:
        """One line about the marked setting, until the mark moves or something is changed."""
        self._said = (self.rows.marked, words)
        self._show_detail()

    # Editing in place

    def _begin_edit(self, field: Field) -> None:
        refused = self._refused.get(field.setting.name)
        typed = refused.typed if refused is not None and refused.typed else ""
        entry = self.value_input
        self._being_edited = field.setting.name
        entry.value = typed or str(field.kept_value)
        entry.cursor_position = len(entry.value)
        entry.add_class("-open")
        self._place_value_input()
        entry.focus()
        self._show()

    def _end_edit(self) -> None:
        self._being_edited = ""
        self.value_input.remove_class("-open")
        self.rows.focus()
        self._show()

    def _finish_edit(self) -> bool:
        """Keeps what is written. False when it cannot be a value: then the field stays open."""
        field = self._marked
        if not self._being_edited or field is None:
            return True
        typed = self.value_input.value
        if field.complaint(typed):
            self.app.bell()
            self._show_detail()
            return False
        self._end_edit()
        self._want(field, field.read(typed), typed=typed)
        return True

    def _place_value_input(self) -> None:
        if not self._being_edited:
            return
        region, field = self.rows.value_region(), self._marked
        entry = self.value_input
        entry.visible = region is not None
        if region is None or field is None:
            return
        width = NUMBER_CELLS if field.setting.kind == "integer" else region.width - 1
        entry.styles.offset = (region.x, region.y)
        entry.styles.width = min(width, region.width)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.input is self.search:
            self._show()
        else:
            self._show_detail()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input is self.search:
            if self.rows.rows:
                self.rows.focus()
        else:
            self._finish_edit()


class ValueInput(FilterInput):
    """Lies over the value of the row that is edited."""

    def __init__(self) -> None:
        super().__init__()
        self.id = "value"


class ChoicePicker(ListScreen):
    """Gives back one of the choices of a setting."""

    def __init__(self, *, title: str, choices: Sequence[str], field: Field, theme: Theme, glyphs: Glyphs) -> None:
        super().__init__(title=title, theme=theme, glyphs=glyphs)
        self._choices = tuple(choices)
        self._field = field

    def on_mount(self) -> None:
        super().on_mount()
        self.refresh_rows(keep=str(self._field.kept_value))

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        typed = typed.strip()
        return tuple(self._row(choice, typed) for choice in self._choices if typed.casefold() in choice.casefold())

    def note_for(self, key: str) -> Parts:
        if key:
            return ((clean_line(self._field.setting.help, 98), "muted"),)
        return (("nothing fits", "foreground"), ("  the backspace key shows more", "muted"))

    def _row(self, choice: str, typed: str) -> Row:
        words = [
            word for word, holds in (("now", self._is_now(choice)), ("default", self._is_default(choice))) if holds
        ]
        role = "foreground!" if self._is_now(choice) else "foreground"
        left = ((" ", "muted"), *highlight(clean_line(choice, 60), typed, role))
        return Row(key=choice, left=left, right=((f"{', '.join(words)} ", "muted"),))

    def _is_now(self, choice: str) -> bool:
        return choice == self._field.kept_value

    def _is_default(self, choice: str) -> bool:
        return choice == self._field.setting.default
