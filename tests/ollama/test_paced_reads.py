"""An answer is read on a clock below the HTTP library."""

from __future__ import annotations

import asyncio

import httpx

from tui.ollama.paced_reads import FULL_READ_BYTES, paced


class Stream:
    """A socket that has these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the library's interface
        return self._pieces.pop(0)


class Pauses:
    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
        await asyncio.sleep(0)


def response_of(stream: object) -> httpx.Response:
    return httpx.Response(200, extensions={"network_stream": stream})


async def test_every_read_but_the_first_waits() -> None:
    stream, pauses = Stream(b"a", b"b", b"c"), Pauses()
    with paced(response_of(stream), pauses) as is_paced:
        assert is_paced
        assert [(await stream.read(10), pauses.count) for _ in range(3)] == [(b"a", 0), (b"b", 1), (b"c", 2)]


async def test_behind_a_full_read_comes_the_next_at_once() -> None:
    full = b"x" * FULL_READ_BYTES
    stream, pauses = Stream(full, full, b"rest", b"end"), Pauses()
    with paced(response_of(stream), pauses):
        for _ in range(3):
            await stream.read(1 << 16)
        assert pauses.count == 0
        await stream.read(1 << 16)
        assert pauses.count == 1


async def test_the_connection_is_as_before_when_the_answer_is_over() -> None:
    stream, pauses = Stream(b"a", b"b", b"c"), Pauses()
    with paced(response_of(stream), pauses):
        await stream.read(10)
    await stream.read(10)
    await stream.read(10)
    assert pauses.count == 0


async def test_where_no_socket_is_shown_nothing_happens() -> None:
    with paced(httpx.Response(200), Pauses()) as is_paced:
        assert not is_paced
