"""What a report of a fault tells, and what it does not."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tui.app.crash import LONGEST_MESSAGE, MASK, MOST_REPORTS, Crash, CrashReports
from tui.places import Places, places_below

TEXT = "Could you tell me how the tide tables of Brest are made?"
KEY = "kx-0123456789"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_below(tmp_path / "chinwag")


def reports(places: Places | None, *texts: str) -> CrashReports:
    environ = {"HOME": "/home/somebody", "OLLAMA_API_KEY": KEY, "TERM": "xterm", "MY_PASSWORD": "swordfish"}
    return CrashReports(
        environ=environ, places=lambda: places, texts=lambda: texts, now=lambda: datetime(2026, 3, 1, tzinfo=UTC)
    )


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001
        return caught


def told(error: BaseException, places: Places | None = None, *texts: str) -> Crash:
    return reports(places, *texts).tell(raised(error))


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("list index out of range", "list index out of range"),
        (f"no such key: {KEY}", f"no such key: {MASK}"),
        ("swordfish is wrong", f"{MASK} is wrong"),
        ("Bearer abc.def was refused", f"{MASK} was refused"),
        ("cannot reach http://me:pass@gpu-box/", f"cannot reach http://{MASK}gpu-box/"),
        ("no sk-abcdefgh1234 here", f"no {MASK} here"),
        ("bad token 'what was written by somebody, at some length, and quoted'", f"bad token {MASK}"),
        (f"cannot draw {TEXT[:30]}", f"cannot draw {MASK}"),
        (f"cannot draw {TEXT} twice", f"cannot draw {MASK} twice"),
        ("a\x1b[2Jb", "a␛[2Jb"),
        ("", ""),
    ],
)
def test_a_message_tells_no_key_and_no_text(message: str, what: str) -> None:
    assert told(ValueError(message), None, TEXT).what == f"ValueError: {what}".rstrip(": ")


def test_a_key_in_the_file_of_secrets_is_masked(places: Places) -> None:
    places.secrets_file.parent.mkdir(parents=True)
    places.secrets_file.write_text('["http://gpu-box:11434"]\napi_key = "from-the-file-77"\nbroken = ')
    assert told(RuntimeError("sent from-the-file-77"), places).what == f"RuntimeError: sent {MASK}"


def test_values_of_variables_are_not_told(places: Places) -> None:
    def fail(prompt: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        fail("the canary " + "sings")
    crash = reports(places).tell(caught.value, during="drawing")
    assert "the canary sings" not in crash.report
    assert "in fail" in crash.report
    assert "while drawing" in crash.report
    assert crash.file is not None
    assert crash.file.read_text() == crash.report
    assert stat.S_IMODE(crash.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(crash.file.parent.stat().st_mode) == 0o700


def test_causes_and_groups_are_told_and_masked() -> None:
    inner, outer = raised(ValueError(TEXT)), RuntimeError("the outer one")
    outer.__cause__ = inner
    crash = told(BaseExceptionGroup("two of them", [raised(outer), KeyError(KEY)]), None, TEXT)
    assert TEXT not in crash.report
    assert KEY not in crash.report
    for words in (
        "ExceptionGroup: two of them",
        "the outer one",
        f"ValueError: {MASK}",
        "which led to:",
        "of which one",
    ):
        assert words in crash.report


def test_an_exception_that_goes_round_in_circles_is_told() -> None:
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert "two" in told(first).report


def test_an_exception_that_cannot_say_what_it_is_is_told() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert told(Mute()).what == "Mute"


def test_a_long_message_is_cut() -> None:
    assert len(told(ValueError("x" * 100_000)).what) <= LONGEST_MESSAGE + 1


def test_texts_that_cannot_be_had_stop_no_report() -> None:
    def broken() -> tuple[str, ...]:
        raise RuntimeError

    told_of = CrashReports(environ={}, places=lambda: None, texts=broken).tell(raised(ValueError("well")))
    assert told_of.what == "ValueError: well"


@pytest.mark.parametrize("spoil", [lambda places: None, lambda places: places.state.write_text("a file")])
def test_where_nothing_can_be_kept_it_is_said_on_the_terminal(
    spoil: Callable[[Places], object], tmp_path: Path
) -> None:
    places = replace(places_below(tmp_path), is_throwaway=True)
    if spoil(places) is not None:
        places = replace(places, is_throwaway=False)
    crash = told(ValueError("well"), places)
    assert crash.file is None
    assert crash.keeps_what_was_said is not places.is_throwaway
    assert ("is kept" in crash.words("/home/somebody")) is crash.keeps_what_was_said
    assert crash.report.rstrip() in crash.words("/home/somebody")


def test_reports_do_not_pile_up(places: Places) -> None:
    told_of = reports(places)
    for _ in range(MOST_REPORTS + 5):
        last = told_of.tell(raised(ValueError("well"))).file
    kept = list(places.log.iterdir())
    assert len(kept) == MOST_REPORTS
    assert last in kept


def test_each_fault_is_new_once() -> None:
    told_of = reports(None)
    errors = [raised(ValueError(str(number))) for number in range(3)]
    assert [told_of.is_new(error) for error in errors] == [True, False, False]
    assert told_of.is_new(raised(KeyError("other")))
