"""Why nothing has come yet, as far as the server lets one know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from tui.chat.events import Phase
from tui.engine import Engine, EngineError

SameModel = Callable[[str, str], bool]


async def name_the_silence(
    engine: Engine,
    model: str,
    *,
    same_model: SameModel,
    first_look_seconds: float = 0.3,
    look_again_seconds: float = 1.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[Phase, None]:
    """Phases as they become known, each time another one; never ends by itself, so the caller ends it.

    A model in the server's list is in memory, so the server is reading or busy; one that is not is being loaded.
    A server that does not answer leaves the phase as it was.
    """
    known: Phase | None = None
    await sleep(first_look_seconds)
    while True:
        try:
            running = await engine.list_running()
        except EngineError:
            pass
        else:
            is_loaded = any(same_model(one.name, model) for one in running)
            phase = Phase.reading if is_loaded else Phase.loading
            if phase is not known:
                known = phase
                yield phase
        await sleep(look_again_seconds)
