"""How fast a terminal takes what it is sent, found out from when it took nothing.

A slow line shows only in that the queue before it is full, and then whatever is written next waits until all of the
queue is through. So from then on no more is sent than the line carries, and the queue stays short: a key's echo is
seen soon, and there are fewer pictures instead of late ones. It knows no terminal and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

QUEUE_BYTES = 1 << 14
"""What the queue of a pseudo-terminal holds, about; that of a line beyond it is not known."""
SHORT_SECONDS = 0.03
"""A queue that is through in this time is as good as empty."""
LONGEST_WAIT_SECONDS = 0.5
STUCK_SECONDS = 0.5
"""Whoever took nothing for so long stood still and was not slow."""
REMEMBERED_SECONDS = 10.0
"""After so long without a full queue the line may have become faster."""
_LEAST_SECONDS = 0.02


@dataclass(slots=True)
class LinePace:
    """All times are seconds of one clock that never goes back."""

    _bytes_per_second: float = 0.0
    """0: not known, or fast enough."""
    _ahead_bytes: float = 0.0
    """What lies in the queue, as far as can be known."""
    _at_seconds: float = 0.0
    _full_since_seconds: float | None = None
    _took_at_seconds: float = 0.0
    _taken_bytes: int = 0
    _was_full_at_seconds: float = float("-inf")

    def stood(self, now_seconds: float) -> None:
        """The queue took nothing."""
        if self._full_since_seconds is None or now_seconds - self._took_at_seconds > STUCK_SECONDS:
            self._full_since_seconds = self._took_at_seconds = now_seconds
            self._taken_bytes = 0

    def took(self, size_bytes: int, now_seconds: float) -> None:
        """The queue took so much."""
        if self._full_since_seconds is not None:
            self._taken_bytes += size_bytes
            self._took_at_seconds = now_seconds
        elif self._bytes_per_second:
            self._drain(now_seconds)
            self._ahead_bytes += size_bytes

    def ended(self, now_seconds: float) -> None:
        """All that was to be written is in the queue."""
        if self._full_since_seconds is None:
            return
        taken_seconds = now_seconds - self._full_since_seconds
        if self._taken_bytes and taken_seconds >= _LEAST_SECONDS:
            self._bytes_per_second = self._taken_bytes / taken_seconds
            self._ahead_bytes = float(QUEUE_BYTES)
            self._at_seconds = self._was_full_at_seconds = now_seconds
        self._full_since_seconds = None

    def wait_seconds(self, now_seconds: float) -> float:
        """How long nothing more should be written, so that what is written then is seen soon; 0 for no time."""
        if not self._bytes_per_second:
            return 0.0
        if now_seconds - self._was_full_at_seconds > REMEMBERED_SECONDS:
            self._bytes_per_second = 0.0
            return 0.0
        self._drain(now_seconds)
        seconds = self._ahead_bytes / self._bytes_per_second
        return min(LONGEST_WAIT_SECONDS, seconds - SHORT_SECONDS) if seconds > SHORT_SECONDS else 0.0

    def _drain(self, now_seconds: float) -> None:
        gone_bytes = (now_seconds - self._at_seconds) * self._bytes_per_second
        most_bytes = LONGEST_WAIT_SECONDS * self._bytes_per_second
        self._ahead_bytes = max(0.0, min(self._ahead_bytes, max(most_bytes, QUEUE_BYTES)) - gone_bytes)
        self._at_seconds = now_seconds
