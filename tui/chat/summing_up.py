"""The oldest messages of a conversation in a few words, by the model that the conversation is with."""

from __future__ import annotations

from collections.abc import Sequence

from tui.chat.fitting import Plan
from tui.chat.side_question import said_to, side_request
from tui.cleaning import for_model
from tui.conversations.values import Message, Role
from tui.engine import ChatRequest, Engine, EngineError, ErrorKind

HEADING = "Summary of the conversation so far:"
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
    window = plan.window_tokens
    tokens = MOST_TOKENS if window is None else max(32, min(MOST_TOKENS, window // WORDS_SHARE))
    return side_request(_ASKS, talk, model=model, plan=plan, thinks=thinks, answer_tokens=tokens)


async def sum_up(engine: Engine, request: ChatRequest) -> str:
    """The summary under its heading. Raises ``EngineError``, also when the model says nothing."""
    text = (await said_to(engine, request)).strip()
    if not text:
        raise EngineError(
            f"{request.model} did not sum it up", "it said nothing", "choose something else", kind=ErrorKind.refused
        )
    return f"{HEADING}\n\n{text}"
