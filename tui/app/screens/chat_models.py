"""The conversation's models: choosing, pulling, unloading, and what to do when one is not there."""

from __future__ import annotations

from dataclasses import replace

from tui.app.screens.chat_reading import ChatReading
from tui.app.screens.models_work import ModelWork, and_words
from tui.app.screens.question import Question
from tui.app.widgets.status_line import StatusView
from tui.chat.events import AnswerEnded, SessionEvent
from tui.chat.memory import FreeMemory
from tui.chat.pulls import Pull, PullState
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.engine import EngineError, ErrorKind, Host, Model, RunningModel
from tui.failures import Failure
from tui.ollama.runners import runner_of
from tui.theming.nearest import most_similar

FOR_GOOD = -1
"""A ``keep_alive`` that has no end."""
NAME_CELLS = 60
HOST_CELLS = 30
PULLED_NAME_CELLS = 24
NEWS_SECONDS = 20.0
"""What was waited for is said for long enough to be seen by somebody who looks elsewhere."""


class ChatModels(ChatReading):
    """The models of the server of this moment, from the conversation."""

    async def begin(self) -> None:
        await super().begin()
        self._workspace.pulls.on_change = self._pull_changed

    # Choosing

    async def action_choose_model(self, name: str = "") -> None:
        if name:
            await self._use_named_model(name)
            return
        from tui.app.screens.models import ModelPicker

        workspace, catalog = self._workspace, self._workspace.catalog

        async def refresh() -> tuple[tuple[Model, ...], tuple[RunningModel, ...]]:
            models = await catalog.refresh()
            return models, catalog.running

        def chosen(name: str | None) -> None:
            if name:
                self.in_background(self.use_model(name))

        picker = ModelPicker(
            theme=self._theme,
            glyphs=self._glyphs,
            host_name=workspace.host.name,
            current=self._session.conversation.model,
            models=catalog.models,
            running=catalog.running,
            same_model=workspace.same_model,
            last_used=workspace.usage.last_used(),
            now=workspace.now,
            refresh=refresh,
            fill_in=catalog.fill_in,
            work=self.model_work(),
            open_pulls=self._open_pulls,
            clock=workspace.clock,
        )
        self.app.push_screen(picker, chosen)

    def model_work(self) -> ModelWork:
        """What can be done with the models of the server of this moment."""
        workspace = self._workspace
        client, catalog = workspace.client, workspace.catalog
        control = self._session.conversation.control

        async def load(name: str) -> None:
            await client.prewarm(workspace.planner.loading_request(name, control))

        async def keep(name: str) -> None:
            await client.prewarm(workspace.planner.loading_request(name, control, keep_alive=FOR_GOOD))

        async def unload(name: str) -> tuple[str, ...]:
            namesakes = await client.namesakes(name)
            await client.unload_model(name)
            return namesakes

        async def delete(name: str) -> None:
            await client.delete_model(name)
            await catalog.refresh()

        async def free_memory() -> FreeMemory:
            return await workspace.free_memory()

        return ModelWork(
            details=catalog.details,
            running=catalog.refresh_running,
            load=load,
            keep=keep,
            unload=unload,
            namesakes=client.namesakes,
            copy=client.copy_model,
            delete=delete,
            pull=self.pull,
            cache_shape=catalog.cache_shape,
            free_memory=free_memory,
            context_tokens=lambda name: workspace.planner.wanted_context_tokens(name, control),
        )

    async def _use_named_model(self, name: str) -> None:
        """A server that cannot be asked is no reason to doubt the name."""
        workspace = self._workspace
        try:
            models = await workspace.catalog.refresh()
        except EngineError:
            await self.use_model(name)
            return
        model = workspace.find_model(name)
        if model is not None:
            await self.use_model(model.name)
            return
        similar = most_similar(name, [one.name for one in models])
        answer = await self._answer_about_missing(name, similar)
        if answer == "use":
            await self.use_model(similar)
        elif answer == "pull":
            session = self._session
            if await self._pulled(name) and session is self._session:
                await self.use_model(name)

    async def use_model(self, name: str) -> None:
        """For this conversation and for new ones."""
        session = self._session
        if session.is_read_only:
            self.reply("this conversation is open in another chinwag", role="warning", more="here it can only be read")
            return
        # What waits behind an answer leaves without another Enter.
        is_private = self._workspace.is_private(session)
        if session.queue and not await self.may_leave_machine(name, is_kept=not is_private):
            return
        session.use_model(name)
        self._is_news = False
        self.show_model()
        self.model_chosen(name)
        if is_private:
            return
        try:
            await self._workspace.make_default(name)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)

    def model_chosen(self, name: str) -> None:
        """The model of the next prompt is another one."""

    # Pulling

    def action_pull_model(self, name: str = "") -> None:
        if name:
            self.pull(name)
        else:
            self._open_pulls("")

    def pull(self, name: str) -> None:
        """Begins, or goes on; whoever is elsewhere hears of the end by a line."""
        self._workspace.pulls.begin(name, self._workspace.client)

    def _open_pulls(self, typed: str) -> None:
        from tui.app.screens.models_pulls import PullsScreen

        workspace = self._workspace
        self.app.push_screen(
            PullsScreen(
                theme=self._theme,
                glyphs=self._glyphs,
                host_name=workspace.host.name,
                pulls=workspace.pulls,
                begin=self.pull,
                typed=typed,
            )
        )

    def _do_seconds_run(self) -> bool:
        return super()._do_seconds_run() or bool(self._workspace.pulls.running)

    def _pulling_words(self) -> str:
        """``guest:4b 67 %``, or ``3 pulls 12 %`` by what is known of their sizes."""
        running = self._workspace.pulls.running
        if not running:
            return ""
        total_bytes = sum(one.total_bytes for one in running)
        share = f" {int(100 * sum(one.completed_bytes for one in running) / total_bytes)} %" if total_bytes else ""
        name = clean_line(running[0].model, PULLED_NAME_CELLS) if len(running) == 1 else f"{len(running)} pulls"
        return f"{self._glyphs.down} {name}{share}"

    def _status_view(self) -> StatusView:
        return replace(super()._status_view(), pulling=self._pulling_words())

    def _pull_changed(self, pull: Pull) -> None:
        name, host = clean_line(pull.model, NAME_CELLS), clean_line(pull.host.name, HOST_CELLS)
        match pull.state:
            case PullState.running:
                self.say(f"pulling {name} to {host}", more="/pull shows how far it is")
            case PullState.done:
                self.say(f"{name} is on {host}", role="success", seconds=NEWS_SECONDS)
                self.in_background(self._read_models_of(pull.host))
            case PullState.failed if pull.failure is not None:
                self.say_failure(pull.failure)
            case _:
                pass
        self.show_status()

    async def _read_models_of(self, host: Host) -> None:
        """The list has grown; somebody else's server is none of this conversation's business."""
        if self._workspace.host.url != host.url:
            return
        try:
            await self._workspace.catalog.refresh()
        except EngineError:
            return
        self.choose_model_soon()

    async def _answer_about_missing(self, name: str, similar: str = "") -> str | None:
        """``use`` is for the one called ``similar``, when there is one."""
        shown, host = clean_line(name, NAME_CELLS), clean_line(self._workspace.host.name, HOST_CELLS)
        use = (("use", f"use {clean_line(similar, NAME_CELLS)}"),) if similar else ()
        question = Question(
            title=f"there is no model {shown} on {host}",
            lines=(f"did you mean {clean_line(similar, NAME_CELLS)}?",)
            if similar
            else ("It can be pulled, if its name is right.",),
            answers=(("stay", "leave it"), *use, ("pull", f"pull {shown}, then go on")),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        return await self.answer_to(question)

    async def _pulled(self, name: str) -> bool:
        """Whether the model came. It takes as long as it takes."""
        workspace = self._workspace
        pull = workspace.pulls.begin(name, workspace.client)
        over = await workspace.pulls.ended(pull.key)
        if over.state is not PullState.done or workspace.host.url != over.host.url:
            return False
        try:
            await workspace.catalog.refresh()
        except EngineError:
            return False
        return True

    def _heard(self, event: SessionEvent) -> None:
        super()._heard(event)
        failure = event.failure if isinstance(event, AnswerEnded) else None
        if isinstance(failure, EngineError) and failure.kind is ErrorKind.model_missing:
            # It can be pulled, and the prompt asked again.
            self.in_background(self._pull_and_try_again(self._session))

    async def _pull_and_try_again(self, session: Session) -> None:
        name = session.conversation.model
        if self._workspace.is_cloud(name) or not self.is_current or not self.prompt.is_empty:
            self.say(
                f"{clean_line(name, NAME_CELLS)} is not on {clean_line(self._workspace.host.name, HOST_CELLS)}",
                role="warning",
                more="/pull brings it, enter on an empty prompt tries again",
                seconds=None,
            )
            return
        if await self._answer_about_missing(name) != "pull" or not await self._pulled(name):
            return
        if session.conversation.model == name and session.can_try_again():
            session.try_again()

    # Unloading

    async def action_unload_model(self, name: str = "") -> None:
        """The model of this conversation, or the one of that name."""
        workspace = self._workspace
        name = name or self._session.conversation.model
        shown = clean_line(name, NAME_CELLS)
        try:
            namesakes = await workspace.client.namesakes(name)
            if runner_of(name, await workspace.catalog.refresh_running(), namesakes) is None:
                self.reply(f"{shown or 'no model'} is not loaded")
                return
            await workspace.client.unload_model(name)
            running = await workspace.catalog.refresh_running()
        except EngineError as failure:
            self.say_failure(failure, is_reply=True)
            return
        more = f"and with it {and_words(namesakes)}" if namesakes else ""
        if runner_of(name, running, namesakes) is None:
            self.reply(f"unloaded {shown}", more=more)
        else:
            self.reply(f"{shown} leaves as soon as it has answered", more=more)
        self.show_status()
