"""What an Ollama server tells of itself that no other engine has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudStatus:
    """Whether a server may hand questions on to ollama.com."""

    is_disabled: bool
    source: str = ""
    """Who said so: ``none``, ``env``, ``config`` or ``both``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who a server is signed in as at ollama.com."""

    id: str = ""
    name: str = ""
    email: str = ""
    plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendedModel:
    """A model that the makers of Ollama recommend."""

    name: str
    description: str = ""
    context_tokens: int | None = None
    most_answer_tokens: int | None = None
    vram_bytes: int | None = None
    needed_plan: str = ""
    is_cloud: bool = False
