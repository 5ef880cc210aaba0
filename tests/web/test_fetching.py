"""One page and nothing else: no redirect, no size, no time beyond what was allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.failures import Failure
from tui.page_text import text_of_html
from tui.web.fetching import fetch_page


async def known(_host: str, _port: int) -> Sequence[str]:
    return ["93.184.216.34"]


class Whole(httpx.AsyncByteStream):
    """A body that comes in two parts, as from a socket."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = len(self.data) // 2
        for part in (self.data[:half], self.data[half:]):
            yield part


def response(data: bytes, *, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=Whole(data))


def transport(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    return httpx.MockTransport(answer)


HTML = "text/html; charset=utf-8"
PAGE = """<!doctype html><html><head><title> The  tide </title><style>x{}</style></head><body>
<nav>home | about</nav><h1>Why</h1><p>The <b>moon</b> pulls&nbsp;&amp; the sea <script>evil()</script>follows.
<ul><li>high<li>low</ul><pre>  a
  b</pre><svg><text>no</text></svg><p>end</body></html>"""


async def test_the_words_of_a_page_come_and_the_rest_does_not() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response(PAGE.encode(), content_type=HTML)

    page = await fetch_page("https://example.com/tide?x=1", transport=transport(answer), resolver=known)
    assert page.title == "The tide"
    assert page.text == "# Why\nThe moon pulls & the sea follows.\n- high\n- low\n  a\n  b\nend"
    [request] = seen
    assert request.url.host == "93.184.216.34"
    assert request.headers["host"] == "example.com"
    assert request.extensions["sni_hostname"] == "example.com"
    assert "cookie" not in request.headers
    assert "referer" not in request.headers


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(b"", status=302, location="http://127.0.0.1/x"), "sends elsewhere"),
        (response(b"", status=404), "HTTP 404"),
        (response(b"%PDF", content_type="application/pdf\x1b[31m"), "not text"),
        (response(b"?"), "of no kind"),
        (response(b"?", content_type="text/plain", content_encoding="gzip"), "compressed"),
    ],
    ids=["redirect", "missing", "pdf", "no kind", "compressed"],
)
async def test_what_is_no_page_is_refused_with_its_reason(answer: httpx.Response, said: str) -> None:
    with pytest.raises(Failure) as raised:
        await fetch_page("http://example.com/", transport=transport(lambda _: answer), resolver=known)
    assert said in str(raised.value)
    assert "\x1b" not in str(raised.value)


class Endless(httpx.AsyncByteStream):
    """Bytes without an end; counts what was taken."""

    def __init__(self) -> None:
        self.taken_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken_bytes += 65536
            yield b"x" * 65536


async def test_a_page_without_an_end_is_left() -> None:
    stream = Endless()
    answer = httpx.Response(200, headers={"content-type": "text/plain"}, stream=stream)
    with pytest.raises(Failure, match=r"over 0\.2 MB"):
        await fetch_page(
            "http://example.com/", transport=transport(lambda _: answer), resolver=known, largest_bytes=200_000
        )
    assert stream.taken_bytes < 400_000


async def test_a_page_that_never_comes_is_left() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Failure, match=r"nothing whole came in 0\.05 s"):
        await fetch_page(
            "http://example.com/", transport=httpx.MockTransport(never), resolver=known, patience_seconds=0.05
        )


async def test_a_line_that_breaks_is_said() -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("connection reset")

    with pytest.raises(Failure, match="connection reset"):
        await fetch_page("http://example.com/", transport=transport(broken), resolver=known)


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        ("text/plain; charset=latin-1", b"caf\xe9", "café"),
        ("text/plain; charset=no-such-thing", "café".encode(), "café"),
        ("text/html", b"<meta charset='latin-1'><p>caf\xe9", "café"),
        ("text/plain", b"caf\xe9", "caf\ufffd"),
    ],
)
async def test_words_come_in_the_code_that_the_page_names(kind: str, data: bytes, text: str) -> None:
    answer = response(data, content_type=kind)
    page = await fetch_page("http://example.com/", transport=transport(lambda _: answer), resolver=known)
    assert page.text == text


@given(st.text(alphabet="<>/!-[]apresctiylvg ='\"\n&#;", max_size=200))
def test_any_text_is_a_page(source: str) -> None:
    title, text = text_of_html(source)
    assert isinstance(title, str)
    assert isinstance(text, str)


def test_a_page_of_a_million_open_tags_is_read() -> None:
    assert text_of_html("<div>" * 200_000 + "deep")[1] == "deep"
    assert text_of_html("<script>" + "<b>" * 100_000 + "hidden")[1] == ""
