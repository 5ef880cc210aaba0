"""The commands with the keys that the person gave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from tui.app.commands.command import Command, Where
from tui.app.commands.declared import COMMANDS
from tui.app.commands.key_names import library_names, why_not, written
from tui.cleaning import clean_line
from tui.theming.nearest import nearest

NO_KEY = "<none>"
"""What Textual is told for a command without a key: no terminal sends it, and an empty text would change nothing."""

_SEEN_TOGETHER = {
    Where.chat: (Where.chat, Where.prompt, Where.lists),
    Where.prompt: (Where.chat, Where.prompt),
    Where.lists: (Where.lists, Where.chat),
    Where.connect: (Where.connect,),
    Where.compare: (Where.compare,),
}
"""Where a key of one place is heard in another one, too."""

_KEPT_BY_THE_PROMPT = (
    *("ctrl+left", "ctrl+right", "alt+left", "alt+right", "ctrl+d", "alt+d", "ctrl+delete", "alt+delete"),
    *("ctrl+enter", "ctrl+backspace", "alt+backspace", "ctrl+shift+left", "ctrl+shift+right", "ctrl+x", "ctrl+v"),
)
"""Keys of line editing that the tables do not list one by one."""

_KEPT_BY_LISTS = (
    "ctrl+a",
    "ctrl+e",
    "ctrl+k",
    "ctrl+u",
    "ctrl+w",
    "ctrl+f",
    "ctrl+home",
    "ctrl+end",
    "pageup",
    "pagedown",
)
"""Keys of a list and of the filter above it."""


@dataclass(frozen=True, kw_only=True)
class Keymap:
    """All commands as they are at this moment. Screens ask it what a command's key is called."""

    commands: tuple[Command, ...] = COMMANDS
    changed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """For Textual's ``set_keymap``: by the command's name, which its binding has as its id."""
    complaints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By the command's name, why what the settings say about it is not used; clean lines."""

    def key(self, name: str) -> str:
        """The key that is shown for a command; empty where it has none of its own."""
        command = self._by_name.get(name)
        return next(iter(shown_keys(command)), "") if command is not None else ""

    def hint(self, name: str, words: str) -> tuple[tuple[str, str], ...]:
        """Key and words for a line of keys; nothing for a command without a key."""
        key = "esc" if (key := self.key(name)) == "escape" else key
        return ((key, words),) if key else ()

    def sentence(self, name: str, words: str) -> str:
        """``ctrl+t another model``, or with its slash name where it has no key; empty where it has neither."""
        command = self._by_name.get(name)
        shown = self.key(name) or (f"/{command.slash[0]}" if command is not None and command.slash else "")
        return f"{shown} {words}" if shown else ""

    def in_lists(self, hints: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Keys and words for the line below a list, of which each key is the declared one of its command."""
        now = {}
        for declared in COMMANDS:
            if declared.where is Where.lists and declared.name in self.changed:
                now[declared.keys[0]] = self.key(declared.name)
        return tuple((now.get(key, key), words) for key, words in hints if now.get(key, key))

    @cached_property
    def _by_name(self) -> Mapping[str, Command]:
        return {command.name: command for command in self.commands}


@runtime_checkable
class KnowsKeys(Protocol):
    """An app whose commands have other keys than the declared ones."""

    @property
    def command_keys(self) -> Keymap: ...


def keymap_of(app: object) -> Keymap:
    """The keys of an app's commands; the declared ones for an app that knows of no others."""
    return app.command_keys if isinstance(app, KnowsKeys) else Keymap()


def remappable(commands: Iterable[Command] = COMMANDS) -> tuple[Command, ...]:
    """The commands whose keys can be changed, also those that are declared without one."""
    return tuple(command for command in commands if _can_change(command))


def shown_keys(command: Command) -> tuple[str, ...]:
    """The keys of a command that can be changed: those that the screen of the conversation is bound to."""
    keys = (key.partition(" ")[0] for key in command.keys)
    return tuple(dict.fromkeys(key for key in keys if library_names(key)[0] in command.bound))


def _can_change(command: Command) -> bool:
    if command.where is Where.lists:
        return bool(command.bound) and not why_not(command.keys[0])
    return command.where is Where.chat and bool(command.action)


def with_keys(wanted: Mapping[str, Sequence[str]], commands: Sequence[Command] = COMMANDS) -> Keymap:
    """``commands`` with other keys, by the command's name; no key at all is an empty sequence.

    What cannot be is left out and named: an unknown command, a key that terminals do not send, and a key that two
    commands would share. The commands then keep the keys that they are declared with.
    """
    named = {command.name: command for command in commands}
    changes: dict[str, tuple[str, ...]] = {}
    complaints: dict[str, str] = {}
    for name, keys in wanted.items():
        if complaint := _complaint(name, keys, named):
            complaints[name] = clean_line(complaint, 300)
        else:
            changes[name] = tuple(dict.fromkeys(map(written, keys)))
    while clash := _first_clash(changes, commands):
        for name, complaint in clash.items():
            del changes[name]
            complaints[name] = clean_line(complaint, 300)
    return Keymap(
        commands=tuple(_changed(command, changes) for command in commands),
        changed=MappingProxyType({name: ",".join(_bound(keys)) or NO_KEY for name, keys in changes.items()}),
        complaints=MappingProxyType(complaints),
    )


def clash_of(name: str, key: str, keymap: Keymap) -> str:
    """Who has ``key`` already where the command ``name`` would hear it: its name; empty when nobody has."""
    place = next((command.where for command in keymap.commands if command.name == name), Where.chat)
    wanted = written(key)
    if wanted in _declared_keys(name):
        # It knows how to share it, as what is done on an empty prompt does.
        return next((one.name for one in keymap.commands if one.name != name and wanted in _given(one)), "")
    for command in keymap.commands:
        if command.name != name and place in _SEEN_TOGETHER[command.where] and wanted in _all_keys(command):
            return command.name
    if place is Where.chat and wanted in _KEPT_BY_THE_PROMPT:
        return "prompt.editing"
    if place is Where.lists and wanted in (*_KEPT_BY_THE_PROMPT, *_KEPT_BY_LISTS):
        return "the filter and the list"
    return ""


def _complaint(name: str, keys: Sequence[str], named: Mapping[str, Command]) -> str:
    if name not in named:
        return f"there is no command {clean_line(name, 60)}{nearest(name, named)}"
    if not _can_change(named[name]):
        return f"the keys of {name} cannot be changed"
    own = _all_keys(named[name])
    for key in keys:
        if (reason := why_not(key)) and written(key) not in own:
            return f"{name} cannot have {clean_line(key, 30)}: {reason}"
    return ""


def _first_clash(changes: Mapping[str, tuple[str, ...]], commands: Sequence[Command]) -> dict[str, str]:
    """The changes that share a key with another command, with a sentence that names both."""
    keymap = Keymap(commands=tuple(_changed(command, changes) for command in commands))
    for name, keys in changes.items():
        for key in keys:
            if other := clash_of(name, key, keymap):
                return {
                    one: f"{key} is for {name} and for {other}; {one} keeps the key that it had"
                    for one in (name, other)
                    if one in changes
                }
    return {}


def _changed(command: Command, changes: Mapping[str, tuple[str, ...]]) -> Command:
    if command.name not in changes:
        return command
    described = tuple(
        key for key in command.keys if " " in key and library_names(key.partition(" ")[0])[0] not in command.bound
    )
    keys = changes[command.name]
    return replace(command, keys=(*keys, *described), bound=_bound(keys))


def _bound(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for key in keys for name in library_names(key)))


def _all_keys(command: Command) -> frozenset[str]:
    return frozenset(map(written, (*(key for key in command.keys if " " not in key), *command.bound)))


def _declared_keys(name: str) -> frozenset[str]:
    return next((_all_keys(one) for one in COMMANDS if one.name == name), frozenset())


def _given(command: Command) -> frozenset[str]:
    """The keys of a command that it is not declared with."""
    return _all_keys(command) - _declared_keys(command.name)
