"""``chinwag completions``: what bash, zsh and fish need to complete a line, made from our own parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from tui.cli.commands import SUBCOMMANDS
from tui.cli.door import Door, Exit

SHELLS = ("bash", "zsh", "fish")
_INSTALL = {
    "bash": 'eval "$(chinwag completions bash)"    in ~/.bashrc',
    "zsh": 'eval "$(chinwag completions zsh)"    in ~/.zshrc, after compinit',
    "fish": "chinwag completions fish > ~/.config/fish/completions/chinwag.fish",
}


_NAMES = {
    "--model": "chinwag models list --names",
    "--preset": "chinwag presets list --names",
}
"""The flags whose values are told by a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What may stand behind some words."""

    path: tuple[str, ...]
    words: tuple[tuple[str, str], ...]
    """Words that go deeper, with what they are for."""
    flags: tuple[tuple[str, str, bool], ...]
    """Flags, what they are for, and whether a value follows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    lines = "\n".join(f"  {line}" for line in _INSTALL.values())
    parser.epilog = f"to have it:\n{lines}\n\n{parser.epilog or ''}"
    parser.add_argument("shell", choices=SHELLS)


async def run(arguments: argparse.Namespace, door: Door) -> int:
    writers = {"bash": bash, "zsh": zsh, "fish": fish}
    script = writers[arguments.shell](levels())
    await (door.value({"shell": arguments.shell, "script": script}) if door.as_json else door.write(script))
    return Exit.well


def levels() -> tuple[Level, ...]:
    """Every place in a line, the top first."""
    from tui.cli.arguments import FLAGS, setting_flags
    from tui.cli.running import parser_of

    top = tuple((f"--{flag.name}", flag.words, bool(flag.value)) for flag in (*FLAGS, *setting_flags()))
    found = [Level(path=(), words=tuple((one.name, one.words) for one in SUBCOMMANDS), flags=top)]
    for subcommand in SUBCOMMANDS:
        found += _levels_of(parser_of(subcommand), (subcommand.name,))
    return tuple(found)


def _levels_of(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Iterator[Level]:
    words: list[tuple[str, str]] = []
    flags: list[tuple[str, str, bool]] = []
    deeper: list[tuple[argparse.ArgumentParser, tuple[str, ...]]] = []
    for action in parser._actions:  # noqa: SLF001  argparse tells of itself in no other way
        help_text = (action.help or "").replace("%%", "%")
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  as above
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001  as above
            words += [(name, helps.get(name, "")) for name in action.choices]
            deeper += [(one, (*path, name)) for name, one in action.choices.items()]
        elif action.option_strings:
            flags += [(name, help_text, action.nargs != 0) for name in action.option_strings if name.startswith("--")]
        elif action.choices:
            words += [(str(choice), "") for choice in action.choices]
    yield Level(path=path, words=tuple(words), flags=tuple(flags))
    for one, longer in deeper:
        yield from _levels_of(one, longer)


# ---------------------------------------------------------------------- the shells


def bash(found: tuple[Level, ...]) -> str:
    """Words that are no flags and no values of flags say where in the line it is."""
    cases = "\n".join(
        f"        {_quoted(' '.join(level.path))}) words={_quoted(_all_words(level))}; valued={_quoted(_valued(level))} ;;"
        for level in found
    )
    named = "\n".join(f"        {flag}) names={_quoted(line)} ;;" for flag, line in _NAMES.items())
    return f"""\
_chinwag() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} place="" tried="" words="" valued="" word
    _chinwag_at "$place"
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        [[ $word == -* ]] && continue
        tried="${{place:+$place }}$word"
        if _chinwag_knows "$tried"; then place=$tried; fi
    done
    _chinwag_at "$place"
    local names=""
    case "$previous" in
{named}
    esac
    if [[ -n $names ]]; then
        COMPREPLY=($(compgen -W "$($names 2>/dev/null)" -- "$current"))
        __ltrim_colon_completions "$current" 2>/dev/null
    elif [[ " $valued " == *" $previous "* ]]; then
        COMPREPLY=($(compgen -f -- "$current"))
    else
        COMPREPLY=($(compgen -W "$words" -- "$current"))
        # Where only certain words may stand they come first in the list, and files would be noise.
        [[ $current != -* && $words == -* ]] && COMPREPLY+=($(compgen -f -- "$current"))
    fi
}}
_chinwag_at() {{
    case "$1" in
{cases}
        *) return 1 ;;
    esac
}}
_chinwag_knows() {{ local words valued; _chinwag_at "$1"; }}
complete -o filenames -F _chinwag chinwag
"""


def zsh(found: tuple[Level, ...]) -> str:
    """By zsh's own reading of bash completions would be simpler, and would show no descriptions."""
    cases = "\n".join(
        f"        {_quoted(' '.join(level.path))}) entries=({' '.join(_quoted(f'{_colon(name)}:{words}') for name, words in _entries(level))}) ;;"
        for level in found
    )
    named = "\n".join(
        f'        {flag}) compadd -- ${{(f)"$({line} 2>/dev/null)"}}; return ;;' for flag, line in _NAMES.items()
    )
    return f"""\
#compdef chinwag
_chinwag() {{
    local place="" tried="" word previous=${{words[CURRENT-1]}}
    local -a entries
    for word in ${{words[2,CURRENT-1]}}; do
        [[ $word == -* ]] && continue
        tried="${{place:+$place }}$word"
        if _chinwag_at "$tried"; then place=$tried; fi
    done
    _chinwag_at "$place"
    case "$previous" in
{named}
    esac
    _describe chinwag entries
    [[ $PREFIX != -* && ${{entries[1]}} == -* ]] && _files
}}
_chinwag_at() {{
    case "$1" in
{cases}
        *) return 1 ;;
    esac
}}
compdef _chinwag chinwag
"""


def fish(found: tuple[Level, ...]) -> str:
    lines = ["function __chinwag_place", "    set -l words", "    for word in (commandline -opc)[2..]"]
    lines += ["        string match -q -- '-*' $word; or set -a words $word", "    end", '    echo "$words"', "end"]
    lines += ["complete -c chinwag -e"]
    for level in found:
        place = " ".join(level.path)
        condition = f"string match -q -- {_quoted(place + ('*' if level.path else ''))} (__chinwag_place)"
        if not level.path:
            condition = "test -z (__chinwag_place)"
        # A flag may also stand behind what follows, a word of this level only once.
        only_here = f"string match -q -- {_quoted(place)} (__chinwag_place)" if level.path else condition
        for name, words in level.words:
            lines.append(f"complete -c chinwag -f -n {_quoted(only_here)} -a {_quoted(name)} -d {_quoted(words)}")
        for name, words, has_value in level.flags:
            value = " -r" if has_value else ""
            if name in _NAMES:
                value = f" -x -a '({_NAMES[name]} 2>/dev/null)'"
            lines.append(
                f"complete -c chinwag -n {_quoted(condition)} -l {_quoted(name[2:])}{value} -d {_quoted(words)}"
            )
    return "\n".join(lines) + "\n"


def _entries(level: Level) -> Iterator[tuple[str, str]]:
    yield from level.words
    for name, words, _ in level.flags:
        yield name, words


def _all_words(level: Level) -> str:
    return " ".join(name for name, _ in _entries(level))


def _valued(level: Level) -> str:
    return " ".join(name for name, _, has_value in level.flags if has_value)


def _colon(name: str) -> str:
    return name.replace(":", "\\:")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
