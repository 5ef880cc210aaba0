"""Models on their way to a server: several at once, in the background, each to be stopped and gone on with.

They live in the workspace and not in a screen, so a pull goes on while somebody talks or looks at another server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from tui.chat.faults import report_fault, report_fault_of
from tui.engine import EngineError, Host, LayerProgress, Progress, ProgressPhase
from tui.failures import Failure

MOST_KEPT = 50
"""How many pulls that are over are remembered."""
SPEED_WINDOW_SECONDS = 6.0
LEAST_SPEED_WINDOW_SECONDS = 0.5


class PullState(StrEnum):
    running = "running"
    stopped = "stopped"
    """A person stopped it; what came stays on the server, and the next pull goes on from there."""
    failed = "failed"
    done = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One model and its server, as far as it is."""

    model: str
    host: Host
    state: PullState = PullState.running
    phase: ProgressPhase = ProgressPhase.preparing
    completed_bytes: int = 0
    """Of the layers heard of so far. It can go down, when a part has to come again."""
    total_bytes: int = 0
    """Of the layers heard of so far; a server does not say what is still to come. 0 while none was named."""
    bytes_per_second: float | None = None
    """Over the last seconds, counted from what arrived in this pull; None while that is too little to tell."""
    failure: Failure | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.host.url, self.model

    @property
    def is_running(self) -> bool:
        return self.state is PullState.running

    @property
    def can_go_on(self) -> bool:
        return self.state in (PullState.stopped, PullState.failed)

    @property
    def share(self) -> float | None:
        """From 0 to 1; None while no size is known."""
        if self.state is PullState.done:
            return 1.0
        return min(1.0, self.completed_bytes / self.total_bytes) if self.total_bytes > 0 else None

    @property
    def left_seconds(self) -> float | None:
        """A guess, for the layers heard of so far; None when nothing comes."""
        if not self.is_running or self.phase is not ProgressPhase.transferring or not self.bytes_per_second:
            return None
        return max(0, self.total_bytes - self.completed_bytes) / self.bytes_per_second


class Puller(Protocol):
    """As much of an engine as a pull needs."""

    @property
    def host(self) -> Host: ...

    def pull_model(self, name: str) -> AsyncGenerator[Progress, None]:
        """The last ``Progress`` is done, or ``EngineError`` is raised. Closing it stops the pull."""
        ...


class SpeedMeter:
    """Bytes that really came, over the last seconds.

    What a layer had when it was first named came in an earlier pull and is not counted. Progress that falls is taken
    as it is: the bytes have to come again.
    """

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, layers: tuple[LayerProgress, ...], at_seconds: float) -> None:
        moved = sum(one.completed_bytes - self._before.setdefault(one.digest, one.completed_bytes) for one in layers)
        if self._samples and moved < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((at_seconds, moved))
        while len(self._samples) > 2 and self._samples[1][0] <= at_seconds - SPEED_WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def bytes_per_second(self) -> float | None:
        if len(self._samples) < 2:
            return None
        (first_at, first), (last_at, last) = self._samples[0], self._samples[-1]
        return (last - first) / (last_at - first_at) if last_at - first_at >= LEAST_SPEED_WINDOW_SECONDS else None


class Pulls:
    """``begin`` and forget; ``on_change`` hears of each pull that begins or ends, and ``all`` says how far each is."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """``clock`` gives monotonic seconds."""
        self._clock = clock
        self._pulls: dict[tuple[str, str], Pull] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._pullers: dict[tuple[str, str], Puller] = {}
        self._waiting: dict[tuple[str, str], list[asyncio.Future[Pull]]] = {}
        self.on_change: Callable[[Pull], None] = lambda _pull: None

    @property
    def all(self) -> tuple[Pull, ...]:
        """In the order in which they began."""
        return tuple(self._pulls.values())

    @property
    def running(self) -> tuple[Pull, ...]:
        return tuple(one for one in self._pulls.values() if one.is_running)

    def find(self, key: tuple[str, str]) -> Pull | None:
        return self._pulls.get(key)

    def begin(self, model: str, puller: Puller) -> Pull:
        """Starts the pull, or goes on with the one that was stopped or failed; one that runs is only given back."""
        pull = Pull(model=model, host=puller.host)
        before = self._pulls.get(pull.key)
        if before is not None and before.is_running:
            return before
        # What came stands there until the server says how much of it there is.
        if before is not None and before.can_go_on:
            pull = replace(pull, completed_bytes=before.completed_bytes, total_bytes=before.total_bytes)
        self._pulls.pop(pull.key, None)
        self._pulls[pull.key] = pull
        self._pullers[pull.key] = puller
        task = asyncio.create_task(self._run(pull, puller, self._tasks.get(pull.key)), name=f"pulling {model}")
        self._tasks[pull.key] = task
        task.add_done_callback(report_fault_of)
        self._forget_oldest()
        self._tell(pull)
        return pull

    def go_on(self, key: tuple[str, str]) -> Pull | None:
        """With one that was stopped or failed, on the server where it began."""
        pull = self._pulls.get(key)
        return self.begin(pull.model, self._pullers[key]) if pull is not None and pull.can_go_on else pull

    def stop(self, key: tuple[str, str]) -> None:
        """At once; the server keeps what came, for about an hour."""
        pull = self._pulls.get(key)
        if pull is not None and pull.is_running:
            self._tasks[key].cancel()
            self._end(replace(pull, state=PullState.stopped, bytes_per_second=None))

    def forget(self, key: tuple[str, str]) -> None:
        """Takes one that is over off the list."""
        pull = self._pulls.get(key)
        if pull is not None and not pull.is_running:
            del self._pulls[key], self._pullers[key]

    async def ended(self, key: tuple[str, str]) -> Pull:
        """Waits until the pull is over, and says how it ended. Raises ``KeyError`` for one that never began."""
        pull = self._pulls[key]
        if not pull.is_running:
            return pull
        end: asyncio.Future[Pull] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(end)
        return await end

    async def close(self) -> None:
        """Stops everything; the servers keep what came."""
        for pull in self.running:
            self.stop(pull.key)
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    async def _run(self, pull: Pull, puller: Puller, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():
            # Its connection is closed first: a server ends a pull only when the last one who listens has gone.
            await asyncio.wait({before})
        meter = SpeedMeter()
        try:
            async with aclosing(puller.pull_model(pull.model)) as steps:
                async for step in steps:
                    pull = self._with_step(pull, step, meter)
                    self._pulls[pull.key] = pull
        except EngineError as failure:
            self._end(replace(pull, state=PullState.failed, failure=failure, bytes_per_second=None))
        else:
            self._end(replace(pull, state=PullState.done, completed_bytes=max(pull.completed_bytes, pull.total_bytes)))

    def _with_step(self, pull: Pull, step: Progress, meter: SpeedMeter) -> Pull:
        if not step.layers:
            return replace(pull, phase=step.phase)
        meter.add(step.layers, self._clock())
        return replace(
            pull,
            phase=step.phase,
            completed_bytes=step.seen_completed_bytes,
            total_bytes=step.seen_total_bytes,
            bytes_per_second=meter.bytes_per_second if step.phase is ProgressPhase.transferring else None,
        )

    def _end(self, pull: Pull) -> None:
        self._pulls[pull.key] = pull
        for end in self._waiting.pop(pull.key, ()):
            if not end.done():
                end.set_result(pull)
        self._tell(pull)

    def _tell(self, pull: Pull) -> None:
        try:
            self.on_change(pull)
        except Exception as error:  # noqa: BLE001  whoever shows it must not end the pull
            report_fault(error, during="telling of a pull")

    def _forget_oldest(self) -> None:
        over = [key for key, one in self._pulls.items() if not one.is_running]
        for key in over[: max(0, len(over) - MOST_KEPT)]:
            self.forget(key)
