"""What embedding models want in front of a text, so that a question lies near the passages that answer it."""

from __future__ import annotations

from dataclasses import dataclass

_RETRIEVE = "Represent this sentence for searching relevant passages: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefixes:
    question: str = ""
    passage: str = ""


_BY_NAME: tuple[tuple[str, Prefixes], ...] = (
    ("nomic-embed-text", Prefixes(question="search_query: ", passage="search_document: ")),
    ("mxbai-embed", Prefixes(question=_RETRIEVE)),
    ("snowflake-arctic-embed2", Prefixes(question="query: ")),
    ("snowflake-arctic-embed", Prefixes(question=_RETRIEVE)),
    ("bge-large", Prefixes(question=_RETRIEVE)),
    ("embeddinggemma", Prefixes(question="task: search result | query: ", passage="title: none | text: ")),
    (
        "qwen3-embedding",
        Prefixes(
            question="Instruct: Given a question, retrieve passages that answer the question\nQuery:",
        ),
    ),
    ("multilingual-e5", Prefixes(question="query: ", passage="passage: ")),
)
"""By a part of the model's name, as its makers say; the first that fits counts. No server adds them by itself."""


def prefixes_of(model: str) -> Prefixes:
    """None of either for a model that is not known to want any."""
    name = model.casefold()
    return next((prefixes for part, prefixes in _BY_NAME if part in name), Prefixes())
