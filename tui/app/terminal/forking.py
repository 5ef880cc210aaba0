"""The app in a process of its own, so that it can go on when the shell is given back. Imports nothing that takes time.

The process that the shell started waits for it. What the shell or a person does to that one is done to the app: signals
are passed on, both stop and go on together, and the exit code is the app's. When the app says that it detached, the
waiting one ends, and the shell has its prompt. ``CHINWAG_FORK=0`` leaves everything in one process.
"""

from __future__ import annotations

import os
import select
import signal
import termios
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tui.app.terminal.modes import CANCEL, LEAVE

FORK_VARIABLE = "CHINWAG_FORK"
PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP)
EXPECTED_ENDS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""A program that ends by one of these needs no explanation."""
NO_MEMORY_CODE = 71
"""With this exit code the app says that it had no memory left to put the terminal right and to say anything."""
_NO_MEMORY = "chinwag: no memory was left for it; what was said until then is kept\r\n"
_NO_MEMORY_BYTES = _NO_MEMORY.encode("ascii")
_DETACHED = b"d"
_STANDARD_STREAMS = (0, 1, 2)


class WaitingParent:
    """The app's way to the process that waits for it; there may be none."""

    def __init__(self, *, tell: int = -1, life: int = -1) -> None:
        """``tell`` is where the news is written, ``life`` what ends when the parent does."""
        self._tell = tell
        self._life = life

    @property
    def can_detach(self) -> bool:
        """Whether the shell can be given back while the app goes on."""
        return self._tell >= 0

    @property
    def life(self) -> int:
        """A descriptor that becomes readable when the parent has died; below 0 when there is none."""
        return self._life

    def detach(self) -> None:
        """Ends the parent, and with it what the shell waits for. The app is alone from here on, in its own session.

        The terminal has to be as it was by then. Nothing where ``can_detach`` is false.
        """
        if not self.can_detach:
            return
        # Before the parent ends: if it leads the session, its end hangs up on everybody in there.
        os.setsid()
        _lead_nowhere()
        tell, self._tell = self._tell, -1
        with suppress(OSError):  # it is gone already
            os.write(tell, _DETACHED)
        os.close(tell)


def end_without_memory(parent: WaitingParent) -> int:
    """The exit code, where there is no parent that puts the terminal right and says why; else the process ends here."""
    if parent.can_detach:
        os._exit(NO_MEMORY_CODE)
    with suppress(OSError):
        os.write(2, _NO_MEMORY_BYTES)
    return 1


def fork_app(environ: Mapping[str, str]) -> WaitingParent | int:
    """In the process that is to be the app: its parent. In the one that waits: the exit code, once it is known.

    There is no second process where it could not do its work: without a controlling terminal, as the first process of a
    container, where ``CHINWAG_FORK`` is ``0``, and where no more processes are to be had.
    """
    if not _can_fork(environ):
        return WaitingParent()
    attributes = termios.tcgetattr(0)
    hear, tell = os.pipe()
    life, end_of_life = os.pipe()
    # A signal between the two lines of a fork would find the wrong handler.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCONT, signal.SIGCHLD})
    try:
        child = os.fork()
    except OSError:
        for descriptor in (hear, tell, life, end_of_life):
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return WaitingParent()
    if child == 0:
        os.close(hear)
        os.close(end_of_life)
        # Ctrl+C while everything is imported ends the app without a word; the parent puts the terminal right.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return WaitingParent(tell=tell, life=life)
    os.close(tell)
    os.close(life)
    return _Waiting(child, news=hear, attributes=attributes, mask=mask).wait()


def _can_fork(environ: Mapping[str, str]) -> bool:
    if environ.get(FORK_VARIABLE, "").strip() == "0" or not hasattr(os, "fork"):
        return False
    if os.getpid() == 1:
        # The first process of a container: with its end everything in there ends.
        return False
    try:
        os.tcgetpgrp(0)
    except OSError:
        return False
    return True


def _lead_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in _STANDARD_STREAMS:
        os.dup2(nowhere, descriptor)
    if nowhere not in _STANDARD_STREAMS:
        os.close(nowhere)


class _Waiting:
    """What the parent does until the app has ended or detached."""

    def __init__(self, child: int, *, news: int, attributes: list[Any], mask: set[Any]) -> None:
        self._child = child
        self._news = news
        self._attributes = attributes
        self._heard: deque[int] = deque()
        self._ears, mouth = os.pipe()
        os.set_blocking(self._ears, False)
        os.set_blocking(mouth, False)
        # The bytes come in the order of the signals; handlers of Python's are called in the order of their numbers.
        signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        for number in (*PASSED_ON, signal.SIGCONT, signal.SIGCHLD):
            signal.signal(number, _only_hear)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def wait(self) -> int:
        """The exit code: the app's own, 0 when it detached, 128 and the number of the signal that ended it."""
        sources = [self._ears, self._news]
        # It may have ended before anybody listened.
        self._heard.append(signal.SIGCHLD)
        while True:
            while self._heard:
                code = self._answer(self._heard.popleft())
                if code is not None:
                    return code
            ready, _, _ = select.select(sources, [], [])
            if self._news in ready:
                if os.read(self._news, 1) == _DETACHED:
                    return 0
                sources.remove(self._news)
            self._hear()

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            self._heard.extend(os.read(self._ears, 4096))

    def _answer(self, number: int) -> int | None:
        if number == signal.SIGCHLD:
            return self._look()
        self._signal(number)
        return None

    def _signal(self, number: int) -> None:
        # It has not been waited for, so its number is nobody else's.
        os.kill(self._child, number)

    def _look(self) -> int | None:
        """What became of the app: its exit code when it has ended."""
        while True:
            child, status = os.waitpid(self._child, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if child == 0:
                return None
            if os.WIFEXITED(status):
                code = os.WEXITSTATUS(status)
                if code != NO_MEMORY_CODE:
                    return code
                self._mend(_NO_MEMORY)
                return 1
            if os.WIFSIGNALED(status):
                number = os.WTERMSIG(status)
                self._mend(_words_of_end(number))
                return 128 + number
            if os.WIFSTOPPED(status):
                self._stop()
                if not self._has_gone_on():
                    self._signal(signal.SIGCONT)

    def _stop(self) -> None:
        """Returns when somebody lets this process go on; at once where nobody could."""
        # A SIGCONT takes back a stop that still waits, so none can fall between the question and the stop. Where nobody
        # is left who could continue this process, the system throws the stop away.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        self._hear()
        if signal.SIGCONT not in self._heard:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # forgets one that still waits
        signal.signal(signal.SIGTSTP, _only_hear)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
        self._hear()
        self._heard = deque(number for number in self._heard if number != signal.SIGCONT)

    def _has_gone_on(self) -> bool:
        """A shell lets a whole job go on; then the app knows already."""
        if not hasattr(os, "waitid"):
            return False
        return os.waitid(os.P_PID, self._child, os.WCONTINUED | os.WNOHANG | os.WNOWAIT) is not None

    def _mend(self, words: str) -> None:
        """The app ended without putting the terminal right; ``words`` say why."""
        try:
            if os.tcgetpgrp(0) != os.getpgrp():
                return
            termios.tcflush(0, termios.TCIFLUSH)
            termios.tcsetattr(0, termios.TCSANOW, self._attributes)
            # Opened anew, because a terminal that is stuck must not keep this process as well.
            output = os.open(os.ttyname(2), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                os.write(output, f"{CANCEL}{LEAVE}{words}".encode("ascii"))
            finally:
                os.close(output)
        except (OSError, termios.error):
            return


def _words_of_end(number: int) -> str:
    if number in EXPECTED_ENDS:
        return ""
    return f"chinwag: ended by {_name(number)}; what was said until then is kept\r\n"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _only_hear(*_: object) -> None:
    """The number is in the pipe by now."""
