"""The oldest messages of a conversation in a few words, by the model that the conversation is with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from types import MappingProxyType

from tui.chat.fitting import Plan
from tui.cleaning import for_model
from tui.conversations.values import Message, Role
from tui.engine import ChatMessage, ChatRequest, Chunk, Engine, EngineError, ErrorKind, FinalCounts

HEADING = "Summary of the conversation so far:"
RUNNER_OPTIONS = ("num_ctx", "num_gpu", "num_batch", "num_thread", "main_gpu", "use_mmap", "seed", "temperature")
"""What goes along: with other ones the model would be loaded anew."""
MOST_TOKENS = 600
WORDS_SHARE = 8
"""A summary takes at most an eighth of the window."""

_ASKS = (
    "Sum up the conversation below so that it can go on without it: names, numbers, decisions, code that matters, and "
    "what is still open. At most 200 words, in the language of the conversation, without an introduction."
)
_SAID_BY = {Role.user: "Person", Role.assistant: "Assistant", Role.system: "Earlier summary", Role.tool: "Tool"}


def summary_request(messages: Sequence[Message], *, model: str, plan: Plan, thinks: bool) -> ChatRequest:
    """``thinks``: the model would think first unless it is told not to."""
    talk = "\n\n".join(f"{_SAID_BY[one.role]}: {for_model(one.text)}" for one in messages if one.text)
    options = {name: value for name, value in plan.generation.options.items() if name in RUNNER_OPTIONS}
    window = plan.window_tokens
    options["num_predict"] = MOST_TOKENS if window is None else max(32, min(MOST_TOKENS, window // WORDS_SHARE))
    return ChatRequest(
        model=model,
        messages=(ChatMessage(role="user", text=f"{_ASKS}\n\n{talk}\n\n{_ASKS}"),),
        options=MappingProxyType(options),
        think=False if thinks else None,
        keep_alive=plan.generation.keep_alive,
    )


async def sum_up(engine: Engine, request: ChatRequest) -> str:
    """The summary under its heading. Raises ``EngineError``, also when the model says nothing."""
    said: list[str] = []
    async with aclosing(engine.chat(request)) as stream:
        async for part in stream:
            match part:
                case Chunk(text=text):
                    said.append(text)
                case FinalCounts():
                    pass
    text = "".join(said).strip()
    if not text:
        raise EngineError(
            f"{request.model} did not sum it up", "it said nothing", "choose something else", kind=ErrorKind.refused
        )
    return f"{HEADING}\n\n{text}"
