"""The subcommands of ``chinwag``, declared once: ``--help``, the completion of shells and the README's table follow.

Only the module of the one that is asked for is imported.
"""

from __future__ import annotations

from typing import NamedTuple


class Subcommand(NamedTuple):
    """One word behind ``chinwag``. Its module has ``add_arguments(parser)`` and ``async run(arguments, door)``."""

    name: str
    words: str
    module: str


SUBCOMMANDS: tuple[Subcommand, ...] = (
    Subcommand("conversations", "list, search, export and import conversations", "tui.cli.conversations"),
    Subcommand("models", "list, pull, delete and load the models of a server", "tui.cli.models"),
)


def find_subcommand(word: str) -> Subcommand | None:
    return next((one for one in SUBCOMMANDS if one.name == word), None)
