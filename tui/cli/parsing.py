"""How a command line is read: as argparse does, with the nearest word for a wrong one, and with pipes that may close."""

from __future__ import annotations

import argparse
import io
import math
import os
import signal
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from tui.theming.nearest import most_similar, nearest

HELP_COLUMNS = 80
_UNKNOWN = "unrecognized arguments: "


class LineParser(argparse.ArgumentParser):
    """No flag may be abbreviated, here or in the parsers of deeper words; epilogs keep their lines."""

    def __init__(self, **more: Any) -> None:
        more.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**{**more, "allow_abbrev": False})

    def add_subparsers(self, **more: Any) -> Any:
        return super().add_subparsers(**{"parser_class": DeeperParser, **more})

    def error(self, message: str) -> NoReturn:
        if message.startswith(_UNKNOWN):
            # The dashes, which all have, make any two flags alike.
            known = [flag.removeprefix("--") for flag in self._option_string_actions if flag.startswith("--")]
            words = message.removeprefix(_UNKNOWN).split()
            wrong = [word.removeprefix("--").partition("=")[0] for word in words if word.startswith("--")]
            near = [f"--{found}" for word in wrong if (found := most_similar(word, known))]
            message += f", did you mean {' '.join(near)}?" if near else ""
        super().error(message)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        words = [str(one) for one in action.choices]
        near = nearest(str(value), words) or f", known are {', '.join(words)}"
        raise argparse.ArgumentError(action, f"there is no {str(value)!r}{near}")

    def _print_message(self, message: str, file: Any = None) -> None:
        # What argparse itself does with a disk that is full is nothing.
        stream = file or sys.stderr
        if not message or stream is None:
            return
        try:
            stream.write(message)
            if isinstance(stream, io.TextIOBase):
                stream.flush()
        except OSError as error:
            # Python writes once more when it ends, and complains of what it cannot write.
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.close(nothing)
            if isinstance(error, BrokenPipeError):
                raise SystemExit(128 + signal.SIGPIPE) from None
            if stream is not sys.stderr:
                sys.stderr.write(
                    f"{self.prog}: the output cannot be written; {(error.strerror or str(error)).lower()}\n"
                )
            raise SystemExit(1) from None


class DeeperParser(LineParser):
    """Behind a word of another one. It says itself what it does not know: the flags of its siblings are not its own."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        read, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"{_UNKNOWN}{' '.join(rest)}")
        return read, rest


def deeper(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers of the words behind its own, at any depth."""
    found = []
    for action in parser._actions:  # noqa: SLF001  argparse tells of itself in no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  as above
            for one in dict.fromkeys(action.choices.values()):
                found += [one, *deeper(one)]
    return found


def words_behind(parser: argparse.ArgumentParser) -> Mapping[str, tuple[argparse.ArgumentParser, str]]:
    """The words that may follow ``parser``'s own: each with its parser and what it does."""
    for action in parser._actions:  # noqa: SLF001  as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  as above
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001  as above
            return {word: (one, helps.get(word, "")) for word, one in action.choices.items()}
    return {}


def count(text: str, *, least: int = 1) -> int:
    """A whole number from ``least``, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return number


def count_or_none(text: str) -> int:
    """A whole number from 0, for argparse."""
    return count(text, least=0)


def seconds_from(text: str) -> float:
    """A number of seconds above 0, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def indented(rows: Iterable[tuple[str, str]]) -> str:
    """Two columns that fit in a terminal of the least width: a word, and what it does."""
    rows = tuple(rows)
    width = max((len(name) for name, _ in rows), default=0) + 4
    lines: list[str] = []
    for name, words in rows:
        first, *more = textwrap.wrap(words, HELP_COLUMNS - 1 - width) or [""]
        lines += [f"  {name:<{width - 2}}{first}".rstrip(), *(f"{'':<{width}}{line}" for line in more)]
    return "\n".join(lines)


def epilog(examples: Sequence[str], codes: Mapping[Any, str]) -> str:
    """What stands below the flags of a command."""
    shown = "".join(f"  {example}\n" for example in examples)
    listed = "\n".join(f"  {int(code):<4d}{words}" for code, words in codes.items())
    return (f"examples:\n{shown}\n" if shown else "") + f"exit codes:\n{listed}"
