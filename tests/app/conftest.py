from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.running import Folders
from tui.demo import DemoServer


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[DemoServer]:
    """Answers as fast as it can, unless ``UNHURRIED``; ``script-KIND-TOKENS-RATE`` are models of it, too."""
    async with DemoServer(speed=getattr(request, "param", 0.0), accept_scripts=True) as demo:
        yield demo


@pytest.fixture
def folders(tmp_path: Path, server: DemoServer) -> Folders:
    """The folders of somebody who starts for the first time, and whose server is ``server``."""
    return Folders(tmp_path / "person", server.url)
