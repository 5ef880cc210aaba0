"""Earlier prompts, and the way back from them to what is being written."""

from __future__ import annotations

from dataclasses import dataclass, replace

_LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptHistory:
    """A value: every step gives a new one. The text that is shown is passed in by whoever shows it.

    The text not sent yet is the newest entry, one past the last of ``entries``. A recalled entry that was changed keeps
    its change while others are looked at; what was changed and then left is added as an entry of its own when a prompt is
    sent, so nothing typed is lost.
    """

    entries: tuple[str, ...] = ()
    """Oldest first."""
    position: int = 0
    """Of the entry that is shown; ``len(entries)`` is the text not sent yet."""
    changed: tuple[tuple[int, str], ...] = ()
    """Texts left behind that differ from the entry at their position, the one not sent yet among them."""
    kept: tuple[str, ...] = ()
    """Entries that were typed here and never sent: ``with_entries`` does not lose them."""

    @property
    def shown(self) -> str:
        return dict(self.changed).get(self.position, self._entry(self.position))

    def earlier(self, shown: str) -> PromptHistory | None:
        """One entry back, or None at the oldest."""
        return self._moved(shown, self.position - 1) if self.position > 0 else None

    def later(self, shown: str) -> PromptHistory | None:
        """One entry forward, at last the text not sent yet; None when that is shown."""
        return self._moved(shown, self.position + 1) if self.position < len(self.entries) else None

    def sent(self, text: str) -> PromptHistory:
        """The prompt that was shown is sent and is the last entry now."""
        history = self.left()
        return _at_end(history, (*history.entries, text))

    def cleared(self, text: str) -> PromptHistory:
        """The prompt that was shown was cleared without being sent."""
        history = self.left()
        if not text.strip():
            return history
        return replace(
            _at_end(history, (*history.entries, text)), kept=_bounded(_without_repeats((*history.kept, text)))
        )

    def left(self) -> PromptHistory:
        """Back at the newest entry; texts changed and left behind become entries."""
        changed = [text for position, text in sorted(self.changed) if position != self.position and text.strip()]
        history = _at_end(self, (*self.entries, *changed))
        return replace(history, kept=_bounded(_without_repeats((*self.kept, *changed))))

    def with_entries(self, entries: tuple[str, ...]) -> PromptHistory:
        """Other entries, after which those come that were typed here and never sent."""
        history = self.left()
        known = set(entries)
        kept = tuple(text for text in history.kept if text not in known)
        return replace(_at_end(history, (*entries, *kept)), kept=kept)

    def _entry(self, position: int) -> str:
        return self.entries[position] if position < len(self.entries) else ""

    def _moved(self, shown: str, position: int) -> PromptHistory:
        changed = {**dict(self.changed), self.position: shown}
        if shown == self._entry(self.position):
            del changed[self.position]
        return replace(self, position=position, changed=tuple(changed.items()))


def _at_end(history: PromptHistory, entries: tuple[str, ...]) -> PromptHistory:
    bounded = _bounded(_without_repeats(entries))
    return replace(history, entries=bounded, position=len(bounded), changed=())


def _without_repeats(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text for index, text in enumerate(texts) if index == 0 or text != texts[index - 1])


def _bounded(texts: tuple[str, ...]) -> tuple[str, ...]:
    return texts[-_LIMIT:]
