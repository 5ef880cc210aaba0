from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ollama.keep_alive import checked_keep_alive


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, None),
        (0, 0),
        (-1, -1),
        (2.5, 2.5),
        ("-1", -1),
        (" 300 ", 300),
        ("5m", "5m"),
        ("1h30m", "1h30m"),
        ("-1m", "-1m"),
        ("1.5h", "1.5h"),
        (".5s", ".5s"),
        ("100ms", "100ms"),
        ("5µs", "5µs"),
        (timedelta(minutes=5), 300.0),
        (timedelta(seconds=-1), -1.0),
    ],
)
def test_every_form_is_sent_as_the_server_reads_it(value: Any, sent: Any) -> None:
    found = checked_keep_alive(value)
    assert (found, type(found)) == (sent, type(sent))


@pytest.mark.parametrize("value", ["", " ", "m", "5 m", "5d", "5m5", "1h-30m", "٥m", "1e3", "--1", True, [], 9.1e9])
def test_what_the_server_would_refuse_is_refused_in_words(value: Any) -> None:
    with pytest.raises(ValueError, match="keep_alive is"):
        checked_keep_alive(value)


@given(st.text(max_size=12) | st.floats() | st.integers() | st.booleans() | st.timedeltas())
def test_whatever_it_is_it_is_sent_or_refused(value: Any) -> None:
    try:
        sent = checked_keep_alive(value)
    except ValueError as error:
        assert str(error)
    else:
        assert isinstance(sent, (int, float)) or str(sent)[-1] in "sm0h"
