"""Ollama's JSON read field by field: what is unknown is ignored, what is missing or of a wrong type is its default.

One wrong type must not cost the object, so nothing here raises. Nanoseconds and Ollama's own field names end here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tui.engine import FinalCounts, Model, ModelDetails, RunningModel, ToolCall
from tui.ollama.names import is_cloud_name
from tui.ollama.replies import Account, CloudStatus, RecommendedModel

_LARGEST_NUMBER = 2**63 - 1
_NANOSECONDS = 1_000_000_000
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII)
_WEIGHTS = re.compile(r"^FROM [^\n]*?sha256[-:]([0-9a-fA-F]{64})[ \t\"]*$", re.MULTILINE)
_GO_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_GO_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Misfits:
    """How many fields a server sent in a wrong type or out of range."""

    count: int = 0


class Fields:
    """One JSON object, asked for its fields by type. What does not fit counts as a misfit and is given as missing."""

    __slots__ = ("_misfits", "_values")

    def __init__(self, value: Any, misfits: Misfits) -> None:
        self._misfits = misfits
        if isinstance(value, dict):
            self._values: Mapping[str, Any] = value
        else:
            self._values = _NOTHING
            if value is not None:
                misfits.count += 1

    def has(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            self._misfits.count += 1
        return ""

    def is_true(self, key: str) -> bool:
        value = self._values.get(key)
        if value is not None and not isinstance(value, bool):
            self._misfits.count += 1
        return value is True

    def number(self, key: str) -> int | None:
        """A whole number of at least 0; a larger one than Go can hold is cut to that."""
        value = self._values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._misfits.count += 1
            return None
        clamped = max(0, min(_LARGEST_NUMBER, int(value)))
        if clamped != value:
            self._misfits.count += 1
        return clamped

    def seconds(self, key: str) -> float | None:
        nanoseconds = self.number(key)
        return None if nanoseconds is None else nanoseconds / _NANOSECONDS

    def fields(self, key: str) -> Fields:
        return Fields(self._values.get(key), self._misfits)

    def mapping(self) -> Mapping[str, Any]:
        """The object as it came."""
        return self._values

    def items(self, key: str) -> list[Any]:
        value = self._values.get(key)
        if isinstance(value, list):
            return value
        if value is not None:
            self._misfits.count += 1
        return []

    def moment(self, key: str) -> datetime | None:
        """A timestamp; Go's zero time, in the year 1, is none."""
        text = self.text(key)
        if not text:
            return None
        moment = timestamp(text)
        if moment is None:
            self._misfits.count += 1
        return None if moment is None or moment.year == 1 else moment


def timestamp(text: str) -> datetime | None:
    """RFC 3339 with any number of fractional digits, of which six are kept; None when it is no moment."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, _, sign, hours, minutes = match.groups()
    zone: timezone = UTC
    try:
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-offset if sign == "-" else offset)
        moment = datetime.fromisoformat(f"{day}T{clock}")
    except ValueError:
        return None
    return moment.replace(microsecond=int(((fraction or "") + "000000")[:6]), tzinfo=zone)


def model(value: Any, misfits: Misfits) -> Model | None:
    """One entry of ``/api/tags``; None when it has no name.

    Its ``capabilities`` are left unread: the server computes them here without the chat template, so they lack
    thinking and tools of most models. Only ``/api/show`` says.
    """
    fields = Fields(value, misfits)
    name = fields.text("name") or fields.text("model")
    if not name:
        misfits.count += 1
        return None
    details = fields.fields("details")
    return Model(
        name=name,
        digest=fields.text("digest"),
        size_bytes=fields.number("size"),
        family=details.text("family"),
        parameter_size=details.text("parameter_size"),
        quantization=details.text("quantization_level"),
        trained_context_tokens=details.number("context_length") or None,
        modified_at=fields.moment("modified_at"),
        is_cloud=_is_cloud(name, fields),
    )


def running_model(value: Any, misfits: Misfits) -> RunningModel | None:
    """One entry of ``/api/ps``; None when it has no name."""
    fields = Fields(value, misfits)
    name = fields.text("name") or fields.text("model")
    if not name:
        misfits.count += 1
        return None
    return RunningModel(
        name=name,
        digest=fields.text("digest"),
        size_bytes=fields.number("size"),
        size_vram_bytes=fields.number("size_vram"),
        context_tokens=fields.number("context_length") or None,
        expires_at=fields.moment("expires_at"),
    )


def model_details(name: str, value: Any, misfits: Misfits) -> ModelDetails:
    """The answer of ``/api/show``."""
    fields = Fields(value, misfits)
    details = fields.fields("details")
    info = fields.fields("model_info")
    architecture = info.text("general.architecture")
    capabilities = None
    if fields.has("capabilities"):
        listed = fields.items("capabilities")
        capabilities = frozenset(entry for entry in listed if isinstance(entry, str))
        misfits.count += sum(not isinstance(entry, str) for entry in listed)
    return ModelDetails(
        name=name,
        capabilities=capabilities,
        trained_context_tokens=_of_architecture(info, architecture, "context_length")
        or details.number("context_length")
        or None,
        embedding_length=_of_architecture(info, architecture, "embedding_length")
        or details.number("embedding_length")
        or None,
        architecture=architecture,
        family=details.text("family"),
        parameter_size=details.text("parameter_size"),
        quantization=details.text("quantization_level"),
        system=fields.text("system"),
        template=fields.text("template"),
        license=fields.text("license"),
        modelfile=fields.text("modelfile"),
        parameters=parameters(fields.text("parameters")),
        is_cloud=_is_cloud(name, fields),
        layers=_of_architecture(info, architecture, "block_count") or None,
        metadata=tuple(
            (key, value) for key, value in sorted(info.mapping().items()) if isinstance(value, (str, int, float))
        ),
        weights_digest=weights_digest(fields.text("modelfile")),
    )


def weights_digest(modelfile: str) -> str:
    """``sha256:…`` of the file that a Modelfile is built on; empty when it is built on a name, or on nothing."""
    found = _WEIGHTS.search(modelfile)
    return "" if found is None else f"sha256:{found[1].lower()}"


def parameters(text: str) -> tuple[tuple[str, str], ...]:
    """The parameters of a Modelfile as ``/api/show`` prints them: a name, white space, a Go literal, a line each.

    Sorted by name, since the server's order changes from call to call; several values of one name keep their order.
    """
    found = []
    for line in text.split("\n"):
        name, _, value = line.strip().partition(" ")
        if name:
            found.append((name, _go_literal(value.strip())))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def tool_calls(message: Fields, misfits: Misfits) -> tuple[ToolCall, ...]:
    """The calls that one object carries; one without a name is no call."""
    calls = []
    for entry in message.items("tool_calls"):
        fields = Fields(entry, misfits)
        function = fields.fields("function")
        name = function.text("name")
        if not name:
            misfits.count += 1
            continue
        arguments = function.fields("arguments")
        calls.append(ToolCall(name=name, arguments=arguments.mapping(), id=fields.text("id")))
    return tuple(calls)


@dataclass(frozen=True, slots=True)
class Said:
    """What one object of an answer adds to it."""

    text: str
    thinking: str
    calls: tuple[ToolCall, ...]


def said_in_chat(fields: Fields, misfits: Misfits) -> Said:
    message = fields.fields("message")
    return Said(message.text("content"), message.text("thinking"), tool_calls(message, misfits))


def said_in_generate(fields: Fields, misfits: Misfits) -> Said:
    return Said(fields.text("response"), fields.text("thinking"), tool_calls(fields, misfits))


def cloud_status(value: Any, misfits: Misfits) -> CloudStatus:
    """The answer of ``/api/status``."""
    cloud = Fields(value, misfits).fields("cloud")
    return CloudStatus(is_disabled=cloud.is_true("disabled"), source=cloud.text("source"))


def account(value: Any, misfits: Misfits) -> Account:
    """The answer of ``/api/me``."""
    fields = Fields(value, misfits)
    return Account(id=fields.text("id"), name=fields.text("name"), email=fields.text("email"), plan=fields.text("plan"))


def recommended_model(value: Any, misfits: Misfits) -> RecommendedModel | None:
    """One entry of ``/api/experimental/model-recommendations``; None when it has no name."""
    fields = Fields(value, misfits)
    name = fields.text("model")
    if not name:
        misfits.count += 1
        return None
    return RecommendedModel(
        name=name,
        description=fields.text("description"),
        context_tokens=fields.number("context_length") or None,
        most_answer_tokens=fields.number("max_output_tokens") or None,
        vram_bytes=fields.number("vram_bytes") or None,
        needed_plan=fields.text("required_plan"),
        is_cloud=is_cloud_name(name),
    )


def final_counts(fields: Fields) -> FinalCounts:
    """The figures of the last object; one that is absent is unknown, not 0."""
    return FinalCounts(
        done_reason=fields.text("done_reason"),
        total_seconds=fields.seconds("total_duration"),
        load_seconds=fields.seconds("load_duration"),
        prompt_tokens=fields.number("prompt_eval_count"),
        prompt_seconds=fields.seconds("prompt_eval_duration"),
        answer_tokens=fields.number("eval_count"),
        answer_seconds=fields.seconds("eval_duration"),
    )


def _is_cloud(name: str, fields: Fields) -> bool:
    return bool(fields.text("remote_host")) or is_cloud_name(name)


def _of_architecture(info: Fields, architecture: str, what: str) -> int | None:
    if architecture:
        return info.number(f"{architecture}.{what}")
    named = [key for key in info if key.endswith(f".{what}")]
    return info.number(named[0]) if len(named) == 1 else None


def _go_literal(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return _GO_ESCAPE.sub(_unescaped, value[1:-1])


def _unescaped(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    if not digits:
        return _GO_ESCAPED.get(escape[4], escape[4])
    code_point = int(digits, 16)
    is_character = code_point <= 0x10FFFF and not 0xD800 <= code_point <= 0xDFFF
    return chr(code_point) if is_character else "\ufffd"
