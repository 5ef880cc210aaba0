"""The examples of the CommonMark specification: no sign of theirs is lost, streamed or from disk."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from tests.transcript.host import lines, rendered, same_rows, streamed

FILE = Path(__file__).parent.parent / "recorded" / "commonmark" / "examples-0.31.2.json"
EXAMPLES = json.loads(FILE.read_text(encoding="utf-8"))
SECTIONS = sorted({example["section"] for example in EXAMPLES})
TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)

READ_OTHERWISE = {
    161: "a fence directly under a line of HTML begins code: models write it so, and forget the empty line",
    216: "a link's definition stays on the screen as a line of text, which === then makes a heading",
    534: "definitions come at the end of an answer, so what is emphasised is decided without them",
    535: "as 534",
    564: "as 534",
}
"""By number, where we take signs as marks that the specification takes as text, and why. Letters and digits are all there."""


def to_be_seen(as_html: str) -> str:
    """What a browser would show of it, without blanks."""
    return "".join(html.unescape(TAG.sub(" ", as_html)).split())


def lost(wanted: str, seen: str) -> str:
    """What of ``wanted`` does not come in this order in ``seen``."""
    at, missing = 0, []
    for sign in wanted:
        found = seen.find(sign, at)
        if found < 0:
            missing.append(sign)
        else:
            at = found + 1
    return "".join(missing)


@pytest.mark.parametrize("section", SECTIONS)
def test_nothing_of_an_example_is_lost(section: str) -> None:
    missing = {}
    for example in EXAMPLES:
        if example["section"] == section:
            seen = "".join(lines(rendered(example["markdown"])))
            gone = lost(to_be_seen(example["html"]), seen)
            if example["example"] in READ_OTHERWISE:
                assert gone, "it is read as the specification says: take it off the list"
                gone = "".join(filter(str.isalnum, gone))
            if gone:
                missing[example["example"]] = (gone, example["markdown"], seen)
    assert not missing


@pytest.mark.parametrize("section", SECTIONS)
def test_an_example_that_comes_letter_by_letter_ends_as_it_is_loaded(section: str) -> None:
    differing = [
        example["example"]
        for example in EXAMPLES
        if example["section"] == section
        and not same_rows(
            streamed(example["markdown"], list(range(1, len(example["markdown"])))), rendered(example["markdown"])
        )
    ]
    assert not differing


def test_a_sign_that_is_not_there_is_found_missing() -> None:
    assert lost("abc", "axc") == "b"
    assert lost("ab", "b a b") == ""
    assert to_be_seen("<p>a &amp; <em>b</em></p>") == "a&b"
