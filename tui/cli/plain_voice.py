"""How plain mode speaks: answers on standard output, words about them on standard error."""

from __future__ import annotations

from tui.cleaning import clean, clean_line
from tui.cli.outlet import Outlet
from tui.failures import Failure

WORDS_LIMIT_CELLS = 500


class PlainVoice:
    """Everything is cleaned here. ``stdout_is_terminal``: both are seen on one screen, so lines are kept apart."""

    def __init__(self, outlet: Outlet, *, stdout: int, stderr: int, stdout_is_terminal: bool) -> None:
        self._outlet = outlet
        self._stdout = stdout
        self._stderr = stderr
        self.stdout_is_terminal = stdout_is_terminal
        self._is_line_open = False
        self._has_answered = False

    def say(self, words: str) -> None:
        """One line in brackets, about what happens."""
        self.tell(f"[{clean_line(words, WORDS_LIMIT_CELLS)}]")

    def say_failure(self, failure: Failure, *, more: str = "") -> None:
        self.say(", ".join(part for part in (failure.title, failure.message, failure.advice, more) if part))

    def tell(self, *lines: str) -> None:
        """Lines of a list or a help, as they are."""
        if self.stdout_is_terminal:
            self.end_line()
        self._outlet.put(self._stderr, "".join(f"{clean_line(line, WORDS_LIMIT_CELLS)}\n" for line in lines))

    def ask(self, mark: str) -> None:
        """What stands before the place where the person types."""
        self._outlet.put(self._stderr, mark)

    def begin_answer(self) -> None:
        """Answers in a file or a pipe are kept apart by an empty line."""
        if self._has_answered and not self.stdout_is_terminal:
            self._outlet.put(self._stdout, "\n")
        self._has_answered = True

    def write(self, text: str) -> None:
        """A part of an answer, cut anywhere."""
        if text:
            self._outlet.put(self._stdout, clean(text))
            self._is_line_open = not text.endswith("\n")

    def end_line(self) -> None:
        """What is written next begins a line."""
        if self._is_line_open:
            self._outlet.put(self._stdout, "\n")
            self._is_line_open = False

    def end_echo(self) -> None:
        """After a key that the terminal shows and that ends no line, such as Ctrl+C."""
        if self._is_line_open and self.stdout_is_terminal:
            self.end_line()
        else:
            self._outlet.put(self._stderr, "\n")
