"""Which of the earlier prompts have what is looked for in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPrompts:
    """A value: every step gives a new one."""

    prompts: tuple[str, ...] = ()
    """All that are known, the newest first, none twice."""
    wanted: str = ""
    position: int = 0
    """In ``found``."""

    @property
    def found(self) -> tuple[str, ...]:
        """Those that have ``wanted`` in them, in whatever case; none while nothing is wanted."""
        wanted = self.wanted.casefold().strip()
        return tuple(one for one in self.prompts if wanted in one.casefold()) if wanted else ()

    @property
    def shown(self) -> str:
        """The one that is looked at; empty where none is found."""
        found = self.found
        return found[self.position] if self.position < len(found) else ""

    def looking_for(self, wanted: str) -> FoundPrompts:
        """The one that is looked at stays while it fits."""
        others, before = replace(self, wanted=wanted, position=0), self.shown
        found = others.found
        return replace(others, position=found.index(before)) if before and before in found else others

    def and_older(self, prompts: Iterable[str]) -> FoundPrompts:
        """With more prompts, older than those that are known; what is looked at stays."""
        return replace(self, prompts=tuple(dict.fromkeys((*self.prompts, *prompts))))

    def earlier(self) -> FoundPrompts:
        """The one before; at the oldest that."""
        return replace(self, position=max(0, min(self.position + 1, len(self.found) - 1)))

    def later(self) -> FoundPrompts:
        return replace(self, position=max(0, self.position - 1))
