"""What each scripted model does with a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

from tui.demo.answers import Answer, CalledTool, Ending, Prompt, Script
from tui.demo.shapes import example_of
from tui.demo.texts import Texts

_SUBJECTS = (
    ("btree-parent", r"\bparent\b.*\bfull\b"),
    ("btree", r"\bb-?trees?\b"),
    ("keys", r"\b(keys|shortcuts?|keyboard|chinwag)\b|^\W*help\W*$"),
    ("ollama", r"\bollama\b|\breal (model|one)\b"),
    ("models", r"\bmodels\b|\bwho else\b"),
    ("tour", r"\btour\b|\bmarkdown\b|\bwhat can you do\b"),
    ("code", r"\b(code|python|function|program|script|class|bug)\b"),
    ("table", r"\b(tables?|compare|comparison|columns?)\b"),
    ("maths", r"\b(maths?|formulas?|latex|equations?|proof|prove|primes?)\b"),
    ("lists", r"\b(lists?|tasks?|todo|to-do|packing|checklist)\b"),
    ("long", r"^\W*(something )?long(er)?\b|\b(something|an?) long\b|\b(story|essay)\b"),
    ("hello", r"^\W*(hello|hi|hey|hallo|good (morning|evening|day)|start|demo|who are you)\b"),
)
_THOUGHTS_BY_LEVEL = {"low": 2, "medium": 4}
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


def guide(texts: Texts) -> Script:
    """Answers by subject; to anything else it says what it can see of the question, and that it sees no more."""
    subjects = tuple((name, re.compile(pattern)) for name, pattern in _SUBJECTS)

    def answer(prompt: Prompt) -> Answer:
        question = prompt.question.casefold()
        if len(question) <= 400:
            for name, pattern in subjects:
                if pattern.search(question):
                    return Answer(text=texts[name])
        return Answer(text=_reflection(prompt))

    return answer


def recital(text: str, *, ending: Ending = Ending.done) -> Script:
    """Says the same whatever is asked."""

    def answer(_: Prompt) -> Answer:
        return Answer(text=text, ending=ending)

    return answer


def thinker(thoughts: str, text: str) -> Script:
    """Thinks as far as it is asked to, then answers."""

    def answer(prompt: Prompt) -> Answer:
        if prompt.think is False:
            return Answer(text=text)
        paragraphs = thoughts.split("\n\n")
        shown = _THOUGHTS_BY_LEVEL.get(str(prompt.think), len(paragraphs))
        return Answer(text=text, thinking="\n\n".join(paragraphs[:shown]))

    return answer


def breaker(text: str) -> Script:
    """Breaks off: the connection is reset, or as the word ``crash`` or ``unfinished`` in the question asks for it."""

    def answer(prompt: Prompt) -> Answer:
        question = prompt.question.casefold()
        if "crash" in question:
            return Answer(text=text, ending=Ending.error_line)
        if "unfinished" in question:
            return Answer(text=text, ending=Ending.without_done)
        return Answer(text=text, ending=Ending.reset)

    return answer


def toolsmith(prompt: Prompt) -> Answer:
    """Calls the tool that is named, ``get_time``, or else the first one offered, twice when asked for two.

    Its texts are what stands in quotes, an address or a sum in the question. Then it tells what came back.
    """
    results = _results_since_question(prompt)
    if results:
        lines = "\n".join(f"- {name or 'the tool'}: `{text}`" for name, text in results)
        return Answer(text=f"The tool has answered:\n\n{lines}\n\nI take its word for it.")
    if not prompt.tools:
        return Answer(text=_NO_TOOLS)
    tool = _wanted_tool(prompt)
    said = _QUOTED.search(prompt.question)
    text = next(filter(None, said.groups()), "").strip() if said is not None else "Europe/London"
    call = CalledTool(name=str(tool.get("name", "")), arguments=_arguments(tool, text))
    wants_two = re.search(r"\b(two|both|twice)\b", prompt.question.casefold()) is not None
    return Answer(
        text="I have a tool for that.",
        thinking="A tool was offered. Using it is better than guessing." if prompt.think else "",
        tools=(call, call) if wants_two else (call,),
    )


def seer(prompt: Prompt) -> Answer:
    """Says how many pictures came and how large they are, which is all that a script can see of them."""
    if not prompt.pictures:
        return Answer(text=_NO_PICTURE)
    lines = "\n".join(f"{number}. {words}" for number, words in enumerate(prompt.pictures, 1))
    came = _counted(len(prompt.pictures), "picture")
    return Answer(text=f"With this prompt came {came}:\n\n{lines}\n\nWhat is on them, a script cannot tell.")


def visitor(text: str) -> Script:
    """Talks like a recital, and uses a tool when it is offered one."""

    def answer(prompt: Prompt) -> Answer:
        return toolsmith(prompt) if prompt.tools else Answer(text=text)

    return answer


_NO_TOOLS = (
    "I am `toolsmith:8b`. Offered a tool, I call it, and tell you what it said.\n\n"
    "With this prompt came none, so there is nothing for me to call. That is no mistake: a model can only use the tools "
    "that are sent along with the conversation. In chinwag `/tools` turns them on: with the calculator, "
    "ask me *what is 6 * 7*; you are asked before it runs."
)
_NO_PICTURE = (
    "I am `seer:8b`, and I am told of the pictures that come with a prompt. With this one came none: "
    "in chinwag an `@` in the prompt offers the names of files, and `/attach cat.png` takes one by its name."
)
_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]+)\"|(https?://\S+)|(\d[\d\s+*/().^-]*[\d)])")


def _results_since_question(prompt: Prompt) -> list[tuple[str, str]]:
    results: list[tuple[str, str]] = []
    for turn in reversed(prompt.turns):
        if turn.role == "user":
            break
        if turn.role == "tool":
            results.insert(0, (turn.tool_name, turn.text))
    return results


def _wanted_tool(prompt: Prompt) -> Mapping[str, Any]:
    question = prompt.question.casefold()
    named = (tool for tool in prompt.tools if str(tool.get("name", "")).casefold().replace("_", " ") in question)
    exactly = (tool for tool in prompt.tools if str(tool.get("name", "")).casefold() in question)
    usual = (tool for tool in prompt.tools if tool.get("name") == "get_time")
    return next(chain(exactly, named, usual), prompt.tools[0])


def _arguments(tool: Mapping[str, Any], text: str) -> dict[str, Any]:
    arguments = example_of(tool.get("parameters"), text=text)
    return arguments if isinstance(arguments, dict) else {}


def _reflection(prompt: Prompt) -> str:
    question = prompt.question.strip()
    words = _WORD.findall(question)
    if not words:
        return _NOTHING_TO_READ
    longest = max(words, key=len)
    parts = [f"You wrote {_counted(len(words), 'word')} and {_counted(len(question), 'character')}"]
    lines = question.count("\n") + 1
    if lines > 1:
        parts.append(f" on {lines} lines")
    parts.append(f"; the longest word is *{longest[:40]}*. ")
    parts.append("It ends with a question mark, so you expect an answer. " if question.endswith("?") else "")
    earlier = prompt.questions_asked - 1
    if earlier:
        parts.append(f"Before it you asked me {_counted(earlier, 'other thing')} in this conversation. ")
    return "".join(parts).rstrip() + "\n\n" + _HONEST


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


_NOTHING_TO_READ = (
    "There was nothing in it that I could read. Type **tour** for a look at what an answer can hold, "
    "or **keys** for the keys worth knowing first."
)
_HONEST = (
    "That is as far as my understanding goes. I am a demo model: my answers are scripted, and I only look for a few "
    "words in what you say. A real model would now try to help you.\n\n"
    "What I do know something about:\n\n"
    "- **tour**, **code**, **table**, **list**, **maths**: how answers look\n"
    "- **keys**: how to get around in chinwag\n"
    "- **models**: what the other demo models are for\n"
    "- **long**: something to scroll through\n"
    "- **ollama**: how to get to a real model"
)
