"""Prompts of several lines, and which lines are commands."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.cleaning import clean
from tui.cli.input_lines import LINE_LIMIT_BYTES, InputLines
from tui.cli.plain_commands import COMMANDS, PromptLines, help_lines, read_command
from tui.failures import Failure


def prompts(*lines: str) -> list[str]:
    together = PromptLines()
    found = [text for line in lines if (text := together.add(line)) is not None]
    return [*found, f"unfinished: {together.take()}"] if together.is_open else found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["one", "two"], ["one", "two"]),
        (["one \\", "two\\", "three", "four"], ["one \ntwo\nthree", "four"]),
        (['"""', "a", "", 'b"""', "c"], ["a\n\nb", "c"]),
        (['"""a', "b", '"""', "c"], ["a\nb", "c"]),
        (['"""all in one"""', "c"], ["all in one", "c"]),
        (['"""', "a \\", '"""'], ["a \\"]),
        (['say """'], ['say """']),
        (['"""', "half"], ["unfinished: half"]),
        (["half\\"], ["unfinished: half"]),
        (['""""""'], [""]),
        ([""], [""]),
    ],
)
def test_lines_become_prompts(lines: list[str], expected: list[str]) -> None:
    assert prompts(*lines) == expected


@given(st.lists(st.text(st.characters(exclude_characters='\n"\\'), min_size=1), min_size=1))
def test_a_block_keeps_every_line(lines: list[str]) -> None:
    assert prompts('"""', *lines, '"""') == ["\n".join(lines)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/models", ("models", "")),
        ("/model qwen3:8b", ("model", "qwen3:8b")),
        ("/load qwen3:8b ", ("model", "qwen3:8b")),
        ("/open", ("open", "")),
        ("/open 3", ("open", "3")),
        ("/?", ("?", "")),
        ("/bye", ("bye", "")),
        ("/new york is large", None),
        ("/usr/bin/python is broken", None),
        ("/modle x", None),
        ("/delete", ("unknown", "delete")),
        ("/usr/bin", None),
        ("/bye\nnow", None),
        (" /bye", None),
        ("bye", None),
    ],
)
def test_only_what_is_exactly_a_command_is_one(text: str, expected: tuple[str, str] | None) -> None:
    assert read_command(text) == expected


def test_names_are_unique_and_the_help_has_all_of_them() -> None:
    names = [name for command in COMMANDS for name in command.names]
    assert len(names) == len(set(names))
    said = "\n".join(help_lines())
    assert all(f"/{name}" in said for name in names)
    assert clean(said) == said


async def lines_of(file: Path) -> list[tuple[str, ...]]:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        lines = InputLines(descriptor, encoding="utf-8", is_terminal=False)
        found = []
        while (burst := await lines.next()) is not None:
            found.append(burst.lines)
        return found
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"one\r\ntwo", [("one",), ("two",)]),
        (b"\xff\x00\n\n", [("\ufffd\x00",), ("",)]),
        ("é".encode() * 60_000 + b"\nx\n", [("é" * 60_000,), ("x",)]),
    ],
    ids=["nothing", "ends", "binary", "long"],
)
async def test_a_file_is_read_line_by_line(tmp_path: Path, data: bytes, expected: list[tuple[str, ...]]) -> None:
    file = tmp_path / "prompts"
    file.write_bytes(data)
    assert await lines_of(file) == expected


async def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prompts"
    file.write_bytes(b"x" * (LINE_LIMIT_BYTES + 100_000))
    with pytest.raises(Failure, match="over 8 MB"):
        await lines_of(file)


async def test_a_pipe_gives_lines_as_they_come_and_an_end() -> None:
    reading, writing = os.pipe()
    lines = InputLines(reading, encoding="utf-8", is_terminal=False)
    try:
        waiting = asyncio.ensure_future(lines.next())
        await asyncio.sleep(0)
        os.write(writing, b"he")
        os.write(writing, b"llo\nmore")
        first = await waiting
        assert first is not None
        assert first.lines == ("hello",)
        os.close(writing)
        second = await lines.next()
        assert second is not None
        assert second.lines == ("more",)
        assert await lines.next() is None
    finally:
        lines.close()
        os.close(reading)
