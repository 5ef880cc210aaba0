"""The models that the demo server knows, as values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from tui.demo.answers import Script

GIGABYTE = 1_000_000_000
DEFAULT_CONTEXT_TOKENS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoModel:
    """One model: what the server says about it, how fast it is, and what it says."""

    name: str
    """With its tag: ``tour:8b``."""
    script: Script | None = None
    """None for a model that does not talk."""
    capabilities: tuple[str, ...] = ("completion",)
    """As ``/api/show`` names them; ``/api/tags`` of a real server knows only completion and embedding, and so does ours."""
    weights: str = ""
    """Whose weights a copy shares; its own name when empty."""
    family: str = "demo"
    parameter_size: str = "8.0B"
    quantization: str = "Q4_K_M"
    size_bytes: int = 5 * GIGABYTE
    trained_context_tokens: int = DEFAULT_CONTEXT_TOKENS
    default_context_tokens: int = DEFAULT_CONTEXT_TOKENS
    embedding_length: int = 4096
    block_count: int = 36
    age: timedelta = timedelta(0)
    """How long before the server's start it was pulled."""
    tokens_per_second: float = 60.0
    """0 is as fast as possible."""
    prompt_tokens_per_second: float = 2500.0
    load_seconds: float = 0.8
    most_context_on_gpu_tokens: int | None = None
    """With a longer context it runs out of GPU memory when loading; None: it always fits."""
    rendered: bool = False
    """Tool calls come one by one before the last object, as from models that Ollama renders itself."""
    remote_host: str = ""
    remote_model: str = ""
    license: str = "The texts of the demo models are part of chinwag and under its MIT license."
    parameters: tuple[tuple[str, str], ...] = field(default=(("temperature", "0.7"),))
    system: str = ""
    """What it is told before a conversation that has no system text of its own."""
    template: str = ""
    """Its own; empty: the one that its capabilities come with."""

    @property
    def digest(self) -> str:
        """64 hexadecimal digits. Copies share it, and with it one place in memory."""
        if self.is_of_a_file:
            return self.weights.removeprefix("sha256:")
        return hashlib.sha256(f"chinwag-demo {self.weights or self.name}".encode()).hexdigest()

    @property
    def is_of_a_file(self) -> bool:
        """Its ``weights`` are the digest of a file that was uploaded."""
        return self.weights.startswith("sha256:")

    @property
    def parameter_count(self) -> int:
        """What ``parameter_size`` words: ``8.0B`` is eight thousand million."""
        unit = {"K": 1_000, "M": 1_000_000, "B": 1_000_000_000}
        return round(float(self.parameter_size[:-1]) * unit[self.parameter_size[-1]])

    @property
    def is_remote(self) -> bool:
        return bool(self.remote_host)


ScriptedFamily = Callable[[str], DemoModel | None]
"""Makes a model from a name that follows a pattern, or None for any other name."""


def full_name(name: str) -> str:
    """``name`` in its shortest form with a tag: ``tour`` is ``tour:latest``."""
    name = name.removeprefix("https://").removeprefix("http://")
    name = name.removeprefix("registry.ollama.ai/").removeprefix("library/")
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"
