"""The prompt in the person's own editor, which has the terminal as long as it runs."""

from __future__ import annotations

import asyncio
import shlex
import shutil

from tui.app.attached_text import marked_again, plain_text
from tui.app.commands.declared import read_slash
from tui.app.drafts import joined
from tui.app.screens.chat_attachments import ChatAttachments
from tui.app.terminal.lending import EditedFile, LentTerminal
from tui.chat.session import Session
from tui.cleaning import clean_line
from tui.failures import Failure

EDITOR_VARIABLES = ("VISUAL", "EDITOR")
USUAL_EDITORS = ("vi", "nano")
"""Where neither variable is set."""
LARGEST_BYTES = 64 << 20
END_SECONDS = 1.0
"""How long the editor is waited for when chinwag ends, and then the removal of its file."""
NAME_CELLS = 40
ABOUT_EDITOR = "the editor"


class ChatEditor(ChatAttachments):
    """Answers go on while the editor has the terminal. It never sends: what comes out of it stands in the prompt."""

    _lent: LentTerminal
    _editing: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self._lent = LentTerminal(self.app)
        await super().begin()

    def action_open_editor(self) -> None:
        if self._editing is None:
            self._sayings.over(ABOUT_EDITOR)
            self._editing = self.in_background(self._edit_prompt())
            self._editing.add_done_callback(self._editing_ended)

    def _editing_ended(self, _task: asyncio.Task[None]) -> None:
        self._editing = None

    async def put_away(self) -> None:
        """What was written in an editor that still runs is a draft like any other."""
        if self._editing is not None:
            await self._lent.end()
            _, late = await asyncio.wait({self._editing}, timeout=END_SECONDS)
            if late:
                self._editing.cancel()
                await asyncio.wait(late, timeout=END_SECONDS)
        await super().put_away()

    async def _edit_prompt(self) -> None:
        session, before, was_typed = self._session, self.prompt.text, self.prompt.is_typed
        self.close_find()
        try:
            argv = self._editor()
            file = await asyncio.to_thread(EditedFile, "prompt.md", plain_text(before))
        except Failure as failure:
            self._say_failed(failure)
            return
        except OSError as error:
            self._say_no_editor(error.strerror or str(error))
            return
        code: int | None = None
        try:
            code = await self._lent.run([*argv, str(file.path)], environ=self._workspace.environ)
            text = await asyncio.to_thread(file.read, limit_bytes=LARGEST_BYTES)
        except OSError as error:
            why = error.strerror or str(error)
            if code is None:
                self._say_no_editor(why, name=argv[0])
            else:
                self._say_no_text(why, name=argv[0])
            return
        finally:
            await asyncio.shield(asyncio.to_thread(file.remove))
        self._take_edited(session, before, text, code=code, was_typed=was_typed, name=argv[0])

    def _editor(self) -> list[str]:
        """Raises ``Failure`` when there is none."""
        environ = self._workspace.environ
        path = environ.get("PATH")
        for variable in EDITOR_VARIABLES:
            written = environ.get(variable, "").strip()
            if not written:
                continue
            try:
                argv = shlex.split(written)
            except ValueError as error:
                cause = f"{variable} is {clean_line(written, NAME_CELLS)}: {error}"
                raise Failure("the editor was not opened", cause, f"set {variable} to a program") from None
            if argv and shutil.which(argv[0], path=path):
                return argv
            cause = f"{variable} is {clean_line(written, NAME_CELLS)}, and there is no such program"
            raise Failure("the editor was not opened", cause, f"set {variable} to one that there is")
        for name in USUAL_EDITORS:
            if shutil.which(name, path=path):
                return [name]
        cause = f"neither VISUAL nor EDITOR is set, and there is no {' and no '.join(USUAL_EDITORS)}"
        raise Failure("there is no editor", cause, "set EDITOR to a program")

    def _say_no_editor(self, why: str, *, name: str = "the editor") -> None:
        words = f"{clean_line(name, NAME_CELLS)} was not opened"
        cause = clean_line(why, 120).lower()
        self._say_failed(Failure(words, cause, "the prompt is as it was; set EDITOR to another one"))

    def _say_no_text(self, why: str, *, name: str) -> None:
        words = f"{clean_line(name, NAME_CELLS)} left no text that can be read"
        self._say_failed(
            Failure(words, clean_line(why, 120).lower(), "the prompt is as it was; save under the same name")
        )

    def _say_failed(self, failure: Failure) -> None:
        self._sayings.say_failure(failure, is_reply=True, about=ABOUT_EDITOR)

    def _take_edited(self, session: Session, before: str, text: str, *, code: int, was_typed: bool, name: str) -> None:
        shown = clean_line(name, NAME_CELLS)
        has_changed = text != plain_text(before).removesuffix("\n")
        if code != 0:
            kept = ""
            if has_changed and text.strip():
                self.prompt.remember(text)
                kept = "; up brings what was written there"
            ended = f"ended with {code}" if code > 0 else f"was ended by signal {-code}"
            self.reply(f"{shown} {ended}", role="warning", more=f"the prompt is as it was{kept}", about=ABOUT_EDITOR)
            return
        if not has_changed:
            return
        if session is not self._session:
            self.in_background(self._give_back_elsewhere(session, marked_again(text, before)))
            return
        if not text.strip():
            self.prompt.clear_into_history()
            self.reply("cleared", more="up brings it back")
            return
        # What came into the prompt meanwhile, such as one that could not be sent, stands before it still.
        there = self.prompt.text
        came = there.removesuffix(before).rstrip("\n") if there.endswith(before) else ""
        if before.strip():
            self.prompt.remember(before)
        slash = read_slash(plain_text(before)) if was_typed else None
        is_command = slash is not None and read_slash(text) is not None and not came
        marks_of = before if there.endswith(before) else there
        self.prompt.load(joined(came, marked_again(text, marks_of)), is_restored=not is_command)
        self._keep_draft(session)
        self.show_status()
