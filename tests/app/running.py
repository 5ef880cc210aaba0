"""The real program against a real server, in a terminal that nobody sees."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.strip import Strip

from tui.app.app import ChinwagApp
from tui.app.screens.chat_commands import ChatScreen
from tui.app.terminal.key_messages import MessageMaker
from tui.app.terminal.key_spelling import Report
from tui.app.terminal.keys import KeyDecoder
from tui.demo import DemoServer
from tui.environment import Environment, read_environment
from tui.ollama.gpu import MachineReader
from tui.workspace import StartOptions, Workspace

PATIENCE_SECONDS = 45.0
LOOK_AGAIN_SECONDS = 0.01
UNHURRIED = pytest.mark.parametrize("server", [1.0], indirect=True, ids=["unhurried"])
"""The server takes the time that its models take."""
SLOW = "script-prose-4000-60"
"""About a minute of words: time enough to do something while it answers."""
TERMINAL: Mapping[str, str] = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


@dataclass(slots=True)
class Clock:
    """Monotonic seconds that a test may move on; the real ones pass as well."""

    ahead_seconds: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_seconds


@dataclass(slots=True)
class Running:
    app: ChinwagApp
    pilot: Pilot[int]
    clock: Clock
    faults: list[dict[str, Any]] = field(default_factory=list)
    """What reached the event loop's exception handler."""

    @property
    def chat(self) -> ChatScreen:
        return self.app.chat

    @property
    def workspace(self) -> Workspace:
        return self.app.workspace

    @property
    def strips(self) -> list[Strip]:
        """Every row of the screen as it would be drawn."""
        screen = self.app.screen
        with self.app._context():
            return [Strip(strip) for strip in screen._compositor.render_strips(screen.size)]

    @property
    def rows(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.strips]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    @property
    def header(self) -> str:
        return self.rows[0]

    @property
    def status(self) -> str:
        return self.rows[-1]

    async def until(self, condition: Callable[[], object], *, told: str = "") -> None:
        """Waits, while the program runs, until ``condition`` holds; fails with a picture of the screen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"never came: {told or condition}\n{self.text}\n{self.faults}")
            await self.pilot.pause(LOOK_AGAIN_SECONDS)

    async def shows(self, *texts: str) -> None:
        """Waits until all of ``texts`` are on the screen."""
        await self.until(lambda: all(one in self.text for one in texts), told=" and ".join(map(repr, texts)))

    async def hides(self, *texts: str) -> None:
        """Waits until none of ``texts`` is on the screen."""
        await self.until(lambda: not any(one in self.text for one in texts), told=f"without {texts!r}")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """As a person types, into whatever has the focus."""
        await self.pilot.press(*("space" if letter == " " else letter for letter in text))

    def burst(self, data: bytes) -> None:
        """What a terminal sends, in one read: keys as they come over a slow line."""
        decoder, maker = KeyDecoder(), MessageMaker()
        for token in decoder.feed(data, time.monotonic()):
            assert not isinstance(token, Report)
            for message in maker.messages(token):
                self.app.post_message(message)

    async def send(self, text: str) -> None:
        """Types ``text`` into the prompt and presses Enter; returns when the prompt has let go of it."""
        await self.type(text)
        await self.until(lambda: self.chat.prompt.text == text, told=f"{text!r} in the prompt")
        await self.press("enter")
        await self.until(lambda: self.chat.prompt.is_empty, told=f"{text!r} sent")

    async def answered(self) -> None:
        """Waits until no answer is under way and none is about to begin."""
        session = self.chat.session
        await self.until(lambda: session.conversation.messages and not session.is_answering, told="an answer's end")


@dataclass(slots=True)
class Folders:
    """Where the programs of one test keep things, and who serves them."""

    root: Path
    url: str = ""

    def environ(self, **more: str) -> dict[str, str]:
        kinds = ("data", "config", "cache", "state")
        return {f"CHINWAG_{kind.upper()}_DIR": str(self.root / kind) for kind in kinds} | more

    def write(self, name: str, text: str) -> Path:
        """A file below the root: ``config/settings.toml``."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    @asynccontextmanager
    async def start(
        self,
        *,
        size: tuple[int, int] = (120, 40),
        environ: Mapping[str, str] | None = None,
        terminal: Mapping[str, str] = TERMINAL,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        **options: Any,
    ) -> AsyncIterator[Running]:
        """A program of its own on these folders; ``options`` are those of ``StartOptions``, ``host`` the server's."""
        clock = Clock()

        def prepare(chosen: StartOptions) -> Workspace:
            workspace = Workspace.prepare(
                chosen, environ=self.environ(**(environ or {})), clock=clock, now=now, random_bytes=os.urandom
            )
            # The machine that the tests run on is none of theirs.
            nowhere = self.root / "nowhere"
            workspace.machine = MachineReader(nvml=_no_nvml, drm=nowhere, meminfo=nowhere, devices=nowhere)
            return workspace

        asked = StartOptions(**({} if options.get("is_demo") else {"host": self.url or None}) | options)
        app = ChinwagApp(prepare(asked), environment=self._environment(terminal), prepare=prepare)
        faults: list[dict[str, Any]] = []
        async with app.run_test(size=size) as pilot:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
            running = Running(app, pilot, clock, faults)
            await running.until(lambda: app._chat is not None and app._chat.is_mounted, told="the conversation")
            try:
                yield running
            finally:
                if app.is_running:
                    await app.leave()
        assert not faults, faults

    def _environment(self, terminal: Mapping[str, str]) -> Environment:
        return read_environment(terminal, platform="linux")


def _no_nvml() -> Any:
    raise ImportError


@asynccontextmanager
async def served(root: Path, **server: Any) -> AsyncIterator[tuple[Folders, DemoServer]]:
    async with DemoServer(**{"speed": 0, "accept_scripts": True} | server) as demo:
        yield Folders(root, demo.url), demo
