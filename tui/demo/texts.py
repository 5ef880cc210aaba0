"""The words of the scripted models: one Markdown file for each answer."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

Texts = Mapping[str, str]


def read_texts() -> Texts:
    """Every text by its file's name without ``.md``. Reads files: call it away from the event loop."""
    folder = files("tui.demo").joinpath("scripts")
    return MappingProxyType(
        {
            entry.name.removesuffix(".md"): entry.read_text(encoding="utf-8").rstrip("\n")
            for entry in folder.iterdir()
            if entry.name.endswith(".md")
        }
    )
