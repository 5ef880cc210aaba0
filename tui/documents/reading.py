"""A file's text: plain text, Markdown, code, HTML and, with the extra ``documents``, PDF."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tui.atomic import read_bounded
from tui.cleaning import clean_line
from tui.documents.pdf import PdfReader
from tui.documents.values import DocumentKind, DocumentText, Unit
from tui.failures import Failure

LARGEST_TEXT_BYTES = 16 << 20
LARGEST_PDF_BYTES = 64 << 20
MOST_FILES = 20_000
"""In one folder, with all that is below it."""

_MARKDOWN = frozenset({".md", ".markdown", ".mdx", ".rst", ".adoc", ".org"})
_HTML = frozenset({".html", ".htm", ".xhtml"})
_TEXT = frozenset({".txt", ".text", ".log", ".csv", ".tsv", ".tex", ".srt", ".vtt"})
_CODE_ENDINGS = (
    ".py .pyi .c .h .cc .cpp .cxx .hpp .cs .go .rs .java .kt .kts .scala .swift .m .js .mjs .cjs .jsx .ts .tsx .vue .rb "
    ".php .pl .pm .lua .r .jl .hs .ml .mli .ex .exs .erl .clj .lisp .el .sh .bash .zsh .fish .ps1 .sql .proto .graphql "
    ".toml .yaml .yml .json .ini .cfg .conf .xml .css .scss .cmake .nix .tf .zig .dart .nim .v .vhd .asm .s"
)
_CODE = frozenset(_CODE_ENDINGS.split())
_NAMES = frozenset({"readme", "license", "licence", "changelog", "makefile", "dockerfile", "notes", "todo"})
PASSED_OVER = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "target", "build", "dist"})
"""Folders full of what no person wrote. Whatever begins with a dot is passed over too: secrets live there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    document: DocumentText
    sha256: str
    size_bytes: int


def read_document(path: Path, *, pdf_reader: PdfReader | None = None) -> ReadFile:
    """Blocks; what may take long can be stopped by ``pdf_reader``. Raises ``Failure`` for what is no regular file, too large, no text, or a PDF that cannot be read."""
    kind = kind_of(path)
    data = read_bounded(path, LARGEST_PDF_BYTES if kind is DocumentKind.pdf else LARGEST_TEXT_BYTES)
    return ReadFile(
        document=document_of(data, path.name, kind, pdf_reader=pdf_reader),
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
    )


def document_of(data: bytes, name: str, kind: DocumentKind, *, pdf_reader: PdfReader | None = None) -> DocumentText:
    """The text in ``data``, the bytes of a file called ``name``. Raises ``Failure`` when there is no text in them."""
    if kind is DocumentKind.pdf:
        pages = (pdf_reader or PdfReader()).pages(data, name)
        placed = [(line, number) for number, page in enumerate(pages, 1) for line in page.split("\n")]
        return DocumentText(
            kind=kind,
            title=name,
            lines=tuple(line for line, _ in placed),
            places=tuple(number for _, number in placed),
            unit=Unit.page,
        )
    text = _decoded(data, name)
    if kind is DocumentKind.html:
        # Not before: what reads pages brings a table of names along that a start does not need.
        from tui.page_text import read_html

        page = read_html(text)
        return DocumentText(kind=kind, title=page.title or name, lines=page.lines, places=page.source_lines)
    lines = tuple(text.split("\n"))
    title = _markdown_title(lines) if kind is DocumentKind.markdown else ""
    return DocumentText(kind=kind, title=title or name, lines=lines, places=tuple(range(1, len(lines) + 1)))


def kind_of(path: Path) -> DocumentKind:
    """By its name; what has no known ending counts as text."""
    ending = path.suffix.lower()
    if ending == ".pdf":
        return DocumentKind.pdf
    if ending in _HTML:
        return DocumentKind.html
    if ending in _MARKDOWN:
        return DocumentKind.markdown
    return DocumentKind.code if ending in _CODE else DocumentKind.text


def documents_in(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those below it that look like documents, resolved and in order.

    A symbolic link to a file counts when it ends inside ``folder``; one to a folder is not followed. Raises ``Failure``
    beyond ``MOST_FILES`` files, and ``OSError`` when ``folder`` itself cannot be listed.
    """
    top = folder.resolve(strict=True)
    seen: set[Path] = set()
    files = 0
    os.scandir(top).close()
    for below, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in PASSED_OVER)
        for name in sorted(names):
            files += 1
            if files > MOST_FILES:
                raise Failure(
                    f"folder {clean_line(str(folder), 100)} is too large",
                    f"it has more than {MOST_FILES:,} files",
                    "add the folders in it that matter",
                )
            found = _resolved(Path(below) / name, top) if _looks_like_document(name) else None
            if found is not None and found not in seen:
                seen.add(found)
                yield found


def _resolved(path: Path, top: Path) -> Path | None:
    try:
        real = path.resolve(strict=True)
        inside = real.is_relative_to(top) and not any(part.startswith(".") for part in real.relative_to(top).parts)
        return real if inside and stat.S_ISREG(real.stat().st_mode) else None
    except (OSError, RuntimeError):
        return None


def _looks_like_document(name: str) -> bool:
    if name.startswith("."):
        return False
    ending = Path(name).suffix.lower()
    known = ending == ".pdf" or ending in _HTML or ending in _MARKDOWN or ending in _TEXT or ending in _CODE
    return known or (not ending and name.lower() in _NAMES)


def _decoded(data: bytes, name: str) -> str:
    """Lines end in LF alone, so that they are counted as an editor counts them."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif b"\x00" in data:
        raise Failure(f"file {clean_line(name, 100)} is not read", "it is no text", "add text, markdown, html or pdf")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown_title(lines: tuple[str, ...]) -> str:
    first = next((line for line in lines if line.strip()), "")
    return first[2:].strip() if first.startswith("# ") else ""
