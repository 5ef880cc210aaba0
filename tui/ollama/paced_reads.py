"""Reading a socket on a clock, below the HTTP library: what one read brings is there as a whole before the next begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

FULL_READ_BYTES = 32 * 1024
"""A read that brings this much has more behind it: no token by token answer, so there is nothing to wait for."""


@contextmanager
def paced(response: httpx.Response, pause: Callable[[], Awaitable[None]]) -> Iterator[bool]:
    """Inside, each read of the socket but the first waits for ``pause``, unless the one before it was full.

    Gives False, and does nothing, where the library shows no socket.
    """
    stream: Any = response.extensions.get("network_stream")
    read = getattr(stream, "read", None)
    if read is None or not hasattr(stream, "__dict__"):
        yield False
        return
    is_full = True

    async def read_after_pause(max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - its interface
        nonlocal is_full
        if not is_full:
            await pause()
        data: bytes = await read(max_bytes, timeout=timeout)
        is_full = len(data) >= FULL_READ_BYTES
        return data

    # The connection is used again when this answer is over, perhaps for one that nobody waits for token by token.
    stream.read = read_after_pause
    try:
        yield True
    finally:
        del stream.read
