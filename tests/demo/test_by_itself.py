"""``python -m tui.demo`` as a program."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from tui.demo.__main__ import main

ROOT = Path(__file__).parents[2]


async def test_program_says_where_it_is_and_ends_when_told() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tui.demo", "--scripts", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    try:
        async with asyncio.timeout(30):
            url = (await program.stdout.readline()).decode().split()[-1]
        version = await asyncio.to_thread(_read, f"{url}/api/version")
        assert json.loads(version) == {"version": "0.33.0"}
    finally:
        program.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await program.wait() == 0


def _read(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as response:
        body: bytes = response.read()
    return body


def test_taken_port_ends_the_program_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_impossible_speed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--speed", "-1"])
    assert "--speed cannot be below 0" in capsys.readouterr().err
