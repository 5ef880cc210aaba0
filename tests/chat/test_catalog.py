from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.rig import turns
from tests.chat.scripted_engine import ScriptedEngine, refused
from tui.chat.catalog import Card, Catalog, _card, _read_cards
from tui.engine import EngineError, ErrorKind, Model, ModelDetails, RunningModel

CHAT = frozenset({"completion", "thinking"})


def engine_with(count: int, *, first: int = 0) -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.models = [Model(name=f"m{n}:1b", digest=f"sha{n}") for n in range(first, first + count)]
    engine.details = {
        model.name: ModelDetails(
            name=model.name, capabilities=CHAT, trained_context_tokens=4096, parameter_size="1B", quantization="Q4"
        )
        for model in engine.models
    }
    return engine


async def test_list_is_there_before_anybody_knows_what_the_models_can_do(tmp_path: Path) -> None:
    engine = engine_with(2)
    engine.running = (RunningModel(name="m1:1b"),)
    catalog = Catalog(engine, cache_file=tmp_path / "models.json")
    assert catalog.models is None
    models = await catalog.refresh()
    assert [model.capabilities for model in models] == [None, None]
    assert [one.name for one in catalog.running] == ["m1:1b"]
    assert engine.shown == []


async def test_each_model_is_told_when_it_is_known(tmp_path: Path) -> None:
    catalog = Catalog(engine_with(3), cache_file=tmp_path / "models.json")
    await catalog.refresh()
    told: list[Model] = []
    await catalog.fill_in(told.append)
    assert sorted(model.name for model in told) == ["m0:1b", "m1:1b", "m2:1b"]
    assert {model.capabilities for model in catalog.models or ()} == {CHAT}
    assert {(model.trained_context_tokens, model.parameter_size) for model in told} == {(4096, "1B")}


async def test_next_start_remembers_by_digest_whatever_the_name(tmp_path: Path) -> None:
    first = Catalog(engine_with(2), cache_file=tmp_path / "cache" / "models.json")
    await first.refresh()
    await first.fill_in(lambda _model: None)

    engine = engine_with(2)
    engine.models = [Model(name="renamed:latest", digest="sha0"), Model(name="m1:1b", digest="other weights")]
    second = Catalog(engine, cache_file=tmp_path / "cache" / "models.json")
    models = await second.refresh()
    assert [model.capabilities for model in models] == [CHAT, None]
    await second.fill_in(lambda _model: None)
    assert engine.shown == ["m1:1b"]


async def test_what_was_asked_to_choose_a_model_is_remembered_too(tmp_path: Path) -> None:
    first = Catalog(engine_with(1), cache_file=tmp_path / "models.json")
    (model,) = await first.refresh()
    assert await first.capabilities_of(model) == CHAT
    second = Catalog(engine_with(1), cache_file=tmp_path / "models.json")
    (model,) = await second.refresh()
    assert model.capabilities == CHAT


async def test_model_whose_details_fail_is_left_as_it_is_and_asked_for_again(tmp_path: Path) -> None:
    engine = engine_with(3)
    engine.details["m1:1b"] = refused(ErrorKind.refused)
    catalog = Catalog(engine, cache_file=tmp_path / "models.json")
    await catalog.refresh()
    told: list[Model] = []
    await catalog.fill_in(told.append)
    assert sorted(model.name for model in told) == ["m0:1b", "m2:1b"]
    assert [model.capabilities for model in catalog.models or ()] == [CHAT, None, CHAT]
    engine.shown.clear()
    await catalog.fill_in(told.append)
    assert engine.shown == ["m1:1b"]


async def test_server_that_names_no_capabilities_is_not_taken_for_one_without_any(tmp_path: Path) -> None:
    engine = engine_with(1)
    engine.details["m0:1b"] = ModelDetails(name="m0:1b")
    catalog = Catalog(engine, cache_file=tmp_path / "models.json")
    (model,) = await catalog.refresh()
    assert await catalog.capabilities_of(model) is None
    assert not (tmp_path / "models.json").exists()


async def test_no_more_than_four_are_asked_for_at_once(tmp_path: Path) -> None:
    engine = engine_with(20)
    engine.show_gate = asyncio.Event()
    catalog = Catalog(engine, cache_file=tmp_path / "models.json")
    await catalog.refresh()
    filling = asyncio.create_task(catalog.fill_in(lambda _model: None))
    await turns()
    assert engine.shown_at_once == 4
    engine.show_gate.set()
    await filling
    assert engine.most_shown_at_once == 4
    assert len(engine.shown) == 20


async def test_closed_picker_ends_the_asking_and_what_was_learned_stays(tmp_path: Path) -> None:
    engine = engine_with(6)
    catalog = Catalog(engine, cache_file=tmp_path / "models.json")
    await catalog.refresh()
    told: list[Model] = []
    four_known = asyncio.Event()

    def on_model(model: Model) -> None:
        told.append(model)
        if len(told) == 4:
            engine.show_gate = asyncio.Event()
            four_known.set()

    filling = asyncio.create_task(catalog.fill_in(on_model))
    await asyncio.wait_for(four_known.wait(), 5)
    filling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await filling
    assert engine.shown_at_once == 0
    engine.show_gate = None
    known = sum(model.capabilities is not None for model in catalog.models or ())
    assert known >= 4
    engine.shown.clear()
    await catalog.fill_in(on_model)
    assert len(engine.shown) == 6 - known


async def test_picker_that_fails_does_not_end_the_asking(tmp_path: Path) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context["exception"]))
    catalog = Catalog(engine_with(3), cache_file=tmp_path / "models.json")
    await catalog.refresh()

    def broken(_model: Model) -> None:
        raise RuntimeError("a widget")

    await catalog.fill_in(broken)
    assert all(model.capabilities for model in catalog.models or ())
    assert len(faults) == 3


async def test_list_that_changes_meanwhile_gets_nothing_of_the_model_that_was_there_before(tmp_path: Path) -> None:
    engine = engine_with(1)
    engine.show_gate = asyncio.Event()
    catalog = Catalog(engine, cache_file=tmp_path / "models.json")
    await catalog.refresh()
    filling = asyncio.create_task(catalog.fill_in(lambda _model: None))
    await turns()
    engine.models = [Model(name="m0:1b", digest="pulled anew")]
    await catalog.refresh()
    engine.show_gate.set()
    await filling
    assert [model.capabilities for model in catalog.models or ()] == [None]


async def test_server_that_cannot_say_what_runs_still_lists_its_models(tmp_path: Path) -> None:
    engine = engine_with(1)
    engine.running = (RunningModel(name="m0:1b"),)
    catalog = Catalog(engine, cache_file=tmp_path / "models.json")
    await catalog.refresh()
    engine.running = refused(ErrorKind.silent)
    assert len(await catalog.refresh()) == 1
    assert [one.name for one in catalog.running] == ["m0:1b"]
    with pytest.raises(EngineError):
        await catalog.refresh_running()


async def test_list_that_fails_leaves_what_was_known_and_nothing_running(tmp_path: Path) -> None:
    engine = engine_with(1)
    catalog = Catalog(engine, cache_file=tmp_path / "models.json")
    before = await catalog.refresh()
    engine.models_failure = refused()
    engine.running_hangs = asyncio.Event()
    with pytest.raises(EngineError):
        await catalog.refresh()
    await turns()
    assert catalog.models == before
    assert engine.list_running_under_way == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b'{"version": 99, "models": {}}',
        b'{"version": 2, "models": []}',
        b'{"version": 2, "models": {"sha0": 5, "sha1": {"capabilities": "all"}, "sha2": {"capabilities": [1]}}}',
        b"[" * 100_000,
        b"9" * 5_000_000,
    ],
)
async def test_damaged_cache_is_an_empty_one_and_is_written_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "models.json"
    file.write_bytes(content)
    catalog = Catalog(engine_with(3), cache_file=file)
    assert [model.capabilities for model in await catalog.refresh()] == [None] * 3
    await catalog.fill_in(lambda _model: None)
    assert len(_read_cards(file)) == 3


async def test_what_its_context_takes_is_remembered_with_what_it_can_do(tmp_path: Path) -> None:
    figures = {"block_count": 36, "attention.head_count": 32, "attention.head_count_kv": 8, "embedding_length": 4096}
    told = tuple((f"qwen3.{name}", value) for name, value in figures.items())
    engine = engine_with(1)
    engine.details["m0:1b"] = ModelDetails(name="m0:1b", capabilities=CHAT, architecture="qwen3", metadata=told)
    first = Catalog(engine, cache_file=tmp_path / "models.json")
    (model,) = await first.refresh()
    assert first.cache_shape(model) is None
    await first.fill_in(lambda _model: None)
    second = Catalog(engine_with(1), cache_file=tmp_path / "models.json")
    (model,) = await second.refresh()
    shape = second.cache_shape(model)
    assert shape is not None
    assert shape == first.cache_shape(model)
    assert shape.bytes_per_token() == 147_456


async def test_cache_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where the folder should be")
    catalog = Catalog(engine_with(1), cache_file=tmp_path / "blocked" / "models.json")
    await catalog.refresh()
    await catalog.fill_in(lambda _model: None)
    assert [model.capabilities for model in catalog.models or ()] == [CHAT]


async def test_cache_keeps_the_newest_of_very_many(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    card = {"capabilities": ["completion"]}
    old = {f"old{n}": card for n in range(2000)}
    file.write_text(json.dumps({"version": 2, "models": old}))
    catalog = Catalog(engine_with(2), cache_file=file)
    await catalog.refresh()
    await catalog.fill_in(lambda _model: None)
    kept = list(_read_cards(file))
    assert len(kept) == 2000
    assert kept[0] == "old2"
    assert set(kept[-2:]) == {"sha0", "sha1"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("capabilities", "trained_context_tokens", "parameter_size", "quantization", "family")


@given(raw=JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)))
def test_any_card_in_the_cache_is_read_or_left_out(raw: object) -> None:
    card = _card(raw)
    if card is not None:
        assert isinstance(card, Card)
        assert card.capabilities is not None
        assert all(isinstance(one, str) for one in card.capabilities)
        assert card.trained_context_tokens is None or card.trained_context_tokens > 0
        assert all(isinstance(text, str) for text in (card.parameter_size, card.quantization, card.family))
