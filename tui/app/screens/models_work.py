"""What the screens of models may ask for, and what they know of memory; they see no client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tui.app.widgets.parts import Parts
from tui.chat.memory import FreeMemory, Room
from tui.cleaning import clean_line
from tui.engine import Model, ModelDetails, RunningModel
from tui.metrics.wording import context_text
from tui.ollama.fits import CacheShape, Fit, MemoryNeed

NAME_CELLS = 60
FIT_ROLES = {
    Fit.on_gpu: "success",
    Fit.partly: "warning",
    Fit.on_cpu: "warning",
    Fit.too_large: "error",
    Fit.unknown: "foreground",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWork:
    """Everything raises ``Failure``, except what only begins something."""

    details: Callable[[str], Awaitable[ModelDetails]]
    running: Callable[[], Awaitable[tuple[RunningModel, ...]]]
    load: Callable[[str], Awaitable[None]]
    """Into memory, for as long as the server keeps what it loads."""
    keep: Callable[[str], Awaitable[None]]
    """Into memory, and there until it is unloaded."""
    unload: Callable[[str], Awaitable[tuple[str, ...]]]
    """Out of memory; gives the other names of its weights, which leave with it."""
    namesakes: Callable[[str], Awaitable[tuple[str, ...]]]
    """The other names of a model's weights."""
    copy: Callable[[str, str], Awaitable[None]]
    delete: Callable[[str], Awaitable[None]]
    pull: Callable[[str], None]
    """Begins, and goes on in the background."""
    cache_shape: Callable[[Model], CacheShape | None]
    free_memory: Callable[[], Awaitable[FreeMemory]]
    context_tokens: Callable[[str], int | None]
    """That the model will be loaded with, as far as chinwag is set; None: as the server is."""


def and_words(names: Sequence[str]) -> str:
    """``mistral:7b and twin:7b``, cleaned; empty for none."""
    shown = [clean_line(name, NAME_CELLS) for name in names]
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f}"


def need_parts(need: MemoryNeed, room: Room) -> Parts:
    """``fits on the gpu at 8k: needs ~6.1 GB, 22.5 free``."""
    mark = "at most ~" if need.is_upper_bound else "~"
    amount = f"needs {mark}{gigabytes(need.total_bytes)} GB"
    at = f" at {context_text(need.context_tokens)}"
    free = room.free_words
    behind = f", {free}" if free else ""
    if room.fit is Fit.unknown:
        return ((f"{amount}{at}", "foreground"), (behind, "muted"))
    return ((str(room.fit), FIT_ROLES[room.fit]), (f"{at}: {amount}{behind}", "muted"))
