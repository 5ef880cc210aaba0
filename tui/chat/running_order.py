"""Whether several models answer at once or one after the other: what their server has memory for.

Pure; sizes are in bytes. A server that gets more than it can hold lets the last one wait by itself, which costs the
person only figures that say less: so nothing known is no reason to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.chat.memory import FreeMemory
from tui.cleaning import clean_line
from tui.engine import RunningModel
from tui.ollama.fits import WORKING_BYTES

NAME_CELLS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedModel:
    """A model that is to answer, and what it takes."""

    name: str
    is_cloud: bool = False
    needed_bytes: int | None = None
    """Weights and context; None: nobody knows."""
    context_tokens: int | None = None
    """The window that it is asked with; None: the server's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningOrder:
    is_at_once: bool
    because: str
    """A few clean words."""

    @property
    def short_words(self) -> str:
        return "all at once" if self.is_at_once else "one after the other"

    @property
    def words(self) -> str:
        """``one after the other: ~25.1 GB to load, 22.5 free``."""
        return f"{self.short_words}: {self.because}"


def running_order(
    wanted: Sequence[WantedModel],
    *,
    running: Sequence[RunningModel],
    free: FreeMemory,
    gpus: int | None,
    same_model: Callable[[str, str], bool],
) -> RunningOrder:
    """``running`` is what is in memory, ``gpus`` how many cards the server has; None: nobody knows."""
    local: list[WantedModel] = []
    for one in wanted:
        if one.is_cloud:
            continue
        twin = next((other for other in local if same_model(other.name, one.name)), None)
        if twin is None:
            local.append(one)
        elif twin.context_tokens != one.context_tokens:
            return _in_turn(f"{_shown(one)} is loaded anew for another window")
    if not local:
        return _at_once("they run in the cloud")
    in_memory = {one.name: _entry(one, running, same_model) for one in local}
    to_load = [one for one in local if not _serves(one, in_memory[one.name])]
    if not to_load:
        return _at_once("they are in memory" if len(local) > 1 else f"{_shown(local[0])} is in memory")
    if len(local) == 1:
        return _at_once(f"only {_shown(local[0])} is loaded")
    # What the others have is given back, also by those that are loaded anew.
    stays = [entry for one in local if one not in to_load and (entry := in_memory[one.name]) is not None]
    leaving = [one for one in running if one not in stays and not one.has_died]
    return _by_room(to_load, leaving, free, gpus=gpus, running=running)


def _by_room(
    to_load: Sequence[WantedModel],
    leaving: Sequence[RunningModel],
    free: FreeMemory,
    *,
    gpus: int | None,
    running: Sequence[RunningModel],
) -> RunningOrder:
    known = [one.needed_bytes for one in to_load if one.needed_bytes is not None]
    is_on_gpu = free.gpu_bytes is None or free.gpu_bytes > 0 or any(one.size_vram_bytes for one in running)
    room_bytes = free.gpu_bytes if is_on_gpu else free.ram_bytes
    if len(known) == len(to_load) and room_bytes is not None:
        given_back = sum((one.size_vram_bytes if is_on_gpu else one.size_bytes) or 0 for one in leaving)
        needed, room = sum(known) + WORKING_BYTES * len(known), room_bytes + given_back
        words = f"~{needed / 1e9:.1f} GB needed, {room / 1e9:.1f} free"
        return _at_once(words) if needed <= room else _in_turn(words)
    spilled = next((one for one in running if _is_spilled(one)), None)
    if spilled is not None:
        return _in_turn(f"{clean_line(spilled.name, NAME_CELLS)} alone does not fit the gpu")
    if gpus == 1 or room_bytes is not None:
        return _in_turn("one gpu, and what they need is not known" if gpus == 1 else "what they need is not known")
    return _at_once("the server's memory is not known")


def _entry(
    wanted: WantedModel, running: Sequence[RunningModel], same_model: Callable[[str, str], bool]
) -> RunningModel | None:
    return next((one for one in running if same_model(one.name, wanted.name)), None)


def _serves(wanted: WantedModel, entry: RunningModel | None) -> bool:
    """Whether it answers as it is loaded."""
    if entry is None or entry.has_died:
        return False
    return wanted.context_tokens is None or entry.context_tokens in (None, wanted.context_tokens)


def _is_spilled(entry: RunningModel) -> bool:
    """A part of it lies beside the GPU: there was no more room on it."""
    on_gpu, size = entry.size_vram_bytes or 0, entry.size_bytes or 0
    return 0 < on_gpu < size


def _shown(one: WantedModel) -> str:
    return clean_line(one.name, NAME_CELLS)


def _at_once(because: str) -> RunningOrder:
    return RunningOrder(is_at_once=True, because=because)


def _in_turn(because: str) -> RunningOrder:
    return RunningOrder(is_at_once=False, because=because)
