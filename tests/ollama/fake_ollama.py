"""An ``ollama`` program for tests: ``serve`` runs the demo server where OLLAMA_HOST says."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent


def install(folder: Path, *, mode: str = "good") -> Path:
    """Makes a program called ``ollama`` in ``folder``: ``good``, ``busy`` (its port is taken) or ``stubborn``."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "ollama"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__)} {mode} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program


def main(mode: str, command: str) -> int:
    if command != "serve":
        sys.stderr.write("this ollama only serves\n")
        return 2
    address = os.environ["OLLAMA_HOST"]
    sys.stderr.write(f'time=now level=INFO msg="server config" PARALLEL={os.environ.get("OLLAMA_NUM_PARALLEL", "")}\n')
    if mode == "busy":
        sys.stderr.write(f"Error: listen tcp {address}: bind: address already in use\x1b[31m\n")
        return 1
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.stderr.write("Listening, and not listening to anybody\n")
        sys.stderr.flush()
        while True:
            signal.pause()
    sys.stderr.write(f"Listening on {address} (version 0.33.0)\n")
    sys.stderr.flush()
    sys.path.insert(0, str(REPOSITORY))
    from tui.demo.__main__ import main as serve

    return serve(["--port", address.rpartition(":")[2], "--speed", "0"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
