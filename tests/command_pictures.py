"""Pictures of commands: the line that is typed, and what the command really writes on a terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import re
import shlex
import struct
import tempfile
import termios
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

from rich.segment import Segment
from rich.style import Style

from tests.screenshots import MODEL, NamedWorkspace, SceneTime, draw_svg, model
from tui.cli.commands import find_subcommand
from tui.cli.door import Door
from tui.cli.running import parser_of
from tui.demo import Answer, DemoModel, DemoServer, Prompt, Script
from tui.places import bundled_themes
from tui.theming.load import load_themes
from tui.workspace import StartOptions, Workspace

COLUMNS = 112
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")

DNS = {
    MODEL: "DNS is the phone book of the internet: it turns a name that people remember, such as example.org, into the "
    "number under which a machine can be reached.\n\nYour computer asks a resolver, the resolver asks the root, then "
    "the servers of `.org`, then those of `example.org`, and everybody on the way keeps the answer for a while.",
    "gemma3:4b": "It looks up the address that belongs to a name.\n\n1. You type `example.org`.\n2. A resolver finds "
    "out its address, step by step from the root down.\n3. The answer is remembered, so the next time is faster.",
    "gpt-oss:20b": "DNS maps names to addresses. It is a tree of servers, each of which knows its own branch and whom "
    "to ask about the ones below, with caches in between that forget after the time each record says.",
}


def saying(text: str) -> Script:
    def answer(_: Prompt) -> Answer:
        return Answer(text=text)

    return answer


def contenders() -> tuple[DemoModel, ...]:
    """Three models at speeds that one card gives them."""
    context = 40_960
    return (
        model(MODEL, "8.2B", 5.2, context, "", script=saying(DNS[MODEL]), **_pace(62, 2400, 2.1)),
        model("gemma3:4b", "4.3B", 3.3, context, "", script=saying(DNS["gemma3:4b"]), **_pace(96, 4100, 1.4)),
        model("gpt-oss:20b", "20.9B", 13.8, context, "", script=saying(DNS["gpt-oss:20b"]), **_pace(48, 1500, 4.6)),
    )


def _pace(tokens: float, prompt_tokens: float, load_seconds: float) -> dict[str, float]:
    return {
        "tokens_per_second": tokens,
        "prompt_tokens_per_second": prompt_tokens,
        "load_seconds": load_seconds,
    }


COMMANDS: Mapping[str, str] = {
    "command-bench-dark": f"chinwag bench {MODEL} gemma3:4b gpt-oss:20b --repeats 3",
    "command-compare-dark": f'chinwag compare {MODEL} gemma3:4b gpt-oss:20b --prompt "What does DNS do?"',
}
"""Each picture's name, and what is typed in it."""


class StagedDoor(Door):
    """On the time of the scene, beside the server."""

    def __init__(self, scene: SceneTime, *, environ: Mapping[str, str], stdout: int, stderr: int) -> None:
        super().__init__(options=StartOptions(), environ=environ, stdin=stdout, stdout=stdout, stderr=stderr)
        self._scene = scene

    @asynccontextmanager
    async def workspace(self) -> AsyncGenerator[Workspace, None]:
        workspace = await asyncio.to_thread(
            NamedWorkspace.prepare,
            self.options,
            environ=self.environ,
            now=self._scene.now,
            clock=self._scene.clock,
            random_bytes=random.Random(3).randbytes,
        )
        try:
            await workspace.start()
            yield workspace
        finally:
            await workspace.close()


async def pictures() -> dict[str, str]:
    """Each picture by its name."""
    return {name: await command_picture(line) for name, line in COMMANDS.items()}


async def command_picture(line: str) -> str:
    """The picture of ``line``, which begins with ``chinwag``."""
    scene = SceneTime()
    server = DemoServer(models=contenders(), clock=scene.clock, now=scene.now, sleep=scene.sleep)
    with tempfile.TemporaryDirectory(prefix="chinwag-pictures-") as folder:
        async with server:
            data, talk = await _written(line, scene, {"HOME": folder, "OLLAMA_HOST": server.url}, Path(folder))
    return _drawn(line, data, talk)


async def _written(line: str, scene: SceneTime, environ: Mapping[str, str], folder: Path) -> tuple[str, str]:
    """What the command wrote on its terminal, and what it said beside that."""
    _, word, *words = shlex.split(line)
    subcommand = find_subcommand(word)
    assert subcommand is not None
    master, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    data = bytearray()

    def read() -> None:
        # Linux says that the other side is closed by an error, others by an end.
        try:
            while piece := os.read(master, 65536):
                data.extend(piece)
        except OSError:
            return

    reader = threading.Thread(target=read)
    reader.start()
    with (folder / "talk").open("w+b") as talk:
        door = StagedDoor(scene, environ=environ, stdout=terminal, stderr=talk.fileno())
        arguments = parser_of(subcommand).parse_args(words)
        code = await import_module(subcommand.module).run(arguments, door)
        await door.close()
        os.close(terminal)
        await asyncio.to_thread(reader.join)
        os.close(master)
        talk.seek(0)
        said = talk.read().decode()
    if code != 0:
        raise SystemExit(f"{line}: {code}\n{said}")
    return SEQUENCE.sub("", data.decode()), said


def _drawn(line: str, data: str, talk: str) -> str:
    palette = load_themes(bundled_themes(), None).themes["chinwag-dark"].palette
    bold, muted = Style(bold=True), Style(color=palette.muted)
    rows = [[Segment("$ ", Style(color=palette.accent)), Segment(line, bold)], []]
    rows += [[Segment(row)] for row in data.rstrip("\n").split("\n")]
    rows += [[], *([Segment(row, muted)] for row in talk.splitlines()), []]
    return draw_svg(rows, columns=COLUMNS, ink=palette.foreground, ground=palette.background)
