"""The flags of ``chinwag``, declared once; ``--help`` and the README's table follow from here.

Read before the first frame is drawn, so nothing here imports what takes time: dataclasses alone would take longer than
all the rest. The settings, of which many are flags, too, are imported where a flag is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui import __version__

if TYPE_CHECKING:
    import argparse

    from tui.settings.schema import Setting

SAYS_YES = frozenset({"1", "true", "yes", "on"})


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
    Flag(
        name="plain",
        words="line by line, without a screen; by itself where TERM is dumb, and with CHINWAG_PLAIN=1 or ACCESSIBLE=1",
    ),
    Flag(name="version", words="say the version and leave"),
)
"""Those that are more than a setting; ``setting_flags`` has the others."""

PLAIN_VARIABLES = ("CHINWAG_PLAIN", "CHINWAG_TERMINAL_PLAIN", "ACCESSIBLE")
"""Set to 1 by people for whom a screen is of no use; the last one is known to other programs as well."""

EPILOG = """\
chinwag COMMAND --help, or chinwag help COMMAND, has the flags of a command,
examples and exit codes.

Each setting, also those without a flag, is a variable: CHINWAG_ and its name in
capitals, such as CHINWAG_APPEARANCE_THEME=nord. In chinwag F2 shows all of them.

Plain mode, for screen readers, Braille lines, slow links and logs: --plain,
CHINWAG_PLAIN=1, ACCESSIBLE=1, TERM=dumb, or terminal.plain in the settings.

NO_COLOR=1 draws without colours. CHINWAG_CONFIG_DIR, CHINWAG_DATA_DIR,
CHINWAG_CACHE_DIR and CHINWAG_STATE_DIR say where things are kept."""


class Arguments(NamedTuple):
    host: str | None = None
    model: str | None = None
    demo: bool = False
    private: bool = False
    plain: bool = False
    settings: Mapping[str, str] = {}
    """What the flags of settings say, by the setting's name; each has been checked."""


def read_arguments(argv: Sequence[str]) -> Arguments:
    """Ends the process as every command does: ``--help`` and ``--version`` with 0, a wrong line with 2."""
    if not argv:
        return Arguments()
    # The settings take their time to import, and most lines have none of their flags.
    own = {f"--{flag.name}" for flag in FLAGS}
    has_others = any(word.startswith("-") and word.partition("=")[0] not in own for word in argv)
    parser = _parser(with_settings=has_others)
    read, rest = parser.parse_known_args(argv)
    if rest:
        parser.error(_unknown(rest, argv))
    if read.demo and read.host:
        parser.error("--demo brings its own server: leave out --host")
    return Arguments(
        host=read.host,
        model=read.model,
        demo=read.demo,
        private=read.private,
        plain=read.plain,
        settings=_settings(parser, read) if has_others else {},
    )


def _unknown(rest: Sequence[str], argv: Sequence[str]) -> str:
    from tui.cli.commands import find_subcommand

    command = next((word for word in rest if find_subcommand(word) is not None), "")
    if not command:
        return f"unrecognized arguments: {' '.join(rest)}"
    before = " ".join(argv[: list(argv).index(command)])
    return f"a command stands first, its flags behind it: chinwag {command} … {before}"


def wants_plain(arguments: Arguments, environ: Mapping[str, str]) -> bool:
    """Whether there is to be no screen, as far as can be told before the settings are read."""
    says = any(environ.get(variable, "").strip().lower() in SAYS_YES for variable in PLAIN_VARIABLES)
    return arguments.plain or says or environ.get("TERM") == "dumb"


def setting_flags() -> tuple[Flag, ...]:
    """The flags that set a setting for one run, in the schema's order."""
    return tuple(
        Flag(name=(setting.flag or "").removeprefix("--"), words=_words(setting), value=_value(setting))
        for setting in _flagged_settings()
    )


def _flagged_settings() -> list[Setting]:
    from tui.settings.schema import SETTINGS

    own = {f"--{flag.name}" for flag in FLAGS}
    return [setting for setting in SETTINGS if setting.flag and setting.flag not in own]


def top_parser() -> argparse.ArgumentParser:
    """The parser of a line without a command, with every flag: its help is that of ``chinwag``."""
    return _parser(with_settings=True)


def _parser(*, with_settings: bool) -> argparse.ArgumentParser:
    from tui.cli.commands import SUBCOMMANDS
    from tui.cli.parsing import LineParser, indented

    parser = LineParser(
        prog="chinwag",
        usage="chinwag [flags]\n       chinwag COMMAND [flags]",
        description="Talk with language models served by Ollama. Without a command a screen opens.\n\n"
        f"commands:\n{indented((one.name, one.words) for one in SUBCOMMANDS)}",
        epilog=EPILOG,
    )
    for flag in FLAGS:
        if flag.name == "version":
            parser.add_argument("--version", action="version", version=f"chinwag {__version__}", help=flag.words)
        elif flag.value:
            parser.add_argument(f"--{flag.name}", metavar=flag.value, help=flag.words)
        else:
            parser.add_argument(f"--{flag.name}", action="store_true", help=flag.words)
    group = parser.add_argument_group("settings, for this run only")
    for flag in setting_flags() if with_settings else ():
        # argparse takes a percent sign for one of its own.
        words = flag.words.replace("%", "%%")
        group.add_argument(f"--{flag.name}", metavar=flag.value, dest=f"setting_{flag.name}", help=words)
    return parser


def _settings(parser: argparse.ArgumentParser, read: argparse.Namespace) -> Mapping[str, str]:
    from tui.failures import Failure
    from tui.settings.schema import parse_value

    given: dict[str, str] = {}
    for setting in _flagged_settings():
        flag = (setting.flag or "").removeprefix("--")
        text: str | None = getattr(read, f"setting_{flag}")
        if text is None:
            continue
        try:
            parse_value(setting, text)
        except Failure as failure:
            parser.error(f"{setting.flag}: {failure.message}")
        given[setting.name] = text
    return given


def _words(setting: Setting) -> str:
    allowed = setting.allowed if setting.kind in ("integer", "number", "duration", "list") else ""
    return f"{setting.help} ({allowed})" if allowed else setting.help


def _value(setting: Setting) -> str:
    match setting.kind:
        case "switch":
            return "ON|OFF"
        case "choice" if len("|".join(setting.choices)) <= 24:
            return "|".join(setting.choices)
        case "integer" | "number":
            return "N"
        case "duration":
            return "TIME"
        case _:
            return "TEXT"
