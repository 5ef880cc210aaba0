"""chinwag for other programs: the same settings, servers, presets, conversations and documents, async, without a screen.

``tui`` hands these names on, each loaded when it is first asked for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any, Self

from tui.chat.choice import choose_model
from tui.chat.documents import Documents
from tui.chat.session import Session
from tui.conversations.control import Control
from tui.conversations.ids import is_id
from tui.conversations.values import Summary
from tui.engine import ChatMessage, ChatRequest, Chunk, Embeddings, Engine, EngineError, ErrorKind, FinalCounts, Model
from tui.failures import Failure
from tui.ollama.client import OllamaClient
from tui.ollama.requests import EmbedRequest
from tui.runs.asking import Answer, ask
from tui.runs.batch import USUAL_CONCURRENCY, Batch, BatchItem, BatchResult
from tui.runs.benchmark import Benchmark, BenchmarkPlan, CaseFigures, Round, figures_of
from tui.runs.comparison import Compared, Contender, compare
from tui.settings.options import ALSO_CALLED, OPTIONS
from tui.settings.presets import Preset
from tui.settings.schema import Value, check_value
from tui.settings.values import Settings
from tui.tools.declared import Tool
from tui.tools.permissions import Permissions
from tui.tools.rounds import chat_with_tools
from tui.tools.running import RunLimits, ToolResult, offered, run_tool_calls
from tui.workspace import StartOptions, Workspace

Prompt = str | Sequence[ChatMessage]
"""One prompt of a person, or messages with their roles."""


class Chinwag:
    """One server and everything that is kept, open while the ``async with`` lasts.

    Every method raises ``Failure`` (``EngineError`` for what the server says); ``ask`` and what runs over many prompts
    give failures as answers instead, so that one never ends the rest.
    """

    def __init__(
        self,
        *,
        host: str | None = None,
        is_demo: bool = False,
        is_private: bool = False,
        settings: Mapping[str, str] = MappingProxyType({}),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """``host`` is an address or a name from ``hosts.toml``; None: as the command finds it.

        ``is_demo`` answers from scripts, without a model. With it or ``is_private`` nothing is kept. ``settings`` win over
        the file, by name and as text: ``{"server.attempts": "5"}``.
        """
        self._options = StartOptions(host=host, is_demo=is_demo, is_private=is_private, settings=settings)
        self._environ = os.environ if environ is None else environ
        self._workspace: Workspace | None = None

    async def __aenter__(self) -> Self:
        workspace = await asyncio.to_thread(Workspace.prepare, self._options, environ=self._environ)
        try:
            await workspace.start()
        except BaseException:
            await workspace.close()
            raise
        self._workspace = workspace
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._workspace is not None:
            workspace, self._workspace = self._workspace, None
            await workspace.close()

    @property
    def workspace(self) -> Workspace:
        """All that is open. Raises ``RuntimeError`` outside of the ``async with``."""
        if self._workspace is None:
            raise RuntimeError("open it first: async with Chinwag() as chinwag")
        return self._workspace

    @property
    def client(self) -> OllamaClient:
        """The server itself: list, show, pull, push, create, copy, delete, load and unload models, generate, embed."""
        return self.workspace.client

    @property
    def settings(self) -> Settings:
        return self.workspace.loaded.settings

    @property
    def presets(self) -> Mapping[str, Preset]:
        """By name, those of the person and those that come along."""
        return self.workspace.steering.presets

    @property
    def documents(self) -> Documents:
        """The shelf of documents: ``add`` a file or folder, ``read_to_the_end``, then ``find`` passages.

        What ``find`` gives has them as ``extra_context``, for ``ask`` and the others.
        """
        return self.workspace.documents

    # One request

    async def request(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        preset: str = "",
        system: str | None = None,
        options: Mapping[str, Any] = MappingProxyType({}),
        think: bool | str | None = None,
        format: str | Mapping[str, Any] | None = None,  # noqa: A002  Ollama's own name for it
        keep_alive: float | str | None = None,
        images: Sequence[str] = (),
        extra_context: str = "",
        metadata: Mapping[str, Any] = MappingProxyType({}),
    ) -> ChatRequest:
        """What would be sent: what is not said comes from the preset, the model's own options and the settings.

        ``options`` by Ollama's names or chinwag's; 0 is a value. ``images`` are standard base64. ``extra_context`` goes
        before the prompt. Raises ``Failure`` for a preset or an option that cannot be, ``EngineError`` without a model.
        """
        workspace = self.workspace
        found = self.presets.get(preset)
        if preset and found is None:
            raise Failure(f"there is no preset {preset}", f"there are: {', '.join(sorted(self.presets))}")
        known, raw = _options_of(options)
        name = await self.model_for(model or (found.model if found is not None else "") or None)
        control = Control(preset=preset, system=system, options=known)
        generation = workspace.planner.generation(name, control)
        wanted = generation.format if format is None else format
        return ChatRequest(
            model=name,
            messages=_messages_of(
                prompt, workspace.steering.answering(control, name).system.value or "", images, extra_context
            ),
            options={**generation.options, **raw},
            think=generation.think if think is None else think,
            # Servers enforce a schema; the word alone some of them do not.
            format={"type": "object"} if wanted == "json" else wanted,
            keep_alive=generation.keep_alive if keep_alive is None else keep_alive,
            metadata=metadata,
        )

    async def ask(
        self,
        prompt: Prompt,
        *,
        model: str | None = None,
        timeout_seconds: float | None = None,
        allow_cloud: bool = False,
        pull_missing: bool = False,
        on_chunk: Callable[[Chunk], None] | None = None,
        **how: Any,
    ) -> Answer:
        """The whole answer with its figures; ``how`` is the rest of ``request``. What failed says so in the answer.

        ``on_chunk`` sees what comes as it comes. ``pull_missing`` fetches a model that is not there, then asks.
        Raises ``TimeoutError`` when the whole takes longer than ``timeout_seconds``; None waits.
        """
        async with asyncio.timeout(timeout_seconds):
            if pull_missing and model is not None:
                await self.pull(model, only_if_missing=True)
            request = await self.request(prompt, model=model, **how)
            return await ask(self._engine(allow_cloud), request, clock=self.workspace.clock, on_chunk=on_chunk)

    async def stream(
        self, prompt: Prompt, *, allow_cloud: bool = False, **how: Any
    ) -> AsyncGenerator[Chunk | FinalCounts, None]:
        """What comes as it comes, then its counts; ``how`` is the rest of ``request``.

        Close it (``contextlib.aclosing``) to stop the answer. Raises ``EngineError``.
        """
        request = await self.request(prompt, **how)
        async with aclosing(self._engine(allow_cloud).chat(request)) as parts:
            async for part in parts:
                yield part

    async def ask_with_tools(
        self,
        prompt: Prompt,
        tools: Iterable[Tool],
        *,
        allow: Iterable[str] = (),
        choice: str = "auto",
        rounds: int = 8,
        allow_cloud: bool = False,
        **how: Any,
    ) -> tuple[str, tuple[ToolResult, ...]]:
        """The text of the last answer, and what came of every call on the way to it.

        Nobody is asked: a tool that is not harmless runs only when ``allow`` names it. ``choice`` is ``auto``, ``none``
        or the only tool that is offered; no server enforces it. Raises ``EngineError``.
        """
        known = tuple(tools)
        harmless = frozenset(one.name for one in known if one.effect == "harmless")
        # Where nobody can be asked a rule and a name on a line are the same.
        permissions = Permissions(allowed=harmless, allowed_without_asking=frozenset(allow) | harmless)
        limits = RunLimits(rounds=rounds)

        async def run(calls: Any, number: int) -> tuple[ToolResult, ...]:
            return await run_tool_calls(calls, known, permissions, round_number=number, limits=limits)

        request = replace(await self.request(prompt, **how), tools=offered(known, choice=choice))
        text: list[str] = []
        results: list[ToolResult] = []
        turns = chat_with_tools(self._engine(allow_cloud).chat, request, run, limits=limits)
        async with aclosing(turns) as parts:
            async for part in parts:
                if isinstance(part, ToolResult):
                    results.append(part)
                    text.clear()
                elif isinstance(part, Chunk):
                    text.append(part.text)
        return "".join(text), tuple(results)

    async def embed(self, texts: str | Sequence[str], *, model: str) -> Embeddings:
        """A vector of length 1 for each text, in their order."""
        given = (texts,) if isinstance(texts, str) else tuple(texts)
        return await self.client.embed(EmbedRequest(model=model, texts=given))

    # Models

    async def models(self) -> tuple[Model, ...]:
        """As the server lists them at this moment."""
        return tuple(await self.workspace.catalog.refresh())

    async def model_for(self, name: str | None = None) -> str:
        """The model of this name as the server calls it; None: the one that the screen would take.

        A name that the server does not list stays as it is: it may have it all the same. Raises ``EngineError`` when
        there is none to choose from.
        """
        workspace = self.workspace
        models = await self.models()
        if name:
            found = workspace.find_model(name)
            return name if found is None else found.name
        chosen = await choose_model(
            models,
            workspace.catalog.running,
            preferred=(workspace.default_model,),
            capabilities_of=workspace.catalog.capabilities_of,
            same_model=workspace.same_model,
        )
        if chosen is None:
            raise EngineError(
                f"there is no model to ask on {workspace.host.name}",
                "none of them can chat",
                "pull one first",
                kind=ErrorKind.model_missing,
            )
        return chosen.name

    async def pull(self, name: str, *, only_if_missing: bool = False) -> None:
        """Returns when the server has it whole. ``client.pull_model`` tells how far it is."""
        if only_if_missing:
            await self.models()
            if self.workspace.find_model(name) is not None:
                return
        async with aclosing(self.client.pull_model(name)) as steps:
            async for _ in steps:
                pass

    # Many prompts

    async def batch(
        self, prompts: Sequence[str], *, concurrency: int = USUAL_CONCURRENCY, allow_cloud: bool = False, **how: Any
    ) -> tuple[BatchResult, ...]:
        """An answer for each prompt, in their order; ``how`` is the rest of ``request``."""
        results: dict[int, BatchResult] = {}
        async with aclosing(
            self.batch_results(prompts, concurrency=concurrency, allow_cloud=allow_cloud, **how)
        ) as found:
            async for one in found:
                results[one.item.index] = one
        return tuple(results[index] for index in sorted(results))

    async def batch_results(
        self, prompts: Sequence[str], *, concurrency: int = USUAL_CONCURRENCY, allow_cloud: bool = False, **how: Any
    ) -> AsyncGenerator[BatchResult, None]:
        """As ``batch``, each as it is there."""
        if not prompts:
            return
        # Which model it is and how it answers is the same for all: the server is asked for its list once.
        shared = await self.request("", **how)
        *before, last = shared.messages
        items = [
            BatchItem(index=index, request=replace(shared, messages=(*before, replace(last, text=last.text + prompt))))
            for index, prompt in enumerate(prompts)
        ]
        run = Batch(items, engines=[self._engine(allow_cloud)], clock=self.workspace.clock, concurrency=concurrency)
        async with aclosing(run.results()) as results:
            async for one in results:
                yield one

    async def compare(self, prompts: str | Sequence[str], contenders: Sequence[str]) -> tuple[Compared, ...]:
        """Every prompt to every contender, which are models or presets by name. Models in the cloud are refused."""
        asked = (prompts,) if isinstance(prompts, str) else tuple(prompts)
        known = [await self._contender(one) for one in contenders]
        found = compare(asked, known, engine=self._engine(allow_cloud=False), clock=self.workspace.clock)
        async with aclosing(found) as results:
            return tuple([one async for one in results])

    async def benchmark(
        self, plan: BenchmarkPlan, *, on_round: Callable[[Round], None] | None = None
    ) -> tuple[CaseFigures, ...]:
        """The figures of each case of the plan. Raises ``ValueError`` for a plan without a model or a round."""
        run = Benchmark(plan, engine=self.client, clock=self.workspace.clock)
        rounds: list[Round] = []
        async with aclosing(run.rounds()) as found:
            async for one in found:
                rounds.append(one)
                if on_round is not None:
                    on_round(one)
        return figures_of(rounds)

    # Conversations

    async def conversation(self, conversation_id: str | None = None, *, model: str | None = None) -> Session:
        """A new one, or the one of that id. ``ask`` it, then wait until it is ``settled``.

        It is on disk with its first prompt. Raises ``Failure`` when it is not there or cannot be read.
        """
        workspace = self.workspace
        if conversation_id is not None:
            if not is_id(conversation_id):
                raise Failure(f"there is no conversation {conversation_id}", "", "conversations() has their ids")
            session = await workspace.open_session(conversation_id)
            if model is not None:
                session.use_model(await self.model_for(model))
            return session
        return workspace.new_session(model=await self.model_for(model))

    async def conversations(self) -> tuple[Summary, ...]:
        """What is on disk, the newest first."""
        return (await self.workspace.shelf.summaries()).summaries

    # The rest

    def _engine(self, allow_cloud: bool) -> Engine:
        return self.workspace.engine if allow_cloud else self.workspace.guarded_engine

    async def _contender(self, name: str) -> Contender:
        is_preset = name in self.presets
        request = await self.request("", preset=name if is_preset else "", model=None if is_preset else name)
        system = "\n\n".join(one.text for one in request.messages if one.role == "system")
        return Contender(
            name=name,
            model=request.model,
            system=system,
            options=request.options,
            think=request.think,
            format=request.format,
            keep_alive=request.keep_alive,
            preset=name if is_preset else "",
        )


def ask_once(prompt: Prompt, *, host: str | None = None, is_demo: bool = False, **how: Any) -> Answer:
    """``Chinwag.ask`` as a plain call, for a program that is not async; it opens and closes everything."""

    async def whole() -> Answer:
        async with Chinwag(host=host, is_demo=is_demo) as chinwag:
            return await chinwag.ask(prompt, **how)

    return asyncio.run(whole())


def _messages_of(prompt: Prompt, system: str, images: Sequence[str], extra_context: str) -> tuple[ChatMessage, ...]:
    if isinstance(prompt, str):
        text = f"{extra_context}\n\n{prompt}" if extra_context else prompt
        given: tuple[ChatMessage, ...] = (ChatMessage(role="user", text=text, images=tuple(images)),)
    else:
        given = tuple(prompt)
    if not system or any(one.role == "system" for one in given):
        return given
    return (ChatMessage(role="system", text=system), *given)


def _options_of(options: Mapping[str, Any]) -> tuple[dict[str, Value], dict[str, Any]]:
    """Those that chinwag has a setting for, checked and by its names, and the others as they are given."""
    known: dict[str, Value] = {}
    raw: dict[str, Any] = {}
    for name, value in options.items():
        setting = OPTIONS.get(ALSO_CALLED.get(name, name))
        if setting is None:
            raw[name] = value
        else:
            known[setting.key] = check_value(setting, value)
    return known, raw
