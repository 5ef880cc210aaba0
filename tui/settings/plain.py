"""Whether the settings ask for no screen: the one setting that has to be known before there is one."""

from __future__ import annotations

from collections.abc import Mapping

from tui.atomic import read_bounded
from tui.failures import Failure
from tui.places import user_places
from tui.settings.load import LIMIT_BYTES, load_settings


def settings_say_plain(environ: Mapping[str, str]) -> bool:
    """``terminal.plain``. A file that cannot be read asks for nothing; what is wrong with it is said later. Blocks."""
    try:
        file = user_places(environ).settings_file
        # Nearly everybody's file does not name it, and need not be read twice.
        if b"plain" not in read_bounded(file, LIMIT_BYTES, follow_links=True):
            return False
    except (Failure, OSError):
        return False
    return load_settings(file, environ, {}).settings.terminal.plain
