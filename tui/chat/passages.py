"""Passages of the person's documents that go along with one prompt, and are gone from the next request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tui.chat.context_window import SMALLEST_ANSWER_TOKENS, Scale
from tui.chat.fitting import ANSWER_SHARE, Plan, scale_of, window_use
from tui.conversations.values import Conversation, Message, Role, Source
from tui.documents.finding import Findings, FindLimits, estimated_tokens
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure

LEAST_ROOM_TOKENS = 50
"""With less room in the window than that no passage is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """What was found for one prompt."""

    context: str = ""
    """Goes before the prompt; empty when nothing was found."""
    sources: tuple[Source, ...] = ()
    tokens: int = 0
    """Estimated."""
    left_out: int = 0
    """Passages that were good enough and for which there was no room."""
    stale_documents: int = 0
    """Documents that could not be searched, because they have the vectors of another model."""
    has_no_room: bool = False
    """Nothing was looked for: the conversation fills the window."""


NO_PASSAGES = Passages()

FindPassages = Callable[[Conversation, str, Plan, Mapping[str, Any]], Awaitable[Passages]]
"""For the last prompt of a conversation, its model, what holds for the request, and whose request it is.

Raises ``PassagesFailed``.
"""


async def find_nothing(_conversation: Conversation, _model: str, _plan: Plan, _metadata: Mapping[str, Any]) -> Passages:
    return NO_PASSAGES


class PassagesFailed(EngineError):
    """The documents could not be searched, so nothing was sent. Whoever asked decides whether it goes without them."""

    def __init__(self, cause: Failure) -> None:
        why = f"{cause.title}: {cause.message}" if cause.message else cause.title
        super().__init__("the documents were not searched", why, cause.advice, kind=ErrorKind.refused)
        self.cause = cause


def last_prompt(conversation: Conversation) -> Message | None:
    return next((one for one in reversed(conversation.messages) if one.role is Role.user), None)


def limits_for(
    conversation: Conversation, model: str, plan: Plan, wanted: FindLimits
) -> tuple[FindLimits, Callable[[str], int]] | None:
    """As much as is wanted and the window has room for, and how tokens are counted; None when there is no room.

    A part of the window is kept for the answer, so that a passage pushes nothing out of it that was said.
    """
    scale = scale_of(conversation, model, plan)
    budget = wanted.budget_tokens
    if plan.window_tokens is not None:
        use = window_use(conversation, model, plan)
        answer = max(min(SMALLEST_ANSWER_TOKENS, plan.window_tokens // 8), plan.window_tokens // ANSWER_SHARE)
        budget = min(budget, plan.window_tokens - use.used - answer)
        if budget < LEAST_ROOM_TOKENS:
            return None
    limits = FindLimits(top_k=wanted.top_k, threshold=wanted.threshold, budget_tokens=budget)
    return limits, _counter(scale)


def passages_of(findings: Findings) -> Passages:
    return Passages(
        context=findings.extra_context,
        sources=tuple(
            Source(
                title=found.title,
                path=str(found.source),
                first=found.passage.first,
                last=found.passage.last,
                unit=found.unit.value,
                score=found.score,
            )
            for found in findings.passages
        ),
        tokens=findings.estimated_tokens,
        left_out=findings.left_out_by_budget,
        stale_documents=findings.stale_documents,
    )


def _counter(scale: Scale) -> Callable[[str], int]:
    """By what the server counted of this conversation; else with more care than prose would need."""
    return scale.tokens_of if scale.is_learned else estimated_tokens
