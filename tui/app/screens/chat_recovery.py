"""The conversation when a model runs out of memory or is loaded and silent: what can be tried, and trying it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing, suppress

from tui.app.commands.command import Command
from tui.app.screens.chat_models import NAME_CELLS, NEWS_SECONDS
from tui.app.screens.chat_shared import ChatShared
from tui.app.screens.models_work import and_words
from tui.app.screens.question import Question
from tui.chat.events import AnswerEnded, AnswerSeemsStuck, SessionEvent
from tui.chat.recovery import (
    Helped,
    Recovering,
    changes_something,
    is_out_of_memory,
    steps_to_try,
    try_steps,
    unload_and_ask_again,
)
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.engine import EngineError, RunningModel
from tui.failures import Failure
from tui.ollama.recovery import Remedy, Step

STUCK_SECONDS = 30.0
Keys = tuple[tuple[str, str], ...]


class ChatRecovery(ChatShared):
    """Nothing of somebody else's is unloaded unasked, unless the settings say so."""

    _recovering: set[str]
    """The sessions where something is being tried."""
    _before: dict[str, tuple[RunningModel, ...]]
    """By session, what was in memory as far as anybody knew when a model ran out of it."""

    async def begin(self) -> None:
        self._recovering = set()
        self._before = {}
        await super().begin()

    # Out of memory

    def _told(self, session: Session, event: SessionEvent) -> None:
        if isinstance(event, AnswerEnded) and is_out_of_memory(event.failure) and self._has_widgets:
            # Before anybody asks what is in memory after it.
            self._before[session.id] = self._workspace.catalog.running
        super()._told(session, event)
        if isinstance(event, AnswerEnded) and is_out_of_memory(event.failure) and self._has_widgets:
            self._offer_recovery(session)

    def _offer_recovery(self, session: Session) -> None:
        policy = self._workspace.loaded.settings.server.recovers_from_memory
        if policy == "never" or session.id in self._recovering or session.is_read_only:
            return
        is_looked_at = session is self._session and self.is_current and self.prompt.is_empty
        if policy == "auto" or is_looked_at:
            self.in_background(self._recover(session, asks=policy == "ask"))
        elif session is self._session:
            name = clean_line(session.conversation.model, NAME_CELLS)
            self.say(f"{name} ran out of memory", role="warning", more="/recover shows what can be tried", seconds=None)

    def action_recover_memory(self) -> None:
        if reason := self._why_no_recovery():
            self.reply(reason)
        else:
            self.in_background(self._recover(self._session, asks=True))

    def _why_no_recovery(self) -> str:
        session = self._session
        if session.id in self._recovering:
            return "something is being tried"
        if not is_out_of_memory(session.last_failure) or not session.can_try_again():
            return "nothing ran out of memory here"
        return ""

    async def _recover(self, session: Session, *, asks: bool) -> None:
        failure, model = session.last_failure, session.conversation.model
        if not isinstance(failure, EngineError) or session.id in self._recovering:
            return
        self._recovering.add(session.id)
        try:
            workspace = self._workspace
            steps = await steps_to_try(
                failure,
                model=model,
                options=workspace.planner.generation(model, session.conversation.control).options,
                before=self._before.pop(session.id, ()),
                client=workspace.client,
            )
            if asks and steps:
                steps = await self._chosen_steps(model, steps)
                if not steps:
                    return
            await self._try_steps(session, model, steps)
        finally:
            self._recovering.discard(session.id)

    async def _chosen_steps(self, model: str, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """What the person agrees to."""
        client: Recovering = self._workspace.client
        others = tuple(step for step in steps if step.remedy is Remedy.unload_others)
        shared = [line for step in others for name in step.unload if (line := await self._sharing_words(client, name))]
        lines = [
            "It can be tried, one after the other:",
            *(f"  {number}  {step.words}" for number, step in _counted(steps)),
        ]
        if others:
            lines += [*shared, "Somebody else may be using what is unloaded."]
        gentle = (("gentle", "try these, and unload nothing"),) if others and len(steps) > len(others) else ()
        question = Question(
            title=f"{clean_line(model, NAME_CELLS)} ran out of memory",
            lines=tuple(lines),
            answers=(("stay", "leave it"), ("try", "try these"), *gentle),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        match await self.answer_to(question):
            case "try":
                return steps
            case "gentle":
                return tuple(step for step in steps if step not in others)
            case _:
                return ()

    async def _try_steps(self, session: Session, model: str, steps: tuple[Step, ...]) -> None:
        workspace = self._workspace
        url, client, name = workspace.host.url, workspace.client, clean_line(model, NAME_CELLS)

        def is_wanted() -> bool:
            return workspace.host.url == url and session.conversation.model == model

        trying = try_steps(
            session,
            steps,
            client=client,
            use_options=lambda options: workspace.planner.use_memory_options(model, options, host_url=url),
            is_wanted=is_wanted,
        )
        async with aclosing(trying):
            async for one in trying:
                if isinstance(one, Helped):
                    until = "" if one.step.remedy is Remedy.unload_others else ", until chinwag ends"
                    more = f"{one.step.words}{until}"
                    self.say(f"{name} fits", role="success", more=more, seconds=NEWS_SECONDS)
                else:
                    more = "asking again" if changes_something(one) else ""
                    self.say(f"{name}: {one.words}", role="foreground", more=more, seconds=NEWS_SECONDS)
        if is_wanted() and is_out_of_memory(session.last_failure):
            tried = ", ".join(step.words for step in steps)
            self.say_failure(
                Failure(f"{name} does not fit", f"tried: {tried}" if tried else "", "choose a smaller model")
            )
        self.show_status()

    # Loaded and silent

    def _heard(self, event: SessionEvent) -> None:
        super()._heard(event)
        if isinstance(event, AnswerSeemsStuck):
            stuck = event.stuck
            key = self._keymap.sentence("answer.unload_and_again", "unloads it and asks again")
            more = " · ".join(filter(None, (stuck.message, key)))
            self.say(stuck.title, role="warning", more=more, seconds=STUCK_SECONDS)

    async def action_unload_and_again(self) -> None:
        session, client = self._session, self._workspace.client
        answer = session.answer_so_far()
        if reason := self._why_no_unloading():
            self.reply(reason)
            return
        name = clean_line(answer.model if answer else "", NAME_CELLS)
        sharing = await self._sharing_words(client, answer.model if answer else "")
        self.reply(f"unloading {name}", more=sharing)
        taken = await unload_and_ask_again(session, client=client)
        if taken is None:
            self.reply("the answer has begun")
        elif taken.errors:
            self.say_failure(taken.errors[0], is_reply=True)
        elif taken.still_loaded:
            self.reply(f"{name} is still loaded, it answers somebody", role="warning", more="asked again all the same")
        else:
            self.reply(f"unloaded {name}", more="asked again")
        self.show_status()

    def _why_no_unloading(self) -> str:
        session = self._session
        answer = session.answer_so_far()
        if answer is None or session.is_read_only:
            return "no answer is under way"
        if answer.text or answer.thinking or answer.tool_calls:
            return "the answer has begun"
        return "it runs in the cloud" if self._workspace.is_cloud(answer.model) else ""

    async def _sharing_words(self, client: Recovering, name: str) -> str:
        """What leaves memory together with a model; empty when nothing does, or nobody knows."""
        names: tuple[str, ...] = ()
        with suppress(EngineError):
            names = await client.namesakes(name)
        if not names:
            return ""
        return f"{and_words(names)} {'shares' if len(names) == 1 else 'share'} its memory"

    def _useful_keys(self) -> Keys:
        keys = super()._useful_keys()
        stuck = self._session.stuck if self._session.is_answering else None
        return keys if stuck is None else (*self._keymap.hint("answer.unload_and_again", "unload, again"), *keys)

    def why_not(self, command: Command) -> str:
        match command.name:
            case "answer.recover":
                return self._why_no_recovery()
            case "answer.unload_and_again":
                return self._why_no_unloading()
            case _:
                return super().why_not(command)


def _counted(steps: Iterable[Step]) -> Iterable[tuple[int, Step]]:
    return enumerate(steps, start=1)
