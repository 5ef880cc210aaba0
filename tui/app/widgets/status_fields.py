"""What the status line says at one moment, as fields that keep their place and width."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tui.app.glyphs import Glyphs
from tui.app.widgets.parts import Parts, cells_of
from tui.chat.connection import ConnectionState, Link
from tui.chat.context_window import WindowUse
from tui.chat.events import Phase
from tui.chat.live import Progress
from tui.cleaning import clean_line
from tui.conversations.values import Message, MessageState
from tui.engine import FinalCounts, RunningModel
from tui.metrics.wording import (
    context_text,
    estimate_mark,
    first_token_words,
    left_text,
    running_seconds_text,
    seconds_text,
    speed_text,
    speed_words,
    tokens_text,
    tokens_words,
)

METER_CELLS = 10
SPARK_CELLS = 7
GPU_CELLS = 24
GAP_CELLS = 2
LONG_SILENCE_SECONDS = 10.0
ADDRESS_CELLS = 44
MODEL_CELLS = 28

(
    DROP_PROMPT,
    DROP_ADDED,
    DROP_SPARK,
    DROP_CONTEXT_WORD,
    DROP_FIRST,
    DROP_GPU,
    DROP_METER,
    DROP_TOKENS,
    DROP_PULL,
    DROP_HOST,
    DROP_WARNING,
    DROP_CONTEXT,
) = range(12)
"""In which order they go as the window narrows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """Everything the line shows, at one moment."""

    now: datetime
    model: str = ""
    is_cloud: bool = False
    address: str = ""
    connection: ConnectionState
    waited_seconds: float = 0.0
    """How long the server has not answered."""
    progress: Progress | None = None
    usual_load_seconds: float | None = None
    tokens_per_character: float = 0.25
    """To guess how long a prompt is; from this model's own counts once there are some."""
    guessed_tokens: int | None = None
    """How long the whole conversation is, by its characters; for when the last answer was never counted."""
    last: Message | None = None
    """The last answer of the conversation, when it has ended."""
    is_news: bool = False
    """``last`` ended while the person was here, and nothing has happened since."""
    last_speeds: tuple[float, ...] = ()
    has_motion: bool = True
    """Else nothing is drawn that only moves: the last seconds of the speed."""
    window: WindowUse | None = None
    """How full the model's window is, and what the next prompt adds; None while nobody measured it."""
    loaded: RunningModel | None = None
    is_memory_known: bool = True
    """The server has said what is in its memory; else that ``loaded`` is None tells nothing."""
    queued: int = 0
    is_queue_paused: bool = False
    is_unsaved: bool = False
    can_try_again: bool = False
    ends_with_tool: bool = False
    """The last that came is the result of a tool."""
    gpu: str | None = None
    """What the GPU is at, while an answer comes; None when it is not to be shown."""
    pulling: str = ""
    """How far the models are that are on their way."""
    keys: tuple[tuple[str, str], ...] = ()
    """Key and word, the most useful first."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing on the line. The lowest ``drop`` goes first when room is short; None stays."""

    parts: Parts
    drop: int | None = None
    width: int = 0
    """Cells that it takes at least, so that what follows it stays where it is."""
    gap: int = GAP_CELLS
    """Cells between this one and the next."""
    short: Parts = ()
    """The same in fewer words, for when there is no room for all of them."""

    @property
    def cells(self) -> int:
        return max(self.width, cells_of(self.parts)) + self.gap


def status_fields(view: StatusView, glyphs: Glyphs) -> list[Field]:
    """The left side, in order."""
    if view.progress is not None:
        return _running_fields(view, view.progress, glyphs)
    if view.connection.link is not Link.up:
        return [*_link_fields(view, glyphs), *_warning_fields(view)]
    if view.ends_with_tool and view.can_try_again:
        return [*_tool_end_fields(glyphs), *_context_fields(view, glyphs), *_warning_fields(view)]
    if view.last is not None and (view.is_news or view.can_try_again):
        return _ended_fields(view, view.last, glyphs)
    return _idle_fields(view, view.last, glyphs)


def _running_fields(view: StatusView, progress: Progress, glyphs: Glyphs) -> list[Field]:
    if progress.phase not in (Phase.thinking, Phase.answering):
        return [*_silent_fields(view, progress, glyphs), *_warning_fields(view)]
    role = "thinking" if progress.phase is Phase.thinking else "success"
    fields = [
        _phase_field(f"{glyphs.busy} {progress.phase}", running_seconds_text(progress.phase_seconds), role),
        _speed_field(progress.pieces_per_second, is_estimate=True),
        _spark_field(progress.speeds if view.has_motion else (), glyphs),
        _tokens_field(f"~{tokens_words(progress.pieces)}"),
        _first_field(progress.first_token_seconds),
        *_context_fields(view, glyphs),
        _prompt_tokens_field(_guessed_prompt_tokens(view, progress) or None, is_estimate=True),
        *_gpu_fields(view),
    ]
    if progress.silent_seconds >= LONG_SILENCE_SECONDS:
        fields.append(Field(((f"nothing for {progress.silent_seconds:.0f} s", "warning"),), drop=DROP_WARNING))
    # What comes and goes stands behind everything that stays, so that it moves nothing.
    return [*fields, *_warning_fields(view)]


def _silent_fields(view: StatusView, progress: Progress, glyphs: Glyphs) -> list[Field]:
    """Before the first token: why nothing comes, as far as it is known."""
    seconds = running_seconds_text(progress.phase_seconds)
    if progress.phase is Phase.loading:
        usual = view.usual_load_seconds
        of = f" of about {seconds_text(usual)}" if usual is not None else ""
        words, role = f"loading {clean_line(progress.model, MODEL_CELLS)}", "warning"
        took = f"{progress.phase_seconds:.0f} s"
        short = ((f"{glyphs.waiting} loading ", role), (f"{took}{of}", "foreground"))
        return [Field(((f"{glyphs.waiting} {words} ", role), (f"{took}{of}", "foreground")), short=short)]
    if progress.phase in (Phase.asking, Phase.calling):
        tool = clean_line(progress.tool, MODEL_CELLS)
        if progress.phase is Phase.asking:
            return [Field(((f"{glyphs.waiting} may it call {tool}? ", "warning"), (seconds, "foreground")))]
        return [Field(((f"{glyphs.busy} calling {tool} ", "accent"), (seconds, "foreground")))]
    if progress.phase is Phase.reading:
        words = f"reading ~{tokens_text(_guessed_prompt_tokens(view, progress))} tokens or queued"
        return [Field(((f"{glyphs.waiting} {words} ", "accent"), (seconds, "foreground")))]
    words = "searching the documents" if progress.phase is Phase.searching else "waiting"
    return [_phase_field(f"{glyphs.waiting} {words}", seconds, "muted")]


def _ended_fields(view: StatusView, last: Message, glyphs: Glyphs) -> list[Field]:
    counts = last.counts or FinalCounts()
    if last.state is not MessageState.complete:
        return [*_stopped_fields(view, last, glyphs), *_context_fields(view, glyphs), *_warning_fields(view)]
    word = "cut off" if counts.done_reason == "length" else "done"
    took_seconds = counts.answer_seconds if counts.answer_seconds is not None else last.seconds
    seconds = running_seconds_text(took_seconds) if took_seconds is not None else ""
    return [
        _phase_field(f"{glyphs.done} {word}", seconds, "success"),
        _speed_field(counts.tokens_per_second, is_estimate=False),
        _spark_field(view.last_speeds if view.has_motion else (), glyphs),
        _tokens_field("" if counts.answer_tokens is None else tokens_words(counts.answer_tokens)),
        _first_field(last.first_token_seconds),
        *_context_fields(view, glyphs),
        _prompt_tokens_field(counts.prompt_tokens, is_estimate=False),
        *_warning_fields(view),
    ]


def _stopped_fields(view: StatusView, last: Message, glyphs: Glyphs) -> list[Field]:
    words = {
        MessageState.stopped: ("stopped", "warning"),
        MessageState.broken_off: ("broken off", "error"),
        MessageState.failed: ("no answer", "error"),
    }
    word, role = words.get(last.state, ("interrupted", "error"))
    more = f" {glyphs.separator} {_kept_text(last)} kept" if last.text or last.thinking else ""
    again = f" {glyphs.separator} enter try again" if view.can_try_again else ""
    first = (f"{glyphs.stopped} {word}", role)
    return [Field((first, (f"{more}{again}", "muted")), short=(first, (more, "muted")))]


def _tool_end_fields(glyphs: Glyphs) -> list[Field]:
    """Tools were called, and the model has not been told what came of it."""
    first = (f"{glyphs.stopped} stopped", "warning")
    return [Field((first, (f" {glyphs.separator} enter asks it again", "muted")), short=(first,))]


def _kept_text(last: Message) -> str:
    return "what came is" if not last.pieces else f"~{tokens_words(last.pieces)}"


def _link_fields(view: StatusView, glyphs: Glyphs) -> list[Field]:
    words = {Link.trying: "asking", Link.down: "waiting for", Link.starting: "starting:"}
    word = words.get(view.connection.link, "waiting for")
    return [
        Field(((f"{glyphs.waiting} {word}", "warning"),), gap=1),
        Field(((clean_line(view.address, ADDRESS_CELLS), "foreground"),), drop=DROP_HOST),
        Field(((f"{view.waited_seconds:.0f} s", "foreground"),)),
    ]


def _idle_fields(view: StatusView, last: Message | None, glyphs: Glyphs) -> list[Field]:
    fields = [_model_field(view, glyphs)]
    counts = last.counts if last is not None else None
    if counts is not None and counts.tokens_per_second is not None:
        parts = [speed_words(counts.tokens_per_second)]
        if counts.answer_tokens is not None:
            parts.append(tokens_words(counts.answer_tokens))
        if last is not None and last.first_token_seconds is not None:
            parts.append(first_token_words(last.first_token_seconds))
        fields.append(Field(((f"last {f' {glyphs.separator} '.join(parts)}", "muted"),), drop=DROP_TOKENS))
    return [*fields, *_context_fields(view, glyphs), *_warning_fields(view)]


def _model_field(view: StatusView, glyphs: Glyphs) -> Field:
    if not view.model:
        return Field((("no model chosen", "muted"),))
    name = (clean_line(view.model, MODEL_CELLS), "foreground!")
    if view.is_cloud:
        return Field((name, (" cloud", "warning")))
    if view.loaded is None:
        return Field((name, (" not loaded" if view.is_memory_known else "", "muted")))
    left = (
        "" if view.loaded.expires_at is None else f" {glyphs.separator} {left_text(view.loaded.expires_at, view.now)}"
    )
    return Field((name, (f" loaded{left}", "muted")), short=(name, (" loaded", "muted")))


def _phase_field(phase: str, seconds: str, role: str) -> Field:
    return Field(((f"{phase:<11} ", role), (f"{seconds:>6}", "foreground")), width=18)


def _speed_field(tokens_per_second: float | None, *, is_estimate: bool) -> Field:
    mark = estimate_mark(is_estimate)
    number = "" if tokens_per_second is None else mark + speed_text(tokens_per_second)
    return Field(((f"{number:>6} tok/s" if number else "", "foreground!"),), width=12)


def _spark_field(speeds: tuple[float, ...], glyphs: Glyphs) -> Field:
    recent = speeds[-SPARK_CELLS:]
    top = max(recent, default=0.0)
    steps = len(glyphs.spark) - 1
    bars = "".join(glyphs.spark[round(steps * speed / top) if top > 0 else 0] for speed in recent)
    return Field(((bars, "accent"),), drop=DROP_SPARK, width=SPARK_CELLS)


def _tokens_field(text: str) -> Field:
    return Field(((f"{text:>12}", "muted"),), drop=DROP_TOKENS, width=12)


def _prompt_tokens_field(tokens: int | None, *, is_estimate: bool) -> Field:
    text = "" if tokens is None else f"{estimate_mark(is_estimate)}{tokens_text(tokens)} in"
    return Field(((f"{text:>8}", "muted"),), drop=DROP_PROMPT, width=8)


def _guessed_prompt_tokens(view: StatusView, progress: Progress) -> int:
    return round(progress.prompt_characters * view.tokens_per_character)


def _first_field(seconds: float | None) -> Field:
    text = "" if seconds is None else first_token_words(seconds)
    return Field(((text, "muted"),), drop=DROP_FIRST, width=12)


def _gpu_fields(view: StatusView) -> list[Field]:
    return [] if view.gpu is None else [Field(((view.gpu, "muted"),), drop=DROP_GPU, width=GPU_CELLS)]


def _warning_fields(view: StatusView) -> list[Field]:
    fields = []
    if view.pulling:
        fields.append(Field(((view.pulling, "accent"),), drop=DROP_PULL))
    if view.queued:
        words = "paused" if view.is_queue_paused else "queued"
        fields.append(Field(((f"{view.queued} {words}", "warning"),), drop=DROP_WARNING))
    if view.is_unsaved:
        fields.append(Field((("not saved", "error!"),)))
    return fields


def _used_tokens(view: StatusView) -> int | None:
    """By the server's counts; while an answer comes, by the length of what was sent and the pieces that arrived."""
    if view.window is not None:
        return view.window.used + (0 if view.progress is None else view.progress.pieces)
    if view.progress is not None:
        return _guessed_prompt_tokens(view, view.progress) + view.progress.pieces
    counts = view.last.counts if view.last is not None else None
    if counts is None or counts.prompt_tokens is None:
        return view.guessed_tokens
    return counts.prompt_tokens + (counts.answer_tokens or 0)


def _is_used_guessed(view: StatusView) -> bool:
    if view.window is not None:
        return view.progress is not None or not view.window.is_counted
    counts = view.last.counts if view.last is not None else None
    is_counted = counts is not None and counts.prompt_tokens is not None
    return view.progress is not None or (not is_counted and bool(view.guessed_tokens))


def _context_fields(view: StatusView, glyphs: Glyphs) -> list[Field]:
    """How much of the window the conversation takes; the window itself is known while the model is loaded."""
    used, mark = _used_tokens(view), "~" if _is_used_guessed(view) else ""
    limit = view.loaded.context_tokens if view.loaded is not None else None
    added = 0
    if view.window is not None:
        limit = limit if view.window.limit is None else view.window.limit
        added = 0 if view.progress is not None else view.window.added
    # What is written counts as well: the number is what the next request will have.
    used, mark = (used or 0) + added if added else used, "~" if added else mark
    if not limit or limit <= 0:
        return (
            [] if used is None else [Field(((f"context {mark}{tokens_text(used)}", "muted"),)), *_added_fields(added)]
        )
    share = (used or 0) / limit
    full = min(METER_CELLS, round(METER_CELLS * share))
    if used and not full:
        full = 1
    role = "error" if share >= 0.9 else "warning" if share >= 0.7 else "accent"
    new = min(full, round(METER_CELLS * added / limit))
    meter = (
        (glyphs.meter_full * (full - new), role),
        (glyphs.meter_full * new, "foreground"),
        (glyphs.meter_empty * (METER_CELLS - full), "muted"),
    )
    return [
        Field((("context", "muted"),), drop=DROP_CONTEXT_WORD, gap=1),
        Field(
            ((f"{mark + tokens_text(used or 0):>5} of {context_text(limit)}", "muted"),),
            drop=DROP_CONTEXT,
            gap=1,
            short=((f"{mark + tokens_text(used or 0):>5}/{context_text(limit)}", "muted"),),
        ),
        Field(meter, drop=DROP_METER),
        *_added_fields(added, is_too_much=share > 1),
    ]


def _added_fields(tokens: int, *, is_too_much: bool = False) -> list[Field]:
    """What is written and not sent. It comes and goes with the typing, so it stands behind what stays."""
    words = f"+~{tokens_text(tokens)}{' too much' if is_too_much else ''}"
    return [Field(((words, "error" if is_too_much else "muted"),), drop=DROP_ADDED)] if tokens else []
