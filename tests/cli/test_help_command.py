"""``--help`` and ``help``: every command from one table, with examples that are whole and exit codes."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.cli.commanding import Shell, is_bash_here
from tui.cli.commands import SUBCOMMANDS, find_subcommand
from tui.cli.door import EXIT_WORDS
from tui.cli.running import parser_of


def test_the_help_has_one_line_for_each_command(shell: Shell) -> None:
    ran = shell("--help")
    assert ran.code == 0
    listed = re.findall(r"^  ([a-z]+) {2,}\S", ran.out.partition("commands:")[2].partition("\n\n")[0], re.MULTILINE)
    assert listed == [one.name for one in SUBCOMMANDS]
    assert shell("help").out == ran.out
    assert max(map(len, ran.out.splitlines())) <= 81


@pytest.mark.parametrize("name", [one.name for one in SUBCOMMANDS])
def test_each_command_has_examples_and_exit_codes(name: str) -> None:
    subcommand = find_subcommand(name)
    assert subcommand is not None
    words = parser_of(subcommand).format_help()
    assert subcommand.examples
    assert all(f"  {example}\n" in words for example in subcommand.examples)
    assert all(f"  {int(code):<4d}{meaning}" in words for code, meaning in EXIT_WORDS.items())
    assert max(map(len, subcommand.examples)) <= 78


@pytest.mark.parametrize("example", [line for one in SUBCOMMANDS for line in one.examples])
def test_each_example_can_be_typed(example: str) -> None:
    line = example.removeprefix('eval "$(').removesuffix(')"')
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>")
    lexer.whitespace_split = True
    words = list(lexer)
    words = words[words.index("chinwag") + 1 :]
    ends = [index for index, word in enumerate(words) if word in ("|", "<", ">")]
    name, *words = words[: min(ends, default=len(words))]
    subcommand = find_subcommand(name)
    assert subcommand is not None
    parser_of(subcommand).parse_args(words)


def test_the_help_of_a_deeper_word_is_whole(shell: Shell) -> None:
    ran = shell("models", "pull", "--help")
    assert ran.code == 0
    assert "Fetch models; goes on where it was interrupted." in ran.out
    assert "chinwag models pull qwen3:8b" in ran.out
    assert "chinwag models list" not in ran.out
    assert "exit codes:" in ran.out
    assert shell("help", "models", "pull").out == ran.out


def test_the_table_as_json(shell: Shell) -> None:
    assert [one["command"] for one in shell("help", "--json").values] == [one.name for one in SUBCOMMANDS]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("caht",), "did you mean chat?"),
        (("help", "modles"), "did you mean models?"),
        (("help", "models", "pul"), "did you mean pull?"),
        (("models", "lsit"), "there is no 'lsit', did you mean list?"),
        (("bench", "m", "--reprot", "csv"), "did you mean --report?"),
        (("bench", "m", "--report", "cvs"), "did you mean csv?"),
        (("chat", "x", "--modle=y"), "did you mean --model?"),
        (("models", "show", "x", "--prat"), "models show: error: unrecognized arguments: --prat, did you mean --part?"),
        (("models", "show", "x", "--file"), "unrecognized arguments: --file\n"),
        (("--modle", "x"), "did you mean --model?"),
    ],
)
def test_a_wrong_word_is_2_and_names_its_neighbour(shell: Shell, words: tuple[str, ...], said: str) -> None:
    ran = shell(*words)
    assert ran.code == 2
    assert said in ran.talk
    assert ran.out == ""


@pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")
@pytest.mark.parametrize(
    "line", ["chinwag --help | head -n 1", "chinwag help | head -n 1", "chinwag bench --help | true"]
)
def test_help_into_a_pipe_that_closes_says_nothing_odd(shell: Shell, line: str) -> None:
    ran = shell.piped(line)
    assert ran.code in (0, 141)
    assert ran.talk == ""
