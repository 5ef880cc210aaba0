"""``--file`` and ``--image`` in a conversation, and what becomes of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tests.cli.commanding import Shell
from tests.end_to_end.served import Served
from tests.pictures import png

SEES = ("--model", "seer:8b")


def last_chat(demo: Served) -> list[dict[str, Any]]:
    messages: Any = demo.chats()[-1]["messages"]
    return [*messages]


def test_conversation_keeps_files_and_pictures_and_sends_them_again(shell: Shell, demo: Served, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("a = 1\n")
    (tmp_path / "src" / "b.py").write_text("b = 2\n")
    (tmp_path / "cat.png").write_bytes(png(4, 3))
    flags = ["--file", str(tmp_path / "src"), "--image", str(tmp_path / "cat.png"), "--conversation", "new"]
    ran = shell("chat", *SEES, "what is it?", *flags)
    assert ran.code == 0, ran.talk
    assert "PNG, 4×3" in ran.out
    [asked] = last_chat(demo)
    assert asked["content"] == "a.py:\n```\na = 1\n```\n\nb.py:\n```\nb = 2\n```\n\nwhat is it?"
    (tmp_path / "src" / "a.py").unlink()
    assert shell("chat", "and now?", "--conversation", "last").code == 0
    first, *_ = last_chat(demo)
    assert first["content"] == asked["content"]
    assert first["images"] == [base64.b64encode(png(4, 3)).decode()]
    exported = shell("conversations", "export", "last").out
    assert "- attached: `cat.png`" in exported
    assert "- attached: `a.py`, 6 bytes" in exported
    document = shell("conversations", "export", "last", "--format", "json").out
    assert [one["name"] for one in json.loads(document)["messages"][0]["attachments"]] == ["a.py", "b.py", "cat.png"]
    assert "3 attachments" in shell("doctor").out


def test_pattern_goes_along_without_a_conversation(shell: Shell, demo: Served, tmp_path: Path) -> None:
    for name in ("a.md", "b.md", "c.txt"):
        (tmp_path / name).write_text(name)
    assert shell("chat", "--model", "fast:1b", "x", "--file", str(tmp_path / "*.md")).code == 0
    [asked] = last_chat(demo)
    assert asked["content"] == "a.md:\n```\na.md\n```\n\nb.md:\n```\nb.md\n```\n\nx"


def test_text_is_no_image(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("text")
    ran = shell("chat", *SEES, "x", "--image", str(tmp_path / "a.md"))
    assert ran.code == 1
    assert "a.md is no picture" in ran.talk
