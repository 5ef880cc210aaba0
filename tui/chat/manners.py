"""Manners on a shared machine: what a request would do to models that others have loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tui.chat.memory import FreeMemory, room_for
from tui.engine import RunningModel
from tui.ollama.fits import Fit, MemoryNeed


class Effect(StrEnum):
    reload = "reload"
    """The model is loaded with another context, and a server loads it again for a request that wants its own."""
    evict = "evict"
    """There is no room for it beside what is loaded, and a server makes room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """What may happen. A server's own limits decide, and it does not tell them."""

    effect: Effect
    loaded: tuple[RunningModel, ...]
    """What would be loaded again or pushed out; never empty."""
    wanted_context_tokens: int | None = None
    """With ``reload``: the context that the request asks for."""


def disturbance(
    model: str,
    *,
    wanted_context_tokens: int | None,
    trained_context_tokens: int | None,
    running: Sequence[RunningModel],
    need: MemoryNeed | None,
    free: FreeMemory,
    ours: Mapping[str, int | None],
    same_model: Callable[[str, str], bool],
) -> Disturbance | None:
    """What a request for ``model`` would do to models that somebody else loaded; None when nothing is to be expected.

    ``wanted_context_tokens`` None leaves it to the server, which then keeps what is loaded. ``need`` and ``free`` are
    what it needs and what is free, as far as both are known. ``ours`` are the models that this chinwag loaded, with the
    context that they had then: nobody else is disturbed when those change.
    """

    def is_ours(one: RunningModel) -> bool:
        return any(same_model(name, one.name) and context == one.context_tokens for name, context in ours.items())

    own = next((one for one in running if same_model(one.name, model)), None)
    if own is not None:
        if wanted_context_tokens is None or own.context_tokens is None or own.has_died or is_ours(own):
            return None
        wanted = min(wanted_context_tokens, trained_context_tokens or wanted_context_tokens)
        if wanted == own.context_tokens:
            return None
        return Disturbance(effect=Effect.reload, loaded=(own,), wanted_context_tokens=wanted)
    others = tuple(one for one in running if not is_ours(one) and not one.has_died and one.size_vram_bytes)
    if not others or need is None or free.gpu_bytes is None:
        return None
    room = room_for(need, free, model=model, running=running, same_model=same_model)
    return Disturbance(effect=Effect.evict, loaded=others) if room.fit is not Fit.on_gpu else None
