"""The tool that runs a command. It is asked about each time, with the program that would really run."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.tools.declared import Effect, PreparedCall, Tool
from tui.tools.processes import ProcessLimits, child_environment, run_process
from tui.tools.shown import visible

_PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "argv": {
            "type": "array",
            "items": {"type": "string"},
            "description": 'The program and its arguments, each by itself: ["ls", "-l"]. No shell reads them.',
        }
    },
    "required": ["argv"],
}


def command_tool(folder: Path, *, environ: Mapping[str, str], limits: ProcessLimits | None = None) -> Tool:
    """Runs one program in ``folder``. Of ``environ`` it gets only what is no secret."""
    bounds, environment = limits or ProcessLimits(), child_environment(environ)

    async def prepare(arguments: dict[str, Any]) -> PreparedCall:
        argv: list[str] = arguments["argv"]
        where, program = await asyncio.to_thread(_resolved, folder, argv, environment["PATH"])
        spelled = [visible(part, keeps_lines=False) for part in (str(program), *argv[1:])]
        name = Path(argv[0]).name
        # One program may be many: what a link of that name does stands in no argument.
        called = f"\ncalled as {visible(name, keeps_lines=False)}" if name != program.name else ""
        shown = f"{shlex.join(spelled)}{called}\nin {visible(str(where), keeps_lines=False)}"
        return PreparedCall(shown=shown, run=partial(_run, argv, program, where, environment, bounds))

    return Tool(
        name="run_command",
        description="Run a program on the person's machine and read what it says. The person is asked first.",
        parameters=_PARAMETERS,
        prepare=prepare,
        effect=Effect.acts,
    )


def _resolved(folder: Path, argv: Sequence[str], path: str) -> tuple[Path, Path]:
    """The folder and the program, without a symbolic link in either. Blocks."""
    if not argv or not argv[0]:
        raise Failure("there is nothing to run", "argv is empty", "name a program")
    if any("\x00" in part for part in argv):
        raise Failure("this cannot be run", "an argument holds a null character", "leave it out")
    shown = clean_line(argv[0], 100)
    try:
        where = folder.resolve(strict=True)
        named = str(where / argv[0]) if "/" in argv[0] else argv[0]
        found = shutil.which(named, path=path)
        if found is None:
            raise Failure(f"there is no program {shown}", "", "name another")
        return where, Path(found).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        cause = (getattr(error, "strerror", None) or str(error)).lower()
        raise Failure(f"{shown} cannot be run", clean_line(cause, 160), "name another") from None


async def _run(
    argv: Sequence[str], program: Path, folder: Path, environment: Mapping[str, str], limits: ProcessLimits
) -> str:
    end = await run_process(argv, program=program, folder=folder, environ=environment, limits=limits)
    said = end.output if end.output.strip() else "(it said nothing)"
    if end.exit_code is None:
        raise Failure(f"it took over {limits.seconds:g} s and was ended; it had said", f"\n{said}")
    return f"exit code {end.exit_code}\n{said}" if end.exit_code >= 0 else f"ended by signal {-end.exit_code}\n{said}"
