"""One conversation while chinwag is open: it asks, listens, keeps, and tells whoever watches.

It lives in the workspace and not in a screen, so an answer goes on when another conversation is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from tui.chat.events import (
    AnswerBegan,
    AnswerEnded,
    AnswerGrew,
    AnswerSeemsStuck,
    ConversationChanged,
    ConversationReplaced,
    MessageRemoved,
    MessagesLeftOut,
    Phase,
    PhaseChanged,
    PromptAdded,
    QueueChanged,
    SessionEvent,
)
from tui.chat.faults import report_fault, report_fault_of
from tui.chat.fitting import compose, dropped
from tui.chat.found import says_nothing, settle_interrupted, split_queue
from tui.chat.keeping import Keeper, Log
from tui.chat.kept_requests import PRIVATE
from tui.chat.live import LiveAnswer, Progress
from tui.chat.session_tools import SessionTools
from tui.chat.silence import name_the_silence
from tui.conversations.control import Control
from tui.conversations.edits import (
    renamed,
    replace_message,
    with_control,
    with_message,
    with_message_before,
    with_model,
    without_message,
)
from tui.conversations.values import Conversation, Message, MessageState, Role
from tui.engine import ChatRequest, Chunk, Engine, EngineError, FinalCounts
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

__all__ = ["Session", "SessionTools"]

Listener = Callable[[SessionEvent], None]

RETRIABLE = frozenset({MessageState.failed, MessageState.broken_off})
MANY_MESSAGES = 500
"""From here on a request is built in a thread, since that takes milliseconds."""


class Session:
    """See the module. Every method is called on the event loop; none of them blocks it.

    A listener that raises harms nobody else: the error goes to the event loop's exception handler.
    """

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
        at = conversation.updated_at
        if not is_read_only:
            conversation, settled = settle_interrupted(conversation)
            conversation, queued = split_queue(conversation)
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

    # What there is

    @property
    def id(self) -> str:
        return self._conversation.id

    @property
    def conversation(self) -> Conversation:
        """Without what waits in the queue; the text of an answer under way is ``live_text``'s until it ends."""
        return self._conversation

    @property
    def queue(self) -> tuple[str, ...]:
        return tuple(one.text for one in self._queue)

    @property
    def is_paused(self) -> bool:
        """Queued prompts wait for the person instead of for the answer."""
        return self._is_paused and bool(self._queue)

    @property
    def is_answering(self) -> bool:
        """A prompt is on its way to the disk, or its answer is under way."""
        return self._live is not None or self._departing is not None

    @property
    def is_empty(self) -> bool:
        return not self._conversation.messages and not self._queue and self._departing is None

    @property
    def is_unsaved(self) -> bool:
        """Something of it is in memory only."""
        return self._keeper.is_unsaved

    @property
    def last_failure(self) -> Failure | None:
        """Why the last answer failed, until the next one is asked for."""
        return self._last_failure

    def progress(self) -> Progress | None:
        """How far the answer under way is; None when nothing runs."""
        return self._live.progress(self._tools.clock()) if self._live is not None else None

    @property
    def stuck(self) -> StuckSlot | None:
        """The guess that the answer under way never begins; None while there is no reason for it."""
        return None if self._live is None else self._live.stuck

    def live_text(self) -> tuple[str, str] | None:
        """Text and thinking of the answer under way, for whoever begins to watch in the middle."""
        return None if self._live is None else ("".join(self._live.text), "".join(self._live.thinking))

    def answer_so_far(self) -> Message | None:
        """The answer under way with everything that has come; None when nothing runs."""
        return None if self._live is None else self._live.so_far()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` for everything that happens from here on; gives back how to end that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    # What the person does

    async def ask(self, text: str) -> None:
        """Sends ``text``, or queues it while an answer runs. The prompt is on disk before the request leaves.

        Returns when the request leaves or the prompt waits; a caller that is cancelled stops neither. A disk that cannot
        take the prompt stops nothing: listeners hear ``SavingFailed``, and it is saved when it can be.

        Raises ``Failure`` for a conversation that is closed or that another chinwag writes.
        """
        if self.is_read_only:
            raise Failure("nothing was sent", "this conversation is open in another chinwag", "close it there")
        if self._is_closing:
            raise Failure("nothing was sent", "this conversation is closed", "open it again")
        prompt = self._message(Role.user, text, MessageState.not_sent)
        if self.is_answering or (self._queue and not self._is_paused):
            self._queue.append(prompt)
            self._is_paused = False
            self._tell(QueueChanged(self.queue, is_paused=False))
            await asyncio.wait({self._keep_prompt(prompt)})
            return
        _ = self._keep_prompt(prompt, before=self._queue[0].id if self._queue else "")
        await self._depart(prompt)

    async def go_on(self) -> None:
        """Sends the first of the prompts that wait."""
        if self._queue and not self.is_answering and not self._is_closing:
            prompt = self._queue.pop(0)
            self._is_paused = False
            self._tell(QueueChanged(self.queue, is_paused=False))
            await self._depart(prompt)

    def can_try_again(self) -> bool:
        """The last answer failed, broke off or has nothing in it, or its prompt never got one."""
        if self.is_answering or self.is_read_only or self._is_closing or not self._conversation.messages:
            return False
        last = self._conversation.messages[-1]
        return last.role is Role.user or last.state in RETRIABLE or says_nothing(last)

    def try_again(self) -> None:
        """Asks for the last answer once more. What a broken-off one had said stays; an empty one goes."""
        if not self.can_try_again():
            return
        last = self._conversation.messages[-1]
        if says_nothing(last):
            self._remove(last)
        self._begin_answer(self._conversation.model)

    def give_back(self) -> str | None:
        """The last prompt, out of the conversation, when it got nothing but a failure; None in any other case.

        For one that can never be answered as it is: left in, it would go along with every later prompt.
        """
        messages = self._conversation.messages
        if not self.can_try_again() or len(messages) < 2 or messages[-2].role is not Role.user:
            return None
        prompt, answer = messages[-2:]
        if answer.role is not Role.assistant or not says_nothing(answer):
            return None
        for message in (answer, prompt):
            self._remove(message)
        return prompt.text

    def stop(self) -> bool:
        """Ends the answer under way at once and keeps what came; queued prompts wait. Whether there was one.

        A prompt that has not left yet goes back to the head of the queue.
        """
        if self._departing is not None:
            self._queue.insert(0, self._departing)
            self._departing = None
            self._is_paused = True
            self._tell(QueueChanged(self.queue, is_paused=True))
            return True
        if self._live is None:
            return False
        if self._live.ended is None:
            self._end_early(self._live, MessageState.stopped)
            if self._turn is not None:
                self._turn.cancel()
        return True

    def hold_queue(self) -> None:
        """Prompts that wait are sent when somebody says so, not by themselves when the answer ends."""
        self._is_paused = True
        if self._queue:
            self._tell(QueueChanged(self.queue, is_paused=True))

    def take_back(self) -> str | None:
        """The prompt that was queued last, out of the queue."""
        if not self._queue:
            return None
        prompt = self._queue.pop()
        self._tell(QueueChanged(self.queue, self.is_paused))
        self._keep(RemovedMessage(message_id=prompt.id, at=self._tools.now()))
        return prompt.text

    def use_model(self, name: str) -> None:
        """Which model the next prompt goes to."""
        if name != self._conversation.model:
            self._change(with_model(self._conversation, name, now=self._tools.now()))

    def rename(self, title: str) -> None:
        self._change(renamed(self._conversation, title, now=self._tools.now()))

    def use_control(self, control: Control) -> None:
        """What the conversation sets for itself from the next prompt on."""
        if control != self._conversation.control:
            self._change(with_control(self._conversation, control, now=self._tools.now()))

    def sum_up(self, messages: Sequence[Message], summary: str) -> None:
        """The model sees ``summary`` in the place of ``messages``, its oldest, from the next prompt on."""
        at, control = self._tools.now(), dropped(self._conversation, messages)
        places = [one.id for one in self._conversation.messages]
        if self.is_read_only or self._is_closing or control.left_out_until not in places:
            return
        message = self._message(Role.system, summary, MessageState.complete)
        after = [*places[places.index(control.left_out_until) + 1 :], *(one.id for one in self._queue), ""][0]
        if after in places:
            self._conversation = with_message_before(self._conversation, message, after, now=at)
        else:
            self._conversation = with_message(self._conversation, message, now=at)
        self._keep(KeptPrompt(message=message, before=after))
        self.use_control(control)
        self._tell(ConversationReplaced(self._conversation))

    async def close(self) -> None:
        """Stops what runs and waits until all is on disk, as far as the disk allows. Nothing is asked or saved later."""
        self._is_closing = True
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._tools.close_patience_seconds)
        if self._live is not None:
            self._settle(self._live)
        await self._keeper.close()

    async def settled(self) -> None:
        """Returns when no answer runs, no prompt is about to leave by itself, and no save is under way.

        What the disk refused may still wait for the next try, and a paused queue for the person.
        """
        while True:
            if self._tasks:
                await asyncio.wait(self._tasks)
            await self._keeper.settled()
            if not self._tasks:
                return

    # How a prompt leaves

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
        except EngineError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  an answer must not run for ever on the screen
            report_fault(error, during="answering")
            failure = _own_fault(error)
        if failure is not None:
            self._end_early(live, MessageState.broken_off if live.has_come else MessageState.failed, failure)
        elif live.ended is None:
            await self._end_complete(live, counts)

    async def _listen(self, live: LiveAnswer, asked_of: Conversation) -> FinalCounts | None:
        """Raises ``EngineError``, and what the engine raises against its word."""
        engine = self._tools.engine()
        model = live.message.model
        plan = self._tools.plan(asked_of, model)
        if len(asked_of.messages) > MANY_MESSAGES:
            composed = await asyncio.to_thread(compose, asked_of, model, plan)
        else:
            composed = compose(asked_of, model, plan)
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
        live.ended = replace(
            live.so_far(),
            state=state,
            counts=counts,
            seconds=live.ended_at - live.asked_at,
            failure="" if failure is None else str(failure),
        )

    def _settle(self, live: LiveAnswer, failure: Failure | None = None) -> None:
        """The one place where an answer stops being under way."""
        message = live.ended
        if self._live is not live or message is None:
            return
        self._live = None
        self._conversation = replace_message(self._conversation, message, now=self._tools.now())
        self._last_failure = failure
        is_complete = message.state is MessageState.complete
        if self._queue and not is_complete:
            self._is_paused = True
        self._tell(PhaseChanged(Phase.idle))
        self._tell(AnswerEnded(message, failure))
        if self._queue and not is_complete:
            self._tell(QueueChanged(self.queue, is_paused=True))
        elif self._queue and not self._is_paused:
            _ = self._start(self.go_on(), "sending the next prompt")

    # How it is kept and told

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

    def _message(self, role: Role, text: str, state: MessageState) -> Message:
        return Message(id=self._tools.new_message_id(), role=role, text=text, at=self._tools.now(), state=state)

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
