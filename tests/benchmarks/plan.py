"""How much is measured: the usual, or enough for a look (``--quick``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    starts: int = 5
    kinds: tuple[str, ...] = ("prose", "list", "code", "table", "para", "mixed")
    rates_per_second: tuple[int, ...] = (50, 200, 1000)
    already_there_tokens: tuple[int, ...] = (1_000, 10_000, 50_000)
    window_seconds: float = 5.0
    """How long an answer is watched at its rate."""
    keys: int = 100
    lines_bytes_per_second: tuple[int, ...] = (300_000, 100_000, 30_000)
    messages: tuple[int, ...] = (1_000, 10_000)
    conversations: tuple[int, ...] = (1_000, 10_000)
    passages: tuple[int, ...] = (5_000, 20_000)
    """Of documents, that a question is compared with."""
    idle_seconds: float = 60.0


USUAL = Plan()
QUICK = Plan(
    starts=3,
    kinds=("para", "mixed"),
    rates_per_second=(200,),
    already_there_tokens=(1_000, 10_000),
    window_seconds=2.0,
    keys=30,
    messages=(1_000, 10_000),
    passages=(5_000,),
    idle_seconds=10.0,
)
SMALLEST = Plan(
    starts=1,
    kinds=("mixed",),
    rates_per_second=(1000,),
    already_there_tokens=(50, 200),
    window_seconds=0.1,
    keys=3,
    lines_bytes_per_second=(100_000,),
    messages=(20, 60),
    conversations=(20, 60),
    passages=(20,),
    idle_seconds=0.5,
)
"""For the test that all of it still runs."""
