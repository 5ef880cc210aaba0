"""The documents that an answer was given, in every export: by name and lines, never by where they lie on a disk."""

from __future__ import annotations

from datetime import UTC, datetime

from tui.conversations.edits import new_conversation, with_message
from tui.conversations.markdown import as_markdown
from tui.conversations.pages import as_html, as_plain_text
from tui.conversations.values import Conversation, Message, Role, Source

AT = datetime(2026, 3, 1, tzinfo=UTC)


def answered(*sources: Source) -> Conversation:
    message = Message(id="1", role=Role.assistant, text="the moon [1]", at=AT, model="m", sources=sources)
    return with_message(new_conversation("0" * 26, now=AT), message, now=AT)


def test_exports_name_the_sources_and_no_folder() -> None:
    tides = Source(title="Tides", path="/home/someone/secret/tides.md", first=1, last=4, score=0.5)
    paper = Source(title="Paper", path="/home/someone/paper.pdf", first=3, last=3, unit="page")
    conversation = answered(tides, paper)
    assert "### sources\n\n1. `tides.md`, lines 1-4\n2. `paper.pdf`, page 3" in as_markdown(conversation)
    assert "sources:\n[1] tides.md, lines 1-4\n[2] paper.pdf, page 3" in as_plain_text(conversation)
    assert "<li>tides.md, lines 1-4</li><li>paper.pdf, page 3</li>" in as_html(conversation)
    for text in (as_markdown(conversation), as_plain_text(conversation), as_html(conversation)):
        assert "someone" not in text


def test_a_name_that_means_harm_is_only_a_name() -> None:
    odd = Source(title="x", path="/n/a\n# b`<script>.md", first=1, last=1)
    assert "1. `a # b'<script>.md`, line 1" in as_markdown(answered(odd))
    assert "<script>.md" not in as_html(answered(odd))


def test_an_answer_without_sources_names_none() -> None:
    assert "sources" not in as_markdown(answered())
    assert "sources" not in as_plain_text(answered())
