from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.storage.samples import NOON
from tui.places import Places, places_below
from tui.storage.documents import DocumentFormat
from tui.storage.shelf import Shelf


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, step: timedelta) -> None:
        self.now += step


OpenShelf = Callable[..., Shelf]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_below(tmp_path / "chinwag")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def open_shelf(places: Places, clock: Clock) -> AsyncIterator[OpenShelf]:
    """Each call is a program that starts on the same folders."""
    opened: list[Shelf] = []

    def start(document_format: DocumentFormat = "json") -> Shelf:
        opened.append(Shelf(places, format=document_format, now=clock, random_bytes=os.urandom))
        return opened[-1]

    yield start
    for shelf in opened:
        await shelf.aclose()


@pytest.fixture
def shelf(open_shelf: OpenShelf) -> Shelf:
    return open_shelf()
