"""What a session needs of the world around it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tui.chat.attaching import Contents
from tui.chat.fitting import AS_IT_IS, Plan
from tui.chat.passages import FindPassages, find_nothing
from tui.chat.silence import Namesakes
from tui.chat.tool_turns import NO_TOOLS, Toolbox
from tui.conversations.values import Conversation
from tui.engine import ChatRequest, Engine
from tui.tools.permissions import Permissions


async def _no_namesakes(_model: str) -> tuple[str, ...]:
    return ()


async def _no_tools(_conversation: Conversation) -> Toolbox:
    return NO_TOOLS


async def _refuses_nothing(_request: ChatRequest) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTools:
    """What a session needs of the world; everything can be swapped in a test."""

    engine: Callable[[], Engine]
    """The engine of this moment: the person may have gone to another server meanwhile."""
    is_cloud: Callable[[str], bool]
    """Whether the model of this name runs elsewhere: it is never in this server's memory."""
    now: Callable[[], datetime]
    clock: Callable[[], float]
    new_message_id: Callable[[], str]
    plan: Callable[[Conversation, str], Plan] = lambda _conversation, _model: AS_IT_IS
    """How the model of this name is to answer in that conversation, and what it is shown, as things are now."""
    namesakes: Namesakes = _no_namesakes
    check: Callable[[ChatRequest], Awaitable[None]] = _refuses_nothing
    """Raises ``EngineError`` for what the model cannot do, before anything is sent."""
    toolbox: Callable[[Conversation], Awaitable[Toolbox]] = _no_tools
    """What the model of that conversation may call, as things are at this moment."""
    permissions: Callable[[Conversation], Permissions] = lambda _conversation: Permissions()
    """Who allows the calls of that conversation. What is asked may raise ``NobodyThere``."""
    contents: Contents = field(default_factory=Contents)
    """What was attached to prompts."""
    find_passages: FindPassages = find_nothing
    """What of the person's documents goes along with the last prompt, where the conversation asks with them."""
    set_aside: Callable[[tuple[Path, ...]], None] = lambda _files: None
    """Hears where the files are that somebody else had put in the conversation's place."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    show_patience_seconds: float = 0.05
    """How long a part of an answer waits to be shown until it is in the file."""
    behind_seconds: float = 1.0
    """What is not on the disk after that is told as not saved."""
    end_patience_seconds: float = 1.0
    """How long the end of an answer waits to be told until it is on the disk."""
    close_patience_seconds: float = 2.0
    """How long ``close`` waits for a connection that does not let go."""
