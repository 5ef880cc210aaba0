"""Text cut into pieces the way a tokenizer does it: about four characters each, the space in front of the word."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECE = re.compile(
    r"\n+"
    r"|[ ]?[^\W\d_]{1,7}(?![^\W\d_])"
    r"|[ ]?[^\W\d_]{1,4}"
    r"|[ ]?[0-9]{1,3}"
    r"|[ ]?([^\w\s])\1{0,3}"
    r"|[ ]{2,8}(?=[ ])"
    r"|[ ]+(?=\S)"
    r"|\s"
    r"|."
)


def cut(text: str) -> Iterator[str]:
    """The pieces of ``text`` in order; joined they are ``text`` again. Short words are one piece, long ones several."""
    for match in _PIECE.finditer(text):
        yield match.group()


def count_tokens(text: str) -> int:
    """How many pieces ``cut`` makes of ``text``."""
    return sum(1 for _ in _PIECE.finditer(text))
