"""A scripted answer in time: the prompt is read, then the pieces come one by one until the end."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from tui.demo.answers import Answer, CalledTool, Ending, Prompt, Turn
from tui.demo.bodies import ChatBody
from tui.demo.pace import Pace
from tui.demo.prompts import fit, measure, turn_key
from tui.demo.refusals import Refusal, out_of_memory_running
from tui.demo.runners import Runner
from tui.demo.shapes import example_of
from tui.demo.tokens import cut

LONGEST_ANSWER_IN_CONTEXTS = 10
"""The server's own cap on an answer without a limit."""


_SAID_ALL = " That is all."


class Part(StrEnum):
    thinking = "thinking"
    content = "content"
    tool = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One token. Those of a tool call are not shown; the last of them carries the whole call."""

    part: Part
    text: str
    call: CalledTool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the last object says about the work done. Measured, not planned."""

    done_reason: str
    prompt_tokens: int
    prompt_seconds: float
    answer_tokens: int
    answer_seconds: float


class BrokenOff(Exception):
    """The script wants the answer to end without its last object."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


async def speak(body: ChatBody, runner: Runner, pace: Pace) -> AsyncGenerator[Piece | Counts, None]:
    """Pieces at the model's own rate, then ``Counts``. ``Refusal`` and ``BrokenOff`` say that it ends otherwise."""
    model, context_tokens = runner.model, runner.settings.context_tokens
    began = pace.clock()
    measured = await measure(body.turns, body.tools)
    measured = fit(measured, context_tokens, truncate=body.truncate, while_streaming=body.stream)
    await pace.wait(measured.unread_tokens(runner.prompt_in_cache) / model.prompt_tokens_per_second)
    runner.prompt_in_cache = measured.keys
    read = pace.clock()

    answer = _answer(body, runner, measured.turns)
    limit = _limit(body, context_tokens, measured.tokens)
    beat = pace.beat(model.tokens_per_second)
    count, said, done_reason = 0, [], "stop"
    for piece in _until_stop(_pieces(answer), body.options.get("stop", ())):
        if count >= limit:
            done_reason = "length"
            if piece.part is Part.tool:
                name = answer.tools[0].name
                raise Refusal(
                    500,
                    f'llama-server returned invalid tool call arguments for "{name}": unexpected end of JSON input',
                )
            break
        await beat.next()
        count += 1
        if piece.part is Part.content:
            said.append(piece.text)
        yield piece
    if done_reason == "stop" and answer.ending is not Ending.done:
        await beat.next()
        if answer.ending is Ending.error_line:
            raise out_of_memory_running()
        raise BrokenOff(answer.ending)
    runner.prompt_in_cache = (*measured.keys, turn_key(Turn(role="assistant", text="".join(said))))
    yield Counts(
        done_reason=done_reason,
        prompt_tokens=measured.tokens,
        prompt_seconds=read - began,
        answer_tokens=count,
        answer_seconds=pace.clock() - read,
    )


def _answer(body: ChatBody, runner: Runner, turns: Sequence[Turn]) -> Answer:
    script = runner.model.script
    if script is None:
        return Answer()
    thinks = "thinking" in runner.model.capabilities
    think = (True if body.think is None else body.think) if thinks else False
    prompt = Prompt(turns=tuple(turns), tools=body.tools, think=think, seed=int(body.options.get("seed", 0)))
    answer = script(prompt)
    if turns and turns[-1].role == "assistant" and turns[-1].text:
        answer = _going_on(answer, turns[-1].text)
    if body.format is not None:
        # Whatever the script has to say, the grammar lets through only what has the asked shape.
        wanted = example_of(body.format) if isinstance(body.format, Mapping) else {"demo": True}
        answer = Answer(text=json.dumps(wanted, indent=2, ensure_ascii=False), thinking=answer.thinking)
    if answer.thinking and not body.is_chat and not runner.model.rendered:
        # The real server does not take the thinking apart here; only the closing tag shows where it ends.
        text = chain(cut(f"{answer.thinking}\n</think>\n\n"), _content(answer))
        answer = Answer(text=text, tools=answer.tools, ending=answer.ending)
    return answer


def _going_on(answer: Answer, said: str) -> Answer:
    """A last turn of the model's own is gone on with, as by the real server: without what it says already."""
    if isinstance(answer.text, str):
        return Answer(text=answer.text[len(said) :] or _SAID_ALL, ending=answer.ending)
    return Answer(text=_without_beginning(answer.text, len(said)), ending=answer.ending)


def _without_beginning(pieces: Iterable[str], characters: int) -> Iterator[str]:
    for piece in pieces:
        rest = piece[characters:]
        characters = max(0, characters - len(piece))
        if rest:
            yield rest


def _limit(body: ChatBody, context_tokens: int, prompt_tokens: int) -> int:
    most = LONGEST_ANSWER_IN_CONTEXTS * context_tokens
    wanted = int(body.options.get("num_predict", -1))
    limit = most if wanted < 0 else min(wanted, most)
    return limit if body.shift else min(limit, context_tokens - prompt_tokens)


def _pieces(answer: Answer) -> Iterator[Piece]:
    for text in cut(answer.thinking):
        yield Piece(part=Part.thinking, text=text)
    for text in _content(answer):
        yield Piece(part=Part.content, text=text)
    for call in answer.tools:
        texts = list(cut(json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False)))
        for text in texts[:-1]:
            yield Piece(part=Part.tool, text=text)
        yield Piece(part=Part.tool, text=texts[-1], call=call)


def _content(answer: Answer) -> Iterable[str]:
    return cut(answer.text) if isinstance(answer.text, str) else answer.text


def _until_stop(pieces: Iterable[Piece], stops: Sequence[str]) -> Iterator[Piece]:
    """The pieces up to the first stop text in the content, which is left out. What may begin one is held back."""
    held: list[Piece] = []
    stops = [stop for stop in stops if stop]
    for piece in pieces:
        if piece.part is not Part.content or not stops:
            yield from held
            held = []
            yield piece
            continue
        held.append(piece)
        text = "".join(one.text for one in held)
        found = min((at for stop in stops if (at := text.find(stop)) >= 0), default=-1)
        if found >= 0:
            if found:
                yield Piece(part=Part.content, text=text[:found])
            return
        while held and not _may_begin(text, stops, len(held[0].text)):
            text = text[len(held[0].text) :]
            yield held.pop(0)
    yield from held


def _may_begin(text: str, stops: Sequence[str], length: int) -> bool:
    """Whether one of ``stops`` may begin within the first ``length`` characters of ``text``."""
    return any(stop.startswith(text[start:]) for stop in stops for start in range(min(length, len(text))))
