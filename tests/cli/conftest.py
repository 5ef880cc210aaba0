"""A server and a shell for the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commanding import Shell, home_below
from tests.end_to_end.served import Served


@pytest.fixture(scope="module")
def demo() -> Iterator[Served]:
    with Served(speed=10) as served:
        yield served


@pytest.fixture
def shell(demo: Served, tmp_path: Path) -> Shell:
    return Shell(home=home_below(tmp_path), host=demo.url)
