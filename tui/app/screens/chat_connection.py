"""The conversation and its server: whether it answers, which model is used, and Connect when nothing answers."""

from __future__ import annotations

from tui.app.screens.chat import ChatView
from tui.app.screens.connect import ConnectScreen
from tui.app.widgets.prompt_area import PromptArea
from tui.chat.connection import ConnectionState, Link
from tui.engine import EngineError
from tui.failures import Failure

CONNECT_PATIENCE_SECONDS = 1.0
TYPING_SECONDS = 1.0
"""Whoever pressed a key so lately is writing."""


class ChatConnection(ChatView):
    """Chooses the model when nobody has, and says or shows when the server is away."""

    _connect: ConnectScreen | None = None
    _is_told_down = False
    _key_at = float("-inf")

    async def begin(self) -> None:
        await super().begin()
        self._workspace.on_connection = self._connection_changed
        self.set_timer(CONNECT_PATIENCE_SECONDS, self._offer_connect)
        self._connection_changed(self._workspace.connection.state)

    def _connection_changed(self, state: ConnectionState) -> None:
        if not self._has_widgets:
            return
        if state.link is Link.up:
            if self._connect is not None:
                self._connect.connected()
            if self._is_told_down:
                self.say(f"connected to {self._workspace.host.name}", role="success", at_once=True, about="connection")
            self._is_told_down = False
            self.choose_model_soon()
        elif state.was_ever_up and not self._is_told_down:
            self._offer_connect()
        self.show_status()

    def choose_model_soon(self) -> None:
        if self._workspace.connection.state.link is Link.up:
            self.in_background(self._choose_model())

    async def _choose_model(self) -> None:
        session, workspace = self._session, self._workspace
        try:
            if workspace.catalog.models is None:
                await workspace.catalog.refresh()
            if not session.conversation.model and not session.is_read_only:
                await workspace.choose_model(session)
        except EngineError as failure:
            self.say_failure(failure)
            return
        if session is self._session and self._has_widgets:
            self.show_model()
            if not session.conversation.model:
                self._say_no_model()

    def _say_no_model(self) -> None:
        host = self._workspace.host.name
        self.say(f"no model on {host} that can chat", role="warning", more="/pull qwen3:8b brings one", seconds=60)

    def _offer_connect(self) -> None:
        """Opens Connect, unless that would take a key meant for the prompt; then one line says it."""
        state = self._workspace.connection.state
        if state.link is Link.up or not self._has_widgets or self._connect is not None:
            return
        self._is_told_down = True
        is_writing = not self.prompt.is_empty or self._workspace.clock() - self._key_at < TYPING_SECONDS
        if is_writing or state.was_ever_up or not self.is_current:
            self.say(
                f"no answer from {self._workspace.host.url}",
                role="warning",
                more="it is tried again by itself · /connect shows what can be done",
                seconds=None,
                about="connection",
            )
            return
        self.open_connect(opened_by_itself=True)

    def open_connect(self, *, opened_by_itself: bool) -> None:
        workspace = self._workspace
        self._connect = ConnectScreen(
            theme=self._theme,
            glyphs=self._glyphs,
            server=lambda: workspace.host,
            state=lambda: workspace.connection.state,
            was_ever_connected=workspace.was_ever_connected,
            connect=self._connect_to,
            try_now=workspace.connection.try_now,
            clock=workspace.clock,
            opened_by_itself=opened_by_itself,
            write=self._write_on,
        )

        def closed(wants_demo: bool | None) -> None:
            self._connect = None
            if wants_demo:
                self._start_demo()

        self.app.push_screen(self._connect, closed)

    def _write_on(self, text: str) -> None:
        """What was typed on a screen that lay on top, where the next keys go, too."""
        self.set_focus(self.query_one(PromptArea))
        self.prompt.type(text)

    async def _connect_to(self, address: str) -> None:
        """Raises ``Failure`` for what is no address."""
        workspace = self._workspace
        before = workspace.host
        try:
            await workspace.connect_to(address)
        except Failure as failure:
            if workspace.host is before:
                raise
            self.say_failure(failure)
        self._is_told_down = True
        self.show_model()
        if self._connect is None:
            self.say(f"going to {workspace.host.name}", more=workspace.host.url, about="connection")
            self.set_timer(CONNECT_PATIENCE_SECONDS, self._offer_connect)
