"""``chinwag hosts``: servers by name."""

from __future__ import annotations

from tests.cli.commanding import Shell, nobody_there
from tests.end_to_end.served import Served


def test_a_server_is_written_down_looked_at_used_and_forgotten(shell: Shell, demo: Served) -> None:
    assert "no server is written down" in shell("hosts", "list").talk
    assert shell("hosts", "add", "here", demo.url).code == 0
    [value] = shell("hosts", "list", "--json").values
    assert value["name"] == "here"
    assert value["version"]
    assert "answers in" in shell("hosts", "list").out
    elsewhere = Shell(home=shell.home)
    assert elsewhere("models", "list", "--names", "--host", "here").lines
    assert elsewhere("hosts", "use", "here").code == 0
    assert elsewhere("models", "list", "--names").lines
    assert shell("hosts", "rm", "here").code == 0
    assert shell("hosts", "list").out == ""


def test_what_is_asked_is_there_and_stays_there(shell: Shell, demo: Served) -> None:
    shell("hosts", "add", "here", demo.url)
    wrong = shell("hosts", "use", "heer")
    assert wrong.code == 1
    assert "did you mean here?" in wrong.talk
    assert "no server is called heer, did you mean here?" in shell("hosts", "rm", "heer").talk
    assert "config reset server.host" in shell("hosts", "use", "here").talk
    assert "the usual one is" in shell("hosts", "rm", "here").talk
    assert shell("config", "get", "server.host").out.strip() == ""
    assert shell("hosts", "use", demo.url).code == 0
    assert shell("config", "get", "server.host").out.strip() == demo.url


def test_one_that_does_not_answer_is_named_and_the_others_are_listed(shell: Shell, demo: Served) -> None:
    shell("hosts", "add", "here", demo.url)
    shell("hosts", "add", "gone", f"http://{nobody_there()}")
    ran = shell("hosts", "list")
    assert ran.code == 1
    assert "answers in" in ran.out
    assert "no connection" in ran.out
    assert shell("hosts", "list", "--no-look").code == 0


def test_a_server_is_changed_under_its_name(shell: Shell, demo: Served) -> None:
    shell("hosts", "add", "here", f"http://{nobody_there()}")
    assert shell("hosts", "add", "here", demo.url, "--memory-bytes", "1000000000").code == 0
    [value] = shell("hosts", "list", "--json").values
    assert value["address"] == demo.url


def test_what_cannot_be_written_down_is_said(shell: Shell) -> None:
    for words in (("add", "a b", "http://x"), ("add", "x", ""), ("rm", "nobody")):
        ran = shell("hosts", *words)
        assert ran.code == 1
        assert ran.talk
        assert ran.out == ""
