"""Foreign text made safe for a terminal.

Whatever a model, a server, a file or a person's paste contains passes ``clean`` or ``clean_line`` before a terminal
sees it. The rule looks at one code point at a time and at nothing else, so it does not matter where a stream is cut:
``clean(a) + clean(b) == clean(a + b)`` and ``clean(clean(a)) == clean(a)``.

============================================  =========================================================
C0 controls, DEL (not newline, not tab)       the control picture: ``␛ ␀ ␍ ␈ ␡``
C1 controls U+0080-9F                         their number: ``⟦9B⟧``; some terminals obey U+009B like ESC [
line and paragraph separator U+2028, U+2029   ``⟦LS⟧ ⟦PS⟧``, so that one newline is one row and nothing else is
bidi embeddings, overrides, isolates          their name: ``⟦RLO⟧``; they make text read other than it is
Hangul fillers U+3164, U+FFA0                 ``⟦HF⟧``: letters that look like nothing
Unicode tags and the rest of U+E0000-E0FFF    removed: they spell hidden words
zero-width space, joiner and operators        removed: U+200B, U+2060-2065, U+206A-206F, U+FEFF, U+00AD, U+034F,
and other marks without a shape               U+180E, U+17B4-17B5, U+FFF0-FFFB, U+1BCA0-1BCA3, U+1D173-1D17A
surrogates                                    U+FFFD: they cannot be encoded
============================================  =========================================================

A carriage return is shown, also before a newline: dropping it would hide that text overwrites itself. Whoever reads
text whose lines end in CR LF turns these into newlines first.

What real text needs stays: ZWJ and ZWNJ (emoji, Persian), variation selectors U+FE00-FE0F and the Mongolian ones, and
the direction marks LRM, RLM and ALM, which order neighbours and override nothing.
"""

from __future__ import annotations

import re
from unicodedata import category, east_asian_width

_BIDI_NAMES = {
    0x202A: "LRE",
    0x202B: "RLE",
    0x202C: "PDF",
    0x202D: "LRO",
    0x202E: "RLO",
    0x2066: "LRI",
    0x2067: "RLI",
    0x2068: "FSI",
    0x2069: "PDI",
}
_OTHER_NAMES = {0x2028: "LS", 0x2029: "PS", 0x3164: "HF", 0xFFA0: "HF"}
_REPLACEMENT = "\ufffd"

_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_SURROGATES = r"\ud800-\udfff"
_TAGS = r"\U000e0000-\U000e007f"
_SHOWN = r"\u2028-\u202e\u2066-\u2069\u3164\uffa0"
_REMOVED = (
    r"\xad\u034f\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

# Most of what a server sends is ASCII, where a search for the few characters that occur takes a third of the time.
_ASCII_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_UNSAFE = re.compile(f"[{_CONTROLS}{_SURROGATES}{_SHOWN}{_REMOVED}]")
_UNSAFE_ON_CLIPBOARD = re.compile(f"[{_CONTROLS}{_SURROGATES}{_TAGS}]")
_TAG = re.compile(f"[{_TAGS}]+")
_SPACES = re.compile(r"\s+")


def _replacement(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code < 0xA0:
        return f"⟦{code:02X}⟧"
    if 0xD800 <= code <= 0xDFFF:
        return _REPLACEMENT
    name = _BIDI_NAMES.get(code) or _OTHER_NAMES.get(code)
    return f"⟦{name}⟧" if name else ""


def clean(text: str) -> str:
    """Text of any length for a terminal, newlines and tabs kept; clean text comes back as the same object."""
    unsafe = _ASCII_UNSAFE if text.isascii() else _UNSAFE
    if unsafe.search(text) is None:
        return text
    return unsafe.sub(_replacement, text)


def hidden_characters(text: str) -> int:
    """How many code points ``clean`` shows otherwise or leaves out."""
    unsafe = _ASCII_UNSAFE if text.isascii() else _UNSAFE
    return sum(1 for _ in unsafe.finditer(text))


def shown_controls(text: str) -> str:
    """The source as the clipboard gets it: C0, C1 and DEL as symbols, surrogates as U+FFFD, everything else as it is.

    Unicode tags alone are left out: pasted into a model they are read, and nobody would see them go.
    """
    return _UNSAFE_ON_CLIPBOARD.sub(_replacement, text)


def for_model(text: str) -> str:
    """Text as a model gets it: without Unicode tags U+E0000-7F, else raw."""
    return text if text.isascii() else _TAG.sub("", text)


def clean_line(text: str, limit_cells: int = 200) -> str:
    """Text for one row: a name, a title, the cause of an error.

    Newlines, tabs and runs of spaces become one space, none at either end. What is wider than ``limit_cells`` terminal
    cells is cut and ends in ``…``, which counts. A name that is mostly combining marks is cut by their number.
    """
    # One cell may hold a letter with marks or half an emoji of several code points; beyond this it is no name.
    limit_code_points = 16 * max(limit_cells, 1)
    head = _SPACES.sub(" ", clean(text[: limit_code_points + 1])).strip()
    if len(text) <= limit_code_points and cell_width(head) <= limit_cells:
        return head
    return _cut(head, limit_cells - 1) + "…" if limit_cells > 0 else ""


def cell_width(text: str) -> int:
    """How many terminal cells text takes at most: an emoji of several code points counts each of them."""
    return len(text) if text.isascii() else sum(map(_code_point_width, text))


def _code_point_width(character: str) -> int:
    if character.isascii():
        return 1
    if character == "\ufe0f":
        # It may turn the narrow symbol before it into a wide emoji.
        return 1
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1


def _cut(text: str, limit_cells: int) -> str:
    width = 0
    for index, character in enumerate(text):
        width += _code_point_width(character)
        if width > limit_cells:
            return text[:index].rstrip().rstrip("\u200d")
    return text
