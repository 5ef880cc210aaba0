"""The settings as rows, for the README and for lists."""

from __future__ import annotations

from dataclasses import dataclass

from tui.settings.schema import SETTINGS, Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """All plain text; ``default`` as the file has it and empty where there is none, ``flag`` empty where there is none."""

    name: str
    default: str
    allowed: str
    env: str
    flag: str
    help: str


def settings_rows() -> tuple[SettingRow, ...]:
    """One row a setting, in the schema's order."""
    return tuple(
        SettingRow(
            name=setting.name,
            default=_default(setting),
            allowed=setting.allowed,
            env=setting.env,
            flag=setting.flag or "",
            help=setting.help,
        )
        for setting in SETTINGS
    )


def _default(setting: Setting) -> str:
    default = setting.default
    if default is None:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return f"[{', '.join(map(_quoted, default))}]"
    return _quoted(default) if isinstance(default, str) else str(default)


def _quoted(text: str) -> str:
    return f'"{text}"'
