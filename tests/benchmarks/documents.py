"""Documents: how long a question waits beside the embedding call, how long the event loop is held up, and reading the shelf."""

from __future__ import annotations

import asyncio
import random
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.plan import Plan
from tests.benchmarks.tables import milliseconds, print_table
from tui.documents.finding import FindLimits
from tui.documents.shelf import Shelf
from tui.documents.shelf_files import KeptDocument, change_added, save_document
from tui.documents.values import DocumentKind, Passage, ShelvedDocument, Unit
from tui.documents.vectors import import_numpy, unit_vector
from tui.engine import Embeddings

MODEL = "model@0"
DIMENSION = 768
PASSAGES_OF_ONE = 50
QUESTIONS = 5
TICK_SECONDS = 0.001


def run(plan: Plan) -> None:
    ways: list[tuple[str, Callable[[], Any | None]]] = [("Python alone", lambda: None)]
    if import_numpy() is not None:
        ways.append(("numpy", import_numpy))
    rows = [asyncio.run(_asked(count, name, load)) for count in plan.passages for name, load in ways]
    head = ["passages", "compared by", "shelf read", "first question", "next ones", "loop held up"]
    print_table("documents", head, rows, note=f"vectors of {DIMENSION} numbers; the embedding call takes no time")


async def _asked(count: int, name: str, load_numpy: Callable[[], Any | None]) -> list[str]:
    with TemporaryDirectory() as folder:
        _write_shelf(Path(folder), count)
        shelf = Shelf(Path(folder), load_numpy=load_numpy)
        began = time.perf_counter()
        await shelf.open()
        opened = time.perf_counter() - began
        chance = random.Random(3)
        asked = array("f", (chance.gauss(0, 1) for _ in range(DIMENSION)))

        async def embed(texts: tuple[str, ...]) -> Embeddings:
            return Embeddings(vectors=tuple(asked for _ in texts))

        seconds: list[float] = []
        watching = asyncio.create_task(_longest_hold())
        for _ in range(1 + QUESTIONS):
            began = time.perf_counter()
            await shelf.find("a question", embed, model=MODEL, limits=FindLimits(threshold=-1))
            seconds.append(time.perf_counter() - began)
            await asyncio.sleep(TICK_SECONDS)
        watching.cancel()
        held = await asyncio.gather(watching)
    first, *rest = seconds
    return [f"{count:,}", name, *(milliseconds(one) for one in (opened, first, max(rest), held[0]))]


async def _longest_hold() -> float:
    longest = 0.0
    try:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            longest = max(longest, time.perf_counter() - began - TICK_SECONDS)
    except asyncio.CancelledError:
        return longest


def _write_shelf(folder: Path, count: int) -> None:
    chance = random.Random(7)
    for start in range(0, count, PASSAGES_OF_ONE):
        path = folder / f"document {start}.md"
        passages = tuple(
            Passage(text=f"passage {number} " * 60, first=number + 1, last=number + 1)
            for number in range(min(PASSAGES_OF_ONE, count - start))
        )
        vectors = tuple(unit_vector([chance.gauss(0, 1) for _ in range(DIMENSION)]) for _ in passages)
        about = ShelvedDocument(
            path=path,
            root=folder,
            title=path.name,
            kind=DocumentKind.markdown,
            unit=Unit.line,
            size_bytes=1,
            sha256="0" * 64,
            model=MODEL,
            dimension=DIMENSION,
            passages=len(passages),
        )
        save_document(folder, KeptDocument(about=about, modified_ns=0, passages=passages, vectors=vectors))
    change_added(folder, (), plus=folder)
