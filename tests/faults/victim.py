"""A program whose children are killed: each line on its input names a scenario, which a fresh process then runs.

What was acknowledged is said at once, ``ack <count>``; the process is named by ``pid <number>`` and its end by ``over``.
A fork of a program that has everything loaded takes milliseconds, where a new one takes half a second.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.faults import scenarios
from tests.faults.disk import FailingDisk


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            live(asked)
        say(f"pid {pid}")
        os.waitpid(pid, 0)
        say("over")


def live(asked: dict[str, Any]) -> None:
    root = Path(asked["root"])
    run = scenarios.Run(root)
    run.acknowledge = lambda count: say(f"ack {count}")
    disk = FailingDisk(root, "kill -9", asked["kill_at"])
    run.paused = disk.paused
    try:
        with disk.in_place():
            asyncio.run(getattr(scenarios, asked["scenario"])(run))
        say("unharmed")
    finally:
        os._exit(0)


def say(words: str) -> None:
    os.write(1, f"{words}\n".encode())


if __name__ == "__main__":
    main()
