"""Runners that died and are still listed, and names that share one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.ollama.meeting import REQUEST, meeting, texts
from tests.replay import Visit, recordings
from tui.engine import Model, RunningModel
from tui.ollama.errors import OllamaError
from tui.ollama.runners import DeadRunners, may_share_weights, runner_of
from tui.ollama.wire import weights_digest

MOMENT = datetime(2026, 11, 21, 10, tzinfo=UTC)
QWEN = RunningModel(name="qwen3:8b", expires_at=MOMENT)
MISTRAL = RunningModel(name="mistral:7b", expires_at=MOMENT)
LATER = MOMENT + timedelta(minutes=5)


def dead(running: tuple[RunningModel, ...]) -> list[str]:
    return [entry.name for entry in running if entry.has_died]


def test_who_died_is_marked_until_it_leaves_the_list() -> None:
    deaths = DeadRunners()
    deaths.note("Qwen3:8B", 10)
    assert dead(deaths.marked((QWEN, MISTRAL), {}, 11)) == ["qwen3:8b"]
    assert dead(deaths.marked((QWEN, MISTRAL), {}, 99)) == ["qwen3:8b"]
    assert dead(deaths.marked((MISTRAL,), {}, 100)) == []
    assert dead(deaths.marked((QWEN, MISTRAL), {}, 101)) == []


def test_who_answers_again_is_alive() -> None:
    deaths = DeadRunners()
    deaths.note("qwen3:8b", 10)
    deaths.note_answer("qwen3:8b")
    assert dead(deaths.marked((QWEN,), {}, 11)) == []


def test_who_answers_somebody_else_is_alive_but_not_because_the_end_is_written_down_late() -> None:
    deaths = DeadRunners()
    deaths.note("qwen3:8b", 10)
    assert dead(deaths.marked((QWEN,), {}, 10.5)) == ["qwen3:8b"]
    assert dead(deaths.marked((replace(QWEN, expires_at=LATER),), {}, 11)) == ["qwen3:8b"]
    assert dead(deaths.marked((replace(QWEN, expires_at=LATER),), {}, 60)) == ["qwen3:8b"]
    assert dead(deaths.marked((QWEN,), {}, 61)) == []


def test_a_runner_is_marked_under_the_name_that_loaded_it() -> None:
    deaths = DeadRunners()
    deaths.note("qwen3-pirate", 10)
    weights = {"qwen3-pirate:latest": "sha256:a", "qwen3:8b": "sha256:a", "mistral:7b": "sha256:b"}
    assert dead(deaths.marked((QWEN, MISTRAL), weights, 11)) == ["qwen3:8b"]


def test_an_entry_is_found_by_the_name_or_that_of_a_namesake() -> None:
    assert runner_of("QWEN3:8b", (MISTRAL, QWEN)) is QWEN
    assert runner_of("pirate", (MISTRAL, QWEN)) is None
    assert runner_of("pirate", (MISTRAL, QWEN), ("other", "qwen3:8b")) is QWEN


def test_a_likeness_is_needed_before_anybody_is_asked() -> None:
    one = Model(name="a", digest="1", family="qwen3", parameter_size="8B", quantization="Q4_K_M")
    assert may_share_weights(one, replace(one, name="b", digest="2"))
    assert may_share_weights(one, Model(name="c", digest="1"))
    assert not may_share_weights(one, replace(one, digest="2", quantization="Q8_0"))
    assert not may_share_weights(one, replace(one, digest="2", is_cloud=True))


@pytest.mark.parametrize(
    ("modelfile", "digest"),
    [
        (f"# FROM sha256-{'a' * 64}\nFROM /x/blobs/sha256-{'B' * 64}\nTEMPLATE x", f"sha256:{'b' * 64}"),
        (f"FROM C:\\Users\\x\\blobs\\sha256-{'b' * 64}", f"sha256:{'b' * 64}"),
        (f"FROM sha256:{'b' * 64}\nADAPTER /x/sha256-{'c' * 64}", f"sha256:{'b' * 64}"),
        ("FROM qwen3:8b", ""),
        ("FROM ", ""),
        (f"FROM /x/sha256-{'b' * 65}", ""),
        ("", ""),
    ],
)
def test_the_weights_are_named_by_the_modelfile(modelfile: str, digest: str) -> None:
    assert weights_digest(modelfile) == digest


def test_the_recorded_models_name_their_weights() -> None:
    told = {
        name: weights_digest(json.loads(recording.data)["modelfile"])
        for name, recording in recordings().items()
        if recording.path == "/api/show" and recording.status == 200 and b'"modelfile"' in recording.data
    }
    assert told["show"] == "sha256:a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
    assert {name for name, digest in told.items() if not digest} <= {"show-cloud-stub", "cloud-show"}


def entry(name: str, digest: str, family: str = "gemma3") -> dict[str, Any]:
    return {"name": name, "digest": digest, "details": {"family": family, "parameter_size": "268.10M"}}


WEIGHTS = {"gemma3:270m": "a", "gemma3-think:270m": "a", "gemma3-tmpl:270m": "b", "broken:1": ""}


async def library(visit: Visit) -> None:
    if visit.path == "/api/tags":
        models = [entry(name, f"of {name}") for name in WEIGHTS]
        models += [entry("copy:latest", "of gemma3:270m"), entry("qwen3:8b", "q", "qwen3")]
        await visit.answer(json.dumps({"models": models}).encode())
    elif visit.path == "/api/show":
        weights = WEIGHTS[visit.json()["model"]]
        if not weights:
            await visit.answer(b'{"error":"model \'broken:1\' not found"}', 404)
        else:
            await visit.answer(json.dumps({"modelfile": f"FROM /blobs/sha256-{weights * 64}"}).encode())


async def test_namesakes_are_found_by_their_weights_asking_only_those_that_look_alike() -> None:
    async with meeting(library) as (client, server):
        assert await client.namesakes("gemma3:270M") == ("gemma3-think:270m", "copy:latest")
        asked = [visit.json()["model"] for visit in server.visits if visit.path == "/api/show"]
        assert asked == ["gemma3:270m", "gemma3-think:270m", "gemma3-tmpl:270m", "broken:1"]
        assert await client.namesakes("qwen3:8b") == ()
        assert await client.namesakes("nobody") == ()


async def test_a_runner_that_died_while_it_answered_is_listed_as_dead_until_it_answers() -> None:
    will_die = True

    async def answer(visit: Visit) -> None:
        if visit.path == "/api/ps":
            await visit.answer(json.dumps({"models": [{"name": "qwen3:8b"}, {"name": "mistral:7b"}]}).encode())
        elif will_die:
            await visit.answer(recordings()["error-runner-killed-midstream"].data)
        else:
            await visit.answer(recordings()["chat-stream"].data)

    async with meeting(answer) as (client, _):
        assert dead(await client.list_running()) == []
        with pytest.raises(OllamaError) as error:
            await texts(client, REQUEST)
        assert error.value.runner_died
        assert dead(await client.list_running()) == ["qwen3:8b"]
        will_die = False
        await texts(client, REQUEST)
        assert dead(await client.list_running()) == []


@pytest.mark.parametrize(
    "name",
    [
        "error-500-runner-killed",
        "error-500-runner-crash-first",
        "error-500-load-killed",
        "error-runner-crash-cuda",
        "error-runner-crash-silent",
        "error-runner-killed-rendered",
    ],
)
async def test_every_way_to_say_that_a_runner_died_is_understood(name: str) -> None:
    async def answer(visit: Visit) -> None:
        await visit.answer(recordings()[name].data, recordings()[name].status)

    async with meeting(answer) as (client, _):
        with pytest.raises(OllamaError) as error:
            await texts(client)
    assert error.value.runner_died


@pytest.mark.parametrize("name", ["error-404-chat", "error-500-load-timeout", "error-midstream-native"])
async def test_other_errors_leave_the_runner_alive(name: str) -> None:
    async def answer(visit: Visit) -> None:
        await visit.answer(recordings()[name].data, recordings()[name].status)

    async with meeting(answer) as (client, _):
        with pytest.raises(OllamaError) as error:
            await texts(client)
    assert not error.value.runner_died
