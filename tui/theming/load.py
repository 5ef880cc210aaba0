"""All themes: the bundled ones and the person's own, with a report of those that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tui.atomic import read_bounded
from tui.cleaning import clean_line
from tui.failures import Failure
from tui.theming.nearest import nearest
from tui.theming.read import AUTO, LIMIT_BYTES, read_theme
from tui.theming.values import Theme

FILES_LIMIT = 200
DARK, LIGHT = "chinwag-dark", "chinwag-light"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeFault:
    """A theme that is left out, and why; both are clean lines."""

    file: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeShelf:
    themes: Mapping[str, Theme]
    """By name, in the order in which people are offered them: ours, the other bundled ones, the person's own."""
    faults: tuple[ThemeFault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThemeChoice:
    theme: Theme
    complaint: str = ""
    """One line when the wanted theme is not there and ``theme`` stands in for it."""


def load_themes(bundled: Path, user: Path | None) -> ThemeShelf:
    """Reads every ``*.toml`` of both folders; the person's theme wins over a bundled one of the same name.

    A file that cannot be used, because it is broken, larger than 64 KB or no regular file, becomes a fault and nothing
    else. A person's folder that does not exist is no fault. Never raises for what is in the folders. Blocks.
    """
    faults: list[ThemeFault] = []
    ours = dict(_themes_in(bundled, {}, faults))
    ordered = {name: ours[name] for name in (DARK, LIGHT) if name in ours} | ours
    own = dict(_themes_in(user, ours, faults)) if user is not None else {}
    return ThemeShelf(themes=MappingProxyType(ordered | own), faults=tuple(faults))


def choose_theme(shelf: ThemeShelf, wanted: str, *, terminal_is_dark: bool = True) -> ThemeChoice:
    """The theme called ``wanted``; for ``auto``, and in place of one that is not there, ours by the terminal's ground.

    Raises ``Failure`` when even that is missing, which means that the installation lost its themes.
    """
    if wanted in shelf.themes:
        return ThemeChoice(theme=shelf.themes[wanted])
    name = DARK if terminal_is_dark else LIGHT
    theme = shelf.themes.get(name)
    if theme is None:
        raise Failure(
            f"theme {name} is missing", "its file did not come with the installation", "install chinwag again"
        )
    if wanted == AUTO:
        return ThemeChoice(theme=theme)
    shown = clean_line(wanted, 40)
    return ThemeChoice(theme=theme, complaint=f"there is no theme {shown}{nearest(wanted, shelf.themes)}")


def _themes_in(folder: Path, parents: Mapping[str, Theme], faults: list[ThemeFault]) -> Iterator[tuple[str, Theme]]:
    try:
        found = [file for file in folder.iterdir() if file.suffix == ".toml" and not file.name.startswith(".")]
    except FileNotFoundError:
        return
    except OSError as error:
        faults.append(_fault(folder, (error.strerror or str(error)).lower()))
        return
    files = sorted(found, key=lambda file: file.stem)
    for file in files[:FILES_LIMIT]:
        try:
            # People keep such files elsewhere and link them into place.
            data = read_bounded(file, LIMIT_BYTES, follow_links=True)
            yield file.stem, read_theme(file.stem, data, parents=parents)
        except Failure as failure:
            faults.append(_fault(file, failure.message))
    if len(files) > FILES_LIMIT:
        faults.append(_fault(folder, f"{len(files) - FILES_LIMIT} themes beyond the first {FILES_LIMIT} are not read"))


def _fault(path: Path, message: str) -> ThemeFault:
    return ThemeFault(file=clean_line(path.name, 80), message=clean_line(message, 300))
