"""The README's pictures, drawn from the real program: ``python -m tests.screenshots [--out DIR] [--only NAME]``.

The program runs without a terminal against the demo server, whose models have the names and sizes of real ones. Both
share one clock, which goes on only when the server waits, so that a second run draws the same pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.pilot import Pilot

from tests.terminal import REPOSITORY
from tui.app.app import ChinwagApp
from tui.app.screens.conversations import PREVIEW_AFTER_SECONDS
from tui.conversations.edits import new_conversation, renamed, with_message
from tui.conversations.ids import new_id
from tui.conversations.values import Message, Role
from tui.demo import Answer, DemoModel, DemoServer, Prompt, Script
from tui.demo.texts import read_texts
from tui.engine import Host
from tui.environment import read_environment
from tui.metrics.usage import UsageRecord, encode_usage
from tui.places import user_places
from tui.storage.shelf import Shelf
from tui.workspace import StartOptions, Workspace

SIZE = (112, 40)
NOON = datetime(2026, 11, 21, 10, 42, tzinfo=UTC)
HOST_NAME = "gpu-box"
MODEL = "qwen3:8b"
TITLE = "How a B-tree splits a full node"
FIRST_QUESTION = ("Explain how a B-tree splits a full node, with code.", "Keep it short.")
SECOND_QUESTION = "And when the parent is full too?"
SECOND_ANSWER_TOKENS = 62
CONVERSATIONS = "conversations-light"
"""The picture with a preview, which comes when the mark has stood still."""
"""How far the second answer has come in the picture."""
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
PATIENCE_SECONDS = 60.0


# ── the picture of a screen ──────────────────────────────────────────────────────────────────────────────────────

CELL_WIDTH, CELL_HEIGHT, FONT_SIZE, PADDING = 9.0, 20.0, 15, 12
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
BOX_ENDS = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ur", "┘": "ul", "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru",
    "┼": "lrud", "╭": "rd", "╮": "ld", "╰": "ur", "╯": "ul", "╶": "r", "╴": "l", "╷": "d", "╵": "u", "━": "lr", "┃": "ud",
}  # fmt: skip
ROUND = frozenset("╭╮╰╯")
LOWER_EIGHTHS = "▁▂▃▄▅▆▇█"
LEFT_EIGHTHS = "▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Look:
    """How a run of cells is painted; colours are ``#rrggbb``."""

    ink: str
    ground: str
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False


def look_of(style: Style | None, ink: str, ground: str) -> Look:
    """``ink`` and ``ground`` are what a cell without colours of its own has."""
    style = style or Style.null()
    front, back = hex_of(style.color, ink), hex_of(style.bgcolor, ground)
    if style.reverse:
        front, back = back, front
    if style.dim:
        front = mixed(front, back)
    return Look(
        ink=front,
        ground=back,
        bold=bool(style.bold),
        italic=bool(style.italic),
        underline=bool(style.underline),
        strike=bool(style.strike),
    )


def hex_of(colour: Color | None, otherwise: str) -> str:
    return otherwise if colour is None or colour.is_default else colour.get_truecolor().hex


def mixed(front: str, back: str) -> str:
    pairs = zip(bytes.fromhex(front[1:]), bytes.fromhex(back[1:]), strict=True)
    return "#" + "".join(f"{(2 * one + other) // 3:02x}" for one, other in pairs)


def draw_svg(rows: Sequence[Sequence[Segment]], *, columns: int, ink: str, ground: str) -> str:
    """A screen as an SVG that refers to nothing outside itself. Lines and blocks are shapes, so that they join."""
    width = columns * CELL_WIDTH + 2 * PADDING
    height = len(rows) * CELL_HEIGHT + 2 * PADDING
    body: list[str] = []
    for number, row in enumerate(rows):
        body += draw_row(row, number, ink, ground)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
            "<title>chinwag</title>",
            f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{ground}"/>',
            f'<g transform="translate({PADDING} {PADDING})" font-family="{FONTS}" font-size="{FONT_SIZE}px">',
            *body,
            "</g>",
            "</svg>\n",
        ]
    )


def draw_row(row: Sequence[Segment], number: int, ink: str, ground: str) -> Iterator[str]:
    top = number * CELL_HEIGHT
    column = 0
    texts: list[str] = []
    for look, run in groupby(row, key=lambda segment: look_of(segment.style, ink, ground)):
        text = "".join(segment.text for segment in run)
        cells = cell_len(text)
        if look.ground != ground:
            yield box(column * CELL_WIDTH, top, cells * CELL_WIDTH, CELL_HEIGHT, look.ground)
        texts += draw_text(text, column, top, look)
        column += cells
    yield from texts


def box(left: float, top: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" fill="{fill}" shape-rendering="crispEdges"/>'


def draw_text(text: str, column: int, top: float, look: Look) -> Iterator[str]:
    """Words with their width in cells, whatever the font says; what makes up boxes, bars and meters as shapes."""
    word, word_column = "", column
    for character in text:
        cells = cell_len(character)
        shape = draw_shape(character, column * CELL_WIDTH, top, look.ink)
        if shape or (character == " " and word.endswith(" ")):
            yield from draw_word(word, word_column, top, look)
            word, word_column = "", column + cells
            yield from shape
        elif character != " " or word:
            word += character
        else:
            word_column = column + cells
        column += cells
    yield from draw_word(word, word_column, top, look)


def draw_word(word: str, column: int, top: float, look: Look) -> Iterator[str]:
    word = word.rstrip(" ")
    if not word:
        return
    left, width = column * CELL_WIDTH, cell_len(word) * CELL_WIDTH
    extra = ' font-weight="bold"' if look.bold else ""
    extra += ' font-style="italic"' if look.italic else ""
    decorations = [name for name, wanted in (("underline", look.underline), ("line-through", look.strike)) if wanted]
    extra += f' text-decoration="{" ".join(decorations)}"' if decorations else ""
    yield (
        f'<text x="{left:g}" y="{top + CELL_HEIGHT * 0.74:g}" textLength="{width:g}" '
        f'lengthAdjust="spacingAndGlyphs" fill="{look.ink}"{extra}>{escape(word)}</text>'
    )


def draw_shape(character: str, left: float, top: float, ink: str) -> list[str]:
    """The shapes of one cell; none for a character that is written."""
    if character in BOX_ENDS:
        return [draw_lines(character, left, top, ink)]
    if character in LOWER_EIGHTHS:
        high = CELL_HEIGHT * (LOWER_EIGHTHS.index(character) + 1) / 8
        return [box(left, top + CELL_HEIGHT - high, CELL_WIDTH, high, ink)]
    if character in LEFT_EIGHTHS:
        return [box(left, top, CELL_WIDTH * (LEFT_EIGHTHS.index(character) + 1) / 8, CELL_HEIGHT, ink)]
    if character in "▰▱":
        outline = f'fill="{ink}"' if character == "▰" else f'fill="none" stroke="{ink}" stroke-opacity="0.6"'
        x, y, w, h = left + 1, top + CELL_HEIGHT * 0.36, CELL_WIDTH - 2, CELL_HEIGHT * 0.32
        return [f'<path d="M{x + 2:g} {y:g}h{w:g}l-2 {h:g}h-{w:g}z" {outline}/>']
    return []


def draw_lines(character: str, left: float, top: float, ink: str) -> str:
    x, y = left + CELL_WIDTH / 2, top + CELL_HEIGHT / 2
    ends = {
        "l": f"{left:g} {y:g}",
        "r": f"{left + CELL_WIDTH:g} {y:g}",
        "u": f"{x:g} {top:g}",
        "d": f"{x:g} {top + CELL_HEIGHT:g}",
    }
    points = [ends[end] for end in BOX_ENDS[character]]
    if character in ROUND:
        path = f"M{points[0]}Q{x:g} {y:g} {points[1]}"
    else:
        path = "".join(f"M{x:g} {y:g}L{point}" for point in points)
    return f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="{2 if character in "━┃" else 1.2}"/>'


# ── the world of the pictures ────────────────────────────────────────────────────────────────────────────────────


class SceneTime:
    """The clock of the program and the server. It goes on when the server waits, unless ``hold`` says so, until ``released``."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self._unevenness = random.Random(7)
        self.hold: Callable[[], bool] = lambda: False
        self.released = asyncio.Event()

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds - 100.0)

    async def sleep(self, seconds: float) -> None:
        if self.hold():
            await self.released.wait()
        self.seconds += seconds * self._unevenness.uniform(0.6, 1.4)
        # The program gets the time to take each token by itself, as it would from a server that really waits.
        await asyncio.sleep(0.004)


def lecturer(texts: Mapping[str, str]) -> Script:
    """Answers the two questions of the pictures, and thinks before the first."""
    thinking = texts["thinking"]

    def answer(prompt: Prompt) -> Answer:
        if "parent" in prompt.question:
            return Answer(text=texts["btree-parent"])
        return Answer(text=texts["btree"], thinking=thinking)

    return answer


def model(name: str, size: str, gigabytes: float, context: int, capabilities: str, **more: Any) -> DemoModel:
    return DemoModel(
        name=name,
        parameter_size=size,
        size_bytes=int(gigabytes * 1e9),
        trained_context_tokens=context,
        capabilities=("completion", *capabilities.split()),
        **more,
    )


PACE = {"tokens_per_second": 41.5, "prompt_tokens_per_second": 900.0, "load_seconds": 2.0}


def models(texts: Mapping[str, str]) -> tuple[DemoModel, ...]:
    script = lecturer(texts)
    return (
        model(MODEL, "8.2B", 5.2, 40_960, "tools thinking", script=script, **PACE),
        model("qwen3:30b-a3b", "30.5B", 18.6, 262_144, "tools thinking", script=script),
        model("qwen2.5-coder:32b", "32.8B", 19.9, 32_768, "tools insert", script=script),
        model("gemma3:4b", "4.3B", 3.3, 131_072, "vision", script=script),
        model("gpt-oss:20b", "20.9B", 13.8, 131_072, "tools thinking", script=script, quantization="MXFP4"),
        model("qwen2.5vl:7b", "8.3B", 6.0, 128_000, "vision", script=script),
        DemoModel(
            name="nomic-embed-text:v1.5",
            capabilities=("embedding",),
            parameter_size="137M",
            quantization="F16",
            size_bytes=274_000_000,
            trained_context_tokens=2048,
        ),
    )


EARLIER = (
    ("Why does httpx buffer this stream?", "qwen3:30b-a3b", timedelta(hours=1, minutes=20), 12),
    ("A polite reminder to the landlord", "gemma3:4b", timedelta(hours=2, minutes=5), 6),
    ("Regex for RFC 3339 timestamps", "gemma3:4b", timedelta(days=1, hours=3), 2),
    ("Plan for moving the cluster", "gpt-oss:20b", timedelta(days=1, hours=5), 31),
    ("What borrowck means by 'does not live long enough'", "qwen2.5-coder:32b", timedelta(days=3), 18),
    ("Names for a cat that only answers to food", "qwen3:8b", timedelta(days=4), 9),
    ("Tests for the parser", "qwen2.5-coder:32b", timedelta(days=26), 58),
    ("Letter to the building authority", "gemma3:4b", timedelta(days=33), 6),
)
"""Title, model, how long ago, how many messages."""


async def fill_shelf(shelf: Shelf, chance: random.Random) -> None:
    for title, name, ago, count in EARLIER:
        at = NOON - ago
        conversation = renamed(new_conversation(new_id(at, chance.randbytes), now=at, model=name), title)
        for number in range(count):
            is_question = number % 2 == 0
            message = Message(
                id=chance.randbytes(6).hex(),
                role=Role.user if is_question else Role.assistant,
                text=title if number == 0 else "Go on." if is_question else "It depends, as it often does.",
                at=at,
                model="" if is_question else name,
            )
            conversation = with_message(conversation, message, now=at)
        await shelf.save(conversation, durable=False)


def usage_lines(host_url: str) -> bytes:
    """Three loads of the model, so that its usual time is known, and when the others were used last."""
    used = [(MODEL, timedelta(minutes=50), 2.0)] * 3 + [(name, ago, None) for _, name, ago, _ in reversed(EARLIER)]
    return b"".join(
        encode_usage(
            UsageRecord(
                at=(NOON - ago).isoformat(timespec="seconds"),
                host=host_url,
                model=name,
                outcome="complete",
                prompt_tokens=None,
                answer_tokens=None,
                answer_seconds=None,
                load_seconds=load_seconds,
                first_token_seconds=None,
            )
        )
        for name, ago, load_seconds in used
    )


def month_of_answers(host_url: str) -> bytes:
    """What somebody asked in thirty days, more on working days, each model at its own speed."""
    chance = random.Random(11)
    speeds = {MODEL: 62.0, "qwen2.5-coder:32b": 24.0, "gemma3:4b": 96.0, "gpt-oss:20b": 48.0}
    records = []
    for ago in reversed(range(30)):
        day = NOON - timedelta(days=ago)
        for _ in range(chance.randrange(2, 5) if day.weekday() > 4 else chance.randrange(6, 22)):
            name = chance.choices([*speeds], weights=(6, 4, 2, 1))[0]
            tokens = int(chance.lognormvariate(5.9, 0.7))
            records.append(
                UsageRecord(
                    at=(day - timedelta(minutes=chance.randrange(60))).isoformat(timespec="seconds"),
                    host=host_url,
                    model=name,
                    outcome=chance.choices(["complete", "stopped", "failed"], weights=(92, 6, 2))[0],
                    prompt_tokens=int(chance.lognormvariate(6.8, 0.8)),
                    answer_tokens=tokens,
                    answer_seconds=tokens / (speeds[name] * chance.uniform(0.85, 1.1)),
                    first_token_seconds=chance.uniform(0.2, 0.9),
                )
            )
    return b"".join(map(encode_usage, records))


class NamedWorkspace(Workspace):
    """Calls whatever server it talks to by the name that it has in the pictures."""

    def _use(self, host: Host, key: str = "") -> None:
        super()._use(replace(host, name=HOST_NAME), key)


@contextmanager
def machine_without_a_server(name: str) -> Iterator[None]:
    """Lets a name lead to an address of this machine where nobody listens."""
    resolve = socket.getaddrinfo

    def answer(host: Any, *rest: Any, **more: Any) -> Any:
        return resolve("127.255.255.254" if host in (name, name.encode()) else host, *rest, **more)

    socket.getaddrinfo = answer
    try:
        yield
    finally:
        socket.getaddrinfo = resolve


# ── the program in front of the camera ───────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Stage:
    app: ChinwagApp
    pilot: Pilot[int]
    time: SceneTime
    pictures: dict[str, str] = field(default_factory=dict)

    def rows(self) -> list[list[Segment]]:
        screen = self.app.screen
        with self.app._context():
            update = screen._compositor.render_update(full=True, screen_stack=self.app._background_screens)
        assert isinstance(update, LayoutUpdate)
        return [[segment for strip in row for segment in strip] for row in update.strips]

    def text(self) -> str:
        return "\n".join("".join(segment.text for segment in row) for row in self.rows())

    async def shows(self, pattern: str) -> None:
        """Waits until the screen shows what ``pattern`` finds."""
        deadline_seconds = time.monotonic() + PATIENCE_SECONDS
        while re.search(pattern, self.text()) is None:
            if time.monotonic() > deadline_seconds:
                raise SystemExit(f"never came: {pattern}\n{self.text()}")
            await self.pilot.pause(0.02)

    async def still(self) -> None:
        """Waits until the screen has been the same for half a second."""
        before, same = "", 0
        while same < 10:
            await self.pilot.pause(0.05)
            text = self.text()
            before, same = text, same + 1 if text == before else 0

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self.press(*("space" if letter == " " else letter for letter in text))

    async def take(self, name: str) -> None:
        await self.still()
        theme = self.app._theme_now
        svg = draw_svg(self.rows(), columns=SIZE[0], ink=theme.palette.foreground, ground=theme.palette.background)
        self.pictures[name] = svg


@asynccontextmanager
async def program(
    theme: str,
    address: str,
    scene: SceneTime,
    folder: Path,
    *,
    settings: str = "",
    usage: Callable[[str], bytes] = usage_lines,
) -> AsyncIterator[Stage]:
    """In the home ``folder``; ``settings`` are tables of the settings file besides the theme."""
    environ = {"HOME": str(folder), "OLLAMA_HOST": address}
    chance = random.Random(3)
    places = user_places(environ)
    places.config.mkdir(parents=True, mode=0o700)
    places.settings_file.write_text(f'[appearance]\ntheme = "{theme}"\n{settings}', encoding="utf-8")
    shelf = Shelf(places, now=scene.now, random_bytes=chance.randbytes)
    await fill_shelf(shelf, chance)
    await shelf.aclose()
    places.state.mkdir(parents=True, mode=0o700)
    places.usage_file.write_bytes(usage(address))

    def prepare(options: StartOptions) -> Workspace:
        return NamedWorkspace.prepare(
            options, environ=environ, now=scene.now, clock=scene.clock, random_bytes=chance.randbytes
        )

    app = ChinwagApp(prepare(StartOptions()), environment=read_environment(TERMINAL, platform="linux"), prepare=prepare)
    async with app.run_test(size=SIZE) as pilot:
        yield Stage(app, pilot, scene)
        scene.released.set()
        await app.leave()


async def talk(stage: Stage, server: DemoServer, scene: SceneTime) -> None:
    """One question answered, and a second answer that stays half-way."""
    await stage.shows(rf"{MODEL}")
    await stage.shows("write something")
    await stage.type(FIRST_QUESTION[0])
    await stage.press("ctrl+j")
    await stage.type(FIRST_QUESTION[1])
    await stage.press("enter")
    await stage.shows("✓ done")
    await stage.type(f"/rename {TITLE}")
    await stage.press("enter")
    await stage.shows(TITLE)
    sent = server.tokens_sent
    scene.hold = lambda: server.tokens_sent - sent >= SECOND_ANSWER_TOKENS
    await stage.type(SECOND_QUESTION)
    await stage.press("enter")
    await stage.shows("● answering")
    await server.until(lambda served: served.tokens_sent - sent >= SECOND_ANSWER_TOKENS)


async def chat_pictures(theme: str, names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The conversation, then for each further name the picture after these keys."""
    texts = await asyncio.to_thread(read_texts)
    scene = SceneTime()
    server = DemoServer(models=models(texts), clock=scene.clock, now=scene.now, sleep=scene.sleep)
    with tempfile.TemporaryDirectory(prefix="chinwag-pictures-") as folder:
        async with server, program(theme, server.url, scene, Path(folder)) as stage:
            await talk(stage, server, scene)
            for name, keys in names.items():
                if keys:
                    await stage.press(*keys)
                    await stage.shows("esc back")
                    if name == CONVERSATIONS:
                        await stage.still()
                        scene.seconds += 2 * PREVIEW_AFTER_SECONDS
                        await stage.shows("│.*It is split the same way")
                await stage.take(name)
                if keys:
                    await stage.press("escape")
            return stage.pictures


async def connect_pictures() -> dict[str, str]:
    scene = SceneTime()
    with tempfile.TemporaryDirectory(prefix="chinwag-pictures-") as folder, machine_without_a_server(HOST_NAME):
        async with program("chinwag-dark", HOST_NAME, scene, Path(folder)) as stage:
            await stage.shows("(?i)no answer from ollama")
            scene.seconds += 12
            await stage.press("r", "up", "up")
            await stage.shows("next try in")
            await stage.take("connect-dark")
            return stage.pictures


async def settings_pictures(theme: str, name: str) -> dict[str, str]:
    """The form with some values of a person's own, and a key given to a command."""
    texts = await asyncio.to_thread(read_texts)
    scene = SceneTime()
    server = DemoServer(models=models(texts), clock=scene.clock, now=scene.now, sleep=scene.sleep)
    settings = "[generation]\ntemperature = 0.7\ncontext_tokens = 16384\n\n[keys]\n'answer.details' = 'f7'\n"
    with tempfile.TemporaryDirectory(prefix="chinwag-pictures-") as folder:
        async with server, program(theme, server.url, scene, Path(folder), settings=settings) as stage:
            await stage.shows("write something")
            await stage.press("f2")
            await stage.shows("esc back")
            while "› context" not in stage.text():
                await stage.press("down")
                await stage.pilot.pause(0.02)
            await stage.take(name)
            return stage.pictures


async def statistics_pictures(theme: str, name: str) -> dict[str, str]:
    texts = await asyncio.to_thread(read_texts)
    scene = SceneTime()
    server = DemoServer(models=models(texts), clock=scene.clock, now=scene.now, sleep=scene.sleep)
    with tempfile.TemporaryDirectory(prefix="chinwag-pictures-") as folder:
        async with server, program(theme, server.url, scene, Path(folder), usage=month_of_answers) as stage:
            await stage.shows("write something")
            await stage.type("/stats")
            await stage.press("enter")
            await stage.shows("by day")
            await stage.press("down", "down")
            await stage.take(name)
            return stage.pictures


SCENES: tuple[Callable[[], Awaitable[dict[str, str]]], ...] = (
    lambda: chat_pictures(
        "chinwag-dark",
        {"chat-dark": (), "models-dark": ("ctrl+t", "q", "w"), "commands-dark": ("ctrl+p",)},
    ),
    lambda: chat_pictures("chinwag-light", {"chat-light": (), CONVERSATIONS: ("ctrl+o",)}),
    connect_pictures,
    lambda: settings_pictures("chinwag-dark", "settings-dark"),
    lambda: settings_pictures("chinwag-light", "settings-light"),
    lambda: statistics_pictures("chinwag-dark", "statistics-dark"),
    lambda: import_module("tests.documents_picture").documents_pictures(
        "chinwag-dark", "sources-dark", "documents-dark"
    ),
    lambda: import_module("tests.compare_picture").compare_pictures("chinwag-dark", "compare-dark"),
    lambda: import_module("tests.tools_picture").tools_pictures("chinwag-dark", "tool-question-dark", "tools-dark"),
    lambda: import_module("tests.command_pictures").pictures(),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description="Draws the README's pictures.")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "screenshots", metavar="DIR", help="where to")
    chosen = parser.parse_args(arguments)
    os.environ["TZ"] = "UTC"
    time.tzset()
    chosen.out.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        for name, svg in asyncio.run(_drawn(scene)).items():
            path = chosen.out / f"{name}.svg"
            path.write_text(svg, encoding="utf-8")
            print(f"{path}  {len(svg) / 1000:.0f} kB")
    return 0


async def _drawn(scene: Callable[[], Awaitable[dict[str, str]]]) -> dict[str, str]:
    return await scene()


if __name__ == "__main__":
    sys.exit(main())
