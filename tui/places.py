"""Where chinwag keeps things.

Naming a place makes nothing: whoever writes there calls ``atomic.make_private_folder`` first.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tui.failures import Failure

APP_NAME = "chinwag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The four folders that everything lives in; the properties name what is inside them."""

    data: Path
    config: Path
    cache: Path
    state: Path
    is_throwaway: bool = False
    """Nothing here outlives the process."""

    @property
    def conversations(self) -> Path:
        return self.data / "conversations"

    @property
    def attachments(self) -> Path:
        return self.data / "attachments"

    @property
    def documents(self) -> Path:
        return self.data / "documents"

    @property
    def drafts(self) -> Path:
        return self.data / "drafts"

    @property
    def outputs(self) -> Path:
        return self.data / "outputs"

    @property
    def exports(self) -> Path:
        return self.data / "exports"

    @property
    def trash(self) -> Path:
        return self.data / "trash"

    @property
    def settings_file(self) -> Path:
        return self.config / "settings.toml"

    @property
    def models_file(self) -> Path:
        return self.config / "models.toml"

    @property
    def hosts_file(self) -> Path:
        return self.config / "hosts.toml"

    @property
    def secrets_file(self) -> Path:
        return self.config / "secrets.toml"

    @property
    def presets(self) -> Path:
        return self.config / "presets"

    @property
    def user_themes(self) -> Path:
        return self.config / "themes"

    @property
    def prompts(self) -> Path:
        return self.config / "prompts"

    @property
    def tools(self) -> Path:
        return self.config / "tools"

    @property
    def index_file(self) -> Path:
        return self.cache / "index.sqlite3"

    @property
    def usage_file(self) -> Path:
        return self.state / "usage.jsonl"

    @property
    def cloud_leave_file(self) -> Path:
        return self.state / "cloud.json"

    @property
    def confirmed_tools_file(self) -> Path:
        return self.state / "tools.json"

    @property
    def control(self) -> Path:
        return self.state / "control"

    @property
    def log(self) -> Path:
        return self.state / "log"


def places_below(root: Path, *, is_throwaway: bool = False) -> Places:
    """All four folders in one."""
    return Places(
        data=root / "data",
        config=root / "config",
        cache=root / "cache",
        state=root / "state",
        is_throwaway=is_throwaway,
    )


def user_places(environ: Mapping[str, str]) -> Places:
    """The person's own places, each from the first of these that is set.

    ``CHINWAG_DATA_DIR``, ``CHINWAG_CONFIG_DIR``, ``CHINWAG_CACHE_DIR``, ``CHINWAG_STATE_DIR`` name the folder itself
    (``~`` is the home); ``XDG_DATA_HOME`` and its like the folder around ``chinwag``; then the platform's custom.
    Raises ``Failure`` when a ``CHINWAG_`` variable holds a relative path: it would mean another place each start.
    """
    return Places(
        data=_folder("data", environ),
        config=_folder("config", environ),
        cache=_folder("cache", environ),
        state=_folder("state", environ),
    )


def _folder(kind: str, environ: Mapping[str, str]) -> Path:
    variable = f"CHINWAG_{kind.upper()}_DIR"
    if chosen := environ.get(variable, ""):
        path = _home(environ) / chosen[2:] if chosen.startswith("~/") else Path(chosen)
        if not path.is_absolute():
            raise Failure(f"{variable} is {chosen}", "that is a relative path", "give one that begins with / or ~/")
        return path
    # Given a mapping other than the process's own environment, platformdirs would not see it.
    around = Path(environ.get(f"XDG_{kind.upper()}_HOME", ""))
    return around / APP_NAME if around.is_absolute() else _customary_folder(kind, _home(environ))


def _home(environ: Mapping[str, str]) -> Path:
    try:
        return Path(environ.get("HOME") or Path.home())
    except RuntimeError as error:
        raise Failure("there is no home folder", "HOME is not set and this user has none", "set HOME") from error


def _customary_folder(kind: str, home: Path) -> Path:
    from platformdirs import PlatformDirs

    folder = Path(getattr(PlatformDirs(APP_NAME, appauthor=False), f"user_{kind}_path"))
    process_home = _home(os.environ)
    if home != process_home and folder.is_relative_to(process_home):
        return home / folder.relative_to(process_home)
    return folder


@contextmanager
def throwaway_places() -> Iterator[Places]:
    """Places in a fresh private folder that is removed at the end, for ``--demo`` and ``--private``."""
    root = Path(tempfile.mkdtemp(prefix=f"{APP_NAME}-"))
    try:
        yield places_below(root, is_throwaway=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def bundled_themes() -> Path:
    """The folder of the themes that come with chinwag: inside an installed package, beside it in the repository."""
    package = Path(__file__).resolve().parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"
