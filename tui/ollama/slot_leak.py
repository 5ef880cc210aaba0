"""A model that is loaded and never answers: the server may have lost the slot that it answers in.

When somebody hangs up at the wrong moment, some servers keep that person's slot for ever, and every later question
to the model waits for it while all other answers come. Unloading the model cures it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tui.engine import RunningModel
from tui.ollama.runners import runner_of

PATIENCE_SECONDS = 60.0
"""Reading a long prompt without a GPU takes that long too, so this is a guess and is said as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckSlot:
    """A guess, and what to offer: unloading ``model``, then asking again."""

    model: str
    silent_seconds: float

    @property
    def title(self) -> str:
        return f"{self.model} is loaded and silent"

    @property
    def message(self) -> str:
        return (
            f"nothing has come for {self.silent_seconds:.0f} s; it may read a long prompt or answer somebody else,"
            " or the server has lost its slot"
        )

    @property
    def advice(self) -> str:
        return "wait, or unload it and ask again"


def stuck_slot(
    model: str,
    running: Iterable[RunningModel],
    *,
    loaded_since: float,
    now: float,
    patience_seconds: float = PATIENCE_SECONDS,
    namesakes: Iterable[str] = (),
) -> StuckSlot | None:
    """The guess, for a question of which no byte has come; None while there is no reason for it.

    ``running`` is what the server lists now. ``loaded_since``: when the question was asked, or when its model was
    first seen in that list if that was later; on the same clock as ``now``. ``namesakes`` share the model's weights:
    when one of them is listed, so is the model. A runner that died is no such case: the next question loads it again.
    """
    silent_seconds = now - loaded_since
    entry = runner_of(model, tuple(running), namesakes)
    if silent_seconds < patience_seconds or entry is None or entry.has_died:
        return None
    return StuckSlot(model=model, silent_seconds=silent_seconds)
