from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tui.chat.choice import choose_model
from tui.engine import Model, RunningModel

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHAT = frozenset({"completion", "tools"})
EMBEDDING = frozenset({"embedding"})


def model(name: str, *, days: int = 0, is_cloud: bool = False, family: str = "qwen3") -> Model:
    return Model(name=name, modified_at=START + timedelta(days=days), is_cloud=is_cloud, family=family)


async def chosen(
    *models: Model,
    running: Sequence[str] = (),
    preferred: Sequence[str] = (),
    able: Mapping[str, frozenset[str] | None] | None = None,
) -> str | None:
    async def capabilities_of(one: Model) -> frozenset[str] | None:
        return (able or {}).get(one.name, CHAT)

    found = await choose_model(
        models,
        tuple(RunningModel(name=name) for name in running),
        preferred=preferred,
        capabilities_of=capabilities_of,
        same_model=lambda one, other: one.removesuffix(":latest") == other.removesuffix(":latest"),
    )
    return None if found is None else found.name


async def test_what_the_person_prefers_wins_over_what_is_loaded() -> None:
    assert await chosen(model("a"), model("b:latest"), running=["a"], preferred=["", "gone", "b", "a"]) == "b:latest"


async def test_cloud_model_that_the_person_chose_is_theirs_to_choose() -> None:
    assert await chosen(model("a"), model("b-cloud", is_cloud=True), preferred=["b-cloud"]) == "b-cloud"


async def test_loaded_model_comes_before_a_newer_one() -> None:
    assert await chosen(model("old"), model("new", days=9), running=["old"]) == "old"


async def test_of_two_loaded_ones_the_one_that_the_server_names_first() -> None:
    assert await chosen(model("a", days=5), model("b"), running=["b", "a"]) == "b"


async def test_newest_local_one_else() -> None:
    assert await chosen(model("old"), model("new", days=9), model("middle", days=4)) == "new"


async def test_never_a_cloud_model_even_when_it_is_the_only_one() -> None:
    assert await chosen(model("a", is_cloud=True), running=["a"]) is None
    assert await chosen(model("a", days=9, is_cloud=True), model("b")) == "b"


async def test_never_an_embedding_model_even_when_it_is_loaded() -> None:
    able = {"nomic-embed-text": EMBEDDING}
    assert await chosen(model("nomic-embed-text", days=9), running=["nomic-embed-text"], able=able) is None
    assert await chosen(model("nomic-embed-text", days=9), model("b"), running=["nomic-embed-text"], able=able) == "b"


async def test_server_that_names_no_capabilities_is_trusted_except_with_what_is_plainly_an_embedding_model() -> None:
    able = dict.fromkeys(("bge-m3", "mxbai-embed-large", "arctic", "llama2"), None)
    models = (
        model("bge-m3", days=9),
        model("mxbai-embed-large", days=8),
        model("arctic", days=7, family="nomic-bert"),
        model("llama2"),
    )
    assert await chosen(*models, able=able) == "llama2"
    assert await chosen(*models[:3], able=able) is None


async def test_models_without_a_time_are_the_oldest() -> None:
    assert await chosen(Model(name="unknown"), model("b")) == "b"
    assert await chosen(Model(name="naive", modified_at=START.replace(tzinfo=None, year=2030)), model("b")) == "naive"


async def test_nothing_installed_nothing_chosen() -> None:
    assert await chosen(preferred=["qwen3"], running=["qwen3"]) is None
