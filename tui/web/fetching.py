"""Fetching one page: from the open net alone, without redirects, cookies or a referrer, bounded in size and time."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass

import httpx

from tui.cleaning import clean_line
from tui.failures import Failure
from tui.page_text import text_of_html
from tui.web.addresses import Resolve, Target, find_target, resolve

LARGEST_PAGE_BYTES = 4_000_000
PATIENCE_SECONDS = 20.0
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPage:
    """What stood at an address. ``text`` is foreign, and for reading only."""

    url: str
    title: str
    text: str
    size_bytes: int


async def fetch_page(
    url: str,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    resolver: Resolve = resolve,
    largest_bytes: int = LARGEST_PAGE_BYTES,
    patience_seconds: float = PATIENCE_SECONDS,
) -> FetchedPage:
    """The text of the page at ``url``; of HTML what a person would read of it.

    Raises ``Failure`` for an address that may not be asked, a redirect (with where it leads), anything that is not text,
    more than ``largest_bytes``, and when it takes longer than ``patience_seconds``. ``transport`` replaces the network.
    """
    try:
        async with asyncio.timeout(patience_seconds):
            target = await find_target(url, resolver=resolver)
            return await _fetch(target, transport, largest_bytes)
    except TimeoutError:
        raise Failure(
            f"cannot read {clean_line(url, 100)}", f"nothing whole came in {patience_seconds:g} s", "try again later"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        cause = clean_line(str(error) or type(error).__name__, 200)
        raise Failure(f"cannot read {clean_line(url, 100)}", cause, "check the address") from None


async def _fetch(target: Target, transport: httpx.AsyncBaseTransport | None, largest_bytes: int) -> FetchedPage:
    headers = {
        "Host": target.authority,
        "Accept": "text/html, text/plain;q=0.9, application/xhtml+xml;q=0.9, text/*;q=0.5, application/json;q=0.5",
        "Accept-Encoding": "identity",
        "User-Agent": "chinwag",
    }
    # No proxy: it would look the name up itself, and might find another machine. The time is bounded as a whole.
    async with (
        httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False, timeout=60.0) as client,
        client.stream("GET", target.pinned_url, headers=headers, extensions={"sni_hostname": target.host}) as response,
    ):
        _refuse(response, target)
        data = bytearray()
        async for part in response.aiter_raw():
            data += part
            if len(data) > largest_bytes:
                raise Failure(
                    f"cannot read {target.authority}",
                    f"the page has over {largest_bytes / 1e6:g} MB",
                    "save a part of it",
                )
    kind = response.headers.get("content-type", "")
    text = _decoded(bytes(data), kind)
    title = ""
    if "html" in kind.lower():
        title, text = await asyncio.to_thread(text_of_html, text)
    return FetchedPage(url=target.url, title=title, text=text, size_bytes=len(data))


def _refuse(response: httpx.Response, target: Target) -> None:
    if response.is_redirect or response.headers.get("location"):
        leads = clean_line(response.headers.get("location", ""), 200) or "nowhere"
        raise Failure(f"{target.authority} sends elsewhere", f"to {leads}", "ask for that address, if you want it")
    if response.status_code != httpx.codes.OK:
        raise Failure(f"{target.authority} says no", f"HTTP {response.status_code}", "check the address")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise Failure(f"cannot read {target.authority}", "the page is compressed, which was not asked for", "")
    kind = response.headers.get("content-type", "").lower()
    readable = kind.startswith("text/") or any(one in kind for one in ("html", "json", "xml"))
    if not readable:
        said = clean_line(kind, 60) or "of no kind"
        raise Failure(f"cannot read {target.authority}", f"it is {said}, not text", "save it and attach the file")


def _decoded(data: bytes, kind: str) -> str:
    named = _CHARSET.search(kind)
    meta = _META_CHARSET.search(data[:2048])
    for charset in (named[1] if named else "", meta[1].decode("ascii", "replace") if meta else ""):
        with suppress(LookupError, UnicodeError, ValueError):
            if charset:
                return data.decode(charset, "replace")
    return data.decode("utf-8", "replace")
