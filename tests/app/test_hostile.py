"""Foreign text on every screen: nothing that it says is done, and every letter of it is only text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.strip import Strip

from tests.app.running import Folders, Running
from tests.hostile import HOSTILE_STRINGS
from tui.app.screens.connect import ConnectScreen
from tui.app.screens.conversations import ConversationList
from tui.app.screens.models import ModelPicker
from tui.app.screens.question import Question
from tui.app.screens.themes import ThemePicker
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.rows import RowList
from tui.chat.connection import ConnectionState, Link
from tui.cleaning import clean
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import EngineError, ErrorKind, Host, ToolCall
from tui.failures import Failure
from tui.places import places_below
from tui.storage.shelf import Shelf

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VISIBLE = "[/x]"
"""One of the strings, which would vanish if anything read it as markup."""


def assert_harmless(chinwag: Running) -> None:
    """No control character in any cell, nothing to click, no link, no escape sequence of foreign origin."""
    for strip in chinwag.strips:
        _assert_harmless(strip)


def _assert_harmless(strip: Strip) -> None:
    for segment in strip:
        assert segment.text == clean(segment.text).replace("\n", "").replace("\t", ""), repr(segment.text)
        assert not segment.control
        if segment.style is not None:
            assert not segment.style.link
            assert "@click" not in segment.style.meta


class HostileServer:
    """Speaks Ollama's API with a hostile word in every place that takes one."""

    def __init__(self) -> None:
        self.answer: str = ""
        self.refusal: str = ""

    def reply(self, method: str, path: str, body: dict[str, Any]) -> Iterator[Any]:
        word = body.get("model", "")
        details = {"parameter_size": word, "quantization_level": word, "family": word, "families": [word]}
        if path == "/api/version":
            yield {"version": HOSTILE_STRINGS[0]}
        elif path in {"/api/tags", "/api/ps"}:
            yield {"models": [self._listed(word) for word in HOSTILE_STRINGS]}
        elif path == "/api/show":
            yield {
                "details": details,
                "capabilities": ["completion", word],
                "model_info": {"general.architecture": word},
            }
        elif path == "/api/chat":
            if self.refusal:
                yield {"error": self.refusal}
                return
            yield {
                "model": word,
                "message": {"role": "assistant", "content": "", "thinking": self.answer},
                "done": False,
            }
            yield {"model": word, "message": {"role": "assistant", "content": self.answer}, "done": False}
            yield {
                "model": word,
                "message": {"role": "assistant", "content": ""},
                "done": True,
                "done_reason": self.answer,
            }
        else:
            yield {"error": word}

    def _listed(self, word: str) -> dict[str, Any]:
        return {
            "name": word or "nothing",
            "model": word or "nothing",
            "modified_at": "2026-03-01T12:00:00Z",
            "expires_at": "2026-03-01T12:00:00Z",
            "size": 5_000_000_000,
            "digest": word,
            "context_length": 4096,
            "details": {"parameter_size": word, "quantization_level": word, "family": word},
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split("\r\n")[0].split(" ")
            lengths = [line.split(":")[1] for line in head.lower().split("\r\n") if line.startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0])) if lengths else b"{}"
            lines = [
                json.dumps(one).encode("ascii") + b"\n" for one in self.reply(method, path, json.loads(body or b"{}"))
            ]
            data = b"".join(lines)
            kind = b"application/x-ndjson" if path == "/api/chat" else b"application/json"
            status = b"400 Bad Request" if self.refusal and path == "/api/chat" else b"200 OK"
            writer.write(
                b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                % (status, kind, len(data), data)
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def hostile(tmp_path: Path) -> AsyncIterator[tuple[Folders, HostileServer]]:
    speaking = HostileServer()
    server = await asyncio.start_server(speaking.serve, "127.0.0.1", 0)
    async with server:
        yield Folders(tmp_path / "person", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), speaking


async def test_models_of_a_hostile_server(hostile: tuple[Folders, HostileServer]) -> None:
    folders, _ = hostile
    async with folders.start(size=(160, 80)) as chinwag:
        await chinwag.until(lambda: chinwag.workspace.catalog.models is not None, told="the models")
        assert_harmless(chinwag)
        await chinwag.press("ctrl+t")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ModelPicker), told="the picker")
        await chinwag.shows("40 models")
        rows = chinwag.app.screen.query_one(RowList)
        seen = ""
        for _ in HOSTILE_STRINGS:
            assert_harmless(chinwag)
            seen += chinwag.text
            rows.move(1)
            await chinwag.pilot.pause()
        for words in (VISIBLE, "[@click=app.quit]press", "} Screen { display"):
            assert words in seen
        for word in HOSTILE_STRINGS:
            await chinwag.press("escape")
            await chinwag.chat.use_model(word)
            await chinwag.pilot.pause()
            assert_harmless(chinwag)


async def test_answers_and_refusals_of_a_hostile_server(hostile: tuple[Folders, HostileServer]) -> None:
    folders, server = hostile
    async with folders.start(size=(100, 30), model="m") as chinwag:
        session = chinwag.chat.session
        for word in HOSTILE_STRINGS:
            for server.answer, server.refusal in ((word, ""), ("", word or "no")):
                await session.ask(word or "x")
                await chinwag.until(lambda: not session.is_answering, told=f"an answer to {word!r}")
                assert_harmless(chinwag)
        chinwag.chat.action_toggle_thinking()
        await chinwag.press("ctrl+home")
        await chinwag.pilot.pause()
        assert_harmless(chinwag)


async def on_the_shelf(folders: Folders, *, together: bool) -> None:
    numbers = iter(range(1, 10_000))
    shelf = Shelf(
        places_below(folders.root), now=lambda: NOW, random_bytes=lambda count: next(numbers).to_bytes(count, "big")
    )
    messages = tuple(_messages(HOSTILE_STRINGS))
    for word in HOSTILE_STRINGS:
        new = shelf.new()
        own = messages if together else tuple(_messages((word,)))
        await shelf.save(Conversation(id=new.id, created_at=NOW, updated_at=NOW, title=word, model=word, messages=own))
        if together:
            break
    await shelf.aclose()


def _messages(words: tuple[str, ...]) -> Iterator[Message]:
    for number, word in enumerate(words):
        yield Message(id=f"u{number}", role=Role.user, text=word, at=NOW)
        yield Message(
            id=f"a{number}",
            role=Role.assistant,
            text=word,
            thinking=word,
            model=word,
            at=NOW,
            state=MessageState.broken_off,
            failure=word,
            tool_calls=(ToolCall(name=word, arguments={word or "x": word}),),
        )
        yield Message(id=f"t{number}", role=Role.tool, text=word, at=NOW)
        yield Message(id=f"s{number}", role=Role.system, text=word, at=NOW)


async def test_titles_of_hostile_conversations(hostile: tuple[Folders, HostileServer]) -> None:
    folders, _ = hostile
    await on_the_shelf(folders, together=False)
    folders.write("data/conversations/0000000000000000000000000Z.json", json.dumps({"version": HOSTILE_STRINGS[0]}))
    async with folders.start(size=(140, 60), now=lambda: NOW) as chinwag:
        await chinwag.press("ctrl+o")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConversationList), told="the list")
        await chinwag.shows(VISIBLE, "40 conversations", "left alone")
        rows = chinwag.app.screen.query_one(RowList)
        for _ in HOSTILE_STRINGS:
            assert_harmless(chinwag)
            rows.move(1)
            await chinwag.pilot.pause()
        await chinwag.press("alt+d")
        await chinwag.shows("deleted ")
        assert_harmless(chinwag)


async def test_a_hostile_conversation_from_end_to_beginning(hostile: tuple[Folders, HostileServer]) -> None:
    folders, _ = hostile
    await on_the_shelf(folders, together=True)
    async with folders.start(size=(100, 60), now=lambda: NOW) as chinwag:
        await chinwag.press("ctrl+o")
        await chinwag.shows("1 conversation")
        await chinwag.press("enter")
        transcript = chinwag.chat.transcript
        await chinwag.until(lambda: transcript.max_scroll_y > 0, told="the conversation")
        for _ in range(400):
            assert_harmless(chinwag)
            if not transcript.scroll_y:
                break
            await chinwag.press("pageup")
            await chinwag.pilot.pause()
        assert not transcript.scroll_y
        assert_harmless(chinwag)


async def test_words_about_the_server(folders: Folders) -> None:
    async with folders.start(size=(110, 30)) as chinwag:
        word = ""
        screen = ConnectScreen(
            theme=chinwag.chat._theme,
            glyphs=chinwag.chat._glyphs,
            server=lambda: Host(url=word, name=word, source=word),
            state=lambda: ConnectionState(
                link=Link.down, failure=EngineError(word, word, word, kind=ErrorKind.unreachable), version=word
            ),
            was_ever_connected=False,
            connect=lambda _: _refuse(word),
            try_now=lambda: None,
            clock=chinwag.clock,
            opened_by_itself=False,
        )
        await chinwag.app.push_screen(screen)
        await chinwag.press("a", "x")
        for word in HOSTILE_STRINGS:
            screen.tell()
            await chinwag.pilot.pause()
            assert_harmless(chinwag)
            await screen._go_to("x")
            await chinwag.pilot.pause()
            assert_harmless(chinwag)
            if word == VISIBLE:
                await chinwag.until(lambda: chinwag.text.count(VISIBLE) == 4)


async def _refuse(word: str) -> None:
    raise Failure(word, word, word)


async def test_words_above_the_prompt_and_in_the_header(folders: Folders) -> None:
    async with folders.start(size=(110, 30)) as chinwag:
        chat = chinwag.chat
        for word in HOSTILE_STRINGS:
            chat.say(word, more=word, at_once=True)
            chat.session.rename(word)
            await chinwag.pilot.pause()
            assert_harmless(chinwag)
            if word == VISIBLE:
                await chinwag.until(lambda: chinwag.text.count(VISIBLE) == 3)
            chat.say_failure(Failure(word, word, word))
            await chinwag.pilot.pause()
            assert_harmless(chinwag)


async def test_words_in_frames_and_questions(folders: Folders) -> None:
    async with folders.start(size=(110, 60)) as chinwag:
        theme, glyphs = chinwag.chat._theme, chinwag.chat._glyphs
        themes = dict.fromkeys(HOSTILE_STRINGS, theme)
        screens = (
            Question(
                title=VISIBLE,
                lines=(VISIBLE,),
                answers=(("a", VISIBLE),),
                theme=theme,
                glyphs=glyphs,
                clock=chinwag.clock,
            ),
            ThemePicker(
                theme=theme,
                glyphs=glyphs,
                themes=themes,
                faults=HOSTILE_STRINGS,
                current=VISIBLE,
                preview=lambda _: None,
            ),
        )
        for screen in screens:
            await chinwag.app.push_screen(screen)
            await chinwag.pilot.pause()
            assert_harmless(chinwag)
            assert chinwag.text.count(VISIBLE) == (3 if isinstance(screen, Question) else 1)
            chinwag.app.pop_screen()


async def test_what_is_pasted_anywhere_is_only_text(folders: Folders) -> None:
    async with folders.start(size=(110, 30)) as chinwag:
        for word in HOSTILE_STRINGS:
            chinwag.chat.prompt.load(word)
            await chinwag.pilot.pause()
            assert_harmless(chinwag)
        chinwag.chat.prompt.load("")
        await chinwag.press("ctrl+p")
        await chinwag.shows("type to filter")
        entry = chinwag.app.screen.query_one(FilterInput)
        for word in HOSTILE_STRINGS:
            entry.value = ""
            entry.post_message(events.Paste(word))
            await chinwag.pilot.pause()
            assert_harmless(chinwag)
