"""Servers by name, and the keys for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tui.failures import Failure
from tui.settings.hosts import HostBook, NamedHost, api_key_for, put_host, read_hosts, remove_host
from tui.toml import write_toml

BOX = NamedHost(
    name="gpu-box",
    address="gpu-box:8080",
    api_key_variable="GPU_BOX_KEY",
    ca_file="/etc/ssl/ca.pem",
    allow_plain_http=True,
    memory_bytes=24_000_000_000,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "hosts.toml"


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_written_down_is_read(file: Path) -> None:
    assert read_hosts(file) == HostBook()
    assert put_host(file, BOX).hosts == (BOX,)
    assert read_hosts(file) == HostBook(hosts=(BOX,))
    assert file.stat().st_mode & 0o777 == 0o600
    assert BOX.host.url == "http://gpu-box:8080"
    assert BOX.host.name == "gpu-box"


def test_found_by_name_and_by_address(file: Path) -> None:
    put_host(file, BOX)
    book = put_host(file, NamedHost(name="v1.0", address="https://example.com/ollama"))
    assert book.find(" GPU-Box ") == BOX
    assert book.find("v1.0") == book.at("https://example.com:443/ollama")
    assert book.find("nobody") is book.at("http://nobody:11434") is None


def test_comments_and_the_others_stay(file: Path) -> None:
    written(file, '# mine\n[old]  # the one in the cellar\naddress = "old"\n\n[other]\naddress = "other"\n')
    book = put_host(file, BOX)
    assert [one.name for one in book.hosts] == ["old", "other", "gpu-box"]
    book = put_host(file, replace(BOX, name="old", address="older"), instead_of="old")
    assert [one.address for one in book.hosts if one.name == "old"] == ["older"]
    assert "# mine" in file.read_text(encoding="utf-8")
    assert "# the one in the cellar" in file.read_text(encoding="utf-8")
    assert [one.name for one in remove_host(file, "old").hosts] == ["other", "gpu-box"]


def test_renaming_keeps_everything_else(file: Path) -> None:
    put_host(file, BOX)
    book = put_host(file, replace(BOX, name="cellar"), instead_of="gpu-box")
    assert book.hosts == (replace(BOX, name="cellar"),)


def test_two_servers_cannot_have_one_name(file: Path) -> None:
    put_host(file, BOX)
    put_host(file, NamedHost(name="other", address="other"))
    with pytest.raises(Failure, match="is there already"):
        put_host(file, replace(BOX, name="GPU-box", address="elsewhere"))
    with pytest.raises(Failure, match="is there already"):
        put_host(file, replace(BOX, name="other"), instead_of="gpu-box")
    assert len(read_hosts(file).hosts) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(BOX, name=""), "no name for a server"),
        (replace(BOX, name="gpu box"), "no name for a server"),
        (replace(BOX, name="a" * 41), "no name for a server"),
        (replace(BOX, address=" "), "needs an address"),
        (replace(BOX, address="gpu box"), "is not an address"),
        (replace(BOX, address="http://me:secret@box"), "carries a user name"),
        (replace(BOX, api_key_variable="sk-12345"), "no environment variable"),
        (replace(BOX, ca_file="ca.pem"), "no file of certificates"),
        (replace(BOX, memory_bytes=-1), "that much memory"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_touched(file: Path, wrong: NamedHost, said: str) -> None:
    with pytest.raises(Failure, match=said):
        put_host(file, wrong)
    assert not file.exists()


def test_one_wrong_server_does_not_cost_the_others(file: Path) -> None:
    written(
        file,
        'stray = 5\n[bad]\naddress = 7\n[worse]\naddress = "a b"\n[good]\naddress = "good"\ncolour = "red"\n'
        '[GOOD]\naddress = "x"\n',
    )
    book = read_hosts(file)
    assert [one.name for one in book.hosts] == ["good"]
    assert len(book.faults) == 5


def test_a_broken_file_is_said_and_never_written_over(file: Path) -> None:
    written(file, "[gpu-box\naddress")
    book = read_hosts(file)
    assert book.hosts == ()
    assert "hosts.toml is not TOML" in book.faults[0]
    with pytest.raises(Failure, match="is not TOML"):
        put_host(file, BOX)
    with pytest.raises(Failure, match="is not TOML"):
        remove_host(file, "gpu-box")
    assert file.read_text(encoding="utf-8") == "[gpu-box\naddress"


def test_the_key_comes_from_its_variable(tmp_path: Path) -> None:
    assert api_key_for(BOX, {"GPU_BOX_KEY": " sk-1 "}, tmp_path / "secrets.toml") == "sk-1"
    with pytest.raises(Failure, match="GPU_BOX_KEY is not set"):
        api_key_for(BOX, {}, tmp_path / "secrets.toml")


def test_the_key_comes_from_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    box = replace(BOX, api_key_variable="")
    file = tmp_path / "secrets.toml"
    assert api_key_for(box, {}, file) == ""
    file.write_text('[gpu-box]\napi_key = "sk-2"\n', encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(Failure, match="others than you may read it"):
        api_key_for(box, {}, file)
    file.chmod(0o600)
    assert api_key_for(box, {}, file) == "sk-2"
    assert api_key_for(replace(box, name="other"), {}, file) == ""


ANYTHING = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=20), inner, max_size=4)),
    max_leaves=8,
)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.one_of(st.just("gpu-box"), st.text(max_size=12)), ANYTHING, max_size=4))
def test_any_table_gives_servers(file: Path, table: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(write_toml(table))
    book = read_hosts(file)
    assert len(book.hosts) <= len(table)
    assert all(one.host.url for one in book.hosts)
