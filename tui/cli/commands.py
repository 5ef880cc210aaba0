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
    examples: tuple[str, ...] = ()
    """Lines of a shell, as ``--help`` shows them below the flags; those of a deeper word are shown there, too."""


SUBCOMMANDS: tuple[Subcommand, ...] = (
    Subcommand(
        "chat",
        "ask a model; the answer goes to standard output",
        "tui.cli.chat",
        (
            'chinwag chat "why is the sky blue?"',
            'git diff | chinwag chat "review this" --model qwen3:8b --stats',
            'chinwag chat "and at night?" --conversation last',
            'chinwag chat "three colours" --format json --option temperature=0 | jq .',
        ),
    ),
    Subcommand(
        "generate",
        "go on with a text, raw or with a gap, beside any conversation",
        "tui.cli.generate",
        (
            'chinwag generate "Once upon a time" --raw --option num_predict=40',
            'chinwag generate "def add(a, b):" --suffix "return total" --model codellama',
        ),
    ),
    Subcommand(
        "embed",
        "make vectors of texts, as JSON Lines",
        "tui.cli.embed",
        (
            'chinwag embed "one text" "another" --model nomic-embed-text',
            "chinwag embed --lines < sentences.txt > vectors.jsonl",
        ),
    ),
    Subcommand(
        "documents",
        "your documents: add, read and search them",
        "tui.cli.documents",
        (
            "chinwag documents add ~/notes README.md",
            "chinwag documents list",
            'chinwag documents search "how do I rotate the keys?" --top-k 3',
            'chinwag chat "how do I rotate the keys?" --documents',
        ),
    ),
    Subcommand(
        "batch",
        "ask many prompts from a file, a few at a time; goes on where it was interrupted",
        "tui.cli.batch",
        (
            "chinwag batch prompts.txt --output answers.jsonl",
            'chinwag batch rows.csv --template "translate: {{text}}" --concurrency 2',
            "chinwag batch prompts.jsonl --preset precise --also-on gpu-box",
        ),
    ),
    Subcommand(
        "bench",
        "measure how fast models are",
        "tui.cli.bench",
        (
            "chinwag bench llama3.2 qwen3:8b --repeats 10",
            "chinwag bench llama3.2 --concurrency 1,4 --output report.html",
            "chinwag bench llama3.2 --against last",
        ),
    ),
    Subcommand(
        "compare",
        "ask several models or presets the same, side by side",
        "tui.cli.compare",
        (
            'chinwag compare llama3.2 qwen3:8b --prompt "explain DNS in a sentence"',
            "chinwag compare precise creative --model qwen3:8b --prompts p.txt",
        ),
    ),
    Subcommand(
        "outputs",
        "what batch, bench, compare and chat --save have kept",
        "tui.cli.outputs",
        (
            "chinwag outputs list --kind bench",
            "chinwag outputs show last",
            "chinwag outputs stats",
            "chinwag outputs clean --older-than 30d --dry-run",
        ),
    ),
    Subcommand(
        "conversations",
        "list, search, export and import conversations",
        "tui.cli.conversations",
        (
            "chinwag conversations list --limit 10",
            "chinwag conversations search error budget",
            "chinwag conversations export last > talk.md",
            "chinwag conversations import conversations.json --from chatgpt",
        ),
    ),
    Subcommand(
        "models",
        "list, pull, make, delete and load the models of a server, and see what fits",
        "tui.cli.models",
        (
            "chinwag models list --sort size",
            "chinwag models pull qwen3:8b",
            "chinwag models fits qwen3:8b --num-ctx 32768",
            'chinwag models create pirate --from llama3.2 --system "Talk like a pirate."',
        ),
    ),
    Subcommand(
        "presets",
        "named ways to answer: list, save, share and check them",
        "tui.cli.presets",
        (
            "chinwag presets list",
            "chinwag presets save terse --system 'One sentence.' --option temperature=0",
            "chinwag presets export terse > terse.toml",
            "chinwag presets import terse.toml",
        ),
    ),
    Subcommand(
        "config",
        "read and change the settings",
        "tui.cli.config",
        (
            "chinwag config get --json",
            "chinwag config set appearance.theme nord",
            "chinwag config validate",
        ),
    ),
    Subcommand(
        "hosts",
        "servers by name, and how each of them is",
        "tui.cli.hosts",
        (
            "chinwag hosts add gpu-box http://gpu-box:11434",
            "chinwag hosts list",
            "chinwag hosts use gpu-box",
        ),
    ),
    Subcommand(
        "stats",
        "what was asked, how much came of it and how fast",
        "tui.cli.stats",
        ("chinwag stats", "chinwag stats --by day --days 7 --json"),
    ),
    Subcommand(
        "doctor",
        "look what is wrong, and mend what can be mended",
        "tui.cli.doctor",
        ("chinwag doctor", "chinwag doctor --repair"),
    ),
    Subcommand(
        "completions",
        "completion for bash, zsh and fish",
        "tui.cli.completions",
        ('eval "$(chinwag completions bash)"',),
    ),
    Subcommand(
        "help",
        "what each command does, and how",
        "tui.cli.helping",
        ("chinwag help", "chinwag help models pull"),
    ),
)


def find_subcommand(word: str) -> Subcommand | None:
    return next((one for one in SUBCOMMANDS if one.name == word), None)
