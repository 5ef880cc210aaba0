"""What plain mode does with a prompt or a command: one conversation at a time, heard as it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tui.chat.events import (
    AnswerBegan,
    AnswerEnded,
    AnswerGrew,
    PassagesFound,
    Phase,
    PhaseChanged,
    SavedAgain,
    SavingFailed,
    SessionEvent,
    ToolEnded,
    ToolsEnded,
)
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.cli import plain_commands as commands
from tui.cli.plain_voice import PlainVoice
from tui.cli.tools import with_spaces_seen
from tui.conversations.values import Message, MessageState, Role, Summary
from tui.engine import EngineError, Model
from tui.failures import Failure
from tui.metrics.wording import first_token_words, plural, seconds_text, size_text, speed_words, token_count_words
from tui.ollama.names import same_model
from tui.tools.permissions import Question
from tui.workspace import Workspace

CALL_PIECE_CHARACTERS = 200
"""Of a call that is asked about, on one line: nothing of it is cut."""
LISTED = 20
WAITING_TOLD_AFTER_SECONDS = 1.0

AskLine = Callable[[str], Awaitable[str]]
"""Asks one question and gives the line that answers it; empty at the end of the input."""


FirstSession = Callable[[Workspace], Awaitable[Session]]


class PlainTurns:
    """``begin``, then ``understand`` for each whole prompt or command; both say whether all went well.

    ``ask_line`` is None where nobody can be asked.
    """

    def __init__(
        self,
        workspace: Workspace,
        voice: PlainVoice,
        *,
        ask_line: AskLine | None,
        ask_anew: AskLine | None = None,
        shows_thinking: bool,
        first_session: FirstSession | None = None,
    ) -> None:
        self._first_session = first_session
        self._workspace = workspace
        self._voice = voice
        self._ask_line = ask_line
        self._ask_anew = ask_anew
        if ask_anew is not None:
            workspace.tool_questions.ask_person = self._ask_about_tool
        self._shows_thinking = shows_thinking
        self._session: Session | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._answer_over = asyncio.Event()
        self._is_well = True
        self._in_thinking = False
        self._waiting: asyncio.TimerHandle | None = None
        self._unsent = ""
        """A prompt that could not leave; ``/again`` sends it."""
        self._listed: tuple[Summary, ...] = ()
        self.is_over = False
        """The person said good-bye."""

    @property
    def session(self) -> Session:
        if self._session is None:
            raise RuntimeError("the talk has not begun")
        return self._session

    async def begin(self, *, tells: bool) -> bool:
        """The first conversation. ``tells`` says where one is. It is over at once when there can be none."""
        try:
            first = self._first_session
            self._watch(self._workspace.new_session() if first is None else await first(self._workspace))
        except Failure as failure:
            self._voice.say_failure(failure)
            self.is_over = True
            return False
        if not tells:
            return True
        is_well = await self._have_model()
        kept = ", nothing is kept" if self._workspace.is_throwaway else ""
        model = self.session.conversation.model or "no model"
        self._voice.say(f"{model} on {self._workspace.host.name}{kept}, /? lists the commands")
        return is_well

    async def understand(self, text: str) -> bool:
        """A command or a prompt."""
        found = commands.read_command(text)
        if found is None:
            return await self._send(text)
        name, argument = found
        match name:
            case "model":
                return await self._use_model(argument)
            case "models":
                return await self._list_models()
            case "new":
                return self._begin_new()
            case "open":
                return await self._open(argument)
            case "again":
                return await self._again()
            case "thinking":
                self._shows_thinking = not self._shows_thinking
                self._voice.say("thinking is shown" if self._shows_thinking else "thinking is not shown")
            case "documents":
                self._turn_documents(argument)
            case commands.UNKNOWN:
                self._voice.say(f"there is no /{argument} here, /? lists the commands; it was not sent")
            case "bye":
                self.is_over = True
            case _:
                self._voice.tell(*commands.help_lines())
        return True

    def stop(self) -> bool:
        """Ends the answer under way and keeps it; whether there was one."""
        return self._session is not None and self._session.stop()

    def close(self) -> None:
        self._end_waiting()
        self._unsubscribe()

    # A prompt and its answer

    async def _send(self, text: str) -> bool:
        self._unsent = text
        if not await self._have_model() or not await self._may_leave(self.session.conversation.model):
            return False
        try:
            self._answer_over.clear()
            await self.session.ask(text)
        except Failure as failure:
            self._voice.say_failure(failure)
            return False
        self._unsent = ""
        return await self._until_answered()

    async def _again(self) -> bool:
        session = self.session
        if self._unsent:
            return await self._send(self._unsent)
        if not session.can_try_again() and not session.is_paused:
            self._voice.say("there is nothing to try again")
            return True
        if not await self._may_leave(session.conversation.model):
            return False
        self._answer_over.clear()
        if session.can_try_again():
            session.try_again()
        else:
            await session.go_on()
        return await self._until_answered()

    async def _until_answered(self) -> bool:
        if self.session.is_answering:
            await self._answer_over.wait()
        elif self.session.is_paused:
            self._voice.say("not sent yet, /again sends it")
            return False
        return self._is_well

    async def _have_model(self) -> bool:
        """The session has a model to ask, or it was said why not."""
        if self.session.conversation.model:
            return True
        try:
            model = await self._workspace.choose_model(self.session)
        except EngineError as failure:
            self._voice.say_failure(failure, more=self._unsent_words)
            return False
        if model is None:
            self._voice.say(f"no model on {self._workspace.host.name} that can chat, ollama pull qwen3:8b brings one")
        return model is not None

    @property
    def _unsent_words(self) -> str:
        if not self._unsent:
            return ""
        return "nothing was sent" if self._ask_line is None else "nothing was sent, /again sends it"

    async def _may_leave(self, model: str) -> bool:
        """Nothing goes to a model on somebody else's computers before the person agreed, once for each server."""
        workspace, host = self._workspace, self._workspace.host.url
        if not workspace.is_cloud(model) or await workspace.cloud_leave.look(host):
            return True
        self._voice.say(f"{model} is a cloud model: what you write, and what was said before, leaves this machine")
        answer = (
            ""
            if self._ask_line is None
            else await self._ask_line("send it, and do not ask again for this server? yes or no: ")
        )
        if answer.strip().lower() in ("y", "yes"):
            try:
                await workspace.cloud_leave.give(host, is_kept=not workspace.is_throwaway)
            except Failure as failure:
                self._voice.say_failure(failure)
            return True
        self._voice.say("nothing was sent")
        return False

    async def _ask_about_tool(self, _conversation_id: str, question: Question) -> bool:
        """Before a tool is called: all of the call, and a yes that is typed after it was seen."""
        voice, name = self._voice, clean_line(question.tool, 80)
        voice.end_line()
        voice.say(f"the model wants to call {name}, {clean_line(question.source, 100)}, which is {question.effect}")
        for line in question.text.split("\n"):
            for start in range(0, max(1, len(line)), CALL_PIECE_CHARACTERS):
                voice.say(with_spaces_seen(line[start : start + CALL_PIECE_CHARACTERS]))
        if question.hidden_characters:
            voice.say(f"careful: {plural(question.hidden_characters, 'hidden character')} in it, spelled out above")
        answer = "" if self._ask_anew is None else await self._ask_anew(f"call {name}? yes or no: ")
        return answer.strip().lower() in ("y", "yes")

    # What the session tells

    def _watch(self, session: Session) -> None:
        self._unsubscribe()
        self._session = session
        self._unsubscribe = session.subscribe(self._heard)

    def _heard(self, event: SessionEvent) -> None:
        match event:
            case AnswerBegan():
                self._in_thinking = False
                self._voice.begin_answer()
            case PhaseChanged(phase):
                self._say_phase(phase)
            case AnswerGrew(text, thinking):
                self._grew(text, thinking)
            case AnswerEnded(message, failure):
                self._ended(message, failure)
            case ToolEnded(message):
                self._voice.say(f"tool {clean_line(message.tool_name, 80)}: {clean_line(message.tool_outcome, 40)}")
            case ToolsEnded(failure):
                self._is_well = False
                self._voice.say("stopped" if failure is None else str(failure))
                self._answer_over.set()
            case SavingFailed(failure):
                self._voice.say_failure(failure)
            case PassagesFound(passages) if not passages.sources:
                self._voice.say("nothing in the documents goes along with this prompt")
            case SavedAgain():
                self._voice.say("saved again")
            case _:
                pass

    def _say_phase(self, phase: Phase) -> None:
        self._end_waiting()
        model = self.session.conversation.model
        match phase:
            case Phase.waiting:
                loop = asyncio.get_running_loop()
                self._waiting = loop.call_later(WAITING_TOLD_AFTER_SECONDS, self._voice.say, f"waiting for {model}")
            case Phase.loading:
                usual = self._workspace.usage.typical_load_seconds(model)
                self._voice.say(f"loading {model}{'' if usual is None else f', usually about {seconds_text(usual)}'}")
            case Phase.reading:
                self._voice.say("reading or queued")
            case Phase.searching:
                self._voice.say("searching the documents")
            case Phase.thinking:
                self._voice.say("thinking")
            case Phase.answering if not self._voice.stdout_is_terminal:
                self._voice.say("answering")
            case _:
                pass

    def _grew(self, text: str, thinking: str) -> None:
        if thinking and self._shows_thinking:
            if not self._in_thinking:
                self._voice.end_line()
                self._voice.write("thinking:\n")
            self._in_thinking = True
            self._voice.write(thinking)
        if text and self._in_thinking:
            self._in_thinking = False
            self._voice.end_line()
            self._voice.write("answer:\n")
        self._voice.write(text)

    def _ended(self, message: Message, failure: Failure | None) -> None:
        self._end_waiting()
        self._voice.end_line()
        self._is_well = message.state is MessageState.complete
        self._voice.say(_end_words(message, failure))
        for number, source in enumerate(message.sources, 1):
            self._voice.say(f"[{number}] {source.path}, {source.range_words}")
        if not self.session.is_answering:
            self._answer_over.set()

    def _turn_documents(self, wanted: str) -> None:
        control = self.session.conversation.control
        if wanted in ("on", "off"):
            self.session.use_control(replace(control, documents=wanted == "on"))
        elif wanted:
            self._voice.say(f"/documents {wanted} is not known, on or off are")
            return
        word = "on" if self.session.conversation.control.documents else "off"
        self._voice.say(f"documents are {word} in this conversation; chinwag documents adds and lists them")

    def _end_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    # Commands

    async def _use_model(self, name: str) -> bool:
        if not name:
            self._voice.say(
                f"the model is {self.session.conversation.model or 'not chosen'}, /model NAME takes another"
            )
            return True
        catalog = self._workspace.catalog
        try:
            if catalog.models is None:
                await catalog.refresh()
        except EngineError as failure:
            self._voice.say_failure(failure)
        listed = self._listed_model(name)
        if listed is None and catalog.models is not None:
            self._voice.say(f"{self._workspace.host.name} does not list {name}, taken at its word")
        chosen = name if listed is None else listed.name
        self.session.use_model(chosen)
        self._voice.say(f"the model is {chosen}")
        try:
            await self._workspace.make_default(chosen)
        except Failure as failure:
            self._voice.say_failure(failure)
        return True

    async def _list_models(self) -> bool:
        catalog = self._workspace.catalog
        try:
            models = await catalog.refresh()
        except EngineError as failure:
            self._voice.say_failure(failure)
            return False
        if not models:
            self._voice.say(f"no models on {self._workspace.host.name} yet, ollama pull qwen3:8b brings one")
        loaded = {one.name for one in catalog.running}
        current = self.session.conversation.model
        self._voice.tell(
            *(
                _model_words(one, is_loaded=one.name in loaded, is_current=same_model(one.name, current))
                for one in models
            )
        )
        return True

    def _listed_model(self, name: str) -> Model | None:
        return next((one for one in self._workspace.catalog.models or () if same_model(one.name, name)), None)

    def _begin_new(self) -> bool:
        if not self.session.is_empty:
            self._watch(self._workspace.new_session(model=self.session.conversation.model))
        self._unsent = ""
        self._voice.say("a new conversation")
        return True

    async def _open(self, argument: str) -> bool:
        """Without an argument the list, the one changed last first; with a number, that one of the list."""
        try:
            if not argument or not self._listed:
                self._listed = (await self._workspace.shelf.summaries()).summaries[:LISTED]
            if not argument:
                self._tell_conversations()
                return True
            number = int(argument) if argument.isdecimal() and len(argument) < 4 else 0
            if not 1 <= number <= len(self._listed):
                self._voice.say(f"there is no number {clean_line(argument, 20)} in the list, /open shows it")
                return False
            self._watch(await self._workspace.open_session(self._listed[number - 1].id))
        except Failure as failure:
            self._voice.say_failure(failure)
            return False
        self._unsent = ""
        self._tell_opened()
        return True

    def _tell_conversations(self) -> None:
        if not self._listed:
            self._voice.say("no conversations yet, what you write first begins one")
            return
        self._voice.tell(
            *(f"{number}: {_summary_words(one)}" for number, one in enumerate(self._listed, start=1)),
            "/open NUMBER opens one",
        )

    def _tell_opened(self) -> None:
        """Where the talk was left: the last prompt and what was answered."""
        session = self.session
        conversation = session.conversation
        self._voice.say(f"opened {conversation.title or 'untitled'}, {plural(len(conversation.messages), 'message')}")
        asked = [at for at, one in enumerate(conversation.messages) if one.role is Role.user]
        for message in conversation.messages[asked[-1] :] if asked else ():
            if message.role is Role.user:
                self._voice.say("you wrote")
            else:
                self._voice.say(message.model or message.role.value)
            self._voice.write(message.text)
            self._voice.end_line()
        if session.is_read_only:
            self._voice.say("it is open in another chinwag: here it can only be read")
        elif session.is_paused:
            self._voice.say(f"{len(session.queue)} prompts wait, /again sends the first")


def _end_words(message: Message, failure: Failure | None) -> str:
    """How an answer ended, with the server's own numbers where it gave them."""
    match message.state:
        case MessageState.complete:
            cut = ", cut off at the length limit" if message.counts and message.counts.done_reason == "length" else ""
            return ", ".join(("done", *_numbers(message))) + cut
        case MessageState.stopped:
            return f"stopped, {_tokens(message)} kept"
        case MessageState.broken_off:
            return f"broken off, {_tokens(message)} kept, /again asks again: {_cause(message, failure)}"
        case _:
            return f"{_cause(message, failure) or 'no answer'}, /again asks again"


def _cause(message: Message, failure: Failure | None) -> str:
    if failure is None:
        return message.failure
    return ", ".join(part for part in (failure.title, failure.message, failure.advice) if part)


def _numbers(message: Message) -> list[str]:
    numbers = []
    if message.counts is not None and (speed := message.counts.tokens_per_second) is not None:
        numbers.append(speed_words(speed))
    seconds = "" if message.seconds is None else f" in {seconds_text(message.seconds)}"
    numbers.append(f"{_tokens(message)}{seconds}")
    if message.first_token_seconds is not None:
        numbers.append(first_token_words(message.first_token_seconds))
    return numbers


def _tokens(message: Message) -> str:
    counted = message.counts.answer_tokens if message.counts is not None else None
    if counted is not None:
        return token_count_words(counted)
    return token_count_words(message.pieces or 0, is_estimate=True)


def _model_words(model: Model, *, is_loaded: bool, is_current: bool) -> str:
    size = "" if model.size_bytes is None or model.is_cloud else size_text(model.size_bytes)
    marks = [
        word for word, holds in (("cloud", model.is_cloud), ("loaded", is_loaded), ("in use", is_current)) if holds
    ]
    return ", ".join(part for part in (model.name, model.parameter_size, model.quantization, size, *marks) if part)


def _summary_words(summary: Summary) -> str:
    at = summary.updated_at.astimezone()
    title = clean_line(summary.title, 80) or "untitled"
    return ", ".join(
        part
        for part in (title, summary.model, plural(summary.message_count, "message"), f"{at:%Y-%m-%d %H:%M}")
        if part
    )
