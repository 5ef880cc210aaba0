"""The picture of a question before a tool is called: one call answered already, another one waiting."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.screenshots import MODEL, SceneTime, models, program
from tui.demo import Answer, DemoServer, Prompt
from tui.demo.answers import CalledTool
from tui.demo.texts import read_texts


def curious(prompt: Prompt) -> Answer:
    """Calculates first, then wants to look at what lies beside it."""
    results = 0
    for turn in reversed(prompt.turns):
        if turn.role == "user":
            break
        results += turn.role == "tool"
    if results == 0:
        call = CalledTool(name="calculator", arguments={"expression": "24 * 3600 / 250"})
        return Answer(text="A day has 86,400 seconds. I divide them by the 250 ms of one look.", tools=(call,))
    return Answer(
        text="That is 345.6, so about 346 thousand looks a day. How many lines does the log have?",
        tools=(CalledTool(name="run_command", arguments={"argv": ["wc", "-l", "log/requests.jsonl"]}),),
    )


async def tools_pictures(theme: str, name: str, list_name: str) -> dict[str, str]:
    """The question under ``name``, the list of tools under ``list_name``."""
    texts = await asyncio.to_thread(read_texts)
    scene = SceneTime()
    several = [
        replace(one, script=curious, capabilities=("completion", "tools")) if one.name == MODEL else one
        for one in models(texts)
    ]
    server = DemoServer(models=tuple(several), clock=scene.clock, now=scene.now, sleep=scene.sleep)
    with tempfile.TemporaryDirectory(prefix="chinwag-pictures-") as folder:
        settings = '\n[tools]\nfolder = "/usr/share"\n'
        async with server, program(theme, server.url, scene, Path(folder), settings=settings) as stage:
            await stage.shows("write something")
            for one in ("calculator", "run_command"):
                await stage.type(f"/tools {one}")
                await stage.press("enter")
                await stage.shows("tools: .*" + one)
            await stage.type("/tools")
            await stage.press("enter")
            await stage.shows("reaches out")
            await stage.take(list_name)
            await stage.press("escape")
            await stage.type("How often do I look at the server in a day?")
            await stage.press("enter")
            for answer in ("calculator", "run_command"):
                await stage.shows(f"may it call {answer}")
                # Whoever sent it has not pressed a key for a while.
                scene.seconds += 2
                await stage.shows("enter choose")
                if answer == "calculator":
                    await stage.press("down", "down", "enter")
            await stage.take(name)
            await stage.press("escape")
            await stage.shows("not run")
            return stage.pictures
