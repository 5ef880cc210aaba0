"""Keys and headers reach the server that they are for, and nobody else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ollama.meeting import answers, meeting, never
from tests.replay import serving
from tui.engine import ErrorKind
from tui.ollama.address import parse_host
from tui.ollama.client import OllamaClient
from tui.ollama.credentials import Credentials, headers_to_send
from tui.ollama.errors import OllamaConnectionError, OllamaResponseError

SECRET = "canary-5f1c"
VERSION = b'{"version":"1"}'


async def sent_to(address: str, credentials: Credentials | None, environ: Mapping[str, str]) -> httpx.Headers:
    """The headers that a server gets, or the error."""
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, content=VERSION)

    client = OllamaClient(
        parse_host(address, source="test"),
        credentials=credentials,
        environ=environ,
        transport=httpx.MockTransport(answer),
    )
    try:
        await client.version()
    finally:
        await client.aclose()
    return seen[0]


async def test_a_key_and_headers_are_sent_to_their_server() -> None:
    credentials = Credentials(url="https://gpu-box:443/ollama", api_key=SECRET, headers={"X-Team": "blue"})
    headers = await sent_to("https://GPU-BOX", credentials, {})
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["x-team"] == "blue"
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "address", ["http://gpu-box:443", "https://gpu-box:8443", "https://other", "https://gpu-box.example.com"]
)
async def test_another_address_never_gets_them(address: str) -> None:
    credentials = Credentials(url="https://gpu-box", api_key=SECRET, allow_plain_http=True)
    with pytest.raises(OllamaConnectionError) as error:
        await sent_to(address, credentials, {})
    assert "is not sent" in error.value.title
    assert "https://gpu-box:443" in error.value.message
    assert SECRET not in str(error.value)


async def test_over_plain_http_they_reach_this_machine_only() -> None:
    for here in ("http://127.0.0.1:11434", "http://localhost:11434", "http://[::1]:11434"):
        assert (await sent_to(here, Credentials(url=here, api_key=SECRET), {}))["authorization"]
    for there in ("http://gpu-box:11434", "http://192.168.1.5:11434"):
        for credentials in (Credentials(url=there, api_key=SECRET), Credentials(url=there, headers={"x": SECRET})):
            with pytest.raises(OllamaConnectionError) as error:
                await sent_to(there, credentials, {})
            assert "plain http" in error.value.message
            assert error.value.kind is ErrorKind.refused
        allowed = Credentials(url=there, api_key=SECRET, allow_plain_http=True)
        assert (await sent_to(there, allowed, {}))["authorization"]


async def test_the_key_of_the_environment_goes_to_ollama_com_alone() -> None:
    environ = {"OLLAMA_API_KEY": f" {SECRET} "}
    assert (await sent_to("ollama.com", None, environ))["authorization"] == f"Bearer {SECRET}"
    assert (await sent_to("https://ollama.com/api/", None, environ))["authorization"]
    for other in (
        "127.0.0.1",
        "http://ollama.com",
        "https://ollama.com:8443",
        "https://ollama.com.example.org",
        "https://www.ollama.com",
        "gpu-box",
    ):
        assert SECRET not in str((await sent_to(other, None, environ)).raw)
    own = Credentials(url="https://ollama.com", api_key="mine")
    assert (await sent_to("ollama.com", own, environ))["authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": f"{SECRET}\r\nX-B: c"},
        {"X A": SECRET},
        {"X-A": f"{SECRET}é"},
        {"Host": SECRET},
        {"Content-Length": "5"},
        {"Transfer-Encoding": "chunked"},
        {"Accept-Encoding": "gzip"},
        {"": SECRET},
    ],
)
async def test_a_header_that_cannot_be_sent_is_named_without_its_value(headers: dict[str, str]) -> None:
    with pytest.raises(OllamaConnectionError) as error:
        await sent_to("https://gpu-box", Credentials(url="https://gpu-box", headers=headers), {})
    assert "cannot be sent" in error.value.title
    assert SECRET not in str(error.value)
    assert SECRET not in repr(error.value.__cause__)


async def test_a_key_with_a_line_break_is_refused_without_being_told() -> None:
    credentials = Credentials(url="https://gpu-box", api_key=f"{SECRET}\nx")
    with pytest.raises(OllamaConnectionError, match="the api key cannot be sent") as error:
        await sent_to("https://gpu-box", credentials, {})
    assert SECRET not in str(error.value)


def test_their_text_form_shows_no_secret() -> None:
    credentials = Credentials(url="https://gpu-box", api_key=SECRET, headers={"X-A": SECRET})
    assert SECRET not in repr(credentials)
    assert SECRET not in str(credentials)


async def test_a_redirect_does_not_take_them_along() -> None:
    async with serving(never) as elsewhere:
        async with serving(answers(b"", 307, ("Location", f"{elsewhere.url}/api/version"))) as server:
            client = OllamaClient(
                parse_host(server.url, source="test"),
                environ={},
                credentials=Credentials(url=server.url, api_key=SECRET),
            )
            with pytest.raises(OllamaResponseError, match="sends us elsewhere"):
                await client.version()
            await client.aclose()
            assert server.visits[0].headers["authorization"] == f"Bearer {SECRET}"
        assert elsewhere.visits == []


@given(
    st.text(max_size=30), st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3), st.text(max_size=20)
)
def test_whatever_they_are_they_are_sendable_or_our_error(api_key: str, headers: dict[str, str], url: str) -> None:
    host = parse_host("https://gpu-box", source="test")
    for bound_to in (url, "https://gpu-box"):
        try:
            sent = headers_to_send(Credentials(url=bound_to, api_key=api_key, headers=headers), host, {})
        except OllamaConnectionError as error:
            assert error.title
            continue
        httpx.Request("GET", "https://gpu-box", headers=sent)
        assert not any(letter in "\r\n\0" for value in sent.values() for letter in value)


# ---------------------------------------------------------------------- whom to trust


async def test_a_certificate_of_ones_own_is_trusted_when_named() -> None:
    own = Path(__file__).parent / "self-signed.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(VERSION), VERSION))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context) as server:
        host = parse_host(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", source="test")
        client = OllamaClient(host, environ={}, ca_file=own)
        assert await client.version() == "1"
        await client.aclose()


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
async def test_a_file_of_certificates_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "own-ca.pem"
    if content is not None:
        file.write_bytes(content)
    client = OllamaClient(parse_host("https://127.0.0.1:1", source="test"), environ={}, ca_file=file)
    with pytest.raises(OllamaConnectionError, match="certificates to trust cannot be read") as error:
        await client.version()
    assert "own-ca.pem" in error.value.message
    assert "Errno" not in error.value.message
    await client.aclose()


async def test_a_loopback_server_is_asked_without_any_key() -> None:
    async with meeting(answers(VERSION), environ={"OLLAMA_API_KEY": SECRET}) as (client, server):
        await client.version()
        assert "authorization" not in server.visits[0].headers
