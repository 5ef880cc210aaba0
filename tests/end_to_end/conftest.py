from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.served import Served


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder that outlives one start."""
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[Served]:
    """The demo server with its standard models, ten times as fast as usual, for whoever waits for whole answers."""
    with Served(speed=10) as server:
        yield server


@pytest.fixture
def steady() -> Iterator[Served]:
    """The demo server at its models' own speed, for what happens in the middle of an answer."""
    with Served() as server:
        yield server
