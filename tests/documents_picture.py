"""Pictures of documents: an answer with its sources, and the shelf that they are from."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.screenshots import MODEL, SceneTime, model, program
from tui.demo import Answer, DemoModel, DemoServer, Prompt

FILES = {
    "runbook.md": """\
# Runbook

## Rotating the signing key

1. Make the new key beside the old one: `keys new --as next`.
2. Deploy, so that every node verifies both.
3. Sign with the new key: `keys use next`.
4. After 48 hours take the old key away: `keys retire previous`.

## When a node is full

Look at the journal first; it is the journal nine times in ten.
""",
    "incidents/2026-03-signing.md": """\
# Tokens refused for eleven minutes

The signing key was taken away right after the new one was used. Tokens are valid for 24 hours, so those that were
signed before were refused at once. Since then the old signing key stays for 48 hours.
""",
    "incidents/2026-07-disk.md": "# A disk that was full\n\nThe journal had grown for a week, and nobody was told.\n",
    "glossary.md": "# Glossary\n\n**Node**: a machine that answers.\n\n**Journal**: what happened, in order.\n",
    "onboarding.html": "<title>First day</title><h1>First day</h1><p>Ask for a badge, then for the wiki.</p>",
}
QUESTION = "How do I rotate the signing key, and how long does the old key stay?"
ANSWER = """\
Make the new key beside the old one with `keys new --as next`, deploy so that every node verifies both, and then sign \
with it: `keys use next` [1].

The **old key stays for 48 hours** [1]. It was once taken away at once, and tokens that were still valid were refused \
for eleven minutes [2].
"""


def _answer(_prompt: Prompt) -> Answer:
    return Answer(text=ANSWER)


async def documents_pictures(theme: str, answer_name: str, shelf_name: str) -> dict[str, str]:
    scene = SceneTime()
    models = (
        model(MODEL, "8.2B", 5.2, 40_960, "tools", script=_answer, tokens_per_second=62.0),
        DemoModel(
            name="nomic-embed-text:v1.5",
            capabilities=("embedding",),
            parameter_size="137M",
            quantization="F16",
            size_bytes=274_000_000,
            trained_context_tokens=2048,
            embedding_length=768,
        ),
    )
    server = DemoServer(models=models, clock=scene.clock, now=scene.now, sleep=scene.sleep)
    with tempfile.TemporaryDirectory(prefix="chinwag-pictures-", dir="/tmp") as folder:
        notes = Path(folder) / "ops"
        for name, text in FILES.items():
            (notes / name).parent.mkdir(parents=True, exist_ok=True)
            (notes / name).write_text(text, encoding="utf-8")
        async with server, program(theme, server.url, scene, Path(folder)) as stage:
            chat = stage.app.chat
            await stage.shows("write something")
            await chat.action_open_documents(f"add {notes}")
            await stage.shows("5 documents read")
            await chat.action_open_documents("on")
            await stage.type(QUESTION)
            await stage.press("enter")
            await stage.shows("▸ sources")
            chat.transcript.toggle_sources()
            await stage.shows("▾ sources")
            await stage.take(answer_name)
            (notes / "glossary.md").write_text(
                FILES["glossary.md"] + "\n**Badge**: opens the door.\n", encoding="utf-8"
            )
            chat._open_documents_screen()
            await stage.shows("1 to read")
            await stage.press("enter")
            await stage.shows("runbook.md")
            await stage.take(shelf_name)
            return stage.pictures
