"""``chinwag generate``: one text to be gone on with, without a conversation."""

from __future__ import annotations

import argparse
from contextlib import aclosing

from tui.cli.asking import (
    add_asking_arguments,
    asked_of,
    model_and_manner,
    say_stats,
    see_that_it_may_leave,
    warn_of_unknown_options,
)
from tui.cli.door import Door, Exit
from tui.cli.keeping import keep_answer
from tui.engine import FinalCounts
from tui.failures import Failure
from tui.ollama.requests import GenerateRequest
from tui.runs.asking import Answer, answer_value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prompt", metavar="PROMPT", nargs="?", default="", help="what is gone on with; input follows it"
    )
    parser.add_argument("--raw", action="store_true", help="the prompt is all that the model reads: no template")
    parser.add_argument("--suffix", metavar="TEXT", default="", help="what comes behind the text that is asked for")
    parser.add_argument("--no-stream", action="store_true", help="write the answer when it is whole")
    parser.add_argument("--stats", action="store_true", help="say how long it took")
    parser.add_argument("--save", action="store_true", help="keep prompt, answer and figures; chinwag outputs has them")
    add_asking_arguments(parser)


async def run(arguments: argparse.Namespace, door: Door) -> int:
    asked = await asked_of(arguments)
    warn_of_unknown_options(door, asked.raw_options)
    prompt = "\n".join(part for part in (arguments.prompt, await door.read_input()) if part)
    if not prompt:
        raise Failure(
            "there is nothing to go on with", "no prompt was given", "write it behind generate, or pipe it in"
        )
    async with door.workspace() as workspace:
        model, manner = await model_and_manner(workspace, arguments.model, asked)
        await see_that_it_may_leave(door, workspace, model, is_allowed=arguments.allow_cloud)
        request = GenerateRequest(
            model=model,
            prompt=prompt,
            suffix=arguments.suffix,
            system=manner.system,
            raw=arguments.raw,
            options=manner.options,
            think=manner.think,
            format=manner.format,
            keep_alive=manner.keep_alive,
            stream=not arguments.no_stream,
        )
        text: list[str] = []
        thinking: list[str] = []
        counts: FinalCounts | None = None
        began, first_at = workspace.clock(), None
        async with aclosing(workspace.client.generate(request)) as parts:
            async for part in parts:
                if isinstance(part, FinalCounts):
                    counts = part
                    continue
                first_at = workspace.clock() if first_at is None else first_at
                text.append(part.text)
                thinking.append(part.thinking)
                if not door.as_json and not arguments.no_stream:
                    await door.write(part.text)
        seconds = workspace.clock() - began
        answer = Answer(
            text="".join(text),
            thinking="".join(thinking),
            counts=counts,
            first_token_seconds=None if first_at is None else first_at - began,
            seconds=seconds,
        )
        value = {"model": model, **answer_value(answer)}
        if arguments.save:
            await keep_answer(door, workspace, kind="generate", prompt=prompt, value=value, preset=asked.preset)
    if door.as_json:
        await door.value(value)
    elif arguments.no_stream:
        await door.write("".join(text))
    await door.end_line()
    if arguments.stats:
        say_stats(door, counts, seconds=seconds, first_seconds=None if first_at is None else first_at - began)
    return Exit.well
