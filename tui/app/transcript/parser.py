"""Markdown's parsers: CommonMark with tables and strikethrough, and with formulas left as they are written."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

MOST_BRACKETS = 400
"""In one unit. The parser looks for the end of a link at each one, which takes time that grows with their square."""
DEEPEST_NESTING = 24
"""Blocks nested deeper than this are shown as their source; the parser would drop them."""


@cache
def inline_parser() -> MarkdownIt:
    """The parser for text inside a block, made at the first use: importing it takes as long as a tenth of the start."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": DEEPEST_NESTING})
    parser.enable(["table", "strikethrough"])
    # A definition stays on the screen as it was written. References are resolved from a list made elsewhere, since
    # a definition may come long after the text that refers to it.
    parser.disable("reference")
    parser.inline.ruler.before("escape", "formula", _formula)
    return parser


@cache
def block_parser() -> MarkdownIt:
    """The parser for blocks; it leaves the text inside them unread."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": DEEPEST_NESTING})
    parser.enable("table")
    parser.disable(["reference", "inline", "text_join"])
    return parser


def parse(source: str) -> list[Token] | None:
    """Block tokens of ``source``; None where it is to be shown as it is written, too deeply nested for Markdown."""
    if source.count("[") > MOST_BRACKETS:
        return None
    try:
        # Blocks in blocks that end without a line feed lead the parser beyond the end of its text.
        tokens = block_parser().parse(source + "\n")
    except (RecursionError, IndexError):
        return None
    if any(token.level >= DEEPEST_NESTING - 1 for token in tokens):
        return None
    return tokens


def parse_inline(source: str) -> list[Token] | None:
    """Inline tokens of ``source``, whatever block it looks like; None where it is to be shown as it is written."""
    if source.count("[") > MOST_BRACKETS:
        return None
    tokens = inline_parser().parseInline(source)
    return list(tokens[0].children or ()) if tokens else []


_CLOSERS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}


def _formula(state: StateInline, silent: bool) -> bool:
    r"""LaTeX between ``\(...\\)``, ``\\[...\\]``, ``$$...$$`` or ``$...$`` keeps backslashes, stars and underscores."""
    source: str = state.src
    start: int = state.pos
    opener = source[start : start + 2]
    if opener in _CLOSERS:
        closer = _CLOSERS[opener]
        found = source.find(closer, start + 2, state.posMax)
        end = found + len(closer) if found > start + 2 else -1
    elif opener[:1] == "$":
        end = _end_of_dollar_formula(source, start, state.posMax)
    else:
        return False
    if end < 0:
        return False
    if not silent:
        token: Any = state.push("formula", "", 0)
        token.content = source[start:end]
    state.pos = end
    return True


def _end_of_dollar_formula(source: str, start: int, limit: int) -> int:
    """One past the closing ``$``, or -1. ``$5 and $10`` is money: no space inside, no digit behind."""
    if start + 1 >= limit or source[start + 1].isspace():
        return -1
    found = source.find("$", start + 1, min(limit, start + 400))
    while found > 0 and source[found - 1] == "\\":
        found = source.find("$", found + 1, min(limit, start + 400))
    if found <= start + 1 or source[found - 1].isspace() or "\n" in source[start:found]:
        return -1
    return -1 if found + 1 < limit and source[found + 1].isalnum() else found + 1
