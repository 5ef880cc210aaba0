"""What a benchmark or a comparison found, as tables, as JSON, and as one page that fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tui.conversations.pages import escaped, html_page
from tui.failures import Failure
from tui.runs.asking import Answer
from tui.runs.batch import BatchProgress
from tui.runs.benchmark import CaseFigures
from tui.runs.comparison import Compared, Contender, summary
from tui.runs.plots import Bar, bars
from tui.runs.spread import Spread
from tui.runs.tables import Table, as_html, as_markdown, cell_text

BENCHMARK_FORMAT = "chinwag benchmark 1"

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.side { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
.side > section { border: 1px solid #8886; padding: .6rem .9rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
svg { max-width: 100%; height: auto; font-size: 13px; }
svg text { fill: currentColor; } svg rect { fill: #c9772b; } svg line { stroke: currentColor; stroke-width: 2; }
small { opacity: .75; }
.verdict { border-top: 1px solid #8886; margin-bottom: 0; padding-top: .4rem; }
.verdict span { display: inline-block; min-width: 10rem; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Where and when a run was: what its figures hold for."""

    at: datetime
    host: str
    server_version: str = ""
    title: str = ""

    @property
    def line(self) -> str:
        version = f", Ollama {self.server_version}" if self.server_version else ""
        return f"{self.at.isoformat(timespec='seconds')} on {self.host}{version}"


# ---------------------------------------------------------------------- benchmarks


def benchmark_table(figures: Sequence[CaseFigures], *, earlier: Mapping[str, float] | None = None) -> Table:
    """Speeds in tokens a second, times in seconds, each the median; ``earlier`` is ``earlier_speeds``'s."""
    head = ["model", "prompt", "at once", "start", "rounds", "failed", "tok/s", "p95", "± tok/s", "together tok/s"]
    head += ["prompt tok/s", "first token s", "load s", "total s"]
    if earlier is not None:
        head.append("against earlier")
    rows = []
    for one in figures:
        row: list[str | float | None] = [
            one.case.model,
            one.case.prompt_name,
            one.case.concurrency,
            "cold" if one.case.is_cold else "warm",
            one.rounds,
            len(one.failures),
            _median(one.generation),
            one.generation.p95 if one.generation else None,
            one.generation.deviation if one.generation else None,
            _median(one.together),
            _median(one.prompt),
            _median(one.first_token_seconds),
            _median(one.load_seconds),
            _median(one.total_seconds),
        ]
        if earlier is not None:
            before, lately = earlier.get(case_name(one)), _median(one.generation)
            row.append("" if not before or lately is None else f"{lately / before:.2f} times")
        rows.append(tuple(row))
    return Table(title="speed", head=tuple(head), rows=tuple(rows))


def case_name(figures: CaseFigures) -> str:
    """The same for the same case of two runs."""
    case = figures.case
    return " · ".join((case.model, case.prompt_name, str(case.concurrency), "cold" if case.is_cold else "warm"))


def benchmark_json(about: About, figures: Sequence[CaseFigures]) -> dict[str, Any]:
    return {
        "format": BENCHMARK_FORMAT,
        "at": about.at.isoformat(timespec="seconds"),
        "host": about.host,
        "server_version": about.server_version,
        "cases": [{"name": case_name(one), **asdict(one)} for one in figures],
    }


def earlier_speeds(data: bytes, *, name: str) -> dict[str, float]:
    """Median tokens a second by case name, from the JSON of an earlier report called ``name``.

    Raises ``Failure`` for what is no such report.
    """
    try:
        value = json.loads(data)
        if value["format"] != BENCHMARK_FORMAT:
            raise ValueError(value["format"])
        cases = [(case["name"], case["generation"]) for case in value["cases"]]
        return {str(case): float(found["median"]) for case, found in cases if found is not None}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Failure(
            f"cannot compare with {name}",
            "it is no report of chinwag bench",
            "give one made with --report json, or the name of a kept run",
        ) from None


def benchmark_markdown(about: About, table: Table) -> str:
    return f"# Benchmark\n\n{about.line}\n\n{as_markdown(table)}"


def benchmark_html(about: About, table: Table, figures: Sequence[CaseFigures]) -> str:
    shown = [
        Bar(label=case_name(one), value=one.generation.median, least=one.generation.least, most=one.generation.most)
        for one in figures
        if one.generation is not None
    ]
    return _page("Benchmark", about, as_html(table) + bars("tokens a second", "tok/s", shown))


# ---------------------------------------------------------------------- batches


def batch_json(about: About, model: str, progress: BatchProgress, failures: Sequence[str]) -> dict[str, Any]:
    """``failures`` are lines, one for each prompt without an answer."""
    return {
        "format": "chinwag batch 1",
        "at": about.at.isoformat(timespec="seconds"),
        "host": about.host,
        "server_version": about.server_version,
        "model": model,
        **asdict(progress),
        "tokens_per_second": progress.tokens_per_second,
        "failures": list(failures),
    }


def batch_markdown(about: About, model: str, progress: BatchProgress, failures: Sequence[str]) -> str:
    rows: tuple[tuple[str, str | float | None], ...] = (
        ("model", model),
        ("prompts", progress.total),
        ("answered", progress.done),
        ("of them earlier", progress.skipped or None),
        ("of them from the cache", progress.cached or None),
        ("failed", progress.failed),
        ("tokens", progress.answer_tokens),
        ("seconds", progress.seconds),
        ("tok/s over all", progress.tokens_per_second),
    )
    # Numbers and words in one column are words.
    said = tuple((name, cell_text(cell)) for name, cell in rows if cell is not None)
    text = f"# Batch\n\n{about.line}\n\n{as_markdown(Table(title='summary', head=('', ''), rows=said))}"
    return text + ("\n## failures\n\n" + _fenced("\n".join(failures)) + "\n" if failures else "")


# ---------------------------------------------------------------------- comparisons


def comparison_table(contenders: Sequence[Contender], compared: Sequence[Compared]) -> Table:
    rows = tuple(
        (
            one.contender.name,
            one.contender.model,
            one.answered,
            one.failed,
            _median(one.generation),
            _median(one.first_token_seconds),
            _median(one.total_seconds),
            _median(one.answer_tokens),
        )
        for one in summary(contenders, compared)
    )
    head = ("name", "model", "answered", "failed", "tok/s", "first token s", "total s", "tokens")
    return Table(title="summary", head=head, rows=rows)


def comparison_json(
    about: About, prompts: Sequence[str], contenders: Sequence[Contender], compared: Sequence[Compared]
) -> dict[str, Any]:
    return {
        "format": "chinwag comparison 1",
        "at": about.at.isoformat(timespec="seconds"),
        "host": about.host,
        "server_version": about.server_version,
        "prompts": list(prompts),
        "contenders": [asdict(one) for one in contenders],
        "answers": [asdict(one) for one in compared],
    }


def comparison_markdown(
    about: About, prompts: Sequence[str], contenders: Sequence[Contender], compared: Sequence[Compared]
) -> str:
    """Answers stand in fences that are longer than any in them, so that they stay what they are."""
    parts = ["# Comparison", "", about.line, "", as_markdown(comparison_table(contenders, compared))]
    for number, prompt in enumerate(prompts):
        parts += [f"## Prompt {number + 1}", "", _fenced(prompt), ""]
        for which, contender in enumerate(contenders):
            answer = _answer(compared, number, which)
            if answer is not None:
                parts += [f"### {contender.name}", "", _figures_line(answer), "", _fenced(_said(answer)), ""]
                parts += ["verdict:", ""]
    return "\n".join(parts)


def comparison_html(
    about: About, prompts: Sequence[str], contenders: Sequence[Contender], compared: Sequence[Compared]
) -> str:
    parts = [as_html(comparison_table(contenders, compared))]
    shown = [
        Bar(label=one.contender.name, value=one.generation.median, least=one.generation.least, most=one.generation.most)
        for one in summary(contenders, compared)
        if one.generation is not None
    ]
    parts.append(bars("tokens a second", "tok/s", shown))
    for number, prompt in enumerate(prompts):
        parts.append(f"<h2>Prompt {number + 1}</h2>\n<pre>{escaped(prompt)}</pre>\n<div class=side>")
        for which, contender in enumerate(contenders):
            answer = _answer(compared, number, which)
            if answer is not None:
                parts.append(
                    f"<section><h3>{escaped(contender.name)}</h3><small>{escaped(_figures_line(answer))}</small>"
                    f"<pre>{escaped(_said(answer))}</pre>"
                    "<p class=verdict>verdict: <span contenteditable>&nbsp;</span></p></section>"
                )
        parts.append("</div>")
    return _page("Comparison", about, "\n".join(parts))


def _page(title: str, about: About, body: str) -> str:
    return html_page(about.title or title, style=STYLE, language="en", body=f"<p>{escaped(about.line)}</p>\n{body}")


def _answer(compared: Sequence[Compared], prompt: int, contender: int) -> Answer | None:
    wanted = (prompt, contender)
    return next((one.answer for one in compared if (one.prompt_index, one.contender_index) == wanted), None)


def _said(answer: Answer) -> str:
    if answer.is_whole:
        return answer.text
    return f"{answer.text}\n[{answer.failure}]".lstrip("\n")


def _figures_line(answer: Answer) -> str:
    parts = []
    if answer.tokens_per_second is not None:
        parts.append(f"{answer.tokens_per_second:.1f} tok/s")
    if answer.first_token_seconds is not None:
        parts.append(f"first token after {answer.first_token_seconds:.2f} s")
    parts.append(f"{answer.seconds:.1f} s in all")
    if answer.counts is not None and answer.counts.answer_tokens is not None:
        parts.append(f"{answer.counts.answer_tokens} tokens")
    return " · ".join(parts)


def _fenced(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _median(spread: Spread | None) -> float | None:
    return None if spread is None else spread.median
