"""A document cut into passages: at headings, functions and paragraphs where it can be, never larger than allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from tui.documents.values import DocumentKind, DocumentText, Passage

LARGEST_CHARACTERS = 1000
"""About 250 to 350 tokens: small embedding models read 256 to 512 and drop the rest."""
OVERLAP_CHARACTERS = 150
LONGEST_HEADING_CHARACTERS = 160

_HEADING = re.compile(r"(#{1,6})[ \t]+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DEFINITION = re.compile(
    r"(?:export |default |pub(?:\([a-z]+\))? |public |private |protected |internal |static |abstract |final |async |unsafe "
    r"|inline |virtual |constexpr )*"
    r"(?:def|class|func|fn|function|impl|struct|enum|trait|interface|type|module|namespace|object|record|macro_rules!|sub"
    r"|proc|template|CREATE|create)\b|\[{1,2}[\w.\"-]+\]{1,2}\s*$"
)


class Cut(IntEnum):
    """How good a place for a cut is before a line."""

    poor = 0
    paragraph = 1
    section = 2


@dataclass(slots=True)
class _Piece:
    """A line, or a part of one that is too long."""

    text: str
    place: int
    cut: Cut
    heading: str
    continues: bool = False


def split_passages(
    document: DocumentText,
    *,
    largest_characters: int = LARGEST_CHARACTERS,
    overlap_characters: int = OVERLAP_CHARACTERS,
) -> tuple[Passage, ...]:
    """Passages of at most ``largest_characters`` that hold every word of the document.

    Neighbours share up to ``overlap_characters`` of whole lines, except where a heading or a function begins: what
    stands before it is about something else.
    """
    pieces = list(_pieces(document, largest_characters))
    passages: list[Passage] = []
    start = done = 0
    while done < len(pieces):
        end = _end(pieces, start, done, largest_characters)
        passage = _passage(pieces[start:end])
        if passage is not None:
            passages.append(passage)
        start, done = _next_start(pieces, start, end, largest_characters, overlap_characters), end
    return tuple(passages)


def _end(pieces: list[_Piece], start: int, done: int, largest: int) -> int:
    """Where a passage that begins at ``start`` ends: behind ``done``, as far as it fits, at the best cut of its second half."""
    size, end = 0, start
    best, best_cut = 0, Cut.poor
    while end < len(pieces):
        cost = _cost(pieces[end], is_first=end == start)
        if end > done:
            cut = pieces[end].cut
            if cut is Cut.section and 4 * size >= largest:
                return end
            if 2 * size >= largest and cut >= best_cut and cut > Cut.poor:
                best, best_cut = end, cut
        if size + cost > largest and end > done:
            return best or end
        size += cost
        end += 1
    return end


def _next_start(pieces: list[_Piece], start: int, end: int, largest: int, overlap: int) -> int:
    if end >= len(pieces) or pieces[end].cut is Cut.section:
        return end
    size, begin = 0, end
    while begin - 1 > start and size + _cost(pieces[begin - 1], is_first=False) <= overlap:
        begin -= 1
        size += _cost(pieces[begin], is_first=False)
    # A long line that would not fit behind what is repeated stands alone.
    return begin if size + _cost(pieces[end], is_first=False) <= largest else end


def _cost(piece: _Piece, *, is_first: bool) -> int:
    return len(piece.text) + (0 if is_first or piece.continues else 1)


def _passage(pieces: list[_Piece]) -> Passage | None:
    while pieces and not pieces[0].text.strip():
        pieces = pieces[1:]
    while pieces and not pieces[-1].text.strip():
        pieces = pieces[:-1]
    if not pieces:
        return None
    text = "".join(
        piece.text if piece.continues or index == 0 else f"\n{piece.text}" for index, piece in enumerate(pieces)
    )
    return Passage(text=text, first=pieces[0].place, last=pieces[-1].place, heading=pieces[0].heading)


def _pieces(document: DocumentText, largest: int) -> Iterator[_Piece]:
    for line, place, cut, heading in _marked(document):
        for index, part in enumerate(_parts(line, largest)):
            yield _Piece(part, place, Cut.poor if index else cut, heading, continues=index > 0)


def _parts(line: str, largest: int) -> Iterator[str]:
    """A line in parts that fit, cut behind a space where there is one in the second half."""
    while len(line) > largest:
        space = line.rfind(" ", largest // 2, largest)
        at = space + 1 if space > 0 else largest
        yield line[:at]
        line = line[at:]
    yield line


def _marked(document: DocumentText) -> Iterator[tuple[str, int, Cut, str]]:
    if document.kind in (DocumentKind.markdown, DocumentKind.html):
        return _marked_headings(document)
    if document.kind is DocumentKind.code:
        return _marked_code(document)
    return _marked_paragraphs(document)


def _marked_headings(document: DocumentText) -> Iterator[tuple[str, int, Cut, str]]:
    path: list[tuple[int, str]] = []
    fence = ""
    after_blank = document.kind is DocumentKind.html
    for line, place in zip(document.lines, document.places, strict=True):
        cut = Cut.paragraph if after_blank and not fence else Cut.poor
        opened = _FENCE.match(line) if document.kind is DocumentKind.markdown else None
        if fence:
            if opened and opened[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif opened:
            fence = opened[1]
        elif found := _HEADING.match(line):
            level, words = len(found[1]), line[found.end() :].strip().rstrip("#").strip()[:LONGEST_HEADING_CHARACTERS]
            path = [*((above, said) for above, said in path if above < level), (level, words)]
            cut = Cut.section
        yield line, place, cut, " › ".join(words for _, words in path)[:LONGEST_HEADING_CHARACTERS]
        after_blank = document.kind is DocumentKind.html or not line.strip()


def _marked_code(document: DocumentText) -> Iterator[tuple[str, int, Cut, str]]:
    heading, after_blank, decorated = "", False, False
    for line, place in zip(document.lines, document.places, strict=True):
        cut = Cut.paragraph if after_blank else Cut.poor
        is_decorator = line.startswith(("@", "#["))
        if _DEFINITION.match(line):
            heading = line.strip().rstrip(":{ ")[:LONGEST_HEADING_CHARACTERS]
            cut = Cut.poor if decorated else Cut.section
        elif is_decorator and not decorated:
            cut = Cut.section
        yield line, place, cut, heading
        decorated = is_decorator or (decorated and line.startswith((" ", "\t", ")")))
        after_blank = not line.strip()


def _marked_paragraphs(document: DocumentText) -> Iterator[tuple[str, int, Cut, str]]:
    after_blank, before = False, 0
    for line, place in zip(document.lines, document.places, strict=True):
        is_new_page = before > 0 and place != before and document.kind is DocumentKind.pdf
        yield line, place, Cut.paragraph if after_blank or is_new_page else Cut.poor, ""
        after_blank, before = not line.strip(), place
