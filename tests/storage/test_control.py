"""What a conversation has set for itself is kept, and no older chinwag loses it."""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType

import pytest

from tests.storage.samples import conversation_with
from tui.conversations.control import NOTHING_SET, Control
from tui.storage.documents import DocumentFormat, decode, encode
from tui.storage.records import Began, ChangedControl, decode_line, encode_line

OWN = Control(
    preset="precise",
    system="be brief",
    options=MappingProxyType({"temperature": 0, "stop": ("###", "END"), "thinking": "off"}),
    format='{"type": "object"}',
    when_full="drop",
)


@pytest.mark.parametrize("format", ["json", "toml"])
def test_its_own_settings_come_back(format: DocumentFormat) -> None:  # noqa: A002
    kept = replace(conversation_with("hello", "hi"), control=OWN)
    assert decode(encode(kept, format=format), name="it") == kept


def test_a_document_without_them_stays_readable_for_an_older_chinwag() -> None:
    assert json.loads(encode(conversation_with("hello"), format="json"))["chinwag"] == 1


def test_an_older_chinwag_does_not_write_over_a_document_with_them() -> None:
    # It refuses a format that it does not know, and leaves the file as it is.
    kept = replace(conversation_with("hello"), control=OWN)
    assert json.loads(encode(kept, format="json"))["chinwag"] == 2


def test_a_document_of_version_1_has_none() -> None:
    document = json.loads(encode(conversation_with("hello"), format="json"))
    assert "control" not in document
    assert decode(json.dumps(document).encode(), name="it").control == NOTHING_SET


def test_a_journal_without_its_document_knows_them() -> None:
    head = Began.of(replace(conversation_with(), control=OWN))
    found = decode_line(encode_line(1, head).rstrip(b"\n"))
    assert found is not None
    assert found.value == head


def test_a_change_is_a_record_of_its_own_kind() -> None:
    changed = ChangedControl(control=OWN, at=conversation_with().created_at)
    line = encode_line(3, changed)
    assert b'"k":"control"' in line
    found = decode_line(line.rstrip(b"\n"))
    assert found is not None
    assert found.value == changed
