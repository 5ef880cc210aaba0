"""A failing connection in words: what the HTTP library raised, and why underneath."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

from tui.engine import ErrorKind, Host
from tui.ollama.errors import (
    OllamaConnectionError,
    OllamaError,
    OllamaStreamError,
    OllamaTimeoutError,
    Repeating,
    one_line,
)

_MOST_CAUSES = 40


def error_of_fault(fault: BaseException, *, host: Host, begun: bool = False) -> OllamaError:
    """The error for what a connection raised. ``begun``: the answer had already begun to come."""
    if isinstance(fault, OllamaError):
        return fault
    if begun:
        return OllamaStreamError(
            "the answer broke off",
            f"the connection to {host.name} was lost",
            "ask again",
            kind=ErrorKind.broken_off,
            repeating=Repeating.if_harmless,
        )
    names = {type(cause).__name__ for cause in _causes(fault)}
    if names & {"ReadTimeout", "WriteTimeout"}:
        return silence(host)
    if "ConnectTimeout" in names:
        return _unreachable(host, "no connection came about in time", Repeating.always)
    if names & {"ReadError", "WriteError", "RemoteProtocolError"}:
        return OllamaConnectionError(
            f"{host.name} hung up",
            _hang_up(fault),
            "check that it still runs, then try again",
            kind=ErrorKind.unreachable,
            repeating=Repeating.if_harmless,
        )
    may_pass = "ConnectError" in names and not _stays(fault)
    return _unreachable(host, _reason(fault, host), Repeating.always if may_pass else Repeating.never)


def silence(host: Host) -> OllamaTimeoutError:
    """The connection stands and no answer comes; a server that is starting does that."""
    return OllamaTimeoutError(
        f"{host.name} does not answer yet",
        "it took the connection and said nothing; it may be starting",
        "wait a little, or choose another server",
        kind=ErrorKind.silent,
    )


def no_sign_of_life(host: Host, silent_seconds: float) -> OllamaStreamError:
    """An answer was awaited, and two questions on the side found nobody either."""
    return OllamaStreamError(
        "the answer broke off",
        f"{host.name} has said nothing for {silent_seconds:.0f} s and no longer answers otherwise either",
        "check that it still runs, then ask again",
        kind=ErrorKind.broken_off,
        repeating=Repeating.if_harmless,
    )


def closed(host: Host) -> OllamaConnectionError:
    return OllamaConnectionError(
        f"the connection to {host.name} is closed",
        "chinwag has left this server",
        "choose it again to go on",
        kind=ErrorKind.unreachable,
    )


def _unreachable(host: Host, why: str, repeating: Repeating) -> OllamaConnectionError:
    advice = "start it with: ollama serve" if host.is_loopback else "check that it runs, and its address"
    return OllamaConnectionError(
        f"no connection to {host.name}", why, advice, kind=ErrorKind.unreachable, repeating=repeating
    )


def _stays(fault: BaseException) -> bool:
    """Whether the next attempt would fail in the same way: a wrong name, certificate, scheme or permission."""
    return any(
        isinstance(cause, ssl.SSLError)
        or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        or (isinstance(cause, OSError) and cause.errno in {errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL})
        for cause in _causes(fault)
    )


def _reason(fault: BaseException, host: Host) -> str:
    causes = list(_causes(fault))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {one_line(cause.verify_message, 120)}"
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return "it does not speak https there; http:// may be right" if _speaks_no_tls(cause) else "https failed"
        if isinstance(cause, socket.gaierror):
            return "there is no machine of this name"
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno in _WORDS_OF_ERRNO:
            return f"{_WORDS_OF_ERRNO[cause.errno]} ({host.url})"
    return one_line(str(causes[-1]) or type(causes[-1]).__name__, 160)


def _speaks_no_tls(cause: ssl.SSLError) -> bool:
    return cause.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"}


_WORDS_OF_ERRNO = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.EHOSTUNREACH: "there is no way to this machine",
    errno.ENETUNREACH: "there is no way to its network",
    errno.EHOSTDOWN: "this machine is down",
    errno.ETIMEDOUT: "no connection came about in time",
    errno.ECONNRESET: "the connection was reset",
    errno.EACCES: "this machine does not allow the connection",
    errno.EPERM: "this machine does not allow the connection",
    errno.EADDRNOTAVAIL: "nothing can be reached at this address",
    errno.EMFILE: "too many files are open",
}


def _hang_up(fault: BaseException) -> str:
    text = str(fault)
    if "buffer" in text:
        return "its answer begins with headers that do not end"
    if "without sending" in text or not text:
        return "the connection ended before the answer began"
    return one_line(text, 160)


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """The fault, and what caused it, outermost first; groups are gone through too."""
    waiting, seen = [fault], 0
    while waiting and seen < _MOST_CAUSES:
        cause = waiting.pop(0)
        seen += 1
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            waiting.extend(cause.exceptions)
        deeper = cause.__cause__ or cause.__context__
        if deeper is not None:
            waiting.append(deeper)
