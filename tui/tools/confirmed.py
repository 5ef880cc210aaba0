"""Which contents of tool files a person has confirmed, by hash: a file that changes is a new one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tui.atomic import FileMissing, make_private_folder, read_bounded, write_atomically
from tui.failures import Failure

LARGEST_LIST_BYTES = 1 << 20
MOST_CONFIRMED = 5000
_HASH = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """``names`` holds, for each SHA-256, the name that the file had when it was confirmed, for a list to look at."""

    names: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self.names

    def with_one(self, sha256: str, name: str) -> Confirmed:
        if not _HASH.match(sha256):
            raise ValueError(f"no SHA-256: {sha256[:80]!r}")
        kept = {known: said for known, said in self.names.items() if known != sha256}
        return Confirmed(names=dict([*kept.items(), (sha256, name)][-MOST_CONFIRMED:]))

    def without(self, sha256: str) -> Confirmed:
        return Confirmed(names={known: said for known, said in self.names.items() if known != sha256})


def load_confirmed(path: Path) -> tuple[Confirmed, Failure | None]:
    """What was confirmed, and why it cannot be read: then nothing was, and the file is put aside. Blocks."""
    try:
        value = json.loads(read_bounded(path, LARGEST_LIST_BYTES))
        entries = value["confirmed"]
        names = {str(sha256): str(name) for sha256, name in entries.items() if _HASH.match(sha256)}
        return Confirmed(names=names), None
    except FileMissing:
        return Confirmed(), None
    except Failure as failure:
        return Confirmed(), failure
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        with suppress(OSError):
            path.replace(path.with_name(f"{path.name}.damaged"))
        return Confirmed(), Failure(
            f"file {path.name} is put aside", "it is damaged", "tools of your own are asked about once more"
        )


def save_confirmed(path: Path, confirmed: Confirmed) -> None:
    """Blocks. Raises ``Failure``."""
    try:
        make_private_folder(path.parent)
        write_atomically(path, json.dumps({"confirmed": dict(confirmed.names)}, indent=1).encode("ascii"))
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"file {path} cannot be written", cause, "free some space, or look at its folder") from error
