"""Tools in a conversation that two chinwags have open: one runs them, the other only sees what came of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chat.test_following import Chinwag, following
from tui.chat.events import ToolEnded, ToolsEnded
from tui.chat.session import SessionTools
from tui.chat.tool_turns import Toolbox
from tui.conversations.values import Conversation
from tui.places import places_below
from tui.tools.declared import tool
from tui.tools.permissions import Permissions


class WithTools(Chinwag):
    ran = 0

    def _tools(self) -> SessionTools:
        self.gate = asyncio.Event()

        @tool(harmless=True)
        async def note(text: str) -> str:
            """Write a text down."""
            self.ran += 1
            if text == "slow":
                await self.gate.wait()
            return f"noted {text}"

        async def toolbox(_conversation: Conversation) -> Toolbox:
            return Toolbox(tools=(note,))

        return replace(
            super()._tools(),
            toolbox=toolbox,
            permissions=lambda _conversation: Permissions(allowed=frozenset({"note"})),
        )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


async def test_follower_sees_calls_and_results_and_runs_none(root: Path) -> None:
    writer, reader = WithTools(places_below(root)), WithTools(places_below(root))
    try:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        first = await writer.engine.next_call()
        first.say("a moment")
        await first.all_read()
        followed = await following(reader, session)
        first.call_tool("note", text="milk")
        first.finish()
        second = await writer.engine.next_call()
        await reader.hears(lambda: len(reader.heard(ToolEnded)) == 1)
        second.say("done")
        second.finish()
        await session.settled()
        await reader.hears(lambda: followed.conversation.messages == session.conversation.messages)
        assert [one.text for one in followed.conversation.messages] == ["hello", "a moment", "noted milk", "done"]
        assert (writer.ran, reader.ran) == (1, 0)
    finally:
        await reader.close()
        await writer.close()


async def test_follower_can_stop_a_tool_that_runs_elsewhere(root: Path) -> None:
    writer, reader = WithTools(places_below(root)), WithTools(places_below(root))
    try:
        session = writer.sessions.new(model="fast:1b")
        await session.ask("hello")
        first = await writer.engine.next_call()
        first.say("a moment")
        await first.all_read()
        followed = await following(reader, session)
        first.call_tool("note", text="slow")
        first.finish()
        await reader.hears(lambda: bool(followed.conversation.messages[-1].tool_calls))
        assert followed.stop()
        await writer.hears(lambda: len(writer.heard(ToolsEnded)) == 1)
        assert session.conversation.messages[-1].tool_outcome in ("stopped", "not run")
        await reader.hears(lambda: followed.conversation.messages == session.conversation.messages)
        assert reader.ran == 0
    finally:
        await reader.close()
        await writer.close()
