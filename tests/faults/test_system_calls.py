"""The system's own calls fail, or are the last ones: what was acknowledged is there. By strace, where there is one.

The same as in ``test_every_call``, from further below: nothing of ours stands between the program and the system.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.faults.scenarios import Run, Scenario, document_in_the_middle, found_afterwards, one_turn
from tests.storage.events import ID

ROOT = Path(__file__).parents[2]
EVERYTHING = bool(os.environ.get("CHINWAG_ALL_FAULTS"))
STRACE = shutil.which("strace")
MOST_CALLS = 200
LONG_SECONDS = 120
SYNCS = "fsync,fdatasync"
NAMES = "rename,renameat,renameat2,link,linkat,unlink,unlinkat"

LIVING = """
import asyncio, logging, os, sys
from pathlib import Path
from tests.faults import scenarios

run = scenarios.Run(Path(sys.argv[1]))
run.acknowledge = lambda count: os.write(1, f"ack {count}\\n".encode())
asyncio.run(getattr(scenarios, sys.argv[2])(run))
os.write(1, f"over {run.is_unsaved}\\n".encode())
"""


@cache
def _strace_works() -> bool:
    """It may be there and not be allowed to do anything."""
    if STRACE is None:
        return False
    tried = [STRACE, "-f", "-qq", "-o", os.devnull, "-e", "inject=fsync:error=EIO:when=1", "true"]
    return subprocess.run(tried, capture_output=True, check=False, timeout=LONG_SECONDS).returncode == 0


@pytest.fixture(autouse=True)
def needs_strace() -> None:
    if not _strace_works():
        pytest.skip("no strace that works here")


def _lived(root: Path, scenario: Scenario, calls: str, what: str, *, only: Path | None = None) -> tuple[int, bool, str]:
    """How many events were acknowledged, whether the fault was met, and what was said last."""
    root.mkdir()
    log = root.with_suffix(".strace")
    paths = () if only is None else ("-P", str(only))
    traced = [
        *(str(STRACE), "-f", "-qq", "-o", str(log), *paths, "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"),
        *(sys.executable, "-c", LIVING, str(root), scenario.__name__),
    ]
    ended = subprocess.run(traced, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONG_SECONDS)
    said = ended.stdout.split("\n")
    acknowledged = max((int(line[4:]) for line in said if line.startswith("ack ")), default=0)
    traces = log.read_text(errors="replace")
    return acknowledged, "INJECTED" in traces or "killed by SIGKILL" in traces, ended.stdout + ended.stderr


def _numbers() -> list[int]:
    return list(range(1, MOST_CALLS)) if EVERYTHING else [1, 3]


@pytest.mark.parametrize("scenario", [one_turn, document_in_the_middle], ids=lambda one: one.__name__)
@pytest.mark.parametrize(
    ("calls", "what"),
    [
        (SYNCS, "error=EIO"),
        (NAMES, "error=ENOSPC"),
        (SYNCS, "signal=KILL"),
        (NAMES, "signal=KILL"),
        ("write of the journal", "error=ENOSPC"),
        ("write of the journal", "signal=KILL"),
    ],
)
def test_a_call_that_fails_or_is_the_last_one_loses_nothing_that_was_acknowledged(
    tmp_path: Path, scenario: Scenario, calls: str, what: str
) -> None:
    whole = Run(tmp_path / "whole")
    whole.root.mkdir()
    asyncio.run(_whole(scenario, whole))
    states = whole.states()
    met = 0
    for number in _numbers():
        root = tmp_path / f"{number}"
        journal = Run(root).places.conversations / f"{ID}.journal"
        is_journal = calls.endswith("journal")
        acknowledged, is_met, said = _lived(
            root,
            scenario,
            "write" if is_journal else calls,
            f"{what}:when={number}",
            only=journal if is_journal else None,
        )
        assert "Traceback" not in said, said
        if not is_met:
            assert "over False" in said, said
            break
        met += 1
        found = asyncio.run(found_afterwards(Run(root)))
        assert found in states[acknowledged:] if found is not None else acknowledged == 0, (number, acknowledged, said)
        shutil.rmtree(root)
    assert met


async def _whole(scenario: Scenario, run: Run) -> None:
    await scenario(run)
