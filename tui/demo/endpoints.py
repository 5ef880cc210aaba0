"""The API: which path and method does what, and what each answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from tui.demo import descriptions, refusals
from tui.demo.answers import Ending, Turn
from tui.demo.bodies import ChatBody, EmbedBody, Fields, parse_chat, parse_embed, parse_generate
from tui.demo.connection import Reply, Request
from tui.demo.embeddings import embed, first_tokens, normalised
from tui.demo.library import Installed, Library, is_valid_name
from tui.demo.making import Workshop, wanted_of
from tui.demo.models import full_name
from tui.demo.objects import Said, Shape, chat_object, counted, generate_object, token_numbers
from tui.demo.pace import Pace
from tui.demo.refusals import BARE_JSON, Refusal
from tui.demo.runners import Runners, settings_for
from tui.demo.speaking import BrokenOff, Counts, Part, Piece, speak
from tui.demo.wire import go_quote, nanoseconds, utc_time

VERSION = "0.33.0"
PARSED_AT_ONCE_BYTES = 256 * 1024
_BLOBS = "/api/blobs/"
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal")

Endpoint = Callable[[Request, Reply], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A chat or generate request that passed the checks."""

    body: ChatBody
    entry: Installed
    shape: Shape
    began: float
    """On the pace's clock, in seconds."""


class Endpoints:
    """Answers requests from what the library and the runners know."""

    def __init__(
        self,
        library: Library,
        runners: Runners,
        *,
        pace: Pace,
        now: Callable[[], datetime],
        count_token: Callable[[], None],
    ) -> None:
        self._library = library
        self._workshop = Workshop(library, pace=pace)
        self._runners = runners
        self._pace = pace
        self._now = now
        self._count_token = count_token
        self._table: Mapping[str, Mapping[str, Endpoint]] = {
            "/": {"GET": self._root, "HEAD": self._root},
            "/api/version": {"GET": self._version, "HEAD": self._version},
            "/api/status": {"GET": self._status},
            "/api/tags": {"GET": self._tags, "HEAD": self._tags},
            "/api/ps": {"GET": self._ps},
            "/api/show": {"POST": self._show},
            "/api/chat": {"POST": self._chat},
            "/api/generate": {"POST": self._generate},
            "/api/embed": {"POST": self._embed},
            "/api/pull": {"POST": self._pull},
            "/api/push": {"POST": self._push},
            "/api/create": {"POST": self._create},
            "/api/copy": {"POST": self._copy},
            "/api/delete": {"DELETE": self._delete},
        }
        self._blob_methods: Mapping[str, Endpoint] = {"HEAD": self._has_blob, "POST": self._take_blob}

    async def handle(self, request: Request, reply: Reply) -> None:
        if not _is_from_here(request):
            await reply.empty(status=403)
            return
        is_blob = request.path.startswith(_BLOBS) and "/" not in request.path.removeprefix(_BLOBS)
        methods = self._blob_methods if is_blob else self._table.get(request.path)
        if methods is None:
            await reply.text("404 page not found", status=404)
        elif request.method not in methods:
            await reply.text("405 method not allowed", status=405, allow=", ".join(methods))
        else:
            await methods[request.method](request, reply)

    async def _root(self, _: Request, reply: Reply) -> None:
        await reply.text("Ollama is running", content_type="text/plain; charset=utf-8")

    async def _version(self, _: Request, reply: Reply) -> None:
        await reply.json({"version": VERSION})

    async def _status(self, _: Request, reply: Reply) -> None:
        await reply.json({"cloud": {"disabled": False, "source": "none"}})

    async def _tags(self, _: Request, reply: Reply) -> None:
        await reply.json({"models": [descriptions.listed(entry) for entry in self._library.listed()]})

    async def _ps(self, _: Request, reply: Reply) -> None:
        runners = self._runners
        await reply.json(
            {"models": [descriptions.running(runner, runners.leaves_at(runner)) for runner in runners.loaded()]}
        )

    async def _show(self, request: Request, reply: Reply) -> None:
        body = Fields(request.body, "ShowRequest")
        name = _required(body.name())
        entry = self._library.find(name)
        if entry is None:
            raise refusals.model_not_found(full_name(name))
        await reply.json(descriptions.shown(entry, verbose=body.flag("verbose", default=False)))

    async def _copy(self, request: Request, reply: Reply) -> None:
        body = Fields(request.body, "CopyRequest")
        source, destination = body.text("source"), body.text("destination")
        for what, name in (("source", source), ("destination", destination)):
            if not is_valid_name(name):
                raise Refusal(400, f"{what} {go_quote(name)} is invalid")
        entry = self._library.find(source)
        if entry is None:
            raise Refusal(404, f"model {go_quote(source)} not found")
        self._library.copy(entry.model, destination)
        await reply.empty()

    async def _delete(self, request: Request, reply: Reply) -> None:
        name = Fields(request.body, "DeleteRequest").name()
        if not name:
            raise Refusal(400, "model is required")
        if not is_valid_name(name):
            raise Refusal(400, f"name {go_quote(name)} is invalid")
        if not self._library.delete(name):
            raise refusals.model_not_found(name)
        await reply.empty()

    async def _pull(self, request: Request, reply: Reply) -> None:
        body = Fields(request.body, "PullRequest")
        name = body.name()
        if not is_valid_name(name):
            raise Refusal(400, "invalid model name")
        await self._transfer(self._library.pull(name), body, reply)

    async def _push(self, request: Request, reply: Reply) -> None:
        body = Fields(request.body, "PushRequest")
        await self._transfer(self._workshop.push(_required(body.name())), body, reply)

    async def _create(self, request: Request, reply: Reply) -> None:
        body = Fields(request.body, "CreateRequest")
        await self._transfer(self._workshop.create(wanted_of(body)), body, reply)

    async def _transfer(self, steps: AsyncGenerator[dict[str, Any], None], body: Fields, reply: Reply) -> None:
        """Its progress as a stream, or how it ended as one object."""
        stream = body.flag("stream", default=True)
        async with aclosing(steps) as progress:
            async for line in progress:
                if stream:
                    await reply.line(line)
        if stream:
            await reply.end()
        else:
            await reply.json({"status": "success"}, content_type=BARE_JSON)

    async def _has_blob(self, request: Request, reply: Reply) -> None:
        digest = request.path.removeprefix(_BLOBS)
        if not self._workshop.has_blob(digest):
            raise Refusal(404, f"blob {go_quote(digest)} not found")
        await reply.empty()

    async def _take_blob(self, request: Request, reply: Reply) -> None:
        is_new = await asyncio.to_thread(self._workshop.take_blob, request.path.removeprefix(_BLOBS), request.body)
        await reply.empty(status=201 if is_new else 200)

    async def _embed(self, request: Request, reply: Reply) -> None:
        began = self._pace.clock()
        body = parse_embed(request.body)
        entry = self._library.find(body.model) if is_valid_name(body.model) else None
        if not body.model:
            raise refusals.model_not_found("")
        if not is_valid_name(body.model):
            raise Refusal(400, "invalid model name")
        if entry is None:
            raise Refusal(404, f"model {go_quote(body.model)} not found, try pulling it first")
        model = entry.model
        settings = settings_for(model, body.options)
        async with self._runners.use(full_name(body.model), model, settings, body.keep_alive) as runner:
            load_seconds = self._pace.clock() - began
            if not body.texts:
                await reply.json({"model": body.model, "embeddings": []})
                return
            if "embedding" not in model.capabilities:
                raise Refusal(501, "This server does not support embeddings. Start it with `--embeddings`")
            async with runner.slot:
                fitted = await asyncio.to_thread(_fitted, body, settings.context_tokens)
                tokens = sum(count for _, count in fitted)
                vectors = await asyncio.to_thread(_vectors, fitted, model.embedding_length, body.dimensions)
                await self._pace.wait(tokens / model.prompt_tokens_per_second)
        await reply.json(
            {
                "model": body.model,
                "embeddings": vectors,
                "total_duration": nanoseconds(self._pace.clock() - began),
                "load_duration": nanoseconds(load_seconds),
                "prompt_eval_count": tokens,
            }
        )

    async def _chat(self, request: Request, reply: Reply) -> None:
        began = self._pace.clock()
        body = await _parsed(parse_chat, request.body)
        entry = self._talker(body, _required(body.model), "chat")
        body = _with_system(body, entry.model.system)
        await self._answer(Ask(body=body, entry=entry, shape=chat_object, began=began), reply)

    async def _generate(self, request: Request, reply: Reply) -> None:
        began = self._pace.clock()
        body = await _parsed(parse_generate, request.body)
        if not body.model:
            raise refusals.model_not_found("")
        if not is_valid_name(body.model):
            raise Refusal(400, "invalid model name")
        entry = self._talker(body, body.model, "generate")
        body = body if body.raw else _with_system(body, entry.model.system)
        if body.suffix and "insert" not in entry.model.capabilities:
            raise refusals.lacks_capability(full_name(body.model), "insert")
        await self._answer(Ask(body=body, entry=entry, shape=generate_object, began=began), reply)

    def _talker(self, body: ChatBody, name: str, what: str) -> Installed:
        """The model, when it is there and can do what is asked of it."""
        entry = self._library.find(name)
        if entry is None:
            raise refusals.model_not_found(name)
        capabilities = entry.model.capabilities
        if entry.model.is_remote:
            raise refusals.not_signed_in(while_streaming=body.stream)
        if body.is_load_only and body.keep_alive == timedelta(0):
            return entry
        if body.think and "thinking" not in capabilities:
            raise refusals.not_a_talker(name, "thinking")
        if "completion" not in capabilities:
            raise refusals.not_a_talker(name, what)
        if body.tools and "tools" not in capabilities:
            raise refusals.lacks_capability(full_name(name), "tools")
        return entry

    async def _answer(self, ask: Ask, reply: Reply) -> None:
        body, model = ask.body, ask.entry.model
        if body.is_load_only and body.keep_alive == timedelta(0):
            self._runners.unload(model)
            await reply.json(self._object(ask, Said(), {"done": True, "done_reason": "unload"}))
            return
        settings = settings_for(model, body.options, shift=body.shift)
        async with self._runners.use(full_name(body.model), model, settings, body.keep_alive) as runner:
            load_seconds = self._pace.clock() - ask.began
            if body.is_load_only:
                await reply.json(self._object(ask, Said(), {"done": True, "done_reason": "load"}))
                return
            async with runner.slot:
                if body.has_images and "vision" not in model.capabilities:
                    raise refusals.images_unsupported()
                try:
                    async with aclosing(speak(body, runner, self._pace)) as spoken:
                        if body.stream:
                            await self._stream(ask, spoken, load_seconds, reply)
                        else:
                            await self._whole(ask, spoken, load_seconds, reply)
                except BrokenOff as broken:
                    await self._break_off(broken.ending, reply)
                except Refusal as refusal:
                    if refusals.OUT_OF_MEMORY in refusal.text:
                        self._runners.forget_all()
                    raise

    async def _stream(
        self, ask: Ask, spoken: AsyncGenerator[Piece | Counts, None], load_seconds: float, reply: Reply
    ) -> None:
        rendered = ask.entry.model.rendered
        texts: list[str] = []
        calls = Said()
        async for piece in spoken:
            if isinstance(piece, Counts):
                at_the_end = Said() if rendered else calls
                await reply.line(self._object(ask, at_the_end, self._last(ask, piece, load_seconds, texts)))
                continue
            self._count_token()
            said = calls if piece.part is Part.tool else Said()
            said.add(piece, rendered=rendered)
            if not ask.body.is_chat:
                texts.append(piece.text)
            if piece.part is not Part.tool:
                await reply.line(self._object(ask, said, {"done": False}))
            elif rendered and piece.call is not None:
                await reply.line(self._object(ask, Said(tool_calls=said.tool_calls[-1:]), {"done": False}))
        await reply.end()

    async def _whole(
        self, ask: Ask, spoken: AsyncGenerator[Piece | Counts, None], load_seconds: float, reply: Reply
    ) -> None:
        said = Said()
        rest: Mapping[str, Any] = {"done": False}
        texts: list[str] = []
        try:
            async for piece in spoken:
                if isinstance(piece, Counts):
                    rest = self._last(ask, piece, load_seconds, texts)
                    continue
                self._count_token()
                texts.append(piece.text)
                said.add(piece, rendered=ask.entry.model.rendered)
        except BrokenOff as broken:
            if broken.ending is not Ending.without_done:
                raise
        await reply.json(self._object(ask, said, rest))

    async def _break_off(self, ending: Ending, reply: Reply) -> None:
        if ending is Ending.without_done:
            await reply.end()
        else:
            reply.reset()

    def _object(self, ask: Ask, said: Said, rest: Mapping[str, Any]) -> dict[str, Any]:
        return ask.shape(ask.body.model, utc_time(self._now()), said, rest)

    def _last(self, ask: Ask, counts: Counts, load_seconds: float, texts: list[str]) -> dict[str, Any]:
        rest: dict[str, Any] = {"done": True, "done_reason": counts.done_reason}
        if not ask.body.is_chat and not ask.body.raw:
            rest["context"] = token_numbers([*(turn.text for turn in ask.body.turns), *texts])
        return rest | counted(counts, total_seconds=self._pace.clock() - ask.began, load_seconds=load_seconds)


async def _parsed(parse: Callable[[bytes], ChatBody], raw: bytes) -> ChatBody:
    """A long body is read in a thread, so that the answers of others do not stall."""
    return await asyncio.to_thread(parse, raw) if len(raw) > PARSED_AT_ONCE_BYTES else parse(raw)


def _with_system(body: ChatBody, system: str) -> ChatBody:
    """The model's own system text goes first, unless the conversation has one."""
    if not system or not body.turns or any(turn.role == "system" for turn in body.turns):
        return body
    return replace(body, turns=(Turn(role="system", text=system), *body.turns))


def _required(name: str) -> str:
    if not name:
        raise Refusal(400, "model is required")
    if not is_valid_name(name):
        raise Refusal(400, "invalid model name")
    return name


def _fitted(body: EmbedBody, context_tokens: int) -> list[tuple[str, int]]:
    fitted: list[tuple[str, int]] = []
    for text in body.texts:
        kept, count, was_cut = first_tokens(text, context_tokens)
        if was_cut and not body.truncate:
            raise Refusal(400, "the input length exceeds the context length")
        fitted.append((kept, count))
    return fitted


def _vectors(fitted: list[tuple[str, int]], length: int, dimensions: int) -> list[list[float]]:
    vectors = [embed(text, length) for text, _ in fitted]
    if 0 < dimensions < length:
        return [normalised(vector[:dimensions]) for vector in vectors]
    return vectors


def _is_from_here(request: Request) -> bool:
    """A page in a browser must not reach a server on loopback, neither by its own origin nor by a name it controls."""
    origin, host = request.headers.get("origin"), request.headers.get("host")
    try:
        names = [urlsplit(url).hostname or "" for url in (origin, host and f"//{host}") if url]
    except ValueError:
        return False
    return all(_is_local(name) for name in names)


def _is_local(name: str) -> bool:
    if name == "localhost" or name.endswith(_LOCAL_SUFFIXES):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_private or address.is_unspecified
