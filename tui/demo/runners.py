"""Models in memory: loading them, one request at a time for each, and letting them go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tui.demo import refusals
from tui.demo.models import GIGABYTE, DemoModel
from tui.demo.pace import Pace

GPU_BYTES = 24 * GIGABYTE
MOST_LOADED = 3
KEPT_BY_DEFAULT = timedelta(minutes=5)
KEY_VALUE_BYTES_PER_TOKEN = 131_072


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """What a model is loaded with. Another value in any of them makes the server load it again."""

    context_tokens: int
    num_gpu: int = -1
    num_batch: int = 512
    num_thread: int = 0
    main_gpu: int | None = None
    use_mmap: bool | None = None
    shift: bool = True


def settings_for(model: DemoModel, options: Mapping[str, Any], *, shift: bool = True) -> RunnerSettings:
    context_tokens = int(options.get("num_ctx") or model.default_context_tokens)
    return RunnerSettings(
        context_tokens=min(max(context_tokens, 4), model.trained_context_tokens),
        num_gpu=int(options.get("num_gpu", -1)),
        num_batch=int(options.get("num_batch", 512)),
        num_thread=int(options.get("num_thread", 0)),
        main_gpu=options.get("main_gpu"),
        use_mmap=options.get("use_mmap"),
        shift=shift,
    )


class Runner:
    """One model in memory, with one slot."""

    def __init__(self, name: str, model: DemoModel, settings: RunnerSettings) -> None:
        self.name = name
        """The name that loaded it; a copy of the model shares the runner without being listed."""
        self.model = model
        self.settings = settings
        self.slot = asyncio.Lock()
        self.kept = KEPT_BY_DEFAULT
        self.expires_at: datetime | None = None
        """None until the first request is over."""
        self.users = 0
        self.idle = asyncio.Event()
        self.prompt_in_cache: tuple[str, ...] = ()
        """The turns of the last prompt and answer: their tokens need not be read again."""

    @property
    def size_bytes(self) -> int:
        return self.model.size_bytes + self.settings.context_tokens * KEY_VALUE_BYTES_PER_TOKEN

    @property
    def size_vram_bytes(self) -> int:
        if self.settings.num_gpu < 0:
            return min(self.size_bytes, GPU_BYTES)
        layers = self.model.block_count + 1
        return min(self.size_bytes * min(self.settings.num_gpu, layers) // layers, GPU_BYTES)


class Runners:
    """Who is in memory. Time runs out lazily: whoever looks first after it finds the model gone."""

    def __init__(self, pace: Pace, now: Callable[[], datetime]) -> None:
        self._pace = pace
        self._now = now
        self._loaded: dict[str, Runner] = {}
        self._loading: dict[str, asyncio.Lock] = {}

    def loaded(self) -> tuple[Runner, ...]:
        """Those in memory, the one that stays longest first. One that is still loading is not among them."""
        self._drop_expired()
        return tuple(sorted(self._loaded.values(), key=self.leaves_at, reverse=True))

    def leaves_at(self, runner: Runner) -> datetime:
        return runner.expires_at if runner.expires_at is not None else self._now() + runner.kept

    @asynccontextmanager
    async def use(
        self, name: str, model: DemoModel, settings: RunnerSettings, kept: timedelta | None
    ) -> AsyncIterator[Runner]:
        """The model in memory, loaded if need be; it stays there at least until the block ends."""
        runner = await self._acquire(name, model, settings)
        runner.kept = KEPT_BY_DEFAULT if kept is None else kept
        try:
            yield runner
        finally:
            runner.users -= 1
            runner.expires_at = self._now() + runner.kept
            if not runner.users:
                runner.idle.set()
                self._drop_expired()

    def unload(self, model: DemoModel) -> None:
        """As soon as the last request on it is over; at once when there is none."""
        runner = self._loaded.get(model.digest)
        if runner is not None:
            runner.kept = timedelta(0)
            runner.expires_at = self._now()
            self._drop_expired()

    def forget_all(self) -> None:
        """What the server does after running out of memory in the middle of an answer."""
        self._loaded.clear()

    async def _acquire(self, name: str, model: DemoModel, settings: RunnerSettings) -> Runner:
        self._drop_expired()
        runner = self._loaded.get(model.digest)
        if runner is None or runner.settings != settings:
            # A request that goes away while it loads takes the load with it; the next in line starts it afresh.
            async with self._loading.setdefault(model.digest, asyncio.Lock()):
                runner = await self._load(name, model, settings)
                return _taken(runner)
        return _taken(runner)

    async def _load(self, name: str, model: DemoModel, settings: RunnerSettings) -> Runner:
        runner = self._loaded.get(model.digest)
        if runner is not None:
            if runner.settings == settings:
                return runner
            while runner.users:
                await runner.idle.wait()
            self._loaded.pop(model.digest, None)
        self._make_room()
        runner = Runner(name, model, settings)
        await self._pace.wait(model.load_seconds)
        limit = model.most_context_on_gpu_tokens
        if limit is not None and settings.num_gpu != 0 and settings.context_tokens > limit:
            raise refusals.out_of_memory_loading(runner.size_bytes - GPU_BYTES)
        self._loaded[model.digest] = runner
        return runner

    def _make_room(self) -> None:
        """Lets the idle model go that would leave first, when as many are loaded as there may be."""
        idle = sorted((runner for runner in self._loaded.values() if not runner.users), key=self.leaves_at)
        for runner in idle[: max(0, len(self._loaded) + 1 - MOST_LOADED)]:
            del self._loaded[runner.model.digest]

    def _drop_expired(self) -> None:
        now = self._now()
        for digest, runner in tuple(self._loaded.items()):
            if not runner.users and runner.expires_at is not None and runner.expires_at <= now:
                del self._loaded[digest]


def _taken(runner: Runner) -> Runner:
    runner.users += 1
    runner.idle.clear()
    return runner
