"""What goes along with a request, and what is refused before it leaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Folders
from tests.chat.rig import Rig
from tests.test_workspace import connected, opened
from tui.chat.kept_requests import KeptRequests
from tui.conversations.values import MessageState
from tui.demo import DemoServer
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure
from tui.settings.values import settings_of
from tui.workspace import Workspace

MODEL = "tour:8b"
SECRET = "nobody else reads this"


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer(speed=0, accept_scripts=True) as demo:
        yield demo


@pytest.fixture
def folders(tmp_path: Path, server: DemoServer) -> Folders:
    return Folders(tmp_path / "person", server.url)


def lines(workspace: Workspace) -> list[Mapping[str, Any]]:
    file = workspace.places.log / "requests.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


async def ask(workspace: Workspace, model: str = MODEL, text: str = "hello", *, is_private: bool = False) -> str:
    session = workspace.new_session(model=model, is_private=is_private)
    await session.ask(text)
    await session.settled()
    await workspace.request_log.flush()
    return session.id


async def test_a_request_says_whose_it_is() -> None:
    rig = Rig()
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    answer = rig.session.conversation.messages[-1]
    assert call.request.metadata == {"conversation": rig.session.id, "message": answer.id}
    call.finish()
    await rig.session.settled()


async def test_nothing_is_written_down_unless_it_is_wanted(folders: Folders) -> None:
    async with opened(folders) as workspace:
        await ask(workspace)
        assert not workspace.places.log.exists()


async def test_a_request_can_be_found_by_its_conversation(folders: Folders) -> None:
    folders.write("config/settings.toml", "[log]\nrequests = true\n")
    async with opened(folders) as workspace:
        conversation_id = await ask(workspace, text=SECRET)
        (line,) = [one for one in lines(workspace) if one["endpoint"] == "/api/chat"]
        assert line["metadata"]["conversation"] == conversation_id
        assert (line["model"], line["outcome"]) == (MODEL, "answered")
        assert SECRET not in json.dumps(line)


async def test_the_log_is_turned_on_with_its_text_and_off_again_at_once(folders: Folders) -> None:
    async with opened(folders) as workspace:
        await workspace.change_setting("log.requests", value=True)
        await workspace.change_setting("log.text", value=True)
        await ask(workspace, text=SECRET)
        assert any(SECRET in one.get("request", "") for one in lines(workspace))
        count = len(lines(workspace))
        await workspace.change_setting("log.requests", value=False)
        await ask(workspace)
        assert len(lines(workspace)) == count


async def test_a_private_conversation_is_never_in_the_log(folders: Folders) -> None:
    folders.write("config/settings.toml", "[log]\nrequests = true\ntext = true\n")
    async with opened(folders) as workspace:
        await ask(workspace, text=SECRET, is_private=True)
        session = workspace.new_session(model="script-prose-4000-60", is_private=True)
        await session.ask(SECRET)
        await workspace.forget_session(session.id)
        await workspace.request_log.flush()
        assert not [one for one in lines(workspace) if one["endpoint"] == "/api/chat"]
    assert SECRET not in json.dumps(lines(workspace))


async def test_what_was_asked_last_is_written_before_chinwag_ends(folders: Folders) -> None:
    folders.write("config/settings.toml", "[log]\nrequests = true\n")
    async with opened(folders) as workspace:
        session = workspace.new_session(model="script-prose-4000-60")
        await session.ask("hello")
    assert "left" in [one["outcome"] for one in lines(workspace) if one["endpoint"] == "/api/chat"]


async def test_a_folder_that_takes_no_log_is_told_and_costs_no_answer(folders: Folders) -> None:
    folders.write("config/settings.toml", "[log]\nrequests = true\n")
    folders.write("state/log", "a file stands where the folder would be")
    async with opened(folders) as workspace:
        failures: list[Failure] = []
        workspace.on_failure = failures.append
        session_id = await ask(workspace)
        assert workspace.sessions[session_id].conversation.messages[-1].state is MessageState.complete
        assert [one.title for one in failures] == ["the log of requests cannot be written"]


async def test_a_model_that_cannot_chat_is_refused_before_anything_is_sent(
    folders: Folders, server: DemoServer
) -> None:
    async with opened(folders) as workspace:
        await connected(workspace)
        await workspace.catalog.refresh()
        session = workspace.sessions[await ask(workspace, model="embed:small")]
        failure = session.last_failure
        assert isinstance(failure, EngineError)
        assert failure.kind is ErrorKind.lacks_capability
        assert failure.message == "it has embedding, and not completion"
        assert not [one for one in server.received if one.path == "/api/chat"]


def test_text_alone_is_not_kept(tmp_path: Path) -> None:
    log = KeptRequests(tmp_path, settings_of({"log.text": True}).log, on_failure=lambda _failure: None)
    assert not log.with_text
