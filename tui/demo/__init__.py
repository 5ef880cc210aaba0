"""A small real server that speaks Ollama's API, with scripted models: for a first look, tests, pictures and benchmarks."""

from __future__ import annotations

from tui.demo.answers import Answer, CalledTool, Ending, Prompt, Script, Turn
from tui.demo.models import DemoModel
from tui.demo.server import DemoServer, ReceivedRequest

__all__ = [
    "Answer",
    "CalledTool",
    "DemoModel",
    "DemoServer",
    "Ending",
    "Prompt",
    "ReceivedRequest",
    "Script",
    "Turn",
]
