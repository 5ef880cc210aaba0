"""A slow line, told from when its queue was full; all times are made up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.app.terminal.line_pace import (
    LONGEST_WAIT_SECONDS,
    QUEUE_BYTES,
    REMEMBERED_SECONDS,
    SHORT_SECONDS,
    STUCK_SECONDS,
    LinePace,
)

STEP_SECONDS = 0.001


@dataclass
class Line:
    """A queue of ``QUEUE_BYTES`` before a line of so many bytes a second; whoever writes is told of it as a writer is.

    Once it is full there is no room before ``lump_bytes`` of it are free, as in the kernel.
    """

    bytes_per_second: float
    lump_bytes: int = 1
    pace: LinePace = field(default_factory=LinePace)
    now_seconds: float = 100.0
    queued_bytes: float = 0.0
    waiting: deque[int] = field(default_factory=deque)
    is_full: bool = False

    def step(self) -> None:
        self.now_seconds += STEP_SECONDS
        self.queued_bytes = max(0.0, self.queued_bytes - self.bytes_per_second * STEP_SECONDS)
        while self.waiting:
            room = int(QUEUE_BYTES - self.queued_bytes)
            self.is_full = room < (self.lump_bytes if self.is_full else 1)
            if self.is_full:
                self.pace.stood(self.now_seconds)
                return
            size = min(room, self.waiting[0])
            self.queued_bytes += size
            self.pace.took(size, self.now_seconds)
            self.waiting[0] -= size
            if self.waiting[0] == 0:
                self.waiting.popleft()
                self.pace.ended(self.now_seconds)

    def offer(self, frame_bytes: int) -> bool:
        """A picture, unless it would only wait."""
        if self.waiting or self.pace.wait_seconds(self.now_seconds) > 0:
            return False
        self.waiting.append(frame_bytes)
        return True


def streamed(line: Line, *, seconds: float, frame_bytes: int, every_seconds: float) -> tuple[int, float]:
    """How many pictures were sent in the second half, and the longest that what was written then waited."""
    sent, longest_seconds = 0, 0.0
    steps = round(seconds / STEP_SECONDS)
    every = round(every_seconds / STEP_SECONDS)
    for step in range(steps):
        is_settled = step > steps // 2
        if step % every == 0 and line.offer(frame_bytes) and is_settled:
            sent += 1
        line.step()
        if is_settled:
            longest_seconds = max(longest_seconds, line.queued_bytes / line.bytes_per_second)
    return sent, longest_seconds


@pytest.mark.parametrize("lump_bytes", [1, 1 << 12])
@pytest.mark.parametrize("bytes_per_second", [8_000, 10_000, 30_000, 100_000])
def test_a_line_that_cannot_keep_up_gets_fewer_pictures_and_no_long_queue(
    bytes_per_second: int, lump_bytes: int
) -> None:
    frame_bytes = bytes_per_second // 10
    line = Line(bytes_per_second, lump_bytes)
    sent, longest_seconds = streamed(line, seconds=10, frame_bytes=frame_bytes, every_seconds=0.033)
    assert longest_seconds < frame_bytes / bytes_per_second + 2 * SHORT_SECONDS
    assert sent > 5 * bytes_per_second / frame_bytes * 0.6, "what the line carries is used"


def test_a_line_that_keeps_up_is_left_alone() -> None:
    line = Line(100_000)
    sent, _ = streamed(line, seconds=4, frame_bytes=300, every_seconds=0.033)
    assert sent >= 2 / 0.033 - 2
    assert line.pace.wait_seconds(line.now_seconds) == 0


@given(frame_bytes=st.integers(100, 6_000), lump_bytes=st.sampled_from([1, 1 << 12]), pause_seconds=st.floats(0.0, 3.0))
def test_a_line_is_never_taken_for_a_much_slower_one(frame_bytes: int, lump_bytes: int, pause_seconds: float) -> None:
    """Of what it carries two thirds are used at the least, whenever the queue was last full."""
    line = Line(8_000, lump_bytes)
    line.waiting.extend([QUEUE_BYTES + frame_bytes])
    streamed(line, seconds=4, frame_bytes=frame_bytes, every_seconds=0.005)
    line.now_seconds += pause_seconds
    line.queued_bytes = max(0.0, line.queued_bytes - pause_seconds * line.bytes_per_second)
    sent, _ = streamed(line, seconds=8, frame_bytes=frame_bytes, every_seconds=0.005)
    offered_bytes = frame_bytes * 4 / 0.005
    assert sent * frame_bytes > min(4 * line.bytes_per_second, offered_bytes) * 0.66 - frame_bytes


def test_who_stood_still_was_not_slow() -> None:
    pace = LinePace()
    pace.stood(10.0)
    pace.took(100, 10.0 + 20 * STUCK_SECONDS)
    pace.stood(10.0 + 20 * STUCK_SECONDS + 0.1)
    pace.ended(10.0 + 20 * STUCK_SECONDS + 0.1)
    assert pace.wait_seconds(10.0 + 20 * STUCK_SECONDS + 0.1) <= LONGEST_WAIT_SECONDS


def test_a_line_that_stays_as_slow_is_tried_more_and_more_seldom() -> None:
    line = Line(10_000)
    times_full = []
    for second in range(150):
        streamed(line, seconds=1, frame_bytes=1_000, every_seconds=0.033)
        if line.queued_bytes > QUEUE_BYTES * 0.9:
            times_full.append(second)
    begun = [second for second in times_full if second - 1 not in times_full]
    assert len(begun) == 4, begun
    waits = [later - earlier for earlier, later in pairwise(begun)]
    assert waits == sorted(waits)


def test_a_line_that_became_faster_is_found_out() -> None:
    line = Line(10_000)
    streamed(line, seconds=6, frame_bytes=1_000, every_seconds=0.033)
    line.bytes_per_second = 1_000_000
    streamed(line, seconds=REMEMBERED_SECONDS, frame_bytes=1_000, every_seconds=0.033)
    sent, _ = streamed(line, seconds=4, frame_bytes=1_000, every_seconds=0.033)
    assert sent >= 2 / 0.033 - 2


@pytest.mark.parametrize("picture_bytes", [17_000, 22_000, 30_000, 50_000])
@pytest.mark.parametrize("every_seconds", [1.0, 3.0, 5.0])
def test_a_fast_line_is_never_waited_for(picture_bytes: int, every_seconds: float) -> None:
    """An answer streams, and now and then a picture is larger than the queue."""
    line = Line(10_000_000, 1 << 12)
    step_seconds, waited_seconds = 0.033, 0.0
    for number in range(1, 900):
        is_large = number % round(every_seconds / step_seconds) == 0
        line.waiting.append(picture_bytes if is_large else 400)
        for _ in range(round(step_seconds / STEP_SECONDS)):
            line.step()
        waited_seconds += line.pace.wait_seconds(line.now_seconds)
    assert waited_seconds == 0


@pytest.mark.parametrize("pause_seconds", [0.3, 0.8, 1.4])
def test_a_terminal_that_stood_still_once_is_as_fast_as_before(pause_seconds: float) -> None:
    pace, at_seconds = LinePace(), 10.0
    pace.stood(at_seconds)
    at_seconds += pause_seconds
    for size_bytes in (4_096, 4_096, 3_000):
        pace.took(size_bytes, at_seconds)
        at_seconds += 0.001
        pace.stood(at_seconds)
    pace.took(500, at_seconds)
    pace.ended(at_seconds)
    assert pace.wait_seconds(at_seconds) == 0


def test_a_slow_line_is_forgotten() -> None:
    line = Line(10_000)
    streamed(line, seconds=3, frame_bytes=2_000, every_seconds=0.033)
    assert line.pace.wait_seconds(line.now_seconds + REMEMBERED_SECONDS + 1) == 0
    assert line.offer(2_000)


@given(
    st.lists(
        st.tuples(st.sampled_from(["stood", "took", "ended"]), st.integers(1, 1 << 16), st.floats(0, 30)), max_size=40
    )
)
def test_nobody_ever_waits_long(calls: list[tuple[str, int, float]]) -> None:
    pace, now_seconds = LinePace(), 0.0
    for name, size_bytes, later_seconds in calls:
        now_seconds += later_seconds
        if name == "took":
            pace.took(size_bytes, now_seconds)
        else:
            getattr(pace, name)(now_seconds)
        assert 0 <= pace.wait_seconds(now_seconds) <= LONGEST_WAIT_SECONDS
