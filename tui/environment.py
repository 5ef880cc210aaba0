"""What the terminal and the machine are, read from environment variables; nothing here asks the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tui.failures import Failure


class Colour(StrEnum):
    """How many colours the terminal has."""

    truecolor = "truecolor"
    colours_256 = "256"
    colours_16 = "16"
    none = "none"


class Multiplexer(StrEnum):
    tmux = "tmux"
    screen = "screen"
    zellij = "zellij"
    none = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    term: str
    """``TERM`` as it is; foreign text."""
    multiplexer: Multiplexer
    """The one on this machine; one at the far end of an SSH line does not show."""
    colour: Colour
    has_motion: bool
    is_utf8: bool
    is_dumb: bool
    """It cannot place the cursor."""
    is_ssh: bool
    is_windows: bool
    """Windows itself, not Linux within it."""
    is_wsl: bool


def read_environment(environ: Mapping[str, str], *, platform: str) -> Environment:
    """``platform`` is ``sys.platform``: ``linux``, ``darwin``, ``win32``."""
    term = environ.get("TERM", "")
    multiplexer = _multiplexer(environ)
    is_dumb = term in ("", "dumb", "unknown")
    return Environment(
        term=term,
        multiplexer=multiplexer,
        colour=Colour.none if is_dumb else _colour(environ, term.lower(), multiplexer),
        has_motion=environ.get("TEXTUAL_ANIMATIONS", "").strip().lower() != "none",
        is_utf8=_is_utf8(environ, platform),
        is_dumb=is_dumb,
        is_ssh=any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")),
        is_windows=platform == "win32",
        is_wsl=platform == "linux" and any(environ.get(name) for name in ("WSL_DISTRO_NAME", "WSL_INTEROP")),
    )


def _multiplexer(environ: Mapping[str, str]) -> Multiplexer:
    if environ.get("TMUX"):
        return Multiplexer.tmux
    if environ.get("ZELLIJ") or environ.get("ZELLIJ_SESSION_NAME"):
        return Multiplexer.zellij
    if environ.get("STY"):
        return Multiplexer.screen
    return Multiplexer.none


# Terminals that have all colours and whose name crosses an SSH line, which COLORTERM does not.
_TRUECOLOR_TERMS = ("direct", "truecolor", "kitty", "ghostty", "alacritty", "wezterm", "foot", "contour", "rio")


def _colour(environ: Mapping[str, str], term: str, multiplexer: Multiplexer) -> Colour:
    if environ.get("NO_COLOR"):
        return Colour.none
    says_truecolor = environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit")
    if says_truecolor or any(name in term for name in _TRUECOLOR_TERMS):
        # GNU screen hands on COLORTERM of the terminal around it and shows 256 colours.
        return Colour.colours_256 if multiplexer is Multiplexer.screen else Colour.truecolor
    if "256color" in term:
        return Colour.colours_256
    return Colour.none if term.startswith("vt") else Colour.colours_16


def _is_utf8(environ: Mapping[str, str], platform: str) -> bool:
    chosen = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    if not chosen:
        # Windows and macOS terminals are UTF-8 without saying so; elsewhere no locale means the C locale.
        return platform in ("win32", "darwin")
    return chosen.lower().replace("-", "").partition("@")[0].endswith("utf8")


def problem_at_start(
    environment: Environment,
    *,
    stdin_is_terminal: bool,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
) -> Failure | None:
    """Why the screens cannot be shown here, or None."""
    if environment.is_windows:
        return Failure(
            "chinwag does not run on Windows itself",
            "it needs a Unix terminal",
            "install WSL (wsl --install), then install and start chinwag inside it",
        )
    ends = (("input", stdin_is_terminal), ("output", stdout_is_terminal), ("error output", stderr_is_terminal))
    if redirected := [name for name, is_terminal in ends if not is_terminal]:
        return Failure(
            "chinwag needs a terminal",
            f"redirected: {', '.join(redirected)}",
            "chinwag --plain talks line by line through pipes; over ssh: ssh -t host chinwag",
        )
    if environment.is_dumb:
        return Failure(
            "this terminal cannot show screens",
            f"TERM is {environment.term}" if environment.term else "TERM is not set",
            "use another terminal, or if it can: TERM=xterm-256color chinwag",
        )
    return None
