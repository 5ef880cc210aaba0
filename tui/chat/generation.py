"""What the settings say about how a model answers, as it is asked of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tui.settings.values import GenerationSettings

_OPTIONS = {
    "temperature": "temperature",
    "context_tokens": "num_ctx",
    "answer_tokens": "num_predict",
    "seed": "seed",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "repeat_penalty": "repeat_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
"""The option that each setting is, by the setting's key."""
_LOADING_OPTIONS = frozenset(
    {"num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "draft_num_predict"}
)
"""A model in memory is loaded once more for a request that has another value of one of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What goes along with the messages. What is absent is left to the model and the server; 0 is a value."""

    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    think: bool | str | None = None
    keep_alive: str | None = None
    """A duration with its unit, or a number of seconds: ``5m``, ``-1``."""
    format: str | Mapping[str, Any] | None = None
    """None for text, ``json``, or a JSON schema."""


AS_THE_MODEL_IS_MADE = Generation()


def loading_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those with which a model is brought into memory; all others are for the answers that it gives."""
    return MappingProxyType({name: value for name, value in options.items() if name in _LOADING_OPTIONS})


def generation_of(settings: GenerationSettings, *, can_think: bool | None = None) -> Generation:
    """``can_think`` is None while nobody knows. A model that cannot is not asked to: it would refuse the prompt."""
    options = {option: value for key, option in _OPTIONS.items() if (value := getattr(settings, key)) is not None}
    if settings.stop:
        options["stop"] = list(settings.stop)
    return Generation(
        options=MappingProxyType(options),
        think=_think(settings.thinking) if can_think is not False else None,
        keep_alive=settings.keep_alive or None,
    )


def _think(wanted: str) -> bool | str | None:
    match wanted:
        case "auto":
            return None
        case "on" | "off":
            return wanted == "on"
        case level:
            return level
