"""Models that are made and sent: uploaded files, ``/api/create`` and ``/api/push``, in the words of the real server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from tui.demo.answers import Answer, Prompt
from tui.demo.bodies import Fields
from tui.demo.library import PROGRESS_SECONDS, Layer, Library, is_valid_name, layers
from tui.demo.models import DemoModel, full_name
from tui.demo.pace import Pace
from tui.demo.refusals import BARE_JSON, Refusal
from tui.demo.wire import go_quote

READ_BYTES_PER_SECOND = 2_000_000_000
PUSHED_BYTES_PER_SECOND = 100_000_000
QUANTISED_BYTES_PER_SECOND = 1_000_000_000
GGUF = b"GGUF"
UNQUANTISED = ("F32", "F16", "BF16")
_DIGEST = re.compile(r"sha256[:-][0-9a-fA-F]{64}")
_DENIED = '403: {"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """What is remembered of an uploaded file."""

    size_bytes: int
    is_gguf: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The body of ``/api/create``."""

    name: str
    source: str
    files: Mapping[str, str]
    quantize: str
    system: str
    template: str
    licenses: tuple[str, ...]
    parameters: Mapping[str, Any]


class Workshop:
    """What is uploaded, and what is made of it. ``Refusal`` is raised as the real server refuses."""

    def __init__(self, library: Library, *, pace: Pace) -> None:
        self._library = library
        self._pace = pace
        self._blobs: dict[str, Blob] = {}

    # Uploaded files

    def has_blob(self, given: str) -> bool:
        digest = _digest(given)
        return digest in self._blobs or self._library.has_layer(digest)

    def take_blob(self, given: str, data: bytes) -> bool:
        """Whether it is new."""
        digest = _digest(given)
        if self.has_blob(digest):
            return False
        found = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if found != digest:
            raise Refusal(400, f"digest mismatch, expected {go_quote(digest)}, got {go_quote(found)}")
        self._blobs[digest] = Blob(size_bytes=len(data), is_gguf=data.startswith(GGUF))
        return True

    # Making

    async def create(self, wanted: Wanted) -> AsyncGenerator[dict[str, Any], None]:
        """The progress objects in order; the last one is ``success``."""
        if wanted.source:
            async with aclosing(self._fetched(wanted.source)) as steps:
                async for step in steps:
                    yield step
            base = self._library.find(wanted.source)
            assert base is not None
            model = replace(base.model, weights=base.model.weights or base.model.name)
        else:
            yield {"status": "parsing GGUF"}
            model = self._of_file(wanted)
            await self._pace.wait(model.size_bytes / READ_BYTES_PER_SECOND)
            yield {"status": "verifying conversion"}
        if wanted.quantize:
            async with aclosing(self._quantised(model, wanted.quantize)) as steps:
                async for step in steps:
                    yield step
            model = replace(model, quantization=wanted.quantize.upper(), size_bytes=model.size_bytes // 3)
        made = _with_own(model, wanted)
        known = {layer.digest for layer in layers(model)} if wanted.source else set()
        for layer in layers(made):
            is_there = layer.digest in known or layer.digest in self._blobs
            yield {"status": f"{'using existing' if is_there else 'creating new'} layer {layer.digest}"}
        yield {"status": "writing manifest"}
        self._library.put(made)
        yield {"status": "success"}

    async def _fetched(self, source: str) -> AsyncGenerator[dict[str, Any], None]:
        """One that is not here is pulled, as by a pull; its end is not the end."""
        if self._library.find(source) is not None:
            return
        async with aclosing(self._library.pull(source)) as steps:
            async for step in steps:
                if step["status"] != "success":
                    yield step

    def _of_file(self, wanted: Wanted) -> DemoModel:
        name, given = next(iter(wanted.files.items()))
        digest = _digest(given)
        blob = self._blobs.get(digest)
        if blob is None:
            path = f"/demo/models/blobs/{digest.replace(':', '-')}"
            raise Refusal(500, f"open {path}: no such file or directory", content_type=BARE_JSON)
        if not blob.is_gguf:
            raise Refusal(500, "supplied file was not in GGUF format", content_type=BARE_JSON)

        def speak(_: Prompt) -> Answer:
            return Answer(text=f"I was made of {name}, and this is all that I can say.")

        return DemoModel(
            name=full_name(wanted.name),
            script=speak,
            weights=digest,
            parameter_size="0.1B",
            quantization="F16",
            size_bytes=max(blob.size_bytes, 4096),
            parameters=(),
            tokens_per_second=200.0,
            load_seconds=0.2,
        )

    async def _quantised(self, model: DemoModel, wanted: str) -> AsyncGenerator[dict[str, Any], None]:
        if model.quantization not in UNQUANTISED:
            raise Refusal(500, "quantization is only supported for F16 and F32 models", content_type=BARE_JSON)
        total = model.size_bytes
        step_bytes = max(1, total // 4)
        for done in (*range(0, total, step_bytes), total):
            status = f"quantizing {model.quantization} model to {wanted.upper()}"
            yield {"status": status, "digest": "0000000000000000000", "total": total, "completed": done}
            await self._pace.wait(step_bytes / QUANTISED_BYTES_PER_SECOND)

    # Sending

    async def push(self, name: str) -> AsyncGenerator[dict[str, Any], None]:
        """To a registry of the demo's own: it takes what has a namespace, and nothing into ``library`` or ``locked``."""
        yield {"status": "retrieving manifest"}
        entry = self._library.find(name)
        if entry is None:
            yield {"status": "couldn't retrieve manifest"}
            path, _, tag = full_name(name).rpartition(":")
            raise Refusal(
                500, f"open /demo/models/manifests/registry.ollama.ai/{path}/{tag}: no such file or directory"
            )
        namespace = full_name(name).rpartition("/")[0].rpartition("/")[2]
        if namespace in ("", "library", "locked"):
            raise Refusal(500, _DENIED)
        for layer in layers(entry.model):
            async with aclosing(self._sent(layer)) as steps:
                async for step in steps:
                    yield step
        yield {"status": "pushing manifest"}
        yield {"status": "success"}

    async def _sent(self, layer: Layer) -> AsyncGenerator[dict[str, Any], None]:
        done = 0
        about = {"status": f"pushing {layer.digest[7:19]}", "digest": layer.digest, "total": layer.size_bytes}
        while done < layer.size_bytes:
            await self._pace.wait(PROGRESS_SECONDS)
            done = min(layer.size_bytes, done + int(PUSHED_BYTES_PER_SECOND * PROGRESS_SECONDS))
            yield {**about, "completed": done}


def wanted_of(body: Fields) -> Wanted:
    """Checks what a create is refused for before it begins."""
    name = body.name()
    if not is_valid_name(name):
        raise _at_once("invalid model name")
    files, template = body.mapping("files"), body.text("template")
    source = body.text("from")
    if not source and not files:
        raise _at_once("neither 'from' or 'files' was specified")
    for digest in files.values():
        _digest(str(digest))
    if template.count("{{") > template.count("}}"):
        raise _at_once("template error: template: :1: unclosed action")
    given = body.value("license")
    return Wanted(
        name=name,
        source=source,
        files={str(key): str(value) for key, value in files.items()},
        quantize=body.text("quantize"),
        system=body.text("system"),
        template=template,
        licenses=tuple(map(str, given)) if isinstance(given, list) else tuple(filter(None, (given,))),
        parameters=body.mapping("parameters"),
    )


def _with_own(model: DemoModel, wanted: Wanted) -> DemoModel:
    own = [
        (name, go_quote(value) if isinstance(value, str) else _written(value))
        for name, given in wanted.parameters.items()
        for value in (given if isinstance(given, list) else [given])
    ]
    kept = [one for one in model.parameters if one[0] not in wanted.parameters]
    window = wanted.parameters.get("num_ctx")
    return replace(
        model,
        name=full_name(wanted.name),
        system=wanted.system or model.system,
        template=wanted.template or model.template,
        license="\n".join(wanted.licenses) or model.license,
        parameters=(*kept, *own),
        default_context_tokens=window if isinstance(window, int) else model.default_context_tokens,
    )


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _digest(given: str) -> str:
    if not _DIGEST.fullmatch(given):
        raise Refusal(400, "invalid digest format")
    return given.replace("-", ":").lower()


def _at_once(text: str) -> Refusal:
    """Refused while a stream is prepared: in chunks, and by a shorter content type."""
    return Refusal(400, text, content_type=BARE_JSON, chunked=True)
