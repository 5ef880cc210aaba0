"""What a running process has used: processor time and memory, from the system's own books."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Of the process and its children, to the nanosecond where the system counts so, else to a hundredth of a second."""
    return sum(_cpu_seconds(one) for one in _family(pid))


def _cpu_seconds(pid: int) -> float:
    total_nanoseconds = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end while it is looked at
                total_nanoseconds += int((thread / "schedstat").read_text().split()[0])
    except OSError:
        return _seconds_of(_asked_of_ps(pid, "time"))
    return total_nanoseconds / 1e9 if total_nanoseconds else _ticks(pid) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Of the process and its children; what they share is counted in each."""
    return sum(_resident_bytes(one) for one in _family(pid))


def _family(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = (line.split() for line in listed.splitlines())
    return [pid, *(int(child) for child, parent in pairs if int(parent) == pid)]


def _resident_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return int(_asked_of_ps(pid, "rss")) * 1024
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _asked_of_ps(pid: int, what: str) -> str:
    asked = ["ps", "-o", f"{what}=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def _seconds_of(text: str) -> float:
    """``1-02:03:04.56``, from the right: seconds, minutes, hours, days."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + int(days or 0) * 86_400
