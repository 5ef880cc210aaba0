"""The real program in a terminal, killed at random moments of an answer: what was shown is on the disk.

How many tokens the server had sent and the disk had not is printed (``-s`` shows it): they are those that were on
their way when the process died.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
from pathlib import Path

from tests.end_to_end.program import LONG_SECONDS, ask, chinwag, kept_conversations, wait_until_usable
from tests.end_to_end.served import Served
from tui.conversations.values import Conversation, MessageState

RUNS = 200 if os.environ.get("CHINWAG_ALL_FAULTS") else 3
TOKENS_PER_SECOND = 100
MODEL = f"script-count-100000-{TOKENS_PER_SECOND}"
"""Every number and every line break is a token."""
PROMPT = "count for me"
LONGEST_TOKENS = 150


def test_kill_9_while_an_answer_comes_takes_nothing_that_was_shown(tmp_path: Path) -> None:
    dice = random.Random(9)
    lost: list[int] = []
    for number in range(RUNS):
        home = tmp_path / f"run {number}"
        home.mkdir()
        with Served() as served:
            sent, shown = _killed_after(served, home, dice.randrange(LONGEST_TOKENS))
        (conversation,) = kept_conversations(home)
        found = _tokens_of(conversation)
        assert conversation.messages[0].text == PROMPT
        assert found >= _tokens_upto(shown), f"{shown} was on the screen of run {number}"
        lost.append(sent - found)
    lost.sort()
    sys.stdout.write(
        f"\n{RUNS} kills at {TOKENS_PER_SECOND} tokens/s: sent and not found, median {lost[len(lost) // 2]}, "
        f"most {lost[-1]}; prompts lost 0 of {RUNS}\n"
    )


def _killed_after(served: Served, home: Path, tokens: int) -> tuple[int, int]:
    """How many tokens the server had sent when the program was dead, and the highest number that it had shown."""
    with chinwag("--host", served.url, "--model", MODEL, home=home) as terminal:
        wait_until_usable(terminal)
        ask(terminal, PROMPT)
        served.wait_for_chats(1)
        served.wait_for_tokens(tokens)
        terminal.kill(signal.SIGKILL)
        sent = served.tokens_sent
        terminal.exit_code(LONG_SECONDS)
        screen = terminal.screen()
    numbers = [int(found) for found in re.findall(r"^ *([0-9]+)$", screen, re.MULTILINE)]
    return sent, max(numbers, default=0)


def _tokens_of(conversation: Conversation) -> int:
    if len(conversation.messages) < 2:
        assert conversation.messages[0].state in (MessageState.not_sent, MessageState.complete)
        return 0
    answer = conversation.messages[1]
    assert answer.state is MessageState.answering
    assert answer.text == _counted(answer.text.count("\n") + 1)[: len(answer.text)]
    return len(re.findall(r"[0-9]+|\n", answer.text))


def _tokens_upto(number: int) -> int:
    """The last number on the screen may have been shown before all of its digits were there."""
    return max(0, 2 * (number - 1) - 1)


def _counted(numbers: int) -> str:
    return "\n".join(str(number) for number in range(1, numbers + 1)) + "\n"
