"""The same prompt to several models or presets, side by side; the answer that is kept goes into the conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tui.app.attached_text import taken_apart
from tui.app.commands.command import Command
from tui.app.screens.chat_models import NAME_CELLS
from tui.app.screens.chat_statistics import ChatStatistics
from tui.chat.comparing import MOST_ANSWERERS, Answerer, Column, ComparedPrompt, Comparison, new_prompt, repeated_prompt
from tui.chat.running_order import RunningOrder, WantedModel, running_order
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.values import Conversation, Message, Role
from tui.engine import EngineError, Model
from tui.metrics.wording import plural
from tui.ollama.fits import memory_need
from tui.theming.nearest import nearest

if TYPE_CHECKING:
    from tui.app.screens.compare import CompareScreen

PRESET_MARK = "@"
"""``@precise`` is a preset, ``qwen3:8b@precise`` a model under it."""
USUAL_CONTEXT_TOKENS = 4096
"""What a server loads a model with when nobody says."""


class ChatCompare(ChatStatistics):
    """A comparison is a screen on top of the conversation; the conversation changes when an answer is kept."""

    _compare_screen: CompareScreen | None = None
    """While one is open."""

    async def action_compare(self, argument: str = "") -> None:
        """``argument``: who else answers, and on further lines the prompt; without it that of the prompt, or the last."""
        names, _, text = argument.partition("\n")
        if reason := self._why_not_compare():
            self.reply(reason, role="warning")
            return
        if text.strip():
            # Nothing is lost should no answer be kept.
            self.prompt.load(text.strip(), is_restored=True)
            self._keep_draft(self._session)
        session = self._session
        if not session.conversation.model and not await self._have_model(session):
            return
        if not names.strip():
            await self._pick_answerers()
        elif (prompt := await self._compared_prompt(session)) is not None:
            await self._compare(session, prompt, names.split())
        else:
            self.prompt.load(f"/compare {names.strip()}\n")
            self.reply("there is no prompt yet", more="write it below and press enter", role="warning")

    def _why_not_compare(self) -> str:
        session = self._session
        if session.is_read_only:
            return "this conversation is open in another chinwag"
        return "an answer is under way" if session.is_answering else ""

    async def _compared_prompt(self, session: Session) -> ComparedPrompt | None:
        """What is written, with what is attached to it; else the last prompt of the conversation."""
        text, attached = taken_apart(await self.made_whole(session, self._text_before_command))
        if not text and not attached:
            return repeated_prompt(session.conversation)
        workspace = self._workspace
        message = Message(
            id=workspace.random_bytes(6).hex(),
            role=Role.user,
            text=text,
            at=workspace.now(),
            attachments=attached,
        )
        return new_prompt(session.conversation, message)

    # Who answers

    async def _pick_answerers(self) -> None:
        from tui.app.screens.compare_picker import Candidate, ComparePicker

        workspace, session = self._workspace, self._session
        if workspace.catalog.models is None:
            with suppress(EngineError):
                await workspace.catalog.refresh()
        first = session.conversation.model
        models = [one for one in workspace.catalog.models or () if _can_chat(one)]
        # The one that answers anyway may answer twice, but that is seldom meant.
        models.sort(key=lambda one: (workspace.same_model(one.name, first), workspace.running_model(one.name) is None))
        candidates = [
            Candidate(
                word=one.name,
                name=one.name,
                more=clean_line(one.parameter_size, 10),
                right="answers already" if workspace.same_model(one.name, first) else self._loaded_word(one.name),
                is_cloud=workspace.is_cloud(one.name),
            )
            for one in models
        ]
        candidates += [
            Candidate(word=f"{PRESET_MARK}{one.name}", name=f"{PRESET_MARK}{one.name}", more=one.about, right="preset")
            for one in workspace.steering.presets.values()
        ]

        def chosen(names: str | None) -> None:
            if names:
                self.in_background(self.action_compare(names))

        self.app.push_screen(
            ComparePicker(
                first=first,
                candidates=candidates,
                most=MOST_ANSWERERS - 1,
                find_unable=self._find_unable,
                theme=self._theme,
                glyphs=self._glyphs,
            ),
            chosen,
        )

    async def _find_unable(self, tell: Callable[[str], None]) -> None:
        """What a model can do is asked for where it is not known."""

        def asked(model: Model) -> None:
            if not _can_chat(model):
                tell(model.name)

        await self._workspace.catalog.fill_in(asked)

    def _loaded_word(self, name: str) -> str:
        return "loaded" if self._workspace.running_model(name) is not None else ""

    def _answerer(self, name: str) -> Answerer | None:
        """By what stands behind ``/compare``; None for a preset that there is not. A model needs not be there."""
        workspace, own = self._workspace, self._session.conversation.model
        presets = workspace.steering.presets
        found = workspace.find_model(name)
        if found is not None:
            return self._model_answerer(found.name)
        model, mark, preset = name.partition(PRESET_MARK)
        if not mark and name not in presets:
            return self._model_answerer(self._completed(name))
        chosen = presets.get(preset if mark else name)
        if chosen is None:
            more = "/preset shows them"
            words = f"there is no preset {clean_line(preset, 40)}{nearest(preset, presets)}"
            self.reply(words, role="warning", more=more)
            return None
        answerer = self._model_answerer(self._completed(model) if mark and model else chosen.model or own)
        return replace(answerer, preset=chosen.name)

    def _completed(self, name: str) -> str:
        """The one model of the server whose name begins so; where there are more, or none, the name itself."""
        found = [one.name for one in self._workspace.catalog.models or () if one.name.startswith(name)]
        return found[0] if len(found) == 1 else name

    def _model_answerer(self, name: str) -> Answerer:
        known = self._workspace.find_model(name)
        name = name if known is None else known.name
        return Answerer(model=name, is_cloud=self._workspace.is_cloud(name))

    async def _compare(self, session: Session, prompt: ComparedPrompt, names: Sequence[str]) -> None:
        if len(names) >= MOST_ANSWERERS:
            words = f"{plural(MOST_ANSWERERS, 'answer')} fit side by side"
            self.reply(words, role="warning", more=f"name up to {MOST_ANSWERERS - 1}; {MOST_ANSWERERS} with this model")
            return
        if self._workspace.catalog.models is None:
            with suppress(EngineError):
                await self._workspace.catalog.refresh()
        answerers = [self._model_answerer(session.conversation.model)]
        for name in names:
            answerer = self._answerer(name)
            if answerer is None:
                return
            answerers.append(answerer)
        is_kept = not self._workspace.is_private(session)
        for answerer in answerers:
            if not await self.may_leave_machine(answerer.model, is_kept=is_kept):
                return
        order = await self._running_order(prompt.conversation, answerers)
        if session is self._session and self.is_current and not self._why_not_compare():
            self._open_comparison(session, prompt, answerers, order)

    # At once or one after the other

    async def _running_order(self, conversation: Conversation, answerers: Sequence[Answerer]) -> RunningOrder:
        workspace = self._workspace
        with suppress(EngineError):
            await workspace.catalog.refresh_running()
        wanted = [await self._wanted(conversation, one) for one in answerers]
        is_here = workspace.host.is_loopback and not workspace.is_demo
        machine = await workspace.machine.read() if is_here else None
        return running_order(
            wanted,
            running=workspace.catalog.running,
            free=await workspace.free_memory(),
            gpus=len(machine.gpus) if machine is not None and machine.gpus else None,
            same_model=workspace.same_model,
        )

    async def _wanted(self, conversation: Conversation, answerer: Answerer) -> WantedModel:
        """What the model takes with the window that it will be asked with."""
        workspace = self._workspace
        control = conversation.control
        control = replace(control, preset=answerer.preset or control.preset)
        tokens = workspace.planner.wanted_context_tokens(answerer.model, control)
        needed: int | None = None
        model = workspace.find_model(answerer.model)
        if model is not None and not answerer.is_cloud and model.size_bytes:
            await workspace.catalog.capabilities_of(model)
            shape = workspace.catalog.cache_shape(model)
            need = None
            if shape is not None:
                need = memory_need(
                    shape,
                    weights_bytes=model.size_bytes,
                    context_tokens=tokens or USUAL_CONTEXT_TOKENS,
                    trained_context_tokens=model.trained_context_tokens,
                )
            needed = model.size_bytes if need is None else need.total_bytes
        return WantedModel(name=answerer.model, is_cloud=answerer.is_cloud, needed_bytes=needed, context_tokens=tokens)

    # Side by side

    def _open_comparison(
        self, session: Session, prompt: ComparedPrompt, answerers: Sequence[Answerer], order: RunningOrder
    ) -> None:
        from tui.app.screens.compare import CompareScreen

        workspace = self._workspace
        appearance = workspace.loaded.settings.appearance
        comparison = Comparison(
            prompt,
            answerers,
            session_for=partial(workspace.session_beside, is_private=session.is_private),
            is_at_once=order.is_at_once,
        )

        def closed(_number: int | None) -> None:
            self._compare_screen = None
            self.in_background(comparison.close())

        self._compare_screen = CompareScreen(
            comparison,
            order=order,
            theme=self._theme,
            glyphs=self._glyphs,
            host_name=workspace.host.name,
            prose_width_columns=appearance.prose_width_columns,
            wraps_code=appearance.wraps_code,
            keep=partial(self._keep_compared, session, prompt),
            copy=self._copy_answer,
            pull=self._pulled,
            pulled_share=self._pulled_share,
            clock=workspace.clock,
        )
        self.app.push_screen(self._compare_screen, closed)

    def quit_unless_unsaved(self) -> None:
        """Answers that nobody has kept are lost with it, and that is asked first."""
        if self._compare_screen is None:
            super().quit_unless_unsaved()
        else:
            self._compare_screen.leave_for(super().quit_unless_unsaved)

    async def _copy_answer(self, text: str, what: str) -> str:
        delivery = await self.deliver(text, what)
        return f" {self._glyphs.separator} ".join(filter(None, (delivery.words(what), delivery.doubt)))

    def _pulled_share(self, name: str) -> float | None:
        return next((one.share for one in self._workspace.pulls.running if one.model == name), None)

    def _keep_compared(self, session: Session, prompt: ComparedPrompt, column: Column) -> None:
        """The conversation goes on with whoever gave the answer. Raises ``Failure``."""
        session.take_over(prompt.message if prompt.is_new else None, column.messages)
        answerer = column.answerer
        session.use_model(answerer.model)
        if answerer.preset:
            session.use_control(replace(session.conversation.control, preset=answerer.preset))
        if session is not self._session:
            return
        asked = prompt.message
        if prompt.is_new and taken_apart(self._text_before_command) == (asked.text, asked.attachments):
            self.prompt.load("")
        self._keep_draft(session)
        self.show_session(session)
        self.in_background(self._read_running())
        preset = f" under {clean_line(answerer.preset, 24)}" if answerer.preset else ""
        self.reply(f"kept; it goes on with {clean_line(answerer.model, NAME_CELLS)}{preset}", role="success")

    # What there is to say about it

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        if command.name != "compare":
            return super().choices_for(command)
        models = tuple((one.name, one.parameter_size) for one in self._workspace.catalog.models or () if _can_chat(one))
        presets = self._workspace.steering.presets.values()
        return (*models, *((f"{PRESET_MARK}{one.name}", one.about or "a preset") for one in presets))

    def why_not(self, command: Command) -> str:
        return self._why_not_compare() if command.name == "compare" else super().why_not(command)


def _can_chat(model: Model) -> bool:
    return model.capabilities is None or "completion" in model.capabilities
