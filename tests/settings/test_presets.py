"""Presets, the options of single models, and who wins over whom."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.failures import Failure
from tui.settings.layers import answering
from tui.settings.load import load_settings
from tui.settings.model_options import load_model_options, save_model_option
from tui.settings.options import OPTIONS, find_option
from tui.settings.presets import (
    BUNDLED,
    Preset,
    export_preset,
    import_preset,
    load_presets,
    put_preset_back,
    read_preset,
    remove_preset,
    save_preset,
    validate_preset_file,
    write_preset,
)
from tui.settings.schema import Value, check_value


def test_five_presets_come_with_chinwag() -> None:
    assert [one.name for one in BUNDLED] == ["fast", "creative", "balanced", "precise", "long_form"]
    for preset in BUNDLED:
        for name, value in preset.options.items():
            assert check_value(OPTIONS[name], value) == value


def test_a_preset_of_ones_own_has_ollamas_names_too(tmp_path: Path) -> None:
    text = """
model = "qwen3:8b"
system = "Answer in one sentence."
think = false
keep_alive = "10m"
format = { type = "object" }
[options]
num_ctx = 8192
temperature = 0
stop = ["###"]
"""
    (tmp_path / "short.toml").write_text(text)
    preset = load_presets(tmp_path).presets["short"]
    assert preset.model == "qwen3:8b"
    assert preset.system == "Answer in one sentence."
    assert preset.format == '{"type": "object"}'
    assert dict(preset.options) == {
        "context_tokens": 8192,
        "temperature": 0.0,
        "stop": ("###",),
        "thinking": "off",
        "keep_alive": "10m",
    }


def test_a_broken_preset_is_told_and_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("temprature = 1\n[options]\ntemperature = 9\n")
    (tmp_path / "worse.toml").write_text("[[[")
    (tmp_path / "good.toml").write_text("[options]\nseed = 3\n")
    shelf = load_presets(tmp_path)
    assert {*shelf.presets} == {one.name for one in BUNDLED} | {"good"}
    assert [one.file for one in shelf.faults] == ["bad.toml", "worse.toml"]
    assert "temprature is no key of a preset" in shelf.faults[0].message
    assert "temperature: it needs to be 0 to 5" in shelf.faults[0].message


def test_a_preset_of_ones_own_wins_over_chinwags(tmp_path: Path) -> None:
    _ = save_preset(tmp_path / "presets", Preset(name="fast", options=MappingProxyType({"temperature": 0.3})))
    preset = load_presets(tmp_path / "presets").presets["fast"]
    assert preset.is_own
    assert dict(preset.options) == {"temperature": 0.3}


@pytest.mark.parametrize("name", ["", "../x", "Fast", "a b", "x" * 41])
def test_what_cannot_name_a_file_names_no_preset(tmp_path: Path, name: str) -> None:
    with pytest.raises(Failure):
        save_preset(tmp_path, Preset(name=name))
    assert not [*tmp_path.iterdir()]


@given(
    st.builds(
        Preset,
        name=st.just("mine"),
        about=st.sampled_from(["", "about it"]),
        model=st.sampled_from(["", "m:8b"]),
        system=st.none() | st.sampled_from(["", 'say "no"\nand\\or']),
        format=st.none() | st.sampled_from(["json", '{"type": "array"}']),
        options=st.dictionaries(st.sampled_from(["temperature", "top_p"]), st.floats(0, 1)).map(MappingProxyType),
        is_own=st.just(True),
    )
)
def test_what_is_written_is_read(preset: Preset) -> None:
    assert read_preset("mine", write_preset(preset)) == preset


# Options of single models


def test_the_options_of_a_model_keep_the_comments_around_them(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text('# mine\n["qwen3:8b"]\ntemperature = 0.6 # as its maker says\n')
    save_model_option(file, "qwen3:8b", "seed", 4)
    save_model_option(file, "llama3:8b", "stop", ("a", "b"))
    assert "# as its maker says" in file.read_text()
    found = load_model_options(file)
    assert dict(found.by_model["qwen3:8b"]) == {"temperature": 0.6, "seed": 4}
    assert dict(found.of("llama3", lambda one, other: one.startswith(other))) == {"stop": ("a", "b")}
    save_model_option(file, "llama3:8b", "stop", None)
    assert "llama3:8b" not in load_model_options(file).by_model


def test_a_broken_models_file_is_told_and_left(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text("[")
    assert "models.toml" in load_model_options(file).faults[0]
    with pytest.raises(Failure):
        save_model_option(file, "m", "seed", 1)
    assert file.read_text() == "["


def test_a_wrong_option_of_a_model_is_left_out_alone(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text("top = 1\n[m]\ntemperature = 0.5\ntop_p = 7\n")
    found = load_model_options(file)
    assert dict(found.by_model["m"]) == {"temperature": 0.5}
    assert len(found.faults) == 2


# Who wins

_LAYERS = ("flag", "conversation", "preset", "model", "environment", "settings")


@given(st.sets(st.sampled_from(_LAYERS)))
def test_the_first_that_says_it_wins(tmp_path_factory: pytest.TempPathFactory, said: set[str]) -> None:
    value = {layer: index + 1 for index, layer in enumerate(_LAYERS)}
    file = tmp_path_factory.mktemp("layers") / "settings.toml"
    if "settings" in said:
        file.write_text(f"[generation]\nseed = {value['settings']}\n")

    def options(layer: str) -> MappingProxyType[str, Value]:
        return MappingProxyType({"seed": value[layer]} if layer in said else {})

    found = answering(
        load_settings(
            file,
            {"CHINWAG_GENERATION_SEED": str(value["environment"])} if "environment" in said else {},
            {"generation.seed": str(value["flag"]) if "flag" in said else None},
        ),
        conversation=options("conversation"),
        preset=Preset(name="p", options=options("preset")),
        model=options("model"),
    ).options["seed"]
    first = next((layer for layer in _LAYERS if layer in said), "server")
    assert (found.source, found.value) == (first, value.get(first))


def test_a_conversation_without_a_system_prompt_has_the_presets(tmp_path: Path) -> None:
    loaded = load_settings(tmp_path / "none.toml", {}, {})
    preset = Preset(name="p", system="be brief", format="json")
    found = answering(loaded, preset=preset)
    assert (found.system.value, found.system.source, found.format.value) == ("be brief", "preset", "json")
    without = answering(loaded, preset=preset, system="", format="")
    assert (without.system.value, without.system.source, without.format.value) == ("", "conversation", "")


def test_an_option_of_a_newer_chinwag_counts_for_nothing(tmp_path: Path) -> None:
    found = answering(load_settings(tmp_path / "none.toml", {}, {}), conversation={"entropy": 3})
    assert {one.source for one in found.options.values()} == {"server"}


def test_an_option_is_found_by_ollamas_name() -> None:
    assert find_option("num_ctx").key == "context_tokens"
    assert find_option("Top-P").key == "top_p"
    with pytest.raises(Failure, match="temperature"):
        find_option("temprature")


# Taken over, given away, looked through


def test_what_is_wrong_in_a_file_is_named_with_key_and_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('about = "x"\n\n[options]\nseed = 1\ntemperature = 9\n[more]\n')
    found = validate_preset_file(file)
    assert [(one.key, one.line) for one in found] == [("options.temperature", 5), ("more", 6)]
    assert str(found[0]) == "line 5: temperature: it needs to be 0 to 5, not 9"
    file.write_text("[options]\nseed = 1\n")
    assert validate_preset_file(file) == ()
    file.write_text('about = "x"\nabout = 3\n')
    assert "line 2" in str(validate_preset_file(file)[0])
    assert "missing" in str(validate_preset_file(tmp_path / "none.toml")[0])
    assert "another name" in str(validate_preset_file(tmp_path / "A B.toml")[0])


def test_a_preset_goes_out_and_comes_back(tmp_path: Path) -> None:
    folder, preset = tmp_path / "presets", Preset(name="mine", about="x", options=MappingProxyType({"seed": 3}))
    file = export_preset(preset, tmp_path)
    assert file == tmp_path / "mine.toml"
    with pytest.raises(Failure, match="there already"):
        export_preset(preset, file)
    _ = export_preset(preset, file, replaces=True)
    file.write_text("# by hand\n" + file.read_text())
    assert dict(import_preset(folder, file).options) == {"seed": 3}
    assert (folder / "mine.toml").read_text().startswith("# by hand")
    with pytest.raises(Failure, match="already"):
        import_preset(folder, file)
    assert import_preset(folder, file, name="other").name == "other"
    assert {"mine", "other"} <= {*load_presets(folder).presets}


def test_half_a_preset_is_not_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[options]\nseed = 1\ntemperature = 9\n")
    with pytest.raises(Failure, match="line 3: temperature"):
        import_preset(tmp_path / "presets", file)
    with pytest.raises(Failure, match="missing"):
        import_preset(tmp_path / "presets", tmp_path / "none.toml")
    assert not (tmp_path / "presets").exists()


def test_a_removed_preset_leaves_chinwags_own_and_comes_back(tmp_path: Path) -> None:
    _ = save_preset(tmp_path, Preset(name="fast", about="mine"))
    data = remove_preset(tmp_path, "fast")
    assert not load_presets(tmp_path).presets["fast"].is_own
    with pytest.raises(Failure, match="comes with chinwag"):
        remove_preset(tmp_path, "fast")
    put_preset_back(tmp_path, "fast", data)
    assert load_presets(tmp_path).presets["fast"].about == "mine"
