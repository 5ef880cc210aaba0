"""What a person may have meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def most_similar(word: str, known: Iterable[str]) -> str:
    """That of ``known`` which ``word`` may stand for; empty when none is like it."""
    # Only needed where something is wrong, and not worth its time at every start.
    from difflib import get_close_matches

    return next(iter(get_close_matches(word[:80].lower(), tuple(known), n=1)), "")


def nearest(word: str, known: Iterable[str]) -> str:
    """Words to add to a complaint about ``word``: the most similar of ``known``, or all of a few, or nothing."""
    words = tuple(known)
    if similar := most_similar(word, words):
        return f", did you mean {similar}?"
    return f", known are {', '.join(words)}" if 0 < len(words) <= 8 else ""
