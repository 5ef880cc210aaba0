"""The standard models of the demo server."""

from __future__ import annotations

from datetime import timedelta

from tui.demo.minds import breaker, guide, recital, seer, thinker, toolsmith, visitor
from tui.demo.models import GIGABYTE, DemoModel
from tui.demo.texts import Texts


def standard_models(texts: Texts) -> tuple[DemoModel, ...]:
    """Those that are installed at the start, the newest first."""
    return (*_guides(texts), *_extremes(texts), *_others())


def models_to_pull(texts: Texts) -> tuple[DemoModel, ...]:
    """Those that are not installed and can be pulled."""
    return (
        DemoModel(
            name="guest:4b",
            script=visitor(texts["guest"]),
            capabilities=("completion", "tools"),
            parameter_size="4.0B",
            size_bytes=int(2.6 * GIGABYTE),
            embedding_length=2560,
            tokens_per_second=95.0,
            rendered=True,
        ),
    )


def _guides(texts: Texts) -> tuple[DemoModel, ...]:
    return (
        DemoModel(
            name="tour:8b",
            script=guide(texts),
            parameter_size="8.2B",
            size_bytes=int(5.2 * GIGABYTE),
            tokens_per_second=62.0,
        ),
        DemoModel(
            name="thinker:8b",
            script=thinker(texts["thinking"], texts["thinker"]),
            capabilities=("completion", "thinking"),
            parameter_size="8.2B",
            size_bytes=int(5.2 * GIGABYTE),
            tokens_per_second=70.0,
            age=timedelta(days=2),
        ),
        DemoModel(
            name="toolsmith:8b",
            script=toolsmith,
            capabilities=("completion", "tools"),
            parameter_size="7.6B",
            size_bytes=int(4.7 * GIGABYTE),
            tokens_per_second=65.0,
            age=timedelta(days=5),
        ),
        DemoModel(
            name="seer:8b",
            script=seer,
            capabilities=("completion", "vision"),
            parameter_size="8.3B",
            size_bytes=int(6.0 * GIGABYTE),
            tokens_per_second=68.0,
            age=timedelta(days=7),
        ),
    )


def _extremes(texts: Texts) -> tuple[DemoModel, ...]:
    return (
        DemoModel(
            name="fast:1b",
            script=recital(texts["fast"]),
            parameter_size="1.2B",
            quantization="Q8_0",
            size_bytes=int(1.3 * GIGABYTE),
            embedding_length=2048,
            block_count=16,
            tokens_per_second=240.0,
            prompt_tokens_per_second=12_000.0,
            load_seconds=0.3,
            age=timedelta(days=9),
        ),
        DemoModel(
            name="slow:70b",
            script=recital(texts["slow"]),
            parameter_size="70.6B",
            size_bytes=int(42.5 * GIGABYTE),
            embedding_length=8192,
            block_count=80,
            tokens_per_second=3.0,
            prompt_tokens_per_second=120.0,
            load_seconds=7.0,
            age=timedelta(days=20),
        ),
        DemoModel(
            name="hungry:405b",
            script=recital(texts["hungry"]),
            parameter_size="405.9B",
            size_bytes=int(243.1 * GIGABYTE),
            embedding_length=16_384,
            block_count=126,
            tokens_per_second=1.5,
            prompt_tokens_per_second=60.0,
            load_seconds=2.5,
            most_context_on_gpu_tokens=2048,
            age=timedelta(days=34),
        ),
        DemoModel(
            name="breaks:3b",
            script=breaker(texts["breaks"]),
            parameter_size="3.2B",
            size_bytes=int(2.0 * GIGABYTE),
            embedding_length=3072,
            block_count=28,
            tokens_per_second=80.0,
            age=timedelta(days=40),
        ),
    )


def _others() -> tuple[DemoModel, ...]:
    return (
        DemoModel(
            name="embed:small",
            capabilities=("embedding",),
            parameter_size="137M",
            quantization="F16",
            size_bytes=274 * GIGABYTE // 1000,
            embedding_length=384,
            block_count=12,
            trained_context_tokens=2048,
            default_context_tokens=2048,
            prompt_tokens_per_second=20_000.0,
            load_seconds=0.2,
            parameters=(),
            age=timedelta(days=61),
        ),
        DemoModel(
            name="cloudy:120b-cloud",
            capabilities=("completion", "tools", "thinking"),
            parameter_size="116.8B",
            quantization="MXFP4",
            size_bytes=384,
            trained_context_tokens=131_072,
            embedding_length=2880,
            remote_host="https://ollama.com:443",
            remote_model="cloudy:120b",
            age=timedelta(days=75),
        ),
    )
