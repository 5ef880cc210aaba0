"""Which addresses are never asked, however they are written."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.failures import Failure
from tui.web.addresses import find_target, is_open


class Names:
    """A resolver that knows what a test tells it."""

    def __init__(self, **known: Sequence[str]) -> None:
        self.known = {name.replace("_", "."): addresses for name, addresses in known.items()}
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        if host not in self.known:
            raise OSError(-2, "Name or service not known")
        return self.known[host]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "2002:7f00:1::", "2002:a00:1::1", "2001:db8::1", "not an address", "", "fec0::1", "192.0.0.8", "3fff::1",
        "64:ff9b:1::7f00:1", "168.63.129.16",
    ],
)  # fmt: skip
def test_what_is_not_on_the_open_net_is_not_asked(address: str) -> None:
    assert not is_open(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_the_open_net_is(address: str) -> None:
    assert is_open(address)


async def test_what_was_looked_up_is_what_is_asked() -> None:
    names = Names(example_com=["93.184.216.34"])
    target = await find_target("https://Example.com/a b".replace(" ", "%20") + "?q=1#part", resolver=names)
    assert target.pinned_url == "https://93.184.216.34:443/a%20b?q=1"
    assert (target.host, target.authority) == ("example.com", "example.com")
    assert names.asked == [("example.com", 443)]


async def test_one_bad_address_among_good_ones_is_enough() -> None:
    with pytest.raises(Failure, match="is not on the open net"):
        await find_target("http://two.example/", resolver=Names(two_example=["93.184.216.34", "127.0.0.1"]))


async def test_another_port_is_kept() -> None:
    target = await find_target("http://example.com:8080", resolver=Names(example_com=["2606:2800:220::1"]))
    assert target.pinned_url == "http://[2606:2800:220::1]:8080/"
    assert target.authority == "example.com:8080"


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "ftp://example.com", "file:///etc/passwd", "javascript:alert(1)", "http://", "http://a b/",
     "http://x\x1b[31m/", "http://x:99999/", "http://[::1/", "https://user@example.com/", "https://u:p@example.com/",
     "https://" + "x" * 3000, "http://\u2028/"],
)  # fmt: skip
async def test_what_is_no_web_address_is_not_looked_up(url: str) -> None:
    names = Names()
    with pytest.raises(Failure) as raised:
        await find_target(url, resolver=names)
    assert names.asked == []
    assert "\x1b" not in str(raised.value)


async def test_a_name_that_nobody_knows_is_said() -> None:
    with pytest.raises(Failure, match="the name is not known"):
        await find_target("https://nobody.example/", resolver=Names())
    with pytest.raises(Failure, match="has no address"):
        await find_target("https://empty.example/", resolver=Names(empty_example=[]))


@given(st.ip_addresses())
def test_nothing_private_is_ever_open(address: object) -> None:
    from ipaddress import ip_address

    ip = ip_address(str(address))
    if ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast:
        assert not is_open(str(ip))


@given(st.text(max_size=60))
async def test_any_text_is_an_address_or_a_failure(url: str) -> None:
    try:
        target = await find_target(url, resolver=Names())
    except Failure:
        return
    assert is_open(target.ip)
