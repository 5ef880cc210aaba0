"""Plain mode: a conversation line by line, for Braille lines, slow links, logs and terminals that only print.

Standard output has the answers and nothing else, standard error everything about them, one line each in brackets.
Nothing moves the cursor, nothing is coloured, nothing turns round.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from tui.cleaning import clean_line
from tui.cli.input_lines import Burst, InputLines
from tui.cli.outlet import Outlet
from tui.cli.plain_commands import FENCE, PromptLines
from tui.cli.plain_turns import FirstSession, PlainTurns
from tui.cli.plain_voice import PlainVoice
from tui.cli.retry_words import retry_words
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.workspace import StartOptions, Workspace

INTERRUPT_AGAIN_SECONDS = 2.0
DRAIN_PATIENCE_SECONDS = 5.0
ENDED_BY_SIGNAL = 128
"""Added to a signal's number in the exit code, as shells do."""

_LEAVING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


T = TypeVar("T")


class Arguments(Protocol):
    """What the command line said, as far as plain mode needs it."""

    @property
    def host(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def demo(self) -> bool: ...
    @property
    def private(self) -> bool: ...
    @property
    def settings(self) -> Mapping[str, str]: ...


def run_plainly(arguments: Arguments, *, shows_thinking: bool = False) -> int:
    """Talks on standard input and output until the person leaves; gives the exit code of ``talk_plainly``."""
    options = StartOptions(
        host=arguments.host,
        model=arguments.model,
        is_demo=arguments.demo,
        is_private=arguments.private,
        settings=arguments.settings,
    )
    try:
        workspace = Workspace.prepare(options)
    except Failure as failure:
        sys.stderr.write(f"chinwag: {clean_line(str(failure), 400)}\n")
        return 2
    return asyncio.run(talk_plainly(workspace, shows_thinking=shows_thinking))


async def talk_plainly(
    workspace: Workspace,
    *,
    stdin: int = 0,
    stdout: int = 1,
    stderr: int = 2,
    encoding: str = "utf-8",
    shows_thinking: bool = False,
    first_session: FirstSession | None = None,
) -> int:
    """Starts the prepared ``workspace``, talks, and closes it. The three are file descriptors; none of them is closed.

    Each line of ``stdin`` is a prompt or a command. A terminal is asked for them and listens to Ctrl+C; anything else
    is read to its end, and nothing more of it is sent after a failure. ``first_session`` opens the conversation that it
    begins in, else that is a new one.

    Exit codes: 0 at a normal end; 1 when a prompt from a pipe or a file got no whole answer; 2 when something stood in
    the way of the start; 128 and a signal's number when that ended it, of which 141 is a closed ``stdout``.
    """
    talk = PlainTalk(
        workspace,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        encoding=encoding,
        shows_thinking=shows_thinking,
        first_session=first_session,
    )
    loop = asyncio.get_running_loop()
    handled: dict[signal.Signals, Callable[[], None]] = {signal.SIGINT: talk.interrupt}
    for number in _LEAVING_SIGNALS:
        handled[number] = partial(talk.leave, ENDED_BY_SIGNAL + number)
    # Only the main thread may listen to signals.
    with suppress(ValueError, RuntimeError):
        for number, act in handled.items():
            loop.add_signal_handler(number, act)
    try:
        return await talk.run()
    finally:
        for number in handled:
            with suppress(ValueError, RuntimeError):
                loop.remove_signal_handler(number)


class PlainTalk:
    """The loop around the turns: reads, understands, does one thing at a time, and knows when to leave."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        encoding: str,
        shows_thinking: bool,
        first_session: FirstSession | None = None,
    ) -> None:
        self._workspace = workspace
        self._stdout = stdout
        self._is_typed = os.isatty(stdin)
        self._outlet = Outlet(encoding=encoding, on_broken=self._broken)
        self._voice = PlainVoice(self._outlet, stdout=stdout, stderr=stderr, stdout_is_terminal=os.isatty(stdout))
        self._lines = InputLines(stdin, encoding=encoding, is_terminal=self._is_typed)
        self._prompt_lines = PromptLines()
        self._turns = PlainTurns(
            workspace,
            self._voice,
            ask_line=self._ask_line if self._is_typed else None,
            ask_anew=self._ask_anew if self._is_typed else None,
            shows_thinking=shows_thinking,
            first_session=first_session,
        )
        self._leaving = asyncio.Event()
        self._code = 0
        self._work: asyncio.Task[Any] | None = None
        self._interrupted_at = float("-inf")

    async def run(self) -> int:
        self._workspace.servers.on_retry = lambda host, retry: self._voice.say(retry_words(host, retry))
        try:
            try:
                await self._workspace.start()
            except Failure as failure:
                self._voice.say_failure(failure)
                return 2
            await self._talk()
            return self._code
        finally:
            self._lines.close()
            await self._workspace.close()
            self._turns.close()
            await self._outlet.drained(DRAIN_PATIENCE_SECONDS)
            self._outlet.close()

    def leave(self, code: int = 0) -> None:
        """Ends the talk; an answer under way is stopped and kept."""
        if not self._leaving.is_set():
            self._code = code
            self._leaving.set()

    def interrupt(self) -> None:
        """Ctrl+C: stops the answer, else gives up what is being done or written, else leaves when asked twice."""
        if not self._is_typed:
            self.leave(ENDED_BY_SIGNAL + signal.SIGINT)
            return
        self._voice.end_echo()
        if dropped := self._lines.drop_waiting():
            self._voice.say(f"{plural(dropped, 'line')} typed ahead dropped")
        if self._work is not None:
            if not self._turns.stop():
                self._work.cancel()
            return
        now = self._workspace.clock()
        if self._prompt_lines.is_open:
            self._prompt_lines.take()
            self._voice.say("not sent, and forgotten")
        elif now - self._interrupted_at < INTERRUPT_AGAIN_SECONDS:
            self.leave()
            return
        else:
            self._interrupted_at = now
            self._voice.say("ctrl+c again leaves")
        self._ask_for_prompt()

    def _broken(self, descriptor: int, _: OSError) -> None:
        """Nobody reads the answers any more."""
        if descriptor == self._stdout:
            self._turns.close()
            self.leave(ENDED_BY_SIGNAL + signal.SIGPIPE)

    async def _talk(self) -> None:
        for fault in self._workspace.loaded.faults:
            self._voice.say(str(fault))
        await self._do(self._turns.begin(tells=self._is_typed))
        if self._turns.is_over:
            self.leave(1)
        while not self._leaving.is_set():
            self._ask_for_prompt()
            try:
                burst = await self._unless_leaving(self._lines.next())
            except Failure as failure:
                self._voice.say_failure(failure)
                self.leave(1)
            else:
                if not self._leaving.is_set():
                    await self._take(burst)

    def _ask_for_prompt(self) -> None:
        if self._is_typed:
            self._voice.ask(". " if self._prompt_lines.is_open else "> ")

    async def _ask_line(self, question: str) -> str:
        self._voice.ask(question)
        burst = await self._lines.next()
        return "" if burst is None else burst.lines[0]

    async def _ask_anew(self, question: str) -> str:
        """As ``_ask_line``, of whoever has seen the question: what was typed ahead or pasted is no answer."""
        self._lines.drop_waiting()
        self._voice.ask(question)
        burst = await self._lines.next()
        return burst.lines[0] if burst is not None and len(burst.lines) == 1 else ""

    async def _take(self, burst: Burst | None) -> None:
        if burst is None:
            await self._ended()
        elif burst.may_be_cut:
            self._prompt_lines.take()
            self._voice.say("a line is as long as a terminal gives, and may lack its end: nothing was sent")
            self._voice.say("give shorter lines in a block, or the text through a pipe")
        elif len(burst.lines) > 1 and not self._prompt_lines.is_open and not burst.lines[0].startswith(FENCE):
            # A paste is one prompt; its lines are no commands.
            await self._understand("\n".join(burst.lines))
        else:
            for line in burst.lines:
                text = self._prompt_lines.add(line)
                if text is not None and not self._leaving.is_set():
                    await self._understand(text)

    async def _ended(self) -> None:
        """At Ctrl+D or the end of a file: what was begun is sent first."""
        if self._is_typed:
            self._voice.end_echo()
        if self._prompt_lines.is_open:
            await self._understand(self._prompt_lines.take())
        else:
            self.leave()

    async def _understand(self, text: str) -> None:
        if not text.strip():
            return
        is_well = await self._do(self._turns.understand(text))
        if self._turns.is_over:
            self.leave()
        elif not is_well and not self._is_typed and not self._leaving.is_set():
            self._voice.say("nothing more of the input is sent")
            self.leave(1)

    async def _do(self, work: Coroutine[Any, Any, bool]) -> bool:
        """One thing at a time, which Ctrl+C can end; whether it went well."""
        task = asyncio.create_task(work)
        self._work = task
        try:
            is_well = await self._unless_leaving(task)
        finally:
            self._work = None
        if task.cancelled() and not self._leaving.is_set():
            self._voice.say("given up")
        return bool(is_well)

    async def _unless_leaving(self, work: Coroutine[Any, Any, T] | asyncio.Task[T]) -> T | None:
        """What ``work`` comes to; None when it was cancelled, or when it is time to leave first."""
        working = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(self._leaving.wait())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not working.done():
                working.cancel()
                await asyncio.wait({working})
        return None if working.cancelled() else working.result()
