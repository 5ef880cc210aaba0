"""What stands about a message in one muted line: who, when, its numbers, the tools it called and what they gave."""

from __future__ import annotations

from collections.abc import Sequence

from tui.app.attached_text import attachment_size
from tui.cleaning import cell_width, clean_line
from tui.conversations.values import Attachment, Message, Role, Source
from tui.engine import FinalCounts, ToolCall
from tui.metrics.wording import (
    first_token_words,
    seconds_text,
    speed_words,
    token_count_words,
    tokens_text,
)
from tui.tools.running import CallOutcome
from tui.tools.shown import shown_call, visible

_SHOWN_MODEL_CELLS = 60
_LONGEST_PREVIEW_CHARACTERS = 400
_LONGEST_FILE_NAME_CELLS = 80
_LEAST_IMPORTANT_FIRST = ("loaded", "read", "first", "tokens", "speed", "ended")
_LONGEST_CALL_CHARACTERS = 1000
_FAILED = frozenset({CallOutcome.failed, CallOutcome.timed_out, CallOutcome.invalid})
_TOLD_CALL_SECONDS = 0.05
_TOLD_LOAD_SECONDS = 0.1
"""Loading faster than that is no loading."""


def attached_words(attachments: Sequence[Attachment], separator: str, *, most: int) -> list[str]:
    """``main.py · ~1.2k tokens``, one after the other; beyond ``most`` how many more there are."""
    words = [
        f"{clean_line(one.name, _LONGEST_FILE_NAME_CELLS)} {separator} {attachment_size(one)}"
        for one in attachments[:most]
    ]
    more = attachments[most:]
    tokens = sum(one.tokens or 0 for one in more)
    return [*words, f"and {len(more):,} more {separator} ~{tokens_text(tokens)} tokens"] if more else words


def details_of(message: Message, separator: str, *, room_cells: int) -> str:
    """Role or model, local time, and the message's own numbers; what is not known is left out.

    Where one line of ``room_cells`` has no room for all, the least important goes first: never who and when.
    """
    words = {"author": _author(message), "at": f"{message.at.astimezone():%Y-%m-%d %H:%M}", **_numbers(message)}
    gap = f" {separator} "
    for least in _LEAST_IMPORTANT_FIRST:
        if cell_width(gap.join(words.values())) <= room_cells:
            break
        words.pop(least, None)
    return gap.join(words.values())


def _author(message: Message) -> str:
    if message.role is Role.user:
        return "you"
    if message.role is Role.assistant and message.model:
        return clean_line(message.model, _SHOWN_MODEL_CELLS)
    return "model" if message.role is Role.assistant else message.role.value


def _numbers(message: Message) -> dict[str, str]:
    counts = message.counts or FinalCounts()
    words: dict[str, str] = {}
    if counts.tokens_per_second is not None:
        words["speed"] = speed_words(counts.tokens_per_second)
    duration = f" in {seconds_text(message.seconds)}" if message.seconds is not None else ""
    if counts.answer_tokens is not None:
        words["tokens"] = f"{token_count_words(counts.answer_tokens)}{duration}"
    elif message.pieces:
        words["tokens"] = f"{token_count_words(message.pieces, is_estimate=True)}{duration}"
    if message.first_token_seconds is not None:
        words["first"] = first_token_words(message.first_token_seconds)
    if counts.prompt_tokens is not None:
        words["read"] = f"{tokens_text(counts.prompt_tokens)} read"
    if counts.load_seconds is not None and counts.load_seconds >= _TOLD_LOAD_SECONDS:
        words["loaded"] = f"loaded in {seconds_text(counts.load_seconds)}"
    if counts.done_reason == "length":
        words["ended"] = "cut off"
    return words


def thinking_words(message: Message, separator: str) -> str:
    """``thought for 3.2 s · ~212 tokens``, as far as it is known: no server counts these apart."""
    words = "thought"
    if message.thinking_seconds is not None:
        words += f" for {message.thinking_seconds:.1f} s"
    if message.thinking_pieces:
        words += f" {separator} {token_count_words(message.thinking_pieces, is_estimate=True)}"
    return words


def call_words(call: ToolCall) -> str:
    """A tool call on one line: ``name(argument="value")``. Nothing in it is hidden."""
    try:
        whole = shown_call(call.name, call.arguments)
    except (RecursionError, ValueError):
        # Nested so deeply that nothing runs it either.
        whole = f"{call.name}(…)"
    return clean_line(visible(whole[:_LONGEST_CALL_CHARACTERS], keeps_lines=False), _LONGEST_CALL_CHARACTERS)


def argument_lines(call: ToolCall) -> list[str]:
    """``name: value`` for each argument; raw, and a value may have many lines."""
    lines: list[str] = []
    for name, value in call.arguments.items():
        try:
            lines.append(f"{clean_line(str(name))}: {value}")
        except (RecursionError, ValueError):
            lines.append(f"{clean_line(str(name))}: nested too deeply")
    return lines


def outcome_words(message: Message, separator: str) -> tuple[str, str]:
    """What came of a call, to stand behind it, and the role of its colour: `` · done · 0.2 s · 3 lines``."""
    outcome = message.tool_outcome
    words = [clean_line(outcome, 40)] if outcome else []
    if message.seconds is not None and message.seconds >= _TOLD_CALL_SECONDS:
        words.append(f"{message.seconds:.1f} s")
    is_well = outcome in ("", CallOutcome.done)
    if is_well and (lines := message.text.strip().count("\n") + 1) > 1:
        words.append(f"{lines:,} lines")
    role = "muted" if is_well else "error" if outcome in _FAILED else "warning"
    return "".join(f" {separator} {word}" for word in words), role


def result_words(text: str, separator: str) -> str:
    """What a tool gave, on one line: how much it is, and how it begins."""
    shown = text.strip()
    if not shown:
        return f"result {separator} empty"
    preview = clean_line(shown[:_LONGEST_PREVIEW_CHARACTERS], _LONGEST_PREVIEW_CHARACTERS)
    lines = shown.count("\n") + 1
    return f"result {separator} {f'{lines:,} lines {separator} ' if lines > 1 else ''}{preview}"


def source_words(number: int, source: Source) -> str:
    """``[1] notes.md, lines 10-25``: numbered as the model was told."""
    return f"[{number}] {clean_line(source.path.rpartition('/')[2], _LONGEST_FILE_NAME_CELLS)}, {source.range_words}"
