"""An embedding model of a few words: texts about the same words have vectors that point the same way."""

from __future__ import annotations

import math
import re
import zlib
from array import array
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from tui.documents.shelf import Shelf, UpdateStep
from tui.documents.values import Outcome
from tui.engine import Embeddings


class WordModel:
    """Counts words into ``dimension`` boxes. ``asked`` keeps every text that it was given, call by call."""

    def __init__(self, dimension: int = 512) -> None:
        self.dimension = dimension
        self.asked: list[tuple[str, ...]] = []

    @property
    def texts(self) -> list[str]:
        return [text for call in self.asked for text in call]

    async def __call__(self, texts: tuple[str, ...]) -> Embeddings:
        self.asked.append(texts)
        return Embeddings(vectors=tuple(self.vector(text) for text in texts))

    def vector(self, text: str) -> array[float]:
        counts = [0.0] * self.dimension
        for word in re.findall(r"\w+", text.lower()):
            counts[zlib.crc32(word.encode()) % self.dimension] += 1
        length = math.sqrt(sum(count * count for count in counts)) or 1.0
        return array("f", (count / length for count in counts))


async def updated(shelf: Shelf, embed: Callable[..., object], *, model: str = "words") -> dict[str, Outcome]:
    """What an update did, by the names of the files."""
    return {step.path.name: step.outcome for step in await steps(shelf, embed, model=model)}


async def steps(shelf: Shelf, embed: Callable[..., object], *, model: str = "words") -> list[UpdateStep]:
    updating: AsyncGenerator[UpdateStep, None] = shelf.update(embed, model=model)  # type: ignore[arg-type]
    async with aclosing(updating):
        return [step async for step in updating]


async def shelf_of(folder: Path, *added: Path, embed: WordModel) -> Shelf:
    shelf = Shelf(folder, load_numpy=lambda: None)
    assert await shelf.open() == ()
    for path in added:
        await shelf.add(path)
    await updated(shelf, embed)
    return shelf
