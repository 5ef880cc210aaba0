"""The readable text of an HTML page: its words by line, without scripts, styles and what is only there to be clicked."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

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


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.lines: list[str] = []
        self.source_lines: list[int] = []
        self._began = 0
        self._line: list[str] = []
        self._skipped: list[str] = []
        self._pre = 0
        self._in_title = False
        self._prefix = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
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

    def handle_endtag(self, tag: str) -> None:
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

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
            return
        if self._skipped:
            return
        if self._pre:
            first, *more = data.split("\n")
            here = self.getpos()[0]
            self._add(first, here)
            for number, line in enumerate(more, here + 1):
                self._end_line(keeps_empty=True)
                self._add(line, number)
        else:
            before = len(data) - len(data.lstrip())
            self._add(data, self.getpos()[0] + data.count("\n", 0, before))

    def finish(self) -> None:
        self.close()
        self._end_line()

    def give_up(self) -> None:
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
            self.source_lines.append(began or self.getpos()[0])
            self._prefix = ""
        elif keeps_empty and self.lines and self.lines[-1]:
            self.lines.append("")
            self.source_lines.append(self.source_lines[-1])


def read_html(source: str) -> HtmlText:
    """Any text is a page: what is broken is read as a browser would, without ever raising."""
    reader = _Reader()
    try:
        reader.feed(source)
        reader.finish()
    except (AssertionError, ValueError, RecursionError):
        # The parser of the standard library trips over some declarations; what it had read stands.
        reader.give_up()
    return HtmlText(
        title=" ".join(reader.title.split()), lines=tuple(reader.lines), source_lines=tuple(reader.source_lines)
    )


def text_of_html(source: str) -> tuple[str, str]:
    """Title and text."""
    page = read_html(source)
    return page.title, page.text
