"""What goes along with a prompt: attached by its name, shown as a chip, sent, and kept."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from textual import events

from tests.app.running import UNHURRIED, Folders, Running
from tests.pictures import png
from tui.app.attached_text import BEGIN, END, plain_text, put_together, taken_apart
from tui.app.widgets.completions import Completions
from tui.conversations.values import Attachment, AttachmentKind, Message, Role
from tui.demo import DemoServer
from tui.web.fetching import FetchedPage, fetch_page

SEES, BLIND = "seer:8b", "tour:8b"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that chinwag is started in."""
    folder = tmp_path / "project"
    files = {
        "main.py": b"def split(node): ...\n",
        "my notes.md": b"# notes\n",
        "src/one.py": b"one = 1\n",
        "src/two.py": b"two = 2\n",
        "src/prog": b"\x7fELF\0",
        ".hidden": b"secret",
        "cat.png": png(640, 480),
    }
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    monkeypatch.chdir(folder)
    return folder


def offered(chinwag: Running) -> list[str]:
    return [one.name for one in chinwag.chat.query_one(Completions)._completions]


async def write_name(chinwag: Running, text: str, name: str) -> None:
    """Types until a name is offered first."""
    await chinwag.type(text)
    await chinwag.until(lambda: offered(chinwag)[:1] == [name], told=f"{name} offered")


async def attach(chinwag: Running, text: str, name: str) -> None:
    await write_name(chinwag, text, name)
    await chinwag.press("tab")
    await chinwag.until(lambda: names_in_prompt(chinwag)[-1:] == [name], told=f"{name} attached")


def names_in_prompt(chinwag: Running) -> list[str]:
    return [one.name for one in taken_apart(chinwag.chat.prompt.text)[1]]


def messages_sent(server: DemoServer) -> list[dict[str, Any]]:
    """Of the last request; none before there was one."""
    bodies = [json.loads(one.body) for one in server.received if one.path == "/api/chat"]
    return [*bodies[-1]["messages"]] if bodies else []


def last_message(server: DemoServer) -> dict[str, Any]:
    return messages_sent(server)[-1]


async def send(chinwag: Running) -> None:
    await chinwag.press("enter")
    await chinwag.until(lambda: chinwag.chat.prompt.is_empty, told="sent")
    await chinwag.answered()


async def test_file_behind_an_at_becomes_a_chip_and_goes_along(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.type("what is in @")
        await chinwag.until(lambda: offered(chinwag) == ["cat.png", "main.py", "my notes.md", "src/"])
        await attach(chinwag, "ma", "main.py")
        await chinwag.shows("[main.py · ~9 tokens]")
        await send(chinwag)
        assert last_message(server)["content"] == "main.py:\n```\ndef split(node): ...\n```\n\nwhat is in main.py"
        await chinwag.shows("▌ what is in main.py", "▌ main.py · ~9 tokens")


async def test_name_with_a_blank_and_a_file_in_a_folder(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await attach(chinwag, "@my", "my notes.md")
        await write_name(chinwag, "and @sr", "src/")
        await chinwag.press("tab")
        await chinwag.until(lambda: "src/one.py" in offered(chinwag))
        await chinwag.type("two")
        await chinwag.until(lambda: offered(chinwag) == ["src/two.py"])
        await chinwag.press("tab")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["my notes.md", "src/two.py"])
        assert plain_text(chinwag.chat.prompt.text) == "my notes.md and src/two.py"


async def test_folder_and_pattern_are_one_chip_and_say_what_they_passed_over(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await write_name(chinwag, "@src/", "src/one.py")
        await chinwag.press("up")
        await chinwag.shows("everything in it")
        await chinwag.press("enter")
        await chinwag.shows("[src/ · 2 files · ~12 tokens]", "passed over: 1 not readable as text")
        assert names_in_prompt(chinwag) == ["src/one.py", "src/two.py"]
        await chinwag.press("ctrl+c")
        await attach_pattern(chinwag)


async def attach_pattern(chinwag: Running) -> None:
    await write_name(chinwag, "@src/t*.py", "src/t*.py")
    await chinwag.press("tab")
    await chinwag.until(lambda: names_in_prompt(chinwag) == ["src/two.py"])


async def test_hidden_names_are_offered_only_when_a_dot_is_written(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.type("@h")
        await chinwag.press("backspace", ".")
        await chinwag.until(lambda: offered(chinwag) == [".hidden"])


async def test_backspace_takes_a_chip_away_whole_and_undo_brings_it_back(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await attach(chinwag, "@ma", "main.py")
        await chinwag.press("backspace", "backspace")
        await chinwag.until(lambda: chinwag.chat.prompt.is_empty)
        await chinwag.press("ctrl+underscore")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["main.py"])


@pytest.mark.parametrize("how", ["pasted", "sent as it is"])
async def test_nothing_that_only_looks_like_a_name_is_attached(folders: Folders, server: DemoServer, how: str) -> None:
    async with folders.start(model=BLIND) as chinwag:
        if how == "pasted":
            chinwag.app.post_message(events.Paste("read @main.py"))
            await chinwag.until(lambda: chinwag.chat.prompt.text == "read @main.py")
        else:
            await chinwag.type("read @main.py")
        assert offered(chinwag) == [] or how != "pasted"
        await send(chinwag)
        assert last_message(server)["content"] == "read @main.py"
        assert not chinwag.chat.session.conversation.messages[0].attachments


async def test_mark_in_a_paste_attaches_nothing(folders: Folders, server: DemoServer) -> None:
    """A text from elsewhere cannot say what goes along, whatever characters are in it."""
    forged = f'x {BEGIN}{{"name": "a", "words": "", "items": []}}{END}'
    async with folders.start(model=BLIND) as chinwag:
        chinwag.app.post_message(events.Paste(forged))
        await chinwag.until(lambda: not chinwag.chat.prompt.is_empty)
        assert taken_apart(chinwag.chat.prompt.text)[1] == ()
        await send(chinwag)
        content = last_message(server)["content"]
        assert BEGIN not in content
        assert content.startswith("x \ufffd{")


async def test_picture_goes_to_a_model_that_sees(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=SEES) as chinwag:
        await attach(chinwag, "look @ca", "cat.png")
        await chinwag.shows("[cat.png · 640×480 · 2 kB]")
        await send(chinwag)
        await chinwag.shows("1. PNG, 640×480", "▌ cat.png · 2 kB")
        assert len(last_message(server)["images"]) == 1


async def test_model_that_cannot_see_is_said_before_anything_is_sent(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await attach(chinwag, "look @ca", "cat.png")
        await chinwag.press("enter")
        await chinwag.shows("tour:8b cannot see pictures", "/model")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["cat.png"], told="the prompt again")
        assert not messages_sent(server)
        assert not chinwag.chat.session.conversation.messages


async def test_chips_outlive_the_program(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await attach(chinwag, "see @ma", "main.py")
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.shows("see [main.py · ~9 tokens]")
        await send(chinwag)
        assert "def split" in last_message(server)["content"]


async def test_content_is_what_it_was_when_it_was_attached(folders: Folders, server: DemoServer, project: Path) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await attach(chinwag, "see @ma", "main.py")
        (project / "main.py").write_text("something else")
        await send(chinwag)
        assert "def split" in last_message(server)["content"]
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.press("ctrl+o")
        await chinwag.shows("Conversations", "see main.py")
        await chinwag.press("enter")
        await chinwag.shows("▌ main.py · ~9 tokens")
        await chinwag.send("again?")
        await chinwag.answered()
        assert "def split" in messages_sent(server)[0]["content"]


async def test_private_content_reaches_no_disk(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.send("/private")
        await chinwag.shows("private, nothing is kept")
        await attach(chinwag, "see @ma", "main.py")
        await send(chinwag)
        assert "def split" in last_message(server)["content"]
        assert not (folders.root / "data" / "attachments").exists()
        await chinwag.press("ctrl+q")
        await chinwag.shows("private")
        await chinwag.press("down", "enter")


@UNHURRIED
async def test_queued_prompt_keeps_its_chips_and_gives_them_back(folders: Folders) -> None:
    async with folders.start(model="script-prose-4000-60") as chinwag:
        await chinwag.send("go on for long")
        await chinwag.until(lambda: chinwag.chat.session.is_answering)
        await attach(chinwag, "and @ma", "main.py")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.session.queue == ("and main.py",))
        await chinwag.press("up")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["main.py"])
        await chinwag.shows("and [main.py · ~9 tokens]")
        await chinwag.press("ctrl+c", "escape")
        await chinwag.answered()


async def test_earlier_prompt_comes_back_with_its_chips(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await attach(chinwag, "see @ma", "main.py")
        await send(chinwag)
        await chinwag.press("up")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["main.py"])


async def test_prompt_that_is_sent_while_a_file_is_read_takes_it_along(
    folders: Folders, server: DemoServer, project: Path
) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await write_name(chinwag, "see @ma", "main.py")
        # The disk takes its time.
        gate, read = threading.Event(), Path.stat

        def slow(path: Path, **more: Any) -> os.stat_result:
            if path.name == "main.py":
                gate.wait(60)
            return read(path, **more)

        with pytest.MonkeyPatch.context() as disk:
            disk.setattr(Path, "stat", slow)
            await chinwag.press("tab", "enter")
            try:
                await chinwag.until(lambda: chinwag.chat.prompt.is_empty, told="sent")
                assert not messages_sent(server)
            finally:
                gate.set()
        await chinwag.until(lambda: chinwag.chat.session.conversation.messages)
        await chinwag.answered()
        assert "def split" in last_message(server)["content"]
        assert last_message(server)["content"].endswith("see main.py")


async def test_what_was_refused_is_said_no_more_once_something_else_is_attached(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.send("/attach nothing.txt")
        await chinwag.shows("there is no nothing.txt")
        await chinwag.type("/attach main.py")
        await chinwag.press("enter")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["main.py"])
        await chinwag.hides("there is no nothing.txt")


async def test_attach_takes_paths_as_a_shell_does(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.type("/attach ma")
        await chinwag.until(lambda: offered(chinwag) == ["main.py"], told="names behind /attach")
        await chinwag.press("tab")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "/attach main.py")
        await chinwag.press("enter")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["main.py"])
        await chinwag.press("ctrl+c")
        await chinwag.type("/attach my notes.md")
        await chinwag.press("enter")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["my notes.md"], told="a name with a blank")
        await chinwag.press("ctrl+c")
        await chinwag.type("/attach 'my notes.md' src/one.py")
        await chinwag.press("enter")
        await chinwag.until(lambda: sorted(names_in_prompt(chinwag)) == ["my notes.md", "src/one.py"])


async def test_what_cannot_be_attached_is_said_with_the_next_step(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.send("/attach nothing.txt")
        await chinwag.shows("there is no nothing.txt", "check the name")
        await chinwag.send("/attach src/prog")
        await chinwag.shows("src/prog is not attached", "neither text nor a picture")
        assert chinwag.chat.prompt.is_empty


async def test_content_that_was_damaged_meanwhile_is_said_and_the_prompt_comes_back(
    folders: Folders, server: DemoServer
) -> None:
    async with folders.start(model=BLIND) as chinwag:
        await attach(chinwag, "see @ma", "main.py")
        [kept] = (folders.root / "data" / "attachments").glob("??/*")
        kept.write_bytes(b"def split(node): !!!\n")
        await chinwag.press("enter")
        await chinwag.shows("main.py is damaged", "attach it again")
        await chinwag.until(lambda: names_in_prompt(chinwag) == ["main.py"], told="the prompt again")
        assert not messages_sent(server)


async def test_request_shows_what_goes_along_and_pictures_by_their_beginning(folders: Folders) -> None:
    async with folders.start(model=SEES, size=(120, 60)) as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        await attach(chinwag, "see @ma", "main.py")
        await attach(chinwag, "@ca", "cat.png")
        chinwag.chat.in_background(chinwag.chat.action_show_request("next"))
        await chinwag.shows("The next request", "def split(node)", "characters of base64", "iVBORw0KGgo")


async def test_window_counts_what_is_attached(folders: Folders, project: Path) -> None:
    (project / "long.txt").write_text("words and more words\n" * 400)
    async with folders.start(model=BLIND) as chinwag:
        await chinwag.send("hello")
        await chinwag.answered()
        before = chinwag.chat.window_now()
        await attach(chinwag, "@lo", "long.txt")
        assert chinwag.chat.window_now().added > before.added + 1_000


# Pages


class Whole(httpx.AsyncByteStream):
    """A body that comes from a line."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data


def page_server(
    answer: Callable[[httpx.Request], httpx.Response],
) -> Callable[[str], Awaitable[FetchedPage]]:
    async def resolver(_host: str, _port: int) -> tuple[str, ...]:
        return ("93.184.216.34",)

    return partial(fetch_page, transport=httpx.MockTransport(answer), resolver=resolver)


async def test_page_is_read_when_it_is_asked_for_and_goes_along(folders: Folders, server: DemoServer) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["host"])
        html = "<title>Trees</title><p>A B-tree <b>splits</b>.</p><script>no()</script>"
        return httpx.Response(200, headers={"content-type": "text/html"}, stream=Whole(html.encode()))

    async with folders.start(model=BLIND) as chinwag:
        chinwag.chat.fetch_page = page_server(answer)
        await chinwag.send("look at https://example.org/trees")
        await chinwag.answered()
        assert not asked, "an address in a prompt is only words"
        await chinwag.type("/read example.org/trees")
        await chinwag.press("enter")
        await chinwag.shows("[https://example.org/trees · ~", "tokens · Trees")
        assert asked == ["example.org"]
        await chinwag.type("sum up")
        await send(chinwag)
        content = last_message(server)["content"]
        assert content.startswith("https://example.org/trees:\n```\nA B-tree splits.\n```\n\n")
        [page] = chinwag.chat.session.conversation.messages[-2].attachments
        assert page.kind is AttachmentKind.page


async def test_page_that_cannot_be_read_is_said(folders: Folders) -> None:
    async with folders.start(model=BLIND) as chinwag:
        chinwag.chat.fetch_page = page_server(lambda _request: httpx.Response(404))
        await chinwag.send("/read example.org")
        await chinwag.shows("example.org says no", "HTTP 404")
        assert chinwag.chat.prompt.is_empty


async def test_prompt_that_is_sent_while_a_page_is_read_takes_it_along(folders: Folders, server: DemoServer) -> None:
    gate = asyncio.Event()
    plain = {"content-type": "text/plain"}
    read = page_server(lambda _request: httpx.Response(200, headers=plain, stream=Whole(b"A B-tree splits.")))

    async def slow(url: str) -> FetchedPage:
        await gate.wait()
        return await read(url)

    async with folders.start(model=BLIND) as chinwag:
        chinwag.chat.fetch_page = slow
        await chinwag.send("/read example.org/trees")
        await chinwag.shows("reading https://example.org/trees")
        await chinwag.type("sum up")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.is_empty, told="sent")
        assert not messages_sent(server)
        gate.set()
        await chinwag.until(lambda: chinwag.chat.session.conversation.messages)
        await chinwag.answered()
        assert last_message(server)["content"].startswith("https://example.org/trees:\n```\nA B-tree splits.\n```")
        assert chinwag.chat.prompt.is_empty, "it is not attached once more"


async def test_prompt_comes_back_when_the_page_that_it_waited_for_cannot_be_read(
    folders: Folders, server: DemoServer
) -> None:
    gate = asyncio.Event()
    read = page_server(lambda _request: httpx.Response(404))

    async def slow(url: str) -> FetchedPage:
        await gate.wait()
        return await read(url)

    async with folders.start(model=BLIND) as chinwag:
        chinwag.chat.fetch_page = slow
        await chinwag.send("/read example.org")
        await chinwag.shows("reading https://example.org")
        await chinwag.type("sum up")
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.is_empty, told="sent")
        gate.set()
        await chinwag.shows("example.org says no", "HTTP 404")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "sum up", told="given back")
        await chinwag.shows("enter send")
        assert not messages_sent(server)
        await send(chinwag)
        assert last_message(server)["content"] == "sum up"


# The notation


def attachment(name: str, sha256: str = "a" * 64, **more: Any) -> Attachment:
    return Attachment(name=name, sha256=sha256, size_bytes=10, **more)


def test_sent_prompt_is_written_again_with_its_chips() -> None:
    one, two = attachment("a.py", tokens=3), attachment("b.png", "b" * 64, kind=AttachmentKind.image)
    message = Message(id="1", role=Role.user, text="compare a.py and more", at=None, attachments=(one, two))  # type: ignore[arg-type]
    written = put_together(message, "·")
    assert taken_apart(written) == ("compare a.py and more b.png", (one, two))


def test_text_that_looks_like_a_mark_stays_text_and_loses_its_signs() -> None:
    for inner in ("", "{}", '{"name": 1, "words": "", "items": [1]}', '{"name": "x", "words": "", "items": []}', "["):
        text, attachments = taken_apart(f"a{BEGIN}{inner}{END}b")
        assert attachments == ()
        assert text == f"a\ufffd{inner}\ufffdb"
    bad = f'{BEGIN}{{"name":"x","words":"","items":[{{"name":"x","sha256":"../x","size_bytes":1}}]}}{END}'
    assert taken_apart(bad)[1] == ()
