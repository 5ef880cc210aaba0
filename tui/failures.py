"""The error that every person may read."""

from __future__ import annotations


class Failure(Exception):
    """Something went wrong, said so that a person can act on it.

    ``title`` names the thing in a few words, ``message`` the cause in one line, ``advice`` the next step.
    All three are plain text; they may carry foreign words, so they pass ``cleaning`` before a screen shows them.
    """

    def __init__(self, title: str, message: str = "", advice: str = "") -> None:
        super().__init__(title, message, advice)
        self.title = title
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return " · ".join(part for part in (self.title, self.message, self.advice) if part)
