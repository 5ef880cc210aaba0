"""Servers by name: ``hosts.toml``, one table for each, and the keys for them, which never stand in it.

```toml
[gpu-box]
address = "http://gpu-box:11434"
api_key_variable = "GPU_BOX_KEY"     # the environment variable that has the key; or [gpu-box] api_key in secrets.toml
ca_file = "/etc/ssl/our-ca.pem"      # trusted beside the machine's own certificates, for this server alone
allow_plain_http = false             # the key may travel unencrypted to another machine
memory_bytes = 24_000_000_000        # of its GPUs, to say what fits
```
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tui.atomic import FileMissing, make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean_line
from tui.engine import Host
from tui.failures import Failure
from tui.ollama.address import parse_host
from tui.settings.schema import TEXT_LIMIT_CHARACTERS
from tui.toml import read_toml

LIMIT_BYTES = 256 * 1024
MOST_HOSTS = 500
LARGEST_MEMORY_BYTES = 1 << 50
SECRETS_MODE = 0o077
"""What nobody but the owner may be allowed on a file with keys."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_KEYS = ("address", "api_key_variable", "ca_file", "allow_plain_http", "memory_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedHost:
    """One server as the person wrote it down."""

    name: str
    address: str
    api_key_variable: str = ""
    ca_file: str = ""
    allow_plain_http: bool = False
    memory_bytes: int | None = None

    @property
    def host(self) -> Host:
        """Where it is. Its own name is what screens call it."""
        return replace(parse_host(self.address, source="chosen"), name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBook:
    """Every server that is written down, in the order of the file."""

    hosts: tuple[NamedHost, ...] = ()
    faults: tuple[str, ...] = ()
    """What was left out and why; clean lines."""

    def find(self, name: str) -> NamedHost | None:
        """By its name, in any case."""
        return next((one for one in self.hosts if one.name.casefold() == name.strip().casefold()), None)

    def at(self, url: str) -> NamedHost | None:
        """The first one with this address, as ``Host.url`` has it."""
        return next((one for one in self.hosts if one.host.url == url), None)


def checked_host(host: NamedHost) -> NamedHost:
    """``host`` itself when it can be written down. Raises ``Failure`` naming what cannot be."""
    shown = clean_line(host.name, 40)
    if not _NAME.fullmatch(host.name):
        raise Failure(
            f"{shown or 'nothing'} is no name for a server",
            "letters, digits, dots, _ and -, at most 40",
            "such as gpu-box",
        )
    if not host.address.strip():
        raise Failure(
            f"{shown} needs an address", "there is none", "write it like gpu-box:11434 or https://example.com"
        )
    parse_host(host.address, source="hosts.toml")
    if host.api_key_variable and not _VARIABLE.fullmatch(host.api_key_variable):
        raise Failure(
            f"{clean_line(host.api_key_variable, 40)} is no environment variable",
            "the key itself does not stand here",
            "name the variable that has it, such as GPU_BOX_KEY",
        )
    if len(host.ca_file) > TEXT_LIMIT_CHARACTERS or (
        host.ca_file and not Path(host.ca_file).expanduser().is_absolute()
    ):
        raise Failure(
            f"{clean_line(host.ca_file, 60)} is no file of certificates", "a relative path means another file each start",
            "give one that begins with / or ~/",
        )  # fmt: skip
    if host.memory_bytes is not None and not 0 < host.memory_bytes <= LARGEST_MEMORY_BYTES:
        raise Failure(f"{shown} cannot have that much memory", "it is counted in bytes", "24 GB are 24_000_000_000")
    return host


def read_hosts(file: Path) -> HostBook:
    """What ``file`` says; a server that cannot be used is left out and said. Never raises. Blocks."""
    try:
        table = read_toml(read_bounded(file, LIMIT_BYTES, follow_links=True), name=file.name, limit_bytes=LIMIT_BYTES)
    except FileMissing:
        return HostBook()
    except Failure as failure:
        return HostBook(faults=(clean_line(f"{failure.title}: {failure.message}; its servers are not used", 300),))
    hosts: list[NamedHost] = []
    faults: list[str] = []
    for name, entry in list(table.items())[:MOST_HOSTS]:
        try:
            host = checked_host(_host(name, entry))
            if any(one.name.casefold() == host.name.casefold() for one in hosts):
                raise Failure(f"{name} stands there twice", "capitals make no other name", "rename one")
        except Failure as failure:
            faults.append(clean_line(f"{file.name}: {failure.title}: {failure.message}", 300))
        else:
            hosts.append(host)
            unknown = sorted(set(entry) - set(_KEYS))
            faults += [clean_line(f"{file.name}: {name} has no {one}", 300) for one in unknown[:3]]
    return HostBook(hosts=tuple(hosts), faults=tuple(faults))


def _host(name: str, entry: Any) -> NamedHost:
    if not isinstance(entry, dict):
        raise Failure(f"{clean_line(name, 40)} needs to be a table", f"as in [{clean_line(name, 40)}]", "correct it")
    text = {key: entry.get(key, "") for key in ("address", "api_key_variable", "ca_file")}
    may_be_plain, memory_bytes = entry.get("allow_plain_http", False), entry.get("memory_bytes")
    wrong = [key for key, value in text.items() if not isinstance(value, str) or len(value) > 4 * TEXT_LIMIT_CHARACTERS]
    if not isinstance(may_be_plain, bool):
        wrong.append("allow_plain_http")
    if memory_bytes is not None and (not isinstance(memory_bytes, int) or isinstance(memory_bytes, bool)):
        wrong.append("memory_bytes")
    if wrong:
        raise Failure(
            f"{clean_line(name, 40)}: {wrong[0]} cannot have that value", "it is of another kind", "correct it"
        )
    return NamedHost(name=name, allow_plain_http=may_be_plain, memory_bytes=memory_bytes, **text)


def put_host(file: Path, host: NamedHost, *, instead_of: str = "") -> HostBook:
    """Writes a server down, in place of the one called ``instead_of``; comments and the others stay. Blocks.

    Raises ``Failure``, the file then being what it was: for what cannot be written down, a name that another server
    has, a file that is broken, or a disk that refuses.
    """
    import tomlkit

    checked_host(host)
    document, book = _document(file)
    taken = book.find(host.name)
    if taken is not None and taken.name != instead_of:
        raise Failure(f"{host.name} is there already", f"it is {clean_line(taken.address, 60)}", "choose another name")
    table: Any = document.get(instead_of) if instead_of else None
    if table is None:
        table = tomlkit.table()
    for key, value in (
        ("address", host.address.strip()),
        ("api_key_variable", host.api_key_variable),
        ("ca_file", host.ca_file),
        ("allow_plain_http", host.allow_plain_http),
        ("memory_bytes", host.memory_bytes),
    ):
        if value:
            table[key] = value
        elif key in table:
            del table[key]
    if instead_of and instead_of != host.name and instead_of in document:
        del document[instead_of]
    document[host.name] = table
    return _write(file, document)


def remove_host(file: Path, name: str) -> HostBook:
    """Strikes a server out; one that is not there is none. Blocks. Raises ``Failure`` as ``put_host``."""
    document, book = _document(file)
    if name not in document:
        return book
    del document[name]
    return _write(file, document)


def _document(file: Path) -> tuple[Any, HostBook]:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        data = read_bounded(file, LIMIT_BYTES, follow_links=True)
    except FileMissing:
        return tomlkit.document(), HostBook()
    read_toml(data, name=str(file), limit_bytes=LIMIT_BYTES)
    try:
        return tomlkit.parse(data.decode().removeprefix("\ufeff")), read_hosts(file)
    except (TOMLKitError, ValueError) as error:
        raise Failure(f"{file} cannot be edited in place", clean_line(str(error), 120), "edit it by hand") from error


def _write(file: Path, document: Any) -> HostBook:
    import tomlkit

    data = tomlkit.dumps(document).encode()
    # What was written must read as what was meant: an editor in place has more ways to fail than a writer.
    read_toml(data, name=str(file), limit_bytes=LIMIT_BYTES)
    try:
        make_private_folder(file.parent)
        write_atomically(Path(os.path.realpath(file)), data)
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"{file} cannot be written", cause, "make room or correct its permissions") from error
    return read_hosts(file)


def api_key_for(host: NamedHost, environ: Mapping[str, str], secrets_file: Path) -> str:
    """The key of a server: from its variable, else from ``secrets.toml``; empty when it has none. Blocks.

    Raises ``Failure`` when the variable is named and not set, or the file is not private or broken.
    """
    if host.api_key_variable:
        key = environ.get(host.api_key_variable, "").strip()
        if not key:
            raise Failure(
                f"the key for {host.name} is not there", f"{host.api_key_variable} is not set", "set it and start again"
            )
        return key
    try:
        data = read_bounded(secrets_file, LIMIT_BYTES)
    except FileMissing:
        return ""
    _check_private(secrets_file)
    entry = read_toml(data, name=str(secrets_file)).get(host.name, {})
    key = entry.get("api_key", "") if isinstance(entry, dict) else ""
    return key.strip() if isinstance(key, str) else ""


def _check_private(file: Path) -> None:
    try:
        found = file.stat()
    except OSError as error:
        raise Failure(f"{file} cannot be read", (error.strerror or str(error)).lower(), "check it") from error
    if stat.S_IMODE(found.st_mode) & SECRETS_MODE:
        raise Failure(f"{file} is not used", "others than you may read it", f"chmod 600 {file}")
