"""What a tool is, and the decorator that makes one of a typed function."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, overload

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.tools.schema import documented, parameters_of
from tui.tools.shown import shown_call

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")


class Effect(StrEnum):
    """What a call can do to the world; it decides whether a rule may allow it unasked."""

    harmless = "harmless"
    """It reads what the person pointed it to, or computes."""
    reaches_out = "reaches out"
    """It asks another machine, and so tells it something."""
    acts = "acts"
    """It may change anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCall:
    """A call that only needs a yes. What is shown is what is run: nothing is looked up once more in between."""

    shown: str
    """The whole call, raw."""
    run: Callable[[], Awaitable[object]]
    """Raises ``Failure`` when it cannot be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    name: str
    description: str
    parameters: Mapping[str, Any]
    """An ``object`` schema in the keys that Ollama keeps."""
    prepare: Callable[[dict[str, Any]], Awaitable[PreparedCall]]
    """Given arguments that fit ``parameters``. Has no effect; raises ``Failure`` for a call that cannot be made."""
    effect: Effect = Effect.acts
    source: str = "built in"
    """Where it comes from, for a person: ``built in``, or the file it stands in."""

    @property
    def declaration(self) -> Mapping[str, Any]:
        """As a server is told of it, for ``ChatRequest.tools``."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}


Function = Callable[..., Any]


@overload
def tool(function: Function, /) -> Tool: ...


@overload
def tool(*, name: str = "", harmless: bool = False) -> Callable[[Function], Tool]: ...


def tool(
    function: Function | None = None, /, *, name: str = "", harmless: bool = False
) -> Tool | Callable[[Function], Tool]:
    """Makes a tool of a function: the schema from its type hints, the words from its docstring.

    ``@tool`` alone, or ``@tool(harmless=True)`` for one that has no effect and asks nobody, which alone may be allowed
    unasked. A plain function runs in a thread, which nobody can stop: what may take long is better written ``async``.
    Raises ``Failure`` when the function's types say too little.
    """
    if function is None:
        return partial(_made, name=name, harmless=harmless)
    return _made(function, name=name, harmless=harmless)


def _made(function: Function, *, name: str, harmless: bool) -> Tool:
    called = name or str(getattr(function, "__name__", ""))
    if not NAME.match(called):
        raise Failure(f"{clean_line(called, 80) or 'this'} is no name for a tool", "", "use letters, digits and _")
    description, _ = documented(function)

    async def prepare(arguments: dict[str, Any]) -> PreparedCall:
        return PreparedCall(shown=shown_call(called, arguments), run=partial(_call, function, arguments))

    return Tool(
        name=called,
        description=description,
        parameters=parameters_of(function),
        prepare=prepare,
        effect=Effect.harmless if harmless else Effect.acts,
    )


async def _call(function: Function, arguments: dict[str, Any]) -> object:
    if inspect.iscoroutinefunction(function):
        return await function(**arguments)
    return await asyncio.to_thread(function, **arguments)
