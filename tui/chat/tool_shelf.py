"""Which tools there are: those that come with chinwag, and the person's own, each file once its content is confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tui.chat.tool_turns import Toolbox
from tui.cleaning import clean_line
from tui.conversations.control import Control
from tui.failures import Failure
from tui.settings.values import ToolsSettings
from tui.tools.confirmed import Confirmed, load_confirmed, save_confirmed
from tui.tools.declared import Tool
from tui.tools.running import RunLimits

if TYPE_CHECKING:
    # Most conversations have no tools, and the start waits for none of this.
    from tui.tools.built_in import Page
    from tui.tools.own import OwnToolFile
    from tui.tools.processes import ProcessLimits

AT_THE_END_SECONDS = 5.0
"""A call ends by itself when its time is up, and says what it knows; a little later it is ended from outside."""
BUILT_IN_NAMES = ("clock", "calculator", "read_file", "search_documents", "fetch_page", "run_command")

Search = Callable[[str], Awaitable[str]]
Fetch = Callable[[str], Awaitable["Page"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSet:
    """What there is at one moment."""

    tools: tuple[Tool, ...] = ()
    unready: Mapping[str, Failure] = field(default_factory=dict)
    """By name, those that come with chinwag and cannot be used yet, with why and what to do."""
    unconfirmed: tuple[OwnToolFile, ...] = ()
    """Files that were never looked through in this state; nothing of them runs."""
    problems: tuple[Failure, ...] = ()
    """One for each file that is not used, with why."""

    def find(self, name: str) -> Tool | None:
        return next((tool for tool in self.tools if tool.name == name), None)

    def why_not(self, name: str) -> Failure | None:
        """Why the tool of this name is not there; None when it is."""
        if self.find(name) is not None:
            return None
        if (known := self.unready.get(name)) is not None:
            return known
        shown = clean_line(name, 80)
        if self.unconfirmed:
            files = ", ".join(clean_line(one.path.name, 60) for one in self.unconfirmed[:3])
            return Failure(
                f"there is no tool {shown}", f"not looked through yet: {files}", "/tools shows what is in it"
            )
        there = ", ".join(tool.name for tool in self.tools)
        return Failure(f"there is no tool {shown}", f"there are: {there}", "/tools shows them")


class ToolShelf:
    """The tools of this moment. What a file of one's own tells of itself is asked once for each content."""

    def __init__(
        self,
        *,
        folder: Path,
        confirmed_file: Path,
        environ: Mapping[str, str],
        now: Callable[[], datetime],
        settings: Callable[[], ToolsSettings],
        search: Search | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        """``folder`` holds the person's own; ``confirmed_file`` says which of them were looked through.

        ``search`` searches the person's documents; None where there are none. ``fetch`` reads a page; without it, as
        ``tui.web`` does.
        """
        self.folder = folder
        self._confirmed_file = confirmed_file
        self._environ = environ
        self._now = now
        self._settings = settings
        self._search = search
        self._fetch = fetch or _fetch
        self._confirmed: Confirmed | None = None
        self._told: dict[tuple[str, str], tuple[Tool, ...]] = {}
        """By path and content, what a file told of its tools."""
        self._failed: dict[tuple[str, str], Failure] = {}
        """By path and content, why a file could not tell of its tools the last time."""
        self._reading = asyncio.Lock()

    @property
    def limits(self) -> RunLimits:
        settings = self._settings()
        return RunLimits(rounds=settings.rounds, call_seconds=settings.call_seconds + AT_THE_END_SECONDS)

    @property
    def _process_limits(self) -> ProcessLimits:
        from tui.tools.processes import ProcessLimits

        return ProcessLimits(seconds=float(self._settings().call_seconds))

    async def having(self, names: Iterable[str], *, tries_again: bool = True) -> ToolSet:
        """What there is as far as ``names`` need it: what comes with chinwag waits for no file of one's own."""
        tools, unready = self._built_in()
        if all(name in BUILT_IN_NAMES for name in names):
            return ToolSet(tools=tuple(tools), unready=unready)
        return await self.read(tries_again=tries_again)

    async def read(self, *, tries_again: bool = True) -> ToolSet:
        """Looks at everything anew. Never raises for what is in a file.

        Unless ``tries_again``, a content that could not tell of its tools before is not run for them once more.
        """
        from tui.tools.own import look_for_tools

        async with self._reading:
            problems: list[Failure] = []
            confirmed = self._confirmed
            if confirmed is None:
                loaded, failure = await asyncio.to_thread(load_confirmed, self._confirmed_file)
                self._confirmed = confirmed = loaded
                problems += [failure] if failure is not None else []
            found = await asyncio.to_thread(look_for_tools, self.folder, confirmed)
            tools, unready = self._built_in()
            problems += found.problems
            for file in found.files:
                if file.is_confirmed:
                    taken = [*BUILT_IN_NAMES, *(tool.name for tool in tools)]
                    told = await self._tools_of(file, taken=taken, tries_again=tries_again)
                    if isinstance(told, Failure):
                        problems.append(told)
                    else:
                        tools += told
            return ToolSet(
                tools=tuple(tools),
                unready=unready,
                unconfirmed=tuple(file for file in found.files if not file.is_confirmed),
                problems=tuple(problems),
            )

    async def read_file(self, path: Path) -> OwnToolFile:
        """One file of the person's own, wherever it is, without running it. Raises ``Failure``."""
        from tui.tools.own import look_at_file

        confirmed = self._confirmed
        if confirmed is None:
            loaded, _ = await asyncio.to_thread(load_confirmed, self._confirmed_file)
            self._confirmed = confirmed = loaded
        return await asyncio.to_thread(look_at_file, path, confirmed)

    async def tools_in(self, file: OwnToolFile) -> tuple[Tool, ...]:
        """Those in a confirmed file. Raises ``Failure``."""
        from tui.tools.own import tools_of

        return await tools_of(file, environ=self._environ, taken=BUILT_IN_NAMES, limits=self._process_limits)

    async def confirm(self, file: OwnToolFile) -> None:
        """Its content may be run from here on, here and in later starts. Raises ``Failure`` when it cannot be kept."""
        before = self._confirmed or Confirmed()
        confirmed = before.with_one(file.sha256, file.path.name)
        await asyncio.to_thread(save_confirmed, self._confirmed_file, confirmed)
        self._confirmed = confirmed

    async def toolbox(self, control: Control) -> Toolbox:
        """What a conversation with that control offers its model. What is not to be had is left out, and said."""
        wanted = control.tools
        if not wanted:
            return Toolbox(limits=self.limits)
        # Somebody waits for an answer, each time.
        found = await self.having(wanted, tries_again=False)
        return Toolbox(
            tools=tuple(tool for name in wanted if (tool := found.find(name)) is not None),
            choice=control.tool_choice or "auto",
            limits=self.limits,
            missing=tuple(failure for name in wanted if (failure := found.why_not(name)) is not None),
        )

    def _built_in(self) -> tuple[list[Tool], dict[str, Failure]]:
        from tui.tools import built_in
        from tui.tools.command import command_tool

        tools = [built_in.clock_tool(lambda: self._now().astimezone()), built_in.calculator_tool()]
        unready: dict[str, Failure] = {}
        named = self._settings().folder.strip()
        folder = Path(named).expanduser() if named else None
        if folder is not None and folder.is_absolute():
            tools.append(built_in.read_file_tool(folder))
        else:
            cause = "no folder is chosen" if folder is None else "the setting tools.folder is no whole path"
            for name, does in (("read_file", "reads"), ("run_command", "runs commands")):
                unready[name] = Failure(
                    f"{name} {does} in no folder", cause, "choose one: the setting tools.folder, from / or ~ on"
                )
        if self._search is not None:
            tools.append(built_in.search_documents_tool(self._search))
        tools.append(built_in.fetch_page_tool(self._fetch))
        if folder is not None and folder.is_absolute():
            tools.append(command_tool(folder, environ=self._environ, limits=self._process_limits))
        return tools, unready

    async def _tools_of(
        self, file: OwnToolFile, *, taken: Iterable[str], tries_again: bool
    ) -> tuple[Tool, ...] | Failure:
        from tui.tools.own import tools_of

        key = (str(file.path), file.sha256)
        known = self._told.get(key)
        if known is None:
            # It may have failed for want of something that is there the next time.
            if not tries_again and (before := self._failed.get(key)) is not None:
                return before
            try:
                known = await tools_of(file, environ=self._environ, limits=self._process_limits)
            except Failure as failure:
                self._failed[key] = failure
                return failure
            self._told[key] = known
        if again := sorted({tool.name for tool in known} & set(taken)):
            shown = clean_line(str(file.path), 100)
            return Failure(
                f"{shown} is not used for tools", f"the name {again[0]} is taken", "give the function another name"
            )
        return known


async def _fetch(url: str) -> Page:
    # Most conversations never ask for a page.
    from tui.web.fetching import fetch_page

    return await fetch_page(url)


def with_tools(control: Control, names: Iterable[str]) -> Control:
    """With these and no others on; what was chosen of others goes with them."""
    on = tuple(dict.fromkeys(names))
    choice = control.tool_choice if on and control.tool_choice in (*on, "none") else ""
    return replace(
        control, tools=on, tool_choice=choice, allowed_tools=tuple(name for name in control.allowed_tools if name in on)
    )
