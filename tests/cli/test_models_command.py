"""``chinwag models`` as a script and a person run it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commanding import Shell, home_below, is_bash_here, nobody_there
from tests.end_to_end.served import Served
from tests.terminal import Terminal
from tui.demo import Answer, DemoModel, Prompt

LONG_SECONDS = 60.0


def hm(_: Prompt) -> Answer:
    return Answer(text="hm")


def test_the_list_is_data_and_the_total_is_talk(shell: Shell) -> None:
    ran = shell("models", "list")
    assert ran.code == 0
    assert ran.lines[0].split() == ["name", "parameters", "quantization", "size", "modified"]
    assert any(line.startswith("tour:8b") and "8.2B" in line for line in ran.lines)
    assert "models, " in ran.talk
    assert "\x1b" not in ran.out + ran.talk


def test_json_is_one_model_a_line(shell: Shell) -> None:
    models = {model["name"]: model for model in shell("models", "list", "--json").values}
    assert models["tour:8b"]["size_bytes"] > 1_000_000
    assert models["cloudy:120b-cloud"]["is_cloud"] is True
    names = shell("models", "list", "--names").lines
    assert sorted(models) == names


def test_sorted_by_size_the_largest_comes_first(shell: Shell) -> None:
    models = shell("models", "list", "--sort", "size", "--json").values
    sizes = [model["size_bytes"] for model in models]
    assert sizes == sorted(sizes, reverse=True)


def test_what_is_known_of_a_model(shell: Shell) -> None:
    ran = shell("models", "show", "tour:8b")
    assert "capabilities" in ran.out
    assert shell("models", "show", "tour:8b", "--json").values[0]["name"] == "tour:8b"
    template = shell("models", "show", "tour:8b", "--part", "template").out
    assert template == shell("models", "show", "tour:8b", "--json").values[0]["template"]


def test_a_model_that_is_not_there_is_4_and_names_its_neighbour(shell: Shell) -> None:
    ran = shell("models", "show", "tuor:8b")
    assert ran.code == 4
    assert ran.out == ""
    assert "did you mean tour:8b?" in ran.talk


def test_no_server_is_3(tmp_path: Path) -> None:
    ran = Shell(home=home_below(tmp_path), host=nobody_there())("models", "list")
    assert ran.code == 3
    assert "nothing listens there" in ran.talk


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("modles",), "did you mean models?"),
        (("models",), "required"),
        (("models", "list", "--fast"), "unrecognized arguments"),
        (("models", "show"), "required"),
        (("models", "list", "--ho", "x"), "unrecognized arguments"),
    ],
)
def test_a_wrong_line_is_2_and_says_what_is_wrong(shell: Shell, words: tuple[str, ...], said: str) -> None:
    ran = shell(*words)
    assert ran.code == 2
    assert said in ran.talk
    assert ran.out == ""


def test_flags_may_stand_behind_either_word(shell: Shell, demo: Served, tmp_path: Path) -> None:
    lost = Shell(home=shell.home, host=nobody_there())
    before = lost("models", "--host", demo.url, "list", "--names")
    behind = lost("models", "list", "--names", "--host", demo.url)
    assert before.code == behind.code == 0
    assert before.lines == behind.lines


def test_pull_copy_load_unload_and_delete(tmp_path: Path) -> None:
    with Served(speed=1000) as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        steps = shell("models", "pull", "fast:1b", "--json")
        assert steps.code == 0
        assert steps.values[-1]["is_done"] is True
        assert shell("models", "cp", "fast:1b", "mine").code == 0
        assert "mine:latest" in shell("models", "list", "--names").lines
        assert "in memory" in shell("models", "load", "fast:1b", "--keep-alive", "-1").talk
        [running] = shell("models", "ps", "--json").values
        assert running["name"] == "fast:1b"
        assert "never" in shell("models", "ps").out
        assert shell("models", "unload", "fast:1b").code == 0
        assert shell("models", "ps", "--json").values == []
        kept = shell("models", "rm", "mine")
        assert kept.code == 1
        assert "give --yes" in kept.talk
        assert shell("models", "rm", "mine", "--yes").code == 0
        assert "mine:latest" not in shell("models", "list", "--names").lines


def test_one_that_cannot_be_pulled_does_not_end_the_rest(shell: Shell) -> None:
    ran = shell("models", "pull", "no-such-model", "fast:1b")
    assert ran.code == 4
    assert "no-such-model" in ran.talk
    assert "fast:1b is there" in ran.talk


def test_a_model_is_made_of_something(shell: Shell) -> None:
    nothing = shell("models", "create", "empty")
    assert nothing.code == 2
    assert "--from MODEL or --file FILE" in nothing.talk


def test_a_model_is_made_of_another_one_asked_and_sent(tmp_path: Path) -> None:
    with Served(speed=1000) as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        flags = ("--from", "tour:8b", "--system", "Talk like a pirate.", "--parameter", "num_ctx=2048")
        made = shell("models", "create", "me/pirate", *flags, "--parameter", "stop=END", "--json")
        assert made.code == 0, made.talk
        assert made.values[-1]["is_done"] is True
        assert any("creating new layer" in step["status"] for step in made.values)
        assert shell("models", "show", "me/pirate", "--part", "system").out == "Talk like a pirate.\n"
        shown = shell("models", "show", "me/pirate").out
        assert "2048" in shown
        assert "END" in shown
        assert shell("chat", "--model", "me/pirate", "hello").code == 0
        sent = shell("models", "push", "me/pirate", "--json")
        assert sent.code == 0, sent.talk
        assert sent.values[-1]["is_done"] is True
        sizes = [step["total_bytes"] for step in sent.values if step.get("total_bytes")]
        assert max(sizes) > 1_000_000_000
        assert "me/pirate is there" in shell("models", "push", "me/pirate").talk
        assert shell("models", "cp", "me/pirate", "me/captain").code == 0
        assert shell("models", "rm", "me/pirate", "me/captain", "--yes").code == 0
        assert not any(name.startswith("me/") for name in shell("models", "list", "--names").lines)


def test_a_model_is_made_of_a_file_that_is_sent_once(tmp_path: Path) -> None:
    weights = tmp_path / "mine.gguf"
    weights.write_bytes(b"GGUF" + bytes(3_000_000))
    with Served(speed=1000) as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        for name in ("one", "two"):
            made = shell("models", "create", name, "--file", str(weights), "--quantize", "q4_K_M", "--json")
            assert made.code == 0, made.talk
            assert any("quantizing F16 model" in step["status"] for step in made.values)
        assert sum(path.startswith("/api/blobs/") for path in server.paths()) == 3
        assert "mine.gguf" in shell("chat", "--model", "one", "who are you?").out
        [found] = shell("models", "show", "two", "--json").values
        assert found["quantization"] == "Q4_K_M"


def test_what_cannot_be_made_or_sent_is_said_in_the_servers_words(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("no weights at all")
    with Served(speed=1000) as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        no_weights = shell("models", "create", "x", "--file", str(tmp_path / "text.gguf"))
        assert no_weights.code == 1
        assert "not in GGUF format" in no_weights.talk
        no_file = shell("models", "create", "x", "--file", str(tmp_path / "none.gguf"))
        assert no_file.code == 1
        assert "none.gguf" in no_file.talk
        template = shell("models", "create", "x", "--from", "tour:8b", "--template", "{{ .Messages ")
        assert template.code == 1
        assert "unclosed action" in template.talk
        missing = shell("models", "create", "x", "--from", "nowhere")
        assert missing.code == 4
        assert "x cannot be made, there is no model nowhere" in missing.talk
        assert shell("models", "push", "nowhere").code == 4
        assert shell("models", "cp", "fast:1b", "locked/mine").code == 0
        denied = shell("models", "push", "locked/mine")
        assert denied.code == 1
        assert "denied" in denied.talk
        assert shell("models", "cp", "nowhere", "y").code == 4


def test_what_fits_is_said_before_anything_is_loaded(shell: Shell, demo: Served) -> None:
    ran = shell("models", "fits", "tour:8b", "--gpu-memory", "6.9GB")
    assert ran.code == 0, ran.talk
    rows = {line.split()[1]: line for line in ran.lines[1:]}
    assert rows["4k"].endswith("fits on the gpu")
    assert not rows["8k"].endswith("fits on the gpu")
    assert "free: 6.9 GB on the gpu" in ran.talk
    [value] = shell("models", "fits", "tour:8b", "--num-ctx", "4096", "--gpu-memory", "24GB", "--json").values
    # 36 layers of 8 heads with keys and values of 128 numbers of 2 bytes each.
    assert value["cache_bytes"] == 4096 * 36 * 8 * (128 + 128) * 2
    assert value["needed_bytes"] == value["weights_bytes"] + value["cache_bytes"]
    assert value["fits"] == "fits on the gpu"
    smaller = shell("models", "fits", "tour:8b", "--num-ctx", "4k", "--kv-type", "q8_0", "--json").values[0]
    assert smaller["cache_bytes"] == value["cache_bytes"] * 34 // 64
    every = {one["model"] for one in shell("models", "fits", "--json").values}
    assert "tour:8b" in every
    assert "cloudy:120b-cloud" not in every
    assert shell("models", "ps", "--json").values == []


def test_a_script_can_ask_whether_a_model_fits(shell: Shell) -> None:
    assert shell("models", "fits", "fast:1b", "--num-ctx", "4096", "--gpu-memory", "1TB").code == 0
    ran = shell("models", "fits", "hungry:405b", "--num-ctx", "4096", "--gpu-memory", "0")
    # What the machine has beside its GPUs decides; the exit code says the same as the table.
    assert (ran.code == 1) == ("does not fit" in ran.out)
    assert shell("models", "fits", "tuor:8b").code == 4
    assert shell("models", "fits", "--num-ctx", "0").code == 2
    assert shell("models", "fits", "--gpu-memory", "much").code == 2


@pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")
def test_a_reader_that_leaves_gets_no_complaint(shell: Shell) -> None:
    ran = shell.piped("chinwag models list | head -n 1")
    assert ran.code in (0, 141)
    assert "Broken pipe" not in ran.talk
    closed = shell.piped("chinwag models list >&-")
    assert closed.code != 2
    assert "Traceback" not in closed.talk


def test_ctrl_c_while_a_model_is_pulled_is_130_and_says_nothing_odd(tmp_path: Path) -> None:
    with Served(speed=0.05) as server:
        shell = Shell(home=home_below(tmp_path), host=server.url)
        process = shell.begin("models", "pull", "fast:1b")
        server.wait_until(lambda demo: any(one.path == "/api/pull" for one in demo.received))
        process.send_signal(signal.SIGINT)
        out, talk = process.communicate(timeout=LONG_SECONDS)
    assert process.returncode == 130
    assert b"Traceback" not in talk
    assert out == b""


def test_deleting_asks_a_person_and_no_is_the_answer_of_enter(demo: Served, tmp_path: Path) -> None:
    home = home_below(tmp_path)
    shell = Shell(home=home, host=demo.url)
    with Terminal(shell.argv("models", "rm", "fast:1b"), home=home, environment={"OLLAMA_HOST": demo.url}) as terminal:
        terminal.wait_for("delete fast:1b from", LONG_SECONDS)
        terminal.send("\n")
        terminal.wait_for("nothing was deleted", LONG_SECONDS)
        assert terminal.exit_code(LONG_SECONDS) == 1
    assert "fast:1b" in shell("models", "list", "--names").lines


def test_names_of_a_hostile_server_are_only_text_on_a_terminal(tmp_path: Path) -> None:
    home = home_below(tmp_path)
    evil = DemoModel(name="evil\x1b]0;owned\x07:8b", script=hm)
    with Served(models=[evil]) as server:
        shell = Shell(home=home, host=server.url)
        with Terminal(shell.argv("models", "list"), home=home, environment={"OLLAMA_HOST": server.url}) as terminal:
            terminal.wait_for("evil", LONG_SECONDS)
            assert terminal.exit_code(LONG_SECONDS) == 0
            assert "owned" in terminal.screen()
            assert terminal.title != "owned"
        raw = shell("models", "list", "--names").out
    assert raw == "evil\x1b]0;owned\x07:8b\n"


def test_the_command_does_not_load_the_screen(shell: Shell) -> None:
    program = "import sys; from tui.__main__ import main; main(['models', 'list', '--names']); print('textual' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=shell.environment, capture_output=True, check=True, timeout=LONG_SECONDS
    )
    assert done.stdout.decode().splitlines()[-1] == "False"


def test_a_context_that_a_model_is_not_made_for_is_said(shell: Shell) -> None:
    ran = shell("models", "fits", "tour:8b", "--num-ctx", "32k")
    assert "tour:8b is made for a context of 8k at most" in ran.talk
    assert "is made for" not in shell("models", "fits", "tour:8b", "--num-ctx", "4k").talk
