"""The settings as typed values: ``settings.appearance.theme``. Defaults, limits and help are in ``schema``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from tui.settings.schema import SETTINGS, Value, check_value, find_setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    host: str
    attempts: int
    retry_base_seconds: float
    retry_cap_seconds: float
    starts_ollama: bool
    ollama_program: str
    ollama_environment: str
    asks_before_reload: bool
    recovers_from_memory: Literal["ask", "auto", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    model: str
    loads_chosen_model: bool
    history_messages: int | None = None
    history_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSettings:
    """What is None, empty or ``auto`` is left to the model and the server."""

    thinking: Literal["auto", "on", "off", "low", "medium", "high"]
    temperature: float | None
    context_tokens: int | None
    answer_tokens: int | None
    seed: int | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    repeat_penalty: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    stop: tuple[str, ...]
    keep_alive: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsSettings:
    model: str
    top_k: int
    threshold: float
    budget_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsSettings:
    folder: str
    rounds: int
    call_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppearanceSettings:
    theme: str
    glyphs: Literal["auto", "unicode", "ascii"]
    motion: bool
    prose_width_columns: int
    wraps_code: bool
    shows_gpu: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSettings:
    mouse: bool
    enter_sends: bool
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionSettings:
    alert: Literal["off", "bell", "notification"]
    long_answer_seconds: int
    title: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    format: Literal["json", "toml"]
    finish_seconds: int
    finish_megabytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    requests: bool
    text: bool
    largest_bytes: int
    kept_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    server: ServerSettings
    chat: ChatSettings
    generation: GenerationSettings
    documents: DocumentsSettings
    tools: ToolsSettings
    appearance: AppearanceSettings
    terminal: TerminalSettings
    attention: AttentionSettings
    storage: StorageSettings
    log: LogSettings

    def get(self, name: str) -> Value | None:
        """The value of the setting ``name``, such as ``appearance.theme``; None while it is not set.

        Raises ``Failure`` for an unknown one.
        """
        setting = find_setting(name)
        value: Value | None = getattr(getattr(self, setting.group), setting.key)
        return value

    def with_value(self, name: str, value: Value | None) -> Settings:
        """The same with one setting changed; None is its default.

        Raises ``Failure`` for an unknown name or a value it cannot have.
        """
        setting = find_setting(name)
        checked = setting.default if value is None else check_value(setting, value)
        group = replace(getattr(self, setting.group), **{setting.key: checked})
        changed: dict[str, Any] = {setting.group: group}
        return replace(self, **changed)


_GROUP_TYPES = {
    "server": ServerSettings,
    "chat": ChatSettings,
    "generation": GenerationSettings,
    "documents": DocumentsSettings,
    "tools": ToolsSettings,
    "appearance": AppearanceSettings,
    "terminal": TerminalSettings,
    "attention": AttentionSettings,
    "storage": StorageSettings,
    "log": LogSettings,
}


def settings_of(values: Mapping[str, Value]) -> Settings:
    """Settings from checked values by name; what ``values`` lacks has its default."""
    chosen: dict[str, dict[str, Any]] = {field.name: {} for field in fields(Settings)}
    for setting in SETTINGS:
        chosen[setting.group][setting.key] = values.get(setting.name, setting.default)
    groups: dict[str, Any] = {name: group_type(**chosen[name]) for name, group_type in _GROUP_TYPES.items()}
    return Settings(**groups)
