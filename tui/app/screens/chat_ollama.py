"""The words of Ollama's own prompt: they do what they do there, or say what there is in their place."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import replace

from tui.app.commands.command import Command
from tui.app.commands.ollama_words import SECTIONS, SET_WORDS, Instead, meant_by_set, meant_by_show
from tui.app.screens.chat_models import HOST_CELLS, NAME_CELLS, NEWS_SECONDS
from tui.app.screens.chat_unsaved import ChatUnsaved
from tui.app.screens.question import Question
from tui.chat.fitting import Plan, shown
from tui.chat.request import build_request
from tui.cleaning import clean_line
from tui.conversations.values import Conversation, Message, Role
from tui.engine import ChatMessage, EngineError
from tui.metrics.wording import plural
from tui.ollama.requests import CreateRequest


class ChatOllama(ChatUnsaved):
    """None of these words ever goes to a model as a prompt."""

    async def action_set_as_in_ollama(self, argument: str = "") -> None:
        meant = meant_by_set(argument)
        if isinstance(meant, Instead):
            self._say_instead(meant)
        else:
            await self.do_command(meant.action, meant.argument)

    async def action_show_as_in_ollama(self, argument: str = "") -> None:
        meant = meant_by_show(argument)
        if isinstance(meant, Instead):
            self._say_instead(meant)
        else:
            await self.do_command(meant.action, meant.argument)

    def _say_instead(self, instead: Instead) -> None:
        self.reply(instead.words, role="warning", more=instead.more)

    def action_show_model(self, section: str = "") -> None:
        """Everything about the conversation's model, from ``section`` on."""
        from tui.app.screens.models_details import ModelScreen

        workspace = self._workspace
        if section == "system" and (system := self._answering.system.value):
            self.reply(f"system prompt: {clean_line(system, 200)}", more="/system changes it", seconds=NEWS_SECONDS)
            return
        model = workspace.find_model(self._session.conversation.model)
        if model is None:
            name = clean_line(self._session.conversation.model, NAME_CELLS)
            words = f"{name} is not on {clean_line(workspace.host.name, HOST_CELLS)}" if name else "no model is chosen"
            self.reply(words, role="warning", more="/model shows those that are")
            return

        def closed(name: str | None) -> None:
            if name:
                self.in_background(self.use_model(name))

        self.app.push_screen(
            ModelScreen(
                theme=self._theme,
                glyphs=self._glyphs,
                host_name=workspace.host.name,
                model=model,
                running=workspace.catalog.running,
                same_model=workspace.same_model,
                work=self.model_work(),
                now=workspace.now,
                clock=workspace.clock,
                section=section,
            ),
            closed,
        )

    async def action_save_model(self, name: str = "") -> None:
        """Makes a model of how this conversation answers and of what was said, after a question."""
        name, workspace, conversation = name.strip(), self._workspace, self._session.conversation
        if not name or any(letter.isspace() for letter in name):
            self.reply("a model needs a name of one word", role="warning", more="/save my-model")
            return
        if not conversation.model:
            self.reply("no model is chosen", role="warning", more="/model shows those that are there")
            return
        client, session = workspace.client, self._session
        if await self.answer_to(self._question_about_saving(name)) != "make":
            return
        plan = workspace.planner.plan(conversation, conversation.model)
        messages = await asyncio.to_thread(_messages, conversation, plan)
        request = CreateRequest(
            model=name,
            source_model=conversation.model,
            system=plan.system,
            parameters=workspace.planner.generation(conversation.model, conversation.control).options,
            messages=messages,
            metadata={"conversation": session.id},
        )
        called = clean_line(name, NAME_CELLS)
        self.say(f"making {called}", seconds=None, about="saving a model")
        try:
            async with aclosing(client.create_model(request)) as steps:
                async for _ in steps:
                    pass
            await workspace.catalog.refresh()
        except EngineError as failure:
            self._sayings.say_failure(failure, about="saving a model")
            return
        host = clean_line(workspace.host.name, HOST_CELLS)
        more = f"/load {called} goes on from here"
        self.say(f"{called} is on {host}", role="success", more=more, seconds=NEWS_SECONDS, about="saving a model")

    def _question_about_saving(self, name: str) -> Question:
        workspace, conversation = self._workspace, self._session.conversation
        shown, host = clean_line(name, NAME_CELLS), clean_line(workspace.host.name, HOST_CELLS)
        said = plural(len(conversation.messages), "message")
        lines = [
            f"It is made of {clean_line(conversation.model, NAME_CELLS)}, with the system prompt and the options that hold here",
            f"and the {said} of this conversation. Whoever uses that server can read them.",
        ]
        if workspace.find_model(name) is not None:
            lines.append("There is a model of that name: it is replaced, and that has no undo.")
        return Question(
            title=f"make a model {shown} on {host}?",
            lines=tuple(lines),
            answers=(("stay", "leave it"), ("make", "make it")),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=workspace.clock,
        )

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        match command.name:
            case "ollama.set":
                return SET_WORDS
            case "ollama.show":
                return tuple((one, "") for one in SECTIONS)
            case _:
                return super().choices_for(command)


def _messages(conversation: Conversation, plan: Plan) -> tuple[ChatMessage, ...]:
    """What the model is shown, the last answer too: a request would leave that out if nothing stood behind it."""
    seen = shown(conversation, conversation.model, replace(plan, system=""))
    end = Message(id="end", role=Role.user, text="", at=conversation.updated_at)
    return build_request(replace(conversation, messages=(*seen, end)), model=conversation.model).messages[:-1]
