"""Keys as people write them, as the terminal library names them, and which of them a terminal can send at all."""

from __future__ import annotations

import re

FAMILIES: tuple[tuple[str, ...], ...] = (
    ("ctrl+underscore", "ctrl+shift+minus", "ctrl+slash"),
    ("ctrl+space", "ctrl+at", "ctrl+@", "ctrl+shift+2"),
    ("ctrl+circumflex_accent", "ctrl+shift+6"),
)
"""Names of one key: the older spelling of terminals has one byte for all of them, the newer one tells them apart."""

_HELD = ("ctrl", "alt", "shift")
"""As fingers say it: ctrl+alt+x."""
_HELD_BY_FEW = ("super", "hyper", "meta", "cmd", "win")
_OTHER_WORDS = {
    "esc": "escape",
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "pgup": "pageup",
    "pgdn": "pagedown",
}
_EDITING = frozenset({"enter", "escape", "tab", "backspace", "space"})
_MOVING = frozenset({"up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"})
_FREE_ALONE = frozenset({"pageup", "pagedown", "insert"})
_FUNCTION_KEY = re.compile(r"f([1-9]|1[0-2])")
_SAME_BYTE = {"i": "tab", "m": "enter", "j": "a new line", "h": "backspace", "[": "escape"}
"""What a terminal sends for ctrl and the letter, too."""
_CONTROL_MARKS = frozenset("_@^\\]/")
_MARKS = {
    "-": "minus", "+": "plus", "_": "underscore", "/": "slash", "@": "at", ".": "full_stop", ",": "comma",
    ";": "semicolon", ":": "colon", "'": "apostrophe", '"': "quotation_mark", "[": "left_square_bracket",
    "]": "right_square_bracket", "\\": "backslash", "^": "circumflex_accent", "!": "exclamation_mark",
    "?": "question_mark", "<": "less_than_sign", ">": "greater_than_sign", "=": "equals_sign", "|": "vertical_line",
    "{": "left_curly_bracket", "}": "right_curly_bracket", "(": "left_parenthesis", ")": "right_parenthesis",
    "#": "number_sign", "$": "dollar_sign", "%": "percent_sign", "&": "ampersand", "*": "asterisk", "~": "tilde",
    "`": "grave_accent",
}  # fmt: skip
_CHARACTERS = {name: mark for mark, name in _MARKS.items()}


def read_key(key: str) -> tuple[tuple[str, ...], str]:
    """What is held, in the order of the library, and the key itself, a mark as its character: ``("ctrl",)`` and ``_``.

    Takes both spellings, that of people and the library's. An upper-case letter is the letter with shift.
    """
    text = key.strip()
    *held, name = [*text[:-2].split("+"), "+"] if text.endswith("++") else text.split("+") if text != "+" else ["+"]
    names = {one.strip().lower() for one in held}
    name = name.strip()
    if len(name) == 1 and name != name.lower():
        names.add("shift")
    name = name.lower()
    name = _OTHER_WORDS.get(name, name)
    return tuple(sorted(names)), _CHARACTERS.get(name, name)


def library_names(key: str) -> tuple[str, ...]:
    """The names under which ``key`` may arrive: itself first, then the others of its family."""
    held, name = read_key(key)
    whole = "+".join((*held, _MARKS.get(name, name)))
    family = next((family for family in FAMILIES if whole in family), ())
    return (whole, *(one for one in family if one != whole))


def written(key: str) -> str:
    """A key as people write it, one spelling for a whole family: ``ctrl+slash`` is ``ctrl+_``."""
    held, name = read_key(next((family[0] for family in FAMILIES if library_names(key)[0] in family), key))
    order = sorted(held, key=lambda one: _HELD.index(one) if one in _HELD else len(_HELD))
    return "+".join((*order, name))


def why_not(key: str) -> str:
    """Why no command can have ``key``, in one line; empty when it can have it."""
    held, name = read_key(key)
    is_function = _FUNCTION_KEY.fullmatch(name) is not None
    if unknown := [one for one in held if one not in (*_HELD, *_HELD_BY_FEW)]:
        return f"{unknown[0] or 'nothing'} is no key to hold; those are ctrl, alt and shift"
    if any(one in _HELD_BY_FEW for one in held):
        return "only few terminals send it"
    if len(name) != 1 and name not in _MOVING and name not in _EDITING and not is_function:
        return "there is no such key"
    if is_function:
        return ""
    if not held:
        return "" if name in _FREE_ALONE else "it edits the prompt" if len(name) > 1 else "it is typed into the prompt"
    if name in _MOVING:
        return "terminals keep it for themselves, or it marks text" if held == ("shift",) else ""
    if name in _EDITING and name != "space":
        return f"most terminals send {name} for it"
    if held == ("shift",):
        return "it is typed into the prompt"
    return _why_not_with_ctrl(held, name) if "ctrl" in held else _why_not_with_alt(held, name)


def _why_not_with_ctrl(held: tuple[str, ...], name: str) -> str:
    if "shift" in held:
        return "" if library_names("+".join((*held, name)))[1:] else "most terminals send the same without shift"
    if name in _SAME_BYTE:
        return f"a terminal sends {_SAME_BYTE[name]} for it"
    is_letter = name.isascii() and name.isalpha()
    return "" if is_letter or name in _CONTROL_MARKS or name == "space" else "most terminals do not send it"


def _why_not_with_alt(held: tuple[str, ...], name: str) -> str:
    if name in ("[", "]") or (name == "o" and "shift" in held):
        return "terminals begin other keys with it"
    return "" if name.isascii() else "most terminals do not send it"
