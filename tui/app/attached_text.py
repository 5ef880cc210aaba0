"""What is attached to a prompt that is being written, as a part of its text.

So it goes wherever the text goes: it is moved, deleted and undone with it, kept as a draft, and put aside with it. Only
what is sent is taken apart. A mark is two characters that nobody types, with what is attached between them as JSON; in
a text that came from elsewhere these characters are replaced before they get here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from tui.chat.attaching import Attached
from tui.cleaning import clean_line
from tui.conversations.values import Attachment, AttachmentKind, Message
from tui.metrics.wording import plural, tokens_text

BEGIN, END = "\U0010fffc", "\U0010fffd"
NAME_CELLS = 40
_MARKED = re.compile(f"{BEGIN}([^{BEGIN}{END}]*){END}")
_ALONE = re.compile(f"[{BEGIN}{END}]")
_REPLACEMENT = "\ufffd"
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What was attached in one go, at its place in the text."""

    name: str
    """As it stands in the prompt when it is sent. Foreign, raw."""
    words: str
    """How large it is: ``~1.2k tokens``, ``640×480 · 83 kB``."""
    attachments: tuple[Attachment, ...]

    def label(self, separator: str) -> str:
        """Clean, on one line."""
        words = (clean_line(self.name, NAME_CELLS), clean_line(self.words, NAME_CELLS))
        return f" {separator} ".join(filter(None, words))

    @property
    def written(self) -> str:
        items = [
            {name: value for name, value in asdict(one).items() if value not in (None, "")} for one in self.attachments
        ]
        return f"{BEGIN}{json.dumps({'name': self.name, 'words': self.words, 'items': items})}{END}"


def mark_of(attached: Attached, separator: str) -> Mark:
    return Mark(name=attached.name, words=_words_of(attached, separator), attachments=attached.attachments)


def attachment_size(attachment: Attachment) -> str:
    """``~1.2k tokens``; of a picture ``83 kB``."""
    if attachment.tokens is None or attachment.kind is AttachmentKind.image:
        return bytes_text(attachment.size_bytes)
    return f"~{tokens_text(attachment.tokens)} token{'' if attachment.tokens == 1 else 's'}"


def bytes_text(size_bytes: int) -> str:
    """``412 B``, ``83 kB``, ``1.4 MB``; one kB is 1,000 bytes."""
    if size_bytes < 1_000:
        return f"{size_bytes} B"
    return f"{size_bytes / 1_000:.0f} kB" if size_bytes < 999_500 else f"{size_bytes / 1_000_000:.1f} MB"


def pieces(text: str) -> Iterator[str | Mark]:
    """The text between the marks, and the marks; what looks like a mark and is none stays text, without its signs."""
    at = 0
    for found in _MARKED.finditer(text):
        mark = _read(found[1])
        if mark is None:
            continue
        if found.start() > at:
            yield without_signs(text[at : found.start()])
        yield mark
        at = found.end()
    if at < len(text):
        yield without_signs(text[at:])


def without_signs(text: str) -> str:
    """A text from elsewhere: nothing in it is a mark."""
    return text if text.isascii() else _ALONE.sub(_REPLACEMENT, text)


def taken_apart(text: str) -> tuple[str, tuple[Attachment, ...]]:
    """What is sent: the text with names at the place of marks, and everything that goes along, each thing once."""
    if BEGIN not in text:
        return without_signs(text), ()
    parts = list(pieces(text))
    attachments = dict.fromkeys(one for part in parts if isinstance(part, Mark) for one in part.attachments)
    text = "".join(part.name if isinstance(part, Mark) else part for part in parts)
    # Behind a mark there is a blank that nobody wrote.
    return text.rstrip(" ") if parts and isinstance(parts[-1], str) and not parts[-1].strip() else text, tuple(
        attachments
    )


def plain_text(text: str) -> str:
    """As a person reads it: names at the place of marks."""
    return taken_apart(text)[0]


def put_together(message: Message, separator: str) -> str:
    """The text of a message that is to be written anew, with marks where the names stand of what went along."""
    marks = [Mark(name=one.name, words=attachment_size(one), attachments=(one,)) for one in message.attachments]
    text, left = _with_marks(without_signs(message.text), marks)
    if len(left) > 1:
        text, left = _with_marks(text, [_one_mark(left, separator)])
    return _and_behind(text, left)


def marked_again(text: str, before: str) -> str:
    """``text``, which came of ``before`` elsewhere, with the marks of that: where their names stand, else behind it."""
    marks = [part for part in pieces(before) if isinstance(part, Mark)]
    return _and_behind(*_with_marks(without_signs(text), marks))


def _with_marks(text: str, marks: list[Mark]) -> tuple[str, list[Mark]]:
    """Each one in the place of its name; and those whose name stands nowhere, or is not theirs alone."""
    left: list[Mark] = []
    names = [one.name for one in marks]
    for one in marks:
        at = _place_of(one.name, text) if names.count(one.name) == 1 else -1
        if at < 0:
            left.append(one)
        else:
            text = f"{text[:at]}{one.written}{text[at + len(one.name) :]}"
    return text, left


def _and_behind(text: str, marks: list[Mark]) -> str:
    return " ".join((*((text,) if text else ()), *(one.written for one in marks)))


def _place_of(name: str, text: str) -> int:
    """Outside of the marks that are in the text already; below 0 where it is not."""
    at = 0
    while (at := text.find(name, at)) >= 0:
        if text.count(BEGIN, 0, at) == text.count(END, 0, at):
            return at
        at += 1
    return -1


def _one_mark(marks: list[Mark], separator: str) -> Mark:
    attachments = tuple(one for mark in marks for one in mark.attachments)
    try:
        folder = os.path.commonpath([one.name for one in attachments])
    except ValueError:
        folder = ""
    name = f"{folder}/" if folder.strip("/") else attachments[0].name
    return Mark(name=name, words=_many(attachments, separator), attachments=attachments)


def _words_of(attached: Attached, separator: str) -> str:
    if len(attached.attachments) > 1:
        return _many(attached.attachments, separator)
    one = attached.attachments[0]
    picture = attached.picture
    size = attachment_size(one)
    return size if picture is None else f"{picture.width}×{picture.height} {separator} {size}"


def _many(attachments: tuple[Attachment, ...], separator: str) -> str:
    tokens = sum(one.tokens or 0 for one in attachments)
    return f"{plural(len(attachments), 'file')} {separator} ~{tokens_text(tokens)} tokens"


def _read(inner: str) -> Mark | None:
    try:
        found = json.loads(inner)
        attachments = tuple(_attachment_of(one) for one in found["items"])
        name, words = found["name"], found["words"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    is_whole = isinstance(name, str) and isinstance(words, str) and attachments
    return Mark(name=name, words=words, attachments=attachments) if is_whole else None


def _attachment_of(found: dict[str, object]) -> Attachment:
    name, sha256, size_bytes = found["name"], found["sha256"], found["size_bytes"]
    tokens, source = found.get("tokens"), found.get("source", "")
    if not (isinstance(name, str) and isinstance(sha256, str) and _HASH.fullmatch(sha256) and isinstance(source, str)):
        raise TypeError("not what is written here")
    if not (type(size_bytes) is int and (tokens is None or type(tokens) is int)):
        raise TypeError("not what is written here")
    kind = AttachmentKind(str(found.get("kind", "file")))
    return Attachment(name=name, sha256=sha256, size_bytes=size_bytes, kind=kind, source=source, tokens=tokens)
