"""A model whose answers are known to the letter, for tests of what is read and taken away."""

from __future__ import annotations

from tui.demo import Answer, DemoModel, Prompt

FIRST_CODE = "def one() -> int:\n    return 1"
SECOND_CODE = f'print("two")\n\tprint("behind a tab {"a long line " * 20}to the very end")'
CODE_ANSWER = f"""Two ways, **both** fine:

```python
{FIRST_CODE}
```

and

```python
{SECOND_CODE}
```

See [the needle](https://example.com/first?a=b), <https://example.org/second>
and [a mail](mailto:someone@example.com)."""
NEEDLES = "\n\n".join(f"paragraph {number} has a needle in it" for number in range(60))
PLAIN = "Only words, and no code."
ANSWERS = {"code": CODE_ANSWER, "many": NEEDLES, "think": PLAIN}
"""By the prompt; whatever else is asked is answered ``PLAIN``."""


def _script(prompt: Prompt) -> Answer:
    thinking = "so many thoughts" if prompt.question == "think" else ""
    return Answer(text=ANSWERS.get(prompt.question, PLAIN), thinking=thinking)


READER = DemoModel(
    name="reader:1b",
    script=_script,
    parameter_size="1.0B",
    size_bytes=1_000_000_000,
    capabilities=("completion", "thinking"),
)
