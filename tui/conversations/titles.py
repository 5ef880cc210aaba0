"""Titles and summaries: what a list shows of a conversation."""

from __future__ import annotations

import re
import unicodedata

from tui.conversations.values import Conversation, Role, Summary

TITLE_CELLS = 60
OPENING_CHARACTERS = 200
NAMELESS = "untitled"
"""The title from a prompt in which nothing can be seen."""

_LOOKED_AT_CHARACTERS = 20_000
_LOOKED_AT_CHARACTERS_OF_A_LINE = 500
_FENCE = re.compile(r"\s{0,3}(?:```+|~~~+)")
_BLOCK_MARKS = re.compile(r"\s*(?:>|#{1,6}(?=\s|$)|[-*+](?=\s)|\d{1,9}[.)](?=\s)|\[[ xX]\](?=\s)|\|)\s*")
_CLOSING_HASHES = re.compile(r"\s+#+\s*$")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*]*[^\s*])\1(?![\w*])")
_STRUCK = re.compile(r"~~(?=\S)([^~]*[^\s~])~~")
_CODE = re.compile(r"(`+)([^`]+)\1(?!`)")
_JOINERS = "\u200d\ufe0e\ufe0f"


def title_from_prompt(text: str) -> str:
    """The first line of a prompt that says something, without Markdown's marks, cut at a word at about 60 cells.

    Empty only for an empty text. It is raw text still: control characters in the middle of a line stay.
    """
    if not text:
        return ""
    lines = text.lstrip()[:_LOOKED_AT_CHARACTERS].split("\n")
    in_code = False
    for line in lines:
        if _FENCE.match(line):
            in_code = not in_code
            continue
        plain = _one_line(line) if in_code else _without_marks(line)
        if _says_something(plain):
            return cut_at_word(plain, TITLE_CELLS)
    visible = next((plain for plain in map(_one_line, lines) if _can_be_seen(plain)), NAMELESS)
    return cut_at_word(visible, TITLE_CELLS)


def summary_of(conversation: Conversation) -> Summary:
    first_prompt = next((message.text for message in conversation.messages if message.role is Role.user), "")
    return Summary(
        id=conversation.id,
        title=conversation.title,
        model=conversation.model,
        created_at=conversation.created_at,
        updated_at=conversation.updated_at,
        message_count=len(conversation.messages),
        # Space is folded before the cut, so a prompt of indented code still shows words.
        opening=" ".join(first_prompt[: OPENING_CHARACTERS * 10].split())[:OPENING_CHARACTERS],
        is_pinned=conversation.control.is_pinned,
    )


def cut_at_word(text: str, cells: int) -> str:
    """``text``, or as many of its words as fit into ``cells`` terminal cells with an ellipsis after them."""
    if sum(map(_cells_of, text)) <= cells:
        return text
    head = _fitting(text, cells - 1)
    space = head.rfind(" ") if not text[len(head)].isspace() else len(head)
    # One very long word is cut inside rather than leaving next to nothing.
    if space >= len(head) // 2:
        head = head[:space]
    return head.rstrip() + "…"


def _fitting(text: str, cells: int) -> str:
    """The beginning that fits; a character never loses the marks that belong to it."""
    used = 0
    end = 0
    for position, character in enumerate(text):
        used += _cells_of(character)
        if used > cells:
            break
        end = position + 1
    while 0 < end < len(text) and (_belongs_to_the_one_before(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return text[:end] or text[:1]


def _belongs_to_the_one_before(character: str) -> bool:
    return character in _JOINERS or unicodedata.combining(character) != 0


def _cells_of(character: str) -> int:
    if character in _JOINERS or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _one_line(text: str) -> str:
    return " ".join(text[:_LOOKED_AT_CHARACTERS_OF_A_LINE].split())


def _without_marks(line: str) -> str:
    text = line[:_LOOKED_AT_CHARACTERS_OF_A_LINE]
    while mark := _BLOCK_MARKS.match(text):
        text = text[mark.end() :]
    text = _CLOSING_HASHES.sub("", text)
    for pattern, kept in ((_LINK, r"\1"), (_CODE, r"\2"), (_EMPHASIS, r"\2"), (_STRUCK, r"\1")):
        text = pattern.sub(kept, text)
    return " ".join(text.split())


def _says_something(text: str) -> bool:
    """Letters, digits or symbols such as an emoji: not a rule, a table's frame or a lone bracket."""
    return any(character.isalnum() or unicodedata.category(character) == "So" for character in text)


def _can_be_seen(text: str) -> bool:
    return any(unicodedata.category(character)[0] in "LNPSM" for character in text)
