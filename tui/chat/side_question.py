"""A question that chinwag asks a model about a conversation, beside it: short, without tools, and not kept."""

from __future__ import annotations

from contextlib import aclosing
from types import MappingProxyType

from tui.chat.fitting import Plan
from tui.engine import ChatMessage, ChatRequest, Chunk, Engine

RUNNER_OPTIONS = ("num_ctx", "num_gpu", "num_batch", "num_thread", "main_gpu", "use_mmap", "seed", "temperature")
"""What goes along: with other ones the model would be loaded anew."""


def side_request(task: str, talk: str, *, model: str, plan: Plan, thinks: bool, answer_tokens: int) -> ChatRequest:
    """The task stands before and after the talk, which may be long. ``thinks``: it would, unless it is told not to."""
    options = {name: value for name, value in plan.generation.options.items() if name in RUNNER_OPTIONS}
    return ChatRequest(
        model=model,
        messages=(ChatMessage(role="user", text=f"{task}\n\n{talk}\n\n{task}"),),
        options=MappingProxyType({**options, "num_predict": answer_tokens}),
        think=False if thinks else None,
        keep_alive=plan.generation.keep_alive,
    )


async def said_to(engine: Engine, request: ChatRequest) -> str:
    """The text of the whole answer. Raises ``EngineError``."""
    async with aclosing(engine.chat(request)) as stream:
        return "".join([part.text async for part in stream if isinstance(part, Chunk)])
