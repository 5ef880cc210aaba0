"""What the words of Ollama's own prompt mean here: ``/set …`` and ``/show …``, for hands that were trained there."""

from __future__ import annotations

from dataclasses import dataclass

from tui.cleaning import clean_line

SHOWN_CELLS = 30
SECTIONS = ("info", "license", "modelfile", "parameters", "system", "template")
"""What ``/show`` shows."""
SET_WORDS = (
    ("system", "a system prompt for this conversation"),
    ("parameter", "an option of this conversation: a name and a value"),
    ("think", "the model thinks"),
    ("nothink", "the model does not think"),
    ("format json", "answers are JSON"),
    ("noformat", "answers are text"),
)
"""What ``/set`` can be followed by, with a few words about each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """A screen's action, with its argument."""

    action: str
    argument: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """There is no such thing here, and what there is in its place."""

    words: str
    more: str


_INSTEAD = {
    "verbose": Instead(words="the numbers of an answer are always there", more="under the prompt, and by /details"),
    "quiet": Instead(words="the numbers stand under the prompt, not in the answer", more="/details folds the rest"),
    "wordwrap": Instead(words="text is always wrapped", more="/wrap wraps code, too"),
    "nowordwrap": Instead(words="text is always wrapped", more="/wrap cuts long lines of code, or wraps them"),
    "history": Instead(words="earlier prompts are always there", more="up brings them back, ctrl+r searches them"),
    "nohistory": Instead(words="nothing is kept of a private conversation", more="/private begins one"),
}


def meant_by_set(argument: str) -> Meant | Instead:
    """What ``/set`` is to do with what stands behind it; nothing behind it are the settings."""
    word, _, rest = argument.strip().partition(" ")
    word, _, more_lines = word.partition("\n")
    rest = _unquoted(f"{more_lines} {rest}")
    match word.lower():
        case "":
            return Meant(action="open_settings")
        case "system":
            return Meant(action="use_system", argument=rest)
        case "parameter":
            return Meant(action="open_options", argument=rest)
        case "think":
            return Meant(action="use_thinking", argument=rest or "on")
        case "nothink":
            return Meant(action="use_thinking", argument="off")
        case "format":
            return Meant(action="use_format", argument=rest)
        case "noformat":
            return Meant(action="use_format", argument="off")
        case other:
            words = f"there is no /set {clean_line(word, SHOWN_CELLS)}"
            return _INSTEAD.get(other, Instead(words=words, more="/set system, parameter, think or format · /settings"))


def meant_by_show(argument: str) -> Meant | Instead:
    """What ``/show`` is to do with what stands behind it; nothing behind it is all of the model."""
    word = argument.strip().lower()
    if word == "parameters":
        return Meant(action="open_options")
    if word in ("", *SECTIONS):
        return Meant(action="show_model", argument="" if word == "info" else word)
    words = f"there is no /show {clean_line(argument, SHOWN_CELLS)}"
    return Instead(words=words, more=f"/show {', '.join(SECTIONS)}")


def _unquoted(text: str) -> str:
    """Ollama takes a text of several lines between three quotation marks, and other texts between one, or none."""
    text = text.strip()
    for mark in ('"""', '"'):
        if len(text) >= 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            return text.removeprefix(mark).removesuffix(mark).strip()
    return text
