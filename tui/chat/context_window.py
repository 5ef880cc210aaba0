"""How much of a model's context window a conversation takes, what the next prompt adds, and what falls out of it.

Counts are the server's. What was not sent yet is estimated from what the server counted of this conversation before, and
how far off such estimates were is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui.conversations.values import Attachment, AttachmentKind, Message, MessageState, Role

USUAL_TOKENS_PER_CHARACTER = 0.25
TOKENS_PER_MESSAGE = 4.0
"""What a template writes around each message, about."""
MOST_JUDGED = 50
LEAST_CHARACTERS_TO_LEARN = 200
"""In less text, what the template adds outweighs it."""
LEAST_TOKENS_PER_CHARACTER, MOST_TOKENS_PER_CHARACTER = 0.02, 4.0
TOKENS_PER_PICTURE = 768
"""No server says it before it has read one; models take from 256 to 1,600."""
SMALLEST_ANSWER_TOKENS = 256
"""Room that is kept for the answer when a prompt is made to fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From characters to tokens."""

    tokens_per_character: float = USUAL_TOKENS_PER_CHARACTER
    is_learned: bool = False
    """From this model's own counts; else it is the usual guess."""
    error: float | None = None
    """By which part of themselves the last ``MOST_JUDGED`` estimates were wrong, on average; None without any."""

    def tokens(self, messages: Iterable[Message]) -> int:
        return round(sum(self._tokens_of(characters_of(one), pictures_in(one.attachments)) for one in messages))

    def tokens_of(self, text: str, attached: Sequence[Attachment] = ()) -> int:
        """What a prompt with ``text`` and what goes along with it adds; 0 for an empty one, which is not sent."""
        if not text and not attached:
            return 0
        return round(self._tokens_of(len(text) + attached_characters(attached), pictures_in(attached)))

    def _tokens_of(self, characters: int, pictures: int) -> float:
        return TOKENS_PER_MESSAGE + characters * self.tokens_per_character + pictures * TOKENS_PER_PICTURE


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUse:
    """All in tokens."""

    used: int
    """What the next request carries of what was said so far."""
    is_counted: bool
    """By the server, all of ``used``; else a part of it is estimated."""
    added: int
    """What is written and not sent, estimated."""
    limit: int | None
    """None while nobody knows it."""

    @property
    def room(self) -> int | None:
        """What is left for the answer; below 0 when it does not fit."""
        return None if self.limit is None else self.limit - self.used - self.added


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What must go so that a prompt fits."""

    dropped: tuple[Message, ...] = ()
    """The oldest, in their order; a prompt goes with its answers."""
    tokens: int
    """Of what stays, the new prompt included."""
    fits: bool
    """False when the system messages and the new prompt alone are too much."""


def characters_of(message: Message) -> int:
    """Of its text and of the texts that go along with it."""
    return len(message.text) + attached_characters(message.attachments)


def attached_characters(attached: Iterable[Attachment]) -> int:
    """About how many: they are counted as bytes, of which some characters take more than one."""
    return sum(one.size_bytes for one in attached if one.kind is not AttachmentKind.image)


def pictures_in(attached: Iterable[Attachment]) -> int:
    return sum(one.kind is AttachmentKind.image for one in attached)


def learn_scale(messages: Sequence[Message], *, model: str) -> Scale:
    """From the counts that the server gave of ``model``'s answers in this conversation.

    Nothing is learned from a count with pictures in it: what those take is not in their size.
    """
    scale, errors = Scale(), []
    previous: int | None = None
    characters, count, has_pictures = 0, 0, False
    judged_from = _judged_from(messages, model)
    for index, message in enumerate(messages):
        tokens = _prompt_tokens(message, model)
        if tokens is not None and not has_pictures:
            if previous is not None and scale.is_learned and index >= judged_from:
                estimated = _anchored(messages, previous, scale, until=index, model=model)
                errors.append(abs(estimated - tokens) / tokens)
            if characters >= LEAST_CHARACTERS_TO_LEARN:
                ratio = (tokens - TOKENS_PER_MESSAGE * count) / characters
                ratio = min(MOST_TOKENS_PER_CHARACTER, max(LEAST_TOKENS_PER_CHARACTER, ratio))
                scale = Scale(tokens_per_character=ratio, is_learned=True)
            previous = index
        if _is_spoken(message):
            count += 1
            characters += len(message.text)
            if message.attachments:
                characters += attached_characters(message.attachments)
                has_pictures = has_pictures or pictures_in(message.attachments) > 0
    error = sum(errors) / len(errors) if errors else None
    return Scale(tokens_per_character=scale.tokens_per_character, is_learned=scale.is_learned, error=error)


def _judged_from(messages: Sequence[Message], model: str) -> int:
    """Where those counts begin of which it is said how wrong the estimate was: what was long ago says little."""
    left = MOST_JUDGED
    for index in reversed(range(len(messages))):
        left -= _prompt_tokens(messages[index], model) is not None
        if not left:
            return index
    return 0


def measure(
    messages: Sequence[Message],
    *,
    model: str,
    limit: int | None,
    unsent: str = "",
    attached: Sequence[Attachment] = (),
    scale: Scale | None = None,
) -> WindowUse:
    """How full the window of ``model`` is with ``messages``, which begin with what the model sees first.

    ``limit`` is the context length of the loaded model, else what the next request sets. ``scale`` is
    ``learn_scale``'s, for a caller that has it already.
    """
    scale = scale or learn_scale(messages, model=model)
    last = _last_counted(messages, model)
    if last is None:
        spoken = _spoken(messages)
        used, is_counted = scale.tokens(spoken), not spoken
    else:
        used = round(_anchored(messages, last, scale, until=len(messages), model=model))
        is_counted = not messages[last].thinking and not _spoken(messages[last + 1 :])
    return WindowUse(used=used, is_counted=is_counted, added=scale.tokens_of(unsent, attached), limit=limit)


def fit(
    messages: Sequence[Message],
    *,
    model: str,
    limit: int,
    unsent: str = "",
    attached: Sequence[Attachment] = (),
    answer_tokens: int = SMALLEST_ANSWER_TOKENS,
    scale: Scale | None = None,
) -> Fit:
    """Which of the oldest exchanges go so that ``unsent`` and an answer of ``answer_tokens`` have room.

    System messages stay. With nothing unsent, the last prompt stays as well: it is the one that is asked.
    """
    scale = scale or learn_scale(messages, model=model)
    use = measure(messages, model=model, limit=limit, unsent=unsent, attached=attached, scale=scale)
    tokens, aim = use.used + use.added, limit - answer_tokens
    dropped: list[Message] = []
    for exchange in _exchanges(messages, keeps_last=not (unsent or attached)):
        if tokens <= aim:
            break
        dropped += exchange
        tokens -= scale.tokens(_spoken(exchange))
    return Fit(dropped=tuple(dropped), tokens=max(0, tokens), fits=tokens <= aim)


def within_limits(
    messages: Sequence[Message],
    *,
    model: str,
    max_messages: int | None = None,
    max_tokens: int | None = None,
    scale: Scale | None = None,
) -> tuple[Message, ...]:
    """The newest messages that a person's limits on the history leave; system messages stay and do not count.

    A prompt goes with its answers, and the last prompt always stays. None is no limit.
    """
    scale = scale or learn_scale(messages, model=model)
    gone: set[str] = set()
    count, tokens = 0, 0.0
    for number, exchange in enumerate(reversed(_exchanges(messages, keeps_last=False))):
        spoken = _spoken(exchange)
        count, tokens = count + len(spoken), tokens + scale.tokens(spoken)
        is_over = (max_messages is not None and count > max_messages) or (
            max_tokens is not None and tokens > max_tokens
        )
        if gone or (is_over and number):
            gone.update(one.id for one in exchange)
    return tuple(one for one in messages if one.id not in gone)


def answer_limit(use: WindowUse) -> int | None:
    """``num_predict`` with which an answer ends at the edge of the window, so that no server drops its beginning.

    None while the limit is unknown or nothing is left.
    """
    room = use.room
    return room if room is not None and room > 0 else None


def was_cut(messages: Sequence[Message], *, model: str) -> bool:
    """Whether the server's counts show that it dropped a part of the last request.

    The history grew since the answer before, and the server says that it read fewer tokens.
    """
    last = _last_counted(messages, model)
    if last is None:
        return False
    before = _last_counted(messages[:last], model)
    if before is None:
        return False
    then, lately = _prompt_tokens(messages[before], model), _prompt_tokens(messages[last], model)
    return then is not None and lately is not None and lately < then


def _prompt_tokens(message: Message, model: str) -> int | None:
    if message.role is not Role.assistant or message.model != model or message.counts is None:
        return None
    return message.counts.prompt_tokens or None


def _last_counted(messages: Sequence[Message], model: str) -> int | None:
    indexes = (index for index in reversed(range(len(messages))) if _prompt_tokens(messages[index], model) is not None)
    return next(indexes, None)


def _anchored(messages: Sequence[Message], anchor: int, scale: Scale, *, until: int, model: str) -> float:
    """Tokens of ``messages[:until]``: the server's count at ``anchor``, its answer, and an estimate of what followed."""
    answer = messages[anchor]
    counts = answer.counts
    spoken = len(answer.text) + len(answer.thinking)
    if counts is not None and counts.answer_tokens is not None and spoken:
        # Thinking is counted with the answer and does not go along with the next request.
        said = counts.answer_tokens * len(answer.text) / spoken
    else:
        said = float(scale.tokens([answer])) if answer.text else 0.0
    followed = scale.tokens(_spoken(messages[anchor + 1 : until]))
    return (_prompt_tokens(answer, model) or 0) + said + followed


def _spoken(messages: Iterable[Message]) -> list[Message]:
    """What goes to the model of it."""
    return [one for one in messages if _is_spoken(one)]


def _is_spoken(message: Message) -> bool:
    has_content = message.role is not Role.assistant or bool(message.text or message.tool_calls)
    return has_content and message.state is not MessageState.not_sent


def _exchanges(messages: Sequence[Message], *, keeps_last: bool) -> list[list[Message]]:
    """Prompts with what followed them, oldest first, without system messages."""
    exchanges: list[list[Message]] = []
    for message in messages:
        if message.role is Role.system or message.state is MessageState.not_sent:
            continue
        if message.role is Role.user or not exchanges:
            exchanges.append([])
        exchanges[-1].append(message)
    return exchanges[:-1] if keeps_last else exchanges
