"""The ``ollama`` program of this machine: found, started, watched and stopped."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ollama.fake_ollama import install
from tui.engine import EngineError, Host
from tui.failures import Failure
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.local_server import (
    LOG_LINE_BYTES,
    LOG_LINES,
    LocalServer,
    find_program,
    may_be_started,
    read_environment,
)

PATIENCE_SECONDS = 30.0


@pytest.fixture
def host() -> Host:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return parse_host(f"127.0.0.1:{probe.getsockname()[1]}", source="default")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  another program's output
            await asyncio.sleep(0.01)


def server(host: Host, tmp_path: Path, *, mode: str = "good", **environ: str) -> LocalServer:
    return LocalServer(host, program=install(tmp_path / "bin", mode=mode), environ={**os.environ, **environ})


def is_up(local: LocalServer) -> bool:
    return local.is_running


async def test_it_starts_answers_and_stops(host: Host, tmp_path: Path) -> None:
    local = server(host, tmp_path, OLLAMA_NUM_PARALLEL="2")
    client = OllamaClient(host)
    await local.start()
    version = ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not version:
            try:
                version = await client.version()
            except EngineError:
                await asyncio.sleep(0.05)
    assert version == "0.33.0"
    assert is_up(local)
    assert local.failure is None
    assert any("PARALLEL=2" in line for line in local.log)
    assert any(f"Listening on 127.0.0.1:{host.url.rpartition(':')[2]}" in line for line in local.log)
    await client.aclose()
    await local.stop()
    assert not is_up(local)
    assert local.failure is None


async def test_one_that_cannot_listen_says_why(host: Host, tmp_path: Path) -> None:
    local = server(host, tmp_path, mode="busy")
    await local.start()
    await asyncio.wait_for(local.ended(), PATIENCE_SECONDS)
    assert local.failure is not None
    assert "exit code 1" in local.failure.title
    assert "address already in use" in local.failure.message
    assert "\x1b" not in local.failure.message
    await local.stop()


async def test_one_that_will_not_end_is_killed(host: Host, tmp_path: Path) -> None:
    local = server(host, tmp_path, mode="stubborn")
    await local.start()
    await until(lambda: any("not listening" in line for line in local.log))
    await local.stop(within_seconds=0.1)
    assert not local.is_running


async def test_a_log_without_end_costs_no_memory(host: Host, tmp_path: Path) -> None:
    program = tmp_path / "ollama"
    program.write_text(
        "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x\necho\nyes line | head -n 1000\necho last\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    local = LocalServer(host, program=program, environ=os.environ)
    await local.start()
    await asyncio.wait_for(local.ended(), PATIENCE_SECONDS)
    assert len(local.log) == LOG_LINES
    assert local.log[-1] == "last"
    assert max(map(len, local.log)) <= LOG_LINE_BYTES
    await local.stop()


async def test_what_is_no_program_is_named(host: Host, tmp_path: Path) -> None:
    program = tmp_path / "ollama"
    program.write_text("not a program", encoding="utf-8")
    program.chmod(0o755)
    with pytest.raises(Failure, match="cannot start"):
        await LocalServer(host, program=program, environ={}).start()


def test_the_program_is_the_chosen_one_or_that_on_the_path(tmp_path: Path) -> None:
    program = install(tmp_path / "bin")
    assert find_program("", {"PATH": str(tmp_path / "bin")}) == program
    assert find_program(str(program), {"PATH": ""}) == program
    assert find_program("", {"PATH": str(tmp_path)}) is None
    assert find_program(str(tmp_path / "missing"), {"PATH": str(tmp_path / "bin")}) is None


@pytest.mark.parametrize(
    ("address", "may_be"),
    [
        ("", True),
        ("http://localhost:11500", True),
        ("[::1]:11434", True),
        ("gpu-box", False),
        ("https://127.0.0.1", False),
        ("http://127.0.0.1:80/ollama", False),
    ],
)
def test_only_this_machine_is_started(address: str, may_be: bool) -> None:
    assert may_be_started(parse_host(address, source="chosen")) is may_be


def test_the_demo_is_nobody_to_start() -> None:
    assert not may_be_started(parse_host("127.0.0.1:5", source="demo"))


def test_an_environment_in_one_line() -> None:
    assert read_environment("") == {}
    assert read_environment("OLLAMA_NUM_PARALLEL=2 OLLAMA_MODELS='/data/my models' EMPTY=") == {
        "OLLAMA_NUM_PARALLEL": "2",
        "OLLAMA_MODELS": "/data/my models",
        "EMPTY": "",
    }


@pytest.mark.parametrize("text", ["OLLAMA_MODELS", "=5", "1X=5", "A-B=5", "A='unclosed"])
def test_what_is_no_environment_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="cannot be read"):
        read_environment(text)
