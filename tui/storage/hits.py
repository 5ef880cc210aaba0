"""What a search finds."""

from __future__ import annotations

from dataclasses import dataclass

from tui.conversations.values import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A conversation in which something was found. All texts are raw."""

    summary: Summary
    message_id: str
    """The last message that has all the words; empty when only the title has them."""
    before: str
    match: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    conversation_id: str
    message_id: str
    before: str
    match: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexState:
    """How much of what there is can be found."""

    indexed: int = 0
    total: int = 0

    @property
    def is_complete(self) -> bool:
        return self.indexed >= self.total
