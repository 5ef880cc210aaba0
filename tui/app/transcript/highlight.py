"""Source code to coloured runs of text, whole or line by line. A lexer is never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from unicodedata import combining

Run = tuple[str, str]
"""Role in the palette, text."""

_ROLES: tuple[tuple[str, str], ...] = (
    ("Comment", "comment"),
    ("Keyword.Type", "type"),
    ("Keyword.Constant", "constant"),
    ("Keyword", "keyword"),
    ("Operator.Word", "keyword"),
    ("Operator", "operator"),
    ("Name.Function", "function"),
    ("Name.Class", "type"),
    ("Name.Exception", "type"),
    ("Name.Namespace", "foreground"),
    ("Name.Builtin.Pseudo", "constant"),
    ("Name.Builtin", "function"),
    ("Name.Decorator", "constant"),
    ("Name.Constant", "constant"),
    ("Name.Tag", "keyword"),
    ("Name.Attribute", "function"),
    ("Name.Variable", "constant"),
    ("Literal.String", "string"),
    ("Literal.Number", "number"),
    ("Generic.Deleted", "error"),
    ("Generic.Inserted", "success"),
    ("Generic.Heading", "keyword"),
    ("Generic.Subheading", "function"),
    ("Generic.Output", "muted"),
)


_JOINERS = "\u200d\ufe0f\ufe0e"
_NAME = re.compile(r"[\w+#.-]+")


@cache
def lexer_for(info: str) -> Any | None:
    """The lexer that the first word behind a fence names, or None: then the code has one colour."""
    name = _NAME.search(info)
    if name is None:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(name[0].lower(), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def _role(kind: Any, text: str) -> str:
    role = _role_of(kind)
    # Lexers do not know which names are types; who writes them with a capital and small letters does.
    if role == "foreground" and text[:1].isupper() and not text.isupper() and str(kind) == "Token.Name":
        return "type"
    return role


@cache
def _role_of(kind: Any) -> str:
    name = str(kind).removeprefix("Token.")
    for prefix, role in _ROLES:
        if name == prefix or name.startswith(prefix + "."):
            return role
    return "foreground"


def highlighted(lexer: Any, code: str) -> list[list[Run]]:
    """The runs of each line of ``code``, as many as it has line feeds plus one."""
    return _split_lines((_role(kind, text), text) for _, kind, text in lexer.get_tokens_unprocessed(code))


def _split_lines(runs: Iterable[Run]) -> list[list[Run]]:
    lines: list[list[Run]] = [[]]
    for role, text in runs:
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                _add(lines[-1], role, part)
    return lines


def _add(runs: list[Run], role: str, text: str) -> None:
    """Append a run, or lengthen the last one: an emoji of several code points must not fall apart."""
    if runs and (runs[-1][0] == role or (not text.isascii() and (combining(text[0]) or text[0] in _JOINERS))):
        runs[-1] = (runs[-1][0], runs[-1][1] + text)
    else:
        runs.append((role, text))


class LineHighlighter:
    """Highlights one line after the other and remembers what is still open.

    What a lexer recognises only across lines it may miss; a string or comment kept as a state it does not.
    """

    def __init__(self, lexer: Any) -> None:
        from pygments.lexer import ExtendedRegexLexer, RegexLexer

        self._lexer = lexer
        self._is_resumable = isinstance(lexer, RegexLexer) and not isinstance(lexer, ExtendedRegexLexer)
        self._states: list[str] = ["root"]

    def line(self, text: str, *, is_complete: bool = True) -> list[Run]:
        """Runs of the next line. With ``is_complete`` False it will come again, longer."""
        if not self._is_resumable:
            return highlighted(self._lexer, text)[0]
        states = list(self._states)
        runs = list(_resumed(self._lexer, text + "\n", states))
        if is_complete:
            self._states = states
        return _split_lines(runs)[0]


def _resumed(lexer: Any, text: str, states: list[str]) -> Iterator[Run]:
    """What ``RegexLexer.get_tokens_unprocessed`` does, from and into a stack of states that the caller keeps."""
    definitions = lexer._tokens  # noqa: SLF001 - the method this follows has no way in between two lines
    position = 0
    while position < len(text):
        for matches, action, change in definitions[states[-1]]:
            found = matches(text, position)
            if not found:
                continue
            if action is not None:
                if callable(action):
                    for _, kind, value in action(lexer, found):
                        yield _role(kind, value), value
                else:
                    yield _role(action, found[0]), found[0]
            position = found.end()
            if change is not None:
                _change_states(states, change)
            break
        else:
            if text[position] == "\n":
                # Pygments gives up on everything open here; so would it at the next line.
                states[:] = ["root"]
            yield "foreground", text[position]
            position += 1


def _change_states(states: list[str], change: Any) -> None:
    if isinstance(change, tuple):
        for step in change:
            if step == "#pop":
                if len(states) > 1:
                    states.pop()
            else:
                states.append(states[-1] if step == "#push" else step)
    elif isinstance(change, int):
        if abs(change) >= len(states):
            del states[1:]
        else:
            del states[change:]
    elif change == "#push":
        states.append(states[-1])
