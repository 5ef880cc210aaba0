"""What can be set about answers in more places than the settings: for a conversation, in a preset, for a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.settings.schema import SETTINGS, Setting, Value, check_value
from tui.theming.nearest import nearest

_HISTORY = ("chat.history_messages", "chat.history_tokens")

OPTIONS: Mapping[str, Setting] = MappingProxyType(
    {one.key: one for one in SETTINGS if one.group == "generation"}
    | {one.key: one for one in SETTINGS if one.name in _HISTORY}
)
"""The settings by their names without the group: ``temperature``, ``thinking``, ``history_messages``."""

ALSO_CALLED: Mapping[str, str] = MappingProxyType(
    {"num_ctx": "context_tokens", "num_predict": "answer_tokens", "think": "thinking"}
)
"""Ollama's own names, which hands and files know."""


def find_option(name: str) -> Setting:
    """The option of that name, chinwag's or Ollama's. Raises ``Failure`` naming its nearest neighbour."""
    wanted = name.strip().lower().replace("-", "_").removeprefix("generation.").removeprefix("chat.")
    setting = OPTIONS.get(ALSO_CALLED.get(wanted, wanted))
    if setting is None:
        raise Failure(
            f"there is no option {clean_line(name, 40)}{nearest(wanted, OPTIONS)}", "", "/options shows them all"
        )
    return setting


def read_options(table: Mapping[str, Any], complaints: list[str]) -> Iterator[tuple[str, Value]]:
    """The options that a table of a file has, by their names here; what cannot be one becomes a complaint."""
    for name, value in table.items():
        try:
            setting = find_option(name)
            is_switch = setting.key == "thinking" and isinstance(value, bool)
            yield setting.key, check_value(setting, ("off", "on")[value] if is_switch else value)
        except Failure as failure:
            complaints.append(f"{clean_line(name, 40)}: {failure.message or failure.title}")
