"""Keys and headers for one server: whom they are for, and when they may leave.

They are bound to scheme, host and port, so that no other address ever gets them, and they travel unencrypted to this
machine only, unless that is allowed for this server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tui.engine import ErrorKind, Host
from tui.ollama.address import is_loopback
from tui.ollama.errors import OllamaConnectionError

_DEFAULT_PORT = {"http": 80, "https": 443}
_OLLAMA_COM = ("https", "ollama.com", 443)
_KEY_VARIABLE = "OLLAMA_API_KEY"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{0,16000}")
_OURS = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "connection", "accept", "accept-encoding", "te", "upgrade")
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a server wants to see before it answers. Its text form shows no secret."""

    url: str
    """The server that they are for: ``https://gpu-box:8080``; a path in it means nothing here."""
    api_key: str = field(default="", repr=False)
    """Sent as ``Authorization: Bearer …``."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_plain_http: bool = False
    """They may travel unencrypted to another machine: anybody on the way can read them."""


def headers_to_send(credentials: Credentials | None, host: Host, environ: Mapping[str, str]) -> dict[str, str]:
    """The headers for a server, names in lower case. ``OLLAMA_API_KEY`` goes to https://ollama.com and nowhere else.

    Raises ``OllamaConnectionError`` when the credentials are another server's, would travel unencrypted to another
    machine, or cannot be sent.
    """
    headers: dict[str, str] = {}
    if credentials is not None:
        headers = _checked(credentials, host)
    key = environ.get(_KEY_VARIABLE, "").strip()
    if key and "authorization" not in headers and origin(host.url) == _OLLAMA_COM:
        headers["authorization"] = f"Bearer {_sendable(key, f'the key in {_KEY_VARIABLE}')}"
    return headers


def secrets_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What must not be read in a log: every value, and the key alone that one of them carries; longest first."""
    values = {value for value in headers.values() if value}
    keys = {value.partition(" ")[2].strip() for value in values if value.lower().startswith(("bearer ", "basic "))}
    return tuple(sorted(values | keys - {""}, key=len, reverse=True))


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address, each in its one form."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "", "", 0
    return scheme, host, port or _DEFAULT_PORT.get(scheme, 0)


def _checked(credentials: Credentials, host: Host) -> dict[str, str]:
    headers = {name.strip().lower(): value.strip() for name, value in credentials.headers.items()}
    key = credentials.api_key.strip()
    if not headers and not key:
        return {}
    bound_to, target = origin(credentials.url), origin(host.url)
    if bound_to != target or not target[1]:
        raise _withheld(
            host, f"it is for {_shown(bound_to)}, and this is {_shown(target)}", "set a key for this server, or none"
        )
    if target[0] != "https" and not is_loopback(target[1]) and not credentials.allow_plain_http:
        raise _withheld(
            host,
            "the key would travel over plain http, where anybody on the way can read it",
            "use https, or set allow_plain_http = true for this server",
        )
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name in _OURS:
            raise _unsendable(f"the header {name[:40]!r}", "it is not one that may be set")
        _sendable(value, f"the header {name}")
    if key:
        if "authorization" in headers:
            raise _unsendable("the header authorization", "the api key is sent in it")
        headers["authorization"] = f"Bearer {_sendable(key, 'the api key')}"
    return headers


def _sendable(secret: str, what: str) -> str:
    if not _HEADER_VALUE.fullmatch(secret):
        raise _unsendable(what, "it has characters that no header may have, or too many")
    return secret


def _shown(found: tuple[str, str, int]) -> str:
    scheme, host, port = found
    return f"{scheme}://{host}:{port}" if host else "no address"


def _withheld(host: Host, why: str, advice: str) -> OllamaConnectionError:
    return OllamaConnectionError(f"the key for {host.name} is not sent", why, advice, kind=ErrorKind.refused)


def _unsendable(what: str, why: str) -> OllamaConnectionError:
    return OllamaConnectionError(f"{what} cannot be sent", why, "correct it", kind=ErrorKind.refused)
