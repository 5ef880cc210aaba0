"""Why a model could not be pulled, pushed or created: the server's sentence, and what a person can do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from tui.engine import ErrorKind, Host
from tui.ollama.errors import OllamaError, OllamaModelError, OllamaResponseError, Repeating, one_line
from tui.ollama.refusals import Refusal, error_of_refusal, kind_of, repeating_of


class Transfer(StrEnum):
    """What is done with a model; the member is what a person calls it."""

    pull = "pull"
    push = "push"
    create = "create"


_DONE = {Transfer.pull: "pulled", Transfer.push: "pushed", Transfer.create: "created"}


@dataclass(frozen=True, slots=True)
class _Cause:
    """What a server says, and what that means; ``{model}`` and ``{host}`` are filled in."""

    said: re.Pattern[str]
    title: str
    advice: str
    kind: ErrorKind = ErrorKind.refused
    repeating: Repeating = Repeating.never
    only: Transfer | None = None


def _cause(pattern: str, title: str, advice: str, **more: ErrorKind | Repeating | Transfer) -> _Cause:
    return _Cause(re.compile(pattern, re.IGNORECASE | re.DOTALL), title, advice, **more)  # type: ignore[arg-type]


_CAUSES = (
    _cause(
        r"manifest: file does not exist|manifest unknown",
        "there is no model {model} to pull",
        "check its name and its tag where it is published",
        kind=ErrorKind.model_missing,
    ),
    _cause(
        r"^open .*manifests.*: no such file|couldn't retrieve manifest",
        "model {model} is not on {host}",
        "check its name, or create it first",
        kind=ErrorKind.model_missing,
        only=Transfer.push,
    ),
    _cause(
        r"no space left on device|disk quota exceeded", "the disk of {host} is full", "delete models that nobody needs"
    ),
    _cause(
        r"requires a newer version of ollama",
        "{model} needs a newer ollama",
        "update ollama on {host}",
    ),
    _cause(
        r"requires MLX support|not supported on this",
        "{host} cannot run {model}",
        "choose another tag of it, one in GGUF",
        kind=ErrorKind.lacks_capability,
    ),
    _cause(
        r"unauthorized|access denied|is denied|\"(?:DENIED|UNAUTHORIZED)\"|(?:manifest: |status code |^)40[13]\b"
        r"|realm host .* does not match",
        "the registry does not let {host} {transfer} {model}",
        "run ollama signin on {host}, and check the name",
        kind=ErrorKind.unauthorized,
    ),
    _cause(
        r"digest mismatch, file must be downloaded again|verifying sha256 digest failed",
        "a part of {model} came damaged",
        "pull it again; the damaged part comes anew",
        repeating=Repeating.always,
        only=Transfer.pull,
    ),
    _cause(
        r"^file does not exist",
        "the registry lacks a part of {model}",
        "tell whoever published it, or choose another tag",
        only=Transfer.pull,
    ),
    _cause(
        r"invalid character .* looking for beginning of value",
        "what answers {host} is not a registry of models",
        "check its network: a sign-in page or a proxy may stand in between",
    ),
    _cause(
        r"too many requests|(?:manifest: |status code |^)429\b",
        "the registry has had too many requests",
        "try again later",
    ),
    _cause(
        r"no such host|dial tcp|i/o timeout|tls handshake|connection re(?:set|fused)|network is unreachable|broken pipe"
        r"|max retries exceeded|unexpected EOF|: EOF$|context deadline exceeded|server misbehaving"
        r"|(?:manifest: |status code |^)50[0234]\b",
        "{host} does not reach the registry",
        "check its network, then try again",
        repeating=Repeating.if_harmless,
    ),
    _cause(
        r"not in GGUF format|unknown type|unsupported (?:architecture|content type)|no files provided",
        "{model} cannot be made of this",
        "give a model in GGUF, or one that ollama can convert",
        only=Transfer.create,
    ),
    _cause(
        r"^open .*blobs.*: no such file",
        "a file of {model} is not on {host}",
        "upload it first",
        only=Transfer.create,
    ),
    _cause(r"template error|template: ", "the template of {model} cannot be read", "correct it", only=Transfer.create),
    _cause(
        r"invalid model name|neither 'from' or 'files'|only one adapter|must be relative|invalid digest|cannot quantize"
        r"|unsupported quantization|quantization is only supported",
        "{model} cannot be {done} like this",
        "correct the request",
    ),
)


def error_of_transfer(refusal: Refusal, *, transfer: Transfer, host: Host, model: str) -> OllamaError:
    """The error that a person reads when a server says no to a pull, a push or a create, at once or later on."""
    said = one_line(f"{refusal.text} {refusal.details}".strip())
    for cause in _CAUSES:
        if cause.only in {None, transfer} and cause.said.search(said):
            words = {
                "model": one_line(model, 80) or "the model",
                "host": host.name,
                "transfer": transfer.value,
                "done": _DONE[transfer],
            }
            error_class = OllamaModelError if cause.kind in _ABOUT_THE_MODEL else OllamaResponseError
            return error_class(
                cause.title.format(**words),
                said,
                cause.advice.format(**words),
                kind=cause.kind,
                status=refusal.status,
                repeating=cause.repeating,
                signin_url=refusal.signin_url if cause.kind is ErrorKind.unauthorized else "",
            )
    found = error_of_refusal(refusal, host=host, model=model)
    if found.kind is not ErrorKind.refused or not refusal.is_ollamas:
        return found
    return OllamaResponseError(
        f"{one_line(model, 80) or 'the model'} could not be {_DONE[transfer]}",
        found.message,
        f"the log of ollama on {host.name} may say more",
        kind=ErrorKind.refused,
        status=refusal.status,
        repeating=repeating_of(refusal, kind_of(refusal)),
        retry_after_seconds=found.retry_after_seconds,
    )


_ABOUT_THE_MODEL = frozenset({ErrorKind.model_missing, ErrorKind.lacks_capability})
