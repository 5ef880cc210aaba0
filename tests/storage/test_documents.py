from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.samples import DOCUMENTS, VERSION_1, any_conversation, conversation_with
from tui.conversations.values import Conversation, Message, Role
from tui.engine import ToolCall
from tui.failures import Failure
from tui.storage.documents import (
    DocumentFormat,
    NewerDocument,
    UnreadableDocument,
    decode,
    encode,
    read_document,
)

FORMATS: tuple[DocumentFormat, ...] = get_args(DocumentFormat)
each_format = pytest.mark.parametrize("kind", FORMATS)


def _sample(kind: DocumentFormat) -> bytes:
    return (DOCUMENTS / f"version-1.{kind}").read_bytes()


def _changed(**changes: Any) -> bytes:
    """The JSON sample with some fields set, or taken out where the value is None."""
    found = json.loads(_sample("json"))
    for field, value in changes.items():
        if value is None:
            del found[field]
        else:
            found[field] = value
    return json.dumps(found).encode()


def _with_arguments(arguments: Any) -> Conversation:
    call = ToolCall(name="f", arguments=arguments)
    message = Message(id="a", role=Role.assistant, text="", at=VERSION_1.created_at, tool_calls=(call,))
    return replace(VERSION_1, messages=(message,))


@each_format
def test_document_written_by_version_1_loads(kind: DocumentFormat) -> None:
    document = read_document(_sample(kind), name=f"version-1.{kind}")
    assert document.conversation == VERSION_1
    assert document.sequence == 17


@settings(deadline=None)
@given(any_conversation, st.sampled_from(FORMATS), st.integers(min_value=0, max_value=2**60))
def test_whatever_was_said_comes_back_the_same(talk: Conversation, kind: DocumentFormat, sequence: int) -> None:
    document = read_document(encode(talk, format=kind, sequence=sequence), name="x")
    assert document.conversation == talk
    assert document.sequence == sequence


@settings(deadline=None)
@given(any_conversation)
def test_no_document_holds_what_a_terminal_obeys(talk: Conversation) -> None:
    for kind in FORMATS:
        text = encode(talk, format=kind).decode("utf-8")
        assert not any(ord(c) < 32 and c not in "\n\t" for c in text)
        assert not any(0x80 <= ord(c) <= 0x9F or c in "\u2028\u202e\u2066" for c in text)


def test_json_is_readable_by_a_person() -> None:
    text = encode(conversation_with("Größe? 你好 🙂"), format="json").decode()
    assert '\n  "messages": [\n    {\n      "id": "m0",' in text
    assert '"text": "Größe? 你好 🙂"' in text
    assert text.endswith("}\n")


def test_toml_keeps_lines_as_lines() -> None:
    text = encode(conversation_with("one\ntwo\n\nGröße"), format="toml").decode()
    assert "one\ntwo\n\nGröße" in text


def test_halves_of_a_character_that_meet_are_that_character() -> None:
    talk = conversation_with("\ud83d\ude42 and \ud83d alone")
    assert decode(encode(talk, format="json"), name="x").messages[0].text == "🙂 and \ud83d alone"


@each_format
def test_time_without_a_zone_is_utc(kind: DocumentFormat) -> None:
    talk = conversation_with("hello")
    naive = replace(talk, created_at=talk.created_at.replace(tzinfo=None))
    assert decode(encode(naive, format=kind), name="x") == talk


@each_format
def test_arguments_that_other_readers_refuse_come_back(kind: DocumentFormat) -> None:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    arguments = {"deep": deep, "nan": float("nan"), "huge": 10**4000, "\ud800": "\udfff"}
    again = decode(encode(_with_arguments(arguments), format=kind), name="x").messages[0].tool_calls[0].arguments
    assert again["nan"] != again["nan"]
    assert {**again, "nan": 0} == {**arguments, "nan": 0}


@each_format
def test_frozen_mappings_are_objects_too(kind: DocumentFormat) -> None:
    talk = _with_arguments(MappingProxyType({"a": MappingProxyType({"b": 1})}))
    assert decode(encode(talk, format=kind), name="x").messages[0].tool_calls[0].arguments == {"a": {"b": 1}}


def test_arguments_that_are_no_json_name_the_tool() -> None:
    with pytest.raises(Failure, match="arguments of the tool f · bytes is not a type that JSON has"):
        encode(_with_arguments({"a": b"1"}), format="json")


def test_unknown_fields_of_a_newer_minor_version_do_no_harm() -> None:
    found = json.loads(_sample("json"))
    found["colour"] = "green"
    found["messages"][2]["mood"] = {"deep": [1]}
    found["end"]["checksum"] = "abc"
    assert decode(json.dumps(found).encode(), name="x") == VERSION_1


@each_format
def test_newer_format_is_told_from_damage(kind: DocumentFormat) -> None:
    newer = {"json": b'{"chinwag": 4, "id": {"other": "shape"}}', "toml": b'chinwag = 4\nid = ["other"]\n'}[kind]
    with pytest.raises(NewerDocument, match=r"format 4.*formats up to 3.*update chinwag"):
        decode(newer, name="x")


def test_newer_format_of_the_same_shape_is_refused_as_well() -> None:
    with pytest.raises(NewerDocument):
        decode(_changed(chinwag=99), name="x")


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "it is empty"),
        (b" \n\t", "it is empty"),
        (b"\0" * 4096, "it holds nothing but zeros"),
        (b"{}", "not a conversation of chinwag"),
        (b"[1, 2]", "line 1"),
        (b"{" * 100_000, "line 1, column 2"),
        (b'{"a": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"chinwag": ' + b"1" * 5000 + b"}", "digit"),
        (b'{"chinwag": 1e999}', "chinwag: expected the version"),
        (b'{"chinwag": true}', "chinwag: expected the version"),
        (b'{"chinwag": 0}', "chinwag: expected the version"),
        (b'{"chinwag": NaN}', "chinwag: expected the version"),
        (b'{"chinwag": 1}', "cut short"),
        (b"\xff\xfe{}", "UTF-8|line 1"),
        (b'{"a": "\xff"}', "byte 8 is not UTF-8"),
        (b"name = 1 = 2", "line 1"),
        (b"hello", "line 1"),
        (_changed(end=None), "cut short"),
        (_changed(end={"sequence": 1, "complete": False}), "end.complete"),
        (_changed(title=3), "title: expected str, got int"),
        (_changed(created_at="yesterday"), "created_at: "),
        (_changed(created_at="0001-01-01T00:00:00+23:00"), "out of range"),
        (_changed(id="../../../victim"), "id: not 26 characters"),
        (_changed(id=None), "missing required field id"),
        (_changed(messages={"0": 1}), "messages: expected array, got object"),
        (_changed(messages=[{"id": "a", "role": "boss", "at": "2026-01-01T00:00:00Z"}]), r"messages\[0\].role: .*boss"),
        (_changed(messages=[{"id": "a", "role": "user"}]), r"messages\[0\]: .*missing required field at"),
    ],
)
def test_damage_is_named_with_its_place(data: bytes, cause: str) -> None:
    with pytest.raises(UnreadableDocument, match=cause) as caught:
        decode(data, name="sky.json")
    assert caught.value.title == "cannot read sky.json"
    assert caught.value.advice


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ("{", "column 2"),
        ("[1]", "expected an object"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "digit"),
        (3, "expected"),
    ],
)
def test_damaged_arguments_are_named_with_their_place(arguments: object, cause: str) -> None:
    call = {"name": "f", "arguments": arguments}
    message = {"id": "a", "role": "assistant", "at": "2026-01-01T00:00:00Z", "tool_calls": [{"name": "g"}, call]}
    with pytest.raises(UnreadableDocument, match=rf"messages\[0\].tool_calls\[1\].arguments: .*{cause}"):
        decode(_changed(messages=[message]), name="x")


def test_file_name_wins_over_what_the_document_says_of_itself() -> None:
    name_id = "7" * 26
    assert decode(_changed(id="../victim"), name="x", conversation_id=name_id).id == name_id


def test_byte_order_mark_of_some_editor_is_no_damage() -> None:
    for kind in FORMATS:
        assert decode(b"\xef\xbb\xbf" + _sample(kind), name="x") == VERSION_1


def test_messages_that_share_an_id_are_all_kept_in_their_order() -> None:
    messages = [{"id": wished, "role": "user", "at": "2026-01-01T00:00:00Z", "text": wished} for wished in "aaba"]
    found = decode(_changed(messages=messages), name="x").messages
    assert [message.id for message in found] == ["a", "a-2", "b", "a-3"]
    assert "".join(message.text for message in found) == "aaba"


@each_format
def test_document_cut_anywhere_is_refused_and_never_half_believed(kind: DocumentFormat) -> None:
    data = _sample(kind)
    end = len(data.rstrip())
    for length in range(end):
        with pytest.raises(UnreadableDocument):
            decode(data[:length], name="x")


@each_format
@settings(deadline=None, max_examples=300)
@given(place=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_flipped_bit_is_a_failure_or_a_document_never_a_crash(kind: DocumentFormat, place: int, bit: int) -> None:
    data = bytearray(_sample(kind))
    data[place % len(data)] ^= 1 << bit
    with suppress(Failure):
        assert isinstance(decode(bytes(data), name="x"), Conversation)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_failure_or_a_document_never_a_crash(data: bytes) -> None:
    for prefix in (b"", b'{"chinwag": 1, ', b"chinwag = 1\n"):
        with suppress(Failure):
            decode(prefix + data, name="x")
