"""All conversations that are open: begun, opened for writing or only followed, handed over, closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from weakref import WeakSet

from tui.chat.events import AnswerEnded, HandedOver, SessionEvent
from tui.chat.faults import report_fault
from tui.chat.following import FollowedSession, Following
from tui.chat.keeping import NothingKept
from tui.chat.owning import Owner
from tui.chat.session import Session, SessionTools
from tui.chat.unseen import finish_unseen
from tui.conversations.values import Conversation, Message
from tui.conversations.versions import forked
from tui.failures import Failure
from tui.places import Places
from tui.storage.control import Request, ask_owner, forget_requests, take_requests
from tui.storage.disk_failures import InMemoryOnly
from tui.storage.shelf import Shelf

MOST_UNWATCHED = 24
"""So many conversations stay open though nobody looks at them: each has its text in memory, and a file to itself."""


class OpenSessions:
    """Sessions outlive the screens that show them and end with ``close``."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        places: Places,
        tools: Callable[[], SessionTools],
        heard: Callable[[Session, SessionEvent], None],
        report: Callable[[Failure], None],
    ) -> None:
        """``heard`` gets everything that every session tells, ``report`` what was damaged or could not be handed over."""
        self.by_id: dict[str, Session] = {}
        self._shelf = shelf
        self._places = places
        self._tools = tools
        self._heard = heard
        self._report = report
        self._opening = asyncio.Lock()
        self._beside: WeakSet[Session] = WeakSet()
        self._owner = Owner(
            sessions=lambda: self.by_id,
            take_requests=partial(take_requests, places),
            hand_over=self._hand_over,
            report=report,
        )

    def start(self) -> None:
        """Listens from here on to what other chinwags ask."""
        self._owner.start()

    def new(self, *, model: str, is_private: bool = False) -> Session:
        """On disk with its first prompt, not before; with ``is_private`` never."""
        conversation = self._shelf.new(model=model)
        log = NothingKept() if is_private else self._shelf.new_log(conversation)
        return self._adopt(Session(conversation, self._tools(), log=log, is_private=is_private))

    async def fork(self, session: Session, message_id: str) -> Session:
        """A conversation of its own with the line up to that message, on the disk when this returns.

        Raises ``Failure`` when the message is not on the line or is still under way, and when it cannot be saved.
        """
        title, answer = "nothing was forked", session.answer_so_far()
        if answer is not None and answer.id == message_id:
            raise Failure(title, "the answer is under way", "esc stops it")
        unused = self._shelf.new()
        try:
            conversation = forked(session.conversation, message_id, new_id=unused.id, now=unused.created_at)
        except KeyError as error:
            raise Failure(title, "that message is not there any more", "choose another one") from error
        if session.is_private:
            return self._adopt(Session(conversation, self._tools(), log=NothingKept(), is_private=True))
        log = self._shelf.new_log(conversation)
        try:
            await log.checkpoint()
        except BaseException:
            await self._shelf.let_go(conversation.id)
            raise
        return self._adopt(Session(conversation, self._tools(), log=log))

    def beside(self, conversation: Conversation, *, is_private: bool, ended: Callable[[Message], None]) -> Session:
        """Goes on from a conversation by itself, and is kept nowhere; ``ended`` hears of each answer that is over.

        It is none of those in ``by_id``. Whoever asked for it closes it; ``close`` does, too.
        """
        own = replace(conversation, id=self._shelf.new(model=conversation.model).id)
        session = Session(own, self._tools(), log=NothingKept(), is_private=is_private)

        def heard(event: SessionEvent) -> None:
            if isinstance(event, AnswerEnded):
                ended(event.message)

        session.subscribe(heard)
        self._beside.add(session)
        return session

    async def open(self, conversation_id: str) -> Session:
        """The running one, or the one on disk; a ``FollowedSession`` while another chinwag writes it.

        Raises ``Failure`` when it cannot be read. Where nothing can be saved it opens all the same; that is reported.
        """
        if (running := self._running(conversation_id)) is not None:
            return running
        # Who asks for a lock while another task of ours takes it would hear that it is taken.
        async with self._opening:
            if (running := self._running(conversation_id)) is not None:
                return running
            # The other chinwag may have gone away since it was refused.
            log = await self._shelf.open_log(conversation_id)
            if log is None:
                return self._adopt(await self._followed(conversation_id))
            if log.damage:
                self._report(log.damage.as_failure())
            if log.refusal is not None:
                words = "what is said here is not saved"
                self._report(InMemoryOnly(words, log.refusal.message, log.refusal.advice))
            await asyncio.to_thread(forget_requests, self._places, conversation_id)
            await self._stop_following(conversation_id)
            return self._adopt(Session(log.conversation, self._tools(), log=log))

    async def forget(self, conversation_id: str) -> None:
        """Nothing of it runs or saves any more, and somebody else may write it."""
        session = self.by_id.pop(conversation_id, None)
        if session is not None:
            await session.close()
        await self._shelf.let_go(conversation_id)

    async def rest(self, *, shown: Session) -> None:
        """Closes what nobody has looked at for longest and what lies whole on the disk, all but ``MOST_UNWATCHED``.

        Only for who keeps no session but the one that is ``shown``; ``open`` gives back those that rest.
        """
        if self.by_id.get(shown.id) is shown:
            self._look_at(shown.id)
        resting = [key for key, one in self.by_id.items() if one is not shown and _can_rest(one)]
        for key in resting[:-MOST_UNWATCHED]:
            async with self._opening:
                if (session := self.by_id.get(key)) is None or not _can_rest(session):
                    continue
                try:
                    await self.forget(key)
                except Failure as failure:
                    self._report(failure)

    async def settle(self) -> None:
        """Returns when none is being opened or put to rest: what is not in ``by_id`` then is nobody's here."""
        async with self._opening:
            return

    @property
    def is_answering(self) -> bool:
        """An answer that was asked for here is under way, or about to be."""
        return any(one.is_answering and not one.is_read_only for one in self.by_id.values())

    async def finish(self, *, limit_seconds: float, limit_bytes: int) -> None:
        """See ``finish_unseen``. What is private is kept nowhere, and so not waited for."""
        answering = [
            one for one in self.by_id.values() if one.is_answering and not one.is_read_only and not one.is_private
        ]
        await finish_unseen(answering, limit_seconds=limit_seconds, limit_bytes=limit_bytes)

    async def close(self) -> None:
        """Ends every answer and waits for the disk. Raises what the first one that failed raised."""
        await self._owner.close()
        every = (*self.by_id.values(), *self._beside)
        results = await asyncio.gather(*(one.close() for one in every), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in errors[1:]:
            report_fault(error, during="closing the conversations")
        if errors:
            raise errors[0]

    async def _followed(self, conversation_id: str, *, is_writer_expected: bool = False) -> FollowedSession:
        async def request(wanted: Request) -> None:
            await asyncio.to_thread(ask_owner, self._places, conversation_id, wanted)

        conversation = await self._shelf.load(conversation_id)
        await self._stop_following(conversation_id)
        following = Following(
            news=partial(self._shelf.follow, conversation_id),
            has_writer=partial(self._shelf.has_writer, conversation_id),
            request=request,
            is_writer_expected=is_writer_expected,
        )
        return FollowedSession(conversation, self._tools(), following)

    async def _stop_following(self, conversation_id: str) -> None:
        before = self.by_id.get(conversation_id)
        if isinstance(before, FollowedSession):
            await before.close()

    async def _hand_over(self, session: Session) -> None:
        """To another chinwag that asked for it; here the conversation is followed from then on."""
        async with self._opening:
            await session.close()
            await self._shelf.let_go(session.id)
            self._adopt(await self._followed(session.id, is_writer_expected=True))
        self._heard(session, HandedOver())

    def _running(self, conversation_id: str) -> Session | None:
        session = self.by_id.get(conversation_id)
        if session is None or session.is_read_only:
            return None
        self._look_at(conversation_id)
        return session

    def _look_at(self, conversation_id: str) -> None:
        """Behind the others, as the one that was looked at last."""
        self.by_id[conversation_id] = self.by_id.pop(conversation_id)

    def _adopt(self, session: Session) -> Session:
        self.by_id[session.id] = session
        session.subscribe(partial(self._heard, session))
        return session


def _can_rest(session: Session) -> bool:
    """Nothing of it is in memory alone, and nothing is awaited of it."""
    is_kept = not (session.is_private or session.is_empty or session.is_unsaved)
    return is_kept and not (session.is_answering or session.queue or session.last_failure)
