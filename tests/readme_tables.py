"""The README's tables, made from the code. ``python -m tests.readme_tables`` writes them into README.md."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tui.app.commands.command import Where
from tui.app.commands.declared import COMMANDS
from tui.app.commands.keymap import remappable
from tui.cli.arguments import FLAGS
from tui.cli.commands import SUBCOMMANDS
from tui.cli.door import EXIT_WORDS
from tui.places import bundled_themes
from tui.settings.table import settings_rows
from tui.theming.load import load_themes
from tui.theming.table import themes_rows

README = Path(__file__).parent.parent / "README.md"
WHERE_WORDS = {
    Where.chat: "in the conversation",
    Where.prompt: "in the prompt",
    Where.lists: "in lists",
    Where.connect: "on the connect screen",
    Where.compare: "while comparing",
}


def tables() -> dict[str, str]:
    """Every table by its name in the README's ``<!-- table: NAME -->`` marks."""
    return {
        "flags": flags_table(),
        "subcommands": subcommands_table(),
        "exits": exits_table(),
        "keys": keys_table(),
        "commands": commands_table(),
        "settings": settings_table(),
        "themes": themes_table(),
    }


def flags_table() -> str:
    rows = ((code(f"--{flag.name} {flag.value}".rstrip()), flag.words) for flag in FLAGS)
    return table(("flag", "does"), rows)


def subcommands_table() -> str:
    return table(("command", "does"), ((code(f"chinwag {one.name}"), one.words) for one in SUBCOMMANDS))


def exits_table() -> str:
    return table(("exit code", "means"), ((str(int(one)), words) for one, words in EXIT_WORDS.items()))


def keys_table() -> str:
    rows = (
        (
            ", ".join(code(key) for key in command.keys),
            command.words,
            WHERE_WORDS[command.where],
            code(command.name) if command in remappable() else "",
        )
        for command in COMMANDS
        if command.keys
    )
    return table(("key", "does", "where", "name in `[keys]`"), rows)


def commands_table() -> str:
    rows = (
        (
            ", ".join(code(f"/{name}") for name in command.slash),
            code(command.argument),
            command.words,
            code(command.name) if command in remappable() else "",
        )
        for command in COMMANDS
        if command.slash
    )
    return table(("command", "with", "does", "name in `[keys]`"), rows)


def settings_table() -> str:
    rows = (
        (code(row.name), code(row.default), row.allowed, code(row.env), code(row.flag), row.help)
        for row in settings_rows()
    )
    return table(("setting", "default", "may be", "environment", "flag", "what it changes"), rows)


def themes_table() -> str:
    rows = ((code(row.name), row.kind, row.about) for row in themes_rows(load_themes(bundled_themes(), None)))
    return table(("theme", "kind", "about"), rows)


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def with_tables(readme: str) -> str:
    """The README with every table between its marks replaced by today's."""
    for name, made in tables().items():
        head, mark, rest = readme.partition(f"<!-- table: {name} -->\n")
        if mark:
            readme = head + mark + made + "\n" + rest[rest.index("<!-- end -->") :]
    return readme


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text("utf-8")), "utf-8")
