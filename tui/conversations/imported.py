"""What another program exported, as conversations of ours: values without ids, which whoever keeps them gives.

Foreign files are read field by field: what is missing or of another kind is left out, and one conversation that cannot be
read does not cost the others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tui.conversations.titles import title_from_prompt
from tui.conversations.values import Conversation, Message, Role
from tui.failures import Failure

_ROLES = {
    "system": Role.system,
    "developer": Role.system,
    "user": Role.user,
    "human": Role.user,
    "assistant": Role.assistant,
    "model": Role.assistant,
    "tool": Role.tool,
}
LONGEST_PATH = 200_000
"""So many messages one after the other; what is longer goes in a circle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMessage:
    role: Role
    text: str
    at: datetime | None = None
    model: str = ""
    thinking: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedConversation:
    title: str = ""
    created_at: datetime | None = None
    model: str = ""
    messages: tuple[ImportedMessage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What of a file could be read."""

    conversations: tuple[ImportedConversation, ...]
    left_out: int = 0
    """Conversations without a message that can be read."""


def as_conversation(
    imported: ImportedConversation,
    *,
    conversation_id: Callable[[datetime], str],
    message_id: Callable[[], str],
    now: datetime,
) -> Conversation:
    """Times that the file did not give are those of the message before, at last ``now``'s."""
    created = imported.created_at or next((one.at for one in imported.messages if one.at is not None), None) or now
    at = created
    messages = []
    for one in imported.messages:
        at = one.at or at
        is_answer = one.role is Role.assistant
        messages.append(
            Message(
                id=message_id(),
                role=one.role,
                text=one.text,
                at=at,
                model=(one.model or imported.model) if is_answer else "",
                thinking=one.thinking if is_answer else "",
            )
        )
    model = imported.model or next((one.model for one in reversed(messages) if one.model), "")
    conversation = Conversation(
        id=conversation_id(created),
        created_at=created,
        updated_at=max((one.at for one in messages), default=created),
        title=" ".join(imported.title.split()),
        model=model,
        messages=tuple(messages),
    )
    if conversation.title:
        return conversation
    first = next((one.text for one in messages if one.role is Role.user), "")
    return replace(conversation, title=title_from_prompt(first))


# ---------------------------------------------------------------------- ChatGPT


def from_chatgpt(data: bytes, *, name: str) -> Import:
    """``conversations.json`` of ChatGPT's export: of each tree the branch that was shown last.

    Raises ``Failure`` when the file is no such list.
    """
    found = [_chatgpt_conversation(one) for one in _listed(data, name)]
    return _import(found)


def _chatgpt_conversation(raw: Mapping[str, Any]) -> ImportedConversation:
    nodes = _mapping(raw.get("mapping"))
    messages = []
    for node in _path_to(nodes, _text(raw.get("current_node")), parent="parent"):
        message = _mapping(node.get("message"))
        metadata = _mapping(message.get("metadata"))
        role = _ROLES.get(_text(_mapping(message.get("author")).get("role")))
        text = _chatgpt_text(_mapping(message.get("content")))
        if role is None or not text or metadata.get("is_visually_hidden_from_conversation") is True:
            continue
        messages.append(
            ImportedMessage(
                role=role, text=text, at=_time(message.get("create_time")), model=_text(metadata.get("model_slug"))
            )
        )
    return ImportedConversation(
        title=_text(raw.get("title")), created_at=_time(raw.get("create_time")), messages=tuple(messages)
    )


def _chatgpt_text(content: Mapping[str, Any]) -> str:
    parts = content.get("parts")
    if isinstance(parts, list):
        return "\n".join(part if isinstance(part, str) else _text(_mapping(part).get("text")) for part in parts).strip()
    return _text(content.get("text")).strip()


# ---------------------------------------------------------------------- open-webui


def from_open_webui(data: bytes, *, name: str) -> Import:
    """The chats that open-webui exports. Raises ``Failure`` when the file is no such list."""
    found = [_open_webui_conversation(one) for one in _listed(data, name)]
    return _import(found)


def _open_webui_conversation(raw: Mapping[str, Any]) -> ImportedConversation:
    chat = _mapping(raw.get("chat")) or raw
    history = _mapping(chat.get("history"))
    nodes = _mapping(history.get("messages"))
    path = _path_to(nodes, _text(history.get("currentId")), parent="parentId")
    listed = chat.get("messages")
    if not path and isinstance(listed, list):
        path = [_mapping(one) for one in listed]
    models = chat.get("models")
    model = _text(models[0]) if isinstance(models, list) and models else ""
    messages = []
    for node in path:
        role, text = _ROLES.get(_text(node.get("role"))), _text(node.get("content"))
        if role is not None and text:
            answered_by = _text(node.get("model"))
            messages.append(ImportedMessage(role=role, text=text, at=_time(node.get("timestamp")), model=answered_by))
    return ImportedConversation(
        title=_text(chat.get("title")) or _text(raw.get("title")),
        created_at=_time(raw.get("created_at")) or _time(chat.get("timestamp")),
        model=model,
        messages=tuple(messages),
    )


# ---------------------------------------------------------------------- Ollama's /save


def from_modelfile(text: str, *, name: str) -> ImportedConversation:
    """What ``/save NAME`` of ``ollama run`` kept: ``FROM``, ``SYSTEM`` and the ``MESSAGE`` lines of a Modelfile.

    Raises ``Failure`` when nothing was said in it.
    """
    model = ""
    messages: list[ImportedMessage] = []
    for command, value in _modelfile_commands(text):
        if command == "FROM":
            model = value
        elif command == "SYSTEM" and value:
            messages.insert(0, ImportedMessage(role=Role.system, text=value))
        elif command == "MESSAGE":
            who, _, said = value.partition(" ")
            role, said = _ROLES.get(who.lower()), _unquoted(said.strip())
            if role is not None and said:
                messages.append(ImportedMessage(role=role, text=said))
    if not any(one.role is not Role.system for one in messages):
        raise Failure(f"there is no conversation in {name}", "it has no MESSAGE", "save one with /save in ollama run")
    return ImportedConversation(title=name, model=model, messages=tuple(messages))


def _modelfile_commands(text: str) -> Iterable[tuple[str, str]]:
    """Each command with its value; one in three quotes may have many lines."""
    lines = iter(text.split("\n"))
    for line in lines:
        command, _, value = line.strip().partition(" ")
        if not command or command.startswith("#"):
            continue
        if value.count('"""') == 1:
            parts = [value]
            for more in lines:
                parts.append(more)
                if '"""' in more:
                    break
            value = "\n".join(parts)
        yield command.upper(), value.strip() if command.upper() == "MESSAGE" else _unquoted(value.strip())


def _unquoted(value: str) -> str:
    for quote in ('"""', '"'):
        if len(value) >= 2 * len(quote) and value.startswith(quote) and value.endswith(quote):
            return value[len(quote) : -len(quote)]
    return value


# ---------------------------------------------------------------------- what they share


def _listed(data: bytes, name: str) -> list[Mapping[str, Any]]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Failure(f"cannot import {name}", f"it is not JSON: {error}", "give the file as it was exported") from None
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Failure(f"cannot import {name}", "it is no list of conversations", "give the file as it was exported")
    return value


def _import(found: list[ImportedConversation]) -> Import:
    said = tuple(one for one in found if one.messages)
    if not said:
        raise Failure("there is nothing to import", "the file has no conversation that can be read", "")
    return Import(conversations=said, left_out=len(found) - len(said))


def _path_to(nodes: Mapping[str, Any], last: str, *, parent: str) -> list[Mapping[str, Any]]:
    """From the root to ``last``; without one, to the node that was written down last and has no child of its own."""
    if last not in nodes:
        parents = {_text(_mapping(node).get(parent)) for node in nodes.values()}
        last = next((key for key in reversed(list(nodes)) if key not in parents), "")
    path: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while last in nodes and last not in seen and len(path) < LONGEST_PATH:
        seen.add(last)
        node = _mapping(nodes[last])
        path.append(node)
        last = _text(node.get(parent))
    path.reverse()
    return path


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _time(value: Any) -> datetime | None:
    """Seconds since 1970, or milliseconds or nanoseconds where seconds would be after the year 5000."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return None
    seconds = float(value)
    while seconds > 1e11:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
