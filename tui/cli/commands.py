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
    Subcommand("chat", "ask a model; the answer goes to standard output", "tui.cli.chat"),
    Subcommand("generate", "go on with a text, raw or with a gap, beside any conversation", "tui.cli.generate"),
    Subcommand("embed", "make vectors of texts, as JSON Lines", "tui.cli.embed"),
    Subcommand(
        "batch", "ask many prompts from a file, a few at a time; goes on where it was interrupted", "tui.cli.batch"
    ),
    Subcommand("bench", "measure how fast models are", "tui.cli.bench"),
    Subcommand("compare", "ask several models the same, side by side", "tui.cli.compare"),
    Subcommand("conversations", "list, search, export and import conversations", "tui.cli.conversations"),
    Subcommand("models", "list, pull, delete and load the models of a server", "tui.cli.models"),
    Subcommand("config", "read and change the settings", "tui.cli.config"),
    Subcommand("hosts", "servers by name, and how each of them is", "tui.cli.hosts"),
    Subcommand("stats", "what was asked, how much came of it and how fast", "tui.cli.stats"),
    Subcommand("doctor", "look what is wrong, and mend what can be mended", "tui.cli.doctor"),
    Subcommand("completions", "completion for bash, zsh and fish", "tui.cli.completions"),
)


def find_subcommand(word: str) -> Subcommand | None:
    return next((one for one in SUBCOMMANDS if one.name == word), None)
