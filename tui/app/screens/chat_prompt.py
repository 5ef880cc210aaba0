"""What is typed: it is sent, kept as a draft, or a command."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from textual import on

from tui.app.attached_text import plain_text, put_together, taken_apart
from tui.app.commands.command import Command
from tui.app.commands.completing import Completion, completions_of
from tui.app.commands.declared import read_slash
from tui.app.drafts import Drafts, joined
from tui.app.screens.chat_connection import ChatConnection
from tui.app.screens.question import Question
from tui.app.widgets.completions import Completions
from tui.app.widgets.prompt import Prompt
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.values import Conversation, Message
from tui.engine import EngineError
from tui.failures import Failure
from tui.storage.drafts import NEW

PUT_AWAY_SECONDS = 2.0
"""A disk that hangs does not keep the program from ending."""


class ChatPrompt(ChatConnection):
    """Nothing that was typed is ever only here: until a prompt is on the disk as sent, it is there as a draft."""

    _drafts: Drafts
    _sending: asyncio.Lock
    _unsent: dict[str, list[str]]
    """By session, prompts that have left the prompt and are not asked yet."""
    _asking: set[asyncio.Task[None]]
    """On their way to the disk."""
    _written_as_new: str = ""
    """The session whose draft is on the disk as that of a conversation without a name."""

    async def begin(self) -> None:
        self._drafts = Drafts(self._workspace.places, failed=self.say_failure)
        self._sending = asyncio.Lock()
        self._unsent = {}
        self._asking = set()
        await super().begin()
        self.prompt.load("", owner=self._session.id)
        await self.restore_draft()

    # Sending

    @on(Prompt.Sent)
    def _prompt_sent(self, event: Prompt.Sent) -> None:
        event.stop()
        self.query_one(Completions).show(())
        slash = read_slash(plain_text(event.text)) if event.is_typed else None
        if slash is not None:
            command, argument = slash
            self.in_background(self.do_command(command.action, argument))
            return
        if event.is_typed and self.use_own_prompt(event.text):
            return
        session = self._workspace.sessions.get(event.owner, self._session)
        self._unsent.setdefault(session.id, []).append(event.text)
        self.in_background(self._send(session, event.text))

    async def _send(self, session: Session, text: str) -> None:
        """One prompt after the other gets its model and its leave; then it goes, and the next one may."""
        async with self._sending:
            text = await self.made_whole(session, text)
            is_asked = await self._may_send(session) and await self.fits(session, text)
            if is_asked:
                task = self.in_background(self._ask(session, text))
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
        if not is_asked:
            self._give_back(session, text)

    async def _may_send(self, session: Session, model: str = "") -> bool:
        """Whether the conversation's model may be asked, or for this once ``model``."""
        if session.is_read_only:
            self.reply("this conversation is open in another chinwag", role="warning", more="/takeover asks for it")
            return False
        if not model and not session.conversation.model and not await self._have_model(session):
            return False
        is_kept = not self._workspace.is_private(session)
        return await self.may_leave_machine(model or session.conversation.model, is_kept=is_kept)

    async def made_whole(self, _session: Session, text: str) -> str:
        """With what is still being read for it; said where files are attached."""
        return text

    async def fits(self, _session: Session, _text: str, _asked_of: Conversation | None = None) -> bool:
        """Whether it may go as it is; what is done about one that is too long is said where the window is.

        It follows ``_asked_of``, by its model; None: what the session has.
        """
        return True

    async def _ask(self, session: Session, text: str) -> None:
        try:
            await session.ask(*taken_apart(text))
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            self._give_back(session, text)
            return
        self._no_longer_unsent(session, text)
        self._keep_draft(session)

    def too_long(self) -> None:
        """It goes back into the prompt, to be shortened; in the conversation it would make every later one too long."""
        session = self._session
        prompt = session.give_back()
        if prompt is not None:
            self._give_back(session, self.written_again(prompt))
            if not session.conversation.messages:
                self.show_transcript()

    async def _have_model(self, session: Session) -> bool:
        try:
            model = await self._workspace.choose_model(session)
        except EngineError as failure:
            self.say_failure(failure, is_reply=True)
            return False
        if model is None:
            self._say_no_model()
        else:
            self.show_model()
        return model is not None

    async def may_leave_machine(self, model: str, *, is_kept: bool = True) -> bool:
        """A cloud model is asked about once for each server, for good or, unless ``is_kept``, until chinwag ends."""
        workspace = self._workspace
        is_kept = is_kept and not workspace.is_throwaway
        host = workspace.host.url
        if workspace.find_model(model) is None:
            # A name alone does not say where a model runs.
            with suppress(EngineError):
                await workspace.catalog.refresh()
        if workspace.host.url == host and workspace.is_cloud(model) and not await workspace.cloud_leave.look(host):
            if not await self._agrees_to_cloud(model, is_kept=is_kept):
                return False
            try:
                await workspace.cloud_leave.give(host, is_kept=is_kept)
            except Failure as failure:
                self.say_failure(failure)
        return workspace.host.url == host or await self.may_leave_machine(model, is_kept=is_kept)

    async def _agrees_to_cloud(self, model: str, *, is_kept: bool) -> bool:
        until = f"for {clean_line(self._workspace.host.name, 24)}" if is_kept else "until chinwag ends"
        question = Question(
            title="a model in the cloud",
            lines=(
                f"{clean_line(model, 50)} runs on somebody else's computers.",
                "What you write, and what was said before, leaves this machine.",
            ),
            answers=(("stay", "do not send"), ("send", f"send, and do not ask again {until}")),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        return await self.answer_to(question) == "send"

    async def answer_to(self, question: Question) -> str | None:
        """The key of the answer; None when it was put aside."""
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.app.push_screen(question, answer.set_result)
        return await answer

    async def _connect_to(self, address: str) -> None:
        """Prompts that wait behind an answer go to the other server only with leave for that one."""
        waiting: list[tuple[Session, tuple[str, ...]]] = []
        for session in self._workspace.sessions.values():
            if session.queue and not session.is_paused:
                texts: list[str] = []
                while (prompt := session.take_back()) is not None:
                    texts.insert(0, self.written_again(prompt))
                self._unsent.setdefault(session.id, []).extend(texts)
                waiting.append((session, tuple(texts)))
        try:
            await super()._connect_to(address)
        finally:
            for session, prompts in waiting:
                self.in_background(self._queue_again(session, prompts))

    async def _queue_again(self, session: Session, texts: tuple[str, ...]) -> None:
        async with self._sending:
            if await self._may_send(session):
                for text in texts:
                    await self._ask(session, text)
                return
        for text in texts:
            self._no_longer_unsent(session, text)
        self._give_back(session, joined(*texts))

    def _give_back(self, session: Session, text: str) -> None:
        """What was refused stands in the prompt again, before what was typed meanwhile."""
        self._no_longer_unsent(session, text)
        if session is self._session:
            typed = self.prompt.text
            self.prompt.load(joined(text, typed), is_restored=True)
            self._keep_draft(session)
            self.show_status()
        else:
            self.in_background(self._give_back_elsewhere(session, text))

    async def _give_back_elsewhere(self, session: Session, text: str) -> None:
        if self._workspace.is_private(session):
            return
        key = self._draft_key(session)
        try:
            typed = await self._drafts.text_of(key)
        except Failure as failure:
            self.say_failure(failure)
            typed = ""
        self._drafts.keep(key, joined(text, typed))

    def _no_longer_unsent(self, session: Session, text: str) -> None:
        unsent = self._unsent.get(session.id, [])
        if text in unsent:
            unsent.remove(text)

    @on(Prompt.EnterOnEmpty)
    def _entered_on_empty(self, event: Prompt.EnterOnEmpty) -> None:
        event.stop()
        self.in_background(self.go_on())

    async def go_on(self) -> None:
        """Tries again after a failure; else sends the next of the prompts that wait."""
        session = self._session
        if not session.can_try_again() and not session.is_paused:
            return
        async with self._sending:
            is_kept = not self._workspace.is_private(session)
            if not await self.may_leave_machine(session.conversation.model, is_kept=is_kept):
                return
        if session.can_try_again():
            session.try_again()
        elif session.is_paused:
            await session.go_on()

    # What is being written

    @on(Prompt.Changed)
    def _prompt_changed(self, event: Prompt.Changed) -> None:
        event.stop()
        self._key_at = self._workspace.clock()
        self.show_completions()
        self.show_status()
        if session := self._workspace.sessions.get(event.owner):
            self._keep_draft(session, event.text)

    def show_completions(self) -> None:
        is_typed = self.prompt.is_typed
        self.query_one(Completions).show(self.completions_for(self.prompt.text) if is_typed else ())

    def completions_for(self, text: str) -> tuple[Completion, ...]:
        """What a beginning of a command may become."""
        return completions_of(text, self.choices_for)

    def use_own_prompt(self, _text: str) -> bool:
        """Whether it called a prompt of the person's; where they are kept is said there."""
        return False

    def choices_for(self, _command: Command) -> Iterable[tuple[str, str]]:
        """What may stand behind a command, with a few words about each; said where the command is."""
        return ()

    @on(Prompt.TakeBack)
    def _take_back(self, event: Prompt.TakeBack) -> None:
        event.stop()
        if (prompt := self._session.take_back()) is not None:
            self.prompt.load(joined(self.written_again(prompt), self.prompt.text), is_restored=True)
            self._keep_draft(self._session)
            self.show_status()

    def written_again(self, prompt: Message) -> str:
        """Its text with what was attached to it, for the prompt."""
        return put_together(prompt, self._glyphs.separator)

    def _draft_key(self, session: Session) -> str:
        """A conversation that nothing was said in has no name that the next start would know."""
        return NEW if session.is_empty else session.id

    def _keep_draft(self, session: Session, typed: str | None = None) -> None:
        if self._workspace.is_private(session):
            return
        if typed is None:
            typed = self.prompt.draft if session is self._session else ""
        key = self._draft_key(session)
        self._drafts.keep(key, joined(*self._unsent.get(session.id, ()), typed))
        if key == NEW:
            self._written_as_new = session.id
        elif self._written_as_new == session.id:
            self._written_as_new = ""
            self._drafts.keep(NEW, "")

    async def kept_draft(self, session: Session) -> str | None:
        """What was written in that conversation and not sent; None where none is kept, or it cannot be read, which is said."""
        if self._workspace.is_private(session):
            return None
        try:
            return await self._drafts.text_of(self._draft_key(session))
        except Failure as failure:
            self.say_failure(failure)
            return None

    async def restore_draft(self) -> None:
        """Into the prompt, before what was typed meanwhile."""
        session, key = self._session, self._draft_key(self._session)
        draft = await self.kept_draft(session)
        if not draft or session is not self._session:
            return
        self.prompt.load(joined(draft, self.prompt.text), owner=session.id, is_restored=True)
        self._keep_draft(session)
        if key != self._draft_key(session):
            self._drafts.keep(key, "")
        self.show_status()

    async def go_to(self, session: Session) -> None:
        """Leaves what is typed with the conversation where it was typed, and shows another one."""
        left = self._session
        if left.id in self._workspace.sessions:
            self._keep_draft(left)
        self.prompt.load("", owner=session.id)
        self.query_one(Completions).show(())
        self.show_session(session)
        self.choose_model_soon()
        await self.restore_draft()

    async def put_away(self) -> None:
        """Everything typed is on the disk, and nothing of this screen asks the server any more."""
        asking = {task for task in self._asking if not task.done()}
        for task in self._tasks - asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking, timeout=PUT_AWAY_SECONDS)
        if self._session.id in self._workspace.sessions:
            self._keep_draft(self._session)
        await self._drafts.close()

    async def do_command(self, action: str, argument: str = "") -> None:
        """A command by its action, as the palette and ``/commands`` do it."""
        result = getattr(self, f"action_{action}")(*([argument] if argument else []))
        if asyncio.iscoroutine(result):
            await result
