"""The settings as one form, made from their schema; every change acts at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import Input, Static

from tui.app.commands.keymap import with_keys
from tui.app.glyphs import Glyphs
from tui.app.screens.list_screen import HELP, key_parts, passed_on_bindings
from tui.app.screens.setting_choice import ChoicePicker, KeyPicker
from tui.app.screens.settings_changes import Change, Reset, SettingChanges
from tui.app.screens.settings_words import (
    OF_COMMANDS,
    about_source,
    faults_line,
    groups_of,
    key_complaints,
    keys_of,
    note_of,
    row_of,
)
from tui.app.terminal.fast_screen import FastScreen
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.line import Line
from tui.app.widgets.parts import Parts
from tui.app.widgets.setting_groups import SettingGroups
from tui.app.widgets.setting_rows import SettingRows, lines_of
from tui.cleaning import cell_width, clean_line
from tui.settings.form import Field, Loaded, fitting, form_fields
from tui.settings.schema import SETTINGS, Setting, Value
from tui.theming.values import Theme

TWO_PANES_FROM_COLUMNS = 96
NUMBER_CELLS = 14


class SettingsScreen(FastScreen[None]):
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
    SettingsScreen.-low #search, SettingsScreen.-low #faults { margin: 0; }
    SettingsScreen.-low #detail { height: 4; padding-top: 0; }
    SettingsScreen.-low #detail Static { max-height: 1; }
    SettingsScreen.-tiny #search, SettingsScreen.-tiny #faults { margin: 0; max-height: 1; }
    SettingsScreen.-tiny #detail { height: 1; padding-top: 0; }
    SettingsScreen.-tiny #what, SettingsScreen.-tiny #range, SettingsScreen.-tiny #help { display: none; }
    SettingsScreen.-tiny #detail Static { max-height: 1; }
    """

    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-tiny"), (14, "-low"), (22, "-high")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+q", "app.quit_chinwag", show=False, priority=True, id="quit"),
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
        Binding("alt+f", "file_menu", show=False, priority=True),
        Binding("backspace", "search_back", show=False),
        Binding("ctrl+underscore,ctrl+shift+minus,ctrl+slash", "undo", show=False, priority=True),
        *passed_on_bindings((HELP,)),
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
        open_file_menu: Callable[[SettingsScreen], None] | None = None,
    ) -> None:
        """``open_file_menu`` offers what can be done with the file as a whole, and tells it with ``tell``."""
        super().__init__()
        self.theme = theme
        self.glyphs = glyphs
        self._changes = SettingChanges(loaded, change=change, reset=reset, changed=self._kept)
        self._offered = offered
        self._schema = tuple(schema)
        self._place = place
        self._file_name = file_name
        self._open_file_menu = open_file_menu
        self._is_leaving = False
        self._being_edited = ""
        self._said = ("", "")
        """A setting's name, and what was said about it."""
        self._complaints: Mapping[str, str] = MappingProxyType({})
        """Why keys that the file gives to commands are not used."""

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
        return self._changes.is_settled

    @property
    def _fields(self) -> tuple[Field, ...]:
        fields = map(self._changes.as_wanted, form_fields(self._schema, self._changes.loaded, self._offered))
        # Keys that cannot be used leave the command with those that it is declared with.
        return tuple(
            replace(field, value=field.setting.default) if field.setting.name in self._complaints else field
            for field in fields
        )

    @property
    def _marked(self) -> Field | None:
        return next((field for field in self._fields if field.setting.name == self.rows.marked), None)

    # What is shown

    def _show(self) -> None:
        if not (self.is_mounted and self.is_attached):
            return
        self._complaints = key_complaints(self._changes.loaded)
        fields = self._fields
        typed = self.search.value.strip()
        shown = fitting(fields, typed)
        nothing: Parts = ()
        if not shown:
            nothing = ((f"no setting fits {clean_line(typed, 40)}", "foreground"), ("  esc shows all again", "muted"))
        self.rows.show(
            tuple(
                row_of(field, typed, note_of(field, self._changes, self._complaints, is_wide=self.has_class("-wide")))
                for field in shown
            ),
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

    def _show_groups(self, fields: tuple[Field, ...], shown: tuple[Field, ...]) -> None:
        marked = self._marked
        current = marked.setting.group if marked is not None else ""
        self.query_one(SettingGroups).show(groups_of(fields, shown, current=current))

    def _show_title(self, fields: tuple[Field, ...]) -> None:
        changed = sum(field.is_changed for field in fields)
        words = f"  {changed} changed" if changed else ""
        self.query_one("#title", Line).show(
            ((" Settings", "foreground!"), (words, "muted")),
            ((f"{clean_line(self._place, max(10, self.size.width - 34))} ", "muted"),) if self._place else (),
        )

    def _show_faults(self) -> None:
        known = [setting.name for setting in self._schema]
        words = faults_line(self._changes.loaded, self._complaints, known, self._file_name)
        faults = self.query_one("#faults", Static)
        faults.set_class(bool(words), "-some")
        faults.update(words)

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
            more = f"; {field.source} goes on to win over it in this run" if field.is_overridden else ""
            return f"enter keeps it, esc leaves it as it was{more}", ""
        said = self._said[1] if self._said[0] == name else ""
        return about_source(field, self._changes, self._complaints, said=said, file_name=self._file_name)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        """The keys that make sense at this moment, and what each does."""
        return self._keys(self._marked)

    def _keys(self, field: Field | None) -> tuple[tuple[str, str], ...]:
        if self._being_edited:
            return (("enter", "keep"), ("esc", "leave as it was"))
        if self.search.has_focus:
            clear = (("esc", "show all"),) if self.search.value else (("esc", "back"),)
            return (("enter", "to the settings"), *clear) if field is not None else clear
        keys = keys_of(field, has_undo=self._changes.has_undo, is_wide=self.has_class("-wide"))
        return keys if self._open_file_menu is None else (*keys, ("alt+f", "the file"))

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
        elif field.setting.kind == "keys":
            self._open_keys(field)
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
            self._changes.refused.pop(field.setting.name, None)
            self._say(f"{field.source} sets it" if field.is_overridden else "it is as it was at the beginning")
            return
        self._want(field, None)
        self._say(f"back to {field.default_text}; ctrl+_ undoes that")

    def action_undo(self) -> None:
        if self._being_edited or not self.is_settled:
            return
        name = self._changes.want_undo()
        if not name:
            self._say("nothing to undo")
            return
        self.rows.mark(name)
        if self.rows.marked != name:
            self.search.value = ""
            self.rows.mark(name)
        self._say("as it was before")
        self._keep_soon()

    def action_file_menu(self) -> None:
        """What is being written is kept first: it belongs into the file."""
        if self._open_file_menu is not None and self._finish_edit() and self.is_settled:
            self._open_file_menu(self)

    def tell(self, loaded: Loaded, words: str) -> None:
        """The file is another one: what it says is shown, and ``words`` where the marked setting is told about."""
        self._changes.use(loaded)
        self._show()
        self._say(words)

    def _open_choices(self, field: Field) -> None:
        def chosen(value: str | None) -> None:
            if value is not None:
                self._want(field, field.read(value))

        self.app.push_screen(
            ChoicePicker(title=field.words, choices=field.choices, field=field, theme=self.theme, glyphs=self.glyphs),
            chosen,
        )

    def _open_keys(self, field: Field) -> None:
        def chosen(keys: tuple[str, ...] | None) -> None:
            if keys is not None:
                self._want(field, None if keys == field.setting.default else keys)

        every = (one for one in self._fields if one.setting.kind == "keys" and one.in_file is not None)
        given = {one.setting.name.removeprefix(OF_COMMANDS): one.in_file for one in every}
        keymap = with_keys({name: keys for name, keys in given.items() if isinstance(keys, tuple)})
        self.app.push_screen(KeyPicker(field=field, keymap=keymap, theme=self.theme, glyphs=self.glyphs), chosen)

    def _want(self, field: Field, value: Value | None, *, typed: str = "") -> None:
        self._said = ("", "")
        if self._changes.want(field, value, typed=typed):
            self._keep_soon()
        else:
            self._show()

    def _keep_soon(self) -> None:
        self._show()
        # The app's, not the screen's: what is being written goes on when the screen is taken away.
        self.app.run_worker(self._keep(), group="settings")

    async def _keep(self) -> None:
        await self._changes.keep()
        self._leave_when_settled()

    def _kept(self) -> None:
        if self._changes.refused:
            self._is_leaving = False
        self._show()

    def _say(self, words: str) -> None:
        """One line about the marked setting, until the mark moves or something is changed."""
        self._said = (self.rows.marked, words)
        self._show_detail()

    # Editing in place

    def _begin_edit(self, field: Field) -> None:
        refused = self._changes.refused.get(field.setting.name)
        typed = refused.typed if refused is not None and refused.typed else ""
        entry = self.value_input
        self._being_edited = field.setting.name
        entry.value = typed or field.kept_text
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
        width = NUMBER_CELLS if field.setting.kind in ("integer", "number") else region.width - 1
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
