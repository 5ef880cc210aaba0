from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import gif, jpeg, png, webp
from tui.documents import attachable
from tui.documents.attachable import Named, files_named, passed_over_words, read_all, read_for_prompt
from tui.documents.pictures import Picture, picture_of
from tui.failures import Failure


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "README.md": b"# A project\n",
        "src/main.py": b"print('hi')\n",
        "src/deep/page.html": b"<p>as it stands</p>\n",
        "src/deep/.secret": b"key\n",
        "src/cat.png": png(3, 2),
        "src/prog": b"\x7fELF\0\0\0",
        "src/app.min.js": b"x=1",
        "src/node_modules/other/index.js": b"not ours",
        ".git/config": b"[core]",
        ".env": b"TOKEN=1",
    }
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def named(written: str, project: Path) -> Named:
    return files_named(written, folder=project, home=project / "src")


def names(written: str, project: Path) -> list[str]:
    return [name for name, _ in named(written, project).files]


def test_file_is_named_as_the_person_named_it(project: Path) -> None:
    assert names("src/main.py", project) == ["src/main.py"]
    assert names("~/main.py", project) == ["~/main.py"]
    assert names(str(project / "README.md"), project) == [str(project / "README.md")]
    read, passed_over = read_all(named("src/main.py", project))
    assert [one.text for one in read] == ["print('hi')\n"]
    assert not passed_over


def test_hidden_file_is_attached_when_it_is_named(project: Path) -> None:
    [read], _ = read_all(named(".env", project))
    assert read.text == "TOKEN=1"


def test_folder_gives_what_people_wrote_and_says_what_it_passed_over(project: Path) -> None:
    read, passed_over = read_all(named("src", project))
    assert [one.name for one in read] == ["src/main.py", "src/deep/page.html"]
    assert read[1].text == "<p>as it stands</p>\n", "the source, not what a browser makes of it"
    words = passed_over_words(passed_over)
    assert {*words.removeprefix("passed over: ").split(", ")} == {
        "1 folder of tools",
        "1 hidden",
        "1 made by machines",
        "1 picture",
        "1 not readable as text",
    }
    assert names(".", project)[0] == "README.md"
    assert not any(".git" in name or ".env" in name for name in names(".", project))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("src/*.py", ["src/main.py"]),
        ("**/*.html", ["src/deep/page.html"]),
        ("src/**", ["src/cat.png", "src/main.py", "src/prog", "src/deep/page.html"]),
        ("*/ma?n.[pq]y", ["src/main.py"]),
        ("src/*.png", ["src/cat.png"]),
    ],
)
def test_pattern_gives_the_files_that_fit(project: Path, pattern: str, expected: list[str]) -> None:
    assert names(pattern, project) == expected


def test_file_whose_name_looks_like_a_pattern_wins(project: Path) -> None:
    (project / "[a].txt").write_text("odd")
    assert names("[a].txt", project) == ["[a].txt"]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("nothing.py", "there is no nothing.py"),
        ("src/*.rs", r"nothing fits src/\*\.rs"),
        ("src/main.py/more", "there is no"),
        ("src/node_modules/x", "there is no"),
        ("a\0b", "check the name"),
    ],
)
def test_what_is_not_there_is_said_with_the_next_step(project: Path, written: str, words: str) -> None:
    with pytest.raises(Failure, match=words):
        named(written, project)


def test_too_many_files_are_refused_and_not_cut(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachable, "MOST_FILES", 2)
    with pytest.raises(Failure, match="more than 2 files"):
        named("src/**", project)
    with pytest.raises(Failure, match="more than 2 files"):
        named(".", project)


def test_too_much_text_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachable, "MOST_BYTES", 8)
    with pytest.raises(Failure, match="too much"):
        read_all(named("src", project))
    monkeypatch.setattr(attachable, "LARGEST_TEXT_BYTES", 8)
    with pytest.raises(Failure, match="too large"):
        read_for_prompt("README.md", project / "README.md")


def test_folder_of_a_million_names_does_not_go_on_for_ever(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachable, "MOST_LOOKED_AT", 3)
    for written in (".", "src/**", "*/*.py"):
        with pytest.raises(Failure, match="too large"):
            named(written, project)


def test_binary_file_is_refused_by_what_is_in_it(project: Path) -> None:
    with pytest.raises(Failure, match="neither text nor a picture"):
        read_for_prompt("src/prog", project / "src" / "prog")


def test_pipe_is_not_waited_for(project: Path) -> None:
    os.mkfifo(project / "pipe")
    with pytest.raises(Failure, match="not a regular file"):
        read_for_prompt("pipe", project / "pipe")


def test_text_that_is_not_utf8_is_read(project: Path) -> None:
    (project / "old.txt").write_bytes("na\xefve".encode("cp1252"))
    (project / "wide.txt").write_bytes("wide".encode("utf-16"))
    assert read_for_prompt("old.txt", project / "old.txt").text == "na\xefve"
    assert read_for_prompt("wide.txt", project / "wide.txt").text == "wide"


@pytest.mark.parametrize(
    ("data", "picture"),
    [
        (png(640, 480), Picture(kind="PNG", width=640, height=480)),
        (gif(17, 5), Picture(kind="GIF", width=17, height=5)),
        (jpeg(1024, 768), Picture(kind="JPEG", width=1024, height=768)),
        (webp("VP8", 300, 200), Picture(kind="WebP", width=300, height=200)),
        (webp("VP8L", 301, 201), Picture(kind="WebP", width=301, height=201)),
        (webp("VP8X", 4000, 3000), Picture(kind="WebP", width=4000, height=3000)),
    ],
)
def test_pictures_are_known_by_their_bytes(tmp_path: Path, data: bytes, picture: Picture) -> None:
    path = tmp_path / "no-ending"
    path.write_bytes(data)
    read = read_for_prompt("no-ending", path)
    assert read.picture == picture
    assert read.content == data
    for cut in range(len(data)):
        found = picture_of(data[:cut])
        assert found in (None, picture), cut


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 "]), st.binary())
def test_no_bytes_make_the_look_at_a_picture_raise(start: bytes, rest: bytes) -> None:
    picture = picture_of(start + rest)
    assert picture is None or picture.width > 0


def test_half_a_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(png(3, 3)[:14])
    with pytest.raises(Failure, match="no whole PNG"):
        read_for_prompt("cat.png", tmp_path / "cat.png")
