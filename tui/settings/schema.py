"""Every setting, declared once. Form, file, environment, flags, checks and the README's table follow from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tui.cleaning import clean, clean_line
from tui.failures import Failure
from tui.theming.nearest import nearest

Value = str | bool | int
Kind = Literal["text", "choice", "switch", "integer"]

TEXT_LIMIT_CHARACTERS = 500

_SWITCH_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_INTEGER_LIMIT_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its name, ``group.key``, is also its place in the file."""

    name: str
    kind: Kind
    default: Value
    help: str
    """What it changes, and for a text what leaving it empty means; one sentence without a full stop."""
    unit: str = ""
    minimum: int = 0
    """Of an integer; both ends are allowed."""
    maximum: int = 0
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
        """The environment variable that sets it: ``appearance.theme`` is ``CHINWAG_APPEARANCE_THEME``."""
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
            case "integer":
                return f"{self.minimum} to {self.maximum} {self.unit}".rstrip()


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="server.host",
        kind="text",
        default="",
        help="the address of the server; empty: what OLLAMA_HOST says, else this machine",
        flag="--host",
    ),
    Setting(
        name="chat.model",
        kind="text",
        default="",
        help="the model of new conversations; empty: one that is loaded, else the newest local one",
        flag="--model",
    ),
    Setting(
        name="appearance.theme",
        kind="text",
        default="auto",
        help="the name of a theme; auto: chinwag-dark or chinwag-light, by the terminal's background",
    ),
    Setting(
        name="appearance.glyphs",
        kind="choice",
        default="auto",
        choices=("auto", "unicode", "ascii"),
        help="the characters that chinwag draws with; auto: ascii where the locale is not UTF-8",
    ),
    Setting(
        name="appearance.motion",
        kind="switch",
        default=True,
        help="whether something moves while work is under way",
    ),
    Setting(
        name="appearance.prose_width_columns",
        kind="integer",
        default=96,
        minimum=40,
        maximum=400,
        unit="columns",
        help="how wide prose is at most; code and tables may be as wide as the window",
    ),
    Setting(
        name="storage.format",
        kind="choice",
        default="json",
        choices=("json", "toml"),
        help="how conversations are written from the next save on; both are always read",
    ),
)

GROUPS = tuple(dict.fromkeys(setting.group for setting in SETTINGS))
BY_NAME = {setting.name: setting for setting in SETTINGS}


def find_setting(name: str) -> Setting:
    """The setting of that name. Raises ``Failure`` naming its nearest neighbour."""
    if name not in BY_NAME:
        raise Failure(f"there is no setting {clean_line(name, 60)}{nearest(name, BY_NAME)}", "", "check its name")
    return BY_NAME[name]


def check_value(setting: Setting, value: Any) -> Value:
    """``value`` itself when ``setting`` may have it. Raises ``Failure`` naming what is allowed."""
    match setting.kind:
        case "switch":
            is_allowed = isinstance(value, bool)
        case "integer":
            is_number = isinstance(value, int) and not isinstance(value, bool)
            is_allowed = is_number and setting.minimum <= value <= setting.maximum
        case "choice":
            is_allowed = isinstance(value, str) and value in setting.choices
        case "text":
            is_allowed = isinstance(value, str) and len(value) <= TEXT_LIMIT_CHARACTERS and _is_plain_line(value)
    if not is_allowed:
        raise _refusal(setting, value)
    result: Value = value
    return result


def parse_value(setting: Setting, text: str) -> Value:
    """The value that ``text`` says, as an environment variable or a command writes it: ``on``, ``120``, ``ascii``.

    Raises ``Failure`` naming what is allowed.
    """
    trimmed = text.strip()
    if setting.kind == "switch":
        return check_value(setting, _SWITCH_WORDS.get(trimmed.lower(), text))
    if setting.kind == "integer":
        is_number = trimmed.removeprefix("-").isdecimal() and len(trimmed) <= _INTEGER_LIMIT_DIGITS
        return check_value(setting, int(trimmed) if is_number else text)
    return check_value(setting, trimmed.lower() if setting.kind == "choice" else trimmed)


def _is_plain_line(text: str) -> bool:
    return "\n" not in text and "\t" not in text and clean(text) == text


def _refusal(setting: Setting, value: Any) -> Failure:
    if setting.kind == "text" and isinstance(value, str):
        cause = f"it needs to be one line of at most {TEXT_LIMIT_CHARACTERS} characters, all of them visible"
    else:
        cause = f"it needs to be {setting.allowed}, not {_shown(value)}"
    return Failure(f"{setting.name} cannot have that value", cause, f"choose {setting.allowed}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        # Python refuses to write out numbers of thousands of digits.
        return str(value) if value.bit_length() <= 64 else "a number that large"
    if isinstance(value, str):
        return f'"{clean_line(value, 40)}"'
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else clean_line(str(value), 40)
