"""Text inside a block: from Markdown's inline tokens to lines of spans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tui.app.transcript.rows import Span
from tui.app.transcript.styles import Pen
from tui.app.transcript.wrap import ZERO_WIDTH_JOINER, joined_characters
from tui.cleaning import clean

if TYPE_CHECKING:
    from markdown_it.token import Token

_ADDRESS = re.compile(r"https?://[^\s<>\"'`]+")
_BREAK = re.compile(r"<br\s*/?>$", re.IGNORECASE)
_REFERENCE = re.compile(r"\[([^\[\]]+)\](?:\[([^\[\]]*)\])?")
_LINE_CHARACTERS = str.maketrans({"\n": " ", "\t": " "})


def label_key(label: str) -> str:
    """What two spellings of a reference's label have in common."""
    return " ".join(label.split()).casefold()


def can_be_followed(address: str) -> bool:
    """Only ``http``, ``https`` and ``mailto`` leave the program."""
    return address.lower().startswith(("http://", "https://", "mailto:"))


def place_of(address: str) -> str:
    """Where a link really leads, short: its host, or the whole address where it has none."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    if host:
        return host
    return address.partition(":")[2] if address.lower().startswith("mailto:") else address


def _address_in(text: str) -> str:
    """``text`` without the marks at its end that belong to the sentence around it."""
    while text and text[-1] in ".,;:!?*_~)]}":
        if text[-1] == ")" and text.count("(") >= text.count(")"):
            break
        text = text[:-1]
    return text


class InlineLines:
    """Collects the lines of one block of text while its tokens are walked through."""

    def __init__(self, pen: Pen, references: Mapping[str, str]) -> None:
        self._lines: list[list[Span]] = [[]]
        self._base = pen
        self._references = references
        self._bold = self._italic = self._strike = 0
        self._links: list[tuple[str, int, int]] = []
        """Address, and line and span at which its label begins."""

    def add(self, tokens: Iterable[Token]) -> list[list[Span]]:
        for token in tokens:
            self._token(token)
        return self._lines

    def add_plain(self, text: str) -> list[list[Span]]:
        """Text without marks: what the parser would make of it, in a tenth of the time."""
        lines = text.split("\n")
        for number, line in enumerate(lines):
            shown = line
            if number:
                self._lines.append([])
                shown = shown.lstrip(" \t")
            if number < len(lines) - 1:
                shown = shown.rstrip(" ")
            self._text(shown.translate(_LINE_CHARACTERS))
        return self._lines

    def _pen(self) -> Pen:
        base = self._base
        return base._replace(
            bold=base.bold or self._bold > 0,
            italic=base.italic or self._italic > 0,
            strike=base.strike or self._strike > 0,
            underline=base.underline or (bool(self._links) and can_be_followed(self._links[-1][0])),
        )

    def _token(self, token: Token) -> None:
        kind = token.type
        if kind == "text":
            self._text(clean(token.content).translate(_LINE_CHARACTERS))
        elif kind in ("softbreak", "hardbreak"):
            self._lines.append([])
        elif kind == "code_inline":
            self._write(token.content, self._pen()._replace(ground="code_background"))
        elif kind == "html_inline" and _BREAK.match(token.content):
            self._lines.append([])
        elif kind in ("html_inline", "formula"):
            pen = self._pen()._replace(role="muted") if kind == "html_inline" else self._pen()
            for number, line in enumerate(token.content.split("\n")):
                if number:
                    self._lines.append([])
                self._write(line, pen)
        elif kind == "link_open":
            self._links.append((clean(str(token.attrs.get("href", ""))), len(self._lines) - 1, len(self._lines[-1])))
        elif kind == "link_close":
            self._close_link()
        elif kind == "image":
            self._image(token)
        else:
            self._attribute(kind)

    def _attribute(self, kind: str) -> None:
        step = 1 if kind.endswith("_open") else -1
        if kind.startswith("strong"):
            self._bold += step
        elif kind.startswith("em"):
            self._italic += step
        elif kind.startswith("s_"):
            self._strike += step

    def _write(self, text: str, pen: Pen, link: str = "") -> None:
        text = self._joined_to_last(text.translate(_LINE_CHARACTERS))
        if text:
            target = link or (self._links[-1][0] if self._links else "")
            self._lines[-1].append(Span(text, pen, target if can_be_followed(target) else ""))

    def _joined_to_last(self, text: str) -> str:
        """``text`` without what belongs to the last letter before it: cut in two, a terminal would draw it elsewhere."""
        spans = self._lines[-1]
        if not spans or (text.isascii() and spans[-1].text[-1] != ZERO_WIDTH_JOINER):
            return text
        joined = joined_characters(spans[-1].text, text)
        if joined:
            spans[-1] = spans[-1]._replace(text=spans[-1].text + text[:joined])
        return text[joined:]

    def _text(self, text: str) -> None:
        """Plain text; addresses in it can be followed, and references to known definitions."""
        if self._links:
            self._write(text, self._pen())
            return
        offset = 0
        if "://" in text:
            for found in _ADDRESS.finditer(text):
                address = _address_in(found[0])
                self._plain(text[offset : found.start()])
                self._write(address, self._pen()._replace(underline=True), address)
                offset = found.start() + len(address)
        self._plain(text[offset:])

    def _plain(self, text: str) -> None:
        offset = 0
        if self._references and "[" in text:
            for found in _REFERENCE.finditer(text):
                label = found[1]
                address = self._references.get(label_key(found[2] or label))
                if address is None:
                    continue
                # The brackets stay, so that a definition that comes late moves no row.
                self._write(text[offset : found.start()], self._pen())
                self._write("[", self._pen()._replace(role="muted"))
                self._write(label, self._pen()._replace(underline=True), address)
                self._write(text[found.end(1) : found.end()], self._pen()._replace(role="muted"))
                offset = found.end()
        self._write(text[offset:], self._pen())

    def _close_link(self) -> None:
        address, line, span = self._links.pop()
        label = "".join(part.text for part in self._lines[line][span:])
        label += "".join(part.text for later in self._lines[line + 1 :] for part in later)
        self._say_where(address, label)

    def _image(self, token: Token) -> None:
        """A picture is never fetched: it is a link with its description."""
        address = clean(str(token.attrs.get("src", "")))
        label = f"image: {clean(token.content)}" if token.content else "image"
        self._write(label, self._pen()._replace(underline=can_be_followed(address)), address)
        self._say_where(address, label)

    def _say_where(self, address: str, label: str) -> None:
        """The real host behind a label that does not say it."""
        place = place_of(address)
        if place and label.strip() not in (address, place):
            self._lines[-1].append(Span(f" {place}".translate(_LINE_CHARACTERS), self._base._replace(role="muted")))


def source_lines(source: str, pen: Pen) -> list[list[Span]]:
    """Text that is no Markdown, line for line."""
    return [[Span(line.expandtabs(4), pen)] if line else [] for line in source.split("\n")]


def inline_lines(tokens: Sequence[Token], pen: Pen, references: Mapping[str, str]) -> list[list[Span]]:
    """Lines of spans; a line break in the source is a line break on the screen."""
    return InlineLines(pen, references).add(tokens)
