"""What opens by itself must not take a key that was meant for something else."""

from __future__ import annotations

from collections.abc import Callable

SHIELD_SECONDS = 0.3


class Shield:
    """Up for the first moment; whoever has one ignores keys as long."""

    def __init__(self, clock: Callable[[], float], *, is_up: bool) -> None:
        """``clock`` gives monotonic seconds."""
        self._clock = clock
        self._until = clock() + SHIELD_SECONDS if is_up else float("-inf")

    def takes_key(self) -> bool:
        """True while it is up: the key is to be ignored, and it stays up as long again, for whoever types on."""
        if not self.is_up:
            return False
        self._until = self._clock() + SHIELD_SECONDS
        return True

    @property
    def is_up(self) -> bool:
        return self._clock() < self._until
