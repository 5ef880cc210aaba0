"""One setting: where it stands, what it may be, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Value = str | bool | int | float | tuple[str, ...]
Kind = Literal["text", "choice", "switch", "integer", "number", "duration", "list", "keys"]
"""``number`` may have a fraction; ``list`` has texts; ``keys`` are those of one command."""

LIST_LIMIT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its name, ``group.key``, is also its place in the file."""

    name: str
    kind: Kind
    default: Value | None
    """None: it may be left unset, which is none of its values."""
    help: str
    """What it changes, and for a text what leaving it empty means; one sentence without a full stop."""
    unit: str = ""
    minimum: float = 0
    """Of an integer or a number; both ends are allowed."""
    maximum: float = 0
    choices: tuple[str, ...] = ()
    flag: str | None = None
    """The command line's option that sets it for one run, such as ``--model``."""

    @property
    def group(self) -> str:
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        return self.name.partition(".")[2]

    @property
    def env(self) -> str:
        """The variable that sets it: ``appearance.theme`` is ``CHINWAG_APPEARANCE_THEME``. Empty for keys: none does."""
        if self.kind == "keys":
            return ""
        return f"CHINWAG_{self.name.replace('.', '_').upper()}"

    @property
    def allowed(self) -> str:
        """What it may be, in words."""
        match self.kind:
            case "text":
                return "text"
            case "choice":
                return f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
            case "switch":
                return "true or false"
            case "integer" | "number":
                return f"{counted(self.minimum)} to {counted(self.maximum)} {self.unit}".rstrip()
            case "duration":
                return "a duration such as 5m or 1h30m, 0 or -1"
            case "list":
                return f'a list of up to {LIST_LIMIT} texts, such as ["###"]'
            case "keys":
                return "a key, a list of keys, or an empty text for none"


def counted(number: float) -> str:
    """For people: ``16,777,216``."""
    return f"{int(number):,}" if number == int(number) else plain(number)


def plain(number: float) -> str:
    """Without the fraction of a whole number, and never with an exponent."""
    from decimal import Decimal

    return str(int(number)) if number == int(number) else format(Decimal(repr(number)), "f")
