"""A person's own prompts: Markdown files with fields to fill in, ``{{language}}``, called by the names of their files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tui.atomic import read_bounded
from tui.cleaning import clean, clean_line
from tui.failures import Failure

LIMIT_BYTES = 256 * 1024
FILES_LIMIT = 500
FIELDS_LIMIT = 8
_NAME = re.compile(r"(?=.{1,40}\Z)[a-z0-9]+([-_][a-z0-9]+)*")
_FIELD = re.compile(r"\{\{ *([A-Za-z0-9_][A-Za-z0-9_ -]{0,39}?) *\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryPrompt:
    name: str
    text: str
    about: str = ""
    """Its first line."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Their names in the order in which they come."""
        return tuple(dict.fromkeys(_FIELD.findall(self.text)))

    def filled(self, values: Mapping[str, str]) -> str:
        """With each field replaced that has a value. What is filled in is text: fields in it stay as they are."""
        return _FIELD.sub(lambda found: values.get(found.group(1), found.group()), self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptLibrary:
    prompts: Mapping[str, LibraryPrompt]
    """By name, in order."""
    faults: tuple[str, ...] = ()
    """What was left out, and why; clean lines."""


NO_PROMPTS = PromptLibrary(prompts=MappingProxyType({}))


def load_prompts(folder: Path) -> PromptLibrary:
    """Every ``*.md`` of ``folder``. A file that cannot be used becomes a fault; a folder that does not exist is none.

    Never raises for what is in it. Blocks.
    """
    faults: list[str] = []
    found = {one.name: one for one in _prompts_in(folder, faults)}
    return PromptLibrary(prompts=MappingProxyType(found), faults=tuple(faults))


def read_prompt(name: str, data: bytes) -> LibraryPrompt:
    """Raises ``Failure`` saying what is wrong."""
    title = f"prompt {clean_line(name, 60)}"
    if not _NAME.fullmatch(name):
        raise Failure(title, "its file needs another name", "use lower case letters, digits, - and _, then .md")
    try:
        text = clean(data.removeprefix(b"\xef\xbb\xbf").decode()).strip()
    except UnicodeDecodeError as error:
        raise Failure(title, f"byte {error.start + 1} is not UTF-8", "save it as UTF-8") from error
    if not text:
        raise Failure(title, "it is empty", "write something into it")
    prompt = LibraryPrompt(name=name, text=text, about=clean_line(text.partition("\n")[0].lstrip("# "), 80))
    if len(prompt.fields) > FIELDS_LIMIT:
        raise Failure(title, f"it has more than {FIELDS_LIMIT} fields", "use fewer")
    return prompt


def _prompts_in(folder: Path, faults: list[str]) -> Iterator[LibraryPrompt]:
    try:
        found = [file for file in folder.iterdir() if file.suffix == ".md" and not file.name.startswith(".")]
    except FileNotFoundError:
        return
    except OSError as error:
        faults.append(clean_line(f"{folder.name}: {(error.strerror or str(error)).lower()}", 300))
        return
    files = sorted(found, key=lambda file: file.stem)
    for file in files[:FILES_LIMIT]:
        try:
            # People keep such files elsewhere and link them into place.
            yield read_prompt(file.stem, read_bounded(file, LIMIT_BYTES, follow_links=True))
        except Failure as failure:
            faults.append(clean_line(f"{file.name}: {failure.message}", 300))
    if len(files) > FILES_LIMIT:
        faults.append(f"{len(files) - FILES_LIMIT} prompts beyond the first {FILES_LIMIT} are not read")
