"""Whom a request would disturb."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tui.chat.manners import Disturbance, Effect, disturbance
from tui.chat.memory import NOTHING_KNOWN, FreeMemory, free_memory, room_for
from tui.engine import Host, RunningModel
from tui.ollama.fits import WORKING_BYTES, Fit, MemoryNeed
from tui.ollama.gpu import Gpu, Machine
from tui.ollama.names import same_model

GIB = 1 << 30
QWEN = RunningModel(name="qwen3:8b", size_bytes=6 * GIB, size_vram_bytes=6 * GIB, context_tokens=32_768)
OTHER = RunningModel(name="llama:70b", size_bytes=40 * GIB, size_vram_bytes=40 * GIB, context_tokens=4096)
NEED = MemoryNeed(weights_bytes=5 * GIB, cache_bytes=GIB, context_tokens=8192)
NOBODY: Mapping[str, int | None] = MappingProxyType({})


def asked(
    model: str = "qwen3:8b",
    *,
    wanted: int | None = None,
    trained: int | None = 40_960,
    running: tuple[RunningModel, ...] = (QWEN,),
    free: FreeMemory = NOTHING_KNOWN,
    ours: Mapping[str, int | None] = NOBODY,
    need: MemoryNeed | None = NEED,
) -> Disturbance | None:
    return disturbance(
        model,
        wanted_context_tokens=wanted,
        trained_context_tokens=trained,
        running=running,
        need=need,
        free=free,
        ours=ours,
        same_model=same_model,
    )


def test_another_context_loads_it_again() -> None:
    assert asked(wanted=8192) == Disturbance(effect=Effect.reload, loaded=(QWEN,), wanted_context_tokens=8192)


def test_the_same_context_or_none_disturbs_nobody() -> None:
    assert asked(wanted=32_768) is None
    assert asked(wanted=None) is None
    assert asked(wanted=8192, running=()) is None


def test_more_than_it_was_trained_with_is_what_it_was_trained_with() -> None:
    assert asked(wanted=1_000_000, trained=32_768) is None


def test_what_this_chinwag_loaded_is_its_own_to_change() -> None:
    assert asked(wanted=8192, ours={"registry.ollama.ai/library/qwen3:8b": 32_768}) is None
    # Somebody else has loaded it again since.
    assert asked(wanted=8192, ours={"qwen3:8b": 4096}) is not None


def test_no_room_beside_what_is_loaded_pushes_it_out() -> None:
    tight = FreeMemory(gpu_bytes=4 * GIB)
    assert asked("new:7b", running=(OTHER,), free=tight) == Disturbance(effect=Effect.evict, loaded=(OTHER,))
    assert asked("new:7b", running=(OTHER,), free=FreeMemory(gpu_bytes=6 * GIB + WORKING_BYTES)) is None
    assert asked("new:7b", running=(OTHER,), free=tight, ours={"llama:70b": 4096}) is None


def test_a_guess_is_not_made_of_nothing() -> None:
    assert asked("new:7b", running=(OTHER,), free=NOTHING_KNOWN) is None
    assert asked("new:7b", running=(OTHER,), free=FreeMemory(gpu_bytes=0), need=None) is None


def test_what_is_free_on_a_server() -> None:
    here = Host(url="http://127.0.0.1:11434", name="127.0.0.1", is_loopback=True)
    there = Host(url="http://box:11434", name="box")
    machine = Machine(gpus=(Gpu(name="L4", total_bytes=24 * GIB, used_bytes=4 * GIB),), ram_free_bytes=8 * GIB)
    assert free_memory(here, machine, memory_bytes=None, running=()) == FreeMemory(
        gpu_bytes=20 * GIB, ram_bytes=8 * GIB
    )
    assert free_memory(there, machine, memory_bytes=None, running=()) == NOTHING_KNOWN
    assert free_memory(here, None, memory_bytes=None, running=()) == NOTHING_KNOWN
    assert free_memory(there, None, memory_bytes=48 * GIB, running=(OTHER,)) == FreeMemory(gpu_bytes=8 * GIB)
    assert free_memory(there, None, memory_bytes=24 * GIB, running=(OTHER,)) == FreeMemory(gpu_bytes=0)


def test_a_loaded_model_has_its_own_place() -> None:
    free = FreeMemory(gpu_bytes=1 * GIB)
    room = room_for(NEED, free, model="qwen3:8b", running=(QWEN,), same_model=same_model)
    assert (room.fit, room.gpu_free_bytes) == (Fit.on_gpu, 7 * GIB)
    assert room.free_words == "7.5 free"
    assert room_for(NEED, free, model="new:7b", running=(QWEN,), same_model=same_model).fit is Fit.partly
