"""How models answer in a conversation: presets, options of single models, the settings, and what it has of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path

from tui.chat.fitting import Plan
from tui.chat.generation import Generation, generation_of
from tui.conversations.control import NOTHING_SET, Control
from tui.conversations.values import Conversation
from tui.settings.layers import Answering, answering
from tui.settings.load import LoadedSettings
from tui.settings.model_options import ModelOptions, load_model_options, save_model_option
from tui.settings.presets import BUNDLED, Preset, PresetShelf, load_presets, save_preset
from tui.settings.schema import Value
from tui.settings.values import GenerationSettings


class Steering:
    """Presets and the options of single models, as they were read last."""

    def __init__(
        self,
        *,
        presets: Path,
        models_file: Path,
        loaded: Callable[[], LoadedSettings],
        same_model: Callable[[str, str], bool],
        is_kept: bool,
    ) -> None:
        """Not ``is_kept``: what is saved holds until chinwag ends and reaches no file."""
        self._presets_folder = presets
        self._models_file = models_file
        self._loaded = loaded
        self._same_model = same_model
        self._is_kept = is_kept
        self._shelf = PresetShelf(presets={one.name: one for one in BUNDLED})
        self._models = ModelOptions()

    def read(self) -> None:
        """Reads the files again. Blocks; never raises for what is in them."""
        self._shelf = load_presets(self._presets_folder)
        self._models = load_model_options(self._models_file)

    @property
    def presets(self) -> Mapping[str, Preset]:
        return self._shelf.presets

    @property
    def faults(self) -> tuple[str, ...]:
        """What of the files was left out, and why; clean lines."""
        return (*(f"{one.file}: {one.message}" for one in self._shelf.faults), *self._models.faults)

    def preset_of(self, control: Control) -> Preset | None:
        """The conversation's preset; None when it has none, or its file is gone."""
        return self.presets.get(control.preset)

    def answering(self, control: Control, model: str) -> Answering:
        """What holds, with where each value comes from."""
        return answering(
            self._loaded(),
            conversation=control.options,
            system=control.system,
            format=control.format,
            preset=self.preset_of(control),
            model=self._models.of(model, self._same_model),
        )

    def generation(self, model: str, control: Control = NOTHING_SET, *, can_think: bool | None = None) -> Generation:
        return generation_from(self.answering(control, model), can_think=can_think)

    def plan(self, conversation: Conversation, model: str, generation: Generation, window_tokens: int | None) -> Plan:
        """What holds for the conversation's next request, answered as ``generation`` says."""
        found = self.answering(conversation.control, model)
        return Plan(
            generation=generation,
            system=found.system.value or "",
            history_messages=found.value("history_messages"),
            history_tokens=found.value("history_tokens"),
            window_tokens=window_tokens,
        )

    def save_preset(self, preset: Preset) -> None:
        """Raises ``Failure``. Blocks."""
        if self._is_kept:
            _ = save_preset(self._presets_folder, preset)
        self._shelf = PresetShelf(presets={**self.presets, preset.name: preset}, faults=self._shelf.faults)

    def save_model_option(self, model: str, name: str, value: Value | None) -> None:
        """For every conversation with this model; None takes it away. Raises ``Failure``. Blocks."""
        if self._is_kept:
            save_model_option(self._models_file, model, name, value)
            self._models = load_model_options(self._models_file)
            return
        options = {key: item for key, item in self._models.of(model, self._same_model).items() if key != name}
        if value is not None:
            options[name] = value
        self._models = ModelOptions(by_model={**self._models.by_model, model: options})


def generation_from(found: Answering, *, can_think: bool | None = None) -> Generation:
    """``can_think`` is None while nobody knows."""
    values = {one.name: found.value(one.name) for one in fields(GenerationSettings)}
    wanted = found.format.value or None
    if wanted is not None and wanted != "json":
        wanted = json.loads(wanted)
    return replace(generation_of(GenerationSettings(**values), can_think=can_think), format=wanted)
