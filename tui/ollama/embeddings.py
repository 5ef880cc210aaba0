"""Vectors: read from the wire without believing their shape, and asked for in batches."""

from __future__ import annotations

import math
from array import array
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from tui.engine import Embeddings, ErrorKind
from tui.ollama import wire
from tui.ollama.errors import OllamaResponseError
from tui.ollama.requests import EmbedRequest


class NotVectorsError(ValueError):
    """What came is not one vector of numbers for each text, all of one length. Its text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedBatch:
    """The vectors of some texts that stand one behind the other, and how far the whole is."""

    start: int
    """Which text the first vector is of, counted from 0."""
    embeddings: Embeddings
    done_texts: int
    total_texts: int


def embeddings_of(value: Any, *, texts: int, misfits: wire.Misfits) -> Embeddings:
    """The answer of ``/api/embed``. A wrong number in a vector would be a wrong answer, so here it is an error."""
    fields = wire.Fields(value, misfits)
    if not fields.has("embeddings"):
        raise NotVectorsError("its answer names no embeddings")
    vectors = tuple(vector_of(entry) for entry in fields.items("embeddings"))
    if len(vectors) != texts:
        raise NotVectorsError(f"it sent {len(vectors)} vectors for {texts} texts")
    if len({len(vector) for vector in vectors}) > 1:
        raise NotVectorsError("its vectors differ in length")
    return Embeddings(
        vectors=vectors,
        model=fields.text("model"),
        prompt_tokens=fields.number("prompt_eval_count"),
        total_seconds=fields.seconds("total_duration"),
        load_seconds=fields.seconds("load_duration"),
    )


def vector_of(value: Any) -> array[float]:
    """A list of numbers as 32-bit floats. Raises ``NotVectorsError``."""
    if not isinstance(value, list) or not value:
        raise NotVectorsError("a vector of it is no list of numbers")
    if any(isinstance(number, bool) or not isinstance(number, (int, float)) for number in value):
        raise NotVectorsError("a vector of it has entries that are no numbers")
    try:
        vector = array("f", value)
    except OverflowError:
        raise NotVectorsError("a vector of it has numbers without measure") from None
    if not all(map(math.isfinite, vector)):
        raise NotVectorsError("a vector of it has numbers without measure")
    return vector


async def in_batches(
    embed: Callable[[EmbedRequest], Awaitable[Embeddings]], request: EmbedRequest, batch_texts: int
) -> AsyncGenerator[EmbeddedBatch, None]:
    """Asks for ``batch_texts`` texts at a time, one batch after the other: a server makes only one at once."""
    if batch_texts < 1:
        raise OllamaResponseError(
            f"a batch cannot have {batch_texts} texts",
            "at least one is embedded at a time",
            "write 1 or more",
            kind=ErrorKind.refused,
        )
    for start in range(0, len(request.texts), batch_texts):
        texts = request.texts[start : start + batch_texts]
        yield EmbeddedBatch(
            start=start,
            embeddings=await embed(replace(request, texts=texts)),
            done_texts=start + len(texts),
            total_texts=len(request.texts),
        )
