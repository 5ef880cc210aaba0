"""What a form of the settings shows, worked out from the schema: words, choices, checks. It draws nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.settings.load import Origin, SettingsFault
from tui.settings.schema import Setting, Value, check_value, parse_value, write_value

NOT_SET = "not set"
"""How an empty text is shown."""
NO_KEY = "no key"


class Loaded(Protocol):
    """The settings as they are at one moment; ``LoadedSettings`` is one."""

    @property
    def origins(self) -> Mapping[str, Origin]: ...
    @property
    def in_file(self) -> Mapping[str, Value]: ...
    @property
    def faults(self) -> tuple[SettingsFault, ...]: ...

    def value(self, name: str) -> Value | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One setting with what holds at this moment."""

    setting: Setting
    value: Value | None
    origin: Origin
    in_file: Value | None = None
    """What the file says; None when it says nothing that can be used."""
    choices: tuple[str, ...] = ()
    """What can be chosen from; empty for a text or a number that is written."""

    @property
    def words(self) -> str:
        """Its key as people read it: ``prose width``. The unit is a part of it where the value may lack one."""
        if self.setting.kind == "keys":
            return self.setting.key
        words = self.setting.key.replace("_", " ")
        return words.removesuffix(f" {self.unit}") if self.unit else words

    @property
    def unit(self) -> str:
        """What stands behind the value. Empty where it may be left unset: then the words have it."""
        return "" if self.setting.default is None else self.setting.unit

    @property
    def is_overridden(self) -> bool:
        """A variable or a flag wins over the file."""
        return self.origin in ("environment", "flag")

    @property
    def is_changed(self) -> bool:
        """The person gave it a value of their own."""
        return self.in_file is not None and self.in_file != self.setting.default

    @property
    def kept_value(self) -> Value | None:
        """What holds as soon as no variable and no flag wins over the file."""
        return self.setting.default if self.in_file is None else self.in_file

    @property
    def kept_text(self) -> str:
        """``kept_value`` as it is written into the form; empty while it is not set."""
        kept = self.kept_value
        return "" if kept is None else write_value(self.setting, kept)

    @property
    def value_text(self) -> str:
        return value_text(self.setting, self.value)

    @property
    def default_text(self) -> str:
        return _with_unit(self.setting, self.setting.default)

    @property
    def range_text(self) -> str:
        """What it may be, in words; empty where that says nothing."""
        match self.setting.kind:
            case "switch":
                return "on or off"
            case "integer" | "number" | "duration" | "list":
                return self.setting.allowed
            case "keys":
                return ""
            case _ if len(self.choices) > 8:
                return f"one of {len(self.choices)}"
            case _:
                return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}" if len(self.choices) > 1 else ""

    @property
    def source(self) -> str:
        """Who wins over the file: the variable or the flag; empty when nobody does."""
        if self.origin == "environment":
            return self.setting.env
        return self.setting.flag or "the command line" if self.origin == "flag" else ""

    def origin_text(self, file_name: str) -> str:
        """Where its value comes from, in one sentence; ``file_name`` is what the file is called on the screen."""
        match self.origin:
            case "default":
                return "the default"
            case "file":
                return f"from {file_name}"
            case "environment" | "flag":
                kept = "" if self.in_file is None else f" {file_name} says {_with_unit(self.setting, self.in_file)};"
                kind = "the variable " if self.origin == "environment" else ""
                return (
                    f"from {kind}{self.source}, which wins over the file.{kept} "
                    f"what is changed here acts at the next start without it"
                )

    def complaint(self, typed: str) -> str:
        """Why ``typed`` cannot be its value; empty when it can."""
        try:
            self.read(typed)
        except Failure as failure:
            return failure.message
        return ""

    def read(self, typed: str) -> Value | None:
        """The value that ``typed`` says; None when it says nothing and may. Raises ``Failure`` naming what is allowed."""
        if self.setting.default is None and not typed.strip():
            return None
        if self.setting.kind in ("integer", "number") and not typed.strip():
            raise Failure(f"{self.setting.name} needs a number", f"it needs to be {self.setting.allowed}", "")
        return parse_value(self.setting, typed)

    def stepped(self, steps: int) -> Value | None:
        """The choice that many places further, around the ends; None for what is written instead of chosen."""
        if self.setting.kind == "switch":
            return not self.kept_value if steps % 2 else self.kept_value
        if not self.choices:
            return None
        now = str(self.kept_value)
        # One that is not offered, such as a theme that is gone, lies before the first.
        at = self.choices.index(now) if now in self.choices else (-1 if steps > 0 else 0)
        return check_value(self.setting, self.choices[(at + steps) % len(self.choices)])


def form_fields(schema: Sequence[Setting], loaded: Loaded, offered: Mapping[str, Sequence[str]]) -> tuple[Field, ...]:
    """One field a setting, in the schema's order.

    ``offered`` has what a text may be chosen from, by the setting's name: the names of themes, say.
    """
    return tuple(
        Field(
            setting=setting,
            value=setting.default if (value := loaded.value(setting.name)) is None else value,
            origin=loaded.origins.get(setting.name, "default"),
            in_file=loaded.in_file.get(setting.name),
            choices=setting.choices or tuple(offered.get(setting.name, ())),
        )
        for setting in schema
    )


def fitting(fields: Iterable[Field], typed: str) -> tuple[Field, ...]:
    """The fields in whose name, words, help, choices, variable or flag every typed word occurs."""
    words = typed.casefold().split()
    return tuple(field for field in fields if all(word in _about(field) for word in words))


def value_text(setting: Setting, value: Value | None) -> str:
    """``on``, ``120``, ``chinwag-dark``, ``not set``; a clean line."""
    written = "" if value is None else clean_line(write_value(setting, value), 500)
    return written or (NO_KEY if setting.kind == "keys" else NOT_SET)


def _with_unit(setting: Setting, value: Value | None) -> str:
    shown = value_text(setting, value)
    return shown if value is None else f"{shown} {setting.unit}".rstrip()


def _about(field: Field) -> str:
    setting = field.setting
    return " ".join(
        (setting.name, field.words, setting.help, setting.unit, setting.env, setting.flag or "", *field.choices)
    ).casefold()
