"""What holds for every test: no network, nothing written outside the repository, nothing of the person who runs it."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from tests.terminal import REPOSITORY, clean_environment

WRITABLE_FOLDERS = tuple(
    f"{os.path.realpath(folder)}{os.sep}" for folder in (REPOSITORY, tempfile.gettempdir(), sys.prefix, "/dev", "/proc")
)
WRITING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

set_hypothesis_home_dir(REPOSITORY / ".hypothesis")
# A deadline measures the machine, not the code, as does how fast examples are drawn; where nobody watches, they are the
# same each time.
SLOW_HERE = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("here", deadline=None, suppress_health_check=SLOW_HERE)
hypothesis.settings.register_profile(
    "unwatched", deadline=None, suppress_health_check=SLOW_HERE, derandomize=True, database=None, print_blob=True
)
hypothesis.settings.load_profile("unwatched" if os.environ.get("CI") else "here")


def stay_inside(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: what would leave the machine or the repository fails as it would without network or permission."""
    if event == "open":
        refuse_to_write(arguments[0], arguments[2])
    elif event == "os.mkdir":
        refuse_to_write(arguments[0], os.O_CREAT)
    elif event == "socket.connect":
        refuse_to_connect(arguments[1])
    elif event == "socket.getaddrinfo":
        refuse_to_look_up(arguments[0])


def refuse_to_write(path: object, flags: object) -> None:
    if not isinstance(path, str | bytes) or not isinstance(flags, int) or not flags & WRITING_FLAGS:
        return
    real = os.path.realpath(os.fsdecode(path))
    if not f"{real}{os.sep}".startswith(WRITABLE_FOLDERS):
        raise PermissionError(errno.EACCES, "a test writes only in its own folders", real)


def refuse_to_connect(address: object) -> None:
    if isinstance(address, tuple) and not is_here(address[0]):
        raise OSError(errno.ENETUNREACH, f"a test has no network to reach {address[0]}")


def refuse_to_look_up(host: object) -> None:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if isinstance(name, str) and not is_here(name) and address_of(name) is None:
        raise socket.gaierror(socket.EAI_NONAME, f"a test has no network to look up {name}")


def is_here(host: object) -> bool:
    """Whether a host is this machine, by its loopback name or address."""
    if not isinstance(host, str) or host in {"", "localhost"}:
        return True
    address = address_of(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


sys.addaudithook(stay_inside)


@pytest.fixture(scope="session", autouse=True)
def nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Every test runs as nobody in particular: with a clean environment and a home of its own."""
    home = tmp_path_factory.mktemp("nobody")
    environment = clean_environment(home)
    with pytest.MonkeyPatch.context() as patch:
        for name in set(os.environ) - set(environment):
            if name != "CI" and not name.startswith("PYTEST"):
                patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield home
