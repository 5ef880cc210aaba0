"""What of a conversation its model is shown, and with what: the one place where its next request is made.

Pure: a ``Plan`` says what holds at this moment, and everything else follows from the conversation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from tui.chat.context_window import (
    SMALLEST_ANSWER_TOKENS,
    USUAL_TOKENS_PER_CHARACTER,
    Fit,
    Scale,
    WindowUse,
    answer_limit,
    fit,
    learn_scale,
    measure,
    was_cut,
    within_limits,
)
from tui.chat.generation import AS_THE_MODEL_IS_MADE, Generation
from tui.chat.going_on import as_one_goes_on
from tui.chat.request import build_request
from tui.conversations.control import Control
from tui.conversations.values import Attachment, Conversation, Message, MessageState, Role
from tui.engine import ChatRequest, FinalCounts, Model, RunningModel
from tui.failures import Failure

SYSTEM_ID = "system"
"""Of the message that the system prompt is measured as; no conversation has it."""
UNKNOWN_ERROR = 0.1
"""How far off an estimate is taken to be while there were none to compare."""
LEAST_MARGIN_TOKENS = 8
CUT_SHARE = 0.8
"""Of what an estimate expects; with less than that something is missing, and not only estimated badly."""
MOST_WITH_TOOLS = 0.5
"""Tokens for a character. What a model is told of its tools is counted, and stands in no message: with little said
beside it, the text would seem to take many times the tokens that it does."""
ANSWER_SHARE = 4
"""A quarter of the window is left free by what is dropped, so that not every prompt drops something again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What holds for the next request of a conversation."""

    generation: Generation = AS_THE_MODEL_IS_MADE
    system: str = ""
    history_messages: int | None = None
    history_tokens: int | None = None
    window_tokens: int | None = None
    """The window that the request will have: the loaded model's, or what the request sets. None: nobody knows."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """What the model is told of those that it may call."""
    extra_context: str = ""
    """Goes before the last prompt, and is in no later request: passages of documents, say."""
    can_see: bool | None = None
    """Whether the model takes pictures; None while nobody knows."""
    pictures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Those that go along with what was said: standard base64, by the hash of what is attached."""
    goes_on: bool = False
    """The last answer goes along, and is gone on with."""


AS_IT_IS = Plan()


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    request: ChatRequest
    control: Control
    """The conversation's, after what fell out unasked since it said so."""
    dropped: int = 0
    """How many messages fell out of it just now."""
    lost: tuple[Failure, ...] = ()
    """What was attached earlier and is gone: the model is told so."""


def window_tokens(generation: Generation, running: RunningModel | None, model: Model | None) -> int | None:
    """The window that a request gets: the loaded model's, unless the request sets its own and makes it load anew."""
    wanted = generation.options.get("num_ctx")
    if isinstance(wanted, int):
        return min(wanted, (model.trained_context_tokens if model is not None else None) or wanted)
    return None if running is None or running.has_died else running.context_tokens or None


def compose(conversation: Conversation, model: str, plan: Plan) -> Composed:
    """The request for what was said last, as large as it may become.

    Where the conversation says that the oldest are dropped unasked, they are. An answer is asked to end where the
    window does, unless the person said where: a server whose window overflows drops the beginning without a word.
    """
    before = conversation.control
    conversation = with_extra_context(conversation, plan.extra_context)
    if before.when_full == "drop" and (found := falls_out(conversation, model, plan)) is not None and found.dropped:
        conversation = replace(conversation, control=dropped(conversation, found.dropped))
    seen = shown(conversation, model, plan)
    generation = plan.generation
    if "num_predict" not in generation.options and (limit := _answer_tokens(conversation, model, plan)) is not None:
        options = MappingProxyType({**generation.options, "num_predict": limit})
        generation = replace(generation, options=options)
    if plan.goes_on:
        generation = as_one_goes_on(generation, conversation.messages[-1])
    request = build_request(
        replace(conversation, messages=_with_one_system_message(seen)),
        model=model,
        generation=generation,
        tools=plan.tools,
        pictures=plan.pictures,
        goes_on=plan.goes_on,
    )
    has_changed = conversation.control != before
    return Composed(
        request=request,
        control=conversation.control,
        dropped=len(found.dropped) if has_changed and found is not None else 0,
    )


def with_extra_context(conversation: Conversation, extra_context: str) -> Conversation:
    """For one request: ``extra_context`` goes before what was asked last, in the same message."""
    messages = conversation.messages
    last = max((index for index, one in enumerate(messages) if one.role is Role.user), default=-1)
    if not extra_context or last < 0:
        return conversation
    asked = replace(messages[last], text=f"{extra_context}\n\n{messages[last].text}")
    return replace(conversation, messages=(*messages[:last], asked, *messages[last + 1 :]))


def shown(conversation: Conversation, model: str, plan: Plan) -> tuple[Message, ...]:
    """What the model sees, its system prompt first; a summary stands where what it sums up was left out."""
    kept = _kept(conversation)
    if plan.history_messages is not None or plan.history_tokens is not None:
        kept = within_limits(
            kept,
            model=model,
            max_messages=plan.history_messages,
            max_tokens=plan.history_tokens,
            scale=scale_of(conversation, model, plan),
        )
    if not plan.system:
        return kept
    system = Message(id=SYSTEM_ID, role=Role.system, text=plan.system, at=conversation.created_at)
    return (system, *kept)


def left_out(conversation: Conversation) -> tuple[Message, ...]:
    """What was said and the model is not shown any more."""
    kept = {one.id for one in _kept(conversation)}
    return tuple(one for one in conversation.messages if one.id not in kept)


def window_use(
    conversation: Conversation,
    model: str,
    plan: Plan,
    *,
    unsent: str = "",
    attached: Sequence[Attachment] = (),
    scale: Scale | None = None,
) -> WindowUse:
    """How full the window is, and what ``unsent`` adds with what is ``attached`` to it.

    ``scale`` is ``scale_of``'s, for a caller that has it already.
    """
    return measure(
        _countable(conversation, model, plan),
        model=model,
        limit=plan.window_tokens,
        unsent=unsent,
        attached=attached,
        scale=scale or scale_of(conversation, model, plan),
    )


def scale_of(conversation: Conversation, model: str, plan: Plan) -> Scale:
    """From characters to tokens, from what was counted of this conversation as far as it tells."""
    scale = _learned_scale(conversation, model, plan)
    has_tools = bool(plan.tools or conversation.control.tools) or any(one.tool_calls for one in conversation.messages)
    if not has_tools or scale.tokens_per_character <= MOST_WITH_TOOLS:
        return scale
    return replace(scale, tokens_per_character=MOST_WITH_TOOLS)


def _learned_scale(conversation: Conversation, model: str, plan: Plan) -> Scale:
    system = _system_before(conversation, plan)
    counted = learn_scale((*system, *_counted_since_left_out(conversation)), model=model)
    is_limited = plan.history_messages is not None or plan.history_tokens is not None
    if counted.is_learned and not is_limited:
        return counted
    end = _position(conversation.messages, conversation.control.left_out_at)
    said = _without_foreign_counts(conversation.messages[: end + 1])
    earlier = learn_scale((*system, *said), model=model) if end >= 0 else counted
    # Some of what was said was not shown when it was counted, so the ratio may be too small.
    ratio = max(earlier.tokens_per_character, USUAL_TOKENS_PER_CHARACTER)
    return replace(earlier, tokens_per_character=ratio, error=None)


def falls_out(
    conversation: Conversation, model: str, plan: Plan, *, unsent: str = "", attached: Sequence[Attachment] = ()
) -> Fit | None:
    """What must go so that the next request fits; None while it fits as it is, or nobody knows.

    With nothing unsent, the last prompt is the one that is asked.
    """
    limit = plan.window_tokens
    if limit is None:
        return None
    use = window_use(conversation, model, plan, unsent=unsent, attached=attached)
    if use.used + use.added + _least_answer_tokens(limit) <= limit:
        return None
    return fit(
        _countable(conversation, model, plan),
        model=model,
        limit=limit,
        unsent=unsent,
        attached=attached,
        answer_tokens=max(_least_answer_tokens(limit), limit // ANSWER_SHARE),
        scale=scale_of(conversation, model, plan),
    )


def dropped(conversation: Conversation, messages: Sequence[Message]) -> Control:
    """The conversation's control once ``messages``, its oldest, are not shown any more; they stay in it."""
    gone = {one.id for one in messages}
    last = next((one.id for one in reversed(conversation.messages) if one.id in gone), "")
    if not last:
        return conversation.control
    at = conversation.messages[-1].id
    return replace(conversation.control, left_out_until=last, left_out_at=at)


def was_window_cut(conversation: Conversation, model: str, plan: Plan) -> str:
    """In words, what the counts of the last answer show that the server dropped; empty when they show nothing."""
    messages = _countable(conversation, model, plan)
    last = conversation.messages[-1] if conversation.messages else None
    counts = None if last is None or last.model != model else last.counts
    if counts is None or counts.prompt_tokens is None:
        return ""
    # A ratio learned from messages that a person took out meanwhile is too large: that is no reason for an alarm.
    learned = learn_scale(messages[:-1], model=model).tokens_per_character
    scale = Scale(tokens_per_character=min(learned, USUAL_TOKENS_PER_CHARACTER))
    if counts.prompt_tokens < CUT_SHARE * scale.tokens(messages[:-1]) and was_cut(messages, model=model):
        return "the server dropped a part of what was said: it read less than before, though more was said"
    limit = plan.window_tokens
    total = counts.prompt_tokens + (counts.answer_tokens or 0)
    if limit is not None and total > limit:
        return f"the window of {limit:,} tokens overflowed while it answered: the beginning was dropped"
    return ""


def ended_at_window(message: Message, plan: Plan) -> bool:
    """Whether an answer was cut off because the window was full, and not where a person said."""
    counts = message.counts or FinalCounts()
    return counts.done_reason == "length" and "num_predict" not in plan.generation.options


def _answer_tokens(conversation: Conversation, model: str, plan: Plan) -> int | None:
    """The room that is left, less what the estimate may be wrong by; None while nobody knows."""
    if plan.window_tokens is None:
        return None
    scale = scale_of(conversation, model, plan)
    use = window_use(conversation, model, plan)
    room = answer_limit(use)
    if room is None:
        return None
    messages = _countable(conversation, model, plan)
    counted = max((index for index, one in enumerate(messages) if one.counts is not None), default=-1)
    estimated = scale.tokens(messages[counted + 1 :])
    margin = math.ceil(estimated * (UNKNOWN_ERROR if scale.error is None else scale.error))
    return max(1, room - max(LEAST_MARGIN_TOKENS, margin))


def _least_answer_tokens(limit: int) -> int:
    return min(SMALLEST_ANSWER_TOKENS, limit // 8)


def _kept(conversation: Conversation) -> tuple[Message, ...]:
    """Without what was left out; a system message that stands before the first prompt stays."""
    messages = conversation.messages
    end = _position(messages, conversation.control.left_out_until)
    if end < 0:
        return messages
    first = next((index for index, one in enumerate(messages) if one.role is not Role.system), len(messages))
    return (*messages[: min(first, end + 1)], *messages[end + 1 :])


def _countable(conversation: Conversation, model: str, plan: Plan) -> tuple[Message, ...]:
    """As ``shown``, with only those counts that are of what is shown at this moment."""
    seen = shown(conversation, model, plan)
    if plan.history_messages is not None or plan.history_tokens is not None:
        return tuple(_uncounted(one) for one in seen)
    valid = {one.id for one in _counted_since_left_out(conversation) if one.counts is not None}
    return tuple(one if one.id in valid else _uncounted(one) for one in seen)


def _counted_since_left_out(conversation: Conversation) -> tuple[Message, ...]:
    kept = _without_foreign_counts(_kept(conversation))
    end = _position(conversation.messages, conversation.control.left_out_at)
    if end < 0:
        return kept
    stale = {one.id for one in conversation.messages[: end + 1]}
    return tuple(_uncounted(one) if one.id in stale else one for one in kept)


def _without_foreign_counts(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The server counted passages of documents with the prompt, and they are in no later request."""
    return tuple(_uncounted(one) if one.sources else one for one in messages)


def _uncounted(message: Message) -> Message:
    return message if message.counts is None else replace(message, counts=None)


def _system_before(conversation: Conversation, plan: Plan) -> tuple[Message, ...]:
    if not plan.system:
        return ()
    return (Message(id=SYSTEM_ID, role=Role.system, text=plan.system, at=conversation.created_at),)


def _position(messages: Sequence[Message], message_id: str) -> int:
    """-1 when there is none of that id."""
    return next((index for index, one in enumerate(messages) if one.id == message_id), -1) if message_id else -1


def _with_one_system_message(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """All of them as one at the beginning: many templates refuse another one, and one that stands elsewhere."""
    said = [one for one in messages if one.role is Role.system and one.state is not MessageState.not_sent]
    if not said:
        return messages
    one = replace(said[0], text="\n\n".join(message.text for message in said))
    return (one, *(message for message in messages if message.role is not Role.system))
