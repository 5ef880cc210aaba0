"""The keys that never arrive: what the terminal, the multiplexer and the line between take for themselves.

All of it is told from the environment and from customs. Whoever has changed the settings of such a program knows better.
"""

from __future__ import annotations

import os
import termios
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tui.app.commands.command import Command, Where

LONGEST_LINE_OF_PARENTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Who stands between the person's keyboard and chinwag, as far as it shows."""

    is_tmux: bool = False
    is_screen: bool = False
    is_zellij: bool = False
    is_mosh: bool = False
    is_vscode: bool = False
    is_windows_terminal: bool = False
    is_apple_terminal: bool = False
    is_container: bool = False
    has_flow_control: bool = False
    """The terminal line stops at ctrl+s and goes on at ctrl+q."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EatenKey:
    key: str
    by: str
    """Who takes it: ``tmux``."""
    instead: str
    """What to do instead, in a few words."""
    words: str = ""
    """What the key would do in chinwag; empty where it does nothing there."""


_ZELLIJ = (
    *(("ctrl+p", ""), ("ctrl+n", ""), ("ctrl+t", ""), ("ctrl+s", ""), ("ctrl+o", ""), ("ctrl+h", "")),
    *(("ctrl+g", ""), ("ctrl+q", ""), ("alt+up", "pageup"), ("alt+down", "pagedown"), ("alt+f", "ctrl+right")),
    *(("alt+i", ""), ("alt+l", ""), ("alt+n", "for a conversation that is open, /rename")),
)
_VSCODE = (("ctrl+p", ""), ("ctrl+e", "end"), ("ctrl+f", ""), ("ctrl+j", ""), ("ctrl+q", ""), ("f1", ""))
_WINDOWS_TERMINAL = (("alt+enter", ""), ("alt+up", "pageup"), ("alt+down", "pagedown"))
_EDITING = "prompt.editing"
"""One command with many keys, each for something else."""
_WITH_ALT = "alt+"


def read_surroundings(environ: Mapping[str, str], *, input_descriptor: int = 0) -> Surroundings:
    """Reads variables, the names of the parent processes where ``/proc`` has them, and how the terminal line is set."""
    return Surroundings(
        is_tmux=bool(environ.get("TMUX")),
        is_screen=bool(environ.get("STY")),
        is_zellij=bool(environ.get("ZELLIJ") or environ.get("ZELLIJ_SESSION_NAME")),
        is_mosh="mosh-server" in _parents(),
        is_vscode=environ.get("TERM_PROGRAM") == "vscode",
        is_windows_terminal=bool(environ.get("WT_SESSION")),
        is_apple_terminal=environ.get("TERM_PROGRAM") == "Apple_Terminal",
        is_container=environ.get("container") == "docker" or Path("/.dockerenv").exists(),
        has_flow_control=_has_flow_control(input_descriptor),
    )


def _parents() -> tuple[str, ...]:
    """The names of the processes above this one; none where the system does not say."""
    names: list[str] = []
    process = os.getppid()
    with suppress(OSError, ValueError, IndexError):
        while process > 1 and len(names) < LONGEST_LINE_OF_PARENTS:
            # The name stands in brackets and may have any character in it.
            head, _, rest = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")
            names.append(head.partition("(")[2])
            process = int(rest.split()[1])
    return tuple(names)


def _has_flow_control(descriptor: int) -> bool:
    with suppress(termios.error, OSError, ValueError):
        return bool(termios.tcgetattr(descriptor)[0] & termios.IXON)
    return False


def eaten_keys(surroundings: Surroundings, commands: Iterable[Command]) -> tuple[EatenKey, ...]:
    """What is taken, by whom, and how to do the same without it."""
    commands = tuple(commands)
    taken: list[tuple[str, str, str]] = []
    if surroundings.is_tmux:
        taken.append(("ctrl+b", "tmux", "press it twice; tmux.conf may name another key"))
    if surroundings.is_screen:
        taken.append(("ctrl+a", "screen", "ctrl+a, then a; or home"))
    if surroundings.is_zellij:
        taken += [(key, "zellij", instead) for key, instead in _ZELLIJ]
    if surroundings.is_mosh:
        taken.append(("ctrl+^", "mosh", "press it twice"))
    if surroundings.is_vscode:
        taken += [(key, "VS Code", instead) for key, instead in _VSCODE]
    if surroundings.is_windows_terminal:
        taken += [(key, "Windows Terminal", instead) for key, instead in _WINDOWS_TERMINAL]
    if surroundings.is_container:
        taken.append(("ctrl+p", "docker", "where docker is attached press it twice; ctrl+q behind it detaches"))
    if surroundings.has_flow_control:
        taken += [("ctrl+s", "flow control", "stty -ixon gives it back"), ("ctrl+q", "flow control", "")]
    gone = frozenset(key for key, _, _ in taken)
    found = [_eaten(key, by, instead, commands, gone) for key, by, instead in taken]
    if surroundings.is_apple_terminal:
        instead = "set Use Option as Meta key in the profile, or escape, then the letter"
        found.append(EatenKey(key=f"{_WITH_ALT}…", by="Terminal", instead=instead, words="every key with alt"))
    return tuple(found)


def _eaten(key: str, by: str, instead: str, commands: tuple[Command, ...], gone: frozenset[str]) -> EatenKey:
    of_it = next((one for one in commands if key in _plain_keys(one) and one.where in (Where.chat, Where.prompt)), None)
    if of_it is None:
        return EatenKey(key=key, by=by, instead=instead or "chinwag does not need it")
    others = [one for one in of_it.keys if one.partition(" ")[0] not in gone and of_it.name != _EDITING]
    ways = [*([f"/{of_it.slash[0]}"] if of_it.slash else []), *others[:2]]
    found = " or ".join(ways)
    return EatenKey(
        key=key,
        by=by,
        words=of_it.words,
        instead=", ".join(part for part in (found, instead) if part) or "give it another key in the settings",
    )


def _plain_keys(command: Command) -> tuple[str, ...]:
    return tuple(key.partition(" ")[0] for key in command.keys)
