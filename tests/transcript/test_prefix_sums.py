"""Prefix sums: the tree says what adding up says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.app.transcript.prefix_sums import PrefixSums

HEIGHTS = st.lists(st.integers(min_value=0, max_value=9), max_size=40)


@given(HEIGHTS, HEIGHTS, st.data())
def test_sums_and_places_are_those_of_a_plain_list(first: list[int], more: list[int], data: st.DataObject) -> None:
    heights = PrefixSums(first)
    plain = list(first)
    for height in more:
        heights.append(height)
        plain.append(height)
        index = data.draw(st.integers(min_value=0, max_value=len(plain) - 1))
        plain[index] = heights[index] = data.draw(st.integers(min_value=0, max_value=9))
    assert heights.total == sum(plain)
    assert [heights.before(index) for index in range(len(plain) + 1)] == [
        sum(plain[:index]) for index in range(len(plain) + 1)
    ]
    places = [(index, row) for index, height in enumerate(plain) for row in range(height)]
    assert [heights.find(row) for row in range(sum(plain))] == places
    assert heights.find(sum(plain) + 3) == (len(plain), 3)
