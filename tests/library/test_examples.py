"""The examples of the README, run as they are written, against a server that has the models that they name."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.readme_tables import README
from tests.terminal import REPOSITORY, clean_environment
from tui.demo import DemoServer
from tui.demo.minds import toolsmith
from tui.demo.models import DemoModel

PATIENCE_SECONDS = 120.0
SECTION = re.search(r"\n## As a library\n(.*?)\n## ", README.read_text("utf-8"), re.DOTALL)
EXAMPLES = re.findall(r"```python\n(.*?)```", SECTION[1] if SECTION else "", re.DOTALL)
MODELS = (
    DemoModel(name="qwen3:8b", script=toolsmith, capabilities=("completion", "tools")),
    DemoModel(name="nomic-embed-text:latest", capabilities=("embedding",), embedding_length=64),
)
SAYS = (
    "tokens/s by the server's own counts",
    "toolsmith",
    "opens again with chinwag.conversation(id)",
    "Oslo I am",
    "room_temperature(room=",
    "toolsmith",
)
"""What each of them prints, among other things."""


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer(speed=0, models=list(MODELS)) as demo:
        yield demo


def test_there_are_six_examples() -> None:
    assert len(EXAMPLES) == len(SAYS) == 6


@pytest.mark.parametrize("number", range(len(SAYS)))
async def test_an_example_runs_as_it_is_written(number: int, server: DemoServer, tmp_path: Path) -> None:
    environment = clean_environment(tmp_path, OLLAMA_HOST=server.url, PYTHONPATH=str(REPOSITORY))
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        EXAMPLES[number],
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asyncio.wait_for(program.communicate(), PATIENCE_SECONDS)
    assert (program.returncode, complained.decode()) == (0, "")
    assert SAYS[number] in said.decode()
