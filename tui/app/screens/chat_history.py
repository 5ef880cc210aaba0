"""Searching the earlier prompts, as a shell does: those of this conversation first, then those of the others."""

from __future__ import annotations

from contextlib import suppress

from textual import on

from tui.app.attached_text import without_signs
from tui.app.commands.declared import read_slash
from tui.app.commands.keymap import Keymap
from tui.app.screens.chat_ollama import ChatOllama
from tui.app.widgets.completions import Completions
from tui.app.widgets.copy_line import CopyLine
from tui.app.widgets.find_bar import FindBar
from tui.app.widgets.found_prompts import FoundPrompts
from tui.app.widgets.history_bar import HistoryBar
from tui.app.widgets.message_line import MessageLine
from tui.chat.session import Session
from tui.conversations.values import Conversation, Role
from tui.failures import Failure

CONVERSATIONS_LOOKED_AT = 12
"""For one text; each is read from the disk once."""


class ChatHistory(ChatOllama):
    """While it is searched, the prompt shows what was found; what was there before is kept and given back."""

    _written: tuple[str, bool] = ("", True)
    """What stood in the prompt when the search began, and whether it was typed there."""
    _found: FoundPrompts = FoundPrompts()
    _looked_into: set[str]
    """The conversations whose prompts are known since the search began."""

    async def begin(self) -> None:
        await super().begin()
        self._use_enter()

    def use_keymap(self, keymap: Keymap) -> None:
        self._use_enter()
        super().use_keymap(keymap)

    def _use_enter(self) -> None:
        self.prompt.enter_sends = self._workspace.loaded.settings.terminal.enter_sends

    @property
    def history_bar(self) -> HistoryBar:
        return self.query_one(HistoryBar)

    def _bar_with_keys(self) -> FindBar | CopyLine | HistoryBar | MessageLine | None:
        return self.history_bar if self.history_bar.is_open else super()._bar_with_keys()

    def action_search_prompts(self, words: str = "") -> None:
        bar = self.history_bar
        if bar.is_open:
            bar.action_earlier()
            return
        self.close_find()
        self.copy_line.close()
        self._keep_draft(self._session)
        self._written = (self.prompt.text, self.prompt.is_typed)
        self._found = FoundPrompts().and_older(one for one in reversed(self.prompt.history) if not _is_search(one))
        self._looked_into = {self._session.id}
        bar.open(words)
        self.show_completions()

    def show_completions(self) -> None:
        """What is found is no beginning of a command, and nothing lies over the bar."""
        if self.history_bar.is_open:
            self.query_one(Completions).show(())
        else:
            super().show_completions()

    def close_find(self) -> bool:
        return self._end_search(takes=False) or super().close_find()

    def _end_search(self, *, takes: bool) -> bool:
        """Whether there was one. ``takes``: what was found stays in the prompt, and Up brings back what was there."""
        if not self._has_widgets or not self.history_bar.is_open:
            return False
        bar, found = self.history_bar, self._found.shown
        had_focus = bar.has_focus_within
        bar.close()
        before, was_typed = self._written
        self.prompt.load(before, is_restored=not was_typed)
        if takes and found:
            self.prompt.clear_into_history()
            self.prompt.load(found, is_restored=True)
        if had_focus:
            self.prompt.focus()
        self._keep_draft(self._session)
        self.show_completions()
        self.show_status()
        return True

    def _show_found(self, *, is_complete: bool) -> None:
        self.history_bar.show_found(self._found, is_complete=is_complete)
        before, was_typed = self._written
        shown = self._found.shown
        wanted = shown or before
        if self.prompt.text != wanted:
            self.prompt.load(wanted, is_restored=bool(shown) or not was_typed)

    @on(HistoryBar.Changed)
    def _history_changed(self, event: HistoryBar.Changed) -> None:
        event.stop()
        if not self.history_bar.is_open:
            return
        self._found = self._found.looking_for(event.text)
        has_more = len(event.text.strip()) > 1
        self._show_found(is_complete=not has_more)
        if has_more:
            self.in_background(self._look_further(event.text))

    async def _look_further(self, text: str) -> None:
        """In the conversations that have it, as the index of the search tells."""
        shelf = self._workspace.shelf
        with suppress(Failure):
            for hit in await shelf.search(text, CONVERSATIONS_LOOKED_AT):
                conversation_id = hit.summary.id
                if not self._is_searching(text):
                    return
                if conversation_id in self._looked_into:
                    continue
                self._looked_into.add(conversation_id)
                with suppress(Failure):
                    self._found = self._found.and_older(_prompts_of(await shelf.load(conversation_id)))
                if self._is_searching(text):
                    self._show_found(is_complete=False)
        if self._is_searching(text):
            self._show_found(is_complete=True)

    def _is_searching(self, text: str) -> bool:
        return self._has_widgets and self.history_bar.is_open and self.history_bar.text == text

    @on(HistoryBar.Earlier)
    def _history_earlier(self, event: HistoryBar.Earlier) -> None:
        event.stop()
        self._found = self._found.earlier()
        self._show_found(is_complete=True)

    @on(HistoryBar.Later)
    def _history_later(self, event: HistoryBar.Later) -> None:
        event.stop()
        self._found = self._found.later()
        self._show_found(is_complete=True)

    @on(HistoryBar.Taken)
    def _history_taken(self, event: HistoryBar.Taken) -> None:
        event.stop()
        self._end_search(takes=True)

    @on(HistoryBar.GivenUp)
    def _history_given_up(self, event: HistoryBar.GivenUp) -> None:
        event.stop()
        self._end_search(takes=False)

    @on(HistoryBar.Left)
    def _history_left(self, event: HistoryBar.Left) -> None:
        """Who goes into the prompt wants what stands there."""
        event.stop()
        if not self.history_bar.has_focus_within:
            self._end_search(takes=self.prompt.is_active)

    # What stands in the prompt meanwhile is nobody's draft

    def _keep_draft(self, session: Session, typed: str | None = None) -> None:
        if typed is None and session is self._session and self._has_widgets and self.history_bar.is_open:
            typed = self._written[0]
        super()._keep_draft(session, typed)

    def _give_back(self, session: Session, text: str) -> None:
        self._end_search(takes=False)
        super()._give_back(session, text)

    async def go_to(self, session: Session) -> None:
        self._end_search(takes=False)
        await super().go_to(session)

    async def put_away(self) -> None:
        self._end_search(takes=False)
        await super().put_away()


def _is_search(prompt: str) -> bool:
    """The command that began the search has what is looked for in it, too."""
    slash = read_slash(prompt)
    return slash is not None and slash[0].name == "prompt.search"


def _prompts_of(conversation: Conversation) -> tuple[str, ...]:
    asked = (one.text for one in reversed(conversation.messages) if one.role is Role.user)
    return tuple(without_signs(text) for text in asked if text.strip())
