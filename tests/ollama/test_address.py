from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.failures import Failure
from tui.ollama.address import choose_host, is_loopback, parse_host

OLLAMAS_OWN_TABLE = [
    ("", "http://127.0.0.1:11434"),
    ("1.2.3.4", "http://1.2.3.4:11434"),
    ("example.com", "http://example.com:11434"),
    (":1234", "http://127.0.0.1:1234"),
    ("1.2.3.4:1234", "http://1.2.3.4:1234"),
    ("example.com:1234", "http://example.com:1234"),
    ("http://1.2.3.4", "http://1.2.3.4:80"),
    ("http://1.2.3.4:4321", "http://1.2.3.4:4321"),
    ("https://1.2.3.4", "https://1.2.3.4:443"),
    ("https://1.2.3.4:4321", "https://1.2.3.4:4321"),
    ("https://example.com/ollama", "https://example.com:443/ollama"),
    ("[::1]", "http://[::1]:11434"),
    ("::1", "http://[::1]:11434"),
    ("[::1]:1337", "http://[::1]:1337"),
    ("ollama.com", "https://ollama.com:443"),
    (" 1.2.3.4 ", "http://1.2.3.4:11434"),
    ('"1.2.3.4"', "http://1.2.3.4:11434"),
    (' " 1.2.3.4 " ', "http://1.2.3.4:11434"),
    ("'1.2.3.4'", "http://1.2.3.4:11434"),
    (":0", "http://127.0.0.1:0"),
    (":66000", "http://127.0.0.1:11434"),
    (":-1", "http://127.0.0.1:11434"),
    ("https://example.com:66000", "https://example.com:443"),
    ("0.0.0.0", "http://127.0.0.1:11434"),
    ("0.0.0.0:8080", "http://127.0.0.1:8080"),
    ("[::]", "http://[::1]:11434"),
    ("[::]:8080", "http://[::1]:8080"),
    ("localhost:11434", "http://localhost:11434"),
    ("gpu_box", "http://gpu_box:11434"),
    ("fe80::1%eth0", "http://[fe80::1%eth0]:11434"),
    ("HTTP://gpu-box:8080/", "http://gpu-box:8080"),
    ("https://example.com/a/b/", "https://example.com:443/a/b"),
    ("gpu-box:", "http://gpu-box:11434"),
    ("http://", "http://127.0.0.1:80"),
    ("http://[::1", "http://[::1]:80"),
]


@pytest.mark.parametrize(("value", "url"), OLLAMAS_OWN_TABLE)
def test_an_address_is_read_as_ollama_reads_it(value: str, url: str) -> None:
    assert parse_host(value, source="test").url == url


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("", "127.0.0.1"),
        ("localhost", "localhost"),
        ("gpu-box", "gpu-box"),
        ("gpu-box:8080", "gpu-box:8080"),
        ("http://gpu-box", "gpu-box:80"),
        ("https://example.com", "example.com"),
        ("https://example.com/ollama", "example.com/ollama"),
        ("::1", "::1"),
        ("[::1]:8080", "[::1]:8080"),
    ],
)
def test_the_header_gets_a_short_name(value: str, name: str) -> None:
    assert parse_host(value, source="test").name == name


@pytest.mark.parametrize(
    "value",
    [
        "ftp://gpu-box",
        "gpu box",
        "1.2.3.4.5",
        "300.1.1.1",
        "a..b",
        "gpu-box/x?y=1",
        "gpu-box#x",
        "x" * 300,
        "x" * 5000,
        "gpu\x1bbox",
        "::1::2",
        "a:b:c",
        "http://\\\\server",
        "[/x]",
        "[click=app.quit]",
    ],
)
def test_garbage_is_named_with_what_to_write_instead(value: str) -> None:
    with pytest.raises(Failure) as failure:
        parse_host(value, source="--host")
    assert value[:5].replace("\x1b", "?") in failure.value.title
    assert "--host" in failure.value.message
    assert failure.value.advice
    assert str(failure.value).isprintable()
    assert len(str(failure.value)) < 500


@pytest.mark.parametrize("value", ["http://anna:geheim@gpu-box", "anna:geheim@gpu-box:8080", "geheim@gpu-box/x"])
def test_a_password_in_an_address_is_refused_and_never_shown(value: str) -> None:
    with pytest.raises(Failure) as failure:
        parse_host(value, source="chosen")
    assert "geheim" not in str(failure.value)
    assert "anna" not in str(failure.value)
    assert "gpu-box" in str(failure.value)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_failure(value: str) -> None:
    try:
        host = parse_host(value, source="OLLAMA_HOST")
    except Failure:
        return
    assert host.url.startswith(("http://", "https://"))
    assert not host.url.endswith("/")
    assert host.url.isprintable()
    assert "@" not in host.url.split("/")[2]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("gpu-box", False),
    ],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
    if expected and host != "LOCALHOST.":
        assert parse_host(host, source="test").is_loopback


def test_the_flag_wins_then_the_choice_then_the_environment_then_this_machine() -> None:
    environ = {"OLLAMA_HOST": "third"}
    assert choose_host("first", "second", environ).url == "http://first:11434"
    assert choose_host("first", "second", environ).source == "--host"
    assert choose_host(None, "second", environ).source == "chosen"
    assert choose_host(None, None, environ).source == "OLLAMA_HOST"
    assert choose_host(None, None, environ).name == "third"
    assert choose_host(None, None, {"OLLAMA_HOST": ' "" '}).source == "default"
    assert choose_host(" ", None, {}).url == "http://127.0.0.1:11434"


def test_a_broken_environment_says_that_it_is_the_environment() -> None:
    with pytest.raises(Failure, match="OLLAMA_HOST"):
        choose_host(None, None, {"OLLAMA_HOST": "a b"})


def test_the_room_is_imported_without_the_http_library() -> None:
    code = (
        "import sys, tui.ollama.address, tui.ollama.client; "
        "sys.exit(any(name in sys.modules for name in ('httpx', 'httpcore', 'h11', 'anyio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
