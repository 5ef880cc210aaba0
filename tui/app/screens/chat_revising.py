"""What a person makes of what was said: another prompt, another answer, versions beside each other, and back again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from textual import on

from tui.app.commands.command import Command
from tui.app.screens.chat import Keys
from tui.app.screens.chat_editing import WHOSE, ChatEditing
from tui.app.screens.chat_models import NAME_CELLS, NEWS_SECONDS
from tui.app.transcript.view import Transcript
from tui.app.widgets.copy_line import CopyLine
from tui.app.widgets.find_bar import FindBar
from tui.app.widgets.history_bar import HistoryBar
from tui.app.widgets.message_line import Deed, MessageLine, Offer
from tui.app.widgets.prompt import Prompt
from tui.chat.events import AnswerBegan, AnswerEnded, ConversationReplaced, MessageRemoved, SessionEvent
from tui.chat.fitting import ended_at_window
from tui.chat.going_on import began_anew, is_cut_off, may_begin_anew, why_not_go_on
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.values import Message, MessageState, Role
from tui.conversations.versions import Versions, marks, steps_to, versions_after, versions_at
from tui.engine import EngineError
from tui.failures import Failure
from tui.metrics.wording import plural
from tui.storage.attachments import LostAttachment
from tui.storage.hits import SearchHit
from tui.theming.nearest import nearest

OPENING_CELLS = 60


class ChatRevising(ChatEditing):
    """A message is marked by going to it; what can be done with it stands in one line."""

    _gone_on_from: tuple[str, str] = ("", "")
    """The id and the text of the answer that was gone on with last."""
    _doubted: frozenset[str] = frozenset()
    """Models whose template was looked at."""

    @property
    def message_line(self) -> MessageLine:
        return self.query_one(MessageLine)

    # What is shown

    def show_transcript(self) -> None:
        super().show_transcript()
        self._mark_versions()

    def _mark_versions(self) -> None:
        self.transcript.mark_versions(self._version_marks())

    def _version_marks(self) -> dict[str, str]:
        found = marks(self._session.conversation)
        return {message_id: f"{mark.number}/{mark.count}" for message_id, mark in found.items()}

    def _change_transcript(self) -> None:
        """The line is another one; what of it is the same stays where it is on the screen."""
        session = self._session
        self.transcript.change(session.conversation, self._version_marks(), empty=self._empty_lines())
        if session.is_answering and (live := session.live_text()) is not None:
            self.transcript.grow(*live)
        self._show_queue()
        self.prompt.set_history(tuple(one.text for one in session.conversation.messages if one.role is Role.user))
        self._show_header()

    def _heard(self, event: SessionEvent) -> None:
        if isinstance(event, ConversationReplaced):
            self._change_transcript()
            self.show_status()
            return
        super()._heard(event)
        match event:
            case AnswerBegan() | MessageRemoved() if self._session.conversation.branches:
                self._mark_versions()
            case AnswerEnded(message=message, brought=brought):
                if brought is not None:
                    self._look_whether_it_went_on(message)
                elif message.state is MessageState.complete and is_cut_off(message):
                    self._say_cut_off(message)
            case _:
                pass

    def _say_cut_off(self, message: Message) -> None:
        """Where the window is full that was said already, with what can be done."""
        plan = self._workspace.planner.plan(self._session.conversation, message.model)
        if plan.window_tokens is None or not ended_at_window(message, plan):
            more = self._keymap.sentence("answer.continue", "goes on with it")
            self.say("the answer was cut off", role="warning", more=more, about="cut off")

    def _useful_keys(self) -> Keys:
        keys, session = super()._useful_keys(), self._session
        if not self._has_widgets or session.is_answering or session.is_read_only or not self.prompt.is_empty:
            return keys
        last = session.conversation.messages[-1:]
        if self.message_line.is_open:
            return keys
        if self.transcript.current_message_id is not None:
            return (("enter", "act on it"), *keys)
        if last and is_cut_off(last[0]):
            first = 1 if session.can_try_again() else 0
            return (*keys[:first], *self._keymap.hint("answer.continue", "continue"), *keys[first:])
        return keys

    def why_not(self, command: Command) -> str:
        session = self._session
        messages = session.conversation.messages
        revises = ("message.actions", "message.edit", "message.delete", "answer.regenerate", "conversation.fork")
        match command.name:
            case "answer.continue" if (failure := why_not_go_on(session.conversation)) is not None:
                return failure.message
            case "message.versions" if not session.conversation.branches:
                return "nothing has other versions here"
            case name if name in (*revises, "answer.continue", "message.versions"):
                if not messages:
                    return "nothing was said yet"
                if session.is_read_only and name not in ("message.actions", "conversation.fork"):
                    return "open in another chinwag"
                return "an answer is under way" if session.is_answering and name in revises[1:4] else ""
            case _:
                return super().why_not(command)

    # The line of what can be done

    @on(Prompt.EnterOnEmpty)
    def _entered_on_marked(self, event: Prompt.EnterOnEmpty) -> None:
        if self._edited is None and self.transcript.current_message_id is None:
            return
        event.stop()
        event.prevent_default()
        if self._edited is None:
            self.action_act_on_message()

    def action_act_on_message(self) -> None:
        if not self._session.conversation.messages:
            self.reply("nothing was said yet")
            return
        self.close_find()
        self.copy_line.close()
        if self.transcript.current_message_id is None:
            self.transcript.action_previous_message()
        self._open_line()

    def _open_line(self) -> None:
        message = self._marked()
        if message is None:
            self.message_line.close()
            self.prompt.focus()
            return
        self.message_line.open(WHOSE[message.role], self._offers(message))
        self.show_status()

    def _offers(self, message: Message) -> list[Offer]:
        conversation = self._session.conversation
        is_last = message.id == conversation.messages[-1].id
        offers: list[Offer] = []
        if not self._session.is_read_only:
            word = "edit and ask" if message.role is Role.user else "edit"
            offers.append(Offer(Deed.edit, ("e",), "e", word, "edit"))
            if message.role is Role.user:
                offers.append(Offer(Deed.edit_only, ("E",), "E", "edit only", "text"))
            if message.role in (Role.user, Role.assistant):
                offers.append(Offer(Deed.regenerate, ("r",), "r", "regenerate", "again"))
            if is_last and why_not_go_on(conversation) is None:
                offers.append(Offer(Deed.go_on, ("c",), "c", "continue", "go on"))
            offers.append(Offer(Deed.delete, ("d",), "d", "delete", "del"))
            if not is_last:
                offers.append(Offer(Deed.delete_all, ("D",), "D", "all from here", "all"))
        offers.append(Offer(Deed.fork, ("f",), "f", "fork", "fork"))
        versions = self._versions_of(message)
        if versions.count > 1 and not self._session.is_read_only:
            words = f"{versions.number} of {versions.count}"
            offers.append(Offer(Deed.earlier, ("left",), "left, right", words, words))
            offers.append(Offer(Deed.later, ("right",), "", "", ""))
        return offers

    def _versions_of(self, message: Message) -> Versions:
        """At its place; of the last message, what could follow it where nothing else stands at its own."""
        conversation = self._session.conversation
        versions = versions_at(conversation, message.id)
        if versions.count == 1 and message.id == conversation.messages[-1].id:
            after = versions_after(conversation, message.id)
            return after if after.count else versions
        return versions

    @on(MessageLine.Moved)
    def _line_moved(self, event: MessageLine.Moved) -> None:
        if event.steps < 0:
            self.transcript.action_previous_message()
        else:
            self.transcript.action_next_message()
        self._open_line()

    @on(MessageLine.Closed)
    def _line_closed(self, event: MessageLine.Closed) -> None:
        if event.character:
            self._write_on(event.character)
        elif not event.was_left:
            self.prompt.focus()
        self.show_status()

    @on(MessageLine.Chosen)
    def _deed_chosen(self, event: MessageLine.Chosen) -> None:
        if event.deed in (Deed.earlier, Deed.later):
            self._step(-1 if event.deed is Deed.earlier else 1)
            self._open_line()
            return
        self.prompt.focus()
        match event.deed:
            case Deed.edit:
                self.action_edit_message()
            case Deed.edit_only:
                self.action_edit_message("only")
            case Deed.regenerate:
                self.action_regenerate()
            case Deed.go_on:
                self.action_continue_answer()
            case Deed.delete:
                self.action_delete_message()
            case Deed.delete_all:
                self.action_delete_message("all")
            case Deed.fork:
                self.in_background(self.action_fork_conversation())

    @on(Transcript.CurrentChanged)
    def _current_changed(self) -> None:
        if self.message_line.is_open:
            if self.transcript.current_message_id is not None:
                self._open_line()
        else:
            self.show_status()

    def take_focus(self) -> None:
        if self._has_widgets and self.message_line.is_open:
            self.message_line.focus()
        else:
            super().take_focus()

    def action_open_keys(self) -> None:
        self.message_line.stay_open()
        super().action_open_keys()

    def _bar_with_keys(self) -> FindBar | CopyLine | HistoryBar | MessageLine | None:
        return self.message_line if self.message_line.is_open else super()._bar_with_keys()

    async def go_to(self, session: Session) -> None:
        if self._has_widgets:
            self.message_line.close()
        await super().go_to(session)

    # Other answers

    def action_regenerate(self, wanted: str = "") -> None:
        """Of the marked message or the last answer, by a model or with a preset, for this once."""
        # Whoever waits for the answer to a question must not be the screen itself.
        self.in_background(self._regenerate(wanted))

    async def _regenerate(self, wanted: str) -> None:
        session, marked = self._session, self.transcript.current_message_id or ""
        model, preset = await self._answered_by(wanted)
        if wanted and not (model or preset):
            return
        if not session.conversation.messages:
            self.reply("nothing was said yet")
            return
        async with self._sending:
            if not (await self._may_send(session, model) and await self._may_ask_again(session, marked, model, preset)):
                return
        branches = len(session.conversation.branches)
        try:
            session.regenerate(marked, model=model, preset=preset)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        self.transcript.scroll_to_end()
        if len(session.conversation.branches) > branches:
            self._revised(session)
            shows = self._keymap.sentence("message.actions", "shows both")
            self.reply("the earlier answer stays beside it", more=shows, seconds=NEWS_SECONDS)

    async def _may_ask_again(self, session: Session, message_id: str, model: str, preset: str) -> bool:
        """As before a prompt is sent. What would fail for certain leaves no version behind."""
        try:
            before, prompt = session.before_regenerating(message_id)
            await asyncio.to_thread(self._look_at_attached, prompt)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return False
        control = replace(before.control, preset=preset or before.control.preset)
        asked_of = replace(before, model=model or before.model, control=control)
        return await self.fits(session, self.written_again(prompt), asked_of)

    def _look_at_attached(self, prompt: Message) -> None:
        """Blocks. Raises ``Failure`` for what is gone or damaged."""
        for one in prompt.attachments:
            try:
                _ = self._workspace.contents.read(one)
            except LostAttachment as failure:
                advice = "edit the prompt and attach it again"
                raise Failure("nothing was asked again", failure.title, advice) from failure

    async def _answered_by(self, wanted: str) -> tuple[str, str]:
        """Model and preset of that name; both empty when there is none, which was said then."""
        workspace = self._workspace
        if not wanted:
            return "", ""
        presets = workspace.steering.presets
        name = wanted.removeprefix("@")
        if name in presets:
            return presets[name].model or "", name
        try:
            models = workspace.catalog.models or await workspace.catalog.refresh()
        except EngineError:
            # A server that cannot be asked is no reason to doubt the name.
            return wanted, ""
        model = workspace.find_model(wanted)
        if model is None:
            near = nearest(wanted, [*(one.name for one in models), *presets])
            words = f"there is no model or preset {clean_line(wanted, 40)}{near}"
            self.reply(words, role="warning", more="/regenerate alone asks the same model")
            return "", ""
        return model.name, ""

    def action_continue_answer(self) -> None:
        self.in_background(self._continue_answer())

    async def _continue_answer(self) -> None:
        session = self._session
        conversation = session.conversation
        if (failure := why_not_go_on(conversation)) is not None and not session.is_answering:
            self.say_failure(failure, is_reply=True)
            return
        async with self._sending:
            # The window may be full: what falls out is asked about first.
            if not (await self._may_send(session) and await self.fits(session, "")):
                return
        try:
            before = session.conversation.messages[-1]
            session.continue_answer()
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        self._gone_on_from = (before.id, before.text)
        self._sayings.over("cut off")
        self._revised(session)
        self.transcript.scroll_to_end()
        self.in_background(self._doubt_template(before.model or conversation.model))

    async def _doubt_template(self, model: str) -> None:
        """Said once for each model; only the answer shows whether it is true."""
        if model in self._doubted:
            return
        self._doubted |= {model}
        try:
            details = await self._workspace.engine.show_model(model)
        except EngineError:
            return
        if may_begin_anew(details.template):
            name = clean_line(model, NAME_CELLS)
            self.say(f"{name} may begin anew", more="its template looks as if it closed every answer", role="warning")

    def _look_whether_it_went_on(self, message: Message) -> None:
        message_id, before = self._gone_on_from
        if message.id == message_id and began_anew(before, message.text):
            name = clean_line(message.model, NAME_CELLS)
            undoes = self._keymap.sentence("undo", "puts the answer back")
            more = f" {self._glyphs.separator} ".join(("its template does not let it go on", undoes))
            self.say(f"{name} began anew", role="warning", more=more, seconds=None, about="cut off")

    # Versions

    def _step(self, steps: int) -> None:
        session, message = self._session, self._marked()
        if message is None:
            return
        try:
            there = session.step_version(message.id, steps)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        if there is not None:
            self._revised(session)
            self.transcript.mark_message(there.id)

    def action_open_versions(self) -> None:
        """Of the marked message, or else of the last place where there are any."""
        from tui.app.screens.choices import Choice, Choices

        session, marked = self._session, self._marked()
        found = self._versions_of(marked) if marked is not None else None
        if found is None or found.count < 2:
            found = self._last_versions()
        if found is None:
            self.reply("nothing has other versions here", more="editing a prompt or regenerating an answer makes them")
            return
        choices = [
            Choice(
                key=one.id,
                name=f"{number}  {clean_line(one.text or one.thinking or one.failure, OPENING_CELLS) or 'nothing'}",
                right=f"{one.at.astimezone():%Y-%m-%d %H:%M}",
                note=self._version_note(one),
            )
            for number, one in enumerate(found.firsts, start=1)
        ]
        current = found.firsts[found.current].id if found.current >= 0 else ""

        def chosen(message_id: str | None) -> None:
            if message_id and message_id != current:
                self._show_version(session, message_id)

        self.app.push_screen(
            Choices(title="Versions", choices=choices, current=current, theme=self._theme, glyphs=self._glyphs), chosen
        )

    def _last_versions(self) -> Versions | None:
        conversation = self._session.conversation
        after = conversation.messages[-1].id if conversation.messages else ""
        if (beyond := versions_after(conversation, after)).count:
            return beyond
        found = marks(conversation)
        last = next((one.id for one in reversed(conversation.messages) if one.id in found), None)
        return None if last is None else versions_at(conversation, last)

    def _version_note(self, first: Message) -> str:
        conversation, dot = self._session.conversation, self._glyphs.separator
        branch = next((one for one in conversation.branches if one.messages[0].id == first.id), None)
        count = len(branch.messages) if branch is not None else 0
        follow = plural(count, "message") if count else "this one is shown"
        return f" {dot} ".join(filter(None, (clean_line(first.model, NAME_CELLS), follow)))

    def _show_version(self, session: Session, message_id: str) -> None:
        try:
            session.use_version(message_id)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        self._revised(session)
        if session is self._session:
            self.transcript.mark_message(message_id)

    async def _go_to_found(self, hit: SearchHit) -> None:
        """What was found in another version is brought onto the line, which can be undone."""
        session = self._session
        try:
            is_beside = bool(steps_to(session.conversation, hit.message_id))
        except KeyError:
            is_beside = False
        if is_beside and not session.is_read_only:
            self._show_version(session, hit.message_id)
            self.reply("it is in another version", more=self._keymap.sentence("undo", "shows the one before"))
        await super()._go_to_found(hit)

    # Deleting, forking, and back again

    def action_delete_message(self, wanted: str = "") -> None:
        """The marked message or the last one; ``all``: with what follows it."""
        session, message = self._session, self._marked()
        before, messages = session.conversation, session.conversation.messages
        if message is None and messages:
            message = messages[-1]
        if message is None:
            self.reply("nothing was said yet")
            return
        if wanted not in ("", "all"):
            self.reply(f"/remove {clean_line(wanted, 20)}", role="warning", more="/remove, or /remove all")
            return
        try:
            session.delete(message.id, with_following=bool(wanted))
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        self._revised(session)
        gone = len(messages) - len(session.conversation.messages)
        has_other = bool(session.conversation.messages) and any(
            session.conversation.messages[-1].id == one.id for branch in before.branches for one in branch.messages
        )
        words = f"{plural(gone, 'message')} deleted" if gone > 1 else "deleted"
        self._say_done(f"{words}, another version stands there" if has_other else words)

    async def action_fork_conversation(self) -> None:
        """From the marked message or the last one."""
        origin, message = self._session, self._marked()
        if message is None:
            message = next(iter(origin.conversation.messages[-1:]), None)
        if message is None:
            self.reply("nothing was said yet")
            return
        try:
            fork = await self._workspace.fork(origin, message.id)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        begun = fork.conversation.messages
        await self.go_to(fork)

        async def undo() -> str:
            await self._leave_fork(fork, origin)
            return "the fork is gone"

        def holds() -> bool:
            is_open = self._workspace.sessions.get(fork.id) is fork
            return is_open and fork.conversation.messages == begun and not fork.is_answering

        self.can_undo(undo, holds=holds)
        undoes = self._keymap.sentence("undo", "undoes it")
        self.reply("a conversation of its own from here on", more=undoes, seconds=NEWS_SECONDS)

    async def _leave_fork(self, fork: Session, origin: Session) -> None:
        if self._workspace.is_private(fork):
            await self._workspace.forget_session(fork.id)
        else:
            await self._delete(fork.id)
        there = self._workspace.sessions.get(origin.id)
        if there is not None:
            await self.go_to(there)
        else:
            await self._open(origin.id)

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        match command.name:
            case "answer.regenerate":
                models = self._workspace.catalog.models or ()
                presets = self._workspace.steering.presets.values()
                return (*((one.name, "") for one in models), *((one.name, one.about or "preset") for one in presets))
            case "message.delete":
                return (("all", "with all that follows it"),)
            case "message.edit":
                return (("only", "a prompt, too, is not asked anew"),)
            case _:
                return super().choices_for(command)
