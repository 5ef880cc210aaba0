"""Reports that stay what they are in a viewer, a spreadsheet and a browser, whatever a model wrote."""

from __future__ import annotations

import csv
import io
import json
from contextlib import aclosing
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from tests.runs.engine import AnsweringEngine, Ticking
from tui.failures import Failure
from tui.runs.benchmark import Benchmark, BenchmarkPlan, CaseFigures, figures_of
from tui.runs.comparison import Compared, Contender, compare
from tui.runs.plots import Bar, bars
from tui.runs.reports import (
    About,
    benchmark_html,
    benchmark_json,
    benchmark_markdown,
    benchmark_table,
    case_name,
    comparison_html,
    comparison_json,
    comparison_markdown,
    comparison_table,
    earlier_speeds,
)
from tui.runs.tables import Table, as_csv, as_html, as_markdown

ABOUT = About(at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), host="http://gpu:11434", server_version="0.33.0")
HOSTILE = '<script>alert(1)</script> <img src="http://evil/x"> \x1b[31m ``` | =1+1'


class Page(HTMLParser):
    """The tags of a page, and everything that something could be fetched by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]


async def measured() -> tuple[CaseFigures, ...]:
    plan = BenchmarkPlan(models=("a:8b", "=b"), repeats=2)
    async with aclosing(Benchmark(plan, engine=AnsweringEngine(), clock=Ticking()).rounds()) as rounds:
        return figures_of([one async for one in rounds])


CONTENDERS = (Contender(name="one", model="m:1"), Contender(name=HOSTILE, model="m:2", options={"temperature": 0}))
PROMPTS = ("why?", f"what is {HOSTILE}")


async def compared() -> list[Compared]:
    engine = AnsweringEngine(lambda request: f"{HOSTILE} says {request.model}")
    async with aclosing(compare(PROMPTS, CONTENDERS, engine=engine, clock=Ticking())) as answers:
        return [one async for one in answers]


def test_a_cell_that_a_spreadsheet_would_run_is_quoted() -> None:
    cells = ("=1+1", "+1", "-1", "@x", "\tx", "plain", -1.5, None)
    table = Table(title="t", head=tuple("=bcdefgh"), rows=(cells,))
    head, row = list(csv.reader(io.StringIO(as_csv(table))))
    assert head[0] == "'="
    assert row == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "plain", "-1.5", ""]


def test_nothing_in_a_cell_of_markdown_is_markup() -> None:
    text = as_markdown(Table(title="t", head=("a",), rows=(("x | *y* <b>\n## z",),)))
    assert text.splitlines()[-1].startswith(r"| x \| \*y\* \<b\>")
    assert len(text.splitlines()) == 5


def test_numbers_are_to_the_right() -> None:
    table = Table(title="t", head=("name", "n"), rows=(("x", 1.23456), ("y", None)))
    assert as_markdown(table).splitlines()[3:5] == ["| --- | ---: |", "| x | 1.23 |"]
    assert "<td class=number>1.23</td>" in as_html(table)


async def test_a_benchmark_in_three_forms_has_the_same_figures() -> None:
    figures = await measured()
    table = benchmark_table(figures)
    assert [row[0] for row in table.rows] == ["a:8b", "=b"]
    assert table.rows[0][table.head.index("tok/s")] == 40.0
    assert "| a:8b |" in benchmark_markdown(ABOUT, table)
    page = Page(benchmark_html(ABOUT, table, figures))
    assert page.tags.count("rect") == 2
    assert page.fetched == []
    assert json.loads(json.dumps(benchmark_json(ABOUT, figures)))["cases"][0]["generation"]["median"] == 40.0


async def test_a_run_is_held_against_an_earlier_one() -> None:
    figures = await measured()
    data = json.dumps(benchmark_json(ABOUT, figures)).replace("40.0", "80.0").encode()
    earlier = earlier_speeds(data, name="old.json")
    assert earlier[case_name(figures[0])] == 80.0
    assert benchmark_table(figures, earlier=earlier).rows[0][-1] == "0.50 times"
    assert benchmark_table(figures, earlier={}).rows[0][-1] == ""


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": "other"}', b'{"format":"chinwag benchmark 1"}'])
def test_what_is_no_earlier_report_is_said(data: bytes) -> None:
    with pytest.raises(Failure, match=r"cannot compare with old\.json"):
        earlier_speeds(data, name="old.json")


async def test_nothing_that_a_model_wrote_lives_in_the_page() -> None:
    page = comparison_html(ABOUT, PROMPTS, CONTENDERS, await compared())
    seen = Page(page)
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert seen.fetched == []
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page


async def test_an_answer_cannot_end_its_fence() -> None:
    text = comparison_markdown(ABOUT, PROMPTS, CONTENDERS, await compared())
    assert "````\n<script>" in text
    assert text.count("verdict:") == 4


async def test_a_comparison_asks_each_contender_everything_before_the_next() -> None:
    answers = await compared()
    assert [(one.contender_index, one.prompt_index) for one in answers] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    table = comparison_table(CONTENDERS, answers)
    assert [row[2] for row in table.rows] == [2, 2]
    assert len(comparison_json(ABOUT, PROMPTS, CONTENDERS, answers)["answers"]) == 4


def test_bars_are_well_formed_and_the_longest_fits() -> None:
    svg = bars("t", "tok/s", [Bar(label="<a> & b", value=10.0, least=5.0, most=20.0), Bar(label="c", value=0.0)])
    root = ET.fromstring(svg)
    names = [child.tag.rpartition("}")[2] for child in root]
    assert names.count("rect") == 2
    assert names.count("line") == 1
    ends = [float(child.get("x2", "0")) for child in root if child.tag.endswith("line")]
    assert max(ends) <= float(root.get("width", "0"))
    assert bars("t", "u", []).count("<rect") == 0
