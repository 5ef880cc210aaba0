"""``chinwag conversations``: what is on the shelf, out of it and into it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli.commanding import Shell, home_below

CHATGPT = [
    {
        "title": "About tides",
        "create_time": 1_700_000_000,
        "current_node": "b",
        "mapping": {
            "a": {"message": {"author": {"role": "user"}, "content": {"parts": ["why tides?"]}}, "parent": None},
            "b": {
                "message": {
                    "author": {"role": "assistant"},
                    "content": {"parts": ["the moon\x1b[31m"]},
                    "metadata": {"model_slug": "gpt-4o"},
                },
                "parent": "a",
            },
        },
    }
]


@pytest.fixture
def shelf(tmp_path: Path) -> Shell:
    """A shelf with one conversation; no server is there, and none is asked."""
    shell = Shell(home=home_below(tmp_path))
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps(CHATGPT))
    ran = shell("conversations", "import", str(file))
    assert ran.code == 0, ran.talk
    return shell


def id_of(shelf: Shell) -> str:
    return str(shelf("conversations", "list", "--json").values[0]["id"])


def test_an_empty_shelf_says_so(tmp_path: Path) -> None:
    ran = Shell(home=home_below(tmp_path))("conversations", "list")
    assert (ran.code, ran.out) == (0, "")
    assert "no conversations yet" in ran.talk


def test_what_was_taken_over_is_listed_and_shown(shelf: Shell) -> None:
    listed = shelf("conversations", "list")
    assert "About tides" in listed.out
    [value] = shelf("conversations", "list", "--json").values
    assert (value["title"], value["model"], value["message_count"]) == ("About tides", "gpt-4o", 2)
    shown = shelf("conversations", "show", "last")
    assert shown.out.startswith("you:\nwhy tides?\n")
    assert shelf("conversations", "show", value["id"][:12].lower()).out == shown.out


def test_search_finds_words_and_says_when_it_does_not(shelf: Shell) -> None:
    found = shelf("conversations", "search", "moon", "--json")
    assert found.code == 0
    assert found.values[0]["match"] == "moon"
    assert "the moon" in shelf("conversations", "search", "mo").out
    nothing = shelf("conversations", "search", "zebra")
    assert (nothing.code, nothing.out) == (1, "")


@pytest.mark.parametrize("form", ["json", "toml"])
def test_ours_goes_out_and_comes_back_as_it_was(shelf: Shell, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"kept.{form}"
    assert shelf("conversations", "export", "last", "--format", form, "--output", str(file)).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = Shell(home=home_below(elsewhere))
    back = other("conversations", "import", str(file))
    assert back.code == 0, back.talk
    assert back.out.strip() == id_of(shelf)
    again = other("conversations", "export", "last", "--format", form)
    assert again.out.rstrip("\n") == file.read_text().rstrip("\n")


def test_what_comes_back_beside_itself_gets_an_id_of_its_own(shelf: Shell, tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    shelf("conversations", "export", "last", "--format", "json", "--output", str(file))
    assert shelf("conversations", "import", str(file)).code == 0
    ids = [one["id"] for one in shelf("conversations", "list", "--json").values]
    assert len(set(ids)) == 2


def test_every_form_goes_into_a_folder(shelf: Shell, tmp_path: Path) -> None:
    for form, ending in (("markdown", "md"), ("html", "html"), ("text", "txt")):
        folder = tmp_path / form
        folder.mkdir()
        ran = shelf("conversations", "export", "--all", "--format", form, "--output", str(folder))
        assert ran.code == 0, ran.talk
        [file] = folder.iterdir()
        assert file.suffix == f".{ending}"
        assert "why tides?" in file.read_text()
        assert "wrote 1 conversation to " in ran.talk


def test_a_pipe_gets_the_text_as_it_is_and_a_page_no_control_character(shelf: Shell) -> None:
    assert "moon\x1b[31m" in shelf("conversations", "show", "last").out
    assert "\x1b" not in shelf("conversations", "export", "last", "--format", "html").out


def test_deleting_wants_a_yes_and_renaming_does_not(shelf: Shell) -> None:
    asked = shelf("conversations", "rm", "last")
    assert asked.code == 1
    assert "give --yes" in asked.talk
    assert shelf("conversations", "rename", "last", "the", "moon's", "doing").code == 0
    assert "the moon's doing" in shelf("conversations", "list").out
    assert shelf("conversations", "rm", "last", "--yes").code == 0
    assert shelf("conversations", "list").out == ""


def test_a_pinned_conversation_stands_first_and_last_still_means_the_latest(shelf: Shell, tmp_path: Path) -> None:
    older = tmp_path / "older.json"
    older.write_text(json.dumps(CHATGPT).replace("About tides", "About winds").replace("17000000", "16000000"))
    assert shelf("conversations", "import", str(older)).code == 0
    assert [value["title"] for value in shelf("conversations", "list", "--json").values] == [
        "About tides",
        "About winds",
    ]
    wind = shelf("conversations", "list", "--json").values[1]["id"]
    assert shelf("conversations", "pin", wind).code == 0
    values = shelf("conversations", "list", "--json").values
    assert [(value["title"], value["is_pinned"]) for value in values] == [("About winds", True), ("About tides", False)]
    assert "pinned" in shelf("conversations", "list").out
    assert json.loads(shelf("conversations", "show", "last", "--json").out)["title"] == "About tides"
    assert shelf("conversations", "unpin", wind).code == 0
    assert shelf("conversations", "list", "--json").values[0]["title"] == "About tides"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "ZZZ"), "there is no conversation ZZZ"),
        (("show", "../../etc/passwd"), "there is no conversation"),
        (("export",), "no conversation was named"),
        (("import", "no-such-file.json"), "no-such-file.json"),
    ],
)
def test_what_cannot_be_done_is_said(shelf: Shell, words: tuple[str, ...], said: str) -> None:
    ran = shelf("conversations", *words)
    assert ran.code == (2 if words[0] == "export" else 1)
    assert said in ran.talk
    assert ran.out == ""


def test_a_beginning_that_two_ids_share_is_not_guessed(shelf: Shell, tmp_path: Path) -> None:
    (tmp_path / "more.json").write_text(json.dumps(CHATGPT))
    shelf("conversations", "import", str(tmp_path / "more.json"))
    ran = shelf("conversations", "show", "0")
    assert ran.code == 1
    assert "may be 2 conversations" in ran.talk


def test_a_damaged_document_is_named_and_the_rest_is_listed(shelf: Shell) -> None:
    folder = next(shelf.home.rglob("conversations"))
    (folder / f"{'0' * 26}.json").write_text("{")
    ran = shelf("conversations", "list")
    assert ran.code == 1
    assert "About tides" in ran.out
    assert "0" * 26 in ran.talk
