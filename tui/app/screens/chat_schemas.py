"""The schema of the answers, written and changed here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from tui.app.commands.command import Command
from tui.app.screens.chat_editor import ChatEditor
from tui.chat.session import Session
from tui.cleaning import clean_line

EDIT = "edit"
NAME_CELLS = 40


class ChatSchemas(ChatEditor):
    """What was written and left stays until it is used, for each conversation."""

    _written_schemas: dict[str, str]
    """By conversation, what was left without being used."""

    async def begin(self) -> None:
        self._written_schemas = {}
        await super().begin()

    async def action_use_format(self, wanted: str = "") -> None:
        """Also ``edit``: the schema is written here."""
        if wanted.strip() != EDIT:
            await super().action_use_format(wanted)
        elif self._may_steer():
            self._edit_schema(self._session)

    def _edit_schema(self, session: Session) -> None:
        from tui.app.screens.schema_editor import BEGINNING, SchemaEditor, laid_out

        holds = self._answering.format.value
        before = laid_out(holds) if holds and holds != "json" else BEGINNING
        editor = SchemaEditor(self._written_schemas.get(session.id, before), theme=self._theme, glyphs=self._glyphs)

        def closed(schema: str | None) -> None:
            if schema is None:
                self._keep_written(session, editor.text, before)
            else:
                self._use_schema(session, schema)

        self.app.push_screen(editor, closed)

    def _keep_written(self, session: Session, text: str, before: str) -> None:
        if text == before:
            self._written_schemas.pop(session.id, None)
            return
        self._written_schemas[session.id] = text
        self.reply("the schema is not used", more="/format edit goes on with what was written")

    def _use_schema(self, session: Session, schema: str) -> None:
        self._written_schemas.pop(session.id, None)
        if session is not self._session or not self._may_steer():
            return
        title = json.loads(schema).get("title", "")
        self._use_control(
            replace(session.conversation.control, format=schema, format_name=clean_line(title, NAME_CELLS))
        )
        self._show_header()
        self._say_format()

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        more = ((EDIT, "write a JSON schema here, or change the one that holds"),)
        return (*super().choices_for(command), *(more if command.name == "answer.format" else ()))
