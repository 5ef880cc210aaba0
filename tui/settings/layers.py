"""Which of many says how a model answers: flag, conversation, preset, the model's own, settings, and the server last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from tui.settings.load import LoadedSettings
from tui.settings.options import OPTIONS
from tui.settings.presets import Preset
from tui.settings.schema import Value

Source = Literal["flag", "conversation", "preset", "model", "environment", "settings", "server"]
"""``server``: nobody here says anything, so the model and its server decide."""

NO_OPTIONS: Mapping[str, Value] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The value that holds, and who says so."""

    value: Any
    """As the setting has it; its default where ``source`` is ``server``."""
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """How a model answers in one conversation, with where all of it comes from."""

    options: Mapping[str, Choice]
    """By the options' names, all of them."""
    system: Choice
    """Empty or None: no system prompt from here."""
    format: Choice
    """None or empty for text, ``json``, or a schema's text."""

    def value(self, name: str) -> Any:
        return self.options[name].value


def answering(
    loaded: LoadedSettings,
    *,
    conversation: Mapping[str, Value] = NO_OPTIONS,
    system: str | None = None,
    format: str | None = None,  # noqa: A002  the wire's own word
    preset: Preset | None = None,
    model: Mapping[str, Value] = NO_OPTIONS,
) -> Answering:
    """``conversation``, ``system`` and ``format`` are what it has of its own; ``model`` are the model's own options.

    Both may hold names that are no options here, from a newer chinwag's file: they count for nothing.
    """
    own = NO_OPTIONS if preset is None else preset.options
    choices: dict[str, Choice] = {}
    for name, setting in OPTIONS.items():
        origin = loaded.origins.get(setting.name, "default")
        said: list[tuple[Source, Mapping[str, Value]]] = [("conversation", conversation), ("preset", own)]
        said.append(("model", model))
        found = next((Choice(value=values[name], source=source) for source, values in said if name in values), None)
        if origin == "flag" or found is None:
            by_settings: dict[str, Source] = {"flag": "flag", "environment": "environment", "file": "settings"}
            found = Choice(value=loaded.value(setting.name), source=by_settings.get(origin, "server"))
        choices[name] = found
    return Answering(
        options=MappingProxyType(choices),
        system=_text(system, None if preset is None else preset.system),
        format=_text(format, None if preset is None else preset.format),
    )


def _text(own: str | None, preset: str | None) -> Choice:
    if own is not None:
        return Choice(value=own, source="conversation")
    return Choice(value=preset, source="server" if preset is None else "preset")
