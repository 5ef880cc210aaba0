"""Which way a request takes: straight, or through the proxy that the environment names.

Loopback and private hosts are reached directly whatever the environment says, so that no prompt leaves for a proxy
on its way to the same desk.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from tui.engine import ErrorKind
from tui.ollama.address import IpAddress, ip_address, is_loopback
from tui.ollama.errors import OllamaConnectionError

_PRIVATE_ENDINGS = (".local", ".internal", ".lan", ".home.arpa", ".localdomain")
_DEFAULT_PROXY_PORT = {"http": 80, "https": 443}


def proxy_url(url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy for a server's address, as ``scheme://[user@]host:port``; None for the direct way.

    Raises ``OllamaConnectionError`` when the environment names one that cannot be used.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if is_private(host) or _is_excepted(host, port, _variable(environ, "no_proxy")[1]):
        return None
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        variable, value = _variable(environ, name)
        if value:
            return _checked(variable, value)
    return None


def is_private(host: str) -> bool:
    """Whether it is this machine, a private address, or a name that only means something nearby."""
    ip = ip_address(host)
    if ip is None:
        name = host.rstrip(".").lower()
        return is_loopback(host) or "." not in name or name.endswith(_PRIVATE_ENDINGS)
    return is_loopback(host) or ip.is_private or ip.is_link_local


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Both spellings are in use; the lower-case one wins, as in curl."""
    for spelling in (name, name.upper()):
        value = environ.get(spelling, "").strip()
        if value:
            return spelling, value
    return name, ""


def _is_excepted(host: str, port: int | None, exceptions: str) -> bool:
    name = host.rstrip(".").lower()
    ip = ip_address(host)
    for entry in re.split(r"[,\s]+", exceptions.lower()):
        pattern, with_port = _split_port(entry)
        if not pattern or (with_port is not None and with_port != port):
            continue
        if pattern == "*":
            return True
        if ip is not None:
            if _in_network(ip, pattern):
                return True
        elif name == pattern.lstrip("*").lstrip(".") or name.endswith("." + pattern.lstrip("*").lstrip(".")):
            return True
    return False


def _split_port(entry: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*):([0-9]{1,5})", entry)
    return (match[1].strip("[]"), int(match[2])) if match else (entry.strip("[]"), None)


def _in_network(ip: IpAddress, pattern: str) -> bool:
    try:
        return ip in ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return False


def _checked(variable: str, value: str) -> str:
    whole = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unusable(variable, "it is not an address") from None
    if parts.scheme not in _DEFAULT_PROXY_PORT:
        raise _unusable(variable, f"it asks for {parts.scheme[:20]}, and only http and https proxies are spoken")
    if not host or not whole.isprintable() or re.search(r"\s", whole):
        raise _unusable(variable, "it is not an address")
    user = parts.netloc.rpartition("@")[0]
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{user}{'@' if user else ''}{bracketed}:{port or _DEFAULT_PROXY_PORT[parts.scheme]}"


def _unusable(variable: str, why: str) -> OllamaConnectionError:
    return OllamaConnectionError(
        f"the proxy in {variable} cannot be used",
        why,  # the value itself may carry a password
        f"correct or unset {variable}, or name the server in NO_PROXY",
        kind=ErrorKind.unreachable,
    )
