"""What goes along with a prompt: files behind an ``@``, by ``/attach``, and web pages that are read when asked."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tui.app.attached_text import bytes_text, mark_of, taken_apart
from tui.app.drafts import joined
from tui.app.path_choices import (
    FolderNames,
    PathCompletion,
    folder_of,
    path_completions,
    read_folder,
    written_as_word,
    written_plainly,
)
from tui.app.screens.chat_models import NAME_CELLS, NEWS_SECONDS
from tui.app.screens.chat_revising import ChatRevising
from tui.app.widgets.completions import Completions
from tui.chat.attaching import Attached, attach_files, attach_page
from tui.chat.events import AnswerEnded, AttachmentsLost, SessionEvent
from tui.chat.fitting import scale_of
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.values import Attachment, AttachmentKind, Conversation
from tui.documents.attachable import full_path, passed_over_words
from tui.failures import Failure
from tui.metrics.wording import tokens_text
from tui.storage.attachments import LostAttachment

if TYPE_CHECKING:
    from tui.web.fetching import FetchedPage

FOLDER_KNOWN_SECONDS = 5.0
"""After that it is read anew, while what was known of it is still offered."""
SHOWN_CELLS = 60
ADDRESS_CELLS = 100
ATTACH, READ = "/attach ", "/read "
ABOUT = "attaching"
REFUSED = "what is not attached"


@dataclass(slots=True)
class _Reading:
    """What is being read for a prompt."""

    instead_of: str
    """Where it goes: this stands in the prompt until then. Empty: at the cursor."""
    mark: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """As it is written in the prompt; empty when nothing came of it."""
    is_sent: bool = False
    """It goes along with a prompt that was sent meanwhile."""


class ChatAttachments(ChatRevising):
    """Only what is chosen from the list, or named in a command, is attached; nothing that merely looks like a name is."""

    fetch_page: Callable[[str], Awaitable[FetchedPage]]
    """From the open net."""
    _readings: dict[str, list[_Reading]]
    """By session."""
    _folders: dict[str, tuple[float, FolderNames]]
    """When they were read, and what is in them."""
    _looked_into: set[str]
    _lacking: set[str]
    """Prompts that something was to go along with which could not be read."""

    async def begin(self) -> None:
        self.fetch_page = _fetch_page
        self._readings, self._folders, self._looked_into, self._lacking = {}, {}, set(), set()
        await super().begin()

    # Names, while they are written

    def show_completions(self) -> None:
        path = self._path_being_written()
        if path is None or self.history_bar.is_open:
            super().show_completions()
            return
        known = self._known_folder(path)
        self.query_one(Completions).show(() if known is None else path_completions(path, known))

    def _path_being_written(self) -> str | None:
        text = self.prompt.text
        if self.prompt.is_typed and text.startswith(ATTACH) and "\n" not in text:
            return text.removeprefix(ATTACH).lstrip()
        word = self.prompt.at_word
        if word is None or any(one.instead_of == f"@{word}" for one in self._readings.get(self._session.id, ())):
            return None
        return written_plainly(word)

    def _known_folder(self, path: str) -> FolderNames | None:
        """What is in the folder of ``path``; None while nobody has looked. Looks, where that was long ago."""
        now = self._workspace.clock()
        for key in (folder_of(path), path):
            read_at, names = self._folders.get(key, (float("-inf"), None))
            if names is None or (key != path and not names.is_whole):
                continue
            if now - read_at > FOLDER_KNOWN_SECONDS:
                self._look_into(path)
            return names
        self._look_into(path)
        return None

    def _look_into(self, path: str) -> None:
        if path not in self._looked_into:
            self._looked_into.add(path)
            self.in_background(self._read_folder(path))

    async def _read_folder(self, path: str) -> None:
        try:
            names = await asyncio.to_thread(read_folder, path, folder=Path.cwd(), home=self._home)
        finally:
            self._looked_into.discard(path)
        key = folder_of(path) if names.is_whole else path
        is_news = self._folders.get(key, (0.0, None))[1] != names
        self._folders[key] = (self._workspace.clock(), names)
        if self._has_widgets and is_news and self._path_being_written() is not None:
            self.show_completions()

    @property
    def _home(self) -> Path:
        return Path(self._workspace.environ.get("HOME") or Path.home())

    def take_completion(self) -> bool:
        self.show_completions()
        completions = self.query_one(Completions)
        marked = completions.marked
        if not isinstance(marked, PathCompletion):
            return super().take_completion()
        if self.prompt.at_word is None:
            self.prompt.load(f"{ATTACH}{marked.path}")
            completions.show(())
            if marked.leads_on:
                self.show_completions()
            return True
        word = written_as_word(marked.path)
        self.prompt.replace_at_word(word)
        if marked.leads_on:
            self.show_completions()
        else:
            completions.show(())
            self._sayings.over(REFUSED)
            self._attach_named(marked.path, instead_of=f"@{word}")
        return True

    # Files

    async def action_attach_files(self, written: str = "") -> None:
        """A name as it stands, blanks included; else several, as a shell takes them apart."""
        if not written:
            self.prompt.focus()
            self.prompt.type("@")
            self.show_completions()
            return
        self._sayings.over(REFUSED)
        for one in await asyncio.to_thread(self._names_in, written):
            self._attach_named(one)

    def _names_in(self, written: str) -> tuple[str, ...]:
        try:
            if full_path(written, folder=Path.cwd(), home=self._home).exists():
                return (written,)
            return tuple(shlex.split(written))
        except (OSError, ValueError):
            return (written,)

    def _attach_named(self, written: str, *, instead_of: str = "") -> None:
        session = self._session
        work = attach_files(
            written,
            contents=self._workspace.contents,
            folder=Path.cwd(),
            home=self._home,
            tokens_of=self._tokens_of(session),
            is_private=self._workspace.is_private(session),
        )
        self._put_when_read(session, work, instead_of=instead_of)

    def _tokens_of(self, session: Session) -> Callable[[str], int]:
        """By this model's own counts in this conversation, as far as there are any."""
        conversation = session.conversation
        plan = self._workspace.planner.plan(conversation, conversation.model)
        return scale_of(conversation, conversation.model, plan).tokens_of

    def _put_when_read(self, session: Session, work: Awaitable[Attached], *, instead_of: str = "") -> None:
        reading = _Reading(instead_of=instead_of)
        self._readings.setdefault(session.id, []).append(reading)
        self.in_background(self._take_in(session, reading, work))

    async def _take_in(self, session: Session, reading: _Reading, work: Awaitable[Attached]) -> None:
        written = ""
        try:
            attached = await work
            written = mark_of(attached, self._glyphs.separator).written
        except Failure as failure:
            self._sayings.say_failure(failure, is_reply=True, about=REFUSED)
            return
        finally:
            self._readings[session.id].remove(reading)
            reading.mark.set_result(written)
        if not reading.is_sent:
            self._place(session, written, reading.instead_of)
        self._say_attached(session, attached)

    def _place(self, session: Session, written: str, instead_of: str) -> None:
        """Where it was wanted. What was sent meanwhile takes it along, and what was deleted does not come back."""
        if session is not self._session:
            self.in_background(self._place_elsewhere(session, written, instead_of))
            return
        if self.history_bar.is_open:
            self.close_find()
        self.prompt.put_mark(written, instead_of=instead_of)
        self._keep_draft(session)
        self.show_completions()
        self.show_status()

    async def _place_elsewhere(self, session: Session, written: str, instead_of: str) -> None:
        key = self._draft_key(session)
        typed = await self.kept_draft(session)
        if typed is None:
            return
        if instead_of and instead_of in typed:
            self._drafts.keep(key, typed.replace(instead_of, written, 1))
        elif not instead_of:
            self._drafts.keep(key, joined(typed, written))

    def _say_attached(self, session: Session, attached: Attached) -> None:
        """Only what the chip does not say."""
        name = clean_line(attached.name, SHOWN_CELLS)
        if words := passed_over_words(attached.passed_over):
            self.reply(f"{name} {self._glyphs.separator} {words}", about=ABOUT, seconds=NEWS_SECONDS)
        if attached.picture is not None and self._cannot_see(session.conversation):
            self._say_cannot_see(session.conversation)

    async def made_whole(self, session: Session, text: str) -> str:
        """A prompt that is sent while something is read for it waits for that."""
        whole = await super().made_whole(session, text)
        self._lacking.discard(whole)
        readings = [one for one in self._readings.get(session.id, ()) if one.instead_of in whole]
        for one in readings:
            one.is_sent = True
        is_lacking = False
        for one in readings:
            mark = await one.mark
            is_lacking = is_lacking or not mark
            if mark:
                whole = whole.replace(one.instead_of, mark, 1) if one.instead_of else f"{whole} {mark}"
        if is_lacking:
            self._lacking.add(whole)
        unsent = self._unsent.get(session.id, [])
        if whole != text and text in unsent:
            unsent[unsent.index(text)] = whole
        return whole

    # Pictures are for models that see

    async def fits(self, session: Session, text: str, asked_of: Conversation | None = None) -> bool:
        if text in self._lacking:
            # What is missing was said. Sent once more, it goes as it is.
            self._lacking.discard(text)
            return False
        if _has_picture(taken_apart(text)[1]):
            conversation = asked_of or session.conversation
            model = self._workspace.find_model(conversation.model)
            if model is not None:
                await self._workspace.catalog.capabilities_of(model)
            if self._cannot_see(conversation):
                self._say_cannot_see(conversation)
                return False
        return await super().fits(session, text, asked_of)

    def _cannot_see(self, conversation: Conversation) -> bool:
        return self._workspace.planner.plan(conversation, conversation.model).can_see is False

    def _say_cannot_see(self, conversation: Conversation) -> None:
        name = clean_line(conversation.model, NAME_CELLS)
        models = self._workspace.catalog.models or ()
        sees = next((one.name for one in models if "vision" in (one.capabilities or ()) and not one.is_cloud), "")
        other = f"/model {clean_line(sees, NAME_CELLS)} can" if sees else "/model chooses another one"
        more = f"{other}, or delete the picture from the prompt"
        self.reply(f"{name} cannot see pictures", role="warning", more=more, about=ABOUT)

    # Pages

    async def action_read_page(self, address: str = "") -> None:
        """Only when it is asked for: nothing that stands in a prompt is ever fetched by itself."""
        session = self._session
        if not address:
            self.prompt.load(READ)
            self.prompt.focus()
            self.reply("which page?", more="/read https://…", about=ABOUT)
            return
        url = address if "://" in address else f"https://{address}"
        shown = clean_line(url, ADDRESS_CELLS)
        self.reply(f"reading {shown}", seconds=None, about=ABOUT)
        self._put_when_read(session, self._read_page(session, url))

    async def _read_page(self, session: Session, url: str) -> Attached:
        try:
            page = await self.fetch_page(url)
            attached = await attach_page(
                page.url,
                page.text,
                contents=self._workspace.contents,
                tokens_of=self._tokens_of(session),
                is_private=self._workspace.is_private(session),
            )
        except Failure:
            self._sayings.over(ABOUT)
            raise
        tokens = tokens_text(attached.attachments[0].tokens or 0)
        title = clean_line(page.title, SHOWN_CELLS)
        words = (bytes_text(page.size_bytes), f"~{tokens} tokens", title)
        more = f" {self._glyphs.separator} ".join(filter(None, words))
        self.reply(clean_line(page.url, ADDRESS_CELLS), more=more, about=ABOUT, seconds=NEWS_SECONDS)
        return attached

    # What is lost

    def _heard(self, event: SessionEvent) -> None:
        super()._heard(event)
        match event:
            case AttachmentsLost(failures):
                for failure in failures:
                    self.say_failure(failure)
            case AnswerEnded(failure=LostAttachment() as failure):
                # It can never be answered as it is.
                prompt = self._session.give_back()
                if prompt is not None:
                    self._give_back(self._session, self.written_again(prompt))
                    self.say_failure(failure)
                if not self._session.conversation.messages:
                    self.show_transcript()
            case _:
                pass


def _has_picture(attachments: tuple[Attachment, ...]) -> bool:
    return any(one.kind is AttachmentKind.image for one in attachments)


async def _fetch_page(url: str) -> FetchedPage:
    # The client of the net is not loaded before somebody asks for a page.
    from tui.web.fetching import fetch_page

    return await fetch_page(url)
