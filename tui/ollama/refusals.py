"""What a server means when it says no: the many shapes of its error bodies, and the error a person reads.

Ollama answers ``{"error": text}``, but the text may be the whole JSON body of the runner behind it, with or without
lines of its log after it, or a Go map printed as text; old remote models give a Go struct, a proxy in between
gives HTML, a wrong path plain text, and a refused ``Host`` header nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from tui.engine import ErrorKind, Host
from tui.ollama import ndjson
from tui.ollama.errors import (
    OllamaError,
    OllamaModelError,
    OllamaResponseError,
    OllamaStreamError,
    Repeating,
    one_line,
)

_DEEPEST_NESTING = 4
_LONGEST_UNDERSTOOD = 32 * 1024
"""Ollama keeps 8 KB of a runner's log. Every pattern here is bounded, so that a hostile text costs no time."""
_MOST_GO_MAPS = 3

_GO_MAP = re.compile(
    r"map\[(?:code:(?P<code>\d{3}) )?message:(?:(?P<message>.*) type:(?P<type>\w+)|(?P<untyped>.*))\]", re.DOTALL
)
_HTML = re.compile(r"\s*<(?:!doctype|html|head|body)", re.IGNORECASE)
_HTML_TITLE = re.compile(r"<title[^>]{0,200}>(.{0,500}?)</title>", re.IGNORECASE | re.DOTALL)

_OUT_OF_MEMORY = re.compile(
    "out of memory|out-of-memory|out of device memory|cudamalloc failed|hipmalloc failed|failed to allocate"
    "|allocation failed|not enough memory|insufficient memory|vk_error_out_of_device_memory|erroroutofmemory"
    "|requires more system memory|unable to load full model on gpu|memory layout cannot be allocated"
    "|unable to allocate|failed to commit memory|signal: killed|model requires .{1,200} but only .{1,200} (?:are|is) available",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    "exceeds the available context size|longer than the context length|exceeds the context length"
    "|exceeds the model's maximum context length|exceeds maximum context length",
    re.IGNORECASE,
)
_TOO_LONG_NUMBERS = re.compile(r"\((\d{1,12}) tokens\).*?\((\d{1,12}) tokens\)", re.DOTALL)
_NOT_FOUND = re.compile(r"""model ['"].{0,500}?['"] not found""", re.DOTALL)
_LACKS = re.compile(
    r"(?<!raw mode )does not support (?P<what>\w+)|(?P<painter>image generation models are not)"
    r"|(?P<images>image input is not supported|does not support (?:image|multimodal))"
    r"|(?P<level>think value .{0,200} is not supported)|(?P<mlx>requires MLX support)",
    re.IGNORECASE,
)
_WRONG_REQUEST = re.compile(
    r"option \".{0,200}?\" must be|invalid format:|invalid think value|missing unit in duration"
    r"|raw mode does not support|Unsupported type: '|must be between"
)
_NO_CLOUD = re.compile("cloud is disabled|remote model details are unavailable|remote model is unavailable")
_TEMPLATE = re.compile(r"(?:template: |template error)")
_CANNOT_LOAD = re.compile(
    r"unknown model architecture|may be incompatible|no longer compatible|requires a newer version"
)
_RUNNER_DIED = re.compile(
    "runner has unexpectedly stopped|error was encountered while running the model|runner exited unexpectedly"
    "|(?:llama-server|runner) process (?:has terminated|no longer running)",
    re.IGNORECASE,
)
_CANNOT = {
    "tools": ("cannot call tools", "turn tools off, or choose another model"),
    "thinking": ("cannot think", "turn thinking off, or choose another model"),
    "chat": ("cannot chat", "choose another model"),
    "generate": ("cannot write text", "choose another model"),
    "painter": ("paints, and cannot chat", "choose another model"),
    "images": ("cannot see images", "leave the image out, or choose another model"),
    "embeddings": ("cannot make vectors", "choose one for embedding"),
    "insert": ("cannot fill a gap", "leave out the suffix, or choose a model for code"),
    "level": ("cannot think at this level", "choose another level, or only on or off"),
}
_NO_SUCH_PATH = "404 page not found"
"""What a server says to what a later one can do, and so does many another one that is not ollama."""
_CANNOT_OTHER = ("cannot do this", "choose another model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a server said, as far as it could be made out."""

    text: str = ""
    """The sentence that says why; empty when none was sent."""
    details: str = ""
    """Lines of a log that came after it."""
    type: str = ""
    status: int | None = None
    prompt_tokens: int | None = None
    context_tokens: int | None = None
    signin_url: str = ""
    retry_after: str = ""
    is_ollamas: bool = True
    """It came as Ollama says it; otherwise something else answered."""


def refusal_of_body(body: bytes, *, status: int, headers: Mapping[str, str]) -> Refusal:
    """An answer with a status that says no. ``headers`` have lower-case names."""
    retry_after = headers.get("retry-after", "")
    text = ndjson.readable_text(body[:_LONGEST_UNDERSTOOD]).strip()
    try:
        value, _ = ndjson.decoded_prefix(text)
    except ndjson.NotJsonError:
        return replace(_of_text(text), status=status, retry_after=retry_after, is_ollamas=False)
    if not isinstance(value, (dict, str)):
        return Refusal(text=text, status=status, retry_after=retry_after, is_ollamas=False)
    found = refusal_of_value(value)
    is_ollamas = isinstance(value, dict) and "error" in value
    return replace(found, status=status, retry_after=retry_after, is_ollamas=is_ollamas)


def is_refusal(value: Mapping[str, Any]) -> bool:
    """Whether an object of a stream says that something went wrong."""
    if "error" not in value:
        return False
    return bool(value["error"]) or not ("message" in value or "done" in value)


def refusal_of_value(value: Any, depth: int = 0) -> Refusal:
    """The sentence inside an error, however often it was wrapped."""
    if depth > _DEEPEST_NESTING:
        return Refusal()
    if isinstance(value, str):
        return _of_string(value[:_LONGEST_UNDERSTOOD], depth)
    if not isinstance(value, dict):
        return Refusal()
    inner = value.get("error")
    if inner in (None, "") and isinstance(value.get("message"), (str, dict)):
        inner = value["message"]
    found = refusal_of_value(inner, depth + 1)
    return replace(
        found,
        type=found.type or _string(value.get("type")),
        status=found.status if found.status is not None else _status(value.get("StatusCode", value.get("code"))),
        prompt_tokens=_first(found.prompt_tokens, _count(value.get("n_prompt_tokens"))),
        context_tokens=_first(found.context_tokens, _count(value.get("n_ctx"))),
        signin_url=found.signin_url or _string(value.get("signin_url")),
    )


def error_of_refusal(refusal: Refusal, *, host: Host, model: str = "", begun: bool = False) -> OllamaError:
    """The error that a person reads. ``begun``: part of the answer had come before."""
    kind = kind_of(refusal)
    title, message, advice = _words(refusal, kind, host=host, model=one_line(model, 80))
    if begun:
        error_class: type[OllamaError] = OllamaStreamError
        if kind is ErrorKind.refused:
            kind, title = ErrorKind.broken_off, "the answer broke off"
            advice = "what came is kept; ask again"
    elif kind in _ABOUT_THE_MODEL:
        error_class = OllamaModelError
    else:
        error_class = OllamaResponseError
    return error_class(
        title,
        message,
        advice,
        kind=kind,
        status=refusal.status,
        prompt_tokens=refusal.prompt_tokens,
        context_tokens=refusal.context_tokens,
        repeating=Repeating.never if begun else repeating_of(refusal, kind),
        retry_after_seconds=_seconds(refusal.retry_after),
        signin_url=refusal.signin_url if refusal.signin_url.startswith(("https://", "http://")) else "",
        runner_died=_RUNNER_DIED.search(f"{refusal.text}\n{refusal.details}") is not None,
    )


def repeating_of(refusal: Refusal, kind: ErrorKind) -> Repeating:
    """A server or a proxy that is only busy or not there yet may be asked again; one that said why it cannot may not."""
    is_passing = refusal.status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
    return Repeating.always if is_passing and kind in {ErrorKind.busy, ErrorKind.refused} else Repeating.never


_ABOUT_THE_MODEL = frozenset(
    {ErrorKind.model_missing, ErrorKind.out_of_memory, ErrorKind.lacks_capability, ErrorKind.context_exceeded}
)


def kind_of(refusal: Refusal) -> ErrorKind:
    """What somebody above the client decides by."""
    said = f"{refusal.text}\n{refusal.details}"
    if refusal.type == "exceed_context_size_error" or _TOO_LONG.search(said):
        return ErrorKind.context_exceeded
    if _OUT_OF_MEMORY.search(said):
        return ErrorKind.out_of_memory
    if _NOT_FOUND.search(said) and refusal.status in {404, None}:
        return ErrorKind.model_missing
    if _LACKS.search(said):
        return ErrorKind.lacks_capability
    if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return ErrorKind.busy
    if refusal.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}:
        return ErrorKind.unauthorized
    return ErrorKind.refused


def _words(refusal: Refusal, kind: ErrorKind, *, host: Host, model: str) -> tuple[str, str, str]:
    said = one_line(f"{refusal.text} {refusal.details}".strip() or _status_words(refusal.status))
    subject = f"model {model}" if model else "the model"
    match kind:
        case ErrorKind.model_missing:
            return f"{subject} is not on {host.name}", said, "pull it, or choose another model"
        case ErrorKind.out_of_memory:
            advice = "choose a smaller model, or unload others (ollama stop)"
            return f"{subject} ran out of memory on {host.name}", said, advice
        case ErrorKind.context_exceeded:
            if refusal.prompt_tokens is not None and refusal.context_tokens is not None:
                said = f"with all that was said it has {refusal.prompt_tokens} tokens and {refusal.context_tokens} fit"
            return (
                f"the prompt is too long for {subject}",
                said,
                "shorten it, or start a new conversation",
            )
        case ErrorKind.lacks_capability:
            cannot, advice = _lacking(said)
            return f"{subject} {cannot}", said, advice
        case ErrorKind.busy:
            return f"{host.name} is busy", said, "wait a little and send it again"
        case ErrorKind.unauthorized:
            advice = f"run ollama signin on {host.name}" if refusal.is_ollamas else "ask whoever runs this server"
            if refusal.signin_url:
                advice = f"sign in at {one_line(refusal.signin_url, 500)}"
            return f"{host.name} asks for a sign-in", said, advice
        case _:
            return _words_of_other(refusal, said, host=host, subject=subject)


def _words_of_other(refusal: Refusal, said: str, *, host: Host, subject: str) -> tuple[str, str, str]:
    status = refusal.status or 0
    if "requires --jinja" in said or "requires -jinja" in said:
        return f"{subject} was loaded in another way", said, "unload it, then ask again"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = (
            f"try again in {one_line(refusal.retry_after, 40)} s"
            if _seconds(refusal.retry_after) is not None
            else "try again later"
        )
        return f"{host.name} has had too many requests", said, wait
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return f"{subject} needs a subscription", said, "choose another model"
    if status == HTTPStatus.FORBIDDEN and not refusal.text:
        return f"{host.name} does not accept this address", said, "start ollama there with OLLAMA_HOST=0.0.0.0"
    if status == HTTPStatus.NOT_FOUND and refusal.text == _NO_SUCH_PATH:
        advice = f"update ollama on {host.name}; if it is new enough, check the address"
        return f"{host.name} does not know how to do this", said, advice
    if not refusal.is_ollamas:
        return f"{host.name} does not answer like ollama", said, "check the address, and any proxy in between"
    if _WRONG_REQUEST.search(said):
        return f"{host.name} refused the request", said, "correct the options and send it again"
    if "invalid model name" in said or "use either :local or :cloud" in said:
        return f"{subject} has no name that a model can have", said, "correct it, or choose another model"
    if status == HTTPStatus.FORBIDDEN and _NO_CLOUD.search(said):
        return f"{host.name} does not use the cloud", said, "choose another model, or turn its cloud on"
    if _TEMPLATE.match(said):
        return f"the template of {subject} is broken", said, "correct it, or pull the model again"
    if _CANNOT_LOAD.search(said):
        return f"{subject} cannot be loaded", said, f"update ollama on {host.name}, or pull the model again"
    if "timed out waiting for" in said:
        return f"{subject} did not load in time", said, "try again, or choose a smaller model"
    if status >= 500 or not status:
        return f"{subject} gave no answer", said, f"try again; the log of ollama on {host.name} may say more"
    return f"{host.name} refused the request", said, "check the options, or choose another model"


def _lacking(said: str) -> tuple[str, str]:
    match = _LACKS.search(said)
    if match is None:
        return _CANNOT_OTHER
    what = (match["what"] or "").lower()
    if match["images"] or what in {"multimodal", "image", "images", "vision"}:
        what = "images"
    elif match["level"]:
        what = "level"
    elif match["painter"]:
        what = "painter"
    cannot, advice = _CANNOT.get(what, _CANNOT_OTHER)
    return cannot, "pull it again: a newer one of this name can" if "Pull the model again" in said else advice


def _of_string(text: str, depth: int) -> Refusal:
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            value, tail = ndjson.decoded_prefix(stripped)
        except ndjson.NotJsonError:
            return Refusal(text=stripped)
        return _with_tail(refusal_of_value(value, depth + 1), tail)
    return _of_text(stripped)


def _of_text(text: str) -> Refusal:
    if _HTML.match(text):
        title = _HTML_TITLE.search(text)
        return Refusal(text=one_line(title[1]) if title and title[1].strip() else "a web page")
    dump = _go_map(text)
    if dump is not None:
        found = Refusal(
            text=dump["message"] or dump["untyped"] or "", type=dump["type"] or "", status=_status(dump["code"])
        )
        return _with_tail(found, text[dump.end() :].strip())
    sentence, _, rest = text.partition("\n")
    return _with_numbers(Refusal(text=sentence.strip(), details=rest.strip()))


def _go_map(text: str) -> re.Match[str] | None:
    start = -1
    for _ in range(_MOST_GO_MAPS):
        start = text.find("map[", start + 1)
        if start < 0:
            return None
        found = _GO_MAP.match(text, start)
        if found is not None:
            return found
    return None


def _with_tail(refusal: Refusal, tail: str) -> Refusal:
    return replace(refusal, details=f"{refusal.details}\n{tail}".strip()) if tail else refusal


def _with_numbers(refusal: Refusal) -> Refusal:
    """Some runners put the two figures only into the sentence."""
    numbers = _TOO_LONG_NUMBERS.search(refusal.text) if _TOO_LONG.search(refusal.text) else None
    if numbers is None:
        return refusal
    return replace(refusal, prompt_tokens=int(numbers[1]), context_tokens=int(numbers[2]))


def _status_words(status: int | None) -> str:
    try:
        return f"{status} {HTTPStatus(status or 0).phrase.lower()}"
    except ValueError:
        return f"status {status}" if status else "it did not say why"


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _status(value: Any) -> int | None:
    if isinstance(value, str) and value.isdigit():
        value = int(value[:3])
    number = _count(value)
    return number if number is not None and 100 <= number <= 599 else None


def _seconds(text: str) -> float | None:
    """``Retry-After`` in seconds; a date there is not read."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one
