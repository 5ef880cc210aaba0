"""What a person may have meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Words to add to a complaint about ``word``: the most similar of ``known``, or all of a few, or nothing."""
    # Only needed where something is wrong, and not worth its time at every start.
    from difflib import get_close_matches

    words = tuple(known)
    similar = get_close_matches(word[:80].lower(), words, n=1)
    if similar:
        return f", did you mean {similar[0]}?"
    return f", known are {', '.join(words)}" if 0 < len(words) <= 8 else ""
