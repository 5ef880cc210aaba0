"""Text of any kind and length at any rate, for tests and benchmarks: the models ``script-KIND-TOKENS-RATE``.

``script-mixed-4000-200`` gives exactly 4000 tokens at 200 a second (rate 0: as fast as possible), always the same for
the same seed, the last of them ``ENDMARK``. KIND is one of ``KINDS``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle, islice

from tui.demo.answers import Answer, Prompt
from tui.demo.models import DemoModel
from tui.demo.tokens import cut

MOST_TOKENS = 1_000_000
CONTEXT_TOKENS = 131_072
END_MARK = "ENDMARK"
_VOCABULARY = (
    "water light stone river house field glass paper night morning winter summer forest island harbour bridge garden "
    "window kitchen letter story music colour number engine signal cable wire clock engine table chair door road hill "
    "cloud rain wind snow bread salt apple small large quiet early late warm cold plain clear narrow wide open deep "
    "slow quick carries holds turns moves keeps finds leaves brings begins follows reaches returns between under over "
    "after before with without into from through across along"
)
_WORDS = tuple(_VOCABULARY.split())
_ONE_TOKEN_WORDS = tuple(word for word in _WORDS if len(word) <= 7)


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of text: how it opens, its endless parts, how it closes. A part is never cut except by the end."""

    opening: str
    parts: Callable[[random.Random], Iterator[str]]
    closing: str = "\n\n"


def scripted_model(name: str) -> DemoModel | None:
    """The model that ``name`` describes; None when it follows no such pattern or asks for over a million tokens."""
    match = re.fullmatch(rf"script-({'|'.join(KINDS)})-([0-9]{{1,7}})-([0-9]{{1,6}})", name)
    if match is None:
        return None
    kind, tokens, rate = match.group(1), int(match.group(2)), int(match.group(3))
    if not 1 <= tokens <= MOST_TOKENS:
        return None
    return DemoModel(
        name=f"{name}:latest",
        script=partial(_script, kind, tokens),
        parameter_size="1.0B",
        size_bytes=1_000_000_000,
        trained_context_tokens=CONTEXT_TOKENS,
        default_context_tokens=CONTEXT_TOKENS,
        tokens_per_second=rate,
        prompt_tokens_per_second=1_000_000.0,
        load_seconds=0.0,
    )


def _script(kind: str, tokens: int, prompt: Prompt) -> Answer:
    return Answer(text=generate(kind, tokens, prompt.seed))


def generate(kind: str, tokens: int, seed: int = 0) -> Iterator[str]:
    """Exactly ``tokens`` pieces, made as they are asked for; the last is ``ENDMARK``. ``KeyError``: no such kind."""
    form = FORMS[kind]
    left = tokens - 1
    closing = list(cut(form.closing))
    opening = list(cut(form.opening))
    # Chosen by seed so that every run is the same; nothing secret depends on it.
    parts = form.parts(random.Random(f"{kind} {seed}"))  # noqa: S311
    pieces = list(cut(next(parts)))
    if len(opening) + len(pieces) + len(closing) <= left:
        yield from opening
        left -= len(opening) + len(closing)
        while len(pieces) <= left:
            yield from pieces
            left -= len(pieces)
            pieces = list(cut(next(parts)))
        yield from closing
    yield from islice((f" {word}" for word in cycle(_ONE_TOKEN_WORDS)), left)
    yield f" {END_MARK}"


def _words(chance: random.Random, few: int, many: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(chance.randint(few, many)))


def _sentence(chance: random.Random) -> str:
    words = _words(chance, 6, 16).split()
    if chance.random() < 0.15:
        place = chance.randrange(len(words))
        words[place] = chance.choice(("**{}**", "*{}*", "`{}`", "[{}](https://example.com)")).format(words[place])
    return " ".join(words).capitalize() + "."


def _prose(chance: random.Random) -> Iterator[str]:
    for number in count(1):
        if number % 8 == 0:
            yield f"## Part {number // 8}\n\n"
        yield " ".join(_sentence(chance) for _ in range(chance.randint(2, 5))) + "\n\n"


def _paragraph(chance: random.Random) -> Iterator[str]:
    while True:
        yield _sentence(chance) + " "


def _code(chance: random.Random) -> Iterator[str]:
    for number in count(1):
        first, second = chance.choice(_WORDS), chance.choice(_WORDS)
        yield f"def {first}_{number}({second}: int, limit: int = {chance.randint(1, 999)}) -> str:\n"
        yield f'    """{_sentence(chance)}"""\n'
        yield f"    if {second} > limit:  # {_words(chance, 3, 6)}\n"
        yield f'        return f"{first} {{{second}}}"\n'
        yield f"    return {second} * {chance.randint(2, 99)} + limit\n\n"


def _table(chance: random.Random) -> Iterator[str]:
    for number in count(1):
        yield f"| {number} | {_words(chance, 1, 3)} | {_words(chance, 2, 6)} | {chance.randint(0, 9999)} |\n"


def _list(chance: random.Random) -> Iterator[str]:
    while True:
        yield f"- {_words(chance, 4, 12)}\n"
        for _ in range(chance.choice((0, 0, 1, 3))):
            yield f"  - {_words(chance, 3, 8)}\n"
        if chance.random() < 0.2:
            yield f"- [{chance.choice((' ', 'x'))}] {_words(chance, 3, 8)}\n"


def _count(_: random.Random) -> Iterator[str]:
    for number in count(1):
        yield f"{number}\n"


def _mixed(chance: random.Random) -> Iterator[str]:
    """Whole blocks in turn, so that no fence stays open at the end."""
    for number in count(1):
        yield f"## Section {number}\n\n{_sentence(chance)} {_sentence(chance)} {_sentence(chance)}\n\n"
        yield "".join(islice(_list(chance), 7)) + "\n"
        yield "```python\n" + "".join(islice(_code(chance), 10)) + "```\n\n"
        yield f"> {_sentence(chance)}\n\n"
        yield "| no | what | where | how many |\n|---:|---|---|---:|\n" + "".join(islice(_table(chance), 5)) + "\n"
        yield "".join(f"{place}. {_words(chance, 4, 10)}\n" for place in range(1, 5)) + "\n"


def _hostile(_: random.Random) -> Iterator[str]:
    """What must never reach a terminal or be read as markup, in every kind of place."""
    payloads = (
        "\x1b]52;c;ZXZpbA==\x07",
        "\x1b]0;owned title\x1b\\",
        "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\",
        "\x1b[2J\x1b[H",
        "\x1b[?1049h",
        "\x1bP+q544e\x1b\\",
        "\x9b31m",
        "\x9d52;c;ZXZpbA==\x9c",
        "\x00\x07\x08\x7f",
        "rm -rf /\r ls",
        "\u202egnp.exe\u202c",
        "\u2066isolate\u2069",
        "\U000e0041\U000e0042",
        "zero\u200bwidth\u2060joined",
        "e\u0301\u0302\u0303\u0304",
        "[/]",
        "[bold red]markup[/bold red]",
        "[@click=app.quit]press[/]",
        "[link=file:///etc/passwd]x[/link]",
        "\u0085next\u2028line\u2029para\x0b\x0c\x1c",
    )
    for number, payload in enumerate(cycle(payloads)):
        place = number // len(payloads) % 4
        if place == 0:
            yield f"plain {payload} text\n\n"
        elif place == 1:
            yield f"# head {payload}\n\n- item {payload}\n\n"
        elif place == 2:
            yield f"```python\ncode {payload}\n```\n\n"
        else:
            yield f"| a {payload} | b |\n|---|---|\n| [link {payload}](javascript:{number}) | c |\n\n"


FORMS = {
    "prose": Form("", _prose),
    "para": Form("", _paragraph),
    "code": Form("```python\n", _code, "```\n\n"),
    "table": Form("| no | what | where | how many |\n|---:|---|---|---:|\n", _table, "\n"),
    "list": Form("", _list, "\n"),
    "count": Form("", _count, "\n"),
    "mixed": Form("", _mixed),
    "hostile": Form("", _hostile),
}
KINDS = tuple(FORMS)
