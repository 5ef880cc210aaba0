"""The room as somebody else's library: what it exports, how light it is, and that its example runs."""

from __future__ import annotations

import asyncio
import contextlib
import io
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import tui.ollama
from tests.replay import playing_by_path


def test_everything_exported_is_there() -> None:
    for name in tui.ollama.__all__:
        assert getattr(tui.ollama, name).__name__ == name
    assert set(tui.ollama.__all__) <= set(dir(tui.ollama))
    assert sorted(tui.ollama.__all__) == sorted(tui.ollama._HOME_OF)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tui.ollama.nothing


def test_no_exported_name_is_a_module_too() -> None:
    modules = {file.stem for file in Path(tui.ollama.__file__).parent.glob("*.py")}
    assert not modules & set(tui.ollama.__all__)


def test_importing_it_is_light() -> None:
    """A fresh process, since here everything is loaded already."""
    code = """
        import sys
        import tui.ollama
        assert not {"httpx", "asyncio", "ssl", "tui.ollama.client"} & set(sys.modules)
        from tui.ollama import *
        assert OllamaClient.__name__ == "OllamaClient"
        assert not {"httpx", "httpcore", "h11", "anyio"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True, timeout=30)


async def test_the_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread, since it starts an event loop of its own."""
    assert tui.ollama.__doc__ is not None
    _, _, example = tui.ollama.__doc__.partition("\n\n    ")
    said = io.StringIO()

    def run() -> None:
        with contextlib.redirect_stdout(said):
            exec(compile(dedent("    " + example), "the example", "exec"), {"__name__": "example"})

    async with playing_by_path(version="version-get", tags="tags", pull="pull-success", chat="chat-stream") as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        await asyncio.to_thread(run)
    lines = said.getvalue().splitlines()
    assert lines[0] == "ollama 0.33.0"
    assert any(line.startswith("gemma3:270m ") for line in lines)
    assert "success 11999725 11999725" in lines
    assert lines[-1].endswith("a second)")
    assert "24 tokens" in lines[-1]
    assert [visit.path for visit in server.visits] == ["/api/version", "/api/tags", "/api/pull", "/api/chat"]
