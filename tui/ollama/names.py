"""Names of models, compared as Ollama compares them."""

from __future__ import annotations

_DEFAULT_REGISTRY = "registry.ollama.ai/"
_DEFAULT_NAMESPACE = "library/"
_DEFAULT_TAG = "latest"


def normalised_name(name: str) -> str:
    """The shortest full form: lower case, with a tag, without the registry and namespace that go without saying.

    ``Qwen3`` and ``registry.ollama.ai/library/qwen3:latest`` are both ``qwen3:latest``.
    """
    short = name.strip().lower()
    for scheme in ("http://", "https://"):
        short = short.removeprefix(scheme)
    short = short.removeprefix(_DEFAULT_REGISTRY).removeprefix(_DEFAULT_NAMESPACE)
    if not short or "@" in short or ":" in short.rpartition("/")[2]:
        return short
    return f"{short}:{_DEFAULT_TAG}"


def same_model(one: str, other: str) -> bool:
    """Whether a server takes two names for the same model."""
    return normalised_name(one) == normalised_name(other)


def is_cloud_name(name: str) -> bool:
    """A tag of ``cloud``, or one that ends in ``-cloud``, is run by ollama.com, whatever server is asked."""
    tag = normalised_name(name).rpartition("/")[2].partition(":")[2]
    return tag == "cloud" or tag.endswith("-cloud")
