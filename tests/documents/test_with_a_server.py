"""A shelf whose vectors come from a server, over a real socket."""

from __future__ import annotations

from pathlib import Path

from tests.documents.rig import steps
from tui.demo import DemoServer
from tui.documents.finding import FindLimits
from tui.documents.shelf import Shelf
from tui.documents.values import Outcome
from tui.engine import Embeddings
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.requests import EmbedRequest

MODEL = "embed:small"


async def test_passages_are_found_by_a_servers_vectors(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "tides.md").write_text("# Tides\n\nThe moon pulls the sea twice a day.\n")
    (notes / "bread.md").write_text("# Bread\n\nFlour, water, salt and yeast make bread.\n")
    async with DemoServer(speed=0) as server:
        client = OllamaClient(parse_host(server.url, source="test"), environ={})

        async def embed(texts: tuple[str, ...]) -> Embeddings:
            return await client.embed(EmbedRequest(model=MODEL, texts=texts))

        shelf = Shelf(tmp_path / "shelf")
        await shelf.open()
        await shelf.add(notes)
        did = await steps(shelf, embed, model=MODEL)
        found = await shelf.find(
            "Bread\nFlour, water, salt and yeast", embed, model=MODEL, limits=FindLimits(top_k=1, threshold=-1)
        )
        await client.aclose()
    assert [step.outcome for step in did] == [Outcome.added, Outcome.added]
    assert {one.dimension for one in shelf.documents} == {384}
    assert found.sources == ("[1] bread.md, lines 1-3",)
