"""What a file holds is read as text, or said to be none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_STRINGS
from tui.documents.pdf import PdfReader, can_read_pdf
from tui.documents.reading import document_of, documents_in, kind_of, read_document
from tui.documents.values import DocumentKind, Unit
from tui.failures import Failure

NEEDS_PDF = pytest.mark.skipif(
    not can_read_pdf(), reason="pypdf comes with the extra documents, which is not installed"
)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"caf\xc3\xa9\r\nnext\rlast", "café\nnext\nlast"),
        (b"\xef\xbb\xbfmarked", "marked"),
        (b"caf\xe9", "café"),
        ("wide é".encode("utf-16"), "wide é"),
        (b"", ""),
    ],
)
def test_text_is_read_in_the_code_that_it_is_in(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    read = read_document(tmp_path / "a.txt")
    assert "\n".join(read.document.lines) == text
    assert read.size_bytes == len(data)


def test_a_document_is_called_what_it_calls_itself() -> None:
    assert document_of(b"\n# The tide\nx", "a.md", DocumentKind.markdown).title == "The tide"
    assert document_of(b"x\n# The tide", "a.md", DocumentKind.markdown).title == "a.md"
    assert document_of(b"# no title", "a.py", DocumentKind.code).title == "a.py"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.MD", "markdown"),
        ("a.py", "code"),
        ("a.htm", "html"),
        ("a.pdf", "pdf"),
        ("a.txt", "text"),
        ("README", "text"),
    ],
)
def test_the_ending_says_what_it_is(name: str, kind: str) -> None:
    assert kind_of(Path(name)) == DocumentKind(kind)


def test_what_is_no_text_is_said() -> None:
    with pytest.raises(Failure, match="it is no text"):
        document_of(b"\x7fELF\x00\x01", "program", DocumentKind.text)


@given(st.binary(max_size=300), st.sampled_from([kind for kind in DocumentKind if kind is not DocumentKind.pdf]))
def test_any_bytes_are_a_document_or_a_failure(data: bytes, kind: DocumentKind) -> None:
    try:
        document = document_of(data, "name", kind)
    except Failure:
        return
    assert len(document.lines) == len(document.places)
    assert not any("\n" in line for line in document.lines)


@pytest.mark.parametrize("text", HOSTILE_STRINGS)
def test_hostile_names_are_cleaned_in_what_is_said(text: str) -> None:
    with pytest.raises(Failure) as raised:
        document_of(b"\x00", text, DocumentKind.text)
    assert "\x1b" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_gives_what_looks_like_a_document_and_nothing_hidden(tmp_path: Path) -> None:
    shelf = tmp_path / "notes"
    for name in ("b.md", "a.txt", "sub/c.py", "README", ".env", ".git/config.md", "photo.jpg", "node_modules/x/y.js"):
        path = shelf / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    os.mkfifo(shelf / "pipe.txt")
    names = [path.relative_to(shelf).as_posix() for path in documents_in(shelf)]
    assert sorted(names) == ["README", "a.txt", "b.md", "sub/c.py"]


def test_links_out_of_the_folder_and_circles_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("x")
    (inside / "a.txt").write_text("x")
    (inside / "again.txt").symlink_to(inside / "a.txt")
    (inside / "secret.txt").symlink_to(outside / "secret.txt")
    (inside / "away").symlink_to(outside)
    (inside / "me").symlink_to(inside)
    (inside / "none.txt").symlink_to(inside / "nowhere")
    (inside / "loop.txt").symlink_to(inside / "loop.txt")
    assert list(documents_in(inside)) == [inside / "a.txt"]


def test_without_the_extra_a_pdf_says_what_to_install() -> None:
    with pytest.raises(Failure, match=r"pip install 'chinwag\[documents\]'"):
        PdfReader(is_installed=False).pages(b"%PDF-1.4", "a.pdf")


@NEEDS_PDF
def test_a_pdf_is_read_page_by_page() -> None:
    document = document_of(pdf("The moon", "The sea"), "tide.pdf", DocumentKind.pdf)
    assert document.unit is Unit.page
    words = {(line.strip(), place) for line, place in zip(document.lines, document.places, strict=True) if line.strip()}
    assert words == {("The moon", 1), ("The sea", 2)}


@NEEDS_PDF
@pytest.mark.parametrize("data", [b"", b"%PDF-1.4\n", b"no pdf at all", b"\x00" * 1000])
def test_a_damaged_pdf_is_a_failure_with_its_name(data: bytes) -> None:
    with pytest.raises(Failure, match=r"tide\.pdf"):
        PdfReader().pages(data, "tide.pdf")


def test_a_pdf_reader_that_does_not_end_is_ended() -> None:
    with pytest.raises(Failure, match=r"reading it took over 0 s"):
        PdfReader(is_installed=True, patience_seconds=0.0).pages(pdf("x"), "tide.pdf")


def test_a_pdf_reader_that_is_stopped_reads_no_more() -> None:
    reader = PdfReader(is_installed=True)
    reader.stop()
    with pytest.raises(Failure, match="its reader broke down"):
        reader.pages(pdf("x"), "tide.pdf")


def pdf(*pages: str) -> bytes:
    """A small PDF, one line of text a page, with a table of contents that is right."""
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, text in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents {5 + 2 * index} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        drawn = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET"
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    data, starts = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(data))
        data += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{start:010d} 00000 n \n" for start in starts)
    end = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(data)}\n%%EOF\n"
    return f"{data}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()
