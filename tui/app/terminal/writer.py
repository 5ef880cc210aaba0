"""Text on its way to a terminal that may be slow, stuck or gone. Whoever writes never waits."""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tui.app.terminal.line_pace import LinePace

FRAMES_WAITING = 2
"""So many frames may wait: one that is being written, and the newest."""
WAITING_BYTES_FOR_FRAMES = 1 << 15
WAITING_BYTES = 1 << 24
_CHUNK_BYTES = 1 << 14
_BLOCKING_CHUNK_BYTES = 256
_LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalOutput:
    """A terminal to write to. ``can_block`` when writing to ``descriptor`` may wait for the terminal."""

    descriptor: int
    can_block: bool


def open_output(descriptor: int) -> TerminalOutput:
    """The terminal behind ``descriptor``, opened anew: not to wait is a property of the opening, and the old one is
    shared with the shell.
    """
    with suppress(OSError):
        name = os.ttyname(descriptor)
        new = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        if os.fstat(new).st_rdev == os.fstat(descriptor).st_rdev:
            return TerminalOutput(descriptor=new, can_block=False)
        os.close(new)
    return TerminalOutput(descriptor=os.dup(descriptor), can_block=True)


@dataclass(frozen=True, slots=True)
class _Piece:
    data: bytes
    is_frame: bool
    has_begun: bool = False
    """The terminal has the bytes before these."""


class TerminalWriter:
    """Writes at once what the terminal takes without waiting, and the rest in a thread of its own.

    Both callbacks are called in that thread. ``drained`` follows a frame that was refused, as soon as everything else
    is out. ``lost`` is called once, when the terminal takes nothing any more; from then on text is thrown away.
    """

    def __init__(
        self,
        output: TerminalOutput,
        *,
        drained: Callable[[], None],
        lost: Callable[[], None],
        pace: LinePace | None = None,
    ) -> None:
        """``pace`` is what is known of the line already."""
        self._output = output
        self._drained = drained
        self._lost = lost
        self._changed = threading.Condition()
        self._pace = pace or LinePace()
        self._waiting: deque[_Piece] = deque()
        self._waiting_bytes = 0
        self._waiting_frames = 0
        self._is_thread_writing = False
        self._owes_drained = False
        self._is_lost = False
        self._stop_by_seconds: float | None = None
        self._stop_at_last_seconds = 0.0
        self._patience_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_lost(self) -> bool:
        return self._is_lost

    def is_behind(self) -> bool:
        """Whether a frame would be refused. If so, ``drained`` will be called, unless the terminal is lost."""
        with self._changed:
            return self._is_behind()

    def _is_behind(self) -> bool:
        if self._is_lost:
            return True
        is_behind = (
            self._waiting_frames >= FRAMES_WAITING
            or self._waiting_bytes > WAITING_BYTES_FOR_FRAMES
            or self._pace.wait_seconds(time.monotonic()) > 0
        )
        if is_behind and not self._owes_drained:
            self._owes_drained = True
            # With nothing to write the thread sleeps, and would not know that somebody waits for the pace of the line.
            self._changed.notify()
        return is_behind

    def write(self, text: str) -> None:
        """Text that belongs to no frame: modes, the clipboard, a bell. Kept however slow the terminal is."""
        with self._changed:
            if self._waiting_bytes < WAITING_BYTES:
                self._put(_Piece(text.encode("utf-8", "replace"), is_frame=False))

    def write_frame(self, text: str) -> bool:
        """One picture, written whole or not at all. False when it was refused."""
        with self._changed:
            if self._is_behind():
                return False
            self._put(_Piece(text.encode("utf-8", "replace"), is_frame=True))
            return True

    def _put(self, piece: _Piece) -> None:
        if self._is_lost or not piece.data:
            return
        if self._is_idle():
            taken_bytes = self._write_at_once(piece.data)
            if taken_bytes == len(piece.data):
                return
            if taken_bytes:
                piece = _Piece(piece.data[taken_bytes:], piece.is_frame, has_begun=True)
        self._waiting.append(piece)
        self._waiting_bytes += len(piece.data)
        self._waiting_frames += piece.is_frame
        self._changed.notify()

    def _is_idle(self) -> bool:
        """Nothing is before the next piece, and to write it never waits."""
        return (
            not (self._waiting or self._is_thread_writing or self._output.can_block)
            and self._stop_by_seconds is None
            and self._thread.ident is not None
        )

    def _write_at_once(self, data: bytes) -> int:
        """How much the terminal took. What is wrong with it the thread finds out, and waits, or gives up."""
        try:
            size_bytes = os.write(self._output.descriptor, data[:_CHUNK_BYTES])
        except OSError:
            return 0
        now_seconds = time.monotonic()
        self._pace.took(size_bytes, now_seconds)
        if size_bytes == len(data):
            self._pace.ended(now_seconds)
        return size_bytes

    def stop(self, patience_seconds: float, *, at_most_seconds: float | None = None) -> None:
        """Write what waits, but no frame that has not begun, and end the thread.

        Given up when the terminal takes nothing for ``patience_seconds``, and in any case after ``at_most_seconds``
        (by default the same).
        """
        longest_seconds = patience_seconds if at_most_seconds is None else at_most_seconds
        with self._changed:
            kept = [piece for piece in self._waiting if piece.has_begun or not piece.is_frame]
            self._waiting_bytes -= sum(len(piece.data) for piece in self._waiting) - sum(len(one.data) for one in kept)
            self._waiting = deque(kept)
            self._waiting_frames = 0
            self._owes_drained = False
            now_seconds = time.monotonic()
            self._patience_seconds = patience_seconds
            self._stop_at_last_seconds = now_seconds + longest_seconds
            self._stop_by_seconds = now_seconds + min(patience_seconds, longest_seconds)
            self._changed.notify()
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join(longest_seconds + 2 * _LOOK_AGAIN_SECONDS)

    # ------------------------------------------------------------------ in the thread

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._stop_by_seconds is not None:
                        return
                    wait_seconds = self._pace.wait_seconds(time.monotonic()) if self._owes_drained else None
                    if wait_seconds == 0:
                        break
                    self._changed.wait(wait_seconds)
                piece = self._waiting.popleft() if self._waiting else None
                self._is_thread_writing = piece is not None
                if piece is None:
                    self._owes_drained = False
            if piece is None:
                self._drained()
                continue
            if not self._write_all(piece.data):
                return
            with self._changed:
                self._pace.ended(time.monotonic())
                self._is_thread_writing = False
                self._waiting_bytes -= len(piece.data)
                self._waiting_frames = max(0, self._waiting_frames - piece.is_frame)

    def _write_all(self, data: bytes) -> bool:
        rest = memoryview(data)
        chunk_bytes = _BLOCKING_CHUNK_BYTES if self._output.can_block else _CHUNK_BYTES
        while rest:
            try:
                if self._output.can_block and not self._is_writable():
                    if self._is_too_late():
                        return False
                    continue
                size_bytes = os.write(self._output.descriptor, rest[:chunk_bytes])
                rest = rest[size_bytes:]
                with self._changed:
                    self._pace.took(size_bytes, time.monotonic())
                self._be_patient()
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK):
                    self._give_up()
                    return False
                with self._changed:
                    self._pace.stood(time.monotonic())
                if self._is_too_late():
                    return False
                self._is_writable()
        return True

    def _is_writable(self) -> bool:
        """Waits a little for it."""
        _, writable, _ = select.select([], [self._output.descriptor], [], _LOOK_AGAIN_SECONDS)
        return bool(writable)

    def _be_patient(self) -> None:
        if self._stop_by_seconds is not None:
            self._stop_by_seconds = min(time.monotonic() + self._patience_seconds, self._stop_at_last_seconds)

    def _is_too_late(self) -> bool:
        stop_by_seconds = self._stop_by_seconds
        return stop_by_seconds is not None and time.monotonic() >= stop_by_seconds

    def _give_up(self) -> None:
        with self._changed:
            self._is_lost = True
            self._waiting.clear()
            self._waiting_bytes = self._waiting_frames = 0
            self._owes_drained = False
            is_stopping = self._stop_by_seconds is not None
        if not is_stopping:
            self._lost()
