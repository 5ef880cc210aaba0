"""Presets as files: kept, given away, taken over and removed; and a conversation that gives up what it has set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tui.app.commands.command import Command
from tui.app.screens.chat_documents import ChatDocuments
from tui.app.screens.chat_models import NEWS_SECONDS
from tui.app.terminal.clipboard import shown_path
from tui.cleaning import clean_line
from tui.conversations.control import NOTHING_SET
from tui.failures import Failure
from tui.settings.presets import check_preset_name, export_preset, preset_words
from tui.theming.nearest import nearest

if TYPE_CHECKING:
    from tui.app.screens.entry import Blank

SAVE, EXPORT, IMPORT, REMOVE = "save", "export", "import", "remove"
RESET = "reset"


class ChatPresets(ChatDocuments):
    """Nothing of it is asked about: what was removed or given up comes back with undo."""

    async def action_choose_preset(self, wanted: str = "") -> None:
        """Also ``export NAME [FILE]``, ``import FILE`` and ``remove NAME``."""
        verb, _, rest = wanted.partition(" ")
        rest = rest.strip()
        if not rest and verb in (SAVE, EXPORT, IMPORT, REMOVE) and verb not in self._workspace.steering.presets:
            missing = "file" if verb == IMPORT else "name"
            self.reply(f"a {missing} is missing", role="warning", more=f"/preset {verb} {missing.upper()}")
            return
        if not rest or verb not in (EXPORT, IMPORT, REMOVE):
            await super().action_choose_preset(wanted)
            return
        await asyncio.to_thread(self._workspace.steering.read)
        try:
            if verb == EXPORT:
                name, _, target = rest.partition(" ")
                await self._export_preset(name, target.strip())
            elif verb == IMPORT:
                await self._import_preset(rest)
            else:
                await self._remove_preset(rest)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)

    async def _export_preset(self, name: str, target: str) -> None:
        """Raises ``Failure``."""
        presets = self._workspace.steering.presets
        preset = presets.get(name)
        if preset is None:
            near = nearest(name, presets)
            raise Failure(f"there is no preset {clean_line(name, 40)}{near}", "", "/preset shows them")
        file = await asyncio.to_thread(export_preset, preset, path_of(target or "."))
        self.reply(f"preset {name} is in {shown_path(file)}", role="success", seconds=NEWS_SECONDS)

    async def _import_preset(self, source: str) -> None:
        """Raises ``Failure``."""
        preset = await asyncio.to_thread(self._workspace.steering.import_preset, path_of(source))
        words = preset_words(preset.options.items())
        name = preset.name

        async def take_away() -> str:
            await asyncio.to_thread(self._workspace.steering.remove_preset, name)
            return f"preset {name} is gone again"

        self.can_undo(take_away, holds=lambda: name in self._workspace.steering.presets)
        more = f" {self._glyphs.separator} ".join(filter(None, (words, f"/preset {name} uses it")))
        self.reply(f"preset {name} is taken over", role="success", more=more, seconds=NEWS_SECONDS)

    async def _remove_preset(self, name: str) -> None:
        """Raises ``Failure``. Conversations that have it answer without it until it is back."""
        check_preset_name(name)
        bring_back = await asyncio.to_thread(self._workspace.steering.remove_preset, name)

        async def undo() -> str:
            await asyncio.to_thread(bring_back)
            self._show_header()
            return f"preset {name} is back"

        self.can_undo(undo)
        self._show_header()
        self.reply(f"removed preset {name}", more=self._keymap.sentence("undo", "brings it back"), seconds=NEWS_SECONDS)

    # The list

    def _preset_picked(self, picked: str | None) -> None:
        from tui.app.screens.entry import Blank
        from tui.app.screens.presets import EXPORT as GIVE
        from tui.app.screens.presets import IMPORT as TAKE
        from tui.app.screens.presets import KEEP
        from tui.app.screens.presets import REMOVE as DROP

        if picked == KEEP:
            about = "the model, the system prompt, the options and the format of this conversation"
            blank = Blank(words="name", placeholder="lower case letters, digits, - and _")
            self._ask_line("Keep as a preset", blank, about, lambda said: f"save {said}", check=check_preset_name)
        elif picked == TAKE:
            file = Blank(words="file", placeholder="~/terse.toml")
            about = "the preset is called as its file is, and joins the list"
            self._ask_line("Import a preset", file, about, lambda said: f"{IMPORT} {said}")
        elif picked is not None and picked.startswith(GIVE):
            name = picked.removeprefix(GIVE)
            file = Blank(words="file", value=f"{name}.toml")
            about = "a file, or a folder in which it gets its name"
            self._ask_line(f"Export {name}", file, about, lambda said: f"{EXPORT} {name} {said}")
        elif picked is not None and picked.startswith(DROP):
            self.in_background(self.action_choose_preset(f"{REMOVE} {picked.removeprefix(DROP)}"))
        else:
            super()._preset_picked(picked)

    def _ask_line(
        self,
        title: str,
        blank: Blank,
        about: str,
        command: Callable[[str], str],
        *,
        check: Callable[[str], None] = lambda _said: None,
    ) -> None:
        """Asks for one line, then does what ``command`` makes of it behind ``/preset``."""
        from tui.app.screens.entry import EntryScreen

        def entered(values: tuple[str, ...] | None) -> None:
            if values is not None and values[0]:
                self.in_background(self.action_choose_preset(command(values[0])))

        entry = EntryScreen(
            title=title,
            blanks=(blank,),
            about=about,
            done_word="do it",
            check=lambda values: check(values[0]) if values[0] else None,
            theme=self._theme,
            glyphs=self._glyphs,
        )
        self.app.push_screen(entry, entered)

    # What the conversation has set

    async def action_open_options(self, wanted: str = "") -> None:
        """``reset`` gives up everything that the conversation has set for itself."""
        if wanted.strip() != RESET:
            await super().action_open_options(wanted)
        elif self._may_steer():
            self._reset_control()

    def _reset_control(self) -> None:
        session, before = self._session, self._session.conversation.control
        after = replace(
            before,
            preset=NOTHING_SET.preset,
            system=NOTHING_SET.system,
            options=NOTHING_SET.options,
            format=NOTHING_SET.format,
            format_name=NOTHING_SET.format_name,
        )
        if after == before:
            self.reply("nothing is set for this conversation alone")
            return
        self._use_control(after)
        self._show_header()

        async def undo() -> str:
            session.use_control(before)
            self._show_header()
            return "set as before"

        def holds() -> bool:
            return self._workspace.sessions.get(session.id) is session and session.conversation.control == after

        self.can_undo(undo, holds=holds)
        back = self._keymap.sentence("undo", "brings it back")
        self.reply("this conversation answers as the settings say", more=back, seconds=NEWS_SECONDS)

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        if command.name != "preset.choose":
            return super().choices_for(command)
        own = [name for name, one in self._workspace.steering.presets.items() if one.is_own]
        return (
            *super().choices_for(command),
            *((f"{REMOVE} {name}", "ctrl+_ brings it back") for name in own),
            *((f"{EXPORT} {name}", "into this folder") for name in self._workspace.steering.presets),
        )


def path_of(text: str) -> Path:
    """What a person calls a file: ``~`` is home, and a name alone lies where chinwag was started. Raises ``Failure``."""
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, ValueError) as error:
        raise Failure(f"{clean_line(text, 60)} is no file", clean_line(str(error), 100), "name a file") from error
