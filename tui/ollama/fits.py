"""Does a model fit? An estimate from what its own file says, before anything is loaded.

needed = weights + key-value cache
weights = the size of the model on the server's disk
key-value cache = layers x tokens of context x KV heads x (key length + value length) x 2 bytes (f16)

Where a file does not say its KV heads for all layers at once (lists are left out of what a server tells), or where some
layers look back only a little way or not at all, the true cache is smaller: then the estimate is an upper bound. The
server's working space, some hundred MB, comes on top; ``WORKING_BYTES`` stands for it when free memory is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tui.engine import ModelDetails

BYTES_PER_VALUE: Mapping[str, float] = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Of the key-value cache, by ``OLLAMA_KV_CACHE_TYPE``; quantised blocks of 32 values carry their scale."""
WORKING_BYTES = 512 * 1024 * 1024
LONGEST_CONTEXT_TOKENS = 1 << 31
_MOST = 1 << 40
"""No count in a real model's file is larger."""
_LOOKS_BACK_LESS = (
    "attention.sliding_window",
    "full_attention_interval",
    "ssm.state_size",
    "attention.kv_lora_rank",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheShape:
    """What one token of context takes, from the file's own figures."""

    layers: int
    kv_heads: int
    key_length: int
    value_length: int
    is_upper_bound: bool = False

    def bytes_per_token(self, kv_type: str = "f16") -> float:
        """Raises ``KeyError`` for a type that the server does not have."""
        return self.layers * self.kv_heads * (self.key_length + self.value_length) * BYTES_PER_VALUE[kv_type]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNeed:
    weights_bytes: int
    cache_bytes: int
    context_tokens: int
    is_upper_bound: bool = False

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.cache_bytes


class Fit(StrEnum):
    on_gpu = "fits on the gpu"
    partly = "partly on the cpu"
    on_cpu = "fits, on the cpu"
    too_large = "does not fit"
    unknown = "unknown"
    """Nobody knows how much memory is free."""


def cache_shape(details: ModelDetails) -> CacheShape | None:
    """None when the file does not say enough, as for models in the cloud."""
    told = {key: value for key, value in details.metadata if isinstance(value, int) and not isinstance(value, bool)}

    def number(name: str) -> int | None:
        found = told.get(f"{details.architecture}.{name}")
        return found if found is not None and 0 < found < _MOST else None

    layers, heads = number("block_count"), number("attention.head_count")
    kv_heads = number("attention.head_count_kv")
    width = number("embedding_length")
    head_length = width // heads if width and heads else None
    key_length = number("attention.key_length") or head_length
    value_length = number("attention.value_length") or key_length
    # Without grouped heads there are as many as there are heads; a list of them has at most that many in each layer.
    shared = kv_heads or heads
    if not (layers and shared and key_length and value_length):
        return None
    is_upper_bound = kv_heads is None or any(number(name) for name in _LOOKS_BACK_LESS)
    return CacheShape(
        layers=layers,
        kv_heads=shared,
        key_length=key_length,
        value_length=value_length,
        is_upper_bound=is_upper_bound,
    )


def memory_need(
    shape: CacheShape,
    *,
    weights_bytes: int,
    context_tokens: int,
    trained_context_tokens: int | None = None,
    kv_type: str = "f16",
) -> MemoryNeed | None:
    """What a model needs with a context of so many tokens; no more of them than it was trained with.

    None when there is nothing to count. Raises ``KeyError`` for a cache type that the server does not have.
    """
    if weights_bytes <= 0 or context_tokens <= 0:
        return None
    tokens = min(context_tokens, trained_context_tokens or LONGEST_CONTEXT_TOKENS, LONGEST_CONTEXT_TOKENS)
    return MemoryNeed(
        weights_bytes=weights_bytes,
        cache_bytes=round(shape.bytes_per_token(kv_type) * tokens),
        context_tokens=tokens,
        is_upper_bound=shape.is_upper_bound,
    )


def fit(need: MemoryNeed, *, gpu_free_bytes: int | None, ram_free_bytes: int | None) -> Fit:
    """Whether that much is free. None: not known; a ``gpu_free_bytes`` of 0 is a machine without a GPU.

    What is partly on the GPU takes the rest from the machine's memory.
    """
    total_bytes = need.total_bytes + WORKING_BYTES
    if gpu_free_bytes is None:
        # A card that nobody can ask may hold all of it.
        return Fit.unknown
    if gpu_free_bytes >= total_bytes:
        return Fit.on_gpu
    if ram_free_bytes is None:
        return Fit.partly if gpu_free_bytes else Fit.unknown
    if gpu_free_bytes + ram_free_bytes < total_bytes:
        return Fit.too_large
    return Fit.partly if gpu_free_bytes > WORKING_BYTES else Fit.on_cpu


def contexts_to_show(trained_context_tokens: int | None, *, least_tokens: int = 4096) -> tuple[int, ...]:
    """Powers of two from ``least_tokens`` up to what the model was trained with, and that itself."""
    most = min(trained_context_tokens or 32_768, LONGEST_CONTEXT_TOKENS)
    steps = []
    tokens = least_tokens
    while tokens < most:
        steps.append(tokens)
        tokens *= 2
    return (*steps, most)
