"""Plain mode with prompts from a file, answers in a file, and a real server in between."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tui.cli.plain import talk_plainly
from tui.demo import Answer, DemoModel, DemoServer
from tui.workspace import StartOptions, Workspace

CHATTY = "script-count-100000-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    code: int
    out: str
    err: str


@dataclass(slots=True)
class Person:
    """Somebody's folders; ``says`` starts chinwag on them with these lines on standard input."""

    root: Path
    url: str
    model: str | None = None

    def workspace(self, **options: Any) -> Workspace:
        kinds = ("data", "config", "cache", "state")
        environ = {f"CHINWAG_{kind.upper()}_DIR": str(self.root / kind) for kind in kinds}
        return Workspace.prepare(StartOptions(host=self.url, model=self.model, **options), environ=environ)

    async def says(self, *lines: str, shows_thinking: bool = False, **options: Any) -> Said:
        folder = self.root
        folder.mkdir(exist_ok=True)
        (folder / "in").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        with (
            (folder / "in").open("rb") as stdin,
            (folder / "out").open("wb") as out,
            (folder / "err").open("wb") as err,
        ):
            code = await talk_plainly(
                self.workspace(**options),
                stdin=stdin.fileno(),
                stdout=out.fileno(),
                stderr=err.fileno(),
                shows_thinking=shows_thinking,
            )
        return Said(code=code, out=(folder / "out").read_text("utf-8"), err=(folder / "err").read_text("utf-8"))

    def kept(self) -> list[dict[str, Any]]:
        """The conversations on disk, oldest first."""
        files = sorted((self.root / "data" / "conversations").glob("*.json"))
        return [json.loads(file.read_bytes()) for file in files]


def echo(name: str, text: str, *, thinking: str = "", **more: Any) -> DemoModel:
    return DemoModel(
        name=name, script=lambda _: Answer(text=text, thinking=thinking), tokens_per_second=0, load_seconds=0, **more
    )


MODELS: Sequence[DemoModel] = (
    echo("plain:1b", "a short answer"),
    echo("wild:1b", "red \x1b[31mred\x1b[2J\nnext \u202eline\n"),
)


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer(speed=0, accept_scripts=True) as demo:
        yield demo


@pytest.fixture
def person(tmp_path: Path, server: DemoServer) -> Person:
    return Person(tmp_path / "person", server.url)


@pytest.fixture
async def short(tmp_path: Path) -> AsyncIterator[Person]:
    """A server whose models say little."""
    async with DemoServer(speed=0, models=MODELS) as demo:
        yield Person(tmp_path / "person", demo.url, "plain:1b")


def asked_of(server: DemoServer) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in server.received if one.path == "/api/chat"]


# Talking


async def test_a_prompt_that_is_sent_again_is_said_on_standard_error(tmp_path: Path) -> None:
    person = Person(tmp_path / "person", "http://127.0.0.1:9", "plain:1b")
    now = {"server.attempts": "3", "server.retry_base_seconds": "0", "server.retry_cap_seconds": "0"}
    said = await person.says("hello", settings=now)
    assert said.out == ""
    again = [line for line in said.err.splitlines() if line.startswith("[chat with plain:1b") and " again in " in line]
    assert [line.rpartition(", ")[2] for line in again] == ["2 of 3]", "3 of 3]"]


async def test_each_line_is_a_prompt_and_all_of_it_is_kept(short: Person) -> None:
    said = await short.says("hello", "and now \\", "two lines", '"""', "a", "b", '"""')
    assert said.code == 0
    assert said.out == "a short answer\n\na short answer\n\na short answer\n"
    (kept,) = short.kept()
    assert [one["text"] for one in kept["messages"]] == [
        "hello",
        "a short answer",
        "and now \ntwo lines",
        "a short answer",
        "a\nb",
        "a short answer",
    ]
    assert kept["title"] == "hello"


async def test_numbers_and_phases_are_lines_of_their_own_on_standard_error(short: Person) -> None:
    said = await short.says("hello")
    assert all(line.startswith("[") and line.endswith("]") for line in said.err.splitlines())
    assert "[answering]" in said.err.splitlines()
    done = said.err.splitlines()[-1]
    assert done.startswith("[done, ")
    assert "tok/s" in done
    assert "first " in done


async def test_what_a_model_says_cannot_reach_the_terminal(short: Person) -> None:
    short.model = "wild:1b"
    said = await short.says("hello")
    assert said.out == "red ␛[31mred␛[2J\nnext ⟦RLO⟧line\n"


async def test_thinking_is_shown_only_when_asked(person: Person) -> None:
    person.model = "thinker:8b"
    hidden = await person.says("hello")
    assert "[thinking]" in hidden.err
    assert "thinking:" not in hidden.out
    shown = await person.says("hello", shows_thinking=True)
    assert shown.out.startswith("thinking:\n")
    thinking, _, answer = shown.out.partition("\nanswer:\n")
    assert thinking.strip()
    assert answer == hidden.out
    asked = await person.says("/thinking", "hello")
    assert asked.out == shown.out


async def test_what_was_begun_when_the_input_ends_is_sent(short: Person) -> None:
    await short.says('"""', "half a", "block")
    assert short.kept()[0]["messages"][0]["text"] == "half a\nblock"


async def test_nothing_to_say_says_nothing(short: Person) -> None:
    said = await short.says("", "   ")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert short.kept() == []


# Failures


async def test_a_broken_answer_is_kept_and_nothing_more_is_sent(person: Person, server: DemoServer) -> None:
    person.model = "breaks:3b"
    said = await person.says("hello", "and more")
    assert said.code == 1
    assert "[broken off, ~" in said.err
    assert "nothing more of the input is sent" in said.err
    assert said.out.strip()
    (kept,) = person.kept()
    assert kept["messages"][1]["text"].strip() == said.out.strip()
    assert kept["messages"][1]["state"] == "broken_off"
    assert len(asked_of(server)) == 1


async def test_a_server_that_is_not_there_is_named(tmp_path: Path, unused_port: int) -> None:
    said = await Person(tmp_path / "person", f"http://127.0.0.1:{unused_port}").says("hello")
    assert said.code == 1
    assert str(unused_port) in said.err
    assert "nothing was sent" in said.err
    assert said.out == ""


@pytest.fixture
async def unused_port() -> int:
    async with DemoServer() as demo:
        return demo.port


async def test_a_host_that_cannot_be_one_stops_the_start(tmp_path: Path) -> None:
    said = await Person(tmp_path / "person", "ftp://gpu-box").says("hello")
    assert said.code == 2
    assert said.err.startswith("[")


async def test_a_broken_settings_file_is_named_and_stops_nothing(short: Person) -> None:
    (short.root / "config").mkdir(parents=True)
    (short.root / "config" / "settings.toml").write_text("[appearance")
    said = await short.says("hello")
    assert said.code == 0
    assert said.err.startswith("[settings.toml: not used, it stays as it is: it is not TOML")


async def test_a_cloud_model_gets_nothing_where_nobody_can_be_asked(person: Person, server: DemoServer) -> None:
    person.model = "cloudy:120b-cloud"
    said = await person.says("hello")
    assert said.code == 1
    assert "leaves this machine" in said.err
    assert asked_of(server) == []


async def test_a_reader_that_went_away_ends_it_quietly(person: Person) -> None:
    person.model = CHATTY
    reading, writing = os.pipe()
    os.close(reading)
    person.root.mkdir()
    (person.root / "in").write_text("count\nand again\n")
    try:
        with (person.root / "in").open("rb") as stdin, (person.root / "err").open("wb") as err:
            code = await talk_plainly(person.workspace(), stdin=stdin.fileno(), stdout=writing, stderr=err.fileno())
    finally:
        os.close(writing)
    assert code == 141
    assert "stopped" not in (person.root / "err").read_text()
    (kept,) = person.kept()
    assert kept["messages"][1]["state"] == "stopped"


async def test_a_reader_that_takes_nothing_holds_up_nothing(person: Person, server: DemoServer) -> None:
    tokens = 60_000
    person.model = f"script-prose-{tokens}-0"
    reading, writing = os.pipe()
    person.root.mkdir()
    (person.root / "in").write_text("talk\n")
    try:
        with (person.root / "in").open("rb") as stdin, (person.root / "err").open("wb") as err:
            talking = asyncio.create_task(
                talk_plainly(person.workspace(), stdin=stdin.fileno(), stdout=writing, stderr=err.fileno())
            )
            # More than a pipe holds, and nobody has read a byte of it.
            await server.until(lambda demo: demo.tokens_sent >= tokens)
            taking = asyncio.create_task(asyncio.to_thread(read_all, reading))
            assert await talking == 0
    finally:
        os.close(writing)
    assert (await taking).rstrip().endswith(b"ENDMARK")
    os.close(reading)


def read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 1 << 16):
        parts.append(part)
    return b"".join(parts)


# Commands


async def test_another_model_answers_and_stays_the_choice(short: Person) -> None:
    said = await short.says("/model wild", "/model wild:1b", "hello")
    assert "does not list wild, taken at its word" in said.err
    assert "[the model is wild:1b]" in said.err
    assert said.out.startswith("red")
    short.model = None
    assert (await short.says("hello")).out.startswith("red")


async def test_the_models_are_listed(short: Person) -> None:
    said = await short.says("/models")
    assert "plain:1b, 8.0B, Q4_K_M, 5.0 GB, in use" in said.err
    assert said.out == ""


async def test_conversations_are_listed_and_opened_by_number(short: Person) -> None:
    await short.says("the first talk")
    await short.says("the second talk")
    said = await short.says("/open", "/open 2", "go on", "/open 3", "never sent")
    listed = [line for line in said.err.splitlines() if line[0].isdigit()]
    assert [line.split(",")[0] for line in listed] == ["1: the second talk", "2: the first talk"]
    assert "[opened the first talk, 2 messages]" in said.err
    assert said.out.startswith("the first talk\na short answer\n")
    assert "there is no number 3 in the list" in said.err
    assert said.code == 1
    texts = [[one["text"] for one in kept["messages"]] for kept in short.kept()]
    assert texts == [
        ["the first talk", "a short answer", "go on", "a short answer"],
        ["the second talk", "a short answer"],
    ]


async def test_a_new_conversation_forgets_what_was_said(short: Person) -> None:
    await short.says("one", "/new", "two")
    assert [len(kept["messages"]) for kept in short.kept()] == [2, 2]


async def test_again_asks_again(person: Person, server: DemoServer) -> None:
    person.model = "breaks:3b"
    await person.says("hello")
    said = await person.says("/open 1", "/again")
    assert said.code == 1
    first, second = asked_of(server)
    assert first["messages"] == second["messages"]
    assert (await person.says("/again")).err == "[there is nothing to try again]\n"


async def test_bye_leaves_the_rest_unread(short: Person) -> None:
    said = await short.says("/?", "/bye", "hello")
    assert said.code == 0
    assert "/model, /load NAME: go on with another model" in said.err
    assert short.kept() == []


async def test_private_keeps_nothing(short: Person) -> None:
    said = await short.says("hello", is_private=True)
    assert said.out == "a short answer\n"
    assert not (short.root / "data").exists()


async def test_a_title_cannot_forge_lines_or_codes(short: Person) -> None:
    await short.says("hello")
    (file,) = (short.root / "data" / "conversations").glob("*.json")
    kept = json.loads(file.read_bytes())
    file.write_text(json.dumps(kept | {"title": "x\x1b[2J\n[done"}))
    said = await short.says("/open", "/open 1")
    assert "\x1b" not in said.err
    assert "\n[done" not in said.err
