"""Many small numbers in order, such as the rows that each message takes, with quick sums: a Fenwick tree."""

from __future__ import annotations

from collections.abc import Iterable


class PrefixSums:
    """Numbers from 0 up, in order. Changing one, summing up to one and finding a place take O(log n) steps."""

    __slots__ = ("_sums", "_values", "total")

    def __init__(self, values: Iterable[int] = ()) -> None:
        self._values = list(values)
        sums = [0, *self._values]
        for index in range(1, len(sums)):
            parent = index + (index & -index)
            if parent < len(sums):
                sums[parent] += sums[index]
        self._sums = sums
        self.total = sum(self._values)
        """All of them together."""

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int) -> int:
        return self._values[index]

    def __setitem__(self, index: int, value: int) -> None:
        change = value - self._values[index]
        if not change:
            return
        self._values[index] = value
        self.total += change
        node = index + 1
        while node < len(self._sums):
            self._sums[node] += change
            node += node & -node

    def append(self, value: int) -> None:
        self._values.append(value)
        node = len(self._sums)
        below = node - 1
        end = node - (node & -node)
        sum_of_node = value
        while below > end:
            sum_of_node += self._sums[below]
            below -= below & -below
        self._sums.append(sum_of_node)
        self.total += value

    def before(self, index: int) -> int:
        """The sum of what stands in front of item ``index``; with ``index == len(self)`` the total."""
        sum_before = 0
        while index > 0:
            sum_before += self._sums[index]
            index -= index & -index
        return sum_before

    def find(self, place: int) -> tuple[int, int]:
        """The item that unit ``place`` of the total belongs to, and how far inside it that is.

        A place behind the last item gives ``len(self)`` and how far behind the end it is.
        """
        position = 0
        step = 1 << (len(self._sums) - 1).bit_length()
        while step:
            ahead = position + step
            if ahead < len(self._sums) and self._sums[ahead] <= place:
                position = ahead
                place -= self._sums[ahead]
            step >>= 1
        return position, place
