"""Going on with an answer that was cut off: what it takes, and one message of both parts. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from tui.chat.generation import Generation
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import FinalCounts
from tui.failures import Failure

CUT_OFF = "length"
"""Why the server ended an answer that had reached its last token."""
SAME_BEGINNING_CHARACTERS = 24
"""Who repeats so much of the beginning began anew."""
_ENDS_THE_LAST_OTHERWISE = re.compile(r"\$?last\b|add_generation_prompt|continue_final_message", re.IGNORECASE)
_TURNS = re.compile(r"\.Messages|\bmessages\b")


def is_cut_off(message: Message) -> bool:
    """Whether an answer ended before it was at its end, with something to go on from."""
    if message.role is not Role.assistant or not message.text.strip() or message.tool_calls:
        return False
    if message.state in (MessageState.stopped, MessageState.broken_off):
        return True
    return message.state is MessageState.complete and (message.counts or FinalCounts()).done_reason == CUT_OFF


def why_not_go_on(conversation: Conversation) -> Failure | None:
    """Why the last message cannot be gone on with; None when it can."""
    last = conversation.messages[-1] if conversation.messages else None
    title, again = "there is nothing to go on with", "ask again"
    if last is None or last.role is not Role.assistant:
        return Failure(title, "the last message is no answer", "enter on an empty prompt asks for one")
    if last.tool_calls:
        return Failure(title, "the answer ended with the call of a tool", again)
    if not last.text.strip():
        why = "the model had only been thinking" if last.thinking else "nothing had come of the answer"
        return Failure(title, why, "regenerate it")
    return None


def begun_again(message: Message, *, model: str) -> Message:
    """The answer as one that is under way once more, with the text that it has."""
    return replace(message, state=MessageState.answering, model=model, counts=None, failure="")


def as_one_goes_on(generation: Generation, answer: Message) -> Generation:
    """A model that may think would begin with that, and a grammar lets nothing through but a whole."""
    think = False if generation.think or answer.thinking else generation.think
    return replace(generation, think=think, format=None)


def joined(before: Message, ended: Message, *, brought_anything: bool) -> Message:
    """``ended``, which has the text of both parts, with the numbers of both.

    Nothing came: it is as it was before.
    """
    if not brought_anything and ended.state is not MessageState.complete:
        return replace(before, failure=ended.failure) if ended.failure and before.failure else before
    seconds = None if ended.seconds is None else (before.seconds or 0.0) + ended.seconds
    return replace(
        ended,
        thinking_seconds=before.thinking_seconds,
        thinking_pieces=before.thinking_pieces,
        first_token_seconds=before.first_token_seconds,
        pieces=(before.pieces or 0) + (ended.pieces or 0) or None,
        seconds=seconds,
        counts=None if ended.counts is None else _added(before, ended.counts),
    )


def _added(before: Message, counts: FinalCounts) -> FinalCounts:
    """As if both parts were one answer to the prompt.

    The second request had the first part in its prompt. Where the server never counted that part, the pieces that
    arrived and the seconds that they took stand for it.
    """
    first = before.counts or FinalCounts()
    first_tokens = first.answer_tokens if first.answer_tokens is not None else before.pieces
    first_seconds = first.answer_seconds
    if first_seconds is None and before.seconds is not None:
        first_seconds = max(0.0, before.seconds - (before.first_token_seconds or 0.0))
    if first_tokens is None:
        return counts
    prompt_tokens = first.prompt_tokens
    if prompt_tokens is None and counts.prompt_tokens is not None:
        prompt_tokens = max(1, counts.prompt_tokens - first_tokens)
    return replace(
        counts,
        prompt_tokens=prompt_tokens,
        prompt_seconds=first.prompt_seconds if first.prompt_seconds is not None else counts.prompt_seconds,
        answer_tokens=None if counts.answer_tokens is None else first_tokens + counts.answer_tokens,
        answer_seconds=None if counts.answer_seconds is None else (first_seconds or 0.0) + counts.answer_seconds,
        total_seconds=None if counts.total_seconds is None else (first.total_seconds or 0.0) + counts.total_seconds,
        load_seconds=first.load_seconds if first.load_seconds is not None else counts.load_seconds,
    )


def began_anew(before: str, text: str) -> bool:
    """Whether what came in addition is the answer from its beginning: the model did not see that it was to go on."""
    added = text[len(before) :].lstrip()
    beginning = before.lstrip()[:SAME_BEGINNING_CHARACTERS]
    return len(beginning) == SAME_BEGINNING_CHARACTERS and added.startswith(beginning)


def may_begin_anew(template: str) -> bool:
    """Whether a model's template looks as if it closed every message, the one that is to be gone on with, too.

    A guess: only the answer shows it. An unknown or plain template leaves the last answer open.
    """
    return bool(_TURNS.search(template)) and not _ENDS_THE_LAST_OTHERWISE.search(template)
