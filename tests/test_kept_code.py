"""What dataclasses compile is found again at the next start, and is the same as without that."""

from __future__ import annotations

import dataclasses
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

import pytest

from tests.terminal import REPOSITORY
from tui.kept_code import KeptCode, read_codes, write_codes

METHODS = ("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__lt__")


@pytest.fixture
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    try:
        yield
    finally:
        vars(dataclasses).pop("exec", None)


def made() -> type[Any]:
    @dataclass(frozen=True, slots=True, kw_only=True, order=True)
    class Point:
        x: int
        y: float = 2.5
        names: tuple[str, ...] = field(default_factory=tuple, compare=False)

        def far(self) -> bool:
            return self.x > 100

    return Point


def described(kind: type[Any]) -> list[object]:
    codes = [getattr(kind, name).__code__ for name in METHODS if hasattr(getattr(kind, name), "__code__")]
    return [
        str(inspect.signature(kind)),
        kind.__doc__,
        kind.__match_args__,
        [(code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_filename) for code in codes],
        kind.__init__.__annotations__,
    ]


def test_what_is_found_again_is_what_would_have_been_compiled(tmp_path: Path, as_before: None) -> None:
    path = tmp_path / "code"
    plain = described(made())
    first = KeptCode(path)
    first.use()
    assert described(made()) == plain
    first.keep()
    kept = path.read_bytes()
    again = KeptCode(path)
    again.use()
    point = made()
    assert described(point) == plain
    again.keep()
    assert path.read_bytes() == kept
    assert point(x=1) == point(x=1, names=("a",))
    assert point(x=1) < point(x=2)
    assert repr(point(x=1)).endswith("Point(x=1, y=2.5, names=())")
    with pytest.raises(dataclasses.FrozenInstanceError):
        point(x=1).x = 3
    with pytest.raises(TypeError):
        point(1)


@pytest.mark.parametrize("data", [b"", b"short", MAGIC_NUMBER, MAGIC_NUMBER + b"\0\0\0\0" + b"x" * 50, b"\0" * 4000])
def test_a_file_that_is_not_whole_is_as_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "code"
    path.write_bytes(data)
    assert read_codes(path) == {}


def test_one_wrong_bit_anywhere_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "code"
    write_codes(path, {"x = 1": b"some code"})
    whole = path.read_bytes()
    assert read_codes(path) == {"x = 1": b"some code"}
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_codes(path) == {}


def test_what_another_process_kept_meanwhile_stays(tmp_path: Path, as_before: None) -> None:
    path = tmp_path / "code"
    first = KeptCode(path)
    first.use()
    made()
    write_codes(path, {"from another": b"one"})
    first.keep()
    assert read_codes(path)["from another"] == b"one"
    assert len(read_codes(path)) > 1


def test_where_nothing_can_be_written_nothing_is_said(tmp_path: Path, as_before: None) -> None:
    one = KeptCode(tmp_path / "no such folder" / "code")
    one.use()
    assert made()(x=1).x == 1
    one.keep()
    assert list(tmp_path.iterdir()) == []


def test_whoever_wants_no_byte_code_gets_none_of_this(
    tmp_path: Path, as_before: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    one = KeptCode(tmp_path / "code")
    one.use()
    made()
    one.keep()
    assert list(tmp_path.iterdir()) == []


def test_the_second_start_compiles_no_dataclass(tmp_path: Path) -> None:
    """Of all that the screen imports; if ``dataclasses`` comes to work in another way, this says so."""
    script = (
        "import builtins, sys; from pathlib import Path; from tui.kept_code import KeptCode;"
        "one = KeptCode(Path(sys.argv[1])); one.use(); import tui.app.app;"
        "print(len(one._used), one._is_new); one.keep()"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    said = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "code")],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout.split()
        for _ in range(2)
    ]
    assert int(said[0][0]) > 100
    assert said == [[said[0][0], "True"], [said[0][0], "False"]]
