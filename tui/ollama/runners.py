"""Who is in memory, told better than the list of it tells: runners that died, and names that share one runner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tui.engine import Model, RunningModel
from tui.ollama.names import normalised_name

_SETTLING_SECONDS = 2.0
"""For so long after a runner died the server may still write down the end of the request that it died of."""


@dataclass(slots=True)
class _Death:
    noted_at: float
    is_seen: bool = False
    expires_at: datetime | None = None


class DeadRunners:
    """Models whose runner died while it answered. A server lists such a one until somebody asks it again."""

    def __init__(self) -> None:
        self._deaths: dict[str, _Death] = {}

    def note(self, model: str, now: float) -> None:
        """It died, ``now`` on the caller's clock."""
        self._deaths[normalised_name(model)] = _Death(now)

    def note_answer(self, model: str) -> None:
        """It answered: whatever was known is over."""
        self._deaths.pop(normalised_name(model), None)

    def marked(
        self, running: Iterable[RunningModel], weights: Mapping[str, str], now: float
    ) -> tuple[RunningModel, ...]:
        """The list with ``has_died`` where it is so. ``weights``: digest by normalised name, as far as known.

        One that is no longer listed, or whose time to leave was put off, is no longer taken for dead.
        """
        listed = tuple(running)
        by_name = {normalised_name(entry.name): entry for entry in listed}
        dead = set()
        for name, death in tuple(self._deaths.items()):
            entry = by_name.get(name) or _of_same_weights(name, by_name, weights)
            if entry is None:
                del self._deaths[name]
            elif death.is_seen and entry.expires_at != death.expires_at and now - death.noted_at > _SETTLING_SECONDS:
                del self._deaths[name]  # somebody else asked it, so it lives again
            else:
                death.is_seen, death.expires_at = True, entry.expires_at
                dead.add(entry.name)
        return tuple(replace(entry, has_died=True) if entry.name in dead else entry for entry in listed)


def may_share_weights(one: Model, other: Model) -> bool:
    """Whether two models may be one file of weights with other words around it, by what the list tells of them."""
    if one.digest and one.digest == other.digest:
        return True
    if one.is_cloud or other.is_cloud:
        return False
    told = (one.family, one.parameter_size, one.quantization, one.trained_context_tokens)
    return told == (other.family, other.parameter_size, other.quantization, other.trained_context_tokens)


def runner_of(name: str, running: Sequence[RunningModel], namesakes: Iterable[str] = ()) -> RunningModel | None:
    """The entry that answers for a model: its own, or that of one of its ``namesakes``; None when it is not loaded."""
    by_name = {normalised_name(entry.name): entry for entry in running}
    wanted = (name, *namesakes)
    return next((by_name[normalised_name(one)] for one in wanted if normalised_name(one) in by_name), None)


def _of_same_weights(name: str, by_name: Mapping[str, RunningModel], weights: Mapping[str, str]) -> RunningModel | None:
    digest = weights.get(name)
    if not digest:
        return None
    return next((entry for other, entry in by_name.items() if weights.get(other) == digest), None)
