"""What goes along with prompts: read when it is attached, kept by its hash, and looked up again for every request."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tui.cleaning import clean_line
from tui.conversations.values import Attachment, AttachmentKind
from tui.documents.attachable import LARGEST_TEXT_BYTES, ReadForPrompt, files_named, read_all
from tui.documents.pdf import PdfReader
from tui.documents.pictures import Picture
from tui.failures import Failure
from tui.places import Places
from tui.storage.attachments import LostAttachment, keep_attachment, read_attachment

MOST_IN_MEMORY_BYTES = 256 << 20
"""Of what no disk may have, or has taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What one file, folder, pattern or page became."""

    name: str
    """As the person named it."""
    attachments: tuple[Attachment, ...]
    picture: Picture | None = None
    """Of a picture that came alone."""
    passed_over: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """What was left out, by why, and how many."""


class Contents:
    """The contents of attachments, for every conversation of one program: on the disk, or in memory only.

    ``read`` may be called in any thread; everything else on the event loop.
    """

    def __init__(
        self, places: Places | None = None, *, report: Callable[[Failure], None] = lambda _failure: None
    ) -> None:
        """Without ``places`` nothing reaches a disk. ``report`` hears that the disk did not take something."""
        self._places = places
        self._report = report
        self._in_memory: dict[str, bytes] = {}

    async def keep(self, data: bytes, *, is_private: bool) -> str:
        """The hash of ``data``, under which ``read`` finds it. What is private stays in memory, until chinwag ends.

        What the disk refuses stays in memory, too. Raises ``Failure`` when that is too much.
        """
        if self._places is not None and not is_private:
            try:
                return await asyncio.to_thread(keep_attachment, self._places, data)
            except Failure as failure:
                self._report(failure)
        sha256 = hashlib.sha256(data).hexdigest()
        size_bytes = sum(map(len, self._in_memory.values()))
        if sha256 not in self._in_memory and size_bytes + len(data) > MOST_IN_MEMORY_BYTES:
            raise Failure(
                "cannot attach more", f"over {MOST_IN_MEMORY_BYTES >> 20} MB are kept in memory", "quit first"
            )
        self._in_memory[sha256] = data
        return sha256

    def read(self, attachment: Attachment) -> bytes:
        """The content as it was attached; blocks. Raises ``LostAttachment`` when it is gone or damaged."""
        if (data := self._in_memory.get(attachment.sha256)) is not None:
            return data
        if self._places is None:
            name = clean_line(attachment.name, 60)
            raise LostAttachment(f"the content of {name} is gone", "it was kept in memory only", "attach it again")
        return read_attachment(self._places, attachment)


ReadContent = Callable[[Attachment], bytes]
"""Blocks; raises ``LostAttachment``."""


async def attach_files(
    written: str,
    *,
    contents: Contents,
    folder: Path,
    home: Path,
    tokens_of: Callable[[str], int],
    is_private: bool = False,
) -> Attached:
    """A file, everything in a folder, or what a pattern fits; see ``documents.attachable``.

    ``tokens_of`` estimates what a text costs. Raises ``Failure`` when nothing was attached.
    """
    reader = PdfReader()

    def read() -> tuple[tuple[ReadForPrompt, ...], Mapping[str, int]]:
        return read_all(files_named(written, folder=folder, home=home), pdf_reader=reader)

    try:
        files, passed_over = await asyncio.to_thread(read)
    except asyncio.CancelledError:
        reader.stop()
        raise
    attachments = await keep_files(files, contents=contents, tokens_of=tokens_of, is_private=is_private)
    picture = files[0].picture if len(files) == 1 else None
    return Attached(name=written, attachments=attachments, picture=picture, passed_over=passed_over)


async def keep_files(
    files: Sequence[ReadForPrompt],
    *,
    contents: Contents,
    tokens_of: Callable[[str], int],
    is_private: bool = False,
) -> tuple[Attachment, ...]:
    """What was read, as what goes along with a prompt. Raises ``Failure``."""
    return tuple([await _kept(one, contents, tokens_of, is_private=is_private) for one in files])


async def attach_page(
    url: str, text: str, *, contents: Contents, tokens_of: Callable[[str], int], is_private: bool = False
) -> Attached:
    """The text of a page that was fetched from ``url``. Raises ``Failure``."""
    data = text.encode("utf-8", "surrogatepass")
    if not text.strip():
        raise Failure(f"{clean_line(url, 100)} has no text", "there is nothing to read on it", "save it and attach it")
    if len(data) > LARGEST_TEXT_BYTES:
        limit = f"its text has more than {LARGEST_TEXT_BYTES >> 20} MB"
        raise Failure(f"{clean_line(url, 100)} is too large", limit, "save it and attach a part of it")
    page = Attachment(
        name=url,
        sha256=await contents.keep(data, is_private=is_private),
        size_bytes=len(data),
        kind=AttachmentKind.page,
        source=url,
        tokens=tokens_of(text),
    )
    return Attached(name=url, attachments=(page,))


async def _kept(
    one: ReadForPrompt, contents: Contents, tokens_of: Callable[[str], int], *, is_private: bool
) -> Attachment:
    data = one.content
    is_picture = one.picture is not None
    return Attachment(
        name=one.name,
        sha256=await contents.keep(data, is_private=is_private),
        size_bytes=len(data),
        kind=AttachmentKind.image if is_picture else AttachmentKind.file,
        source=str(one.path.absolute()),
        tokens=None if is_picture else tokens_of(one.text),
    )
