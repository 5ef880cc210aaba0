"""The conversation: what was said, and what happens now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.timer import Timer

from tui.app.attached_text import put_together
from tui.app.commands.command import Where
from tui.app.commands.declared import COMMANDS
from tui.app.commands.enter_key import newline_key, send_key
from tui.app.commands.keymap import NO_KEY, Keymap
from tui.app.glyphs import Glyphs
from tui.app.sayings import SAID_SECONDS, Sayings
from tui.app.terminal.browser import Browser
from tui.app.terminal.clipboard import Delivery, TerminalClipboard
from tui.app.terminal.fast_screen import FastScreen
from tui.app.transcript.view import Transcript
from tui.app.widgets.completions import Completions
from tui.app.widgets.copy_line import CopyLine
from tui.app.widgets.find_bar import FindBar
from tui.app.widgets.history_bar import HistoryBar
from tui.app.widgets.line import Line
from tui.app.widgets.message_line import MessageLine
from tui.app.widgets.notice import Notice
from tui.app.widgets.parts import Parts
from tui.app.widgets.prompt import Prompt
from tui.app.widgets.status_line import StatusLine, StatusView
from tui.chat.connection import Link
from tui.chat.context_window import characters_of
from tui.chat.events import (
    AnswerBegan,
    AnswerEnded,
    AnswerGrew,
    ConversationChanged,
    MessageRemoved,
    Phase,
    PhaseChanged,
    PromptAdded,
    QueueChanged,
    SavedAgain,
    SavingFailed,
    SessionEvent,
)
from tui.chat.faults import report_fault_of
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.conversations.values import Message, MessageState, Role
from tui.engine import EngineError, ErrorKind, RunningModel
from tui.failures import Failure
from tui.settings.load import LoadedSettings
from tui.settings.schema import Value
from tui.storage.disk_failures import InMemoryOnly
from tui.theming.values import Theme
from tui.workspace import Workspace

STATUS_SECONDS = 0.25
"""Numbers that change more often cannot be read."""
IDLE_STATUS_SECONDS = 20.0
MODEL_CELLS = 40
HOST_CELLS = 40
TITLE_CELLS = 200
LEAST_CHARACTERS_TO_MEASURE = 200
SAVING = "saving"
"""What is said about that takes the place of what was said about it before."""

Keys = tuple[tuple[str, str], ...]


def chat_bindings() -> list[BindingType]:
    """The keys of the declared commands; the name of a command is what its keys can be changed by."""
    return [
        Binding(
            ",".join(command.bound) or NO_KEY,
            command.action,
            command.words,
            show=False,
            priority=command.name == "quit",
            id=command.name,
        )
        for command in COMMANDS
        if command.where is Where.chat and command.action
    ]


class ChatView(FastScreen[None]):
    """One session of a workspace at a time. The workspace and its sessions go on without this screen."""

    DEFAULT_CSS = """
    ChatView { background: $role-background; layers: base over; }
    ChatView #middle { height: 1fr; layers: base over; }
    ChatView Transcript { height: 1fr; }
    """

    AUTO_FOCUS = "PromptArea"
    BINDINGS: ClassVar[list[BindingType]] = chat_bindings()

    def __init__(
        self,
        workspace: Workspace,
        *,
        theme: Theme,
        glyphs: Glyphs,
        sayings: Sayings,
        clipboard: TerminalClipboard,
        browser: Browser,
        change_setting: Callable[[str, Value | None], Awaitable[LoadedSettings]],
        start_demo: Callable[[], None],
        pick_theme: Callable[[str], None],
        quit_app: Callable[[], None],
        open_settings: Callable[[], None],
        complaints: tuple[str, ...] = (),
        keymap: Keymap | None = None,
    ) -> None:
        """``complaints`` are said one after the other: what was wrong at the start."""
        super().__init__()
        self._workspace = workspace
        self._theme = theme
        self._glyphs = glyphs
        self._sayings = sayings
        self._clipboard = clipboard
        self._browser = browser
        self._change_setting = change_setting
        self._start_demo = start_demo
        self._pick_theme = pick_theme
        self._quit_app = quit_app
        self._open_settings = open_settings
        self._complaints = complaints
        self._keymap = keymap or Keymap()
        self._session: Session = workspace.new_session()
        self._unread: set[str] = set()
        self._last_speeds: dict[str, tuple[float, ...]] = {}
        self._is_news = False
        self._measured_messages: tuple[Message, ...] = ()
        self._measured_tokens = 0.25
        """A character, by ``_measured_messages``: going through a long conversation takes its time."""
        self._has_widgets = False
        self._ticking: Timer | None = None
        """Runs while seconds are counted on the status line, and costs nothing at any other time."""
        self._is_ticking = False
        self._tasks: set[asyncio.Task[None]] = set()

    def compose(self) -> ComposeResult:
        yield Line(theme=self._theme, glyphs=self._glyphs, name="header")
        with Container(id="middle"):
            appearance = self._workspace.loaded.settings.appearance
            yield Transcript(
                theme=self._theme,
                glyphs=self._glyphs,
                prose_width_columns=appearance.prose_width_columns,
                wraps_code=appearance.wraps_code,
                has_free_row=True,
            )
            yield FindBar(theme=self._theme, glyphs=self._glyphs)
            yield HistoryBar(theme=self._theme, glyphs=self._glyphs)
            yield CopyLine(theme=self._theme, glyphs=self._glyphs)
            yield MessageLine(theme=self._theme, glyphs=self._glyphs)
            yield Completions(theme=self._theme, glyphs=self._glyphs)
        yield Notice(self._sayings, theme=self._theme, glyphs=self._glyphs, name="notice")
        yield Prompt(glyphs=self._glyphs)
        yield StatusLine(self._status_view(), theme=self._theme, glyphs=self._glyphs)

    async def on_mount(self) -> None:
        self._has_widgets = True
        await self.begin()

    async def begin(self) -> None:
        """Everything that a screen does once, when its widgets are there; each class adds what is its own."""
        self._workspace.on_session_event = self._told
        self._workspace.on_set_aside = self._set_aside
        self._workspace.on_failure = self.say_failure
        self._ticking = self.set_interval(STATUS_SECONDS, self._tick, pause=True)
        self.show_session(self._session)
        self.prompt.focus()
        self.set_interval(IDLE_STATUS_SECONDS, self._idle_tick)
        self._sayings.say_each(self._complaints)

    # What is shown

    @property
    def session(self) -> Session:
        return self._session

    @property
    def transcript(self) -> Transcript:
        return self.query_one(Transcript)

    @property
    def prompt(self) -> Prompt:
        return self.query_one(Prompt)

    def use_theme(self, theme: Theme, glyphs: Glyphs) -> None:
        """For what is drawn from here on; the widgets are told by the app."""
        self._theme, self._glyphs = theme, glyphs
        self._show_header()

    def use_keymap(self, keymap: Keymap) -> None:
        """The keys are called so from here on; what is on the screen is told at once."""
        self._keymap = keymap
        self._show_header()
        if not self._session.conversation.messages:
            self.show_transcript()
        self.show_status()

    def say(
        self,
        words: str,
        *,
        role: str = "muted",
        more: str = "",
        seconds: float | None = SAID_SECONDS,
        at_once: bool = False,
        about: str = "",
    ) -> None:
        """One line above the prompt, foreign words included; see ``Sayings``."""
        self._sayings.say(words, role=role, more=more, seconds=seconds, at_once=at_once, about=about)

    def reply(
        self,
        words: str,
        *then: str,
        role: str = "muted",
        more: str = "",
        seconds: float | None = SAID_SECONDS,
        about: str = "",
    ) -> None:
        """As ``say``, to what the person just did; see ``Sayings``."""
        self._sayings.reply(words, *then, role=role, more=more, seconds=seconds, about=about)

    def say_failure(self, failure: Failure, *, is_reply: bool = False) -> None:
        about = SAVING if isinstance(failure, InMemoryOnly) else ""
        self._sayings.say_failure(failure, is_reply=is_reply, about=about)

    def show_session(self, session: Session) -> None:
        """The conversation of ``session``, from its end."""
        self._session = session
        self._unread.discard(session.id)
        self._is_news = False
        self.show_transcript()
        asked = (one for one in session.conversation.messages if one.role is Role.user)
        self.prompt.set_history(tuple(put_together(one, self._glyphs.separator) for one in asked))
        self._show_header()
        self.show_status()

    def show_transcript(self) -> None:
        session = self._session
        self.transcript.show(session.conversation, empty=self._empty_lines())
        if session.is_answering and (live := session.live_text()) is not None:
            self.transcript.grow(*live)
        self._show_queue()

    def _show_queue(self) -> None:
        prompts = self._session.queue
        self.transcript.queue(prompts)
        self.prompt.takes_back = bool(prompts)

    def _empty_lines(self) -> tuple[str, ...]:
        model, dot = clean_line(self._session.conversation.model, MODEL_CELLS), self._glyphs.separator
        if self._workspace.is_demo:
            first = f"{model or 'chinwag'} {dot} the demo: scripted answers, no model runs, nothing is kept"
        else:
            first = model or "chinwag"
        key = self._keymap.sentence
        sends = self._workspace.loaded.settings.terminal.enter_sends
        more = (
            (key("model.choose", "another model"), key("conversation.open", "earlier conversations")),
            (key("commands", "every command"), key("help.keys", "the keys")),
        )
        return (
            first,
            "",
            f"write something and press {send_key(enter_sends=sends)} {dot} {newline_key(enter_sends=sends)} makes a new line",
            *(f" {dot} ".join(filter(None, line)) for line in more),
        )

    def show_model(self) -> None:
        """The model of the next prompt, wherever it is named."""
        self._show_header()
        if not self._session.conversation.messages:
            self.show_transcript()
        self.show_status()

    def _show_header(self) -> None:
        session, workspace, dot = self._session, self._workspace, self._glyphs.separator
        name = clean_line(session.conversation.model, MODEL_CELLS)
        left: list[tuple[str, str]] = [
            (f" {name or 'no model'}", "foreground!"),
            (f" {dot} {clean_line(workspace.host.name, HOST_CELLS)}", "muted"),
        ]
        if workspace.is_cloud(session.conversation.model):
            left.append((f" {dot} cloud", "warning"))
        if workspace.is_demo:
            left.append((f" {dot} scripted answers", "warning"))
        elif session.is_read_only:
            left.append((f" {dot} read only, open in another chinwag", "warning"))
        elif workspace.options.is_private or workspace.is_private(session):
            left.append((f" {dot} private, nothing is kept", "warning"))
        left += self._header_notes()
        title = clean_line(session.conversation.title, TITLE_CELLS)
        palette = self._keymap.key("commands")
        keys: Parts = ((palette or "/commands", "accent"), (" commands " if palette else " ", "muted"))
        self.query_one("#header", Line).show(tuple(left), keys, ((title, "muted"),) if title else ())
        self.prompt.set_placeholder(f"Ask {name or 'a model'} {dot} / for commands {dot} @ to attach")

    def _header_notes(self) -> Parts:
        """What else holds in this conversation, in a word or two each; said where it is set."""
        return ()

    def on_screen_suspend(self) -> None:
        """What lies on top has the keys now, and the prompt must not look as if it had them."""
        self.set_focus(None)

    def on_screen_resume(self) -> None:
        if self._has_widgets:
            self.take_focus()
            self.show_status()

    def take_focus(self) -> None:
        """Where keys go when nothing lies on top any more."""
        self.prompt.focus()

    def on_resize(self) -> None:
        self.show_status()

    def _tick(self) -> None:
        self.show_status()

    def _tick_while_seconds_run(self) -> None:
        is_due = self._do_seconds_run()
        if self._ticking is None or is_due == self._is_ticking:
            return
        self._is_ticking = is_due
        if is_due:
            self._ticking.reset()
            self._ticking.resume()
        else:
            self._ticking.pause()

    def _do_seconds_run(self) -> bool:
        """What the status line says becomes another by time alone."""
        return self._session.is_answering or self._workspace.connection.state.link is not Link.up

    def _idle_tick(self) -> None:
        loaded = self._loaded()
        if loaded is not None and loaded.expires_at is not None and loaded.expires_at < self._workspace.now():
            self.in_background(self._read_running())
        self.show_status()

    def _loaded(self) -> RunningModel | None:
        return self._workspace.running_model(self._session.conversation.model)

    def show_status(self) -> None:
        if self._has_widgets:
            self.query_one(StatusLine).show(self._status_view())
            self._tick_while_seconds_run()

    def _status_view(self) -> StatusView:
        session, workspace = self._session, self._workspace
        progress = session.progress()
        if progress is not None and progress.speeds:
            self._last_speeds[session.id] = progress.speeds
        is_loading = progress is not None and progress.phase is Phase.loading
        model = session.conversation.model
        last = next((one for one in reversed(session.conversation.messages) if one.role is Role.assistant), None)
        state = workspace.connection.state
        return StatusView(
            now=workspace.now(),
            model=model,
            is_cloud=workspace.is_cloud(model),
            address=workspace.host.url,
            connection=state,
            waited_seconds=0.0 if state.down_since is None else workspace.clock() - state.down_since,
            progress=progress,
            usual_load_seconds=workspace.usage.typical_load_seconds(model) if is_loading else None,
            tokens_per_character=self._tokens_per_character(),
            guessed_tokens=self._guessed_tokens(last),
            last=last if last is not None and last.state is not MessageState.answering else None,
            is_news=self._is_news,
            last_speeds=self._last_speeds.get(session.id, ()),
            has_motion=self.app.animation_level != "none",
            loaded=self._loaded(),
            is_memory_known=workspace.catalog.is_running_known,
            queued=len(session.queue),
            is_queue_paused=session.is_paused,
            is_unsaved=session.is_unsaved,
            can_try_again=session.can_try_again(),
            ends_with_tool=any(one.role is Role.tool for one in session.conversation.messages[-1:]),
            keys=self._useful_keys(),
        )

    def _guessed_tokens(self, last: Message | None) -> int | None:
        """Only where the server's own counts are missing: going through a long conversation takes its time."""
        if last is None or last.state is MessageState.answering or last.counts is not None:
            return None
        characters = sum(characters_of(one) for one in self._session.conversation.messages)
        return round(characters * self._tokens_per_character())

    def _tokens_per_character(self) -> float:
        """From the last answer that the server counted; a quarter while it has counted nothing."""
        messages = self._session.conversation.messages
        if self._measured_messages is not messages:
            self._measured_messages, self._measured_tokens = messages, _tokens_per_character(messages)
        return self._measured_tokens

    def _useful_keys(self) -> Keys:
        session, hint = self._session, self._keymap.hint
        is_writing = self._has_widgets and not self.prompt.is_empty
        sends = self._workspace.loaded.settings.terminal.enter_sends
        sending, line_end = send_key(enter_sends=sends), newline_key(enter_sends=sends)
        opening, new = hint("conversation.open", "open"), hint("conversation.new", "new")
        model = hint("model.choose", "model")
        if session.is_read_only:
            keys: Keys = (*opening, *new)
        elif session.is_answering:
            keys = hint("answer.stop", "stop")
            keys += ((sending, "queue"),) if is_writing else (*opening, *new)
        elif is_writing:
            keys = ((sending, "send"), (line_end, "new line"), *hint("prompt.clear", "clear"))
            if self.prompt.has_paste:
                keys = ((sending, "send"), ("alt+x", "open the paste"), *keys[1:])
        elif session.can_try_again():
            keys = (("enter", "again"), *model, *new, *opening)
        elif session.is_paused:
            keys = (("enter", "send"), ("up", "take back"), *opening)
        else:
            keys = (*model, *opening, *(new if session.conversation.messages else ()))
        return (*keys, *hint("commands", "commands"), *hint("help.keys", "keys"), *hint("quit", "quit"))

    # What the sessions tell

    def _told(self, session: Session, event: SessionEvent) -> None:
        if not self._has_widgets:
            return
        if session is self._session:
            self._heard(event)
        elif isinstance(event, AnswerEnded) and session.id in self._workspace.sessions and not session.is_answering:
            self._unread.add(session.id)
            title = clean_line(session.conversation.title, 60) or "another conversation"
            is_whole = event.message.state is MessageState.complete
            words = f"{title}: {'an answer is there' if is_whole else 'its answer ended early'}"
            self.say(
                words,
                role="success" if is_whole else "warning",
                more=self._keymap.sentence("conversation.open", "opens it"),
            )

    def _heard(self, event: SessionEvent) -> None:
        match event:
            case AnswerGrew(text, thinking):
                self.transcript.grow(text, thinking)
                return
            case PromptAdded(message) | AnswerBegan(message):
                self._is_news = False
                self.transcript.add(message)
                if message.role is Role.user:
                    self.transcript.scroll_to_end()
            case AnswerEnded(message, failure):
                self._is_news = True
                self.transcript.settle(message)
                self.in_background(self._read_running())
                if failure is not None:
                    is_too_long = isinstance(failure, EngineError) and failure.kind is ErrorKind.context_exceeded
                    if message.failure and not is_too_long:
                        # The transcript says all of it, and the status line what can be done.
                        self._sayings.note_failure(failure)
                    else:
                        self.say_failure(failure)
                    if is_too_long:
                        self.too_long()
            case MessageRemoved(message_id):
                self.transcript.remove(message_id)
            case PhaseChanged(phase):
                if (
                    phase is Phase.answering
                    and (answer := self._session.answer_so_far()) is not None
                    and answer.thinking
                ):
                    self.transcript.note_thinking(answer.thinking_seconds, answer.thinking_pieces)
                if phase in (Phase.thinking, Phase.answering) and self._loaded() is None:
                    self.in_background(self._read_running())
            case QueueChanged():
                self._show_queue()
            case ConversationChanged(_):
                self._show_header()
            case SavingFailed(failure):
                self._sayings.say_failure(failure, about=SAVING)
            case SavedAgain():
                self.say("saved again", role="success", about=SAVING)
        self.show_status()

    def too_long(self) -> None:
        """The prompt does not fit the window; what is done about it is said where prompts are sent."""

    def _set_aside(self, files: tuple[Path, ...]) -> None:
        if files:
            more = f"and {len(files) - 1} more" if len(files) > 1 else "it was not chinwag's last state"
            self.say(f"somebody else's version is kept as {files[0]}", role="warning", more=more, seconds=60.0)

    async def _read_running(self) -> None:
        try:
            await self._workspace.catalog.refresh_running()
        except EngineError:
            return
        self.show_status()

    def stop_answer(self) -> bool:
        """Whether there was one."""
        return self._session.stop()

    # What is taken away

    def copy(self, text: str, what: str, *, more: str = "") -> None:
        """To the terminal's clipboard; whether it takes it, it does not say. ``what`` is what the text is called."""
        self.in_background(self._copy(text, what, more))

    async def _copy(self, text: str, what: str, more: str) -> None:
        await self.deliver(text, what, more)

    async def deliver(self, text: str, what: str, more: str = "") -> Delivery:
        """As ``copy``, for whoever waits for what became of it."""
        delivery = await self._clipboard.send(text, is_kept=not self._workspace.is_private(self._session))
        self.say_copied(delivery, what, more)
        return delivery

    def say_copied(self, delivery: Delivery, what: str, more: str) -> None:
        """What became of a text that was taken away; how it is said is told where texts are."""

    def in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Does not wait; a fault goes to the event loop's exception handler."""
        task = asyncio.create_task(work, name=getattr(work, "__name__", "work of the screen"))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(report_fault_of)
        return task

    def on_unmount(self) -> None:
        self._has_widgets = False
        for task in tuple(self._tasks):
            task.cancel()


def _tokens_per_character(messages: tuple[Message, ...]) -> float:
    for index in reversed(range(len(messages))):
        counts = messages[index].counts
        if counts is not None and counts.prompt_tokens and not messages[index].sources:
            characters = sum(characters_of(one) for one in messages[:index])
            if characters >= LEAST_CHARACTERS_TO_MEASURE:
                return counts.prompt_tokens / characters
            break
    return 0.25
