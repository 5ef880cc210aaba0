"""What is changed in the form: kept one after the other, undone, or refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tui.failures import Failure
from tui.settings.form import Field, Loaded
from tui.settings.schema import Value

Change = Callable[[str, Value], Awaitable[Loaded]]
"""Keeps the value and lets it act; gives the settings as they are then. Raises ``Failure``."""
Reset = Callable[[str], Awaitable[Loaded]]
"""Takes the setting out of the file, so that its default holds; otherwise as ``Change``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    failure: Failure
    typed: str
    """What was written; the field begins with it when it is opened again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    value: Value | None
    """None puts the default back."""
    typed: str = ""
    is_undo: bool = False


class SettingChanges:
    """The settings as they are, with everything that is still to be kept laid over them."""

    def __init__(self, loaded: Loaded, *, change: Change, reset: Reset, changed: Callable[[], None]) -> None:
        """``changed`` is called whenever something else is to be shown."""
        self.loaded = loaded
        self.refused: dict[str, Refused] = {}
        self._change = change
        self._reset = reset
        self._changed = changed
        self._wanted: dict[str, _Wanted] = {}
        """What is still to be kept, by the setting's name; shown as if it were."""
        self._is_keeping = False
        self._before: list[tuple[str, Value | None]] = []
        """What the file said before each change, for undo."""

    @property
    def is_settled(self) -> bool:
        """Everything that was changed is kept or refused."""
        return not self._wanted and not self._is_keeping

    @property
    def has_undo(self) -> bool:
        return bool(self._before)

    def as_wanted(self, field: Field) -> Field:
        wanted = self._wanted.get(field.setting.name)
        if wanted is None:
            return field
        field = replace(field, in_file=wanted.value)
        if field.is_overridden:
            return field
        return replace(field, value=field.kept_value, origin="default" if wanted.value is None else "file")

    def use(self, loaded: Loaded) -> None:
        """Another file holds: there is nothing of the one before to undo or to complain about."""
        self.loaded = loaded
        self.refused.clear()
        self._before.clear()

    def want(self, field: Field, value: Value | None, *, typed: str = "") -> bool:
        """Whether there is something to keep: False for what is so already."""
        name = field.setting.name
        self.refused.pop(name, None)
        if value == field.in_file and type(value) is type(field.in_file):
            return False
        self._wanted.pop(name, None)
        self._wanted[name] = _Wanted(value=value, typed=typed)
        return True

    def want_undo(self) -> str:
        """The setting that was changed last, to be as it was; empty when there is none."""
        if not self._before:
            return ""
        name, value = self._before.pop()
        self._wanted[name] = _Wanted(value=value, is_undo=True)
        return name

    async def keep(self) -> None:
        """One change after the other; the last one asked for a setting is the one that stays."""
        if self._is_keeping:
            return
        self._is_keeping = True
        try:
            while self._wanted:
                name, wanted = next(iter(self._wanted.items()))
                before = self.loaded.in_file.get(name)
                try:
                    kept = self._reset(name) if wanted.value is None else self._change(name, wanted.value)
                    self.loaded = await kept
                except Failure as failure:
                    self.refused[name] = Refused(failure=failure, typed=wanted.typed)
                else:
                    if not wanted.is_undo:
                        self._before.append((name, before))
                if self._wanted.get(name) is wanted:
                    del self._wanted[name]
                self._changed()
        finally:
            self._is_keeping = False
