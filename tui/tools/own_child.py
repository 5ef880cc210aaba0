"""Run as a program: one question about a tool file as JSON on stdin, one answer as JSON on stdout.

The content of the file comes with the question: what was confirmed is what runs, whatever has become of the file.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import types
from contextlib import suppress
from typing import Any

MODULE = "own_tool"


def main() -> None:
    question = json.load(sys.stdin)
    # What the tool prints belongs to no answer.
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(2, 1)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.path.insert(0, question["package_folder"])
        answers.write(json.dumps(answered(question)))


def answered(question: dict[str, Any]) -> dict[str, Any]:
    try:
        if question["do"] == "describe":
            return {"tools": described(question)}
        return {"result": called(question)}
    except (Exception, SystemExit) as error:  # noqa: BLE001  it is anybody's code, and what came of it is told
        return {"error": f"{type(error).__name__}: {error}"}


def described(question: dict[str, Any]) -> list[dict[str, Any]]:
    found = tools_in(question)
    return [{"name": one.name, "description": one.description, "parameters": one.parameters} for one in found.values()]


def called(question: dict[str, Any]) -> object:
    tool = tools_in(question)[question["name"]]

    async def run() -> object:
        return await (await tool.prepare(question["arguments"])).run()

    result = asyncio.run(run())
    try:
        json.dumps(result)
    except (TypeError, ValueError, RecursionError):
        return str(result)
    return result


def tools_in(question: dict[str, Any]) -> dict[str, Any]:
    from tui.tools.declared import Tool

    module = types.ModuleType(MODULE)
    module.__file__ = question["path"]
    sys.modules[MODULE] = module
    content = question["content"].encode("utf-8", "surrogateescape")
    exec(compile(content, question["path"], "exec"), module.__dict__)  # noqa: S102  the person confirmed it
    return {value.name: value for value in vars(module).values() if isinstance(value, Tool)}


if __name__ == "__main__":
    main()
