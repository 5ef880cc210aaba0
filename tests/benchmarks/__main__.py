"""``make bench``: measures, and prints tables. Nothing here passes or fails."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks import documents, idle, keys, machine, opening, shelf, start, streaming
from tests.benchmarks.plan import QUICK, SMALLEST, USUAL, Plan

BENCHMARKS: Mapping[str, Callable[[Plan], None]] = {
    "start": start.run,
    "streaming": streaming.run,
    "keys": keys.run,
    "opening": opening.run,
    "shelf": shelf.run,
    "documents": documents.run,
    "idle": idle.run,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--quick", action="store_true", help="a look in about a minute instead of a run of many")
    much.add_argument("--smallest", action="store_true", help="only whether it still runs; the figures mean nothing")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    chosen = parser.parse_args(arguments)
    plan = QUICK if chosen.quick else SMALLEST if chosen.smallest else USUAL
    print("\n".join(machine.lines()), flush=True)
    for name in chosen.only or BENCHMARKS:
        BENCHMARKS[name](plan)
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
