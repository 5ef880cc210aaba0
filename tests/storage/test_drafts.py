from __future__ import annotations

import stat

import pytest
from hypothesis import HealthCheck, given, settings

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
    assert stat.S_IMODE((places.drafts / f"{ID}.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE(places.drafts.stat().st_mode) == 0o700


def test_most_of_a_damaged_draft_is_better_than_none(places: Places) -> None:
    save_draft(places, ID, "before after")
    (places.drafts / f"{ID}.txt").write_bytes(b"before \xff after")
    assert load_draft(places, ID) == "before \ufffd after"


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
    (places.drafts / f"{ID}.txt").mkdir()
    with pytest.raises(Failure):
        load_draft(places, ID)
    with pytest.raises(Failure, match="cannot keep this draft"):
        save_draft(places, ID, "x")
    with pytest.raises(Failure, match="cannot remove the draft"):
        clear_draft(places, ID)
