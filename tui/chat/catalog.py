"""The models of one server: the list, what is in memory, and what each can do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tui.atomic import make_private_folder, read_bounded, write_atomically
from tui.chat.faults import report_fault
from tui.engine import Engine, EngineError, Model, ModelDetails, RunningModel
from tui.failures import Failure
from tui.ollama.fits import CacheShape, cache_shape

CACHE_LIMIT_BYTES = 4_000_000
CACHE_VERSION = 2
CARDS_KEPT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is remembered of a model between starts, by its digest."""

    capabilities: tuple[str, ...] | None
    trained_context_tokens: int | None
    parameter_size: str
    quantization: str
    family: str
    cache: CacheShape | None = None
    """What its context takes in memory; None when its file does not say."""


class Catalog:
    """Capabilities come from the server's ``show``, a few models at a time, and are kept by digest in ``cache_file``:

    the list itself leaves out what most models can do.
    """

    def __init__(self, engine: Engine, *, cache_file: Path, at_once: int = 4) -> None:
        self._engine = engine
        self._cache_file = cache_file
        self._cards: dict[str, Card] | None = None
        self._has_new_cards = False
        self._slots = asyncio.Semaphore(at_once)
        self.models: tuple[Model, ...] | None = None
        """None until the list was read once."""
        self.running: tuple[RunningModel, ...] = ()
        self.is_running_known = False
        """The server has said at least once what is in its memory."""

    async def refresh(self) -> tuple[Model, ...]:
        """Reads the list and what is in memory again; capabilities are filled in where they are remembered.

        Raises ``EngineError`` when the list cannot be had; what was known before stays.
        """
        reading_running = asyncio.create_task(self._running_or_before())
        try:
            models = await self._engine.list_models()
            cards = await self._remembered()
            self.running = await reading_running
        finally:
            reading_running.cancel()
        self.models = tuple(_with_card(model, cards.get(model.digest)) for model in models)
        return self.models

    async def refresh_running(self) -> tuple[RunningModel, ...]:
        """Raises ``EngineError``."""
        self.running = await self._list_running()
        return self.running

    async def fill_in(self, on_model: Callable[[Model], None]) -> None:
        """Asks for everything that is not known yet, a few at a time, and keeps it. What fails is left as it is."""

        async def one(model: Model) -> None:
            filled = await self._ask(model)
            if filled.capabilities is not None:
                try:
                    on_model(filled)
                except Exception as error:  # noqa: BLE001  a list that closed meanwhile must not end the others
                    report_fault(error, during="telling of a model")

        await asyncio.gather(*(one(model) for model in self.models or () if model.capabilities is None))
        await self._remember()

    async def capabilities_of(self, model: Model) -> frozenset[str] | None:
        """None when the server does not say, or cannot be asked."""
        if model.capabilities is not None:
            return model.capabilities
        filled = await self._ask(model)
        await self._remember()
        return filled.capabilities

    def cache_shape(self, model: Model) -> CacheShape | None:
        """What its context takes in memory; None while that is not known, or when its file does not say."""
        card = (self._cards or {}).get(model.digest)
        return None if card is None else card.cache

    async def details(self, name: str) -> ModelDetails:
        """Raises ``EngineError``."""
        return await self._engine.show_model(name)

    async def _ask(self, model: Model) -> Model:
        async with self._slots:
            try:
                details = await self._engine.show_model(model.name)
            except EngineError:
                return model
        card = Card(
            capabilities=None if details.capabilities is None else tuple(sorted(details.capabilities)),
            trained_context_tokens=details.trained_context_tokens,
            parameter_size=details.parameter_size,
            quantization=details.quantization,
            family=details.family,
            cache=cache_shape(details),
        )
        cards = await self._remembered()
        if model.digest and card.capabilities is not None:
            # Taken out first, so that what was seen last is at the end and outlives the oldest.
            cards.pop(model.digest, None)
            cards[model.digest] = card
            self._has_new_cards = True
        filled = _with_card(model, card)
        if self.models is not None:
            # The list may have been read anew meanwhile, with another model under this name.
            self.models = tuple(_with_card(one, card) if _is_same(one, model) else one for one in self.models)
        return filled

    async def _list_running(self) -> tuple[RunningModel, ...]:
        running = await self._engine.list_running()
        self.is_running_known = True
        return running

    async def _running_or_before(self) -> tuple[RunningModel, ...]:
        """What is in memory is a hint; a server that fails to say so must not cost the list."""
        try:
            return await self._list_running()
        except EngineError:
            return self.running

    async def _remembered(self) -> dict[str, Card]:
        if self._cards is None:
            cards = await asyncio.to_thread(_read_cards, self._cache_file)
            if self._cards is None:
                self._cards = cards
        return self._cards

    async def _remember(self) -> None:
        """Losing this costs a few requests at the next start, so a disk that refuses is not worth a word."""
        if self._has_new_cards:
            self._has_new_cards = False
            newest = list((await self._remembered()).items())[-CARDS_KEPT:]
            await asyncio.to_thread(_write_cards, self._cache_file, dict(newest))


def _is_same(one: Model, other: Model) -> bool:
    return (one.name, one.digest) == (other.name, other.digest)


def _with_card(model: Model, card: Card | None) -> Model:
    if card is None:
        return model
    return replace(
        model,
        capabilities=None if card.capabilities is None else frozenset(card.capabilities),
        trained_context_tokens=model.trained_context_tokens or card.trained_context_tokens,
        parameter_size=model.parameter_size or card.parameter_size,
        quantization=model.quantization or card.quantization,
        family=model.family or card.family,
    )


def _read_cards(file: Path) -> dict[str, Card]:
    """A cache that is missing, damaged or of another version is an empty one."""
    try:
        raw = json.loads(read_bounded(file, CACHE_LIMIT_BYTES))
    except (OSError, Failure, ValueError, RecursionError):
        return {}
    if not isinstance(raw, dict) or raw.get("version") != CACHE_VERSION or not isinstance(raw.get("models"), dict):
        return {}
    cards = {digest: _card(value) for digest, value in raw["models"].items()}
    return {digest: card for digest, card in cards.items() if card is not None}


def _card(raw: Any) -> Card | None:
    if not isinstance(raw, Mapping):
        return None
    capabilities, tokens = raw.get("capabilities"), raw.get("trained_context_tokens")
    if not isinstance(capabilities, list) or not all(isinstance(one, str) for one in capabilities):
        return None
    return Card(
        capabilities=tuple(capabilities),
        trained_context_tokens=tokens if type(tokens) is int and tokens > 0 else None,
        parameter_size=_text(raw.get("parameter_size")),
        quantization=_text(raw.get("quantization")),
        family=_text(raw.get("family")),
        cache=_cache(raw.get("cache")),
    )


def _cache(raw: Any) -> CacheShape | None:
    if not isinstance(raw, Mapping):
        return None
    told = [raw.get(name) for name in ("layers", "kv_heads", "key_length", "value_length")]
    figures = [figure for figure in told if type(figure) is int and figure > 0]
    if len(figures) < len(told):
        return None
    layers, kv_heads, key_length, value_length = figures
    return CacheShape(
        layers=layers,
        kv_heads=kv_heads,
        key_length=key_length,
        value_length=value_length,
        is_upper_bound=raw.get("is_upper_bound") is not False,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _write_cards(file: Path, cards: Mapping[str, Card]) -> None:
    models = {
        digest: {
            "capabilities": list(card.capabilities),
            "trained_context_tokens": card.trained_context_tokens,
            "parameter_size": card.parameter_size,
            "quantization": card.quantization,
            "family": card.family,
            "cache": None if card.cache is None else asdict(card.cache),
        }
        for digest, card in cards.items()
        if card.capabilities is not None
    }
    data = json.dumps({"version": CACHE_VERSION, "models": models}).encode("ascii")
    try:
        make_private_folder(file.parent)
        write_atomically(file, data, sync=False)
    except (OSError, Failure):
        return
