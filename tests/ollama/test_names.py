from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ollama.names import is_cloud_name, normalised_name, same_model


@pytest.mark.parametrize(
    ("name", "normalised"),
    [
        ("qwen3", "qwen3:latest"),
        ("Qwen3:8B", "qwen3:8b"),
        ("library/qwen3", "qwen3:latest"),
        ("registry.ollama.ai/library/qwen3:8b", "qwen3:8b"),
        ("https://registry.ollama.ai/library/qwen3", "qwen3:latest"),
        ("anna/qwen3", "anna/qwen3:latest"),
        ("hf.co/anna/Model-GGUF:Q4_K_M", "hf.co/anna/model-gguf:q4_k_m"),
        ("localhost:5000/anna/model", "localhost:5000/anna/model:latest"),
        ("model@sha256:abc", "model@sha256:abc"),
        ("", ""),
    ],
)
def test_a_name_has_one_shortest_form(name: str, normalised: str) -> None:
    assert normalised_name(name) == normalised


def test_names_are_compared_as_the_server_does() -> None:
    assert same_model("qwen3", "Qwen3:latest")
    assert not same_model("qwen3:8b", "qwen3")
    assert not same_model("anna/qwen3", "qwen3")


WORDS = st.text(alphabet="abCD3._-", min_size=1, max_size=8)


@given(st.sampled_from(["", "library/", "registry.ollama.ai/library/", "https://registry.ollama.ai/library/"]), WORDS)
def test_what_goes_without_saying_does_not_change_a_name(prefix: str, word: str) -> None:
    assert normalised_name(prefix + word) == f"{word.lower()}:latest"
    assert same_model(prefix + word.upper() + ":latest", word)


@given(WORDS, WORDS, WORDS)
def test_a_normalised_name_stays_as_it_is(namespace: str, word: str, tag: str) -> None:
    once = normalised_name(f"hf.co/{namespace}/{word}:{tag}")
    assert normalised_name(once) == once


@pytest.mark.parametrize(
    ("name", "is_cloud"),
    [
        ("gpt-oss:120b-cloud", True),
        ("kimi-k2:cloud", True),
        ("Kimi-K2:CLOUD", True),
        ("anna/kimi:1t-cloud", True),
        ("my-cloud", False),
        ("cloud", False),
        ("cloud:8b", False),
        ("qwen3:8b", False),
    ],
)
def test_a_cloud_model_is_known_by_its_tag(name: str, is_cloud: bool) -> None:
    assert is_cloud_name(name) is is_cloud
