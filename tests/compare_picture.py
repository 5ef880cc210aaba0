"""The picture of a comparison: one answer is there, one comes, and one waits until there is memory for it."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from tests.screenshots import HOST_NAME, MODEL, SceneTime, model, program
from tui.app.screens.compare import CompareScreen
from tui.demo import Answer, DemoServer, Prompt, Script
from tui.settings.hosts import NamedHost, put_host

QUESTION = "When would you use a thread instead of a process? Two or three sentences, then an example."
SECOND, THIRD = "gpt-oss:20b", "qwen2.5-coder:32b"
MEMORY_BYTES = 24_000_000_000
TOKENS_OF_SECOND = 110
"""How far the second answer has come in the picture."""

FIRST_ANSWER = """\
Use a **thread** when the parts share a lot of data and wait most of the time: threads see the same memory, and \
starting one costs little. Use a **process** when a fault in one part must not take the others with it.

```python
with ThreadPoolExecutor(8) as pool:
    pages = pool.map(fetch, addresses)
```

Eight fetches wait for the network at once, and all of them write into one list.
"""
SECOND_ANSWER = """\
A thread is the better choice when:

- the work **waits** (sockets, files, a database) rather than computes,
- the parts need the *same* objects, and copying them would cost more than locking them,
- there are many short tasks, so that the price of a process would weigh.

A process is the better choice for work that computes, because two processes run on two cores without asking each \
other for leave, and for anything that may crash.

An example: a crawler reads a thousand pages in threads, and hands each page to a process that parses it.
"""


def says(text: str) -> Script:
    def answer(_prompt: Prompt) -> Answer:
        return Answer(text=text)

    return answer


async def compare_pictures(theme: str, name: str) -> dict[str, str]:
    scene = SceneTime()
    models = (
        model(MODEL, "8.2B", 5.2, 40_960, "tools", script=says(FIRST_ANSWER), tokens_per_second=62.0),
        model(SECOND, "20.9B", 13.8, 131_072, "tools", script=says(SECOND_ANSWER), tokens_per_second=48.0),
        model(THIRD, "32.8B", 19.9, 32_768, "tools", script=says(FIRST_ANSWER)),
    )
    server = DemoServer(models=models, clock=scene.clock, now=scene.now, sleep=scene.sleep)
    with tempfile.TemporaryDirectory(prefix="chinwag-pictures-") as folder:
        async with server, program(theme, server.url, scene, Path(folder)) as stage:
            await stage.shows("write something")
            box = NamedHost(name=HOST_NAME, address=server.url, memory_bytes=MEMORY_BYTES)
            await stage.app.workspace.servers.change(partial(put_host, host=box))
            await stage.type(QUESTION)
            _ = stage.app.chat.in_background(stage.app.chat.action_compare(f"{SECOND} {THIRD}"))
            await stage.shows("one after the other")
            screen = stage.app.screen
            assert isinstance(screen, CompareScreen)
            second = screen.comparison.columns[1]
            scene.hold = lambda: second.progress is not None and second.progress.pieces >= TOKENS_OF_SECOND
            await stage.shows("● answering")
            while not scene.hold():
                await stage.pilot.pause(0.02)
            await stage.take(name)
            return stage.pictures
