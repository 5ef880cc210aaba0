"""The conversation and the person's documents: whether it asks with them, what was found, and what an answer was given."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from textual import on

from tui.app.commands.command import Command
from tui.app.screens.chat import Keys
from tui.app.screens.chat_models import NAME_CELLS, NEWS_SECONDS
from tui.app.screens.chat_titles import ChatTitles
from tui.app.screens.list_screen import ListScreen
from tui.app.screens.question import Question
from tui.app.transcript.entry import has_sources
from tui.app.transcript.view import Transcript
from tui.app.widgets.parts import Parts
from tui.app.widgets.status_line import StatusView
from tui.chat.context_window import WindowUse
from tui.chat.documents import SUGGESTED_MODEL, Reading, ReadingState
from tui.chat.events import AnswerEnded, PassagesFound, Phase, PhaseChanged, SessionEvent
from tui.chat.manners import Disturbance
from tui.chat.passages import Passages, PassagesFailed
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.control import Control
from tui.conversations.values import Message, Source
from tui.engine import ChatRequest, EngineError
from tui.failures import Failure
from tui.metrics.wording import plural

ON, OFF = ("on", "yes"), ("off", "no")
MODEL_SETTING = "documents.model"
PATH_CELLS = 60
ABOUT = "documents"


class ChatDocuments(ChatTitles):
    """Documents are read in the background; a prompt waits for its passages, and for nothing else of them."""

    _told_of_loading: set[str]
    """The servers of which it was said what loading the embedding model may do."""
    _without_asked: set[str]
    """The sessions in which it is being asked whether a prompt goes without its passages."""

    async def begin(self) -> None:
        self._without_asked = set()
        self._told_of_loading = set()
        self._workspace.documents.on_change = self._reading_changed
        self._workspace.documents.on_problems = self._say_problems
        await super().begin()

    def _say_problems(self, problems: tuple[Failure, ...]) -> None:
        self._sayings.say_each(tuple(map(str, problems)))

    # What is shown of it

    @property
    def _asks_with_documents(self) -> bool:
        return self._session.conversation.control.documents

    def _header_notes(self) -> Parts:
        notes = super()._header_notes()
        return (*notes, (f" {self._glyphs.separator} documents", "muted")) if self._asks_with_documents else notes

    def window_now(self) -> WindowUse:
        """With the passages of the prompt that is answered; they are in no later request."""
        use = super().window_now()
        session = self._session
        if not session.extra_context or self._measured is None:
            return use
        return replace(use, used=use.used + self._measured.scale.tokens_of(session.extra_context), is_counted=False)

    def _useful_keys(self) -> Keys:
        """What an answer was given can be read as soon as it is there."""
        keys, messages = super()._useful_keys(), self._session.conversation.messages
        is_next = bool(messages) and has_sources(messages[-1]) and not self._session.is_answering
        if not is_next or (self._has_widgets and not self.prompt.is_empty):
            return keys
        return (*self._keymap.hint("answer.sources", "sources"), *keys)

    def _do_seconds_run(self) -> bool:
        reading = self._workspace.documents.reading
        return super()._do_seconds_run() or (reading is not None and reading.is_running)

    def _status_view(self) -> StatusView:
        view, reading = super()._status_view(), self._workspace.documents.reading
        if view.pulling or reading is None or not reading.is_running:
            return view
        of = f" {reading.done:,} of {reading.total:,}" if reading.total else ""
        return replace(view, pulling=f"{self._glyphs.waiting} documents{of}")

    def _reading_changed(self, reading: Reading) -> None:
        if not self._has_widgets:
            return
        if reading.is_running:
            self._sayings.over(ABOUT)
        elif reading.state is ReadingState.done:
            bad = f"{plural(len(reading.problems), 'document')} could not be read; /documents says why"
            read = f"{plural(reading.read, 'document')} read" if reading.read else "the documents are up to date"
            self.say(read, role="success", more=bad if reading.problems else "", seconds=NEWS_SECONDS, about=ABOUT)
        elif reading.failure is not None:
            self._sayings.say_failure(reading.failure, about=ABOUT)
        elif reading.state is ReadingState.stopped:
            self.say("the documents are read no further", more="/documents read goes on", about=ABOUT)
        self.show_status()

    # What the person wants of them

    async def action_open_documents(self, wanted: str = "") -> None:
        """``on`` and ``off`` are for this conversation; ``add PATH``, ``read``, ``stop`` and ``model NAME`` for all."""
        word, _, rest = wanted.strip().partition(" ")
        rest = rest.strip()
        if not word:
            self._open_documents_screen()
        elif word in (*ON, *OFF):
            await self._turn_and_say(is_on=word in ON)
        elif word == "add" and rest:
            await self._add_documents(Path(rest))
        elif word in ("read", "update"):
            await self._read_documents()
        elif word == "stop":
            if not self._workspace.documents.stop_reading():
                self.reply("no documents are being read")
        elif word == "model" and rest:
            await self._use_embedding_and_say(rest)
        else:
            more = "on, off, add PATH, read, stop or model NAME"
            self.reply(f"/documents {clean_line(wanted, 40)}", role="warning", more=more)

    def _turn(self, is_on: bool) -> bool:
        session = self._session
        if session.is_read_only:
            return False
        session.use_control(replace(session.conversation.control, documents=is_on))
        self._show_header()
        self.show_status()
        return True

    async def _turn_and_say(self, *, is_on: bool) -> None:
        if not self._turn(is_on):
            self.reply("this conversation is open in another chinwag", role="warning", more="/takeover asks for it")
            return
        if not is_on:
            self.reply("documents are off in this conversation", more="from the next prompt on")
            return
        workspace, documents = self._workspace, self._workspace.documents
        try:
            shelf = await documents.shelf()
            if not shelf.added:
                self.reply("documents are on, and there are none yet", role="warning", more="/documents add PATH")
                return
            words = await documents.loading_words()
            self._told_of_loading.add(workspace.host.url)
            to_read = len((await documents.look()).to_read)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        then = []
        if workspace.is_cloud(self._session.conversation.model):
            then.append("passages of them leave this machine with each prompt")
        is_running = documents.reading is not None and documents.reading.is_running
        if to_read and not is_running:
            then.append(f"{plural(to_read, 'document')} not read yet: /documents read")
        words_of_shelf = plural(len(shelf.documents), "document")
        self.reply(
            "documents are on in this conversation",
            *filter(None, (words,)),
            *then,
            more=words_of_shelf,
            seconds=NEWS_SECONDS,
        )

    async def _add_documents(self, path: Path) -> None:
        try:
            real = await self._workspace.documents.add(path)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        self.reply(f"{clean_line(str(real), PATH_CELLS)} is added", more=self._how_to_use())
        await self._read_documents()

    def _how_to_use(self) -> str:
        return "" if self._asks_with_documents else "/documents on asks with it in this conversation"

    async def _read_documents(self) -> None:
        documents = self._workspace.documents
        try:
            if words := await documents.loading_words():
                answer = await self.answer_to(self._loading_question(words))
                if answer != "read":
                    self.reply("nothing was read", more="/documents read does it later")
                    return
            reading = await documents.begin_reading()
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        model = clean_line(reading.model, NAME_CELLS)
        self.say(f"reading the documents with {model}", more="/documents shows how far it is", about=ABOUT)
        self.show_status()

    def _loading_question(self, words: str) -> Question:
        return Question(
            title="documents are read by another model",
            lines=(f"{words}.", "Whoever talks with it waits until it is loaded again."),
            answers=(("stay", "not now"), ("read", "read the documents")),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )

    async def _use_embedding(self, name: str) -> None:
        """Raises ``Failure``."""
        await self._workspace.change_setting(MODEL_SETTING, name)

    async def _use_embedding_and_say(self, name: str) -> None:
        documents = self._workspace.documents
        try:
            offered = await documents.models()
            found = self._workspace.find_model(name)
            if found is None or found.name not in [one.name for one in offered]:
                names = ", ".join(clean_line(one.name, 40) for one in offered) or f"none; /pull {SUGGESTED_MODEL}"
                self.reply(
                    f"{clean_line(name, 40)} makes no vectors here", role="warning", more=f"those that do: {names}"
                )
                return
            await self._use_embedding(found.name)
            to_read = len((await documents.look()).to_read)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        more = f"{plural(to_read, 'document')} to read with it: /documents read" if to_read else ""
        self.reply(f"vectors are made by {clean_line(found.name, 40)}", more=more)

    def _open_documents_screen(self) -> None:
        from tui.app.screens.documents import DocumentsScreen
        from tui.app.screens.source_reader import whole_document

        workspace = self._workspace

        def open_document(path: Path) -> None:
            self.in_background(self._open_source(whole_document(path), below=screen))

        screen = DocumentsScreen(
            theme=self._theme,
            glyphs=self._glyphs,
            documents=workspace.documents,
            host_name=workspace.host.name,
            is_on=lambda: self._asks_with_documents,
            turn=self._turn,
            use_embedding=self._use_embedding,
            open_document=open_document,
            open_pulls=self._open_pulls,
            home=Path(workspace.environ.get("HOME") or Path.home()),
            clock=workspace.clock,
        )
        self.app.push_screen(screen)

    # What goes along

    async def _next_request(self, unsent: str) -> ChatRequest:
        """With the passages that would be found for what is being written, which asks the embedding model."""
        if not self._asks_with_documents or not unsent:
            return await super()._next_request(unsent)
        workspace, conversation = self._workspace, self.with_unsent(unsent)
        plan = workspace.planner.plan(conversation, conversation.model)
        self.reply("searching the documents", about=ABOUT)
        try:
            passages = await workspace.documents.passages_for(conversation, conversation.model, plan, {})
        except EngineError as failure:
            self.say_failure(failure, is_reply=True)
            return await super()._next_request(unsent)
        return await self.composed(conversation, replace(plan, extra_context=passages.context))

    def _heard(self, event: SessionEvent) -> None:
        super()._heard(event)
        match event:
            case PassagesFound(passages):
                self._say_found(passages)
            case PhaseChanged(Phase.searching):
                self.in_background(self._say_loading())
            case AnswerEnded(failure=failure) if isinstance(failure, PassagesFailed):
                self._offer_without(self._session)
            case _:
                pass

    async def _say_loading(self) -> None:
        """Before the first search on a server, unless its model is loaded or will fit: what that may do to others."""
        documents, host = self._workspace.documents, self._workspace.host.url
        if host in self._told_of_loading:
            return
        self._told_of_loading.add(host)
        with suppress(Failure):
            if words := await documents.loading_words():
                self.say(words, role="warning", more="/documents off asks without them", about=ABOUT)

    def _say_found(self, passages: Passages) -> None:
        """Only what the sources below the answer do not say."""
        threshold = self._workspace.documents.limits.threshold
        if passages.has_no_room:
            self.say("no room for documents in the window", role="warning", more="/window shows what can be done")
        elif not passages.sources and passages.left_out:
            self.say("no passage fits the budget", role="warning", more="documents.budget_tokens in the settings")
        elif not passages.sources:
            self.say("nothing in the documents is near this prompt", more=f"none above {threshold:g}", about=ABOUT)
        elif passages.stale_documents:
            words = f"{plural(passages.stale_documents, 'document')} not searched: read by another model"
            self.say(words, role="warning", more="/documents read reads them again", about=ABOUT)

    def _offer_without(self, session: Session) -> None:
        if self.is_current and self.prompt.is_empty and session.id not in self._without_asked:
            self.in_background(self._ask_about_going_without(session))
        else:
            more = "enter on an empty prompt tries again, /documents off sends it without"
            self.say("the prompt was not sent", role="warning", more=more, seconds=None)

    async def _ask_about_going_without(self, session: Session) -> None:
        failure = session.last_failure
        cause = failure.cause if isinstance(failure, PassagesFailed) else failure
        self._without_asked.add(session.id)
        try:
            question = Question(
                title="the documents were not searched",
                lines=tuple(
                    line for line in (() if cause is None else (cause.title, cause.message, cause.advice)) if line
                ),
                answers=(
                    ("stay", "leave it, nothing was sent"),
                    ("again", "try again"),
                    ("without", "send it without them"),
                ),
                theme=self._theme,
                glyphs=self._glyphs,
                clock=self._workspace.clock,
            )
            answer = await self.answer_to(question)
        finally:
            self._without_asked.discard(session.id)
        if answer == "again":
            session.try_again()
        elif answer == "without":
            session.try_again_without_passages()

    # The sources of an answer

    async def action_open_sources(self, number: str = "") -> None:
        """Of the current answer, or the last one that has any; all of them to choose from, unless a number says which."""
        message = self._message_with_sources()
        if message is None:
            self.reply("no answer here has sources", more="/documents on gives it passages of your documents")
        elif not number and len(message.sources) > 1:
            self._pick_source(message)
        elif not number or (number.isdecimal() and 1 <= int(number[:6]) <= len(message.sources)):
            await self._open_source(message.sources[int(number[:6] or "1") - 1])
        else:
            words = f"there is no source {clean_line(number, 20)}"
            self.reply(words, role="warning", more=f"they are 1 to {len(message.sources)}")

    def _message_with_sources(self) -> Message | None:
        messages = self._session.conversation.messages
        current = self.transcript.current_message_id
        chosen = next((one for one in messages if one.id == current and has_sources(one)), None)
        return chosen or next((one for one in reversed(messages) if has_sources(one)), None)

    def _pick_source(self, message: Message) -> None:
        from tui.app.screens.choices import Choice, Choices
        from tui.app.screens.source_reader import source_words

        def chosen(key: str | None) -> None:
            if key:
                self.in_background(self._open_source(message.sources[int(key) - 1]))

        choices = [
            Choice(
                key=str(number),
                name=f"[{number}] {source_words(one)}",
                right="" if one.score is None else f"{one.score:.2f}",
                note=one.path,
            )
            for number, one in enumerate(message.sources, 1)
        ]
        self.app.push_screen(
            Choices(
                title="The documents that this answer was given",
                choices=choices,
                keys=(("enter", "read"), ("esc", "back")),
                theme=self._theme,
                glyphs=self._glyphs,
            ),
            chosen,
        )

    @on(Transcript.SourceChosen)
    def _source_chosen(self, event: Transcript.SourceChosen) -> None:
        messages = self._session.conversation.messages
        message = next((one for one in messages if one.id == event.message_id), None)
        if message is not None and event.number <= len(message.sources):
            self.in_background(self._open_source(message.sources[event.number - 1]))

    async def _open_source(self, source: Source, *, below: ListScreen | None = None) -> None:
        """On top of the list that it was chosen from, or of the conversation."""
        from tui.app.screens.source_reader import SourceReader

        kept: tuple[tuple[int, str], ...] = ()
        try:
            shelf = await self._workspace.documents.shelf()
            kept = shelf.kept_lines(Path(source.path), source.first, source.last or 1 << 30)
        except Failure as failure:
            self.say_failure(failure)

        def copy(text: str, what: str) -> None:
            self.copy(text, what)

        def close_below() -> None:
            if below is not None:
                below.dismiss(None)

        if below is not None and self.app.screen is not below:
            return  # it was left meanwhile, or Enter came twice
        self.app.push_screen(
            SourceReader(
                theme=self._theme, glyphs=self._glyphs, source=source, kept=kept, copy=copy, close_below=close_below
            )
        )

    # Manners

    async def _disturbance(self, name: str, control: Control) -> Disturbance | None:
        """The model that makes vectors was loaded for this chinwag: it is nobody else's."""
        workspace = self._workspace
        asked = {model for host, model in workspace.documents.models_asked if host == workspace.host.url}
        if asked:
            for one in await workspace.catalog.refresh_running():
                if any(workspace.same_model(one.name, model) for model in asked):
                    self._own_models[workspace.host.url, one.name] = one.context_tokens
        return await super()._disturbance(name, control)

    # Where it makes sense

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        if command.name != "documents":
            return super().choices_for(command)
        is_on = self._asks_with_documents
        turning = ("off", "ask without them here") if is_on else ("on", "ask with them in this conversation")
        return (
            turning,
            ("read", "what is new or changed"),
            ("add", "and a path: a file or a folder"),
            ("model", "and a name: which makes vectors"),
        )

    def why_not(self, command: Command) -> str:
        if command.name == "answer.sources":
            return "" if self._message_with_sources() is not None else "no answer here has sources"
        return super().why_not(command)
