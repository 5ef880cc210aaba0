"""A private conversation leaves nothing behind, and is not lost by accident."""

from __future__ import annotations

from pathlib import Path

from tests.app.running import SLOW, UNHURRIED, Folders
from tui.metrics.usage import decode_usage

SECRET = "xyzzy-plugh"


def kept(folders: Folders) -> str:
    """Everything that is in the person's folders."""
    files = [path for path in Path(folders.root).rglob("*") if path.is_file()]
    return "\n".join(f"{path} {path.read_text('utf-8', 'replace')}" for path in files)


async def test_private_leaves_nothing_behind(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/private")
        await chinwag.shows("private, nothing is kept")
        private = chinwag.chat.session.id
        await chinwag.send(f"{SECRET} one")
        await chinwag.answered()
        await chinwag.chat.use_model("fast:1b")
        await chinwag.type(f"{SECRET} two")
        await chinwag.press("ctrl+n")
        await chinwag.shows("gone for good", "› stay")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("down", "enter")
        await chinwag.hides("private, nothing is kept")
        await chinwag.until(lambda: private not in chinwag.workspace.sessions, told="the session gone")
        assert chinwag.chat.prompt.is_empty
        assert chinwag.chat.session.is_empty
        await chinwag.press("ctrl+o")
        await chinwag.shows("Conversations")
        await chinwag.until(lambda: SECRET not in chinwag.text)
    everything = kept(folders)
    assert SECRET not in everything
    assert private not in everything
    settings = folders.root / "config" / "settings.toml"
    assert not settings.exists() or "fast:1b" not in settings.read_text("utf-8")
    usage = decode_usage((folders.root / "state" / "usage.jsonl").read_bytes())
    assert not any(one.has_answer for one in usage)


async def test_what_would_be_lost_is_asked_about_and_stays(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.send("/private")
        await chinwag.shows("private, nothing is kept")
        await chinwag.send("keep me here")
        await chinwag.answered()
        await chinwag.press("ctrl+q")
        await chinwag.shows("gone for good")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("enter")
        await chinwag.hides("gone for good")
        await chinwag.shows("▌ keep me here", "private, nothing is kept")
        assert chinwag.app.is_running


async def test_an_empty_private_conversation_is_left_without_a_question(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/private")
        await chinwag.shows("private, nothing is kept")
        await chinwag.press("ctrl+n")
        await chinwag.hides("private, nothing is kept")
        await chinwag.send("hello")
        await chinwag.answered()
    assert "hello" in kept(folders)


@UNHURRIED
async def test_leaving_chinwag_from_a_private_one_asks_about_an_answer_under_way_elsewhere(folders: Folders) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.shows(f"Ask {SLOW}")
        await chinwag.send("take your time")
        await chinwag.shows("● answering")
        answering = chinwag.chat.session
        await chinwag.send("/private")
        await chinwag.shows("private, nothing is kept")
        await chinwag.press("ctrl+q")
        await chinwag.shows("an answer is under way")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("enter")
        await chinwag.hides("an answer is under way")
        assert chinwag.app.is_running
        assert answering.is_answering
