"""How the answers of one conversation come, end, and are kept and told: the half of a session that nobody calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from tui.chat.events import (
    AnswerBegan,
    AnswerEnded,
    AnswerGrew,
    AnswerSeemsStuck,
    AttachmentsLost,
    ConversationChanged,
    MessageRemoved,
    MessagesLeftOut,
    PassagesFound,
    Phase,
    PhaseChanged,
    PromptAdded,
    QueueChanged,
    SessionEvent,
    ToolEnded,
    ToolsEnded,
    ToolsNotOffered,
)
from tui.chat.faults import report_fault, report_fault_of
from tui.chat.fitting import Plan, compose
from tui.chat.found import settle_calls, settle_interrupted, split_queue
from tui.chat.going_on import joined
from tui.chat.keeping import Keeper, Log
from tui.chat.kept_requests import PRIVATE
from tui.chat.live import LiveAnswer
from tui.chat.passages import Passages, last_prompt
from tui.chat.session_tools import SessionTools
from tui.chat.silence import name_the_silence
from tui.chat.spelled_out import compose_spelled_out, has_attachments
from tui.chat.tool_turns import NobodyThere, ToolTurn, rounds_of
from tui.conversations.control import Control
from tui.conversations.edits import (
    replace_message,
    with_control,
    with_message,
    without_message,
)
from tui.conversations.values import Attachment, Conversation, Message, MessageState, Role
from tui.engine import ChatRequest, Chunk, Engine, FinalCounts
from tui.failures import Failure
from tui.ollama.slot_leak import StuckSlot
from tui.storage.records import (
    BegunAnswer,
    ChangedControl,
    ChangedModel,
    ChangedTitle,
    EndedAnswer,
    Event,
    GrownAnswer,
    KeptPrompt,
    RemovedMessage,
    ReplacedMessage,
    SentPrompt,
)
from tui.tools.running import ToolResult

Listener = Callable[[SessionEvent], None]

STOPPED = "the person stopped it"
MANY_MESSAGES = 500
"""From here on a request is built in a thread, since that takes milliseconds."""


class Answering:
    """What ``Session`` stands on. Every method is called on the event loop; none of them blocks it."""

    def __init__(
        self,
        conversation: Conversation,
        tools: SessionTools,
        *,
        log: Log,
        is_read_only: bool = False,
        is_private: bool = False,
    ) -> None:
        """``log`` takes what happens from here on; it is at ``conversation``. ``close`` closes it."""
        # Where another chinwag writes, an answer may be under way and the queue is not ours to send.
        queued: list[Message] = []
        settled: list[Message] = []
        untold: list[Message] = []
        at = conversation.updated_at
        if not is_read_only:
            conversation, settled = settle_interrupted(conversation)
            conversation, queued = split_queue(conversation)
            conversation, untold = settle_calls(conversation, tools.new_message_id)
        self._conversation = conversation
        self._tools = tools
        self.is_read_only = is_read_only
        """Somebody else is writing this conversation: nothing is asked, changed or saved here."""
        self.is_private = is_private
        """Nothing of it reaches the disk."""
        self.last_request: ChatRequest | None = None
        """The request that was made last; what became of it, its answer says."""
        self._kept_control = conversation.control
        self._queue = queued
        self._is_paused = bool(queued)
        self._departing: Message | None = None
        self._live: LiveAnswer | None = None
        self._tool_turn: ToolTurn | None = None
        """The calls of the last answer, while they are made."""
        self._passages: Passages | None = None
        """What goes along with the prompt that is answered."""
        self._preset_once = ""
        """In place of the conversation's, for the prompt that is answered."""
        self._prompt_without_passages = ""
        """The id of the prompt that the person sends without passages."""
        self._last_failure: Failure | None = None
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn: asyncio.Task[None] | None = None
        self._is_closing = False
        self._on_their_way: dict[str, asyncio.Future[None]] = {}
        self._keeper = Keeper(
            log,
            tell=self._tell,
            set_aside=tools.set_aside,
            show_patience_seconds=tools.show_patience_seconds,
            behind_seconds=tools.behind_seconds,
        )
        for one in settled:
            _ = self._keeper.keep(ReplacedMessage(message=one, at=at))
        for one in untold:
            _ = self._keeper.keep(KeptPrompt(message=one, before=queued[0].id if queued else ""))

    # What there is

    @property
    def id(self) -> str:
        return self._conversation.id

    @property
    def queue(self) -> tuple[str, ...]:
        return tuple(one.text for one in self._queue)

    @property
    def is_answering(self) -> bool:
        """A prompt is on its way to the disk, or its answer is under way, or the tools that it called."""
        return self._live is not None or self._departing is not None or self._tool_turn is not None

    @property
    def is_empty(self) -> bool:
        conversation = self._conversation
        has_said = bool(conversation.messages or conversation.branches)
        return not has_said and not self._queue and self._departing is None

    # How a prompt leaves

    async def go_on(self) -> None:
        """Sends the first of the prompts that wait."""
        if self._queue and not self.is_answering and not self._is_closing:
            prompt = self._queue.pop(0)
            self._is_paused = False
            self._tell(QueueChanged(self.queue, is_paused=False))
            await self._depart(prompt)

    async def _depart(self, prompt: Message) -> None:
        """Another model that is chosen before it left is for the next one: the person was asked about this one."""
        self._departing = prompt
        model = self._conversation.model
        await asyncio.shield(self._start(self._save_and_send(prompt, model), "sending a prompt"))

    async def _save_and_send(self, prompt: Message, model: str) -> None:
        """Until the request leaves, the disk says of the prompt that it was not sent."""
        if (on_its_way := self._on_their_way.get(prompt.id)) is not None:
            await asyncio.wait({on_its_way})
        if self._departing is not prompt:
            return  # stopped meanwhile
        self._departing = None
        sent = replace(prompt, state=MessageState.complete, at=self._tools.now())
        before = self._conversation
        self._conversation = with_message(before, sent, now=sent.at)
        self._keep(SentPrompt(message_id=sent.id, at=sent.at), durable=False)
        self._keep_title_and_model()
        self._tell(PromptAdded(sent))
        if self._conversation.title != before.title:
            self._tell(ConversationChanged(self._conversation))
        self._preset_once = ""
        self._begin_answer(model)

    # How an answer comes

    def _begin_answer(self, model: str) -> None:
        self._last_failure = None
        asked_of = self._conversation
        message = replace(self._message(Role.assistant, "", MessageState.answering), model=model)
        at = self._tools.clock()
        live = LiveAnswer(message=message, asked_at=at, phase_at=at)
        self._live = live
        self._conversation = with_message(asked_of, message, now=message.at)
        self._keep(BegunAnswer(message=message), durable=False)
        self._tell(AnswerBegan(message))
        self._tell(PhaseChanged(live.phase))
        self._turn = self._start(self._answer(live, asked_of), "answering")

    async def _answer(self, live: LiveAnswer, asked_of: Conversation) -> None:
        """The whole life of one answer. Its end is told exactly once, however it comes."""
        counts, failure = None, None
        try:
            counts = await self._listen(live, asked_of)
            failure = None if counts is not None else _without_end()
        except asyncio.CancelledError:
            self._end_early(live, MessageState.stopped)
            raise
        except Failure as error:
            failure = error
        except Exception as error:  # noqa: BLE001  an answer must not run for ever on the screen
            report_fault(error, during="answering")
            failure = _own_fault(error)
        if failure is not None:
            self._end_early(live, MessageState.broken_off if live.has_come else MessageState.failed, failure)
        elif live.ended is None:
            await self._end_complete(live, counts)

    async def _listen(self, live: LiveAnswer, asked_of: Conversation) -> FinalCounts | None:
        """Raises ``Failure``, and what the engine raises against its word."""
        engine = self._tools.engine()
        model = live.message.model
        plan = await self._plan(live, asked_of)
        if len(asked_of.messages) > MANY_MESSAGES or has_attachments(asked_of.messages):
            read = self._tools.contents.read
            composed = await asyncio.to_thread(compose_spelled_out, asked_of, model, plan, read)
        else:
            composed = compose(asked_of, model, plan)
        if composed.lost:
            self._tell(AttachmentsLost(composed.lost))
        if composed.dropped:
            self.use_control(composed.control)
            self._tell(MessagesLeftOut(composed.dropped))
        self.last_request = request = replace(composed.request, metadata=self._metadata(live))
        live.prompt_characters = sum(len(one.text) for one in request.messages)
        await self._tools.check(request)
        counts: FinalCounts | None = None
        watching = self._start(self._watch_silence(live, engine), "asking why nothing comes")
        try:
            async with aclosing(engine.chat(request)) as stream:
                async for part in stream:
                    watching.cancel()
                    if live.ended is not None:
                        break
                    if isinstance(part, FinalCounts):
                        counts = part
                    else:
                        await self._take(live, part)
        finally:
            watching.cancel()
        return counts

    async def _plan(self, live: LiveAnswer, asked_of: Conversation) -> Plan:
        """With the tools that the model is offered in this round."""
        control = replace(asked_of.control, preset=self._preset_once or asked_of.control.preset)
        plan = self._tools.plan(replace(asked_of, control=control), live.message.model)
        plan = replace(plan, goes_on=live.going_on is not None)
        live.toolbox = toolbox = await self._tools.toolbox(asked_of)
        if toolbox.missing:
            self._tell(ToolsNotOffered(toolbox.missing))
        plan = replace(plan, tools=toolbox.declarations(asked_of))
        return replace(plan, extra_context=await self._extra_context(live, asked_of, plan))

    async def _extra_context(self, live: LiveAnswer, asked_of: Conversation, plan: Plan) -> str:
        """The passages that go along, as the answer's sources, too. All rounds of tools see the same."""
        prompt = last_prompt(asked_of)
        if live.going_on is not None and not live.going_on.sources:
            return ""
        if not asked_of.control.documents or prompt is None or prompt.id == self._prompt_without_passages:
            return ""
        is_first = self._passages is None or not rounds_of(asked_of.messages)
        if self._passages is None or is_first:
            if live.enter(Phase.searching, self._tools.clock()):
                self._tell(PhaseChanged(Phase.searching))
            self._passages = await self._tools.find_passages(asked_of, live.message.model, plan, self._metadata(live))
            if live.enter(Phase.waiting, self._tools.clock()):
                self._tell(PhaseChanged(Phase.waiting))
        live.extra_context = self._passages.context
        live.message = replace(live.message, sources=self._passages.sources)
        if live.message.sources and live.ended is None and live.going_on is None:
            self._conversation = replace_message(self._conversation, live.message, now=self._conversation.updated_at)
            self._keep(ReplacedMessage(message=live.message, at=self._conversation.updated_at), durable=False)
        if is_first:
            self._tell(PassagesFound(self._passages))
        return self._passages.context

    def _metadata(self, live: LiveAnswer) -> Mapping[str, Any]:
        """Whose request it is, for whoever hears of it elsewhere."""
        private = {PRIVATE: True} if self.is_private else {}
        return {"conversation": self.id, "message": live.message.id, **private}

    async def _take(self, live: LiveAnswer, chunk: Chunk) -> None:
        """What is shown is in the file. Whoever ends the answer while it is written shows it first."""
        live.unshown = (chunk, self._tools.clock())
        if chunk.text or chunk.thinking or chunk.tool_calls:
            message_id, calls = live.message.id, tuple(chunk.tool_calls)
            grown = GrownAnswer(message_id=message_id, text=chunk.text, thinking=chunk.thinking, pieces=chunk.pieces)
            await self._keeper.keep_before_it_is_shown(replace(grown, tool_calls=calls))
        self._show(live)

    def _show(self, live: LiveAnswer) -> None:
        if live.unshown is None:
            return
        (chunk, at), live.unshown = live.unshown, None
        phase = live.arrived(chunk, at)
        if live.enter(phase, at):
            self._tell(PhaseChanged(phase))
        if chunk.text or chunk.thinking:
            self._tell(AnswerGrew(chunk.text, chunk.thinking))

    async def _watch_silence(self, live: LiveAnswer, engine: Engine) -> None:
        if self._tools.is_cloud(live.message.model):
            return
        tools = self._tools
        found = name_the_silence(
            engine, live.message.model, namesakes=tools.namesakes, clock=tools.clock, sleep=tools.sleep
        )
        async with aclosing(found):
            async for one in found:
                if self._live is not live:
                    return  # stopped at the same moment
                if isinstance(one, StuckSlot):
                    live.stuck = one
                    self._tell(AnswerSeemsStuck(one))
                elif live.enter(one, tools.clock()):
                    self._tell(PhaseChanged(one))

    # How an answer ends

    async def _end_complete(self, live: LiveAnswer, counts: FinalCounts | None) -> None:
        """What is shown as finished outlives the machine. A disk that hangs must not hide that it is finished."""
        self._close_answer(live, MessageState.complete, counts=counts)
        try:
            await asyncio.wait({self._keep_end(live)}, timeout=self._tools.end_patience_seconds)
        finally:
            self._settle(live)

    def _end_early(self, live: LiveAnswer, state: MessageState, failure: Failure | None = None) -> None:
        if live.ended is None:
            self._close_answer(live, state, failure=failure)
            _ = self._keep_end(live)
        self._settle(live, failure)

    def _close_answer(
        self,
        live: LiveAnswer,
        state: MessageState,
        *,
        counts: FinalCounts | None = None,
        failure: Failure | None = None,
    ) -> None:
        self._show(live)
        live.ended_at = self._tools.clock()
        ended = replace(
            live.so_far(),
            state=state,
            counts=counts,
            seconds=live.ended_at - live.asked_at,
            failure="" if failure is None else str(failure),
        )
        if live.going_on is not None:
            live.brought = ended
            ended = joined(live.going_on, ended, brought_anything=live.last_at is not None)
        live.ended = ended

    def _settle(self, live: LiveAnswer, failure: Failure | None = None) -> None:
        """The one place where an answer stops being under way."""
        message = live.ended
        if self._live is not live or message is None:
            return
        self._live = None
        self._conversation = replace_message(self._conversation, message, now=self._tools.now())
        self._last_failure = failure
        is_complete = message.state is MessageState.complete
        self._tool_turn = turn = self._turn_of(live, message)
        if self._queue and not is_complete:
            self._is_paused = True
        self._tell(PhaseChanged(Phase.idle if turn is None else Phase.calling))
        self._tell(AnswerEnded(message, failure, live.brought))
        if turn is not None and (live.is_stopped or self._is_closing):
            self._end_tools(turn, STOPPED)
        elif turn is not None and self._tool_turn is turn:
            self._turn = self._start(self._use_tools(turn), "calling tools")
        elif turn is None:
            self._go_on_with_queue(is_whole=is_complete)

    def _go_on_with_queue(self, *, is_whole: bool) -> None:
        if self._queue and not is_whole:
            self._tell(QueueChanged(self.queue, is_paused=True))
        elif self._queue and not self._is_paused:
            _ = self._start(self.go_on(), "sending the next prompt")

    # The tools that an answer called

    def _turn_of(self, live: LiveAnswer, message: Message) -> ToolTurn | None:
        """None where nothing is to be called, or nobody offered a tool."""
        if message.state is not MessageState.complete or not message.tool_calls or not live.toolbox.usable:
            return None
        return ToolTurn(
            message,
            live.toolbox,
            round_number=rounds_of(self._conversation.messages) + 1,
            permissions=lambda: self._tools.permissions(self._conversation),
            take=self._take_result,
            changed=self._tell_tool_phase,
            clock=self._tools.clock,
        )

    async def _use_tools(self, turn: ToolTurn) -> None:
        """Each call gets its result, whatever happens; then the model is asked again."""
        why, failure, is_over = STOPPED, None, True
        try:
            is_over = not await turn.run()
        except NobodyThere:
            why = "nobody was there to allow it"
            failure = Failure("a tool was not run", why, "enter on an empty prompt asks the model again")
        except Exception as error:  # noqa: BLE001  a call must not run for ever on the screen
            report_fault(error, during="calling tools")
            why, failure = "chinwag has a fault", _own_fault(error)
        finally:
            self._end_tools(turn, why, failure, is_over=is_over)

    def _end_tools(self, turn: ToolTurn, why: str, failure: Failure | None = None, *, is_over: bool = True) -> None:
        """The one place where calling tools stops being under way."""
        if self._tool_turn is not turn:
            return
        turn.give_up(why)
        self._tool_turn = None
        if not is_over and not self._is_closing:
            self._begin_answer(turn.answer.model)
            return
        self._last_failure = failure
        self._is_paused = self._is_paused or bool(self._queue)
        self._tell(PhaseChanged(Phase.idle))
        self._tell(ToolsEnded(failure))
        self._go_on_with_queue(is_whole=False)

    def _tell_tool_phase(self) -> None:
        if self._tool_turn is not None:
            self._tell(PhaseChanged(Phase.asking if self._tool_turn.is_asking else Phase.calling))

    def _take_result(self, result: ToolResult) -> None:
        message = replace(
            self._message(Role.tool, result.text, MessageState.complete),
            tool_name=result.call.name,
            tool_call_id=result.call.id,
            tool_outcome=result.outcome.value,
            seconds=result.seconds or None,
        )
        self._conversation = with_message(self._conversation, message, now=message.at)
        self._keep(KeptPrompt(message=message, before=self._queue[0].id if self._queue else ""))
        self._tell(ToolEnded(message))

    # How it is kept and told

    def use_control(self, control: Control) -> None:
        """What the conversation sets for itself from the next prompt on."""
        if control != self._conversation.control:
            self._change(with_control(self._conversation, control))

    def _keep(self, event: Event, *, durable: bool = True) -> None:
        _ = self._keeper.keep(event, durable=durable)

    def _keep_prompt(self, prompt: Message, *, before: str = "") -> asyncio.Future[None]:
        """``before`` is the id of the waiting prompt that it goes before."""
        self._keep_title_and_model()
        kept = self._keeper.keep(KeptPrompt(message=prompt, before=before), durable=True)
        if not kept.done():
            self._on_their_way[prompt.id] = kept
            kept.add_done_callback(lambda _kept: self._on_their_way.pop(prompt.id, None))
        return kept

    def _keep_end(self, live: LiveAnswer) -> asyncio.Future[None]:
        assert live.ended is not None
        return self._keeper.keep(EndedAnswer(message=live.ended, at=self._tools.now()), durable=True)

    def _keep_title_and_model(self) -> None:
        """What was chosen while there was nothing to keep, and a title that another prompt gave than the log takes."""
        title, model, at = self._conversation.title, self._conversation.model, self._tools.now()
        if title and title != self._keeper.title:
            self._keep(ChangedTitle(title=title, at=at))
        if model != self._keeper.model:
            self._keep(ChangedModel(model=model, at=at))
        if (control := self._conversation.control) != self._kept_control:
            self._kept_control = control
            self._keep(ChangedControl(control=control, at=at))

    def _remove(self, message: Message) -> None:
        at = self._tools.now()
        self._conversation = without_message(self._conversation, message.id, now=at)
        self._keep(RemovedMessage(message_id=message.id, at=at))
        self._tell(MessageRemoved(message.id))

    def _change(self, conversation: Conversation) -> None:
        if self.is_read_only or self._is_closing:
            return
        self._conversation = conversation
        self._tell(ConversationChanged(conversation))
        if not self.is_empty:
            self._keep_title_and_model()

    def _message(self, role: Role, text: str, state: MessageState, attachments: tuple[Attachment, ...] = ()) -> Message:
        message_id, at = self._tools.new_message_id(), self._tools.now()
        return Message(id=message_id, role=role, text=text, at=at, state=state, attachments=attachments)

    def _tell(self, event: SessionEvent) -> None:
        for listener in tuple(self._listeners):
            if listener not in self._listeners:
                continue  # another listener took it away meanwhile
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001  a widget that fails must not cost the answer
                report_fault(error, during=f"telling of {type(event).__name__}")

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(report_fault_of)
        return task


def _without_end() -> Failure:
    return Failure("the answer broke off", "the engine ended it without its counts", "what came is kept; ask again")


def _own_fault(error: Exception) -> Failure:
    return Failure(
        "the answer ended by a fault in chinwag",
        f"{type(error).__name__}: {error}",
        "what came is kept; enter on an empty prompt tries again",
    )
