"""A conversation as a page and as plain text."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

from tui.conversations.pages import as_html, as_plain_text
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import ToolCall

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HOSTILE = '<script src="http://evil/x.js"></script><img src=x onerror=alert(1)>\x1b]0;x\x07 &amp; "quoted"'


def conversation() -> Conversation:
    messages = (
        Message(id="a", role=Role.user, text=HOSTILE, at=AT),
        Message(
            id="b",
            role=Role.assistant,
            text="half",
            at=AT,
            model=HOSTILE,
            thinking=HOSTILE,
            state=MessageState.broken_off,
            failure="the line broke",
            tool_calls=(ToolCall(name=HOSTILE, arguments={"x": HOSTILE}),),
        ),
    )
    return Conversation(id="0" * 26, created_at=AT, updated_at=AT, title=HOSTILE, messages=messages)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.seen = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [name for name, _ in attrs if name in ("src", "href", "onerror", "style")]

    def handle_data(self, data: str) -> None:
        self.seen += data


def test_nothing_said_lives_in_the_page() -> None:
    text = as_html(conversation())
    page = Page(text)
    assert not page.tags & {"script", "img", "link", "iframe"}
    assert page.fetched == []
    assert "\x1b" not in text
    assert page.seen.count('<script src="http://evil/x.js">') == 6
    assert page.seen.count('<script src=\\"http://evil/x.js\\">') == 1, "the argument of the call, as JSON"
    assert "default-src 'none'" in text
    assert "broken off" in page.seen
    assert "the line broke" in page.seen


def test_plain_text_has_who_said_what_unchanged() -> None:
    text = as_plain_text(conversation())
    assert text.startswith(f"you:\n{HOSTILE}\n")
    assert "half\n[tool call: " in text
    assert "]\n[the line broke]" in text
    assert text.count("-" * 40) == 1


def test_an_empty_conversation_is_an_empty_text() -> None:
    empty = Conversation(id="0" * 26, created_at=AT, updated_at=AT)
    assert as_plain_text(empty) == ""
    assert "untitled" in as_html(empty)
