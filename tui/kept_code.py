"""Code that dataclasses write for themselves, compiled once and kept beside the byte code of the modules.

Every frozen value has its methods written as text and compiled at each import, which is a fifth of a start. Here that
text is compiled when it was never seen before; the next start finds it by the text itself, so it is never out of date.
Where nothing can be kept, or ``dataclasses`` works in another way, everything is as without it.
"""

from __future__ import annotations

import dataclasses
import marshal
import os
import sys
import zlib
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType
from typing import Any

MOST_KEPT_BYTES = 4_000_000
"""Code of classes that are no more makes the file grow; from here on only what this start used stays in it."""
_CHECKSUM_BYTES = 4


class KeptCode:
    """``use`` before anything else is imported, ``keep`` when there is time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, bytes] = {}
        self._used: dict[str, bytes] = {}
        self._is_new = False

    def use(self) -> None:
        self._known = read_codes(self._path)
        vars(dataclasses)["exec"] = self._run

    def _run(self, text: str, names: dict[str, Any], found: dict[str, Any]) -> None:
        """What ``exec`` does with a text."""
        kept = self._known.get(text)
        code: CodeType
        if kept is None:
            code = compile(text, "<string>", "exec", dont_inherit=True)
            kept = marshal.dumps(code)
            self._is_new = True
        else:
            code = marshal.loads(kept)  # noqa: S302 - as trusted as byte code, beside which it lies
        self._used[text] = kept
        exec(code, names, found)  # noqa: S102 - in the place of theirs

    def keep(self) -> None:
        """Writes what was compiled since ``use``, and lets go of all of it: what comes later is compiled as ever.

        Blocks, and says nothing where the file cannot be written.
        """
        used, self._used, self._known = self._used, {}, {}
        is_new, self._is_new = self._is_new, False
        if not is_new or sys.dont_write_bytecode:
            return
        # Others may have kept something meanwhile.
        codes = {**read_codes(self._path), **used}
        if sum(map(len, codes.values())) > MOST_KEPT_BYTES:
            codes = used
        with suppress(OSError):
            write_codes(self._path, codes)


def read_codes(path: Path) -> dict[str, bytes]:
    """Text to compiled code; empty when the file is missing, of another Python, or not whole."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    head = len(MAGIC_NUMBER) + _CHECKSUM_BYTES
    body = memoryview(data)[head:]
    if data[:head] != MAGIC_NUMBER + _checksum(body):
        return {}
    codes = marshal.loads(body)  # noqa: S302 - as above, and whole
    return codes if isinstance(codes, dict) else {}


def write_codes(path: Path, codes: Mapping[str, bytes]) -> None:
    """Whole or not at all. Raises ``OSError``."""
    body = marshal.dumps(dict(codes))
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(MAGIC_NUMBER + _checksum(body) + body)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _checksum(body: bytes | memoryview) -> bytes:
    return zlib.crc32(body).to_bytes(_CHECKSUM_BYTES)


def beside_byte_code() -> Path:
    """Where this file's own byte code lies, which is trusted as this is."""
    return Path(cache_from_source(__file__, optimization="dataclasses"))


KEPT = KeptCode(beside_byte_code())
"""Of this process."""
