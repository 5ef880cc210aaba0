"""The benchmarks are run by hand; this keeps them in working order between times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.plan import QUICK, USUAL
from tests.end_to_end.program import LONG_SECONDS
from tests.terminal import REPOSITORY, clean_environment


def test_the_benchmark_of_streaming_measures_and_prints_its_table(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--smallest", "--only", "streaming"],
        cwd=REPOSITORY,
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * LONG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    for words in ("chinwag 0.", "cores", "mixed at 1000/s", "ms at 50", "200 : 50"):
        assert words in done.stdout


def test_the_usual_run_has_a_long_conversation_and_the_quick_one_has_not() -> None:
    assert USUAL.already_there_tokens == (1_000, 10_000, 50_000)
    assert QUICK.already_there_tokens == (1_000, 10_000)
