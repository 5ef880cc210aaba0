"""Whether this machine ends everything that a person runs when the person logs out. Reads files; asks nobody.

systemd's logind does so where ``KillUserProcesses=yes`` is set, unless the person may linger. A process cannot get out
of that by itself, so somebody who relies on it has to be told.
"""

from __future__ import annotations

import configparser
import getpass
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_FOLDERS = ("usr/lib/systemd", "usr/local/lib/systemd", "run/systemd", "etc/systemd")
"""What stands in a later one goes before."""
_LARGEST_BYTES = 256 * 1024

HINT = "This machine ends it when you log out; loginctl enable-linger prevents that."


def ends_at_logout(*, root: Path = Path("/"), user: str | None = None) -> bool:
    """False where nothing says so. ``user`` is the name of the person, by default of whoever runs this."""
    if not (root / "run/systemd/system").is_dir():
        return False
    login = _settings(root)
    if login.get("killuserprocesses", "").lower() not in ("yes", "true", "on", "1"):
        return False
    try:
        name = getpass.getuser() if user is None else user
    except (OSError, KeyError, ImportError):
        return True
    if (root / "var/lib/systemd/linger" / name).exists():
        return False
    only = login.get("killonlyusers", "").split()
    excluded = login.get("killexcludeusers", "root").split()
    return name not in excluded and (not only or name in only)


def _settings(root: Path) -> dict[str, str]:
    """The section ``Login`` of all files together, names in lower case."""
    found: dict[str, str] = {}
    for file in _files(root):
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        with suppress(OSError, UnicodeError, configparser.Error):
            with file.open(encoding="utf-8") as opened:
                parser.read_string(opened.read(_LARGEST_BYTES))
            for section in parser.sections():
                if section == "Login":
                    found.update({name: value or "" for name, value in parser.items(section)})
    return found


def _files(root: Path) -> Iterator[Path]:
    """First the main file that counts, then what adds to it, by name."""
    mains = [root / folder / "logind.conf" for folder in _FOLDERS]
    yield from [file for file in mains if file.is_file()][-1:]
    added: dict[str, Path] = {}
    for folder in _FOLDERS:
        with suppress(OSError):
            added |= {file.name: file for file in (root / folder / "logind.conf.d").iterdir() if file.suffix == ".conf"}
    yield from (added[name] for name in sorted(added))
