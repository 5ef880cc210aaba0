"""Which addresses may be asked: those of the open net, never of this machine or of the networks behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from tui.cleaning import clean_line
from tui.failures import Failure

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The IP addresses of a host and port. Raises ``OSError`` when there are none."""

LONGEST_URL = 2000
_PORTS = {"http": 80, "https": 443}
_NOT_OPEN = tuple(
    ip_network(network)
    for network in (
        "fec0::/10",  # a site's own, of old
        "192.0.0.0/24",
        "64:ff9b:1::/48",
        "3fff::/20",  # like the two before it, open by the tables of older Pythons
        "168.63.129.16/32",  # what an Azure machine asks about itself
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An address that was looked up and may be asked. It is asked at ``ip``, so that no second look-up can differ."""

    url: str
    scheme: str
    host: str
    """As a person wrote it, in ASCII: for ``Host`` and the certificate."""
    port: int
    path: str
    """With its query."""
    ip: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if _PORTS[self.scheme] == self.port else f"{host}:{self.port}"

    @property
    def pinned_url(self) -> str:
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{self.scheme}://{ip}:{self.port}{self.path}"


async def resolve(host: str, port: int) -> Sequence[str]:
    """By the machine's own resolver, off the event loop."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for _, _, _, _, address in found]


async def find_target(url: str, *, resolver: Resolve = resolve) -> Target:
    """Raises ``Failure`` for what is no http or https address, and for one that is not on the open net.

    Every address that the name has must be allowed: which of them is asked is nobody's choice but ours.
    """
    scheme, host, port, path = _parts(url)
    shown = clean_line(host, 100)
    try:
        found = await resolver(host, port)
    except OSError as error:
        raise Failure(f"cannot read {shown}", f"the name is not known: {error.strerror or error}", "check it") from None
    if not found:
        raise Failure(f"cannot read {shown}", "the name has no address", "check it")
    for one in found:
        if not is_open(one):
            raise Failure(
                f"{shown} is not read", f"{one} is not on the open net", "save the page and attach the file instead"
            )
    return Target(url=url, scheme=scheme, host=host, port=port, path=path, ip=found[0])


def is_open(address: str) -> bool:
    """Whether an IP address is one of the open net: not of this machine, a private network, a link or a group."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    for inner in (ip, *_carried(ip)):
        if not inner.is_global or inner.is_multicast or inner.is_reserved or inner.is_unspecified:
            return False
        if any(inner in network for network in _NOT_OPEN):
            return False
    return True


def _carried(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that stand inside an IPv6 one: mapped, 6to4, Teredo and NAT64."""
    if isinstance(ip, IPv4Address):
        return []
    found = [one for one in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if one is not None]
    number = int(ip)
    if number >> 32 == 0x0064_FF9B_0000_0000_0000_0000:
        found.append(IPv4Address(number & 0xFFFF_FFFF))
    return found


def _parts(url: str) -> tuple[str, str, int, str]:
    shown = clean_line(url, 100)
    no = Failure(f"{shown} is no web address", "", "write one that begins with https://")
    if len(url) > LONGEST_URL or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise no
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise no from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        raise no
    if parts.username is not None or parts.password is not None:
        raise Failure(f"{clean_line(parts.hostname, 60)} is not read", "its address holds a name or a password", "")
    try:
        host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode("ascii")
    except UnicodeError:
        raise no from None
    query = f"?{parts.query}" if parts.query else ""
    return scheme, host, port or _PORTS[scheme], f"{parts.path or '/'}{query}"
