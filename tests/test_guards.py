"""The guards of conftest.py guard: a test cannot reach the network, or write where the person's own files are."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

OUTSIDE = Path("/chinwag-test-outside")


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    with pytest.raises(PermissionError, match="writes only in its own folders"):
        OUTSIDE.write_text("x")
    with pytest.raises(PermissionError, match="writes only in its own folders"):
        os.open(OUTSIDE, os.O_CREAT | os.O_WRONLY)
    with pytest.raises(PermissionError, match="writes only in its own folders"):
        OUTSIDE.mkdir()
    (tmp_path / "way-out").symlink_to(OUTSIDE)
    with pytest.raises(PermissionError, match="writes only in its own folders"):
        (tmp_path / "way-out").write_text("x")
    assert not OUTSIDE.exists()
    (tmp_path / "inside").write_text("x")
    assert Path("/etc/passwd").read_text()


def test_nothing_is_reached_outside() -> None:
    with socket.socket() as out, pytest.raises(OSError, match=r"no network to reach 192\.0\.2\.1"):
        out.connect(("192.0.2.1", 80))
    with pytest.raises(socket.gaierror, match=r"no network to look up example\.com"):
        socket.getaddrinfo("example.com", 80)


async def test_the_event_loop_reaches_this_machine_only() -> None:
    with pytest.raises(OSError, match=r"no network to reach 192\.0\.2\.1"):
        await asyncio.open_connection("192.0.2.1", 80)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("localhost", port, family=socket.AF_INET)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


def test_everybody_is_nobody(nobody: Path) -> None:
    assert Path.home() == nobody
    assert os.environ["XDG_CONFIG_HOME"].startswith(str(nobody))
    assert not {"OLLAMA_HOST", "TMUX", "NO_COLOR", "HTTP_PROXY"} & set(os.environ)
