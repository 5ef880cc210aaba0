"""The presets: to use one, to keep one, and to take them from a file or give them away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app.glyphs import Glyphs
from tui.app.screens.choices import Choice, Choices
from tui.theming.values import Theme

KEEP, IMPORT = "+", "<"
"""What is given back for these; a preset's name has none of these characters."""
EXPORT, REMOVE = "> ", "- "
"""Before the name of the preset."""


class PresetPicker(Choices):
    """Gives back the name of a preset to use, or what else is to be done, see ``KEEP`` and the others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+a", "keep", show=False, priority=True, id="presets.keep"),
        Binding("alt+e", "export", show=False, priority=True, id="presets.export"),
        Binding("alt+p", "import", show=False, priority=True, id="presets.import"),
        Binding("alt+d", "remove", show=False, priority=True, id="list.delete"),
    ]

    def __init__(
        self,
        *,
        choices: Sequence[Choice],
        own: frozenset[str],
        theme: Theme,
        glyphs: Glyphs,
        current: str = "",
        faults: Sequence[str] = (),
    ) -> None:
        """``own`` are those of the person; the others cannot be removed. A choice ``off`` goes without one."""
        super().__init__(title="Presets", choices=choices, current=current, faults=faults, theme=theme, glyphs=glyphs)
        self._own = own

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        marked = self.list.marked
        keys: list[tuple[str, str]] = [("enter", "use")] if marked else []
        keys.append(("alt+a", "keep as preset"))
        keys += [("alt+e", "export")] if marked and marked != "off" else []
        keys.append(("alt+p", "import"))
        keys += [("alt+d", "remove")] if marked in self._own else []
        return (*keys, ("esc", "back"))

    def action_keep(self) -> None:
        self.dismiss(KEEP)

    def action_import(self) -> None:
        self.dismiss(IMPORT)

    def action_export(self) -> None:
        if (marked := self.list.marked) and marked != "off":
            self.dismiss(f"{EXPORT}{marked}")

    def action_remove(self) -> None:
        if (marked := self.list.marked) in self._own:
            self.dismiss(f"{REMOVE}{marked}")
