"""What stands before a text for an embedding model, as its makers say."""

from __future__ import annotations

import pytest

from tui.documents.prefixes import Prefixes, prefixes_of


@pytest.mark.parametrize(
    ("model", "question", "passage"),
    [
        ("nomic-embed-text:v1.5", "search_query: ", "search_document: "),
        ("hf.co/nomic-ai/NOMIC-EMBED-TEXT-v1.5-GGUF", "search_query: ", "search_document: "),
        ("snowflake-arctic-embed2:568m", "query: ", ""),
        ("snowflake-arctic-embed:335m", "Represent this sentence for searching relevant passages: ", ""),
        ("embeddinggemma:300m", "task: search result | query: ", "title: none | text: "),
    ],
)
def test_each_family_has_its_own(model: str, question: str, passage: str) -> None:
    assert prefixes_of(model) == Prefixes(question=question, passage=passage)


@pytest.mark.parametrize("model", ["all-minilm:33m", "bge-m3", "embed:small", ""])
def test_a_model_that_wants_none_gets_none(model: str) -> None:
    assert prefixes_of(model) == Prefixes()
