"""The nearest vectors are the nearest, with numpy and without."""

from __future__ import annotations

import math
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.documents.vectors import VectorTable, import_numpy, unit_vector

NUMBERS = st.floats(-(2.0**100), 2.0**100, allow_nan=False, width=32)


@pytest.fixture(params=["python alone", "numpy"])
def numpy(request: pytest.FixtureRequest) -> Any:
    if request.param == "python alone":
        return None
    return import_numpy() or pytest.skip("numpy comes with the extra documents, which is not installed")


def test_the_best_come_first(numpy: Any) -> None:
    table = VectorTable([unit_vector(v) for v in ([0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [-1.0, 0.0])], numpy=numpy)
    found = table.nearest(unit_vector([2.0, 0.0]), 3)
    assert [index for _, index in found] == [1, 2, 0]
    assert [round(score, 3) for score, _ in found] == [1.0, 0.707, 0.0]


def test_of_equal_ones_the_earlier_comes_first(numpy: Any) -> None:
    table = VectorTable([unit_vector([1.0, 0.0])] * 5, numpy=numpy)
    assert [index for _, index in table.nearest(unit_vector([1.0, 0.0]), 3)] == [0, 1, 2]


def test_an_empty_table_has_no_nearest(numpy: Any) -> None:
    assert VectorTable([], numpy=numpy).nearest(array("f", [1.0]), 3) == []


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_every_vector_gets_length_one_and_keeps_its_direction(numbers: list[float]) -> None:
    unit = unit_vector(numbers)
    length = math.sqrt(sum(number * number for number in unit))
    assert length == pytest.approx(1, abs=1e-5) or not any(numbers)
    assert all(a * b >= 0 for a, b in zip(unit, numbers, strict=True))


@pytest.mark.parametrize("numbers", [[], [math.nan], [math.inf, 1.0], [0.0] * 20_000])
def test_what_is_no_vector_is_refused(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match="a vector"):
        unit_vector(numbers)
