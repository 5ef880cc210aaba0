"""Manners: others who use the same server are not disturbed without a word, and nothing is loaded twice."""

from __future__ import annotations

import asyncio

from tui.app.screens.chat_models import NAME_CELLS, ChatModels
from tui.app.screens.question import Question
from tui.chat.events import AnswerEnded, SessionEvent
from tui.chat.manners import Disturbance, Effect, disturbance
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.control import Control
from tui.engine import EngineError
from tui.metrics.wording import context_text
from tui.ollama.fits import memory_need

LEAST_CONTEXT_TOKENS = 4096
"""What a server gives a model at the least when nobody says how much."""


class ChatManners(ChatModels):
    """Asks before a prompt changes what others have loaded, and loads a chosen model early if it is wanted."""

    _prewarming: asyncio.Task[None] | None = None
    _agreed: set[tuple[object, ...]]
    """What was said, and agreed to."""
    _own_models: dict[tuple[str, str], int | None]
    """By server and model, the context of what this chinwag had loaded."""
    _just_answered: str = ""
    """The model of an answer after which nobody has looked yet what is in memory."""

    async def begin(self) -> None:
        self._agreed = set()
        self._own_models = {}
        await super().begin()

    def _heard(self, event: SessionEvent) -> None:
        if isinstance(event, AnswerEnded) and event.failure is None:
            self._just_answered = event.message.model
        super()._heard(event)

    # Loading before the first prompt

    def model_chosen(self, name: str) -> None:
        """What was chosen before is not loaded any more: closing its request takes the load with it."""
        if self._prewarming is not None:
            self._prewarming.cancel()
            self._prewarming = None
        if self._workspace.loaded.settings.chat.loads_chosen_model and not self._workspace.is_cloud(name):
            self._prewarming = self.in_background(self._load_chosen(name, self._session.conversation.control))

    async def _load_chosen(self, name: str, control: Control) -> None:
        """Nobody asked for it in words, so nobody else is disturbed for it."""
        workspace = self._workspace
        try:
            if await self._disturbance(name, control) is not None:
                return
            await workspace.client.prewarm(workspace.planner.loading_request(name, control))
            await workspace.catalog.refresh_running()
        except EngineError as failure:
            self.say_failure(failure)
            return
        self._note_own(name)
        self.show_status()

    # Manners

    async def _may_send(self, session: Session, model: str = "") -> bool:
        return await super()._may_send(session, model) and await self._may_disturb(session, model)

    async def _may_disturb(self, session: Session, model: str) -> bool:
        """What others have loaded is not loaded anew or pushed out without a word; said once for each case."""
        if not self._workspace.loaded.settings.server.asks_before_reload:
            return True
        try:
            name = model or session.conversation.model
            found = await self._disturbance(name, session.conversation.control)
        except EngineError:
            return True
        if found is None:
            return True
        loaded = tuple((one.name, one.context_tokens) for one in found.loaded)
        case = (self._workspace.host.url, found.effect, found.wanted_context_tokens, loaded)
        if case in self._agreed:
            return True
        answer = await self.answer_to(self._manners_question(name, found))
        if answer == "take" and found.effect is Effect.reload:
            conversation = session.conversation
            tokens = found.loaded[0].context_tokens
            self._workspace.planner.take_over_context(name, tokens, conversation.control)
        elif answer == "take" and model:
            other = clean_line(found.loaded[0].name, NAME_CELLS)
            self.reply("not asked", more=f"/regenerate {other} asks the one that is loaded")
            return False
        elif answer == "take":
            await self.use_model(found.loaded[0].name)
        elif answer == "send":
            self._agreed.add(case)
        return answer in ("take", "send")

    async def _disturbance(self, name: str, control: Control) -> Disturbance | None:
        """Asks the server only where the answer could matter. Raises ``EngineError``."""
        workspace, catalog = self._workspace, self._workspace.catalog
        wanted = workspace.planner.wanted_context_tokens(name, control)
        if wanted is None and (await workspace.free_memory()).gpu_bytes is None:
            return None
        if catalog.models is None:
            await catalog.refresh()
        model = workspace.find_model(name)
        if model is None or model.is_cloud:
            return None
        running = await catalog.refresh_running()
        free = await workspace.free_memory()
        if free.gpu_bytes is not None:
            # What its context takes comes with what it can do.
            await catalog.capabilities_of(model)
        shape, need = catalog.cache_shape(model), None
        if shape is not None:
            need = memory_need(
                shape,
                weights_bytes=model.size_bytes or 0,
                context_tokens=wanted or LEAST_CONTEXT_TOKENS,
                trained_context_tokens=model.trained_context_tokens,
            )
        return disturbance(
            name,
            wanted_context_tokens=wanted,
            trained_context_tokens=model.trained_context_tokens,
            running=running,
            need=need,
            free=free,
            ours={model: context for (host, model), context in self._own_models.items() if host == workspace.host.url},
            same_model=workspace.same_model,
        )

    def _manners_question(self, model: str, found: Disturbance) -> Question:
        loaded = found.loaded[0]
        name, other = clean_line(model, NAME_CELLS), clean_line(loaded.name, NAME_CELLS)
        if found.effect is Effect.reload:
            has, wants = context_text(loaded.context_tokens or 0), context_text(found.wanted_context_tokens or 0)
            title = f"{name} is loaded with a context of {has}"
            lines: tuple[str, ...] = (
                f"This prompt asks for {wants}, so the server may load it again.",
                "Whoever else uses it waits for that, and gets the other context.",
            )
            take = f"use its {has} from here on"
        else:
            more = f" and {len(found.loaded) - 1} more" if len(found.loaded) > 1 else ""
            title = f"there may be no room for {name} beside {other}{more}"
            whose = "them" if more else "it"
            lines = (f"{other}{more} may be pushed out of memory.", f"Somebody else loaded {whose}.")
            take = f"ask {other} instead"
        return Question(
            title=title,
            lines=lines,
            answers=(("stay", "do not send"), ("take", take), ("send", "send all the same")),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )

    def _note_own(self, name: str) -> None:
        """What was just loaded or used for this chinwag, with the context that it has."""
        running = self._workspace.running_model(name)
        if running is not None:
            self._own_models[self._workspace.host.url, running.name] = running.context_tokens

    async def _read_running(self) -> None:
        await super()._read_running()
        answered, self._just_answered = self._just_answered, ""
        if answered:
            self._note_own(answered)
