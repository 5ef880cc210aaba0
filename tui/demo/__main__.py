"""``python -m tui.demo [--port N] [--scripts] [--speed X]``: the demo server by itself."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress

from tui.demo.generated import KINDS
from tui.demo.server import DemoServer
from tui.failures import Failure


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tui.demo", description="A server with scripted models that speaks Ollama's API, on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="times the models' own speed; 0 waits for nothing (default: 1)"
    )
    parser.add_argument(
        "--scripts",
        action="store_true",
        help=f"accept models named script-KIND-TOKENS-RATE, KIND one of {', '.join(KINDS)}",
    )
    chosen = parser.parse_args(arguments)
    if chosen.speed < 0:
        parser.error("--speed cannot be below 0")
    try:
        asyncio.run(_serve(DemoServer(port=chosen.port, speed=chosen.speed, accept_scripts=chosen.scripts)))
    except Failure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


async def _serve(server: DemoServer) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    async with server:
        sys.stdout.write(f"demo server at {server.url}\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
