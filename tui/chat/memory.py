"""How much memory a server has left for a model, as far as anybody knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.engine import Host, RunningModel
from tui.ollama.fits import Fit, MemoryNeed, fit
from tui.ollama.gpu import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeMemory:
    """None: not known."""

    gpu_bytes: int | None = None
    ram_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Whether a model fits, and what is free for it when its own place in memory is counted as free."""

    fit: Fit
    gpu_free_bytes: int | None = None
    ram_free_bytes: int | None = None

    @property
    def free_words(self) -> str:
        """``22.5 free``; empty when nothing is known."""
        if self.gpu_free_bytes:
            return f"{self.gpu_free_bytes / 1e9:.1f} free"
        return "" if self.ram_free_bytes is None else f"{self.ram_free_bytes / 1e9:.1f} of memory free"


NOTHING_KNOWN = FreeMemory()


def free_memory(
    host: Host,
    machine: Machine | None,
    *,
    memory_bytes: int | None,
    running: Sequence[RunningModel],
) -> FreeMemory:
    """What is free on ``host``.

    ``memory_bytes``, the GPU memory that a person set for it, less what its loaded models take; else what ``machine``
    says, which was read on this computer and counts only for a server that runs here.
    """
    if memory_bytes is not None:
        taken_bytes = sum(one.size_vram_bytes or 0 for one in running)
        return FreeMemory(gpu_bytes=max(0, memory_bytes - taken_bytes))
    if machine is None or not host.is_loopback or host.source == "demo":
        return NOTHING_KNOWN
    return FreeMemory(gpu_bytes=machine.gpu_free_bytes, ram_bytes=machine.ram_free_bytes)


def room_for(
    need: MemoryNeed,
    free: FreeMemory,
    *,
    model: str,
    running: Sequence[RunningModel],
    same_model: Callable[[str, str], bool],
) -> Room:
    """A model that is loaded gives its own place back before it is loaded anew."""
    own = next((one for one in running if same_model(one.name, model)), None)
    own_gpu_bytes = 0 if own is None else own.size_vram_bytes or 0
    own_ram_bytes = 0 if own is None else max(0, (own.size_bytes or 0) - own_gpu_bytes)
    gpu_bytes = None if free.gpu_bytes is None else free.gpu_bytes + own_gpu_bytes
    ram_bytes = None if free.ram_bytes is None else free.ram_bytes + own_ram_bytes
    return Room(
        fit=fit(need, gpu_free_bytes=gpu_bytes, ram_free_bytes=ram_bytes),
        gpu_free_bytes=gpu_bytes,
        ram_free_bytes=ram_bytes,
    )
