"""The pages of a PDF. They are read in a process of their own: a PDF may be made to keep a reader busy for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tui.cleaning import clean_line
from tui.failures import Failure

PATIENCE_SECONDS = 120.0
_CHILD = Path(__file__).with_name("pdf_child.py")


def can_read_pdf() -> bool:
    """Whether the extra ``documents`` is installed."""
    return find_spec("pypdf") is not None


class PdfReader:
    """Reads one PDF; ``stop`` ends that from another thread, at once."""

    def __init__(self, *, patience_seconds: float = PATIENCE_SECONDS, is_installed: bool | None = None) -> None:
        """``is_installed`` is looked up when it is None."""
        self._patience_seconds = patience_seconds
        self._is_installed = can_read_pdf() if is_installed is None else is_installed
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False
        self._changing = threading.Lock()

    def stop(self) -> None:
        with self._changing:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def pages(self, data: bytes, name: str) -> tuple[str, ...]:
        """The text of each page; blocks. Raises ``Failure`` naming ``name``: no extra, damaged, without text, too slow."""
        shown = clean_line(name, 100)
        if not self._is_installed:
            raise Failure(
                f"{shown} is not read", "PDF needs the extra documents", "install it: pip install 'chinwag[documents]'"
            )
        answer = _answer(self._output(data, shown))
        pages = answer.get("pages")
        if not isinstance(pages, list):
            cause = clean_line(str(answer.get("error") or "its reader broke down"), 160)
            raise Failure(f"{shown} cannot be read", cause, "save it anew, or as text")
        texts = tuple(page if isinstance(page, str) else "" for page in pages)
        if not any(text.strip() for text in texts):
            raise Failure(f"{shown} has no text", "its pages are pictures", "run a text recognition over it first")
        return texts

    def _output(self, data: bytes, shown: str) -> bytes:
        try:
            process = self._started()
        except OSError as error:
            raise Failure(f"{shown} is not read", (error.strerror or str(error)).lower(), "try again") from None
        with process:
            try:
                output, _ = process.communicate(data, timeout=self._patience_seconds)
            except subprocess.TimeoutExpired:
                cause = f"reading it took over {self._patience_seconds:g} s"
                raise Failure(f"{shown} is not read", cause, "save it as text") from None
            finally:
                process.kill()
        return output

    def _started(self) -> subprocess.Popen[bytes]:
        with self._changing:
            self._process = subprocess.Popen(  # noqa: S603  our own file, by the Python that runs this
                [sys.executable, "-I", "-B", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                start_new_session=True,
            )
            if self._is_stopped:
                self._process.kill()
            return self._process


def _answer(output: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(output)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
