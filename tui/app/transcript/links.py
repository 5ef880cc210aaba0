"""The links in an answer, for whoever has no mouse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tui.app.transcript.inline_text import InlineText
from tui.app.transcript.parser import parse
from tui.app.transcript.rows import Span
from tui.app.transcript.segmenter import Segmenter, table_cells
from tui.app.transcript.styles import Pen
from tui.app.transcript.units import Kind, Unit
from tui.cleaning import clean

_SIGNS = ("://", "]", "mailto:", "@")
"""Where none of these is, there is no link."""


class Link(NamedTuple):
    label: str
    address: str
    """``http``, ``https`` or ``mailto``."""


def may_have_links(text: str) -> bool:
    """False where there is surely no link that can be followed; much faster than looking for them."""
    return "://" in text or "@" in text or "mailto:" in text


def links_in(text: str) -> list[Link]:
    """The links of an answer that can be followed, in order, each address once with its first label."""
    segmenter = Segmenter(count_code=lambda _: 0)
    segmenter.feed(clean(text.replace("\r\n", "\n")))
    segmenter.finish()
    inline = InlineText(segmenter.references)
    found: dict[str, str] = {}
    for unit in segmenter.units:
        for source in _texts_of(unit):
            if any(sign in source for sign in _SIGNS):
                for label, address in _links_of(inline.lines(source, Pen())):
                    found.setdefault(address, label)
    return [Link(label, address) for address, label in found.items()]


def _texts_of(unit: Unit) -> Iterator[str]:
    """The inline texts of a unit; code has none."""
    if unit.table is not None:
        lines = unit.table.rows[unit.start : unit.end]
        for line in [unit.table.head, *lines] if unit.start == 0 else lines:
            yield from table_cells(line)
    elif unit.kind is Kind.continued:
        yield unit.source
    elif unit.kind in (Kind.markdown, Kind.item, Kind.item_rest) and any(sign in unit.source for sign in _SIGNS):
        yield from (token.content for token in parse(unit.source) or () if token.type == "inline")


def _links_of(lines: list[list[Span]]) -> Iterator[tuple[str, str]]:
    """Labels and addresses; a label of several spans is put together."""
    address, parts = "", list[str]()
    for span in (span for line in lines for span in line):
        if span.link != address and address:
            yield "".join(parts), address
        if span.link != address:
            address, parts = span.link, []
        parts.append(span.text)
    if address:
        yield "".join(parts), address
