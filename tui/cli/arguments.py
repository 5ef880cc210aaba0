"""The flags of ``chinwag``, declared once; ``--help`` and the README's table follow from here.

Read before the first frame is drawn, so nothing here imports what takes time: dataclasses alone would take longer than
all the rest.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from tui import __version__


class Flag(NamedTuple):
    name: str
    words: str
    value: str = ""
    """What stands behind it: ``URL``. Empty: it is a switch."""


FLAGS: tuple[Flag, ...] = (
    Flag(
        name="host", value="URL", words="the Ollama server; else the one chosen in chinwag, OLLAMA_HOST, this machine"
    ),
    Flag(name="model", value="NAME", words="the model that new conversations go to"),
    Flag(name="demo", words="look around with scripted answers; needs no Ollama and keeps nothing"),
    Flag(name="private", words="keep nothing of what is said"),
    Flag(name="plain", words="line by line, without a screen; by itself where the terminal cannot draw one"),
    Flag(name="version", words="say the version and leave"),
)


class Arguments(NamedTuple):
    host: str | None = None
    model: str | None = None
    demo: bool = False
    private: bool = False
    plain: bool = False


def read_arguments(argv: Sequence[str]) -> Arguments:
    """Ends the process as every command does: ``--help`` and ``--version`` with 0, a wrong line with 2."""
    parser = argparse.ArgumentParser(
        prog="chinwag", description="Talk with language models served by Ollama.", allow_abbrev=False
    )
    for flag in FLAGS:
        if flag.name == "version":
            parser.add_argument("--version", action="version", version=f"chinwag {__version__}", help=flag.words)
        elif flag.value:
            parser.add_argument(f"--{flag.name}", metavar=flag.value, help=flag.words)
        else:
            parser.add_argument(f"--{flag.name}", action="store_true", help=flag.words)
    read = parser.parse_args(argv)
    if read.demo and read.host:
        parser.error("--demo brings its own server: leave out --host")
    return Arguments(host=read.host, model=read.model, demo=read.demo, private=read.private, plain=read.plain)
