"""How fast a terminal takes what it is sent, found out from when it took nothing.

A slow line shows only in that the queue before it is full, and then whatever is written next waits until all of the
queue is through. So from then on no more is sent than the line carries, and the queue stays short: a key's echo is
seen soon, and there are fewer pictures instead of late ones.

What was taken between two moments at which the queue was full is what the line carried meanwhile. From one such moment
to the end of a picture it may have carried as much as the queue holds besides: a queue makes room in large pieces.
It knows no terminal and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

QUEUE_BYTES = 1 << 14
"""What the queue of a pseudo-terminal holds, about; that of a line beyond it is not known."""
SHORT_SECONDS = 0.03
"""A queue that is through in this time is as good as empty."""
LONGEST_WAIT_SECONDS = 0.5
STUCK_SECONDS = 1.5
"""Whoever took nothing for so long stood still and was not slow."""
IDLE_SECONDS = 0.06
"""What is taken after an empty queue for so long says nothing of how fast the line is."""
IDLE_WHEN_KNOWN_SECONDS = 1.0
"""The same where the line has a speed already: full though it was paced, it is slower than that."""
_LEAST_CHANGE = 0.7
_LEAST_FULL_SHARE = 0.2
"""Of the time that is counted the queue was full at least so long: else it was the writer who was slow."""
_MOST_GAP_SHARE = 0.7
"""One pause that makes up more of that time was a terminal that stood still."""
REMEMBERED_SECONDS = 10.0
"""After so long without a full queue the line may have become faster. Twice as long each time that it had not."""
LONGEST_REMEMBERED_SECONDS = 320.0
_LEAST_SECONDS = 0.02
_LEAST_BYTES = 1 << 13
"""So much was taken before it is said how fast: the first room in a full queue is some of what was taken before."""
_AS_BEFORE = 1.5
_USED = 0.9
"""Of what the line carries: of a little too much the queue would become full in the end."""


@dataclass(slots=True)
class LinePace:
    """All times are seconds of one clock that never goes back."""

    _bytes_per_second: float = 0.0
    """0: not known, or fast enough."""
    _ahead_bytes: float = 0.0
    """What lies in the queue, as far as can be known."""
    _at_seconds: float = 0.0
    _full_since_seconds: float | None = None
    """When the queue was full, if it was never empty since."""
    _is_full: bool = False
    _took_at_seconds: float = 0.0
    _taken_bytes: int = 0
    """Since it was full."""
    _looked_at_seconds: float = 0.0
    _full_seconds: float = 0.0
    """Since it was full: how long it was so again, or still."""
    _longest_gap_seconds: float = 0.0
    """Since it was full: in which nothing was taken, while it was full."""
    _empty_at_seconds: float | None = None
    """From when the queue may be empty, if nothing more was written."""
    _was_full_at_seconds: float = float("-inf")
    _remembered_seconds: float = REMEMBERED_SECONDS
    _forgotten_bytes_per_second: float = 0.0

    def stood(self, now_seconds: float) -> None:
        """The queue took nothing."""
        self._go_on(now_seconds)
        self._count_full(now_seconds)
        was_full, self._is_full = self._is_full, True
        if self._full_since_seconds is None:
            self._begin_window(now_seconds)
        elif not was_full and self._taken_bytes >= _LEAST_BYTES:
            passed_seconds = now_seconds - self._full_since_seconds
            if passed_seconds < _LEAST_SECONDS or self._was_line_slow(passed_seconds):
                self._learn(self._taken_bytes / max(passed_seconds, _LEAST_SECONDS / 10))
            self._begin_window(now_seconds)
        if self._bytes_per_second:
            self._ahead_bytes = float(QUEUE_BYTES)
            self._at_seconds = self._was_full_at_seconds = now_seconds

    def took(self, size_bytes: int, now_seconds: float) -> None:
        """The queue took so much."""
        self._go_on(now_seconds)
        if self._full_since_seconds is not None and now_seconds - self._took_at_seconds > STUCK_SECONDS:
            self._full_since_seconds = None
        self._count_full(now_seconds)
        if self._is_full:
            self._longest_gap_seconds = max(self._longest_gap_seconds, now_seconds - self._took_at_seconds)
        self._is_full = False
        self._taken_bytes += size_bytes
        self._took_at_seconds = now_seconds
        if self._bytes_per_second:
            self._drain(now_seconds)
            self._ahead_bytes += size_bytes

    def ended(self, now_seconds: float) -> None:
        """All that was to be written is in the queue."""
        self._empty_at_seconds = now_seconds
        if not self._bytes_per_second:
            return
        self._drain(now_seconds)
        self._empty_at_seconds += self._ahead_bytes / self._bytes_per_second
        if self._full_since_seconds is None:
            return
        passed_seconds = now_seconds - self._full_since_seconds
        if passed_seconds >= _LEAST_SECONDS and self._was_line_slow(passed_seconds):
            least = self._taken_bytes / passed_seconds
            most = (self._taken_bytes + QUEUE_BYTES) / passed_seconds
            self._bytes_per_second = min(max(self._bytes_per_second, least), most)

    def _learn(self, bytes_per_second: float) -> None:
        self._bytes_per_second = max(bytes_per_second, self._bytes_per_second * _LEAST_CHANGE)
        if self._forgotten_bytes_per_second:
            is_as_before = 1 / _AS_BEFORE < bytes_per_second / self._forgotten_bytes_per_second < _AS_BEFORE
            longer_seconds = min(2 * self._remembered_seconds, LONGEST_REMEMBERED_SECONDS)
            self._remembered_seconds = longer_seconds if is_as_before else REMEMBERED_SECONDS
            self._forgotten_bytes_per_second = 0.0

    def _begin_window(self, now_seconds: float) -> None:
        self._full_since_seconds = self._took_at_seconds = self._looked_at_seconds = now_seconds
        self._taken_bytes = 0
        self._full_seconds = self._longest_gap_seconds = 0.0

    def _count_full(self, now_seconds: float) -> None:
        if self._is_full:
            self._full_seconds += now_seconds - self._looked_at_seconds
        self._looked_at_seconds = now_seconds

    def _was_line_slow(self, passed_seconds: float) -> bool:
        is_often_full = self._full_seconds > _LEAST_FULL_SHARE * passed_seconds
        return is_often_full and self._longest_gap_seconds <= _MOST_GAP_SHARE * passed_seconds

    def _go_on(self, now_seconds: float) -> None:
        """There is something to write again."""
        idle_seconds = IDLE_WHEN_KNOWN_SECONDS if self._bytes_per_second else IDLE_SECONDS
        if self._empty_at_seconds is not None and now_seconds - self._empty_at_seconds > idle_seconds:
            self._full_since_seconds = None
        self._empty_at_seconds = None

    def wait_seconds(self, now_seconds: float) -> float:
        """How long nothing more should be written, so that what is written then is seen soon; 0 for no time."""
        if not self._bytes_per_second:
            return 0.0
        if now_seconds - self._was_full_at_seconds > self._remembered_seconds:
            self._forgotten_bytes_per_second, self._bytes_per_second = self._bytes_per_second, 0.0
            return 0.0
        self._drain(now_seconds)
        seconds = self._ahead_bytes / (self._bytes_per_second * _USED)
        return min(LONGEST_WAIT_SECONDS, seconds - SHORT_SECONDS) if seconds > SHORT_SECONDS else 0.0

    def _drain(self, now_seconds: float) -> None:
        gone_bytes = (now_seconds - self._at_seconds) * self._bytes_per_second * _USED
        most_bytes = LONGEST_WAIT_SECONDS * self._bytes_per_second
        self._ahead_bytes = max(0.0, min(self._ahead_bytes, max(most_bytes, QUEUE_BYTES)) - gone_bytes)
        self._at_seconds = now_seconds
