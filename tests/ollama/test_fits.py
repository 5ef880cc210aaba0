"""How much memory a model needs, from what its file says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine import ModelDetails
from tui.ollama import wire
from tui.ollama.fits import WORKING_BYTES, Fit, MemoryNeed, cache_shape, contexts_to_show, fit, memory_need

GIB = 1 << 30
QWEN3_8B = {
    "block_count": 36,
    "attention.head_count": 32,
    "attention.head_count_kv": 8,
    "attention.key_length": 128,
    "attention.value_length": 128,
    "embedding_length": 4096,
}


def details(told: dict[str, int | str | float | bool], *, trained: int | None = 40_960) -> ModelDetails:
    metadata = tuple((f"qwen3.{key}", value) for key, value in told.items())
    return ModelDetails(name="qwen3:8b", architecture="qwen3", trained_context_tokens=trained, metadata=metadata)


def need_for(
    told: Mapping[str, int | str | float | bool],
    *,
    weights_bytes: int = 1,
    context_tokens: int = 4096,
    kv_type: str = "f16",
    trained: int | None = 40_960,
) -> MemoryNeed | None:
    shape = cache_shape(details(dict(told), trained=trained))
    if shape is None:
        return None
    return memory_need(
        shape,
        weights_bytes=weights_bytes,
        context_tokens=context_tokens,
        trained_context_tokens=trained,
        kv_type=kv_type,
    )


def need_of(total_bytes: int) -> MemoryNeed:
    return MemoryNeed(weights_bytes=total_bytes, cache_bytes=0, context_tokens=4096)


def test_grouped_heads_as_the_server_allocates_them() -> None:
    # llama.cpp says for this model at 4096: "KV buffer size = 576.00 MiB".
    need = need_for(QWEN3_8B, weights_bytes=5_200_000_000)
    assert need is not None
    assert need.cache_bytes == 576 * 1024 * 1024
    assert need.total_bytes == 5_200_000_000 + 576 * 1024 * 1024
    assert not need.is_upper_bound


def test_without_lengths_a_head_is_its_share_of_the_width() -> None:
    # Llama 2 7B: 32 layers, 32 heads of 128, nothing grouped: 512 KiB a token.
    told = {"block_count": 32, "attention.head_count": 32, "attention.head_count_kv": 32, "embedding_length": 4096}
    shape = cache_shape(details(dict(told)))
    assert shape is not None
    assert shape.bytes_per_token() == 512 * 1024


def test_a_list_of_heads_is_not_told_and_makes_an_upper_bound() -> None:
    told = {key: value for key, value in QWEN3_8B.items() if key != "attention.head_count_kv"}
    need = need_for(told)
    assert need is not None
    assert need.is_upper_bound
    assert need.cache_bytes == 4 * 576 * 1024 * 1024


@pytest.mark.parametrize("told", ["attention.sliding_window", "full_attention_interval", "ssm.state_size"])
def test_layers_that_look_back_less_make_an_upper_bound(told: str) -> None:
    need = need_for({**QWEN3_8B, told: 512})
    assert need is not None
    assert need.is_upper_bound


def test_a_smaller_cache_type() -> None:
    full, small = (need_for(QWEN3_8B, kv_type=kind) for kind in ("f16", "q8_0"))
    assert full is not None
    assert small is not None
    assert small.cache_bytes / full.cache_bytes == pytest.approx(17 / 32)


def test_no_more_context_than_it_was_trained_with() -> None:
    need = need_for(QWEN3_8B, context_tokens=1_000_000)
    assert need is not None
    assert need.context_tokens == 40_960


@pytest.mark.parametrize("missing", ["block_count", "attention.head_count"])
def test_a_file_that_says_too_little_gives_no_guess(missing: str) -> None:
    told = {key: value for key, value in QWEN3_8B.items() if key not in (missing, "attention.head_count_kv")}
    assert need_for(told) is None


def test_a_recorded_model_of_the_cloud_gives_no_guess() -> None:
    raw = json.loads((Path(__file__).parent.parent / "recorded/wire/cloud-show.json").read_text(encoding="utf-8"))
    body = next(one for one in json_objects(raw) if "model_info" in one)
    shown = wire.model_details("cloudy", body, wire.Misfits())
    assert cache_shape(shown) is None


def json_objects(value: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    if isinstance(value, str) and value.lstrip().startswith("{"):
        found += json_objects(json.loads(value))
    elif isinstance(value, dict):
        found.append(value)
        found += [one for inner in value.values() for one in json_objects(inner)]
    elif isinstance(value, list):
        found += [one for inner in value for one in json_objects(inner)]
    return found


@pytest.mark.parametrize(
    ("gpu_free_bytes", "ram_free_bytes", "said"),
    [
        (8 * GIB, 16 * GIB, Fit.on_gpu),
        (8 * GIB, None, Fit.on_gpu),
        (4 * GIB, 16 * GIB, Fit.partly),
        (4 * GIB, None, Fit.partly),
        (0, 16 * GIB, Fit.on_cpu),
        (0, 4 * GIB, Fit.too_large),
        (1 * GIB, 2 * GIB, Fit.too_large),
        (0, None, Fit.unknown),
        (None, None, Fit.unknown),
        (None, 16 * GIB, Fit.unknown),
        (None, 2 * GIB, Fit.unknown),
    ],
)
def test_six_gigabytes_in_what_is_free(gpu_free_bytes: int | None, ram_free_bytes: int | None, said: Fit) -> None:
    assert fit(need_of(6 * GIB), gpu_free_bytes=gpu_free_bytes, ram_free_bytes=ram_free_bytes) is said


def test_working_space_counts() -> None:
    assert fit(need_of(GIB), gpu_free_bytes=GIB + WORKING_BYTES, ram_free_bytes=0) is Fit.on_gpu
    assert fit(need_of(GIB), gpu_free_bytes=GIB + WORKING_BYTES - 1, ram_free_bytes=GIB) is Fit.partly


@given(
    st.dictionaries(
        st.sampled_from([*QWEN3_8B, "attention.sliding_window"]),
        st.one_of(st.integers(), st.booleans(), st.text(), st.floats()),
    ),
    st.one_of(st.none(), st.integers()),
    st.integers(),
    st.integers(),
)
def test_any_file_gives_an_estimate_or_none(
    told: dict[str, int | str | float | bool], trained: int | None, weights_bytes: int, context_tokens: int
) -> None:
    trained = trained if trained is None or trained > 0 else None
    need = need_for(told, trained=trained, weights_bytes=weights_bytes, context_tokens=context_tokens)
    assert need is None or need.total_bytes >= weights_bytes > 0
    assert contexts_to_show(trained)


def test_contexts_to_look_at() -> None:
    assert contexts_to_show(40_960) == (4096, 8192, 16384, 32768, 40_960)
    assert contexts_to_show(2048) == (2048,)
