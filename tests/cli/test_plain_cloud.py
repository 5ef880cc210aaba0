"""Plain mode asks before anything goes to the cloud, also when it is tried again with another model."""

from __future__ import annotations

import os
from pathlib import Path

from tests.app.running import Folders
from tui.cli.outlet import Outlet
from tui.cli.plain_turns import PlainTurns
from tui.cli.plain_voice import PlainVoice
from tui.demo import DemoServer
from tui.storage.cloud_leave import read_leave
from tui.workspace import StartOptions, Workspace

CLOUD = "cloudy:120b-cloud"


async def test_trying_again_with_a_cloud_model_asks_first_and_a_yes_is_kept(tmp_path: Path) -> None:
    questions: list[str] = []
    answers = ["no", "yes"]

    async def ask_line(question: str) -> str:
        questions.append(question)
        return answers[len(questions) - 1]

    async with DemoServer(speed=0, accept_scripts=True) as server:
        folders = Folders(tmp_path / "person", server.url)
        workspace = Workspace.prepare(
            StartOptions(host=server.url, model="breaks:3b"), environ=folders.environ(), random_bytes=os.urandom
        )
        reader, writer = os.pipe()
        outlet = Outlet(encoding="utf-8", on_broken=lambda _descriptor, _error: None)
        voice = PlainVoice(outlet, stdout=writer, stderr=writer, stdout_is_terminal=False)
        turns = PlainTurns(workspace, voice, ask_line=ask_line, shows_thinking=False)
        await workspace.start()
        try:
            await turns.begin(tells=False)
            assert not await turns.understand("a secret")
            asked = sum(one.path == "/api/chat" for one in server.received)
            await turns.understand(f"/model {CLOUD}")
            assert not await turns.understand("/again")
            assert sum(one.path == "/api/chat" for one in server.received) == asked
            assert len(questions) == 1
            await turns.understand("/again")
            assert sum(one.path == "/api/chat" for one in server.received) == asked + 1
            assert read_leave(workspace.places) == {workspace.host.url}
        finally:
            turns.close()
            await workspace.close()
            await outlet.drained(5)
            outlet.close()
            os.close(writer)
            os.close(reader)
