"""The speed of an answer while it arrives, counted from its pieces."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_TOO_EARLY_SECONDS = 0.2
_CLOSE_TOGETHER_SECONDS = 0.01


@dataclass(slots=True)
class _Span:
    """Pieces that came into being between two moments."""

    began_at: float
    ended_at: float
    pieces: int


class LiveRate:
    """Pieces per second, about tokens per second, from what arrived. One answer has one.

    A server sends one piece for nearly every token, so the figure is an estimate and is shown with ``~``. What arrives
    together came into being since the arrival before it, and is spread over that time: a burst after a silence shows
    the speed that made it, not the speed of the line. What came with the first read of all has no arrival before it and
    counts for no speed.

    ``at`` is always a reading of the same monotonic clock, in seconds.
    """

    def __init__(self, *, window_seconds: float = 2.0, sample_seconds: float = 0.5, samples_kept: int = 32) -> None:
        self._window_seconds = window_seconds
        self._sample_seconds = sample_seconds
        self._samples_kept = samples_kept
        self._kept_seconds = max(window_seconds * 2, sample_seconds * (samples_kept + 1))
        self._spans: deque[_Span] = deque()
        self._first_at = 0.0
        self._last_at: float | None = None
        self._last_gap_seconds = 0.0
        self.pieces = 0
        """All that arrived, the first read included."""

    def add(self, pieces: int, at: float) -> None:
        """``pieces`` arrived together at ``at``."""
        pieces = max(0, pieces)
        self.pieces += pieces
        last_at = self._last_at
        if last_at is None:
            self._first_at = self._last_at = at
            return
        at = max(at, last_at)
        spans = self._spans
        if spans and (at == last_at or at - spans[-1].began_at < _CLOSE_TOGETHER_SECONDS):
            spans[-1].pieces += pieces
            spans[-1].ended_at = at
        elif at > last_at:
            spans.append(_Span(last_at, at, pieces))
            self._last_gap_seconds = at - last_at
        else:
            return  # still the first read
        self._last_at = at
        while at - spans[0].ended_at > self._kept_seconds:
            spans.popleft()

    def per_second(self, at: float) -> float | None:
        """Over the last two seconds, or over what there is; None while it is too early to say.

        A silence no longer than the one before it is the rhythm of the answer; one that goes on lowers the figure.
        """
        if self._last_at is None:
            return None
        rhythm_seconds = min(self._last_gap_seconds, self._window_seconds / 2)
        ends_at = max(self._last_at, at - rhythm_seconds)
        begins_at = max(self._first_at, ends_at - self._window_seconds)
        elapsed = ends_at - begins_at
        if elapsed < _TOO_EARLY_SECONDS or (not self._spans and elapsed < self._window_seconds):
            return None
        return self._pieces_between(begins_at, ends_at) / elapsed

    def samples(self, at: float) -> tuple[float, ...]:
        """Speeds of the last whole half seconds, oldest first, for a sparkline."""
        if self._last_at is None:
            return ()
        step = self._sample_seconds
        whole = int(max(0.0, at - self._first_at) / step)
        first = max(0, whole - self._samples_kept)
        pieces = [0.0] * (whole - first)
        begins_at = self._first_at + first * step
        for span in self._spans:
            low = max(0, int((span.began_at - begins_at) / step))
            high = min(len(pieces) - 1, int((span.ended_at - begins_at) / step))
            for index in range(low, high + 1):
                pieces[index] += _share(span, begins_at + index * step, begins_at + (index + 1) * step)
        return tuple(count / step for count in pieces)

    def _pieces_between(self, begins_at: float, ends_at: float) -> float:
        counted = 0.0
        for span in reversed(self._spans):
            if span.ended_at <= begins_at:
                break
            counted += _share(span, begins_at, ends_at)
        return counted


def _share(span: _Span, begins_at: float, ends_at: float) -> float:
    overlap = min(span.ended_at, ends_at) - max(span.began_at, begins_at)
    return span.pieces * overlap / (span.ended_at - span.began_at) if overlap > 0 else 0.0
