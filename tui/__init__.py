"""chinwag: talk with language models served by Ollama, from a terminal or a script.

Importing this package imports nothing else, so that the command can draw its first frame at once. The names of the
library are loaded when they are asked for: ``from tui import Chinwag``. ``__init__.pyi`` has them for type checkers.
"""

from __future__ import annotations

__version__ = "0.1.0"


def _homes() -> dict[str, str]:
    """Every public name and the module that it comes from."""
    modules = {
        "chat.session": ("Session",),
        "conversations.values": ("Conversation", "Message"),
        "documents.shelf": ("Shelf",),
        "engine": ("ChatMessage", "ChatRequest", "Chunk", "EngineError", "FinalCounts", "Model", "ToolCall"),
        "failures": ("Failure",),
        "library": ("Chinwag", "ask_once"),
        "ollama.client": ("OllamaClient",),
        "runs.asking": ("Answer",),
        "runs.batch": ("Batch", "BatchItem", "BatchResult"),
        "runs.benchmark": ("Benchmark", "BenchmarkPlan"),
        "runs.comparison": ("Contender", "compare"),
        "settings.presets": ("Preset",),
        "tools.declared": ("Tool", "tool"),
    }
    return {name: f"{__name__}.{module}" for module, names in modules.items() for name in names}


def __getattr__(name: str) -> object:
    homes = _homes()
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(homes[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_homes()])
