"""A link on its way to a browser, or the reason why it stays here.

The address is foreign text. It is one argument of a program that was found before, never read by a shell; and a browser
that would draw on this terminal is never started.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from tui.cleaning import clean
from tui.environment import Environment

SCHEMES = ("http", "https", "mailto")
LONGEST_ADDRESS_CHARACTERS = 4000
START_PATIENCE_SECONDS = 4.0
"""Whoever opens a link hands it on and ends. What still runs after this is the browser itself."""


def is_openable(address: str) -> bool:
    """Whether ``address`` may leave the program: ``http``, ``https`` or ``mailto``, plain and of a sane length."""
    is_plain = len(address) <= LONGEST_ADDRESS_CHARACTERS and clean(address) == address and not _has_blank(address)
    scheme, colon, rest = address.partition(":")
    if not is_plain or not colon or not rest or scheme.lower() not in SCHEMES:
        return False
    try:
        return scheme.lower() == "mailto" or bool(urlsplit(address).hostname)
    except ValueError:
        return False


def _has_blank(address: str) -> bool:
    return any(character.isspace() for character in address)


def doubt_about(address: str, label: str = "") -> str:
    """Why an address may lead elsewhere than it looks, in a few words; empty where it does not."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "it is not written as an address is"
    if parts.scheme.lower() == "mailto":
        return ""
    if parts.username is not None:
        return f"what stands before the @ is not its host, which is {host}"
    if "xn--" in host or not host.isascii():
        return "its host has letters that look like others"
    shown = _host_named_in(label)
    if shown and shown != host and not host.endswith(f".{shown}"):
        return f"its text names {shown}"
    return ""


def _host_named_in(label: str) -> str:
    """The host of an address that a link has for its text."""
    label = label.strip().lower()
    if not label.startswith(("http://", "https://", "www.")):
        return ""
    try:
        host = urlsplit(label if "://" in label else f"//{label}").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")


class Browser:
    """The person's browser, if there is one on the machine that they sit at."""

    def __init__(
        self,
        *,
        environment: Environment,
        environ: Mapping[str, str],
        platform: str = sys.platform,
        start_patience_seconds: float = START_PATIENCE_SECONDS,
    ) -> None:
        """``platform`` is ``sys.platform``."""
        self._environment = environment
        self._environ = environ
        self._platform = platform
        self._start_patience_seconds = start_patience_seconds

    @property
    def reason_not_to(self) -> str:
        """Why nothing can be opened here, in a few words; empty where it can."""
        if self._environment.is_ssh:
            return "not opened over ssh"
        if not self._program:
            return "no browser found here"
        return ""

    @property
    def _program(self) -> tuple[str, ...]:
        names: tuple[tuple[str, ...], ...] = ()
        if self._platform == "darwin":
            names = (("open",),)
        elif self._environment.is_wsl:
            names = (("wslview",),)
        elif self._environ.get("DISPLAY") or self._environ.get("WAYLAND_DISPLAY"):
            names = (("xdg-open",), ("gio", "open"))
        for name, *arguments in names:
            if found := shutil.which(name, path=self._environ.get("PATH")):
                return (found, *arguments)
        return ()

    async def open(self, address: str) -> bool:
        """Whether a browser was asked. Raises ``ValueError`` for what is not ``is_openable``."""
        if not is_openable(address):
            raise ValueError(address)
        program = self._program
        return bool(program) and await asyncio.to_thread(
            _start, (*program, address), self._environ, self._start_patience_seconds
        )


def _start(argv: tuple[str, ...], environ: Mapping[str, str], patience_seconds: float) -> bool:
    try:
        process = subprocess.Popen(  # noqa: S603 - a program that was looked up, and no shell
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environ},
            start_new_session=True,
        )
    except OSError:
        return False
    try:
        return process.wait(patience_seconds) == 0
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return True
