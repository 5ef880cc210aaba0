"""The readable text of an HTML page: its words by line, without scripts, styles and what is only there to be clicked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

_SKIPPED = frozenset({"script", "style", "noscript", "template", "svg", "iframe", "head", "nav", "footer", "form"})
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    }
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
DEEPEST = 500
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,60})")
_STOP = re.compile(r">|=\s{0,20}[\"']")
"""The end of a tag, or the beginning of a value in which a ``>`` is none."""
_RAW = {tag: re.compile(rf"</{tag}(?=[\s/>])", re.IGNORECASE) for tag in ("script", "style", "title", "textarea")}
"""What holds no tags but its own end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlText:
    """What a person would read of a page, line by line."""

    title: str
    lines: tuple[str, ...]
    source_lines: tuple[int, ...]
    """For each line the one of the source where it begins, counted from 1."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


class _Reader:
    def __init__(self) -> None:
        self.at_line = 1
        """Where in the source the piece begins that is being handled."""
        self.title = ""
        self.lines: list[str] = []
        self.source_lines: list[int] = []
        self._began = 0
        self._line: list[str] = []
        self._skipped: list[str] = []
        self._pre = 0
        self._in_title = False
        self._prefix = ""

    def start_tag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = True
        if self._skipped or (tag in _SKIPPED and tag not in _VOID):
            if tag not in _VOID and len(self._skipped) < DEEPEST:
                self._skipped.append(tag)
            return
        if tag in _BLOCKS:
            self._end_line()
        if tag == "pre":
            self._pre += 1
        self._prefix = f"{_HEADINGS[tag]} " if tag in _HEADINGS else "- " if tag == "li" else self._prefix

    def end_tag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._skipped:
            if tag in self._skipped:
                while self._skipped.pop() != tag:
                    pass
            return
        if tag in _BLOCKS:
            self._end_line()
        if tag == "pre":
            self._pre = max(0, self._pre - 1)

    def words(self, data: str) -> None:
        if self._in_title:
            self.title += data
            return
        if self._skipped:
            return
        if self._pre:
            first, *more = data.split("\n")
            here = self.at_line
            self._add(first, here)
            for number, line in enumerate(more, here + 1):
                self._end_line(keeps_empty=True)
                self._add(line, number)
        else:
            before = len(data) - len(data.lstrip())
            self._add(data, self.at_line + data.count("\n", 0, before))

    def finish(self) -> None:
        self._end_line()

    def _add(self, words: str, source_line: int) -> None:
        if not self._line or not self._began:
            self._began = source_line if words.strip() else 0
        self._line.append(words)

    def _end_line(self, *, keeps_empty: bool = False) -> None:
        text = "".join(self._line)
        began, self._began = self._began, 0
        self._line.clear()
        text = text.rstrip() if self._pre else " ".join(text.split())
        if text:
            self.lines.append(f"{self._prefix}{text}")
            self.source_lines.append(began or self.at_line)
            self._prefix = ""
        elif keeps_empty and self.lines and self.lines[-1]:
            self.lines.append("")
            self.source_lines.append(self.source_lines[-1])


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    tag: str = ""
    """Of a tag its name; empty for words."""
    words: str = ""
    starts: bool = False
    ends: bool = False


class _Scanner:
    """The pieces of a page, each character looked at a bounded number of times.

    The parser of the standard library looks for an end that never comes once for every beginning: a page of 100 kB can
    keep it busy for minutes. Here, what has no end once is not looked for again.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._has_end = True
        self._has_comment_end = True
        self._has_whole_quotes = True

    def pieces(self) -> Iterator[_Piece]:
        source, at, words_from = self._source, 0, 0
        while (at := source.find("<", at)) >= 0:
            found = _TAG.match(source, at)
            end = self._end(at, found)
            if end < 0:
                at += 1
                continue
            yield _Piece(words_from, words=source[words_from:at])
            if found is not None:
                tag, closes = found[2].lower(), bool(found[1])
                yield _Piece(at, tag=tag, starts=not closes, ends=closes or source[end - 2] == "/")
                if not closes and tag in _RAW:
                    close = _RAW[tag].search(source, end)
                    raw_end = close.start() if close else len(source)
                    yield _Piece(end, words=source[end:raw_end])
                    end = raw_end
            at = words_from = end
        yield _Piece(words_from, words=source[words_from:])

    def _end(self, at: int, tag: re.Match[str] | None) -> int:
        """Behind the tag, comment or declaration that begins at ``at``; below 0 when the ``<`` there is only a sign."""
        source = self._source
        if source.startswith("<!--", at):
            end = source.find("-->", at + 2) if self._has_comment_end else -1
            self._has_comment_end = end >= 0
            # A comment without an end is read: better too much than a page that ends in its middle.
            return end + 3 if end >= 0 else at + 4
        if tag is None and source[at + 1 : at + 2] not in {"!", "?", "/"}:
            return -1
        if tag is not None and not tag[1] and self._has_whole_quotes:
            end = self._end_behind_quotes(tag.end())
            if end >= 0:
                return end
            self._has_whole_quotes = False
        end = source.find(">", at) + 1 if self._has_end else 0
        self._has_end = end > 0
        return end or -1

    def _end_behind_quotes(self, at: int) -> int:
        source = self._source
        while (stop := _STOP.search(source, at)) is not None:
            if stop[0] == ">":
                return stop.end()
            at = source.find(stop[0][-1], stop.end()) + 1
            if not at:
                return -1
        return -1


def read_html(source: str) -> HtmlText:
    """Any text is a page: what is broken is read as a browser would, without ever raising."""
    reader = _Reader()
    counted = 0
    for piece in _Scanner(source).pieces():
        reader.at_line += source.count("\n", counted, piece.start)
        counted = piece.start
        if piece.starts:
            reader.start_tag(piece.tag)
        if piece.ends:
            reader.end_tag(piece.tag)
        if piece.words:
            reader.words(unescape(piece.words))
    reader.finish()
    return HtmlText(
        title=" ".join(reader.title.split()), lines=tuple(reader.lines), source_lines=tuple(reader.source_lines)
    )


def text_of_html(source: str) -> tuple[str, str]:
    """Title and text."""
    page = read_html(source)
    return page.title, page.text
