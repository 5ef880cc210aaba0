from __future__ import annotations

import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.storage.samples import any_text
from tui.failures import Failure
from tui.places import Places
from tui.storage.drafts import DRAFT_LIMIT_BYTES, NEW, clear_draft, load_draft, save_draft

ID = "0" * 26


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=any_text)
def test_whatever_was_typed_is_there_again(places: Places, text: str) -> None:
    save_draft(places, NEW, text)
    assert load_draft(places, NEW) == text


def test_each_conversation_has_its_own_draft(places: Places) -> None:
    save_draft(places, NEW, "a new one")
    save_draft(places, ID, "an old one")
    clear_draft(places, NEW)
    assert (load_draft(places, NEW), load_draft(places, ID)) == ("", "an old one")


def test_emptied_prompt_leaves_no_draft(places: Places) -> None:
    save_draft(places, ID, "")
    clear_draft(places, ID)
    save_draft(places, ID, "half a thought")
    save_draft(places, ID, "")
    assert list(places.drafts.iterdir()) == []


def test_draft_is_for_nobody_else(places: Places) -> None:
    save_draft(places, ID, "private")
    save_draft(places, ID, "more")
    for path in places.drafts.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(places.drafts.stat().st_mode) == 0o700


def test_most_of_a_damaged_draft_is_better_than_none(places: Places) -> None:
    save_draft(places, ID, "before after")
    (slot,) = places.drafts.iterdir()
    slot.write_bytes(slot.read_bytes().replace(b"before", b"before \xff"))
    assert load_draft(places, ID) == "before \ufffd after"


def test_draft_of_an_earlier_version_is_read_and_then_kept_in_slots(places: Places) -> None:
    places.drafts.mkdir(parents=True)
    (places.drafts / f"{ID}.txt").write_text("as it was")
    assert load_draft(places, ID) == "as it was"
    save_draft(places, ID, "as it is")
    assert load_draft(places, ID) == "as it is"
    assert not (places.drafts / f"{ID}.txt").exists()


@pytest.mark.parametrize("damage", [b"", b"chinwag draft 1 2 0", b"\0" * 40, b"chinwag draft 1 9 00000000\nfalse"])
def test_draft_before_the_last_one_is_there_when_the_last_one_was_cut_off(places: Places, damage: bytes) -> None:
    save_draft(places, ID, "first")
    before = set(places.drafts.iterdir())
    save_draft(places, ID, "second")
    (second,) = set(places.drafts.iterdir()) - before
    second.write_bytes(damage)
    assert load_draft(places, ID) == "first"
    save_draft(places, ID, "third")
    assert load_draft(places, ID) == "third"
    assert before < set(places.drafts.iterdir())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(any_text, min_size=2, max_size=6), cut=st.floats(0, 1))
def test_write_that_was_cut_off_anywhere_costs_only_itself(places: Places, texts: list[str], cut: float) -> None:
    *before, last = [text or "x" for text in texts]
    clear_draft(places, ID)
    for text in before:
        save_draft(places, ID, text)
    stamps = {path: path.read_bytes() for path in places.drafts.iterdir()}
    save_draft(places, ID, last)
    for path in places.drafts.iterdir():
        data = path.read_bytes()
        if stamps.get(path) != data:
            path.write_bytes(data[: int(len(data) * cut)])
    assert load_draft(places, ID) in (before[-1], last)


def test_too_long_a_draft_is_refused_and_the_older_one_stays(places: Places) -> None:
    save_draft(places, ID, "short")
    with pytest.raises(Failure, match="64 MB"):
        save_draft(places, ID, "a" * (DRAFT_LIMIT_BYTES + 1))
    assert load_draft(places, ID) == "short"


@pytest.mark.parametrize("hostile", ["", "../x", "newer", "0" * 25, "NEW", "\0"])
def test_hostile_id_never_becomes_a_path(places: Places, hostile: str) -> None:
    for work in (lambda: save_draft(places, hostile, "x"), lambda: load_draft(places, hostile)):
        with pytest.raises(ValueError, match="no id of a conversation"):
            work()


def test_draft_that_is_no_file_is_said_so(places: Places) -> None:
    places.drafts.mkdir(parents=True)
    for slot in ("a", "b", "txt"):
        (places.drafts / f"{ID}.{slot}").mkdir()
    with pytest.raises(Failure):
        load_draft(places, ID)
    with pytest.raises(Failure, match="cannot keep this draft"):
        save_draft(places, ID, "x")
    with pytest.raises(Failure, match="cannot remove the draft"):
        clear_draft(places, ID)
