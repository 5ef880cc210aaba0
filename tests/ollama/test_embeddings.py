from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ollama.meeting import answers, meeting, never
from tests.ollama.test_wire import ANYTHING
from tests.replay import Visit
from tui.engine import Embeddings, ErrorKind
from tui.ollama import wire
from tui.ollama.embeddings import EmbeddedBatch, NotVectorsError, embeddings_of
from tui.ollama.errors import OllamaResponseError
from tui.ollama.requests import EmbedRequest


async def by_length(visit: Visit) -> None:
    """Each text becomes its length and a one."""
    vectors = [[len(text), 1] for text in visit.json()["input"]]
    await visit.answer(json.dumps({"model": "m", "embeddings": vectors, "prompt_eval_count": len(vectors)}).encode())


async def test_many_texts_are_embedded_in_batches_in_their_order() -> None:
    texts = tuple("x" * number for number in range(7))
    async with meeting(by_length) as (client, server):
        batches: list[EmbeddedBatch] = [
            batch async for batch in client.embed_in_batches(EmbedRequest(model="m", texts=texts), batch_texts=3)
        ]
        assert [len(visit.json()["input"]) for visit in server.visits] == [3, 3, 1]
    assert [(batch.start, batch.done_texts, batch.total_texts) for batch in batches] == [
        (0, 3, 7),
        (3, 6, 7),
        (6, 7, 7),
    ]
    assert [vector[0] for batch in batches for vector in batch.embeddings.vectors] == list(range(7))


async def test_who_has_enough_stops_asking() -> None:
    async with meeting(by_length) as (client, server):
        request = EmbedRequest(model="m", texts=("a", "b", "c"))
        async with aclosing(client.embed_in_batches(request, batch_texts=1)) as batches:
            await anext(batches)
        assert len(server.visits) == 1


async def test_no_texts_are_no_batch_and_no_batch_can_be_empty() -> None:
    async with meeting(never) as (client, server):
        assert [b async for b in client.embed_in_batches(EmbedRequest(model="m", texts=()))] == []
        with pytest.raises(OllamaResponseError, match="0 texts"):
            await anext(client.embed_in_batches(EmbedRequest(model="m", texts=("a",)), batch_texts=0))
        assert server.visits == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "no embeddings"),
        ({"embedding": [1]}, "no embeddings"),
        ({"embeddings": []}, "0 vectors for 2 texts"),
        ({"embeddings": [[1]] * 3}, "3 vectors for 2 texts"),
        ({"embeddings": [[1], [1, 2]]}, "differ in length"),
        ({"embeddings": [[], []]}, "no list of numbers"),
        ({"embeddings": [[1], None]}, "no list of numbers"),
        ({"embeddings": [[1], ["2"]]}, "no numbers"),
        ({"embeddings": [[1], [True]]}, "no numbers"),
        ({"embeddings": [[1], [10**400]]}, "without measure"),
        ({"embeddings": [[1], [1e300]]}, "without measure"),
        ({"embeddings": "x"}, "0 vectors"),
    ],
)
async def test_vectors_that_are_none_are_never_handed_on(body: Any, why: str) -> None:
    async with meeting(answers(json.dumps(body).encode())) as (client, _):
        with pytest.raises(OllamaResponseError) as error:
            await client.embed(EmbedRequest(model="m", texts=("a", "b")))
    assert why in error.value.message
    assert error.value.kind is ErrorKind.unreadable


@pytest.mark.parametrize("body", [{}, {"embedding": []}, {"embedding": [None]}, {"embedding": {"a": 1}}])
async def test_the_older_way_believes_no_more(body: Any) -> None:
    async with meeting(answers(json.dumps(body).encode())) as (client, _):
        with pytest.raises(OllamaResponseError, match="does not answer like ollama"):
            await client.embed_as_before("m", "a")


async def test_many_large_vectors_are_read_beside_the_event_loop() -> None:
    body = json.dumps({"embeddings": [[0.5] * 4096] * 32}).encode()
    async with meeting(answers(body)) as (client, _):
        embedded = await client.embed(EmbedRequest(model="m", texts=("a",) * 32))
    assert sum(map(sum, embedded.vectors)) == 32 * 4096 / 2


@pytest.mark.parametrize("texts", [(1,), (None,), (b"a",)])
async def test_a_text_that_is_none_is_refused_before_anything_is_sent(texts: Any) -> None:
    async with meeting(never) as (client, server):
        with pytest.raises(OllamaResponseError, match="cannot be sent"):
            await client.embed(EmbedRequest(model="m", texts=texts))
        assert server.visits == []


@given(st.dictionaries(st.sampled_from(["embeddings", "model", "prompt_eval_count"]), ANYTHING) | ANYTHING)
def test_any_answer_is_vectors_or_not(value: Any) -> None:
    try:
        found = embeddings_of(value, texts=1, misfits=wire.Misfits())
    except NotVectorsError as error:
        assert str(error)
    else:
        assert isinstance(found, Embeddings)
        assert len(found.vectors) == 1
