"""Sending a request again: what may be repeated, how often, and how long to wait before."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from tui.engine import Retry
from tui.failures import Failure
from tui.ollama.errors import OllamaError, Repeating
from tui.ollama.request_log import Asking

_MOST_DOUBLINGS = 30

Sleep = Callable[[float], Awaitable[None]]
OnRetry = Callable[[Retry], None]
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often one request is sent at most, and the waits between: ``base_seconds`` and twice as long each time.

    Raises ``Failure`` for what is no policy.
    """

    attempts: int = 4
    """1: never again."""
    base_seconds: float = 0.5
    cap_seconds: float = 8.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise _no_policy("attempts", self.attempts, "1 is the least: nothing is sent again then")
        if not (math.isfinite(self.base_seconds) and self.base_seconds >= 0):
            raise _no_policy("base_seconds", self.base_seconds, "write seconds, 0 or more")
        if not (math.isfinite(self.cap_seconds) and self.cap_seconds >= self.base_seconds):
            raise _no_policy("cap_seconds", self.cap_seconds, "write seconds, base_seconds or more")

    def wait_seconds(self, failures: int, random: float) -> float:
        """Before the next attempt, after ``failures`` (1 or more) in a row.

        ``random``, from 0 to 1, takes away up to half of it, so that many clients do not come back at one moment.
        """
        whole = min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
        return whole * (1 - random / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A policy with all that it needs. ``random`` gives a number from 0 to 1; ``on_retry`` hears of every retry."""

    policy: RetryPolicy | Callable[[], RetryPolicy]
    """A callable is asked each time, so that a change holds for requests under way, too."""
    sleep: Sleep
    random: Callable[[], float]
    on_retry: OnRetry | None = None

    async def call(
        self,
        ask: Callable[[], Awaitable[Part]],
        *,
        request: str,
        asking: Asking,
        is_harmless: bool,
        on_retry: OnRetry | None = None,
    ) -> Part:
        """The answer, asked for as often as the policy allows. ``is_harmless``: it may happen twice.

        Every error gets the id of ``asking``.
        """
        for failures in count(1):
            try:
                return await ask()
            except OllamaError as error:
                error.request_id = asking.id
                if failures >= self._policy().attempts or not may_be_repeated(error, is_harmless=is_harmless):
                    raise
                fault = error
            await self._wait(fault, failures, request, asking, on_retry)
        raise AssertionError

    async def stream(
        self,
        ask: Callable[[], AsyncGenerator[Part, None]],
        *,
        request: str,
        asking: Asking,
        is_harmless: bool = False,
        resumes_with: Callable[[Part], bool] | None = None,
        on_retry: OnRetry | None = None,
    ) -> AsyncGenerator[Part, None]:
        """The parts of an answer. It is never asked for again once a part has come, unless ``resumes_with`` is given.

        That is for an answer which goes on where it was: it tells whether a part is a step forward, which makes the
        count of failures begin anew.
        """
        failures = 0
        while True:
            has_begun = False
            try:
                async with aclosing(ask()) as parts:
                    async for part in parts:
                        has_begun = True
                        if resumes_with is not None and resumes_with(part):
                            failures = 0
                        yield part
                return
            except OllamaError as error:
                failures += 1
                is_final = has_begun and resumes_with is None
                if (
                    is_final
                    or failures >= self._policy().attempts
                    or not may_be_repeated(error, is_harmless=is_harmless or resumes_with is not None)
                ):
                    raise
                fault = error
            await self._wait(fault, failures, request, asking, on_retry)

    def _policy(self) -> RetryPolicy:
        return self.policy() if callable(self.policy) else self.policy

    async def _wait(
        self, fault: OllamaError, failures: int, request: str, asking: Asking, on_retry: OnRetry | None
    ) -> None:
        policy = self._policy()
        wait_seconds = policy.wait_seconds(failures, self.random())
        if fault.retry_after_seconds is not None:
            wait_seconds = max(wait_seconds, min(fault.retry_after_seconds, policy.cap_seconds))
        retry = Retry(
            request=request,
            attempt=failures + 1,
            attempts=policy.attempts,
            wait_seconds=wait_seconds,
            error=fault,
            metadata=asking.metadata,
        )
        for hear in (self.on_retry, on_retry):
            if hear is not None:
                hear(retry)
        await self.sleep(wait_seconds)


def may_be_repeated(error: OllamaError, *, is_harmless: bool) -> bool:
    """Whether the same request may be sent again. ``is_harmless``: it may happen twice."""
    return error.repeating is Repeating.always or (is_harmless and error.repeating is Repeating.if_harmless)


def _no_policy(name: str, value: float, advice: str) -> Failure:
    return Failure(f"{name} of the retries cannot be {value}", "no request can be repeated like that", advice)
