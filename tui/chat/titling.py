"""A title for a conversation by the model that it is with, when somebody asks for one."""

from __future__ import annotations

import re

from tui.chat.fitting import Plan
from tui.chat.side_question import said_to, side_request
from tui.cleaning import clean_line, for_model
from tui.conversations.titles import TITLE_CELLS, cut_at_word, title_from_prompt
from tui.conversations.values import Conversation, Message, Role
from tui.engine import ChatRequest, Engine, EngineError, ErrorKind

MOST_TOKENS = 48
MOST_TOKENS_OF_A_THINKER = 512
"""Some models think whatever they are told; what they think counts, too."""
MESSAGE_CHARACTERS = 1200
FIRST_MESSAGES, LAST_MESSAGES = 2, 3
"""What a conversation is about stands at its beginning, and where it has come to at its end."""

_ASKS = (
    "Give the conversation below a title: at most seven words, in its own language, on one line, without quotes, "
    "without a full stop and without an introduction. Answer with the title alone."
)
_SAID_BY = {Role.user: "Person", Role.assistant: "Assistant"}
_INTRODUCTION = re.compile(r"^\W*(?:title|titel|titre|título|titolo)\W*[:：][\s*_]*", re.IGNORECASE)
_QUOTES = "\"'`“”„‟‘’«»‹›「」『』"
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)


def title_request(conversation: Conversation, *, model: str, plan: Plan, thinks: bool) -> ChatRequest:
    """``thinks``: the model would think first unless it is told not to."""
    talk = "\n\n".join(f"{_SAID_BY[one.role]}: {_excerpt(one.text)}" for one in _told(conversation))
    tokens = MOST_TOKENS_OF_A_THINKER if thinks else MOST_TOKENS
    return side_request(_ASKS, talk, model=model, plan=plan, thinks=thinks, answer_tokens=tokens)


async def ask_for_title(engine: Engine, request: ChatRequest) -> str:
    """A clean line of at most ``TITLE_CELLS``. Raises ``EngineError``, also when the model says nothing of use."""
    title = title_from_answer(await said_to(engine, request))
    if not title:
        raise EngineError(
            f"{request.model} found no title",
            "it said nothing that is one",
            "write one yourself",
            kind=ErrorKind.refused,
        )
    return title


def title_from_answer(text: str) -> str:
    """What of an answer is the title, without quotes, marks and introductions; empty where nothing is."""
    lines = [one.strip() for one in _THOUGHT.sub("", text).splitlines() if one.strip()]
    if len(lines) > 1 and lines[0].endswith((":", "：")):
        lines = lines[1:]
    for line in lines:
        plain = clean_line(title_from_prompt(_INTRODUCTION.sub("", line.strip(_QUOTES + "*_# "))))
        bare = plain.strip(_QUOTES + " ").removesuffix(".").rstrip(_QUOTES + " ")
        if any(character.isalnum() for character in bare):
            return cut_at_word(bare, TITLE_CELLS)
    return ""


def _told(conversation: Conversation) -> tuple[Message, ...]:
    spoken = [one for one in conversation.messages if one.role in _SAID_BY and one.text.strip()]
    if len(spoken) <= FIRST_MESSAGES + LAST_MESSAGES:
        return tuple(spoken)
    return (*spoken[:FIRST_MESSAGES], *spoken[-LAST_MESSAGES:])


def _excerpt(text: str) -> str:
    text = for_model(text)
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]} …"
