"""Many figures in few: median, 95th percentile, and how far they lie apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    count: int
    median: float
    p95: float
    """The smallest figure that at least 95 % do not exceed; with few figures that is the largest."""
    mean: float
    deviation: float
    """Of a sample; 0 for one figure."""
    least: float
    most: float


def spread_of(figures: Iterable[float | None]) -> Spread | None:
    """None without any figure; those that nobody measured are left out."""
    known = sorted(one for one in figures if one is not None and math.isfinite(one))
    if not known:
        return None
    return Spread(
        count=len(known),
        median=statistics.median(known),
        p95=known[math.ceil(0.95 * len(known)) - 1],
        mean=statistics.fmean(known),
        deviation=statistics.stdev(known) if len(known) > 1 else 0.0,
        least=known[0],
        most=known[-1],
    )
