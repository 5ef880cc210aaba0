"""The progress of a pull, a push or a create, read from its bytes however they were split."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tui.engine import ErrorKind, Host, LayerProgress, Progress, ProgressPhase
from tui.ollama import ndjson, wire
from tui.ollama.errors import OllamaError, OllamaResponseError, OllamaStreamError, Repeating, one_line
from tui.ollama.refusals import Refusal, refusal_of_value
from tui.ollama.transfer_errors import Transfer, error_of_transfer

MOST_LAYERS = 2000
_LONGEST_STATUS = 300
_LONGEST_DIGEST = 100

_PHASES = (
    (re.compile(r"success$"), ProgressPhase.done),
    (re.compile(r"verifying"), ProgressPhase.checking),
    (
        re.compile(
            r"writing manifest|pushing manifest|removing|couldn't remove|using existing layer|creating new layer"
        ),
        ProgressPhase.finishing,
    ),
)


class Layers:
    """What is known of the parts of one model. Kept while a pull is asked for again, since it goes on where it was."""

    def __init__(self) -> None:
        self._layers: dict[str, LayerProgress] = {}
        self._current = ""
        self._seen: tuple[LayerProgress, ...] = ()

    @property
    def seen(self) -> tuple[LayerProgress, ...]:
        return self._seen

    @property
    def is_full(self) -> bool:
        """There are more than any model has."""
        return len(self._layers) > MOST_LAYERS

    def begin_again(self) -> None:
        """The server tells of every layer anew; one that was under way is not whole because another is named."""
        self._current = ""

    def put(self, digest: str, completed_bytes: int, total_bytes: int | None) -> LayerProgress:
        """A line about one layer. Layers come one after the other: with a new one, the one before is whole."""
        if digest != self._current:
            self.end_current()
            self._current = digest
        if total_bytes is not None:
            completed_bytes = min(completed_bytes, total_bytes)
        layer = LayerProgress(digest=digest, completed_bytes=completed_bytes, total_bytes=total_bytes)
        self._layers[digest] = layer
        self._seen = tuple(self._layers.values())
        return layer

    def end_current(self) -> None:
        """The layer that was under way is whole: the line that says so is often left out."""
        layer = self._layers.get(self._current)
        self._current = ""
        if layer is not None and layer.total_bytes is not None and layer.completed_bytes != layer.total_bytes:
            self._layers[layer.digest] = LayerProgress(
                digest=layer.digest, completed_bytes=layer.total_bytes, total_bytes=layer.total_bytes
            )
            self._seen = tuple(self._layers.values())


class TransferStream:
    """Takes bytes and gives ``Progress``; the last one given is done, or an ``OllamaError`` is raised."""

    def __init__(
        self, *, transfer: Transfer, host: Host, model: str, misfits: wire.Misfits, layers: Layers | None = None
    ) -> None:
        self._transfer = transfer
        self._host = host
        self._model = model
        self._misfits = misfits
        self._layers = Layers() if layers is None else layers
        self._layers.begin_again()
        self._lines = ndjson.LineCutter()
        self._has_begun = False
        self.is_done = False
        """The server said ``success``; whatever it says after that is ignored."""

    @property
    def held_bytes(self) -> int:
        """How much of a line has come whose end has not."""
        return self._lines.held_bytes

    def feed(self, data: bytes) -> Iterator[Progress]:
        """More of the answer, as much as one read brought."""
        return iter(()) if self.is_done else self._feed(data)

    def finish(self) -> Iterator[Progress]:
        """The answer has ended: reads what stands after the last newline. Raises unless the server said success."""
        tail = b"" if self.is_done else self._lines.tail()
        if tail:
            try:
                value = ndjson.decoded(tail)
            except ndjson.NotJsonError:
                raise (self._broken_off() if self._has_begun else self._not_json(tail)) from None
            yield self._read(value)
        if not self.is_done:
            raise self._broken_off()

    def take(self, value: Any, size_bytes: int) -> Iterator[Progress]:
        """The whole of an answer that is not streamed."""
        yield self._read(value)

    def refused(self, refusal: Refusal) -> OllamaError:
        """The error for a no, at once or later on."""
        return error_of_transfer(refusal, transfer=self._transfer, host=self._host, model=self._model)

    def _feed(self, data: bytes) -> Iterator[Progress]:
        try:
            for line in self._lines.feed(data):
                yield self._read(self._decoded(line))
                if self.is_done:
                    return
        except ndjson.LineTooLongError:
            raise self._unreadable(f"a line is longer than {ndjson.LONGEST_LINE_BYTES // 1_048_576} MB") from None

    def _decoded(self, line: bytes) -> Any:
        try:
            return ndjson.decoded(line)
        except ndjson.NotJsonError:
            raise self._not_json(line) from None

    def _read(self, value: Any) -> Progress:
        if not isinstance(value, dict):
            raise self._not_json(repr(value)[:2000].encode("ascii", "replace"))
        if "error" in value and (value["error"] or "status" not in value):
            raise self.refused(refusal_of_value(value))
        fields = wire.Fields(value, self._misfits)
        status = one_line(fields.text("status"), _LONGEST_STATUS)
        digest = fields.text("digest")[:_LONGEST_DIGEST]
        completed_bytes, total_bytes = fields.number("completed"), fields.number("total") or None
        phase = _phase(status, has_digest=bool(digest))
        if digest:
            completed_bytes = self._layers.put(digest, completed_bytes or 0, total_bytes).completed_bytes
            if self._layers.is_full:
                raise self._unreadable(f"it names more than {MOST_LAYERS} layers")
        elif phase is not ProgressPhase.preparing:
            self._layers.end_current()
        self._has_begun = self._has_begun or bool(status)
        self.is_done = phase is ProgressPhase.done
        return Progress(
            status=status,
            phase=phase,
            digest=digest,
            completed_bytes=completed_bytes,
            total_bytes=total_bytes,
            layers=self._layers.seen,
        )

    def _broken_off(self) -> OllamaStreamError:
        can_resume = self._transfer is Transfer.pull
        return OllamaStreamError(
            f"the {self._transfer} of {one_line(self._model, 80)} broke off",
            f"{self._host.name} ended it without saying that it was done",
            "pull it again: it goes on where it was" if can_resume else "try again",
            kind=ErrorKind.broken_off,
            repeating=Repeating.if_harmless,
        )

    def _not_json(self, said: bytes) -> OllamaError:
        return self._unreadable(f"it said: {one_line(ndjson.readable_text(said[:2000]), 120)}")

    def _unreadable(self, why: str) -> OllamaError:
        return OllamaResponseError(
            f"{self._host.name} does not answer like ollama",
            why,
            "check the address, and any proxy in between",
            kind=ErrorKind.unreadable,
        )


def _phase(status: str, *, has_digest: bool) -> ProgressPhase:
    for pattern, phase in _PHASES:
        if pattern.match(status):
            return phase
    return ProgressPhase.transferring if has_digest else ProgressPhase.preparing
