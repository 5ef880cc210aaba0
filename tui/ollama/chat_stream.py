"""An answer, read from the bytes of ``/api/chat`` or ``/api/generate`` however they were split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tui.engine import Chunk, ErrorKind, FinalCounts, Host, ToolCall
from tui.ollama import ndjson, wire
from tui.ollama.errors import OllamaError, OllamaResponseError, OllamaStreamError, one_line
from tui.ollama.inline_thinking import InlineThinking
from tui.ollama.refusals import Refusal, error_of_refusal, is_refusal, refusal_of_value

LONGEST_TEXT_BYTES = 64 * 1024 * 1024
_MEGABYTE = 1024 * 1024


class ChatStream:
    """Takes bytes and gives ``Chunk``s, then one ``FinalCounts``.

    What one call of ``feed`` brings is one chunk, unless thinking follows text in it: within a chunk, the thinking
    comes before the text. Raises ``OllamaError`` after all that came before the fault was given.
    """

    def __init__(
        self,
        *,
        host: Host,
        model: str,
        misfits: wire.Misfits,
        said: Callable[[wire.Fields, wire.Misfits], wire.Said] = wire.said_in_chat,
        longest_text_bytes: int = LONGEST_TEXT_BYTES,
        inline: InlineThinking | None = None,
    ) -> None:
        """``said`` finds in one object of the answer what it adds; ``inline`` takes thinking out of its text."""
        self._said = said
        self._inline = inline
        self._host = host
        self._model = model
        self._misfits = misfits
        self._lines = ndjson.LineCutter()
        self._longest_text_bytes = longest_text_bytes
        self._text_bytes = 0
        self._growing = _GrowingChunk()
        self._has_begun = False
        self.is_done = False
        """The server said that the answer is whole; whatever it says after that is ignored."""

    @property
    def held_bytes(self) -> int:
        """How much of a line has come whose end has not."""
        return self._lines.held_bytes

    def feed(self, data: bytes) -> Iterator[Chunk | FinalCounts]:
        """More of the answer, as much as one read brought."""
        return iter(()) if self.is_done else self._feed(data)

    def finish(self) -> Iterator[Chunk | FinalCounts]:
        """The answer has ended: reads what stands after the last newline. Raises unless the server said done."""
        tail = b"" if self.is_done else self._lines.tail()
        if tail:
            try:
                value = ndjson.decoded(tail)
            except ndjson.NotJsonError:
                yield from self._given_whole()
                raise (self._broken_off() if self._has_begun else self._unreadable(tail)) from None
            yield from self.take(value, len(tail))
        if not self.is_done:
            yield from self._given_whole()
            raise self._broken_off()

    def take(self, value: Any, size_bytes: int) -> Iterator[Chunk | FinalCounts]:
        """One decoded object that stands for itself: the whole of an answer that is not streamed."""
        try:
            yield from self._take(value, size_bytes)
        except OllamaError:
            yield from self._given_whole()
            raise
        yield from self._growing.given()

    def refused(self, refusal: Refusal) -> OllamaError:
        """The error for a no, instead of an answer or in the middle of it."""
        return error_of_refusal(refusal, host=self._host, model=self._model, begun=self._has_begun)

    def _feed(self, data: bytes) -> Iterator[Chunk | FinalCounts]:
        try:
            for line in self._lines.feed(data):
                yield from self._take(self._decoded(line), len(line))
                if self.is_done:
                    return
        except ndjson.LineTooLongError:
            yield from self._given_whole()
            raise self._too_much(f"a line is longer than {ndjson.LONGEST_LINE_BYTES // _MEGABYTE} MB") from None
        except OllamaError:
            yield from self._given_whole()
            raise
        yield from self._growing.given()

    def _given_whole(self) -> Iterator[Chunk]:
        """All that came: what might have become a tag is what it is."""
        if self._inline is not None:
            yield from self._growing.add_to_last(*self._inline.end())
        yield from self._growing.given()

    def _decoded(self, line: bytes) -> Any:
        try:
            return ndjson.decoded(line)
        except ndjson.NotJsonError:
            raise self._unreadable(line) from None

    def _take(self, value: Any, size_bytes: int) -> Iterator[Chunk | FinalCounts]:
        if not isinstance(value, dict):
            raise self._unreadable(repr(value).encode("ascii", "replace"))
        if is_refusal(value):
            raise self.refused(refusal_of_value(value))
        fields = wire.Fields(value, self._misfits)
        said = self._said(fields, self._misfits)
        text, thinking, calls = said.text, said.thinking, said.calls
        if text or thinking or calls:
            self._has_begun = True
            self._text_bytes += size_bytes if calls else len(text) + len(thinking)
            if self._text_bytes > self._longest_text_bytes:
                raise self._too_much(f"it is longer than {self._longest_text_bytes // _MEGABYTE} MB")
            if self._inline is not None:
                if thinking:
                    held_thinking, held_text = self._inline.separated()
                    yield from self._growing.add_to_last(held_thinking, held_text)
                folded, text = self._inline.split(text)
                thinking += folded
            yield from self._growing.add(text, thinking, calls)
        counts = wire.final_counts(fields)
        if fields.is_true("done") or counts.done_reason:
            self.is_done = True
            yield from self._given_whole()
            yield counts

    def _broken_off(self) -> OllamaStreamError:
        if self._has_begun:
            title, advice = "the answer broke off", "what came is kept; ask again"
        else:
            title, advice = "no answer came", "ask again"
        return OllamaStreamError(
            title, f"{self._host.name} ended it without saying that it was done", advice, kind=ErrorKind.broken_off
        )

    def _too_much(self, why: str) -> OllamaStreamError:
        return OllamaStreamError(
            "the answer is too large",
            why,
            "ask for less, or choose another model",
            kind=ErrorKind.unreadable,
        )

    def _unreadable(self, said: bytes) -> OllamaError:
        message = f"it said: {one_line(ndjson.readable_text(said[:2000]), 120)}"
        if self._has_begun:
            return OllamaStreamError(
                "the answer cannot be read on", message, "what came is kept; ask again", kind=ErrorKind.unreadable
            )
        return OllamaResponseError(
            f"{self._host.name} does not answer like ollama",
            message,
            "check the address, and any proxy in between",
            kind=ErrorKind.unreadable,
        )


class _GrowingChunk:
    """What has come since the last chunk was given."""

    __slots__ = ("_calls", "_pieces", "_text", "_thinking")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._calls: list[ToolCall] = []
        self._pieces = 0

    def add(self, text: str, thinking: str, calls: tuple[ToolCall, ...]) -> Iterator[Chunk]:
        if thinking and self._text:
            yield from self.given()
        if thinking:
            self._thinking.append(thinking)
        if text:
            self._text.append(text)
        self._calls += calls
        self._pieces += 1

    def add_to_last(self, thinking: str, text: str) -> Iterator[Chunk]:
        """What belongs to a piece that was counted before."""
        pieces, self._pieces = self._pieces, 0
        yield from self.add(text, thinking, ())
        self._pieces = pieces

    def given(self) -> Iterator[Chunk]:
        if not (self._text or self._thinking or self._calls):
            return  # pieces of which nothing is known yet are counted with the next ones
        chunk = Chunk(
            text="".join(self._text),
            thinking="".join(self._thinking),
            tool_calls=tuple(self._calls),
            pieces=self._pieces,
        )
        self._text, self._thinking, self._calls, self._pieces = [], [], [], 0
        yield chunk
