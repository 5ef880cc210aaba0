"""What sends a prompt, and what makes a new line in it: enter is the one or the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tui.app.commands.command import Command

_WHERE_ENTER_MAKES_A_LINE = {
    "prompt.send": ("ctrl+d on text", "ctrl+enter", "escape enter"),
    "prompt.newline": ("enter", "ctrl+j", "shift+enter"),
}


def send_key(*, enter_sends: bool) -> str:
    """The one that every terminal sends."""
    return "enter" if enter_sends else "ctrl+d"


def newline_key(*, enter_sends: bool) -> str:
    return "ctrl+j" if enter_sends else "enter"


def with_enter(commands: Iterable[Command], *, enter_sends: bool) -> tuple[Command, ...]:
    """The commands with the keys that they have under the setting ``terminal.enter_sends``."""
    keys = {} if enter_sends else _WHERE_ENTER_MAKES_A_LINE
    return tuple(replace(one, keys=keys[one.name]) if one.name in keys else one for one in commands)
