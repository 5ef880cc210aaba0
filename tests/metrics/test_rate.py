from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.metrics.rate import LiveRate

arrivals = st.lists(st.tuples(st.integers(0, 500), st.floats(0, 20)), max_size=60)


def steady(rate: LiveRate, *, per_second: float, seconds: float, first_at: float = 0.0, each: float = 0.05) -> float:
    """Pieces at a steady pace, in reads of ``each`` seconds; gives the time of the last one."""
    at = first_at
    for index in range(round(seconds / each) + 1):
        at = first_at + index * each
        rate.add(round(per_second * each), at)
    return at


def test_nothing_is_said_before_there_is_something_to_count() -> None:
    rate = LiveRate()
    assert rate.per_second(5.0) is None
    assert rate.samples(5.0) == ()
    rate.add(1, 5.0)
    assert rate.per_second(5.0) is None
    rate.add(1, 5.1)
    assert rate.per_second(5.1) is None


def test_steady_stream_shows_its_speed() -> None:
    rate = LiveRate()
    at = steady(rate, per_second=100, seconds=0.3)
    assert rate.per_second(at) == pytest.approx(100)
    at = steady(rate, per_second=100, seconds=6, first_at=at + 0.05)
    assert rate.per_second(at) == pytest.approx(100)
    assert rate.samples(at)[-3:] == pytest.approx((100, 100, 100))


def test_figure_does_not_wobble_between_two_reads() -> None:
    rate = LiveRate()
    for second in range(1, 8):
        rate.add(1, float(second))
    assert [rate.per_second(7 + part / 10) for part in range(10)] == pytest.approx([1.0] * 10)


def test_big_first_read_does_not_inflate_the_figure() -> None:
    rate = LiveRate()
    rate.add(5000, 0.0)
    at = steady(rate, per_second=20, seconds=5, first_at=0.05)
    for moment in (0.3, 1.0, 1.99, 2.0, 2.01, 5.0):
        assert (rate.per_second(moment) or 0) <= 21
    assert rate.per_second(at) == pytest.approx(20)
    assert max(rate.samples(at)) <= 21
    assert rate.pieces >= 5000


def test_first_read_alone_has_no_speed_and_then_silence_has_none_left() -> None:
    rate = LiveRate()
    rate.add(5000, 0.0)
    rate.add(100, 0.0)
    assert rate.per_second(1.0) is None
    assert rate.per_second(3.0) == 0.0


def test_burst_after_a_silence_shows_the_speed_that_made_it() -> None:
    rate = LiveRate()
    rate.add(1, 0.0)
    rate.add(500, 10.0)
    assert rate.per_second(10.0) == pytest.approx(50)
    assert rate.samples(10.0) == pytest.approx((50.0,) * 20)


def test_figure_falls_when_nothing_comes() -> None:
    rate = LiveRate()
    at = steady(rate, per_second=100, seconds=4)
    figures = [rate.per_second(at + silence / 4) or 0.0 for silence in range(12)]
    assert figures == sorted(figures, reverse=True)
    assert figures[-1] == 0.0


def test_change_of_pace_is_seen_within_the_window() -> None:
    rate = LiveRate()
    at = steady(rate, per_second=200, seconds=5)
    at = steady(rate, per_second=40, seconds=2.1, first_at=at + 0.05)
    assert rate.per_second(at) == pytest.approx(40, rel=0.05)


def test_sparkline_keeps_so_many_samples_and_no_more() -> None:
    rate = LiveRate(samples_kept=5)
    at = steady(rate, per_second=100, seconds=60)
    assert len(rate.samples(at)) == 5
    assert rate.samples(at) == pytest.approx((100,) * 5)


def test_hours_of_answer_take_no_more_memory_than_a_minute() -> None:
    rate = LiveRate()
    for index in range(50_000):
        rate.add(1, index * 0.005)
    assert len(rate._spans) < 4000


@given(arrivals=arrivals, later=st.floats(0, 100))
def test_no_stream_gives_a_negative_or_an_impossible_figure(arrivals: list[tuple[int, float]], later: float) -> None:
    rate = LiveRate()
    at = 0.0
    for pieces, gap in arrivals:
        at += gap
        rate.add(pieces, at)
        figure = rate.per_second(at)
        assert figure is None or 0 <= figure <= sum(pieces for pieces, _ in arrivals) / 0.2 + 1e-6
    figure = rate.per_second(at + later)
    assert figure is None or figure >= 0
    samples = rate.samples(at + later)
    assert all(sample >= 0 for sample in samples)
    assert rate.pieces == sum(pieces for pieces, _ in arrivals)
    assert sum(samples) * 0.5 <= rate.pieces + 1e-6


@given(arrivals=st.lists(st.tuples(st.integers(0, 500), st.floats(0, 10)), min_size=1, max_size=60))
def test_every_piece_after_the_first_read_is_counted_once_even_when_the_clock_goes_back(
    arrivals: list[tuple[int, float]],
) -> None:
    rate = LiveRate()
    first = latest = arrivals[0][1]
    in_first_read = 0
    for pieces, at in arrivals:
        latest = max(latest, at)
        in_first_read += pieces if latest == first else 0
        rate.add(pieces, at)
        figure = rate.per_second(at)
        assert figure is None or figure >= 0
    counted = sum(rate.samples(latest + 0.5)) * 0.5
    assert counted == pytest.approx(rate.pieces - in_first_read)
