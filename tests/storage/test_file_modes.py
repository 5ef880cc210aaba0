from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import pytest

from tests.storage.conftest import OpenShelf
from tests.storage.samples import VERSION_1, conversation_with
from tui.places import Places
from tui.storage.drafts import save_draft


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=lambda umask: f"umask {umask:03o}")
def _umask(request: pytest.FixtureRequest, places: Places) -> Iterator[None]:
    places.data.parent.mkdir()
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
async def test_nobody_else_can_read_anything_under_any_umask(open_shelf: OpenShelf, places: Places) -> None:
    for kind in ("json", "toml"):
        shelf = open_shelf(kind)
        await shelf.save(conversation_with("hello", conversation_id="1" * 26))
        await shelf.hold(VERSION_1.id)
    await shelf.save(VERSION_1)
    await shelf.delete("1" * 26)
    await shelf.summaries()
    save_draft(places, VERSION_1.id, "half a thought")
    found = list(places.data.parent.rglob("*"))
    assert {path.suffix for path in found if path.is_file()} == {".json", ".toml", ".lock", ".a"}
    for path in found:
        assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600), path


async def test_folders_that_were_open_to_others_are_closed(open_shelf: OpenShelf, places: Places) -> None:
    places.conversations.mkdir(parents=True)
    places.conversations.chmod(0o777)
    saved = await open_shelf().save(VERSION_1)
    assert stat.S_IMODE(places.conversations.stat().st_mode) == 0o700
    saved.path.chmod(0o666)
    await open_shelf().save(VERSION_1)
    assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600
