"""``--file`` and ``--image``: what goes along with a prompt on the command line."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tui.chat.attaching import keep_files
from tui.chat.fitting import scale_of
from tui.chat.session import Session
from tui.chat.spelled_out import block_of
from tui.conversations.values import Attachment
from tui.documents.attachable import ReadForPrompt, files_named, read_all
from tui.failures import Failure
from tui.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFiles:
    files: tuple[ReadForPrompt, ...] = ()

    def text_with(self, prompt: str) -> str:
        """Texts under their names, then the prompt: for a question that is kept nowhere."""
        texts = [block_of(one.name, one.text) for one in self.files if one.picture is None]
        return "\n\n".join([*texts, *([prompt] if prompt else [])])

    @property
    def images(self) -> tuple[str, ...]:
        """In standard base64."""
        return tuple(base64.b64encode(one.data).decode("ascii") for one in self.files if one.picture is not None)

    async def kept_for(self, session: Session, workspace: Workspace) -> tuple[Attachment, ...]:
        """As what goes along with a prompt of the conversation."""
        conversation = session.conversation
        plan = workspace.planner.plan(conversation, conversation.model)
        return await keep_files(
            self.files,
            contents=workspace.contents,
            tokens_of=scale_of(conversation, conversation.model, plan).tokens_of,
            is_private=session.is_private,
        )


async def attached_files(files: Sequence[str], images: Sequence[str]) -> AttachedFiles:
    """Files, folders and patterns; an image has to be a picture. Raises ``Failure``."""

    def read() -> AttachedFiles:
        found: list[ReadForPrompt] = []
        for written in (*files, *images):
            read_files, _ = read_all(files_named(written, folder=Path.cwd(), home=Path.home()))
            found += [_named_shortly(one) for one in read_files]
            if written in images and written not in files and any(one.picture is None for one in read_files):
                advice = "give a PNG, JPEG, GIF or WebP file"
                raise Failure(f"{Path(written).name} is no picture that models know", "", advice)
        return AttachedFiles(files=tuple(found))

    return await asyncio.to_thread(read)


def _named_shortly(one: ReadForPrompt) -> ReadForPrompt:
    """A model needs no more of where things lie on somebody's disk."""
    return replace(one, name=Path(one.name).name) if Path(one.name).is_absolute() else one
