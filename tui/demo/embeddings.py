"""Vectors for texts: the same words point the same way, so that a search over them finds what it should."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence

from tui.demo.tokens import cut

_WORD = re.compile(r"\w+")
_STOP_WORDS = (
    "a an and are as at be but by can do does for from has have he her his how i if in into is it its me my not of on "
    "or our she so that the their them then there they this to was we were what when where which who why will with "
    "you your"
)
_COMMON = frozenset(_STOP_WORDS.split())
WORD_WEIGHT = 1.0
COMMON_WEIGHT = 0.15
STEM_WEIGHT = 0.5
GROUND_WEIGHT = 0.1
"""Every text has a little in common with every other, and an empty one has a direction too."""


def embed(text: str, length: int) -> list[float]:
    """A vector of ``length`` numbers and length 1. Equal texts give equal vectors on every machine."""
    weights: Counter[str] = Counter()
    for word in _WORD.findall(text.casefold()):
        common = word in _COMMON
        weights[word] += 1
        if not common and len(word) > 4:
            weights[f"{word[:4]}…"] += 1
    vector = [GROUND_WEIGHT * math.cos(1.7 * place + 0.4) for place in range(length)]
    for feature, count in weights.items():
        kind = STEM_WEIGHT if feature.endswith("…") else COMMON_WEIGHT if feature in _COMMON else WORD_WEIGHT
        _add(vector, feature, kind * (1 + math.log(count)))
    return normalised(vector)


def normalised(vector: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(part * part for part in vector)) or 1.0
    return [float(f"{part / length:.8g}") for part in vector]


def first_tokens(text: str, most: int) -> tuple[str, int, bool]:
    """The beginning of ``text`` that fits, how many tokens it has, and whether something was cut off."""
    kept: list[str] = []
    for piece in cut(text):
        if len(kept) == most:
            return "".join(kept), most, True
        kept.append(piece)
    return text, len(kept), False


def _add(vector: list[float], feature: str, weight: float) -> None:
    """Adds a feature's own direction: in every place plus or minus, so that a shortened vector still tells it apart."""
    size = -(-len(vector) // 8)
    signs = int.from_bytes(hashlib.shake_128(feature.encode("utf-8", "surrogatepass")).digest(size), "little")
    for place in range(len(vector)):
        vector[place] += weight if signs >> place & 1 else -weight
