"""Which models are installed, and pulling more of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tui.demo.models import DemoModel, ScriptedFamily, full_name
from tui.demo.pace import Pace
from tui.demo.refusals import Refusal

PROGRESS_SECONDS = 0.06
PULLED_BYTES_PER_SECOND = 400_000_000
HASHED_BYTES_PER_SECOND = 2_000_000_000
_NAME = re.compile(r"(?:[a-z0-9][\w.:-]*/){0,2}[a-z0-9_][\w.-]*(?::[a-z0-9_][\w.-]*)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Installed:
    model: DemoModel
    modified_at: datetime


@dataclass(slots=True)
class Download:
    """One layer on its way. What came stays when its last watcher leaves, so that the next pull goes on from there."""

    total_bytes: int
    completed_bytes: int = 0
    watchers: list[object] = field(default_factory=list)

    def advance(self, watcher: object, size_bytes: int) -> None:
        """Two pulls of one layer share its progress: only the first of them moves it."""
        if self.watchers[0] is watcher:
            self.completed_bytes = min(self.total_bytes, self.completed_bytes + size_bytes)

    def is_whole(self) -> bool:
        return self.completed_bytes >= self.total_bytes


@dataclass(frozen=True, slots=True)
class Layer:
    digest: str
    size_bytes: int

    def progress(self, completed_bytes: int) -> dict[str, Any]:
        line: dict[str, Any] = {
            "status": f"pulling {self.digest[7:19]}",
            "digest": self.digest,
            "total": self.size_bytes,
        }
        return {**line, "completed": completed_bytes} if completed_bytes else line


def is_valid_name(name: str) -> bool:
    return len(name) <= 350 and _NAME.fullmatch(name) is not None


class Library:
    """The installed models by name, and those that a pull can find."""

    def __init__(
        self,
        installed: Sequence[DemoModel],
        to_pull: Sequence[DemoModel],
        *,
        family: ScriptedFamily,
        now: Callable[[], datetime],
        pace: Pace,
    ) -> None:
        started = now()
        self._installed = {model.name.lower(): Installed(model, started - model.age) for model in installed}
        self._registry = {model.name.lower(): model for model in (*installed, *to_pull)}
        self._family = family
        self._now = now
        self._pace = pace
        self._downloads = {
            layer.digest: Download(layer.size_bytes, layer.size_bytes) for model in installed for layer in layers(model)
        }

    def listed(self) -> tuple[Installed, ...]:
        """Newest first."""
        return tuple(sorted(self._installed.values(), key=lambda entry: entry.modified_at, reverse=True))

    def find(self, name: str) -> Installed | None:
        """The model of this name, in any case, with or without its tag."""
        found = self._installed.get(full_name(name).lower())
        if found is not None:
            return found
        made = self._family(full_name(name).removesuffix(":latest"))
        return Installed(made, self._now()) if made is not None else None

    def delete(self, name: str) -> bool:
        return self._installed.pop(full_name(name).lower(), None) is not None

    def copy(self, model: DemoModel, name: str) -> None:
        """A second name for the same weights; an older model of that name is replaced."""
        twin = replace(model, name=full_name(name), weights=model.weights or model.name)
        self._installed[twin.name.lower()] = Installed(twin, self._now())

    def put(self, model: DemoModel) -> None:
        """A model that was made here; an older one of its name is replaced."""
        self._installed[model.name.lower()] = Installed(model, self._now())
        for layer in layers(model):
            self._downloads[layer.digest] = Download(layer.size_bytes, layer.size_bytes)

    def has_layer(self, digest: str) -> bool:
        """Whether a layer of any model is here whole."""
        return digest in self._downloads and self._downloads[digest].is_whole()

    async def pull(self, name: str) -> AsyncGenerator[dict[str, Any], None]:
        """The progress objects in order; the last one is ``success``. ``Refusal`` when there is no such model."""
        yield {"status": "pulling manifest"}
        model = self._registry.get(full_name(name).lower())
        if model is None:
            raise Refusal(500, "pull model manifest: file does not exist", content_type="application/json")
        fetched_bytes = 0
        for layer in layers(model):
            download = self._downloads.setdefault(layer.digest, Download(layer.size_bytes))
            if download.is_whole():
                yield layer.progress(layer.size_bytes)
                continue
            watcher = object()
            download.watchers.append(watcher)
            try:
                while not download.is_whole():
                    await self._pace.wait(PROGRESS_SECONDS)
                    download.advance(watcher, int(PULLED_BYTES_PER_SECOND * PROGRESS_SECONDS))
                    yield layer.progress(download.completed_bytes)
            finally:
                download.watchers.remove(watcher)
            fetched_bytes += layer.size_bytes
        yield {"status": "verifying sha256 digest"}
        await self._pace.wait(fetched_bytes / HASHED_BYTES_PER_SECOND)
        yield {"status": "writing manifest"}
        self._installed[model.name.lower()] = Installed(model, self._now())
        yield {"status": "success"}


def layers(model: DemoModel) -> tuple[Layer, ...]:
    """Weights, template, license and configuration; a remote model is a configuration only."""
    small = [] if model.is_remote else [(1_482, "template"), (len(model.license), "license")]
    # What a model was given of its own is a layer of its own.
    own = [
        (len(text), f"{what} {text}") for what, text in (("template", model.template), ("system", model.system)) if text
    ]
    sizes = [*small, *own, (485, "config")]
    rest_bytes = max(1, model.size_bytes - sum(size for size, _ in sizes))
    weights = [] if model.is_remote else [Layer(f"sha256:{model.digest}", rest_bytes)]
    return (*weights, *(Layer(_digest(f"{model.digest} {what}"), size) for size, what in sizes))


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
