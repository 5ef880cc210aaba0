"""Runs one subcommand: reads its line, listens to signals, and turns what happens into an exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from tui import __version__
from tui.chat.closing import ThreadsLeftBehind, end_process
from tui.cli.commands import SUBCOMMANDS, Subcommand, find_subcommand
from tui.cli.door import EXIT_WORDS, Door, Exit
from tui.cli.parsing import LineParser, deeper, epilog, words_behind
from tui.failures import Failure
from tui.theming.nearest import nearest
from tui.workspace import StartOptions

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_subcommand(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """``argv`` begins with the name of a subcommand. Gives the exit code; ``--help`` and a wrong line end the process."""
    _fill_closed()
    subcommand = find_subcommand(argv[0])
    if subcommand is None:
        near = nearest(argv[0], [one.name for one in SUBCOMMANDS])
        print(f"chinwag: there is no command {argv[0]!r}{near}; chinwag --help has all", file=sys.stderr)
        return Exit.wrong_line
    module = import_module(subcommand.module)
    arguments = parser_of(subcommand).parse_args(argv[1:])
    try:
        return end_process(asyncio.run(_run(module.run, arguments, environ)))
    finally:
        # The loop put Python's own way back, which is a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def parser_of(subcommand: Subcommand) -> argparse.ArgumentParser:
    """With what all subcommands share."""
    parser = LineParser(
        prog=f"chinwag {subcommand.name}",
        description=_sentence(subcommand.words),
        epilog=epilog(subcommand.examples, EXIT_WORDS),
    )
    import_module(subcommand.module).add_arguments(parser)
    _add_shared(parser)
    _describe_deeper(parser, subcommand.examples)
    return parser


def _describe_deeper(parser: argparse.ArgumentParser, examples: Sequence[str]) -> None:
    """The help of a deeper word says as much as that of the first one."""
    for one, words in words_behind(parser).values():
        one.description = _sentence(words)
        own = [example for example in examples if f"{example} ".startswith(f"{one.prog} ")]
        one.epilog = one.epilog or epilog(own, EXIT_WORDS)
        _describe_deeper(one, examples)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _add_shared(parser: argparse.ArgumentParser) -> None:
    """Also behind the word of a deeper command, where people write them."""
    for one in (parser, *deeper(parser)):
        shared = one.add_argument_group("with every command")
        is_top = one is parser
        # A default of the deeper one would undo what stands before its word.
        default: dict[str, Any] = {} if is_top else {"default": argparse.SUPPRESS}
        shared.add_argument("--host", metavar="URL", help="the server, by address or name", **default)
        shared.add_argument("--demo", action="store_true", help="ask the built-in demo server", **default)
        shared.add_argument("--json", action="store_true", help="write JSON, one value a line", **default)
        shared.add_argument("--quiet", action="store_true", help="say nothing but what went wrong", **default)
        if is_top:
            shared.add_argument("--version", action="version", version=f"chinwag {__version__}")


async def _run(
    run: Callable[[argparse.Namespace, Door], Any], arguments: argparse.Namespace, environ: Mapping[str, str]
) -> int:
    door = Door(
        options=StartOptions(host=arguments.host, is_demo=arguments.demo),
        environ=environ,
        as_json=arguments.json,
        is_quiet=arguments.quiet,
    )
    work: asyncio.Task[int] = asyncio.ensure_future(_with_failures(run, arguments, door))
    ended_by: list[int] = []

    def end(code: int) -> None:
        if not ended_by:
            ended_by.append(code)
            work.cancel()

    door.on_lost = end
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadsLeftBehind())
    for number in _ENDING_SIGNALS:
        with suppress(ValueError, RuntimeError):
            loop.add_signal_handler(number, end, 128 + number)
    code = 0
    try:
        code = await work
    except asyncio.CancelledError:
        if not ended_by:
            raise
    finally:
        await door.close()
        _keep_from_complaining(door)
    if ended_by:
        return ended_by[0]
    # That the last of it could not be written is known only when all is written.
    return code or (0 if door.lost is None else door.lost)


async def _with_failures(
    run: Callable[[argparse.Namespace, Door], Any], arguments: argparse.Namespace, door: Door
) -> int:
    try:
        return int(await run(arguments, door))
    except Failure as failure:
        return door.fail(failure)


def _fill_closed() -> None:
    """Where the shell closed one of the three, the next file opened would take its number, and get our text."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Writing to what is open for reading alone fails, as writing to nothing should.
            os.open(os.devnull, os.O_RDONLY)


def _keep_from_complaining(door: Door) -> None:
    """Python writes what is left in its own buffers when it ends, and complains of a pipe that is closed."""
    if door.lost is not None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)
