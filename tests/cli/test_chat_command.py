"""``chinwag chat`` as a script uses it: answers on standard output, everything else beside it."""

from __future__ import annotations

import base64
import json
import signal
from pathlib import Path

import pytest

from tests.cli.commanding import Shell, home_below, is_bash_here, nobody_there
from tests.end_to_end.served import Served
from tests.terminal import Terminal

LONG_SECONDS = 60.0
MODEL = ("--model", "script-prose-20-0")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def last_chat(server: Served) -> dict[str, object]:
    return server.chats()[-1]


def test_the_answer_is_all_that_stands_on_standard_output(shell: Shell, demo: Served) -> None:
    ran = shell("chat", *MODEL, "why", "tides?")
    assert ran.code == 0, ran.talk
    assert ran.talk == ""
    assert "ENDMARK" in ran.out
    assert last_chat(demo)["messages"] == [{"role": "user", "content": "why tides?"}]


def test_what_is_sent_again_is_said_beside_the_answer(tmp_path: Path) -> None:
    home = home_below(tmp_path)
    (home / ".config" / "chinwag").mkdir(parents=True)
    (home / ".config" / "chinwag" / "settings.toml").write_text(
        "[server]\nretry_base_seconds = 0\nretry_cap_seconds = 0\n"
    )
    shell = Shell(home=home, host=nobody_there())
    ran = shell("chat", "--retries", "2", "--model", "plain:1b", "hello")
    assert ran.out == ""
    again = [line for line in ran.talk.splitlines() if " again in " in line]
    assert [line.rpartition(", ")[2] for line in again][-2:] == ["2 of 3", "3 of 3"]
    quiet = shell("chat", "--quiet", "--retries", "2", "--model", "plain:1b", "hello")
    assert " again in " not in quiet.talk


def test_input_follows_the_prompt_and_files_go_before_it(shell: Shell, demo: Served, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("a ``` b\n")
    ran = shell("chat", *MODEL, "sum up", "--file", str(tmp_path / "notes.md"), stdin="from the pipe\n")
    assert ran.code == 0, ran.talk
    messages = last_chat(demo)["messages"]
    assert messages == [{"role": "user", "content": "notes.md:\n````\na ``` b\n````\n\nsum up\n\nfrom the pipe"}]


def test_how_it_answers_is_sent_and_zero_is_a_value(shell: Shell, demo: Served, tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"type": "object", "properties": {"n": {"type": "integer"}}}')
    (tmp_path / "dot.png").write_bytes(PNG)
    flags = ["--option", "temperature=0", "--option", 'stop=["x"]', "--system", "be brief", "--keep-alive", "0"]
    flags += ["--format", str(tmp_path / "schema.json"), "--think", "off"]
    assert shell("chat", *MODEL, "x", *flags).code == 0
    body = last_chat(demo)
    assert body["options"] == {"temperature": 0, "stop": ["x"]}
    assert body["format"] == {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert body["keep_alive"] == 0
    assert body["think"] is False
    messages = body["messages"]
    assert isinstance(messages, list)
    assert messages[0] == {"role": "system", "content": "be brief"}
    assert shell("chat", *MODEL, "x", "--format", "json").code == 0
    assert last_chat(demo)["format"] == {"type": "object"}
    blind = shell("chat", *MODEL, "x", "--image", str(tmp_path / "dot.png"))
    assert blind.code == 1
    assert "cannot see images" in blind.talk
    messages = last_chat(demo)["messages"]
    assert isinstance(messages, list)
    assert messages[0]["images"] == [base64.b64encode(PNG).decode()]


def test_json_has_the_answer_and_the_servers_figures(shell: Shell) -> None:
    [value] = shell("chat", "--model", "thinker:8b", "why?", "--json").values
    assert value["text"]
    assert value["thinking"]
    assert value["answer_tokens"] > 0
    assert value["tokens_per_second"] > 0
    whole = shell("chat", *MODEL, "x", "--no-stream", "--stats")
    assert "ENDMARK" in whole.out
    assert "tok/s" in whole.talk


def test_nothing_is_kept_unless_asked_for(shell: Shell) -> None:
    assert shell("chat", *MODEL, "a secret").code == 0
    assert shell("conversations", "list").out == ""
    kept = [file for file in shell.home.rglob("*") if file.is_file() and b"a secret" in file.read_bytes()]
    assert kept == []


def test_turns_of_a_conversation_are_kept_and_go_along(shell: Shell, demo: Served) -> None:
    first = shell("chat", *MODEL, "--conversation", "new", "first")
    assert first.code == 0, first.talk
    [value] = shell("chat", "--conversation", "last", "second", "--json").values
    messages = last_chat(demo)["messages"]
    assert isinstance(messages, list)
    assert [one["role"] for one in messages] == ["user", "assistant", "user"]
    [listed] = shell("conversations", "list", "--json").values
    assert listed["id"] == value["conversation"]
    assert listed["message_count"] == 4
    assert "second" in shell("conversations", "show", "last").out


def control_of(shell: Shell, which: str = "last") -> dict[str, object]:
    [value] = [json.loads(shell("conversations", "export", which, "--format", "json").out)]
    control = value.get("control", {})
    assert isinstance(control, dict)
    return control


def test_how_a_conversation_is_answered_stays_with_it(shell: Shell, demo: Served) -> None:
    flags = ("--system", "be brief", "--option", "num_ctx=4096", "--think", "off", "--format", "json")
    first = shell("chat", *MODEL, "--conversation", "new", "--preset", "precise", *flags, "x")
    assert first.code == 0, first.talk
    later = shell("chat", "--conversation", "last", "--option", "temperature=0", "y")
    assert later.code == 0, later.talk
    body = last_chat(demo)
    options = body["options"]
    assert isinstance(options, dict)
    assert options.items() >= {"num_ctx": 4096, "temperature": 0, "top_p": 0.5, "seed": 1}.items()
    assert body["format"] in ("json", {"type": "object"})
    messages = body["messages"]
    assert isinstance(messages, list)
    assert messages[0] == {"role": "system", "content": "be brief"}
    assert [one["role"] for one in messages] == ["system", "user", "assistant", "user"]
    control = control_of(shell)
    assert control["preset"] == "precise"
    assert control["system"] == "be brief"


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--metadata", "a=b"), 2, "does not keep that"),
        (("--option", "mirostat=1"), 2, "mirostat is none of chinwag's"),
        (("--option", "temprature=1"), 2, "temprature is none of chinwag's, did you mean temperature?"),
        (("--preset", "presice"), 1, "did you mean precise?"),
    ],
)
def test_what_a_conversation_does_not_keep_is_refused(
    shell: Shell, demo: Served, flags: tuple[str, ...], code: int, said: str
) -> None:
    before = demo.tokens_sent
    ran = shell("chat", *MODEL, "--conversation", "new", *flags, "x")
    assert ran.code == code
    assert said in ran.talk
    assert demo.tokens_sent == before
    assert shell("conversations", "list").out == ""


def test_a_preset_answers_once_and_flags_beside_it_win(shell: Shell, demo: Served) -> None:
    ran = shell("chat", *MODEL, "--preset", "precise", "--option", "seed=7", "x")
    assert ran.code == 0, ran.talk
    assert last_chat(demo)["options"] == {"temperature": 0.1, "top_p": 0.5, "seed": 7}
    assert shell("presets", "save", "own", *MODEL, "--system", "be brief", "--option", "mirostat=1").code == 2
    assert shell("presets", "save", "own", *MODEL, "--system", "be brief").code == 0
    assert shell("chat", "--preset", "own", "x").code == 0
    assert last_chat(demo)["model"] == MODEL[1]
    assert shell("chat", "--preset", "own", "--system", "", "x").code == 0
    assert last_chat(demo)["messages"] == [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("temperature=hot", "0 to 5"),
        ("num_ctx=1", "256"),
        ("temperature", "write NAME=VALUE"),
    ],
)
def test_an_option_that_cannot_be_is_said_before_anything_is_asked(
    shell: Shell, demo: Served, option: str, said: str
) -> None:
    before = demo.tokens_sent
    ran = shell("chat", *MODEL, "x", "--option", option)
    assert ran.code == 2
    assert said in ran.talk
    assert demo.tokens_sent == before


def test_options_that_only_the_server_knows_go_along(shell: Shell, demo: Served) -> None:
    ran = shell("chat", *MODEL, "x", "--option", "num_keep=2", "--option", "context_tokens=4096")
    assert ran.code == 0
    assert ran.talk == ""
    assert last_chat(demo)["options"] == {"num_keep": 2, "num_ctx": 4096}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("temprature=0", "--option temprature is sent, but ollama may not know it, did you mean temperature?"),
        ("zzz=1", "--option zzz is sent, but ollama may not know it"),
    ],
)
@pytest.mark.parametrize("words", [("chat",), ("generate",), ("compare", MODEL[1], "--no-save", "--prompt")])
def test_an_option_that_nobody_knows_is_named_and_sent(
    shell: Shell, demo: Served, words: tuple[str, ...], option: str, said: str
) -> None:
    ran = shell(*words, "x", *MODEL, "--option", option, "--quiet")
    assert ran.code == 0, ran.talk
    assert ran.talk == f"chinwag: {said}\n"
    if words[0] != "generate":
        name, _, value = option.partition("=")
        assert last_chat(demo)["options"] == {name: int(value)}


def test_metadata_is_in_the_result_and_in_the_log_under_one_id(shell: Shell) -> None:
    logging = Shell(home=shell.home, host=shell.host, more={"CHINWAG_LOG_REQUESTS": "on"})
    [value] = logging("chat", *MODEL, "x", "--metadata", "ticket=7", "--metadata", "by=ada", "--json").values
    assert value["metadata"] == {"ticket": "7", "by": "ada"}
    found = [file.read_text() for file in shell.home.rglob("*.jsonl") if "log" in file.parts]
    assert any(value["trace_id"] in text and '"ticket"' in text for text in found)


def test_an_answer_is_kept_as_an_output_when_asked_for(shell: Shell) -> None:
    ran = shell("chat", *MODEL, "what is kept?", "--save")
    assert ran.code == 0, ran.talk
    assert "kept as " in ran.talk
    [listed] = shell("outputs", "list", "--kind", "chat", "--json").values
    assert listed["models"] == [MODEL[1]]
    assert set(listed["files"]) == {"config.json", "output.md", "results.jsonl"}
    shown = shell("outputs", "show", "last").out
    assert "what is kept?" in shown
    assert "ENDMARK" in shown
    result = shell("outputs", "show", "last", "--file", "results.jsonl").values
    assert result[0]["prompt"] == "what is kept?"
    assert result[0]["answer_tokens"] > 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--model", "nobody", "x"), 4, "there is no model nobody"),
        (("--model", "hungry:405b", "x"), 1, "ran out of memory"),
        (("--model", "breaks:3b", "x"), 5, "broke off"),
        (("--model", "cloudy:120b-cloud", "x"), 1, "give --allow-cloud"),
        ((), 1, "there is nothing to ask"),
        ((*MODEL, "x", "--file", "none.txt"), 1, "none.txt"),
        ((*MODEL, "x", "--image", "/etc/hostname"), 1, "no picture"),
        ((*MODEL, "x", "--timeout", "0"), 2, "seconds above 0"),
        ((*MODEL, "x", "--metadata", "nothing"), 2, "write NAME=VALUE"),
        ((*MODEL, "x", "--conversation", "ZZZ"), 1, "there is no conversation ZZZ"),
    ],
)
def test_every_way_to_fail_has_its_code(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    ran = shell("chat", *words)
    assert ran.code == code, ran.talk
    assert said in ran.talk


def test_no_server_is_3_and_nothing_waits(tmp_path: Path) -> None:
    ran = Shell(home=home_below(tmp_path), host=nobody_there())("chat", "x")
    assert ran.code == 3


def test_a_missing_model_is_pulled_when_the_flag_says_so(tmp_path: Path) -> None:
    with Served(speed=1000) as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        assert shell("models", "rm", "fast:1b", "--yes").code == 0
        assert shell("chat", "--model", "fast:1b", "hello").code == 4
        ran = shell("chat", "--model", "fast:1b", "hello", "--pull")
        assert ran.code == 0, ran.talk
        assert "fast:1b is there" in ran.talk


def test_ctrl_c_keeps_what_was_written_and_is_130(tmp_path: Path) -> None:
    with Served() as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        process = shell.begin("chat", "--model", "script-prose-1000-50", "x")
        server.wait_until(lambda demo: demo.tokens_sent > 10)
        process.send_signal(signal.SIGINT)
        out, talk = process.communicate(timeout=LONG_SECONDS)
        assert process.returncode == 130
        assert b"Traceback" not in talk
        assert out
        server.wait_until(lambda demo: demo.hang_ups > 0)


def test_the_time_that_was_given_ends_it(shell: Shell) -> None:
    ran = shell("chat", "--model", "slow:70b", "x", "--timeout", "0.3")
    assert ran.code == 5
    assert "given up after" in ran.talk


@pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")
def test_in_a_pipe_it_behaves(shell: Shell) -> None:
    ran = shell.piped("echo hello | chinwag chat --model script-prose-2000-0 | head -c 10")
    assert len(ran.out) == 10
    assert ran.talk == ""


def test_a_terminal_gets_no_control_character_of_a_model(shell: Shell, demo: Served) -> None:
    with Terminal(
        shell.argv("chat", "--model", "script-hostile-40-0", "x"),
        home=shell.home,
        environment={"OLLAMA_HOST": demo.url},
    ) as terminal:
        assert terminal.exit_code(LONG_SECONDS) in (0, 4)
        assert terminal.title == ""
        assert b"\x1b]" not in terminal.raw


def test_without_a_prompt_a_terminal_talks_line_by_line(shell: Shell, demo: Served) -> None:
    with Terminal(shell.argv("chat", *MODEL), home=shell.home, environment={"OLLAMA_HOST": demo.url}) as terminal:
        terminal.wait_for("/? lists the commands", LONG_SECONDS)
        terminal.send("hello\n")
        terminal.wait_for("[done, ", LONG_SECONDS)
        terminal.send("/bye\n")
        assert terminal.exit_code(LONG_SECONDS) == 0


def test_line_by_line_it_is_answered_as_the_flags_say(shell: Shell, demo: Served) -> None:
    words = shell.argv("chat", *MODEL, "--preset", "precise", "--system", "be brief")
    with Terminal(words, home=shell.home, environment={"OLLAMA_HOST": demo.url}) as terminal:
        terminal.wait_for("/? lists the commands", LONG_SECONDS)
        terminal.send("hello\n")
        terminal.wait_for("[done, ", LONG_SECONDS)
        terminal.send("/bye\n")
        assert terminal.exit_code(LONG_SECONDS) == 0
    body = last_chat(demo)
    messages = body["messages"]
    assert isinstance(messages, list)
    assert messages[0] == {"role": "system", "content": "be brief"}
    options = body["options"]
    assert isinstance(options, dict)
    assert options["temperature"] == 0.1


def test_line_by_line_a_preset_that_is_not_there_is_said(shell: Shell, demo: Served) -> None:
    words = shell.argv("chat", *MODEL, "--preset", "presice")
    with Terminal(words, home=shell.home, environment={"OLLAMA_HOST": demo.url}) as terminal:
        terminal.wait_for("did you mean precise?", LONG_SECONDS)
        assert terminal.exit_code(LONG_SECONDS) == 1


def test_the_demo_keeps_no_conversation_and_says_so(shell: Shell) -> None:
    ran = shell("chat", "--demo", "--model", "fast:1b", "--conversation", "new", "x")
    assert ran.code == 0, ran.talk
    assert "the demo keeps nothing" in ran.talk
    assert shell("conversations", "list").out == ""
