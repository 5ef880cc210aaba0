"""``kill -9``, at any moment and at every step: what was acknowledged is there, and tokens sent minus tokens found is 0."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.scenarios import Run, Scenario, closed_and_opened, document_in_the_middle, long_talk_events
from tests.storage.events import EMPTY, slowly
from tui.conversations.values import Conversation

EVERYTHING = bool(os.environ.get("CHINWAG_ALL_FAULTS"))
RANDOM_RUNS = 300 if EVERYTHING else 20
STEP = 1 if EVERYTHING else 6
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def victims() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.victim"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_kill_at_random_moments_loses_no_token(victims: subprocess.Popen[str], tmp_path: Path) -> None:
    dice = random.Random(11)
    for number in range(RANDOM_RUNS):
        root = tmp_path / f"run {number}"
        acknowledged = _killed_after(victims, root, dice.randrange(1, 400))
        found, sequence = asyncio.run(_found(Run(root)))
        assert sequence >= acknowledged
        assert found == slowly(EMPTY, itertools.islice(long_talk_events(), sequence))
        shutil.rmtree(root)


@pytest.mark.parametrize("scenario", [document_in_the_middle, closed_and_opened], ids=lambda one: one.__name__)
def test_kill_at_every_step_loses_nothing(victims: subprocess.Popen[str], tmp_path: Path, scenario: Scenario) -> None:
    whole = Run(tmp_path / "whole")
    asyncio.run(_whole(scenario, whole))
    for kill_at in itertools.count(0, STEP):
        root = tmp_path / f"killed at {kill_at}"
        acknowledged, is_unharmed = _killed_at(victims, root, scenario.__name__, kill_at)
        if is_unharmed:
            return
        if acknowledged or list(root.rglob("*.j*")):
            found, sequence = asyncio.run(_found(Run(root)))
            assert sequence >= acknowledged
            assert found == slowly(EMPTY, whole.given[:sequence])


def _killed_after(victims: subprocess.Popen[str], root: Path, events: int) -> int:
    """How many events were acknowledged when it was dead: at least as many as it was let live for."""
    _ask(victims, root, "long_talk", -1)
    acknowledged, pid = 0, 0
    for line in _lines(victims):
        word, _, count = line.partition(" ")
        if word == "pid":
            pid = int(count)
        elif word == "ack":
            acknowledged = int(count)
        if pid and acknowledged >= events:
            os.kill(pid, signal.SIGKILL)
            pid, events = 0, sys.maxsize
    return acknowledged


def _killed_at(victims: subprocess.Popen[str], root: Path, scenario: str, kill_at: int) -> tuple[int, bool]:
    _ask(victims, root, scenario, kill_at)
    acknowledged, is_unharmed = 0, False
    for line in _lines(victims):
        if line.startswith("ack "):
            acknowledged = int(line.removeprefix("ack "))
        is_unharmed = is_unharmed or line == "unharmed"
    return acknowledged, is_unharmed


def _ask(victims: subprocess.Popen[str], root: Path, scenario: str, kill_at: int) -> None:
    root.mkdir()
    assert victims.stdin is not None
    victims.stdin.write(json.dumps({"root": str(root), "scenario": scenario, "kill_at": kill_at}) + "\n")
    victims.stdin.flush()


def _lines(victims: subprocess.Popen[str]) -> Iterator[str]:
    assert victims.stdout is not None
    for line in victims.stdout:
        if line == "over\n":
            return
        yield line.strip()
    pytest.fail("the program that was to be killed is gone")


async def _whole(scenario: Scenario, run: Run) -> None:
    await scenario(run)


async def _found(run: Run) -> tuple[Conversation, int]:
    shelf = run.shelf()
    assert (await shelf.summaries()).faults == ()
    log = await run.opened(shelf)
    assert not log.damage.missing_records
    found = log.conversation, log.sequence
    await shelf.aclose()
    assert await run.shelf().load(log.id) == found[0]
    return found
