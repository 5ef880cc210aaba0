"""A person who answers questions about calls, and keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tui.engine import ToolCall
from tui.tools import Tool
from tui.tools.permissions import Permissions, Question
from tui.tools.running import RunLimits, ToolResult, run_tool_calls


class Person:
    def __init__(self, answer: Any = True) -> None:
        self.answer = answer
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> bool:
        self.asked.append(question)
        return self.answer  # type: ignore[no-any-return]


async def run_one(
    tools: Tool | Iterable[Tool],
    name: str,
    arguments: dict[str, Any] | None = None,
    *,
    permissions: Permissions | None = None,
    limits: RunLimits | None = None,
) -> ToolResult:
    listed = [tools] if isinstance(tools, Tool) else list(tools)
    allowed = permissions or Permissions(ask=Person())
    [result] = await run_tool_calls(
        [ToolCall(name=name, arguments=arguments or {}, id="call_1")], listed, allowed, limits=limits
    )
    return result
