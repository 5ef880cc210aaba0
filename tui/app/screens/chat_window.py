"""The conversation and its model's window: how full it is, and what is done about a prompt that does not fit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from tui.app.attached_text import taken_apart
from tui.app.commands.command import Command
from tui.app.screens.chat_models import NAME_CELLS, NEWS_SECONDS
from tui.app.screens.chat_recovery import ChatRecovery
from tui.app.screens.question import Question
from tui.app.widgets.status_line import StatusView
from tui.chat.context_window import Fit, Scale, WindowUse
from tui.chat.events import AnswerEnded, MessagesLeftOut, SessionEvent
from tui.chat.fitting import (
    Plan,
    dropped,
    ended_at_window,
    falls_out,
    left_out,
    scale_of,
    shown,
    was_window_cut,
    window_use,
)
from tui.chat.session import Session
from tui.chat.spelled_out import has_attachments, spelled_messages
from tui.chat.summing_up import sum_up, summary_request
from tui.cleaning import clean_line
from tui.conversations.values import Conversation, Message, Role
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure
from tui.metrics.wording import context_text, plural, tokens_text
from tui.ollama.fits import contexts_to_show, memory_need
from tui.settings.options import OPTIONS
from tui.settings.schema import parse_value

SHOWN_MESSAGES = 5
"""Of those that fall out; the rest is counted."""
MESSAGE_CELLS = 52
WHEN_FULL = ("ask", "drop", "summarise")


@dataclass(frozen=True, slots=True)
class _Measured:
    """The window without what is being written, which changes with every key."""

    conversation: Conversation
    model: str
    plan: Plan
    scale: Scale
    use: WindowUse


class ChatWindow(ChatRecovery):
    """Nothing is cut silently: what does not fit is shown, and the person chooses."""

    _measured: _Measured | None = None
    _summing: asyncio.Task[str] | None = None

    # How full it is

    def _status_view(self) -> StatusView:
        view = super()._status_view()
        window = self.window_now()
        is_empty = not self._session.conversation.messages and window.limit is None
        return view if is_empty else replace(view, window=window)

    @property
    def _typed(self) -> str:
        return self.prompt.text if self._has_widgets and not self._session.is_answering else ""

    def window_now(self) -> WindowUse:
        """Counted once for each state of the conversation; only what is being written is counted again."""
        conversation = self._session.conversation
        model = conversation.model
        plan = self._workspace.planner.plan(conversation, model)
        known = self._measured
        if known is None or known.conversation is not conversation or known.plan != plan:
            scale = scale_of(conversation, model, plan)
            use = window_use(conversation, model, plan, scale=scale)
            known = self._measured = _Measured(conversation=conversation, model=model, plan=plan, scale=scale, use=use)
        plain, attached = taken_apart(self._typed)
        return replace(known.use, added=known.scale.tokens_of(plain.strip(), attached))

    # Before a prompt leaves

    async def fits(self, session: Session, text: str, asked_of: Conversation | None = None) -> bool:
        if asked_of is None and (session.is_answering or session.queue):
            # What it will follow is not known yet; should it not fit then, that is told.
            return True
        conversation = asked_of or session.conversation
        plan = self._workspace.planner.plan(conversation, conversation.model)
        plain, attached = taken_apart(text)
        found = falls_out(conversation, conversation.model, plan, unsent=plain, attached=attached)
        return found is None or await self._make_fit(session, conversation, text, plan, found)

    def too_long(self) -> None:
        """The server counted, and says that it does not fit: the same choice, by its own numbers."""
        session, failure = self._session, self._session.last_failure
        is_counted = isinstance(failure, EngineError) and failure.kind is ErrorKind.context_exceeded
        if not is_counted or not self.prompt.is_empty or not self.is_current:
            super().too_long()
            return
        assert isinstance(failure, EngineError)
        limit, tokens = failure.context_tokens, failure.prompt_tokens
        prompt = session.give_back() if limit and tokens else None
        if prompt is None or not limit or not tokens:
            super().too_long()
            return
        text = self.written_again(prompt)
        self._unsent.setdefault(session.id, []).append(text)
        self._keep_draft(session)
        if not session.conversation.messages:
            self.show_transcript()
        self.in_background(self._choose_after_refusal(session, text, limit=limit, tokens=tokens))

    async def _choose_after_refusal(self, session: Session, text: str, *, limit: int, tokens: int) -> None:
        conversation = session.conversation
        plan = replace(self._workspace.planner.plan(conversation, conversation.model), window_tokens=limit)
        plain, attached = taken_apart(text)
        use = window_use(conversation, conversation.model, plan, unsent=plain, attached=attached)
        # As much as the estimate was too small, the window is taken to be smaller.
        counted = replace(plan, window_tokens=max(1, limit - max(0, tokens - use.used - use.added)))
        found = falls_out(conversation, conversation.model, counted, unsent=plain, attached=attached)
        plan = replace(plan, window_tokens=limit)
        if found is not None and await self._make_fit(session, conversation, text, plan, found):
            await self._send(session, text)
        else:
            self._give_back(session, text)

    async def _make_fit(self, session: Session, conversation: Conversation, text: str, plan: Plan, found: Fit) -> bool:
        """Whether it is to be sent after ``conversation``; what falls out is left out, or summed up, by then."""
        when_full = session.conversation.control.when_full
        if found.fits and found.dropped and when_full:
            answer: str | None = when_full
        else:
            answer = await self._choice(conversation, text, plan, found)
        match answer:
            case "drop":
                self._leave_out(session, found.dropped)
                return True
            case "always drop":
                self._leave_out(session, found.dropped)
                session.use_control(replace(session.conversation.control, when_full="drop"))
                return True
            case "summarise":
                return await self._sum_up(session, conversation.model, plan, found.dropped)
            case "always summarise":
                is_done = await self._sum_up(session, conversation.model, plan, found.dropped)
                if is_done:
                    session.use_control(replace(session.conversation.control, when_full="summarise"))
                return is_done
            case "grow":
                larger = self._larger_window(conversation, text, plan)
                if larger is not None:
                    session.use_control(session.conversation.control.with_option("context_tokens", larger))
                return larger is not None
            case _:
                return False

    async def _choice(self, conversation: Conversation, text: str, plan: Plan, found: Fit) -> str | None:
        name = clean_line(conversation.model, NAME_CELLS)
        limit = context_text(plan.window_tokens or 0)
        plain, attached = taken_apart(text)
        use = window_use(conversation, conversation.model, plan, unsent=plain, attached=attached)
        # Without a prompt it is an answer that is to be gone on with.
        tokens, so_far = tokens_text(use.used + use.added), "With this prompt" if text else "So far"
        lines = [f"{so_far} it is ~{tokens} tokens; the window of {name} has {limit}."]
        answers = [("stay", "do not send" if text else "leave it as it is")]
        if found.dropped and found.fits:
            lines += ["The oldest would fall out:", *_listed(found.dropped)]
            lines.append("They stay here; the model does not see them any more.")
            answers += [
                ("drop", "leave them out"),
                ("always drop", "leave out the oldest, in this conversation without asking"),
                ("summarise", f"let {name} sum them up first"),
                ("always summarise", "sum up the oldest, in this conversation without asking"),
            ]
        else:
            lines.append("The prompt alone is too long for it." if text else "Nothing of it can be left out.")
        larger = self._larger_window(conversation, text, plan)
        if larger is not None:
            answers.append(("grow", f"a window of {context_text(larger)}: {await self._cost(conversation, larger)}"))
        question = Question(
            title="the prompt does not fit" if text else "there is no room to go on",
            lines=tuple(lines),
            answers=tuple(answers),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        return await self.answer_to(question)

    def _larger_window(self, conversation: Conversation, text: str, plan: Plan) -> int | None:
        """The smallest usual window that holds all of it and an answer; None when the model has none so large."""
        model = self._workspace.find_model(conversation.model)
        trained = model.trained_context_tokens if model is not None else None
        plain, attached = taken_apart(text)
        use = window_use(conversation, conversation.model, plan, unsent=plain, attached=attached)
        needed = max(use.used + use.added, plan.window_tokens or 0) * 5 // 4
        if model is None or model.is_cloud or trained is None:
            return None
        return next((one for one in contexts_to_show(trained) if one >= needed), None)

    async def _cost(self, conversation: Conversation, tokens: int) -> str:
        workspace = self._workspace
        words = "the model is loaded again"
        model = workspace.find_model(conversation.model)
        if model is None:
            return words
        try:
            await workspace.catalog.capabilities_of(model)
        except EngineError:
            return words
        shape = workspace.catalog.cache_shape(model)
        if shape is None:
            return words
        need = memory_need(
            shape,
            weights_bytes=model.size_bytes or 0,
            context_tokens=tokens,
            trained_context_tokens=model.trained_context_tokens,
        )
        free = await workspace.free_memory()
        known = "" if free.gpu_bytes is None else f", {free.gpu_bytes / 1e9:.1f} free"
        return words if need is None else f"{words}, ~{need.total_bytes / 1e9:.1f} GB{known}"

    def _leave_out(self, session: Session, messages: Sequence[Message]) -> None:
        session.use_control(dropped(session.conversation, messages))
        self.say(
            f"{plural(len(messages), 'message')} left out",
            more="the model does not see them any more; /window all shows it all",
            seconds=NEWS_SECONDS,
        )

    async def _sum_up(self, session: Session, asked: str, plan: Plan, messages: Sequence[Message]) -> bool:
        """``asked`` is the model that is to go on with it, and so may be told what was said."""
        workspace, name = self._workspace, clean_line(asked, NAME_CELLS)
        model = workspace.find_model(asked)
        thinks = model is not None and "thinking" in (model.capabilities or ())
        material = _material(session.conversation, asked, plan, messages[-1])
        if has_attachments(material):
            read = workspace.contents.read
            try:
                material = await asyncio.to_thread(spelled_messages, session.conversation, read, material)
            except Failure as failure:
                self.say_failure(failure)
                return False
        request = summary_request(material, model=asked, plan=plan, thinks=thinks)
        words = f"{name} sums up {plural(len(messages), 'message')}"
        self.say(words, more="esc stops it", seconds=None, about="summing up")
        self._summing = asyncio.ensure_future(sum_up(workspace.guarded_engine, request))
        try:
            text = await self._summing
        except EngineError as failure:
            self.say_failure(failure)
            return False
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            self.say("nothing was summed up", about="summing up")
            return False
        finally:
            self._summing = None
        session.sum_up(messages, text)
        self.say(f"{plural(len(messages), 'message')} summed up", more="the summary is a message", about="summing up")
        return True

    def stop_summing(self) -> bool:
        """Whether there was something to stop."""
        return self._summing is not None and self._summing.cancel()

    # What happened to it

    def _heard(self, event: SessionEvent) -> None:
        super()._heard(event)
        match event:
            case MessagesLeftOut(count):
                self.say(f"{plural(count, 'message')} left out: they do not fit any more", more="/window shows it")
            case AnswerEnded(message=message) if message.model:
                self._say_of_window(message)
            case _:
                pass

    def _say_of_window(self, message: Message) -> None:
        conversation = self._session.conversation
        plan = self._workspace.planner.plan(conversation, message.model)
        if words := was_window_cut(conversation, message.model, plan):
            self.say(words, role="warning", seconds=None)
        elif ended_at_window(message, plan) and plan.window_tokens is not None:
            going_on = self._keymap.sentence("answer.continue", "goes on")
            more = f" {self._glyphs.separator} ".join(filter(None, (going_on, "/window shows what can be done")))
            self.say(f"the window of {context_text(plan.window_tokens)} is full", role="warning", more=more)

    # What the person wants of it

    async def action_show_window(self, wanted: str = "") -> None:
        """``ask``, ``drop`` or ``summarise`` when it is full, ``all`` brings back what was left out, or its size."""
        session, wanted = self._session, wanted.strip().lower()
        control = session.conversation.control
        if session.is_read_only and wanted:
            self.reply("this conversation is open in another chinwag", role="warning", more="/takeover asks for it")
        elif wanted in WHEN_FULL:
            session.use_control(replace(control, when_full="" if wanted == "ask" else wanted))
            self._say_window()
        elif wanted == "all":
            session.use_control(replace(control, left_out_until="", left_out_at=_last_id(session.conversation)))
            self._say_window()
        elif wanted:
            try:
                size = parse_value(OPTIONS["context_tokens"], wanted.replace(",", ""))
            except Failure:
                self.reply(
                    f"/window {clean_line(wanted, 20)}", role="warning", more="ask, drop, summarise, all or a number"
                )
                return
            session.use_control(control.with_option("context_tokens", size))
            self._say_window()
        else:
            self._say_window()
        self.show_status()

    def _say_window(self) -> None:
        conversation, dot = self._session.conversation, self._glyphs.separator
        use, gone = self.window_now(), left_out(conversation)
        of = "" if use.limit is None else f" of {context_text(use.limit)}"
        mark = "" if use.is_counted else "~"
        out = f"{plural(len(gone), 'message')} left out" if gone else "nothing left out"
        when = {"drop": "the oldest are left out", "summarise": "the oldest are summed up"}
        full = when.get(conversation.control.when_full, "you are asked")
        error = self._measured.scale.error if self._measured is not None else None
        known = "" if error is None else f" {dot} estimates were {error:.0%} off"
        self.reply(
            f"context {mark}{tokens_text(use.used)}{of}",
            more=f"{out} {dot} when it is full {full}{known}",
        )

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        if command.name != "context.window":
            return super().choices_for(command)
        return (
            ("ask", "when it is full, ask"),
            ("drop", "when it is full, leave out the oldest"),
            ("summarise", "when it is full, sum up the oldest"),
            ("all", "the model sees everything again"),
        )


def _listed(messages: Sequence[Message]) -> list[str]:
    who = {Role.user: "you", Role.assistant: "it", Role.tool: "tool"}
    lines = [f"  {who.get(one.role, '')}: {clean_line(one.text, MESSAGE_CELLS)}" for one in messages[:SHOWN_MESSAGES]]
    more = len(messages) - SHOWN_MESSAGES
    return [*lines, f"  and {more} more"] if more > 0 else lines


def _material(conversation: Conversation, model: str, plan: Plan, last: Message) -> list[Message]:
    """What is shown up to ``last``, earlier summaries included; what stands before the first prompt stays as it is."""
    seen = shown(conversation, model, replace(plan, system=""))
    head = {one.id for one in takewhile(lambda one: one.role is Role.system, conversation.messages)}
    end = next((place for place, one in enumerate(seen) if one.id == last.id), -1)
    return [one for one in seen[: end + 1] if one.id not in head]


def _last_id(conversation: Conversation) -> str:
    return conversation.messages[-1].id if conversation.messages else ""
