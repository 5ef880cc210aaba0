"""A fault that is heard of when the event loop has ended, or just before: it is reported, and nothing is left over."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from tests.app.running import TERMINAL, Folders
from tui.app.app import ChinwagApp
from tui.environment import read_environment
from tui.workspace import StartOptions, Workspace


def app(folders: Folders) -> ChinwagApp:
    def prepare(options: StartOptions) -> Workspace:
        return Workspace.prepare(options, environ=folders.environ())

    return ChinwagApp(
        prepare(StartOptions()), environment=read_environment(TERMINAL, platform="linux"), prepare=prepare
    )


def reports(folder: Path) -> list[str]:
    return [
        one.read_text("utf-8") for one in folder.rglob("*") if one.is_file() and "ValueError" in one.read_text("utf-8")
    ]


def test_without_a_loop_the_report_is_written_at_once(tmp_path: Path) -> None:
    chinwag = app(Folders(tmp_path))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(chinwag._fault)
    loop.call_exception_handler({"message": "ending", "exception": ValueError("too late")})
    loop.close()
    gc.collect()
    assert any("while ending" in one for one in reports(tmp_path))


def test_a_loop_that_ends_at_once_leaves_no_coroutine_behind(tmp_path: Path) -> None:
    chinwag = app(Folders(tmp_path))

    async def fault_and_end() -> None:
        with chinwag._context():
            chinwag._fault(asyncio.get_running_loop(), {"message": "ending", "exception": ValueError("now")})

    asyncio.run(fault_and_end())
    gc.collect()
