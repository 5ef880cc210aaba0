"""Models of the same weights share memory: whoever unloads or deletes one is told of the others."""

from __future__ import annotations

from tests.app.running import Folders, Running
from tests.app.test_models_screens import answer, open_details, open_picker


async def with_twin(chinwag: Running, *, loaded: str) -> None:
    client = chinwag.workspace.client
    await client.copy_model("thinker:8b", "twin:8b")
    await client.load_model(loaded)
    await chinwag.workspace.catalog.refresh()


async def in_memory(chinwag: Running) -> list[str]:
    return [one.name for one in await chinwag.workspace.client.list_running()]


async def test_unloading_by_the_name_that_is_not_listed(folders: Folders) -> None:
    async with folders.start(model="thinker:8b") as chinwag:
        await chinwag.shows("Ask thinker:8b")
        await with_twin(chinwag, loaded="twin:8b")
        assert await in_memory(chinwag) == ["twin:8b"]
        await chinwag.send("/unload")
        await chinwag.shows("unloaded thinker:8b", "and with it twin:8b")
        assert await in_memory(chinwag) == []


async def test_unloading_in_the_list_names_what_leaves_with_it(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await with_twin(chinwag, loaded="thinker:8b")
        await open_picker(chinwag, "thinker")
        await chinwag.press("alt+u")
        await chinwag.shows("unloaded, and with it twin:8b")


async def test_unloading_among_the_details_names_what_leaves_with_it(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await with_twin(chinwag, loaded="thinker:8b")
        await open_details(chinwag, "thinker")
        await chinwag.press("u")
        await chinwag.shows("unloaded, and with it twin:8b")


async def test_deleting_one_name_says_that_the_other_stays(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask ")
        await with_twin(chinwag, loaded="thinker:8b")
        await open_details(chinwag, "twin")
        await chinwag.press("d")
        await chinwag.shows("delete twin:8b", "thinker:8b stays, made of the same weights.")
        await answer(chinwag, "down", "enter")
        await chinwag.until(
            lambda: "twin:8b" not in [one.name for one in chinwag.workspace.catalog.models or ()], told="it is gone"
        )
        assert chinwag.workspace.find_model("thinker:8b") is not None
