"""Whether an answer was slower than this model's answers usually are, and what speaks for which reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from tui.metrics.totals import LEAST_ANSWERS_TO_COMPARE, is_slower_than_usual, speed_of, usual_tokens_per_second
from tui.metrics.usage import UsageRecord
from tui.metrics.wording import plural, speed_text, tokens_text

LEAST_TOKENS_TO_JUDGE = 32
"""The speed of a short answer goes up and down without a reason."""
LONG_PROMPT_TOKENS = 4000
MUCH_LONGER = 3.0
"""So many times the usual prompt is a long one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How a model's answers are on a server, by the median."""

    tokens_per_second: float
    prompt_tokens: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of the moment in which the answer came. What nobody knows is empty."""

    share_on_cpu: float | None = None
    """From 0 to 1, of the model's memory."""
    other_models: tuple[str, ...] = ()
    """Loaded beside it."""
    other_answers: int = 0
    """That came at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowness:
    tokens_per_second: float
    usual_tokens_per_second: float
    reasons: tuple[str, ...] = ()
    """What may be why, the likeliest first; with the names of models as they are."""

    @property
    def words(self) -> str:
        usual = speed_text(self.usual_tokens_per_second)
        return f"slower than usual: {speed_text(self.tokens_per_second)} instead of {usual} tok/s"

    @property
    def why(self) -> str:
        if not self.reasons:
            return "nothing here says why"
        return f"likely {' and '.join(self.reasons[:2])}"


def usual_of(records: Iterable[UsageRecord], *, model: str, host: str) -> Usual | None:
    """None before there are enough answers to compare with."""
    own = [one for one in records if one.model == model and one.host == host]
    speed = usual_tokens_per_second(own, model=model, host=host)
    if speed is None:
        return None
    prompts = [one.prompt_tokens for one in own if one.prompt_tokens is not None]
    is_known = len(prompts) >= LEAST_ANSWERS_TO_COMPARE
    return Usual(tokens_per_second=speed, prompt_tokens=median(prompts) if is_known else None)


def slowness_of(answer: UsageRecord, usual: Usual | None, circumstances: Circumstances) -> Slowness | None:
    """None where the answer is not clearly slower, is too short to say so, or did not come to its end."""
    speed = speed_of(answer)
    if usual is None or speed is None or answer.outcome != "complete":
        return None
    if (answer.answer_tokens or 0) < LEAST_TOKENS_TO_JUDGE or not is_slower_than_usual(speed, usual.tokens_per_second):
        return None
    reasons: list[str] = []
    on_cpu = circumstances.share_on_cpu
    if on_cpu is not None and on_cpu > 0:
        reasons.append("because it runs on the cpu" if on_cpu >= 1 else f"because {_share(on_cpu)} of it is on the cpu")
    if circumstances.other_answers:
        one_or_more = plural(circumstances.other_answers, "other answer")
        reasons.append(f"because {one_or_more} came at the same time")
    if _is_long(answer.prompt_tokens, usual.prompt_tokens):
        reasons.append(f"because the prompt is long, {tokens_text(answer.prompt_tokens or 0)} tokens")
    if circumstances.other_models:
        first, *more = circumstances.other_models
        rest = f" and {plural(len(more), 'more model')}" if more else ""
        reasons.append(f"because {first}{rest} {'are' if more else 'is'} loaded beside it")
    return Slowness(tokens_per_second=speed, usual_tokens_per_second=usual.tokens_per_second, reasons=tuple(reasons))


def share_on_cpu(size_bytes: int | None, size_vram_bytes: int | None) -> float | None:
    """How much of a loaded model is not on the GPU, from 0 to 1; None while the server does not say."""
    if not size_bytes or size_vram_bytes is None:
        return None
    return min(1.0, max(0.0, 1 - size_vram_bytes / size_bytes))


def _share(part: float) -> str:
    return f"{max(1, round(100 * part))} %"


def _is_long(tokens: int | None, usual_tokens: float | None) -> bool:
    if tokens is None or tokens < LONG_PROMPT_TOKENS:
        return False
    return usual_tokens is None or tokens >= MUCH_LONGER * usual_tokens
