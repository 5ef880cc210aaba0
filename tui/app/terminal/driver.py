"""The terminal as Textual drives it, made to survive: a slow one, a stuck one, and one that goes away.

Textual's own driver waits for the terminal on the event loop, spins when the terminal is gone, starts one more thread
at each suspension, and leaves the terminal as it is when the process is asked to end.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import selectors
import signal
import sys
import termios
import threading
import time
import tty
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Protocol, runtime_checkable

from textual import constants, events
from textual.app import App
from textual.drivers.linux_driver import (
    KITTY_DISAMBIGUATE_ESCAPE_CODES,
    KITTY_REPORT_ALL_KEYS,
    KITTY_REPORT_ASSOCIATED_TEXT,
    LinuxDriver,
)
from textual.geometry import Size
from textual.message import Message

from tui.app.terminal.key_messages import MessageMaker
from tui.app.terminal.key_spelling import Report
from tui.app.terminal.keys import DEFAULT_WAITS, KeyDecoder, Waits
from tui.app.terminal.modes import CANCEL, LEAVE, MOUSE_OFF
from tui.app.terminal.writer import TerminalOutput, TerminalWriter, open_output

LEAVE_PATIENCE_SECONDS = 0.5
"""How long a terminal that takes nothing is waited for when it is left."""
LEAVE_WITHIN_SECONDS = 5.0
"""How long one that takes little is waited for."""
LEAVE_FOR_SIGNAL_WITHIN_SECONDS = 1.0
END_WITHIN_SECONDS = 1.8
"""After this the process ends by force once it was asked to end."""
INTERRUPTED_ONCE_SECONDS = 0.5
"""SIGINTs that come so close together are one: a terminal sends it to the app and to the process that waits for it."""
SIGNALS_TOGETHER_SECONDS = 0.02
"""A SIGTSTP handled so soon after a SIGCONT came with it."""
_READ_BYTES = 1 << 16

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?1004h\x1b[?2004h\x1b[?7l"
_MOUSE_ON = "\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h"
_PUT_TITLE_ASIDE, _TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"


@runtime_checkable
class TerminalListener(Protocol):
    """An app that wants to hear what becomes of its terminal. All are called on the event loop."""

    def terminal_lost(self) -> None:
        """The terminal is gone, or the line hung up. Called once. Without a listener the app exits."""

    def end_requested(self, number: signal.Signals) -> None:
        """SIGTERM or SIGQUIT came. ``END_WITHIN_SECONDS`` later the process ends by force."""

    def interrupted(self) -> None:
        """SIGINT came, from somebody who did not press a key of ours."""

    def terminal_answered(self, report: str) -> None:
        """A reply that is neither a key nor awaited by Textual: the whole sequence."""

    def repaint_terminal(self) -> None:
        """Show everything again: frames were refused, or ``paintings`` changed."""


class ChinwagDriver(LinuxDriver):
    """For Textual 8.2. Starting and stopping twice is the same as once."""

    waits: Waits = DEFAULT_WAITS
    """How long the rest of a begun key is waited for."""

    paintings = 0
    """Counts up whenever nothing is known any more of what the terminal shows."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        self._is_active = False
        self._title = ""
        self._is_stopped = False
        self._was_continued = False
        self._continued_seconds = float("-inf")
        self._stop_is_due = False
        self._size_is_due = False
        self._is_lost = False
        self._typed_before_bytes = 0
        """Of what is read next: typed while the terminal still read line by line."""
        self._has_told_hang_up = False
        self._ends_by_signal: signal.Signals | None = None
        self._interrupted_seconds = float("-inf")
        self._output: TerminalOutput | None = None
        self._writer: TerminalWriter | None = None
        self._frame: list[str] | None = None
        self._wake_input = -1
        self._arrived: deque[Message] = deque()
        self._arrival_is_told = False
        self._handlers_before: dict[signal.Signals, Any] = {}
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        file = self._file
        assert file is not None, "the screen door checks that there is a terminal"
        self._descriptor = file.fileno()
        for number, handler in {
            signal.SIGHUP: self._hear_hang_up,
            signal.SIGINT: self._hear_interrupt,
            signal.SIGTERM: self._hear_end,
            signal.SIGQUIT: self._hear_end,
        }.items():
            self._handlers_before[number] = signal.signal(number, handler)

    @property
    def terminal_descriptor(self) -> int:
        """Where the terminal is written to, for a program that it is lent to."""
        return self._descriptor

    # ------------------------------------------------------------------ writing

    def write(self, data: str) -> None:
        """Never waits. Outside application mode it is thrown away."""
        if self._frame is not None:
            self._frame.append(data)
        elif self._writer is not None:
            self._writer.write(data)

    @property
    def is_behind(self) -> bool:
        """Whether a frame made now would be thrown away. If so, the listener is told when to repaint."""
        return self._is_lost or self._writer is None or self._writer.is_behind()

    def write_frame(self, text: str) -> bool:
        """One whole picture; False when the terminal is behind and it was refused."""
        return self._writer is not None and self._writer.write_frame(text)

    @contextmanager
    def as_frame(self) -> Iterator[None]:
        """What is written inside is one frame."""
        self._frame = []
        try:
            yield
        finally:
            text, self._frame = "".join(self._frame), None
            if text:
                self.write_frame(text)

    @property
    def has_mouse(self) -> bool:
        """Whether the mouse is ours."""
        return self._mouse

    def set_mouse(self, *, is_ours: bool) -> None:
        """Give the mouse to the terminal for its own selection, or take it back."""
        self._mouse = is_ours
        self.write(_MOUSE_ON if is_ours else MOUSE_OFF)

    def set_title(self, title: str) -> None:
        """Clean text for the terminal's title. The terminal's own is put aside for it; an empty one brings that back."""
        if title == self._title:
            return
        begin = "" if self._title else _PUT_TITLE_ASIDE
        self._title = title
        self.write(begin + _title_text(title) if title else _TITLE_BACK)

    # ------------------------------------------------------------------ starting and stopping

    def start_application_mode(self) -> None:
        if self._is_active or self._is_lost:
            return
        if not self._is_in_foreground():
            # The SIGCONT that brings it there starts it.
            self._is_stopped = True
            return
        self._is_active = True
        self._is_stopped = False
        self.exit_event.clear()
        if self._output is None:
            self._output = open_output(self._descriptor)
            atexit.register(self._leave_at_exit)
        self._writer = TerminalWriter(self._output, drained=self._hear_drained, lost=self._lose_terminal)
        self._writer.start()
        _handle(signal.SIGWINCH, self._hear_new_size)
        self._tell_size()
        self._set_raw()
        self.write(self._enter_text())
        if self._title:
            self.write(_PUT_TITLE_ASIDE + _title_text(self._title))
        if not constants.DISABLE_KITTY_KEY:
            flags = KITTY_DISAMBIGUATE_ESCAPE_CODES | KITTY_REPORT_ALL_KEYS | KITTY_REPORT_ASSOCIATED_TEXT
            self.write(f"\x1b[>{flags}u")
        self._start_input()
        self._request_terminal_sync_mode_support()
        if self.input_tty:
            self._query_in_band_window_resize()
        self.paintings += 1
        if self.paintings > 1:
            self._ask_for_repaint()
        if self._must_signal_resume:
            self._must_signal_resume = False
            self.send_message(self.SignalResume())

    def _is_in_foreground(self) -> bool:
        """Writing to a terminal whose foreground another job has would stop the process halfway; then it stops here."""
        if not os.isatty(self.fileno):
            return True
        _handle(signal.SIGTTOU, _stop_again)
        _handle(signal.SIGTTIN, _stop_again)
        try:
            termios.tcsetattr(self.fileno, termios.TCSANOW, termios.tcgetattr(self.fileno))
        except termios.error:
            return False
        finally:
            _handle(signal.SIGTTOU, signal.SIG_DFL)
            _handle(signal.SIGTTIN, signal.SIG_DFL)
        return True

    def _set_raw(self) -> None:
        try:
            self.attrs_before = termios.tcgetattr(self.fileno)
            attributes = termios.tcgetattr(self.fileno)
            attributes[tty.LFLAG] = self._patch_lflag(attributes[tty.LFLAG])
            attributes[tty.IFLAG] = self._patch_iflag(attributes[tty.IFLAG])
            attributes[tty.CC][termios.VMIN] = 1
            termios.tcsetattr(self.fileno, termios.TCSANOW, attributes)
            if self.attrs_before[tty.LFLAG] & termios.ICANON:
                self._typed_before_bytes = _waiting_bytes(self.fileno)
        except termios.error:
            self.attrs_before = None

    def stop_application_mode(self) -> None:
        if not self._is_active:
            return
        self._is_active = False
        self.write(self._leave_text())
        self.disable_input()
        writer, self._writer = self._writer, None
        if writer is not None:
            is_in_haste = self._ends_by_signal is not None
            writer.stop(
                LEAVE_PATIENCE_SECONDS,
                at_most_seconds=LEAVE_FOR_SIGNAL_WITHIN_SECONDS if is_in_haste else LEAVE_WITHIN_SECONDS,
            )
        self._set_as_before()

    def _enter_text(self) -> str:
        return _ENTER + (_MOUSE_ON if self._mouse else "")

    def _leave_text(self) -> str:
        title = _TITLE_BACK if self._title else ""
        return title + LEAVE

    def _set_as_before(self) -> None:
        """At once and without waiting for output, which a stuck terminal never takes."""
        with suppress(termios.error):
            termios.tcflush(self.fileno, termios.TCIFLUSH)
        if self.attrs_before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
            self.attrs_before = None

    def let_go(self) -> None:
        """Leaves the terminal for good, as far as there is one: the app goes on without."""
        self.stop_application_mode()
        self._is_lost = self._has_told_hang_up = True
        self._is_stopped = False
        self._close_output()

    def suspend_application_mode(self) -> None:
        self.stop_application_mode()

    def close(self) -> None:
        self.stop_application_mode()
        for number, handler in self._handlers_before.items():
            _handle(number, handler)
        self._handlers_before.clear()
        self._close_output()

    def _close_output(self) -> None:
        if self._output is not None:
            atexit.unregister(self._leave_at_exit)
            with suppress(OSError):
                os.close(self._output.descriptor)
            self._output = None

    def _leave_at_exit(self) -> None:
        """The last chance, for an end that went round everything else."""
        if self._is_active:
            self._is_active = False
            self._leave_by_force()

    def _leave_by_force(self) -> None:
        if self._output is not None and not self._output.can_block:
            with suppress(OSError):
                # Whatever sequence was cut off by this, CAN ends it.
                os.write(self._output.descriptor, f"{CANCEL}{self._leave_text()}".encode())
        self._set_as_before()

    # ------------------------------------------------------------------ reading

    def _start_input(self) -> None:
        waits_for_us, self._wake_input = os.pipe()
        self._key_thread = threading.Thread(
            target=self._run_input_thread_until, args=(waits_for_us,), name="terminal-input", daemon=True
        )
        self._key_thread.start()

    def disable_input(self) -> None:
        """Ends the thread that reads, at once."""
        if self._wake_input < 0:
            return
        self.exit_event.set()
        _handle(signal.SIGWINCH, signal.SIG_DFL)
        os.close(self._wake_input)
        self._wake_input = -1
        if self._key_thread is not None and self._key_thread is not threading.current_thread():
            self._key_thread.join()
        self._key_thread = None

    def _run_input_thread_until(self, stop: int) -> None:
        try:
            self._read_until(stop)
        except Exception as error:  # noqa: BLE001 - whatever a terminal sends, the app is told
            self._on_loop(self._app._handle_exception, error)
        finally:
            os.close(stop)

    def run_input_thread(self) -> None:
        raise NotImplementedError("the thread that reads is told by a pipe when to stop")

    def _read_until(self, stop: int) -> None:
        decoder, maker = KeyDecoder(waits=self.waits), MessageMaker()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(stop, selectors.EVENT_READ)
            while True:
                deadline_seconds = decoder.deadline_seconds
                timeout_seconds = None if deadline_seconds is None else max(0, deadline_seconds - time.monotonic())
                ready = {key.fd for key, _ in selector.select(timeout_seconds)}
                if stop in ready:
                    return
                if self.fileno in ready:
                    data = self._read()
                    if data is None:
                        continue
                    if not data:
                        self._lose_terminal()
                        return
                    data = self._without_early_end(data)
                    tokens = decoder.feed(data, time.monotonic())
                else:
                    tokens = decoder.tick(time.monotonic())
                for token in tokens:
                    if isinstance(token, Report):
                        self._hear_report(token.text)
                    else:
                        for message in maker.messages(token):
                            self.process_message(message)

    def _without_early_end(self, data: bytes) -> bytes:
        """The terminal made a line end of an Enter that was pressed before; it would be a new line in what was typed."""
        count, self._typed_before_bytes = self._typed_before_bytes, 0
        return data[:count].rstrip(b"\n") + data[count:]

    def _read(self) -> bytes | None:
        """Empty when the terminal is gone; None when there was nothing after all."""
        try:
            return os.read(self.fileno, _READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def send_message(self, message: Message) -> None:
        """In order, from any thread, and for many with one wake-up of the event loop."""
        self._arrived.append(message)
        if not self._arrival_is_told:
            self._arrival_is_told = True
            self._on_loop(self._hand_over)

    def _hand_over(self) -> None:
        self._arrival_is_told = False
        while self._arrived:
            self._app.post_message(self._arrived.popleft())

    def _enable_mouse_pixels(self) -> None:
        """Cells are enough, and pixels would be reported ten times as often."""

    # ------------------------------------------------------------------ what happens to the terminal

    def _on_loop(self, call: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(call, *arguments)

    def _listener(self) -> TerminalListener | None:
        return self._app if isinstance(self._app, TerminalListener) else None

    def _hear_drained(self) -> None:
        self._on_loop(self._ask_for_repaint)

    def _ask_for_repaint(self) -> None:
        listener = self._listener()
        self._app.call_later(self._app.refresh if listener is None else listener.repaint_terminal)

    def _hear_report(self, report: str) -> None:
        if listener := self._listener():
            self._on_loop(self._app.call_later, listener.terminal_answered, report)

    def _lose_terminal(self) -> None:
        """Called in the thread that found out; the second one to find out changes nothing."""
        if not self._is_lost:
            self._is_lost = True
            self._on_loop(self._tell_hang_up)

    def _hear_hang_up(self, number: int, frame: FrameType | None) -> None:
        self._on_loop(self._tell_hang_up)

    def _tell_hang_up(self) -> None:
        """Once: the signal, the end of input and a failed write are all the same news."""
        if self._has_told_hang_up:
            return
        self._has_told_hang_up = True
        listener = self._listener()
        if listener is not None:
            self._app.call_later(listener.terminal_lost)
        else:
            self._app.call_later(self._app.exit, return_code=128 + signal.SIGHUP)

    def _hear_end(self, number: int, frame: FrameType | None) -> None:
        if self._ends_by_signal is None:
            self._ends_by_signal = signal.Signals(number)
            self._on_loop(self._tell_end)
            self.end_by_force_after(END_WITHIN_SECONDS, return_code=128 + number)

    def _tell_end(self) -> None:
        number = self._ends_by_signal
        assert number is not None
        listener = self._listener()
        if listener is not None:
            self._app.call_later(listener.end_requested, number)
        else:
            self._app.call_later(self._app.exit, return_code=128 + number)

    def _hear_interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self._is_active and not self._is_lost:
            # Another program has the terminal, and was meant.
            return
        now_seconds = time.monotonic()
        before_seconds, self._interrupted_seconds = self._interrupted_seconds, now_seconds
        if now_seconds - before_seconds > INTERRUPTED_ONCE_SECONDS:
            self._on_loop(self._tell_interrupt)

    def _tell_interrupt(self) -> None:
        listener = self._listener()
        if listener is not None:
            self._app.call_later(listener.interrupted)
        else:
            self._app.call_later(self._app.exit, return_code=128 + signal.SIGINT)

    def end_by_force_after(self, seconds: float, *, return_code: int) -> None:
        """Whatever hangs, the process is gone by then, and the terminal as it was before as far as it still listens."""

        def end() -> None:
            time.sleep(seconds)
            if self._is_active:
                self._leave_by_force()
            os._exit(return_code)

        try:
            threading.Thread(target=end, name="end-by-force", daemon=True).start()
        except (RuntimeError, MemoryError):
            # No memory or no room for a thread; the process that waits puts the terminal right.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, seconds)

    # ------------------------------------------------------------------ its size

    def _get_terminal_size(self) -> tuple[int, int]:
        for descriptor in (self._descriptor, self.fileno):
            with suppress(OSError):
                columns, rows = os.get_terminal_size(descriptor)
                if columns and rows:
                    return columns, rows
        return 80, 24

    def _hear_new_size(self, number: int, frame: FrameType | None) -> None:
        if not self._in_band_window_resize and not self._size_is_due:
            self._size_is_due = True
            self._on_loop(self._tell_size)

    def _tell_size(self) -> None:
        self._size_is_due = False
        size = Size(*self._get_terminal_size())
        self.send_message(events.Resize(size, size))

    # ------------------------------------------------------------------ job control

    def _sigtstp_application(self, *_: object) -> None:
        """On the loop, never in the middle of something: a signal may come while the terminal is being set up."""
        if time.monotonic() - self._continued_seconds < SIGNALS_TOGETHER_SECONDS:
            # Python calls handlers by number, not in the order of the signals: this one may have come first, and a
            # process that stops after its SIGCONT waits for ever.
            return
        self._was_continued = False
        if not self._is_active or not self._auto_restart:
            os.kill(os.getpid(), signal.SIGSTOP)
        elif not self._stop_is_due:
            self._stop_is_due = True
            self._on_loop(self._stop_process)

    def _stop_process(self) -> None:
        self._stop_is_due = False
        if self._was_continued:
            return
        if self._auto_restart and self._is_active:
            self.suspend_application_mode()
            self._is_stopped = True
            self._must_signal_resume = True
        self._stop_unless_continued()

    def _stop_unless_continued(self) -> None:
        """A SIGCONT that came while the terminal was being left must not be waited for again."""
        if self._was_continued:
            self._go_on()
        else:
            os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *_: object) -> None:
        self._was_continued = True
        self._continued_seconds = time.monotonic()
        self._on_loop(self._go_on)

    def _go_on(self) -> None:
        """A second SIGCONT, as from a shell to a whole process group, finds nothing to do but to paint again."""
        if not self._auto_restart:
            return
        if self._is_stopped:
            self.start_application_mode()
        elif self._is_active:
            # Stopped by somebody else, who may have written on the screen since.
            self.write(self._enter_text() + (_title_text(self._title) if self._title else ""))
            self.paintings += 1
            self._ask_for_repaint()


def _title_text(title: str) -> str:
    return f"\x1b]2;{title}\a"


def _handle(number: signal.Signals, handler: Any) -> None:
    """Outside the main thread nothing can be handled, and nothing needs to be."""
    with suppress(ValueError):
        signal.signal(number, handler)


def _waiting_bytes(descriptor: int) -> int:
    """What was typed and is not read yet; 0 where nobody says."""
    try:
        return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)
    except OSError:
        return 0


def _stop_again(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
