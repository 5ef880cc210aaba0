"""Why nothing has come yet, as far as the server lets one know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from tui.chat.events import Phase
from tui.engine import Engine, EngineError
from tui.ollama.runners import runner_of
from tui.ollama.slot_leak import StuckSlot, stuck_slot

Namesakes = Callable[[str], Awaitable[tuple[str, ...]]]
"""The other names of a model's weights. Raises ``EngineError``."""


async def name_the_silence(
    engine: Engine,
    model: str,
    *,
    namesakes: Namesakes,
    clock: Callable[[], float],
    first_look_seconds: float = 0.3,
    look_again_seconds: float = 1.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[Phase | StuckSlot, None]:
    """Phases as they become known, each time another one, and once for each time that it is loaded that it seems stuck.

    Never ends by itself, so the caller ends it. A model that is in memory, be it by another name, is reading or busy;
    one that is not, or whose runner died, is being loaded. A server that does not answer leaves the phase as it was.
    """
    known: Phase | None = None
    alike: tuple[str, ...] | None = None
    loaded_since: float | None = None
    is_stuck_told = False
    await sleep(first_look_seconds)
    while True:
        try:
            running = await engine.list_running()
        except EngineError:
            await sleep(look_again_seconds)
            continue
        if alike is None and running and runner_of(model, running) is None:
            alike = await _or_unknown(namesakes, model)
        entry = runner_of(model, running, alike or ())
        if entry is None or entry.has_died:
            phase, loaded_since, is_stuck_told = Phase.loading, None, False
        else:
            phase = Phase.reading
            loaded_since = clock() if loaded_since is None else loaded_since
        if phase is not known:
            known = phase
            yield phase
        if loaded_since is not None and not is_stuck_told:
            stuck = stuck_slot(model, running, loaded_since=loaded_since, now=clock(), namesakes=alike or ())
            if stuck is not None:
                is_stuck_told = True
                yield stuck
        await sleep(look_again_seconds)


async def _or_unknown(namesakes: Namesakes, model: str) -> tuple[str, ...] | None:
    try:
        return await namesakes(model)
    except EngineError:
        return None
