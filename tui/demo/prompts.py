"""How long a prompt is, what of it fits, and how much of it the model has read before."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui.demo import refusals
from tui.demo.answers import Turn
from tui.demo.tokens import count_tokens
from tui.demo.wire import go_json

START_TOKENS = 2
TOKENS_AROUND_A_TURN = 4
TOKENS_OF_A_PICTURE = 256
COUNTED_AT_ONCE_CHARACTERS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPrompt:
    """The turns that are sent to the model, each with its length and its key in the cache."""

    turns: tuple[Turn, ...]
    turn_tokens: tuple[int, ...]
    frame_tokens: int
    """The start of the prompt and the tools offered."""

    @property
    def tokens(self) -> int:
        return self.frame_tokens + sum(self.turn_tokens)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(turn_key(turn) for turn in self.turns)

    def unread_tokens(self, cached: Sequence[str]) -> int:
        """What is left to read when the model has the turns ``cached`` in mind; at least one token."""
        known = 0
        for key, seen, tokens in zip(self.keys, cached, self.turn_tokens, strict=False):
            if key != seen:
                break
            known += tokens
        return max(1, self.tokens - known - (self.frame_tokens if known else 0))


def turn_key(turn: Turn) -> str:
    return hashlib.sha256(f"{turn.role}\0{turn.text}".encode("utf-8", "surrogatepass")).hexdigest()


async def measure(turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]]) -> MeasuredPrompt:
    """Counts ``turns``; a long prompt is counted in a thread so that other answers go on meanwhile."""
    characters = sum(len(turn.text) for turn in turns)
    if characters > COUNTED_AT_ONCE_CHARACTERS:
        return await asyncio.to_thread(_measured, turns, tools)
    return _measured(turns, tools)


def _measured(turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]]) -> MeasuredPrompt:
    frame = START_TOKENS + (count_tokens(go_json(list(tools)).decode()) if tools else 0)
    lengths = tuple(
        TOKENS_AROUND_A_TURN + count_tokens(turn.text) + TOKENS_OF_A_PICTURE * len(turn.pictures) for turn in turns
    )
    return MeasuredPrompt(turns=tuple(turns), turn_tokens=lengths, frame_tokens=frame)


def fit(prompt: MeasuredPrompt, context_tokens: int, *, truncate: bool, while_streaming: bool) -> MeasuredPrompt:
    """The prompt as the model gets it: with ``truncate`` the oldest turns are dropped, silently, until it fits.

    System turns and the last one stay. What does not fit then, or without ``truncate``, is refused.
    """
    turns = list(zip(prompt.turns, prompt.turn_tokens, strict=True))
    if truncate:
        excess = prompt.tokens - context_tokens
        for entry in [turn for turn in turns[:-1] if turn[0].role != "system"]:
            if excess <= 0:
                break
            turns.remove(entry)
            excess -= entry[1]
    kept = MeasuredPrompt(
        turns=tuple(turn for turn, _ in turns),
        turn_tokens=tuple(tokens for _, tokens in turns),
        frame_tokens=prompt.frame_tokens,
    )
    if kept.tokens > context_tokens:
        streamed = while_streaming and not truncate
        raise refusals.context_exceeded(kept.tokens, context_tokens, while_streaming=streamed)
    return kept
