"""Which model a prompt goes to when the person has not said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from tui.engine import Model, RunningModel

CapabilitiesOf = Callable[[Model], Awaitable[frozenset[str] | None]]
"""What a model can do; None when the server does not say, as old ones do."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_EMBEDDING_MARKS = ("embed", "bert", "minilm", "bge-")


async def choose_model(
    models: Sequence[Model],
    running: Sequence[RunningModel],
    *,
    preferred: Sequence[str],
    capabilities_of: CapabilitiesOf,
    same_model: Callable[[str, str], bool],
) -> Model | None:
    """The first of ``preferred`` that is installed; else one that is loaded; else the newest.

    What chinwag chooses by itself runs on this server and can talk: never a cloud model, never one for embeddings.
    """
    for name in preferred:
        for model in models:
            if name and same_model(model.name, name):
                return model
    local = [model for model in models if not model.is_cloud]
    loaded = [model for one in running for model in local if same_model(model.name, one.name)]
    newest_first = sorted(local, key=_modified_at, reverse=True)
    for model in (*loaded, *(one for one in newest_first if one not in loaded)):
        if _can_talk(model, await capabilities_of(model)):
            return model
    return None


def _can_talk(model: Model, capabilities: frozenset[str] | None) -> bool:
    if capabilities is not None:
        return "completion" in capabilities
    named = f"{model.name} {model.family}".lower()
    return not any(mark in named for mark in _EMBEDDING_MARKS)


def _modified_at(model: Model) -> datetime:
    """A server that says no time, or one without a zone, must not stop the choice."""
    at = model.modified_at or _LONG_AGO
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
