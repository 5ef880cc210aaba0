"""Strips as cells: two strings of one character a cell, which compare, hash and slice at the speed of strings.

``text`` holds what stands in each cell, ``pens`` how it is drawn, as the character of a pen's number. What is no single
character of a certain width gets a stand-in: a surrogate, which real text cannot hold. The last guard is here as well:
no control character of a segment gets any further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import category, east_asian_width

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

FILLER = "\0"
"""The second cell of a wide character."""
UNKNOWN = "\1"
"""A cell of which nothing is known; it differs from everything."""
UNCERTAIN = re.compile("[\ud800-\udfff]")

DEFAULT_PEN = 0
_PENS = 0xD000
_STRIPS_KEPT = 512
_FIRST_STAND_IN, _LAST_STAND_IN = 0xD800, 0xDFFF
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_JOINER, _EMOJI_STYLE = "\u200d", "\ufe0f"
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
# Wide for everybody. Of the other wide ones the emoji grow with each Unicode version, and terminals know some version.
_SURELY_WIDE = (
    range(0x2E80, 0x303F),
    range(0x3041, 0xA4D0),
    range(0xAC00, 0xD7A4),
    range(0xF900, 0xFB00),
    range(0xFE30, 0xFE70),
    range(0xFF00, 0xFFF0),
    range(0x20000, 0x3FFFE),
)
_SEEN_ON_BLANKS = frozenset({"4", "7", "9", "21", "51", "52", "53"})


class TooManyKindsError(Exception):
    """More pens or stand-ins than there are numbers for; whoever keeps cells starts anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """How a cell is drawn, in the codes of SGR. ``blank`` is the number of the pen that draws a space just so."""

    attributes: tuple[str, ...] = ()
    foreground: str = ""
    background: str = ""
    link: str = ""
    """The parameters and address of OSC 8, or empty."""
    blank: int = DEFAULT_PEN

    @property
    def can_erase(self) -> bool:
        """Whether an erased cell looks like a space drawn with it."""
        return not self.attributes and not self.link


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What stands behind a stand-in. A ``mild`` one is a letter with marks, of the letter's width nearly everywhere."""

    text: str
    width: int
    is_mild: bool


Cells = tuple[str, str]
"""Text and pens, of the same length."""


class CellMaker:
    """Turns strips into cells, and knows the pens and clusters in them.

    ``is_ambiguous_wide``: the terminal may draw as two cells what Unicode calls ambiguous, as those set up for Chinese
    or Japanese do.
    """

    def __init__(self, *, color_system: ColorSystem = ColorSystem.TRUECOLOR, is_ambiguous_wide: bool = False) -> None:
        self._color_system = color_system
        self._is_ambiguous_wide = is_ambiguous_wide
        self._pen_numbers: dict[tuple[str, str], int] = {("", ""): DEFAULT_PEN}
        self.pens: list[Pen] = [Pen()]
        self._kinds: dict[str, int] = {}
        self._stand_ins: dict[tuple[str, int], str] = {}
        self._clusters: dict[str, Cluster] = {}
        self._made: dict[int, tuple[Strip, Cells]] = {}

    def cluster(self, stand_in: str) -> Cluster:
        return self._clusters[stand_in]

    def forget(self) -> None:
        """All numbers are free again; cells made before mean nothing."""
        self._pen_numbers = {("", ""): DEFAULT_PEN}
        self.pens = [Pen()]
        self._stand_ins.clear()
        self._clusters.clear()
        self._made.clear()

    def cells(self, strip: Strip) -> Cells:
        """Exactly as many cells as the strip takes. Raises ``TooManyKindsError``."""
        made = self._made.get(id(strip))
        if made is not None:
            return made[1]
        cells = self._make(strip)
        if len(self._made) >= _STRIPS_KEPT:
            self._made.clear()
        # Strips do not change, and while one is kept here no other has its identity.
        self._made[id(strip)] = strip, cells
        return cells

    def _make(self, strip: Strip) -> Cells:
        texts: list[str] = []
        pens: list[str] = []
        for text, style, control in strip._segments:
            if control or not text:
                continue
            shown = text if text.isascii() and text.isprintable() else self._expanded(text)
            texts.append(shown)
            pens.append(self._drawn(shown, DEFAULT_PEN if style is None else self._pen_number(style)))
        return fitted("".join(texts), "".join(pens), strip.cell_length)

    # ------------------------------------------------------------------ pens

    def _drawn(self, shown: str, number: int) -> str:
        """The pens of a segment: spaces get the one that draws them alike, whatever colour their neighbours have."""
        pen, blank = chr(number), chr(self.pens[number].blank)
        if pen == blank or " " not in shown:
            return pen * len(shown)
        return blank.join([pen * len(word) for word in shown.split(" ")])

    def _pen_number(self, style: Style) -> int:
        codes = style._ansi
        if codes is None:
            codes = Strip.render_ansi(style, self._color_system)
        link = ""
        if style._link and not _CONTROLS.search(style._link):
            link = f"id={style._link_id};{style._link}"
        number = self._pen_numbers.get((codes, link))
        return self._new_pen(codes, link) if number is None else number

    def _new_pen(self, codes: str, link: str) -> int:
        attributes, foreground, background = sorted_codes(codes)
        number = self._number(attributes, foreground, background, link)
        self._pen_numbers[codes, link] = number
        return number

    def _number(self, attributes: tuple[str, ...], foreground: str, background: str, link: str) -> int:
        key = (";".join(filter(None, (*attributes, foreground, background))), link)
        number = self._pen_numbers.get(key)
        if number is not None:
            return number
        seen = tuple(code for code in attributes if code in _SEEN_ON_BLANKS)
        blank = -1
        if seen != attributes or (foreground and not seen):
            blank = self._number(seen, foreground if seen else "", background, link)
        number = len(self.pens)
        if number >= _PENS:
            raise TooManyKindsError
        self.pens.append(
            Pen(
                attributes=attributes,
                foreground=foreground,
                background=background,
                link=link,
                blank=number if blank < 0 else blank,
            )
        )
        self._pen_numbers[key] = number
        return number

    def pen_for_blank(self, now: int, blank: int) -> int:
        """The pen nearest to ``now`` that draws a space as ``blank`` does."""
        before, after = self.pens[now], self.pens[blank]
        if before.blank == blank:
            return now
        if after.attributes or self.pens[before.blank].attributes:
            return blank
        return self._number(before.attributes, before.foreground, after.background, after.link)

    # ------------------------------------------------------------------ text

    def _expanded(self, text: str) -> str:
        """One character a cell."""
        kinds = self._kinds
        parts: list[str] = []
        for character in text:
            kind = kinds.get(character)
            if kind is None:
                kind = kinds[character] = self._kind(character)
            if kind == 1:
                parts.append(character)
            elif kind == 2:
                parts.append(character + FILLER)
            elif kind < 0:
                parts.append(shown_control(character))
            else:
                return self._expanded_by_clusters(text)
        return "".join(parts)

    def _kind(self, character: str) -> int:
        """Its cells, 0 for one whose width terminals disagree about, -1 for one that must never reach them."""
        if _CONTROLS.match(character):
            return -1
        code = ord(character)
        width = cell_len(character)
        if category(character) in ("Mn", "Me", "Mc", "Cf", "Co", "Cn", "Zl", "Zp") or width == 0:
            return 0
        match east_asian_width(character):
            case "W" | "F":
                return 2 if width == 2 and any(code in each for each in _SURELY_WIDE) else 0
            case "A":
                return 0 if self._is_ambiguous_wide or width != 1 else 1
        return 1 if width == 1 and code not in _FLAG_LETTERS else 0

    def _expanded_by_clusters(self, text: str) -> str:
        text = _CONTROLS.sub(lambda found: shown_control(found[0]), text)
        clusters = split_clusters(text)
        if sum(map(cell_len, clusters)) != cell_len(text):
            clusters = [text]
        parts: list[str] = []
        for cluster in clusters:
            if len(cluster) == 1 and (kind := self._kind(cluster)) > 0:
                parts.append(cluster if kind == 1 else cluster + FILLER)
            elif width := cell_len(cluster):
                parts.append(self._stand_in(cluster, width) + FILLER * (width - 1))
        return "".join(parts)

    def _stand_in(self, text: str, width: int) -> str:
        stand_in = self._stand_ins.get((text, width))
        if stand_in is None:
            code = _FIRST_STAND_IN + len(self._stand_ins)
            if code > _LAST_STAND_IN:
                raise TooManyKindsError
            stand_in = self._stand_ins[text, width] = chr(code)
            is_mild = (
                width == 1 and self._kind(text[0]) == 1 and all(category(mark) in ("Mn", "Me") for mark in text[1:])
            )
            self._clusters[stand_in] = Cluster(text=text, width=width, is_mild=is_mild)
        return stand_in


def fitted(text: str, pens: str, width: int) -> Cells:
    """Cut or filled with default blanks to ``width`` cells; half a wide character is a blank."""
    if len(text) == width:
        return text, pens
    if len(text) < width:
        missing = width - len(text)
        return text + " " * missing, pens + chr(DEFAULT_PEN) * missing
    cut = width
    while cut and text[cut] == FILLER:
        cut -= 1
    return text[:cut] + " " * (width - cut), pens[:width]


def split_clusters(text: str) -> list[str]:
    """Characters with the marks, joined characters and second flag letters that belong to them."""
    clusters: list[str] = []
    is_joined = False
    for character in text:
        is_flag_pair = (
            ord(character) in _FLAG_LETTERS
            and bool(clusters)
            and len(clusters[-1]) == 1
            and ord(clusters[-1]) in _FLAG_LETTERS
        )
        if clusters and (is_joined or is_flag_pair or character == _EMOJI_STYLE or cell_len(character) == 0):
            clusters[-1] += character
        else:
            clusters.append(character)
        is_joined = character == _JOINER
    return clusters


def shown_control(character: str) -> str:
    """One cell that can be seen instead of a control character."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def sorted_codes(codes: str) -> tuple[tuple[str, ...], str, str]:
    """The codes of one SGR as attributes, foreground and background.

    >>> sorted_codes("1;4;38;2;1;2;3;45")
    (('1', '4'), '38;2;1;2;3', '45')
    """
    attributes: list[str] = []
    foreground = background = ""
    parts = codes.split(";") if codes else []
    while parts:
        code = parts.pop(0)
        if code in ("38", "48"):
            count = 4 if parts[:1] == ["2"] else 2
            color, parts = ";".join([code, *parts[:count]]), parts[count:]
            foreground, background = (color, background) if code == "38" else (foreground, color)
        elif is_foreground(code):
            foreground = code
        elif is_background(code):
            background = code
        else:
            attributes.append(code)
    # Its default says the same as nothing.
    return (
        tuple(attributes),
        "" if foreground == "39" else foreground,
        "" if background == "49" else background,
    )


def is_foreground(code: str) -> bool:
    return code.isdigit() and (30 <= int(code) <= 39 or 90 <= int(code) <= 97)


def is_background(code: str) -> bool:
    return code.isdigit() and (40 <= int(code) <= 49 or 100 <= int(code) <= 107)


def without_controls(segments: Iterable[Segment]) -> list[Segment] | None:
    """The same with every control character shown; None when there is none."""
    kept = list(segments)
    if not any(_CONTROLS.search(segment.text) for segment in kept):
        return None
    return [
        Segment(_CONTROLS.sub(lambda found: shown_control(found[0]), text), style, control)
        for text, style, control in kept
    ]
