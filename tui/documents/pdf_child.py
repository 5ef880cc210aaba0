"""Run as a program: a PDF on stdin, one JSON object on stdout, ``{"pages": [...]}`` or ``{"error": "..."}``."""

from __future__ import annotations

import io
import json
import resource
import sys
from contextlib import suppress
from importlib import import_module

MOST_MEMORY_BYTES = 2 << 30
MOST_SECONDS = 120
MOST_PAGES = 5000
MOST_CHARACTERS = 16_000_000


def main() -> None:
    limits = ((resource.RLIMIT_AS, MOST_MEMORY_BYTES), (resource.RLIMIT_CPU, MOST_SECONDS), (resource.RLIMIT_CORE, 0))
    for kind, most in limits:
        # Not every system knows each of them.
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
    try:
        answer: dict[str, object] = {"pages": pages(sys.stdin.buffer.read())}
    except Exception as error:  # noqa: BLE001  a damaged file raises anything, and all of it means the same
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    sys.stdout.write(json.dumps(answer))


def pages(data: bytes) -> list[str]:
    reader = import_module("pypdf").PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("it needs a password")
    texts: list[str] = []
    left = MOST_CHARACTERS
    for page in reader.pages:
        if len(texts) >= MOST_PAGES or left <= 0:
            raise ValueError(f"it has more than {MOST_PAGES} pages or {MOST_CHARACTERS:,} characters")
        text = str(page.extract_text() or "")
        texts.append(text)
        left -= len(text)
    return texts


if __name__ == "__main__":
    main()
