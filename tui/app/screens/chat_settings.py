"""The settings as a file: given away, taken over, put back to their defaults, and looked through for faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tui.app.commands.command import Command
from tui.app.screens.chat_models import NEWS_SECONDS
from tui.app.screens.chat_presets import ChatPresets, path_of
from tui.app.terminal.clipboard import shown_path
from tui.atomic import read_bounded
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.settings.load import LIMIT_BYTES, load_settings, validate_settings_file
from tui.settings.save import export_settings, import_settings, put_settings_back, reset_settings
from tui.settings.schema import Value

if TYPE_CHECKING:
    from tui.app.screens.settings import SettingsScreen

EXPORT, IMPORT, RESET, CHECK = "export", "import", "reset", "check"
_ABOUT = {
    EXPORT: "copy the settings to a file",
    IMPORT: "take over the settings of a file; the one before is kept",
    RESET: "put every default back; the file before is kept",
    CHECK: "look for faults in settings, presets and models",
}

Say = Callable[[str, str], None]
"""A sentence, and more about it in a few words."""


class ChatSettings(ChatPresets):
    """What is taken over or put back holds at once. Nothing is asked, for undo brings back what was there."""

    async def do_with_settings(self, wanted: str, say: Say | None = None) -> None:
        """``export FILE``, ``import FILE``, ``reset`` or ``check``. Raises ``Failure``."""
        verb, _, path = wanted.strip().partition(" ")
        path = path.strip()
        tell = say or self._say_as_reply
        if verb == EXPORT:
            await self._export_settings(path or ".", tell)
        elif verb == IMPORT and path:
            await self._import_settings(path_of(path), tell)
        elif verb == RESET and not path:
            await self._reset_settings(tell)
        elif verb == CHECK and not path:
            await self._check_files(tell)
        else:
            raise Failure("that is nothing to be done with settings", "", f"/settings {', '.join(_ABOUT)}")

    def _say_as_reply(self, words: str, more: str) -> None:
        self.reply(words, more=more, seconds=NEWS_SECONDS)

    async def _export_settings(self, path: str, tell: Say) -> None:
        file = await asyncio.to_thread(export_settings, self._workspace.places.settings_file, path_of(path))
        tell(f"the settings are in {shown_path(file)}", "")

    async def _import_settings(self, source: Path, tell: Say) -> None:
        workspace, before = self._workspace, self._workspace.loaded.in_file
        file, aside = workspace.places.settings_file, None
        if workspace.is_throwaway:
            await asyncio.to_thread(_refuse_faults, source)
        else:
            aside = await asyncio.to_thread(partial(import_settings, file, source, now=workspace.now))
        wanted = (await asyncio.to_thread(load_settings, source, {}, {})).in_file
        await self._use_settings(before, wanted)
        changed = sum(before.get(name) != wanted.get(name) for name in {*before, *wanted})
        tell(f"taken over, {plural(changed, 'setting')} changed", self._can_put_back(before, aside))

    async def _reset_settings(self, tell: Say) -> None:
        workspace, before = self._workspace, self._workspace.loaded.in_file
        if not before and not workspace.loaded.faults:
            tell("every setting has its default", "")
            return
        aside = None
        if not workspace.is_throwaway:
            reset = partial(reset_settings, workspace.places.settings_file, now=workspace.now)
            aside = await asyncio.to_thread(reset)
        await self._use_settings(before, {})
        tell("every setting has its default", self._can_put_back(before, aside))

    async def _use_settings(self, before: Mapping[str, Value], wanted: Mapping[str, Value]) -> None:
        """Each that differs acts at once; the file says it already."""
        for name in {**before, **wanted}:
            if before.get(name) != wanted.get(name):
                try:
                    await self._change_setting(name, wanted.get(name))
                except Failure as failure:
                    self.say_failure(failure)
        self._workspace.settings_file_is_well()

    def _can_put_back(self, before: Mapping[str, Value], aside: Path | None) -> str:
        """What is said about it."""
        workspace = self._workspace

        async def undo() -> str:
            if not workspace.is_throwaway:
                put = partial(put_settings_back, workspace.places.settings_file, aside, now=workspace.now)
                await asyncio.to_thread(put)
            await self._use_settings(workspace.loaded.in_file, before)
            return "the settings are as before"

        self.can_undo(undo)
        return self._keymap.sentence("undo", "in the prompt brings those before back")

    async def _check_files(self, tell: Say) -> None:
        complaints = await asyncio.to_thread(self._workspace.steering.complaints, self._workspace.places.settings_file)
        if not complaints:
            tell("nothing is wrong in the files of settings, presets and models", "")
            return
        from tui.app.screens.choices import Choice, Choices

        self.app.push_screen(
            Choices(
                title=f"What is wrong {self._glyphs.separator} {plural(len(complaints), 'complaint')}",
                choices=[Choice(key=str(number), name=one, note=one) for number, one in enumerate(complaints)],
                keys=(("esc", "back"),),
                theme=self._theme,
                glyphs=self._glyphs,
            ),
            lambda _chosen: None,
        )

    # On the form of the settings

    def open_settings_file_menu(self, form: SettingsScreen) -> None:
        """What can be done with the file, on top of the form, which says what came of it."""
        from tui.app.screens.choices import Choice, Choices

        def chosen(key: str | None) -> None:
            if key in (EXPORT, IMPORT):
                self._ask_for_file(form, key)
            elif key is not None:
                self.in_background(self._do_for_form(form, key))

        self.app.push_screen(
            Choices(
                title="The settings file",
                choices=[Choice(key=key, name=key, more=words) for key, words in _ABOUT.items()],
                keys=(("enter", "do it"), ("esc", "back")),
                theme=self._theme,
                glyphs=self._glyphs,
            ),
            chosen,
        )

    def _ask_for_file(self, form: SettingsScreen, verb: str) -> None:
        from tui.app.screens.entry import Blank, EntryScreen

        def entered(values: tuple[str, ...] | None) -> None:
            if values is not None and values[0]:
                self.in_background(self._do_for_form(form, f"{verb} {values[0]}"))

        self.app.push_screen(
            EntryScreen(
                title="Export the settings" if verb == EXPORT else "Import settings",
                blanks=(Blank(words="file", placeholder="~/settings.toml"),),
                about=_ABOUT[verb],
                done_word=verb,
                check=lambda _values: None,
                theme=self._theme,
                glyphs=self._glyphs,
            ),
            entered,
        )

    async def _do_for_form(self, form: SettingsScreen, wanted: str) -> None:
        def tell(words: str, more: str) -> None:
            form.tell(self._workspace.loaded, "; ".join(filter(None, (words, more))))

        try:
            await self.do_with_settings(wanted, tell)
        except Failure as failure:
            tell(str(failure), "")

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        return _ABOUT.items() if command.name == "settings" else super().choices_for(command)


def _refuse_faults(source: Path) -> None:
    """Raises ``Failure`` for a file that is missing or wrong. Blocks."""
    _ = read_bounded(source, LIMIT_BYTES, follow_links=True)
    if faults := validate_settings_file(source):
        raise Failure(f"{source.name} is not taken over", str(faults[0]), "correct it")
