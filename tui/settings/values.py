"""The settings as typed values: ``settings.appearance.theme``. Defaults, limits and help are in ``schema``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from tui.settings.schema import SETTINGS, Value, check_value, find_setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppearanceSettings:
    theme: str
    glyphs: Literal["auto", "unicode", "ascii"]
    motion: bool
    prose_width_columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    format: Literal["json", "toml"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    server: ServerSettings
    chat: ChatSettings
    appearance: AppearanceSettings
    storage: StorageSettings

    def get(self, name: str) -> Value:
        """The value of the setting ``name``, such as ``appearance.theme``. Raises ``Failure`` for an unknown one."""
        setting = find_setting(name)
        value: Value = getattr(getattr(self, setting.group), setting.key)
        return value

    def with_value(self, name: str, value: Value) -> Settings:
        """The same with one setting changed. Raises ``Failure`` for an unknown name or a value it cannot have."""
        setting = find_setting(name)
        group = replace(getattr(self, setting.group), **{setting.key: check_value(setting, value)})
        changed: dict[str, Any] = {setting.group: group}
        return replace(self, **changed)


_GROUP_TYPES = {
    "server": ServerSettings,
    "chat": ChatSettings,
    "appearance": AppearanceSettings,
    "storage": StorageSettings,
}


def settings_of(values: Mapping[str, Value]) -> Settings:
    """Settings from checked values by name; what ``values`` lacks has its default."""
    chosen: dict[str, dict[str, Any]] = {field.name: {} for field in fields(Settings)}
    for setting in SETTINGS:
        chosen[setting.group][setting.key] = values.get(setting.name, setting.default)
    groups: dict[str, Any] = {name: group_type(**chosen[name]) for name, group_type in _GROUP_TYPES.items()}
    return Settings(**groups)
