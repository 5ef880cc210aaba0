"""The line that is just being written: what of it can be shown before it is complete."""

from __future__ import annotations

import re

_UNDECIDED = re.compile(
    r"\s*(?:#{1,6}|[-+*]|\d{1,9}[.)]?|`{1,2}|`{3,}[^`]*|~{1,2}|~{3,}.*|>|[-=*_|: \t]+|\\\[?|\${1,2}|[-+*] \[.?\]?)?\s*$"
)
_LONGEST_MARKER = 100
_ITEM_MARK = re.compile(r"\s*(?:>\s?)*(?:[-+*]|\d{1,9}[.)])\s+")
_OPEN_LINK = re.compile(r"(!?)\[([^\[\]\n]*)\]\([^()\s]*$")
_CODE = re.compile(r"(`+)")


def is_undecided(line: str) -> bool:
    """Whether ``line`` so far is only the beginning of a marker, which may still become another one."""
    return len(line) <= _LONGEST_MARKER and _UNDECIDED.match(line) is not None


def closed_for_now(line: str) -> str:
    """``line`` with its open emphasis and code closed and an unfinished address left out.

    Otherwise stars and backticks would stand there until the closing ones come.
    """
    mark = _ITEM_MARK.match(line)
    head = mark[0] if mark else ""
    text = line[len(head) :]
    open_code = _open_code(text)
    if open_code:
        before, _, inside = text.rpartition(open_code)
        return head + (text + open_code if inside.strip("`") else before.rstrip())
    text = _OPEN_LINK.sub(r"\2", text)
    if not any(mark in text for mark in "*_~"):
        return head + text
    stripped = text.rstrip()
    bare = stripped.rstrip("*_~`")
    if bare != stripped and (not bare or bare[-1].isspace()):
        # The marks at the end only just opened: nothing stands in them yet.
        bare = bare.rstrip()
        return head + bare + _closers(bare)
    closers = _closers(bare)
    if closers and closers.startswith(stripped[len(bare) :]):
        # All or half of the closing marks have come.
        return head + bare + closers
    closers = _closers(stripped)
    return head + (stripped + closers if closers else text)


def _open_code(text: str) -> str:
    """The run of backticks that opened code which is not closed, or nothing."""
    open_run = ""
    for found in _CODE.finditer(text):
        if not open_run:
            open_run = found[1]
        elif found[1] == open_run:
            open_run = ""
    return open_run


def _closers(text: str) -> str:
    """What closes the emphasis that is open at the end of ``text``."""
    open_marks: list[str] = []
    outside_code = re.sub(r"(`+).*?\1", "", text)
    for found in re.finditer(r"\\.|\*{1,3}|_{1,3}|~~", outside_code):
        run = found[0]
        if run[0] == "\\":
            continue
        before = outside_code[found.start() - 1 : found.start()] or " "
        behind = outside_code[found.end() : found.end() + 1] or " "
        if run[0] == "_" and before.isalnum() and behind.isalnum():
            continue
        if run in open_marks and not before.isspace():
            del open_marks[open_marks.index(run) :]
        elif not behind.isspace():
            open_marks.append(run)
    return "".join(reversed(open_marks))
