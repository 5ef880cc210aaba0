"""``chinwag help``: the same words as ``--help``, for hands that write it first."""

from __future__ import annotations

import argparse

from tui.cli.commands import SUBCOMMANDS, find_subcommand
from tui.cli.door import Door, Exit
from tui.cli.parsing import indented, words_behind
from tui.theming.nearest import nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    listed = indented((one.name, one.words) for one in SUBCOMMANDS)
    parser.epilog = f"commands:\n{listed}\n\n{parser.epilog or ''}"
    parser.add_argument("words", metavar="COMMAND", nargs="*", help="such as chat, or models pull; else all of them")


async def run(arguments: argparse.Namespace, door: Door) -> int:
    if door.as_json and not arguments.words:
        for one in SUBCOMMANDS:
            await door.value({"command": one.name, "does": one.words, "examples": list(one.examples)})
        return Exit.well
    found = _parser_of(arguments.words)
    if isinstance(found, str):
        door.warn(found)
        return Exit.wrong_line
    words = found.format_help()
    await (door.value({"command": found.prog, "help": words}) if door.as_json else door.write(words))
    return Exit.well


def _parser_of(words: list[str]) -> argparse.ArgumentParser | str:
    """The parser of those words, or what is wrong with them."""
    from tui.cli.arguments import top_parser
    from tui.cli.running import parser_of

    if not words:
        return top_parser()
    subcommand = find_subcommand(words[0])
    if subcommand is None:
        near = nearest(words[0], [one.name for one in SUBCOMMANDS])
        return f"there is no command {words[0]!r}{near}; chinwag help has all"
    parser = parser_of(subcommand)
    for word in words[1:]:
        behind = words_behind(parser)
        if word not in behind:
            return f"{parser.prog} has no word {word!r}{nearest(word, behind)}"
        parser = behind[word][0]
    return parser
