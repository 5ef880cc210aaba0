"""How many rows each item of a long list takes, with quick sums: a prefix-sum (Fenwick) tree."""

from __future__ import annotations

from collections.abc import Iterable


class RowHeights:
    """Heights in rows, in order. Changing one, summing up to one and finding a row take O(log n) steps."""

    __slots__ = ("_heights", "_sums", "total")

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._heights = list(heights)
        sums = [0, *self._heights]
        for index in range(1, len(sums)):
            parent = index + (index & -index)
            if parent < len(sums):
                sums[parent] += sums[index]
        self._sums = sums
        self.total = sum(self._heights)
        """Rows of all items together."""

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, index: int) -> int:
        return self._heights[index]

    def __setitem__(self, index: int, height: int) -> None:
        change = height - self._heights[index]
        if not change:
            return
        self._heights[index] = height
        self.total += change
        node = index + 1
        while node < len(self._sums):
            self._sums[node] += change
            node += node & -node

    def append(self, height: int) -> None:
        self._heights.append(height)
        node = len(self._sums)
        below = node - 1
        end = node - (node & -node)
        sum_of_node = height
        while below > end:
            sum_of_node += self._sums[below]
            below -= below & -below
        self._sums.append(sum_of_node)
        self.total += height

    def before(self, index: int) -> int:
        """Rows of the items in front of item ``index``; with ``index == len(self)`` the total."""
        rows = 0
        while index > 0:
            rows += self._sums[index]
            index -= index & -index
        return rows

    def find(self, row: int) -> tuple[int, int]:
        """The item that row ``row`` belongs to and how far below its first row that is.

        A row below the last item gives ``len(self)`` and how far below the end it is.
        """
        position = 0
        step = 1 << (len(self._sums) - 1).bit_length()
        while step:
            ahead = position + step
            if ahead < len(self._sums) and self._sums[ahead] <= row:
                position = ahead
                row -= self._sums[ahead]
            step >>= 1
        return position, row
