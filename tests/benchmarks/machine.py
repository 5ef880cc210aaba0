"""What the figures were measured on, so that they mean something later."""

from __future__ import annotations

import os
import platform
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from tui import __version__


def lines() -> list[str]:
    now = datetime.now().astimezone()
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in ("textual", "rich", "httpx"))
    return [
        f"chinwag {__version__} · {now:%Y-%m-%d %H:%M %Z}",
        f"{platform.python_implementation()} {platform.python_version()} · {packages}",
        f"{platform.platform()} · {_processor()} · {os.cpu_count()} cores · load {load}",
    ]


def _processor() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in facts.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
