"""Who allows a call: a rule for what is harmless, else the person, each time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from tui.failures import Failure
from tui.tools.declared import Effect, Tool
from tui.tools.shown import SPELLED_OUT, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked before a call is made. The answer that comes without thinking must be no."""

    tool: str
    effect: Effect
    source: str
    text: str
    """The whole call, clean, every hidden character spelled out. It may have many lines."""
    hidden_characters: int
    """How many of them there are; more than none is a warning by itself."""


Ask = Callable[[Question], Awaitable[bool]]
"""Only ``True`` is a yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    ask: Ask | None = None
    """None where nobody can be asked: without a terminal."""
    allowed: frozenset[str] = frozenset()
    """The allow rules: names of harmless tools that run unasked. A rule for any other tool has no meaning."""
    allowed_without_asking: frozenset[str] = frozenset()
    """Tools of any kind that a script named, one by one. It counts only where nobody can be asked."""

    def with_rule(self, tool: Tool) -> Permissions:
        """Raises ``Failure`` for a tool that has to be asked about each time."""
        if tool.effect is not Effect.harmless:
            raise Failure(f"{tool.name} is asked about each time", f"it {_words(tool.effect)}", "allow a single call")
        return replace(self, allowed=self.allowed | {tool.name})

    def without_rule(self, name: str) -> Permissions:
        return replace(self, allowed=self.allowed - {name})

    def rules(self, tools: Iterable[Tool]) -> tuple[str, ...]:
        """The rules that mean something for ``tools``, sorted."""
        return tuple(sorted(tool.name for tool in tools if self._has_rule(tool)))

    async def refusal(self, tool: Tool, shown: str) -> str:
        """Empty when the call may be made, else why not, for the model."""
        if self._has_rule(tool):
            return ""
        if self.ask is None:
            if tool.name in self.allowed_without_asking:
                return ""
            return f"{tool.name} was not run: nobody is there to allow it"
        text = visible(shown)
        question = Question(
            tool=tool.name,
            effect=tool.effect,
            source=tool.source,
            text=text,
            hidden_characters=text.count(SPELLED_OUT),
        )
        if await self.ask(question) is True:
            return ""
        return f"{tool.name} was not run: the person said no. Do not ask for the same again"

    def _has_rule(self, tool: Tool) -> bool:
        return tool.effect is Effect.harmless and tool.name in self.allowed


def _words(effect: Effect) -> str:
    return "reaches out to another machine" if effect is Effect.reaches_out else "can change things"
