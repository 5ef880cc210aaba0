from __future__ import annotations

import pytest

from tui.engine import ErrorKind
from tui.ollama.errors import OllamaConnectionError
from tui.ollama.proxies import is_private, proxy_url

EVERYTHING = {"HTTP_PROXY": "http://proxy:3128", "HTTPS_PROXY": "http://secure:3128", "ALL_PROXY": "socks5://s:1"}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:11434",
        "http://localhost:11434",
        "http://[::1]:11434",
        "http://10.1.2.3:11434",
        "http://192.168.0.7:11434",
        "http://172.16.0.1:11434",
        "http://[fd00::1]:11434",
        "http://169.254.1.1:11434",
        "http://gpu-box:11434",
        "http://gpu-box.local:11434",
        "https://ollama.internal:443",
    ],
)
def test_what_is_near_is_reached_directly_whatever_the_environment_says(url: str) -> None:
    assert proxy_url(url, EVERYTHING) is None


def test_what_is_far_goes_through_the_proxy_of_its_scheme() -> None:
    assert proxy_url("http://example.com:80", EVERYTHING) == "http://proxy:3128"
    assert proxy_url("https://example.com:443", EVERYTHING) == "http://secure:3128"
    assert proxy_url("https://example.com:443", {"all_proxy": "https://p"}) == "https://p:443"
    assert proxy_url("https://example.com:443", {}) is None
    assert proxy_url("http://8.8.8.8:11434", {"http_proxy": "proxy:3128"}) == "http://proxy:3128"


def test_lower_case_wins_and_empty_is_unset() -> None:
    assert proxy_url("http://example.com:80", {"http_proxy": "low:1", "HTTP_PROXY": "up:1"}) == "http://low:1"
    assert proxy_url("http://example.com:80", {"http_proxy": " ", "HTTP_PROXY": "up:1"}) == "http://up:1"


@pytest.mark.parametrize(
    ("exceptions", "is_direct"),
    [
        ("*", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        ("other.org, example.com", True),
        ("EXAMPLE.com", True),
        ("gpu.example.com:8080", True),
        ("gpu.example.com:9090", False),
        ("ample.com", False),
        ("other.org", False),
        ("", False),
    ],
)
def test_no_proxy_is_honoured(exceptions: str, is_direct: bool) -> None:
    environ = {"http_proxy": "http://proxy:3128", "no_proxy": exceptions}
    assert (proxy_url("http://gpu.example.com:8080", environ) is None) is is_direct


def test_no_proxy_knows_networks() -> None:
    environ = {"http_proxy": "http://proxy:3128", "NO_PROXY": "8.8.0.0/16"}
    assert proxy_url("http://8.8.4.4:11434", environ) is None
    assert proxy_url("http://9.9.9.9:11434", environ) == "http://proxy:3128"


@pytest.mark.parametrize(
    "value", ["socks5://anna:geheim@s:1", "socks4://s", "http://[x", "http://a:99999", "http://", "a b"]
)
def test_a_proxy_that_cannot_be_used_is_an_error_that_keeps_its_password(value: str) -> None:
    with pytest.raises(OllamaConnectionError) as error:
        proxy_url("http://example.com:80", {"ALL_PROXY": value})
    assert error.value.kind is ErrorKind.unreachable
    assert "ALL_PROXY" in str(error.value)
    assert "geheim" not in str(error.value)
    assert "NO_PROXY" in error.value.advice


def test_a_proxy_may_have_a_password() -> None:
    assert proxy_url("http://example.com:80", {"http_proxy": "http://anna:x@proxy:1"}) == "http://anna:x@proxy:1"


def test_a_name_with_dots_is_not_private() -> None:
    assert not is_private("example.com")
    assert not is_private("8.8.8.8")
    assert is_private("::ffff:127.0.0.1")
