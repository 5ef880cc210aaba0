"""Where the server is: Ollama's rules for ``OLLAMA_HOST``, read as a client reads them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from tui.engine import Host
from tui.failures import Failure

DEFAULT_PORT = 11434
_PORT_OF_SCHEME = {"http": 80, "https": 443}
_LOCAL_ADDRESS = "127.0.0.1"
_EXAMPLE = "write it like gpu-box, gpu-box:8080 or https://example.com"
_HOST_NAME = re.compile(r"[^\W_](?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*\.?")
_LONGEST_ADDRESS = 2048
_LONGEST_HOST_NAME = 253
_SHOWN_CHARACTERS = 80

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def choose_host(flag: str | None, chosen: str | None, environ: Mapping[str, str]) -> Host:
    """The server to talk with: the ``--host`` flag, one chosen in chinwag, ``OLLAMA_HOST``, else this machine.

    An empty value counts as not given. Raises ``Failure`` when the first one given is not an address.
    """
    candidates = (("--host", flag), ("chosen", chosen), ("OLLAMA_HOST", environ.get("OLLAMA_HOST")))
    for source, value in candidates:
        if value is not None and _trimmed(value):
            return parse_host(value, source=source)
    return parse_host("", source="default")


def parse_host(value: str, *, source: str) -> Host:
    """An address as people write it: ``gpu-box``, ``:8080``, ``[::1]:1337``, ``https://example.com/ollama``.

    Without a scheme the port is 11434; with one it is 80 or 443, as in every URL and as Ollama does it. A port
    outside 0 to 65535 is replaced by the default. The addresses that only a server can bind (``0.0.0.0``, ``[::]``)
    become loopback. Raises ``Failure`` for what no connection can be made to, and for a user name or password.
    """
    text = _trimmed(value)
    shown = _without_user(text)
    if len(text) > _LONGEST_ADDRESS or any(not letter.isprintable() for letter in text):
        raise _not_an_address(shown, source, "it is too long or has characters that no address has")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = ("https", "ollama.com:443") if text == "ollama.com" else ("http", text)
    scheme = scheme.lower()
    if scheme not in _PORT_OF_SCHEME:
        raise _not_an_address(
            shown, source, f"{_short(scheme)}:// is not how ollama is reached, only http:// and https://"
        )
    default_port = _PORT_OF_SCHEME[scheme] if separator else (443 if scheme == "https" else DEFAULT_PORT)
    authority, _, path = rest.partition("/")
    if "@" in authority:
        raise Failure(
            f"{_short(shown)} carries a user name or a password",
            f"chinwag does not sign in to a server by its address (from {source})",
            "leave out what stands before the @",
        )
    if re.search(r"[?#\\\s]", authority + path):
        raise _not_an_address(shown, source, "an address has no spaces and nothing after ? or #")
    host, port = _host_and_port(authority, default_port)
    ip = ip_address(host)
    if ip is None and not _is_host_name(host):
        raise _not_an_address(shown, source, f"{_short(host)} is not the name of a machine")
    if ip is not None and ip.is_unspecified:
        ip = ipaddress.ip_address(_LOCAL_ADDRESS if ip.version == 4 else "::1")
    if ip is not None:
        host = str(ip)
    bracketed = f"[{host}]" if ip is not None and ip.version == 6 else host
    folder = f"/{path.strip('/')}" if path.strip("/") else ""
    return Host(
        url=f"{scheme}://{bracketed}:{port}{folder}",
        name=_name(host, bracketed, port, scheme) + folder,
        source=source,
        is_loopback=is_loopback(host),
    )


def ip_address(host: str) -> IpAddress | None:
    """The IP address that a host is, with its zone; None when it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """It is this machine: ``localhost``, 127.0.0.0/8 or ::1."""
    ip = ip_address(host)
    if ip is None:
        name = host.rstrip(".").lower()
        return name == "localhost" or name.endswith(".localhost")
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def _trimmed(value: str) -> str:
    """Ollama takes off spaces, then quotes, then spaces."""
    return value.strip().strip("\"'").strip()


def _host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    """The way Go's ``SplitHostPort`` tells them apart, with Ollama's answer for when it cannot."""
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](?::(.*))?", authority)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif authority.count(":") == 1:
        host, _, port = authority.partition(":")
    else:
        host, port = authority, None
    if port is None or not re.fullmatch(r"\+?[0-9]{1,9}", port) or int(port) > 65535:
        return host or _LOCAL_ADDRESS, default_port
    return host or _LOCAL_ADDRESS, int(port)


def _is_host_name(host: str) -> bool:
    if len(host) > _LONGEST_HOST_NAME or not _HOST_NAME.fullmatch(host):
        return False
    if re.fullmatch(r"[0-9.]+", host):
        return False  # an IPv4 address with too few, too many or too large numbers
    try:
        host.rstrip(".").encode("idna")
    except UnicodeError:
        return False
    return True


def _name(host: str, bracketed: str, port: int, scheme: str) -> str:
    if port == DEFAULT_PORT or (scheme == "https" and port == 443):
        return host
    return f"{bracketed}:{port}"


def _without_user(text: str) -> str:
    """What may be shown: a password in an address is nobody's to read."""
    return re.sub(r"(?:(?<=://)|^)[^/]*@", "…@", text)


def _short(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    return printable if len(printable) <= _SHOWN_CHARACTERS else printable[: _SHOWN_CHARACTERS - 1] + "…"


def _not_an_address(shown: str, source: str, why: str) -> Failure:
    return Failure(f"{_short(shown)} is not an address", f"{why} (from {source})", _EXAMPLE)
