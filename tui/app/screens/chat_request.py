"""The exact request: as it will go, as it went, and as a command line that sends the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tui.app.attached_text import taken_apart
from tui.app.commands.command import Command
from tui.app.screens.chat_steering import ChatSteering
from tui.chat.fitting import Plan
from tui.chat.spelled_out import compose_spelled_out
from tui.cleaning import cell_width, clean_line
from tui.conversations.edits import with_message
from tui.conversations.values import Conversation, Message, Role
from tui.engine import ChatRequest
from tui.metrics.wording import plural
from tui.ollama.written import WrittenRequest
from tui.storage.attachments import LostAttachment

LINE_CELLS = 100
FRAME_CELLS = 12
"""What a list has around its rows."""
MOST_LINES = 4000
_PICTURE = re.compile(r'(\s*"[A-Za-z0-9+/]{40})[A-Za-z0-9+/]{200,}={0,2}",?')
CURL, JSON, OTHER = "curl", "json", "other"


class ChatRequests(ChatSteering):
    """Nothing is sent that cannot be looked at."""

    async def action_show_request(self, wanted: str = "") -> None:
        """``next`` with what is being written, ``last`` as it was sent, ``curl`` copies the one that fits."""
        unsent = self._text_before_command
        last = self._session.last_request
        is_last = wanted == "last" or (wanted != "next" and not unsent and last is not None)
        if is_last and last is None:
            self.reply(
                "nothing was sent in this conversation since chinwag began", more="/request next shows what would be"
            )
            return
        try:
            request = last if is_last and last is not None else await self._next_request(unsent)
            written = await asyncio.to_thread(self._workspace.client.written_chat, request)
        except ValueError as error:
            self.reply("it cannot be sent", role="error", more=clean_line(str(error), 120))
            return
        except LostAttachment as failure:
            self.say_failure(failure, is_reply=True)
            return
        if wanted == "curl":
            self._copy_request(CURL, written)
        else:
            await self._open_request(written, is_last=is_last)

    @property
    def _text_before_command(self) -> str:
        """What is being written beside the command; a command that was typed has taken its place."""
        text = self.prompt.text.strip()
        return "" if text.startswith("/") else text

    async def _next_request(self, unsent: str) -> ChatRequest:
        conversation = self.with_unsent(unsent)
        toolbox = await self._workspace.toolbox(conversation)
        plan = self._workspace.planner.plan(conversation, conversation.model)
        plan = replace(plan, tools=toolbox.declarations(conversation))
        return await self.composed(conversation, plan)

    def with_unsent(self, unsent: str) -> Conversation:
        """The conversation with what is being written as its last prompt, and with what is attached to that."""
        conversation, at = self._session.conversation, self._workspace.now()
        if not unsent:
            return conversation
        text, attached = taken_apart(unsent)
        prompt = Message(id="next", role=Role.user, text=text, at=at, attachments=attached)
        return with_message(conversation, prompt, now=at)

    async def composed(self, conversation: Conversation, plan: Plan) -> ChatRequest:
        """With what is attached; what is lost of that is said, and left out as when it is sent."""
        read = self._workspace.contents.read
        composed = await asyncio.to_thread(compose_spelled_out, conversation, conversation.model, plan, read)
        return composed.request

    async def _open_request(self, written: WrittenRequest, *, is_last: bool) -> None:
        from tui.app.screens.choices import Choice, Choices

        cells = max(20, min(LINE_CELLS, self.size.width - FRAME_CELLS))
        lines = await asyncio.to_thread(lambda: [*_wrapped(written, cells)])
        choices = [
            Choice(key=CURL, name="copy as curl", role="accent", note="a key stands in it as $CHINWAG_API_KEY"),
            Choice(key=JSON, name="copy as JSON", role="accent"),
        ]
        if is_last or self._session.last_request is not None:
            name = "show what goes next" if is_last else "show what was sent last"
            choices.append(Choice(key=OTHER, name=name, role="accent"))
        choices.append(Choice(key="line", name=f"{written.method} {written.url}", role="muted"))
        choices += [Choice(key=f"line {number}", name=line) for number, line in enumerate(lines[:MOST_LINES])]
        if len(lines) > MOST_LINES:
            rest = f"{plural(len(lines) - MOST_LINES, 'line')} more, copied with the rest"
            choices.append(Choice(key="line", name=rest, role="muted"))

        def chosen(key: str | None) -> None:
            if key == OTHER:
                self.in_background(self.action_show_request("next" if is_last else "last"))
            elif key:
                self._copy_request(JSON if key.startswith("line") else key, written)

        self.app.push_screen(
            Choices(
                title="The request as it was sent" if is_last else "The next request",
                choices=choices,
                keys=(("enter", "choose, on a line: copy all as JSON"), ("esc", "back")),
                theme=self._theme,
                glyphs=self._glyphs,
                is_tall=True,
            ),
            chosen,
        )

    def _copy_request(self, key: str, written: WrittenRequest) -> None:
        if key == CURL:
            self.copy(written.curl, "the request as curl", more="a key stands in it as $CHINWAG_API_KEY")
        else:
            self.copy(written.body, "the request")

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        if command.name != "request":
            return super().choices_for(command)
        return (("next", "as it would go now"), ("last", "as it was sent"), ("curl", "copy it as a command line"))


def _wrapped(written: WrittenRequest, cells: int) -> Iterator[str]:
    """Lines of JSON that fit a list; what is longer goes on in the next one, a little deeper."""
    for whole in written.body.split("\n"):
        line = _shortened(whole)
        indent = len(line) - len(line.lstrip(" "))
        rest, is_first = line.lstrip(" "), True
        while rest or is_first:
            room = max(20, cells - indent - (0 if is_first else 2))
            part = _fitting(rest, room)
            yield " " * (indent + (0 if is_first else 2)) + part
            rest, is_first = rest[len(part) :], False


def _shortened(line: str) -> str:
    """A picture alone on its line is told by how it begins."""
    found = _PICTURE.fullmatch(line)
    return line if found is None else f'{found[1]}" ({len(found[0].strip()):,} characters of base64)'


def _fitting(text: str, cells: int) -> str:
    """As much of its beginning as fits; at least one character."""
    part = text[:cells]
    while len(part) > 1 and cell_width(part) > cells:
        part = part[: max(1, len(part) * cells // cell_width(part))]
    return part
