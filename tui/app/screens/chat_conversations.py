"""What becomes of conversations: they are listed, searched, opened, renamed, deleted and brought back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tui.app.screens.chat_completion import ChatCompletion
from tui.app.screens.conversation_rows import Found, Marks, ShelfView, conversation_of
from tui.app.screens.conversations import NEW, ConversationList
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.edits import replace_message
from tui.conversations.markdown import as_markdown
from tui.conversations.values import Conversation, Summary
from tui.engine import EngineError, ErrorKind
from tui.failures import Failure
from tui.storage.conversation_files import Deleted
from tui.storage.hits import SearchHit
from tui.theming.nearest import nearest

OPENING_TOLD_AFTER_SECONDS = 0.5


class ChatConversations(ChatCompletion):
    """One conversation is shown; this brings others."""

    _deleted: tuple[Deleted, ...] = ()
    """What can be brought back, the last one last."""
    _told_faults: frozenset[str] = frozenset()
    """Documents that could not be read and were named."""
    _is_flag_checked = False

    async def begin(self) -> None:
        await super().begin()
        self.in_background(self._look_at_folder())

    async def _look_at_folder(self) -> None:
        """Better said before the first prompt than after it."""
        failure = await self._workspace.shelf.refusal()
        if failure is not None:
            self.say_failure(failure)

    async def _choose_model(self) -> None:
        await super()._choose_model()
        await self._check_flag()

    async def _check_flag(self) -> None:
        """Says once when the server has no model of the name on the command line."""
        workspace = self._workspace
        name, models = workspace.options.model, workspace.catalog.models
        if not name or models is None or self._is_flag_checked:
            return
        self._is_flag_checked = True
        if workspace.find_model(name) is not None:
            return
        try:
            # A list may lack what the server answers to.
            await workspace.engine.show_model(name)
        except EngineError as error:
            if error.kind is ErrorKind.model_missing:
                near = nearest(name, [one.name for one in models])
                words = f"there is no model {clean_line(name, 60)} on {workspace.host.name}{near}"
                self.say(words, role="warning", more=self._keymap.sentence("model.choose", "shows what there is"))

    # The list

    async def action_open_conversation(self) -> None:
        workspace = self._workspace
        screen = ConversationList(
            theme=self._theme,
            glyphs=self._glyphs,
            current=self._session.id,
            marks=self._marks,
            now=workspace.now,
            clock=workspace.clock,
            prose_width_columns=workspace.loaded.settings.appearance.prose_width_columns,
            read=self._read_shelf,
            load=self._load_for_preview,
            search=self._search_texts,
            rename=self._rename,
            pin=self._pin,
            delete=self._delete,
            undo=self._bring_back,
            copy=self._copy_as_markdown,
        )

        def chosen(key: str | None) -> None:
            self._conversation_chosen(key, screen.hit_of(key or ""))

        self.app.push_screen(screen, chosen)

    async def _read_shelf(self) -> ShelfView:
        listing = await self._workspace.shelf.summaries()
        faults = [f"{one.name}: {one.failure.message or one.failure.title}" for one in listing.faults]
        news = tuple(one for one in faults if one not in self._told_faults)
        self._told_faults |= frozenset(faults)
        summaries = sorted(map(self._as_it_is, listing.summaries), key=lambda one: not one.is_pinned)
        return ShelfView(summaries=tuple(summaries), faults=news)

    def _as_it_is(self, summary: Summary) -> Summary:
        """What is open may be ahead of its file."""
        session = self._workspace.sessions.get(summary.id)
        if session is None or session.is_read_only:
            return summary
        conversation = session.conversation
        return replace(
            summary,
            title=conversation.title,
            model=conversation.model,
            message_count=len(conversation.messages) + len(session.queue),
            is_pinned=conversation.control.is_pinned,
        )

    def _marks(self) -> Marks:
        sessions = self._workspace.sessions
        return Marks(
            answering={
                key: progress.phase.value
                for key, session in sessions.items()
                if session.is_answering and (progress := session.progress()) is not None
            },
            unread=frozenset(self._unread),
            read_only=frozenset(key for key, session in sessions.items() if session.is_read_only),
        )

    async def _load_for_preview(self, conversation_id: str) -> Conversation:
        session = self._workspace.sessions.get(conversation_id)
        if session is None or session.is_read_only:
            return await self._workspace.shelf.load(conversation_id)
        conversation, answer = session.conversation, session.answer_so_far()
        if answer is None or all(one.id != answer.id for one in conversation.messages):
            return conversation
        return replace_message(conversation, answer, now=conversation.updated_at)

    async def _search_texts(self, text: str) -> Found:
        shelf = self._workspace.shelf
        try:
            hits = await shelf.search(text)
        except ImportError as error:
            raise Failure("cannot search", "this python has no sqlite3", "install it") from error
        return Found(hits=hits, state=shelf.index_state)

    async def _rename(self, conversation_id: str, title: str) -> str:
        await self._workspace.open_sessions.settle()
        session = self._workspace.sessions.get(conversation_id)
        if session is None:
            return (await self._workspace.shelf.rename(conversation_id, title)).title
        if session.is_read_only:
            raise Failure("cannot rename the conversation", "it is open in another chinwag", "close it there")
        session.rename(title)
        return session.conversation.title

    async def _pin(self, conversation_id: str, is_pinned: bool) -> None:
        await self._workspace.open_sessions.settle()
        session = self._workspace.sessions.get(conversation_id)
        if session is None:
            _ = await self._workspace.shelf.pin(conversation_id, is_pinned=is_pinned)
            return
        if session.is_read_only:
            raise Failure("cannot pin the conversation", "it is open in another chinwag", "close it there")
        session.use_control(replace(session.conversation.control, is_pinned=is_pinned))

    async def action_pin_conversation(self) -> None:
        """Pins the conversation that is shown, or unpins it."""
        session = self._session
        if self._workspace.is_private(session):
            self.reply("a private conversation is in no list")
            return
        is_pinned = not session.conversation.control.is_pinned
        try:
            await self._pin(session.id, is_pinned)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        if is_pinned:
            self.reply("pinned: it stands first in the list", more="/pin unpins it")
        else:
            self.reply("not pinned any more")

    async def _copy_as_markdown(self, conversation_id: str) -> str:
        """Words that say what became of it."""
        conversation = await self._load_for_preview(conversation_id)
        text = await asyncio.to_thread(as_markdown, conversation)
        what = f"{clean_line(conversation.title, 60) or 'untitled'} as Markdown"
        delivery = await self.deliver(text, what)
        return f" {self._glyphs.separator} ".join(filter(None, (delivery.words(what), delivery.doubt)))

    def _conversation_chosen(self, key: str | None, hit: SearchHit | None = None) -> None:
        if key == NEW:
            self.in_background(self.action_new_conversation())
        elif key and (hit is not None or key != self._session.id):
            self.in_background(self._open(conversation_of(key), hit))
        elif self._session.id not in self._workspace.sessions:
            self.in_background(self._leave_deleted())

    async def _leave_deleted(self) -> None:
        """The conversation that is shown was deleted; when it was brought back, too, it is opened again."""
        if any(one.id == self._session.id for one in self._deleted):
            await self.action_new_conversation()
        else:
            await self._open(self._session.id)

    async def _open(self, conversation_id: str, hit: SearchHit | None = None) -> None:
        try:
            session = await self._opened(conversation_id)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            if self._session.id not in self._workspace.sessions:
                await self.action_new_conversation()
            return
        if session is not self._session or session.is_read_only:
            await self.go_to(session)
        if hit is not None:
            await self._go_to_found(hit)
        if session.is_read_only:
            stops = [f"{key} {words}" for key, words in self._keymap.hint("answer.stop", "stops its answer")]
            more = ", ".join((*stops, "/takeover asks for it"))
            self.reply("open in another chinwag, here it can only be read", role="warning", more=more, seconds=None)

    async def _go_to_found(self, hit: SearchHit) -> None:
        """With the bar that leads on to the next place."""
        if self.transcript.go_to_message(hit.message_id, find=hit.match):
            await self.do_command("find", clean_line(hit.match))

    async def _opened(self, conversation_id: str) -> Session:
        """A disk that takes its time is named meanwhile."""
        is_told = False

        def tell() -> None:
            nonlocal is_told
            is_told = True
            self.say("opening the conversation …", seconds=None)

        timer = self.set_timer(OPENING_TOLD_AFTER_SECONDS, tell)
        try:
            return await self._workspace.open_session(conversation_id)
        finally:
            timer.stop()
            if is_told:
                self.say("")

    async def action_new_conversation(self) -> None:
        """One that nothing was said in yet is as good as new."""
        sessions = self._workspace.sessions
        is_private = self._workspace.is_private(self._session)
        if self._session.is_empty and self._session.id in sessions and not is_private:
            return
        unused = next((one for one in sessions.values() if one.is_empty and not self._workspace.is_private(one)), None)
        await self.go_to(unused or self._workspace.new_session())

    async def action_rename_conversation(self, title: str = "") -> None:
        if not title:
            self._begin_command("/rename ")
        elif self._session.is_read_only:
            self.reply("this conversation is open in another chinwag", role="warning", more="here it can only be read")
        else:
            self._session.rename(title)

    async def action_delete_conversation(self) -> None:
        session = self._session
        if session.is_empty:
            self.reply("there is nothing to delete here")
            return
        if self._workspace.is_private(session):
            await self.action_new_conversation()
            return
        try:
            await self._delete(session.id)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        await self.action_new_conversation()
        title = clean_line(session.conversation.title, 60) or "untitled"
        self.reply(f"deleted {title}", more=self._keymap.sentence("undo", "brings it back"), seconds=20.0)

    async def _delete(self, conversation_id: str) -> None:
        await self._workspace.open_sessions.settle()
        session = self._workspace.sessions.get(conversation_id)
        if session is not None and session.is_read_only:
            raise Failure("cannot delete the conversation", "it is open in another chinwag", "close it there")
        if session is not None and session is self._session:
            self._keep_draft(session)
        try:
            await self._workspace.forget_session(conversation_id)
            deleted = await self._workspace.shelf.delete(conversation_id)
        except Failure:
            # What is on the screen was closed for it, and is to go on.
            if conversation_id == self._session.id:
                await self._open(conversation_id)
            raise
        self._deleted = (*self._deleted, deleted)
        self._unread.discard(conversation_id)

    async def _bring_back(self) -> str | None:
        """The id of what was deleted last, back in its place."""
        if not self._deleted:
            return None
        deleted = self._deleted[-1]
        await self._workspace.shelf.undo_delete(deleted)
        self._deleted = self._deleted[:-1]
        return deleted.id

    async def action_undo(self) -> None:
        try:
            back = await self._bring_back()
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        if back is None:
            self.reply("nothing to bring back")
            return
        await self._open(back)
        self.reply("it is back")

    def _begin_command(self, text: str) -> None:
        """In the prompt, if that is free; what stands there is a person's."""
        if self.prompt.is_empty:
            self.prompt.load(text)
        else:
            self.reply(f"empty the prompt, then write {text.strip()} and what it needs")
