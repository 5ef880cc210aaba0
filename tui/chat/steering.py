"""How models answer in a conversation: presets, options of single models, the settings, and what it has of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

from tui.atomic import read_bounded
from tui.chat.fitting import Plan
from tui.chat.generation import Generation, generation_of
from tui.cleaning import clean_line
from tui.conversations.control import NOTHING_SET, Control
from tui.conversations.values import Conversation
from tui.failures import Failure
from tui.settings.layers import Answering, answering
from tui.settings.load import LoadedSettings, validate_settings_file
from tui.settings.model_options import ModelOptions, load_model_options, save_model_option
from tui.settings.presets import (
    BUNDLED,
    LIMIT_BYTES,
    Preset,
    PresetComplaint,
    PresetShelf,
    import_preset,
    load_presets,
    preset_files,
    put_preset_back,
    read_preset,
    remove_preset,
    save_preset,
    validate_preset_file,
)
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
        self._only_here: dict[str, Preset | None] = {}
        """What is kept in no file: presets that were saved, and None for those that were removed."""

    def read(self) -> None:
        """Reads the files again. Blocks; never raises for what is in them."""
        self._read_presets()
        self._models = load_model_options(self._models_file)

    def _read_presets(self) -> None:
        shelf = load_presets(self._presets_folder)
        ours = {one.name: one for one in BUNDLED}
        here = {name: one or ours.get(name) for name, one in self._only_here.items()}
        presets = {name: one for name, one in {**shelf.presets, **here}.items() if one is not None}
        self._shelf = replace(shelf, presets=presets)

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
        else:
            self._only_here[preset.name] = preset
        self._read_presets()

    def import_preset(self, file: Path, *, name: str = "", replaces: bool = False) -> Preset:
        """Takes the preset of a file over, under ``name`` or else the file's own. Raises ``Failure``. Blocks."""
        if self._is_kept:
            preset = import_preset(self._presets_folder, file, name=name, replaces=replaces)
        else:
            preset = read_preset(name or file.stem, read_bounded(file, LIMIT_BYTES, follow_links=True))
            self._only_here[preset.name] = preset
        self._read_presets()
        return preset

    def remove_preset(self, name: str) -> Callable[[], None]:
        """Takes away a preset of the person's own; what is returned brings it back. Both raise ``Failure`` and block."""
        if self._is_kept:
            bring_back = partial(put_preset_back, self._presets_folder, name, remove_preset(self._presets_folder, name))
        else:
            before = self.presets.get(name)
            if before is None or not before.is_own:
                raise Failure(f"preset {name} is not removed", "it is none of yours", "only your own can be removed")
            bring_back = partial(self._only_here.__setitem__, name, before)
            self._only_here[name] = None
        self._read_presets()

        def undo() -> None:
            bring_back()
            self._read_presets()

        return undo

    def complaints(self, settings_file: Path) -> tuple[str, ...]:
        """Everything that is wrong in the files of settings, presets and single models, each with its line. Blocks."""
        presets = preset_files(self._presets_folder)
        return (
            *map(str, validate_settings_file(settings_file)),
            *load_model_options(self._models_file).faults,
            *(_told(file, one) for file in presets for one in validate_preset_file(file)),
        )

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


def _told(file: Path, complaint: PresetComplaint) -> str:
    at = "" if complaint.line is None else f", line {complaint.line}"
    return f"presets/{clean_line(file.name, 80)}{at}: {complaint.message}"


def generation_from(found: Answering, *, can_think: bool | None = None) -> Generation:
    """``can_think`` is None while nobody knows."""
    values = {one.name: found.value(one.name) for one in fields(GenerationSettings)}
    wanted = found.format.value or None
    if wanted is not None and wanted != "json":
        wanted = json.loads(wanted)
    return replace(generation_of(GenerationSettings(**values), can_think=can_think), format=wanted)
