"""What a follower asks of the owner: taken once, by the owner only, and not when it is old."""

from __future__ import annotations

import os
import stat

import pytest

from tui.places import Places
from tui.storage.control import STALE_SECONDS, Request, ask_owner, forget_requests, take_requests

ID, OTHER = "0" * 26, "1" * 26


def test_each_request_is_taken_once_and_by_its_owner_only(places: Places) -> None:
    assert take_requests(places, {ID}) == []
    for request in (Request.stop, Request.stop, Request.hand_over):
        ask_owner(places, ID, request)
    assert take_requests(places, {OTHER}) == []
    assert take_requests(places, {ID, OTHER}) == [(ID, Request.stop), (ID, Request.hand_over)]
    assert take_requests(places, {ID, OTHER}) == []
    assert list(places.control.iterdir()) == []


def test_old_request_is_dropped(places: Places) -> None:
    ask_owner(places, ID, Request.stop)
    path = places.control / ID
    long_ago = path.stat().st_mtime - STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert take_requests(places, {ID}) == []
    assert not path.exists()


@pytest.mark.parametrize("foreign", [b"\0\xff\n", b"[]\n", b'{"request": "delete"}\n', b"[" * 60_000, b"x" * 70_000])
def test_what_is_no_request_is_dropped(places: Places, foreign: bytes) -> None:
    ask_owner(places, ID, Request.stop)
    (places.control / ID).write_bytes(foreign)
    assert take_requests(places, {ID}) == []
    assert not (places.control / ID).exists()


def test_new_owner_owes_nothing(places: Places) -> None:
    forget_requests(places, ID)
    ask_owner(places, ID, Request.hand_over)
    forget_requests(places, ID)
    assert take_requests(places, {ID}) == []


def test_requests_are_for_nobody_else_and_never_a_path(places: Places) -> None:
    ask_owner(places, ID, Request.stop)
    assert stat.S_IMODE((places.control / ID).stat().st_mode) == 0o600
    assert stat.S_IMODE(places.control.stat().st_mode) == 0o700
    with pytest.raises(ValueError, match="no id of a conversation"):
        ask_owner(places, "../x", Request.stop)
