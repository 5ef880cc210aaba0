"""Vectors compared: by numpy where the extra ``documents`` is installed, else by Python alone."""

from __future__ import annotations

import heapq
import math
import operator
import time
from array import array
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

LONGEST_VECTOR = 16_384
ROWS_AT_ONCE = 64


def import_numpy() -> Any | None:
    """The package, or None without the extra."""
    try:
        return import_module("numpy")
    except ImportError:
        return None


def unit_vector(vector: Sequence[float]) -> array[float]:
    """The same direction, of length 1, as 32-bit floats; zeros stay zeros.

    Raises ``ValueError`` for one that is empty, longer than ``LONGEST_VECTOR`` or holds what is no finite number.
    """
    if not 0 < len(vector) <= LONGEST_VECTOR:
        raise ValueError(f"a vector has {len(vector):,} numbers")
    # Scaled by the largest first: the squares of very large or small numbers would be lost.
    largest = max(map(abs, vector))
    if not all(map(math.isfinite, vector)):
        raise ValueError("a vector holds what is no finite number")
    if largest == 0:
        return array("f", vector)
    scaled = [number / largest for number in vector]
    length = math.sqrt(sum(number * number for number in scaled))
    return array("f", (number / length for number in scaled))


class VectorTable:
    """Unit vectors of one length that are asked which of them are nearest. It does not change."""

    def __init__(self, vectors: Sequence[array[float]], *, numpy: Any | None = None) -> None:
        """``numpy``: the package, or None to do without."""
        self._rows = vectors
        self._numpy = numpy
        self._matrix: Any = None
        if numpy is not None and vectors:
            flat = b"".join(row.tobytes() for row in vectors)
            self._matrix = numpy.frombuffer(flat, dtype=numpy.float32).reshape(len(vectors), -1)

    def __len__(self) -> int:
        return len(self._rows)

    def nearest(self, question: array[float], count: int) -> list[tuple[float, int]]:
        """Score and index of the ``count`` best, the best first; of equal ones the earlier first. Blocks."""
        scores = self._scores(question)
        best = heapq.nsmallest(count, ((-score, index) for index, score in enumerate(scores)))
        return [(max(-1.0, min(1.0, -score)), index) for score, index in best]

    def _scores(self, question: array[float]) -> Sequence[float]:
        if self._matrix is not None and self._numpy is not None:
            asked = self._numpy.frombuffer(question, dtype=self._numpy.float32)
            scores: list[float] = (self._matrix @ asked).tolist()
            return scores
        numbers = question.tolist()
        # From Python 3.12 on; before it, and only then, the plain sum is the faster one.
        sumprod: Callable[[Sequence[float], Sequence[float]], float] = getattr(math, "sumprod", _summed_products)
        found: list[float] = []
        for start in range(0, len(self._rows), ROWS_AT_ONCE):
            found += [sumprod(numbers, row) for row in self._rows[start : start + ROWS_AT_ONCE]]
            # The event loop gets its turn now, not when the interpreter would next switch by itself.
            time.sleep(0)
        return found


def _summed_products(one: Sequence[float], other: Sequence[float]) -> float:
    total: float = sum(map(operator.mul, one, other))
    return total
