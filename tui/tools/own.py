"""A person's own tools: files in a folder of theirs, each run in a child process, once its content is confirmed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.tools.confirmed import Confirmed
from tui.tools.declared import NAME, Effect, PreparedCall, Tool
from tui.tools.processes import ProcessLimits, child_environment, run_process
from tui.tools.shown import shown_call

LARGEST_FILE_BYTES = 256 << 10
MOST_FILES = 200
MOST_TOOLS_IN_A_FILE = 32
TELLING_SECONDS = 20.0
"""So long a file may take to tell of its tools: it is asked while somebody waits for a list or for an answer."""
_CHILD = Path(__file__).with_name("own_child.py")
_PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnToolFile:
    """What stood in a file when it was looked at. This content is what is confirmed, and what is run."""

    path: Path
    """Resolved."""
    content: bytes
    sha256: str
    is_confirmed: bool

    @property
    def text(self) -> str:
        """To read before confirming it; raw."""
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnToolFiles:
    files: tuple[OwnToolFile, ...]
    problems: tuple[Failure, ...]
    """One for each file that is not used, with why."""


def look_for_tools(folder: Path, confirmed: Confirmed) -> OwnToolFiles:
    """The files ``*.py`` in ``folder``, without running any. A folder that is not there has none. Blocks."""
    files: list[OwnToolFile] = []
    problems: list[Failure] = []
    try:
        top = folder.resolve(strict=True)
        _refuse_what_others_write(top.stat(), top)
        names = sorted(name for name in os.listdir(top) if name.endswith(".py") and not name.startswith((".", "_")))
    except FileNotFoundError:
        return OwnToolFiles(files=(), problems=())
    except (OSError, RuntimeError) as error:
        return OwnToolFiles(files=(), problems=(_unused(folder, _cause(error)),))
    except Failure as failure:
        return OwnToolFiles(files=(), problems=(failure,))
    for name in names[:MOST_FILES]:
        try:
            files.append(_looked_at((top / name).resolve(strict=True), confirmed))
        except Failure as failure:
            problems.append(failure)
        except (OSError, RuntimeError) as error:
            problems.append(_unused(top / name, _cause(error)))
    if len(names) > MOST_FILES:
        problems.append(_unused(top, f"it has more than {MOST_FILES} files; the first are used"))
    return OwnToolFiles(files=tuple(files), problems=tuple(problems))


def look_at_file(path: Path, confirmed: Confirmed) -> OwnToolFile:
    """One file, without running it. Blocks. Raises ``Failure`` when it is not the person's own alone."""
    try:
        return _looked_at(path.expanduser().resolve(strict=True), confirmed)
    except (OSError, RuntimeError) as error:
        raise _unused(path, _cause(error)) from error


async def tools_of(
    file: OwnToolFile,
    *,
    environ: Mapping[str, str],
    taken: Collection[str] = (),
    limits: ProcessLimits | None = None,
) -> tuple[Tool, ...]:
    """The tools in a confirmed file; it is run to tell them, and once more for each call.

    ``taken`` are names that it may not use again: a file must not put itself in the place of a tool that is known.
    Raises ``Failure`` when it is not confirmed, cannot be run, or tells what is no tool.
    """
    if not file.is_confirmed:
        raise _unused(file.path, "its content is not confirmed", "look through it and confirm it")
    child = _Child(file, child_environment(environ), limits or ProcessLimits())
    seconds = min(child.limits.seconds, TELLING_SECONDS)
    telling = replace(child, limits=replace(child.limits, seconds=seconds))
    described = (await telling.asked({"do": "describe"})).get("tools")
    if not isinstance(described, list) or not described:
        raise _unused(file.path, "there is no tool in it", "write @tool above a function of it")
    if len(described) > MOST_TOOLS_IN_A_FILE:
        raise _unused(file.path, f"it has more than {MOST_TOOLS_IN_A_FILE} tools")
    tools = [_tool(file, child, entry) for entry in described]
    names = [tool.name for tool in tools]
    if again := [name for name in names if name in taken or names.count(name) > 1]:
        raise _unused(file.path, f"the name {again[0]} is taken", "give the function another name")
    return tuple(tools)


@dataclass(frozen=True, slots=True)
class _Child:
    file: OwnToolFile
    environment: Mapping[str, str]
    limits: ProcessLimits

    async def asked(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """What the child answers. Raises ``Failure`` when it says nothing, is ended, or reports an error."""
        told = {
            **question,
            "content": self.file.content.decode("utf-8", "surrogateescape"),
            "path": str(self.file.path),
            "package_folder": str(_PACKAGE_FOLDER),
        }
        end = await run_process(
            [sys.executable, "-I", "-B", str(_CHILD)],
            program=Path(sys.executable),
            folder=self.file.path.parent,
            environ=self.environment,
            limits=self.limits,
            stdin=json.dumps(told).encode("ascii"),
            merges_outputs=False,
        )
        if end.exit_code is None:
            raise Failure(f"{self.file.path.name} was ended", f"it took over {self.limits.seconds:g} s", "ask for less")
        try:
            answer = json.loads(end.output)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            cause = clean_line(end.errors[-400:], 200) or f"it ended with exit code {end.exit_code}"
            raise Failure(f"{self.file.path.name} gave no answer", cause, "it may have said too much, or broken down")
        if "error" in answer:
            raise Failure(f"{self.file.path.name} failed", clean_line(str(answer["error"]), 1000), "")
        return answer


def _tool(file: OwnToolFile, child: _Child, entry: Any) -> Tool:
    name, description, parameters = (
        (entry.get("name"), entry.get("description"), entry.get("parameters"))
        if isinstance(entry, dict)
        else (None,) * 3
    )
    if not isinstance(name, str) or not NAME.match(name) or not isinstance(description, str):
        raise _unused(file.path, "what it tells of its tools cannot be read")
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        raise _unused(file.path, f"the parameters of {name} cannot be read")

    async def prepare(arguments: dict[str, Any]) -> PreparedCall:
        return PreparedCall(
            shown=f"{shown_call(name, arguments)}\nfrom {file.path}", run=partial(_call, child, name, arguments)
        )

    return Tool(
        name=name,
        description=description,
        parameters=parameters,
        prepare=prepare,
        # Whatever the file says of itself: nobody but the person can tell what it does.
        effect=Effect.acts,
        source=str(file.path),
    )


async def _call(child: _Child, name: str, arguments: dict[str, Any]) -> object:
    return (await child.asked({"do": "call", "name": name, "arguments": arguments})).get("result")


def _looked_at(path: Path, confirmed: Confirmed) -> OwnToolFile:
    _refuse_what_others_write(path.parent.stat(), path.parent)
    descriptor = os.open(path, _FLAGS)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _unused(path, "it is no regular file")
        _refuse_what_others_write(found, path)
        content = b""
        while len(content) <= LARGEST_FILE_BYTES and (part := os.read(descriptor, LARGEST_FILE_BYTES + 1)):
            content += part
    finally:
        os.close(descriptor)
    if len(content) > LARGEST_FILE_BYTES:
        raise _unused(path, f"it has over {LARGEST_FILE_BYTES >> 10} KB")
    sha256 = hashlib.sha256(content).hexdigest()
    return OwnToolFile(path=path, content=content, sha256=sha256, is_confirmed=sha256 in confirmed)


def _refuse_what_others_write(found: os.stat_result, path: Path) -> None:
    if found.st_uid != os.geteuid():
        raise _unused(path, "it belongs to somebody else", "copy it, and look through the copy")
    if found.st_mode & 0o022:
        raise _unused(path, "others may write to it", f"run: chmod go-w {path}")


def _unused(path: Path, cause: str, advice: str = "") -> Failure:
    return Failure(f"{clean_line(str(path), 100)} is not used for tools", cause, clean_line(advice, 200))


def _cause(error: Exception) -> str:
    return clean_line((getattr(error, "strerror", None) or str(error)).lower(), 160)
