"""What all answers were like, on request; and a line when one was clearly slower than this model usually is."""

from __future__ import annotations

from dataclasses import dataclass

from tui.app.screens.chat_history import ChatHistory
from tui.app.screens.chat_models import NEWS_SECONDS
from tui.chat.events import AnswerBegan, AnswerEnded, SessionEvent
from tui.chat.session import Session
from tui.chat.usage_file import usage_of
from tui.metrics.slowness import Circumstances, Slowness, Usual, share_on_cpu, slowness_of
from tui.metrics.usage import UsageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """An answer that is to be judged once the server has said what is in its memory."""

    answer: UsageRecord
    usual: Usual | None
    others: int
    """Answers that came at the same time."""


class ChatStatistics(ChatHistory):
    """Judges the answers of the conversation that is looked at."""

    _ended: _Ended | None = None
    _others_beside: dict[str, int]
    """By message, how many answers were under way beside it when it began."""

    async def begin(self) -> None:
        self._others_beside = {}
        await super().begin()

    def action_show_statistics(self) -> None:
        from tui.app.screens.statistics import Statistics

        workspace = self._workspace
        self.app.push_screen(
            Statistics(
                theme=self._theme,
                glyphs=self._glyphs,
                read=workspace.usage.every_record,
                today=lambda: workspace.now().astimezone().date(),
                copy=self.copy,
                is_kept=not workspace.is_throwaway,
            )
        )

    def _told(self, session: Session, event: SessionEvent) -> None:
        if isinstance(event, AnswerBegan):
            self._others_beside[event.message.id] = self._others_answering(session)
        elif isinstance(event, AnswerEnded):
            beside = self._others_beside.pop(event.message.id, 0)
            if session is self._session and not session.is_read_only and not self._workspace.is_demo:
                self._ended = _Ended(
                    answer=usage_of(event.message, host=self._workspace.host.url),
                    usual=self._workspace.usage.usual(event.message.model),
                    others=max(beside, self._others_answering(session)),
                )
        super()._told(session, event)

    def _others_answering(self, session: Session) -> int:
        return sum(one is not session and one.is_answering for one in self._workspace.sessions.values())

    async def _read_running(self) -> None:
        ended, self._ended = self._ended, None
        await super()._read_running()
        if ended is not None and (slowness := self._slowness(ended)) is not None:
            self.say(slowness.words, more=slowness.why, seconds=NEWS_SECONDS, about="speed")

    def _slowness(self, ended: _Ended) -> Slowness | None:
        model, catalog = ended.answer.model, self._workspace.catalog
        running = self._workspace.running_model(model)
        circumstances = Circumstances(
            share_on_cpu=None if running is None else share_on_cpu(running.size_bytes, running.size_vram_bytes),
            other_models=tuple(
                one.name
                for one in catalog.running
                if not self._workspace.same_model(one.name, model) and not one.has_died
            ),
            other_answers=ended.others,
        )
        return slowness_of(ended.answer, ended.usual, circumstances)
