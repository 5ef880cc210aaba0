"""Reading what was said, and taking it away: find, copy, links, what is folded, and whose the mouse is."""

from __future__ import annotations

from textual import events, on

from tui.app.screens.chat_conversations import ChatConversations
from tui.app.screens.question import Question
from tui.app.terminal.browser import doubt_about, is_openable
from tui.app.terminal.clipboard import Delivery
from tui.app.transcript.links import Link
from tui.app.transcript.view import Transcript
from tui.app.widgets.copy_line import Copied, CopyLine
from tui.app.widgets.find_bar import FindBar
from tui.cleaning import clean_line
from tui.conversations.values import Role
from tui.failures import Failure
from tui.settings.schema import Value

ADDRESS_CELLS = 60
LONG_SECONDS = 20.0
YANK_KEY = "ctrl+y"
MOUSE_IS_OURS = "the mouse is chinwag's"
MOUSE_IS_THEIRS = "the mouse is the terminal's"


class ChatReading(ChatConversations):
    """The keys and commands of the transcript beyond scrolling it."""

    _told_doubts: frozenset[str] = frozenset()
    """What may stand between a text and the clipboard is said once."""
    _goes_to_bar = False
    """The find bar has the next keys, when what lies on top is gone."""

    @property
    def find_bar(self) -> FindBar:
        return self.query_one(FindBar)

    @property
    def copy_line(self) -> CopyLine:
        return self.query_one(CopyLine)

    # Where keys go

    def on_screen_suspend(self) -> None:
        self._goes_to_bar = self.find_bar.is_open and self.find_bar.has_focus_within

    def take_focus(self) -> None:
        """What was opened from a list that lay on top has the focus already and keeps it."""
        if self.copy_line.is_open:
            self.copy_line.focus()
        elif self._goes_to_bar and self.find_bar.is_open:
            self.find_bar.focus_text()
        else:
            super().take_focus()

    def on_key(self, event: events.Key) -> None:
        """A letter that no text field has taken is meant for the prompt, also while what lay on top is still leaving."""
        is_nowhere = self.focused is None and not self.copy_line.is_open and not self._goes_to_bar
        if (is_nowhere or isinstance(self.focused, Transcript)) and event.is_printable and event.character is not None:
            event.stop()
            event.prevent_default()
            self._write_on(event.character)

    # Finding

    def action_find(self, text: str = "") -> None:
        self._goes_to_bar = True
        self.copy_line.close()
        self.find_bar.open(text)

    def close_find(self) -> bool:
        """Whether there was a search to end."""
        if not self.find_bar.is_open and not self.transcript.is_finding:
            return False
        had_focus = self.find_bar.has_focus_within
        self.find_bar.close()
        self.transcript.find("")
        if had_focus:
            self.prompt.focus()
        return True

    @on(FindBar.Changed)
    def _find_changed(self, event: FindBar.Changed) -> None:
        if self.find_bar.is_open:
            self.find_bar.show_state(self.transcript.find(event.text))

    @on(FindBar.Next)
    def _find_next(self) -> None:
        self.find_bar.show_state(self.transcript.find_next())

    @on(FindBar.Previous)
    def _find_previous(self) -> None:
        self.find_bar.show_state(self.transcript.find_previous())

    @on(FindBar.Closed)
    def _find_closed(self) -> None:
        self.transcript.find("")
        self.prompt.focus()

    @on(Transcript.FindChanged)
    def _found_more(self, event: Transcript.FindChanged) -> None:
        self.find_bar.show_state(event.state)

    # Copying

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a prompt with text the key for copying is that for putting back what was taken out of it."""
        is_writing = self._has_widgets and self.prompt.is_active and not self.prompt.is_empty
        if action == "copy" and is_writing and self._keymap.key("copy") == YANK_KEY:
            return False
        return super().check_action(action, parameters)

    def get_selected_text(self) -> str | None:
        """What is selected of the conversation. A drag that ends elsewhere takes nothing with it from there."""
        selection = self.selections.get(self.transcript)
        found = self.transcript.get_selection(selection) if selection is not None else None
        return found[0].rstrip("\n") if found is not None else None

    def action_copy(self, wanted: str = "") -> None:
        """Asks what to copy, unless ``wanted`` says it: ``answer``, ``code 2`` or ``all``."""
        if not self.session.conversation.messages:
            self.reply("there is nothing to copy yet")
        elif wanted:
            self._copy_named(wanted)
        else:
            self.close_find()
            self.copy_line.open(
                codes=self.transcript.code_count(), has_answer=self.transcript.answer_source() is not None
            )

    def _copy_named(self, wanted: str) -> None:
        what, _, number = wanted.lower().partition(" ")
        if what == "code" and not number and self.transcript.code_count() == 1:
            number = "1"
        if what == "code" and number.strip().isdecimal() and len(number) < 6:
            self._copy_out(Copied.code, int(number))
        elif what in (Copied.answer, Copied.conversation) and not number:
            self._copy_out(Copied(what))
        else:
            self.reply(
                f"cannot copy {clean_line(wanted, 40)}", role="warning", more="/copy answer, /copy code 1, /copy all"
            )

    @on(CopyLine.Chosen)
    def _copy_chosen(self, event: CopyLine.Chosen) -> None:
        self.prompt.focus()
        self._copy_out(event.what, event.number)

    @on(CopyLine.Closed)
    def _copy_closed(self, event: CopyLine.Closed) -> None:
        if event.character:
            self._write_on(event.character)
        elif not event.was_left:
            self.prompt.focus()

    def _copy_out(self, what: Copied, number: int = 0) -> None:
        match what:
            case Copied.answer:
                text, name = self.transcript.answer_source(), "the answer"
                if self.session.is_answering and self.transcript.current_message_id is None:
                    name = "the answer so far"
            case Copied.code:
                text, name = self.transcript.code_block(number), f"code {number}"
            case Copied.conversation:
                text, name = self.transcript.conversation_source(), "the conversation"
        if text:
            self.copy(text, name)
        else:
            words = f"there is no code {number} here" if what is Copied.code else "there is no answer yet"
            self.reply(words, role="warning")

    def say_copied(self, delivery: Delivery, what: str, more: str) -> None:
        kept, sent = delivery.shown_file, delivery.words(what)
        if not delivery.is_sent:
            self.reply(sent, role="warning", more=delivery.doubt, seconds=LONG_SECONDS)
        elif not delivery.doubt or delivery.doubt in self._told_doubts:
            self.reply(sent, more=more or (f"also in {kept}" if delivery.doubt and kept else ""))
        else:
            self._told_doubts |= {delivery.doubt}
            where = (f"what was sent last lies in {kept}",) if kept else ()
            self.reply(sent, delivery.doubt, *where, role="warning", more=more, seconds=LONG_SECONDS)

    @on(Transcript.CodeChosen)
    def _code_chosen(self, event: Transcript.CodeChosen) -> None:
        self.copy(event.source, f"code {event.number}")

    # Links

    def action_open_links(self, wanted: str = "") -> None:
        """The links of the current answer or the last one that has any; ``wanted`` is the number of one of them."""
        links = self.transcript.links_of()
        if not links:
            self.reply("no answer here has a link")
        elif not wanted:
            self._pick_link(links)
        elif wanted.isdecimal() and 1 <= int(wanted[:6]) <= len(links):
            self.in_background(self.follow(links[int(wanted[:6]) - 1]))
        else:
            self.reply(f"there is no link {clean_line(wanted, 20)}", role="warning", more=f"they are 1 to {len(links)}")

    def _pick_link(self, links: tuple[Link, ...]) -> None:
        from tui.app.screens.links import COPY, LinkPicker

        def chosen(choice: str | None) -> None:
            if not choice:
                return
            link = links[int(choice.removeprefix(COPY)) - 1]
            if choice.startswith(COPY):
                self.copy(link.address, "the link")
            else:
                self.in_background(self.follow(link))

        reason = self._browser.reason_not_to
        self.app.push_screen(
            LinkPicker(theme=self._theme, glyphs=self._glyphs, links=links, reason_not_to_open=reason), chosen
        )

    @on(Transcript.LinkChosen)
    def _link_chosen(self, event: Transcript.LinkChosen) -> None:
        self.in_background(self.follow(Link("", event.url)))

    async def follow(self, link: Link) -> None:
        """Opens a link where a person can see it; where that is not here, it is sent to the clipboard instead."""
        address, browser = link.address, self._browser
        shown = clean_line(address, ADDRESS_CELLS)
        if not is_openable(address):
            self.reply(f"{shown} is not opened", role="warning", more="only http, https and mailto are")
            return
        if reason := browser.reason_not_to:
            self.copy(address, "the link", more=reason)
            return
        doubt = doubt_about(address, link.label)
        if doubt and not await self._means(address, doubt):
            return
        if await browser.open(address):
            self.reply(f"{shown} is opened in the browser")
        else:
            self.copy(address, "the link", more="the browser did not start")

    async def _means(self, address: str, doubt: str) -> bool:
        question = Question(
            title="a link that is not what it looks like",
            lines=(clean_line(address, ADDRESS_CELLS), doubt),
            answers=(("stay", "do not open it"), ("open", "open it")),
            theme=self._theme,
            glyphs=self._glyphs,
            clock=self._workspace.clock,
        )
        return await self.answer_to(question) == "open"

    # What is shown of a message

    def action_toggle_details(self) -> None:
        if any(one.role is Role.assistant for one in self.session.conversation.messages):
            self.transcript.toggle_details()
        else:
            self.reply("there is no answer yet")

    def action_toggle_tool(self) -> None:
        messages = self.session.conversation.messages
        if any(one.role is Role.tool or one.tool_calls for one in messages):
            self.transcript.toggle_tool()
        else:
            self.reply("no tool was used here")

    async def action_toggle_code_wrap(self, number: str = "") -> None:
        """For all code, and kept; with a number for that block of the current or last answer alone."""
        wraps = self.transcript.wraps_code
        if not number:
            if await self._has_changed("appearance.wraps_code", not wraps):
                words = "long lines of code are cut" if wraps else "long lines of code go on in the next row"
                self.reply(words, more="/wrap 1 opens those of one block" if wraps else "")
        elif not number.isdecimal() or len(number) > 5 or self.transcript.code_block(int(number)) is None:
            self.reply(f"there is no code {clean_line(number, 20)} here", role="warning")
        elif wraps:
            self.reply("long lines of code are wrapped already", more="/wrap cuts them")
        else:
            self.transcript.toggle_code_wrap(int(number))

    # The mouse

    async def action_toggle_mouse(self) -> None:
        """Gives it to the terminal or takes it back, and keeps that."""
        is_ours = not self._workspace.loaded.settings.terminal.mouse
        if not await self._has_changed("terminal.mouse", is_ours):
            return
        if is_ours:
            self.reply(MOUSE_IS_OURS, more="shift+drag (mac: option+drag) selects as ever")
        else:
            self.reply(MOUSE_IS_THEIRS, more="it selects text; the wheel does not scroll")

    async def _has_changed(self, name: str, value: Value) -> bool:
        """Whether the setting has the new value; else it was said why not."""
        try:
            loaded = await self._change_setting(name, value)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return False
        if loaded.value(name) != value:
            self.reply(
                f"{name} is kept for later", role="warning", more="a variable or a flag wins over it in this start"
            )
            return False
        return True
