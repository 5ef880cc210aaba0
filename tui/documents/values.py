"""What the rooms above see of documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tui.cleaning import clean_line
from tui.engine import Embeddings

Embed = Callable[[tuple[str, ...]], Awaitable[Embeddings]]
"""One vector for each text, in their order. A model that wants a prefix (``search_query: ``) gets it in here, one function
for passages and another for questions. Raises ``EngineError``."""


class DocumentKind(StrEnum):
    text = "text"
    markdown = "markdown"
    code = "code"
    html = "html"
    pdf = "pdf"


class Unit(StrEnum):
    """What places in a document are counted in, from 1."""

    line = "line"
    page = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentText:
    """A file as it is read."""

    kind: DocumentKind
    title: str
    lines: tuple[str, ...]
    places: tuple[int, ...]
    """For each line where it stands in the file, in ``unit``."""
    unit: Unit = Unit.line


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Some lines of a document that stand together. Foreign text, raw."""

    text: str
    first: int
    """Where it begins and ends, both included."""
    last: int
    heading: str = ""
    """What it stands under: ``Install › Linux``, or ``def parse(text)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    """A passage that answers a question better than the others."""

    source: Path
    title: str
    passage: Passage
    unit: Unit
    score: float
    """Cosine of the angle to the question, from -1 to 1."""

    @property
    def range_words(self) -> str:
        """``lines 10-25``, ``page 3``."""
        first, last = self.passage.first, self.passage.last
        return f"{self.unit} {first}" if first == last else f"{self.unit}s {first}-{last}"

    @property
    def source_words(self) -> str:
        """Cleaned, for one row: ``notes.md, lines 10-25``."""
        return f"{clean_line(self.source.name, 80)}, {self.range_words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelvedDocument:
    """One document of a shelf."""

    path: Path
    """Resolved: no symbolic link is in it."""
    root: Path
    """What the person added: the file itself, or a folder around it."""
    title: str
    kind: DocumentKind
    unit: Unit
    size_bytes: int
    sha256: str
    """Of the bytes that were read."""
    model: str
    """Whose vectors it has."""
    dimension: int
    """How many numbers each vector has; 0 for a document without words."""
    passages: int


class Outcome(StrEnum):
    """What an update did about one document."""

    unchanged = "unchanged"
    added = "added"
    changed = "changed"
    gone = "gone"
    """It is no longer there, and so no longer on the shelf."""
    failed = "failed"
    """It cannot be read or kept; what the shelf had of it stays."""
