"""``chinwag presets``: ways to answer by name, out of the program and into it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.commanding import Shell, is_bash_here
from tests.end_to_end.served import Served
from tests.terminal import Terminal

LONG_SECONDS = 60.0
MODEL = "script-prose-5-0"
TERSE = ("save", "terse", "--about", "short", "--system", "One sentence.", "--option", "num_ctx=4096", "--think", "off")


def names(shell: Shell) -> list[str]:
    return [one["name"] for one in shell("presets", "list", "--json").values]


def test_those_of_chinwag_are_there(shell: Shell) -> None:
    assert names(shell) == ["fast", "creative", "balanced", "precise", "long_form"]
    ran = shell("presets", "list")
    assert any(line.startswith("precise") and "likeliest" in line for line in ran.lines)
    [precise] = shell("presets", "show", "precise", "--json").values
    assert precise["options"] == {"temperature": 0.1, "top_p": 0.5, "seed": 1}
    assert "temperature = 0.1" in shell("presets", "show", "precise").out


def test_one_is_saved_used_and_removed(shell: Shell, demo: Served) -> None:
    ran = shell("presets", *TERSE, "--model", MODEL, "--keep-alive", "90")
    assert ran.code == 0, ran.talk
    [kept] = shell("presets", "show", "terse", "--json").values
    assert kept["options"] == {"context_tokens": 4096, "thinking": "off", "keep_alive": "90s"}
    assert kept["is_own"] is True
    [file] = shell.home.rglob("terse.toml")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shell("chat", "--preset", "terse", "x").code == 0
    body = demo.chats()[-1]
    assert body["model"] == MODEL
    assert body["options"] == {"num_ctx": 4096}
    assert body["keep_alive"] == "90s"
    assert body["messages"][0] == {"role": "system", "content": "One sentence."}
    twice = shell("presets", *TERSE)
    assert twice.code == 1
    assert "give --replace" in twice.talk
    assert shell("presets", *TERSE, "--replace").code == 0
    unasked = shell("presets", "rm", "terse")
    assert unasked.code == 1
    assert "give --yes" in unasked.talk
    assert shell("presets", "rm", "terse", "--yes").code == 0
    assert "terse" not in names(shell)


def test_one_begins_with_another_or_with_a_conversation(shell: Shell) -> None:
    assert shell("presets", "save", "mine", "--from", "precise", "--option", "seed=7").code == 0
    [mine] = shell("presets", "show", "mine", "--json").values
    assert mine["options"] == {"temperature": 0.1, "top_p": 0.5, "seed": 7}
    flags = ("--model", MODEL, "--conversation", "new", "--preset", "mine", "--system", "be brief")
    assert shell("chat", *flags, "x").code == 0
    assert shell("presets", "save", "so", "--conversation", "last", "--option", "top_k=3").code == 0
    [so] = shell("presets", "show", "so", "--json").values
    assert so["system"] == "be brief"
    assert so["model"] == MODEL
    assert so["options"] == {"temperature": 0.1, "top_p": 0.5, "seed": 7, "top_k": 3}


def test_out_as_a_file_and_in_again(shell: Shell, tmp_path: Path) -> None:
    assert shell("presets", *TERSE).code == 0
    written = shell("presets", "export", "terse").out
    file = tmp_path / "terse.toml"
    assert shell("presets", "export", "terse", "--output", str(tmp_path)).code == 0
    assert file.read_text() == written
    again = shell("presets", "export", "terse", "--output", str(tmp_path))
    assert again.code == 1
    assert "give --replace" in again.talk
    assert shell("presets", "rm", "terse", "--yes").code == 0
    assert shell("presets", "import", str(file)).code == 0
    assert shell("presets", "export", "terse").out == written
    taken = shell("presets", "import", str(file))
    assert taken.code == 1
    assert "give --replace" in taken.talk
    assert shell("presets", "import", str(file), "--name", "other").code == 0
    assert shell("presets", "import", "-", "--name", "third", stdin=written).code == 0
    assert {"terse", "other", "third"} < set(names(shell))
    assert shell("presets", "import", "-", stdin=written).code == 1


def test_what_is_wrong_in_a_file_is_said_line_by_line_and_it_is_not_taken_over(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('about = "x"\nmodle = "y"\n[options]\ntemperature = "hot"\n')
    ran = shell("presets", "validate", str(file))
    assert ran.code == 1
    assert ran.lines[0].startswith(f"{file}:2: ")
    assert ran.lines[1].startswith(f"{file}:4: ")
    assert [one["line"] for one in shell("presets", "validate", str(file), "--json").values] == [2, 4]
    taken = shell("presets", "import", str(file))
    assert taken.code == 1
    assert "modle" in taken.talk
    assert "bad" not in names(shell)
    assert shell("presets", "validate").code == 0
    shell("presets", *TERSE)
    [own] = shell.home.rglob("terse.toml")
    own.write_text("nothing = 1\n")
    assert shell("presets", "validate").code == 1
    assert shell("presets", "validate", "terse").code == 1
    listing = shell("presets", "list")
    assert listing.code == 1
    assert "terse.toml" in listing.talk
    assert "precise" in listing.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "presice"), 1, "did you mean precise?"),
        (("rm", "precise", "--yes"), 1, "it comes with chinwag"),
        (("save", "No Name"), 1, "lower case"),
        (("save", "x", "--option", "mirostat=1"), 2, "there is no option mirostat"),
        (("save", "x", "--option", "temprature=1"), 2, "no option temprature, did you mean temperature?"),
        (("save", "x", "--option", "temperature=hot"), 2, "0 to 5"),
        (("save", "x", "--conversation", "last"), 1, "there is no conversation last"),
        (("import", "none.toml"), 1, "none.toml"),
    ],
)
def test_what_cannot_be_is_said(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    ran = shell("presets", *words)
    assert ran.code == code
    assert said in ran.talk
    assert ran.out == ""


def test_removing_asks_a_person(shell: Shell) -> None:
    shell("presets", *TERSE)
    with Terminal(shell.argv("presets", "rm", "terse"), home=shell.home) as terminal:
        terminal.wait_for("remove 1 preset: terse?", LONG_SECONDS)
        terminal.send("n\n")
        terminal.wait_for("nothing was removed", LONG_SECONDS)
        assert terminal.exit_code(LONG_SECONDS) == 1
    assert "terse" in names(shell)


def test_models_and_presets_compete_side_by_side(shell: Shell, demo: Served) -> None:
    words = ("compare", "precise", f"{MODEL}@creative", MODEL, "--model", MODEL, "--prompt", "x", "--json")
    ran = shell(*words)
    assert ran.code == 0, ran.talk
    names_of = [one["name"] for one in ran.values[0]["contenders"]]
    assert names_of == ["precise", f"{MODEL}@creative", MODEL]
    sent = [body.get("options", {}) for body in demo.chats()[-3:]]
    assert [one.get("temperature") for one in sent] == [0.1, 1.1, None]
    unknown = shell("compare", "presice", "--prompt", "x")
    assert unknown.code == 4
    assert "did you mean precise?" in unknown.talk


def test_a_batch_answers_by_a_preset(shell: Shell, demo: Served, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\n")
    shell("presets", "save", "own", "--model", MODEL, "--system", "be brief", "--format", "json")
    assert shell("batch", str(tmp_path / "p.txt"), "--preset", "own").code == 0
    body = demo.chats()[-1]
    assert body["model"] == MODEL
    assert body["format"] == {"type": "object"}
    assert body["messages"][0]["content"] == "be brief"


@pytest.mark.skipif(not is_bash_here(), reason="bash is not installed")
def test_a_preset_goes_through_a_pipe(shell: Shell) -> None:
    ran = shell.piped("chinwag presets export precise | chinwag presets import - --name mine")
    assert ran.code == 0, ran.talk
    assert "mine" in names(shell)
