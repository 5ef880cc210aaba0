"""``chinwag`` as a script runs it: a process of its own, its input and its two outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.terminal import REPOSITORY, clean_environment

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    code: int
    out: str
    talk: str

    @property
    def values(self) -> list[Any]:
        """Each line of the output as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs ``chinwag``: always against ``host``, with its files below ``home``."""

    home: Path
    host: str = ""
    more: Mapping[str, str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        host = {"OLLAMA_HOST": self.host} if self.host else {}
        return {**clean_environment(self.home, **host), **(self.more or {}), "PYTHONPATH": str(REPOSITORY)}

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-W", "error", "-m", "tui", *words]

    def __call__(self, *words: str, stdin: str | bytes | None = None, folder: Path | None = None) -> Ran:
        """``stdin`` None is an empty one. Its end is waited for."""
        given = stdin.encode() if isinstance(stdin, str) else stdin or b""
        done = subprocess.run(
            self.argv(*words),
            input=given,
            capture_output=True,
            env=self.environment,
            cwd=folder or self.home,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        ran = Ran(code=done.returncode, out=done.stdout.decode(), talk=done.stderr.decode())
        assert "Traceback" not in ran.talk, ran.talk
        return ran

    def piped(self, line: str) -> Ran:
        """``line`` in a shell, in which ``chinwag`` is the program; what ``pipefail`` says is the exit code."""
        program = " ".join(f"'{word}'" for word in self.argv())
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f'chinwag() {{ {program} "$@"; }}; {line}'],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=self.environment,
            cwd=self.home,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        ran = Ran(code=done.returncode, out=done.stdout.decode(), talk=done.stderr.decode())
        assert "Traceback" not in ran.talk, ran.talk
        return ran

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """For a test that goes on meanwhile."""
        return subprocess.Popen(
            self.argv(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            cwd=self.home,
        )


def nobody_there() -> str:
    """An address that refuses every connection: nothing listens on a port that was just let go."""
    import socket

    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{asked.getsockname()[1]}"


def home_below(folder: Path) -> Path:
    home = folder / "home"
    home.mkdir(mode=0o700)
    return home


def is_bash_here() -> bool:
    return any(os.access(f"{folder}/bash", os.X_OK) for folder in os.environ.get("PATH", "").split(os.pathsep))
