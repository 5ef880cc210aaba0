"""The tools that come with chinwag."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from tui.tools.calculator import FUNCTIONS, calculate
from tui.tools.declared import Effect, PreparedCall, Tool, tool
from tui.tools.folder_files import read_lines, resolved_inside
from tui.tools.shown import shown_call


class Page(Protocol):
    """What a page fetcher gives; its words are foreign."""

    @property
    def title(self) -> str: ...

    @property
    def text(self) -> str: ...


def clock_tool(now: Callable[[], datetime]) -> Tool:
    """``now`` gives a time that knows its zone."""

    @tool(harmless=True)
    def clock() -> str:
        """The date and time of the person's machine."""
        at = now()
        return f"{at.isoformat(timespec='seconds')} ({at.strftime('%A')}, {at.tzname() or 'unknown time zone'})"

    return clock


def calculator_tool() -> Tool:
    @tool(harmless=True)
    def calculator(
        expression: Annotated[str, f"Such as 3 * (4 + sqrt(2)) or 2 ** 64. Functions: {' '.join(FUNCTIONS)}"],
    ) -> str:
        """Calculate the value of an arithmetic expression exactly."""
        return str(calculate(expression))

    return calculator


def read_file_tool(folder: Path) -> Tool:
    """Reads below ``folder`` alone, resolved, nothing hidden."""

    @tool(harmless=True)
    def read_file(
        path: Annotated[str, "A path below the folder, such as notes/a.md; . lists the folder"],
        first_line: Annotated[int, "The line to begin with, counted from 1"] = 1,
    ) -> str:
        """Read a text file, or list a folder, in the one folder that the person opened."""
        return read_lines(*resolved_inside(folder, path), first_line)

    async def prepare(arguments: dict[str, Any]) -> PreparedCall:
        top, found = await asyncio.to_thread(resolved_inside, folder, arguments["path"])
        first_line = arguments.get("first_line", 1)
        shown = shown_call("read_file", {"path": str(found), "first_line": first_line})
        return PreparedCall(shown=shown, run=partial(asyncio.to_thread, read_lines, top, found, first_line))

    return replace(read_file, prepare=prepare)


def search_documents_tool(search: Callable[[str], Awaitable[str]]) -> Tool:
    """``search`` gives the passages that answer a question, as text with their sources."""

    @tool(harmless=True)
    async def search_documents(question: Annotated[str, "What to look for, in plain words"]) -> str:
        """Search the person's own documents; gives the best passages and where they stand."""
        return await search(question) or "nothing in the documents is about that"

    return search_documents


def fetch_page_tool(fetch: Callable[[str], Awaitable[Page]]) -> Tool:
    """``fetch`` gives the page at an address, and decides which addresses may be asked."""

    @tool
    async def fetch_page(url: Annotated[str, "A whole address, beginning with https://"]) -> str:
        """Read one page of the web as text. The person is asked first."""
        page = await fetch(url)
        return f"{page.title}\n\n{page.text}" if page.title else page.text

    async def prepare(arguments: dict[str, Any]) -> PreparedCall:
        prepared = await fetch_page.prepare(arguments)
        host = _host_in_ascii(arguments["url"])
        return replace(prepared, shown=f"{prepared.shown}\nasks {host}") if host else prepared

    return replace(fetch_page, prepare=prepare, effect=Effect.reaches_out)


def _host_in_ascii(url: str) -> str:
    """The machine that an address names, where letters of other scripts could pass for another name; else empty."""
    if url.isascii():
        return ""
    try:
        host = urlsplit(url).hostname or ""
        return "" if host.isascii() else host.encode("idna").decode("ascii")
    except ValueError:
        # It is no address, which whoever fetches it says.
        return ""
