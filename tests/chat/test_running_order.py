"""Whether several models answer at once or one after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chat.memory import NOTHING_KNOWN, FreeMemory
from tui.chat.running_order import RunningOrder, WantedModel, running_order
from tui.engine import RunningModel
from tui.ollama.names import same_model

GB = 1_000_000_000


def model(
    name: str, gigabytes: float | None = None, *, cloud: bool = False, context_tokens: int | None = None
) -> WantedModel:
    needed = None if gigabytes is None else int(gigabytes * GB)
    return WantedModel(name=name, is_cloud=cloud, needed_bytes=needed, context_tokens=context_tokens)


def loaded(name: str, gigabytes: float, *, on_gpu: float | None = None, context_tokens: int = 4096) -> RunningModel:
    return RunningModel(
        name=name,
        size_bytes=int(gigabytes * GB),
        size_vram_bytes=int((gigabytes if on_gpu is None else on_gpu) * GB),
        context_tokens=context_tokens,
    )


def order(
    *wanted: WantedModel,
    running: tuple[RunningModel, ...] = (),
    free: FreeMemory = NOTHING_KNOWN,
    gpus: int | None = None,
) -> RunningOrder:
    return running_order(wanted, running=running, free=free, gpus=gpus, same_model=same_model)


def test_what_fits_together_answers_at_once() -> None:
    found = order(model("a:8b", 6), model("b:4b", 4), free=FreeMemory(gpu_bytes=24 * GB))
    assert found.is_at_once
    assert found.words == "all at once: ~11.1 GB needed, 24.0 free"


def test_what_does_not_fit_together_answers_one_after_the_other() -> None:
    found = order(model("a:32b", 20), model("b:8b", 6), free=FreeMemory(gpu_bytes=24 * GB))
    assert not found.is_at_once
    assert found.words == "one after the other: ~27.1 GB needed, 24.0 free"


def test_what_is_in_memory_already_needs_no_more_of_it() -> None:
    running = (loaded("a:32b", 20), loaded("b:8b", 6))
    assert order(model("a:32b", 20), model("b:8b", 6), running=running, free=FreeMemory(gpu_bytes=0)).is_at_once
    # One of them does: what is free beside the other is too little.
    assert not order(
        model("a:32b", 20), model("b:8b", 6), running=running[:1], free=FreeMemory(gpu_bytes=4 * GB)
    ).is_at_once


def test_the_place_of_models_that_do_not_take_part_counts_as_free() -> None:
    running = (loaded("other:14b", 12),)
    found = order(model("a:8b", 6), model("b:8b", 6), running=running, free=FreeMemory(gpu_bytes=4 * GB))
    assert found.is_at_once
    assert "16.0 free" in found.words


def test_a_machine_without_a_gpu_has_its_memory() -> None:
    assert order(model("a", 6), model("b", 6), free=FreeMemory(gpu_bytes=0, ram_bytes=30 * GB)).is_at_once
    assert not order(model("a", 6), model("b", 6), free=FreeMemory(gpu_bytes=0, ram_bytes=8 * GB)).is_at_once


def test_one_model_under_two_presets_is_loaded_once_unless_their_windows_differ() -> None:
    free = FreeMemory(gpu_bytes=7 * GB)
    assert order(model("a:8b", 6), model("a:8b", 6), free=free).is_at_once
    found = order(model("a:8b", 6, context_tokens=4096), model("a:8b", 8, context_tokens=32_768), free=free)
    assert not found.is_at_once
    assert "loaded anew" in found.words


def test_a_model_that_is_loaded_with_another_window_is_loaded_anew() -> None:
    running = (loaded("a:8b", 6, context_tokens=4096), loaded("b:8b", 6))
    wanted = (model("a:8b", 20, context_tokens=131_072), model("b:8b", 6))
    assert not order(*wanted, running=running, free=FreeMemory(gpu_bytes=2 * GB)).is_at_once


def test_a_model_whose_runner_died_is_not_in_memory() -> None:
    died = RunningModel(name="a", size_bytes=6 * GB, size_vram_bytes=6 * GB, has_died=True)
    running = (died, loaded("b", 6))
    found = order(model("a", 6), model("b", 6), running=running, free=FreeMemory(gpu_bytes=3 * GB))
    # What it had is free already, and counted as that.
    assert found.words == "one after the other: ~6.5 GB needed, 3.0 free"


def test_where_nothing_is_known_all_are_asked_at_once_and_that_is_said() -> None:
    found = order(model("a", 6), model("b", 6))
    assert found.is_at_once
    assert "not known" in found.words


def test_one_gpu_of_which_nothing_more_is_known_takes_one_after_the_other() -> None:
    assert not order(model("a"), model("b"), gpus=1).is_at_once
    assert order(model("a"), model("b"), gpus=2).is_at_once


def test_models_that_need_nobody_knows_what_take_turns_where_the_memory_is_known() -> None:
    assert not order(model("a"), model("b", 6), free=FreeMemory(gpu_bytes=24 * GB)).is_at_once


def test_a_model_that_lies_partly_beside_the_gpu_says_that_it_is_full() -> None:
    found = order(model("a"), model("b"), running=(loaded("a", 30, on_gpu=22),))
    assert not found.is_at_once
    assert "a alone does not fit the gpu" in found.words


def test_what_runs_in_the_cloud_takes_no_memory() -> None:
    assert order(model("a-cloud", cloud=True), model("b-cloud", cloud=True), free=FreeMemory(gpu_bytes=0)).is_at_once
    assert order(model("a", 6), model("b-cloud", cloud=True), free=FreeMemory(gpu_bytes=7 * GB)).is_at_once


@given(
    st.lists(st.floats(0.1, 300), min_size=2, max_size=4),
    st.floats(0, 400),
    st.floats(0, 400),
)
def test_more_room_never_makes_them_take_turns(sizes: list[float], free: float, more: float) -> None:
    wanted = tuple(model(f"m{number}", size) for number, size in enumerate(sizes))
    if order(*wanted, free=FreeMemory(gpu_bytes=int(free * GB) + 1)).is_at_once:
        assert order(*wanted, free=FreeMemory(gpu_bytes=int((free + more) * GB) + 1)).is_at_once


@pytest.mark.parametrize("is_at_once", [True, False])
def test_the_words_say_which_and_why(is_at_once: bool) -> None:
    found = RunningOrder(is_at_once=is_at_once, because="so")
    assert found.words == f"{found.short_words}: so"
